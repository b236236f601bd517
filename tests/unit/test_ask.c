/* Asks: who is asked, how they end, in which order whatever comes. The clock stands still until it
 * is moved. */
#include "core/base/framer.h"
#include "core/base/json.h"
#include "core/item/ask.h"
#include "tests/unit/world.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct session *enter(struct world *w, const char *id)
{
	char text[200];
	struct session *s;

	snprintf(text, sizeof(text), "{\"agent_name\":\"%s\",\"session_id\":\"%s\"}", id, id);
	s = world_register(w, WORLD_UID, text);
	assert_non_null(s);
	return s;
}

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

static struct message message_of(const char *text, struct json **json)
{
	*json = NULL;
	if (text[0] == '{')
		assert_int_equal(json_parse(text, strlen(text), json, NULL), 0);
	return (struct message){.text = text, .len = strlen(text), .json = *json};
}

/* Asks; the item is held for the caller where it was taken. */
static int ask_as(struct world *w, const struct actor *actor, struct asking how, const char *text,
	struct item **out)
{
	struct burst burst = {0};
	struct act *act = NULL;
	struct json *json;
	struct message m = message_of(text, &json);
	int r;

	how.burst = &burst;
	r = ask_new(w->loop, actor, &m, &how, &act, &w->error);
	json_free(json);
	if (!r)
		r = loop_call(w->loop, &act->command, &w->error);
	if (!r && out) {
		*out = ask_made(w->loop, act);
		assert_non_null(*out);
	}
	act_free(act);
	return r;
}

/* Asks, held or not; to: NULL: as the text has it. */
static struct ask *ask(
	struct world *w, struct session *from, struct session *to, bool held, const char *text)
{
	struct actor actor = world_actor(from);
	struct asking how = {.to = to, .held = held};
	struct item *item = NULL;
	int r = ask_as(w, &actor, how, text, &item);

	if (r)
		fail_msg("%s: %s", text, w->error.text);
	if (held)
		atomic_fetch_add(&((struct ask *)item)->readers, 1);
	return (struct ask *)item;
}

static int refused(
	struct world *w, struct session *from, struct session *to, bool held, const char *text)
{
	struct actor actor = world_actor(from);
	struct asking how = {.to = to, .held = held};

	w->error.text[0] = '\0';
	return ask_as(w, &actor, how, text, NULL);
}

static int answer_to(
	struct world *w, struct session *by, struct ask *a, bool error, const char *text)
{
	struct actor actor = world_actor(by);
	struct act *act = NULL;
	struct json *json;
	struct message m = message_of(text, &json);
	int r = ask_may_answer(w->loop, &actor, &a->item, &w->error);

	if (!r)
		r = ask_answer(w->loop, &actor, &a->item, &m, error, &act, &w->error);
	json_free(json);
	return world_do(w, r, r ? NULL : act);
}

static int answer(struct world *w, struct session *by, struct ask *a, const char *text)
{
	return answer_to(w, by, a, false, text);
}

/* What its asker reads: the answer, or the errno's name. */
static const char *result(struct world *w, struct ask *a)
{
	static struct buf out;
	int r;

	buf_release(&out);
	state_rdlock(w->loop);
	r = ask_result(a, &out, &w->error);
	state_unlock(w->loop);
	return r ? strerrorname_np(-r) : out.data ? out.data : "";
}

static void close_descriptor(struct world *w, struct ask *a)
{
	struct act *act;
	int r;

	atomic_fetch_sub(&a->readers, 1);
	r = ask_closed(w->loop, &a->item, &act);
	assert_int_equal(world_do(w, r, act), 0);
}

static void drop(struct ask *a)
{
	item_unref(&a->item);
}

static size_t open_count(struct world *w)
{
	return w->loop->state->items.open[ITEM_ASK].count;
}

/* How many lines of an inbox's direct part hold the text. */
static int told(struct world *w, const char *session, const char *text)
{
	struct buf lines = BUF_INIT;
	const char *at = world_lines(w, &lines, CHANNEL_TO, session);
	int n = 0;

	while ((at = strstr(at, text)))
		at++, n++;
	buf_release(&lines);
	return n;
}

