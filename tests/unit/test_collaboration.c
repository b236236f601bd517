/* Collaborations: who takes part, what is said and decided, and what stays of it. */
#include "core/base/framer.h"
#include "core/base/json.h"
#include "core/item/collaboration.h"
#include "tests/unit/world.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

typedef int doing(struct loop *, const struct actor *, struct item *, const struct message *,
	struct act **, struct error *);

static int begin(struct loop *loop, const struct actor *actor, struct item *item,
	const struct message *m, struct act **act, struct error *err)
{
	(void)item;
	return collaboration_begin(loop, actor, m, act, err);
}

static int vote_first(struct loop *loop, const struct actor *actor, struct item *item,
	const struct message *m, struct act **act, struct error *err)
{
	return collaboration_vote(loop, actor, item, 1, m, act, err);
}

static int end(struct loop *loop, const struct actor *actor, struct item *item,
	const struct message *m, struct act **act, struct error *err)
{
	(void)m;
	return collaboration_end(loop, actor, item, act, err);
}

static int as(struct world *w, const struct actor *actor, doing *what, struct item *item,
	const char *text)
{
	struct json *json;
	const struct message m = world_message(text, &json);
	struct act *act = NULL;
	int r = what(w->loop, actor, item, &m, &act, &w->error);

	json_free(json);
	return world_do(w, r, r ? NULL : act);
}

static int by(struct world *w, struct session *s, doing *what, struct item *item, const char *text)
{
	const struct actor actor = world_actor(s);

	return as(w, &actor, what, item, text);
}

static int begin_id(struct world *w, const struct actor *actor, const char *id)
{
	struct act *act = NULL;
	int r = collaboration_begin_id(w->loop, actor, id, &act, &w->error);

	return world_do(w, r, act);
}

static struct collaboration *one(struct world *w, const char *id)
{
	return (struct collaboration *)state_item(w->loop->state, ITEM_COLLABORATION, id);
}

static const char *record(struct world *w, const char *id, struct buf *b)
{
	buf_reset(b);
	collaboration_record(w->loop->state, one(w, id), b);
	assert_int_equal(buf_error(b), 0);
	return b->data;
}

static const char *members(struct world *w, const char *id, struct buf *b)
{
	buf_reset(b);
	collaboration_participants(one(w, id), b);
	return b->data ? b->data : "";
}

static const char *votes(struct world *w, const char *id, struct buf *b)
{
	buf_reset(b);
	assert_true(collaboration_votes(one(w, id), 1, b));
	return b->data;
}

/* The lines of one of its channels. */
static const char *lines(struct world *w, const char *id, enum channel_kind kind, struct buf *b)
{
	char name[ID_MAX + 24];

	snprintf(name, sizeof(name), "%s %lld", id, (long long)one(w, id)->item.began_pos);
	return world_lines(w, b, kind, name);
}

static size_t count(const char *text, const char *what)
{
	size_t n = 0;

	for (; (text = strstr(text, what)); text++)
		n++;
	return n;
}

#define CONTAINS(text, what)                                                                       \
	do {                                                                                       \
		const char *text_ = (text), *what_ = (what);                                       \
		if (!strstr(text_, what_))                                                         \
			fail_msg("%s\nhas no %s", text_, what_);                                   \
	} while (0)

