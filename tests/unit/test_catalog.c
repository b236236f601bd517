#include "core/context/catalog.h"
#include "core/log/db.h"
#include "tests/unit/scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

struct place {
	struct scratch scratch;
	struct catalog *catalog;
	int64_t source;
	struct error err;
	struct buf told; /* what a callback was told, a line each */
};

static void reopen(struct place *p)
{
	catalog_close(p->catalog);
	p->catalog = NULL;
	if (catalog_open(p->scratch.path, NULL, &p->catalog, &p->err) < 0)
		fail_msg("%s", p->err.text);
}

static int64_t add_source(struct place *p, const char *name)
{
	struct source_row row = {
		.name = name, .uid = 1000, .gid = 100, .config = "{}", .memory = "m"};

	if (catalog_source_put(p->catalog, &row, &p->err) < 0)
		fail_msg("%s", p->err.text);
	return row.id;
}

static int setup(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	assert_non_null(p);
	scratch_init(&p->scratch);
	reopen(p);
	p->source = add_source(p, "docs");
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	struct place *p = *state;

	catalog_close(p->catalog);
	scratch_release(&p->scratch);
	buf_release(&p->told);
	free(p);
	return 0;
}

static struct object_id make_object(struct place *p, const char *text)
{
	struct object_writer *w;
	struct object_id id;
	uint64_t size;

	assert_int_equal(object_begin(catalog_objects(p->catalog), 1 << 20, &w, NULL), 0);
	assert_int_equal(object_write(w, text, strlen(text), NULL), 0);
	assert_int_equal(object_finish(w, &id, &size, NULL), 0);
	return id;
}

/* One entry, within a batch; whether its content changed. */
static bool put_in(struct place *p, const char *dir, const char *name, const char *text, int keep)
{
	struct entry e = {.source = p->source,
		.dir = (char *)dir,
		.name = (char *)name,
		.is_dir = text == NULL,
		.fetched = text != NULL,
		.size = text != NULL ? strlen(text) : 0,
		.modified_us = 1000,
		.type = "text/plain",
		.etag = "\"e\""};
	bool changed = false;

	if (text != NULL)
		e.object = make_object(p, text);
	if (catalog_put(p->catalog, &e, "title", 5, text, text != NULL ? strlen(text) : 0, keep,
		    &changed, &p->err) < 0)
		fail_msg("%s", p->err.text);
	if (text != NULL)
		object_release(catalog_objects(p->catalog), &e.object);
	assert_true(e.id > 0);
	return changed;
}

static void begin(struct place *p)
{
	if (catalog_begin(p->catalog, &p->err) < 0)
		fail_msg("%s", p->err.text);
}

static void commit(struct place *p)
{
	if (catalog_commit(p->catalog, &p->err) < 0)
		fail_msg("%s", p->err.text);
}

static bool put(struct place *p, const char *dir, const char *name, const char *text, int keep)
{
	bool changed;

	begin(p);
	changed = put_in(p, dir, name, text, keep);
	commit(p);
	return changed;
}

static void tell(struct place *p, const char *what)
{
	buf_adds(&p->told, what);
	buf_addc(&p->told, '\n');
}

static void tell_path(void *arg, const char *path)
{
	tell(arg, path);
}

static void remove_path(struct place *p, const char *path, int keep)
{
	begin(p);
	if (catalog_remove(p->catalog, p->source, path, keep, tell_path, p, &p->err) < 0)
		fail_msg("%s", p->err.text);
	commit(p);
}

static int tell_entry(void *arg, const struct entry *e)
{
	struct place *p = arg;

	buf_addf(&p->told, "%s%s %lld %llu\n", e->name, e->is_dir ? "/" : "", (long long)e->version,
		(unsigned long long)e->size);
	return 0;
}

static int tell_name(void *arg, const char *name, bool is_dir)
{
	struct place *p = arg;

	buf_addf(&p->told, "%s%s\n", name, is_dir ? "/" : "");
	return 0;
}

/* What was told since. */
static void assert_told(struct place *p, const char *expected)
{
	assert_int_equal(buf_error(&p->told), 0);
	assert_string_equal(p->told.len > 0 ? p->told.data : "", expected);
	buf_reset(&p->told);
}

