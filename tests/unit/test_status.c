/* Who is active: as it is read, and as it is told, once for each change. */
#include "core/base/framer.h"
#include "core/base/json.h"
#include "core/item/status.h"
#include "core/item/task.h"
#include "core/state/message.h"
#include "tests/unit/world.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int say(struct world *w, const char *id, const char *type, const char *text)
{
	const struct actor actor = world_actor(world_session(w, id));

	return world_say(w, &actor, type, NULL, text);
}

static struct session *enter(struct world *w, const char *agent, const char *id, const char *more)
{
	char text[256];
	struct session *s;

	snprintf(text, sizeof(text), "{\"agent_name\":\"%s\",\"session_id\":\"%s\"%s}", agent, id,
		more);
	s = world_register(w, WORLD_UID, text);
	assert_non_null(s);
	return s;
}

/* What was told: "cece+ cece- " and so on, in order. */
static const char *told(struct world *w, struct buf *out)
{
	struct buf all = BUF_INIT;
	const char *at;

	buf_reset(out);
	buf_adds(out, "");
	at = world_lines(w, &all, CHANNEL_ALL, "");
	while ((at = strstr(at, "\"event_type\":\"agent."))) {
		const char *from = strstr(at, "\"from\":\"");

		at += strlen("\"event_type\":\"agent.");
		buf_addf(out, "%.*s%c ", (int)strcspn(from + 8, "\""), from + 8,
			at[0] == 'a' ? '+' : '-');
	}
	buf_release(&all);
	return out->data ? out->data : "";
}

static void set_task(struct world *w, const char *id, const char *task)
{
	const struct actor actor = world_actor(world_session(w, id));
	struct act *act = NULL;
	int r = session_change(w->loop, &actor, actor.session, VALUE_TASK, task, strlen(task),
		false, &act, &w->error);

	assert_int_equal(world_do(w, r, act), 0);
}

static void each_change_is_told_once(void **state)
{
	struct world *w = *state;
	struct buf b = BUF_INIT;

	enter(w, "cece", "cece", "");
	assert_string_equal(told(w, &b), "");
	say(w, "cece", "task.started", "one");
	say(w, "cece", "task.started", "two");
	assert_string_equal(told(w, &b), "cece+ ");
	say(w, "cece", "task.completed", "done");
	assert_string_equal(told(w, &b), "cece+ ");
	set_task(w, "cece", "reading");
	say(w, "cece", "task.failed", "red");
	assert_string_equal(told(w, &b), "cece+ ");
	set_task(w, "cece", "-");
	assert_string_equal(told(w, &b), "cece+ cece- ");
	set_task(w, "cece", "again");
	assert_int_equal(world_end(w, world_session(w, "cece")), 0);
	assert_string_equal(told(w, &b), "cece+ cece- cece+ cece- ");
	enter(w, "bob", "bob", ",\"current_task\":\"tests\"");
	enter(w, "bob", "bob2", ",\"current_task\":\"more tests\"");
	assert_int_equal(world_end(w, world_session(w, "bob")), 0);
	assert_string_equal(told(w, &b), "cece+ cece- cece+ cece- bob+ ");
	assert_int_equal(world_end(w, world_session(w, "bob2")), 0);
	assert_string_equal(told(w, &b), "cece+ cece- cece+ cece- bob+ bob- ");
	buf_release(&b);
}

/* The agent for whom it is begun is active, and its feed shows both. */
static void another_is_made_active(void **state)
{
	struct world *w = *state;
	struct buf b = BUF_INIT;

	enter(w, "cece", "cece", "");
	enter(w, "bob", "bob", "");
	say(w, "cece", "task.started", "{\"agent_id\":\"bob\",\"task_id\":\"for-bob\"}");
	assert_string_equal(told(w, &b), "bob+ ");
	world_lines(w, &b, CHANNEL_AGENT, "bob");
	assert_non_null(strstr(b.data, "for-bob"));
	assert_non_null(strstr(b.data, "agent.active"));
	say(w, "bob", "task.completed", "{\"task_id\":\"for-bob\"}");
	assert_string_equal(told(w, &b), "bob+ bob- ");
	buf_release(&b);
}

