#include "core/state/saver.h"

#include "core/base/history.h"
#include "core/base/metrics.h"
#include "core/base/thread.h"
#include "core/log/db.h"
#include "core/log/log.h"
#include "core/report/health.h"
#include "core/state/parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LOOK_US      (SECOND_US / 4) /* how often it looks whether something is due */
#define HEALTH_LOOKS 4               /* looks from one at the health to the next */
#define RETRY_US     (2 * SECOND_US) /* from a failure to the next try */
#define EXPIRE_CHUNK 2000            /* records that go in one transaction */

struct saver {
	struct loop *loop;
	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	bool stopping;
	int64_t save_due, expire_due, receipts_due; /* mono_us */
	unsigned looks;
	struct history history;
};

static int save(struct loop *loop, struct error *err)
{
	int r = state_save(loop->state, err);

	if (r)
		return r;
	state_wrlock(loop);
	state_saved(loop->state);
	state_unlock(loop);
	return 0;
}

static int move(struct loop *loop, struct error *err)
{
	const int r = loop->log->ops->move(loop->log, err);

	trouble_note(loop->metrics, TROUBLE_MOVE, r, err);
	return r;
}

static void checkpoint(struct loop *loop)
{
	const int64_t began_us = loop_mono_us(loop);
	struct error err = {0};
	const int r = db_checkpoint(loop->db, &err);

	trouble_note(loop->metrics, TROUBLE_CHECKPOINT, r, &err);
	histogram_add(
		&loop->metrics->checkpoint_time, histogram_times, loop_mono_us(loop) - began_us);
}

static void save_now(struct saver *s)
{
	struct loop *loop = s->loop;
	struct metrics *m = loop->metrics;
	struct error err = {0};
	int64_t began_us;
	int r;

	/* What is saved must be in the log's table; most of it is moved before writers are held. */
	r = move(loop, &err);
	commit_hold(loop);
	began_us = loop_mono_us(loop);
	if (!r)
		r = move(loop, &err);
	if (!r && !state_is_saved(loop->state)) {
		r = save(loop, &err);
		histogram_add(&m->save_time, histogram_times, loop_mono_us(loop) - began_us);
	}
	commit_resume(loop);
	/* Nothing is lost: the log has it all, and the next save tries again. */
	trouble_note(m, TROUBLE_SAVE, r, &err);
	if (!r)
		checkpoint(loop);
}

/* What goes with the records before a position, for each uid. */
struct toll {
	int64_t before;
	struct due {
		uid_t uid;
		size_t messages, bytes;
	} * dues;
	size_t count;
	bool failed;
};

static struct due *due_of(struct toll *toll, uid_t uid)
{
	struct due *grown;

	for (size_t i = 0; i < toll->count; i++)
		if (toll->dues[i].uid == uid)
			return &toll->dues[i];
	grown = reallocarray(toll->dues, toll->count + 1, sizeof(*grown));
	if (!grown)
		return NULL;
	toll->dues = grown;
	grown[toll->count] = (struct due){.uid = uid};
	return &grown[toll->count++];
}

static bool count_record(void *arg, struct record *r)
{
	struct toll *toll = arg;
	struct due *due = r->pos < toll->before ? due_of(toll, r->uid) : NULL;

	if (!due) {
		toll->failed = r->pos < toll->before;
		return false;
	}
	due->messages += r->kind == RECORD_EVENT;
	due->bytes += record_bytes(r);
	return true;
}

/* What is kept of a uid is what stands from the state's first position on: so both change at once,
 * and are saved at once. */
static int forget(struct loop *loop, const struct toll *toll, struct error *err)
{
	const int64_t ended_before_us = loop_wall_us(loop) - loop->config->hold;
	int r;

	state_wrlock(loop);
	for (size_t i = 0; i < toll->count; i++)
		state_gone(loop->state, toll->dues[i].uid, toll->dues[i].messages,
			toll->dues[i].bytes);
	state_forget(loop->state, toll->before, ended_before_us);
	state_unlock(loop);
	r = save(loop, err);
	if (r)
		return r;
	state_wrlock(loop);
	r = state_trim(loop->state, ended_before_us, err);
	state_unlock(loop);
	return r;
}

/* Finds out what is to go, while everything goes on. */
static int find_old(struct loop *loop, struct toll *toll, struct error *err)
{
	const int64_t first = loop->state->first_pos; /* changed by this thread alone */
	int r;

	toll->before = first;
	if (!loop->config->expire)
		return 0;
	r = loop->log->ops->find_time(
		loop->log, loop_wall_us(loop) - loop->config->expire, &toll->before, err);
	if (!r && toll->before > first)
		r = log_read(loop->log, first, count_record, toll, err);
	if (!r && toll->failed)
		r = error_set(err, ENOMEM, "out of memory");
	if (toll->before < first)
		toll->before = first;
	return r;
}

/* First the state forgets what is old, and that is saved; then the records go, in small steps. A
 * crash in between leaves records that nobody sees, and the next round takes them. */
