/* Telling who sent broadcasts how many have read them. */
#include "core/state/inbox.h"

#include "core/state/parts.h"
#include "core/state/view.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FETCH_MOST    64
#define FETCH_BYTES   ((size_t)256 << 10)
#define RECEIPT_BYTES 256

static void unite(struct tally *t, int i)
{
	t->spans[i].last = t->spans[i + 1].last;
	t->count--;
	memmove(&t->spans[i + 1], &t->spans[i + 2], sizeof(*t->spans) * (size_t)(t->count - i - 1));
}

static int64_t gap_after(const struct tally *t, int i)
{
	return t->spans[i + 1].first - t->spans[i].last;
}

static void unite_nearest(struct tally *t)
{
	int at = 0;

	for (int i = 1; i + 1 < t->count; i++)
		if (gap_after(t, i) < gap_after(t, at))
			at = i;
	unite(t, at);
}

/* Adds a span, of which both ends were read lately. */
static void tally_add(struct tally *t, int64_t first, int64_t last)
{
	int i = t->count;

	while (i > 0 && t->spans[i - 1].first > first)
		i--;
	if (i > 0 && first <= t->spans[i - 1].last) {
		i--;
		if (last > t->spans[i].last)
			t->spans[i].last = last;
	} else {
		memmove(&t->spans[i + 1], &t->spans[i], sizeof(*t->spans) * (size_t)(t->count - i));
		t->spans[i] = (struct span){first, last};
		t->count++;
	}
	while (i + 1 < t->count && t->spans[i + 1].first <= t->spans[i].last) {
		if (t->spans[i + 1].last < t->spans[i].last)
			t->spans[i + 1].last = t->spans[i].last;
		unite(t, i);
	}
	if (t->count > TALLY_MAX)
		unite_nearest(t);
}

void receipts_note(struct loop *loop, const struct record *r)
{
	pthread_mutex_lock(&loop->inboxes.mutex);
	tally_add(&loop->inboxes.tally, r->pos, r->pos);
	pthread_mutex_unlock(&loop->inboxes.mutex);
}

struct count {
	struct record *record;
	unsigned read, of;
};

/* Broadcasts whose senders are told in one commit. */
struct counted {
	struct count each[FETCH_MOST];
	char lines[FETCH_MOST][RECEIPT_BYTES];
	int count;
};

/* Those whom they reached: every session but the sender's that had begun. */
static void count_readers(struct loop *loop, struct counted *told)
{
	struct state *st = loop->state;

	state_rdlock(loop);
	for (size_t i = 0; i < st->session_slots; i++) {
		for (struct session *s = st->sessions[i]; s; s = s->next) {
			for (int k = 0; k < told->count; k++) {
				struct count *c = &told->each[k];
				const struct record *r = c->record;
				bool read = inbox_has_read(s, r->pos);

				if (s->since_pos >= r->pos || strcmp(s->id, r->session) == 0)
					continue;
				c->of += read || !s->ended_us;
				c->read += read;
			}
		}
	}
	state_unlock(loop);
}

static int add_receipt(
	struct loop *loop, struct command *command, const struct count *c, char *line)
{
	struct buf stamp = BUF_INIT;
	struct draft d = {.kind = RECORD_RECEIPT,
		.uid = c->record->uid,
		.type = "receipt",
		.session = c->record->session,
		.data = line};
	int r;

	buf_add_time(&stamp, loop_wall_us(loop));
	r = buf_error(&stamp);
	if (!r) {
		d.data_len = (size_t)snprintf(line, RECEIPT_BYTES,
			"{\"receipt\":\"read\",\"seq\":%lld,\"count\":%u,\"of\":%u,\"timestamp\":"
			"\"%s\"}",
			(long long)c->record->seq, c->read, c->of, stamp.data);
		r = command_add(command, &d);
	}
	buf_release(&stamp);
	return r;
}

/* Tells of those that have been read at all. */
static int tell(struct loop *loop, struct counted *told)
{
	struct command command = {.decide = NULL};
	int r = 0;

	count_readers(loop, told);
	for (int i = 0; i < told->count && !r; i++)
		if (told->each[i].read)
			r = add_receipt(loop, &command, &told->each[i], told->lines[i]);
	if (!r && command.draft_count)
		r = loop_call(loop, &command, NULL);
	command_release(&command);
	return r;
}

/* Tells of the next broadcasts in a span, and takes from it what was told. */
static int tell_next(
	struct loop *loop, const struct view *view, struct span *span, struct counted *told)
{
	struct record *records[FETCH_MOST];
	int64_t pos = span->first, most = span->last - pos + 1;
	size_t n = 0;
	int r;

	told->count = 0;
	r = view_fetch(view, loop, &pos, records, most < FETCH_MOST ? (size_t)most : FETCH_MOST,
		FETCH_BYTES, &n);
	if (r)
		return r;
	for (size_t i = 0; i < n; i++)
		if (records[i]->pos <= span->last && records[i]->session)
			told->each[told->count++] = (struct count){.record = records[i]};
	r = tell(loop, told);
	if (!r)
		span->first = pos;
	for (size_t i = 0; i < n; i++)
		record_unref(records[i]);
	return r;
}

static int tell_all(struct loop *loop, struct tally *t, struct counted *told)
{
	int done = 0, at = 0, r;
	struct view view;

	r = view_init(&view, loop, loop->state->broadcast, NULL, NULL, t->spans[0].first);
	if (r)
		return r;
	while (at < t->count && done < RECEIPTS_FLUSHED && !r) {
		r = tell_next(loop, &view, &t->spans[at], told);
		done += told->count;
		at += !r && t->spans[at].first > t->spans[at].last;
	}
	view_release(&view);
	t->count -= at;
	memmove(t->spans, t->spans + at, sizeof(*t->spans) * (size_t)t->count);
	return r;
}

bool receipts_flush(struct loop *loop)
{
	struct inboxes *in = &loop->inboxes;
	struct counted *told = NULL;
	struct tally t;
	int r = 0;

	pthread_mutex_lock(&in->mutex);
	t = in->tally;
	in->tally.count = 0;
	pthread_mutex_unlock(&in->mutex);
	if (t.count == 0)
		return true;
	/* What was noted may be decided and not applied yet: it is once nobody commits. */
	commit_hold(loop);
	commit_resume(loop);
	told = malloc(sizeof(*told));
	r = told ? tell_all(loop, &t, told) : -ENOMEM;
	free(told);
	pthread_mutex_lock(&in->mutex);
	for (int i = 0; i < t.count; i++)
		tally_add(&in->tally, t.spans[i].first, t.spans[i].last);
	pthread_mutex_unlock(&in->mutex);
	return r || t.count == 0;
}
