/* Entries of a catalog, their versions and texts. */
#include "tests/unit/catalog_place.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int tell_name(void *arg, const char *name, bool is_dir)
{
	struct catalog_place *p = arg;

	buf_addf(&p->told, "%s%s\n", name, is_dir ? "/" : "");
	return 0;
}

static void assert_history(struct catalog_place *p, const char *dir, const char *expected)
{
	assert_int_equal(catalog_history(p->catalog, p->source, dir, tell_name, p), 0);
	place_assert_told(p, expected);
}

static void an_entry_is_found_as_it_was_put(void **state)
{
	struct catalog_place *p = *state;
	struct entry e = {0};

	place_put(p, "", "a", NULL, 10);
	assert_true(place_put(p, "a", "b.md", "hello", 10));
	assert_int_equal(catalog_find(p->catalog, p->source, "a/b.md", &e), 0);
	assert_string_equal(e.dir, "a");
	assert_string_equal(e.name, "b.md");
	assert_string_equal(e.type, "text/plain");
	assert_string_equal(e.etag, "\"e\"");
	assert_int_equal(e.version, 1);
	assert_int_equal(e.modified_us, 1000);
	assert_true(e.updated_us > 0);
	place_assert_content(p, &e, "hello");
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
	struct catalog_place *p = *state;
	char longest[256] = {0}, path[300];
	static const char *const names[] = {
		"a b", "50%", "#1?", "it's \"so\"", "größe", "日本", "-rf", "a\\b", "*", "LIKE_%"};

	memset(longest, 'n', 255);
	place_put(p, "", "dir", NULL, 10);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		place_put(p, "dir", names[i], names[i], 10);
	place_put(p, "dir", longest, "long", 10);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "dir/%s", names[i]);
		place_assert_file(p, path, names[i]);
	}
	snprintf(path, sizeof(path), "dir/%s", longest);
	place_assert_file(p, path, "long");
	place_remove(p, "dir", 10);
	buf_reset(&p->told);
	place_assert_listed(p, "", "");
}

static void a_directory_is_listed_in_order(void **state)
{
	struct catalog_place *p = *state;

	place_put(p, "", "b", NULL, 10);
	place_put(p, "", "c", "three", 10);
	place_put(p, "", "B", "12", 10);
	place_put(p, "b", "x", "1", 10);
	place_assert_listed(p, "", "B 1 2\nb/ 1 0\nc 1 5\n");
	place_assert_listed(p, "b", "x 1 1\n");
	place_assert_listed(p, "none", "");
}

static int stop_at_b(void *arg, const struct entry *e)
{
	return place_tell_entry(arg, e), strcmp(e->name, "b") == 0 ? 7 : 0;
}

static void a_listing_ends_when_it_is_told(void **state)
{
	struct catalog_place *p = *state;

	place_put(p, "", "a", "1", 10);
	place_put(p, "", "b", "1", 10);
	place_put(p, "", "c", "1", 10);
	assert_int_equal(catalog_list(p->catalog, p->source, "", stop_at_b, p), 7);
	place_assert_told(p, "a 1 1\nb 1 1\n");
}

static void earlier_versions_are_kept(void **state)
{
	static const char *const texts[] = {"one", "two", "three", "four", "five"};
	struct catalog_place *p = *state;
	struct entry e = {0};

	for (int i = 0; i < 5; i++)
		assert_true(place_put(p, "", "f", texts[i], 3));
	place_assert_listed(p, "", "f 5 4\n");
	place_assert_versions(p, "f", "f 2 3\nf 3 5\nf 4 4\n");
	assert_int_equal(catalog_version(p->catalog, p->source, "f", 3, &e), 0);
	place_assert_content(p, &e, "three");
	entry_release(&e);
	assert_int_equal(catalog_version(p->catalog, p->source, "f", 1, &e), -ENOENT);
	assert_int_equal(catalog_version(p->catalog, p->source, "f", 5, &e), -ENOENT);
	assert_int_equal(place_objects(p), 4); /* what the first referred to is gone */
	place_put(p, "", "f", "six", 0);
	place_assert_versions(p, "f", "");
	assert_int_equal(place_objects(p), 1);
}

static void what_differs_in_nothing_is_no_version(void **state)
{
	struct catalog_place *p = *state;
	uint64_t generation;
	struct entry e = {0};
	bool changed = true;

	place_put(p, "", "f", "same", 10);
	generation = catalog_generation(p->catalog);
	assert_false(place_put(p, "", "f", "same", 10));
	assert_int_equal(catalog_generation(p->catalog), generation);
	/* Another ETag is not shown; another date is. */
	assert_int_equal(catalog_find(p->catalog, p->source, "f", &e), 0);
	free(e.etag);
	e.etag = strdup("\"other\"");
	place_begin(p);
	assert_int_equal(catalog_put(p->catalog, &e, NULL, 0, NULL, 0, 10, &changed, NULL), 0);
	place_commit(p);
	assert_false(changed);
	assert_int_equal(catalog_generation(p->catalog), generation);
	e.modified_us++;
	place_begin(p);
	assert_int_equal(catalog_put(p->catalog, &e, NULL, 0, NULL, 0, 10, &changed, NULL), 0);
	place_commit(p);
	assert_false(changed);
	assert_true(catalog_generation(p->catalog) > generation);
	entry_release(&e);
	assert_int_equal(catalog_find(p->catalog, p->source, "f", &e), 0);
	assert_string_equal(e.etag, "\"other\"");
	assert_int_equal(e.version, 1);
	entry_release(&e);
	place_assert_versions(p, "f", "");
	assert_int_equal(catalog_matches(p->catalog, "same"), 1); /* still */
}

