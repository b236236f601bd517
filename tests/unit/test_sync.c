#include "core/context/sync.h"

#include "core/base/clock.h"
#include "core/base/limits.h"
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
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define NOW      (INT64_C(1700000000) * SECOND_US)
#define LONG_AGO (NOW - 3600 * SECOND_US)

struct place {
	struct scratch scratch;
	struct catalog *catalog;
	struct source_config config;
	struct sync *sync;
	struct sync_result result;
	struct error err;
	struct clock clock;
	int64_t now, source;
	_Atomic bool stop;
	int texts;       /* that were made */
	struct buf told; /* what was published, a line each */
};

static int64_t wall_us(const struct clock *clock)
{
	return ((const struct place *)((const char *)clock - offsetof(struct place, clock)))->now;
}

/* What has a NUL is no text. */
static int text(const char *path, const char *type, const char *bytes, size_t len,
	struct buf *title, struct buf *body, struct error *err)
{
	(void)type;
	if (memchr(bytes, '\0', len) != NULL)
		return error_set(err, ENOTSUP, "%s: no text", path);
	buf_adds(title, "title");
	buf_add(body, bytes, len);
	return 0;
}

static void open_catalog(struct place *p)
{
	if (catalog_open(p->scratch.path, text, &p->catalog, &p->err) < 0)
		fail_msg("%s", p->err.text);
}

static int setup(void **state)
{
	struct place *p = calloc(1, sizeof(*p));
	struct source_row row = {.name = "docs", .config = "{}"};

	assert_non_null(p);
	scratch_init(&p->scratch);
	p->clock = (struct clock){wall_us, wall_us};
	p->now = NOW;
	assert_int_equal(source_config_init(&p->config), 0);
	open_catalog(p);
	assert_int_equal(catalog_source_put(p->catalog, &row, &p->err), 0);
	p->source = row.id;
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	struct place *p = *state;

	sync_result_release(&p->result);
	catalog_close(p->catalog);
	source_config_release(&p->config);
	umount2(p->scratch.path, MNT_DETACH); /* where the test mounted */
	scratch_release(&p->scratch);
	buf_release(&p->told);
	free(p);
	return 0;
}

static void published(void *arg, const char *const *paths, size_t count)
{
	struct place *p = arg;

	for (size_t i = 0; i < count; i++)
		buf_addf(&p->told, "%s\n", paths[i]);
}

static void begin(struct place *p)
{
	const struct sync_start start = {.catalog = p->catalog,
		.config = &p->config,
		.source = p->source,
		.uid = 1,
		.gid = 2,
		.memory = p->result.memory,
		.clock = &p->clock,
		.stop = &p->stop,
		.published = published,
		.arg = p};

	if (sync_begin(&start, &p->sync, &p->err) < 0)
		fail_msg("%s", p->err.text);
	buf_reset(&p->told);
}

static void end(struct place *p, int status)
{
	sync_result_release(&p->result);
	sync_end(p->sync, status, &p->err, &p->result);
	p->sync = NULL;
	p->now += 60 * SECOND_US;
}

/* What is wanted of a listing: paths, a directory with a slash, with a ? where on a condition. */
static const char *list(
	struct place *p, const char *dir, const struct member *members, size_t count)
{
	static char text_of[4096];
	const struct wanted *wanted = NULL;
	struct buf out = BUF_INIT;
	size_t n = 0;

	if (sync_listing(p->sync, dir, members, count, &wanted, &n, &p->err) < 0)
		fail_msg("%s", p->err.text);
	for (size_t i = 0; i < n; i++)
		buf_addf(&out, "%s%s%s%s ", wanted[i].path, wanted[i].is_dir ? "/" : "",
			wanted[i].etag != NULL ? "?" : "", wanted[i].modified_us != 0 ? "*" : "");
	snprintf(text_of, sizeof(text_of), "%s", out.len > 0 ? out.data : "");
	buf_release(&out);
	return text_of;
}
#define LIST(p, dir, ...)                                                                          \
	list(p, dir, (const struct member[]){__VA_ARGS__},                                         \
		sizeof((const struct member[]){__VA_ARGS__}) / sizeof(struct member))

static int take(struct place *p, struct member m, const char *bytes, size_t len)
{
	struct object_writer *w = NULL;
	int status = sync_begin_content(p->sync, &w, &p->err);

	if (status < 0)
		return status;
	for (size_t at = 0; status == 0 && at < len; at += 65536)
		status = object_write(w, bytes + at, len - at < 65536 ? len - at : 65536, &p->err);
	if (status < 0) {
		object_cancel(w);
		return status;
	}
	return sync_take(p->sync, &m, w, &p->err);
}

static void take_text(struct place *p, struct member m, const char *content)
{
	if (take(p, m, content, strlen(content)) < 0)
		fail_msg("%s", p->err.text);
}

