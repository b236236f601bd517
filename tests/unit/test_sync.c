/* A sync: what it brings, keeps and tells. */
#include "tests/unit/catalog_check.h"
#include "tests/unit/syncing.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static void a_first_sync_brings_all(void **state)
{
	struct syncing *p = *state;

	syncing_begin(p);
	assert_string_equal(
		LIST(p, "", syncing_file("b.md", "\"1\"", "bee"), syncing_dir("a")), "a/ b.md ");
	syncing_take_text(p, syncing_file("b.md", "\"1\"", "bee"), "bee");
	assert_string_equal(LIST(p, "a", syncing_file("a/c.md", "\"2\"", "cee")), "a/c.md ");
	syncing_take_text(p, syncing_file("a/c.md", "\"2\"", "cee"), "cee");
	syncing_end(p, 0);
	assert_int_equal(p->result.status, 0);
	syncing_counts(p, 2, 0, 0, 0, 0);
	assert_int_equal(p->result.fetched_bytes, 6);
	assert_string_equal(p->told.data, "a\nb.md\na/c.md\n");
	assert_string_equal(p->result.paths[0], "b.md");
	assert_string_equal(p->result.paths[1], "a/c.md");
	assert_null(p->result.paths[2]);
	syncing_has(p, "a/c.md", "cee");
	assert_int_equal(catalog_matches(p->catalog, "cee"), 1);
	catalog_assert_whole(p->catalog);
}

static void nothing_changed_is_nothing_done(void **state)
{
	struct syncing *p = *state;
	uint64_t generation;

	syncing_one(p, "f", "\"1\"", "content");
	generation = catalog_generation(p->catalog);
	syncing_begin(p);
	assert_string_equal(LIST(p, "", syncing_file("f", "\"1\"", "content")), "");
	syncing_end(p, 0);
	syncing_counts(p, 0, 0, 0, 1, 0);
	assert_null(p->result.paths);
	assert_int_equal(catalog_generation(p->catalog), generation);
	assert_int_equal(p->told.len, 0);
}

static void a_change_keeps_the_old_version(void **state)
{
	struct syncing *p = *state;
	struct entry e = {0};

	syncing_one(p, "f", "\"1\"", "one");
	syncing_begin(p);
	assert_string_equal(LIST(p, "", syncing_file("f", "\"2\"", "two")), "f ");
	syncing_take_text(p, syncing_file("f", "\"2\"", "two"), "two");
	syncing_end(p, 0);
	syncing_counts(p, 0, 1, 0, 0, 0);
	syncing_has(p, "f", "two");
	assert_int_equal(catalog_version(p->catalog, p->source, "f", 1, &e), 0);
	assert_int_equal(e.size, 3);
	entry_release(&e);
	assert_int_equal(catalog_matches(p->catalog, "one"), 0);
	assert_int_equal(catalog_matches(p->catalog, "two"), 1);
}

static int count_version(void *arg, const struct entry *e)
{
	(void)e;
	return ++*(int *)arg, 0;
}

static void history_is_bounded(void **state)
{
	struct syncing *p = *state;
	char content[32];
	int count = 0;

	p->config.history = 3;
	for (int i = 0; i < 8; i++) {
		snprintf(content, sizeof(content), "content %d", i);
		syncing_one(p, "f", NULL, content);
	}
	assert_int_equal(catalog_versions(p->catalog, p->source, "f", count_version, &count), 0);
	assert_int_equal(count, 3);
}

