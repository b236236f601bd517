/* Taking commands, committing them together, answering, telling. */
#include "core/item/collaboration.h"

#include "core/base/grow.h"
#include "core/state/parts.h"

#include "core/item/ask.h"
#include "core/item/status.h"
#include "core/log/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

int commit_init(struct commit *c)
{
	memset(c, 0, sizeof(*c));
	c->tail = &c->head;
	pthread_mutex_init(&c->mutex, NULL);
	pthread_cond_init(&c->idle, NULL);
	return 0;
}

void commit_release(struct commit *c)
{
	free(c->records);
	free(c->drafts);
	pthread_mutex_destroy(&c->mutex);
	pthread_cond_destroy(&c->idle);
}

int command_add(struct command *c, const struct draft *d)
{
	struct draft *grown;
	size_t cap = c->draft_cap ? c->draft_cap : COMMAND_DRAFTS_MAX;

	if (!c->drafts) {
		c->drafts = c->few;
		c->draft_cap = COMMAND_DRAFTS_MAX;
	}
	if (c->draft_count == cap) {
		grown = malloc(sizeof(*grown) * 2 * cap);
		if (!grown)
			return -ENOMEM;
		memcpy(grown, c->drafts, sizeof(*grown) * cap);
		if (c->drafts != c->few)
			free(c->drafts);
		c->drafts = grown;
		c->draft_cap = 2 * cap;
	}
	c->drafts[c->draft_count++] = *d;
	return 0;
}

void command_release(struct command *c)
{
	if (c->drafts != c->few)
		free(c->drafts);
	c->drafts = NULL;
	c->draft_count = 0;
}

/* What concerns the running daemon alone, once a record was applied. */
static void applied(struct loop *loop, struct record *r)
{
	struct session *s;

	if (r->item && r->item->kind == ITEM_ASK)
		asks_applied(loop, r);
	if (!r->detail || r->kind != RECORD_EVENT || !r->session)
		return;
	s = state_session(loop->state, r->session);
	if (!s)
		return;
	if (strcmp(r->type, "session.started") == 0)
		bind_session(loop, s);
	else if (strcmp(r->type, "session.ended") == 0)
		unbind_session(loop, s);
}

/* Who waits for the messages of a session that has ended, or for what happens in a collaboration
 * that has, waits no longer. */
static void over(struct loop *loop, const struct record *r)
{
	struct session *s;

	if (r->kind == RECORD_EVENT && r->item && strcmp(r->type, "collaboration.ended") == 0) {
		const struct collaboration *c = (const struct collaboration *)r->item;

		hub_over(&loop->hub, c->together);
		hub_over(&loop->hub, c->talk);
		hub_over(&loop->hub, c->decided);
	}
	if (r->kind != RECORD_EVENT || strcmp(r->type, "session.ended") != 0 || !r->session)
		return;
	s = state_session(loop->state, r->session);
	if (!s || !s->ended_us)
		return;
	hub_over(&loop->hub, s->to);
	hub_over(&loop->hub, s->sent);
	hub_over(&loop->hub, s->events);
}

static int remember(struct commit *c, struct record *r)
{
	struct record **grown =
		grow(c->records, c->record_count, &c->record_cap, sizeof(*grown), 64);

	if (!grown)
		return -ENOMEM;
	c->records = grown;
	c->records[c->record_count++] = record_ref(r);
	return 0;
}

void commit_follow(void *arg, struct record *const *records, size_t count)
{
	struct loop *loop = arg;
	struct commit *c = &loop->commit;
	int err = 0;

	state_wrlock(loop);
	for (size_t i = 0; i < count && !err; i++) {
		err = state_apply(loop->state, records[i]);
		if (!err)
			recent_add(loop->recent, records[i]);
		if (!err)
			err = remember(c, records[i]);
	}
	state_unlock(loop);
	if (err) {
		/* What is in the log is kept; only this process can no longer follow it. */
		c->failed = err;
		syslog(LOG_CRIT,
			"applying the log failed (%s): nothing more is taken until leitlfs "
			"is started again",
			strerror(-err));
	}
}

