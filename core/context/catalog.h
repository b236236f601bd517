/*
 * The catalog: which files the sources have, as of their last sync, with earlier versions and the
 * text that is searched. DIR/context.db (core/log/db.h, with a schema of its own) and DIR/objects.
 *
 * A file is an entry: a source, a directory in it ("" for its root, no slash at either end), a
 * name. An entry changes by one commit to something whole: what a reader sees is the old file or
 * the new one. Directories are entries too. Entries whose content was not fetched (too large) have
 * a size and no object.
 *
 * The catalog is a copy of what servers and folders hold, beside the log and not part of it: what
 * changes is told on the log by context.updated. Sources, which are configuration, are rows here.
 *
 * Every function may be called from any thread; all block for the disk, none for the network.
 * Writing is for sync (core/context/sync.h) and the sources (core/context/sources.h) alone.
 */
#ifndef CORE_CATALOG_H
#define CORE_CATALOG_H

#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/context/object.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct catalog;

/* Makes one of canonical text of a file's bytes (webdav/text.h): UTF-8 without a byte order mark,
 * with a title ("" where there is none). `type` may be "". -ENOTSUP: it is no text. */
typedef int (*catalog_text)(const char *path, const char *type, const char *bytes, size_t len,
	struct buf *title, struct buf *body, struct error *);

/* Opens or makes the catalog in the directory. As db_open(). `text` may be NULL: nothing is
 * searched. After a crash a thread goes through the objects that nobody refers to. */
int catalog_open(const char *dir, catalog_text text, struct catalog **out, struct error *);
void catalog_close(struct catalog *); /* takes NULL */
struct objects *catalog_objects(struct catalog *);
struct db *catalog_db(struct catalog *); /* for core/context/search.c */

/* Grows by one with every commit that changed what is shown or found. */
uint64_t catalog_generation(const struct catalog *);

struct entry {
	int64_t id; /* never given again */
	int64_t source;
	char *dir, *name;
	bool is_dir;
	bool fetched; /* there is an object; a directory has none */
	struct object_id object;
	uint64_t size;
	int64_t modified_us; /* by the server's or the folder's word; 0: not known */
	int64_t updated_us;  /* when this version came to be shown here */
	int64_t version;     /* 1, 2 …: of this path */
	char *type;          /* media type, "" where not known */
	char *etag;          /* NULL: none */
	int64_t asked_us; /* when the source was asked for it, by its own clock if that is known */
};
void entry_release(struct entry *);     /* its strings; takes NULL and a zeroed one */
char *entry_path(const struct entry *); /* the caller's to free; NULL: out of memory */

/* The entry of that path ("a/b.md"; "" is -EISDIR). -ENOENT, -EIO. The object of an entry that has
 * changed since may be gone: then find it again. */
int catalog_find(struct catalog *, int64_t source, const char *path, struct entry *out);

/* Calls fn for each entry of a directory, in order of names, until it returns other than 0; returns
 * that. The entry is fn's for the call. fn must not use the catalog. */
int catalog_list(struct catalog *, int64_t source, const char *dir,
	int (*fn)(void *arg, const struct entry *), void *arg);

/* Earlier versions of a path, oldest first: `version` is their number, the newest is not among
 * them. Paths that are gone have versions too. And the names in a directory that have earlier
 * versions themselves or (is_dir) below: files are shown as directories of versions. In order of
 * names, each once; one that is a directory now and was a file is both, and told as is_dir. */
int catalog_versions(struct catalog *, int64_t source, const char *path,
	int (*fn)(void *arg, const struct entry *), void *arg);
int catalog_version(
	struct catalog *, int64_t source, const char *path, int64_t version, struct entry *out);
int catalog_history(struct catalog *, int64_t source, const char *dir,
	int (*fn)(void *arg, const char *name, bool is_dir), void *arg);

/* How many files there are of a source, how many of them searched, and their bytes. */
struct catalog_sum {
	int64_t files, directories, indexed, bytes;
};
int catalog_sum(struct catalog *, int64_t source, struct catalog_sum *out);

/* Sources as rows: who added it, its configuration as JSON without secrets, its secrets sealed
 * (core/base/secret.h), and what its sync must remember (opaque JSON). */
struct source_row {
	int64_t id; /* put: 0 makes a new one, and is set */
	const char *name;
	uint32_t uid, gid;
	const char *config;
	const void *secrets;
	size_t secrets_len;
	const char *memory; /* may be NULL */
};
/* Writes the row as it is given. -EEXIST: the name is another's; -ENOENT: there is no such id. */
int catalog_source_put(struct catalog *, struct source_row *, struct error *);
int catalog_source_remember(struct catalog *, int64_t id, const char *memory, struct error *);
/* With all its files and their history. Does it in bounded steps; files vanish with the first, and
 * the name is free. */
int catalog_source_drop(struct catalog *, int64_t id, struct error *);
/* In order of names; fn must not use the catalog. Returns what fn did. */
int catalog_sources(struct catalog *, int (*fn)(void *arg, const struct source_row *), void *arg,
	struct error *);

/* Drops earlier versions until no path has more than so many. In bounded steps. */
int catalog_prune(struct catalog *, int64_t source, int keep, struct error *);

/* Writing, for core/context/sync.c: a batch is one transaction, of one thread, and holds others up,
 * so it is kept to some ms: begin, change, end. end() makes it visible and, where anything changed,
 * the generation grow. After a failed change the batch is rolled back by catalog_rollback(). */
int catalog_begin(struct catalog *, struct error *);
int catalog_commit(struct catalog *, struct error *);
/* The same, and calls told(), without locks, when the batch is to be seen and the objects that it
 * replaced are still there. */
int catalog_commit_told(struct catalog *, void (*told)(void *arg), void *arg, struct error *);
void catalog_rollback(struct catalog *);

/* Within a batch. put: makes the entry, or changes it to this (id and version are set, updated_us
 * where it is 0 or the content is as it was); where content differs, the old version becomes an
 * earlier one, of which `keep` are kept, and `body` (with `title`; NULL: not searched) is what is
 * searched. Only what differs is written; `changed` tells whether content did. Directories above it
 * must be there. A file in place of a directory, or the other way, removes that first. -ENOENT: the
 * source is gone. */
int catalog_put(struct catalog *, struct entry *, const char *title, size_t title_len,
	const char *body, size_t body_len, int keep, bool *changed, struct error *);
/* A file, or a directory with all in it: content becomes an earlier version. Calls fn (may be NULL)
 * with the path of each file that went. */
int catalog_remove(struct catalog *, int64_t source, const char *path, int keep,
	void (*fn)(void *arg, const char *path), void *arg, struct error *);

/* The text function, for whoever prepares a batch before it begins. -ENOTSUP: no text, or none. */
int catalog_text_of(struct catalog *, const char *path, const char *type, const char *bytes,
	size_t len, struct buf *title, struct buf *body, struct error *);

#endif