static void the_hash_tells_that_nothing_changed(void **state)
{
	struct syncing *p = *state;
	uint64_t generation;
	struct entry e = {0};

	syncing_one(p, "f", "\"1\"", "content");
	generation = catalog_generation(p->catalog);
	syncing_begin(p);
	assert_string_equal(LIST(p, "", syncing_file("f", "\"2\"", "content")), "f ");
	syncing_take_text(p, syncing_file("f", "\"2\"", "content"), "content");
	syncing_end(p, 0);
	syncing_counts(p, 0, 0, 0, 1, 0);
	assert_int_equal(p->told.len, 0);
	assert_int_equal(catalog_generation(p->catalog), generation);
	assert_int_equal(catalog_find(p->catalog, p->source, "f", &e), 0);
	assert_string_equal(e.etag, "\"2\"");
	assert_int_equal(e.version, 1);
	entry_release(&e);
	syncing_begin(p);
	assert_string_equal(LIST(p, "", syncing_file("f", "\"2\"", "content")), "");
	syncing_end(p, 0);
}

static void not_modified_settles_it(void **state)
{
	struct syncing *p = *state;
	struct member m = syncing_file("f", NULL, "content");

	m.asked_us = m.modified_us;
	syncing_begin(p);
	syncing_take_text(p, m, "content");
	syncing_end(p, 0);
	m.asked_us = 0;
	syncing_begin(p);
	assert_string_equal(syncing_list(p, "", &m, 1), "f ");
	assert_int_equal(sync_same(p->sync, &m, NULL), 0);
	syncing_end(p, 0);
	syncing_counts(p, 0, 0, 0, 1, 0);
	syncing_begin(p);
	assert_string_equal(syncing_list(p, "", &m, 1), "");
	syncing_end(p, 0);
}

/* Renaming is a removal and something new; its content is there already. */
static void a_renamed_file_is_kept_once(void **state)
{
	struct syncing *p = *state;

	syncing_one(p, "old", "\"1\"", "content");
	syncing_begin(p);
	assert_string_equal(LIST(p, "", syncing_file("new", "\"1\"", "content")), "new ");
	syncing_take_text(p, syncing_file("new", "\"1\"", "content"), "content");
	syncing_end(p, 0);
	syncing_counts(p, 1, 0, 1, 0, 0);
	syncing_gone(p, "old");
	syncing_has(p, "new", "content");
}

static void an_error_is_no_deletion(void **state)
{
	struct syncing *p = *state;
	struct error why = {0};

	syncing_begin(p);
	LIST(p, "", syncing_dir("a"), syncing_file("f", "\"1\"", "f"));
	syncing_take_text(p, syncing_file("f", "\"1\"", "f"), "f");
	LIST(p, "a", syncing_file("a/g", "\"1\"", "g"));
	syncing_take_text(p, syncing_file("a/g", "\"1\"", "g"), "g");
	syncing_end(p, 0);
	/* A collection that can't be listed, and a file that can't be had. */
	syncing_begin(p);
	assert_string_equal(
		LIST(p, "", syncing_dir("a"), syncing_file("f", "\"2\"", "F")), "a/ f ");
	error_set(&why, EACCES, "403 Forbidden");
	sync_trouble(p->sync, "a", &why);
	sync_trouble(p->sync, "f", &why);
	assert_int_equal(sync_set_memory(p->sync, "token"), 0);
	syncing_end(p, 0);
	syncing_counts(p, 0, 0, 0, 0, 2);
	assert_string_equal(p->result.error.text, "f: 403 Forbidden");
	assert_null(p->result.memory); /* they are to be asked for again */
	syncing_has(p, "f", "f");
	syncing_has(p, "a/g", "g");
	/* A sync that fails at once. */
	syncing_begin(p);
	error_set(&p->err, ECONNREFUSED, "refused");
	syncing_end(p, -ECONNREFUSED);
	assert_int_equal(p->result.status, -ECONNREFUSED);
	assert_string_equal(p->result.error.text, "refused");
	syncing_has(p, "f", "f");
	syncing_has(p, "a/g", "g");
	/* And one cut off in the middle of a content. */
	syncing_begin(p);
	assert_string_equal(
		LIST(p, "", syncing_dir("a"), syncing_file("f", "\"2\"", "F")), "a/ f ");
	syncing_end(p, -EPIPE);
	syncing_has(p, "f", "f");
}

