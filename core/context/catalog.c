#include "core/context/catalog_private.h"

#include "core/base/grow.h"
#include "core/base/words.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OBJECTS_DIR "objects"

/* The last four are FTS5's own, as SQLite writes them. */
static const struct db_table tables[] = {
	{"source",
		"CREATE TABLE source(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,"
		" uid INTEGER NOT NULL, gid INTEGER NOT NULL, config TEXT NOT NULL,"
		" secrets BLOB, memory TEXT) STRICT",
		0},
	{"number",
		"CREATE TABLE number(name TEXT PRIMARY KEY, value INTEGER NOT NULL)"
		" STRICT, WITHOUT ROWID",
		0},
	{"entry",
		"CREATE TABLE entry(id INTEGER PRIMARY KEY, source INTEGER NOT NULL,"
		" dir TEXT NOT NULL, name TEXT NOT NULL, is_dir INTEGER NOT NULL, object "
		"BLOB,"
		" size INTEGER NOT NULL, modified INTEGER NOT NULL, updated INTEGER NOT "
		"NULL,"
		" version INTEGER NOT NULL, type TEXT NOT NULL, etag TEXT, asked INTEGER "
		"NOT NULL,"
		" indexed INTEGER NOT NULL) STRICT",
		0},
	{"entry_path", "CREATE UNIQUE INDEX entry_path ON entry(source, dir, name)", 0},
	{"entry_object", "CREATE INDEX entry_object ON entry(object) WHERE object IS NOT NULL", 0},
	{"version",
		"CREATE TABLE version(id INTEGER PRIMARY KEY, n INTEGER NOT NULL,"
		" source INTEGER NOT NULL, dir TEXT NOT NULL, name TEXT NOT NULL,"
		" entry INTEGER NOT NULL, object BLOB NOT NULL, size INTEGER NOT NULL,"
		" modified INTEGER NOT NULL, updated INTEGER NOT NULL, type TEXT NOT "
		"NULL) STRICT",
		0},
	{"version_path", "CREATE UNIQUE INDEX version_path ON version(source, dir, name, n)", 0},
	{"version_source", "CREATE INDEX version_source ON version(source)", 0},
	{"version_object", "CREATE INDEX version_object ON version(object)", 0},
	{"doc",
		"CREATE TABLE doc(id INTEGER PRIMARY KEY, path TEXT NOT NULL, title TEXT "
		"NOT NULL,"
		" body TEXT NOT NULL) STRICT",
		0},
	{"search",
		"CREATE VIRTUAL TABLE search USING fts5(path, title, body, content='doc',"
		" content_rowid='id', tokenize='porter leitl')",
		0},
	{"search_data", "CREATE TABLE 'search_data'(id INTEGER PRIMARY KEY, block BLOB)",
		DB_SHADOW},
	{"search_idx",
		"CREATE TABLE 'search_idx'(segid, term, pgno, PRIMARY KEY(segid, term))"
		" WITHOUT ROWID",
		DB_SHADOW},
	{"search_docsize", "CREATE TABLE 'search_docsize'(id INTEGER PRIMARY KEY, sz BLOB)",
		DB_SHADOW},
	{"search_config", "CREATE TABLE 'search_config'(k PRIMARY KEY, v) WITHOUT ROWID",
		DB_SHADOW},
};

/* The sources are configuration: what has lost them is not made anew in silence. */
static bool is_expected(const char *dir)
{
	char path[PATH_MAX];
	int len = snprintf(path, sizeof(path), "%s/" OBJECTS_DIR, dir);

	return len > 0 && (size_t)len < sizeof(path) && access(path, F_OK) == 0;
}

static const struct db_schema schema = {
	.expected = is_expected,
	.file = "context.db",
	.application_id = 0x4c454358, /* "LECX" */
	.version = 1,
	.tables = tables,
	.count = sizeof(tables) / sizeof(tables[0]),
	.opened = words_register,
	.writer_cache = 4096,
	.reader_cache = 1024,
	.heap = 24,
};

/* Opening. */

