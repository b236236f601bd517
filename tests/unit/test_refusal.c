#include "core/state/refusal.h"

#include "core/base/clock.h"
#include "core/base/text.h"

#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int64_t fixed(const struct clock *clock)
{
	(void)clock;
	return INT64_C(1763467200123456); /* 2025-11-18T12:00:00.123456Z */
}

static const struct clock clock_fixed = {fixed, fixed};

static int set_up(void **arg)
{
	*arg = refusals_new(&clock_fixed);
	return *arg == NULL ? -1 : 0;
}

static int tear_down(void **arg)
{
	refusals_free(*arg);
	refusals_free(NULL);
	return 0;
}

static char *read_all(struct refusals *all, uid_t uid)
{
	struct buf out = BUF_INIT;
	uint64_t at = 0;

	assert_int_equal(refusal_read(all, uid, &at, SIZE_MAX, &out), 0);
	return buf_detach(&out, NULL);
}

static void test_a_line(void **arg)
{
	char *text;

	refusal_add(*arg, 1000, 42, "bob", "sessions/new", EINVAL, "agent_name: \"must\" be text");
	refusal_add(*arg, 1000, 0, NULL, "tasks/new", EHOSTDOWN, "it has ended");
	refusal_add(*arg, 1001, 7, NULL, "x", 4000, "y");
	text = read_all(*arg, 1000);
	assert_string_equal(text,
		"{\"timestamp\":\"2025-11-18T12:00:00.123456Z\",\"errno\":\"EINVAL\","
		"\"reason\":\"agent_name: \\\"must\\\" be text\",\"pid\":42,\"session_id\":\"bob\","
		"\"path\":\"sessions/new\"}\n"
		"{\"timestamp\":\"2025-11-18T12:00:00.123456Z\",\"errno\":\"EHOSTDOWN\","
		"\"reason\":\"it has ended\",\"pid\":0,\"session_id\":null,"
		"\"path\":\"tasks/new\"}\n");
	free(text);
	text = read_all(*arg, 1001);
	assert_non_null(strstr(text, "\"errno\":\"4000\""));
	free(text);
	assert_null(read_all(*arg, 1002));
}

/* Whatever bytes come in, a line is one valid JSON text. */
static void test_any_bytes(void **arg)
{
	char path[2 * PATH_MAX], *text;
	json_t *line;

	for (int seed = 0; seed < 300; seed++) {
		struct buf out = BUF_INIT;
		uint64_t first, end;
		int64_t time_us;
		size_t len = (size_t)(seed * 7919) % sizeof(path);

		srand((unsigned)seed);
		for (size_t i = 0; i < len; i++)
			path[i] = (char)(seed % 3 == 0 ? 0xe2 - (int)(i % 3 != 0) * 0x40
						       : 1 + rand() % 255);
		path[len < sizeof(path) ? len : sizeof(path) - 1] = '\0';
		refusal_span(*arg, 5, &first, &end, &time_us);
		refusal_add(*arg, 5, 1, path, path, EPERM, path);
		assert_int_equal(refusal_read(*arg, 5, &end, SIZE_MAX, &out), 0);
		assert_true(text_is_utf8(out.data, out.len, NULL));
		assert_ptr_equal(strchr(out.data, '\n'), out.data + out.len - 1);
		line = json_loadb(out.data, out.len, 0, NULL);
		assert_non_null(line);
		assert_int_equal(json_object_size(line), 6);
		json_decref(line);
		buf_release(&out);
	}
	refusal_add(*arg, 6, 1, NULL, "a\xff\xe2\x82/\xe2\x82", EPERM, "r");
	text = read_all(*arg, 6);
	assert_non_null(
		strstr(text, "\"a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd/\xef\xbf\xbd\xef\xbf\xbd\""));
	free(text);
}

static void test_what_is_cut_is_cut_at_a_character(void **arg)
{
	char id[ID_MAX + 8], *text;

	memset(id, 'x', ID_MAX - 1);
	memcpy(id + ID_MAX - 1, "\xe2\x82\xac", 4);
	refusal_add(*arg, 1, 1, id, "p", EPERM, "r");
	id[ID_MAX - 1] = '\0';
	text = read_all(*arg, 1);
	assert_non_null(strstr(strstr(text, id), "x\",\"path\""));
	free(text);
}