static struct member directory(const char *path)
{
	return (struct member){.path = path, .is_dir = true, .size = -1};
}

static struct member file(const char *path, const char *etag, const char *content)
{
	return (struct member){.path = path,
		.etag = etag,
		.size = (int64_t)strlen(content),
		.modified_us = LONG_AGO};
}

/* A sync of one file with that content. */
static void sync_one(struct place *p, const char *path, const char *etag, const char *content)
{
	begin(p);
	list(p, "", (struct member[]){file(path, etag, content)}, 1);
	take_text(p, file(path, etag, content), content);
	end(p, 0);
	assert_int_equal(p->result.status, 0);
}

static void assert_content(struct place *p, const char *path, const char *content)
{
	struct entry e = {0};
	char *bytes = NULL;
	size_t len = 0;

	if (catalog_find(p->catalog, p->source, path, &e) < 0)
		fail_msg("%s is not there", path);
	assert_true(e.fetched);
	assert_int_equal(
		object_load(catalog_objects(p->catalog), &e.object, e.size, 1 << 20, &bytes, &len),
		0);
	assert_string_equal(bytes, content);
	free(bytes);
	entry_release(&e);
}

static void assert_gone(struct place *p, const char *path)
{
	struct entry e;

	assert_int_equal(catalog_find(p->catalog, p->source, path, &e), -ENOENT);
}

static void assert_counts(
	struct place *p, int added, int changed, int removed, int unchanged, int failed)
{
	assert_int_equal(p->result.added, added);
	assert_int_equal(p->result.changed, changed);
	assert_int_equal(p->result.removed, removed);
	assert_int_equal(p->result.unchanged, unchanged);
	assert_int_equal(p->result.failed, failed);
}

static int64_t number(struct place *p, const char *sql)
{
	struct db *db = catalog_db(p->catalog);
	sqlite3_stmt *stmt;
	int64_t n;

	db_lock(db);
	stmt = db_write(db, sql, NULL);
	assert_non_null(stmt);
	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	n = sqlite3_column_int64(stmt, 0);
	sqlite3_reset(stmt);
	db_unlock(db);
	return n;
}

static void assert_whole(struct place *p)
{
	static const char fts[] = "INSERT INTO search(search, rank) VALUES('integrity-check', 1)";
	static const char sql[] = "SELECT count(*) FROM pragma_integrity_check"
				  " WHERE integrity_check = 'ok'";
	struct db *db = catalog_db(p->catalog);

	assert_int_equal(number(p, sql), 1);
	db_lock(db);
	if (db_run(db_write(db, fts, NULL), "checking", &p->err) < 0)
		fail_msg("%s", p->err.text);
	db_unlock(db);
}

static int64_t matches(struct place *p, const char *word)
{
	static const char sql[] = "SELECT count(*) FROM search WHERE search MATCH ?1";
	struct reader *r = db_reader(catalog_db(p->catalog), NULL);
	sqlite3_stmt *stmt = reader_stmt(r, sql, NULL);
	int64_t n;

	assert_non_null(stmt);
	sqlite3_bind_text(stmt, 1, word, -1, SQLITE_STATIC);
	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	n = sqlite3_column_int64(stmt, 0);
	sqlite3_reset(stmt);
	reader_done(r);
	return n;
}

static void a_first_sync_brings_all(void **state)
{
	struct place *p = *state;

	begin(p);
	assert_string_equal(LIST(p, "", file("b.md", "\"1\"", "bee"), directory("a")), "a/ b.md ");
	take_text(p, file("b.md", "\"1\"", "bee"), "bee");
	assert_string_equal(LIST(p, "a", file("a/c.md", "\"2\"", "cee")), "a/c.md ");
	take_text(p, file("a/c.md", "\"2\"", "cee"), "cee");
	end(p, 0);
	assert_int_equal(p->result.status, 0);
	assert_counts(p, 2, 0, 0, 0, 0);
	assert_int_equal(p->result.fetched_bytes, 6);
	assert_string_equal(p->told.data, "a\nb.md\na/c.md\n");
	assert_string_equal(p->result.paths[0], "b.md");
	assert_string_equal(p->result.paths[1], "a/c.md");
	assert_null(p->result.paths[2]);
	assert_content(p, "a/c.md", "cee");
	assert_int_equal(matches(p, "cee"), 1);
	assert_whole(p);
}

static void nothing_changed_is_nothing_done(void **state)
{
	struct place *p = *state;
	uint64_t generation;

	sync_one(p, "f", "\"1\"", "content");
	generation = catalog_generation(p->catalog);
	begin(p);
	assert_string_equal(LIST(p, "", file("f", "\"1\"", "content")), "");
	end(p, 0);
	assert_counts(p, 0, 0, 0, 1, 0);
	assert_null(p->result.paths);
	assert_int_equal(catalog_generation(p->catalog), generation);
	assert_int_equal(p->told.len, 0);
}