static void assert_listed(struct place *p, const char *dir, const char *expected)
{
	assert_int_equal(catalog_list(p->catalog, p->source, dir, tell_entry, p), 0);
	assert_told(p, expected);
}

static void assert_versions(struct place *p, const char *path, const char *expected)
{
	assert_int_equal(catalog_versions(p->catalog, p->source, path, tell_entry, p), 0);
	assert_told(p, expected);
}

static void assert_history(struct place *p, const char *dir, const char *expected)
{
	assert_int_equal(catalog_history(p->catalog, p->source, dir, tell_name, p), 0);
	assert_told(p, expected);
}

static void assert_content(struct place *p, const struct entry *e, const char *text)
{
	char *bytes = NULL;
	size_t len = 0;

	assert_true(e->fetched);
	assert_int_equal(object_load(catalog_objects(p->catalog), &e->object, e->size, 1 << 20,
				 &bytes, &len),
		0);
	assert_string_equal(bytes, text);
	free(bytes);
}

static void assert_file(struct place *p, const char *path, const char *text)
{
	struct entry e = {0};

	assert_int_equal(catalog_find(p->catalog, p->source, path, &e), 0);
	assert_content(p, &e, text);
	entry_release(&e);
}

/* How many entries match. */
static int matches(struct place *p, const char *query)
{
	static const char sql[] =
		"SELECT count(*) FROM search JOIN entry ON entry.id = search.rowid"
		" JOIN doc ON doc.id = search.rowid WHERE search MATCH ?1";
	struct reader *r = db_reader(catalog_db(p->catalog), NULL);
	sqlite3_stmt *stmt;
	int count;

	assert_non_null(r);
	stmt = reader_stmt(r, sql, NULL);
	assert_non_null(stmt);
	sqlite3_bind_text(stmt, 1, query, -1, SQLITE_STATIC);
	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	count = sqlite3_column_int(stmt, 0);
	sqlite3_reset(stmt);
	reader_done(r);
	return count;
}

static bool count_one(void *arg, const struct object_id *id)
{
	(void)id;
	++*(int *)arg;
	return true;
}

static int objects(struct place *p)
{
	int n = 0;

	assert_int_equal(objects_each(catalog_objects(p->catalog), count_one, &n, NULL), 0);
	return n;
}

/* Both SQLite's and FTS5's own checks; the latter compares the index with the texts. */
static void assert_whole(struct place *p)
{
	static const char fts[] = "INSERT INTO search(search, rank) VALUES('integrity-check', 1)";
	static const char sql[] = "PRAGMA integrity_check";
	struct db *db = catalog_db(p->catalog);
	sqlite3_stmt *stmt;

	db_lock(db);
	stmt = db_write(db, sql, NULL);
	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	assert_string_equal(sqlite3_column_text(stmt, 0), "ok");
	sqlite3_reset(stmt);
	stmt = db_write(db, fts, NULL);
	assert_non_null(stmt);
	if (db_run(stmt, "checking", &p->err) < 0)
		fail_msg("%s", p->err.text);
	db_unlock(db);
}

static void an_entry_is_found_as_it_was_put(void **state)
{
	struct place *p = *state;
	struct entry e = {0};

	put(p, "", "a", NULL, 10);
	assert_true(put(p, "a", "b.md", "hello", 10));
	assert_int_equal(catalog_find(p->catalog, p->source, "a/b.md", &e), 0);
	assert_string_equal(e.dir, "a");
	assert_string_equal(e.name, "b.md");
	assert_string_equal(e.type, "text/plain");
	assert_string_equal(e.etag, "\"e\"");
	assert_int_equal(e.version, 1);
	assert_int_equal(e.modified_us, 1000);
	assert_true(e.updated_us > 0);
	assert_content(p, &e, "hello");
	entry_release(&e);
	entry_release(&e);
	assert_int_equal(catalog_find(p->catalog, p->source, "", &e), -EISDIR);
	assert_int_equal(catalog_find(p->catalog, p->source, "a/c", &e), -ENOENT);
	assert_int_equal(catalog_find(p->catalog, p->source + 1, "a/b.md", &e), -ENOENT);
	assert_int_equal(catalog_find(p->catalog, p->source, "a", &e), 0);
	assert_true(e.is_dir && !e.fetched);
	entry_release(&e);
}

