/* Earlier versions. */
#include "core/context/catalog_private.h"

#include "core/base/grow.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define VERSION_COLUMNS                                                                            \
	"entry, source, dir, name, 0, object, size, modified, updated, n, type, NULL, 0"

int catalog_versions(struct catalog *c, int64_t source, const char *path,
	int (*fn)(void *arg, const struct entry *), void *arg)
{
	static const char sql[] = "SELECT " VERSION_COLUMNS " FROM version"
				  " WHERE source = ?1 AND dir = ?2 AND name = ?3"
				  " AND " SOURCE_IS_THERE " ORDER BY n";
	struct entry row;
	struct query q;
	int status = query_begin(c, sql, &q, NULL), code = SQLITE_ROW;

	if (status < 0)
		return status;
	catalog_bind_path(q.stmt, source, path);
	while (status == 0 && (code = sqlite3_step(q.stmt)) == SQLITE_ROW) {
		catalog_row(q.stmt, &row);
		status = fn(arg, &row);
	}
	query_end(&q);
	return code == SQLITE_ROW || code == SQLITE_DONE ? status : -EIO;
}

int catalog_version(
	struct catalog *c, int64_t source, const char *path, int64_t version, struct entry *out)
{
	static const char sql[] = "SELECT " VERSION_COLUMNS " FROM version"
				  " WHERE source = ?1 AND dir = ?2 AND name = ?3 AND n = ?4"
				  " AND " SOURCE_IS_THERE;
	struct entry row;
	struct query q;
	int status = query_begin(c, sql, &q, NULL), code;

	if (status < 0)
		return status;
	catalog_bind_path(q.stmt, source, path);
	sqlite3_bind_int64(q.stmt, 4, version);
	code = sqlite3_step(q.stmt);
	if (code == SQLITE_ROW) {
		catalog_row(q.stmt, &row);
		status = catalog_copy(&row, out);
	} else {
		status = code == SQLITE_DONE ? -ENOENT : -EIO;
	}
	query_end(&q);
	return status;
}

/* The names that have history, to be told in order and once. */
struct names {
	struct name {
		char *name;
		bool is_dir;
	} * items;
	size_t count, cap;
};

static int names_add(struct names *n, const char *name, size_t len, bool is_dir)
{
	struct name *items = grow(n->items, n->count, &n->cap, sizeof(*items), 64);

	if (items == NULL)
		return -ENOMEM;
	n->items = items;
	n->items[n->count] = (struct name){.name = strndup(name, len), .is_dir = is_dir};
	return n->items[n->count].name != NULL ? (n->count++, 0) : -ENOMEM;
}

static void names_release(struct names *n)
{
	for (size_t i = 0; i < n->count; i++)
		free(n->items[i].name);
	free(n->items);
}

/* By name, directories first. */
static int compare(const void *a, const void *b)
{
	const struct name *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	return order != 0 ? order : y->is_dir - x->is_dir;
}

static int files_with_history(
	struct catalog *c, int64_t source, const char *dir, struct names *names)
{
	static const char sql[] = "SELECT DISTINCT name FROM version"
				  " WHERE source = ?1 AND dir = ?2 AND " SOURCE_IS_THERE;
	struct query q;
	int status = query_begin(c, sql, &q, NULL), code = SQLITE_ROW;

	if (status < 0)
		return status;
	sqlite3_bind_int64(q.stmt, 1, source);
	sqlite3_bind_text(q.stmt, 2, dir, -1, SQLITE_STATIC);
	while (status == 0 && (code = sqlite3_step(q.stmt)) == SQLITE_ROW)
		status = names_add(names, (const char *)sqlite3_column_text(q.stmt, 0),
			(size_t)sqlite3_column_bytes(q.stmt, 0), false);
	query_end(&q);
	return code == SQLITE_ROW || code == SQLITE_DONE ? status : -EIO;
}

/*
 * The directories below that have versions, in order of their paths, without looking at more than
 * one of each first part: after "a" comes whatever is greater, after "a/b" what follows "a/…".
 */
static int directories_with_history(
	struct catalog *c, int64_t source, const char *dir, struct names *names)
{
	static const char sql[] = "SELECT dir FROM version WHERE source = ?1 AND dir > ?2"
				  " AND dir < ?3 AND " SOURCE_IS_THERE " ORDER BY dir LIMIT 1";
	const size_t skip = dir[0] == '\0' ? 0 : strlen(dir) + 1;
	struct buf at = BUF_INIT, end = BUF_INIT;
	int status, code = SQLITE_ROW;
	struct query q;

	status = query_begin(c, sql, &q, NULL);
	if (status < 0)
		return status;
	buf_adds(&at, dir);
	buf_adds(&end, dir);
	if (skip > 0) {
		buf_addc(&at, '/');
		buf_addc(&end, '/' + 1);
	} else {
		buf_addc(&end, '\xff'); /* past all UTF-8 */
	}
	while (status == 0 && (status = buf_error(&at)) == 0 && (status = buf_error(&end)) == 0) {
		const char *found, *slash;

		sqlite3_bind_int64(q.stmt, 1, source);
		sqlite3_bind_text(q.stmt, 2, at.len > 0 ? at.data : "", -1, SQLITE_TRANSIENT);
		sqlite3_bind_text(q.stmt, 3, end.data, -1, SQLITE_STATIC);
		code = sqlite3_step(q.stmt);
		if (code != SQLITE_ROW)
			break;
		found = (const char *)sqlite3_column_text(q.stmt, 0);
		slash = strchr(found + skip, '/');
		status = names_add(names, found + skip,
			slash != NULL ? (size_t)(slash - found) - skip : strlen(found + skip),
			true);
		buf_reset(&at);
		if (slash != NULL) {
			buf_add(&at, found, (size_t)(slash - found) + 1);
			buf_addc(&at, '\xff'); /* past all UTF-8 */
		} else {
			buf_adds(&at, found);
		}
		sqlite3_reset(q.stmt);
	}
	query_end(&q);
	buf_release(&at);
	buf_release(&end);
	return status == 0 && code != SQLITE_ROW && code != SQLITE_DONE ? -EIO : status;
}

int catalog_history(struct catalog *c, int64_t source, const char *dir,
	int (*fn)(void *arg, const char *name, bool is_dir), void *arg)
{
	struct names names = {0};
	int status;

	status = files_with_history(c, source, dir, &names);
	if (status == 0)
		status = directories_with_history(c, source, dir, &names);
	if (status == 0 && names.count > 0)
		qsort(names.items, names.count, sizeof(*names.items), compare);
	for (size_t i = 0; status == 0 && i < names.count; i++)
		if (i == 0 || strcmp(names.items[i].name, names.items[i - 1].name) != 0)
			status = fn(arg, names.items[i].name, names.items[i].is_dir);
	names_release(&names);
	return status;
}
