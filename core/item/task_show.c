/* A task as others read it. */
#include "core/item/task_private.h"

#include "core/state/parts.h"

#include <string.h>

static void add_raw(struct buf *b, const char *key, const char *json, const char *otherwise)
{
	buf_addf(b, ",\"%s\":%s", key, json ? json : otherwise);
}

/* Ids and keys need no escaping. */
static void add_head(const struct task *t, struct buf *b)
{
	buf_addf(b, "\"task_id\":\"%s\",\"activity_id\":\"%s\",\"agent_id\":\"%s\"", t->item.id,
		t->item.id, t->agent);
	buf_add_json_text(b, "agent", t->agent_name);
	buf_add_json_text(b, "session_id", t->item.session[0] ? t->item.session : NULL);
	buf_add_json_text(b, "by", t->by);
	buf_add_json_text(b, "task_description", t->description);
	buf_add_json_text(b, "activity_type", t->activity);
	buf_add_json_text(b, "department", t->department);
}

void task_record_short(const struct loop *loop, const struct task *t, struct buf *b)
{
	(void)loop;
	add_head(t, b);
	buf_add_json_time(b, "started_at", t->item.began_us);
}

void task_record(const struct loop *loop, const struct task *t, struct buf *b)
{
	const int64_t us = t->item.closed_us - t->item.began_us;

	(void)loop;
	add_head(t, b);
	add_raw(b, "metadata", t->metadata, "{}");
	add_raw(b, "related_agents", t->related, "[]");
	add_raw(b, "estimated_duration", t->estimated, "null");
	buf_add_json_text(b, "collaboration", t->in);
	buf_add_json_text(b, "status", task_statuses[t->status]);
	buf_add_json_time(b, "started_at", t->item.began_us);
	buf_add_json_time(b, "timestamp", t->item.began_us);
	buf_add_json_time(b, "finished_at", t->item.closed_us);
	if (t->item.closed_us)
		buf_addf(b, ",\"duration\":%.15g", us > 0 ? (double)us / 1e6 : 0);
	else
		buf_adds(b, ",\"duration\":null");
	buf_add_json_text(b, "ended_by", t->ended_by);
	add_raw(b, "result", t->result, "null");
	add_raw(b, "error", t->error, "null");
	/* What else was told, without its braces. */
	if (t->given && strlen(t->given) > 2)
		buf_addf(b, ",%.*s", (int)strlen(t->given) - 2, t->given + 1);
}

const struct task *task_current(const struct state *st, const char *key)
{
	for (const struct item *i = st->items.open[ITEM_TASK].last; i; i = i->prev)
		if (strcmp(((const struct task *)i)->agent, key) == 0)
			return (const struct task *)i;
	return NULL;
}

const char *session_doing(const struct state *st, const struct session *s)
{
	const struct task *t = NULL;

	if (s->task && *s->task)
		return s->task;
	if (s->agent && s->agent->open_tasks > 0)
		t = task_current(st, s->agent->key);
	return t ? t->description : NULL;
}

/* Closed ones stand in the order in which they were closed. */
const struct task *task_last(const struct state *st, const char *key)
{
	const struct task *last = task_current(st, key), *t;

	for (const struct item *i = st->items.closed[ITEM_TASK].last; i; i = i->prev) {
		t = (const struct task *)i;
		if (strcmp(t->agent, key) == 0 &&
			(!last || t->item.began_pos > last->item.began_pos))
			last = t;
	}
	return last;
}