static void names_may_be_anything(void **state)
{
	struct place *p = *state;
	char longest[256] = {0}, path[300];
	static const char *const names[] = {
		"a b", "50%", "#1?", "it's \"so\"", "größe", "日本", "-rf", "a\\b", "*", "LIKE_%"};

	memset(longest, 'n', 255);
	put(p, "", "dir", NULL, 10);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		put(p, "dir", names[i], names[i], 10);
	put(p, "dir", longest, "long", 10);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "dir/%s", names[i]);
		assert_file(p, path, names[i]);
	}
	snprintf(path, sizeof(path), "dir/%s", longest);
	assert_file(p, path, "long");
	remove_path(p, "dir", 10);
	buf_reset(&p->told);
	assert_listed(p, "", "");
}

static void a_directory_is_listed_in_order(void **state)
{
	struct place *p = *state;

	put(p, "", "b", NULL, 10);
	put(p, "", "c", "three", 10);
	put(p, "", "B", "12", 10);
	put(p, "b", "x", "1", 10);
	assert_listed(p, "", "B 1 2\nb/ 1 0\nc 1 5\n");
	assert_listed(p, "b", "x 1 1\n");
	assert_listed(p, "none", "");
}

static int stop_at_b(void *arg, const struct entry *e)
{
	return tell_entry(arg, e), strcmp(e->name, "b") == 0 ? 7 : 0;
}

static void a_listing_ends_when_it_is_told(void **state)
{
	struct place *p = *state;

	put(p, "", "a", "1", 10);
	put(p, "", "b", "1", 10);
	put(p, "", "c", "1", 10);
	assert_int_equal(catalog_list(p->catalog, p->source, "", stop_at_b, p), 7);
	assert_told(p, "a 1 1\nb 1 1\n");
}

static void earlier_versions_are_kept(void **state)
{
	static const char *const texts[] = {"one", "two", "three", "four", "five"};
	struct place *p = *state;
	struct entry e = {0};

	for (int i = 0; i < 5; i++)
		assert_true(put(p, "", "f", texts[i], 3));
	assert_listed(p, "", "f 5 4\n");
	assert_versions(p, "f", "f 2 3\nf 3 5\nf 4 4\n");
	assert_int_equal(catalog_version(p->catalog, p->source, "f", 3, &e), 0);
	assert_content(p, &e, "three");
	entry_release(&e);
	assert_int_equal(catalog_version(p->catalog, p->source, "f", 1, &e), -ENOENT);
	assert_int_equal(catalog_version(p->catalog, p->source, "f", 5, &e), -ENOENT);
	assert_int_equal(objects(p), 4); /* what the first referred to is gone */
	put(p, "", "f", "six", 0);
	assert_versions(p, "f", "");
	assert_int_equal(objects(p), 1);
}

static void what_differs_in_nothing_is_no_version(void **state)
{
	struct place *p = *state;
	uint64_t generation;
	struct entry e = {0};
	bool changed = true;

	put(p, "", "f", "same", 10);
	generation = catalog_generation(p->catalog);
	assert_false(put(p, "", "f", "same", 10));
	assert_int_equal(catalog_generation(p->catalog), generation);
	/* Another ETag is not shown; another date is. */
	assert_int_equal(catalog_find(p->catalog, p->source, "f", &e), 0);
	free(e.etag);
	e.etag = strdup("\"other\"");
	begin(p);
	assert_int_equal(catalog_put(p->catalog, &e, NULL, 0, NULL, 0, 10, &changed, NULL), 0);
	commit(p);
	assert_false(changed);
	assert_int_equal(catalog_generation(p->catalog), generation);
	e.modified_us++;
	begin(p);
	assert_int_equal(catalog_put(p->catalog, &e, NULL, 0, NULL, 0, 10, &changed, NULL), 0);
	commit(p);
	assert_false(changed);
	assert_true(catalog_generation(p->catalog) > generation);
	entry_release(&e);
	assert_int_equal(catalog_find(p->catalog, p->source, "f", &e), 0);
	assert_string_equal(e.etag, "\"other\"");
	assert_int_equal(e.version, 1);
	entry_release(&e);
	assert_versions(p, "f", "");
	assert_int_equal(matches(p, "same"), 1); /* still */
}

