/*
 * What catalog*.c share, and the shape of context.db, for who queries it (core/context/search.c).
 *
 *   source(id, name, uid, gid, config, secrets, memory)
 *       Entries whose source has no row are gone: catalog_source_drop() takes them out in steps.
 *   entry(id, source, dir, name, is_dir, object, size, modified, updated, version, type, etag,
 *         asked, indexed)
 *       UNIQUE (source, dir, name). Times in microseconds. `object` is the hash, NULL where nothing
 *       was fetched; `indexed` is 1 where there is a doc.
 *   version(n, source, dir, name, entry, object, size, modified, updated, type)
 *       Earlier contents; `entry` is the id that the path had then.
 *   doc(id, path, title, body)
 *       The text of an entry, by the entry's id: what FTS5's external content is.
 *   search(path, title, body)
 *       FTS5 over doc; rowid is the entry's id. tokenize='porter leitl' (core/base/words.h).
 *   number(name, value)
 *
 * So, what matches in the sources that one may see:
 *   SELECT entry.id, entry.source, doc.path, bm25(search, …) FROM search
 *     JOIN entry ON entry.id = search.rowid JOIN doc ON doc.id = search.rowid
 *     WHERE search MATCH ?1 AND entry.source IN (…)
 */
#ifndef CORE_CATALOG_PRIVATE_H
#define CORE_CATALOG_PRIVATE_H

#include "core/context/catalog.h"
#include "core/log/db.h"

#include <pthread.h>

/*
 * Locks, in the order in which they may be taken: the writing connection, the objects' mutex, a
 * reader. What a batch gathers belongs to whoever holds the writing connection.
 */
struct catalog {
	struct db *db;
	struct objects *objects;
	catalog_text text;
	_Atomic uint64_t generation;
	/* Under the writing connection. */
	int64_t last_id, saved_id; /* of entries and sources; what the database has of it */
	bool marked;               /* the database says that there may be something to sweep */
	bool changed;              /* by this batch: what is shown or found */
	int64_t source;            /* that is known to be there, in this batch */
	struct object_list {
		struct object_id *ids;
		size_t count, cap;
	} lost; /* referred to less by this batch */
	/* The sweep of what a crash left. */
	pthread_t sweeper;
	bool has_sweeper;
	_Atomic bool stopping;
	_Atomic bool swept;   /* it has been through, or there was nothing */
	_Atomic bool unswept; /* something was left since: the next start's */
};

/* The columns of an entry, as catalog_row() takes them. */
#define ENTRY_COLUMNS                                                                              \
	"id, source, dir, name, is_dir, object, size, modified, updated, version, type, etag, "    \
	"asked"
#define SOURCE_IS_THERE "EXISTS(SELECT 1 FROM source WHERE source.id = ?1)"

/* The row as an entry whose strings are the statement's, until it goes on. */
void catalog_row(sqlite3_stmt *, struct entry *out);
int catalog_copy(const struct entry *, struct entry *out); /* -ENOMEM */

/* A statement on a reader. end takes one that did not begin. */
struct query {
	struct reader *reader;
	sqlite3_stmt *stmt;
};
int query_begin(struct catalog *, const char *sql, struct query *, struct error *);
void query_end(struct query *);

/* Where a path's last name begins. */
const char *catalog_name(const char *path);
/* Binds source, the directory and the name of the path as ?1, ?2, ?3. */
void catalog_bind_path(sqlite3_stmt *, int64_t source, const char *path);
void catalog_bind_entry(sqlite3_stmt *, const struct entry *); /* the same of an entry's path */

/* catalog_write.c, on the writing connection. Steps a statement that gives one row or none: 1, 0,
 * or a negative errno. */
int catalog_one(sqlite3_stmt *, struct error *);
int catalog_run(sqlite3_stmt *, struct error *); /* one that gives none; its bindings are cleared */
int catalog_run_id(struct catalog *, const char *sql, int64_t id, struct error *);
/* The entry of that source, directory and name: 1, and *old is to be released; or 0. */
int catalog_current(
	struct catalog *, const struct entry *, struct entry *old, bool *indexed, struct error *);
int catalog_text_drop(struct catalog *, int64_t id, struct error *);

/* catalog_version.c, in a batch. What an entry shows becomes an earlier version, or goes where none
 * is to be kept. */
int catalog_keep(struct catalog *, const struct entry *, int keep, struct error *);
/* The number of the newest earlier version of the entry's path; *out stays where there is none. */
int catalog_last_version(struct catalog *, const struct entry *, int64_t *out, struct error *);

/* Notes in the database that objects may be there that nobody refers to. Not in a batch. */
int catalog_mark(struct catalog *, struct error *);
int64_t catalog_new_id(struct catalog *); /* with the writing connection */

/* In a batch: notes that one less refers to it. -ENOMEM. */
int catalog_lose(struct catalog *, const void *id, struct error *);
/* Drops the object if nobody refers to it. Not in a batch. */
void catalog_drop_object(struct catalog *, const struct object_id *);

/* In a batch: as catalog_remove(), but at most `most` entries, those below first; fn is told of
 * directories too. Sets *more where some are left. */
typedef void (*catalog_gone)(void *arg, const char *path, bool is_dir);
int catalog_remove_some(struct catalog *, int64_t source, const char *path, int keep, int most,
	catalog_gone fn, void *arg, bool *more, struct error *);

/* In a batch: what is told of an entry whose content is the same, where that still is so. `shown`:
 * it differs in what is shown. */
int catalog_touch(struct catalog *, const struct entry *, bool shown, struct error *);

/* In a batch: lets the oldest earlier versions of a source go where there are more than `most`, up
 * to 256 of them; *more as above. */
int catalog_trim(struct catalog *, int64_t source, int64_t most, bool *more, struct error *);

/* In a batch: takes out up to 256 entries and versions of a source, with their texts. */
int catalog_source_clear(struct catalog *, int64_t source, bool *more, struct error *);

/* Whether a source has any entry. */
bool catalog_is_empty(struct catalog *, int64_t source);

/* catalog_sweep.c: begins the sweep where it is needed; stops it. */
int catalog_sweep_start(struct catalog *, struct error *);
void catalog_sweep_stop(struct catalog *);

#endif
