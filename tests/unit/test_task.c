/* Tasks: begun, ended, by whom, and what a restart leaves of them. */
#include "core/base/framer.h"
#include "core/base/json.h"
#include "core/item/task.h"
#include "core/state/message.h"
#include "tests/unit/world.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct task *task(struct world *w, const char *id)
{
	struct task *t = (struct task *)state_item(w->loop->state, ITEM_TASK, id);

	assert_non_null(t);
	return t;
}

/* Begins one, or says something of one. */
static int say(struct world *w, const char *id, const char *type, const char *text)
{
	const struct actor actor = world_actor(world_session(w, id));

	return world_say(w, &actor, type, NULL, text);
}

/* Writes to its `complete`. */
static int complete(struct world *w, const struct actor *actor, const char *id, const char *text)
{
	struct json *json;
	const struct message m = world_message(text, &json);
	struct act *act = NULL;
	int r = task_complete(w->loop, actor, &task(w, id)->item, &m, &act, &w->error);

	json_free(json);
	return world_do(w, r, act);
}

static int complete_as(struct world *w, const char *session, const char *id, const char *text)
{
	const struct actor actor = world_actor(world_session(w, session));

	return complete(w, &actor, id, text);
}

static void assert_reason(struct world *w, const char *begins)
{
	if (strncmp(w->error.text, begins, strlen(begins)) != 0)
		fail_msg("\"%s\" does not begin with \"%s\"", w->error.text, begins);
}

static const char *record(struct world *w, const char *id, struct buf *b)
{
	buf_reset(b);
	task_record(w->loop, task(w, id), b);
	return b->data;
}

static bool has(const char *text, const char *part)
{
	if (!strstr(text, part))
		print_message("%s\nhas no %s\n", text, part);
	return strstr(text, part) != NULL;
}

static void it_is_begun_and_ended(void **state)
{
	struct world *w = *state;
	struct buf b = BUF_INIT;

	world_enter(w, "cece");
	assert_int_equal(say(w, "cece", "task.started", "fix it"), 0);
	assert_true(has(record(w, "t1", &b), "\"status\":\"active\""));
	assert_true(has(b.data, "\"task_description\":\"fix it\""));
	assert_true(has(b.data, "\"finished_at\":null,\"duration\":null"));
	world_pass(w, 2500000);
	assert_int_equal(complete_as(w, "cece", "t1", "true"), 0);
	assert_true(has(record(w, "t1", &b), "\"status\":\"completed\""));
	assert_true(has(b.data, "\"duration\":2.5,"));
	world_lines(w, &b, CHANNEL_TYPE, "task.completed");
	assert_true(has(b.data, "{\"task_id\":\"t1\",\"agent\":\"cece\",\"status\":"
				"\"completed\",\"duration\":2.5}"));
	assert_int_equal(complete_as(w, "cece", "t1", "true"), -EEXIST);
	assert_reason(w, "task t1 is over already: completed");
	assert_int_equal(say(w, "cece", "task.failed", "{\"task_id\":\"t1\"}"), -EEXIST);
	buf_release(&b);
}