static void it_begins(void **state)
{
	struct world *w = *state;
	struct session *cece = world_register(w, WORLD_UID, "Cece");
	const struct actor user = world_user(WORLD_UID), own = world_actor(cece);
	struct buf b = BUF_INIT;

	assert_int_equal(by(w, cece, begin, NULL, "bob, ann\tagent_3\n"), 0);
	assert_string_equal(members(w, "c1", &b), "Cece\nbob\nann\nagent_3\n");
	CONTAINS(lines(w, "c1", CHANNEL_TOGETHER, &b),
		"\"data\":{\"collaboration\":\"c1\",\"session_type\":\"general\","
		"\"participants\":[\"Cece\",\"bob\",\"ann\",\"agent_3\"]}}");
	assert_int_equal(as(w, &user, begin, NULL,
				 "{\"participants\":[\"agent_1\",\"agent_2\",\"Agent_1\"],"
				 "\"session_type\":\"council\",\"metadata\":{\"n\": 0.10}}"),
		0);
	assert_string_equal(members(w, "c2", &b), "agent_1\nagent_2\n");
	CONTAINS(record(w, "c2", &b), "\"id\":\"c2\",\"session_id\":\"c2\","
				      "\"session_type\":\"council\"");
	CONTAINS(b.data, "\"metadata\":{\"n\":0.10}}");
	CONTAINS(b.data, "\"status\":\"active\",\"activity_count\":1,\"message_count\":0,"
			 "\"decision_count\":0,\"decisions\":[]");
	CONTAINS(b.data, "\"ended_at\":null");
	assert_int_equal(begin_id(w, &own, "login"), 0);
	assert_string_equal(members(w, "login", &b), "Cece\n");
	assert_int_equal(begin_id(w, &own, "login"), -EEXIST);
	assert_int_equal(as(w, &own, begin, NULL, "{\"name\":\"login\"}"), -EEXIST);
	assert_int_equal(as(w, &own, begin, NULL, "{\"session_id\":\"collab_12\"}"), 0);
	assert_non_null(one(w, "collab_12"));
	/* One that names itself takes part once. */
	assert_int_equal(by(w, cece, begin, NULL, "cece bob bob"), 0);
	assert_string_equal(members(w, "c3", &b), "cece\nbob\n");
	buf_release(&b);
}

static const char *const bad[] = {
	"{\"participants\":\"bob\"}",
	"{\"participants\":[1]}",
	"{\"participants\":[\"\"]}",
	"{\"participants\":[\"a\\nb\"]}",
	"{\"participant\":[]}",
	"{\"metadata\":[]}",
	"{\"session_type\":7}",
	"{\"name\":\"a b\"}",
	"{\"name\":\"new\"}",
	"{\"id\":\"\"}",
	"01234567890123456789012345678901234567890123456789012345678901234",
};

static void what_can_be_none_is_refused(void **state)
{
	struct world *w = *state;
	struct session *cece = world_register(w, WORLD_UID, "cece");
	const int64_t last = w->loop->state->last_seq;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (by(w, cece, begin, NULL, bad[i]) != -EINVAL)
			fail_msg("%s: %s", bad[i], w->error.text);
	assert_int_equal(w->loop->state->last_seq, last);
	assert_int_equal(world_end(w, cece), 0);
	assert_int_equal(by(w, cece, begin, NULL, "bob"), -ESTALE);
}

static void they_come_and_go(void **state)
{
	struct world *w = *state;
	struct session *cece = world_register(w, WORLD_UID, "cece");
	struct session *bob = world_register(w, WORLD_UID, "bob");
	struct buf b = BUF_INIT;
	struct item *item;

	assert_int_equal(by(w, cece, begin, NULL, "ann"), 0);
	item = &one(w, "c1")->item;
	assert_int_equal(by(w, bob, collaboration_change, item, "bob"), -EACCES);
	assert_int_equal(by(w, cece, collaboration_change, item, "Bob\n-ann\n"), 0);
	assert_string_equal(members(w, "c1", &b), "cece\nBob\n");
	CONTAINS(lines(w, "c1", CHANNEL_TOGETHER, &b),
		"\"data\":{\"collaboration\":\"c1\",\"added\":[\"Bob\"],\"removed\":[\"ann\"],"
		"\"participants\":[\"cece\",\"Bob\"]}}");
	assert_int_equal(by(w, bob, collaboration_change, item, "[\"eve\", \"Dr. No\"]"), 0);
	assert_int_equal(by(w, bob, collaboration_change, item,
				 "{\"add\":[\"al\"],\"remove\":[\"dr--no\",\"cece\"]}"),
		0);
	assert_string_equal(members(w, "c1", &b), "Bob\neve\nal\n");
	/* Who is there already is no news. */
	const int64_t last = w->loop->state->last_seq;
	assert_int_equal(by(w, bob, collaboration_change, item, "BOB al"), 0);
	assert_int_equal(w->loop->state->last_seq, last);
	assert_int_equal(by(w, bob, collaboration_change, item, "-zoe"), -EINVAL);
	assert_int_equal(by(w, bob, collaboration_change, item, "yan -zoe"), -EINVAL);
	assert_int_equal(by(w, bob, collaboration_change, item, "[\"eve\""), -EINVAL);
	assert_int_equal(by(w, bob, collaboration_change, item, "{\"ad\":[]}"), -EINVAL);
	assert_string_equal(members(w, "c1", &b), "Bob\neve\nal\n");
	/* Who began it may, though it has gone. */
	assert_int_equal(by(w, cece, collaboration_change, item, "cece"), 0);
	assert_true(collaboration_has((struct collaboration *)item, "cece", NULL));
	assert_false(collaboration_has((struct collaboration *)item, "ann", NULL));
	buf_release(&b);
}

