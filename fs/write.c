#include "fs/write.h"

#include "fs/private.h"
#include "fs/stream.h"

#include "core/state/message.h"
#include "core/state/parts.h"
#include "core/state/session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The kernel hands over so much of a write at once, or up to a page less (op_init). */
#define WHOLE_MAX ((size_t)1 << 20)

/* One write or flush that waits for its act. */
struct written {
	struct handle *handle;
	fuse_req_t req;
	size_t size;
	off_t end;
	bool flush;
	struct spent spent; /* of the limits, for what is taken or refused now */
};

/* The same while its messages are found. */
struct taking {
	struct handle *handle;
	struct act *act;
	struct error *err;
};

static void reply(fuse_req_t req, bool flush, size_t size, int status)
{
	if (status || flush)
		fuse_reply_err(req, -status);
	else
		fuse_reply_write(req, size);
}

static void done(struct loop *loop, struct command *c, int status, const struct error *err,
	struct record *const *records, size_t count)
{
	struct act *a = (struct act *)c;
	struct written *w = a->owner;
	struct handle *h = w->handle;
	const struct file_ops *ops = h->node->where.row->ops;

	(void)records, (void)count;
	if (status) {
		message_give_back(loop, &h->actor, &w->spent);
		refuse(h->server, h->actor.uid, h->actor.tid, h->actor.session, &h->node->where,
			NULL, -status, err);
	} else {
		if (h->actor.kind == ACTOR_SESSION)
			session_heard(loop, h->actor.session);
		if (ops->answer) {
			pthread_mutex_lock(&h->lock);
			buf_reset(&h->text);
			ops->answer(h, a, &h->text);
			h->has_text = !ops->ready; /* else it comes later */
			h->text_at = w->end;
			pthread_mutex_unlock(&h->lock);
		}
	}
	act_free(a);
	reply(w->req, w->flush, w->size, status);
	free(w);
}

static int take(void *arg, const struct message *m)
{
	struct taking *t = arg;
	struct handle *h = t->handle;

	h->taken++;
	if (h->stream)
		return stream_subscribe(h->stream, m, t->err);
	return h->node->where.row->ops->take(h, m, &t->act, t->err);
}

static void answer_now(struct handle *h, const struct written *w)
{
	const struct file_ops *ops = h->node->where.row->ops;

	if (h->stream || !ops->answer)
		return;
	pthread_mutex_lock(&h->lock);
	buf_reset(&h->text);
	ops->answer(h, NULL, &h->text);
	h->has_text = true;
	h->text_at = w->end;
	pthread_mutex_unlock(&h->lock);
}

/* Ends a write or flush: with its act, or at once. */
static void finish(struct handle *h, struct written *w, struct taking *t, int r)
{
	/* What was done at once has its answer at once, and counts as heard of. */
	if (!r && !t->act && (h->taken || h->node->where.row->ops->ready)) {
		if (h->taken)
			answer_now(h, w);
		if (h->actor.kind == ACTOR_SESSION)
			session_heard(h->loop, h->actor.session);
	}
	if (!r && t->act) {
		t->act->owner = w;
		t->act->command.done = done;
		loop_submit(h->loop, &t->act->command);
		return;
	}
	act_free(t->act);
	if (r) {
		message_give_back(h->loop, &h->actor, &w->spent);
		refuse(h->server, h->actor.uid, h->actor.tid, h->actor.session, &h->node->where,
			NULL, -r, t->err);
	}
	reply(w->req, w->flush, w->size, r);
	free(w);
}

static bool is_blank(const char *data, size_t len)
{
	while (len && (*data == ' ' || *data == '\n' || *data == '\t' || *data == '\r'))
		data++, len--;
	return len == 0;
}

static struct written *begin(struct handle *h, fuse_req_t req, size_t size, off_t end, bool flush)
{
	struct written *w = malloc(sizeof(*w));

	if (!w) {
		fuse_reply_err(req, ENOMEM);
		return NULL;
	}
	*w = (struct written){.handle = h, .req = req, .size = size, .end = end, .flush = flush};
	return w;
}