static void an_answer_is_read_as_it_was_written(void **state)
{
	struct world *w = *state;
	struct session *bob = enter(w, "bob"), *cece = enter(w, "cece");
	static const char *const texts[][2] = {
		{"8080", "8080\n"},
		{"two\nlines", "two\nlines\n"},
		{"say \"hi\" \\ \xc3\xa9", "say \"hi\" \\ \xc3\xa9\n"},
		{"{\"port\": 8080,\n \"n\": 0.1}", "{\"port\": 8080,\n \"n\": 0.1}\n"},
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct ask *a = ask(w, cece, bob, true, "which port?");

		assert_string_equal(result(w, a), "EAGAIN");
		assert_int_equal(answer(w, bob, a, texts[i][0]), 0);
		assert_string_equal(result(w, a), texts[i][1]);
		assert_string_equal(result(w, a), texts[i][1]);
		assert_int_equal(a->status, ASK_ANSWERED);
		assert_true(a->item.closed_us != 0);
		drop(a);
	}
	assert_int_equal(open_count(w), 0);
	assert_int_equal(told(w, "bob", "ask.asked"), 4);
	/* Read on a descriptor, the answers are no inbox's. */
	assert_int_equal(told(w, "cece", "ask.answered"), 0);
}

static void a_detached_asks_answer_is_in_the_askers_inbox(void **state)
{
	struct world *w = *state;
	struct session *bob = enter(w, "bob"), *cece = enter(w, "cece");
	struct ask *a = ask(w, cece, bob, false, "which port?");
	struct ask *b = ask(w, cece, bob, false, "{\"data\":\"and host?\",\"request_id\":\"h\"}");

	assert_int_equal(answer(w, bob, a, "8080"), 0);
	assert_int_equal(answer_to(w, bob, b, true, "no idea"), 0);
	assert_int_equal(told(w, "cece", "\"data\":{\"request_id\":\"q1\",\"data\":\"8080\"}"), 1);
	assert_int_equal(told(w, "cece", "\"reason\":\"error\",\"error\":\"no idea\""), 1);
	assert_string_equal(result(w, b), "EREMOTEIO");
	assert_string_equal(w->error.text, "h: no idea");
	drop(a);
	drop(b);
}

static void a_request_id_is_its_own(void **state)
{
	struct world *w = *state;
	struct session *bob = enter(w, "bob"), *cece = enter(w, "cece");
	struct ask *a = ask(w, cece, bob, false, "{\"data\":1,\"request_id\":\"q2\"}");
	struct ask *b = ask(w, cece, bob, false, "x"), *c = ask(w, cece, bob, false, "y");

	assert_string_equal(a->item.id, "q2");
	assert_string_equal(b->item.id, "q1");
	assert_string_equal(c->item.id, "q3"); /* q2 is taken */
	assert_int_equal(
		refused(w, cece, bob, false, "{\"data\":1,\"request_id\":\"q2\"}"), -EEXIST);
	assert_int_equal(answer(w, bob, a, "1"), 0);
	assert_int_equal(
		refused(w, cece, bob, false, "{\"data\":1,\"request_id\":\"q2\"}"), -EEXIST);
	static const char *const bad[] = {"new", "answer", "a/b", "", "a b"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char text[100];

		snprintf(text, sizeof(text), "{\"data\":1,\"request_id\":\"%s\"}", bad[i]);
		assert_int_equal(refused(w, cece, bob, false, text), -EINVAL);
	}
	drop(a);
	drop(b);
	drop(c);
}

static void what_is_no_question_is_refused_with_its_member(void **state)
{
	struct world *w = *state;
	struct session *cece = enter(w, "cece");
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
		assert_int_equal(refused(w, cece, NULL, false, bad[i][0]), -EINVAL);
		assert_memory_equal(w->error.text, bad[i][1], strlen(bad[i][1]));
	}
	assert_int_equal(refused(w, cece, NULL, false, "{\"data\":1,\"from\":\"bob\"}"), -EACCES);
	assert_int_equal(open_count(w), 0);
}

