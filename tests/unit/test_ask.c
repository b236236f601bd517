/* Asks: who is asked, how they end, in which order whatever comes. The clock stands still until it
 * is moved. */
#include "tests/unit/question.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct session *enter_tagged(struct world *w, const char *id, const char *tag)
{
	char text[200];
	struct session *s;

	snprintf(text, sizeof(text),
		"{\"agent_name\":\"%s\",\"session_id\":\"%s\",\"tags\":[\"%s\"]}", id, id, tag);
	s = world_register(w, WORLD_UID, text);
	assert_non_null(s);
	return s;
}

static void an_answer_is_read_as_it_was_written(void **state)
{
	struct world *w = *state;
	struct session *bob = world_enter(w, "bob"), *cece = world_enter(w, "cece");
	static const char *const texts[][2] = {
		{"8080", "8080\n"},
		{"two\nlines", "two\nlines\n"},
		{"say \"hi\" \\ \xc3\xa9", "say \"hi\" \\ \xc3\xa9\n"},
		{"{\"port\": 8080,\n \"n\": 0.1}", "{\"port\": 8080,\n \"n\": 0.1}\n"},
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct ask *a = question_ask(w, cece, bob, true, "which port?");

		assert_string_equal(question_result(w, a), "EAGAIN");
		assert_int_equal(question_answer(w, bob, a, texts[i][0]), 0);
		assert_string_equal(question_result(w, a), texts[i][1]);
		assert_string_equal(question_result(w, a), texts[i][1]);
		assert_int_equal(a->status, ASK_ANSWERED);
		assert_true(a->item.closed_us != 0);
		question_drop(a);
	}
	assert_int_equal(question_open_count(w), 0);
	assert_int_equal(question_told(w, "bob", "ask.asked"), 4);
	/* Read on a descriptor, the answers are no inbox's. */
	assert_int_equal(question_told(w, "cece", "ask.answered"), 0);
}

static void a_detached_asks_answer_is_in_the_askers_inbox(void **state)
{
	struct world *w = *state;
	struct session *bob = world_enter(w, "bob"), *cece = world_enter(w, "cece");
	struct ask *a = question_ask(w, cece, bob, false, "which port?");
	struct ask *b =
		question_ask(w, cece, bob, false, "{\"data\":\"and host?\",\"request_id\":\"h\"}");

	assert_int_equal(question_answer(w, bob, a, "8080"), 0);
	assert_int_equal(question_answer_to(w, bob, b, true, "no idea"), 0);
	assert_int_equal(
		question_told(w, "cece", "\"data\":{\"request_id\":\"q1\",\"data\":\"8080\"}"), 1);
	assert_int_equal(question_told(w, "cece", "\"reason\":\"error\",\"error\":\"no idea\""), 1);
	assert_string_equal(question_result(w, b), "EREMOTEIO");
	assert_string_equal(w->error.text, "h: no idea");
	question_drop(a);
	question_drop(b);
}

static void a_request_id_is_its_own(void **state)
{
	struct world *w = *state;
	struct session *bob = world_enter(w, "bob"), *cece = world_enter(w, "cece");
	struct ask *a = question_ask(w, cece, bob, false, "{\"data\":1,\"request_id\":\"q2\"}");
	struct ask *b = question_ask(w, cece, bob, false, "x"),
		   *c = question_ask(w, cece, bob, false, "y");

	assert_string_equal(a->item.id, "q2");
	assert_string_equal(b->item.id, "q1");
	assert_string_equal(c->item.id, "q3"); /* q2 is taken */
	assert_int_equal(
		question_refused(w, cece, bob, false, "{\"data\":1,\"request_id\":\"q2\"}"),
		-EEXIST);
	assert_int_equal(question_answer(w, bob, a, "1"), 0);
	assert_int_equal(
		question_refused(w, cece, bob, false, "{\"data\":1,\"request_id\":\"q2\"}"),
		-EEXIST);
	static const char *const bad[] = {"new", "answer", "a/b", "", "a b"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char text[100];

		snprintf(text, sizeof(text), "{\"data\":1,\"request_id\":\"%s\"}", bad[i]);
		assert_int_equal(question_refused(w, cece, bob, false, text), -EINVAL);
	}
	question_drop(a);
	question_drop(b);
	question_drop(c);
}

