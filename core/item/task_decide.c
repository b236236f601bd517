/* Beginning and ending tasks: what the commands decide. */
#include "core/item/task_private.h"

#include "core/base/text.h"
#include "core/item/collaboration.h"
#include "core/state/parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Who says it, for people and programs: the session, or the user. */
static const char *speaker(const struct draft *d)
{
	return d->session ? d->session : d->from;
}

/* Whether it is whose session or, without one, whose user this is. */
static bool is_of(const struct task *t, const struct draft *d)
{
	if (!d->session)
		return !t->item.session[0] && t->item.uid == d->uid;
	return strcmp(t->item.session, d->session) == 0 || strcmp(t->agent, d->agent) == 0;
}

/* One that the same act begins. */
static struct task_word *begun_here(
	const struct act *a, const struct task_word *until, const char *id)
{
	for (struct task_word *w = a->more; w && w != until; w = w->next)
		if (w->task && w->task->item.id && strcmp(w->task->item.id, id) == 0)
			return w;
	return NULL;
}

/* How many the act itself adds to the uid's. */
static size_t beginning(const struct act *a, const struct task_word *until)
{
	size_t n = 0;

	for (const struct task_word *w = a->more; w && w != until; w = w->next)
		n += w->task != NULL;
	return n;
}

/* Its id: its own choice, or the next. */
static int choose_id(struct loop *loop, const struct act *a, struct task_word *w, int64_t *number,
	struct error *err)
{
	const struct item *there;
	char id[ID_MAX + 1];

	if (!w->id) {
		do
			*number = item_number(loop, ITEM_TASK, id);
		while (begun_here(a, w, id));
		w->id = strdup(id);
		return w->id ? 0 : -ENOMEM;
	}
	there = state_item(loop->state, ITEM_TASK, w->id);
	if (there || begun_here(a, w, w->id))
		return error_set(err, EEXIST, "task_id: %s is taken%s", w->id,
			there && there->closed_us ? "; it is over and still to be read" : "");
	return 0;
}

/* Whose it is: the writer's, or another's. */
static int choose_agent(struct loop *loop, struct task *t, const struct draft *d)
{
	const struct agent *named;
	char own[AGENT_KEY_MAX + 1];

	if (d->agent)
		memcpy(own, d->agent, strlen(d->agent) + 1);
	else
		text_agent_key(d->from, own);
	if (!t->agent_name || strcmp(t->agent, own) == 0) {
		free(t->agent_name);
		memcpy(t->agent, own, sizeof(own));
		t->agent_name = strdup(d->from);
		return t->agent_name ? 0 : -ENOMEM;
	}
	named = state_agent(loop->state, t->agent);
	if (named) {
		free(t->agent_name);
		t->agent_name = strdup(named->name);
	}
	t->by = strdup(speaker(d));
	return t->agent_name && t->by ? 0 : -ENOMEM;
}

static int check_together(
	struct loop *loop, const struct actor *actor, const char *id, struct error *err)
{
	const struct item *item = state_item(loop->state, ITEM_COLLABORATION, id);

	if (!item)
		return error_set(err, ENOENT, "collaboration: there is no %.80s", id);
	return collaboration_may((const struct collaboration *)item, actor, NULL, err);
}

static int check_activity(struct loop *loop, const struct task *t, struct error *err)
{
	if (!t->activity || loop->state->activity_count < ACTIVITY_TYPES_MAX ||
		index_find(loop->state->index, CHANNEL_ACTIVITY, t->activity))
		return 0;
	return error_set(err, EDQUOT, "activity_type: there are %d already", ACTIVITY_TYPES_MAX);
}

static int add(struct act *a, const struct draft *given, const char *type, const struct buf *data,
	const struct buf *detail)
{
	struct draft d = *given;

	if (buf_error(data) || buf_error(detail))
		return -ENOMEM;
	d.type = type;
	d.data = data->data;
	d.data_len = data->len;
	d.detail = detail->data;
	return act_add(a, &d);
}

static void begin_data(const struct task_word *w, struct buf *b)
{
	const struct task *t = w->task;

	buf_addf(b, "{\"task_id\":\"%s\"", w->id);
	item_add_text(b, "agent", t->agent_name);
	item_add_text(b, "by", t->by);
	item_add_text(b, "task_description", t->description);
	if (w->rest)
		buf_adds(b, w->rest);
	buf_addc(b, '}');
}

