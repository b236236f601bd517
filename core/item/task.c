/* Tasks as items: applied, saved, loaded, and failed with their session. */
#include "core/item/task_private.h"

#include "core/base/json.h"
#include "core/state/parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

const char *const task_statuses[] = {
	[TASK_ACTIVE] = "active",
	[TASK_COMPLETED] = "completed",
	[TASK_FAILED] = "failed",
};

void task_describe(const struct task *t, struct buf *b)
{
	item_add_text(b, "agent", t->agent);
	item_add_text(b, "agent_name", t->agent_name);
	item_add_text(b, "by", t->by);
	item_add_text(b, "description", t->description);
	item_add_text(b, "activity", t->activity);
	item_add_text(b, "department", t->department);
	item_add_raw(b, "metadata", t->metadata);
	item_add_raw(b, "related", t->related);
	item_add_raw(b, "estimated", t->estimated);
	item_add_raw(b, "given", t->given);
	item_add_text(b, "in", t->in);
}

int task_take(struct task *t, const struct json *json, const char *text)
{
	const char *agent = NULL;

	json_get_string(json, "agent", AGENT_KEY_MAX, &agent, NULL);
	if (!agent)
		return -EUCLEAN;
	memcpy(t->agent, agent, strlen(agent) + 1);
	if (item_take_text(&t->agent_name, json, "agent_name") ||
		item_take_text(&t->by, json, "by") ||
		item_take_text(&t->description, json, "description") ||
		item_take_text(&t->activity, json, "activity") ||
		item_take_text(&t->department, json, "department") ||
		item_take_raw(&t->metadata, text, "metadata") ||
		item_take_raw(&t->related, text, "related") ||
		item_take_raw(&t->estimated, text, "estimated") ||
		item_take_raw(&t->given, text, "given") || item_take_text(&t->in, json, "in"))
		return -ENOMEM;
	return 0;
}

void task_release(struct task *t)
{
	free(t->agent_name);
	free(t->by);
	free(t->description);
	free(t->activity);
	free(t->department);
	free(t->metadata);
	free(t->related);
	free(t->estimated);
	free(t->given);
	free(t->in);
	free(t->result);
	free(t->error);
	free(t->ended_by);
}

/* Counts it among its agent's unfinished ones, or no more. An agent that is made later counts
 * what it has by itself (state_make_agent). */
static void count(const struct state *st, const struct task *t, int by)
{
	struct agent *a = state_agent(st, t->agent);

	if (a)
		a->open_tasks += by;
}

static int finish(struct task *t, const struct json *detail, const char *text)
{
	if (item_take_raw(&t->result, text, "result") || item_take_raw(&t->error, text, "error") ||
		item_take_text(&t->ended_by, detail, "ended_by"))
		return -ENOMEM;
	return 0;
}

static int apply(struct state *st, struct item *item, const struct record *r,
	const struct json *detail, const char *text, bool *closes)
{
	struct task *t = (struct task *)item;
	int err;

	if (strcmp(r->type, task_item.begins) == 0) {
		if (t->seq) /* it is there: task_decide lets nobody begin it again */
			return 0;
		t->seq = r->seq;
		err = task_take(t, detail, text);
		if (!err)
			count(st, t, 1);
		return err;
	}
	if (item->closed_us)
		return 0;
	t->seq = r->seq;
	t->status = strcmp(r->type, "task.failed") == 0 ? TASK_FAILED : TASK_COMPLETED;
	count(st, t, -1);
	*closes = true;
	return finish(t, detail, text);
}

static void save(const struct item *item, struct buf *b)
{
	const struct task *t = (const struct task *)item;

	task_describe(t, b);
	buf_addf(b, ",\"status\":%d,\"seq\":%lld", (int)t->status, (long long)t->seq);
	item_add_raw(b, "result", t->result);
	item_add_raw(b, "error", t->error);
	item_add_text(b, "ended_by", t->ended_by);
}

static int load(struct state *st, struct item *item, const struct json *json, const char *text)
{
	struct task *t = (struct task *)item;
	int64_t status = 0;
	int r = task_take(t, json, text);

	if (!r)
		r = finish(t, json, text);
	json_get_integer(json, "status", 0, TASK_FAILED, &status, NULL);
	json_get_integer(json, "seq", 0, INT64_MAX, &t->seq, NULL);
	t->status = (enum task_status)status;
	if (!r && !item->closed_us)
		count(st, t, 1);
	return r;
}

static void release(struct item *item)
{
	task_release((struct task *)item);
}

/* Whether an agent lives on in other sessions than this one. */
static bool lives_without(const struct state *st, const char *key, const struct session *s)
{
	const struct agent *a = state_agent(st, key);

	for (const struct session *o = a ? a->sessions : NULL; o; o = o->agent_next)
		if (o != s && !o->ended_us)
			return true;
	return false;
}

/* Whether it is over when that session ends. */
static bool ends_with(const struct state *st, const struct task *t, const struct session *s)
{
	const bool began = strcmp(t->item.session, s->id) == 0;

	if (!t->by)
		return began;
	return (began || strcmp(t->agent, s->agent->key) == 0) && !lives_without(st, t->agent, s);
}

static int session_ends(struct loop *loop, struct act *act, struct item *item,
	const struct session *s, struct error *err)
{
	const struct task *t = (const struct task *)item;
	struct draft d = {
		.kind = RECORD_EVENT,
		.uid = s->uid,
		.type = "task.failed",
		.session = s->id,
		.from = s->agent_name,
		.agent = s->agent->key,
	};
	struct buf data = BUF_INIT, detail = BUF_INIT;

	(void)err;
	if (!ends_with(loop->state, t, s))
		return 0;
	task_end_data(loop, t, TASK_FAILED, NULL, false, &data);
	buf_adds(&data, ",\"reason\":\"session ended\",\"error\":\"session ended\"}");
	task_end_detail(t, NULL, NULL, "\"session ended\"", &detail);
	return act_add_built(act, &d, &data, &detail);
}

const struct item_ops task_item = {
	.prefix = "task.",
	.begins = "task.started",
	.size = sizeof(struct task),
	.closed_max = 1000,
	.apply = apply,
	.save = save,
	.load = load,
	.release = release,
	.session_ends = session_ends,
};
