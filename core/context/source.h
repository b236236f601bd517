/*
 * A source: a WebDAV server's collection, or a local folder, whose files are kept in sync; as its
 * owner configured it. Parsing and checking, without any state.
 *
 * Written as a URL or a path alone, or as JSON:
 *   {"name":"docs","url":"https://dav.example/docs/","username":"u","password":"…"}
 * The options are rows of one table (source_options) that also makes the value files of
 * context/sources/<name>/, their help, and the words of configuration files. A user name and a
 * password within the URL are taken out of it, and are `username` and `password` then. What is
 * refused is told by the option's name and the rule, never with what was written: it may hold a
 * secret.
 *
 * Which files are there: those that no exclude pattern and one include pattern, where there are
 * any, covers, and whose name ends in one of the types, where there are any (in upper or lower
 * case). Patterns are core/base/glob.h's, of paths below the source's root. Directories that are
 * excluded are not walked, nor are those in which nothing can be included. Some names are excluded
 * everywhere unless `exclude` says otherwise: what version control keeps (.git, .hg, .svn, .bzr,
 * CVS), what editors, offices and downloads leave for a moment (*.swp, *~, .#*, #*#, ~$*,
 * .~lock.*#,
 * *.part, …), and what systems do (.DS_Store, Thumbs.db, lost+found, .Trash-*, .nfs*, …). A pattern
 * of `exclude` that begins with ! takes back in what one before it excluded, those names too; the
 * last that matches decides.
 *
 * Any thread; nothing here blocks. A config is one thread's at a time.
 */
#ifndef CORE_SOURCE_H
#define CORE_SOURCE_H

#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/base/secret.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SOURCE_NAME_MAX     64   /* of A-Za-z0-9._-, not beginning with a dot; not `new` */
#define SOURCE_URL_MAX      4096 /* bytes */
#define SOURCE_PATTERNS_MAX 64   /* of include, exclude and types each */
#define SOURCE_PATTERN_MAX  255  /* bytes of each */
#define SOURCE_SECRET_MAX   4096 /* bytes of a password or token */

enum source_kind { SOURCE_NONE, SOURCE_WEBDAV, SOURCE_FOLDER }; /* NONE: no url yet (mkdir) */

struct source_config {
	enum source_kind kind;
	/* http:, https: without user, password, query and fragment, in one form: scheme and host in
	 * lower case, no default port, %XX where a character needs it and nowhere else, no dot
	 * segments; ends in a slash. NULL of a folder. */
	char *url;
	char *path; /* of a folder: absolute, without . .. // and a slash at its end; NULL else */
	char *username;                 /* these and below: NULL where not given */
	struct plain *password, *token; /* token: bearer */
	char *cert, *key, *ca;          /* files: client certificate, its key, CA; absolute */
	char *proxy;                    /* URL, without user and password; "" is none at all */
	char *proxy_username;
	struct plain *proxy_password;
	bool verify;         /* TLS certificates: true */
	bool local;          /* link-local and cloud metadata addresses are allowed: false */
	bool shared;         /* shown to every user: false */
	int64_t interval_us; /* between syncs: 300 s; 0: only when asked */
	int64_t stall_us;    /* a server may send next to nothing for so long: 60 s */
	int64_t max_file;    /* bytes; larger files are shown and not fetched: 256 MiB */
	int64_t history;     /* earlier versions kept of a file: 10 */
	char **include,
		**exclude; /* glob patterns, NULL-terminated; NULL: none (all are included) */
	char **types;      /* file name endings without the dot, NULL-terminated, or NULL */
};

enum source_option_kind {
	SOURCE_TEXT,
	SOURCE_SECRET,
	SOURCE_FLAG,
	SOURCE_TIME,
	SOURCE_BYTES,
	SOURCE_COUNT,
	SOURCE_LIST
};
struct source_option {
	const char *name; /* as in JSON, in configuration files, and as a value file */
	enum source_option_kind kind;
	size_t offset;
	int64_t initial, least, most; /* times in microseconds */
	bool or_zero;
	bool own; /* acts with the daemon's rights: may be set by its own uid alone */
	/* Sets what is not so simple from a text that is not empty; NULL: by its kind. */
	int (*take)(struct source_config *, const struct source_option *, const char *text,
		size_t len, struct error *);
	const char *help; /* one line */
};
extern const struct source_option source_options[]; /* ends with a NULL name; `url` is the first */
const struct source_option *source_option(const char *name); /* NULL: there is none */

int source_config_init(struct source_config *);     /* defaults; 0 */
void source_config_release(struct source_config *); /* takes NULL, and released ones */
/* To memory that holds no config. -ENOMEM. */
int source_config_copy(struct source_config *to, const struct source_config *from);

/* A URL or path alone, or JSON, which must name a url; the name, where none is given, is made of
 * the last part of the path or the host. `out` is a config's memory without one. -EINVAL with the
 * field and the reason, -ENOMEM. */
int source_parse(const char *text, size_t len, struct source_config *out,
	char name[SOURCE_NAME_MAX + 1], struct error *);

/* One option from its text, as a value file or a configuration file has it; "-" or nothing is the
 * default. Times are 90, 90s, 5m; sizes 4096, 64K, 256M; flags yes and no (also true, on, 1, …);
 * lists one item a line, or on one line with commas, or a JSON array of strings; `none` as proxy is
 * none. -EINVAL with the reason: then nothing has changed; -ENOMEM. And its text, in the same form,
 * without a newline at its end; secrets show nothing. */
int source_set(struct source_config *, const struct source_option *, const char *text, size_t len,
	struct error *);
void source_get(const struct source_config *, const struct source_option *, struct buf *out);

/* Whether the option has the same value in both, secrets too. */
bool source_same_value(
	const struct source_config *, const struct source_config *, const struct source_option *);

bool source_same_config(const struct source_config *, const struct source_config *);

/* Excludes what is at that path below the root, whatever else is said. -ENOMEM. */
int source_exclude(struct source_config *, const char *path);

bool source_name_ok(const char *name, size_t len);

/* As JSON without secrets and what has its default, and back. Secrets apart, as bytes to be sealed:
 * NUL-terminated "option=value"s. */
void source_to_json(const struct source_config *, struct buf *out);
int source_from_json(const char *json, size_t len, struct source_config *out, struct error *);
struct plain *source_secrets(const struct source_config *); /* NULL: out of memory; len 0: none */
int source_take_secrets(struct source_config *, const struct plain *); /* -EBADMSG, -ENOMEM */

/* Whether a file of that path (below the source's root) is to be there at all; whether a directory
 * is to be walked. */
bool source_wants(const struct source_config *, const char *path, bool is_dir);

/* Whether two name the same files: then what was synced can be kept when one becomes the other. */
bool source_same_place(const struct source_config *, const struct source_config *);

#endif
