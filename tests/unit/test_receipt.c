/* Receipts: who is told that a message was read, and where that stands. */
#include "core/state/inbox.h"
#include "tests/unit/world.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* What nobody writes by itself: one message for several. Returns its seq. */
static int64_t send(struct world *w, const char *type, const char *target)
{
	struct command command = {.decide = NULL};
	struct draft d = {.kind = RECORD_EVENT,
		.uid = WORLD_UID,
		.type = type,
		.session = "cece",
		.from = "cece",
		.agent = "cece",
		.target = target,
		.data = "{\"message\":\"secret\"}",
		.data_len = 20};

	assert_int_equal(command_add(&command, &d), 0);
	assert_int_equal(loop_call(w->loop, &command, &w->error), 0);
	command_release(&command);
	return w->loop->state->last_seq;
}

static void read_to(struct world *w, const char *name, int64_t seq)
{
	const struct actor actor = world_actor(world_session(w, name));
	struct act *act = NULL;
	int r = inbox_mark_to(w->loop, &actor, actor.session, seq, &act, &w->error);

	assert_int_equal(world_do(w, r, act), 0);
}

static int times(const char *text, const char *part)
{
	int n = 0;

	for (text = strstr(text, part); text; text = strstr(text + 1, part))
		n++;
	return n;
}

static void each_of_several_tells(void **state)
{
	struct world *w = *state;
	struct buf b = BUF_INIT;
	int64_t seq;

	world_enter(w, "cece"), world_enter(w, "bob"), world_enter(w, "dora"),
		world_enter(w, "eve");
	seq = send(w, "message.direct", "bob dora");
	read_to(w, "bob", seq);
	read_to(w, "eve", seq);
	world_lines(w, &b, CHANNEL_SENT, "cece");
	assert_int_equal(times(b.data, "\"receipt\":\"read\""), 1);
	assert_int_equal(times(b.data, "\"by\":\"bob\""), 1);
	read_to(w, "dora", seq);
	read_to(w, "dora", seq);
	for (int i = 0; i < 2; i++) {
		world_lines(w, &b, CHANNEL_SENT, "cece");
		assert_int_equal(times(b.data, "\"by\":\"dora\""), 1);
		world_lines(w, &b, CHANNEL_TYPE, "message.direct");
		assert_int_equal(times(b.data, "\"to\":[\"bob\",\"dora\"]"), 1);
		assert_int_equal(times(b.data, "\"receipt\":\"read\""), 2);
		assert_int_equal(times(b.data, "secret"), 0);
		world_reopen(w);
	}
	buf_release(&b);
}

/* A question to one is told of in `sent`, and is no direct message. */
static void other_types_stand_in_sent_alone(void **state)
{
	struct world *w = *state;
	struct buf b = BUF_INIT;
	int64_t seq;

	world_enter(w, "cece"), world_enter(w, "bob");
	seq = send(w, "x.y", "bob");
	read_to(w, "bob", seq);
	assert_int_equal(times(world_lines(w, &b, CHANNEL_SENT, "cece"), "receipt"), 1);
	assert_int_equal(times(world_lines(w, &b, CHANNEL_TYPE, "x.y"), "receipt"), 0);
	assert_int_equal(times(world_lines(w, &b, CHANNEL_ALL, ""), "receipt"), 0);
	buf_release(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_of_several_tells, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			other_types_stand_in_sent_alone, world_setup, world_teardown),
	};

	return cmocka_run_group_tests_name("receipt", tests, NULL, NULL);
}