static void what_is_said_reaches_the_others(void **state)
{
	struct world *w = *state;
	struct session *cece = world_register(w, WORLD_UID, "cece");
	struct session *bob[2] = {world_register(w, WORLD_UID, "bob"),
		world_register(w, WORLD_UID, "{\"agent_name\":\"Bob\",\"session_id\":\"bob2\"}")};
	struct session *ann = world_register(w, WORLD_UID, "ann");
	struct session *eve = world_register(w, WORLD_UID, "eve");
	struct buf b = BUF_INIT;
	char text[256];
	struct item *item;

	snprintf(text, sizeof(text), "bob %s %s nobody_yet", ann->id, bob[1]->id);
	assert_int_equal(by(w, cece, begin, NULL, text), 0);
	item = &one(w, "c1")->item;
	assert_int_equal(by(w, cece, collaboration_say, item, "hi"), 0);
	snprintf(text, sizeof(text), "\"to\":[\"%s\",\"%s\",\"%s\"]", bob[1]->id, bob[0]->id,
		ann->id);
	CONTAINS(lines(w, "c1", CHANNEL_TALK, &b), text);
	CONTAINS(b.data, "\"data\":{\"collaboration\":\"c1\",\"message\":\"hi\"}}\n");
	for (int i = 0; i < 2; i++)
		assert_int_equal(count(world_lines(w, &b, CHANNEL_TO, bob[i]->id), "\"hi\""), 1);
	assert_int_equal(count(world_lines(w, &b, CHANNEL_TO, ann->id), "\"hi\""), 1);
	assert_int_equal(count(world_lines(w, &b, CHANNEL_TO, cece->id), "\"hi\""), 0);
	assert_int_equal(count(world_lines(w, &b, CHANNEL_SENT, cece->id), "\"hi\""), 1);
	/* Others see that something was said. */
	assert_int_equal(count(lines(w, "c1", CHANNEL_TOGETHER, &b), "\"hi\""), 0);
	CONTAINS(b.data, "\"bytes\":");
	assert_int_equal(by(w, eve, collaboration_say, item, "me too"), -EACCES);
	assert_int_equal(by(w, ann, collaboration_say, item, "{\"a\": [1, 2.50]}"), 0);
	CONTAINS(lines(w, "c1", CHANNEL_TALK, &b),
		"\"data\":{\"collaboration\":\"c1\",\"a\":[1,2.50]}}\n");
	assert_int_equal(by(w, ann, collaboration_say, item, "{}"), 0);
	assert_int_equal(
		by(w, ann, collaboration_say, item, "{\"x\":1,\"collaboration\":\"c1\"}"), 0);
	CONTAINS(lines(w, "c1", CHANNEL_TALK, &b), "\"data\":{\"x\":1,\"collaboration\":\"c1\"}}");
	CONTAINS(b.data, "\"data\":{\"collaboration\":\"c1\"}}\n");
	assert_int_equal(
		by(w, ann, collaboration_say, item, "{\"collaboration\":\"c2\"}"), -EINVAL);
	assert_int_equal(by(w, ann, collaboration_say, item, "{\"collaboration\":null}"), -EINVAL);
	assert_int_equal(by(w, ann, collaboration_say, item, "{\"from\":\"bob\"}"), -EACCES);
	CONTAINS(record(w, "c1", &b), "\"activity_count\":5,\"message_count\":4");
	/* A session that comes later hears what is said later. */
	world_register(w, WORLD_UID, "nobody_yet");
	assert_int_equal(by(w, ann, collaboration_say, item, "welcome"), 0);
	assert_int_equal(count(world_lines(w, &b, CHANNEL_TO_AGENT, "nobody_yet"), "\"seq\""), 1);
	buf_release(&b);
}

