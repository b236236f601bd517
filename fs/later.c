#include "fs/later.h"

#include "fs/private.h"
#include "fs/wait.h"

#include "core/item/item.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>

static struct handle **slot(struct server *s, const struct item *item)
{
	return &s->laters[(uintptr_t)item >> 6 & (LATER_SLOTS - 1)];
}

/* With the lock of the waits held. */
static void enlist(struct handle *h)
{
	struct handle **head = slot(h->server, h->item);

	if (h->later_link)
		return;
	h->later_next = *head;
	h->later_link = head;
	if (*head)
		(*head)->later_link = &h->later_next;
	*head = h;
}

static void delist(struct handle *h)
{
	if (!h->later_link)
		return;
	*h->later_link = h->later_next;
	if (h->later_next)
		h->later_next->later_link = h->later_link;
	h->later_link = NULL;
}

void later_await(struct handle *h, struct item *item)
{
	struct item *was;
	bool listed;

	waits_lock(h->server->waits);
	was = h->item;
	listed = h->later_link != NULL;
	delist(h);
	h->item = item ? item_ref(item) : NULL;
	if (listed)
		enlist(h);
	waits_unlock(h->server->waits);
	item_unref(was);
}

/* Whether there is an answer; a refusal is one. With the handle's lock held. */
static int make_answer(struct handle *h)
{
	struct error err = {0};
	int r;

	if (h->has_text)
		return 0;
	buf_reset(&h->text);
	r = h->node->where.row->ops->ready(h, &h->text, &err);
	if (!r)
		r = buf_error(&h->text);
	h->has_text = r == 0;
	if (r && r != -EAGAIN && err.text[0] && !h->told) {
		h->told = true;
		refuse(h->server, h->actor.uid, h->actor.tid, h->actor.session, &h->node->where,
			NULL, -r, &err);
	}
	return r;
}

/* 0: the answer is there, and the part of it is in `out`. */
static int try_answer(struct handle *h, size_t size, off_t off, struct buf *out)
{
	size_t at;
	int r;

	pthread_mutex_lock(&h->lock);
	r = make_answer(h);
	/* A reader that went back to the beginning means the answer, too. */
	if (off < h->text_at)
		h->text_at = off;
	at = (size_t)(off - h->text_at);
	if (!r && at < h->text.len)
		buf_add(out, h->text.data + at, h->text.len - at < size ? h->text.len - at : size);
	pthread_mutex_unlock(&h->lock);
	return r ? r : buf_error(out);
}

bool later_is_parked(void *server, const struct item *item)
{
	struct server *s = server;
	bool is = false;

	waits_lock(s->waits);
	for (const struct handle *h = *slot(s, item); h && !is; h = h->later_next)
		is = h->item == item && h->writes && h->parked;
	waits_unlock(s->waits);
	return is;
}

/* Tries, and parks where there is nothing yet. News that comes between the two is seen, since it
 * counts under the same lock. */
void later_read(struct handle *h, fuse_req_t req, size_t size, off_t off, bool nonblock)
{
	const struct file_ops *ops = h->node->where.row->ops;
	struct server *s = h->server;
	struct buf out = BUF_INIT;
	struct item *item = NULL;
	uint64_t seen;
	int r;

	waits_lock(s->waits);
	seen = s->later_news;
	waits_unlock(s->waits);
	for (;;) {
		r = try_answer(h, size, off, &out);
		if (r != -EAGAIN || nonblock)
			break;
		waits_prepare(s->waits, req);
		waits_lock(s->waits);
		if (seen == s->later_news || waits_ended(s->waits)) {
			r = waits_park_for(s->waits, req, size, off, h, &h->parked);
			if (!r)
				enlist(h);
			if (!r && ops->awaited && h->item)
				item = item_ref(h->item);
			waits_unlock(s->waits);
			if (!r) /* the handle may be gone */
				goto parked;
			break;
		}
		seen = s->later_news;
		waits_unlock(s->waits);
	}
	waits_answer(req, r, &out);
	return;
parked:
	if (item)
		ops->awaited(s, item);
	item_unref(item);
}

static void drop_poll(struct fuse_pollhandle *poll)
{
	if (poll)
		fuse_pollhandle_destroy(poll);
}

void later_poll(struct handle *h, fuse_req_t req, struct fuse_pollhandle *poll)
{
	struct server *s = h->server;
	struct fuse_pollhandle *was;
	int r;

	/* Noted before it is looked: what comes in between is told. */
	waits_lock(s->waits);
	was = h->poll;
	h->poll = poll ? poll : was;
	if (poll)
		enlist(h);
	waits_unlock(s->waits);
	if (poll)
		drop_poll(was);
	pthread_mutex_lock(&h->lock);
	r = make_answer(h);
	pthread_mutex_unlock(&h->lock);
	fuse_reply_poll(req,
		(r == -EAGAIN ? 0 : POLLIN | POLLRDNORM) | (h->writes ? POLLOUT | POLLWRNORM : 0));
}

/* With the lock of the waits held. */
static struct parked **take(struct handle *h, struct parked **end)
{
	struct parked *p;

	while ((p = waits_take(&h->parked))) {
		p->next = NULL;
		*end = p;
		end = &p->next;
	}
	return end;
}

#define POLLS_AT_ONCE 64

void later_news(struct server *s, const struct item *item)
{
	struct fuse_pollhandle *polls[POLLS_AT_ONCE];
	struct parked *p, *all = NULL, **end = &all;
	struct handle *h, *next;
	size_t n;

	do {
		n = 0;
		waits_lock(s->waits);
		s->later_news++;
		for (h = *slot(s, item); h && n < POLLS_AT_ONCE; h = next) {
			next = h->later_next;
			if (h->item != item)
				continue;
			end = take(h, end);
			if (h->poll)
				polls[n++] = h->poll;
			h->poll = NULL;
			delist(h);
		}
		waits_unlock(s->waits);
		for (size_t i = 0; i < n; i++) {
			fuse_lowlevel_notify_poll(polls[i]);
			fuse_pollhandle_destroy(polls[i]);
		}
	} while (n == POLLS_AT_ONCE);
	/* Each has a request that keeps its handle open until it is answered. */
	while ((p = all)) {
		all = p->next;
		later_read(p->owner, p->req, p->size, p->off, false);
		free(p);
	}
}

void later_close(struct handle *h)
{
	struct fuse_pollhandle *poll;

	waits_lock(h->server->waits);
	delist(h);
	poll = h->poll;
	h->poll = NULL;
	waits_unlock(h->server->waits);
	drop_poll(poll);
}