/* What is written to `complete`, and what it means. */
static const struct {
	const char *written;
	enum task_status status;
	const char *result, *error; /* NULL: none */
} outcomes[] = {
	{"true", TASK_COMPLETED, NULL, NULL},
	{"True\n", TASK_COMPLETED, NULL, NULL},
	{"true: all green", TASK_COMPLETED, "\"all green\"", NULL},
	{"false", TASK_FAILED, NULL, NULL},
	{"False", TASK_FAILED, NULL, NULL},
	{"false:", TASK_FAILED, NULL, NULL},
	{"false: the tests are \"red\"", TASK_FAILED, NULL, "\"the tests are \\\"red\\\"\""},
	{"falsehoods: none found", TASK_COMPLETED, "\"falsehoods: none found\"", NULL},
	{"truest", TASK_COMPLETED, "\"truest\"", NULL},
	{"done in\ntwo lines", TASK_COMPLETED, "\"done in\\ntwo lines\"", NULL},
	{"{\"success\":true}", TASK_COMPLETED, NULL, NULL},
	{"{\"success\":false}", TASK_FAILED, NULL, NULL},
	{"{\"success\":false,\"result\":1}", TASK_FAILED, "1", NULL},
	{"{\"success\":true,\"result\":{\"n\":1.0}}", TASK_COMPLETED, "{\"n\":1.0}", NULL},
	{"{\"error\":\"why\"}", TASK_FAILED, NULL, "\"why\""},
	{"{\"success\":false,\"error\":{\"code\":7}}", TASK_FAILED, NULL, "{\"code\":7}"},
	{"{\"error\":null,\"success\":true}", TASK_COMPLETED, NULL, NULL},
	{"{ \"port\" : 8080 }", TASK_COMPLETED, "{\"port\":8080}", NULL},
	{"{}", TASK_COMPLETED, NULL, NULL},
	{"{\"success\":false,\"code\":7}", TASK_FAILED, "{\"success\":false,\"code\":7}", NULL},
	{"{\"result\":1,\"n\":2}", TASK_COMPLETED, "{\"result\":1,\"n\":2}", NULL},
	{"{\"error\":\"x\",\"n\":2}", TASK_FAILED, "{\"error\":\"x\",\"n\":2}", "\"x\""},
};

static void how_it_went_is_said_in_many_ways(void **state)
{
	struct world *w = *state;
	char id[16];

	world_enter(w, "cece");
	for (size_t i = 0; i < sizeof(outcomes) / sizeof(outcomes[0]); i++) {
		const struct task *t;

		snprintf(id, sizeof(id), "t%zu", i + 1);
		assert_int_equal(say(w, "cece", "task.started", "x"), 0);
		if (complete_as(w, "cece", id, outcomes[i].written) != 0)
			fail_msg("%s: %s", outcomes[i].written, w->error.text);
		t = task(w, id);
		if (t->status != outcomes[i].status)
			fail_msg("%s: %d", outcomes[i].written, t->status);
		assert_string_equal(
			t->result ? t->result : "-", outcomes[i].result ? outcomes[i].result : "-");
		assert_string_equal(
			t->error ? t->error : "-", outcomes[i].error ? outcomes[i].error : "-");
	}
}

static const struct {
	const char *type, *written;
	int code;
	const char *reason;
} refused[] = {
	{"task.started", "{\"task_id\":\"a b\"}", EINVAL, "task_id: must be"},
	{"task.started", "{\"task_id\":\"new\"}", EINVAL, "task_id: must be"},
	{"task.started", "{\"task_id\":7}", EINVAL, "task_id: must be a string"},
	{"task.started", "{\"task_id\":\"a\",\"activity_id\":\"b\"}", EINVAL, "activity_id: "},
	{"task.started", "{\"task_id\":\"taken\"}", EEXIST, "task_id: taken is taken"},
	{"task.started", "{\"activity_type\":\"two words\"}", EINVAL, "activity_type: must be"},
	{"task.started", "{\"activity_type\":\"\"}", EINVAL, "activity_type: must be"},
	{"task.started", "{\"metadata\":[]}", EINVAL, "metadata: must be an object"},
	{"task.started", "{\"related_agents\":\"bob\"}", EINVAL, "related_agents: must be"},
	{"task.started", "{\"related_agents\":[1]}", EINVAL, "related_agents: must be"},
	{"task.started", "{\"estimated_duration\":[]}", EINVAL, "estimated_duration: must be"},
	{"task.started", "{\"agent_id\":\"\"}", EINVAL, "agent_id: "},
	{"task.started", "{\"agent_id\":1}", EINVAL, "agent_id: must be a string"},
	{"task.started", "{\"department\":{}}", EINVAL, "department: must be a string"},
	{"task.started", "{\"task_description\":1}", EINVAL, "task_description: must be"},
	{"task.started", "{\"collaboration\":\"none\"}", ENOENT, "collaboration: there is no none"},
	{"task.started", "{\"session_id\":\"bob\"}", EACCES, "session_id: "},
	{NULL, "{\"event_type\":\"task.started\",\"data\":7}", EINVAL, "data: of a task.started"},
	{NULL, "{\"event_type\":\"task.completed\",\"data\":[]}", EINVAL, "data: of a task.comp"},
	{"task.completed", "{\"success\":false}", EINVAL, "success: false, in a task.completed"},
	{"task.completed", "{\"success\":1}", EINVAL, "success: must be"},
	{"task.completed", "{\"task_id\":\"bobs\"}", EACCES, "task bobs is bob's"},
};

