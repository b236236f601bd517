/*
 * What db*.c share, and how a database is checked before SQLite is let at it.
 */
#ifndef CORE_DB_PRIVATE_H
#define CORE_DB_PRIVATE_H

#include "core/log/db.h"

#include <pthread.h>
#include <stdint.h>

#define DB_PAGE 4096

#define DB_READERS     4
#define DB_STATEMENTS  48                       /* texts on one connection */
#define DB_WAL_MOVE    2048                     /* frames in the WAL: then the mover checkpoints */
#define DB_WAL_MAX     ((int)(16 << 20) / 4120) /* then whoever commits */
#define DB_CHECK_BYTES ((int64_t)32 << 20)      /* files up to this size are checked whole */

struct connection {
	sqlite3 *sqlite;
	struct {
		const char *sql;
		sqlite3_stmt *stmt;
	} statements[DB_STATEMENTS];
	unsigned count;
};

struct reader {
	struct db *db;
	struct connection connection;
	bool used; /* under the pool's mutex */
};

struct db {
	const struct db_schema *schema;
	char *path, *directory;
	bool small; /* no larger than DB_CHECK_BYTES when it was opened */
	/* The writing connection's; the mutex is what SQLITE_OPEN_NOMUTEX leaves out. */
	pthread_mutex_t mutex;
	struct connection writer;
	int waiting;       /* who waits for it; atomic */
	int frames;        /* in the WAL and not moved yet; atomic */
	int checkpoint_at; /* frames at which whoever commits checkpoints */
	/* The thread that checkpoints before that; under the same mutex. */
	pthread_t mover;
	pthread_cond_t move;
	int move_at; /* frames at which it does */
	bool stopping, has_mover;
	/* The WAL as SQLite holds it open; syncing it takes this mutex alone. */
	pthread_mutex_t sync_mutex;
	sqlite3_file *wal;
	/* The readers'. */
	pthread_mutex_t pool_mutex;
	pthread_cond_t pool_free;
	struct reader readers[DB_READERS];
};

/* db.c: connections and what both kinds of them do. */
int connection_open(struct connection *, const struct db_schema *, const char *path, int flags,
	struct error *err);
void connection_close(struct connection *);
int connection_exec(struct connection *, const char *sql, const char *what, struct error *err);
int connection_number(struct connection *, const char *sql, int64_t *out, struct error *err);
sqlite3_stmt *connection_statement(struct connection *, const char *sql, struct error *err);

/* db_write.c: the thread that moves the WAL. Stopping takes one that was not started. */
int mover_start(struct db *, struct error *err);
void mover_stop(struct db *);

/* db_file.c: what can be told from the files without SQLite. */

/* Makes the directory or checks whose it is. As db_open(). */
int db_dir_check(const char *dir, struct error *err);

/* Checks that the file is one of ours that may be written, and its size where there is no WAL.
 * -ENOENT where there is neither it nor a WAL. Opens and closes the file: call it only while SQLite
 * does not have it open. */
int db_file_check(const struct db_schema *, const char *path, struct error *err);

/* Checks that every one of the database's pages is in the file or in the WAL. */
int db_size_check(const char *path, int64_t pages, struct error *err);

#endif
