/*
 * Several threads do everything to one loop at once; then its log must be as any log is
 * (simulation_log.h), every message said must stand there once and in each inbox that it is for, in
 * order, and nothing may be left open once all sessions have ended.
 *
 * SIMULATION_SEED chooses another beginning; what comes of it is the scheduler's to say.
 */
#include "tests/unit/simulation_log.h"
#include "tests/unit/simulation_threads.h"

#include "core/item/ask.h"
#include "core/state/inbox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define STEPS 400
#else
#define STEPS 2000
#endif
#define DAY_US (INT64_C(86400) * SECOND_US)

/* What must be true then. */

struct all {
	struct record **records;
	size_t count;
};

static void fetch(struct loop *loop, const struct view *view, struct all *all)
{
	int64_t pos = 0;
	size_t n;

	*all = (struct all){0};
	do {
		all->records =
			reallocarray(all->records, all->count + 256, sizeof(struct record *));
		assert_non_null(all->records);
		assert_int_equal(view_fetch(view, loop, &pos, all->records + all->count, 256,
					 (size_t)1 << 20, &n),
			0);
		all->count += n;
	} while (n);
}

static void release(struct all *all)
{
	for (size_t i = 0; i < all->count; i++)
		record_unref(all->records[i]);
	free(all->records);
}

static bool is_for(const struct record *r, const char *session)
{
	char id[ID_MAX + 1];

	for (const char *at = r->target; target_next(&at, id, sizeof(id));)
		if (strcmp(id, session) == 0)
			return true;
	return false;
}

static bool belongs(const struct record *r, const struct session *s)
{
	if (r->pos <= s->since_pos || (r->detail && strstr(r->detail, "\"quiet\":true")))
		return false;
	if (r->target)
		return is_for(r, s->id);
	return event_reaches_inboxes(r->type) && (!r->session || strcmp(r->session, s->id) != 0);
}

static void check_inbox(struct loop *loop, struct session *s, const struct all *log)
{
	struct all inbox;
	struct view view;
	size_t at = 0;

	assert_int_equal(inbox_view(loop, s, &view), 0);
	fetch(loop, &view, &inbox);
	view_release(&view);
	for (size_t i = 0; i < log->count; i++) {
		if (!belongs(log->records[i], s))
			continue;
		assert_true(at < inbox.count);
		assert_int_equal(inbox.records[at++]->seq, log->records[i]->seq);
	}
	assert_int_equal(at, inbox.count);
	release(&inbox);
}

/* What each said stands there once, in the order in which it was said. */
static void check_said(const struct shared *shared, const struct all *log)
{
	int heard[THREADS] = {0};

	for (size_t i = 0; i < log->count; i++) {
		const char *text = strstr(log->records[i]->line, "{\"message\":\"");
		char *end;
		long number, n;

		if (!text)
			continue;
		number = strtol(text + 12, &end, 10);
		if (*end != '-' || number < 0 || number >= THREADS)
			continue;
		n = strtol(end + 1, NULL, 10);
		assert_int_equal(n, heard[number]);
		heard[number]++;
	}
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(heard[i], shared->threads[i].said);
}

static size_t count_type(const struct all *log, const char *type)
{
	size_t n = 0;

	for (size_t i = 0; i < log->count; i++)
		n += strcmp(log->records[i]->type, type) == 0;
	return n;
}

static void check_all(struct shared *shared)
{
	struct loop *loop = shared->world->loop;
	struct sim_log follower = {0};
	struct all log;
	struct view view;
	size_t asked = 0;

	assert_int_equal(view_init(&view, loop, loop->state->all, NULL, NULL, 0), 0);
	fetch(loop, &view, &log);
	view_release(&view);
	for (size_t i = 0; i < loop->state->session_slots; i++)
		for (struct session *s = loop->state->sessions[i]; s; s = s->next)
			check_inbox(loop, s, &log);
	check_said(shared, &log);
	for (int i = 0; i < THREADS; i++)
		asked += (size_t)shared->threads[i].asks;
	assert_int_equal(count_type(&log, "ask.asked"), asked);
	sim_log_follow(&follower, loop);
	assert_int_equal(follower.seq, log.count);
	/* Only the owner's session still lives. */
	assert_int_equal(sim_log_open(&follower, SIM_LIVES), 1);
	for (int kind = 0; kind < ITEM_KINDS; kind++) {
		assert_int_equal(sim_log_open(&follower, kind), 0);
		assert_int_equal(loop->state->items.open[kind].count, 0);
	}
	sim_log_release(&follower);
	release(&log);
}

static void all_at_once(void **state)
{
	const char *seed = getenv("SIMULATION_SEED");
	struct shared shared = {.world = *state};
	struct world *w = *state;

	world_close(w);
	w->config.broadcasts = w->config.tasks = 0;
	w->config.late = w->config.timeout = DAY_US;
	world_open(w);
	pthread_mutex_init(&shared.mutex, NULL);
	for (int i = 0; i < THREADS; i++) {
		struct thread *t = &shared.threads[i];

		t->shared = &shared;
		t->number = i;
		t->steps = STEPS;
		t->random = (seed ? strtoull(seed, NULL, 10) : 1) * 1000 + (unsigned)i;
		t->world.loop = w->loop;
		thread_enter(t);
	}
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&shared.threads[i].thread, NULL, thread_run,
					 &shared.threads[i]),
			0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(shared.threads[i].thread, NULL);
	for (int i = 0; i < THREADS; i++) {
		struct session *s = thread_session(&shared.threads[i], i);

		assert_string_equal(shared.threads[i].failure, "");
		thread_end(&shared.threads[i], s);
		session_unref(s);
	}
	world_pass(w, DAY_US / 2);
	asks_expire(w->loop, loop_mono_us(w->loop));
	check_all(&shared);
	world_reopen(w);
	check_all(&shared);
	pthread_mutex_destroy(&shared.mutex);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(all_at_once, world_setup, world_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