static void what_is_refused_says_why(void **state)
{
	struct world *w = *state;
	int64_t last;

	world_enter(w, "cece");
	world_enter(w, "bob");
	assert_int_equal(say(w, "cece", "task.started", "{\"task_id\":\"taken\"}"), 0);
	assert_int_equal(say(w, "bob", "task.started", "{\"task_id\":\"bobs\"}"), 0);
	last = w->loop->state->last_seq;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		int r = say(w, "cece", refused[i].type, refused[i].written);

		if (r != -refused[i].code || w->error.code != refused[i].code)
			fail_msg("%s: %d, %s", refused[i].written, r, w->error.text);
		assert_reason(w, refused[i].reason);
	}
	assert_int_equal(complete_as(w, "cece", "bobs", "true"), -EACCES);
	assert_int_equal(complete_as(w, "cece", "taken", "{\"task_id\":\"bobs\"}"), -EINVAL);
	assert_int_equal(complete_as(w, "cece", "taken", "{\"success\":\"yes\"}"), -EINVAL);
	assert_int_equal(
		complete_as(w, "cece", "taken", "{\"success\":true,\"error\":1}"), -EINVAL);
	assert_int_equal(w->loop->state->last_seq, last);
}

static void what_is_too_long_is_refused(void **state)
{
	struct world *w = *state;
	char *long_text = malloc(TASK_BYTES_MAX + 1);

	world_enter(w, "cece");
	assert_non_null(long_text);
	memset(long_text, 'x', TASK_BYTES_MAX);
	long_text[TASK_BYTES_MAX] = '\0';
	assert_int_equal(say(w, "cece", "task.started", long_text), -EMSGSIZE);
	long_text[TASK_BYTES_MAX - 100] = '\0';
	assert_int_equal(say(w, "cece", "task.started", long_text), 0);
	free(long_text);
}

static void daenas_activities_are_tasks(void **state)
{
	struct world *w = *state;
	struct buf b = BUF_INIT;

	world_enter(w, "cece");
	assert_int_equal(say(w, "cece", NULL,
				 "{\"event_type\":\"task.started\",\"data\":{\"activity_id\":"
				 "\"act_1_agent_1\",\"agent_id\":\"agent_1\",\"department\":"
				 "\"engineering\",\"activity_type\":\"memory_write\",\"metadata\":"
				 "{\"size_bytes\":1024.0},\"related_agents\":[\"agent_2\"],"
				 "\"priority\":3}}"),
		0);
	record(w, "act_1_agent_1", &b);
	assert_true(has(b.data, "\"agent\":\"agent_1\",\"session_id\":\"cece\",\"by\":\"cece\""));
	assert_true(has(b.data, "\"activity_type\":\"memory_write\""));
	assert_true(has(b.data, "\"department\":\"engineering\""));
	assert_true(has(b.data, "\"metadata\":{\"size_bytes\":1024.0}"));
	assert_true(has(b.data, "\"related_agents\":[\"agent_2\"]"));
	assert_true(has(b.data, "\"priority\":3"));
	assert_true(has(world_lines(w, &b, CHANNEL_ACTIVITY, "memory_write"),
		"\"data\":{\"task_id\":\"act_1_agent_1\",\"agent\":\"agent_1\",\"by\":\"cece\","
		"\"activity_id\":\"act_1_agent_1\""));
	assert_int_equal(complete_as(w, "cece", "act_1_agent_1",
				 "{\"activity_id\":\"act_1_agent_1\",\"success\":true}"),
		0);
	assert_int_equal(task(w, "act_1_agent_1")->status, TASK_COMPLETED);
	assert_true(has(world_lines(w, &b, CHANNEL_ACTIVITY, "memory_write"), "task.completed"));
	/* One of another type stands elsewhere. */
	assert_int_equal(
		say(w, "cece", "task.started", "{\"activity_type\":\"council_debate\"}"), 0);
	assert_null(strstr(world_lines(w, &b, CHANNEL_ACTIVITY, "memory_write"), "council"));
	buf_release(&b);
}