static void a_change_keeps_the_old_version(void **state)
{
	struct place *p = *state;
	struct entry e = {0};

	sync_one(p, "f", "\"1\"", "one");
	begin(p);
	assert_string_equal(LIST(p, "", file("f", "\"2\"", "two")), "f ");
	take_text(p, file("f", "\"2\"", "two"), "two");
	end(p, 0);
	assert_counts(p, 0, 1, 0, 0, 0);
	assert_content(p, "f", "two");
	assert_int_equal(catalog_version(p->catalog, p->source, "f", 1, &e), 0);
	assert_int_equal(e.size, 3);
	entry_release(&e);
	assert_int_equal(matches(p, "one"), 0);
	assert_int_equal(matches(p, "two"), 1);
}

static int count_version(void *arg, const struct entry *e)
{
	(void)e;
	return ++*(int *)arg, 0;
}

static void history_is_bounded(void **state)
{
	struct place *p = *state;
	char content[32];
	int count = 0;

	p->config.history = 3;
	for (int i = 0; i < 8; i++) {
		snprintf(content, sizeof(content), "content %d", i);
		sync_one(p, "f", NULL, content);
	}
	assert_int_equal(catalog_versions(p->catalog, p->source, "f", count_version, &count), 0);
	assert_int_equal(count, 3);
}

/* Which ETags, sizes and dates mean what. */
static void what_may_have_changed_is_fetched(void **state)
{
	static const struct {
		const char *had, *has;
		int64_t size, modified, age; /* of the date when it was fetched */
		const char *wanted;
	} cases[] = {
		{"\"1\"", "\"1\"", 7, LONG_AGO, 3600, ""},
		{"\"1\"", "\"1\"", 7, LONG_AGO, 0, ""},      /* strong: the date is no matter */
		{"\"1\"", "\"1\"", -1, 0, 3600, ""},         /* and need not be told */
		{"\"1\"", "\"1\"", 8, LONG_AGO, 3600, "f "}, /* unchanged, they say */
		{"\"1\"", "\"1\"", 7, LONG_AGO + 1, 3600, "f "},
		{"\"1\"", "\"2\"", 7, LONG_AGO, 3600, "f "},
		{"\"1\"", NULL, 7, LONG_AGO, 3600, ""},
		{NULL, NULL, 7, LONG_AGO, 3600, ""},
		{NULL, NULL, 7, LONG_AGO, 1, "f "}, /* written again within a second? */
		{NULL, NULL, 8, LONG_AGO, 3600, "f "},
		{NULL, NULL, 7, LONG_AGO + SECOND_US, 3600, "f "},
		{NULL, NULL, -1, LONG_AGO, 3600, "f* "},
		{NULL, NULL, 7, 0, 3600, "f* "},
		{"\"1\"", NULL, -1, 0, 3600, "f? "},
		{"W/\"1\"", "W/\"1\"", 7, LONG_AGO, 3600, ""},
		{"W/\"1\"", "W/\"1\"", 7, LONG_AGO, 1, "f "},
		{"W/\"1\"", "\"1\"", 7, LONG_AGO, 3600, ""}, /* Apache, a second later */
		{"W/\"1\"", "\"1\"", 7, LONG_AGO, 1, "f "},
		{"W/\"1\"", "W/\"2\"", 7, LONG_AGO, 3600, "f "},
		{"W/\"1\"", "W/\"1\"", -1, 0, 3600, "f? "},
		{"123", "123", 7, LONG_AGO, 3600, ""}, /* unquoted: as weak */
		{"123", "123", 7, LONG_AGO, 1, "f "},
		{"\"\"", "\"\"", 7, LONG_AGO, 1, "f "}, /* empty: as none */
		{"", "", 7, LONG_AGO, 3600, ""},
	};
	struct place *p = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct member m = {.path = "f",
			.etag = cases[i].had,
			.size = 7,
			.modified_us = LONG_AGO,
			.asked_us = LONG_AGO + cases[i].age * SECOND_US};
		char content[8];

		snprintf(content, sizeof(content), "text %02zu", i);
		begin(p);
		take_text(p, m, content);
		end(p, 0);
		m.etag = cases[i].has;
		m.size = cases[i].size;
		m.modified_us = cases[i].modified;
		m.asked_us = 0;
		begin(p);
		if (strcmp(list(p, "", &m, 1), cases[i].wanted) != 0)
			fail_msg("case %zu: not \"%s\"", i, cases[i].wanted);
		end(p, 0);
	}
}

