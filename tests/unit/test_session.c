/* Registering: the texts and objects by which it is done, and what is refused. */
#include "core/base/json.h"
#include "core/state/session.h"
#include "tests/unit/world.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* session.json of a session, to look at. */
static struct json *record_of(struct world *w, struct session *s, struct buf *text)
{
	struct json *json = NULL;

	buf_reset(text);
	buf_addc(text, '{');
	state_rdlock(w->loop);
	session_record(w->loop, s, text);
	state_unlock(w->loop);
	assert_int_equal(buf_error(text), 0);
	if (json_parse(text->data, text->len, &json, NULL) != 0)
		fail_msg("%s", text->data);
	return json;
}

static void member_is(const struct json *json, const char *key, const char *text)
{
	const char *is = NULL;

	assert_int_equal(json_get_string(json, key, 0, &is, NULL), 0);
	assert_int_equal(is == NULL, text == NULL);
	if (text)
		assert_string_equal(is, text);
}

/* Texts, and the name, task and beginning of the id that they give. */
static const struct {
	const char *text, *name, *task, *id;
} texts[] = {
	{"cece", "cece", NULL, "leitl-cece-"},
	{"Cece: fix it", "Cece", "fix it", "leitl-cece-"},
	{"cece:", "cece", "", "leitl-cece-"},
	{"cece:   far: away ", "cece", "far: away ", "leitl-cece-"},
	{"a:b", "a:b", NULL, "leitl-a-b-"},
	{"a: b: c", "a", "b: c", "leitl-a-"},
	{"a: -", "a", NULL, "leitl-a-"}, /* as it is written to current_task */
	{"J\xc3\xb6rg \"x\"", "J\xc3\xb6rg \"x\"", NULL, "leitl-j-rg--x--"},
	{"new", "new", NULL, "leitl-new--"},
	{"0123456789012345678901234567890123456789012345678901234567890123",
		"0123456789012345678901234567890123456789012345678901234567890123", NULL,
		"leitl-01234567890123456789012345678901234567890-"},
};

static void by_text(void **state)
{
	struct world *w = *state;
	struct buf text = BUF_INIT;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct session *s = world_register(w, WORLD_UID, texts[i].text);
		const size_t prefix = strlen(texts[i].id);
		struct json *json;

		if (!s) {
			fail_msg("%s: %s", texts[i].text, w->error.text);
			return;
		}
		if (strncmp(s->id, texts[i].id, prefix) != 0 ||
			strspn(s->id + prefix, "0123456789abcdef") != 16 || s->id[prefix + 16])
			fail_msg("%s: %s", texts[i].text, s->id);
		json = record_of(w, s, &text);
		member_is(json, "session_id", s->id);
		member_is(json, "agent_name", texts[i].name);
		member_is(json, "agent_type", "assistant");
		member_is(json, "current_task", texts[i].task);
		member_is(json, "status", "active");
		member_is(json, "health", "fresh");
		member_is(json, "started_at", "2025-11-18T12:00:00.000000Z");
		member_is(json, "uptime", "0s");
		json_free(json);
	}
	buf_release(&text);
}

static void by_an_object(void **state)
{
	struct world *w = *state;
	struct session *s = world_register(w, WORLD_UID,
		"{\"agent_name\":\"Cece\", \"agent_type\":\"tester\", \"session_id\":\"C_1\",\n"
		"\"tags\":[ \"a\", \"\\\"}\" ], \"current_task\":\"x\",\"timeout\":\"90s\",\n"
		"\"query\":\"login\", \"department\":\"QA\", \"context_sources\":[\"docs\"],\n"
		"\"metadata\":{\"n\": 0.10, \"big\":12345678901234567890},\"uid\":0,\n"
		"\"health\":\"fine\",\"\\u0061\":null}");
	struct buf text = BUF_INIT;
	struct json *json;
	char *before;

	assert_non_null(s);
	assert_string_equal(s->id, "C_1");
	assert_int_equal(s->timeout_us, 90 * SECOND_US);
	json = record_of(w, s, &text);
	member_is(json, "agent_type", "tester");
	member_is(json, "health", "fresh");
	member_is(json, "query", "login");
	member_is(json, "department", "QA");
	assert_non_null(strstr(text.data, "\"tags\":[\"a\",\"\\\"}\"],"));
	assert_non_null(strstr(text.data, "\"context_sources\":[\"docs\"],"));
	assert_non_null(
		strstr(text.data, "\"metadata\":{\"n\":0.10,\"big\":12345678901234567890}"));
	assert_non_null(strstr(text.data, "\"timeout_s\":90,\"uid\":1234,"));
	assert_non_null(strstr(text.data, ",\"a\":null}"));
	json_free(json);
	/* And after a restart it reads the same. */
	before = buf_detach(&text, NULL);
	world_reopen(w);
	json_free(record_of(w, world_session(w, "C_1"), &text));
	assert_string_equal(before, text.data);
	free(before);
	buf_release(&text);
}