static void history_outlives_its_file(void **state)
{
	struct place *p = *state;

	put(p, "", "a", NULL, 10);
	put(p, "a", "b", NULL, 10);
	put(p, "a", "f", "one", 10);
	put(p, "a/b", "g", "two", 10);
	put(p, "", "a-", NULL, 10);
	put(p, "a-", "h", "three", 10);
	put(p, "", "top", "four", 10);
	assert_history(p, "", "");
	remove_path(p, "a", 10);
	assert_told(p, "a/b/g\na/f\n");
	remove_path(p, "a-", 10);
	remove_path(p, "top", 10);
	assert_told(p, "a-/h\ntop\n");
	assert_listed(p, "", "");
	assert_listed(p, "a", "");
	assert_history(p, "", "a/\na-/\ntop\n");
	assert_history(p, "a", "b/\nf\n");
	assert_history(p, "a/b", "g\n");
	assert_history(p, "a/b/g", "");
	assert_versions(p, "a/b/g", "g 1 3\n");
	/* Where it comes back, counting goes on. */
	put(p, "", "top", "five", 10);
	assert_listed(p, "", "top 2 4\n");
	assert_versions(p, "top", "top 1 4\n");
	/* What is a directory now was a file. */
	put(p, "", "both", "1", 10);
	put(p, "", "both", NULL, 10);
	put(p, "both", "x", "2", 10);
	put(p, "both", "x", "3", 10);
	assert_history(p, "", "a/\na-/\nboth/\ntop\n");
	assert_versions(p, "both", "both 1 1\n");
	assert_whole(p);
}

static void a_file_takes_a_directorys_place(void **state)
{
	struct place *p = *state;

	put(p, "", "x", NULL, 10);
	put(p, "x", "y", "inner", 10);
	assert_true(put(p, "", "x", "outer", 10));
	assert_listed(p, "", "x 1 5\n");
	assert_listed(p, "x", "");
	assert_int_equal(matches(p, "inner"), 0);
	assert_true(put(p, "", "x", NULL, 10));
	assert_listed(p, "", "x/ 2 0\n");
	assert_whole(p);
}

static void a_renamed_file_keeps_its_object(void **state)
{
	struct place *p = *state;

	put(p, "", "old", "content", 0);
	begin(p);
	put_in(p, "", "new", "content", 0);
	assert_int_equal(catalog_remove(p->catalog, p->source, "old", 0, NULL, NULL, NULL), 0);
	commit(p);
	assert_int_equal(objects(p), 1);
	assert_file(p, "new", "content");
	remove_path(p, "new", 0);
	assert_int_equal(objects(p), 0);
}

static void texts_follow_their_files(void **state)
{
	struct place *p = *state;

	put(p, "", "guide", NULL, 10);
	put(p, "guide", "login.md", "How users authenticate", 10);
	assert_int_equal(matches(p, "authentication"), 1); /* by its stem */
	assert_int_equal(matches(p, "path:login"), 1);
	assert_int_equal(matches(p, "title:title"), 1);
	put(p, "guide", "login.md", "Nothing of it", 10);
	assert_int_equal(matches(p, "authentication"), 0);
	assert_int_equal(matches(p, "nothing"), 1);
	remove_path(p, "guide", 10);
	assert_int_equal(matches(p, "nothing"), 0);
	assert_whole(p);
}

static void a_batch_that_is_rolled_back_was_not(void **state)
{
	struct place *p = *state;
	uint64_t generation;

	put(p, "", "f", "one", 10);
	generation = catalog_generation(p->catalog);
	begin(p);
	put_in(p, "", "f", "two", 0);
	put_in(p, "", "g", "three", 10);
	catalog_rollback(p->catalog);
	assert_int_equal(catalog_generation(p->catalog), generation);
	assert_file(p, "f", "one");
	assert_listed(p, "", "f 1 3\n");
	assert_int_equal(matches(p, "three"), 0);
	put(p, "", "g", "four", 10);
	assert_whole(p);
}

