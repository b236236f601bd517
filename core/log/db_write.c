#include "core/log/db_private.h"

#include "core/base/thread.h"

#include <errno.h>
#include <string.h>
#include <sys/statvfs.h>
#include <time.h>

#define ROOM_SPARE ((size_t)512 << 10) /* left for what deletes */
#define ROOM_LEAST ((size_t)128 << 10) /* left for what is only touched on the way */

/* By who holds the connection. Where a reader, or a full disk, kept some of the WAL from being
 * moved, that is not tried again with each commit. */
static int checkpoint_as(struct db *db, int mode)
{
	int frames = 0, moved = 0, left;
	int code = sqlite3_wal_checkpoint_v2(db->writer.sqlite, "main", mode, &frames, &moved);

	if (code == SQLITE_OK && frames >= 0) {
		left = frames > moved ? frames : 0;
		__atomic_store_n(&db->frames, frames - moved, __ATOMIC_RELAXED);
	} else {
		left = db->frames;
	}
	db->move_at = left + DB_WAL_MOVE;
	db->checkpoint_at = left > 0 ? left + 2 * DB_WAL_MOVE : DB_WAL_MAX;
	return code;
}

static int checkpoint(struct db *db)
{
	return checkpoint_as(db, SQLITE_CHECKPOINT_PASSIVE);
}

void db_lock(struct db *db)
{
	__atomic_add_fetch(&db->waiting, 1, __ATOMIC_RELAXED);
	pthread_mutex_lock(&db->mutex);
	__atomic_sub_fetch(&db->waiting, 1, __ATOMIC_RELAXED);
}

void db_unlock(struct db *db)
{
	if (db->frames >= db->move_at)
		pthread_cond_signal(&db->move);
	/* A failure is no failure of what was committed: the next attempt tells. */
	if (db->frames >= db->checkpoint_at)
		checkpoint(db);
	pthread_mutex_unlock(&db->mutex);
}

void db_yield(struct db *db)
{
	const struct timespec moment = {.tv_nsec = 50000};

	/* A mutex goes to whoever asks first after its release, which is seldom who slept for it.
	 */
	for (int i = 0; i < 20 && __atomic_load_n(&db->waiting, __ATOMIC_RELAXED) > 0; i++)
		nanosleep(&moment, NULL);
}

/*
 * The mover syncs the WAL before it takes the connection, for that takes longer than all else of a
 * checkpoint; what was committed meanwhile is little, and synced within.
 */
static void *move(void *arg)
{
	struct db *db = arg;

	pthread_mutex_lock(&db->mutex);
	while (!db->stopping) {
		if (db->frames < db->move_at) {
			pthread_cond_wait(&db->move, &db->mutex);
			continue;
		}
		pthread_mutex_unlock(&db->mutex);
		for (int i = 0; i < 2; i++)
			db_sync(db, NULL);
		db_yield(db);
		pthread_mutex_lock(&db->mutex);
		checkpoint(db);
	}
	pthread_mutex_unlock(&db->mutex);
	return NULL;
}

int mover_start(struct db *db, struct error *err)
{
	int status = thread_start(&db->mover, "wal", move, db, err);

	db->has_mover = status == 0;
	return status;
}

void mover_stop(struct db *db)
{
	if (!db->has_mover)
		return;
	pthread_mutex_lock(&db->mutex);
	db->stopping = true;
	pthread_cond_signal(&db->move);
	pthread_mutex_unlock(&db->mutex);
	pthread_join(db->mover, NULL);
}

sqlite3_stmt *db_write(struct db *db, const char *sql, struct error *err)
{
	return connection_statement(&db->writer, sql, err);
}

int db_run(sqlite3_stmt *stmt, const char *what, struct error *err)
{
	sqlite3 *sqlite = sqlite3_db_handle(stmt);
	int code = sqlite3_step(stmt);

	code = code == SQLITE_DONE ? 0 : db_errno(sqlite, code, what, err);
	sqlite3_reset(stmt);
	return code;
}

int db_begin(struct db *db, struct error *err)
{
	static const char sql[] = "BEGIN IMMEDIATE";
	sqlite3_stmt *stmt;
	int status;

	db_lock(db);
	stmt = db_write(db, sql, err);
	status = stmt == NULL ? -EIO : db_run(stmt, "beginning a transaction", err);
	if (status < 0)
		db_unlock(db);
	return status;
}

int db_commit(struct db *db, struct error *err)
{
	static const char sql[] = "COMMIT";
	sqlite3_stmt *stmt = db_write(db, sql, err);
	int status = stmt == NULL ? -EIO : db_run(stmt, "committing", err);

	if (status < 0)
		db_rollback(db);
	else
		db_unlock(db);
	return status;
}

void db_rollback(struct db *db)
{
	/* SQLite rolls back by itself after some failures (sqlite.org/lang_transaction.html,
	 * "Response To Errors Within A Transaction"). */
	if (!sqlite3_get_autocommit(db->writer.sqlite))
		connection_exec(&db->writer, "ROLLBACK", "rolling back", NULL);
	db_unlock(db);
}

bool db_make_room(struct db *db)
{
	sqlite3_int64 size = 0;

	/* A transaction that failed for want of room leaves the WAL as long as it had become. */
	if (db->wal->pMethods->xFileSize(db->wal, &size) != SQLITE_OK || size == 0)
		return false;
	return checkpoint_as(db, SQLITE_CHECKPOINT_TRUNCATE) == SQLITE_OK;
}

/* Bytes of pages in the database that are free. */
static size_t free_bytes(struct db *db)
{
	int64_t pages = 0;

	db_lock(db);
	connection_number(&db->writer, "PRAGMA freelist_count", &pages, NULL);
	db_unlock(db);
	return (size_t)pages * DB_PAGE;
}

bool db_has_room(struct db *db, size_t bytes)
{
	const size_t wal = db_wal_bytes(db) + bytes;
	struct statvfs fs;
	uint64_t left;

	if (statvfs(db->path, &fs) != 0)
		return true;
	left = (uint64_t)fs.f_bavail * fs.f_frsize;
	return left >= wal + bytes + ROOM_SPARE ||
	       (left >= wal + ROOM_LEAST && bytes <= free_bytes(db));
}

int db_checkpoint(struct db *db, struct error *err)
{
	int status, code;

	/* As the mover does. */
	status = db_sync(db, err);
	if (status < 0)
		return status;
	db_lock(db);
	code = checkpoint(db);
	status = code == SQLITE_OK ? 0 : db_errno(db->writer.sqlite, code, "moving the WAL", err);
	pthread_mutex_unlock(&db->mutex);
	return status;
}

int db_sync(struct db *db, struct error *err)
{
	int code;

	pthread_mutex_lock(&db->sync_mutex);
	code = db->wal->pMethods->xSync(db->wal, SQLITE_SYNC_NORMAL | SQLITE_SYNC_DATAONLY);
	pthread_mutex_unlock(&db->sync_mutex);
	if (code == SQLITE_OK)
		return 0;
	return error_set(err, EIO, "%s: can't sync the WAL: %s", db->path, sqlite3_errstr(code));
}

const char *db_version(void)
{
	return sqlite3_libversion();
}

size_t db_wal_bytes(const struct db *db)
{
	return (size_t)__atomic_load_n(&db->frames, __ATOMIC_RELAXED) * (DB_PAGE + 24);
}