static void a_restart_tells_nothing_again(void **state)
{
	struct world *w = *state;
	struct buf b = BUF_INIT;

	enter(w, "cece", "cece", "");
	enter(w, "bob", "bob", "");
	say(w, "cece", "task.started", "one");
	for (int i = 0; i < 3; i++) {
		world_reopen(w);
		assert_string_equal(told(w, &b), "cece+ ");
	}
	say(w, "cece", "task.completed", "done");
	world_reopen(w);
	assert_string_equal(told(w, &b), "cece+ cece- ");
	buf_release(&b);
}

/* The last run ended before it told. */
static void what_was_not_told_is_told_at_the_start(void **state)
{
	struct world *w = *state;
	struct agent *a;
	struct buf b = BUF_INIT;

	enter(w, "cece", "cece", "");
	say(w, "cece", "task.started", "one");
	a = state_agent(w->loop->state, "cece");
	a->active = false;
	a->dirty = true;
	say(w, "cece", "x.y", "so that there is something to save");
	world_reopen(w);
	assert_string_equal(told(w, &b), "cece+ cece+ ");
	assert_true(state_agent(w->loop->state, "cece")->active);
	buf_release(&b);
}

#define ROUNDS 300

static void *work(void *arg)
{
	struct world *w = ((void **)arg)[0];
	struct actor actor = world_actor(((void **)arg)[1]);
	const char *text = "x";
	struct message m = {.text = text, .len = 1};
	struct error err;

	for (int i = 0; i < 2 * ROUNDS; i++) {
		struct act *act = NULL;
		int r = message_add(w->loop, &actor, &m, i % 2 ? "task.completed" : "task.started",
			NULL, &act, &err);

		if (!r)
			r = loop_call(w->loop, &act->command, &err);
		act_free(act);
		if (r)
			return arg;
	}
	return NULL;
}

/* Two sessions of one agent and one of another, all at once: what is told alternates, and is right
 * in the end. */
static void it_alternates_whatever_comes_between(void **state)
{
	static const char *const names[] = {"cece", "cece2", "bob"};
	struct world *w = *state;
	pthread_t threads[3];
	void *args[3][2], *failed;
	struct buf b = BUF_INIT;
	char last[2] = {'-', '-'};

	for (int i = 0; i < 3; i++) {
		args[i][0] = w;
		args[i][1] = enter(w, i < 2 ? "cece" : "bob", names[i], "");
	}
	for (int i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, work, args[i]), 0);
	for (int i = 0; i < 3; i++) {
		pthread_join(threads[i], &failed);
		assert_null(failed);
	}
	/* What the last ones lead to may be under way yet, on the saver's thread. */
	commit_hold(w->loop);
	commit_resume(w->loop);
	for (const char *at = told(w, &b); *at; at = strchr(at, ' ') + 1) {
		int who = at[0] == 'b';
		char sign = strchr(at, ' ')[-1];

		assert_int_not_equal(sign, last[who]);
		last[who] = sign;
	}
	assert_int_equal(last[0], '-');
	assert_int_equal(last[1], '-');
	assert_int_equal(state_agent(w->loop->state, "cece")->open_tasks, 0);
	assert_int_equal(w->loop->state->items.open[ITEM_TASK].count, 0);
	buf_release(&b);
}

static struct json *status(struct world *w)
{
	struct buf b = BUF_INIT;
	struct json *json;

	buf_addc(&b, '{');
	assert_int_equal(status_all(w->loop, &b), 0);
	buf_addc(&b, '}');
	if (json_parse(b.data, b.len, &json, &w->error))
		fail_msg("%s\n%s", w->error.text, b.data);
	buf_release(&b);
	return json;
}

static int64_t number(const struct json *json, const char *key)
{
	int64_t n = -1;

	json_get_integer(json, key, 0, INT64_MAX, &n, NULL);
	return n;
}

static const char *text(const struct json *json, const char *key)
{
	const char *found = "null";

	assert_true(json_has(json, key));
	json_get_string(json, key, 0, &found, NULL);
	return found;
}

