#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/base/grow.h"

#include <stdlib.h>

static void room_is_made_before_it_is_needed(void **state)
{
	size_t cap = 0, moves = 0;
	int *items = NULL, *grown;

	(void)state;
	for (size_t i = 0; i < 100; i++) {
		const size_t was = cap;

		grown = grow(items, i, &cap, sizeof(*items), 3);
		assert_non_null(grown);
		items = grown;
		assert_true(cap > i);
		moves += cap != was;
		items[i] = (int)i;
	}
	for (int i = 0; i < 100; i++)
		assert_int_equal(items[i], i);
	assert_int_equal(cap, 192); /* 3, 6, 12, 24, 48, 96 */
	assert_int_equal(moves, 7);
	free(items);
}

static void what_is_too_large_changes_nothing(void **state)
{
	size_t cap = 0;
	char *items = grow(NULL, 0, &cap, 1, 4);

	(void)state;
	assert_non_null(items);
	items[3] = 'x';
	assert_null(grow(items, 4, &cap, SIZE_MAX / 4, 4));
	assert_int_equal(cap, 4);
	assert_int_equal(items[3], 'x');
	free(items);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(room_is_made_before_it_is_needed),
		cmocka_unit_test(what_is_too_large_changes_nothing),
	};

	return cmocka_run_group_tests_name("grow", tests, NULL, NULL);
}