static void the_hash_tells_that_nothing_changed(void **state)
{
	struct place *p = *state;
	uint64_t generation;
	struct entry e = {0};

	sync_one(p, "f", "\"1\"", "content");
	generation = catalog_generation(p->catalog);
	begin(p);
	assert_string_equal(LIST(p, "", file("f", "\"2\"", "content")), "f ");
	take_text(p, file("f", "\"2\"", "content"), "content");
	end(p, 0);
	assert_counts(p, 0, 0, 0, 1, 0);
	assert_int_equal(p->told.len, 0);
	assert_int_equal(catalog_generation(p->catalog), generation);
	assert_int_equal(catalog_find(p->catalog, p->source, "f", &e), 0);
	assert_string_equal(e.etag, "\"2\"");
	assert_int_equal(e.version, 1);
	entry_release(&e);
	begin(p);
	assert_string_equal(LIST(p, "", file("f", "\"2\"", "content")), "");
	end(p, 0);
}

static void not_modified_settles_it(void **state)
{
	struct place *p = *state;
	struct member m = file("f", NULL, "content");

	m.asked_us = m.modified_us;
	begin(p);
	take_text(p, m, "content");
	end(p, 0);
	m.asked_us = 0;
	begin(p);
	assert_string_equal(list(p, "", &m, 1), "f ");
	assert_int_equal(sync_same(p->sync, &m, NULL), 0);
	end(p, 0);
	assert_counts(p, 0, 0, 0, 1, 0);
	begin(p);
	assert_string_equal(list(p, "", &m, 1), "");
	end(p, 0);
}

static void what_is_not_listed_any_more_goes(void **state)
{
	struct place *p = *state;

	begin(p);
	LIST(p, "", directory("a"), file("f", "\"1\"", "f"));
	take_text(p, file("f", "\"1\"", "f"), "f");
	LIST(p, "a", directory("a/b"), file("a/g", "\"1\"", "g"));
	take_text(p, file("a/g", "\"1\"", "g"), "g");
	LIST(p, "a/b", file("a/b/h", "\"1\"", "h"));
	take_text(p, file("a/b/h", "\"1\"", "h"), "h");
	end(p, 0);
	begin(p);
	assert_string_equal(LIST(p, "", file("f", "\"1\"", "f")), "");
	end(p, 0);
	assert_counts(p, 0, 0, 2, 1, 0);
	assert_string_equal(p->told.data, "a/b/h\na/b\na/g\na\n");
	assert_gone(p, "a");
	assert_gone(p, "a/b/h");
	assert_content(p, "f", "f");
	assert_whole(p);
}

static void a_large_directory_goes_in_steps(void **state)
{
	struct place *p = *state;
	char path[32];

	begin(p);
	LIST(p, "", directory("d"));
	for (int i = 0; i < 1500; i++) {
		snprintf(path, sizeof(path), "d/%04d", i);
		take_text(p, file(path, "\"1\"", "x"), "x");
	}
	end(p, 0);
	assert_int_equal(p->result.added, 1500);
	assert_true(p->result.more_paths);
	begin(p);
	list(p, "", NULL, 0);
	end(p, 0);
	assert_int_equal(p->result.removed, 1500);
	assert_int_equal(number(p, "SELECT count(*) FROM entry"), 0);
	assert_int_equal(number(p, "SELECT count(*) FROM doc"), 0);
}

/* Renaming is a removal and something new; its content is there already. */
static void a_renamed_file_is_kept_once(void **state)
{
	struct place *p = *state;

	sync_one(p, "old", "\"1\"", "content");
	begin(p);
	assert_string_equal(LIST(p, "", file("new", "\"1\"", "content")), "new ");
	take_text(p, file("new", "\"1\"", "content"), "content");
	end(p, 0);
	assert_counts(p, 1, 0, 1, 0, 0);
	assert_gone(p, "old");
	assert_content(p, "new", "content");
}

static void an_error_is_no_deletion(void **state)
{
	struct place *p = *state;
	struct error why = {0};

	begin(p);
	LIST(p, "", directory("a"), file("f", "\"1\"", "f"));
	take_text(p, file("f", "\"1\"", "f"), "f");
	LIST(p, "a", file("a/g", "\"1\"", "g"));
	take_text(p, file("a/g", "\"1\"", "g"), "g");
	end(p, 0);
	/* A collection that can't be listed, and a file that can't be had. */
	begin(p);
	assert_string_equal(LIST(p, "", directory("a"), file("f", "\"2\"", "F")), "a/ f ");
	error_set(&why, EACCES, "403 Forbidden");
	sync_trouble(p->sync, "a", &why);
	sync_trouble(p->sync, "f", &why);
	assert_int_equal(sync_set_memory(p->sync, "token"), 0);
	end(p, 0);
	assert_counts(p, 0, 0, 0, 0, 2);
	assert_string_equal(p->result.error.text, "f: 403 Forbidden");
	assert_null(p->result.memory); /* they are to be asked for again */
	assert_content(p, "f", "f");
	assert_content(p, "a/g", "g");
	/* A sync that fails at once. */
	begin(p);
	error_set(&p->err, ECONNREFUSED, "refused");
	end(p, -ECONNREFUSED);
	assert_int_equal(p->result.status, -ECONNREFUSED);
	assert_string_equal(p->result.error.text, "refused");
	assert_content(p, "f", "f");
	assert_content(p, "a/g", "g");
	/* And one cut off in the middle of a content. */
	begin(p);
	assert_string_equal(LIST(p, "", directory("a"), file("f", "\"2\"", "F")), "a/ f ");
	end(p, -EPIPE);
	assert_content(p, "f", "f");
}