static int expire(struct saver *s, struct error *err)
{
	struct loop *loop = s->loop;
	struct toll toll = {0};
	size_t gone = EXPIRE_CHUNK;
	int r = find_old(loop, &toll, err);

	if (r)
		goto out;
	commit_hold(loop);
	r = loop->log->ops->move(loop->log, err);
	/* On a full disk what goes makes the room for what can't be moved yet; but the saved state
	 * must not know more than a loss of power leaves. */
	if (r == -ENOSPC)
		r = log_sync(loop->log, err);
	if (!r)
		r = forget(loop, &toll, err);
	/* While the committer is held nobody unsets it. */
	if (!r && loop->expired)
		loop->expired(loop->watch_arg);
	commit_resume(loop);
	while (!r && gone == EXPIRE_CHUNK)
		r = log_expire(loop->log, toll.before, EXPIRE_CHUNK, NULL, NULL, &gone, err);
out:
	free(toll.dues);
	return r;
}

static int64_t expire_every(const struct config *config)
{
	int64_t every = config->hold / 24;

	if (config->expire && config->expire / 24 < every)
		every = config->expire / 24;
	if (every > 600 * SECOND_US)
		every = 600 * SECOND_US;
	return every > LOOK_US ? every : LOOK_US;
}

static uint64_t count_events(struct metrics *m)
{
	uint64_t all = 0;

	for (int i = 0; i < EVENT_TYPES; i++)
		all += counter_of(&m->events[i]);
	return all;
}

/* What failed is tried again soon: it is not known when there will be room again. */
static int64_t due_again(struct loop *loop, enum trouble_kind kind, int64_t now, int64_t every)
{
	const bool failed = atomic_load(&loop->metrics->troubles[kind].code) != 0;

	return now + (failed && every > RETRY_US ? RETRY_US : every);
}

static void look(struct saver *s)
{
	struct loop *loop = s->loop;
	int64_t now = loop_mono_us(loop), behind;
	struct error err = {0};

	if (now >= s->receipts_due) {
		receipts_flush(loop);
		s->receipts_due = now + SECOND_US;
	}
	state_rdlock(loop);
	behind = loop->state->applied_pos - loop->state->saved_pos;
	state_unlock(loop);
	move(loop, &err);
	if (behind >= SAVE_RECORDS || now >= s->save_due) {
		save_now(s);
		s->save_due = due_again(loop, TROUBLE_SAVE, now, loop->config->save);
		s->save_due = due_again(loop, TROUBLE_CHECKPOINT, now, s->save_due - now);
	}
	if (now >= s->expire_due) {
		trouble_note(loop->metrics, TROUBLE_EXPIRE, expire(s, &err), &err);
		s->expire_due = due_again(loop, TROUBLE_EXPIRE, now, expire_every(loop->config));
	}
	/* By the looks and not by a clock: that this thread goes on is what it shows. */
	if (s->looks++ % HEALTH_LOOKS == 0) {
		history_feed(&s->history, loop_mono_us(loop), count_events(loop->metrics));
		health_look(loop);
	}
}

void saver_history(struct saver *s, struct history_counts *out)
{
	history_read(&s->history, loop_mono_us(s->loop), out);
}

static void *run(void *arg)
{
	struct saver *s = arg;
	struct timespec until;

	pthread_mutex_lock(&s->mutex);
	while (!s->stopping) {
		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_nsec += LOOK_US * 1000;
		until.tv_sec += until.tv_nsec / 1000000000;
		until.tv_nsec %= 1000000000;
		pthread_cond_timedwait(&s->cond, &s->mutex, &until);
		if (s->stopping)
			break;
		pthread_mutex_unlock(&s->mutex);
		look(s);
		pthread_mutex_lock(&s->mutex);
	}
	pthread_mutex_unlock(&s->mutex);
	return NULL;
}

int saver_start(struct loop *loop, struct saver **out, struct error *err)
{
	struct saver *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return error_set(err, ENOMEM, "out of memory");
	s->loop = loop;
	s->save_due = loop_mono_us(loop) + loop->config->save;
	history_init(&s->history);
	pthread_mutex_init(&s->mutex, NULL);
	thread_cond_init(&s->cond);
	r = pthread_create(&s->thread, NULL, run, s);
	if (r) {
		history_release(&s->history);
		free(s);
		return error_set(err, r, "can't start the saver: %s", strerror(r));
	}
	pthread_setname_np(s->thread, "saver");
	*out = s;
	return 0;
}

void saver_stop(struct saver *s)
{
	if (!s)
		return;
	pthread_mutex_lock(&s->mutex);
	s->stopping = true;
	pthread_cond_signal(&s->cond);
	pthread_mutex_unlock(&s->mutex);
	pthread_join(s->thread, NULL);
	while (!receipts_flush(s->loop))
		;
	save_now(s);
	pthread_mutex_destroy(&s->mutex);
	pthread_cond_destroy(&s->cond);
	history_release(&s->history);
	free(s);
}
