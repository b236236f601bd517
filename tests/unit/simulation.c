/* What the steps share; time, and what the saver does. */
#include "tests/unit/simulation.h"

#include "core/item/ask.h"
#include "core/state/saver.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define HOUR_US (3600 * SECOND_US)

/* splitmix64, https://prng.di.unimi.it/splitmix64.c */
int sim_pick(struct simulation *sim, int n)
{
	uint64_t z = (sim->random += 0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return (int)((z ^ (z >> 31)) % (uint64_t)n);
}

bool sim_once_in(struct simulation *sim, int n)
{
	return sim_pick(sim, n) == 0;
}

void sim_note(struct simulation *sim, const char *what, ...)
{
	char *note = sim->notes[sim->step % SIM_NOTES];
	va_list args;

	va_start(args, what);
	vsnprintf(note, sizeof(sim->notes[0]), what, args);
	va_end(args);
}

void sim_tell_notes(const struct simulation *sim)
{
	print_error("SIMULATION_SEED=%llu; the last steps were\n", (unsigned long long)sim->seed);
	for (int i = sim->step - SIM_NOTES + 1; i <= sim->step; i++)
		if (i >= 0)
			print_error("%6d: %s\n", i, sim->notes[i % SIM_NOTES]);
}

void sim_same(struct simulation *sim, int status, int wanted)
{
	if (status != wanted)
		fail_msg("it returned %d (%s), not %d", status,
			status ? sim->world->error.text : "", wanted);
}

const char *sim_id(struct simulation *sim, int session)
{
	if (session == SIM_PERSON) {
		state_rdlock(sim->world->loop);
		for (size_t i = 0; i < sim->world->loop->state->session_slots; i++)
			for (struct session *s = sim->world->loop->state->sessions[i]; s;
				s = s->next)
				if (s->person)
					snprintf(sim->id, sizeof(sim->id), "%s", s->id);
		state_unlock(sim->world->loop);
	} else {
		snprintf(sim->id, sizeof(sim->id), "s%d", session);
	}
	return sim->id;
}

int sim_peer(const char *id)
{
	return id[0] == 's' && id[1] >= '0' && id[1] <= '9' && !id[2] ? id[1] - '0' : SIM_NOBODY;
}

struct session *sim_session(struct simulation *sim, int session)
{
	return world_session(sim->world, sim_id(sim, session));
}

bool sim_actor(struct simulation *sim, int session, struct actor *out)
{
	struct session *s = session == SIM_NOBODY ? NULL : sim_session(sim, session);

	*out = s ? world_actor(s) : world_user(WORLD_UID);
	return s || session == SIM_NOBODY;
}

/* The daemon's threads. */

void sim_keep_alive(struct simulation *sim, int session)
{
	struct session *s = sim_session(sim, session);

	if (s)
		atomic_store(&s->waiting, 1);
}

static void expired(void *arg)
{
	struct simulation *sim = arg;

	atomic_store(&sim->expired, true);
}

/* On every descriptor that a question was written to a read waits. */
static bool is_read(void *arg, const struct item *item)
{
	(void)arg;
	return atomic_load(&((const struct ask *)item)->readers) > 0;
}

static void heard(void *arg, const struct item *item)
{
	(void)arg, (void)item;
}

void sim_take_over(struct simulation *sim)
{
	static const struct asks_watcher watcher = {.waits = is_read, .news = heard};

	saver_stop(sim->world->loop->saver);
	sim->world->loop->saver = NULL;
	loop_watch(sim->world->loop, NULL, expired, sim);
	asks_watch(sim->world->loop, &watcher);
	for (int i = 0; i < SIM_PEERS; i++)
		sim_keep_alive(sim, i);
}

void sim_begin(struct simulation *sim, struct world *w, uint64_t seed)
{
	memset(sim, 0, sizeof(*sim));
	sim->world = w;
	sim->seed = sim->random = seed;
	world_close(w);
	w->config.late = 1000000 * HOUR_US;
	w->config.broadcasts = w->config.tasks = 0;
	world_open(w);
	sim_take_over(sim);
	sim_model_init(&sim->model);
	sim->model.now_us = loop_wall_us(w->loop);
}

void sim_drop_leases(struct simulation *sim)
{
	while (sim->lease_count)
		record_unref(sim->leases[--sim->lease_count].record);
}

void sim_finish(struct simulation *sim)
{
	sim_drop_leases(sim);
	sim_log_release(&sim->log);
	sim_model_release(&sim->model);
}

void sim_pass(struct simulation *sim, int64_t us)
{
	struct loop *loop = sim->world->loop;

	world_pass(sim->world, us);
	sim->model.now_us += us;
	asks_expire(loop, loop_mono_us(loop));
	sim_expire(&sim->model);
}

void sim_save(struct simulation *sim)
{
	struct loop *loop = sim->world->loop;

	sim_note(sim, "save");
	assert_int_equal(saver_start(loop, &loop->saver, &sim->world->error), 0);
	saver_stop(loop->saver);
	loop->saver = NULL;
	assert_true(state_is_saved(loop->state));
}

/* What is forgotten depends on what the log's times say, which the model has not. */
void sim_drop_old(struct simulation *sim)
{
	struct loop *loop = sim->world->loop;
	const int64_t before_us = sim->model.now_us - loop->config->hold;

	sim_note(sim, "drop what is old");
	atomic_store(&sim->expired, false);
	assert_int_equal(saver_start(loop, &loop->saver, &sim->world->error), 0);
	while (!atomic_load(&sim->expired))
		usleep(1000);
	saver_stop(loop->saver);
	loop->saver = NULL;
	sim_forget(&sim->model, loop->state->first_pos, before_us);
}

void sim_step_time(struct simulation *sim)
{
	static const int64_t most[] = {
		SECOND_US, 20 * SECOND_US, 20 * SECOND_US, HOUR_US / 2, 9 * HOUR_US};
	const int64_t us = most[sim_pick(sim, 5)] / 1000 * (sim_pick(sim, 1000) + 1);

	sim_note(sim, "%.3f s pass", (double)us / SECOND_US);
	sim_pass(sim, us);
}
