/*
 * A database of a state directory: SQLite, one file, of a schema that its owner gives.
 *
 * Exactly one connection writes and checkpoints, in one process; readers have read-only
 * connections of their own from a small pool. WAL, synchronous=NORMAL: a commit survives the death
 * of the process; db_sync() makes it survive a loss of power. Everything of SQLite stays behind
 * db*.c, log_sqlite.c, store.c and catalog*.c; its codes become errnos in db_errno().
 *
 * While it is open no other process can read or write the file, sqlite3(1) neither: the "unix-excl"
 * VFS locks it once for the process and keeps the wal-index in its memory, which saves half the
 * cost of a commit and of a read, and a full disk can't hit the wal-index. The process must not
 * fork after db_open and go on in the child, nor open the file by other means: closing such a
 * descriptor would drop the lock (fcntl(2), "Record locks").
 *
 * A database that is damaged, foreign, of a newer version, read-only or in use by another is
 * refused with the reason, and never made anew. It is first made under another name, whole, so an
 * empty file, or a WAL without its database, is damage too.
 *
 * Every function may be called from any thread.
 */
#ifndef CORE_DB_H
#define CORE_DB_H

#include "core/base/error.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct db;

enum {
	DB_SHADOW = 1 << 0, /* made by a virtual table before it */
	DB_LATER = 1 << 1,  /* came after databases of this version were in use: made where it is
			       missing */
};
/* One row of a database's schema: sqlite_schema's name and sql. */
struct db_table {
	const char *name, *sql;
	unsigned flags;
};

/* What a database is to be. A file whose tables are others, or whose texts differ, is not ours.
 * Lives as long as the database. */
struct db_schema {
	const char *file;        /* its name in the directory */
	uint32_t application_id; /* sqlite.org/pragma.html, "application_id" */
	uint32_t version;        /* of the schema: user_version */
	const struct db_table *tables;
	size_t count;
	/* Whether the file must be there, by what else is in the directory. May be NULL. */
	bool (*expected)(const char *dir);
	/* Run on each connection once it is open: a SQLITE_* code. May be NULL. */
	int (*opened)(sqlite3 *);
	/* KiB of pages that a connection keeps in memory, and MiB for all that SQLite holds in this
	 * process (of several databases, the most): what is above is let go where it can be. */
	int writer_cache, reader_cache, heap;
};

extern const struct db_schema db_leitl; /* leitl.db: the log and the state */

/* Opens or makes the schema's file in DIR, mode 0600, and DIR with mode 0700 where only DIR is
 * missing.
 * A DIR that is there must be the effective user's own, with nobody else allowed to write to it.
 * -EIO, -EROFS, -EBUSY, -EUCLEAN (damaged), -ENOTSUP (newer version or another program's), -ENOSPC,
 * -EACCES, -ENOMEM, -EMFILE, or another errno of mkdir(2) or open(2). Blocks; how long does not
 * depend on how much is in it. */
int db_open(const char *dir, const struct db_schema *, struct db **out, struct error *err);
void db_close(struct db *); /* takes NULL; checkpoints and closes cleanly */

/* Whether, when it was opened, it was small enough for all of it to be checked at each start. */
bool db_is_small(const struct db *);

/* What is in it makes no sense: db_close will not checkpoint, and leaves the files as they are. */
void db_leave(struct db *);

/* The directory that it is in; the database's. */
const char *db_directory(const struct db *);

/* The writing connection, held by the caller from db_lock to db_unlock: other writers wait. Each
 * statement that is run within is a commit of its own. */
void db_lock(struct db *);
void db_unlock(struct db *);

/* Lets those go first who wait for it by now, for at most a ms: for whoever takes it again and
 * again in the background. */
void db_yield(struct db *);

/* The same with a transaction of several statements. db_begin locks; db_commit and db_rollback
 * unlock, whatever comes of it; on failure db_commit has rolled back. -ENOSPC, -EIO, -EROFS. */
int db_begin(struct db *, struct error *err); /* BEGIN IMMEDIATE; not locked on failure */
int db_commit(struct db *, struct error *err);
void db_rollback(struct db *);

/* The statement of that text on the writing connection, which the caller holds. Kept and reused,
 * known by the text's address: pass string constants. NULL: the reason is in err. */
sqlite3_stmt *db_write(struct db *, const char *sql, struct error *err);

/* Runs a statement of db_write that returns no rows to its end, and resets it. */
int db_run(sqlite3_stmt *, const char *what, struct error *err);

/* After -ENOSPC, by who holds the writing connection: moves the WAL into the database and gives its
 * room back. Whether trying again is worth it. Blocks for the disk. */
bool db_make_room(struct db *);

/* Whether the disk has room for a transaction of about so many bytes, and then for moving the WAL
 * into the database. What is committed without that can't be moved, and keeps the disk full even
 * when all that is in the database is deleted. Takes the writing connection. */
bool db_has_room(struct db *, size_t bytes);

/* A read-only connection, borrowed; waits while all are in use, so give it back soon and don't take
 * two. An open statement on it keeps the WAL from being used anew. NULL: -EMFILE or -EIO in err. */
struct reader;
struct reader *db_reader(struct db *, struct error *err);
sqlite3_stmt *reader_stmt(struct reader *, const char *sql, struct error *err); /* kept, reset */
void reader_done(struct reader *); /* the caller has reset its statements; takes NULL */

/* Makes all commits so far survive a loss of power. Hinders no writer. -EIO. Blocks for the disk.
 *
 * With synchronous=NORMAL a commit is written to the WAL and not synced (sqlite.org/wal.html,
 * "Performance Considerations": "syncing the content to the disk is not required, as long as the
 * application is willing to sacrifice durability following a power loss"); this does the sync
 * that synchronous=FULL would have done (sqlite.org/pragma.html, "synchronous"). What is no longer
 * in the WAL was synced in the database by the checkpoint that moved it. */
int db_sync(struct db *, struct error *err);

/* Moves the WAL into the database (PASSIVE: waits for nobody), so that it is used anew from its
 * start. A thread of the database's does so whenever there are some MiB of it, so this is needed
 * only for who wants it empty. Writers wait for the copying, some us a page, and not for the sync
 * of the WAL; they pay for a whole checkpoint themselves only past a high-water mark. -EIO,
 * -ENOSPC. Blocks for the disk. */
int db_checkpoint(struct db *, struct error *err);

/* How long the WAL is that has not been moved into the database yet. Never blocks. */
size_t db_wal_bytes(const struct db *);

const char *db_version(void); /* SQLite's */

/* Translates a SQLite code of that connection and sets the reason: "WHAT: …"; a negative errno. */
int db_errno(sqlite3 *, int code, const char *what, struct error *err);

#endif
