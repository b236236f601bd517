/* Opening the loop, closing it, and the saver: the thread that saves and lets old records go. */
#include "core/state/parts.h"

#include "core/item/ask.h"
#include "core/item/status.h"
#include "core/log/db.h"
#include "core/log/log_sqlite.h"
#include "core/log/store.h"
#include "core/state/saver.h"
#include "core/state/session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct replay {
	struct loop *loop;
	int err;
};

static bool replay_one(void *arg, struct record *r)
{
	struct replay *replay = arg;

	replay->err = state_apply(replay->loop->state, r);
	if (!replay->err)
		recent_add(replay->loop->recent, r);
	return replay->err == 0;
}

/* The newest records of before the save come into memory too, for tails and inboxes: they stand
 * where the state says, so they only need their memberships. */
static bool warm_one(void *arg, struct record *r)
{
	struct replay *replay = arg;

	if (r->pos > replay->loop->state->applied_pos)
		return false;
	replay->err = state_place(replay->loop->state, r);
	if (!replay->err)
		recent_add(replay->loop->recent, r);
	return replay->err == 0;
}

/* Applies what came after the last save. */
static int catch_up(struct loop *loop, struct error *err)
{
	struct replay replay = {.loop = loop};
	int64_t saved = loop->state->applied_pos, warm;
	int r;

	if (saved > atomic_load_explicit(&loop->log->last_pos, memory_order_acquire))
		return error_set(err, EUCLEAN,
			"the log ends before the saved state: the database is damaged");
	warm = saved - RECENT_RECORDS / 4;
	r = log_read(loop->log, warm > 0 ? warm : 1, warm_one, &replay, err);
	if (!r && !replay.err)
		r = log_read(loop->log, saved + 1, replay_one, &replay, err);
	if (!r && replay.err)
		r = error_set(err, -replay.err, "the log can't be applied: %s",
			replay.err == -ENOMEM ? "out of memory" : "the database is damaged");
	return r;
}

/* The state is loaded before the log is opened, for that one writes: what is damaged is left as it
 * is. */
static int restore(struct loop *loop, struct error *err)
{
	int r = state_new(loop->store, &loop->state, err);

	if (!r)
		r = log_sqlite_new(loop->db, loop->clock, commit_follow, loop, &loop->log, err);
	if (!r)
		r = catch_up(loop, err);
	if (r)
		db_leave(loop->db);
	return r == -EUCLEAN ? error_set(err, EUCLEAN, "%s: %s; it is left as it is",
				       loop->config->state, err->text)
			     : r;
}

static int open_parts(struct loop *loop, struct error *err)
{
	int r = db_open(loop->config->state, &db_leitl, &loop->db, err);

	if (!r)
		r = store_new(loop->db, &loop->store, err);
	if (!r)
		r = restore(loop, err);
	if (!r)
		r = bindings_new(loop, &loop->bindings, err);
	return r;
}

static int make_owner(struct loop *loop, struct error *err)
{
	struct act *a;
	int r = session_person(loop, loop->owner, loop->group, &a, err);

	if (r || !a)
		return r;
	r = loop_call(loop, &a->command, err);
	act_free(a);
	return r;
}

int loop_open(const struct config *config, const struct clock *clock, uid_t owner, gid_t group,
	struct loop **out, struct error *err)
{
	struct loop *loop = calloc(1, sizeof(*loop));
	pthread_rwlockattr_t attr;
	int r;

	if (!loop)
		return error_set(err, ENOMEM, "out of memory");
	loop->config = config;
	loop->clock = clock;
	loop->owner = owner;
	loop->group = group;
	/* Readers come all the time; the committer must not wait for a moment without any. */
	pthread_rwlockattr_init(&attr);
	pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	pthread_rwlock_init(&loop->state_lock, &attr);
	pthread_rwlockattr_destroy(&attr);
	pthread_mutex_init(&loop->inboxes.mutex, NULL);
	commit_init(&loop->commit);
	r = hub_init(&loop->hub);
	loop->recent = calloc(1, sizeof(*loop->recent));
	loop->rates = rates_new();
	loop->refusals = refusals_new(clock);
	loop->metrics = metrics_new(clock);
	if (r || !loop->recent || !loop->rates || !loop->refusals || !loop->metrics)
		r = error_set(err, ENOMEM, "out of memory");
	if (!r)
		r = open_parts(loop, err);
	if (!r)
		r = make_owner(loop, err);
	if (!r)
		r = bindings_start(loop->bindings, err);
	if (!r && status_begin(loop))
		r = error_set(err, ENOMEM, "out of memory");
	if (!r)
		r = saver_start(loop, &loop->saver, err);
	if (!r)
		r = asks_start(loop, err);
	if (r) {
		loop_close(loop);
		return r;
	}
	*out = loop;
	return 0;
}

void loop_watch(struct loop *loop, void (*committed)(void *arg, struct record *const *, size_t),
	void (*expired)(void *arg), void *arg)
{
	commit_hold(loop);
	loop->committed = committed;
	loop->expired = expired;
	loop->watch_arg = arg;
	commit_resume(loop);
}

void loop_close(struct loop *loop)
{
	if (!loop)
		return;
	if (loop->bindings)
		bindings_stop(loop->bindings);
	asks_stop(loop);
	saver_stop(loop->saver);
	if (loop->recent)
		recent_release(loop->recent);
	bindings_free(loop->bindings);
	/* Records that could not be moved yet hold items, and those hold channels of the state. */
	if (loop->log)
		loop->log->ops->free(loop->log);
	state_free(loop->state);
	store_free(loop->store);
	db_close(loop->db);
	metrics_free(loop->metrics);
	refusals_free(loop->refusals);
	rates_free(loop->rates);
	hub_release(&loop->hub);
	commit_release(&loop->commit);
	pthread_mutex_destroy(&loop->inboxes.mutex);
	pthread_rwlock_destroy(&loop->state_lock);
	free(loop->recent);
	free(loop);
}