static void single_members_are_told_of(void **state)
{
	struct place *p = *state;
	const struct wanted *wanted = NULL;
	struct member m = file("a/b/f", "\"1\"", "one"), d = directory("a/c");

	begin(p);
	/* Before its directories, too. */
	assert_int_equal(sync_changed(p->sync, &m, &wanted, &p->err), 0);
	assert_string_equal(wanted->path, "a/b/f");
	take_text(p, m, "one");
	assert_int_equal(sync_changed(p->sync, &d, &wanted, &p->err), 0);
	assert_true(wanted->is_dir);
	assert_int_equal(sync_set_memory(p->sync, "token 1"), 0);
	end(p, 0);
	assert_string_equal(p->result.memory, "token 1");
	assert_string_equal(p->told.data, "a\na/b\na/b/f\na/c\n");
	begin(p);
	assert_string_equal(sync_memory(p->sync), "token 1");
	assert_int_equal(sync_changed(p->sync, &m, &wanted, &p->err), 0);
	assert_null(wanted);
	assert_int_equal(sync_removed(p->sync, "a/b", &p->err), 0);
	assert_int_equal(sync_removed(p->sync, "not/there", &p->err), 0);
	assert_int_equal(sync_removed(p->sync, "", &p->err), 0); /* the root never goes */
	end(p, 0);
	assert_counts(p, 0, 0, 1, 1, 0);
	assert_gone(p, "a/b/f");
	assert_int_equal(number(p, "SELECT count(*) FROM entry"), 2);
}

static void what_is_too_large_has_no_content(void **state)
{
	struct place *p = *state;
	struct member m = file("f", "\"1\"", "");
	struct entry e = {0};

	p->config.max_file = 1000;
	m.size = 1001;
	begin(p);
	assert_string_equal(list(p, "", &m, 1), "");
	end(p, 0);
	assert_counts(p, 1, 0, 0, 0, 0);
	assert_int_equal(catalog_find(p->catalog, p->source, "f", &e), 0);
	assert_false(e.fetched);
	assert_int_equal(e.size, 1001);
	entry_release(&e);
	begin(p);
	assert_string_equal(list(p, "", &m, 1), "");
	end(p, 0);
	assert_counts(p, 0, 0, 0, 1, 0);
	/* It may have one now; and then be found larger than was listed. */
	m.size = 5;
	begin(p);
	assert_string_equal(list(p, "", &m, 1), "f ");
	take_text(p, m, "small");
	end(p, 0);
	assert_content(p, "f", "small");
	m.etag = "\"2\"";
	m.size = 2000;
	begin(p);
	assert_int_equal(sync_too_large(p->sync, &m, &p->err), 0);
	end(p, 0);
	assert_counts(p, 0, 1, 0, 0, 0);
	assert_int_equal(catalog_version(p->catalog, p->source, "f", 2, &e), 0);
	assert_int_equal(e.size, 5);
	entry_release(&e);
}

static void a_file_becomes_a_directory_and_back(void **state)
{
	struct place *p = *state;

	sync_one(p, "x", "\"1\"", "a file");
	begin(p);
	assert_string_equal(LIST(p, "", directory("x")), "x/ ");
	assert_string_equal(LIST(p, "x", file("x/y", "\"1\"", "inner")), "x/y ");
	take_text(p, file("x/y", "\"1\"", "inner"), "inner");
	end(p, 0);
	assert_content(p, "x/y", "inner");
	begin(p);
	assert_string_equal(LIST(p, "", file("x", "\"1\"", "again")), "x ");
	take_text(p, file("x", "\"1\"", "again"), "again");
	end(p, 0);
	assert_content(p, "x", "again");
	assert_gone(p, "x/y");
	assert_whole(p);
}

