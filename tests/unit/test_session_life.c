/* Changing what a session says of itself, ending it, and how it looks from outside. */
#include "core/state/session.h"
#include "tests/unit/world.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int change(struct world *w, struct session *s, enum session_value value, const char *text)
{
	const struct actor actor = world_actor(s);
	struct act *act = NULL;
	int r = session_change(
		w->loop, &actor, s, value, text, strlen(text), false, &act, &w->error);

	return world_do(w, r, act);
}

/* What is written to a value, and what it and the event's data then are. */
static const struct {
	enum session_value value;
	const char *text, *is, *data;
} changes[] = {
	{VALUE_STATUS, "busy", "busy", "{\"status\":\"busy\"}"},
	{VALUE_STATUS, "Ended", "Ended", "{\"status\":\"Ended\"}"},
	{VALUE_STATUS, "", "", "{\"status\":\"\"}"},
	{VALUE_TASK, "say \"x\"", "say \"x\"", "{\"current_task\":\"say \\\"x\\\"\"}"},
	{VALUE_TASK, "", "", "{\"current_task\":\"\"}"},
	{VALUE_TAGS, "a b,c ,\td", "[\"a\",\"b\",\"c\",\"d\"]",
		"{\"tags\":[\"a\",\"b\",\"c\",\"d\"]}"},
	{VALUE_TAGS, "", "[]", "{\"tags\":[]}"},
	{VALUE_TAGS, "\"", "[\"\\\"\"]", "{\"tags\":[\"\\\"\"]}"},
	{VALUE_TIMEOUT, "90", "90000000", "{\"timeout\":90}"},
	{VALUE_TIMEOUT, "0.1", "100000", "{\"timeout\":0.1}"},
	{VALUE_TIMEOUT, "1d", "86400000000", "{\"timeout\":86400}"},
};

static const char *value_of(const struct session *s, enum session_value value, char timeout[32])
{
	snprintf(timeout, 32, "%lld", (long long)s->timeout_us);
	return value == VALUE_STATUS ? s->status
	       : value == VALUE_TASK ? s->task
	       : value == VALUE_TAGS ? s->tags
				     : timeout;
}

static void values_change(void **state)
{
	struct world *w = *state;
	struct session *s = world_register(w, WORLD_UID, "cece: first");
	struct buf all = BUF_INIT;
	char id[ID_MAX + 1], timeout[32], data[128];

	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		if (change(w, s, changes[i].value, changes[i].text) != 0)
			fail_msg("%s: %s", changes[i].text, w->error.text);
		assert_string_equal(value_of(s, changes[i].value, timeout), changes[i].is);
		snprintf(data, sizeof(data), ",\"data\":%s}", changes[i].data);
		assert_non_null(strstr(world_last_line(w, &all), data));
		assert_non_null(strstr(world_last_line(w, &all), "\"session.updated\""));
	}
	memcpy(id, s->id, sizeof(id));
	world_reopen(w);
	s = world_session(w, id);
	assert_string_equal(s->status, "");
	assert_string_equal(s->tags, "[\"\\\"\"]");
	assert_int_equal(s->timeout_us, 86400 * SECOND_US);
	buf_release(&all);
}

static void what_is_no_value_is_refused(void **state)
{
	struct world *w = *state;
	struct session *s = world_register(w, WORLD_UID, "cece");
	const struct actor actor = world_actor(s);
	const int64_t last = w->loop->state->last_seq;
	struct act *act = NULL;
	char text[TASK_MAX + 2];

	memset(text, 'x', sizeof(text) - 1);
	text[TASK_MAX + 1] = '\0';
	assert_int_equal(change(w, s, VALUE_TASK, text), -EINVAL);
	assert_int_equal(strncmp(w->error.text, "current_task: ", 14), 0);
	assert_int_equal(change(w, s, VALUE_STATUS, text), -EINVAL);
	assert_int_equal(change(w, s, VALUE_STATUS, "two\nlines"), -EINVAL);
	assert_int_equal(change(w, s, VALUE_TASK, "two\nlines"), -EINVAL);
	assert_int_equal(change(w, s, VALUE_TAGS, text), -EINVAL); /* one that is too long */
	for (size_t i = 0; i < TASK_MAX; i += 2)
		text[i] = ' ';
	assert_int_equal(change(w, s, VALUE_TAGS, text), -EINVAL); /* too many */
	assert_int_equal(change(w, s, VALUE_TIMEOUT, "0.01"), -EINVAL);
	assert_int_equal(change(w, s, VALUE_TIMEOUT, "25h"), -EINVAL);
	assert_int_equal(change(w, s, VALUE_TIMEOUT, "soon"), -EINVAL);
	assert_int_equal(change(w, s, VALUE_TIMEOUT, ""), -EINVAL);
	assert_int_equal(
		session_change(w->loop, &actor, s, VALUE_TASK, "{}", 2, true, &act, &w->error),
		-EINVAL);
	assert_null(act);
	assert_int_equal(w->loop->state->last_seq, last);
}