#define LONG64 "0123456789012345678901234567890123456789012345678901234567890123"

static const struct {
	const char *text;
	int code;
	const char *reason;
} refused[] = {
	{":", EINVAL, "agent_name: "},
	{": task", EINVAL, "agent_name: "},
	{LONG64 "4", EINVAL, "agent_name: "},
	{"a\tb", EINVAL, "agent_name: "},
	{"a\nb", EINVAL, "agent_name: "},
	{"a: two\nlines", EINVAL, "current_task: must be one line"},
	{"a: ends in one\n", EINVAL, "current_task: must be one line"},
	{"{\"agent_name\":\"a\",\"current_task\":\"two\\nlines\"}", EINVAL,
		"current_task: must be one line"},
	{"{\"agent_name\":\"a\",\"agent_type\":\"two\\nlines\"}", EINVAL,
		"agent_type: must be one line"},
	{"{}", EINVAL, "agent_name: "},
	{"{\"agent_name\":null}", EINVAL, "agent_name: "},
	{"{\"agent_name\":7}", EINVAL, "agent_name: must be a string"},
	{"{\"agent_name\":\"\"}", EINVAL, "agent_name: "},
	{"{\"agent_name\":\"a\",\"agent_type\":[]}", EINVAL, "agent_type: "},
	{"{\"agent_name\":\"a\",\"agent_type\":\"" LONG64 "4\"}", EINVAL, "agent_type: "},
	{"{\"agent_name\":\"a\",\"session_id\":\"a b\"}", EINVAL, "session_id: "},
	{"{\"agent_name\":\"a\",\"session_id\":\"\"}", EINVAL, "session_id: "},
	{"{\"agent_name\":\"a\",\"session_id\":\"new\"}", EINVAL, "session_id: "},
	{"{\"agent_name\":\"a\",\"session_id\":\"..\"}", EINVAL, "session_id: "},
	{"{\"agent_name\":\"a\",\"session_id\":\"" LONG64 "4\"}", EINVAL, "session_id: "},
	{"{\"agent_name\":\"a\",\"session_id\":1}", EINVAL, "session_id: "},
	{"{\"agent_name\":\"a\",\"tags\":\"x\"}", EINVAL, "tags: "},
	{"{\"agent_name\":\"a\",\"tags\":[1]}", EINVAL, "tags: "},
	{"{\"agent_name\":\"a\",\"tags\":[\"" LONG64 "4\"]}", EINVAL, "tags: "},
	{"{\"agent_name\":\"a\",\"current_task\":{}}", EINVAL, "current_task: "},
	{"{\"agent_name\":\"a\",\"query\":1}", EINVAL, "query: "},
	{"{\"agent_name\":\"a\",\"department\":[]}", EINVAL, "department: "},
	{"{\"agent_name\":\"a\",\"context_sources\":\"docs\"}", EINVAL, "context_sources: "},
	{"{\"agent_name\":\"a\",\"timeout\":0}", EINVAL, "timeout: "},
	{"{\"agent_name\":\"a\",\"timeout\":-5}", EINVAL, "timeout: "},
	{"{\"agent_name\":\"a\",\"timeout\":86401}", EINVAL, "timeout: "},
	{"{\"agent_name\":\"a\",\"timeout\":\"long\"}", EINVAL, "timeout: "},
};

