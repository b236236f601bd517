/* What is kept of sources: over a restart, after a removal, and of their secrets. */
#include "tests/unit/sources_kit.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void removed_while_it_runs(void **state)
{
	struct kit *k = *state;
	struct source *s = kit_add(k, "{\"name\":\"docs\",\"url\":\"http://h/\"}"), *again;
	uint64_t ticket;

	kit_sync_now(k, s);
	fake.slow = true;
	ticket = kit_ask(k, s);
	until(fake.running == 1);
	assert_int_equal(sources_remove(k->sources, s, WORLD_UID, &k->error), 0);
	assert_true(source_gone(s));
	assert_null(sources_find(k->sources, "docs", WORLD_UID));
	assert_true(kit_is_over(k, s, ticket)); /* nobody waits for it any more */
	assert_non_null(strstr(kit_text(k, s, sources_last), "\"status\":\"removed\""));
	assert_int_equal(sources_remove(k->sources, s, WORLD_UID, &k->error), -ENOENT);
	assert_int_equal(kit_set(k, s, "interval", "10"), -ENOENT);
	assert_int_equal(sources_sync(k->sources, s, WORLD_UID, &ticket, &k->error), -ENOENT);
	again = kit_add(k, "{\"name\":\"docs\",\"url\":\"http://h/\"}"); /* its name is free */
	assert_true(again->id != s->id);
	until(fake.stopped == 1);
	until(kit_rows(k) == 1);
	assert_false(kit_has_file(k, s, "a.md"));
	fake.slow = false;
	until(kit_is_over(k, again, 1));
	assert_true(kit_has_file(k, again, "a.md"));
	source_unref(s);
	source_unref(again);
}

/* Buried, and then the power went. */
static void what_was_removed_does_not_come_back(void **state)
{
	struct kit *k = *state;
	struct source *s = kit_add(k, "{\"name\":\"docs\",\"url\":\"http://h/\"}");

	kit_sync_now(k, s);
	pthread_mutex_lock(&k->sources->changing);
	assert_int_equal(sources_bury(k->sources, s, &k->error), 0);
	pthread_mutex_unlock(&k->sources->changing);
	source_unref(s);
	kit_reopen(k);
	assert_null(sources_find(k->sources, "docs", WORLD_UID));
	until(kit_rows(k) == 0);
}

static void a_restart_keeps_everything(void **state)
{
	struct kit *k = *state;
	struct source *s;
	char before[1024];

	snprintf(fake.memory, sizeof(fake.memory), "token-%s", "1");
	s = kit_add(k, "{\"name\":\"docs\",\"url\":\"http://kim@h/\",\"password\":\"" CANARY
		       "\",\"interval\":\"90s\",\"include\":[\"*.md\"]}");
	kit_sync_now(k, s);
	snprintf(before, sizeof(before), "%s", kit_text(k, s, sources_last));
	assert_string_equal(kit_seen(fake.seen_password), CANARY);
	source_unref(s);
	kit_close(k);
	fake.slow = true;
	kit_open(k);
	s = sources_find(k->sources, "docs", WORLD_UID);
	assert_non_null(s);
	assert_string_equal(kit_text(k, s, sources_last), before);
	kit_assert_shows(k, s, "\"interval_s\":90");
	kit_assert_shows(k, s, "\"last_success\":\"2025-");
	assert_true(kit_has_file(k, s, "a.md"));
	until(fake.running == 1);
	assert_string_equal(kit_seen(fake.seen_password), CANARY);
	assert_string_equal(kit_seen(fake.seen_memory), "token-1");
	source_unref(s);
	fake.slow = false;
}

static void after_a_restart_not_all_begin_at_once(void **state)
{
	struct kit *k = *state;
	struct source *s;
	char text[64];

	for (int i = 0; i < 9; i++) {
		snprintf(text, sizeof(text), "http://h/s%d", i);
		s = kit_add(k, text);
		until(kit_is_over(k, s, 1));
		source_unref(s);
	}
	fake.runs = 0;
	kit_reopen(k);
	s = sources_find(k->sources, "s8", WORLD_UID);
	assert_true(kit_due_in(k, s) == 8 * SECOND_US / 10);
	until(fake.runs == 1);
	kit_pass(k, SECOND_US / 10);
	until(fake.runs == 2);
	kit_pass(k, 7 * SECOND_US / 10);
	until(fake.runs == 9);
	source_unref(s);
}

/* Whether a file, or one in a directory of the scratch, holds it. */
static bool is_in_files(struct kit *k, const char *secret)
{
	char command[512];

	snprintf(command, sizeof(command), "grep -rqaF -e '%s' '%s'", secret,
		k->world->scratch.path);
	return system(command) == 0; /* NOLINT(cert-env33-c) */
}

