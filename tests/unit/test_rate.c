#include "core/base/rate.h"

#include "core/base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define MINUTE (60 * SECOND_US)

static int set_up(void **arg)
{
	*arg = rates_new();
	return *arg == NULL ? -1 : 0;
}

static int tear_down(void **arg)
{
	rates_free(*arg);
	rates_free(NULL);
	return 0;
}

static int take_all(struct rates *rates, const char *key, int64_t limit, int64_t now_us)
{
	int taken = 0;

	while (taken < 1000 && rate_take(rates, key, limit, MINUTE, now_us, false))
		taken++;
	return taken;
}

static void test_a_bucket_holds_the_limit(void **arg)
{
	assert_int_equal(take_all(*arg, "a", 10, 0), 10);
	assert_int_equal(take_all(*arg, "b", 10, 0), 10);
	assert_int_equal(take_all(*arg, "a", 10, 0), 0);
	assert_int_equal(take_all(*arg, "a", 10, 2 * MINUTE), 10);
}

static void test_it_fills_at_the_rate(void **arg)
{
	int64_t now = 5 * MINUTE;

	assert_int_equal(take_all(*arg, "a", 10, now), 10);
	assert_int_equal(take_all(*arg, "a", 10, now + 6 * SECOND_US - 1), 0);
	assert_int_equal(take_all(*arg, "a", 10, now + 6 * SECOND_US), 1);
	assert_int_equal(take_all(*arg, "a", 10, now + 12 * SECOND_US), 1);
	assert_int_equal(take_all(*arg, "a", 10, now + 42 * SECOND_US), 5);
	assert_int_equal(take_all(*arg, "a", 10, now + 42 * SECOND_US + MINUTE), 10);
}

/* Nothing is lost to rounding however often it is asked, and no token too many is given. */
static void test_is_exact(void **arg)
{
	static const int64_t limits[] = {1, 3, 7, 997, 60000, 7777777};

	for (size_t i = 0; i < sizeof(limits) / sizeof(*limits); i++) {
		char key[32];
		int64_t limit = limits[i], taken = 0, now = 0;

		snprintf(key, sizeof(key), "k%zu", i);
		for (int64_t n = 0; n < limit; n++)
			assert_true(rate_take(*arg, key, limit, MINUTE, 0, false));
		while (now < MINUTE && taken < 10000) {
			now += 1 + now % 7919;
			while (rate_take(*arg, key, limit, MINUTE, now, false))
				taken++;
			assert_int_equal(taken, now * limit / MINUTE);
		}
	}
}

static void test_peeking_takes_nothing(void **arg)
{
	for (int i = 0; i < 30; i++)
		assert_true(rate_take(*arg, "a", 2, MINUTE, 0, true));
	assert_int_equal(take_all(*arg, "a", 2, 0), 2);
	assert_false(rate_take(*arg, "a", 2, MINUTE, 0, true));
	assert_true(rate_take(*arg, "a", 2, MINUTE, MINUTE / 2, true));
}

/* When it says, and not a microsecond before. */
static void test_it_knows_when(void **arg)
{
	static const int64_t limits[] = {1, 3, 7, 997, 60000};

	assert_int_equal(rate_wait_us(*arg, "none", 5, MINUTE, 0), 0);
	assert_int_equal(rate_wait_us(*arg, "none", 0, MINUTE, 0), 0);
	for (size_t i = 0; i < sizeof(limits) / sizeof(*limits); i++) {
		char key[32];
		int64_t limit = limits[i], now = 1000, wait;

		snprintf(key, sizeof(key), "k%zu", i);
		assert_true(rate_take(*arg, key, limit, MINUTE, now, false));
		if (limit > 1)
			assert_int_equal(rate_wait_us(*arg, key, limit, MINUTE, now), 0);
		while (rate_take(*arg, key, limit, MINUTE, now, false))
			;
		now += MINUTE / limit / 3;
		wait = rate_wait_us(*arg, key, limit, MINUTE, now);
		assert_true(wait > 0);
		assert_false(rate_take(*arg, key, limit, MINUTE, now + wait - 1, true));
		assert_true(rate_take(*arg, key, limit, MINUTE, now + wait, true));
	}
}