static void what_is_refused_says_why(void **state)
{
	struct world *w = *state;
	const int64_t last = w->loop->state->last_seq;
	char text[20000];

	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		if (world_register(w, WORLD_UID, refused[i].text))
			fail_msg("%s was taken", refused[i].text);
		if (w->error.code != refused[i].code ||
			strncmp(w->error.text, refused[i].reason, strlen(refused[i].reason)) != 0)
			fail_msg("%s: %s", refused[i].text, w->error.text);
	}
	/* Too long, and one byte less. */
	snprintf(text, sizeof(text), "a: %0*d", TASK_MAX + 1, 7);
	assert_null(world_register(w, WORLD_UID, text));
	assert_int_equal(strncmp(w->error.text, "current_task: ", 14), 0);
	assert_int_equal(w->loop->state->last_seq, last);
	snprintf(text, sizeof(text), "a: %0*d", TASK_MAX, 7);
	assert_non_null(world_register(w, WORLD_UID, text));
	snprintf(text, sizeof(text), "{\"agent_name\":\"a\",\"more\":\"%0*d\"}", 16 << 10, 7);
	assert_null(world_register(w, WORLD_UID, text));
	assert_int_equal(w->error.code, EMSGSIZE);
	snprintf(text, sizeof(text), "{\"agent_name\":\"a\",\"more\":\"%0*d\"}", 16000, 7);
	assert_non_null(world_register(w, WORLD_UID, text));
}

#define ID(id, name) "{\"session_id\":\"" id "\",\"agent_name\":\"" name "\"}"

static void an_id_is_whose_it_was(void **state)
{
	struct world *w = *state;
	struct session *s = world_register(w, WORLD_UID, ID("x", "cece"));
	const int64_t since = s->since_pos;

	assert_null(world_register(w, WORLD_UID, ID("x", "cece")));
	assert_int_equal(w->error.code, EEXIST);
	assert_null(world_register(w, OTHER_UID, ID("x", "eve")));
	assert_int_equal(w->error.code, EEXIST);
	assert_null(world_register(w, WORLD_UID, ID("1234", "cece"))); /* the owner's own */
	assert_int_equal(w->error.code, EEXIST);
	assert_int_equal(world_end(w, s), 0);
	assert_null(world_register(w, OTHER_UID, ID("x", "eve")));
	assert_int_equal(w->error.code, EEXIST);
	assert_null(world_register(w, WORLD_UID, ID("x", "bob")));
	assert_int_equal(w->error.code, EEXIST);
	assert_ptr_equal(world_register(w, WORLD_UID, ID("x", "CECE")), s);
	assert_int_equal(s->since_pos, since);
	assert_string_equal(s->agent_name, "CECE");
	/* Names are kept for their uid as well, whatever of its sessions has ended. */
	assert_int_equal(world_end(w, s), 0);
	assert_null(world_register(w, OTHER_UID, "Cece"));
	assert_int_equal(w->error.code, EACCES);
	assert_string_equal(w->error.text, "agent_name: cece is another user's");
	assert_non_null(world_register(w, OTHER_UID, "cece-2"));
}

static struct act *by_id(struct world *w, uid_t uid, const char *id)
{
	const struct actor actor = world_user(uid);
	struct act *act = NULL;
	int r = session_register_id(w->loop, &actor, id, &act, &w->error);

	if (r == 0)
		r = loop_call(w->loop, &act->command, &w->error);
	if (r == 0)
		return act;
	assert_int_equal(w->error.code, -r);
	act_free(act);
	return NULL;
}