/* LEITL's agents tell a description, their own name, and how long it took. */
static void leitls_names_are_understood(void **state)
{
	struct world *w = *state;
	struct buf b = BUF_INIT;

	world_enter(w, "Cece");
	assert_int_equal(say(w, "Cece", "task.started",
				 "{\"task_id\":\"task-001\",\"agent\":\"Cece\",\"description\":"
				 "\"login\",\"estimated_duration\":\"15m\"}"),
		0);
	assert_string_equal(task(w, "task-001")->description, "login");
	assert_null(task(w, "task-001")->by);
	assert_true(has(record(w, "task-001", &b), "\"estimated_duration\":\"15m\""));
	assert_int_equal(
		say(w, "Cece", "task.completed",
			"{\"task_id\":\"task-001\",\"duration\":\"3m\",\"result\":\"success\"}"),
		0);
	assert_true(has(world_lines(w, &b, CHANNEL_TYPE, "task.completed"),
		"\"data\":{\"task_id\":\"task-001\",\"agent\":\"Cece\",\"status\":\"completed\","
		"\"duration\":\"3m\",\"result\":\"success\"}"));
	assert_string_equal(task(w, "task-001")->result, "\"success\"");
	/* An end of what nobody began is an event, as written. */
	assert_int_equal(
		say(w, "Cece", "task.failed", "{\"task_id\":\"task-9\",\"error\":\"x\"}"), 0);
	assert_true(has(world_lines(w, &b, CHANNEL_TYPE, "task.failed"),
		"\"data\":{\"task_id\":\"task-9\",\"error\":\"x\"}"));
	buf_release(&b);
}

static void without_an_id_the_newest_is_ended(void **state)
{
	struct world *w = *state;

	world_enter(w, "cece");
	world_enter(w, "bob");
	say(w, "cece", "task.started", "one");
	say(w, "cece", "task.started", "two");
	say(w, "bob", "task.started", "bob's");
	assert_int_equal(say(w, "cece", "task.completed", "done"), 0);
	assert_int_equal(task(w, "t2")->status, TASK_COMPLETED);
	assert_string_equal(task(w, "t2")->result, "\"done\"");
	assert_int_equal(say(w, "cece", "task.failed", "red"), 0);
	assert_int_equal(task(w, "t1")->status, TASK_FAILED);
	assert_string_equal(task(w, "t1")->error, "\"red\"");
	assert_int_equal(say(w, "cece", "task.completed", "again"), 0);
	assert_int_equal(task(w, "t3")->status, TASK_ACTIVE);
}

static void who_may_end_it(void **state)
{
	struct world *w = *state;
	struct actor user = world_user(WORLD_UID), other = world_user(OTHER_UID);

	world_enter(w, "cece");
	world_enter(w, "bob");
	world_enter(w, "dora");
	assert_non_null(
		world_register(w, WORLD_UID, "{\"agent_name\":\"bob\",\"session_id\":\"bob2\"}"));
	say(w, "cece", "task.started", "{\"agent_id\":\"bob\"}");
	assert_string_equal(task(w, "t1")->agent, "bob");
	assert_string_equal(task(w, "t1")->by, "cece");
	assert_int_equal(complete_as(w, "dora", "t1", "true"), -EACCES);
	assert_int_equal(complete(w, &user, "t1", "true"), -EACCES);
	assert_int_equal(complete_as(w, "bob2", "t1", "true"), 0);
	assert_null(task(w, "t1")->ended_by);
	say(w, "cece", "task.started", "{\"agent_id\":\"Bob\"}");
	assert_int_equal(complete_as(w, "cece", "t2", "true"), 0);
	assert_string_equal(task(w, "t2")->ended_by, "cece");
	/* What no session began is its user's. */
	assert_int_equal(world_say(w, &user, "task.started", NULL, "cron"), 0);
	assert_string_equal(task(w, "t3")->item.session, "");
	assert_int_equal(complete(w, &other, "t3", "true"), -EACCES);
	assert_int_equal(complete(w, &user, "t3", "true"), 0);
}

