/* Marking messages read, and telling who sent them to one. */
#include "core/state/inbox.h"

#include "core/state/parts.h"
#include "core/state/session.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FETCH_MOST   64
#define FETCH_BYTES  ((size_t)256 << 10)
#define RECEIPTS_MAX 1000 /* direct messages told of one by one in one marking */

enum { DETAIL, DATA };

struct mark {
	int64_t pos; /* what is read now, */
	bool all;    /* and all before it */
	/* while it is decided */
	int64_t to; /* how far the cursor goes */
	bool gap;   /* something unread was met */
	int receipts;
	size_t ends[RECEIPTS_MAX]; /* of each receipt's data in the act's buffer */
	struct record *from[RECEIPTS_MAX];
};

static bool in_beyond(const struct session *s, int64_t pos)
{
	for (int i = 0; i < s->beyond_count; i++)
		if (s->beyond[i] == pos)
			return true;
	return false;
}

bool inbox_has_read(const struct session *s, int64_t pos)
{
	return pos <= s->read_pos || in_beyond(s, pos);
}

static void receipt(struct loop *loop, struct act *a, struct record *r)
{
	struct buf *data = &a->text[DATA];
	struct mark *m = a->mark;

	if (!r->session)
		return;
	if (!r->target) {
		receipts_note(loop, r);
		return;
	}
	if (m->receipts == RECEIPTS_MAX)
		return;
	buf_addf(data, "{\"receipt\":\"read\",\"seq\":%lld,\"by\":\"%s\",\"timestamp\":\"",
		(long long)r->seq, a->session->id);
	buf_add_time(data, loop_wall_us(loop));
	buf_adds(data, "\"}");
	m->from[m->receipts] = record_ref(r);
	m->ends[m->receipts++] = data->len;
}

/* Takes one message of the inbox beyond the cursor. Returns false where the rest does not matter.
 */
static bool take(struct loop *loop, struct act *a, struct record *r)
{
	struct mark *m = a->mark;
	bool was_read = in_beyond(a->session, r->pos);

	if (m->all && r->pos > m->pos)
		return false;
	if (m->all || r->pos == m->pos) {
		if (!was_read)
			receipt(loop, a, r);
		was_read = true;
	}
	if (!was_read)
		m->gap = true;
	if (was_read && !m->gap)
		m->to = r->pos;
	return r->pos < m->pos || !m->gap;
}

static int go_through(struct loop *loop, struct act *a, const struct view *view)
{
	struct record *records[FETCH_MOST];
	int64_t pos = a->session->read_pos + 1;
	bool more = true;
	size_t n = 1;
	int r = 0;

	while (more && n && !r) {
		r = view_fetch(view, loop, &pos, records, FETCH_MOST, FETCH_BYTES, &n);
		for (size_t i = 0; !r && i < n; i++) {
			more = more && take(loop, a, records[i]);
			record_unref(records[i]);
		}
	}
	return r;
}

static int decide(struct loop *loop, struct command *c, struct error *err)
{
	struct act *a = (struct act *)c;
	struct mark *m = a->mark;
	struct session *s = a->session;
	struct draft d = {.kind = RECORD_READ, .uid = s->uid, .type = "read", .session = s->id};
	struct view view;
	size_t at = 0;
	int r;

	if (s->ended_us)
		return error_set(err, ESTALE, "session %s has ended", s->id);
	if (m->pos <= s->read_pos || (!m->all && in_beyond(s, m->pos)))
		return 0; /* it is read already */
	r = inbox_view(loop, s, &view);
	if (r)
		return r;
	m->to = s->read_pos;
	r = go_through(loop, a, &view);
	view_release(&view);
	if (r)
		return r;
	if (m->all)
		m->to = m->pos;
	if (m->to >= m->pos)
		buf_addf(&a->text[DETAIL], "{\"to\":%lld}", (long long)m->to);
	else
		buf_addf(&a->text[DETAIL], "{\"one\":%lld,\"to\":%lld}", (long long)m->pos,
			(long long)m->to);
	if (buf_error(&a->text[DETAIL]) || buf_error(&a->text[DATA]))
		return -ENOMEM;
	d.detail = a->text[DETAIL].data;
	r = command_add(c, &d);
	for (int i = 0; i < m->receipts && !r; i++) {
		struct draft told = {
			.kind = RECORD_RECEIPT,
			.uid = s->uid,
			.type = "receipt",
			.session = m->from[i]->session,
			.data = a->text[DATA].data + at,
			.data_len = m->ends[i] - at,
			.detail = strcmp(m->from[i]->type, "message.direct") == 0
					  ? "{\"of\":\"message.direct\"}"
					  : NULL,
		};

		at = m->ends[i];
		r = command_add(c, &told);
	}
	return r;
}

void mark_free(struct mark *m)
{
	for (int i = 0; m && i < m->receipts; i++)
		record_unref(m->from[i]);
	free(m);
}

static int mark(
	const struct actor *actor, struct session *s, int64_t pos, bool all, struct act **out)
{
	struct act *a = act_new(actor);

	if (!a)
		return -ENOMEM;
	a->mark = calloc(1, sizeof(*a->mark));
	if (!a->mark) {
		act_free(a);
		return -ENOMEM;
	}
	a->mark->pos = pos;
	a->mark->all = all;
	a->session = session_ref(s);
	a->command.decide = decide;
	a->command.alone = true; /* two marks of one session would count from the same cursor */
	*out = a;
	return 0;
}

int inbox_mark_one(struct loop *loop, const struct actor *actor, struct session *s, int64_t pos,
	struct act **out)
{
	(void)loop;
	return mark(actor, s, pos, false, out);
}

int inbox_mark_to(struct loop *loop, const struct actor *actor, struct session *s, int64_t seq,
	struct act **out, struct error *err)
{
	struct state *st = loop->state;
	struct place at = {.pos = INT64_MAX};
	int64_t last;
	int r = 0;

	state_rdlock(loop);
	last = st->last_seq;
	if (seq >= 1 && seq <= last)
		r = index_at_ord(st->index, st->all, (uint64_t)seq - 1, &at);
	state_unlock(loop);
	if (seq < 0 || seq > last)
		return error_set(err, EINVAL, "ack: %lld is no seq yet; the newest is %lld",
			(long long)seq, (long long)last);
	if (r)
		return r;
	return mark(actor, s, seq ? at.pos : 0, true, out);
}
