/* Statuses as others read them: an agent's, and everyone's, in one pass over the state. */
#include "core/item/status.h"

#include "core/base/json.h"
#include "core/item/collaboration.h"
#include "core/item/task.h"
#include "core/state/parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* One name that counts: an agent's, or one that tasks name and nobody has registered. */
struct row {
	const char *key;
	const struct agent *agent; /* or NULL */
	const struct task *current, *last;
	const struct item *together; /* the collaboration that was counted last, */
	size_t collaborations;       /* and how many */
};

static void add_task_id(struct buf *b, const char *key, const struct task *t)
{
	buf_add_json_text(b, key, t ? t->item.id : NULL);
}

/* The department that a session gave, copied; or NULL. */
static char *department_of(const struct session *s)
{
	const char *text = NULL;
	struct json *json = NULL;
	char *copy = NULL;

	if (!s->given || json_parse(s->given, strlen(s->given), &json, NULL))
		return NULL;
	json_get_string(json, "department", 0, &text, NULL);
	if (text)
		copy = strdup(text);
	json_free(json);
	return copy;
}

static void add_department(struct buf *b, const struct agent *a, const struct task *current)
{
	char *found = NULL;

	for (const struct session *s = a->sessions; s && !found; s = s->agent_next)
		if (!s->ended_us)
			found = department_of(s);
	buf_add_json_text(b, "department", found ? found : current ? current->department : NULL);
	free(found);
}

/* Its own word in the newest session that has one, else what its newest task is about. */
static void add_current(struct buf *b, const struct agent *a, const struct task *current)
{
	const struct session *s = a->sessions;

	while (s && !session_is_busy(s))
		s = s->agent_next;
	buf_add_json_text(b, "current_task", s ? s->task : current ? current->description : NULL);
}

/* How many collaborations it takes part in, by its name or by a session's. */
static size_t count_together(const struct state *st, const struct agent *a)
{
	const struct item *i = st->items.open[ITEM_COLLABORATION].first;
	size_t n = 0;

	for (; i; i = i->next) {
		const struct collaboration *c = (const struct collaboration *)i;
		bool has = collaboration_has(c, a->key, NULL);

		for (const struct session *s = a->sessions; s && !has; s = s->agent_next)
			has = collaboration_has(c, NULL, s->id);
		n += has;
	}
	return n;
}

void status_agent(const struct loop *loop, const struct agent *a, struct buf *b)
{
	const struct state *st = loop->state;
	const struct task *current = task_current(st, a->key);
	const char *comma = "";

	buf_addf(b, "\"agent_id\":\"%s\"", a->key);
	buf_add_json_text(b, "agent", a->name);
	buf_add_json_text(b, "status", agent_is_busy(a) ? "active" : "idle");
	add_department(b, a, current);
	add_current(b, a, current);
	add_task_id(b, "current_activity", current);
	add_task_id(b, "last_activity", task_last(st, a->key));
	buf_adds(b, ",\"tasks\":[");
	for (const struct item *i = st->items.open[ITEM_TASK].first; i; i = i->next) {
		const struct task *t = (const struct task *)i;

		if (strcmp(t->agent, a->key) != 0)
			continue;
		buf_addf(b, "%s{", comma);
		task_record_short(loop, t, b);
		buf_addc(b, '}');
		comma = ",";
	}
	buf_adds(b, "],\"sessions\":[");
	comma = "";
	for (const struct session *s = a->sessions; s; s = s->agent_next) {
		if (s->ended_us)
			continue;
		buf_addf(b, "%s\"%s\"", comma, s->id);
		comma = ",";
	}
	buf_addf(b, "],\"collaboration_count\":%zu", count_together(st, a));
}

/* Whether it counts among the agents: people do while they are at something. */
static bool counts(const struct agent *a)
{
	if (agent_is_busy(a))
		return true;
	for (const struct session *s = a->sessions; s; s = s->agent_next)
		if (!s->ended_us && !s->person)
			return true;
	return false;
}

static int by_key(const void *a, const void *b)
{
	return strcmp(((const struct row *)a)->key, ((const struct row *)b)->key);
}

static struct row *find(struct row *rows, size_t count, const char *key)
{
	const struct row wanted = {.key = key};

	return count ? bsearch(&wanted, rows, count, sizeof(*rows), by_key) : NULL;
}

/* Everyone who counts, by key; a name that several tasks have stands once. */
static size_t gather(const struct state *st, struct row *rows)
{
	size_t n = 0, kept = 0;

	for (size_t i = 0; i < st->agent_slots; i++)
		for (const struct agent *a = st->agents[i]; a; a = a->next)
			if (counts(a))
				rows[n++] = (struct row){.key = a->key, .agent = a};
	for (const struct item *i = st->items.open[ITEM_TASK].first; i; i = i->next) {
		const struct task *t = (const struct task *)i;

		if (!state_agent(st, t->agent))
			rows[n++] = (struct row){.key = t->agent};
	}
	if (n)
		qsort(rows, n, sizeof(*rows), by_key);
	for (size_t i = 0; i < n; i++)
		if (!kept || strcmp(rows[kept - 1].key, rows[i].key) != 0)
			rows[kept++] = rows[i];
	return kept;
}