static void they_fail_with_the_session(void **state)
{
	struct world *w = *state;
	struct buf b = BUF_INIT;

	world_enter(w, "cece");
	world_enter(w, "bob");
	assert_non_null(
		world_register(w, WORLD_UID, "{\"agent_name\":\"bob\",\"session_id\":\"bob2\"}"));
	say(w, "cece", "task.started", "own");                       /* t1 */
	say(w, "cece", "task.started", "{\"agent_id\":\"bob\"}");    /* t2 */
	say(w, "cece", "task.started", "{\"agent_id\":\"nobody\"}"); /* t3 */
	say(w, "bob", "task.started", "bob's, of this session");     /* t4 */
	assert_int_equal(world_end(w, world_session(w, "cece")), 0);
	assert_int_equal(task(w, "t1")->status, TASK_FAILED);
	assert_int_equal(task(w, "t2")->status, TASK_ACTIVE);
	assert_int_equal(task(w, "t3")->status, TASK_FAILED);
	assert_true(has(
		world_lines(w, &b, CHANNEL_TYPE, "task.failed"), "\"reason\":\"session ended\""));
	/* In the order of the feed, before the session's end. */
	world_lines(w, &b, CHANNEL_SESSION, "cece");
	assert_true(strstr(b.data, "session.ended") > strstr(b.data, "task.failed"));
	assert_int_equal(world_end(w, world_session(w, "bob")), 0);
	assert_int_equal(task(w, "t2")->status, TASK_ACTIVE);
	assert_int_equal(task(w, "t4")->status, TASK_FAILED);
	assert_int_equal(world_end(w, world_session(w, "bob2")), 0);
	assert_int_equal(task(w, "t2")->status, TASK_FAILED);
	buf_release(&b);
}

/* Several messages of one write are one act: kept together, and each sees those before it. */
static int batch(struct world *w, const char *id, const char *const *texts, size_t count)
{
	const struct actor actor = world_actor(world_session(w, id));
	struct act *act = NULL;
	int r = 0;

	for (size_t i = 0; i < count && !r; i++) {
		struct message m = {.text = texts[i], .len = strlen(texts[i])};
		struct json *json;

		assert_int_equal(json_parse(texts[i], m.len, &json, NULL), 0);
		m.json = json;
		r = message_add(w->loop, &actor, &m, NULL, NULL, &act, &w->error);
		json_free(json);
	}
	if (r)
		act_free(act);
	return world_do(w, r, r ? NULL : act);
}

#define EVENT(type, data) "{\"event_type\":\"task." type "\",\"data\":" data "}"

static void several_in_one_write(void **state)
{
	static const char *const whole[] = {EVENT("started", "{\"task_id\":\"a\"}"),
		EVENT("started", "{}"), EVENT("completed", "{\"task_id\":\"a\"}"),
		EVENT("failed", "{}")};
	static const char *const twice[] = {
		EVENT("started", "{\"task_id\":\"b\"}"), EVENT("started", "{\"task_id\":\"b\"}")};
	static const char *const over[] = {EVENT("started", "{\"task_id\":\"c\"}"),
		EVENT("completed", "{\"task_id\":\"c\"}"),
		EVENT("completed", "{\"task_id\":\"c\"}")};
	struct world *w = *state;

	w->config.tasks = 0;
	world_enter(w, "cece");
	assert_int_equal(batch(w, "cece", whole, 4), 0);
	assert_int_equal(task(w, "a")->status, TASK_COMPLETED);
	assert_int_equal(task(w, "t1")->status, TASK_FAILED);
	assert_int_equal(batch(w, "cece", twice, 2), -EEXIST);
	assert_null(state_item(w->loop->state, ITEM_TASK, "b"));
	assert_int_equal(batch(w, "cece", over, 3), -EEXIST);
	assert_null(state_item(w->loop->state, ITEM_TASK, "c"));
}

