/* Answers: of one and of several, and what they are held to. */
#include "core/base/json.h"
#include "tests/unit/question.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void several_answer_as_lines(void **state)
{
	struct world *w = *state;
	struct session *a = world_enter(w, "a"), *b = world_enter(w, "b"), *c = world_enter(w, "c");
	struct session *cece = world_enter(w, "cece");
	struct ask *two = question_ask(
		w, cece, NULL, true, "{\"data\":1,\"to\":[\"a\",\"b\",\"c\"],\"wait\":2}");
	struct ask *star =
		question_ask(w, cece, NULL, true, "{\"data\":1,\"to\":\"*\",\"wait\":\"all\"}");
	struct ask *none =
		question_ask(w, cece, NULL, true, "{\"data\":1,\"to\":[\"a\",\"b\",\"a\"]}");

	assert_int_equal(none->part_count, 2);
	assert_int_equal(star->part_count, 3); /* not the asker, and no person */
	assert_int_equal(question_answer(w, a, two, "yes"), 0);
	assert_int_equal(question_answer_to(w, b, two, true, "busy"), 0);
	assert_string_equal(question_result(w, two), "EAGAIN");
	assert_int_equal(question_answer(w, c, two, "{\"ok\": true}"), 0);
	assert_string_equal(question_result(w, two),
		"{\"session_id\":\"a\",\"from\":\"a\",\"data\":\"yes\"}\n"
		"{\"session_id\":\"b\",\"from\":\"b\",\"error\":\"busy\"}\n"
		"{\"session_id\":\"c\",\"from\":\"c\",\"data\":{\"ok\":true}}\n");
	assert_int_equal(question_answer_to(w, a, star, true, "no"), 0);
	assert_int_equal(question_answer_to(w, b, star, true, "no"), 0);
	assert_int_equal(question_answer_to(w, c, star, true, "never"), 0);
	assert_string_equal(question_result(w, star), "EREMOTEIO");
	assert_int_equal(question_answer_to(w, a, none, true, "no"), 0);
	assert_string_equal(question_result(w, none), "EAGAIN");
	assert_int_equal(question_answer(w, b, none, "7"), 0);
	assert_int_equal(question_open_count(w), 0);
	question_drop(two);
	question_drop(star);
	question_drop(none);
}

static void what_no_longer_can_be_answered_by_enough_has_failed(void **state)
{
	struct world *w = *state;
	struct session *a = world_enter(w, "a"), *b = world_enter(w, "b"),
		       *cece = world_enter(w, "cece");
	struct ask *two =
		question_ask(w, cece, NULL, true, "{\"data\":1,\"to\":[\"a\",\"b\"],\"wait\":2}");

	assert_int_equal(question_answer(w, b, two, "yes"), 0);
	assert_int_equal(question_answer_to(w, a, two, true, "busy"), 0);
	assert_string_equal(question_result(w, two), "EREMOTEIO");
	question_drop(two);
}

static void more_may_follow_an_answer(void **state)
{
	struct world *w = *state;
	struct session *bob = world_enter(w, "bob"), *cece = world_enter(w, "cece");
	struct ask *a = question_ask(w, cece, bob, true, "x"), *b;

	assert_int_equal(question_answer(w, bob, a, "{\"data\":\"half\",\"more\":true}"), 0);
	assert_string_equal(question_result(w, a), "{\"data\":\"half\",\"more\":true}\n");
	assert_int_equal(question_open_count(w), 1);
	question_close(w, a); /* it is answered: no cancelling */
	assert_int_equal(
		question_answer(w, bob, a, "{\"data\":\"three quarters\",\"more\":true}"), 0);
	assert_int_equal(question_open_count(w), 1);
	assert_int_equal(question_answer(w, bob, a, "whole"), 0);
	assert_int_equal(question_open_count(w), 0);
	assert_int_equal(question_told(w, "cece", "message.direct"), 2);
	assert_int_equal(question_told(w, "cece", "{\"request_id\":\"q1\",\"data\":\"whole\"}"), 1);
	assert_int_equal(a->status, ASK_ANSWERED);
	/* Or none comes: the time ends it, and it was answered. */
	b = question_ask(w, cece, bob, true, "x");
	assert_int_equal(question_answer(w, bob, b, "{\"data\":\"half\",\"more\":true}"), 0);
	asks_expire(w->loop, loop_mono_us(w->loop) + 10 * SECOND_US);
	assert_int_equal(b->status, ASK_ANSWERED);
	assert_int_equal(question_open_count(w), 0);
	question_drop(a);
	question_drop(b);
}

