/* A stream that is open follows the log: what is new answers who waits. */
#include "fs/stream_private.h"

#include "fs/files.h"

#include "core/base/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SAID_BYTES ((size_t)64 << 10) /* lines not kept that may wait */

/* Takes the first parked read off, if nobody is collecting; and the poll handle. */
struct parked *stream_wake(struct stream *s, struct fuse_pollhandle **poll)
{
	*poll = s->poll;
	s->poll = NULL;
	return s->active ? NULL : waits_take(&s->parked);
}

void stream_tell_poll(struct fuse_pollhandle *poll)
{
	if (!poll)
		return;
	fuse_lowlevel_notify_poll(poll);
	fuse_pollhandle_destroy(poll);
}

/* Splits a line between an answer of that size and the rest. */
size_t stream_split(struct stream *s, const char *line, size_t len, size_t size)
{
	if (len <= size)
		return len;
	buf_reset(&s->rest);
	buf_add(&s->rest, line + size, len - size);
	return size;
}

/* Shares a line out among those who wait, whom `p` is the first of: each gets what its read has
 * room for, and what is left then is the next read's. So nobody waits while there is a rest. Under
 * the lock of the waits; they are answered without it. */
static void share(struct stream *s, struct parked *p, const char *line, size_t len)
{
	struct parked *next;

	while (len > p->size && (next = waits_take(&s->parked))) {
		line += p->size;
		len -= p->size;
		p->next = next;
		p = next;
	}
	p->next = NULL;
	stream_split(s, line, len, p->size);
}

static void answer_shares(struct parked *p, const char *line, size_t len)
{
	struct parked *next;
	size_t part;

	for (; p; p = next) {
		next = p->next;
		part = len < p->size ? len : p->size;
		fuse_reply_buf(p->req, line, part);
		line += part;
		len -= part;
		free(p);
	}
}

/* A record of the view was applied. A parked reader has had everything before it. */
static void news(struct follower *f, struct record *r)
{
	struct stream *s = (struct stream *)f;
	struct waits *waits = s->server->waits;
	struct fuse_pollhandle *poll = NULL;
	struct parked *p = NULL;
	const char *line;
	size_t len = 0;

	waits_lock(waits);
	s->news++;
	if (!s->active && r->pos < s->next_pos) {
		waits_unlock(waits);
		return;
	}
	if (!s->active && s->parked && !stream_wants(s, r)) {
		s->next_pos = r->pos + 1;
		waits_unlock(waits);
		return;
	}
	p = stream_wake(s, &poll);
	line = view_line(s->view, r, &len);
	if (p) {
		share(s, p, line, len);
		s->next_pos = r->pos + 1;
		if (r->seq)
			s->next_seq = r->seq + 1;
	}
	waits_unlock(waits);
	if (p) {
		answer_shares(p, line, len);
		histogram_add(&s->loop->metrics->wake_time, histogram_times,
			loop_wall_us(s->loop) - r->time_us);
	}
	stream_tell_poll(poll);
}

static void said(struct follower *f, const char *line, size_t len)
{
	struct stream *s = (struct stream *)f;
	struct waits *waits = s->server->waits;
	struct fuse_pollhandle *poll = NULL;
	struct parked *p = NULL;

	waits_lock(waits);
	if (s->activities || !stream_wants_type(s, "session.heartbeat")) {
		waits_unlock(waits);
		return;
	}
	s->news++;
	p = stream_wake(s, &poll);
	if (p)
		share(s, p, line, len);
	else if (s->said.len + len <= SAID_BYTES)
		buf_add(&s->said, line, len);
	waits_unlock(waits);
	answer_shares(p, line, len);
	stream_tell_poll(poll);
}

/* The session or collaboration has ended whose stream it is: readers get what there is, and then
 * the end of file. */
static void over(struct follower *f)
{
	struct stream *s = (struct stream *)f;
	struct waits *waits = s->server->waits;
	struct fuse_pollhandle *poll = NULL;
	struct parked *p;

	waits_lock(waits);
	s->over = true;
	s->news++;
	while ((p = stream_wake(s, &poll))) {
		waits_unlock(waits);
		stream_tell_poll(poll);
		fuse_reply_buf(p->req, NULL, 0);
		free(p);
		waits_lock(waits);
	}
	waits_unlock(waits);
	stream_tell_poll(poll);
}

static void stream_free(struct follower *f)
{
	struct stream *s = (struct stream *)f;

	view_release(&s->own_view);
	pthread_mutex_destroy(&s->reading);
	if (s->poll)
		fuse_pollhandle_destroy(s->poll);
	buf_release(&s->rest);
	buf_release(&s->said);
	free(s->patterns);
	free(s->activities);
	free(s);
}

static struct stream *stream_new(struct handle *h)
{
	struct stream *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->server = h->server;
	s->loop = h->loop;
	s->errors = h->node->where.row->ops == &errors_ops;
	s->viewer = h->node->where.viewer;
	pthread_mutex_init(&s->reading, NULL);
	buf_init(&s->rest, LINE_MAX_BYTES);
	buf_init(&s->said, SAID_BYTES + 4096);
	atomic_init(&s->follower.refs, 1);
	s->follower.free = stream_free;
	return s;
}

/* Where it begins: with what comes now, or for feeds/since with what the view begins with. */
static void begin(struct stream *s, const struct node *n)
{
	const char *since = n->where.word;

	state_rdlock(s->loop);
	s->next_pos = s->loop->state->applied_pos + 1;
	s->next_seq = s->loop->state->last_seq + 1;
	state_unlock(s->loop);
	if (n->where.row->ops != &since_ops)
		return;
	s->next_pos = n->view.base_pos;
	if (since[strspn(since, "0123456789")] == '\0')
		s->after_seq = strtoll(since, NULL, 10);
	else
		text_time(since, &s->from_us);
}

/* It may be over already, and then nobody tells. */
static void look_if_over(struct stream *s, const struct item *item)
{
	bool ended;

	state_rdlock(s->loop);
	ended = item->closed_us != 0;
	state_unlock(s->loop);
	waits_lock(s->server->waits);
	s->over = s->over || ended;
	waits_unlock(s->server->waits);
}

int stream_open(struct handle *h, struct stream **out)
{
	const struct node *n = h->node;
	struct stream *s = stream_new(h);
	int r;

	if (!s)
		return -ENOMEM;
	if (s->errors) {
		stream_begin_errors(s);
		*out = s;
		return 0;
	}
	/* A view of its own: the node's may be released before a late call of the hub. */
	r = view_init(&s->own_view, h->loop, n->view.plus[0], n->view.plus[1], n->view.minus,
		n->view.base_pos);
	if (r) {
		free(s);
		return r;
	}
	s->view = &s->own_view;
	s->follower.view = s->view;
	s->follower.news = news;
	if (strncmp(n->where.row->path, "sessions/", 9) == 0 || n->where.item)
		s->follower.over = over;
	if (strcmp(n->where.row->path, "feeds/all") == 0)
		s->follower.said = said;
	begin(s, n);
	hub_follow(&h->loop->hub, &s->follower);
	if (n->where.item)
		look_if_over(s, n->where.item);
	*out = s;
	return 0;
}

void stream_close(struct stream *s)
{
	if (!s)
		return;
	if (s->errors)
		stream_end_errors(s);
	else
		hub_unfollow(&s->loop->hub, &s->follower);
	follower_unref(&s->follower);
}
