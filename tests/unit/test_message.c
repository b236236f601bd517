/* What is said: which event it becomes, who may say it, and how often. */
#include "core/base/framer.h"
#include "core/base/json.h"
#include "core/state/message.h"
#include "tests/unit/world.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct session *person(struct world *w)
{
	return world_session(w, "1234");
}

/* What is written as `type` has it becomes a line with these members. */
static const struct {
	const char *type, *written, *line;
} becomes[] = {
	{NULL, "hello", "\"broadcast.message\",*\"data\":{\"message\":\"hello\"}}"},
	{NULL, "say \"hi\"\n\tto\x7f",
		"*\"data\":{\"message\":\"say \\\"hi\\\"\\n\\tto\\u007f\"}}"},
	{"broadcast.message", "x", "\"broadcast.message\",*\"data\":{\"message\":\"x\"}}"},
	{"build.done", "in 4 s", "\"build.done\",*\"data\":{\"message\":\"in 4 s\"}}"},
	{"task.started", "fix it",
		"\"task.started\",*\"data\":{\"task_id\":\"t1\",\"agent\":\"Cece A\","
		"\"task_description\":\"fix it\"}}"},
	{"task.completed", "done",
		"\"task.completed\",*\"data\":{\"task_id\":\"t1\",*,\"message\":\"done\"}}"},
	{"task.completed", "done", "\"task.completed\",*\"data\":{\"message\":\"done\"}}"},
	{NULL, "{ \"a\" : 0.10, \"b\":12345678901234567890 }",
		"\"broadcast.message\",*\"data\":{\"a\":0.10,\"b\":12345678901234567890}}"},
	{NULL, "{\"event_type\":\"a.b\",\"data\":{\"x\": [1, 2]},\"timestamp\":1}",
		"\"a.b\",*\"data\":{\"x\":[1,2]}}"},
	{NULL, "{\"event_type\":\"a.b\"}", "\"a.b\",*\"data\":{}}"},
	{NULL, "{\"event_type\":\"memory.write\",\"data\":{ \"item_id\" : \"m1\" }}",
		"\"memory.write\",*\"data\":{\"item_id\":\"m1\",\"reported\":true}}"},
	{NULL, "{\"event_type\":\"memory.read\",\"data\":{\"item_id\":7,\"x\":{}}}",
		"\"memory.read\",*\"data\":{\"item_id\":7,\"x\":{},\"reported\":true}}"},
	{NULL, "{\"event_type\":\"a.b\",\"data\":\"text\"}", "\"a.b\",*\"data\":\"text\"}"},
	{NULL, "{\"event_type\":null,\"data\":1}",
		"\"broadcast.message\",*\"data\":{\"event_type\":null,\"data\":1}}"},
	{NULL, "{\"event_type\":\"task.started\",\"data\":{}}",
		"\"task.started\",*\"data\":{\"task_id\":\"t2\",\"agent\":\"Cece A\"}}"},
	{"build.done", "{\"event_type\":\"a.b\",\"data\":1}",
		"\"build.done\",*\"data\":{\"event_type\":\"a.b\",\"data\":1}}"},
	{NULL, "{\"from\":\"Cece A\",\"n\":1}", "*\"data\":{\"from\":\"Cece A\",\"n\":1}}"},
	{NULL, "{\"from\":null,\"session_id\":\"cece\"}", "\"broadcast.message\",*"},
};

/* Whether a line has the parts of a pattern, which stars divide, in their order. */
static bool has_parts(const char *line, const char *pattern)
{
	while (*pattern) {
		size_t len = strcspn(pattern, "*");

		line = memmem(line, strlen(line), pattern, len);
		if (!line)
			return false;
		line += len;
		pattern += len + (pattern[len] == '*');
	}
	return true;
}

static struct session *cece(struct world *w)
{
	struct session *s = world_session(w, "cece");

	if (!s)
		s = world_register(
			w, WORLD_UID, "{\"agent_name\":\"Cece A\",\"session_id\":\"cece\"}");
	assert_non_null(s);
	return s;
}