static void what_nobody_is_there_for_is_kept(void **state)
{
	struct world *w = *state;
	struct session *cece = world_register(w, WORLD_UID, "cece");
	struct buf b = BUF_INIT;

	assert_int_equal(by(w, cece, begin, NULL, "bob"), 0);
	assert_int_equal(by(w, cece, collaboration_say, &one(w, "c1")->item, "hi"), 0);
	CONTAINS(lines(w, "c1", CHANNEL_TALK, &b), "\"to\":\"c1\"");
	assert_int_equal(count(world_lines(w, &b, CHANNEL_BROADCAST, ""), "\"hi\""), 0);
	assert_int_equal(count(world_lines(w, &b, CHANNEL_TO, cece->id), "\"hi\""), 0);
	assert_int_equal(count(world_lines(w, &b, CHANNEL_ALL, ""), "\"hi\""), 0);
	buf_release(&b);
}

static void who_may_read_what_is_said(void **state)
{
	struct world *w = *state;
	struct session *cece = world_register(w, WORLD_UID, "cece");
	struct session *bob = world_register(w, OTHER_UID, "bob");
	const struct collaboration *c;

	assert_int_equal(by(w, cece, begin, NULL, "ann"), 0);
	c = one(w, "c1");
	assert_true(collaboration_shows(w->loop->state, c, WORLD_UID));
	assert_false(collaboration_shows(w->loop->state, c, OTHER_UID));
	assert_int_equal(by(w, cece, collaboration_change, &one(w, "c1")->item, bob->id), 0);
	assert_true(collaboration_shows(w->loop->state, c, OTHER_UID));
}