static int load_number(struct catalog *c, const char *name, int64_t *out, struct error *err)
{
	static const char sql[] = "SELECT value FROM number WHERE name = ?1";
	sqlite3_stmt *stmt = db_write(c->db, sql, err);
	int code;

	if (stmt == NULL)
		return -EIO;
	sqlite3_bind_text(stmt, 1, name, -1, SQLITE_STATIC);
	code = sqlite3_step(stmt);
	*out = code == SQLITE_ROW ? sqlite3_column_int64(stmt, 0) : 0;
	sqlite3_reset(stmt);
	if (code == SQLITE_ROW || code == SQLITE_DONE)
		return 0;
	return db_errno(sqlite3_db_handle(stmt), code, "reading the catalog", err);
}

static int set_number(struct catalog *c, const char *name, int64_t value, struct error *err)
{
	static const char sql[] = "INSERT OR REPLACE INTO number(name, value) VALUES(?1, ?2)";
	sqlite3_stmt *stmt = db_write(c->db, sql, err);

	if (stmt == NULL)
		return -EIO;
	sqlite3_bind_text(stmt, 1, name, -1, SQLITE_STATIC);
	sqlite3_bind_int64(stmt, 2, value);
	return db_run(stmt, "writing the catalog", err);
}

static int load(struct catalog *c, struct error *err)
{
	int64_t marked = 0;
	int status;

	db_lock(c->db);
	status = load_number(c, "id", &c->last_id, err);
	if (status == 0)
		status = load_number(c, "marked", &marked, err);
	db_unlock(c->db);
	c->saved_id = c->last_id;
	c->marked = marked != 0;
	return status;
}

/*
 * FTS5's own settings, kept in the database (sqlite.org/fts5.html, "Configuration Options"). Most
 * of what a first sync costs is writing segments and merging them: so a batch's words are gathered
 * whole in memory, pages are larger, and merging begins later. Measured: a third less.
 */
static int tune(struct catalog *c, struct error *err)
{
	static const char sql[] = "INSERT INTO search(search, rank) SELECT ?1, ?2 WHERE NOT EXISTS"
				  "(SELECT 1 FROM search_config WHERE k = ?1 AND v = ?2)";
	static const struct {
		const char *name;
		int value;
	} settings[] = {{"hashsize", 16 << 20}, {"pgsz", 8000}, {"automerge", 8}};
	sqlite3_stmt *stmt;
	int status = 0;

	db_lock(c->db);
	stmt = db_write(c->db, sql, err);
	if (stmt == NULL)
		status = -EIO;
	for (int i = 0; status == 0 && i < 3; i++) {
		sqlite3_bind_text(stmt, 1, settings[i].name, -1, SQLITE_STATIC);
		sqlite3_bind_int(stmt, 2, settings[i].value);
		status = db_run(stmt, "preparing the index", err);
	}
	db_unlock(c->db);
	return status;
}

static int open_objects(struct catalog *c, const char *dir, struct error *err)
{
	char *path;
	int status;

	if (asprintf(&path, "%s/" OBJECTS_DIR, dir) < 0)
		return error_set(err, ENOMEM, "out of memory");
	status = objects_open(path, &c->objects, err);
	free(path);
	return status;
}

int catalog_open(const char *dir, catalog_text text, struct catalog **out, struct error *err)
{
	struct catalog *c = calloc(1, sizeof(*c));
	int status;

	if (c == NULL)
		return error_set(err, ENOMEM, "out of memory");
	c->text = text;
	c->swept = true;
	status = db_open(dir, &schema, &c->db, err);
	if (status == 0)
		status = open_objects(c, dir, err);
	if (status == 0)
		status = load(c, err);
	if (status == 0)
		status = tune(c, err);
	if (status == 0 && c->marked)
		status = catalog_sweep_start(c, err);
	if (status < 0) {
		c->unswept = true; /* leaves the mark */
		catalog_close(c);
		return status;
	}
	*out = c;
	return 0;
}

