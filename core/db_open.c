#include "core/db_private.h"
#include "core/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * The schema, whole. A database whose texts differ is not ours. log_sqlite.c has `record`, store.c
 * the rest.
 *
 * record.seq is the seq of the last event up to this record, so that the newest row tells where
 * the log stands; the record has a seq of its own where its kind is RECORD_EVENT. `line` and
 * `shown` are blobs since a blob's length is known without reading it. `sum` is of all that is
 * before it (log_sqlite_sum.c): SQLite has no checksums, and a flipped bit in a text would go
 * unseen.
 */
static const struct {
	const char *name, *sql;
} schema[] = {
	{"record", "CREATE TABLE record(pos INTEGER PRIMARY KEY, time INTEGER NOT NULL,"
		   " seq INTEGER NOT NULL, kind INTEGER NOT NULL, uid INTEGER NOT NULL,"
		   " type TEXT, session TEXT, agent TEXT, target TEXT, detail TEXT,"
		   " line BLOB, shown BLOB, sum INTEGER NOT NULL) STRICT"},
	{"number", "CREATE TABLE number(name TEXT PRIMARY KEY, value INTEGER NOT NULL)"
		   " STRICT, WITHOUT ROWID"},
	{"channel", "CREATE TABLE channel(id INTEGER PRIMARY KEY, kind INTEGER NOT NULL,"
		    " name TEXT NOT NULL, count INTEGER NOT NULL, bytes INTEGER NOT NULL,"
		    " last_pos INTEGER NOT NULL) STRICT"},
	{"block", "CREATE TABLE block(channel INTEGER NOT NULL, ord INTEGER NOT NULL,"
		  " off INTEGER NOT NULL, pos INTEGER NOT NULL, count INTEGER NOT NULL,"
		  " bytes BLOB NOT NULL, PRIMARY KEY(channel, ord)) STRICT"},
	{"block_off", "CREATE INDEX block_off ON block(channel, off)"},
	{"block_pos", "CREATE INDEX block_pos ON block(channel, pos)"},
	{"session", "CREATE TABLE session(key TEXT PRIMARY KEY, json TEXT, bytes BLOB) STRICT"},
	{"agent", "CREATE TABLE agent(key TEXT PRIMARY KEY, json TEXT, bytes BLOB) STRICT"},
};
#define SCHEMA_COUNT (sizeof(schema) / sizeof(schema[0]))

#define WRITER_SETTINGS                                                                            \
	"PRAGMA synchronous=NORMAL; PRAGMA wal_autocheckpoint=0; PRAGMA cache_size=-2048;"         \
	"PRAGMA temp_store=MEMORY; PRAGMA secure_delete=FAST; PRAGMA journal_size_limit=16777216;" \
	"PRAGMA foreign_keys=OFF"

/* Bounds what the caches of all connections hold in this process. */
#define HEAP_SOFT_LIMIT ((sqlite3_int64)16 << 20)

/* Making one. */

static int fill(struct connection *c, struct error *err)
{
	char numbers[96];
	int status;

	snprintf(numbers, sizeof(numbers), "PRAGMA application_id=%d; PRAGMA user_version=%d",
		DB_APPLICATION_ID, DB_VERSION);
	status = connection_exec(c,
		"PRAGMA page_size=4096; PRAGMA encoding='UTF-8'; PRAGMA auto_vacuum=NONE;"
		"PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; BEGIN IMMEDIATE",
		"making the database", err);
	for (size_t i = 0; status == 0 && i < SCHEMA_COUNT; i++)
		status = connection_exec(c, schema[i].sql, "making the database", err);
	if (status == 0)
		status = connection_exec(c, numbers, "making the database", err);
	if (status == 0)
		status = connection_exec(c, "COMMIT", "making the database", err);
	return status;
}

static void remove_with(const char *path, const char *suffix)
{
	char name[PATH_MAX];

	if ((size_t)snprintf(name, sizeof(name), "%s%s", path, suffix) < sizeof(name))
		unlink(name);
}

static int sync_dir(const char *dir, struct error *err)
{
	int status = 0;
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || fsync(fd) < 0)
		status = error_set(err, errno, "can't sync %s: %s", dir, strerror(errno));
	if (fd >= 0)
		close(fd);
	return status;
}

/* An empty file of ours for SQLite to fill: it gives the WAL the same mode. */
static int make_empty(const char *path, struct error *err)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return error_set(err, errno, "can't make %s: %s", path, strerror(errno));
	close(fd);
	return 0;
}

