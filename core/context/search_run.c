#include "core/context/search_private.h"

#include "core/base/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How much a word counts in the path, the title and the body; docs/search.md. */
#define COLUMNS                                                                                    \
	" entry.id, entry.source, entry.dir, entry.name, entry.type, entry.modified,"              \
	" entry.updated, entry.size"
#define MATCHING " FROM search CROSS JOIN entry ON entry.id = search.rowid WHERE search MATCH ?1"

static const char ranked_sql[] = "SELECT bm25(search, 10.0, 5.0, 1.0)," COLUMNS MATCHING;
static const char counted_sql[] = "SELECT 0," COLUMNS MATCHING;
static const char listed_sql[] = "SELECT 0," COLUMNS " FROM entry WHERE is_dir = 0";
static const char listed_without_sql[] =
	"SELECT 0," COLUMNS " FROM entry WHERE is_dir = 0"
	" AND id NOT IN (SELECT rowid FROM search WHERE search MATCH ?1)";

static void hit_release(struct hit *h)
{
	free((char *)h->row.dir);
	free((char *)h->row.name);
	free((char *)h->row.type);
}

static const char *text_of(sqlite3_stmt *stmt, int column)
{
	const char *text = (const char *)sqlite3_column_text(stmt, column);

	return text ? text : "";
}

/* A file whose name, with or without its ending, is what was asked for. */
static bool is_named(const struct query_terms *q, const char *name)
{
	const char *dot = strrchr(name, '.');
	const size_t len = strlen(name), wanted = strlen(q->name);
	char key[256];
	size_t n;

	if (wanted == 0 || wanted > len)
		return false;
	n = query_name_key(name, len, key, sizeof(key));
	if (n == wanted && memcmp(key, q->name, n) == 0)
		return true;
	n = dot ? query_name_key(name, (size_t)(dot - name), key, sizeof(key)) : 0;
	return n == wanted && memcmp(key, q->name, n) == 0;
}

static void row_read(sqlite3_stmt *stmt, struct row *row)
{
	row->id = sqlite3_column_int64(stmt, 1);
	row->source = sqlite3_column_int64(stmt, 2);
	row->dir = text_of(stmt, 3);
	row->name = text_of(stmt, 4);
	row->type = text_of(stmt, 5);
	row->modified_us = sqlite3_column_int64(stmt, 6);
	row->updated_us = sqlite3_column_int64(stmt, 7);
	row->size = (uint64_t)sqlite3_column_int64(stmt, 8);
	if (row->modified_us == 0)
		row->modified_us = row->updated_us;
}

char *row_path(const struct row *row)
{
	char *path;

	return asprintf(&path, "%s%s%s", row->dir, *row->dir ? "/" : "", row->name) < 0 ? NULL
											: path;
}

/* Whether the filters let it; the source was asked about before. */
static bool is_accepted(const struct finding *f, const struct row *row)
{
	const struct query_terms *q = f->query;
	bool accepted;
	char *path;

	if (!q->since_set && !q->is[QUERY_TYPE].count && !q->not [QUERY_TYPE].count &&
		!q->is[QUERY_PATH].count && !q->not [QUERY_PATH].count)
		return true;
	path = row_path(row);
	accepted = path && query_accepts(q, path, row->type, row->modified_us);
	free(path);
	return accepted;
}

/* The better first; the same everywhere and always. */
static int compare(const struct row *a, const struct row *b)
{
	int r;

	if (a->score != b->score)
		return a->score > b->score ? -1 : 1;
	r = strcmp(a->dir, b->dir);
	r = r ? r : strcmp(a->name, b->name);
	return r ? r : (a->id > b->id) - (a->id < b->id);
}

