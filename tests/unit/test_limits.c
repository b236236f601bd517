/* How often one may speak (message_may), with time that is moved by hand. */
#include "core/state/message.h"
#include "tests/unit/world.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Whether the actor may, by a descriptor of its own each time. */
static int may(struct world *w, const struct actor *actor, const char *type)
{
	struct burst burst = {0};

	return message_may(w->loop, actor, &burst, type, NULL, &w->error);
}

/* How many times it may in a row. */
static int times(struct world *w, const struct actor *actor, const char *type)
{
	int n = 0;

	while (n < 2000 && may(w, actor, type) == 0)
		n++;
	return n;
}

static void so_many_a_minute(void **state)
{
	struct world *w = *state;
	const struct actor cece = world_actor(world_register(w, WORLD_UID, "cece"));
	const struct actor bob = world_actor(world_register(w, WORLD_UID, "bob"));

	assert_int_equal(times(w, &cece, NULL), 10);
	assert_int_equal(may(w, &cece, "a.b"), -EDQUOT);
	assert_int_equal(w->error.code, EDQUOT);
	assert_string_equal(w->error.text, "broadcasts: more than 10 a minute; again in 6 s");
	assert_int_equal(times(w, &bob, "a.b"), 10);
	/* And it says when to try again, never too early. */
	world_pass(w, 3 * SECOND_US - 1);
	assert_int_equal(may(w, &cece, NULL), -EDQUOT);
	assert_string_equal(w->error.text, "broadcasts: more than 10 a minute; again in 4 s");
	world_pass(w, 1);
	assert_int_equal(may(w, &cece, NULL), -EDQUOT);
	assert_string_equal(w->error.text, "broadcasts: more than 10 a minute; again in 3 s");
	world_pass(w, 3 * SECOND_US - 1);
	assert_int_equal(times(w, &cece, NULL), 0);
	assert_string_equal(w->error.text, "broadcasts: more than 10 a minute; again in 1 ms");
	world_pass(w, 1);
	assert_int_equal(times(w, &cece, NULL), 1);
	world_pass(w, 31 * SECOND_US);
	assert_int_equal(times(w, &cece, NULL), 5);
	world_pass(w, 3600 * SECOND_US);
	assert_int_equal(times(w, &cece, NULL), 10);
}

static void none_is_no_limit(void **state)
{
	struct world *w = *state;
	const struct actor cece = world_actor(world_register(w, WORLD_UID, "cece"));

	w->config.broadcasts = w->config.tasks = 0;
	assert_int_equal(times(w, &cece, NULL), 2000);
	assert_int_equal(times(w, &cece, "task.started"), 2000);
}

static void users_without_a_session_share_theirs(void **state)
{
	struct world *w = *state;
	const struct actor one = world_user(WORLD_UID), other = world_user(OTHER_UID);

	assert_int_equal(times(w, &one, NULL), 10);
	assert_int_equal(times(w, &one, "task.started"), 0);
	assert_int_equal(times(w, &other, NULL), 10);
}

static void tasks_are_an_agents(void **state)
{
	struct world *w = *state;
	const struct actor first = world_actor(world_register(w, WORLD_UID, "cece"));
	const struct actor second = world_actor(world_register(w, WORLD_UID, "cece"));
	const struct actor bob = world_actor(world_register(w, WORLD_UID, "bob"));

	assert_true(first.session != second.session);
	for (int i = 0; i < 5; i++) {
		assert_int_equal(may(w, &first, "task.started"), 0);
		assert_int_equal(may(w, &second, "task.failed"), 0);
	}
	assert_int_equal(may(w, &first, "task.completed"), -EDQUOT);
	assert_string_equal(w->error.text, "tasks: more than 10 a second; again in 100 ms");
	assert_int_equal(may(w, &second, "task.completed"), -EDQUOT);
	assert_int_equal(times(w, &bob, "task.started"), 10);
	/* Broadcasts are apart from them. */
	assert_int_equal(times(w, &first, "tasks.other"), 10);
	assert_int_equal(times(w, &second, NULL), 10);
	world_pass(w, SECOND_US / 10);
	assert_int_equal(times(w, &second, "task.started"), 1);
}

static void what_is_for_one_is_not_limited(void **state)
{
	struct world *w = *state;
	struct session *bob = world_register(w, WORLD_UID, "bob");
	const struct actor cece = world_actor(world_register(w, WORLD_UID, "cece"));
	struct burst burst = {0};

	assert_int_equal(times(w, &cece, NULL), 10);
	for (int i = 0; i < 100; i++)
		assert_int_equal(message_may(w->loop, &cece, &burst, NULL, bob, &w->error), 0);
	assert_int_equal(may(w, &cece, NULL), -EDQUOT);
}

/* What one descriptor writes within a second counts as one, up to 100 messages. */
static void a_burst_counts_as_one(void **state)
{
	struct world *w = *state;
	const struct actor cece = world_actor(world_register(w, WORLD_UID, "cece"));
	struct burst burst = {0}, other = {0};

	for (int i = 0; i < 100; i++) {
		assert_int_equal(message_may(w->loop, &cece, &burst, NULL, NULL, &w->error), 0);
		world_pass(w, SECOND_US / 100 - 1);
	}
	/* One is gone, and a sixth of one came back. */
	assert_int_equal(times(w, &cece, NULL), 9);
	/* The next begins anew, and for that there is none left. */
	assert_int_equal(message_may(w->loop, &cece, &burst, NULL, NULL, &w->error), -EDQUOT);
	assert_int_equal(message_may(w->loop, &cece, &burst, NULL, NULL, &w->error), -EDQUOT);
	world_pass(w, 6 * SECOND_US);
	assert_int_equal(message_may(w->loop, &cece, &burst, NULL, NULL, &w->error), 0);
	/* Others of one's descriptors don't go with it. */
	assert_int_equal(message_may(w->loop, &cece, &other, NULL, NULL, &w->error), -EDQUOT);
	world_pass(w, SECOND_US - 1);
	assert_int_equal(message_may(w->loop, &cece, &burst, NULL, NULL, &w->error), 0);
	world_pass(w, 1);
	assert_int_equal(message_may(w->loop, &cece, &burst, NULL, NULL, &w->error), -EDQUOT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(so_many_a_minute, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(none_is_no_limit, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			users_without_a_session_share_theirs, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(tasks_are_an_agents, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			what_is_for_one_is_not_limited, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(a_burst_counts_as_one, world_setup, world_teardown),
	};

	return cmocka_run_group_tests_name("limits", tests, NULL, NULL);
}