/* What is read from here on is the answer to this write. */
static void begin_answer(struct handle *h, off_t at)
{
	pthread_mutex_lock(&h->lock);
	h->wrote = true;
	h->has_text = false;
	h->text_at = at;
	pthread_mutex_unlock(&h->lock);
}

/* What was counted for the messages that are over now; what is not whole yet keeps its own, until
 * the file is closed. Under the handle's lock. */
static struct spent take_spent(struct handle *h, int r)
{
	struct spent spent = h->burst.spent;

	if (framer_pending(&h->framer))
		return (struct spent){0};
	if (r && spent.broadcasts)
		h->burst.count = 0;
	h->burst.spent = (struct spent){0};
	return spent;
}

void handle_write(struct handle *h, fuse_req_t req, const char *data, size_t size, off_t off)
{
	const struct fuse_ctx *ctx = fuse_req_ctx(req);
	const struct file_ops *ops = h->node->where.row->ops;
	struct error err = {0};
	struct taking t = {h, NULL, &err};
	struct written *w = begin(h, req, size, off + (off_t)size, false);
	bool pending;
	int r = 0;

	if (!w)
		return;
	/* Whatever is written to a heart is a beat; to a `sync`, one more. */
	if (ops->touched && ctx->uid == h->actor.uid) {
		struct caller c = {h->server, h->loop, ctx->uid, ctx->gid, ctx->pid};

		if (ops->ready)
			begin_answer(h, w->end);
		finish(h, w, &t, size ? ops->touched(&c, &h->node->where, h) : 0);
		return;
	}
	if (ctx->uid != h->actor.uid)
		r = error_set(&err, EACCES,
			"this descriptor was opened by user %u and speaks for that user alone",
			(unsigned)h->actor.uid);
	pthread_mutex_lock(&h->lock);
	h->wrote = true;
	h->broken = false;
	h->has_text = false;
	h->told = false;
	h->taken = 0;
	/* The kernel hands a long write over in parts, and tells the writer of those that were
	 * taken; who then writes the rest must hear that the message is refused. */
	if (!r && h->cut)
		r = error_set(&err, EMSGSIZE, "the rest of a message that was too long");
	h->cut = false;
	pending = framer_pending(&h->framer);
	if (!r && !pending && !is_blank(data, size) && !h->stream && ops->may)
		r = ops->may(h, &err);
	if (!r) {
		r = framer_write(&h->framer, data, size, take, &t, &err);
		h->cut = r == -EMSGSIZE && pending && h->last_size > WHOLE_MAX - 4096;
	}
	w->spent = take_spent(h, r);
	h->last_size = size;
	h->last_end = off + (off_t)size;
	pthread_mutex_unlock(&h->lock);
	finish(h, w, &t, r);
}

void handle_flush(struct handle *h, fuse_req_t req)
{
	struct error err = {0};
	struct taking t = {h, NULL, &err};
	struct written *w;
	struct spent spent;
	bool told;
	off_t end;
	int r;

	pthread_mutex_lock(&h->lock);
	h->cut = false;
	if (!framer_pending(&h->framer)) {
		pthread_mutex_unlock(&h->lock);
		fuse_reply_err(req, 0);
		return;
	}
	told = h->broken;
	end = h->last_end;
	h->taken = 0;
	r = framer_flush(&h->framer, take, &t, &err);
	h->broken = r == -EINVAL && framer_pending(&h->framer);
	spent = take_spent(h, r);
	pthread_mutex_unlock(&h->lock);
	/* A shell closes a duplicate after each command: one line is enough. */
	if (told && r) {
		message_give_back(h->loop, &h->actor, &spent);
		act_free(t.act);
		fuse_reply_err(req, -r);
		return;
	}
	w = begin(h, req, 0, end, true);
	if (!w) {
		act_free(t.act);
		return;
	}
	w->spent = spent;
	finish(h, w, &t, r);
}