static void ids_are_never_given_again(void **state)
{
	struct place *p = *state;
	struct entry e = {0};
	int64_t first, source;

	put(p, "", "f", "one", 10);
	assert_int_equal(catalog_find(p->catalog, p->source, "f", &e), 0);
	first = e.id;
	entry_release(&e);
	remove_path(p, "f", 10);
	reopen(p);
	put(p, "", "f", "one", 10);
	assert_int_equal(catalog_find(p->catalog, p->source, "f", &e), 0);
	assert_true(e.id > first);
	first = e.id;
	entry_release(&e);
	source = add_source(p, "other");
	assert_true(source > first);
	assert_int_equal(catalog_source_drop(p->catalog, source, NULL), 0);
	assert_true(add_source(p, "other") > source);
}

static void sums_are_of_one_source(void **state)
{
	struct place *p = *state;
	struct catalog_sum sum;
	bool changed;
	struct entry large = {
		.source = p->source, .dir = "", .name = "large", .size = 1000000, .type = ""};

	put(p, "", "d", NULL, 10);
	put(p, "d", "f", "12345", 10);
	begin(p);
	assert_int_equal(catalog_put(p->catalog, &large, NULL, 0, NULL, 0, 10, &changed, NULL), 0);
	commit(p);
	assert_int_equal(catalog_sum(p->catalog, p->source, &sum), 0);
	assert_int_equal(sum.files, 2);
	assert_int_equal(sum.directories, 1);
	assert_int_equal(sum.indexed, 1);
	assert_int_equal(sum.bytes, 1000005);
	assert_int_equal(catalog_sum(p->catalog, p->source + 99, &sum), 0);
	assert_int_equal(sum.files, 0);
}

static int tell_source(void *arg, const struct source_row *row)
{
	struct place *p = arg;

	buf_addf(&p->told, "%s %u %u %s %.*s %s\n", row->name, row->uid, row->gid, row->config,
		(int)row->secrets_len, row->secrets != NULL ? (const char *)row->secrets : "",
		row->memory != NULL ? row->memory : "-");
	return 0;
}

static void sources_are_rows(void **state)
{
	struct place *p = *state;
	struct source_row row = {.name = "a",
		.uid = 1,
		.gid = 2,
		.config = "{\"url\":1}",
		.secrets = "sealed",
		.secrets_len = 6};
	struct source_row same = {.name = "a", .config = "{}"};
	struct source_row none = {.id = 999, .name = "b", .config = "{}"};

	assert_int_equal(catalog_source_put(p->catalog, &row, NULL), 0);
	assert_int_equal(catalog_source_put(p->catalog, &same, &p->err), -EEXIST);
	assert_int_equal(same.id, 0);
	assert_int_equal(catalog_source_put(p->catalog, &none, NULL), -ENOENT);
	assert_int_equal(catalog_source_remember(p->catalog, row.id, "{\"token\":1}", NULL), 0);
	assert_int_equal(catalog_source_remember(p->catalog, 999, "", NULL), -ENOENT);
	reopen(p);
	assert_int_equal(catalog_sources(p->catalog, tell_source, p, NULL), 0);
	assert_told(p, "a 1 2 {\"url\":1} sealed {\"token\":1}\ndocs 1000 100 {}  m\n");
	row.name = "c";
	row.memory = NULL;
	row.secrets = NULL;
	row.secrets_len = 0;
	assert_int_equal(catalog_source_put(p->catalog, &row, NULL), 0);
	assert_int_equal(catalog_sources(p->catalog, tell_source, p, NULL), 0);
	assert_told(p, "c 1 2 {\"url\":1}  -\ndocs 1000 100 {}  m\n");
}

static void fill(struct place *p, int files)
{
	char name[16], text[64];

	begin(p);
	put_in(p, "", "d", NULL, 10);
	for (int i = 0; i < files; i++) {
		snprintf(name, sizeof(name), "f%04d", i);
		snprintf(text, sizeof(text), "common word%d of %lld", i, (long long)p->source);
		put_in(p, "d", name, text, 10);
	}
	commit(p);
}

