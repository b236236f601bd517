/* Sources: who may have which, what they are called, and what another value of theirs means. */
#include "core/base/json.h"
#include "tests/unit/sources_kit.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void a_source_is_synced_once_added(void **state)
{
	struct kit *k = *state;
	struct source *s = kit_add(k, "{\"name\":\"docs\",\"url\":\"http://h/docs\"}"), *found;
	struct json *json = NULL;
	const char *status;

	until(kit_is_over(k, s, 1) && kit_is_idle(k, s));
	assert_int_equal(fake.runs, 1);
	assert_string_equal(kit_seen(fake.seen_url), "http://h/docs/");
	assert_true(kit_has_file(k, s, "a.md"));
	until(k->changed > 0 && k->over == 1);
	assert_true(kit_due_in(k, s) == 300 * SECOND_US);
	status = kit_text(k, s, sources_status);
	assert_int_equal(json_parse(status, strlen(status), &json, NULL), 0);
	json_free(json);
	kit_assert_shows(k, s, "{\"name\":\"docs\",\"state\":\"idle\",\"kind\":\"webdav\"");
	kit_assert_shows(k, s, "\"url\":\"http://h/docs/\",\"shared\":false,\"interval_s\":300");
	kit_assert_shows(k, s, "\"files\":1,");
	kit_assert_shows(k, s, "\"last_error\":null");
	assert_non_null(strstr(kit_text(k, s, sources_last),
		"{\"source\":\"docs\",\"status\":\"ok\",\"added\":1,\"changed\":0,\"removed\":0"));
	found = sources_find(k->sources, "docs", WORLD_UID);
	assert_ptr_equal(found, s);
	source_unref(found);
	kit_pass(k, 300 * SECOND_US);
	until(kit_is_over(k, s, 2));
	assert_non_null(strstr(kit_text(k, s, sources_last), "\"added\":0,\"changed\":0"));
	source_unref(s);
}

static void who_may_add(void **state)
{
	static const char text[] = "{\"name\":\"docs\",\"url\":\"/srv/docs\"}";
	static const char own[] = "{\"name\":\"o\",\"url\":\"http://h/\",\"key\":\"/root/key\"}";
	struct kit *k = *state;
	struct source *s = NULL;

	assert_int_equal(
		sources_add(k->sources, OTHER_UID, OTHER_UID, text, strlen(text), &s, &k->error),
		-EACCES);
	assert_int_equal(
		sources_make(k->sources, OTHER_UID, OTHER_UID, "docs", &s, &k->error), -EACCES);
	k->options.any = true;
	kit_reopen(k);
	assert_int_equal(
		sources_add(k->sources, OTHER_UID, OTHER_UID, own, strlen(own), &s, &k->error),
		-EACCES);
	assert_int_equal(strncmp(k->error.text, "key: only the user", 18), 0);
	assert_int_equal(
		sources_add(k->sources, OTHER_UID, OTHER_UID, text, strlen(text), &s, &k->error),
		0);
	assert_int_equal(s->uid, OTHER_UID);
	assert_int_equal(
		sources_set(k->sources, s, OTHER_UID, source_option("local"), "yes", 3, &k->error),
		-EACCES);
	assert_int_equal(kit_set(k, s, "interval", "10"), -EACCES);
	assert_int_equal(sources_remove(k->sources, s, WORLD_UID, &k->error), -EACCES);
	source_unref(s);
	s = kit_add(k, own);
	source_unref(s);
}

static int count_one(void *arg, struct source *s)
{
	(void)s;
	++*(int *)arg;
	return 0;
}

static int names_of(void *arg, struct source *s)
{
	buf_addf(arg, "%s ", s->name);
	return 0;
}

static void a_source_is_its_users_unless_shared(void **state)
{
	struct kit *k = *state;
	struct source *s = kit_add(k, "{\"name\":\"docs\",\"url\":\"http://h/\"}"), *found;
	struct buf names = BUF_INIT;
	int changed, count = 0;
	uint64_t ticket;

	until(kit_is_over(k, s, 1));
	assert_null(sources_find(k->sources, "docs", OTHER_UID));
	assert_null(sources_find(k->sources, "docs", 0));
	assert_int_equal(sources_each(k->sources, OTHER_UID, count_one, &count), 0);
	assert_int_equal(count, 0);
	changed = k->changed;
	assert_int_equal(kit_set(k, s, "shared", "yes"), 0);
	assert_true(k->changed > changed);
	found = sources_find(k->sources, "docs", OTHER_UID);
	assert_ptr_equal(found, s);
	assert_int_equal(sources_remove(k->sources, found, OTHER_UID, &k->error), -EACCES);
	assert_int_equal(sources_sync(k->sources, found, OTHER_UID, &ticket, &k->error), -EACCES);
	source_unref(found);
	source_unref(kit_add(k, "{\"name\":\"b\",\"url\":\"http://h/b\"}"));
	source_unref(kit_add(k, "{\"name\":\"e\",\"url\":\"http://h/e\",\"shared\":true}"));
	source_unref(kit_add(k, "{\"name\":\"a\",\"url\":\"http://h/a\"}"));
	sources_each(k->sources, WORLD_UID, names_of, &names);
	assert_string_equal(names.data, "a b docs e ");
	buf_reset(&names);
	sources_each(k->sources, OTHER_UID, names_of, &names);
	assert_string_equal(names.data, "docs e ");
	assert_int_equal(kit_set(k, s, "shared", "no"), 0);
	assert_null(sources_find(k->sources, "docs", OTHER_UID));
	buf_release(&names);
	source_unref(s);
}

