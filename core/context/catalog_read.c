/* Looking things up, on readers. */
#include "core/context/catalog_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int query_begin(struct catalog *c, const char *sql, struct query *q, struct error *err)
{
	*q = (struct query){.reader = db_reader(c->db, err)};
	if (q->reader == NULL)
		return -EIO;
	q->stmt = reader_stmt(q->reader, sql, err);
	if (q->stmt != NULL)
		return 0;
	query_end(q);
	return -EIO;
}

void query_end(struct query *q)
{
	if (q->stmt != NULL) {
		sqlite3_reset(q->stmt);
		sqlite3_clear_bindings(q->stmt);
	}
	reader_done(q->reader);
	*q = (struct query){0};
}

/* NULL only where memory is short. */
static char *text(sqlite3_stmt *stmt, int at)
{
	const unsigned char *found = sqlite3_column_text(stmt, at);

	return (char *)(found != NULL ? (const char *)found : "");
}

void catalog_row(sqlite3_stmt *stmt, struct entry *e)
{
	const void *object = sqlite3_column_blob(stmt, 5);

	*e = (struct entry){
		.id = sqlite3_column_int64(stmt, 0),
		.source = sqlite3_column_int64(stmt, 1),
		.dir = text(stmt, 2),
		.name = text(stmt, 3),
		.is_dir = sqlite3_column_int(stmt, 4) != 0,
		.size = (uint64_t)sqlite3_column_int64(stmt, 6),
		.modified_us = sqlite3_column_int64(stmt, 7),
		.updated_us = sqlite3_column_int64(stmt, 8),
		.version = sqlite3_column_int64(stmt, 9),
		.type = text(stmt, 10),
		.etag = (char *)sqlite3_column_text(stmt, 11),
		.asked_us = sqlite3_column_int64(stmt, 12),
	};
	if (object != NULL && sqlite3_column_bytes(stmt, 5) == sizeof(e->object)) {
		memcpy(&e->object, object, sizeof(e->object));
		e->fetched = true;
	}
}

int catalog_copy(const struct entry *e, struct entry *out)
{
	*out = *e;
	out->dir = strdup(e->dir != NULL ? e->dir : "");
	out->name = strdup(e->name != NULL ? e->name : "");
	out->type = strdup(e->type != NULL ? e->type : "");
	out->etag = e->etag != NULL ? strdup(e->etag) : NULL;
	if (out->dir != NULL && out->name != NULL && out->type != NULL &&
		(out->etag != NULL || e->etag == NULL))
		return 0;
	entry_release(out);
	return -ENOMEM;
}

void entry_release(struct entry *e)
{
	if (e == NULL)
		return;
	free(e->dir);
	free(e->name);
	free(e->type);
	free(e->etag);
	*e = (struct entry){0};
}

char *entry_path(const struct entry *e)
{
	char *path;

	return asprintf(&path, "%s%s%s", e->dir, *e->dir ? "/" : "", e->name) < 0 ? NULL : path;
}

const char *catalog_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

void catalog_bind_path(sqlite3_stmt *stmt, int64_t source, const char *path)
{
	const char *name = catalog_name(path);

	sqlite3_bind_int64(stmt, 1, source);
	sqlite3_bind_text(stmt, 2, path, name == path ? 0 : (int)(name - path - 1), SQLITE_STATIC);
	sqlite3_bind_text(stmt, 3, name, -1, SQLITE_STATIC);
}

void catalog_bind_entry(sqlite3_stmt *stmt, const struct entry *e)
{
	sqlite3_bind_int64(stmt, 1, e->source);
	sqlite3_bind_text(stmt, 2, e->dir, -1, SQLITE_STATIC);
	sqlite3_bind_text(stmt, 3, e->name, -1, SQLITE_STATIC);
}

/* Takes the one row that there is. */
static int take_one(struct query *q, struct entry *out)
{
	int code = sqlite3_step(q->stmt);
	struct entry row;

	if (code != SQLITE_ROW)
		return code == SQLITE_DONE ? -ENOENT : -EIO;
	catalog_row(q->stmt, &row);
	return catalog_copy(&row, out);
}

int catalog_find(struct catalog *c, int64_t source, const char *path, struct entry *out)
{
	static const char sql[] = "SELECT " ENTRY_COLUMNS " FROM entry"
				  " WHERE source = ?1 AND dir = ?2 AND name = ?3"
				  " AND " SOURCE_IS_THERE;
	struct query q;
	int status;

	if (path[0] == '\0')
		return -EISDIR;
	status = query_begin(c, sql, &q, NULL);
	if (status < 0)
		return status;
	catalog_bind_path(q.stmt, source, path);
	status = take_one(&q, out);
	query_end(&q);
	return status;
}

/* Hands each row on, until fn says otherwise. */
static int each_row(struct query *q, int (*fn)(void *arg, const struct entry *), void *arg)
{
	struct entry row;
	int status = 0, code = SQLITE_ROW;

	while (status == 0 && (code = sqlite3_step(q->stmt)) == SQLITE_ROW) {
		catalog_row(q->stmt, &row);
		status = fn(arg, &row);
	}
	return code == SQLITE_ROW || code == SQLITE_DONE ? status : -EIO;
}

int catalog_list(struct catalog *c, int64_t source, const char *dir,
	int (*fn)(void *arg, const struct entry *), void *arg)
{
	static const char sql[] =
		"SELECT " ENTRY_COLUMNS " FROM entry"
		" WHERE source = ?1 AND dir = ?2 AND " SOURCE_IS_THERE " ORDER BY name";
	struct query q;
	int status = query_begin(c, sql, &q, NULL);

	if (status < 0)
		return status;
	sqlite3_bind_int64(q.stmt, 1, source);
	sqlite3_bind_text(q.stmt, 2, dir, -1, SQLITE_STATIC);
	status = each_row(&q, fn, arg);
	query_end(&q);
	return status;
}

bool catalog_is_empty(struct catalog *c, int64_t source)
{
	static const char sql[] = "SELECT EXISTS(SELECT 1 FROM entry WHERE source = ?1)";
	bool empty = false;
	struct query q;

	if (query_begin(c, sql, &q, NULL) < 0)
		return false;
	sqlite3_bind_int64(q.stmt, 1, source);
	if (sqlite3_step(q.stmt) == SQLITE_ROW)
		empty = sqlite3_column_int(q.stmt, 0) == 0;
	query_end(&q);
	return empty;
}

int catalog_sum(struct catalog *c, int64_t source, struct catalog_sum *out)
{
	static const char sql[] =
		"SELECT count(*), coalesce(sum(is_dir), 0), coalesce(sum(indexed), 0),"
		" coalesce(sum(iif(is_dir, 0, size)), 0) FROM entry"
		" WHERE source = ?1 AND " SOURCE_IS_THERE;
	struct query q;
	int status = query_begin(c, sql, &q, NULL);

	if (status < 0)
		return status;
	sqlite3_bind_int64(q.stmt, 1, source);
	if (sqlite3_step(q.stmt) == SQLITE_ROW) {
		out->directories = sqlite3_column_int64(q.stmt, 1);
		out->files = sqlite3_column_int64(q.stmt, 0) - out->directories;
		out->indexed = sqlite3_column_int64(q.stmt, 2);
		out->bytes = sqlite3_column_int64(q.stmt, 3);
	} else {
		status = -EIO;
	}
	query_end(&q);
	return status;
}