static void they_decide_and_vote(void **state)
{
	struct world *w = *state;
	struct session *cece = world_register(w, WORLD_UID, "cece");
	struct session *bob = world_register(w, WORLD_UID, "bob");
	struct session *bob2 =
		world_register(w, WORLD_UID, "{\"agent_name\":\"bob\",\"session_id\":\"bob2\"}");
	struct session *eve = world_register(w, WORLD_UID, "eve");
	struct buf b = BUF_INIT;
	struct item *item;

	assert_int_equal(by(w, cece, begin, NULL, "bob"), 0);
	item = &one(w, "c1")->item;
	assert_int_equal(by(w, bob, vote_first, item, "yes"), -ENOENT);
	assert_int_equal(by(w, cece, collaboration_decide, item, "use \"sqlite\""), 0);
	CONTAINS(lines(w, "c1", CHANNEL_DECISIONS, &b),
		"\"data\":{\"collaboration\":\"c1\",\"n\":1,\"decision\":\"use \\\"sqlite\\\"\","
		"\"proposer\":\"cece\"}}");
	assert_string_equal(
		strstr(votes(w, "c1", &b), "\"votes\""), "\"votes\":{},\"tally\":{}}\n");
	assert_int_equal(by(w, cece, vote_first, item, "yes\n"), 0);
	assert_int_equal(by(w, bob, vote_first, item, " NO "), 0);
	assert_string_equal(strstr(votes(w, "c1", &b), "\"votes\""),
		"\"votes\":{\"cece\":\"yes\",\"bob\":\"no\"},\"tally\":{\"yes\":1,\"no\":1}}\n");
	/* An agent has one vote, which it may change. */
	assert_int_equal(by(w, bob2, vote_first, item, "{\"vote\":\"Yes\"}"), 0);
	assert_string_equal(strstr(votes(w, "c1", &b), "\"votes\""),
		"\"votes\":{\"cece\":\"yes\",\"bob\":\"yes\"},\"tally\":{\"yes\":2}}\n");
	CONTAINS(lines(w, "c1", CHANNEL_DECISIONS, &b),
		"\"data\":{\"collaboration\":\"c1\",\"n\":1,\"vote\":\"yes\",\"by\":\"bob\"}}");
	assert_int_equal(by(w, eve, vote_first, item, "yes"), -EACCES);
	assert_int_equal(by(w, eve, collaboration_decide, item, "x"), -EACCES);
	assert_int_equal(by(w, bob, vote_first, item, "two words"), -EINVAL);
	assert_int_equal(by(w, bob, vote_first, item, "{}"), -EINVAL);
	assert_int_equal(
		by(w, bob, vote_first, item, "012345678901234567890123456789012"), -EINVAL);
	assert_int_equal(by(w, bob, collaboration_decide, item,
				 "{\"decision\":\"two\",\"metadata\":{\"a\": 1}}"),
		0);
	CONTAINS(lines(w, "c1", CHANNEL_DECISIONS, &b),
		"\"n\":2,\"decision\":\"two\",\"proposer\":\"bob\",\"metadata\":{\"a\":1}}}");
	assert_int_equal(by(w, bob, collaboration_decide, item, "{\"text\":\"three\"}"), 0);
	assert_int_equal(by(w, bob, collaboration_decide, item, "{\"txt\":\"x\"}"), -EINVAL);
	assert_int_equal(by(w, bob, collaboration_decide, item, "{\"text\":\"\"}"), -EINVAL);
	assert_int_equal(by(w, bob, collaboration_decide, item, "{\"metadata\":{}}"), -EINVAL);
	CONTAINS(record(w, "c1", &b), "\"activity_count\":7,\"message_count\":0,"
				      "\"decision_count\":3,\"decisions\":[{\"n\":1,\"text\":"
				      "\"use \\\"sqlite\\\"\",\"proposer\":\"cece\",\"at\":\"");
	CONTAINS(b.data, "\"tally\":{\"yes\":2}},{\"n\":2,");
	assert_int_equal(count(lines(w, "c1", CHANNEL_TOGETHER, &b), "\n"), 7);
	assert_int_equal(count(lines(w, "c1", CHANNEL_DECISIONS, &b), "\n"), 6);
	/* Who has left has voted; who began it and takes no part does not. */
	assert_int_equal(by(w, cece, collaboration_change, item, "-cece"), 0);
	assert_int_equal(by(w, cece, vote_first, item, "no"), -EACCES);
	CONTAINS(votes(w, "c1", &b), "\"tally\":{\"yes\":2}");
	buf_release(&b);
}