static void what_is_written_becomes_an_event(void **state)
{
	struct world *w = *state;
	const struct actor actor = world_actor(cece(w));
	struct buf all = BUF_INIT;

	for (size_t i = 0; i < sizeof(becomes) / sizeof(becomes[0]); i++) {
		const char *line;

		if (world_say(w, &actor, becomes[i].type, NULL, becomes[i].written) != 0)
			fail_msg("%s: %s", becomes[i].written, w->error.text);
		line = world_last_line(w, &all);
		if (!has_parts(line, "{\"seq\":*,\"event_type\":*\"session_id\":\"cece\",\"from\":"
				     "\"Cece A\",\"timestamp\":\"2025-11-18T12:00:00.000000Z\","))
			fail_msg("%s", line);
		if (!has_parts(line, becomes[i].line))
			fail_msg("%s\n%s\n%s", becomes[i].written, line, becomes[i].line);
	}
	buf_release(&all);
}

static const struct {
	const char *written;
	int code;
	const char *reason;
} refused[] = {
	{"{\"event_type\":\"session.ended\"}", EINVAL, "event_type: session.ended is for leitlfs"},
	{"{\"event_type\":\"message.direct\"}", EINVAL, "event_type: "},
	{"{\"event_type\":\"alert.raised\"}", EINVAL, "event_type: "},
	{"{\"event_type\":\"memory.write\"}", EINVAL, "event_type: memory.write is for leitlfs"},
	{"{\"event_type\":\"memory.write\",\"data\":{\"path\":\"x\"}}", EINVAL, "event_type: "},
	{"{\"event_type\":\"memory.write\",\"data\":{\"item_id\":\"\"}}", EINVAL, "event_type: "},
	{"{\"event_type\":\"memory.write\",\"data\":\"item_id\"}", EINVAL, "event_type: "},
	{"{\"event_type\":\"memory.moved\",\"data\":{\"item_id\":1}}", EINVAL, "event_type: "},
	{"{\"event_type\":\"memory.write\",\"data\":{\"item_id\":1,\"reported\":true}}", EINVAL,
		"reported: "},
	{"{\"event_type\":\"word\"}", EINVAL, "event_type: \"word\""},
	{"{\"event_type\":\"a.live\"}", EINVAL, "event_type: "},
	{"{\"event_type\":\"\"}", EINVAL, "event_type: "},
	{"{\"event_type\":7}", EINVAL, "event_type: must be a string"},
	{"{\"event_type\":\"a.b\",\"dat\":1}", EINVAL, "dat: unknown beside event_type"},
	{"{\"session_id\":\"bob\"}", EACCES, "session_id: \"bob\""},
	{"{\"session_id\":\"CECE\"}", EACCES, "session_id: "},
	{"{\"from\":\"cece a\"}", EACCES, "from: "},
	{"{\"from\":\"root\"}", EACCES, "from: "},
	{"{\"from\":[\"Cece A\"]}", EINVAL, "from: must be a string"},
	{"{\"session_id\":false}", EINVAL, "session_id: must be a string"},
};

static void what_is_refused_says_why(void **state)
{
	struct world *w = *state;
	const struct actor actor = world_actor(cece(w));
	const int64_t last = w->loop->state->last_seq;

	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		int r = world_say(w, &actor, NULL, NULL, refused[i].written);

		if (r != -refused[i].code || w->error.code != refused[i].code ||
			strncmp(w->error.text, refused[i].reason, strlen(refused[i].reason)) != 0)
			fail_msg("%s: %d, %s", refused[i].written, r, w->error.text);
	}
	assert_int_equal(w->loop->state->last_seq, last);
}

/* Who has no session speaks as the user, and may not pose as a session. */
static void a_user_speaks_for_oneself(void **state)
{
	struct world *w = *state;
	struct actor actor = world_user(OTHER_UID);
	struct buf all = BUF_INIT;

	cece(w);
	assert_int_equal(world_say(w, &actor, NULL, NULL, "hello"), 0);
	assert_true(has_parts(world_last_line(w, &all), "\"session_id\":null,\"from\":\"4321\","));
	assert_int_equal(world_say(w, &actor, NULL, NULL, "{\"from\":\"4321\"}"), 0);
	assert_int_equal(world_say(w, &actor, NULL, NULL, "{\"from\":\"Cece A\"}"), -EACCES);
	assert_int_equal(world_say(w, &actor, NULL, NULL, "{\"session_id\":\"cece\"}"), -EACCES);
	actor.kind = ACTOR_SEVERAL;
	assert_int_equal(world_say(w, &actor, NULL, NULL, "one of several"), 0);
	assert_true(has_parts(world_last_line(w, &all), "\"session_id\":null,\"from\":\"4321\","));
	buf_release(&all);
}

