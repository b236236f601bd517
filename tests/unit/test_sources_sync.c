/* When sources are synced, and how many at once. */
#include "tests/unit/sources_kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void a_failure_is_tried_again_later_and_later(void **state)
{
	struct kit *k = *state;
	struct source *s;
	int64_t us = 5 * SECOND_US;

	fake.fails = true;
	s = kit_add(k, "{\"name\":\"docs\",\"url\":\"http://h/\",\"interval\":60}");
	for (uint64_t n = 1; n <= 8; n++) {
		until(kit_is_over(k, s, n) && kit_is_idle(k, s));
		assert_int_equal(fake.runs, (int)n);
		assert_in_range(kit_due_in(k, s), us * 3 / 4, us);
		kit_assert_shows(k, s, "\"state\":\"failed\"");
		kit_assert_shows(k, s, "\"last_error\":\"can't connect to the server\"");
		assert_non_null(strstr(kit_text(k, s, sources_last), "\"status\":\"failed\""));
		kit_pass(k, us * 3 / 4 - 1);
		assert_true(kit_due_in(k, s) > 0);
		kit_pass(k, us / 4 + 1);
		us = us * 2 < 60 * SECOND_US ? us * 2 : 60 * SECOND_US;
	}
	until(kit_is_over(k, s, 9) && kit_is_idle(k, s));
	fake.fails = false;
	kit_sync_now(k, s);
	assert_true(kit_due_in(k, s) == 60 * SECOND_US);
	kit_assert_shows(k, s, "\"state\":\"idle\"");
	fake.fails = true;
	kit_sync_now(k, s);
	assert_in_range(kit_due_in(k, s), 5 * SECOND_US * 3 / 4, 5 * SECOND_US);
	source_unref(s);
}

/* What is there stays, whatever goes wrong. */
static void a_failure_keeps_the_files(void **state)
{
	struct kit *k = *state;
	struct source *s = kit_add(k, "{\"name\":\"docs\",\"url\":\"http://h/\"}");

	kit_sync_now(k, s);
	fake.fails = true;
	kit_sync_now(k, s);
	assert_true(kit_has_file(k, s, "a.md"));
	kit_assert_shows(k, s, "\"files\":1,");
	kit_assert_shows(k, s, "\"last_success\":\"2025-");
	source_unref(s);
}

static void a_sync_with_troubles_is_tried_sooner(void **state)
{
	struct kit *k = *state;
	struct source *s;

	fake.partial = true;
	s = kit_add(k, "{\"name\":\"docs\",\"url\":\"http://h/\"}");
	kit_sync_now(k, s);
	assert_non_null(strstr(kit_text(k, s, sources_last), "\"status\":\"partial\""));
	assert_non_null(strstr(kit_text(k, s, sources_last), "\"failed\":1"));
	kit_assert_shows(k, s, "\"state\":\"idle\"");
	assert_non_null(strstr(kit_text(k, s, sources_status), "b.md"));
	assert_true(kit_due_in(k, s) <= 10 * SECOND_US);
	source_unref(s);
}

static void a_server_is_left_alone_as_it_asks(void **state)
{
	struct kit *k = *state;
	struct source *s;
	uint64_t ticket;

	fake.fails = true;
	fake.retry_after_us = 1000 * SECOND_US;
	s = kit_add(k, "{\"name\":\"docs\",\"url\":\"http://h/\"}");
	until(kit_is_over(k, s, 1) && kit_is_idle(k, s));
	assert_in_range(kit_due_in(k, s), 1000 * SECOND_US, 1100 * SECOND_US);
	ticket = kit_ask(k, s); /* who asks is told, and the server is not */
	until(kit_is_over(k, s, ticket) && kit_is_idle(k, s));
	assert_int_equal(fake.runs, 1);
	assert_non_null(strstr(kit_text(k, s, sources_last),
		"\"error\":\"the server asked to be left alone for another 1001 s\""));
	assert_in_range(kit_due_in(k, s), 1000 * SECOND_US, 1100 * SECOND_US);
	fake.fails = false;
	fake.retry_after_us = 0;
	kit_pass(k, 1100 * SECOND_US);
	until(fake.runs == 2 && kit_is_idle(k, s));
	assert_true(kit_due_in(k, s) == 300 * SECOND_US);
	source_unref(s);
}

static void interval_0_is_only_when_asked(void **state)
{
	struct kit *k = *state;
	struct source *s = kit_add(k, "{\"name\":\"docs\",\"url\":\"http://h/\",\"interval\":0}");

	until(kit_is_over(k, s, 1) && kit_is_idle(k, s));
	assert_true(kit_due_in(k, s) == NEVER);
	kit_assert_shows(k, s, "\"next_sync\":null");
	fake.fails = true;
	kit_sync_now(k, s);
	assert_true(kit_due_in(k, s) == NEVER);
	fake.fails = false;
	assert_int_equal(kit_set(k, s, "interval", "30s"), 0);
	kit_sync_now(k, s);
	assert_true(kit_due_in(k, s) == 30 * SECOND_US);
	assert_int_equal(kit_set(k, s, "interval", "10s"), 0);
	assert_true(kit_due_in(k, s) == 10 * SECOND_US);
	source_unref(s);
}