static void whom_it_is_to_must_live(void **state)
{
	struct world *w = *state;
	struct session *bob = enter(w, "bob"), *cece = enter(w, "cece");
	struct ask *a;

	assert_int_equal(refused(w, cece, NULL, false, "{\"data\":1,\"to\":\"eve\"}"), -ENOENT);
	assert_int_equal(refused(w, cece, NULL, false, "{\"data\":1,\"to\":\"tag:x\"}"), -ENOENT);
	assert_int_equal(
		refused(w, cece, NULL, false, "{\"data\":1,\"to\":[\"bob\",\"eve\"]}"), -ENOENT);
	assert_int_equal(world_end(w, bob), 0);
	assert_int_equal(refused(w, cece, NULL, false, "{\"data\":1,\"to\":\"bob\"}"), -EHOSTDOWN);
	assert_int_equal(refused(w, cece, bob, false, "x"), -EHOSTDOWN);
	/* The agent has another session. */
	assert_non_null(
		world_register(w, WORLD_UID, "{\"agent_name\":\"Bob\",\"session_id\":\"b2\"}"));
	a = ask(w, cece, NULL, false, "{\"data\":1,\"to\":\"bob\"}");
	assert_string_equal(a->parts[0].session, "b2");
	drop(a);
}

static void a_tag_goes_to_the_same_one_while_it_lives(void **state)
{
	struct world *w = *state;
	struct session *cece = enter_tagged(w, "cece", "p"), *dan = enter(w, "dan");
	struct session *one = enter_tagged(w, "one", "p"), *two = enter_tagged(w, "two", "p");
	const char *text = "{\"data\":1,\"to\":\"tag:p\"}";
	struct ask *a;

	world_pass(w, SECOND_US);
	session_heard(w->loop, two);
	a = ask(w, cece, NULL, false, text); /* never the asker itself */
	assert_string_equal(a->parts[0].session, "two");
	drop(a);
	world_pass(w, SECOND_US);
	session_heard(w->loop, one);
	a = ask(w, cece, NULL, false, text);
	assert_string_equal(a->parts[0].session, "two");
	drop(a);
	a = ask(w, dan, NULL, false, text);
	assert_string_equal(a->parts[0].session, "one");
	drop(a);
	world_reopen(w);
	cece = world_session(w, "cece");
	session_heard(w->loop, world_session(w, "one"));
	a = ask(w, cece, NULL, false, text);
	assert_string_equal(a->parts[0].session, "two");
	drop(a);
	assert_int_equal(world_end(w, world_session(w, "two")), 0);
	a = ask(w, cece, NULL, false, text);
	assert_string_equal(a->parts[0].session, "one");
	drop(a);
}

static void who_was_not_asked_may_not_answer(void **state)
{
	struct world *w = *state;
	struct session *bob = enter(w, "bob"), *cece = enter(w, "cece"), *eve = enter(w, "eve");
	struct actor user = world_user(WORLD_UID);
	struct ask *a = ask(w, cece, bob, true, "x");

	assert_int_equal(answer(w, eve, a, "1"), -EACCES);
	assert_int_equal(answer(w, cece, a, "1"), -EACCES);
	assert_int_equal(ask_may_answer(w->loop, &user, &a->item, &w->error), -EACCES);
	assert_string_equal(result(w, a), "EAGAIN");
	assert_int_equal(answer(w, bob, a, "1"), 0);
	drop(a);
}

static void anyone_may_answer_what_is_for_nobody_and_the_first_counts(void **state)
{
	struct world *w = *state;
	struct session *bob = enter(w, "bob"), *cece = enter(w, "cece"), *eve = enter(w, "eve");
	struct buf lines = BUF_INIT;
	struct ask *a = ask(w, cece, NULL, true, "who has the key?");

	assert_non_null(strstr(world_lines(w, &lines, CHANNEL_BROADCAST, ""), "who has the key?"));
	assert_int_equal(answer(w, eve, a, "I do"), 0);
	assert_string_equal(result(w, a), "I do\n");
	assert_int_equal(answer(w, bob, a, "no, I"), 0);
	assert_string_equal(result(w, a), "I do\n");
	assert_int_equal(
		told(w, "cece", "{\"request_id\":\"q1\",\"data\":\"no, I\",\"late\":true}"), 1);
	buf_release(&lines);
	drop(a);
}