static void history_outlives_its_file(void **state)
{
	struct catalog_place *p = *state;

	place_put(p, "", "a", NULL, 10);
	place_put(p, "a", "b", NULL, 10);
	place_put(p, "a", "f", "one", 10);
	place_put(p, "a/b", "g", "two", 10);
	place_put(p, "", "a-", NULL, 10);
	place_put(p, "a-", "h", "three", 10);
	place_put(p, "", "top", "four", 10);
	assert_history(p, "", "");
	place_remove(p, "a", 10);
	place_assert_told(p, "a/b/g\na/f\n");
	place_remove(p, "a-", 10);
	place_remove(p, "top", 10);
	place_assert_told(p, "a-/h\ntop\n");
	place_assert_listed(p, "", "");
	place_assert_listed(p, "a", "");
	assert_history(p, "", "a/\na-/\ntop\n");
	assert_history(p, "a", "b/\nf\n");
	assert_history(p, "a/b", "g\n");
	assert_history(p, "a/b/g", "");
	place_assert_versions(p, "a/b/g", "g 1 3\n");
	/* Where it comes back, counting goes on. */
	place_put(p, "", "top", "five", 10);
	place_assert_listed(p, "", "top 2 4\n");
	place_assert_versions(p, "top", "top 1 4\n");
	/* What is a directory now was a file. */
	place_put(p, "", "both", "1", 10);
	place_put(p, "", "both", NULL, 10);
	place_put(p, "both", "x", "2", 10);
	place_put(p, "both", "x", "3", 10);
	assert_history(p, "", "a/\na-/\nboth/\ntop\n");
	place_assert_versions(p, "both", "both 1 1\n");
	catalog_assert_whole(p->catalog);
}

static void a_file_takes_a_directorys_place(void **state)
{
	struct catalog_place *p = *state;

	place_put(p, "", "x", NULL, 10);
	place_put(p, "x", "y", "inner", 10);
	assert_true(place_put(p, "", "x", "outer", 10));
	place_assert_listed(p, "", "x 1 5\n");
	place_assert_listed(p, "x", "");
	assert_int_equal(catalog_matches(p->catalog, "inner"), 0);
	assert_true(place_put(p, "", "x", NULL, 10));
	place_assert_listed(p, "", "x/ 2 0\n");
	catalog_assert_whole(p->catalog);
}

static void a_renamed_file_keeps_its_object(void **state)
{
	struct catalog_place *p = *state;

	place_put(p, "", "old", "content", 0);
	place_begin(p);
	place_put_in(p, "", "new", "content", 0);
	assert_int_equal(catalog_remove(p->catalog, p->source, "old", 0, NULL, NULL, NULL), 0);
	place_commit(p);
	assert_int_equal(place_objects(p), 1);
	place_assert_file(p, "new", "content");
	place_remove(p, "new", 0);
	assert_int_equal(place_objects(p), 0);
}

static void texts_follow_their_files(void **state)
{
	struct catalog_place *p = *state;

	place_put(p, "", "guide", NULL, 10);
	place_put(p, "guide", "login.md", "How users authenticate", 10);
	assert_int_equal(catalog_matches(p->catalog, "authentication"), 1); /* by its stem */
	assert_int_equal(catalog_matches(p->catalog, "path:login"), 1);
	assert_int_equal(catalog_matches(p->catalog, "title:title"), 1);
	place_put(p, "guide", "login.md", "Nothing of it", 10);
	assert_int_equal(catalog_matches(p->catalog, "authentication"), 0);
	assert_int_equal(catalog_matches(p->catalog, "nothing"), 1);
	place_remove(p, "guide", 10);
	assert_int_equal(catalog_matches(p->catalog, "nothing"), 0);
	catalog_assert_whole(p->catalog);
}

static void a_batch_that_is_rolled_back_was_not(void **state)
{
	struct catalog_place *p = *state;
	uint64_t generation;

	place_put(p, "", "f", "one", 10);
	generation = catalog_generation(p->catalog);
	place_begin(p);
	place_put_in(p, "", "f", "two", 0);
	place_put_in(p, "", "g", "three", 10);
	catalog_rollback(p->catalog);
	assert_int_equal(catalog_generation(p->catalog), generation);
	place_assert_file(p, "f", "one");
	place_assert_listed(p, "", "f 1 3\n");
	assert_int_equal(catalog_matches(p->catalog, "three"), 0);
	place_put(p, "", "g", "four", 10);
	catalog_assert_whole(p->catalog);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, place_setup, place_teardown)
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