static void a_new_interval_counts_after_a_failure_too(void **state)
{
	struct kit *k = *state;
	struct source *s = kit_add(k, "{\"name\":\"docs\",\"url\":\"http://h/\",\"interval\":0}");

	until(kit_is_over(k, s, 1) && kit_is_idle(k, s));
	fake.fails = true;
	kit_sync_now(k, s);
	assert_int_equal(kit_set(k, s, "interval", "30s"), 0);
	assert_true(kit_due_in(k, s) == 5 * SECOND_US);
	assert_int_equal(kit_set(k, s, "interval", "0"), 0);
	assert_true(kit_due_in(k, s) == NEVER);
	source_unref(s);
}

static void a_new_interval_does_not_put_off_what_is_due(void **state)
{
	struct kit *k = *state;
	struct source *s = kit_add(k, "{\"name\":\"docs\",\"url\":\"http://h/\"}");

	until(kit_is_over(k, s, 1) && kit_is_idle(k, s));
	assert_int_equal(kit_set(k, s, "username", "kim"), 0);
	assert_int_equal(kit_set(k, s, "interval", "1h"), 0);
	assert_true(kit_due_in(k, s) <= SECOND_US);
	source_unref(s);
}

/* One that runs may have read what changes now, so another follows it. */
static void a_ticket_is_of_a_sync_that_begins_later(void **state)
{
	struct kit *k = *state;
	struct source *s;
	uint64_t first, second;

	fake.slow = true;
	s = kit_add(k, "{\"name\":\"docs\",\"url\":\"http://h/\"}");
	until(fake.running == 1);
	kit_assert_shows(k, s, "\"state\":\"running\"");
	kit_assert_shows(k, s, "\"progress\":{");
	first = kit_ask(k, s);
	second = kit_ask(k, s); /* the same one */
	assert_true(first == 2 && second == 2);
	assert_false(kit_is_over(k, s, 1));
	fake.slow = false;
	until(kit_is_over(k, s, 2) && kit_is_idle(k, s));
	assert_int_equal(fake.runs, 2);
	assert_true(kit_is_over(k, s, 1));
	assert_false(kit_is_over(k, s, 3));
	source_unref(s);
}

static void a_few_run_at_once(void **state)
{
	struct kit *k = *state;
	struct source *s[2 * SOURCES_AT_ONCE];
	char text[64];

	fake.slow = true;
	for (int i = 0; i < 2 * SOURCES_AT_ONCE; i++) {
		snprintf(text, sizeof(text), "http://h/s%d", i);
		s[i] = kit_add(k, text);
	}
	until(fake.running == SOURCES_AT_ONCE);
	fake.slow = false;
	for (int i = 0; i < 2 * SOURCES_AT_ONCE; i++) {
		until(kit_is_over(k, s[i], 1) && kit_is_idle(k, s[i]));
		source_unref(s[i]);
	}
	assert_int_equal(fake.most, SOURCES_AT_ONCE);
}

static void servers_that_hang_hold_up_no_folder(void **state)
{
	struct kit *k = *state;
	struct source *s;
	char text[64];

	fake.slow = true;
	for (int i = 0; i < 2 * SOURCES_AT_ONCE; i++) {
		snprintf(text, sizeof(text), "http://h/s%d", i);
		source_unref(kit_add(k, text));
	}
	until(fake.running == SOURCES_AT_ONCE);
	s = kit_add(k, "/srv/docs");
	until(fake.running == SOURCES_AT_ONCE + 1);
	assert_string_equal(kit_seen(fake.seen_url), "/srv/docs");
	source_unref(s);
}

static void the_end_stops_what_runs(void **state)
{
	struct kit *k = *state;
	struct source *s;

	fake.slow = true;
	s = kit_add(k, "{\"name\":\"docs\",\"url\":\"http://h/\"}");
	until(fake.running == 1);
	source_unref(s);
	kit_close(k);
	assert_int_equal(fake.stopped, 1);
	assert_int_equal(fake.running, 0);
	fake.slow = false;
	kit_open(k);
	s = sources_find(k->sources, "docs", WORLD_UID);
	until(kit_is_over(k, s, 1)); /* and it was no failure */
	assert_non_null(strstr(kit_text(k, s, sources_last), "\"status\":\"ok\""));
	source_unref(s);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, kit_setup, kit_teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_failure_is_tried_again_later_and_later),
		TEST(a_failure_keeps_the_files),
		TEST(a_sync_with_troubles_is_tried_sooner),
		TEST(a_server_is_left_alone_as_it_asks),
		TEST(interval_0_is_only_when_asked),
		TEST(a_new_interval_counts_after_a_failure_too),
		TEST(a_new_interval_does_not_put_off_what_is_due),
		TEST(a_ticket_is_of_a_sync_that_begins_later),
		TEST(a_few_run_at_once),
		TEST(servers_that_hang_hold_up_no_folder),
		TEST(the_end_stops_what_runs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
