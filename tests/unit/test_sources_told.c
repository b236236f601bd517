/* What the log is told of sources. */
#include "core/state/view.h"
#include "tests/unit/sources_kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const char *told(struct kit *k, struct buf *out)
{
	return world_lines(k->world, out, CHANNEL_TYPE, "context.updated");
}

static int lines(const char *text)
{
	int n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

static void the_log_is_told_without_what_is_not_shared(void **state)
{
	struct kit *k = *state;
	struct buf out = BUF_INIT;
	struct source *s = kit_add(k, "{\"name\":\"secret-docs\",\"url\":\"http://h/\"}");

	until(lines(told(k, &out)) == 1);
	assert_non_null(
		strstr(out.data, "\"event_type\":\"context.updated\",\"session_id\":null,"));
	assert_non_null(strstr(out.data, "\"data\":{\"added\":1,\"changed\":0,\"removed\":0}}\n"));
	assert_null(strstr(out.data, "secret-docs"));
	assert_null(strstr(out.data, "a.md"));
	assert_int_equal(kit_set(k, s, "shared", "yes"), 0);
	pthread_mutex_lock(&fake.mutex);
	snprintf(fake.content, sizeof(fake.content), "another");
	snprintf(fake.etag, sizeof(fake.etag), "\"2\"");
	pthread_mutex_unlock(&fake.mutex);
	kit_sync_now(k, s);
	assert_int_equal(lines(told(k, &out)), 1); /* one a second */
	kit_pass(k, SECOND_US);
	until(lines(told(k, &out)) == 2);
	assert_non_null(
		strstr(out.data, "\"data\":{\"source\":\"secret-docs\",\"added\":0,\"changed\":1,"
				 "\"removed\":0,\"paths\":[\"a.md\"]}}\n"));
	kit_sync_now(k, s); /* nothing has changed */
	kit_pass(k, SECOND_US);
	kit_sync_now(k, s);
	assert_int_equal(lines(told(k, &out)), 2);
	assert_string_equal(world_lines(k->world, &out, CHANNEL_BROADCAST, ""), "");
	source_unref(s);
	buf_release(&out);
}

static void nobody_else_reads_the_log(void **state)
{
	struct kit *k = *state;
	struct buf out = BUF_INIT;
	struct source *s;

	k->options.alone = true;
	kit_reopen(k);
	s = kit_add(k, "{\"name\":\"docs\",\"url\":\"http://h/\"}");
	until(lines(told(k, &out)) == 1);
	assert_non_null(strstr(out.data, "\"source\":\"docs\",\"added\":1"));
	assert_int_equal(sources_remove(k->sources, s, WORLD_UID, &k->error), 0);
	until(lines(told(k, &out)) == 2);
	assert_non_null(strstr(out.data, "\"removed\":1"));
	source_unref(s);
	buf_release(&out);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, kit_setup, kit_teardown)
	const struct CMUnitTest tests[] = {
		TEST(the_log_is_told_without_what_is_not_shared),
		TEST(nobody_else_reads_the_log),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