static void what_is_no_question_is_refused_with_its_member(void **state)
{
	struct world *w = *state;
	struct session *cece = world_enter(w, "cece");
	static const char *const bad[][2] = {
		{"{\"dta\":1}", "dta"},
		{"{\"to\":\"cece\"}", "data"},
		{"{\"data\":1,\"to\":[]}", "to"},
		{"{\"data\":1,\"to\":7}", "to"},
		{"{\"data\":1,\"to\":[\"*\",\"cece\"]}", "to"},
		{"{\"data\":1,\"wait\":\"most\"}", "wait"},
		{"{\"data\":1,\"wait\":\"all\"}", "wait"},
		{"{\"data\":1,\"to\":\"cece\",\"wait\":2}", "wait"},
		{"{\"data\":1,\"timeout\":0}", "timeout"},
		{"{\"data\":1,\"timeout\":\"2d\"}", "timeout"},
		{"{\"data\":1,\"timeout\":\"soon\"}", "timeout"},
		{"{\"data\":1,\"type\":7}", "type"},
		{"{\"data\":1,\"schema\":{\"nope\":1}}", "schema"},
		{"{\"data\":1,\"schema\":{\"type\":\"strnig\"}}", "schema"},
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(question_refused(w, cece, NULL, false, bad[i][0]), -EINVAL);
		assert_memory_equal(w->error.text, bad[i][1], strlen(bad[i][1]));
	}
	assert_int_equal(
		question_refused(w, cece, NULL, false, "{\"data\":1,\"from\":\"bob\"}"), -EACCES);
	assert_int_equal(question_open_count(w), 0);
}

static void whom_it_is_to_must_live(void **state)
{
	struct world *w = *state;
	struct session *bob = world_enter(w, "bob"), *cece = world_enter(w, "cece");
	struct ask *a;

	assert_int_equal(
		question_refused(w, cece, NULL, false, "{\"data\":1,\"to\":\"eve\"}"), -ENOENT);
	assert_int_equal(
		question_refused(w, cece, NULL, false, "{\"data\":1,\"to\":\"tag:x\"}"), -ENOENT);
	assert_int_equal(
		question_refused(w, cece, NULL, false, "{\"data\":1,\"to\":[\"bob\",\"eve\"]}"),
		-ENOENT);
	assert_int_equal(world_end(w, bob), 0);
	assert_int_equal(
		question_refused(w, cece, NULL, false, "{\"data\":1,\"to\":\"bob\"}"), -EHOSTDOWN);
	assert_int_equal(question_refused(w, cece, bob, false, "x"), -EHOSTDOWN);
	/* The agent has another session. */
	assert_non_null(
		world_register(w, WORLD_UID, "{\"agent_name\":\"Bob\",\"session_id\":\"b2\"}"));
	a = question_ask(w, cece, NULL, false, "{\"data\":1,\"to\":\"bob\"}");
	assert_string_equal(a->parts[0].session, "b2");
	question_drop(a);
}

static void a_tag_goes_to_the_same_one_while_it_lives(void **state)
{
	struct world *w = *state;
	struct session *cece = enter_tagged(w, "cece", "p"), *dan = world_enter(w, "dan");
	struct session *one = enter_tagged(w, "one", "p"), *two = enter_tagged(w, "two", "p");
	const char *text = "{\"data\":1,\"to\":\"tag:p\"}";
	struct ask *a;

	world_pass(w, SECOND_US);
	session_heard(w->loop, two);
	a = question_ask(w, cece, NULL, false, text); /* never the asker itself */
	assert_string_equal(a->parts[0].session, "two");
	question_drop(a);
	world_pass(w, SECOND_US);
	session_heard(w->loop, one);
	a = question_ask(w, cece, NULL, false, text);
	assert_string_equal(a->parts[0].session, "two");
	question_drop(a);
	a = question_ask(w, dan, NULL, false, text);
	assert_string_equal(a->parts[0].session, "one");
	question_drop(a);
	world_reopen(w);
	cece = world_session(w, "cece");
	session_heard(w->loop, world_session(w, "one"));
	a = question_ask(w, cece, NULL, false, text);
	assert_string_equal(a->parts[0].session, "two");
	question_drop(a);
	assert_int_equal(world_end(w, world_session(w, "two")), 0);
	a = question_ask(w, cece, NULL, false, text);
	assert_string_equal(a->parts[0].session, "one");
	question_drop(a);
}