/* Through `broadcast` the limit of tasks holds as well. */
static void ten_a_second_an_agent(void **state)
{
	struct world *w = *state;
	int n = 0;

	world_enter(w, "cece");
	while (n < 100 && say(w, "cece", NULL, EVENT("started", "{}")) == 0)
		n++;
	assert_int_equal(n, 10);
	assert_int_equal(w->error.code, EDQUOT);
	assert_reason(w, "tasks: more than 10 a second");
	world_pass(w, SECOND_US);
	assert_int_equal(say(w, "cece", NULL, EVENT("started", "{}")), 0);
}

static void a_restart_leaves_them(void **state)
{
	struct world *w = *state;
	struct buf before = BUF_INIT, after = BUF_INIT;
	static const char *const ids[] = {"t1", "t2", "x"};

	world_enter(w, "cece");
	world_enter(w, "bob");
	say(w, "cece", "task.started",
		"{\"task_description\":\"d\",\"activity_type\":\"task_assigned\",\"metadata\":{"
		"\"n\":"
		"1e3},\"related_agents\":[\"q\"],\"estimated_duration\":90,\"agent_id\":\"bob\","
		"\"department\":\"qa\",\"k\":[1]}");
	say(w, "cece", "task.started", "two");
	say(w, "cece", "task.started", "{\"task_id\":\"x\"}");
	world_pass(w, SECOND_US);
	assert_int_equal(
		complete_as(w, "cece", "t2", "{\"success\":false,\"error\":{\"e\":1}}"), 0);
	/* Once from the log alone, once from what was saved. */
	for (int i = 0; i < 2; i++) {
		buf_reset(&before);
		for (int k = 0; k < 3; k++)
			task_record(w->loop, task(w, ids[k]), &before);
		world_reopen(w);
		buf_reset(&after);
		for (int k = 0; k < 3; k++)
			task_record(w->loop, task(w, ids[k]), &after);
		assert_string_equal(after.data, before.data);
		assert_int_equal(state_agent(w->loop->state, "bob")->open_tasks, 1);
		assert_int_equal(state_agent(w->loop->state, "cece")->open_tasks, 1);
	}
	/* Numbers go on. */
	assert_int_equal(say(w, "cece", "task.started", "three"), 0);
	assert_int_equal(task(w, "t3")->status, TASK_ACTIVE);
	assert_int_equal(complete_as(w, "bob", "t1", "true"), 0);
	assert_int_equal(state_agent(w->loop->state, "bob")->open_tasks, 0);
	buf_release(&before);
	buf_release(&after);
}

static void the_last_thousand_stay(void **state)
{
	struct world *w = *state;
	char id[16];

	world_enter(w, "cece");
	for (int i = 1; i <= 1001; i++) {
		snprintf(id, sizeof(id), "t%d", i);
		assert_int_equal(say(w, "cece", "task.started", "x"), 0);
		assert_int_equal(complete_as(w, "cece", id, "true"), 0);
	}
	assert_null(state_item(w->loop->state, ITEM_TASK, "t1"));
	assert_int_equal(task(w, "t2")->status, TASK_COMPLETED);
	assert_int_equal(w->loop->state->items.closed[ITEM_TASK].count, 1000);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
	const struct CMUnitTest tests[] = {
		TEST(it_is_begun_and_ended),
		TEST(how_it_went_is_said_in_many_ways),
		TEST(what_is_refused_says_why),
		TEST(what_is_too_long_is_refused),
		TEST(daenas_activities_are_tasks),
		TEST(leitls_names_are_understood),
		TEST(without_an_id_the_newest_is_ended),
		TEST(who_may_end_it),
		TEST(they_fail_with_the_session),
		TEST(several_in_one_write),
		TEST(ten_a_second_an_agent),
		TEST(a_restart_leaves_them),
		TEST(the_last_thousand_stay),
	};

	return cmocka_run_group_tests_name("task", tests, NULL, NULL);
}
