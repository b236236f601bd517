#include "fs/turn.h"

#include "fs/private.h"

#include "core/state/inbox.h"
#include "core/state/parts.h"
#include "core/state/session.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

struct turning {
	struct turn turn; /* first */
	struct server *server;
	struct handle *handle; /* good while a read of it is parked or under way */
	/* under the lock of the waits */
	struct parked *parked;
	int active;
	uint64_t news;
	struct fuse_pollhandle *poll;
};

static void turning_free(struct follower *f)
{
	struct turning *t = (struct turning *)f;

	view_release(&t->turn.view);
	if (t->poll)
		fuse_pollhandle_destroy(t->poll);
	free(t);
}

/* What the next read of the text gives, copied so that it can be answered without the lock. */
static int slice(struct handle *h, size_t size, struct buf *out)
{
	size_t left = h->text.len - h->text_read;

	if (size > left)
		size = left;
	buf_add(out, h->text.data + h->text_read, size);
	h->text_read += size;
	return buf_error(out);
}

static bool is_at_end(struct handle *h)
{
	bool over;

	pthread_mutex_lock(&h->lock);
	over = h->has_text && h->text_read == h->text.len;
	pthread_mutex_unlock(&h->lock);
	return over;
}

static int try_turn(struct handle *h, size_t size, struct buf *out)
{
	bool ended;
	int r;

	state_rdlock(h->loop);
	ended = h->node->where.session->ended_us != 0;
	state_unlock(h->loop);
	pthread_mutex_lock(&h->lock);
	if (h->has_text)
		r = 0;
	else if (ended)
		r = -ESHUTDOWN; /* nothing will come: the end of file */
	else
		r = h->node->where.row->ops->turn(h);
	if (!r) {
		h->has_text = true;
		r = slice(h, size, out);
	}
	pthread_mutex_unlock(&h->lock);
	return r;
}

struct ending {
	struct handle *handle;
	fuse_req_t req;
};

static void ended(struct loop *loop, struct command *c, int status, const struct error *err,
	struct record *const *records, size_t count)
{
	struct act *a = (struct act *)c;
	struct ending *e = a->owner;
	struct handle *h = e->handle;

	(void)records, (void)count, (void)loop;
	if (status)
		refuse(h->server, h->actor.uid, h->actor.tid, h->node->where.session,
			&h->node->where, NULL, -status, err);
	pthread_mutex_lock(&h->lock);
	h->marked = status == 0;
	pthread_mutex_unlock(&h->lock);
	act_free(a);
	if (status)
		fuse_reply_err(e->req, -status);
	else
		fuse_reply_buf(e->req, NULL, 0);
	free(e);
}

/* The text was read to its end. */
static void at_end(struct handle *h, fuse_req_t req)
{
	const struct file_ops *ops = h->node->where.row->ops;
	struct ending *e = malloc(sizeof(*e));
	struct act *a = NULL;
	int r = 0;

	pthread_mutex_lock(&h->lock);
	if (ops->turn_end && !h->marked)
		r = ops->turn_end(h, &a);
	pthread_mutex_unlock(&h->lock);
	if (!e || r || !a) {
		free(e);
		if (!a && !r) {
			fuse_reply_buf(req, NULL, 0);
		} else {
			act_free(a);
			fuse_reply_err(req, r ? -r : ENOMEM);
		}
		return;
	}
	e->handle = h;
	e->req = req;
	a->owner = e;
	a->command.done = ended;
	loop_submit(h->loop, &a->command);
}

/* Once there is the text, or none will come, who else waits on the same descriptor reads on in it.
 * The caller holds a reference: each answer may be the last before the handle is released. */
static void serve_rest(struct turning *t)
{
	struct buf out = BUF_INIT;
	struct parked *p;

	for (;;) {
		waits_lock(t->server->waits);
		p = waits_take(&t->parked);
		waits_unlock(t->server->waits);
		if (!p)
			return;
		if (is_at_end(t->handle))
			at_end(t->handle, p->req);
		else
			waits_answer(p->req, try_turn(t->handle, p->size, &out), &out);
		free(p);
	}
}