static void names_are_taken_once(void **state)
{
	struct kit *k = *state;
	struct source *s = kit_add(k, "http://h/docs"), *other = NULL;
	static const char text[] = "http://other/docs/";
	char name[32];
	int r = 0, n = 0;

	assert_string_equal(s->name, "docs");
	assert_int_equal(sources_add(k->sources, WORLD_UID, WORLD_UID, text, strlen(text), &other,
				 &k->error),
		-EEXIST);
	assert_int_equal(
		sources_make(k->sources, WORLD_UID, WORLD_UID, "docs", &other, &k->error), -EEXIST);
	assert_int_equal(
		sources_make(k->sources, WORLD_UID, WORLD_UID, "new", &other, &k->error), -EINVAL);
	assert_int_equal(
		sources_make(k->sources, WORLD_UID, WORLD_UID, "a/b", &other, &k->error), -EINVAL);
	assert_null(other);
	for (; r == 0; n++) {
		snprintf(name, sizeof(name), "n%d", n);
		r = sources_make(k->sources, WORLD_UID, WORLD_UID, name, &other, &k->error);
		if (r == 0)
			source_unref(other);
	}
	assert_int_equal(r, -EDQUOT);
	assert_int_equal(n, SOURCES_UID_MAX);
	source_unref(s);
}

static void values_one_after_the_other(void **state)
{
	struct kit *k = *state;
	struct source *s = NULL;
	uint64_t ticket;

	assert_int_equal(sources_make(k->sources, WORLD_UID, WORLD_UID, "docs", &s, &k->error), 0);
	kit_assert_shows(k, s, "\"state\":\"no url\"");
	assert_int_equal(sources_sync(k->sources, s, WORLD_UID, &ticket, &k->error), -EINVAL);
	assert_int_equal(kit_set(k, s, "username", "kim"), 0);
	assert_true(kit_due_in(k, s) == NEVER);
	assert_int_equal(kit_set(k, s, "url", "http://h/"), 0);
	assert_int_equal(kit_set(k, s, "password", CANARY), 0);
	assert_int_equal(fake.runs, 0); /* the clock stands: it waits for what else may come */
	assert_true(kit_due_in(k, s) > 0);
	kit_pass(k, SECOND_US);
	until(kit_is_over(k, s, 1));
	assert_string_equal(kit_seen(fake.seen_password), CANARY);
	assert_int_equal(kit_set(k, s, "interval", "no"), -EINVAL);
	assert_int_equal(strncmp(k->error.text, "interval: ", 10), 0);
	source_unref(s);
}

static void what_runs_with_old_values_begins_anew(void **state)
{
	struct kit *k = *state;
	struct source *s;
	uint64_t ticket;

	fake.slow = true;
	s = kit_add(k, "{\"name\":\"docs\",\"url\":\"http://h/\"}");
	until(fake.running == 1);
	ticket = kit_ask(k, s);
	assert_int_equal(kit_set(k, s, "password", CANARY), 0);
	until(fake.stopped == 1 && kit_is_idle(k, s));
	assert_false(kit_is_over(k, s, 1)); /* that was none */
	fake.slow = false;
	kit_pass(k, SECOND_US);
	until(kit_is_over(k, s, ticket) && kit_is_idle(k, s));
	assert_string_equal(kit_seen(fake.seen_password), CANARY);
	assert_int_equal(kit_set(k, s, "password", CANARY "\n"), 0); /* is the same */
	assert_true(kit_due_in(k, s) > SECOND_US);
	source_unref(s);
}