static void answer(struct loop *loop, struct command *c, struct record *const *records)
{
	size_t count = c->status ? 0 : c->draft_count;

	c->done(loop, c, c->status, &c->error, count ? records : NULL, count);
}

/* Decides each command; returns how many drafts there are in all. */
static size_t decide(struct loop *loop, struct command *batch)
{
	size_t drafts = 0;

	for (struct command *c = batch; c; c = c->next) {
		c->status = 0;
		c->error.code = 0;
		c->error.text[0] = '\0';
		if (loop->commit.failed)
			c->status = error_set(&c->error, EIO,
				"the log can't be followed any more; "
				"start leitlfs again");
		else if (c->decide)
			c->status = c->decide(loop, c, &c->error);
		if (c->status && !c->error.text[0])
			error_set(&c->error, -c->status, "%s", strerror(-c->status));
		if (!c->status)
			drafts += c->draft_count;
	}
	return drafts;
}

/* The drafts of the batch in one array: the command's own where there is only one. */
static struct draft *gather(struct commit *commit, struct command *batch, size_t count)
{
	struct draft *grown, *to;

	if (!batch->next)
		return batch->drafts;
	if (count > commit->draft_cap) {
		grown = realloc(commit->drafts, sizeof(*grown) * count);
		if (!grown)
			return NULL;
		commit->drafts = grown;
		commit->draft_cap = count;
	}
	to = commit->drafts;
	for (struct command *c = batch; c; c = c->next) {
		if (!c->status)
			memcpy(to, c->drafts, sizeof(*to) * c->draft_count);
		to += c->status ? 0 : c->draft_count;
	}
	return commit->drafts;
}

/* How the append went, and how long it and its writers took. */
static void measure(struct loop *loop, const struct command *batch, size_t count, int64_t began_us,
	int err, const struct error *error)
{
	struct metrics *m = loop->metrics;
	const int64_t now_us = loop_mono_us(loop);

	/* What could not be applied is in the log, and the last that was. */
	trouble_note(m, TROUBLE_APPEND, loop->commit.failed ? -EIO : err, error);
	if (err)
		return;
	histogram_add(&m->commit_time, histogram_times, now_us - began_us);
	histogram_add(&m->commit_records, histogram_counts, (int64_t)count);
	for (const struct command *c = batch; c; c = c->next)
		if (!c->status && c->draft_count)
			histogram_add(&m->write_time, histogram_times, now_us - c->submitted_us);
}

static void append(struct loop *loop, struct command *batch, size_t count)
{
	struct draft *drafts = gather(&loop->commit, batch, count);
	const int64_t began_us = loop_mono_us(loop);
	struct error error = {0};
	int err;

	if (drafts)
		err = log_append(loop->log, drafts, count, &error);
	else
		err = error_set(&error, ENOMEM, "out of memory");
	measure(loop, batch, count, began_us, err, &error);
	if (!err && loop->commit.failed)
		err = error_set(&error, EIO,
			"kept, but it can't be shown until leitlfs is "
			"started again");
	for (struct command *c = batch; err && c; c = c->next) {
		if (c->status)
			continue;
		c->status = err;
		c->error = error;
	}
}

static void let_go(struct loop *loop, struct record *r)
{
	if (r->kind == RECORD_EVENT)
		counter_add(&loop->metrics->events[event_type_number(r->type)], 1);
	record_unref(r);
}