static void an_answer_is_held_to_the_schema(void **state)
{
	struct world *w = *state;
	struct session *bob = world_enter(w, "bob"), *cece = world_enter(w, "cece");
	struct ask *a = question_ask(w, cece, bob, true,
		"{\"data\":\"port?\",\"schema\":{\"type\":\"integer\",\"maximum\":65535}}");
	struct ask *b = question_ask(w, cece, bob, true,
		"{\"data\":\"who?\",\"schema\":{\"type\":\"object\",\"required\":[\"name\"]}}");

	assert_int_equal(question_answer(w, bob, a, "eighty"), -EINVAL);
	assert_int_equal(question_answer(w, bob, a, "70000"), -EINVAL);
	assert_non_null(strstr(w->error.text, "answer"));
	assert_string_equal(question_result(w, a), "EAGAIN");
	assert_int_equal(
		question_answer(w, bob, a, "{\"replyTo\":\"q1\",\"data\":\"8080\"}"), -EINVAL);
	assert_int_equal(question_answer(w, bob, a, "8080"), 0);
	assert_string_equal(question_result(w, a), "8080\n");
	assert_int_equal(question_answer(w, bob, b, "{\"nme\":1}"), -EINVAL);
	assert_int_equal(question_answer(w, bob, b, "{\"more\":true,\"data\":{\"name\":1}}"), 0);
	question_drop(a);
	question_drop(b);
}

/* The data of the newest answer in an inbox, as JSON. */
static const char *answer_data(struct world *w, const char *session)
{
	static char out[200];
	struct buf lines = BUF_INIT;
	const char *at, *last = NULL, *end;

	for (at = world_lines(w, &lines, CHANNEL_TO, session); (at = strstr(at, "ask.answered"));
		at++)
		last = at;
	if (!last) {
		fail_msg("nothing was answered");
		return "";
	}
	last = strstr(last, ",\"data\":{\"request_id\":\"");
	assert_non_null(last);
	last = strstr(last + 1, ",\"data\":") + strlen(",\"data\":");
	end = strstr(last, "}}\n");
	assert_non_null(end);
	snprintf(out, sizeof(out), "%.*s", (int)(end - last), last);
	buf_release(&lines);
	return out;
}

/* Text is the value that it reads as where that fits the schema, else a string. */
static void text_is_held_to_the_schema_as_a_value_and_as_a_string(void **state)
{
	struct world *w = *state;
	struct session *bob = world_enter(w, "bob"), *cece = world_enter(w, "cece");
	static const struct {
		const char *schema, *text, *data, *read;
	} fits[] = {
		{"{\"type\":\"string\"}", "8080", "\"8080\"", "8080\n"},
		{"{\"type\":\"string\"}", "true", "\"true\"", "true\n"},
		{"{\"type\":\"string\"}", "null", "\"null\"", "null\n"},
		{"{\"type\":\"string\"}", "[1, 2]", "\"[1, 2]\"", "[1, 2]\n"},
		{"{\"type\":\"string\"}", "\"8080\"", "\"8080\"", "8080\n"},
		{"{\"type\":\"string\"}", "port 8080", "\"port 8080\"", "port 8080\n"},
		{"{\"type\":\"string\",\"pattern\":\"^[0-9]+$\"}", "8080", "\"8080\"", "8080\n"},
		{"{\"enum\":[\"1\",\"2\"]}", "2", "\"2\"", "2\n"},
		{"{\"type\":\"integer\"}", "8080", "8080", "8080\n"},
		{"{\"type\":[\"string\",\"integer\"]}", "8080", "8080", "8080\n"},
		{"{\"type\":\"boolean\"}", "true", "true", "true\n"},
		{"{\"type\":\"array\"}", "[1, 2.50]", "[1,2.50]", "[1, 2.50]\n"},
		{"true", "8080", "8080", "8080\n"},
	};
	static const struct {
		const char *schema, *text, *reason;
	} misfits[] = {
		{"{\"type\":\"integer\"}", "eighty", "answer: must be an integer"},
		{"{\"type\":\"integer\",\"maximum\":65535}", "70000",
			"answer: must be at most 65535; as text: must be an integer"},
		{"{\"type\":\"string\",\"pattern\":\"^a\"}", "8080",
			"answer: must be a string; as text: must match ^a"},
		{"{\"type\":\"string\"}", "{\"a\":1}", "answer: must be a string"},
	};
	char text[200];

	for (size_t i = 0; i < sizeof(fits) / sizeof(fits[0]); i++) {
		struct ask *a;

		snprintf(text, sizeof(text), "{\"data\":1,\"schema\":%s}", fits[i].schema);
		a = question_ask(w, cece, bob, false, text);
		if (question_answer(w, bob, a, fits[i].text))
			fail_msg("%s, %s: %s", fits[i].schema, fits[i].text, w->error.text);
		assert_string_equal(answer_data(w, "cece"), fits[i].data);
		assert_string_equal(question_result(w, a), fits[i].read);
		question_drop(a);
	}
	for (size_t i = 0; i < sizeof(misfits) / sizeof(misfits[0]); i++) {
		struct ask *a;

		snprintf(text, sizeof(text), "{\"data\":1,\"schema\":%s}", misfits[i].schema);
		a = question_ask(w, cece, bob, false, text);
		assert_int_equal(question_answer(w, bob, a, misfits[i].text), -EINVAL);
		assert_string_equal(w->error.text, misfits[i].reason);
		assert_string_equal(question_result(w, a), "EAGAIN");
		question_drop(a);
	}
}

