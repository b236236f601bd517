/* Removing entries, within a batch. */
#include "core/context/catalog_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int remove_one(struct catalog *c, const struct entry *e, int keep, struct error *err)
{
	static const char sql[] = "DELETE FROM entry WHERE id = ?1";
	int status = catalog_keep(c, e, keep, err);

	/* Where nothing is searched, this finds nothing. */
	if (status == 0 && !e->is_dir)
		status = catalog_text_drop(c, e->id, err);
	if (status == 0)
		status = catalog_run_id(c, sql, e->id, err);
	c->changed = true;
	return status;
}

struct removal {
	struct catalog *catalog;
	int64_t source;
	int keep, left; /* how many more may go */
	catalog_gone fn;
	void *arg;
	struct error *err;
};

static int remove_and_tell(struct removal *r, const struct entry *e)
{
	char *path;
	int status = remove_one(r->catalog, e, r->keep, r->err);

	r->left--;
	if (status < 0 || r->fn == NULL)
		return status;
	path = entry_path(e);
	if (path == NULL)
		return error_set(r->err, ENOMEM, "out of memory");
	r->fn(r->arg, path, e->is_dir);
	free(path);
	return 0;
}

#define REMOVE_AT_ONCE 64

/* Reads some entries that the statement gives, bound but for its last parameter, ?4. */
static int read_some(struct removal *r, sqlite3_stmt *stmt, struct entry *list, int *count)
{
	struct entry row;
	int status = 1;

	sqlite3_bind_int(stmt, 4, r->left < REMOVE_AT_ONCE ? r->left : REMOVE_AT_ONCE);
	*count = 0;
	while (*count < REMOVE_AT_ONCE && (status = catalog_one(stmt, r->err)) == 1) {
		catalog_row(stmt, &row);
		if (catalog_copy(&row, &list[*count]) < 0) {
			status = error_set(r->err, ENOMEM, "out of memory");
			break;
		}
		++*count;
	}
	sqlite3_reset(stmt);
	return status < 0 ? status : 0;
}

/* Removes what the statement gives until it gives none, or no more may go. */
static int remove_found(struct removal *r, const char *sql, const char *from, const char *to)
{
	struct entry list[REMOVE_AT_ONCE];
	sqlite3_stmt *stmt = db_write(r->catalog->db, sql, r->err);
	int status = 0, count = 1;

	if (stmt == NULL)
		return -EIO;
	while (status == 0 && count > 0 && r->left > 0) {
		sqlite3_bind_int64(stmt, 1, r->source);
		sqlite3_bind_text(stmt, 2, from, -1, SQLITE_STATIC);
		sqlite3_bind_text(stmt, 3, to, -1, SQLITE_STATIC);
		status = read_some(r, stmt, list, &count);
		for (int i = 0; i < count; i++) {
			if (status == 0)
				status = remove_and_tell(r, &list[i]);
			entry_release(&list[i]);
		}
	}
	sqlite3_clear_bindings(stmt);
	return status;
}

/* All below the directory; the deepest first, so that what is left always hangs together. */
static int remove_below(struct removal *r, const char *dir)
{
	static const char deep[] = "SELECT " ENTRY_COLUMNS " FROM entry WHERE source = ?1"
				   " AND dir > ?2 AND dir < ?3 ORDER BY dir DESC LIMIT ?4";
	static const char here[] = "SELECT " ENTRY_COLUMNS " FROM entry WHERE source = ?1"
				   " AND dir >= ?2 AND dir <= ?3 LIMIT ?4";
	const char *slash = dir[0] != '\0' ? "/" : "";
	char *from = NULL, *to = NULL;
	int status;

	if (asprintf(&from, "%s%s", dir, slash) < 0)
		from = NULL;
	if (asprintf(&to, "%s%s\xff", dir, slash) < 0) /* past all UTF-8 */
		to = NULL;
	status = from == NULL || to == NULL ? error_set(r->err, ENOMEM, "out of memory") : 0;
	if (status == 0)
		status = remove_found(r, deep, from, to);
	if (status == 0)
		status = remove_found(r, here, dir, dir);
	free(from);
	free(to);
	return status;
}

int catalog_remove_some(struct catalog *c, int64_t source, const char *path, int keep, int most,
	catalog_gone fn, void *arg, bool *more, struct error *err)
{
	struct removal r = {c, source, keep, most, fn, arg, err};
	struct entry e = {.source = source}, old = {0};
	const char *name = catalog_name(path);
	bool indexed;
	int status = 1;

	*more = false;
	e.name = (char *)name;
	e.dir = strndup(path, name == path ? 0 : (size_t)(name - path) - 1);
	if (e.dir == NULL)
		return error_set(err, ENOMEM, "out of memory");
	if (path[0] != '\0')
		status = catalog_current(c, &e, &old, &indexed, err);
	free(e.dir);
	if (status <= 0)
		return status;
	status = path[0] == '\0' || old.is_dir ? remove_below(&r, path) : 0;
	if (status == 0 && path[0] != '\0' && r.left > 0)
		status = remove_and_tell(&r, &old);
	*more = r.left <= 0;
	entry_release(&old);
	return status;
}

struct files {
	void (*fn)(void *arg, const char *path);
	void *arg;
};

static void tell_file(void *arg, const char *path, bool is_dir)
{
	const struct files *files = arg;

	if (!is_dir && files->fn != NULL)
		files->fn(files->arg, path);
}

int catalog_remove(struct catalog *c, int64_t source, const char *path, int keep,
	void (*fn)(void *arg, const char *path), void *arg, struct error *err)
{
	struct files files = {fn, arg};
	bool more = true;
	int status = 0;

	while (status == 0 && more)
		status = catalog_remove_some(
			c, source, path, keep, 4096, tell_file, &files, &more, err);
	return status;
}
