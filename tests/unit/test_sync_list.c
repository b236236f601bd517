/* What a sync makes of listings, and of single members that it is told of. */
#include "tests/unit/catalog_check.h"
#include "tests/unit/syncing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

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
	struct syncing *p = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct member m = {.path = "f",
			.etag = cases[i].had,
			.size = 7,
			.modified_us = LONG_AGO,
			.asked_us = LONG_AGO + cases[i].age * SECOND_US};
		char content[8];

		snprintf(content, sizeof(content), "text %02zu", i);
		syncing_begin(p);
		syncing_take_text(p, m, content);
		syncing_end(p, 0);
		m.etag = cases[i].has;
		m.size = cases[i].size;
		m.modified_us = cases[i].modified;
		m.asked_us = 0;
		syncing_begin(p);
		if (strcmp(syncing_list(p, "", &m, 1), cases[i].wanted) != 0)
			fail_msg("case %zu: not \"%s\"", i, cases[i].wanted);
		syncing_end(p, 0);
	}
}

static void what_is_not_listed_any_more_goes(void **state)
{
	struct syncing *p = *state;

	syncing_begin(p);
	LIST(p, "", syncing_dir("a"), syncing_file("f", "\"1\"", "f"));
	syncing_take_text(p, syncing_file("f", "\"1\"", "f"), "f");
	LIST(p, "a", syncing_dir("a/b"), syncing_file("a/g", "\"1\"", "g"));
	syncing_take_text(p, syncing_file("a/g", "\"1\"", "g"), "g");
	LIST(p, "a/b", syncing_file("a/b/h", "\"1\"", "h"));
	syncing_take_text(p, syncing_file("a/b/h", "\"1\"", "h"), "h");
	syncing_end(p, 0);
	syncing_begin(p);
	assert_string_equal(LIST(p, "", syncing_file("f", "\"1\"", "f")), "");
	syncing_end(p, 0);
	syncing_counts(p, 0, 0, 2, 1, 0);
	assert_string_equal(p->told.data, "a/b/h\na/b\na/g\na\n");
	syncing_gone(p, "a");
	syncing_gone(p, "a/b/h");
	syncing_has(p, "f", "f");
	catalog_assert_whole(p->catalog);
}

static void single_members_are_told_of(void **state)
{
	struct syncing *p = *state;
	const struct wanted *wanted = NULL;
	struct member m = syncing_file("a/b/f", "\"1\"", "one"), d = syncing_dir("a/c");

	syncing_begin(p);
	/* Before its directories, too. */
	assert_int_equal(sync_changed(p->sync, &m, &wanted, &p->err), 0);
	assert_string_equal(wanted->path, "a/b/f");
	syncing_take_text(p, m, "one");
	assert_int_equal(sync_changed(p->sync, &d, &wanted, &p->err), 0);
	assert_true(wanted->is_dir);
	assert_int_equal(sync_set_memory(p->sync, "token 1"), 0);
	syncing_end(p, 0);
	assert_string_equal(p->result.memory, "token 1");
	assert_string_equal(p->told.data, "a\na/b\na/b/f\na/c\n");
	syncing_begin(p);
	assert_string_equal(sync_memory(p->sync), "token 1");
	assert_int_equal(sync_changed(p->sync, &m, &wanted, &p->err), 0);
	assert_null(wanted);
	assert_int_equal(sync_removed(p->sync, "a/b", &p->err), 0);
	assert_int_equal(sync_removed(p->sync, "not/there", &p->err), 0);
	assert_int_equal(sync_removed(p->sync, "", &p->err), 0); /* the root never goes */
	syncing_end(p, 0);
	syncing_counts(p, 0, 0, 1, 1, 0);
	syncing_gone(p, "a/b/f");
	assert_int_equal(catalog_number(p->catalog, "SELECT count(*) FROM entry"), 2);
}