static void secrets_are_nowhere_in_clear(void **state)
{
	struct kit *k = *state;
	struct buf out = BUF_INIT;
	struct source *s;

	fake.tells_password = true; /* a runner that quotes what it should not */
	s = kit_add(k, "{\"name\":\"docs\",\"url\":\"http://h/"
		       "\",\"username\":\"kim\",\"password\":\"" CANARY "\"}");
	kit_sync_now(k, s);
	assert_string_equal(kit_seen(fake.seen_password), CANARY);
	assert_non_null(strstr(kit_text(k, s, sources_last), "401 for kim:***"));
	assert_null(strstr(kit_text(k, s, sources_last), CANARY));
	assert_null(strstr(kit_text(k, s, sources_status), CANARY));
	for (const struct source_option *o = source_options; o->name != NULL; o++) {
		sources_get(k->sources, s, o, &out);
		assert_null(strstr(out.data ? out.data : "", CANARY));
	}
	assert_int_equal(kit_set(k, s, "token", CANARY " x"), -EINVAL);
	assert_null(strstr(k->error.text, CANARY));
	assert_int_equal(kit_set(k, s, "token", CANARY "-token"), 0);
	assert_int_equal(kit_set(k, s, "url", "http://kim:" CANARY "-url@h/x"), 0);
	assert_int_equal(kit_set(k, s, "proxy", "http://kim:" CANARY "-proxy@h"), 0);
	assert_false(is_in_files(k, CANARY));
	source_unref(s);
	kit_close(k);
	assert_false(is_in_files(k, CANARY));
	assert_true(is_in_files(k, "http://h/x/")); /* it would have been found */
	kit_open(k);
	assert_null(strstr(k->log, CANARY));
	buf_release(&out);
}

static void secrets_of_another_key_are_not_used(void **state)
{
	struct kit *k = *state;
	const char *key = scratch_path(&k->world->scratch, "key");
	const char *aside = scratch_path(&k->world->scratch, "aside");
	struct source *s =
		kit_add(k, "{\"name\":\"docs\",\"url\":\"http://h/\",\"password\":\"" CANARY "\"}");
	int runs, fd;

	kit_sync_now(k, s);
	source_unref(s);
	kit_close(k);
	runs = fake.runs;
	assert_int_equal(rename(key, aside), 0);
	fd = open(key, O_CREAT | O_WRONLY, 0600);
	assert_int_equal(write(fd, "0123456789abcdef0123456789abcdef", 32), 32);
	close(fd);
	kit_open(k);
	s = sources_find(k->sources, "docs", WORLD_UID);
	kit_sync_now(k, s);
	assert_int_equal(fake.runs, runs); /* a server would see a user without a password */
	kit_assert_shows(k, s, "the secrets of docs can't be opened");
	assert_int_equal(kit_set(k, s, "interval", "60"), 0); /* keeps them as they are */
	source_unref(s);
	kit_close(k);
	assert_int_equal(rename(aside, key), 0);
	kit_open(k); /* the key is back */
	s = sources_find(k->sources, "docs", WORLD_UID);
	kit_sync_now(k, s);
	assert_string_equal(kit_seen(fake.seen_password), CANARY);
	source_unref(s);
	kit_close(k);
	fd = open(key, O_TRUNC | O_WRONLY);
	assert_int_equal(write(fd, "0123456789abcdef0123456789abcdef", 32), 32);
	close(fd);
	kit_open(k);
	s = sources_find(k->sources, "docs", WORLD_UID);
	assert_int_equal(kit_set(k, s, "password", "another"), 0);
	kit_sync_now(k, s);
	assert_string_equal(kit_seen(fake.seen_password), "another");
	source_unref(s);
	kit_reopen(k);
	s = sources_find(k->sources, "docs", WORLD_UID);
	kit_sync_now(k, s);
	assert_string_equal(kit_seen(fake.seen_password), "another");
	source_unref(s);
}

/* The power goes between a change of place and the sync that follows. */
static void another_place_is_not_forgotten(void **state)
{
	struct kit *k = *state;
	struct source *s = kit_add(k, "{\"name\":\"docs\",\"url\":\"http://h/\"}");

	kit_sync_now(k, s);
	assert_int_equal(kit_set(k, s, "url", "http://other/"), 0);
	source_unref(s);
	fake.fails = true;
	kit_reopen(k);
	s = sources_find(k->sources, "docs", WORLD_UID);
	until(kit_is_over(k, s, 1));
	assert_string_equal(kit_seen(fake.seen_url), "http://other/");
	assert_false(kit_has_file(k, s, "a.md"));
	source_unref(s);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, kit_setup, kit_teardown)
	const struct CMUnitTest tests[] = {
		TEST(removed_while_it_runs),
		TEST(what_was_removed_does_not_come_back),
		TEST(a_restart_keeps_everything),
		TEST(after_a_restart_not_all_begin_at_once),
		TEST(secrets_are_nowhere_in_clear),
		TEST(secrets_of_another_key_are_not_used),
		TEST(another_place_is_not_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