static void it_ends_once(void **state)
{
	struct world *w = *state;
	struct session *s = world_register(w, WORLD_UID, "Cece");
	const struct actor actor = world_actor(s);
	struct act *acts[2] = {NULL};
	struct buf all = BUF_INIT;

	world_pass(w, 61 * SECOND_US);
	for (int i = 0; i < 2; i++)
		assert_int_equal(session_end(w->loop, &actor, s, i ? END_TIMEOUT : END_PROCESS_GONE,
					 &acts[i], &w->error),
			0);
	assert_int_equal(world_do(w, 0, acts[0]), 0);
	assert_int_equal(s->end_reason, END_PROCESS_GONE);
	assert_non_null(
		strstr(world_last_line(w, &all), "\"session.ended\",\"session_id\":\"leitl-cece-"));
	assert_non_null(strstr(all.data, "\"data\":{\"agent_name\":\"Cece\",\"reason\":"
					 "\"process gone\",\"uptime\":\"1m\"}}"));
	assert_int_equal(world_do(w, 0, acts[1]), -ESTALE);
	assert_int_equal(change(w, s, VALUE_STATUS, "ended"), -ESTALE);
	assert_int_equal(change(w, s, VALUE_TASK, "x"), -ESTALE);
	assert_int_equal(s->end_reason, END_PROCESS_GONE);
	assert_string_equal(session_health(s), "ended");
	assert_int_equal(w->loop->state->living, 1);
	/* By its status. */
	s = world_register(w, WORLD_UID, "bob");
	assert_int_equal(change(w, s, VALUE_STATUS, "ended"), 0);
	assert_int_equal(s->end_reason, END_ASKED);
	buf_release(&all);
}

static void health_is_told(void **state)
{
	struct world *w = *state;
	struct session *s = world_register(w, WORLD_UID, "cece");
	struct buf all = BUF_INIT;
	struct act *act = NULL;

	world_pass(w, 59 * SECOND_US);
	assert_int_equal(session_health_changed(w->loop, s, true, &act), 0);
	assert_int_equal(world_do(w, 0, act), 0);
	world_lines(w, &all, CHANNEL_SESSION, s->id);
	assert_non_null(strstr(all.data, "\"session.late\",\"session_id\":"));
	assert_non_null(strstr(all.data, "\"data\":{\"last_heartbeat\":"
					 "\"2025-11-18T12:00:00.000000Z\",\"silent_s\":59}}\n"));
	assert_non_null(strstr(all.data, "\"alert.raised\""));
	assert_int_equal(session_health_changed(w->loop, s, false, &act), 0);
	assert_int_equal(world_do(w, 0, act), 0);
	assert_non_null(strstr(world_last_line(w, &all), "\"alert.cleared\""));
	assert_non_null(strstr(all.data, "{\"alert\":\"session.late\",\"session_id\":\"leitl-"));
	/* Of one that has ended there is nothing to tell. */
	assert_int_equal(session_health_changed(w->loop, s, true, &act), 0);
	assert_int_equal(world_end(w, s), 0);
	assert_int_equal(world_do(w, 0, act), 0);
	assert_non_null(strstr(world_last_line(w, &all), "\"session.ended\""));
	/* Nor does any of it reach an inbox. */
	assert_string_equal(world_lines(w, &all, CHANNEL_BROADCAST, ""), "");
	buf_release(&all);
}

static void uptime_is_for_people(void **state)
{
	static const struct {
		int64_t after_s;
		const char *text;
	} times[] = {{0, "0s"}, {59, "59s"}, {60, "1m"}, {3599, "59m"}, {3600, "1h00m"},
		{86399, "23h59m"}, {86400, "1d00h"}, {86400 * 400 + 3600 * 5, "400d05h"}};
	struct world *w = *state;
	struct session *s = world_session(w, "1234");
	char text[32];

	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		w->clock.wall_us = s->started_us + times[i].after_s * SECOND_US;
		session_uptime(w->loop, s, text, sizeof(text));
		assert_string_equal(text, times[i].text);
	}
	w->clock.wall_us = s->started_us - 5 * SECOND_US; /* a clock that was set back */
	session_uptime(w->loop, s, text, sizeof(text));
	assert_string_equal(text, "0s");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(values_change, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			what_is_no_value_is_refused, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(it_ends_once, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(health_is_told, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(uptime_is_for_people, world_setup, world_teardown),
	};

	return cmocka_run_group_tests_name("session_life", tests, NULL, NULL);
}
