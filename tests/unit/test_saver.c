/* The saver: what it saves, and what goes when it has become old. */
#include "core/inbox.h"
#include "core/log.h"
#include "tests/unit/world.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define HOUR_US (3600 * SECOND_US)

/* The saver looks by real time what is due by the other. */
static int64_t until_saved(struct world *w, int64_t (*what)(struct loop *), int64_t wanted)
{
	int64_t is = 0;

	for (int i = 0; i < 500; i++) {
		state_wrlock(w->loop);
		is = what(w->loop);
		state_unlock(w->loop);
		if (is == wanted)
			break;
		usleep(10000);
	}
	return is;
}

static int64_t unsaved(struct loop *loop)
{
	return loop->state->applied_pos - loop->state->saved_pos;
}

static int64_t messages(struct loop *loop)
{
	return state_kept(loop->state, WORLD_UID)->messages;
}

static int64_t bytes(struct loop *loop)
{
	return state_kept(loop->state, WORLD_UID)->bytes;
}

static int64_t rows(struct loop *loop)
{
	return loop->log->last_pos + 1 - loop->log->first_pos;
}

static void say(struct world *w, struct session *from, int count)
{
	const struct actor actor = world_actor(from);

	for (int i = 0; i < count; i++)
		assert_int_equal(world_say(w, &actor, NULL, NULL, "words"), 0);
}

static void it_saves_when_it_is_time(void **state)
{
	struct world *w = *state;
	struct session *cece = world_register(w, WORLD_UID, "cece");

	/* It looks at once what is to go, and saves then. */
	assert_int_equal(until_saved(w, unsaved, 0), 0);
	usleep(600000);
	say(w, cece, 5);
	usleep(600000);
	assert_int_equal(until_saved(w, unsaved, 5), 5); /* the time stands still */
	world_pass(w, w->config.save);
	assert_int_equal(until_saved(w, unsaved, 0), 0);
}

static void what_is_old_goes(void **state)
{
	struct world *w = *state;
	struct session *cece, *bob;
	struct buf out = BUF_INIT;
	char id[ID_MAX + 1];
	int64_t left;

	world_close(w);
	w->config.timeout = w->config.late = 1000 * HOUR_US;
	world_open(w);
	cece = world_register(w, WORLD_UID, "cece");
	bob = world_register(w, WORLD_UID, "bob");
	memcpy(id, bob->id, sizeof(id));
	say(w, cece, 3000);
	world_pass(w, 20 * HOUR_US);
	say(w, cece, 5);
	assert_int_equal(world_end(w, cece), 0);
	assert_int_equal(inbox_unread_count(w->loop, bob), 3005);
	world_pass(w, 5 * HOUR_US);
	/* The five, and the end; the rest is gone, also from what its uid keeps. */
	assert_int_equal(until_saved(w, messages, 6), 6);
	assert_int_equal(until_saved(w, rows, 6), 6);
	assert_int_equal(inbox_unread_count(w->loop, bob), 5);
	left = bytes(w->loop);
	assert_int_equal(left, strlen(world_lines(w, &out, CHANNEL_ALL, "")));
	assert_non_null(world_session(w, cece->id));
	/* Nothing happens after that; and yet a restart finds it as it was. */
	world_reopen(w);
	assert_int_equal(messages(w->loop), 6);
	assert_int_equal(bytes(w->loop), left);
	assert_int_equal(inbox_unread_count(w->loop, world_session(w, id)), 5);
	world_pass(w, 24 * HOUR_US);
	assert_int_equal(until_saved(w, messages, 0), 0);
	assert_int_equal(bytes(w->loop), 0);
	world_reopen(w);
	assert_int_equal(messages(w->loop), 0);
	assert_int_equal(bytes(w->loop), 0);
	buf_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			it_saves_when_it_is_time, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(what_is_old_goes, world_setup, world_teardown),
	};

	return cmocka_run_group_tests_name("saver", tests, NULL, NULL);
}