static void tell(struct loop *loop, struct command *batch)
{
	struct commit *commit = &loop->commit;
	struct command *next;
	size_t followers = 0, at = 0;
	bool one = commit->record_count == 1;

	for (size_t i = 0; i < commit->record_count; i++)
		applied(loop, commit->records[i]);
	if (one) {
		followers = hub_collect(&loop->hub, commit->records[0]);
		hub_tell(&loop->hub, commit->records[0], 0,
			followers < COMMIT_TOLD_FIRST ? followers : COMMIT_TOLD_FIRST);
	}
	for (struct command *c = batch; c; c = next) {
		size_t count = c->status ? 0 : c->draft_count;

		next = c->next;
		answer(loop, c, commit->records + at);
		at += count;
	}
	if (one && followers > COMMIT_TOLD_FIRST)
		hub_tell(&loop->hub, commit->records[0], COMMIT_TOLD_FIRST, followers);
	for (size_t i = 0; !one && i < commit->record_count; i++) {
		followers = hub_collect(&loop->hub, commit->records[i]);
		hub_tell(&loop->hub, commit->records[i], 0, followers);
	}
	for (size_t i = 0; i < commit->record_count; i++) {
		over(loop, commit->records[i]);
		status_follow(loop, commit->records[i]);
	}
	if (loop->committed && commit->record_count)
		loop->committed(loop->watch_arg, commit->records, commit->record_count);
	for (size_t i = 0; i < commit->record_count; i++)
		let_go(loop, commit->records[i]);
	commit->record_count = 0;
}

static struct command *take(struct commit *c)
{
	struct command *batch = c->head, **end = &c->head;
	size_t n = 0;

	while (*end && n < COMMIT_COMMANDS_MAX && !((*end)->alone && n > 0)) {
		bool alone = (*end)->alone;

		end = &(*end)->next;
		n++;
		if (alone)
			break;
	}
	if (!batch)
		return NULL;
	c->head = *end;
	*end = NULL;
	if (!c->head)
		c->tail = &c->head;
	return batch;
}

/* The committer's work until nothing waits, or somebody wants its place. */
static void run(struct loop *loop)
{
	struct commit *c = &loop->commit;
	struct command *batch;
	size_t drafts;

	for (;;) {
		pthread_mutex_lock(&c->mutex);
		batch = c->holding ? NULL : take(c);
		if (!batch) {
			c->busy = false;
			pthread_cond_broadcast(&c->idle);
			pthread_mutex_unlock(&c->mutex);
			return;
		}
		pthread_mutex_unlock(&c->mutex);
		drafts = decide(loop, batch);
		if (drafts)
			append(loop, batch, drafts);
		tell(loop, batch);
	}
}

void loop_submit(struct loop *loop, struct command *command)
{
	struct commit *c = &loop->commit;
	bool mine;

	command->next = NULL;
	command->submitted_us = loop_mono_us(loop);
	pthread_mutex_lock(&c->mutex);
	*c->tail = command;
	c->tail = &command->next;
	mine = !c->busy && !c->holding;
	if (mine)
		c->busy = true;
	pthread_mutex_unlock(&c->mutex);
	if (mine)
		run(loop);
}

void commit_hold(struct loop *loop)
{
	struct commit *c = &loop->commit;

	pthread_mutex_lock(&c->mutex);
	c->holding++;
	while (c->busy)
		pthread_cond_wait(&c->idle, &c->mutex);
	c->busy = true;
	c->holding--;
	pthread_mutex_unlock(&c->mutex);
}

void commit_resume(struct loop *loop)
{
	run(loop);
}

struct call {
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	bool over;
};

static void call_done(struct loop *loop, struct command *c, int status, const struct error *err,
	struct record *const *records, size_t count)
{
	struct call *call = c->caller;

	(void)loop, (void)status, (void)err, (void)records, (void)count;
	pthread_mutex_lock(&call->mutex);
	call->over = true;
	pthread_cond_signal(&call->cond);
	pthread_mutex_unlock(&call->mutex);
}

int loop_call(struct loop *loop, struct command *c, struct error *err)
{
	struct call call = {.over = false};

	pthread_mutex_init(&call.mutex, NULL);
	pthread_cond_init(&call.cond, NULL);
	c->caller = &call;
	c->done = call_done;
	loop_submit(loop, c);
	pthread_mutex_lock(&call.mutex);
	while (!call.over)
		pthread_cond_wait(&call.cond, &call.mutex);
	pthread_mutex_unlock(&call.mutex);
	pthread_mutex_destroy(&call.mutex);
	pthread_cond_destroy(&call.cond);
	if (c->status && err)
		*err = c->error;
	return c->status;
}