static void a_deadline_is_kept_to_the_microsecond_of_the_clock(void **state)
{
	struct world *w = *state;
	struct session *bob = enter(w, "bob"), *cece = enter(w, "cece");
	struct ask *held = ask(w, cece, bob, true, "x"), *loose = ask(w, cece, bob, false, "y");
	struct ask *given = ask(w, cece, bob, true, "{\"data\":1,\"timeout\":\"250ms\"}");
	int64_t now = loop_mono_us(w->loop);

	assert_int_equal(asks_expire(w->loop, now), now + 250000);
	assert_int_equal(asks_expire(w->loop, now + 249999), now + 250000);
	assert_string_equal(result(w, given), "EAGAIN");
	assert_int_equal(asks_expire(w->loop, now + 250000), now + 10 * SECOND_US);
	assert_string_equal(result(w, given), "ETIMEDOUT");
	assert_int_equal(asks_expire(w->loop, now + 10 * SECOND_US), now + 3600 * SECOND_US);
	assert_string_equal(result(w, held), "ETIMEDOUT");
	assert_string_equal(result(w, loose), "EAGAIN");
	assert_int_equal(asks_expire(w->loop, now + 3600 * SECOND_US), INT64_MAX);
	assert_int_equal(loose->status, ASK_TIMED_OUT);
	assert_int_equal(told(w, "cece", "\"reason\":\"timeout\""), 1); /* the detached one's */
	/* A late answer is a message. */
	assert_int_equal(answer(w, bob, held, "8080"), 0);
	assert_string_equal(result(w, held), "ETIMEDOUT");
	assert_int_equal(told(w, "cece", "\"data\":\"8080\",\"late\":true"), 1);
	drop(held);
	drop(loose);
	drop(given);
}

static void closing_cancels_what_has_no_request_id(void **state)
{
	struct world *w = *state;
	struct session *bob = enter(w, "bob"), *cece = enter(w, "cece");
	struct ask *a = ask(w, cece, bob, true, "x");
	struct ask *b = ask(w, cece, bob, true, "{\"data\":1,\"request_id\":\"mine\"}");

	close_descriptor(w, a);
	close_descriptor(w, b);
	assert_int_equal(a->status, ASK_CANCELLED);
	assert_string_equal(result(w, a), "ECANCELED");
	assert_int_equal(b->status, ASK_OPEN);
	/* Nobody reads it on a descriptor any more, so it goes to the inbox. */
	assert_int_equal(answer(w, bob, b, "2"), 0);
	assert_int_equal(told(w, "cece", "{\"request_id\":\"mine\",\"data\":\"2\"}"), 1);
	drop(a);
	drop(b);
}

static void an_end_of_a_session_ends_its_asks(void **state)
{
	struct world *w = *state;
	struct session *bob = enter(w, "bob"), *cece = enter(w, "cece"), *dan = enter(w, "dan");
	struct ask *of_bob = ask(w, bob, dan, false, "x"), *to_bob = ask(w, cece, bob, true, "y");
	struct ask *first = ask(w, cece, NULL, true, "{\"data\":1,\"to\":[\"bob\",\"dan\"]}");
	struct ask *all =
		ask(w, cece, NULL, true, "{\"data\":1,\"to\":[\"bob\",\"dan\"],\"wait\":\"all\"}");

	assert_int_equal(answer(w, bob, all, "yes"), 0);
	assert_int_equal(world_end(w, bob), 0);
	assert_int_equal(of_bob->status, ASK_CANCELLED);
	assert_string_equal(result(w, to_bob), "EHOSTDOWN");
	assert_string_equal(w->error.text, "q2: session bob has ended");
	assert_string_equal(result(w, first), "EAGAIN");
	assert_string_equal(result(w, all), "EAGAIN");
	assert_int_equal(answer(w, dan, first, "me"), 0);
	assert_string_equal(result(w, first),
		"{\"session_id\":\"bob\",\"from\":\"bob\",\"error\":\"session bob has "
		"ended\"}\n{\"session_id\":\"dan\",\"from\":\"dan\",\"data\":\"me\"}\n");
	assert_int_equal(world_end(w, dan), 0);
	assert_string_equal(result(w, all),
		"{\"session_id\":\"bob\",\"from\":\"bob\",\"data\":\"yes\"}\n"
		"{\"session_id\":\"dan\",\"from\":\"dan\",\"error\":\"session dan has ended\"}\n");
	assert_int_equal(open_count(w), 0);
	/* Its asker gone, nobody hears of an answer. */
	assert_int_equal(world_end(w, cece), 0);
	drop(of_bob);
	drop(to_bob);
	drop(first);
	drop(all);
}