/* Who misspells `data` is told, and nobody answers in another's name. */
static void an_envelope_holds_nothing_that_nobody_would_read(void **state)
{
	struct world *w = *state;
	struct session *bob = world_enter(w, "bob"), *cece = world_enter(w, "cece");
	struct ask *a = question_ask(w, cece, bob, true, "x");

	assert_int_equal(question_answer(w, bob, a, "{\"replyTo\":\"q1\",\"dta\":1}"), -EINVAL);
	assert_memory_equal(w->error.text, "dta: ", 5);
	assert_int_equal(
		question_answer(w, bob, a, "{\"replyTo\":\"q1\",\"data\":1,\"from\":\"cece\"}"),
		-EACCES);
	assert_string_equal(question_result(w, a), "EAGAIN");
	/* Without replyTo it is the answer, whatever it holds. */
	assert_int_equal(question_answer(w, bob, a, "{\"from\":\"Rome\",\"dta\":1}"), 0);
	assert_string_equal(question_result(w, a), "{\"from\":\"Rome\",\"dta\":1}\n");
	question_drop(a);
	a = question_ask(w, cece, bob, true, "x");
	assert_int_equal(question_answer(w, bob, a,
				 "{\"replyTo\":\"q2\",\"from\":\"bob\",\"data\":{\"a\":1}}"),
		0);
	assert_string_equal(question_result(w, a), "{\"a\":1}\n");
	question_drop(a);
}

static void luca_is_understood(void **state)
{
	struct world *w = *state;
	struct session *bob = world_enter(w, "bob"), *cece = world_enter(w, "cece");
	const char *text = "{\"type\":\"add\",\"data\":{\"a\":3,\"b\":4},\"requestId\":\"r-1\"}";
	struct ask *a = question_ask(w, cece, bob, true, text), *b;
	struct actor actor = world_actor(bob);
	struct json *json;
	struct message m;

	assert_int_equal(question_answer(w, bob, a, "{\"replyTo\":\"r-2\",\"data\":7}"), -EINVAL);
	assert_int_equal(question_answer(w, bob, a, "{\"replyTo\":\"r-1\",\"data\":7}"), 0);
	assert_string_equal(question_result(w, a), "{\"replyTo\":\"r-1\",\"data\":7}\n");
	b = question_ask(w, cece, bob, true, "{\"type\":\"x\",\"requestId\":\"r-3\"}");
	m = world_message("{\"replyTo\":\"r-3\",\"error\":\"no\"}", &json);
	assert_true(ask_is_answer(w->loop, &actor, cece, &m));
	assert_false(ask_is_answer(w->loop, &actor, bob, &m));
	json_free(json);
	assert_int_equal(question_answer(w, bob, b, "{\"replyTo\":\"r-3\",\"error\":\"no\"}"), 0);
	assert_string_equal(question_result(w, b), "{\"replyTo\":\"r-3\",\"error\":\"no\"}\n");
	assert_int_equal(b->status, ASK_FAILED);
	question_drop(a);
	question_drop(b);
	/* Text is the value that it reads as; a string stays one. */
	static const char *const texts[][2] = {
		{"7", "{\"replyTo\":\"t0\",\"data\":7}\n"},
		{"seven", "{\"replyTo\":\"t1\",\"data\":\"seven\"}\n"},
		{"\"7\"", "{\"replyTo\":\"t2\",\"data\":\"7\"}\n"},
		{"{\"replyTo\":\"t3\",\"data\":\"7\"}", "{\"replyTo\":\"t3\",\"data\":\"7\"}\n"},
	};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		char question[60];

		snprintf(question, sizeof(question), "{\"type\":\"x\",\"requestId\":\"t%zu\"}", i);
		a = question_ask(w, cece, bob, true, question);
		assert_int_equal(question_answer(w, bob, a, texts[i][0]), 0);
		assert_string_equal(question_result(w, a), texts[i][1]);
		question_drop(a);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(several_answer_as_lines),
		TEST(what_no_longer_can_be_answered_by_enough_has_failed),
		TEST(more_may_follow_an_answer),
		TEST(an_answer_is_held_to_the_schema),
		TEST(text_is_held_to_the_schema_as_a_value_and_as_a_string),
		TEST(an_envelope_holds_nothing_that_nobody_would_read),
		TEST(luca_is_understood),
	};

	return cmocka_run_group_tests_name("ask", tests, NULL, NULL);
}