static void by_an_id_of_ones_own(void **state)
{
	struct world *w = *state;
	struct session *s = world_register(w, WORLD_UID, ID("x-1", "Cece"));
	struct act *act = by_id(w, WORLD_UID, "Bob_2");

	assert_non_null(act);
	assert_string_equal(act->id, "Bob_2");
	assert_string_equal(world_session(w, "Bob_2")->agent_name, "Bob_2");
	assert_true(world_session(w, "Bob_2")->own_id);
	act_free(act);
	assert_null(by_id(w, WORLD_UID, "Bob_2"));
	assert_int_equal(w->error.code, EEXIST);
	assert_null(by_id(w, WORLD_UID, "new"));
	assert_int_equal(w->error.code, EINVAL);
	assert_null(by_id(w, WORLD_UID, "a.b"));
	assert_int_equal(w->error.code, EINVAL);
	/* An ended id goes on as the agent that it was. */
	assert_int_equal(world_end(w, s), 0);
	act = by_id(w, WORLD_UID, "x-1");
	assert_non_null(act);
	assert_string_equal(s->agent_name, "Cece");
	assert_int_equal(s->ended_us, 0);
	act_free(act);
}

static void so_many_a_uid(void **state)
{
	struct world *w = *state;
	struct session *s;

	w->config.sessions = 3;
	for (int i = 0; i < 2; i++)
		assert_non_null(world_register(w, WORLD_UID, "a"));
	s = world_register(w, WORLD_UID, "b");
	assert_non_null(s);
	assert_null(world_register(w, WORLD_UID, "c"));
	assert_int_equal(w->error.code, EDQUOT);
	assert_non_null(world_register(w, OTHER_UID, "d"));
	assert_int_equal(world_end(w, s), 0);
	assert_non_null(world_register(w, WORLD_UID, "c"));
	w->config.sessions = 0;
	assert_non_null(world_register(w, WORLD_UID, "e"));
}

/* Two at the same moment: each is decided on what the other has left. */
static void at_the_same_time(void **state)
{
	struct world *w = *state;
	const struct actor actor = world_user(WORLD_UID);
	struct act *acts[3];

	commit_hold(w->loop);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(session_register_id(
					 w->loop, &actor, i == 2 ? "y" : "x", &acts[i], &w->error),
			0);
		acts[i]->command.done = act_over;
		loop_submit(w->loop, &acts[i]->command);
	}
	commit_resume(w->loop);
	assert_int_equal(w->loop->state->living, 3); /* x, y and the owner */
}

static void people_stand(void **state)
{
	struct world *w = *state;
	struct session *owner = world_session(w, "1234");
	struct actor actor = world_actor(owner);
	struct act *act = NULL;

	assert_non_null(owner);
	assert_true(owner->person);
	assert_string_equal(owner->agent_type, "person");
	assert_int_equal(session_person(w->loop, WORLD_UID, WORLD_UID, &act, &w->error), 0);
	assert_null(act);
	assert_int_equal(session_end(w->loop, &actor, owner, END_ASKED, &act, &w->error), -EPERM);
	assert_int_equal(session_change(w->loop, &actor, owner, VALUE_STATUS, "ended", 5, false,
				 &act, &w->error),
		-EPERM);
	assert_null(act);
	assert_int_equal(session_person(w->loop, OTHER_UID, OTHER_UID, &act, &w->error), 0);
	assert_int_equal(world_do(w, 0, act), 0);
	assert_true(world_session(w, "4321")->person);
	world_reopen(w);
	assert_true(world_session(w, "4321")->person);
	assert_int_equal(world_session(w, "4321")->uid, OTHER_UID);
	assert_int_equal(w->loop->state->living, 2);
}

/* Somebody else was first to use the user's name: that is no way to be taken for the user. */
static void a_taken_name_makes_no_person(void **state)
{
	struct world *w = *state;
	struct act *act = NULL;

	assert_non_null(world_register(w, WORLD_UID, ID("4321", "cece")));
	assert_int_equal(session_person(w->loop, OTHER_UID, OTHER_UID, &act, &w->error), 0);
	world_do(w, 0, act);
	assert_false(world_session(w, "4321")->person);
	assert_int_equal(world_session(w, "4321")->uid, WORLD_UID);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(by_text, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(by_an_object, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			what_is_refused_says_why, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(an_id_is_whose_it_was, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(by_an_id_of_ones_own, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(so_many_a_uid, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(at_the_same_time, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(people_stand, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			a_taken_name_makes_no_person, world_setup, world_teardown),
	};

	return cmocka_run_group_tests_name("session", tests, NULL, NULL);
}
