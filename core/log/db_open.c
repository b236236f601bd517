#include "core/log/db_private.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define WRITER_SETTINGS                                                                            \
	"PRAGMA synchronous=NORMAL; PRAGMA wal_autocheckpoint=0; PRAGMA cache_size=-%d;"           \
	"PRAGMA temp_store=MEMORY; PRAGMA secure_delete=FAST; PRAGMA journal_size_limit=16777216;" \
	"PRAGMA foreign_keys=OFF"

/* Making one. */

static int fill(struct connection *c, const struct db_schema *schema, struct error *err)
{
	char numbers[96];
	int status;

	snprintf(numbers, sizeof(numbers), "PRAGMA application_id=%u; PRAGMA user_version=%u",
		(unsigned)schema->application_id, (unsigned)schema->version);
	status = connection_exec(c,
		"PRAGMA page_size=4096; PRAGMA encoding='UTF-8'; PRAGMA auto_vacuum=NONE;"
		"PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; BEGIN IMMEDIATE",
		"making the database", err);
	for (size_t i = 0; status == 0 && i < schema->count; i++)
		if (!(schema->tables[i].flags & DB_SHADOW))
			status = connection_exec(
				c, schema->tables[i].sql, "making the database", err);
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
static int make(
	const char *dir, const struct db_schema *schema, const char *path, struct error *err)
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
	status = connection_open(&c, schema, new, SQLITE_OPEN_READWRITE, err);
	if (status == 0)
		status = fill(&c, schema, err);
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

static int check_schema(
	struct connection *c, const struct db_schema *schema, const char *path, struct error *err)
{
	sqlite3_stmt *stmt = NULL;
	size_t found = 0, needed = 0, i;
	bool foreign = false;
	int code;

	code = sqlite3_prepare_v2(c->sqlite,
		"SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL", -1, &stmt, NULL);
	while (code == SQLITE_OK && !foreign && sqlite3_step(stmt) == SQLITE_ROW) {
		const char *name = (const char *)sqlite3_column_text(stmt, 0);
		const char *sql = (const char *)sqlite3_column_text(stmt, 1);

		for (i = 0; i < schema->count && name != NULL; i++)
			if (strcmp(name, schema->tables[i].name) == 0)
				break;
		foreign = name == NULL || sql == NULL || i == schema->count ||
			  strcmp(sql, schema->tables[i].sql) != 0;
		found += i == schema->count || !(schema->tables[i].flags & DB_LATER);
	}
	if (sqlite3_finalize(stmt) != SQLITE_OK || code != SQLITE_OK)
		return db_errno(c->sqlite, sqlite3_errcode(c->sqlite), path, err);
	for (i = 0; i < schema->count; i++)
		needed += !(schema->tables[i].flags & DB_LATER);
	if (foreign || found != needed)
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
static int check(struct connection *c, const struct db_schema *schema, const char *path,
	bool *small, struct error *err)
{
	int64_t id, version, pages;
	int status;

	if ((status = connection_number(c, "PRAGMA application_id", &id, err)) < 0 ||
		(status = connection_number(c, "PRAGMA user_version", &version, err)) < 0 ||
		(status = connection_number(c, "PRAGMA page_count", &pages, err)) < 0)
		return status;
	if (id != schema->application_id || version != schema->version)
		return error_set(err, ENOTSUP, "%s has a WAL of another database or version", path);
	status = db_size_check(path, pages, err);
	if (status == 0)
		status = check_schema(c, schema, path, err);
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

/* Makes the tables that came later, where they are missing. SQLite keeps the text without IF NOT
 * EXISTS. */
static int make_later(struct db *db, struct error *err)
{
	static const char create[] = "CREATE TABLE ";
	int status = 0;
	char *sql;

	for (size_t i = 0; i < db->schema->count && status == 0; i++) {
		const struct db_table *table = &db->schema->tables[i];

		if (!(table->flags & DB_LATER))
			continue;
		if (asprintf(&sql, "%sIF NOT EXISTS %s", create, table->sql + strlen(create)) < 0)
			return error_set(err, ENOMEM, "out of memory");
		status = connection_exec(&db->writer, sql, db->path, err);
		free(sql);
	}
	return status;
}

static int open_writer(struct db *db, struct error *err)
{
	char settings[sizeof(WRITER_SETTINGS) + 16];
	int status;

	snprintf(settings, sizeof(settings), WRITER_SETTINGS, db->schema->writer_cache);
	status = connection_open(&db->writer, db->schema, db->path, SQLITE_OPEN_READWRITE, err);
	if (status < 0)
		return status;
	/* What is refused is left as it is: its WAL must not be moved into it when it is closed. */
	sqlite3_db_config(db->writer.sqlite, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	if (sqlite3_db_readonly(db->writer.sqlite, "main") != 0)
		status = error_set(err, EROFS, "%s can only be read", db->path);
	if (status == 0)
		status = connection_exec(&db->writer, settings, db->path, err);
	if (status == 0)
		status = check(&db->writer, db->schema, db->path, &db->small, err);
	if (status == 0)
		status = make_later(db, err);
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

static char *path_of(const char *dir, const char *file)
{
	/* Never to be taken for a URI (sqlite.org/uri.html). */
	const char *here = dir[0] == '/' ? "" : "./";
	char *path;

	return asprintf(&path, "%s%s/%s", here, dir, file) < 0 ? NULL : path;
}

static void bound_heap(const struct db_schema *schema)
{
	const sqlite3_int64 most = (sqlite3_int64)schema->heap << 20;

	if (sqlite3_soft_heap_limit64(-1) < most)
		sqlite3_soft_heap_limit64(most);
}

int db_open(const char *dir, const struct db_schema *schema, struct db **out, struct error *err)
{
	struct db *db;
	struct reader *reader;
	int status;

	db = calloc(1, sizeof(*db));
	if (db == NULL)
		return error_set(err, ENOMEM, "out of memory");
	db->schema = schema;
	pthread_mutex_init(&db->mutex, NULL);
	pthread_mutex_init(&db->sync_mutex, NULL);
	pthread_mutex_init(&db->pool_mutex, NULL);
	pthread_cond_init(&db->pool_free, NULL);
	pthread_cond_init(&db->move, NULL);
	db->move_at = DB_WAL_MOVE;
	db->checkpoint_at = DB_WAL_MAX;
	status = -ENOMEM;
	db->path = path_of(dir, schema->file);
	db->directory = strdup(dir);
	if (db->path == NULL || db->directory == NULL) {
		error_set(err, ENOMEM, "out of memory");
		goto fail;
	}
	bound_heap(schema);
	status = db_dir_check(dir, err);
	if (status < 0)
		goto fail;
	status = db_file_check(schema, db->path, err);
	if (status == -ENOENT && schema->expected != NULL && schema->expected(dir))
		status = error_set(
			err, EUCLEAN, "%s is gone, and what belongs to it is there", db->path);
	else if (status == -ENOENT)
		status = make(dir, schema, db->path, err);
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