static void a_directory_has_the_date_that_is_told(void **state)
{
	struct place *p = *state;
	struct member m = directory("d");
	struct entry e = {0};

	m.modified_us = LONG_AGO;
	begin(p);
	assert_string_equal(list(p, "", &m, 1), "d/ ");
	end(p, 0);
	m.modified_us = NOW;
	begin(p);
	assert_string_equal(list(p, "", &m, 1), "d/ ");
	take_text(p, file("d/f", NULL, "f"), "f");
	end(p, 0);
	assert_string_equal(p->told.data, "d\nd/f\n");
	assert_int_equal(catalog_find(p->catalog, p->source, "d", &e), 0);
	assert_int_equal(e.modified_us, NOW);
	entry_release(&e);
}

static void bad_names_are_left_out(void **state)
{
	struct place *p = *state;
	char longest[256] = {0}, longer[257] = {0};

	memset(longest, 'n', 255);
	memset(longer, 'm', 256);
	begin(p);
	list(p, "",
		(struct member[]){file(longest, "\"1\"", "1"), file(longer, "\"1\"", "1"),
			file("..", NULL, ""), file(".", NULL, ""), file("a/b", NULL, ""),
			file("", NULL, ""), file("bad\xff", NULL, "")},
		7);
	LIST(p, "d", file("e/x", NULL, ""), file("d/", NULL, ""), file("d/../x", NULL, ""));
	take_text(p, file(longest, "\"1\"", "1"), "1");
	end(p, 0);
	assert_counts(p, 1, 0, 0, 0, 9);
	assert_content(p, longest, "1");
}

static void told_twice_is_once(void **state)
{
	struct place *p = *state;

	begin(p);
	assert_string_equal(LIST(p, "", file("f", "\"1\"", "x"), file("f", "\"2\"", "xy"),
				    directory("d"), directory("d")),
		"d/ f ");
	end(p, 0);
}

static void what_is_no_text_is_not_searched(void **state)
{
	struct place *p = *state;
	struct member m = {.path = "bin", .size = 4, .modified_us = LONG_AGO};
	struct catalog_sum sum;

	begin(p);
	assert_int_equal(take(p, m, "a\0b", 4), 0);
	take_text(p, file("empty", NULL, ""), "");
	end(p, 0);
	assert_int_equal(catalog_sum(p->catalog, p->source, &sum), 0);
	assert_int_equal(sum.files, 2);
	assert_int_equal(sum.indexed, 1);
	assert_content(p, "empty", "");
	assert_int_equal(matches(p, "path:empty"), 1);
}

static void what_is_not_wanted_goes(void **state)
{
	char *exclude[] = {"*.tmp", NULL};
	struct place *p = *state;

	sync_one(p, "f.tmp", "\"1\"", "x");
	p->config.exclude = exclude;
	begin(p);
	assert_string_equal(LIST(p, "", file("f.tmp", "\"1\"", "x")), "");
	end(p, 0);
	p->config.exclude = NULL;
	assert_counts(p, 0, 0, 1, 0, 0);
	assert_gone(p, "f.tmp");
}

static void it_tells_how_it_goes(void **state)
{
	struct place *p = *state;
	struct buf out = BUF_INIT;
	struct error why = {0};

	begin(p);
	LIST(p, "", file("f", "\"1\"", "x"));
	error_set(&why, EIO, "it said \"no\"");
	sync_trouble(p->sync, "g", &why);
	sync_note(p->sync, "2 requests\n");
	sync_retry_after(p->sync, 30 * SECOND_US);
	sync_retry_after(p->sync, -5);
	sync_describe(p->sync, &out);
	assert_string_equal(out.data,
		"\"listed\":1,\"unchanged\":0,\"added\":0,\"changed\":0,\"removed\":0,"
		"\"failed\":1,\"fetched_bytes\":0,\"queued\":0,\"note\":\"2 requests?\","
		"\"trouble\":\"g: it said \\\"no\\\"\"");
	assert_int_equal(sync_uid(p->sync), 1);
	assert_int_equal(sync_gid(p->sync), 2);
	assert_false(sync_stopping(p->sync));
	p->stop = true;
	assert_true(sync_stopping(p->sync));
	end(p, 0);
	assert_int_equal(p->result.retry_after_us, 30 * SECOND_US);
	buf_release(&out);
	begin(p);
	sync_retry_after(p->sync, INT64_MAX);
	end(p, 0);
	assert_int_equal(p->result.retry_after_us, 3600 * SECOND_US);
}

static void a_source_that_went_takes_nothing(void **state)
{
	struct place *p = *state;

	begin(p);
	assert_int_equal(catalog_source_drop(p->catalog, p->source, NULL), 0);
	take_text(p, file("f", NULL, "x"), "x");
	end(p, 0);
	assert_int_equal(p->result.status, -ENOENT);
	assert_int_equal(number(p, "SELECT count(*) FROM entry"), 0);
}

/* Killed in the middle of a sync that changes every file: each is old or new, whole, and found by
 * what it shows. */