/* Makes the database under another name and renames it once it is whole and synced, so that what
 * stands under its own name is never half made. */
static int make(const char *dir, const char *path, struct error *err)
{
	struct connection c = {0};
	char new[PATH_MAX];
	int status;

	if ((size_t)snprintf(new, sizeof(new), "%s.new", path) >= sizeof(new))
		return error_set(err, ENAMETOOLONG, "%s: the path is too long", path);
	remove_with(new, "");
	remove_with(new, "-wal");
	remove_with(new, "-journal");
	status = make_empty(new, err);
	if (status < 0)
		return status;
	status = connection_open(&c, new, SQLITE_OPEN_READWRITE, err);
	if (status == 0)
		status = fill(&c, err);
	connection_close(&c); /* checkpoints, syncs, and removes its WAL */
	if (status == 0 && rename(new, path) < 0)
		status = error_set(err, errno, "can't make %s: %s", path, strerror(errno));
	if (status < 0) {
		remove_with(new, "");
		remove_with(new, "-wal");
		remove_with(new, "-journal");
		return status;
	}
	return sync_dir(dir, err);
}

/* Checking one. */

static int check_schema(struct connection *c, const char *path, struct error *err)
{
	sqlite3_stmt *stmt = NULL;
	size_t found = 0, i;
	bool foreign = false;
	int code;

	code = sqlite3_prepare_v2(c->sqlite,
		"SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL", -1, &stmt, NULL);
	while (code == SQLITE_OK && !foreign && sqlite3_step(stmt) == SQLITE_ROW) {
		const char *name = (const char *)sqlite3_column_text(stmt, 0);
		const char *sql = (const char *)sqlite3_column_text(stmt, 1);

		for (i = 0; i < SCHEMA_COUNT && name != NULL; i++)
			if (strcmp(name, schema[i].name) == 0)
				break;
		foreign = name == NULL || sql == NULL || i == SCHEMA_COUNT ||
			  strcmp(sql, schema[i].sql) != 0;
		found++;
	}
	if (sqlite3_finalize(stmt) != SQLITE_OK || code != SQLITE_OK)
		return db_errno(c->sqlite, sqlite3_errcode(c->sqlite), path, err);
	if (foreign || found != SCHEMA_COUNT)
		return error_set(err, EUCLEAN,
			"%s is damaged: its tables are not as they were made; "
			"it is left as it is",
			path);
	return 0;
}

static int check_content(struct connection *c, const char *path, struct error *err)
{
	sqlite3_stmt *stmt = NULL;
	const char *told = NULL;
	int status = 0, code;

	code = sqlite3_prepare_v2(c->sqlite, "PRAGMA quick_check(1)", -1, &stmt, NULL);
	if (code == SQLITE_OK)
		code = sqlite3_step(stmt);
	if (code == SQLITE_ROW)
		told = (const char *)sqlite3_column_text(stmt, 0);
	if (code != SQLITE_ROW)
		status = db_errno(c->sqlite, code, path, err);
	else if (told == NULL || strcmp(told, "ok") != 0)
		status = error_set(err, EUCLEAN, "%s is damaged: %s; it is left as it is", path,
			told != NULL ? told : "it can't be checked");
	sqlite3_finalize(stmt);
	return status;
}

/* What SQLite says of it, by now with the WAL's commits. */
static int check(struct connection *c, const char *path, bool *small, struct error *err)
{
	int64_t id, version, pages;
	int status;

	if ((status = connection_number(c, "PRAGMA application_id", &id, err)) < 0 ||
		(status = connection_number(c, "PRAGMA user_version", &version, err)) < 0 ||
		(status = connection_number(c, "PRAGMA page_count", &pages, err)) < 0)
		return status;
	if (id != DB_APPLICATION_ID || version != DB_VERSION)
		return error_set(err, ENOTSUP, "%s has a WAL of another database or version", path);
	status = db_size_check(path, pages, err);
	if (status == 0)
		status = check_schema(c, path, err);
	*small = pages * DB_PAGE <= DB_CHECK_BYTES;
	if (status == 0 && *small)
		status = check_content(c, path, err);
	return status;
}

static int committed(void *arg, sqlite3 *sqlite, const char *name, int frames)
{
	struct db *db = arg;

	(void)sqlite;
	(void)name;
	__atomic_store_n(&db->frames, frames, __ATOMIC_RELAXED);
	return SQLITE_OK;
}