static void it_ends_and_stays(void **state)
{
	struct world *w = *state;
	struct session *cece = world_register(w, WORLD_UID, "cece");
	struct session *bob = world_register(w, WORLD_UID, "bob");
	struct session *eve = world_register(w, WORLD_UID, "eve");
	const struct actor own = world_actor(cece);
	struct buf b = BUF_INIT;
	struct item *item;
	char id[ID_MAX + 1];

	memcpy(id, bob->id, sizeof(id));
	assert_int_equal(begin_id(w, &own, "login"), 0);
	item = item_ref(&one(w, "login")->item);
	assert_int_equal(by(w, cece, collaboration_change, item, "bob"), 0);
	assert_int_equal(by(w, cece, collaboration_say, item, "hi"), 0);
	assert_int_equal(by(w, cece, collaboration_decide, item, "done"), 0);
	assert_int_equal(collaborations_of(w->loop->state, "bob"), 1);
	assert_null(collaboration_next(w->loop->state, NULL, NULL, bob->id));
	assert_ptr_equal(collaboration_next(w->loop->state, NULL, "bob", NULL), item);
	assert_int_equal(by(w, eve, end, item, ""), -EACCES);
	world_pass(w, 1500000);
	/* The session of who began it may have ended. */
	assert_int_equal(world_end(w, cece), 0);
	assert_int_equal(collaborations_of(w->loop->state, "cece"), 1);
	assert_int_equal(by(w, cece, end, item, ""), -ESTALE);
	assert_int_equal(by(w, bob, end, item, ""), 0);
	CONTAINS(lines(w, "login", CHANNEL_TOGETHER, &b),
		"\"data\":{\"collaboration\":\"login\",\"duration_s\":1.500,\"message_count\":1,"
		"\"decision_count\":1}}");
	assert_int_equal(collaborations_of(w->loop->state, "bob"), 0);
	assert_int_equal(by(w, bob, end, item, ""), -EHOSTDOWN);
	assert_int_equal(by(w, bob, collaboration_say, item, "x"), -EHOSTDOWN);
	assert_int_equal(by(w, bob, collaboration_decide, item, "x"), -EHOSTDOWN);
	assert_int_equal(by(w, bob, vote_first, item, "yes"), -EHOSTDOWN);
	assert_int_equal(by(w, bob, collaboration_change, item, "x"), -EHOSTDOWN);
	CONTAINS(record(w, "login", &b), "\"status\":\"ended\",\"activity_count\":5,");
	assert_int_equal(count(lines(w, "login", CHANNEL_TALK, &b), "\"hi\""), 1);
	item_unref(item); /* its channels are the loop's */
	world_reopen(w);
	CONTAINS(record(w, "login", &b), "\"status\":\"ended\",\"activity_count\":5,");
	assert_int_equal(count(lines(w, "login", CHANNEL_TALK, &b), "\"hi\""), 1);
	/* Another by that name begins with nothing. */
	bob = world_session(w, id);
	assert_int_equal(by(w, bob, begin, NULL, "{\"name\":\"login\"}"), 0);
	CONTAINS(record(w, "login", &b), "\"participants\":[\"bob\"]");
	CONTAINS(b.data, "\"status\":\"active\",\"activity_count\":1,\"message_count\":0,"
			 "\"decision_count\":0,");
	assert_int_equal(count(lines(w, "login", CHANNEL_TALK, &b), "\n"), 0);
	assert_int_equal(w->loop->state->items.closed[ITEM_COLLABORATION].count, 0);
	world_reopen(w);
	CONTAINS(record(w, "login", &b), "\"activity_count\":1,");
	buf_release(&b);
}

static void it_is_forgotten(void **state)
{
	struct world *w = *state;
	struct session *cece = world_register(w, WORLD_UID, "cece");

	assert_int_equal(by(w, cece, begin, NULL, "bob"), 0);
	assert_int_equal(by(w, cece, end, &one(w, "c1")->item, ""), 0);
	world_pass(w, w->config.hold + SECOND_US);
	state_wrlock(w->loop);
	items_forget(w->loop->state, w->clock.wall_us - w->config.hold);
	state_unlock(w->loop);
	assert_null(one(w, "c1"));
	cece = world_register(w, WORLD_UID, "cece"); /* so long a silence has ended the other */
	assert_int_equal(by(w, cece, begin, NULL, "bob"), 0);
	assert_null(one(w, "c1"));
	assert_non_null(one(w, "c2"));
}

static void all_of_it_survives_a_restart(void **state)
{
	struct world *w = *state;
	struct session *cece =
		world_register(w, WORLD_UID, "{\"agent_name\":\"cece\",\"session_id\":\"cece\"}");
	struct buf b = BUF_INIT, was = BUF_INIT, voted = BUF_INIT;
	struct item *item;

	assert_int_equal(by(w, cece, begin, NULL,
				 "{\"participants\":[\"bob\",\"J\\\"x\"],\"metadata\":{\"a\":[1]},"
				 "\"session_type\":\"council\"}"),
		0);
	item = &one(w, "c1")->item;
	assert_int_equal(by(w, cece, collaboration_decide, item, "a\nb \"c\""), 0);
	assert_int_equal(by(w, cece, vote_first, item, "abstain"), 0);
	assert_int_equal(by(w, cece, collaboration_say, item, "hi"), 0);
	buf_adds(&was, record(w, "c1", &b));
	buf_adds(&voted, votes(w, "c1", &b));
	for (int i = 0; i < 2; i++) {
		world_reopen(w);
		assert_string_equal(strchr(record(w, "c1", &b), ','), strchr(was.data, ','));
		assert_string_equal(votes(w, "c1", &b), voted.data);
	}
	cece = world_session(w, "cece");
	item = &one(w, "c1")->item;
	assert_int_equal(by(w, cece, vote_first, item, "yes"), 0);
	CONTAINS(votes(w, "c1", &b), "\"votes\":{\"cece\":\"yes\"}");
	assert_int_equal(by(w, cece, begin, NULL, "bob"), 0);
	assert_non_null(one(w, "c2"));
	assert_int_equal(count(lines(w, "c1", CHANNEL_TOGETHER, &b), "\n"), 5);
	buf_release(&b);
	buf_release(&was);
	buf_release(&voted);
}

