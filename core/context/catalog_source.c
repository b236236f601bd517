/* Sources as rows, and taking out what belonged to one. */
#include "core/context/catalog_private.h"

#include <errno.h>
#include <string.h>

#define STEP 256 /* entries, or versions, that one transaction takes out */

static int run(sqlite3_stmt *stmt, struct error *err)
{
	int status = db_run(stmt, "writing the catalog", err);

	sqlite3_clear_bindings(stmt);
	return status;
}

/* Whether the name is another source's: 1 or 0. */
static int is_taken(struct catalog *c, const struct source_row *row, struct error *err)
{
	static const char sql[] = "SELECT id FROM source WHERE name = ?1";
	sqlite3_stmt *stmt = db_write(c->db, sql, err);
	int code, taken = 0;

	if (stmt == NULL)
		return -EIO;
	sqlite3_bind_text(stmt, 1, row->name, -1, SQLITE_STATIC);
	code = sqlite3_step(stmt);
	if (code == SQLITE_ROW)
		taken = sqlite3_column_int64(stmt, 0) != row->id;
	else if (code != SQLITE_DONE)
		taken = db_errno(sqlite3_db_handle(stmt), code, "reading the catalog", err);
	sqlite3_reset(stmt);
	sqlite3_clear_bindings(stmt);
	return taken;
}

static int write_row(
	struct catalog *c, const char *sql, const struct source_row *row, struct error *err)
{
	sqlite3_stmt *stmt = db_write(c->db, sql, err);
	int status;

	if (stmt == NULL)
		return -EIO;
	sqlite3_bind_int64(stmt, 1, row->id);
	sqlite3_bind_text(stmt, 2, row->name, -1, SQLITE_STATIC);
	sqlite3_bind_int64(stmt, 3, row->uid);
	sqlite3_bind_int64(stmt, 4, row->gid);
	sqlite3_bind_text(stmt, 5, row->config, -1, SQLITE_STATIC);
	sqlite3_bind_blob64(stmt, 6, row->secrets, row->secrets_len, SQLITE_STATIC);
	sqlite3_bind_text(stmt, 7, row->memory, -1, SQLITE_STATIC);
	status = run(stmt, err);
	if (status == 0 && sqlite3_changes(sqlite3_db_handle(stmt)) == 0)
		return error_set(err, ENOENT, "the source is gone");
	return status;
}

static int put(struct catalog *c, struct source_row *row, struct error *err)
{
	static const char insert[] = "INSERT INTO source(id, name, uid, gid, config, secrets,"
				     " memory) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)";
	static const char update[] = "UPDATE source SET name = ?2, uid = ?3, gid = ?4,"
				     " config = ?5, secrets = ?6, memory = ?7 WHERE id = ?1";
	const bool made = row->id == 0;
	int status = is_taken(c, row, err);

	if (status == 1)
		return error_set(err, EEXIST, "name: there is a source of that name");
	if (status < 0)
		return status;
	if (made)
		row->id = catalog_new_id(c);
	status = write_row(c, made ? insert : update, row, err);
	if (status < 0 && made)
		row->id = 0;
	return status;
}

int catalog_source_put(struct catalog *c, struct source_row *row, struct error *err)
{
	const bool made = row->id == 0;
	int status = catalog_begin(c, err);

	if (status < 0)
		return status;
	status = put(c, row, err);
	if (status < 0) {
		catalog_rollback(c);
		return status;
	}
	status = catalog_commit(c, err);
	if (status < 0 && made)
		row->id = 0;
	return status;
}

int catalog_source_remember(struct catalog *c, int64_t id, const char *memory, struct error *err)
{
	static const char sql[] = "UPDATE source SET memory = ?2 WHERE id = ?1";
	sqlite3_stmt *stmt;
	int status = -EIO;

	db_lock(c->db);
	stmt = db_write(c->db, sql, err);
	if (stmt != NULL) {
		sqlite3_bind_int64(stmt, 1, id);
		sqlite3_bind_text(stmt, 2, memory, -1, SQLITE_STATIC);
		status = run(stmt, err);
	}
	if (status == 0 && sqlite3_changes(sqlite3_db_handle(stmt)) == 0)
		status = error_set(err, ENOENT, "the source is gone");
	db_unlock(c->db);
	return status;
}

int catalog_sources(struct catalog *c, int (*fn)(void *arg, const struct source_row *), void *arg,
	struct error *err)
{
	static const char sql[] = "SELECT id, name, uid, gid, config, secrets, memory FROM source"
				  " ORDER BY name";
	int status, code = SQLITE_ROW;
	struct query q;