static void test_no_limit(void **arg)
{
	assert_int_equal(take_all(*arg, "a", 0, 0), 1000);
	assert_int_equal(take_all(*arg, "b", INT64_MAX, 0), 1000);
}

static void test_time_that_goes_back_gives_nothing(void **arg)
{
	assert_int_equal(take_all(*arg, "a", 5, MINUTE), 5);
	assert_int_equal(take_all(*arg, "a", 5, 0), 0);
	assert_int_equal(take_all(*arg, "a", 5, MINUTE), 0);
	assert_int_equal(take_all(*arg, "a", 5, MINUTE + MINUTE / 5), 1);
}

static void test_a_lowered_limit(void **arg)
{
	assert_int_equal(take_all(*arg, "a", 10, 0), 10);
	assert_int_equal(take_all(*arg, "a", 2, 0), 0);
	assert_int_equal(take_all(*arg, "a", 2, MINUTE), 2);
}

static void test_the_oldest_is_forgotten_at_the_bound(void **arg)
{
	char key[32];

	assert_int_equal(take_all(*arg, "first", 1, 0), 1);
	assert_int_equal(take_all(*arg, "second", 1, 0), 1);
	assert_int_equal(take_all(*arg, "first", 1, 1), 0); /* asked for again: the newest */
	for (int i = 0; i < RATE_KEYS_MAX - 1; i++) {
		snprintf(key, sizeof(key), "key-%d", i);
		assert_int_equal(take_all(*arg, key, 1, 2), 1);
	}
	assert_int_equal(take_all(*arg, "first", 1, 3), 0);
	assert_int_equal(take_all(*arg, "second", 1, 3), 1);
	assert_int_equal(take_all(*arg, "key-3", 1, 3), 0);
}

/* Full buckets go as others come; those that are not full keep what they know. */
static void test_full_ones_are_forgotten(void **arg)
{
	char key[32];

	for (int round = 0; round < 5; round++) {
		for (int i = 0; i < 3000; i++) {
			snprintf(key, sizeof(key), "%d-%d", round, i);
			assert_int_equal(take_all(*arg, key, 3, round * MINUTE * 2), 3);
			assert_int_equal(take_all(*arg, key, 3, round * MINUTE * 2), 0);
		}
	}
	for (int i = 0; i < 3000; i++) {
		snprintf(key, sizeof(key), "4-%d", i);
		assert_int_equal(take_all(*arg, key, 3, 8 * MINUTE), 0);
	}
}

static void test_burst(void **arg)
{
	struct burst burst = {0};

	(void)arg;
	assert_false(burst_goes_on(&burst, 0));
	assert_true(burst_goes_on(&burst, 0));
	assert_true(burst_goes_on(&burst, SECOND_US - 1));
	assert_false(burst_goes_on(&burst, SECOND_US));
	for (int i = 1; i < BURST_MAX; i++)
		assert_true(burst_goes_on(&burst, SECOND_US + i));
	assert_false(burst_goes_on(&burst, SECOND_US + BURST_MAX));
	assert_true(burst_goes_on(&burst, 2 * SECOND_US));
}

int main(void)
{
#define EACH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		EACH(test_a_bucket_holds_the_limit),
		EACH(test_it_fills_at_the_rate),
		EACH(test_is_exact),
		EACH(test_peeking_takes_nothing),
		EACH(test_it_knows_when),
		EACH(test_no_limit),
		EACH(test_time_that_goes_back_gives_nothing),
		EACH(test_a_lowered_limit),
		EACH(test_the_oldest_is_forgotten_at_the_bound),
		EACH(test_full_ones_are_forgotten),
		cmocka_unit_test(test_burst),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