static void an_answer_to_who_has_gone_is_refused(void **state)
{
	struct world *w = *state;
	struct session *bob = enter(w, "bob"), *cece = enter(w, "cece");
	struct actor user = world_user(WORLD_UID);
	struct asking how = {.to = bob, .held = true};
	struct ask *a = ask(w, cece, bob, true, "x");
	struct item *item;

	assert_int_equal(world_end(w, cece), 0);
	assert_int_equal(answer(w, bob, a, "1"), -EHOSTDOWN);
	drop(a);
	/* Who has no session has no inbox; but what it reads on a descriptor. */
	assert_int_equal(ask_as(w, &user, how, "secret?", &item), 0);
	a = (struct ask *)item;
	assert_int_equal(answer(w, bob, a, "psst"), 0);
	assert_string_equal(result(w, a), "psst\n");
	assert_int_equal(answer(w, bob, a, "more"), -EHOSTDOWN);
	struct buf lines = BUF_INIT;
	assert_null(strstr(world_lines(w, &lines, CHANNEL_ALL, ""), "psst"));
	buf_release(&lines);
	drop(a);
}

static void several_answer_as_lines(void **state)
{
	struct world *w = *state;
	struct session *a = enter(w, "a"), *b = enter(w, "b"), *c = enter(w, "c");
	struct session *cece = enter(w, "cece");
	struct ask *two =
		ask(w, cece, NULL, true, "{\"data\":1,\"to\":[\"a\",\"b\",\"c\"],\"wait\":2}");
	struct ask *star = ask(w, cece, NULL, true, "{\"data\":1,\"to\":\"*\",\"wait\":\"all\"}");
	struct ask *none = ask(w, cece, NULL, true, "{\"data\":1,\"to\":[\"a\",\"b\",\"a\"]}");

	assert_int_equal(none->part_count, 2);
	assert_int_equal(star->part_count, 3); /* not the asker, and no person */
	assert_int_equal(answer(w, a, two, "yes"), 0);
	assert_int_equal(answer_to(w, b, two, true, "busy"), 0);
	assert_string_equal(result(w, two), "EAGAIN");
	assert_int_equal(answer(w, c, two, "{\"ok\": true}"), 0);
	assert_string_equal(result(w, two),
		"{\"session_id\":\"a\",\"from\":\"a\",\"data\":\"yes\"}\n"
		"{\"session_id\":\"b\",\"from\":\"b\",\"error\":\"busy\"}\n"
		"{\"session_id\":\"c\",\"from\":\"c\",\"data\":{\"ok\":true}}\n");
	assert_int_equal(answer_to(w, a, star, true, "no"), 0);
	assert_int_equal(answer_to(w, b, star, true, "no"), 0);
	assert_int_equal(answer_to(w, c, star, true, "never"), 0);
	assert_string_equal(result(w, star), "EREMOTEIO");
	assert_int_equal(answer_to(w, a, none, true, "no"), 0);
	assert_string_equal(result(w, none), "EAGAIN");
	assert_int_equal(answer(w, b, none, "7"), 0);
	assert_int_equal(open_count(w), 0);
	drop(two);
	drop(star);
	drop(none);
}