void catalog_close(struct catalog *c)
{
	if (c == NULL)
		return;
	catalog_sweep_stop(c);
	if (c->db != NULL && c->marked && c->swept && !c->unswept) {
		db_lock(c->db);
		set_number(c, "marked", 0, NULL);
		db_unlock(c->db);
	}
	objects_close(c->objects);
	db_close(c->db);
	free(c->lost.ids);
	free(c);
}

struct objects *catalog_objects(struct catalog *c)
{
	return c->objects;
}

struct db *catalog_db(struct catalog *c)
{
	return c->db;
}

uint64_t catalog_generation(const struct catalog *c)
{
	return c->generation;
}

int catalog_text_of(struct catalog *c, const char *path, const char *type, const char *bytes,
	size_t len, struct buf *title, struct buf *body, struct error *err)
{
	if (c->text == NULL)
		return error_set(err, ENOTSUP, "%s: nothing is searched", path);
	return c->text(path, type, bytes, len, title, body, err);
}

/* Batches. */

int64_t catalog_new_id(struct catalog *c)
{
	return ++c->last_id;
}

int catalog_mark(struct catalog *c, struct error *err)
{
	int status = 0;

	db_lock(c->db);
	if (!c->marked)
		status = set_number(c, "marked", 1, err);
	if (status == 0)
		c->marked = true;
	db_unlock(c->db);
	return status;
}

int catalog_lose(struct catalog *c, const void *id, struct error *err)
{
	struct object_list *l = &c->lost;
	struct object_id *ids = grow(l->ids, l->count, &l->cap, sizeof(*ids), 64);

	if (ids == NULL)
		return error_set(err, ENOMEM, "out of memory");
	l->ids = ids;
	memcpy(&l->ids[l->count++], id, sizeof(*l->ids));
	return 0;
}

static bool is_used(void *arg, const struct object_id *id)
{
	static const char sql[] = "SELECT EXISTS(SELECT 1 FROM entry WHERE object = ?1)"
				  " OR EXISTS(SELECT 1 FROM version WHERE object = ?1)";
	bool used = true; /* what can't be told stays */
	struct query q;

	if (query_begin(arg, sql, &q, NULL) < 0)
		return true;
	sqlite3_bind_blob(q.stmt, 1, id->hash, sizeof(id->hash), SQLITE_STATIC);
	if (sqlite3_step(q.stmt) == SQLITE_ROW)
		used = sqlite3_column_int(q.stmt, 0) != 0;
	query_end(&q);
	return used;
}

void catalog_drop_object(struct catalog *c, const struct object_id *id)
{
	object_drop(c->objects, id, is_used, c);
}

int catalog_begin(struct catalog *c, struct error *err)
{
	int status = catalog_mark(c, err);

	if (status == 0)
		status = db_begin(c->db, err);
	if (status < 0)
		return status;
	c->changed = false;
	c->source = 0;
	c->lost.count = 0;
	return 0;
}

int catalog_commit(struct catalog *c, struct error *err)
{
	return catalog_commit_told(c, NULL, NULL, err);
}

int catalog_commit_told(struct catalog *c, void (*told)(void *arg), void *arg, struct error *err)
{
	struct object_list lost = c->lost;
	const int64_t saved = c->saved_id;
	const bool changed = c->changed;
	int status = 0;

	if (c->last_id != c->saved_id)
		status = set_number(c, "id", c->last_id, err);
	if (status < 0) {
		catalog_rollback(c);
		return status;
	}
	c->saved_id = c->last_id;
	c->lost = (struct object_list){0};
	status = db_commit(c->db, err);
	if (status < 0) {
		/* Whoever writes next writes it again. */
		db_lock(c->db);
		c->saved_id = saved;
		db_unlock(c->db);
	} else {
		if (changed)
			c->generation++;
		if (told != NULL)
			told(arg);
		for (size_t i = 0; i < lost.count; i++)
			catalog_drop_object(c, &lost.ids[i]);
	}
	free(lost.ids);
	return status;
}

void catalog_rollback(struct catalog *c)
{
	c->lost.count = 0;
	db_rollback(c->db);
}