/* The oldest lines go, whole; offsets stay. */
static void test_is_bounded(void **arg)
{
	uint64_t first = 0, end = 0, last_first, last_end, at;
	struct buf out = BUF_INIT;
	char path[700];
	int64_t time_us;

	for (int i = 0; i < 1000; i++) {
		snprintf(path, sizeof(path), "%0*d", 1 + i * 37 % 600, i);
		last_first = first;
		last_end = end;
		refusal_add(*arg, 1, i, NULL, path, EPERM, "r");
		refusal_span(*arg, 1, &first, &end, &time_us);
		assert_true(first >= last_first && end > last_end);
		assert_true(end - first <= REFUSAL_BYTES_MAX);
		assert_int_equal(time_us, fixed(NULL));
		buf_reset(&out);
		at = last_end;
		assert_int_equal(refusal_read(*arg, 1, &at, SIZE_MAX, &out), 0);
		assert_int_equal(at, last_end);
		assert_int_equal(out.len, end - last_end);
		buf_reset(&out);
		at = 0;
		assert_int_equal(refusal_read(*arg, 1, &at, 1, &out), 0);
		assert_int_equal(at, first);
		assert_string_equal(out.data, "{");
	}
	assert_true(end - first > REFUSAL_BYTES_MAX - 1000);
	buf_reset(&out);
	at = end + 5;
	assert_int_equal(refusal_read(*arg, 1, &at, 10, &out), 0);
	assert_int_equal(at, end + 5);
	assert_int_equal(out.len, 0);
	buf_release(&out);
}

static void test_a_full_buffer_is_told(void **arg)
{
	struct buf out = {.max = 20};
	uint64_t at = 0;

	refusal_add(*arg, 1, 1, NULL, "p", EPERM, "r");
	assert_int_equal(refusal_read(*arg, 1, &at, 4096, &out), -EMSGSIZE);
	buf_release(&out);
}

/* The uid that was refused nothing for the longest goes; its file goes on where it ended if it
 * comes back. */
static void test_uids_are_bounded(void **arg)
{
	uint64_t first, end, was_end, gone_end;
	int64_t time_us;

	for (uid_t uid = 0; uid < REFUSAL_UIDS_MAX; uid++)
		refusal_add(*arg, uid * 7 % REFUSAL_UIDS_MAX, 1, NULL, "p", EPERM, "r");
	refusal_add(*arg, 0, 1, NULL, "p", EPERM, "r");
	refusal_span(*arg, 0, &first, &was_end, &time_us);
	refusal_span(*arg, 7, &first, &gone_end, &time_us);
	refusal_add(*arg, 100000, 1, NULL, "p", EPERM, "r");
	refusal_span(*arg, 0, &first, &end, &time_us);
	assert_int_equal(end, was_end);
	refusal_span(*arg, 7, &first, &end, &time_us);
	assert_int_equal(time_us, 0);
	assert_true(first == end && end >= gone_end);
	refusal_add(*arg, 7, 1, NULL, "p", EPERM, "r");
	refusal_span(*arg, 7, &first, &end, &time_us);
	assert_true(first >= gone_end && end > first);
}

struct watcher {
	struct refusals *all;
	atomic_int calls;
};

/* Reads from within the call: no lock is held. */
static void watch(void *arg, uid_t uid)
{
	struct watcher *w = arg;
	uint64_t first, end;
	int64_t time_us;

	refusal_span(w->all, uid, &first, &end, &time_us);
	atomic_fetch_add(&w->calls, end > first);
}

static void test_the_watcher_is_told(void **arg)
{
	struct watcher w = {.all = *arg};

	refusal_watch(*arg, watch, &w);
	refusal_add(*arg, 1, 1, NULL, "p", EPERM, "r");
	refusal_add(*arg, 2, 1, NULL, "p", EPERM, "r");
	assert_int_equal(atomic_load(&w.calls), 2);
	refusal_watch(*arg, NULL, NULL);
	refusal_add(*arg, 1, 1, NULL, "p", EPERM, "r");
	assert_int_equal(atomic_load(&w.calls), 2);
}

static void *refuse_much(void *arg)
{
	struct buf out = BUF_INIT;
	uint64_t at = 0;

	for (int i = 0; i < 500; i++) {
		refusal_add(arg, (uid_t)(i % 3), i, "s", "p", EPERM, "r");
		buf_reset(&out);
		if (refusal_read(arg, (uid_t)(i % 3), &at, 500, &out))
			break;
		at += out.len;
	}
	buf_release(&out);
	return NULL;
}

static void test_threads(void **arg)
{
	struct watcher w = {.all = *arg};
	pthread_t threads[3];

	refusal_watch(*arg, watch, &w);
	for (int i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, refuse_much, *arg), 0);
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(atomic_load(&w.calls), 1500);
}

int main(void)
{
#define EACH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		EACH(test_a_line),
		EACH(test_any_bytes),
		EACH(test_what_is_cut_is_cut_at_a_character),
		EACH(test_is_bounded),
		EACH(test_a_full_buffer_is_told),
		EACH(test_uids_are_bounded),
		EACH(test_the_watcher_is_told),
		EACH(test_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
