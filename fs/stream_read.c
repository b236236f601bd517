/* Reading a stream: what is collected, and who is answered or waits. */
#include "fs/stream_private.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#define FETCH_MOST 64

/* What has expired before it was read, in one line. */
static void tell_gap(struct stream *s, struct buf *out)
{
	struct state *st = s->loop->state;
	struct place at;
	int64_t first_pos;
	int r;

	state_rdlock(s->loop);
	first_pos = st->first_pos;
	r = s->next_pos < first_pos ? index_at_pos(st->index, st->all, first_pos, &at) : -ENOENT;
	state_unlock(s->loop);
	if (r)
		return;
	s->next_pos = first_pos;
	if ((int64_t)at.ord >= s->next_seq)
		counter_add(&s->loop->metrics->gaps, 1);
	if ((int64_t)at.ord >= s->next_seq)
		buf_addf(out, "{\"gap\":{\"from\":%lld,\"to\":%lld}}\n", (long long)s->next_seq,
			(long long)at.ord);
	s->next_seq = (int64_t)at.ord + 1;
}

/* Adds whole lines up to size, or a part of one where it does not fit. */
static int collect_lines(struct stream *s, size_t size, struct buf *out)
{
	struct record *records[FETCH_MOST];
	bool full = false;
	size_t n, len;
	int64_t pos;
	int r;

	tell_gap(s, out);
	do {
		pos = s->next_pos;
		r = view_fetch(s->view, s->loop, &pos, records, FETCH_MOST, size, &n);
		if (r)
			return out->len ? 0 : r;
		for (size_t i = 0; i < n; i++) {
			const char *line = view_line(s->view, records[i], &len);

			full = full || (out->len && out->len + len > size);
			if (!full) {
				if (stream_wants(s, records[i]))
					buf_add(out, line, stream_split(s, line, len, size));
				s->next_pos = records[i]->pos + 1;
				if (records[i]->seq)
					s->next_seq = records[i]->seq + 1;
				full = s->rest.len > 0;
			}
			record_unref(records[i]);
		}
		if (!full)
			s->next_pos = pos;
	} while (n && !out->len);
	return buf_error(out);
}

static void take_front(struct buf *from, size_t size, struct buf *out)
{
	size_t len = from->len < size ? from->len : size;

	buf_add(out, from->data, len);
	memmove(from->data, from->data + len, from->len - len);
	from->len -= len;
}

static int collect(struct stream *s, size_t size, struct buf *out)
{
	int r = 0;

	if (s->rest.len) {
		take_front(&s->rest, size, out);
		return buf_error(out);
	}
	r = s->errors ? stream_collect_errors(s, size, out) : collect_lines(s, size, out);
	if (r || out->len)
		return r;
	waits_lock(s->server->waits);
	/* What is read in parts goes on before anything else does. */
	buf_add(&s->rest, s->said.data, s->said.len);
	buf_reset(&s->said);
	waits_unlock(s->server->waits);
	if (s->rest.len)
		take_front(&s->rest, size, out);
	return buf_error(&s->rest) ? buf_error(&s->rest) : buf_error(out);
}

/* Ends collecting, under the lock. Where there may be more than was taken, who waits is next and
 * collects in place of the one that ends: news in between would take that one for a reader that has
 * had everything before. NULL: nobody is. */
static struct parked *leave(struct stream *s, bool more)
{
	struct parked *next = more && s->active == 1 ? waits_take(&s->parked) : NULL;

	if (!next)
		s->active--;
	return next;
}

/* Answers or parks one reader, who counts as active: the next one, who is to be served. The stream
 * may be gone afterwards, unless there is one. */
static struct parked *read_one(struct stream *s, fuse_req_t req, size_t size, bool nonblock)
{
	struct waits *waits = s->server->waits;
	struct buf out = BUF_INIT;
	struct parked *next;
	uint64_t seen;
	bool more;
	int r;

	for (;;) {
		waits_lock(waits);
		seen = s->news;
		waits_unlock(waits);
		pthread_mutex_lock(&s->reading);
		r = collect(s, size, &out);
		pthread_mutex_unlock(&s->reading);
		if (!r && !out.len && !nonblock)
			waits_prepare(waits, req);
		waits_lock(waits);
		more = s->news != seen;
		if (!r && !out.len && !nonblock && more && !waits_ended(waits)) {
			waits_unlock(waits);
			continue;
		}
		more = more || r || out.len || s->over;
		if (!r && !out.len)
			r = waits_ended(waits) || s->over ? -ESHUTDOWN
			    : nonblock                    ? -EAGAIN
				       : waits_park(waits, req, size, &s->parked);
		else if (!r)
			r = 1;
		next = leave(s, more);
		waits_unlock(waits);
		break;
	}
	if (r)
		waits_answer(req, r == 1 ? 0 : r, &out);
	else /* it is parked */
		buf_release(&out);
	return next;
}

void stream_serve(struct stream *s, struct parked *p)
{
	struct parked *next;

	for (; p; p = next) {
		next = read_one(s, p->req, p->size, false);
		free(p);
	}
}

void stream_read(struct stream *s, fuse_req_t req, size_t size, bool nonblock)
{
	waits_lock(s->server->waits);
	s->active++;
	waits_unlock(s->server->waits);
	stream_serve(s, read_one(s, req, size, nonblock));
}

/* Whether a read would have something: moves over what is not wanted. */
static bool is_ready(struct stream *s)
{
	struct record *record;
	size_t n = 0;
	bool ready = s->rest.len;
	int64_t pos;

	waits_lock(s->server->waits);
	ready = ready || s->said.len;
	waits_unlock(s->server->waits);
	if (s->errors)
		return ready || stream_has_errors(s);
	while (!ready) {
		pos = s->next_pos;
		if (view_fetch(s->view, s->loop, &pos, &record, 1, 1, &n) || n == 0)
			break;
		ready = stream_wants(s, record);
		record_unref(record);
		if (!ready)
			s->next_pos = pos;
	}
	return ready;
}

void stream_poll(struct stream *s, fuse_req_t req, struct fuse_pollhandle *poll)
{
	struct waits *waits = s->server->waits;
	struct fuse_pollhandle *was = NULL;
	struct parked *next;
	uint64_t seen;
	bool ready;

	waits_lock(waits);
	s->active++;
	seen = s->news;
	if (poll) {
		was = s->poll;
		s->poll = poll;
	}
	waits_unlock(waits);
	pthread_mutex_lock(&s->reading);
	ready = is_ready(s);
	pthread_mutex_unlock(&s->reading);
	waits_lock(waits);
	ready = ready || s->over;
	next = leave(s, ready || s->news != seen);
	ready = ready || waits_ended(waits);
	waits_unlock(waits);
	if (was)
		fuse_pollhandle_destroy(was);
	fuse_reply_poll(req, ready ? POLLIN | POLLRDNORM | POLLOUT : POLLOUT);
	stream_serve(s, next);
}