static void what_no_longer_can_be_answered_by_enough_has_failed(void **state)
{
	struct world *w = *state;
	struct session *a = enter(w, "a"), *b = enter(w, "b"), *cece = enter(w, "cece");
	struct ask *two = ask(w, cece, NULL, true, "{\"data\":1,\"to\":[\"a\",\"b\"],\"wait\":2}");

	assert_int_equal(answer(w, b, two, "yes"), 0);
	assert_int_equal(answer_to(w, a, two, true, "busy"), 0);
	assert_string_equal(result(w, two), "EREMOTEIO");
	drop(two);
}

static void more_may_follow_an_answer(void **state)
{
	struct world *w = *state;
	struct session *bob = enter(w, "bob"), *cece = enter(w, "cece");
	struct ask *a = ask(w, cece, bob, true, "x"), *b;

	assert_int_equal(answer(w, bob, a, "{\"data\":\"half\",\"more\":true}"), 0);
	assert_string_equal(result(w, a), "{\"data\":\"half\",\"more\":true}\n");
	assert_int_equal(open_count(w), 1);
	close_descriptor(w, a); /* it is answered: no cancelling */
	assert_int_equal(answer(w, bob, a, "{\"data\":\"three quarters\",\"more\":true}"), 0);
	assert_int_equal(open_count(w), 1);
	assert_int_equal(answer(w, bob, a, "whole"), 0);
	assert_int_equal(open_count(w), 0);
	assert_int_equal(told(w, "cece", "message.direct"), 2);
	assert_int_equal(told(w, "cece", "{\"request_id\":\"q1\",\"data\":\"whole\"}"), 1);
	assert_int_equal(a->status, ASK_ANSWERED);
	/* Or none comes: the time ends it, and it was answered. */
	b = ask(w, cece, bob, true, "x");
	assert_int_equal(answer(w, bob, b, "{\"data\":\"half\",\"more\":true}"), 0);
	asks_expire(w->loop, loop_mono_us(w->loop) + 10 * SECOND_US);
	assert_int_equal(b->status, ASK_ANSWERED);
	assert_int_equal(open_count(w), 0);
	drop(a);
	drop(b);
}

static void an_answer_is_held_to_the_schema(void **state)
{
	struct world *w = *state;
	struct session *bob = enter(w, "bob"), *cece = enter(w, "cece");
	struct ask *a = ask(w, cece, bob, true,
		"{\"data\":\"port?\",\"schema\":{\"type\":\"integer\",\"maximum\":65535}}");
	struct ask *b = ask(w, cece, bob, true,
		"{\"data\":\"who?\",\"schema\":{\"type\":\"object\",\"required\":[\"name\"]}}");

	assert_int_equal(answer(w, bob, a, "eighty"), -EINVAL);
	assert_int_equal(answer(w, bob, a, "70000"), -EINVAL);
	assert_non_null(strstr(w->error.text, "answer"));
	assert_string_equal(result(w, a), "EAGAIN");
	assert_int_equal(answer(w, bob, a, "{\"replyTo\":\"q1\",\"data\":\"8080\"}"), -EINVAL);
	assert_int_equal(answer(w, bob, a, "8080"), 0);
	assert_string_equal(result(w, a), "8080\n");
	assert_int_equal(answer(w, bob, b, "{\"nme\":1}"), -EINVAL);
	assert_int_equal(answer(w, bob, b, "{\"more\":true,\"data\":{\"name\":1}}"), 0);
	drop(a);
	drop(b);
}