static void who_has_no_session(void **state)
{
	struct world *w = *state;
	struct session *cece = world_register(w, WORLD_UID, "cece");
	const struct actor user = world_user(WORLD_UID), other = world_user(OTHER_UID);
	struct actor several = world_user(OTHER_UID);
	struct buf b = BUF_INIT;
	struct item *item;

	several.kind = ACTOR_SEVERAL;
	assert_int_equal(as(w, &user, begin, NULL, "agent_1"), 0);
	item = &one(w, "c1")->item;
	assert_int_equal(as(w, &user, collaboration_say, item, "hi"), 0);
	CONTAINS(lines(w, "c1", CHANNEL_TALK, &b), "\"session_id\":null");
	assert_int_equal(as(w, &other, collaboration_say, item, "hi"), -EACCES);
	assert_int_equal(as(w, &several, collaboration_say, item, "hi"), -ENOTUNIQ);
	/* What no session began is its user's. */
	assert_int_equal(by(w, cece, collaboration_say, item, "hi"), 0);
	assert_int_equal(as(w, &user, collaboration_decide, item, "x"), 0);
	assert_int_equal(as(w, &user, vote_first, item, "yes"), -EACCES);
	assert_int_equal(as(w, &other, end, item, ""), -EACCES);
	assert_int_equal(as(w, &user, end, item, ""), 0);
	buf_release(&b);
}

static void it_is_bounded(void **state)
{
	struct world *w = *state;
	struct session *cece = world_register(w, WORLD_UID, "cece");
	struct buf names = BUF_INIT;
	struct item *item;
	char text[DECISION_MAX + 2];

	for (int i = 0; i < PARTICIPANTS_MAX; i++)
		buf_addf(&names, "agent_%d ", i);
	assert_int_equal(by(w, cece, begin, NULL, names.data), -EDQUOT); /* and itself */
	assert_int_equal(by(w, cece, begin, NULL, "{\"name\":\"all\"}"), 0);
	item = &one(w, "all")->item;
	assert_int_equal(by(w, cece, collaboration_change, item, names.data), -EDQUOT);
	memset(text, 'x', sizeof(text));
	text[DECISION_MAX + 1] = '\0';
	assert_int_equal(by(w, cece, collaboration_decide, item, text), -EMSGSIZE);
	for (int i = 0; i < DECISIONS_MAX; i++)
		assert_int_equal(by(w, cece, collaboration_decide, item, "x"), 0);
	assert_int_equal(by(w, cece, collaboration_decide, item, "x"), -EDQUOT);
	for (int i = 1; i < TOGETHER_UID_MAX; i++)
		assert_int_equal(by(w, cece, begin, NULL, "bob"), 0);
	assert_int_equal(by(w, cece, begin, NULL, "bob"), -EDQUOT);
	CONTAINS(w->error.text, "collaborations: ");
	assert_int_equal(by(w, cece, end, item, ""), 0);
	assert_int_equal(by(w, cece, begin, NULL, "bob"), 0);
	buf_release(&names);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
	const struct CMUnitTest tests[] = {
		TEST(it_begins),
		TEST(what_can_be_none_is_refused),
		TEST(they_come_and_go),
		TEST(what_is_said_reaches_the_others),
		TEST(what_nobody_is_there_for_is_kept),
		TEST(who_may_read_what_is_said),
		TEST(they_decide_and_vote),
		TEST(it_ends_and_stays),
		TEST(it_is_forgotten),
		TEST(all_of_it_survives_a_restart),
		TEST(who_has_no_session),
		TEST(it_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