static void a_file_becomes_a_directory_and_back(void **state)
{
	struct syncing *p = *state;

	syncing_one(p, "x", "\"1\"", "a file");
	syncing_begin(p);
	assert_string_equal(LIST(p, "", syncing_dir("x")), "x/ ");
	assert_string_equal(LIST(p, "x", syncing_file("x/y", "\"1\"", "inner")), "x/y ");
	syncing_take_text(p, syncing_file("x/y", "\"1\"", "inner"), "inner");
	syncing_end(p, 0);
	syncing_has(p, "x/y", "inner");
	syncing_begin(p);
	assert_string_equal(LIST(p, "", syncing_file("x", "\"1\"", "again")), "x ");
	syncing_take_text(p, syncing_file("x", "\"1\"", "again"), "again");
	syncing_end(p, 0);
	syncing_has(p, "x", "again");
	syncing_gone(p, "x/y");
	catalog_assert_whole(p->catalog);
}

static void a_directory_has_the_date_that_is_told(void **state)
{
	struct syncing *p = *state;
	struct member m = syncing_dir("d");
	struct entry e = {0};

	m.modified_us = LONG_AGO;
	syncing_begin(p);
	assert_string_equal(syncing_list(p, "", &m, 1), "d/ ");
	syncing_end(p, 0);
	m.modified_us = NOW;
	syncing_begin(p);
	assert_string_equal(syncing_list(p, "", &m, 1), "d/ ");
	syncing_take_text(p, syncing_file("d/f", NULL, "f"), "f");
	syncing_end(p, 0);
	assert_string_equal(p->told.data, "d\nd/f\n");
	assert_int_equal(catalog_find(p->catalog, p->source, "d", &e), 0);
	assert_int_equal(e.modified_us, NOW);
	entry_release(&e);
}

static void bad_names_are_left_out(void **state)
{
	struct syncing *p = *state;
	char longest[256] = {0}, longer[257] = {0};

	memset(longest, 'n', 255);
	memset(longer, 'm', 256);
	syncing_begin(p);
	syncing_list(p, "",
		(struct member[]){syncing_file(longest, "\"1\"", "1"),
			syncing_file(longer, "\"1\"", "1"), syncing_file("..", NULL, ""),
			syncing_file(".", NULL, ""), syncing_file("a/b", NULL, ""),
			syncing_file("", NULL, ""), syncing_file("bad\xff", NULL, "")},
		7);
	LIST(p, "d", syncing_file("e/x", NULL, ""), syncing_file("d/", NULL, ""),
		syncing_file("d/../x", NULL, ""));
	syncing_take_text(p, syncing_file(longest, "\"1\"", "1"), "1");
	syncing_end(p, 0);
	syncing_counts(p, 1, 0, 0, 0, 9);
	syncing_has(p, longest, "1");
}

static void told_twice_is_once(void **state)
{
	struct syncing *p = *state;

	syncing_begin(p);
	assert_string_equal(
		LIST(p, "", syncing_file("f", "\"1\"", "x"), syncing_file("f", "\"2\"", "xy"),
			syncing_dir("d"), syncing_dir("d")),
		"d/ f ");
	syncing_end(p, 0);
}

static void what_is_not_wanted_goes(void **state)
{
	char *exclude[] = {"*.tmp", NULL};
	struct syncing *p = *state;

	syncing_one(p, "f.tmp", "\"1\"", "x");
	p->config.exclude = exclude;
	syncing_begin(p);
	assert_string_equal(LIST(p, "", syncing_file("f.tmp", "\"1\"", "x")), "");
	syncing_end(p, 0);
	p->config.exclude = NULL;
	syncing_counts(p, 0, 0, 1, 0, 0);
	syncing_gone(p, "f.tmp");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, syncing_setup, syncing_teardown)
	const struct CMUnitTest tests[] = {
		TEST(what_may_have_changed_is_fetched),
		TEST(what_is_not_listed_any_more_goes),
		TEST(single_members_are_told_of),
		TEST(a_file_becomes_a_directory_and_back),
		TEST(a_directory_has_the_date_that_is_told),
		TEST(bad_names_are_left_out),
		TEST(told_twice_is_once),
		TEST(what_is_not_wanted_goes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