static void a_direct_message_is_for_two(void **state)
{
	struct world *w = *state;
	const struct actor actor = world_actor(cece(w));
	struct buf out = BUF_INIT;

	assert_int_equal(world_say(w, &actor, NULL, person(w), "secret"), 0);
	assert_int_equal(world_say(w, &actor, NULL, person(w),
				 "{\"event_type\":\"session.ended\",\"secret\":1}"),
		0);
	assert_true(has_parts(world_lines(w, &out, CHANNEL_TO, "1234"),
		"\"message.direct\",*\"to\":\"1234\",*\"data\":{\"message\":\"secret\"}}\n"
		"*\"message.direct\",*\"data\":{\"event_type\":\"session.ended\",\"secret\":1}}"
		"\n"));
	assert_true(has_parts(world_lines(w, &out, CHANNEL_SENT, "cece"), "*secret*secret*"));
	assert_null(strstr(world_lines(w, &out, CHANNEL_ALL, ""), "secret"));
	assert_null(strstr(world_lines(w, &out, CHANNEL_SESSION, "cece"), "secret"));
	assert_true(has_parts(world_lines(w, &out, CHANNEL_TYPE, "message.direct"),
		"\"to\":\"1234\",*\"data\":{\"bytes\":20}}\n"));
	assert_string_equal(world_lines(w, &out, CHANNEL_BROADCAST, ""), "");
	buf_release(&out);
}

static int add(struct world *w, const struct actor *actor, struct session *to, const char *text,
	struct act **act)
{
	const struct message m = {.text = text, .len = strlen(text)};

	return message_add(w->loop, actor, &m, NULL, to, act, &w->error);
}

static void several_are_kept_as_one(void **state)
{
	struct world *w = *state;
	const struct actor actor = world_actor(cece(w));
	const int64_t last = w->loop->state->last_seq;
	struct message posing = {.text = "{\"from\":\"x\"}", .len = 12};
	struct json *json = NULL;
	struct act *act = NULL;
	char text[32];

	assert_int_equal(json_parse(posing.text, posing.len, &json, NULL), 0);
	posing.json = json;
	assert_int_equal(
		message_add(w->loop, &actor, &posing, NULL, NULL, &act, &w->error), -EACCES);
	assert_null(act);
	for (int i = 0; i < 100; i++) {
		snprintf(text, sizeof(text), "number %d", i);
		assert_int_equal(add(w, &actor, NULL, text, &act), 0);
	}
	assert_int_equal(world_do(w, 0, act), 0);
	assert_int_equal(w->loop->state->last_seq, last + 100);
	/* One of several is refused: the caller has the act still, and drops it. */
	act = NULL;
	assert_int_equal(add(w, &actor, NULL, "good", &act), 0);
	assert_int_equal(
		message_add(w->loop, &actor, &posing, NULL, NULL, &act, &w->error), -EACCES);
	assert_non_null(act);
	act_free(act);
	assert_int_equal(w->loop->state->last_seq, last + 100);
	json_free(json);
}

/* Who ends while it is on its way. */
static void the_end_comes_between(void **state)
{
	struct world *w = *state;
	struct session *from = cece(w), *to = world_register(w, WORLD_UID, "bob");
	const struct actor actor = world_actor(from);
	struct burst burst = {0};
	struct act *acts[2] = {NULL};

	assert_int_equal(add(w, &actor, NULL, "x", &acts[0]), 0);
	assert_int_equal(add(w, &actor, to, "x", &acts[1]), 0);
	assert_int_equal(world_end(w, to), 0);
	assert_int_equal(message_may(w->loop, &actor, &burst, NULL, to, &w->error), -EHOSTDOWN);
	assert_int_equal(world_do(w, 0, acts[1]), -EHOSTDOWN);
	assert_int_equal(world_end(w, from), 0);
	assert_int_equal(message_may(w->loop, &actor, &burst, NULL, NULL, &w->error), -ESTALE);
	assert_int_equal(world_do(w, 0, acts[0]), -ESTALE);
	assert_string_equal(w->error.text, "session cece has ended; register again");
}