static void killed_in_the_middle(void **state)
{
	struct place *p = *state;
	char path[32], content[64], old[64];
	int ready[2], status, changed = 0;
	pid_t child;
	char c;

	begin(p);
	for (int i = 0; i < 800; i++) {
		snprintf(path, sizeof(path), "f%d", i);
		snprintf(content, sizeof(content), "alpha number%d", i);
		take_text(p, file(path, NULL, content), content);
	}
	end(p, 0);
	catalog_close(p->catalog);
	assert_int_equal(pipe(ready), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		open_catalog(p);
		begin(p);
		for (int i = 0; i < 800; i++) {
			snprintf(path, sizeof(path), "f%d", i);
			snprintf(content, sizeof(content), "omega number%d", i);
			take_text(p, file(path, NULL, content), content);
			if (i == 600 && write(ready[1], "x", 1) != 1)
				_exit(1);
		}
		pause();
	}
	assert_int_equal(read(ready[0], &c, 1), 1);
	assert_int_equal(kill(child, SIGKILL), 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	close(ready[0]);
	close(ready[1]);
	open_catalog(p);
	for (int i = 0; i < 800; i++) {
		struct entry e = {0};
		char *bytes = NULL;
		size_t len = 0;

		snprintf(path, sizeof(path), "f%d", i);
		snprintf(content, sizeof(content), "omega number%d", i);
		snprintf(old, sizeof(old), "alpha number%d", i);
		assert_int_equal(catalog_find(p->catalog, p->source, path, &e), 0);
		assert_int_equal(object_load(catalog_objects(p->catalog), &e.object, e.size, 1000,
					 &bytes, &len),
			0);
		changed += strcmp(bytes, content) == 0;
		assert_true(strcmp(bytes, content) == 0 || strcmp(bytes, old) == 0);
		free(bytes);
		entry_release(&e);
	}
	assert_int_equal(matches(p, "omega"), changed);
	assert_int_equal(matches(p, "alpha"), 800 - changed);
	assert_whole(p);
}

/* Fills what is left of the file system; removing the file makes room again. */
static void hog(const char *path)
{
	static char block[4096];
	int fd = open(path, O_CREAT | O_WRONLY | O_APPEND, 0600);

	assert_true(fd >= 0);
	while (write(fd, block, sizeof(block)) > 0)
		;
	close(fd);
}

static void a_full_disk_fails_the_sync_and_keeps_the_old(void **state)
{
	static char content[20000];
	struct place *p = *state;
	struct source_row row = {.name = "docs", .config = "{}"};
	char path[32];
	int status = 0;

	catalog_close(p->catalog);
	p->catalog = NULL;
	if (geteuid() != 0 || mount("tmpfs", p->scratch.path, "tmpfs", 0, "size=24m,mode=0700") < 0)
		skip();
	open_catalog(p);
	assert_int_equal(catalog_source_put(p->catalog, &row, &p->err), 0);
	p->source = row.id;
	sync_one(p, "f", "\"1\"", "old");
	hog(scratch_path(&p->scratch, "hog"));
	begin(p);
	for (int i = 0; i < 500 && status == 0; i++) {
		for (size_t at = 0; at < sizeof(content); at++)
			content[at] =
				(char)(at % 7 == 0 ? ' '
						   : 'a' + (int)(at * 7 + at / 7 + (size_t)i) % 26);
		snprintf(path, sizeof(path), "g%d", i);
		status = take(p, file(path, NULL, ""), content, sizeof(content));
	}
	assert_int_equal(status, -ENOSPC);
	assert_int_equal(take(p, file("f", NULL, ""), "new", 3), -ENOSPC);
	end(p, status);
	assert_int_equal(p->result.status, -ENOSPC);
	assert_int_equal(p->result.error.code, ENOSPC);
	assert_content(p, "f", "old");
	assert_int_equal(unlink(scratch_path(&p->scratch, "hog")), 0);
	sync_one(p, "f", "\"2\"", "new");
	assert_content(p, "f", "new");
	assert_whole(p);
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define FILES     500
#define MEMBERS   5000
#define PEAK_MOST 4096
#else
#define FILES     5000
#define MEMBERS   50000
#define PEAK_MOST 96 /* MiB, of all this process ever held */
#endif

static long peak_mib(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_maxrss / 1024;
}

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void a_listing_of_many(void **state)
{
	struct place *p = *state;
	struct member *members = calloc(MEMBERS, sizeof(*members));
	char(*paths)[24] = calloc(MEMBERS, sizeof(*paths));
	const struct wanted *wanted;
	size_t count;
	const long before = peak_mib();
	double start = seconds();

	assert_non_null(members);
	assert_non_null(paths);
	for (int i = 0; i < MEMBERS; i++) {
		snprintf(paths[i], sizeof(paths[i]), "file-%05d.md", (i * 7919) % MEMBERS);
		members[i] = file(paths[i], "\"1\"", "x");
	}
	begin(p);
	assert_int_equal(sync_listing(p->sync, "", members, MEMBERS, &wanted, &count, NULL), 0);
	assert_int_equal(count, MEMBERS);
	assert_string_equal(wanted[0].path, "file-00000.md");
	end(p, 0);
	/* All too large, so that they are there, and then gone. */
	for (int i = 0; i < MEMBERS; i++)
		members[i].size = INT64_MAX;
	begin(p);
	assert_int_equal(sync_listing(p->sync, "", members, MEMBERS, &wanted, &count, NULL), 0);
	assert_int_equal(count, 0);
	end(p, 0);
	assert_int_equal(p->result.added, MEMBERS);
	begin(p);
	assert_int_equal(sync_listing(p->sync, "", members, MEMBERS, &wanted, &count, NULL), 0);
	end(p, 0);
	assert_int_equal(p->result.unchanged, MEMBERS);
	begin(p);
	assert_int_equal(sync_listing(p->sync, "", members, 0, &wanted, &count, NULL), 0);
	end(p, 0);
	assert_int_equal(p->result.removed, MEMBERS);
	print_message("%d members: %.2f s, %ld MiB more\n", MEMBERS, seconds() - start,
		peak_mib() - before);
	assert_true(peak_mib() < PEAK_MOST);
	free(members);
	free(paths);
}

/* Text as it comes: some words often, many seldom. */
static size_t make_text(char *out, size_t len, unsigned *seed)
{
	size_t at = 0;

	while (at + 16 < len) {
		unsigned r = *seed = *seed * 1103515245 + 12345, word;

		word = (r >> 8) % ((r >> 28) < 11 ? 300 : 40000);
		for (int i = 0; i < 5; i++, word /= 7)
			out[at++] = (char)('a' + (word + (unsigned)i) % 26);
		out[at++] = ' ';
	}
	return at;
}

static void a_first_sync_of_many(void **state)
{
	static char content[18000];
	struct place *p = *state;
	const long before = peak_mib();
	char path[48], large[65536] = {0};
	struct object_writer *w = NULL;
	struct catalog_sum sum;
	struct member m;
	unsigned seed = 1;
	double start;

	start = seconds();
	begin(p);
	for (int d = 0; d < FILES / 100; d++) {
		for (int f = 0; f < 100; f++) {
			size_t len = make_text(content, 1000 + seed % 16500, &seed);

			snprintf(path, sizeof(path), "dir%02d/file%02d.md", d, f);
			m = file(path, "\"1\"", "");
			if (take(p, m, content, len) < 0)
				fail_msg("%s", p->err.text);
		}
	}
	m = file("large", "\"1\"", "");
	assert_int_equal(sync_begin_content(p->sync, &w, NULL), 0);
	for (int i = 0; i < 1600; i++)
		assert_int_equal(object_write(w, large, sizeof(large), NULL), 0);
	assert_int_equal(sync_take(p->sync, &m, w, NULL), 0);
	end(p, 0);
	assert_int_equal(p->result.status, 0);
	assert_int_equal(p->result.added, FILES + 1);
	assert_int_equal(catalog_sum(p->catalog, p->source, &sum), 0);
	assert_int_equal(sum.indexed, FILES);
	assert_int_equal(sum.directories, FILES / 100);
	print_message("%d files, %lld MB: %.2f s, %ld MiB more\n", FILES,
		(long long)p->result.fetched_bytes / 1000000, seconds() - start,
		peak_mib() - before);
	assert_true(peak_mib() < PEAK_MOST);
	assert_whole(p);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_first_sync_brings_all),
		TEST(nothing_changed_is_nothing_done),
		TEST(a_change_keeps_the_old_version),
		TEST(history_is_bounded),
		TEST(what_may_have_changed_is_fetched),
		TEST(the_hash_tells_that_nothing_changed),
		TEST(not_modified_settles_it),
		TEST(what_is_not_listed_any_more_goes),
		TEST(a_large_directory_goes_in_steps),
		TEST(a_renamed_file_is_kept_once),
		TEST(an_error_is_no_deletion),
		TEST(single_members_are_told_of),
		TEST(what_is_too_large_has_no_content),
		TEST(a_file_becomes_a_directory_and_back),
		TEST(a_directory_has_the_date_that_is_told),
		TEST(bad_names_are_left_out),
		TEST(told_twice_is_once),
		TEST(what_is_no_text_is_not_searched),
		TEST(what_is_not_wanted_goes),
		TEST(it_tells_how_it_goes),
		TEST(a_source_that_went_takes_nothing),
		TEST(killed_in_the_middle),
		TEST(a_full_disk_fails_the_sync_and_keeps_the_old),
		TEST(a_first_sync_of_many),
		TEST(a_listing_of_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