static void what_is_too_large_has_no_content(void **state)
{
	struct syncing *p = *state;
	struct member m = syncing_file("f", "\"1\"", "");
	struct entry e = {0};

	p->config.max_file = 1000;
	m.size = 1001;
	syncing_begin(p);
	assert_string_equal(syncing_list(p, "", &m, 1), "");
	syncing_end(p, 0);
	syncing_counts(p, 1, 0, 0, 0, 0);
	assert_int_equal(catalog_find(p->catalog, p->source, "f", &e), 0);
	assert_false(e.fetched);
	assert_int_equal(e.size, 1001);
	entry_release(&e);
	syncing_begin(p);
	assert_string_equal(syncing_list(p, "", &m, 1), "");
	syncing_end(p, 0);
	syncing_counts(p, 0, 0, 0, 1, 0);
	/* It may have one now; and then be found larger than was listed. */
	m.size = 5;
	syncing_begin(p);
	assert_string_equal(syncing_list(p, "", &m, 1), "f ");
	syncing_take_text(p, m, "small");
	syncing_end(p, 0);
	syncing_has(p, "f", "small");
	m.etag = "\"2\"";
	m.size = 2000;
	syncing_begin(p);
	assert_int_equal(sync_too_large(p->sync, &m, &p->err), 0);
	syncing_end(p, 0);
	syncing_counts(p, 0, 1, 0, 0, 0);
	assert_int_equal(catalog_version(p->catalog, p->source, "f", 2, &e), 0);
	assert_int_equal(e.size, 5);
	entry_release(&e);
}

static void what_is_no_text_is_not_searched(void **state)
{
	struct syncing *p = *state;
	struct member m = {.path = "bin", .size = 4, .modified_us = LONG_AGO};
	struct catalog_sum sum;

	syncing_begin(p);
	assert_int_equal(syncing_take(p, m, "a\0b", 4), 0);
	syncing_take_text(p, syncing_file("empty", NULL, ""), "");
	syncing_end(p, 0);
	assert_int_equal(catalog_sum(p->catalog, p->source, &sum), 0);
	assert_int_equal(sum.files, 2);
	assert_int_equal(sum.indexed, 1);
	syncing_has(p, "empty", "");
	assert_int_equal(catalog_matches(p->catalog, "path:empty"), 1);
}

static void it_tells_how_it_goes(void **state)
{
	struct syncing *p = *state;
	struct buf out = BUF_INIT;
	struct error why = {0};

	syncing_begin(p);
	LIST(p, "", syncing_file("f", "\"1\"", "x"));
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
	syncing_end(p, 0);
	assert_int_equal(p->result.retry_after_us, 30 * SECOND_US);
	buf_release(&out);
	syncing_begin(p);
	sync_retry_after(p->sync, INT64_MAX);
	syncing_end(p, 0);
	assert_int_equal(p->result.retry_after_us, 3600 * SECOND_US);
}

static void a_source_that_went_takes_nothing(void **state)
{
	struct syncing *p = *state;

	syncing_begin(p);
	assert_int_equal(catalog_source_drop(p->catalog, p->source, NULL), 0);
	syncing_take_text(p, syncing_file("f", NULL, "x"), "x");
	syncing_end(p, 0);
	assert_int_equal(p->result.status, -ENOENT);
	assert_int_equal(catalog_number(p->catalog, "SELECT count(*) FROM entry"), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, syncing_setup, syncing_teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_first_sync_brings_all),
		TEST(nothing_changed_is_nothing_done),
		TEST(a_change_keeps_the_old_version),
		TEST(history_is_bounded),
		TEST(the_hash_tells_that_nothing_changed),
		TEST(not_modified_settles_it),
		TEST(a_renamed_file_is_kept_once),
		TEST(an_error_is_no_deletion),
		TEST(what_is_too_large_has_no_content),
		TEST(what_is_no_text_is_not_searched),
		TEST(it_tells_how_it_goes),
		TEST(a_source_that_went_takes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