/* There may be something: tries for the first that waits. */
static void ready(struct turn *turn)
{
	struct turning *t = (struct turning *)turn;
	struct waits *waits = t->server->waits;
	struct buf out = BUF_INIT;
	struct fuse_pollhandle *poll;
	struct parked *p;
	uint64_t seen;
	int r;

	waits_lock(waits);
	t->news++;
	poll = t->poll;
	t->poll = NULL;
	p = t->active ? NULL : waits_take(&t->parked);
	if (p)
		t->active++;
	seen = t->news;
	waits_unlock(waits);
	if (poll) {
		fuse_lowlevel_notify_poll(poll);
		fuse_pollhandle_destroy(poll);
	}
	while (p) {
		r = try_turn(t->handle, p->size, &out);
		if (r == -EAGAIN)
			waits_prepare(waits, p->req);
		waits_lock(waits);
		if (r == -EAGAIN && t->news != seen && !waits_ended(waits)) {
			seen = t->news;
			waits_unlock(waits);
			continue;
		}
		t->active--;
		if (r == -EAGAIN)
			r = waits_park(waits, p->req, p->size, &t->parked);
		else if (!r)
			r = 1;
		waits_unlock(waits);
		if (r)
			waits_answer(p->req, r == 1 ? 0 : r, &out);
		if (r == 1 || r == -ESHUTDOWN)
			serve_rest(t);
		free(p);
		p = NULL;
	}
}

static int follow(struct handle *h)
{
	struct session *s = h->node->where.session;
	struct turning *t;
	int r;

	if (h->turning)
		return 0;
	t = calloc(1, sizeof(*t));
	if (!t)
		return -ENOMEM;
	t->server = h->server;
	t->handle = h;
	atomic_init(&t->turn.follower.refs, 1);
	t->turn.follower.free = turning_free;
	t->turn.ready = ready;
	r = inbox_wait(h->loop, s, &t->turn);
	if (r) {
		free(t);
		return r;
	}
	atomic_fetch_add(&s->waiting, 1);
	h->turning = t;
	return 0;
}

void turn_close(struct handle *h)
{
	struct session *s = h->node->where.session;

	if (!h->turning)
		return;
	atomic_fetch_sub(&s->waiting, 1);
	session_heard(h->loop, s);
	inbox_unwait(h->loop, s, &h->turning->turn);
	follower_unref(&h->turning->turn.follower);
	h->turning = NULL;
}

void turn_read(struct handle *h, fuse_req_t req, size_t size, bool nonblock)
{
	struct waits *waits = h->server->waits;
	struct buf out = BUF_INIT;
	struct turning *t;
	uint64_t seen;
	int r;

	session_heard(h->loop, h->node->where.session);
	if (is_at_end(h)) {
		at_end(h, req);
		return;
	}
	pthread_mutex_lock(&h->lock);
	r = follow(h);
	t = h->turning;
	pthread_mutex_unlock(&h->lock);
	while (!r) {
		waits_lock(waits);
		t->active++;
		seen = t->news;
		waits_unlock(waits);
		r = try_turn(h, size, &out);
		if (r == -EAGAIN && !nonblock)
			waits_prepare(waits, req);
		waits_lock(waits);
		t->active--;
		if (r == -EAGAIN && t->news != seen && !waits_ended(waits)) {
			waits_unlock(waits);
			r = 0;
			continue;
		}
		if (r == -EAGAIN && waits_ended(waits))
			r = -ESHUTDOWN;
		else if (r == -EAGAIN && !nonblock)
			r = waits_park(waits, req, size, &t->parked) ?: 1;
		waits_unlock(waits);
		break;
	}
	if (r == 1)
		return;
	if (!t) {
		waits_answer(req, r, &out);
		return;
	}
	follower_ref(&t->turn.follower);
	waits_answer(req, r, &out);
	if (r == 0 || r == -ESHUTDOWN)
		serve_rest(t);
	follower_unref(&t->turn.follower);
}

/* Ready is what has its text, or could have it now: unread messages that no other reader holds. */
static bool any(void *arg, struct record *r, const char *line, size_t len)
{
	(void)r, (void)line, (void)len;
	*(bool *)arg = true;
	return false;
}

void turn_poll(struct handle *h, fuse_req_t req, struct fuse_pollhandle *poll)
{
	struct waits *waits = h->server->waits;
	struct fuse_pollhandle *was = NULL;
	struct turning *t;
	bool ready;
	int r;

	pthread_mutex_lock(&h->lock);
	ready = h->has_text;
	r = follow(h);
	t = h->turning;
	pthread_mutex_unlock(&h->lock);
	if (r) {
		if (poll)
			fuse_pollhandle_destroy(poll);
		fuse_reply_err(req, -r);
		return;
	}
	waits_lock(waits);
	if (poll) {
		was = t->poll;
		t->poll = poll;
	}
	ready = ready || waits_ended(waits);
	waits_unlock(waits);
	if (was)
		fuse_pollhandle_destroy(was);
	if (!ready)
		inbox_each_unread(h->loop, h->node->where.session, INBOX_ALL, false, any, &ready);
	fuse_reply_poll(req, ready ? POLLIN | POLLRDNORM : 0);
}
