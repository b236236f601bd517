#include "core/log/recent.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Adds a record with a line of that length; returns it with a reference of the caller's. */
static struct record *add(struct recent *recent, int64_t pos, size_t len)
{
	char *line = malloc(len + 1);
	struct record kept = {.kind = RECORD_EVENT, .pos = pos, .line = line, .line_len = len}, *r;

	assert_non_null(line);
	memset(line, 'x', len);
	line[len] = '\0';
	assert_int_equal(record_restore(&kept, &r), 0);
	free(line);
	recent_add(recent, r);
	return r;
}

static int set_up(void **arg)
{
	*arg = calloc(1, sizeof(struct recent));
	return *arg == NULL ? -1 : 0;
}

static int tear_down(void **arg)
{
	recent_release(*arg);
	free(*arg);
	return 0;
}

static void test_empty(void **arg)
{
	struct recent *recent = *arg;

	assert_int_equal(recent_first_pos(recent), INT64_MAX);
	assert_int_equal(recent_find(recent, 1), 0);
	recent_release(NULL);
}

static void test_finds_by_position(void **arg)
{
	struct recent *recent = *arg;

	for (int64_t pos = 10; pos <= 100; pos += 10)
		record_unref(add(recent, pos, 20));
	assert_int_equal(recent_first_pos(recent), 10);
	assert_int_equal(recent_find(recent, 0), 0);
	assert_int_equal(recent_find(recent, 10), 0);
	assert_int_equal(recent_find(recent, 11), 1);
	assert_int_equal(recent_find(recent, 100), 9);
	assert_int_equal(recent_find(recent, 101), 10);
	assert_int_equal(recent_at(recent, 3)->pos, 40);
}

static void test_is_bounded_in_number(void **arg)
{
	struct recent *recent = *arg;

	for (int64_t pos = 1; pos <= 3 * RECENT_RECORDS + 5; pos++)
		record_unref(add(recent, pos, 20));
	assert_int_equal(recent->count, RECENT_RECORDS);
	assert_int_equal(recent_first_pos(recent), 2 * RECENT_RECORDS + 6);
	for (size_t i = 0; i < recent->count; i++)
		assert_int_equal(recent_at(recent, i)->pos, 2 * RECENT_RECORDS + 6 + (int64_t)i);
	for (int64_t pos = 2 * RECENT_RECORDS; pos < 3 * RECENT_RECORDS + 9; pos += 7)
		assert_int_equal(recent_find(recent, pos), pos < 2 * RECENT_RECORDS + 6 ? 0
							   : pos > 3 * RECENT_RECORDS + 5
								   ? RECENT_RECORDS
								   : pos - 2 * RECENT_RECORDS - 6);
}

static void test_is_bounded_in_bytes(void **arg)
{
	struct recent *recent = *arg;
	size_t lines = 0;

	for (int64_t pos = 1; pos <= 100; pos++)
		record_unref(add(recent, pos, 100000));
	assert_in_range(recent->bytes, RECENT_BYTES - 110000, RECENT_BYTES);
	for (size_t i = 0; i < recent->count; i++)
		lines += recent_at(recent, i)->line_len;
	assert_true(recent->bytes >= lines);
	record_unref(add(recent, 101, 2 * RECENT_BYTES));
	assert_int_equal(recent->count, 1);
	record_unref(add(recent, 102, 10));
	assert_int_equal(recent->count, 1);
	assert_int_equal(recent_first_pos(recent), 102);
	recent_release(recent);
	assert_int_equal(recent->bytes, 0);
}

static void test_holds_a_reference(void **arg)
{
	struct recent *recent = *arg;
	struct record *r = add(recent, 1, 10);

	assert_int_equal(r->refs, 2);
	recent_release(recent);
	assert_int_equal(r->refs, 1);
	record_unref(r);
}

int main(void)
{
#define EACH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		EACH(test_empty),
		EACH(test_finds_by_position),
		EACH(test_is_bounded_in_number),
		EACH(test_is_bounded_in_bytes),
		EACH(test_holds_a_reference),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
