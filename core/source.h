/*
 * A source: a WebDAV server's collection, or a local folder, whose files are kept in sync; as its
 * owner configured it. Parsing and checking, without any state.
 *
 * Written as a URL or a path alone, or as JSON:
 *   {"name":"docs","url":"https://dav.example/docs/","username":"u","password":"…"}
 * The options are rows of one table (source_options) that also makes the value files of
 * context/sources/<name>/, their help, and the words of configuration files.
 */
#ifndef CORE_SOURCE_H
#define CORE_SOURCE_H

#include "core/buf.h"
#include "core/error.h"
#include "core/secret.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SOURCE_NAME_MAX     64   /* of A-Za-z0-9._-, not beginning with a dot; not `new` */
#define SOURCE_URL_MAX      4096 /* bytes */
#define SOURCE_PATTERNS_MAX 64   /* of include, exclude and types each; each up to 255 bytes */
#define SOURCE_SECRET_MAX   4096 /* bytes of a password or token */

enum source_kind { SOURCE_NONE, SOURCE_WEBDAV, SOURCE_FOLDER }; /* NONE: no url yet (mkdir) */

struct source_config {
	enum source_kind kind;
	char *url;      /* http:, https: without user, password, fragment; ends in a slash */
	char *path;     /* of a folder: absolute; NULL else */
	char *username; /* these and below: NULL where not given */
	struct plain *password, *token; /* token: bearer */
	char *cert, *key, *ca;          /* files: client certificate, its key, CA */
	char *proxy;                    /* URL; "" is none at all */
	bool verify;                    /* TLS certificates: true */
	bool local;          /* link-local and cloud metadata addresses are allowed: false */
	bool shared;         /* shown to every user: false */
	int64_t interval_us; /* between syncs: 300 s; 0: only when asked */
	int64_t max_file;    /* bytes; larger files are shown and not fetched */
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
	int64_t initial, least, most;
	bool or_zero;
	const char *help; /* one line */
};
extern const struct source_option source_options[]; /* ends with a NULL name; `url` is the first */

int source_config_init(struct source_config *); /* defaults; -ENOMEM */
void source_config_release(struct source_config *);
int source_config_copy(struct source_config *to, const struct source_config *from); /* -ENOMEM */

/* A URL or path alone, or JSON; the name, where none is given, is made of the last part of the path
 * or the host. -EINVAL with the field and the reason. */
int source_parse(const char *text, size_t len, struct source_config *out,
	char name[SOURCE_NAME_MAX + 1], struct error *);

/* One option from its text, as a value file or a configuration file has it; "-" or nothing is the
 * default. -EINVAL with the reason. And its text, one item of a list a line; secrets show nothing.
 */
int source_set(struct source_config *, const struct source_option *, const char *text, size_t len,
	struct error *);
void source_get(const struct source_config *, const struct source_option *, struct buf *out);

bool source_name_ok(const char *name, size_t len);

/* As JSON without secrets, and back. Secrets apart, as bytes to be sealed: NUL-separated. */
void source_to_json(const struct source_config *, struct buf *out);
int source_from_json(const char *json, size_t len, struct source_config *out, struct error *);
struct plain *source_secrets(const struct source_config *); /* NULL: out of memory; len 0: none */
int source_take_secrets(struct source_config *, const struct plain *);

/* Whether a file of that path (below the source's root) and size is to be there at all; whether a
 * directory is to be walked. */
bool source_wants(const struct source_config *, const char *path, bool is_dir);

/* Whether two name the same files: then what was synced can be kept when one becomes the other. */
bool source_same_place(const struct source_config *, const struct source_config *);

#endif
