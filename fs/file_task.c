/* Tasks: beginning one, reading it, and ending it. */
#include "fs/files.h"

#include "fs/handle.h"
#include "fs/names.h"
#include "fs/private.h"

#include "core/item/task.h"
#include "core/state/message.h"
#include "core/state/parts.h"

#include <errno.h>

static int list(const struct caller *c, const struct where *w, struct names *out)
{
	return list_items(c, w, ITEM_TASK, true, out);
}

/* As say/task.started: the same event, and here its id is the answer. */
static int may_begin(struct handle *h, struct error *err)
{
	return message_may(h->loop, &h->actor, &h->burst, task_item.begins, NULL, err);
}

static int take_new(struct handle *h, const struct message *m, struct act **act, struct error *err)
{
	int r = *act ? may_begin(h, err) : 0;

	return r ? r : message_add(h->loop, &h->actor, m, task_item.begins, NULL, act, err);
}

static void answer_new(struct handle *h, struct act *a, struct buf *out)
{
	(void)h;
	if (a)
		task_ids(a, out);
}

static int task_json(
	const struct caller *c, const struct where *w, struct buf *out, struct error *err)
{
	const struct task *t = (const struct task *)w->item;

	(void)err;
	state_rdlock(c->loop);
	buf_addc(out, '{');
	task_record(c->loop, t, out);
	buf_addf(out, ",\"seq\":%lld}\n", (long long)t->seq);
	state_unlock(c->loop);
	return 0;
}

static int may_complete(struct handle *h, struct error *err)
{
	const struct task *t = (const struct task *)h->node->where.item;
	struct error why = {0};
	enum task_status status;
	struct session *s;

	state_rdlock(h->loop);
	status = t->status;
	s = h->actor.session;
	if (h->actor.kind == ACTOR_ENDED || (s && s->ended_us))
		error_set(&why, ESTALE, "session %s has ended; register again", s->id);
	else if (status != TASK_ACTIVE)
		error_set(&why, EEXIST, "task %s is over already: %s", t->item.id,
			status == TASK_FAILED ? "failed" : "completed");
	state_unlock(h->loop);
	if (why.code)
		*err = why;
	return -why.code;
}

static int take_complete(
	struct handle *h, const struct message *m, struct act **act, struct error *err)
{
	if (*act)
		return error_set(err, EINVAL, "a task is ended once: one answer a write");
	return task_complete(h->loop, &h->actor, h->node->where.item, m, act, err);
}

const struct file_ops tasks_ops = {.list = list};
const struct file_ops tasks_new_ops = {.may = may_begin, .take = take_new, .answer = answer_new};
const struct file_ops task_dir_ops = {};
const struct file_ops task_json_ops = {.text = task_json};
const struct file_ops task_complete_ops = {.may = may_complete, .take = take_complete};