static void another_place_begins_with_nothing(void **state)
{
	struct kit *k = *state;
	struct source *s;

	snprintf(fake.memory, sizeof(fake.memory), "here");
	s = kit_add(k, "{\"name\":\"docs\",\"url\":\"http://h/\"}");
	kit_sync_now(k, s);
	assert_true(kit_has_file(k, s, "a.md"));
	assert_int_equal(kit_set(k, s, "url", "http://H:80"), 0); /* the same */
	assert_true(kit_due_in(k, s) > SECOND_US);
	fake.fails = true;
	assert_int_equal(kit_set(k, s, "url", "http://other/"), 0);
	kit_pass(k, SECOND_US);
	until(kit_shows(k, s, "can't connect") && kit_is_idle(k, s));
	assert_string_equal(kit_seen(fake.seen_url), "http://other/");
	assert_string_equal(kit_seen(fake.seen_memory), "(none)");
	assert_false(kit_has_file(k, s, "a.md")); /* it is not of there */
	fake.fails = false;
	kit_sync_now(k, s);
	assert_true(kit_has_file(k, s, "a.md"));
	assert_int_equal(kit_set(k, s, "url", "-"), 0);
	kit_assert_shows(k, s, "\"state\":\"no url\"");
	kit_pass(k, SECOND_US);
	until(!kit_has_file(k, s, "a.md") && kit_is_idle(k, s));
	assert_true(kit_due_in(k, s) == NEVER);
	source_unref(s);
}

static void other_patterns_look_at_everything(void **state)
{
	struct kit *k = *state;
	struct source *s;

	snprintf(fake.memory, sizeof(fake.memory), "known");
	s = kit_add(k, "{\"name\":\"docs\",\"url\":\"http://h/\"}");
	kit_sync_now(k, s);
	kit_sync_now(k, s);
	assert_string_equal(kit_seen(fake.seen_memory), "known");
	assert_int_equal(kit_set(k, s, "exclude", "*.md"), 0);
	kit_pass(k, SECOND_US);
	until(!kit_has_file(k, s, "a.md"));
	assert_string_equal(kit_seen(fake.seen_memory), "(none)");
	source_unref(s);
}

/* It would find what it wrote itself, for ever. */
static void the_state_directory_is_no_source(void **state)
{
	struct kit *k = *state;
	const char *path = k->world->scratch.path;
	struct source_config c, copy;
	struct source *s = NULL;

	assert_int_equal(
		sources_add(k->sources, WORLD_UID, WORLD_UID, path, strlen(path), &s, &k->error),
		-EINVAL);
	path = scratch_path(&k->world->scratch, "context/objects");
	assert_int_equal(
		sources_add(k->sources, WORLD_UID, WORLD_UID, path, strlen(path), &s, &k->error),
		-EINVAL);
	assert_non_null(strstr(k->error.text, "where leitlfs keeps"));
	source_config_init(&c);
	assert_int_equal(source_set(&c, source_option("url"), "/tmp", 4, NULL), 0);
	assert_int_equal(sources_copy_config(k->sources, &copy, &c), 0);
	assert_false(source_wants(&copy, strrchr(k->world->scratch.path, '/') + 1, true));
	assert_true(source_wants(&copy, "another", true));
	source_config_release(&copy);
	source_config_release(&c);
}

#define RACE 60

static void *changes(void *arg)
{
	struct kit *k = arg;
	struct buf out = BUF_INIT;
	struct error err;
	uint64_t ticket;

	for (int i = 0; i < RACE; i++) {
		struct source *s = NULL;
		static const char text[] = "{\"name\":\"race\",\"url\":\"http://h/race\"}";

		if (sources_add(k->sources, WORLD_UID, WORLD_UID, text, strlen(text), &s, &err))
			s = kit_find(k, "race");
		if (!s)
			continue;
		sources_set(k->sources, s, WORLD_UID, source_option("shared"), i % 2 ? "1" : "0", 1,
			&err);
		sources_set(k->sources, s, WORLD_UID, source_option("password"), "pw", 2, &err);
		sources_sync(k->sources, s, WORLD_UID, &ticket, &err);
		buf_reset(&out);
		sources_status(k->sources, s, &out);
		sources_synced(k->sources, s, ticket, &out);
		if (i % 3 == 0)
			sources_remove(k->sources, s, WORLD_UID, &err);
		source_unref(s);
	}
	buf_release(&out);
	return NULL;
}

static void many_change_at_once(void **state)
{
	enum { THREADS = 3 };
	struct kit *k = *state;
	pthread_t threads[THREADS];

	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, changes, k), 0);
	for (int i = 0; i < 50; i++) {
		kit_pass(k, SECOND_US);
		sources_watch(
			k->sources, i % 2 ? kit_on_changed : NULL, i % 2 ? kit_on_over : NULL, k);
		kit_pause_ms(1);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	kit_reopen(k);
	until(kit_rows(k) == kit_is_there(k, "race"));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, kit_setup, kit_teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_source_is_synced_once_added),
		TEST(who_may_add),
		TEST(a_source_is_its_users_unless_shared),
		TEST(names_are_taken_once),
		TEST(values_one_after_the_other),
		TEST(what_runs_with_old_values_begins_anew),
		TEST(another_place_begins_with_nothing),
		TEST(other_patterns_look_at_everything),
		TEST(the_state_directory_is_no_source),
		TEST(many_change_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
