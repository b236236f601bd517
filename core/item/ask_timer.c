/* Asks whose time is over: a thread that sleeps until the earliest deadline. */
#include "core/item/ask_private.h"

#include "core/base/thread.h"
#include "core/state/parts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>

#define ENDED_AT_ONCE 256               /* in one commit */
#define LOOK_LEAST_US (SECOND_US / 200) /* between two looks at all that are open */
#define TRY_AGAIN_US  SECOND_US         /* after one that could not be told */

struct asks {
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	pthread_t thread;
	bool running, stopping;
	int64_t next_us; /* mono: when the thread looks again */
	struct asks_watcher watcher;
};

void asks_watch(struct loop *loop, const struct asks_watcher *watcher)
{
	commit_hold(loop);
	state_wrlock(loop);
	loop->asks->watcher = watcher ? *watcher : (struct asks_watcher){0};
	state_unlock(loop);
	commit_resume(loop);
}

bool ask_is_waited_for(const struct loop *loop, const struct ask *ask)
{
	const struct asks *asks = loop->asks;

	return asks && asks->watcher.waits && asks->watcher.waits(asks->watcher.arg, &ask->item);
}

/* What an act ends: those whose deadline has passed, or, at the start, those that were held. */
struct ending {
	int64_t now_us;
	bool held;
};

static bool is_due(const struct ask *ask, const struct ending *e)
{
	int64_t deadline = atomic_load(&ask->deadline_mono_us);

	if (e->held)
		return ask->held && !ask->named && !atomic_load(&ask->readers);
	return deadline && deadline <= e->now_us;
}

static int time_out(struct loop *loop, struct act *a, const struct ask *ask)
{
	char why[ID_MAX + 80];
	size_t n = 0;

	for (size_t i = 0; i < ask->part_count; i++)
		n += ask->parts[i].state == PART_ANSWERED;
	if (n)
		snprintf(why, sizeof(why), "%zu of %zu answered in time: asks/%s/reply has that", n,
			ask->part_count, ask->item.id);
	else
		snprintf(why, sizeof(why), "nobody answered in time");
	return ask_fail(loop, a, ask, NULL, ASK_REASON_TIMEOUT, why, NULL);
}

static int decide(struct loop *loop, struct command *c, struct error *err)
{
	struct act *a = (struct act *)c;
	const struct ending *e = a->more;
	const struct item *item = loop->state->items.open[ITEM_ASK].first;
	int n = 0, r = 0;

	(void)err;
	for (; item && n < ENDED_AT_ONCE && !r; item = item->next) {
		const struct ask *ask = (const struct ask *)item;

		if (!is_due(ask, e))
			continue;
		n++;
		if (ask->status != ASK_OPEN)
			r = ask_over(loop, a, ask, NULL);
		else if (e->held)
			r = ask_fail(loop, a, ask, NULL, ASK_REASON_CANCELLED,
				"leitlfs was started again", NULL);
		else
			r = time_out(loop, a, ask);
	}
	return r;
}

static int end(struct loop *loop, const struct ending *ending, struct error *err)
{
	struct act *a = act_new(NULL);
	int r;

	if (!a)
		return error_set(err, ENOMEM, "out of memory");
	a->more = (void *)ending;
	a->command.decide = decide;
	a->command.alone = true;
	r = loop_call(loop, &a->command, err);
	act_free(a);
	return r;
}

static bool is_any_due(struct loop *loop, const struct ending *e, int64_t *next_us)
{
	const struct item *item;
	bool due = false;

	*next_us = INT64_MAX;
	state_rdlock(loop);
	for (item = loop->state->items.open[ITEM_ASK].first; item && !due; item = item->next) {
		const struct ask *ask = (const struct ask *)item;
		int64_t deadline = atomic_load(&ask->deadline_mono_us);

		due = is_due(ask, e);
		if (deadline && deadline < *next_us)
			*next_us = deadline;
	}
	state_unlock(loop);
	return due;
}

int64_t asks_expire(struct loop *loop, int64_t now_us)
{
	struct ending e = {.now_us = now_us};
	struct error err;
	int64_t next_us;

	while (is_any_due(loop, &e, &next_us)) {
		err.text[0] = '\0';
		if (end(loop, &e, &err)) {
			syslog(LOG_WARNING, "ending asks whose time is over failed: %s", err.text);
			return now_us + TRY_AGAIN_US;
		}
	}
	return next_us;
}