static void a_dropped_source_takes_all_with_it(void **state)
{
	struct place *p = *state;
	const int64_t kept = p->source, dropped = add_source(p, "gone");
	struct entry e = {0}, late = {.dir = "", .name = "late", .type = ""};
	bool changed;

	fill(p, 10);
	p->source = dropped;
	fill(p, 700);
	put(p, "d", "f0000", "another", 10);
	assert_int_equal(catalog_source_drop(p->catalog, dropped, NULL), 0);
	assert_int_equal(catalog_find(p->catalog, dropped, "d/f0001", &e), -ENOENT);
	assert_listed(p, "d", "");
	assert_versions(p, "d/f0000", "");
	assert_int_equal(matches(p, "common"), 10);
	assert_int_equal(objects(p), 10);
	/* Who still writes for it is told. */
	late.source = dropped;
	begin(p);
	assert_int_equal(
		catalog_put(p->catalog, &late, NULL, 0, NULL, 0, 10, &changed, &p->err), -ENOENT);
	catalog_rollback(p->catalog);
	p->source = kept;
	assert_file(p, "d/f0009", "common word9 of 1");
	assert_int_equal(add_source(p, "gone") > dropped, 1);
	assert_whole(p);
}

/* What a process that was killed left, seen by the next. */
static void in_a_child_that_dies(struct place *p, void (*act)(struct place *))
{
	pid_t child;
	int status;

	catalog_close(p->catalog);
	p->catalog = NULL;
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		if (catalog_open(p->scratch.path, NULL, &p->catalog, &p->err) == 0)
			act(p);
		raise(SIGKILL);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	reopen(p);
}

static void die_in_a_batch(struct place *p)
{
	fill(p, 20);
	begin(p);
	for (int i = 0; i < 20; i++)
		put_in(p, "d", "f0001", i % 2 == 0 ? "half done" : "done half", 0);
	put_in(p, "d", "more", "never committed", 0);
}

static bool are_objects(struct place *p, int count)
{
	for (int i = 0; i < 2000; i++) {
		if (objects(p) == count)
			return true;
		usleep(1000);
	}
	return false;
}

static void a_batch_cut_short_was_not(void **state)
{
	struct place *p = *state;

	in_a_child_that_dies(p, die_in_a_batch);
	assert_file(p, "d/f0001", "common word1 of 1");
	assert_int_equal(matches(p, "common"), 20);
	assert_int_equal(matches(p, "half"), 0);
	/* Their objects are found and dropped, no others. */
	assert_true(are_objects(p, 20));
	assert_whole(p);
}

/* As a drop that dies after its first step. */
static void die_in_a_drop(struct place *p)
{
	static const char sql[] = "DELETE FROM source";
	struct db *db = catalog_db(p->catalog);

	fill(p, 600);
	put(p, "d", "f0001", "changed", 10);
	db_lock(db);
	db_run(db_write(db, sql, NULL), "", NULL);
	db_unlock(db);
}

static void a_drop_cut_short_is_finished(void **state)
{
	struct place *p = *state;

	in_a_child_that_dies(p, die_in_a_drop);
	assert_listed(p, "d", "");
	assert_true(are_objects(p, 0));
	assert_int_equal(matches(p, "common"), 0);
	assert_whole(p);
}

static void what_is_not_ours_is_refused(void **state)
{
	struct place *p = *state;
	sqlite3 *db;

	catalog_close(p->catalog);
	p->catalog = NULL;
	assert_int_equal(sqlite3_open(scratch_path(&p->scratch, "context.db"), &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "CREATE TABLE alien(x)", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	assert_int_equal(catalog_open(p->scratch.path, NULL, &p->catalog, &p->err), -EUCLEAN);
	assert_null(p->catalog);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(an_entry_is_found_as_it_was_put),
		TEST(names_may_be_anything),
		TEST(a_directory_is_listed_in_order),
		TEST(a_listing_ends_when_it_is_told),
		TEST(earlier_versions_are_kept),
		TEST(what_differs_in_nothing_is_no_version),
		TEST(history_outlives_its_file),
		TEST(a_file_takes_a_directorys_place),
		TEST(a_renamed_file_keeps_its_object),
		TEST(texts_follow_their_files),
		TEST(a_batch_that_is_rolled_back_was_not),
		TEST(ids_are_never_given_again),
		TEST(sums_are_of_one_source),
		TEST(sources_are_rows),
		TEST(a_dropped_source_takes_all_with_it),
		TEST(a_batch_cut_short_was_not),
		TEST(a_drop_cut_short_is_finished),
		TEST(what_is_not_ours_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