static void what_a_uid_keeps_is_bounded(void **state)
{
	struct world *w = *state;
	const struct actor actor = world_actor(cece(w)), other = world_user(OTHER_UID);
	char big[2000];

	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	w->config.messages = state_kept(w->loop->state, WORLD_UID)->messages + 3;
	for (int i = 0; i < 3; i++)
		assert_int_equal(world_say(w, &actor, NULL, NULL, "x"), 0);
	assert_int_equal(world_say(w, &actor, NULL, NULL, "x"), -EDQUOT);
	assert_int_equal(strncmp(w->error.text, "messages: ", 10), 0);
	assert_int_equal(world_say(w, &other, NULL, NULL, "x"), 0);
	state_gone(w->loop->state, WORLD_UID, 1, 0); /* one expired */
	assert_int_equal(world_say(w, &actor, NULL, NULL, "x"), 0);
	assert_int_equal(world_say(w, &actor, NULL, NULL, "x"), -EDQUOT);
	w->config.messages = 0;
	w->config.bytes = state_kept(w->loop->state, WORLD_UID)->bytes + 1000;
	assert_int_equal(world_say(w, &actor, NULL, person(w), big), -EDQUOT);
	assert_int_equal(strncmp(w->error.text, "bytes: ", 7), 0);
	assert_int_equal(world_say(w, &actor, NULL, NULL, "x"), 0);
	w->config.bytes = 0;
	assert_int_equal(world_say(w, &actor, NULL, NULL, big), 0);
	/* Reading is no message: it takes nothing off. */
	assert_int_equal(state_kept(w->loop->state, OTHER_UID)->messages, 1);
}

static void types_are_bounded(void **state)
{
	struct world *w = *state;
	const struct actor actor = world_actor(cece(w));
	char type[32];
	int n = 0, r = 0;

	for (; r == 0; n++) {
		snprintf(type, sizeof(type), "type.n%d", n);
		r = world_say(w, &actor, type, NULL, "x");
	}
	assert_int_equal(r, -EDQUOT);
	assert_true(n > TYPES_MAX - 10 && n <= TYPES_MAX);
	assert_int_equal(w->loop->state->type_count, TYPES_MAX);
	assert_int_equal(world_say(w, &actor, "type.n1", NULL, "x"), 0);
	world_reopen(w);
	assert_int_equal(w->loop->state->type_count, TYPES_MAX);
}

#define RACE 300

static void *speaks(void *arg)
{
	struct world *w = arg;
	const struct actor actor = world_user(OTHER_UID);

	for (int i = 0; i < RACE; i++) {
		struct message m = {.text = "x", .len = 1};
		struct act *act = NULL;

		if (message_add(w->loop, &actor, &m, NULL, NULL, &act, NULL) ||
			loop_call(w->loop, &act->command, NULL))
			abort();
		act_free(act);
	}
	return NULL;
}

/* What expires is taken off by another thread, of uids that nobody has asked for yet. */
static void quotas_while_others_expire(void **state)
{
	struct world *w = *state;
	pthread_t thread;

	pthread_create(&thread, NULL, speaks, w);
	for (uid_t uid = 1; uid <= RACE; uid++) {
		state_wrlock(w->loop);
		state_gone(w->loop->state, uid, 0, 0);
		state_unlock(w->loop);
	}
	pthread_join(thread, NULL);
	assert_int_equal(state_kept(w->loop->state, OTHER_UID)->messages, RACE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			what_is_written_becomes_an_event, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			what_is_refused_says_why, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			a_user_speaks_for_oneself, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			a_direct_message_is_for_two, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			several_are_kept_as_one, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(the_end_comes_between, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			what_a_uid_keeps_is_bounded, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(types_are_bounded, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			quotas_while_others_expire, world_setup, world_teardown),
	};

	return cmocka_run_group_tests_name("message", tests, NULL, NULL);
}