static void luca_is_understood(void **state)
{
	struct world *w = *state;
	struct session *bob = enter(w, "bob"), *cece = enter(w, "cece");
	const char *text = "{\"type\":\"add\",\"data\":{\"a\":3,\"b\":4},\"requestId\":\"r-1\"}";
	struct ask *a = ask(w, cece, bob, true, text), *b;
	struct actor actor = world_actor(bob);
	struct json *json;
	struct message m;

	assert_int_equal(answer(w, bob, a, "{\"replyTo\":\"r-2\",\"data\":7}"), -EINVAL);
	assert_int_equal(answer(w, bob, a, "{\"replyTo\":\"r-1\",\"data\":7}"), 0);
	assert_string_equal(result(w, a), "{\"replyTo\":\"r-1\",\"data\":7}\n");
	b = ask(w, cece, bob, true, "{\"type\":\"x\",\"requestId\":\"r-3\"}");
	m = message_of("{\"replyTo\":\"r-3\",\"error\":\"no\"}", &json);
	assert_true(ask_is_answer(w->loop, &actor, cece, &m));
	assert_false(ask_is_answer(w->loop, &actor, bob, &m));
	json_free(json);
	assert_int_equal(answer(w, bob, b, "{\"replyTo\":\"r-3\",\"error\":\"no\"}"), 0);
	assert_string_equal(result(w, b), "{\"replyTo\":\"r-3\",\"error\":\"no\"}\n");
	assert_int_equal(b->status, ASK_FAILED);
	drop(a);
	drop(b);
}

