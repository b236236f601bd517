/*
 * The loop against a simple model, in random steps (simulation.h): no message lost, doubled or out
 * of order; claims are one's alone; every ask ends in exactly one way; what ends with a session
 * ends with it; and a start finds what the last run left, however that ended.
 *
 * SIMULATION_SEED runs one seed alone, SIMULATION_STEPS says how many steps a seed has.
 */
#include "tests/unit/simulation.h"

#include "core/base/framer.h"
#include "core/base/json.h"
#include "core/item/collaboration.h"
#include "core/state/saver.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SEEDS 3
#define STEPS 3000
#else
#define SEEDS 4
#define STEPS 5000
#endif
#define CHECK_ALL_EVERY 100

static struct simulation running; /* so that a failure can tell of it */

static int64_t number_of(const char *name, int64_t otherwise)
{
	const char *text = getenv(name);

	return text ? strtoll(text, NULL, 10) : otherwise;
}

static void one_step(struct simulation *sim)
{
	static void (*const steps[])(struct simulation *) = {
		sim_step_sessions,
		sim_step_messages,
		sim_step_messages,
		sim_step_reading,
		sim_step_reading,
		sim_step_claims,
		sim_step_tasks,
		sim_step_groups,
		sim_step_asks,
		sim_step_answers,
		sim_step_answers,
	};
	const int what = sim_pick(sim, 12);

	sim_note(sim, "nothing");
	if (what < 11)
		steps[what](sim);
	else if (sim_once_in(sim, 40))
		sim_reopen(sim, sim_once_in(sim, 2));
	else if (sim_once_in(sim, 40))
		sim_save(sim);
	else
		sim_step_time(sim);
}

static void simulate(struct world *w, uint64_t seed, int steps)
{
	struct simulation *sim = &running;

	sim_begin(sim, w, seed);
	for (sim->step = 0; sim->step < steps; sim->step++) {
		if (sim->step % (steps / 2) == steps / 2 - 1)
			sim_drop_old(sim);
		else
			one_step(sim);
		sim_check(sim);
		if (sim->step % CHECK_ALL_EVERY == 0)
			sim_check_all(sim);
	}
	sim_reopen(sim, false);
	sim_check(sim);
	sim_check_all(sim);
	sim_finish(sim);
	sim->world = NULL;
}

static int tear_down(void **state)
{
	if (running.world) {
		sim_tell_notes(&running);
		sim_finish(&running);
		running.world = NULL;
	}
	return world_teardown(state);
}

/* Where the disk is full at the end, records stay in the log, with what they began. */
static void what_was_not_moved_goes_before_the_state(void **state)
{
	struct world *w = *state;
	struct session *s = world_register(w, WORLD_UID, "cece");
	const struct actor actor = world_actor(s);
	struct act *act = NULL;

	saver_stop(w->loop->saver);
	w->loop->saver = NULL;
	assert_int_equal(collaboration_begin_id(w->loop, &actor, "together", &act, &w->error), 0);
	assert_int_equal(world_do(w, 0, act), 0);
	world_reopen(w);
	assert_non_null(state_item(w->loop->state, ITEM_COLLABORATION, "together"));
}

static void call(struct world *w, int status, struct act *act)
{
	if (status || world_do(w, 0, act))
		fail_msg("%s", w->error.text);
}

/* One of several said that more follows, and then the asker has gone. */
static void an_ask_that_is_given_up_awaits_no_more(void **state)
{
	static const char question[] = "{\"to\":[\"bob\",\"dan\"],\"wait\":2,\"data\":1}";
	static const char answer[] = "{\"more\":true,\"data\":2}";
	struct world *w = *state;
	struct session *cece = world_register(w, WORLD_UID, "cece");
	const struct actor asker = world_actor(cece);
	struct message m = {.text = question, .len = strlen(question)};
	struct json *asked, *answered;
	struct act *act = NULL;
	struct actor bob;
	struct item *item;
	int r;

	bob = world_actor(
		world_register(w, WORLD_UID, "{\"agent_name\":\"bob\",\"session_id\":\"bob\"}"));
	world_register(w, WORLD_UID, "dan");
	assert_int_equal(json_parse(question, strlen(question), &asked, NULL), 0);
	assert_int_equal(json_parse(answer, strlen(answer), &answered, NULL), 0);
	m.json = asked;
	r = ask_new(w->loop, &asker, &m, &(struct asking){.held = false}, &act, &w->error);
	call(w, r, act);
	item = w->loop->state->items.open[ITEM_ASK].first;
	m = (struct message){.text = answer, .len = strlen(answer), .json = answered};
	r = ask_answer(w->loop, &bob, item, &m, false, &act, &w->error);
	call(w, r, act);
	assert_int_equal(world_end(w, cece), 0);
	assert_int_equal(w->loop->state->items.open[ITEM_ASK].count, 0);
	json_free(asked);
	json_free(answered);
}

static void the_loop_is_as_its_model(void **state)
{
	const int64_t one = number_of("SIMULATION_SEED", 0);
	const int steps = (int)number_of("SIMULATION_STEPS", STEPS);

	for (int64_t seed = one ? one : 1; seed <= (one ? one : SEEDS); seed++) {
		simulate(*state, (uint64_t)seed, steps);
		world_teardown(state);
		world_setup(state);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			what_was_not_moved_goes_before_the_state, world_setup, tear_down),
		cmocka_unit_test_setup_teardown(
			an_ask_that_is_given_up_awaits_no_more, world_setup, tear_down),
		cmocka_unit_test_setup_teardown(the_loop_is_as_its_model, world_setup, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
