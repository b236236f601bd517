/* Putting entries and their texts, within a batch. */
#include "core/context/catalog_private.h"

#include "core/base/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int catalog_run(sqlite3_stmt *stmt, struct error *err)
{
	int status = db_run(stmt, "writing the catalog", err);

	sqlite3_clear_bindings(stmt);
	return status;
}

int catalog_run_id(struct catalog *c, const char *sql, int64_t id, struct error *err)
{
	sqlite3_stmt *stmt = db_write(c->db, sql, err);

	if (stmt == NULL)
		return -EIO;
	sqlite3_bind_int64(stmt, 1, id);
	return catalog_run(stmt, err);
}

static int no_memory(struct error *err)
{
	return error_set(err, ENOMEM, "out of memory");
}

/* Steps a statement that gives one row or none: 1, 0, or a negative errno. */
int catalog_one(sqlite3_stmt *stmt, struct error *err)
{
	int code = sqlite3_step(stmt);

	if (code == SQLITE_ROW || code == SQLITE_DONE)
		return code == SQLITE_ROW;
	code = db_errno(sqlite3_db_handle(stmt), code, "reading the catalog", err);
	sqlite3_reset(stmt);
	return code;
}

/* Texts. */

int catalog_text_drop(struct catalog *c, int64_t id, struct error *err)
{
	/* FTS5 must be told what it had (sqlite.org/fts5.html, "The 'delete' Command"). */
	static const char unsearch[] = "INSERT INTO search(search, rowid, path, title, body)"
				       " SELECT 'delete', id, path, title, body FROM doc"
				       " WHERE id = ?1";
	static const char delete[] = "DELETE FROM doc WHERE id = ?1";
	int status = catalog_run_id(c, unsearch, id, err);

	return status < 0 ? status : catalog_run_id(c, delete, id, err);
}

struct text {
	const char *title, *body;
	size_t title_len, body_len;
};

static int text_insert(struct catalog *c, const char *sql, const struct entry *e,
	const struct text *t, struct error *err)
{
	sqlite3_stmt *stmt = db_write(c->db, sql, err);
	char *path;
	int status;

	if (stmt == NULL)
		return -EIO;
	path = entry_path(e);
	if (path == NULL)
		return no_memory(err);
	sqlite3_bind_int64(stmt, 1, e->id);
	sqlite3_bind_text(stmt, 2, path, -1, SQLITE_STATIC);
	sqlite3_bind_text64(stmt, 3, t->title != NULL ? t->title : "", t->title_len, SQLITE_STATIC,
		SQLITE_UTF8);
	sqlite3_bind_text64(stmt, 4, t->body, t->body_len, SQLITE_STATIC, SQLITE_UTF8);
	status = catalog_run(stmt, err);
	free(path);
	return status;
}

static int text_put(
	struct catalog *c, const struct entry *e, const struct text *t, struct error *err)
{
	static const char doc[] = "INSERT INTO doc(id, path, title, body) VALUES(?1, ?2, ?3, ?4)";
	static const char search[] =
		"INSERT INTO search(rowid, path, title, body) VALUES(?1, ?2, ?3, ?4)";
	int status = text_insert(c, doc, e, t, err);

	return status < 0 ? status : text_insert(c, search, e, t, err);
}

/* Entries. */

static int entry_write(
	struct catalog *c, const char *sql, const struct entry *e, bool indexed, struct error *err)
{
	sqlite3_stmt *stmt = db_write(c->db, sql, err);

	if (stmt == NULL)
		return -EIO;
	sqlite3_bind_int64(stmt, 1, e->id);
	sqlite3_bind_int64(stmt, 2, e->source);
	sqlite3_bind_text(stmt, 3, e->dir, -1, SQLITE_STATIC);
	sqlite3_bind_text(stmt, 4, e->name, -1, SQLITE_STATIC);
	sqlite3_bind_int(stmt, 5, e->is_dir);
	if (e->fetched)
		sqlite3_bind_blob(stmt, 6, &e->object, sizeof(e->object), SQLITE_STATIC);
	sqlite3_bind_int64(stmt, 7, (int64_t)e->size);
	sqlite3_bind_int64(stmt, 8, e->modified_us);
	sqlite3_bind_int64(stmt, 9, e->updated_us);
	sqlite3_bind_int64(stmt, 10, e->version);
	sqlite3_bind_text(stmt, 11, e->type != NULL ? e->type : "", -1, SQLITE_STATIC);
	sqlite3_bind_text(stmt, 12, e->etag, -1, SQLITE_STATIC);
	sqlite3_bind_int64(stmt, 13, e->asked_us);
	sqlite3_bind_int(stmt, 14, indexed);
	return catalog_run(stmt, err);
}

static int entry_insert(struct catalog *c, struct entry *e, const struct text *t, struct error *err)
{
	static const char sql[] =
		"INSERT INTO entry(id, source, dir, name, is_dir, object, size, "
		"modified, updated,"
		" version, type, etag, asked, indexed)"
		" VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)";
	int64_t last = 0;
	int status = catalog_last_version(c, e, &last, err);

	if (status < 0)
		return status;
	e->id = catalog_new_id(c);
	e->version = last + 1;
	if (e->updated_us == 0)
		e->updated_us = clock_system.wall_us(&clock_system);
	status = entry_write(c, sql, e, t->body != NULL, err);
	return status == 0 && t->body != NULL ? text_put(c, e, t, err) : status;
}

static int entry_update(struct catalog *c, const struct entry *e, bool indexed, struct error *err)
{
	static const char sql[] =
		"UPDATE entry SET object = ?6, size = ?7, modified = ?8, updated = ?9,"
		" version = ?10, type = ?11, etag = ?12, asked = ?13, indexed = ?14"
		" WHERE id = ?1";

	return entry_write(c, sql, e, indexed, err);
}