static void note_tasks(const struct state *st, struct row *rows, size_t count)
{
	const struct item_list *lists[] = {
		&st->items.closed[ITEM_TASK], &st->items.open[ITEM_TASK]};

	for (int k = 0; k < 2; k++) {
		for (const struct item *i = lists[k]->first; i; i = i->next) {
			const struct task *t = (const struct task *)i;
			struct row *row = find(rows, count, t->agent);

			if (!row)
				continue;
			if (k == 1)
				row->current = t;
			if (!row->last || t->item.began_pos > row->last->item.began_pos)
				row->last = t;
		}
	}
}

static void note_collaborations(const struct state *st, struct row *rows, size_t count)
{
	for (const struct item *i = st->items.open[ITEM_COLLABORATION].first; i; i = i->next) {
		const struct collaboration *c = (const struct collaboration *)i;

		for (size_t p = 0; p < c->participant_count; p++) {
			const struct session *s = state_session(st, c->participants[p].name);
			struct row *row = find(rows, count,
				s && !s->person ? s->agent->key : c->participants[p].key);

			if (!row || row->together == i)
				continue;
			row->together = i;
			row->collaborations++;
		}
	}
}

static void add_agents(const struct row *rows, size_t count, struct buf *b)
{
	buf_adds(b, ",\"agents\":{");
	for (size_t i = 0; i < count; i++) {
		const struct row *row = &rows[i];
		const bool active = !row->agent || agent_is_busy(row->agent);

		buf_addf(b, "%s\n\"%s\":{\"status\":\"%s\"", i ? "," : "", row->key,
			active ? "active" : "idle");
		add_task_id(b, "current_activity", row->current);
		add_task_id(b, "last_activity", row->last);
		buf_addf(b, ",\"collaboration_count\":%zu}", row->collaborations);
	}
	buf_adds(b, count ? "\n}" : "}");
}

static void add_collaborations(const struct state *st, struct buf *b)
{
	buf_adds(b, ",\"collaborations\":[");
	for (const struct item *i = st->items.open[ITEM_COLLABORATION].first; i; i = i->next) {
		const struct collaboration *c = (const struct collaboration *)i;

		buf_addf(b, "%s\n{\"id\":\"%s\",\"session_id\":\"%s\",\"participants\":[",
			i->prev ? "," : "", i->id, i->id);
		for (size_t p = 0; p < c->participant_count; p++) {
			buf_adds(b, p ? "," : "");
			buf_add_json(b, c->participants[p].name, strlen(c->participants[p].name));
		}
		buf_adds(b, "],\"started_at\":\"");
		buf_add_time(b, i->began_us);
		buf_addf(b, "\",\"activity_count\":%llu,\"decision_count\":%zu}",
			c->together ? (unsigned long long)c->together->count : 0ULL,
			c->decision_count);
	}
	buf_adds(b, st->items.open[ITEM_COLLABORATION].count ? "\n]" : "]");
}

static void add_tasks(const struct loop *loop, struct buf *b)
{
	const struct item_list *open = &loop->state->items.open[ITEM_TASK];

	buf_adds(b, ",\"tasks\":[");
	for (const struct item *i = open->first; i; i = i->next) {
		buf_addf(b, "%s\n{", i->prev ? "," : "");
		task_record_short(loop, (const struct task *)i, b);
		buf_addc(b, '}');
	}
	buf_adds(b, open->count ? "\n]" : "]");
}

int status_all(const struct loop *loop, struct buf *b)
{
	const struct state *st = loop->state;
	const struct items *items = &st->items;
	const size_t most = st->agent_count + items->open[ITEM_TASK].count;
	struct row *rows = calloc(most ? most : 1, sizeof(*rows));
	size_t count, active = 0;

	if (!rows)
		return -ENOMEM;
	count = gather(st, rows);
	note_tasks(st, rows, count);
	note_collaborations(st, rows, count);
	for (size_t i = 0; i < count; i++)
		active += !rows[i].agent || agent_is_busy(rows[i].agent);
	buf_addf(b,
		"\"total_agents\":%zu,\"active_agents\":%zu,\"idle_agents\":%zu,"
		"\"active_activities\":%zu,\"active_collaborations\":%zu",
		count, active, count - active, items->open[ITEM_TASK].count,
		items->open[ITEM_COLLABORATION].count);
	add_agents(rows, count, b);
	add_collaborations(st, b);
	add_tasks(loop, b);
	free(rows);
	return 0;
}