/* The deadline is kept as wall time, which may be set anew while the daemon runs. */
static int64_t begin_to_count(struct loop *loop, struct ask *ask)
{
	int64_t left = ask->deadline_us - loop_wall_us(loop);
	int64_t deadline;

	if (left > ask->timeout_us) /* the clock went back while nobody looked */
		left = ask->timeout_us;
	deadline = loop_mono_us(loop) + left;
	deadline = deadline > 0 ? deadline : 1;
	atomic_store(&ask->deadline_mono_us, deadline);
	return deadline;
}

void asks_applied(struct loop *loop, const struct record *r)
{
	struct asks *asks = loop->asks;
	struct ask *ask = (struct ask *)r->item;
	int64_t deadline;

	if (asks && asks->watcher.news)
		asks->watcher.news(asks->watcher.arg, &ask->item);
	if (ask->item.closed_us || atomic_load(&ask->deadline_mono_us))
		return;
	deadline = begin_to_count(loop, ask);
	if (!asks)
		return;
	pthread_mutex_lock(&asks->mutex);
	if (deadline < asks->next_us) {
		asks->next_us = deadline;
		pthread_cond_signal(&asks->cond);
	}
	pthread_mutex_unlock(&asks->mutex);
}

/* With the mutex held: sleeps until the time of the next look has come, or the end. */
static void sleep_until_due(struct loop *loop, struct asks *asks)
{
	while (!asks->stopping) {
		int64_t left = asks->next_us - loop_mono_us(loop);
		struct timespec until;

		if (left <= 0)
			return;
		if (left > 3600 * SECOND_US)
			left = 3600 * SECOND_US;
		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_sec += left / SECOND_US;
		until.tv_nsec += left % SECOND_US * 1000;
		until.tv_sec += until.tv_nsec / 1000000000;
		until.tv_nsec %= 1000000000;
		pthread_cond_timedwait(&asks->cond, &asks->mutex, &until);
	}
}

static void *run(void *arg)
{
	struct loop *loop = arg;
	struct asks *asks = loop->asks;
	const struct timespec pause = {.tv_nsec = LOOK_LEAST_US * 1000};
	int64_t next_us;

	pthread_mutex_lock(&asks->mutex);
	while (!asks->stopping) {
		/* What comes from here on is before it, and noted. */
		asks->next_us = INT64_MAX;
		pthread_mutex_unlock(&asks->mutex);
		next_us = asks_expire(loop, loop_mono_us(loop));
		clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
		pthread_mutex_lock(&asks->mutex);
		if (next_us < asks->next_us)
			asks->next_us = next_us;
		sleep_until_due(loop, asks);
	}
	pthread_mutex_unlock(&asks->mutex);
	return NULL;
}

static int begin_all(struct loop *loop, struct error *err)
{
	struct ending e = {.held = true};
	struct item *item;
	int64_t next_us;
	int r = 0;

	state_rdlock(loop);
	for (item = loop->state->items.open[ITEM_ASK].first; item; item = item->next)
		begin_to_count(loop, (struct ask *)item);
	state_unlock(loop);
	while (!r && is_any_due(loop, &e, &next_us))
		r = end(loop, &e, err);
	return r;
}

int asks_start(struct loop *loop, struct error *err)
{
	struct asks *asks = calloc(1, sizeof(*asks));
	int r;

	if (!asks)
		return error_set(err, ENOMEM, "out of memory");
	pthread_mutex_init(&asks->mutex, NULL);
	thread_cond_init(&asks->cond);
	commit_hold(loop); /* who commits looks at it */
	loop->asks = asks;
	commit_resume(loop);
	r = begin_all(loop, err);
	if (r)
		return r;
	r = pthread_create(&asks->thread, NULL, run, loop);
	if (r)
		return error_set(err, r, "can't start the timer of asks: %s", strerror(r));
	pthread_setname_np(asks->thread, "asks");
	asks->running = true;
	return 0;
}

void asks_stop(struct loop *loop)
{
	struct asks *asks = loop->asks;

	if (!asks)
		return;
	pthread_mutex_lock(&asks->mutex);
	asks->stopping = true;
	pthread_cond_signal(&asks->cond);
	pthread_mutex_unlock(&asks->mutex);
	if (asks->running)
		pthread_join(asks->thread, NULL);
	loop->asks = NULL;
	pthread_mutex_destroy(&asks->mutex);
	pthread_cond_destroy(&asks->cond);
	free(asks);
}