static void who_was_not_asked_may_not_answer(void **state)
{
	struct world *w = *state;
	struct session *bob = world_enter(w, "bob"), *cece = world_enter(w, "cece"),
		       *eve = world_enter(w, "eve");
	struct actor user = world_user(WORLD_UID);
	struct ask *a = question_ask(w, cece, bob, true, "x");

	assert_int_equal(question_answer(w, eve, a, "1"), -EACCES);
	assert_int_equal(question_answer(w, cece, a, "1"), -EACCES);
	assert_int_equal(ask_may_answer(w->loop, &user, &a->item, &w->error), -EACCES);
	assert_string_equal(question_result(w, a), "EAGAIN");
	assert_int_equal(question_answer(w, bob, a, "1"), 0);
	question_drop(a);
}

static void anyone_may_answer_what_is_for_nobody_and_the_first_counts(void **state)
{
	struct world *w = *state;
	struct session *bob = world_enter(w, "bob"), *cece = world_enter(w, "cece"),
		       *eve = world_enter(w, "eve");
	struct buf lines = BUF_INIT;
	struct ask *a = question_ask(w, cece, NULL, true, "who has the key?");

	assert_non_null(strstr(world_lines(w, &lines, CHANNEL_BROADCAST, ""), "who has the key?"));
	assert_int_equal(question_answer(w, eve, a, "I do"), 0);
	assert_string_equal(question_result(w, a), "I do\n");
	assert_int_equal(question_answer(w, bob, a, "no, I"), 0);
	assert_string_equal(question_result(w, a), "I do\n");
	assert_int_equal(question_told(w, "cece",
				 "{\"request_id\":\"q1\",\"data\":\"no, I\",\"late\":true}"),
		1);
	buf_release(&lines);
	question_drop(a);
}

static void a_deadline_is_kept_to_the_microsecond_of_the_clock(void **state)
{
	struct world *w = *state;
	struct session *bob = world_enter(w, "bob"), *cece = world_enter(w, "cece");
	struct ask *held = question_ask(w, cece, bob, true, "x"),
		   *loose = question_ask(w, cece, bob, false, "y");
	struct ask *given = question_ask(w, cece, bob, true, "{\"data\":1,\"timeout\":\"250ms\"}");
	int64_t now = loop_mono_us(w->loop);

	assert_int_equal(asks_expire(w->loop, now), now + 250000);
	assert_int_equal(asks_expire(w->loop, now + 249999), now + 250000);
	assert_string_equal(question_result(w, given), "EAGAIN");
	assert_int_equal(asks_expire(w->loop, now + 250000), now + 10 * SECOND_US);
	assert_string_equal(question_result(w, given), "ETIMEDOUT");
	assert_int_equal(asks_expire(w->loop, now + 10 * SECOND_US), now + 3600 * SECOND_US);
	assert_string_equal(question_result(w, held), "ETIMEDOUT");
	assert_string_equal(question_result(w, loose), "EAGAIN");
	assert_int_equal(asks_expire(w->loop, now + 3600 * SECOND_US), INT64_MAX);
	assert_int_equal(loose->status, ASK_TIMED_OUT);
	assert_int_equal(
		question_told(w, "cece", "\"reason\":\"timeout\""), 1); /* the detached one's */
	/* A late answer is a message. */
	assert_int_equal(question_answer(w, bob, held, "8080"), 0);
	assert_string_equal(question_result(w, held), "ETIMEDOUT");
	assert_int_equal(question_told(w, "cece", "\"data\":\"8080\",\"late\":true"), 1);
	question_drop(held);
	question_drop(loose);
	question_drop(given);
}

static void closing_cancels_what_has_no_request_id(void **state)
{
	struct world *w = *state;
	struct session *bob = world_enter(w, "bob"), *cece = world_enter(w, "cece");
	struct ask *a = question_ask(w, cece, bob, true, "x");
	struct ask *b = question_ask(w, cece, bob, true, "{\"data\":1,\"request_id\":\"mine\"}");

	question_close(w, a);
	question_close(w, b);
	assert_int_equal(a->status, ASK_CANCELLED);
	assert_string_equal(question_result(w, a), "ECANCELED");
	assert_int_equal(b->status, ASK_OPEN);
	/* Nobody reads it on a descriptor any more, so it goes to the inbox. */
	assert_int_equal(question_answer(w, bob, b, "2"), 0);
	assert_int_equal(question_told(w, "cece", "{\"request_id\":\"mine\",\"data\":\"2\"}"), 1);
	question_drop(a);
	question_drop(b);
}

