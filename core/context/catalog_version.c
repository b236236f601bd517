/* Earlier versions: what is kept of them, within a batch. */
#include "core/context/catalog_private.h"

#include <errno.h>
#include <string.h>

#define PRUNED_MAX 128 /* paths in a batch */

/* Those of the path up to that number go. */
static int versions_cut(struct catalog *c, const struct entry *e, int64_t n, struct error *err)
{
	static const char find[] = "SELECT object FROM version"
				   " WHERE source = ?1 AND dir = ?2 AND name = ?3 AND n <= ?4";
	static const char delete[] = "DELETE FROM version"
				     " WHERE source = ?1 AND dir = ?2 AND name = ?3 AND n <= ?4";
	sqlite3_stmt *stmts[] = {db_write(c->db, find, err), db_write(c->db, delete, err)};
	int status = 1, found = 0;

	if (stmts[0] == NULL || stmts[1] == NULL)
		return -EIO;
	for (int i = 0; i < 2; i++) {
		catalog_bind_entry(stmts[i], e);
		sqlite3_bind_int64(stmts[i], 4, n);
	}
	while (status == 1 && (status = catalog_one(stmts[0], err)) == 1) {
		found++;
		if (catalog_lose(c, sqlite3_column_blob(stmts[0], 0), err) < 0)
			status = -ENOMEM;
	}
	sqlite3_reset(stmts[0]);
	sqlite3_clear_bindings(stmts[0]);
	if (status == 0 && found > 0)
		return catalog_run(stmts[1], err);
	sqlite3_clear_bindings(stmts[1]);
	return status;
}

/* Paths that have more earlier versions than that, some at a time, with the newest of them. */
static int find_excess(struct catalog *c, int64_t source, int keep, struct entry *out, int most,
	int *count, struct error *err)
{
	static const char sql[] = "SELECT dir, name, MAX(n) FROM version WHERE source = ?1"
				  " GROUP BY dir, name HAVING COUNT(*) > ?2 LIMIT ?3";
	sqlite3_stmt *stmt = db_write(c->db, sql, err);
	int status = 1;

	*count = 0;
	if (stmt == NULL)
		return -EIO;
	sqlite3_bind_int64(stmt, 1, source);
	sqlite3_bind_int(stmt, 2, keep);
	sqlite3_bind_int(stmt, 3, most);
	while (status == 1 && (status = catalog_one(stmt, err)) == 1) {
		struct entry *e = &out[*count];

		*e = (struct entry){.source = source, .version = sqlite3_column_int64(stmt, 2)};
		e->dir = strdup((const char *)sqlite3_column_text(stmt, 0));
		e->name = strdup((const char *)sqlite3_column_text(stmt, 1));
		++*count;
		if (e->dir == NULL || e->name == NULL)
			status = error_set(err, ENOMEM, "out of memory");
	}
	sqlite3_reset(stmt);
	return status;
}

int catalog_prune(struct catalog *c, int64_t source, int keep, struct error *err)
{
	struct entry found[PRUNED_MAX];
	int status, count = 0;

	do {
		status = catalog_begin(c, err);
		if (status < 0)
			return status;
		status = find_excess(c, source, keep, found, PRUNED_MAX, &count, err);
		for (int i = 0; i < count; i++) {
			if (status == 0)
				status = versions_cut(c, &found[i], found[i].version - keep, err);
			entry_release(&found[i]);
		}
		if (status == 0)
			status = catalog_commit(c, err);
		else
			catalog_rollback(c);
	} while (status == 0 && count == PRUNED_MAX);
	return status;
}

/* What the entry shows becomes an earlier version, or goes where none is to be kept. */
int catalog_keep(struct catalog *c, const struct entry *old, int keep, struct error *err)
{
	static const char sql[] = "INSERT INTO version(n, source, dir, name, entry, object, size,"
				  " modified, updated, type)"
				  " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
	sqlite3_stmt *stmt;
	int status;

	if (!old->fetched)
		return 0;
	if (keep <= 0) {
		status = catalog_lose(c, &old->object, err);
		return status < 0 ? status : versions_cut(c, old, old->version, err);
	}
	stmt = db_write(c->db, sql, err);
	if (stmt == NULL)
		return -EIO;
	sqlite3_bind_int64(stmt, 1, old->version);
	sqlite3_bind_int64(stmt, 2, old->source);
	sqlite3_bind_text(stmt, 3, old->dir, -1, SQLITE_STATIC);
	sqlite3_bind_text(stmt, 4, old->name, -1, SQLITE_STATIC);
	sqlite3_bind_int64(stmt, 5, old->id);
	sqlite3_bind_blob(stmt, 6, &old->object, sizeof(old->object), SQLITE_STATIC);
	sqlite3_bind_int64(stmt, 7, (int64_t)old->size);
	sqlite3_bind_int64(stmt, 8, old->modified_us);
	sqlite3_bind_int64(stmt, 9, old->updated_us);
	sqlite3_bind_text(stmt, 10, old->type, -1, SQLITE_STATIC);
	status = catalog_run(stmt, err);
	return status < 0 ? status : versions_cut(c, old, old->version - keep, err);
}

int catalog_last_version(struct catalog *c, const struct entry *e, int64_t *out, struct error *err)
{
	static const char sql[] = "SELECT max(n) FROM version"
				  " WHERE source = ?1 AND dir = ?2 AND name = ?3";
	sqlite3_stmt *stmt = db_write(c->db, sql, err);
	int status;

	if (stmt == NULL)
		return -EIO;
	catalog_bind_entry(stmt, e);
	status = catalog_one(stmt, err);
	if (status == 1)
		*out = sqlite3_column_int64(stmt, 0);
	sqlite3_reset(stmt);
	sqlite3_clear_bindings(stmt);
	return status < 0 ? status : 0;
}