static void everyones_counts_are_true(void **state)
{
	struct world *w = *state;
	struct json *json = status(w);
	const struct json *agents;

	/* The mount's owner is a person, and at nothing. */
	assert_int_equal(number(json, "total_agents"), 0);
	json_free(json);
	enter(w, "cece", "cece", "");
	enter(w, "cece", "cece2", "");
	enter(w, "bob", "bob", "");
	enter(w, "gone", "gone", "");
	say(w, "cece", "task.started", "{\"task_id\":\"a\"}");
	say(w, "cece", "task.started", "{\"task_id\":\"b\"}");
	say(w, "bob", "task.started", "{\"task_id\":\"c\"}");
	say(w, "bob", "task.completed", "{\"task_id\":\"c\"}");
	say(w, "bob", "task.started", "{\"task_id\":\"d\",\"agent_id\":\"agent_1\"}");
	say(w, "bob", "task.started", "{\"task_id\":\"e\",\"agent_id\":\"Agent_1\"}");
	assert_int_equal(world_end(w, world_session(w, "gone")), 0);
	json = status(w);
	assert_int_equal(number(json, "total_agents"), 3);
	assert_int_equal(number(json, "active_agents"), 2);
	assert_int_equal(number(json, "idle_agents"), 1);
	assert_int_equal(number(json, "active_activities"), 4);
	assert_int_equal(number(json, "active_collaborations"), 0);
	assert_int_equal(json_count(json_get(json, "tasks")), 4);
	agents = json_get(json, "agents");
	assert_int_equal(json_count(agents), 3);
	assert_string_equal(text(json_get(agents, "cece"), "status"), "active");
	assert_string_equal(text(json_get(agents, "cece"), "current_activity"), "b");
	assert_string_equal(text(json_get(agents, "cece"), "last_activity"), "b");
	assert_string_equal(text(json_get(agents, "bob"), "status"), "idle");
	assert_string_equal(text(json_get(agents, "bob"), "current_activity"), "null");
	assert_string_equal(text(json_get(agents, "bob"), "last_activity"), "c");
	assert_string_equal(text(json_get(agents, "agent_1"), "current_activity"), "e");
	json_free(json);
}

static void one_agents_status(void **state)
{
	struct world *w = *state;
	struct buf b = BUF_INIT;
	struct json *json;

	enter(w, "cece", "cece", ",\"department\":\"engineering\"");
	enter(w, "cece", "cece2", ",\"current_task\":\"fix it\"");
	say(w, "cece", "task.started", "{\"task_id\":\"a\",\"task_description\":\"look\"}");
	buf_addc(&b, '{');
	status_agent(w->loop, state_agent(w->loop->state, "cece"), &b);
	buf_addc(&b, '}');
	assert_int_equal(json_parse(b.data, b.len, &json, NULL), 0);
	assert_string_equal(text(json, "agent"), "cece");
	assert_string_equal(text(json, "status"), "active");
	assert_string_equal(text(json, "department"), "engineering");
	assert_string_equal(text(json, "current_task"), "fix it");
	assert_string_equal(text(json, "current_activity"), "a");
	assert_int_equal(json_count(json_get(json, "tasks")), 1);
	assert_int_equal(json_count(json_get(json, "sessions")), 2);
	assert_int_equal(number(json, "collaboration_count"), 0);
	json_free(json);
	buf_release(&b);
}

/* What a session says of itself makes no event of the daemon's for nobody's names. */
static void names_that_nobody_has_are_not_told(void **state)
{
	struct world *w = *state;
	struct buf b = BUF_INIT;

	enter(w, "cece", "cece", "");
	say(w, "cece", "task.started", "{\"agent_id\":\"agent_1\",\"task_id\":\"a\"}");
	assert_string_equal(told(w, &b), "");
	assert_null(state_agent(w->loop->state, "agent_1"));
	/* Whoever then comes to have the name has the task. */
	enter(w, "agent_1", "one", "");
	assert_string_equal(told(w, &b), "agent_1+ ");
	assert_int_equal(say(w, "one", "task.completed", "{\"task_id\":\"a\"}"), 0);
	assert_string_equal(told(w, &b), "agent_1+ agent_1- ");
	buf_release(&b);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
	const struct CMUnitTest tests[] = {
		TEST(each_change_is_told_once),
		TEST(another_is_made_active),
		TEST(a_restart_tells_nothing_again),
		TEST(what_was_not_told_is_told_at_the_start),
		TEST(it_alternates_whatever_comes_between),
		TEST(everyones_counts_are_true),
		TEST(one_agents_status),
		TEST(names_that_nobody_has_are_not_told),
	};

	return cmocka_run_group_tests_name("status", tests, NULL, NULL);
}