static int open_writer(struct db *db, struct error *err)
{
	int status;

	status = connection_open(&db->writer, db->path, SQLITE_OPEN_READWRITE, err);
	if (status < 0)
		return status;
	/* What is refused is left as it is: its WAL must not be moved into it when it is closed. */
	sqlite3_db_config(db->writer.sqlite, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	if (sqlite3_db_readonly(db->writer.sqlite, "main") != 0)
		status = error_set(err, EROFS, "%s can only be read", db->path);
	if (status == 0)
		status = connection_exec(&db->writer, WRITER_SETTINGS, db->path, err);
	if (status == 0)
		status = check(&db->writer, db->path, &db->small, err);
	if (status < 0)
		return status;
	/* By its first read SQLite has opened the WAL, and keeps it open to the end. */
	if (sqlite3_file_control(db->writer.sqlite, "main", SQLITE_FCNTL_JOURNAL_POINTER,
		    &db->wal) != SQLITE_OK ||
		db->wal == NULL || db->wal->pMethods == NULL)
		return error_set(err, EIO, "%s: SQLite has no WAL open", db->path);
	sqlite3_db_config(db->writer.sqlite, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
	sqlite3_wal_hook(db->writer.sqlite, committed, db);
	/* The first sync also syncs the directory, and notes so in what the writer uses as well. */
	return db_sync(db, err);
}

static char *path_of(const char *dir)
{
	/* Never to be taken for a URI (sqlite.org/uri.html). */
	const char *here = dir[0] == '/' ? "" : "./";
	char *path;

	return asprintf(&path, "%s%s/%s", here, dir, DB_NAME) < 0 ? NULL : path;
}

int db_open(const char *dir, struct db **out, struct error *err)
{
	struct db *db;
	struct reader *reader;
	int status;

	db = calloc(1, sizeof(*db));
	if (db == NULL)
		return error_set(err, ENOMEM, "out of memory");
	pthread_mutex_init(&db->mutex, NULL);
	pthread_mutex_init(&db->sync_mutex, NULL);
	pthread_mutex_init(&db->pool_mutex, NULL);
	pthread_cond_init(&db->pool_free, NULL);
	pthread_cond_init(&db->move, NULL);
	db->move_at = DB_WAL_MOVE;
	db->checkpoint_at = DB_WAL_MAX;
	status = -ENOMEM;
	db->path = path_of(dir);
	db->directory = strdup(dir);
	if (db->path == NULL || db->directory == NULL) {
		error_set(err, ENOMEM, "out of memory");
		goto fail;
	}
	sqlite3_soft_heap_limit64(HEAP_SOFT_LIMIT);
	status = db_dir_check(dir, err);
	if (status < 0)
		goto fail;
	status = db_file_check(db->path, err);
	if (status == -ENOENT && journal_is_there(dir))
		status = error_set(err, EUCLEAN, "%s is gone, and its journal is there", db->path);
	else if (status == -ENOENT)
		status = make(dir, db->path, err);
	if (status == 0)
		status = open_writer(db, err);
	if (status < 0)
		goto fail;
	/* One reader at least, so that a lack of descriptors can't keep everyone from reading. */
	reader = db_reader(db, err);
	if (reader == NULL) {
		status = err != NULL ? -err->code : -EIO;
		goto fail;
	}
	reader_done(reader);
	status = mover_start(db, err);
	if (status < 0)
		goto fail;
	*out = db;
	return 0;

fail:
	db_close(db);
	return status;
}

bool db_is_small(const struct db *db)
{
	return db->small;
}

void db_leave(struct db *db)
{
	db_lock(db);
	sqlite3_db_config(db->writer.sqlite, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	db_unlock(db);
}

void db_close(struct db *db)
{
	if (db == NULL)
		return;
	mover_stop(db);
	for (int i = 0; i < DB_READERS; i++)
		connection_close(&db->readers[i].connection);
	/* The last connection to close checkpoints and removes the WAL. */
	connection_close(&db->writer);
	pthread_cond_destroy(&db->move);
	pthread_cond_destroy(&db->pool_free);
	pthread_mutex_destroy(&db->pool_mutex);
	pthread_mutex_destroy(&db->sync_mutex);
	pthread_mutex_destroy(&db->mutex);
	free(db->directory);
	free(db->path);
	free(db);
}

const char *db_directory(const struct db *db)
{
	return db->directory;
}