static void an_end_of_a_session_ends_its_asks(void **state)
{
	struct world *w = *state;
	struct session *bob = world_enter(w, "bob"), *cece = world_enter(w, "cece"),
		       *dan = world_enter(w, "dan");
	struct ask *of_bob = question_ask(w, bob, dan, false, "x"),
		   *to_bob = question_ask(w, cece, bob, true, "y");
	struct ask *first =
		question_ask(w, cece, NULL, true, "{\"data\":1,\"to\":[\"bob\",\"dan\"]}");
	struct ask *all = question_ask(
		w, cece, NULL, true, "{\"data\":1,\"to\":[\"bob\",\"dan\"],\"wait\":\"all\"}");

	assert_int_equal(question_answer(w, bob, all, "yes"), 0);
	assert_int_equal(world_end(w, bob), 0);
	assert_int_equal(of_bob->status, ASK_CANCELLED);
	assert_string_equal(question_result(w, to_bob), "EHOSTDOWN");
	assert_string_equal(w->error.text, "q2: session bob has ended");
	assert_string_equal(question_result(w, first), "EAGAIN");
	assert_string_equal(question_result(w, all), "EAGAIN");
	assert_int_equal(question_answer(w, dan, first, "me"), 0);
	assert_string_equal(question_result(w, first),
		"{\"session_id\":\"bob\",\"from\":\"bob\",\"error\":\"session bob has "
		"ended\"}\n{\"session_id\":\"dan\",\"from\":\"dan\",\"data\":\"me\"}\n");
	assert_int_equal(world_end(w, dan), 0);
	assert_string_equal(question_result(w, all),
		"{\"session_id\":\"bob\",\"from\":\"bob\",\"data\":\"yes\"}\n"
		"{\"session_id\":\"dan\",\"from\":\"dan\",\"error\":\"session dan has ended\"}\n");
	assert_int_equal(question_open_count(w), 0);
	/* Its asker gone, nobody hears of an answer. */
	assert_int_equal(world_end(w, cece), 0);
	question_drop(of_bob);
	question_drop(to_bob);
	question_drop(first);
	question_drop(all);
}

static void an_answer_to_who_has_gone_is_refused(void **state)
{
	struct world *w = *state;
	struct session *bob = world_enter(w, "bob"), *cece = world_enter(w, "cece");
	struct actor user = world_user(WORLD_UID);
	struct asking how = {.to = bob, .held = true};
	struct ask *a = question_ask(w, cece, bob, true, "x");
	struct item *item;

	assert_int_equal(world_end(w, cece), 0);
	assert_int_equal(question_answer(w, bob, a, "1"), -EHOSTDOWN);
	question_drop(a);
	/* Who has no session has no inbox; but what it reads on a descriptor. */
	assert_int_equal(question_ask_as(w, &user, how, "secret?", &item), 0);
	a = (struct ask *)item;
	assert_int_equal(question_answer(w, bob, a, "psst"), 0);
	assert_string_equal(question_result(w, a), "psst\n");
	assert_int_equal(question_answer(w, bob, a, "more"), -EHOSTDOWN);
	struct buf lines = BUF_INIT;
	assert_null(strstr(world_lines(w, &lines, CHANNEL_ALL, ""), "psst"));
	buf_release(&lines);
	question_drop(a);
}

/* Nobody waits for it: a note to oneself, which is answered like any other question. */
static void a_detached_question_to_oneself_is_a_note(void **state)
{
	struct world *w = *state;
	struct session *cece = world_enter(w, "cece");
	struct ask *a = question_ask(w, cece, cece, false, "which port did I mean?");

	assert_int_equal(question_refused(w, cece, cece, true, "x"), -EDEADLK);
	assert_int_equal(question_told(w, "cece", "which port did I mean?"), 1);
	assert_true(ask_awaits(a, "cece"));
	assert_int_equal(question_answer(w, cece, a, "8080"), 0);
	assert_int_equal(question_told(w, "cece", "{\"request_id\":\"q1\",\"data\":\"8080\"}"), 1);
	assert_string_equal(question_result(w, a), "8080\n");
	question_drop(a);
	/* Who ends takes it along. */
	a = question_ask(w, cece, cece, false, "and the host?");
	assert_int_equal(world_end(w, cece), 0);
	assert_int_equal(a->status, ASK_CANCELLED);
	question_drop(a);
}