	status = query_begin(c, sql, &q, err);
	if (status < 0)
		return status;
	while (status == 0 && (code = sqlite3_step(q.stmt)) == SQLITE_ROW) {
		const struct source_row row = {
			.id = sqlite3_column_int64(q.stmt, 0),
			.name = (const char *)sqlite3_column_text(q.stmt, 1),
			.uid = (uint32_t)sqlite3_column_int64(q.stmt, 2),
			.gid = (uint32_t)sqlite3_column_int64(q.stmt, 3),
			.config = (const char *)sqlite3_column_text(q.stmt, 4),
			.secrets = sqlite3_column_blob(q.stmt, 5),
			.secrets_len = (size_t)sqlite3_column_bytes(q.stmt, 5),
			.memory = (const char *)sqlite3_column_text(q.stmt, 6),
		};

		status = fn(arg, &row);
	}
	if (code != SQLITE_ROW && code != SQLITE_DONE)
		status = db_errno(
			sqlite3_db_handle(q.stmt), code, "reading the catalog's sources", err);
	query_end(&q);
	return status;
}

/* Dropping one. */

/* Ids of rows, and what they refer to. */
struct some {
	int64_t ids[STEP];
	int count;
};

static int read_some(struct catalog *c, const char *sql, int64_t source, int64_t most,
	struct some *out, struct error *err)
{
	sqlite3_stmt *stmt = db_write(c->db, sql, err);
	int code = SQLITE_ROW, status = 0;

	if (stmt == NULL)
		return -EIO;
	sqlite3_bind_int64(stmt, 1, source);
	sqlite3_bind_int64(stmt, 2, most < STEP ? most : STEP);
	while (status == 0 && out->count < STEP && (code = sqlite3_step(stmt)) == SQLITE_ROW) {
		out->ids[out->count++] = sqlite3_column_int64(stmt, 0);
		if (sqlite3_column_bytes(stmt, 1) == OBJECT_ID_BYTES)
			status = catalog_lose(c, sqlite3_column_blob(stmt, 1), err);
	}
	if (code != SQLITE_ROW && code != SQLITE_DONE)
		status = db_errno(sqlite3_db_handle(stmt), code, "reading the catalog", err);
	sqlite3_reset(stmt);
	return status;
}

static int clear_entries(struct catalog *c, int64_t source, int *count, struct error *err)
{
	static const char find[] = "SELECT id, object FROM entry WHERE source = ?1 LIMIT ?2";
	static const char drop[] = "DELETE FROM entry WHERE id = ?1";
	struct some some = {.count = 0};
	int status = read_some(c, find, source, STEP, &some, err);

	for (int i = 0; status == 0 && i < some.count; i++) {
		status = catalog_text_drop(c, some.ids[i], err);
		if (status == 0)
			status = catalog_run_id(c, drop, some.ids[i], err);
	}
	*count = some.count;
	return status;
}

static int clear_versions(
	struct catalog *c, int64_t source, int64_t most, int *count, struct error *err)
{
	static const char find[] =
		"SELECT id, object FROM version WHERE source = ?1 ORDER BY id LIMIT ?2";
	static const char drop[] = "DELETE FROM version WHERE id = ?1";
	struct some some = {.count = 0};
	int status = read_some(c, find, source, most, &some, err);

	for (int i = 0; status == 0 && i < some.count; i++)
		status = catalog_run_id(c, drop, some.ids[i], err);
	*count = some.count;
	return status;
}

int catalog_source_clear(struct catalog *c, int64_t source, bool *more, struct error *err)
{
	int entries = 0, versions = 0;
	int status = clear_entries(c, source, &entries, err);

	if (status == 0)
		status = clear_versions(c, source, STEP, &versions, err);
	*more = entries == STEP || versions == STEP;
	return status;
}

int catalog_trim(struct catalog *c, int64_t source, int64_t most, bool *more, struct error *err)
{
	static const char sql[] = "SELECT count(*) FROM version WHERE source = ?1";
	sqlite3_stmt *stmt = db_write(c->db, sql, err);
	int64_t over = 0;
	int count = 0, status = 0;

	if (stmt == NULL)
		return -EIO;
	sqlite3_bind_int64(stmt, 1, source);
	if (sqlite3_step(stmt) == SQLITE_ROW)
		over = sqlite3_column_int64(stmt, 0) - most;
	sqlite3_reset(stmt);
	if (over > 0)
		status = clear_versions(c, source, over, &count, err);
	*more = over > count;
	return status;
}

static int step(struct catalog *c, int64_t source, bool *more, struct error *err)
{
	int status = catalog_begin(c, err);

	if (status < 0)
		return status;
	status = catalog_source_clear(c, source, more, err);
	if (status == 0)
		return catalog_commit(c, err);
	catalog_rollback(c);
	return status;
}

int catalog_source_drop(struct catalog *c, int64_t id, struct error *err)
{
	static const char sql[] = "DELETE FROM source WHERE id = ?1";
	sqlite3_stmt *stmt;
	bool more = true;
	int status = catalog_begin(c, err);

	if (status < 0)
		return status;
	stmt = db_write(c->db, sql, err);
	status = -EIO;
	if (stmt != NULL) {
		sqlite3_bind_int64(stmt, 1, id);
		status = run(stmt, err);
	}
	if (status < 0) {
		catalog_rollback(c);
		return status;
	}
	c->changed = true;
	status = catalog_commit(c, err);
	while (status == 0 && more) {
		db_yield(c->db);
		status = step(c, id, &more, err);
	}
	/* What is left has no source, and is swept after the next start. */
	if (status < 0)
		c->unswept = true;
	return status;
}
