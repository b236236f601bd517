/*
 * The loop's parts, for the sources of core/ that work on them together. Whoever is outside of
 * core/ uses the functions of core/state/loop.h and its siblings.
 */
#ifndef CORE_PARTS_H
#define CORE_PARTS_H

#include "core/base/metrics.h"
#include "core/base/rate.h"
#include "core/log/recent.h"
#include "core/state/bind.h"
#include "core/state/commit.h"
#include "core/state/hub.h"
#include "core/state/inbox.h"
#include "core/state/loop.h"
#include "core/state/refusal.h"
#include "core/state/state.h"

#include <pthread.h>

struct asks;

struct loop {
	const struct config *config;
	const struct clock *clock;
	uid_t owner;
	gid_t group;

	struct db *db;
	struct store *store;
	struct log *log;

	pthread_rwlock_t state_lock; /* guards state and recent */
	struct state *state;
	struct recent *recent;

	struct commit commit;
	struct hub hub;
	struct bindings *bindings;
	struct inboxes inboxes;
	struct rates *rates;
	struct refusals *refusals;
	struct metrics *metrics;
	struct saver *saver;
	struct asks *asks;           /* what ends them in time (core/item/ask_timer.c) */
	int64_t numbers[ITEM_KINDS]; /* the last that item_number() gave: the committer's */

	void (*committed)(void *arg, struct record *const *, size_t);
	void (*expired)(void *arg);
	void *watch_arg;
};

static inline void state_rdlock(struct loop *loop)
{
	pthread_rwlock_rdlock(&loop->state_lock);
}

static inline void state_wrlock(struct loop *loop)
{
	pthread_rwlock_wrlock(&loop->state_lock);
}

static inline void state_unlock(struct loop *loop)
{
	pthread_rwlock_unlock(&loop->state_lock);
}

static inline int64_t loop_wall_us(const struct loop *loop)
{
	return loop->clock->wall_us(loop->clock);
}

static inline int64_t loop_mono_us(const struct loop *loop)
{
	return loop->clock->mono_us(loop->clock);
}

#endif
