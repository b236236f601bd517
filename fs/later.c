#include "fs/later.h"

#include "fs/private.h"
#include "fs/wait.h"

#include <errno.h>
#include <stdlib.h>

/* 0: the answer is there, and the part of it is in `out`. */
static int try_answer(struct handle *h, size_t size, off_t off, struct buf *out)
{
	size_t at;
	int r = 0;

	pthread_mutex_lock(&h->lock);
	if (!h->has_text) {
		buf_reset(&h->text);
		r = h->node->where.row->ops->ready(h, &h->text);
		if (!r)
			r = buf_error(&h->text);
		h->has_text = r == 0;
	}
	/* A reader that went back to the beginning means the answer, too. */
	if (off < h->text_at)
		h->text_at = off;
	at = (size_t)(off - h->text_at);
	if (!r && at < h->text.len)
		buf_add(out, h->text.data + at, h->text.len - at < size ? h->text.len - at : size);
	pthread_mutex_unlock(&h->lock);
	return r ? r : buf_error(out);
}

static void reply(fuse_req_t req, int r, struct buf *out)
{
	if (r == -ESHUTDOWN)
		fuse_reply_buf(req, NULL, 0);
	else if (r)
		fuse_reply_err(req, -r);
	else
		fuse_reply_buf(req, out->data, out->len);
	buf_release(out);
}

/* Tries, and parks where there is nothing yet. News that comes between the two is seen, since it
 * counts under the same lock. */
void later_read(struct handle *h, fuse_req_t req, size_t size, off_t off, bool nonblock)
{
	struct server *s = h->server;
	struct buf out = BUF_INIT;
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
			r = waits_park_for(s->waits, req, size, off, h, &s->laters);
			waits_unlock(s->waits);
			if (!r)
				return;
			break;
		}
		seen = s->later_news;
		waits_unlock(s->waits);
	}
	reply(req, r, &out);
}

void later_news(struct server *s)
{
	struct parked *p, *all = NULL, **end = &all;

	waits_lock(s->waits);
	s->later_news++;
	while ((p = waits_take(&s->laters))) {
		p->next = NULL;
		*end = p;
		end = &p->next;
	}
	waits_unlock(s->waits);
	/* Each has a request that keeps its handle open until it is answered. */
	while ((p = all)) {
		all = p->next;
		later_read(p->owner, p->req, p->size, p->off, false);
		free(p);
	}
}