static int decide_begin(struct loop *loop, struct act *a, struct task_word *w,
	const struct draft *d, struct error *err)
{
	struct buf data = BUF_INIT, detail = BUF_INIT;
	struct task *t = w->task;
	int64_t number = 0;
	int r;

	if (items_of(loop->state, ITEM_TASK, d->uid) + beginning(a, w) >= TASKS_MAX)
		return error_set(err, EDQUOT,
			"tasks: this user has %d unfinished, which is the limit", TASKS_MAX);
	r = t->in ? check_together(loop, &a->actor, t->in, err) : 0;
	if (!r)
		r = check_activity(loop, t, err);
	if (!r)
		r = choose_id(loop, a, w, &number, err);
	if (!r)
		r = choose_agent(loop, t, d);
	if (r)
		return r;
	/* As state_apply() will have it, for an end in the same act. */
	t->item.id = w->id;
	t->item.uid = d->uid;
	t->item.began_us = loop_wall_us(loop);
	if (d->session)
		memcpy(t->item.session, d->session, strlen(d->session) + 1);
	begin_data(w, &data);
	buf_addf(&detail, "{\"item\":\"%s\",\"number\":%lld,\"gid\":%u", w->id, (long long)number,
		(unsigned)a->actor.gid);
	item_add_text(&detail, "from", d->from);
	task_describe(t, &detail);
	buf_addc(&detail, '}');
	r = add(a, d, task_item.begins, &data, &detail);
	buf_release(&data);
	buf_release(&detail);
	return r;
}

void task_end_data(const struct loop *loop, const struct task *t, enum task_status status,
	const char *by, bool timed, struct buf *b)
{
	const int64_t us = loop_wall_us(loop) - t->item.began_us;

	buf_addf(b, "{\"task_id\":\"%s\"", t->item.id);
	item_add_text(b, "agent", t->agent_name);
	item_add_text(b, "ended_by", by);
	buf_addf(b, ",\"status\":\"%s\"", task_statuses[status]);
	if (!timed)
		buf_addf(b, ",\"duration\":%.15g", us > 0 ? (double)us / 1e6 : 0);
}

void task_end_detail(
	const struct task *t, const char *by, const char *result, const char *error, struct buf *b)
{
	buf_addf(b, "{\"item\":\"%s\",\"agent\":\"%s\"", t->item.id, t->agent);
	item_add_text(b, "activity", t->activity);
	item_add_text(b, "in", t->in);
	item_add_text(b, "ended_by", by);
	item_add_raw(b, "result", result);
	item_add_raw(b, "error", error);
	buf_addc(b, '}');
}

static bool ended_here(const struct act *a, const struct task_word *until, const struct task *t)
{
	for (const struct task_word *w = a->more; w && w != until; w = w->next)
		if (w->ended == t)
			return true;
	return false;
}

/* The writer's newest that is not over. */
static const struct task *newest(struct loop *loop, const struct act *a,
	const struct task_word *until, const struct draft *d)
{
	const struct task *found = NULL;

	for (struct task_word *w = a->more; w && w != until; w = w->next)
		if (w->task && !ended_here(a, until, w->task) && is_of(w->task, d))
			found = w->task;
	if (found)
		return found;
	for (const struct item *i = loop->state->items.open[ITEM_TASK].last; i; i = i->prev) {
		const struct task *t = (const struct task *)i;

		if (is_of(t, d) && !ended_here(a, until, t))
			return t;
	}
	return NULL;
}

static const struct task *find(
	struct loop *loop, const struct act *a, const struct task_word *w, const struct draft *d)
{
	const struct task_word *here;

	if (!w->id)
		return newest(loop, a, w, d);
	here = begun_here(a, w, w->id);
	return here ? here->task : (const struct task *)state_item(loop->state, ITEM_TASK, w->id);
}

static int decide_end(struct loop *loop, struct act *a, struct task_word *w, const struct draft *d,
	struct error *err)
{
	const struct task *t = find(loop, a, w, d);
	struct buf data = BUF_INIT, detail = BUF_INIT;
	const char *by;
	int r;

	if (!t && w->must)
		return error_set(err, ENOENT, "task %s is forgotten", w->id);
	if (!t) /* nobody's: an event like any other */
		return act_add(a, d);
	if (!is_of(t, d) && !(t->item.session[0] == '\0' && t->item.uid == d->uid))
		return error_set(err, EACCES,
			"task %s is %s's; whoever began it ends it, or that agent", t->item.id,
			t->agent_name);
	if (t->item.closed_us || ended_here(a, w, t))
		return error_set(err, EEXIST, "task %s is over already: %s", t->item.id,
			t->item.closed_us ? task_statuses[t->status] : "by the same write");
	w->ended = t;
	by = d->agent && strcmp(d->agent, t->agent) == 0 ? NULL : speaker(d);
	task_end_data(loop, t, w->fails ? TASK_FAILED : TASK_COMPLETED, by, w->timed, &data);
	if (w->rest) {
		buf_adds(&data, w->rest);
	} else {
		item_add_raw(&data, "result", w->result);
		item_add_raw(&data, "error", w->error);
	}
	buf_addc(&data, '}');
	task_end_detail(t, by, w->result, w->error, &detail);
	r = add(a, d, w->fails ? "task.failed" : "task.completed", &data, &detail);
	buf_release(&data);
	buf_release(&detail);
	return r;
}

int task_decide(struct loop *loop, struct act *a, struct task_word *w, const struct draft *d,
	struct error *err)
{
	return w->task ? decide_begin(loop, a, w, d, err) : decide_end(loop, a, w, d, err);
}

void task_ids(const struct act *a, struct buf *out)
{
	for (const struct task_word *w = a->more; w; w = w->next)
		if (w->task)
			buf_addf(out, "%s\n", w->id);
}