static void a_restart_cancels_what_was_held_and_keeps_the_rest(void **state)
{
	struct world *w = *state;
	struct session *bob = enter(w, "bob"), *cece = enter(w, "cece");
	struct ask *held = ask(w, cece, bob, true, "x");
	struct ask *loose = ask(w, cece, bob, false,
		"{\"data\":{\"n\":0.10},\"schema\":{\"type\":\"string\"},\"timeout\":60}");
	struct ask *said =
		ask(w, cece, NULL, false, "{\"data\":1,\"to\":[\"bob\",\"cece\"],\"wait\":2}");
	struct buf was = BUF_INIT, is = BUF_INIT;
	struct item *item;

	assert_int_equal(answer(w, bob, said, "{\"a\": 0.10}"), 0);
	ask_show(loose, true, &was);
	ask_show(said, true, &was);
	drop(held);
	drop(loose);
	drop(said);
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

/* Whether reads wait, as the mount would tell. */
static bool everyone_waits(void *arg, const struct item *item)
{
	(void)arg, (void)item;
	return true;
}

static void watch(struct world *w, bool (*waits)(void *arg, const struct item *))
{
	const struct asks_watcher watcher = {.waits = waits};

	asks_watch(w->loop, &watcher);
}

static void a_ring_is_refused_to_who_closes_it(void **state)
{
	struct world *w = *state;
	struct session *s[12];
	struct ask *asks[12];
	char id[16];

	watch(w, everyone_waits);
	for (int i = 0; i < 12; i++) {
		snprintf(id, sizeof(id), "s%d", i);
		s[i] = enter(w, id);
	}
	for (int n = 1; n <= 12; n++) {
		for (int i = 0; i < n - 1; i++)
			asks[i] = ask(w, s[i], s[i + 1], true, "x");
		assert_int_equal(refused(w, s[n - 1], s[0], true, "x"), -EDEADLK);
		/* Detached it waits for nobody; nor where one of them is read for. */
		drop(ask(w, s[n - 1], s[0], false, "x"));
		for (int i = 0; i < n; i++) {
			struct ask *a;

			atomic_fetch_add(&s[i]->reading, 1);
			a = ask(w, s[n - 1], s[0], true, "x");
			atomic_fetch_sub(&s[i]->reading, 1);
			close_descriptor(w, a);
			drop(a);
		}
		for (int i = 0; i < n - 1; i++) {
			close_descriptor(w, asks[i]);
			drop(asks[i]);
		}
	}
	asks_watch(w->loop, NULL);
}

static void a_ring_through_several_needs_all_of_its_ways(void **state)
{
	struct world *w = *state;
	struct session *a = enter(w, "a"), *b = enter(w, "b"), *c = enter(w, "c");
	struct ask *first, *second;

	watch(w, everyone_waits);
	/* b can be answered by c. */
	first = ask(w, b, NULL, true, "{\"data\":1,\"to\":[\"a\",\"c\"]}");
	second = ask(w, a, b, true, "x");
	close_descriptor(w, second);
	drop(second);
	/* And not any more once c waits, too. */
	second = ask(w, c, b, true, "x");
	assert_int_equal(refused(w, a, b, true, "x"), -EDEADLK);
	close_descriptor(w, first);
	drop(first);
	close_descriptor(w, second);
	drop(second);
	first = ask(w, b, NULL, true, "{\"data\":1,\"to\":[\"a\",\"c\"],\"wait\":\"all\"}");
	assert_int_equal(refused(w, a, b, true, "x"), -EDEADLK);
	drop(first);
	asks_watch(w->loop, NULL);
}

static bool nobody_waits(void *arg, const struct item *item)
{
	return arg && ((const struct ask *)item)->item.session[0] == 0;
}

static void a_ring_of_reads_breaks_at_the_last(void **state)
{
	struct world *w = *state;
	struct session *a = enter(w, "a"), *b = enter(w, "b");
	struct ask *ab, *ba;

	watch(w, nobody_waits);
	ab = ask(w, a, b, true, "x");
	ba = ask(w, b, a, true, "x"); /* a doesn't read yet, and could answer */
	watch(w, everyone_waits);
	ask_waits(w->loop, &ba->item);
	assert_string_equal(result(w, ba), "EDEADLK");
	assert_string_equal(result(w, ab), "EAGAIN");
	ask_waits(w->loop, &ab->item); /* the ring is broken */
	assert_string_equal(result(w, ab), "EAGAIN");
	assert_int_equal(answer(w, b, ab, "1"), 0);
	drop(ab);
	drop(ba);
	asks_watch(w->loop, NULL);
}

static void what_was_asked_before_on_a_descriptor_is_cancelled(void **state)
{
	struct world *w = *state;
	struct session *bob = enter(w, "bob"), *cece = enter(w, "cece");
	struct actor actor = world_actor(cece);
	struct ask *a = ask(w, cece, bob, true, "x");
	struct asking how = {.to = bob, .held = true, .instead = &a->item};
	struct item *item;

	assert_int_equal(ask_as(w, &actor, how, "y", &item), 0);
	assert_int_equal(a->status, ASK_CANCELLED);
	assert_int_equal(((struct ask *)item)->status, ASK_OPEN);
	item_unref(item);
	drop(a);
}

static void others_see_that_it_is_there_and_not_what_it_says(void **state)
{
	struct world *w = *state;
	struct session *bob = enter(w, "bob"), *cece = enter(w, "cece");
	struct ask *a = ask(w, cece, bob, false, "{\"type\":\"vault\",\"data\":\"which port?\"}");
	struct buf out = BUF_INIT, lines = BUF_INIT;

	assert_int_equal(answer(w, bob, a, "8080"), 0);
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
	drop(a);
}

static void public_ones_count_as_broadcasts(void **state)
{
	struct world *w = *state;
	struct session *cece = enter(w, "cece");

	enter(w, "bob");
	for (int i = 0; i < 10; i++)
		drop(ask(w, cece, NULL, false, "anyone?"));
	assert_int_equal(refused(w, cece, NULL, false, "anyone?"), -EDQUOT);
	assert_int_equal(refused(w, cece, NULL, false, "{\"data\":1,\"to\":\"*\"}"), -EDQUOT);
	for (int i = 0; i < 50; i++)
		drop(ask(w, cece, NULL, false, "{\"data\":1,\"to\":\"bob\"}"));
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
		TEST(several_answer_as_lines),
		TEST(what_no_longer_can_be_answered_by_enough_has_failed),
		TEST(more_may_follow_an_answer),
		TEST(an_answer_is_held_to_the_schema),
		TEST(luca_is_understood),
		TEST(a_restart_cancels_what_was_held_and_keeps_the_rest),
		TEST(a_ring_is_refused_to_who_closes_it),
		TEST(a_ring_through_several_needs_all_of_its_ways),
		TEST(a_ring_of_reads_breaks_at_the_last),
		TEST(what_was_asked_before_on_a_descriptor_is_cancelled),
		TEST(others_see_that_it_is_there_and_not_what_it_says),
		TEST(public_ones_count_as_broadcasts),
	};

	return cmocka_run_group_tests_name("ask", tests, NULL, NULL);
}