static void a_restart_cancels_what_was_held_and_keeps_the_rest(void **state)
{
	struct world *w = *state;
	struct session *bob = world_enter(w, "bob"), *cece = world_enter(w, "cece");
	struct ask *held = question_ask(w, cece, bob, true, "x");
	struct ask *loose = question_ask(w, cece, bob, false,
		"{\"data\":{\"n\":0.10},\"schema\":{\"type\":\"string\"},\"timeout\":60}");
	struct ask *said = question_ask(
		w, cece, NULL, false, "{\"data\":1,\"to\":[\"bob\",\"cece\"],\"wait\":2}");
	struct buf was = BUF_INIT, is = BUF_INIT;
	struct item *item;

	assert_int_equal(question_answer(w, bob, said, "{\"a\": 0.10}"), 0);
	ask_show(loose, true, &was);
	ask_show(said, true, &was);
	question_drop(held);
	question_drop(loose);
	question_drop(said);
	world_reopen(w);
	assert_int_equal(
		((struct ask *)state_item(w->loop->state, ITEM_ASK, "q1"))->status, ASK_CANCELLED);
	for (int i = 2; i <= 3; i++) {
		item = state_item(w->loop->state, ITEM_ASK, i == 2 ? "q2" : "q3");
		assert_non_null(item);
		ask_show((struct ask *)item, true, &is);
	}
	assert_string_equal(is.data, was.data);
	world_pass(w, 61 * SECOND_US);
	asks_expire(w->loop, loop_mono_us(w->loop));
	item = state_item(w->loop->state, ITEM_ASK, "q2");
	assert_int_equal(((struct ask *)item)->status, ASK_TIMED_OUT);
	buf_release(&was);
	buf_release(&is);
}

static void others_see_that_it_is_there_and_not_what_it_says(void **state)
{
	struct world *w = *state;
	struct session *bob = world_enter(w, "bob"), *cece = world_enter(w, "cece");
	struct ask *a =
		question_ask(w, cece, bob, false, "{\"type\":\"vault\",\"data\":\"which port?\"}");
	struct buf out = BUF_INIT, lines = BUF_INIT;

	assert_int_equal(question_answer(w, bob, a, "8080"), 0);
	assert_true(ask_is_for(w->loop->state, a, WORLD_UID));
	assert_false(ask_is_for(w->loop->state, a, OTHER_UID));
	ask_show(a, false, &out);
	assert_null(strstr(out.data, "port"));
	assert_null(strstr(out.data, "vault"));
	assert_null(strstr(out.data, "8080"));
	assert_non_null(strstr(out.data, "\"status\":\"answered\""));
	world_lines(w, &lines, CHANNEL_ALL, "");
	assert_null(strstr(lines.data, "port"));
	assert_null(strstr(lines.data, "8080"));
	buf_release(&out);
	buf_release(&lines);
	question_drop(a);
}

static void public_ones_count_as_broadcasts(void **state)
{
	struct world *w = *state;
	struct session *cece = world_enter(w, "cece");

	world_enter(w, "bob");
	for (int i = 0; i < 10; i++)
		question_drop(question_ask(w, cece, NULL, false, "anyone?"));
	assert_int_equal(question_refused(w, cece, NULL, false, "anyone?"), -EDQUOT);
	assert_int_equal(
		question_refused(w, cece, NULL, false, "{\"data\":1,\"to\":\"*\"}"), -EDQUOT);
	for (int i = 0; i < 50; i++)
		question_drop(question_ask(w, cece, NULL, false, "{\"data\":1,\"to\":\"bob\"}"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_answer_is_read_as_it_was_written),
		TEST(a_detached_asks_answer_is_in_the_askers_inbox),
		TEST(a_request_id_is_its_own),
		TEST(what_is_no_question_is_refused_with_its_member),
		TEST(whom_it_is_to_must_live),
		TEST(a_tag_goes_to_the_same_one_while_it_lives),
		TEST(who_was_not_asked_may_not_answer),
		TEST(anyone_may_answer_what_is_for_nobody_and_the_first_counts),
		TEST(a_deadline_is_kept_to_the_microsecond_of_the_clock),
		TEST(closing_cancels_what_has_no_request_id),
		TEST(an_end_of_a_session_ends_its_asks),
		TEST(an_answer_to_who_has_gone_is_refused),
		TEST(a_detached_question_to_oneself_is_a_note),
		TEST(a_restart_cancels_what_was_held_and_keeps_the_rest),
		TEST(others_see_that_it_is_there_and_not_what_it_says),
		TEST(public_ones_count_as_broadcasts),
	};

	return cmocka_run_group_tests_name("ask", tests, NULL, NULL);
}