static int keep(struct finding *f, const struct row *row, size_t first, bool all)
{
	size_t at = f->count;
	struct hit hit = {*row, all};

	while (at > first && compare(row, &f->hits[at - 1].row) < 0)
		at--;
	if (at == f->query->max)
		return 0;
	hit.row.dir = strdup(row->dir);
	hit.row.name = strdup(row->name);
	hit.row.type = strdup(row->type);
	if (!hit.row.dir || !hit.row.name || !hit.row.type) {
		hit_release(&hit);
		return -ENOMEM;
	}
	if (f->count == f->query->max)
		hit_release(&f->hits[--f->count]);
	memmove(&f->hits[at + 1], &f->hits[at], (f->count - at) * sizeof(hit));
	f->hits[at] = hit;
	f->count++;
	return 0;
}

static bool has(const struct finding *f, size_t count, int64_t id)
{
	for (size_t i = 0; i < count; i++)
		if (f->hits[i].row.id == id)
			return true;
	return false;
}

enum pass { PASS_ALL, PASS_SOME, PASS_COUNT, PASS_LIST };

static double score_of(
	const struct finding *f, sqlite3_stmt *stmt, const struct row *row, enum pass pass)
{
	double score;

	if (pass == PASS_LIST)
		return (double)row->modified_us;
	score = -sqlite3_column_double(stmt, 0);
	return is_named(f->query, row->name) ? 2 * score + 20 : score;
}

/* Goes through what an expression matches: counts it, and keeps the best behind what is there. */
static int pass(struct finding *f, const char *sql, const char *match, enum pass pass)
{
	const size_t first = f->count;
	sqlite3_stmt *stmt = reader_stmt(f->reader, sql, f->err);
	int code, r = 0;

	if (!stmt)
		return -EIO;
	if (match)
		sqlite3_bind_text(stmt, 1, match, -1, SQLITE_STATIC);
	while (r == 0 && (code = sqlite3_step(stmt)) == SQLITE_ROW) {
		struct row row;

		if (!scope_find(f->scope, sqlite3_column_int64(stmt, 2)))
			continue;
		row_read(stmt, &row);
		if (!is_accepted(f, &row) || (pass == PASS_SOME && has(f, first, row.id)))
			continue;
		f->total++;
		if (pass == PASS_COUNT)
			continue;
		row.score = score_of(f, stmt, &row, pass);
		r = keep(f, &row, first, pass != PASS_SOME);
	}
	if (r == 0 && code != SQLITE_DONE)
		r = db_errno(sqlite3_db_handle(stmt), code, "searching", f->err);
	else if (r)
		r = error_set(f->err, -r, "out of memory");
	sqlite3_reset(stmt);
	sqlite3_clear_bindings(stmt);
	return r;
}

static int find_all(struct finding *f)
{
	const struct query_terms *q = f->query;
	int r;

	if (!q->all)
		return pass(f, q->never ? listed_without_sql : listed_sql, q->never, PASS_LIST);
	r = pass(f, ranked_sql, q->all, PASS_ALL);
	if (r || !q->some)
		return r;
	if (f->count < q->max)
		return pass(f, ranked_sql, q->some, PASS_SOME);
	f->total = 0; /* those with all words are among those with some */
	return pass(f, counted_sql, q->some, PASS_COUNT);
}

static int run(struct reader *reader, const char *sql, struct error *err)
{
	sqlite3_stmt *stmt = reader_stmt(reader, sql, err);

	return stmt ? db_run(stmt, "searching", err) : -EIO;
}

int results_find(struct search *s, const struct query_terms *query, const struct scope *scope,
	struct results *out, struct error *err)
{
	static const char begin[] = "BEGIN", end[] = "COMMIT";
	struct finding *f = calloc(1, sizeof(*f));
	int r;

	if (!f)
		return error_set(err, ENOMEM, "out of memory");
	f->query = query;
	f->scope = scope;
	f->err = err;
	f->reader = db_reader(catalog_db(s->catalog), err);
	r = f->reader ? run(f->reader, begin, err) : -EIO;
	if (r == 0) {
		r = find_all(f);
		r = r ? r : finding_show(f, out);
		run(f->reader, end, NULL);
	}
	reader_done(f->reader);
	if (r == 0)
		r = finding_urls(s, f, out);
	for (size_t i = 0; i < f->count; i++)
		hit_release(&f->hits[i]);
	free(f);
	return r;
}
