/* Questions and answers. */
#include "fs/files.h"

#include "fs/handle.h"
#include "fs/later.h"
#include "fs/names.h"
#include "fs/private.h"

#include "core/base/framer.h"
#include "core/item/ask.h"
#include "core/state/parts.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

static int list(const struct caller *c, const struct where *w, struct names *out)
{
	return list_items(c, w, ITEM_ASK, true, out);
}

/* Asking: the same for a session's file, an agent's, and asks/new. */

static bool is_held(const struct handle *h)
{
	return (h->flags & O_ACCMODE) == O_RDWR;
}

static struct asking asking_of(struct handle *h)
{
	const struct where *w = &h->node->where;

	return (struct asking){
		.to = w->session,
		.agent = w->word[0] ? w->word : NULL,
		.held = is_held(h),
		.instead = is_held(h) ? h->item : NULL,
		.burst = &h->burst,
	};
}

static int ask_begins(struct handle *h, struct error *err)
{
	const struct asking how = asking_of(h);

	return ask_may(h->loop, &h->actor, &how, err);
}

static int ask_take(struct handle *h, const struct message *m, struct act **act, struct error *err)
{
	const struct asking how = asking_of(h);

	if (*act || m->left)
		return error_set(err, EINVAL, "one question a write");
	return ask_new(h->loop, &h->actor, m, &how, act, err);
}

/* Its answer is read on this descriptor from here on. */
static void watch_answer(struct handle *h, struct item *item)
{
	struct item *was = h->item;

	if (item)
		atomic_fetch_add(&((struct ask *)item)->readers, 1);
	if (was)
		atomic_fetch_sub(&((struct ask *)was)->readers, 1);
	later_await(h, item);
}

static void ask_answer_later(struct handle *h, struct act *a, struct buf *out)
{
	struct item *item;

	(void)out;
	if (!is_held(h) || !a)
		return;
	item = ask_made(h->loop, a);
	watch_answer(h, item);
	item_unref(item);
}

static int answer_ready(struct handle *h, struct buf *out, struct error *err)
{
	const struct ask *ask = (const struct ask *)h->item;
	bool open;

	if (!ask) /* nothing was asked: it was blank, or refused */
		return 0;
	state_rdlock(h->loop);
	open = ask->status == ASK_OPEN;
	state_unlock(h->loop);
	/* Once it is decided, what is shown of it doesn't change; and it may be long. */
	return open ? -EAGAIN : ask_result(ask, out, err);
}

static void answer_awaited(struct server *s, struct item *item)
{
	ask_waits(s->loop, item);
}

static int ask_opened(struct handle *h, struct error *err)
{
	(void)h, (void)err;
	return 0;
}

static void ask_let_go(struct handle *h)
{
	struct item *item = h->item ? item_ref(h->item) : NULL;
	struct act *a;

	if (!item)
		return;
	watch_answer(h, NULL);
	if (ask_closed(h->loop, item, &a) == 0) { /* else its time runs out */
		a->command.done = act_over;
		loop_submit(h->loop, &a->command);
	}
	item_unref(item);
}

/* One ask as others read it. */

#define TEXT(name)                                                                                 \
	static int name(                                                                           \
		const struct caller *c, const struct where *w, struct buf *out, struct error *err)

TEXT(json_text_of)
{
	const struct ask *ask = (const struct ask *)w->item;

	(void)err;
	state_rdlock(c->loop);
	buf_addf(out, "{\"seq\":%lld,", (long long)c->loop->state->last_seq);
	ask_show(ask, ask_is_for(c->loop->state, ask, c->uid), out);
	state_unlock(c->loop);
	return 0;
}

TEXT(status_text)
{
	(void)err;
	state_rdlock(c->loop);
	buf_addf(out, "%s\n", ask_status_name((const struct ask *)w->item));
	state_unlock(c->loop);
	return 0;
}

TEXT(reply_text)
{
	const struct ask *ask = (const struct ask *)w->item;

	(void)err;
	state_rdlock(c->loop);
	if (ask_is_for(c->loop->state, ask, c->uid))
		ask_show_reply(ask, out);
	state_unlock(c->loop);
	return 0;
}

TEXT(error_text)
{
	const struct ask *ask = (const struct ask *)w->item;

	(void)err;
	state_rdlock(c->loop);
	if (ask_is_for(c->loop->state, ask, c->uid))
		ask_show_error(ask, out);
	state_unlock(c->loop);
	return 0;
}

static int reply_begins(struct handle *h, struct error *err)
{
	return ask_may_answer(h->loop, &h->actor, h->node->where.item, err);
}

static int take_reply(
	struct handle *h, const struct message *m, bool error, struct act **act, struct error *err)
{
	if (*act || m->left)
		return error_set(err, EINVAL, "one answer a write");
	return ask_answer(h->loop, &h->actor, h->node->where.item, m, error, act, err);
}

static int reply_take(
	struct handle *h, const struct message *m, struct act **act, struct error *err)
{
	return take_reply(h, m, false, act, err);
}

/* Who asked may say there, too, that there is no answer: it is wanted no more. */
static int error_begins(struct handle *h, struct error *err)
{
	return ask_is_by(h->node->where.item, &h->actor) ? 0 : reply_begins(h, err);
}

static int error_take(
	struct handle *h, const struct message *m, struct act **act, struct error *err)
{
	if (ask_is_by(h->node->where.item, &h->actor))
		return *act || m->left ? error_set(err, EINVAL, "one answer a write")
				       : ask_give_up(h->loop, &h->actor, h->node->where.item, act);
	return take_reply(h, m, true, act, err);
}

static int any_take(struct handle *h, const struct message *m, struct act **act, struct error *err)
{
	if (*act || m->left)
		return error_set(err, EINVAL, "one answer a write");
	return ask_answer_any(h->loop, &h->actor, m, act, err);
}

/* reply.live: the answer is its asker's to wait for. */
static int live_opened(struct handle *h, struct error *err)
{
	struct item *item = h->node->where.item;

	if (item->uid != h->actor.uid)
		return error_set(err, EACCES, "%s was asked by another user", item->id);
	later_await(h, item);
	return 0;
}

const struct file_ops asks_ops = {.list = list};
const struct file_ops ask_sink_ops = {
	.may = ask_begins,
	.take = ask_take,
	.answer = ask_answer_later,
	.ready = answer_ready,
	.awaited = answer_awaited,
	.opened = ask_opened,
	.closed = ask_let_go,
};
const struct file_ops asks_answer_ops = {.take = any_take};
const struct file_ops ask_dir_ops = {.list = NULL};
const struct file_ops ask_json_ops = {.text = json_text_of};
const struct file_ops ask_status_ops = {.text = status_text};
const struct file_ops ask_reply_ops = {.text = reply_text, .may = reply_begins, .take = reply_take};
const struct file_ops ask_error_ops = {.text = error_text, .may = error_begins, .take = error_take};
const struct file_ops ask_reply_live_ops = {.ready = answer_ready, .opened = live_opened};