static int entry_change(struct catalog *c, const struct entry *old, bool indexed, struct entry *e,
	const struct text *t, int keep, struct error *err)
{
	int status = catalog_keep(c, old, keep, err);

	if (status == 0 && indexed)
		status = catalog_text_drop(c, old->id, err);
	if (status < 0)
		return status;
	e->id = old->id;
	e->version = old->version + 1;
	if (e->updated_us == 0)
		e->updated_us = clock_system.wall_us(&clock_system);
	status = entry_update(c, e, t->body != NULL, err);
	return status == 0 && t->body != NULL ? text_put(c, e, t, err) : status;
}

static bool same_text(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool same_content(const struct entry *a, const struct entry *b)
{
	if (a->is_dir || b->is_dir)
		return a->is_dir && b->is_dir;
	if (a->fetched != b->fetched)
		return false;
	if (a->fetched)
		return memcmp(&a->object, &b->object, sizeof(a->object)) == 0;
	return a->size == b->size && a->modified_us == b->modified_us;
}

int catalog_touch(struct catalog *c, const struct entry *e, bool shown, struct error *err)
{
	static const char sql[] = "UPDATE entry SET modified = ?2, type = ?3, etag = ?4,"
				  " asked = ?5 WHERE id = ?1 AND object = ?6";
	sqlite3_stmt *stmt = db_write(c->db, sql, err);
	int status;

	if (stmt == NULL)
		return -EIO;
	sqlite3_bind_int64(stmt, 1, e->id);
	sqlite3_bind_int64(stmt, 2, e->modified_us);
	sqlite3_bind_text(stmt, 3, e->type, -1, SQLITE_STATIC);
	sqlite3_bind_text(stmt, 4, e->etag, -1, SQLITE_STATIC);
	sqlite3_bind_int64(stmt, 5, e->asked_us);
	sqlite3_bind_blob(stmt, 6, &e->object, sizeof(e->object), SQLITE_STATIC);
	status = catalog_run(stmt, err);
	c->changed = c->changed || shown;
	return status;
}

/* The same content: what else is told of it may differ. A directory that was made on the way to a
 * file in it has nothing to tell. */
static int entry_touch(struct catalog *c, const struct entry *old, bool indexed, struct entry *e,
	struct error *err)
{
	const char *type = e->type != NULL ? e->type : "";
	bool shown = old->size != e->size || old->modified_us != e->modified_us ||
		     !same_text(old->type, type);

	e->id = old->id;
	e->version = old->version;
	e->updated_us = old->updated_us;
	if (e->is_dir && e->modified_us == 0)
		return 0;
	if (!shown && same_text(old->etag, e->etag) && old->asked_us == e->asked_us)
		return 0;
	c->changed = c->changed || shown;
	return entry_update(c, e, indexed, err);
}

/* 1: found, and *old is to be released; 0: there is none. */
int catalog_current(struct catalog *c, const struct entry *e, struct entry *old, bool *indexed,
	struct error *err)
{
	static const char sql[] = "SELECT " ENTRY_COLUMNS ", indexed FROM entry"
				  " WHERE source = ?1 AND dir = ?2 AND name = ?3";
	sqlite3_stmt *stmt = db_write(c->db, sql, err);
	struct entry row;
	int status;

	if (stmt == NULL)
		return -EIO;
	catalog_bind_entry(stmt, e);
	status = catalog_one(stmt, err);
	if (status == 1) {
		catalog_row(stmt, &row);
		*indexed = sqlite3_column_int(stmt, 13) != 0;
		if (catalog_copy(&row, old) < 0)
			status = no_memory(err);
	}
	sqlite3_reset(stmt);
	sqlite3_clear_bindings(stmt);
	return status;
}

static int check_source(struct catalog *c, int64_t source, struct error *err)
{
	static const char sql[] = "SELECT 1 FROM source WHERE id = ?1";
	sqlite3_stmt *stmt;
	int status;

	if (c->source == source)
		return 0;
	stmt = db_write(c->db, sql, err);
	if (stmt == NULL)
		return -EIO;
	sqlite3_bind_int64(stmt, 1, source);
	status = catalog_one(stmt, err);
	sqlite3_reset(stmt);
	if (status == 0)
		return error_set(err, ENOENT, "the source is gone");
	if (status == 1)
		c->source = source;
	return status < 0 ? status : 0;
}

static int replace(struct catalog *c, const struct entry *old, int keep, struct error *err)
{
	char *path = entry_path(old);
	int status;

	if (path == NULL)
		return no_memory(err);
	status = catalog_remove(c, old->source, path, keep, NULL, NULL, err);
	free(path);
	return status;
}

int catalog_put(struct catalog *c, struct entry *e, const char *title, size_t title_len,
	const char *body, size_t body_len, int keep, bool *changed, struct error *err)
{
	const struct text t = {title, body, title_len, body_len};
	struct entry old = {0};
	bool indexed = false, same = false;
	int status = check_source(c, e->source, err);

	if (status == 0)
		status = catalog_current(c, e, &old, &indexed, err);
	if (status == 1 && old.is_dir != e->is_dir) {
		status = replace(c, &old, keep, err); /* 0: as if there had been none */
	} else if (status == 1 && (same = same_content(&old, e))) {
		status = entry_touch(c, &old, indexed, e, err);
		goto out;
	} else if (status == 1) {
		status = entry_change(c, &old, indexed, e, &t, keep, err);
		goto out;
	}
	if (status == 0)
		status = entry_insert(c, e, &t, err);
out:
	entry_release(&old);
	if (status < 0)
		return status;
	c->changed = c->changed || !same;
	*changed = !same;
	return 0;
}
