/* What sessions have going with each other, as the snapshot has it; and what is wrong. */
#include "core/report/dashboard_private.h"

#include "core/base/json.h"
#include "core/item/alert.h"
#include "core/item/ask.h"
#include "core/item/claim.h"
#include "core/item/collaboration.h"
#include "core/item/task.h"
#include "core/state/parts.h"

#include <string.h>

/* Whether it waits for the person who looks. */
static bool is_for_you(const struct taking *t, const struct item *item)
{
	const struct ask *ask = (const struct ask *)item;

	if (item->kind != ITEM_ASK || ask->anyone || !t->you[0])
		return false;
	for (size_t i = 0; i < ask->part_count; i++)
		if (ask->parts[i].state == PART_AWAITED &&
			strcmp(ask->parts[i].session, t->you) == 0)
			return true;
	return false;
}

/* Adds ,"NAME":[…] with the open ones of a kind, the newest first: of a long list, the end is what
 * is going on. What waits for who looks stands before all others. */
static void add_items(struct taking *t, enum item_kind kind, const char *name,
	void (*add)(struct taking *, const struct item *))
{
	const struct item_list *open = &t->loop->state->items.open[kind];
	size_t n = 0;

	buf_addf(t->out, ",\n\"%s\":[", name);
	for (int yours = kind == ITEM_ASK; yours >= 0; yours--) {
		for (const struct item *i = open->last; i && n < DASHBOARD_ITEMS; i = i->prev) {
			if (is_for_you(t, i) != yours)
				continue;
			buf_adds(t->out, n++ ? ",\n{" : "\n{");
			add(t, i);
			buf_addc(t->out, '}');
		}
	}
	buf_addc(t->out, ']');
	buf_addf(t->counts, ",\"%s\":%zu", name, open->count);
}

static void add_id(struct buf *b, const char *id)
{
	buf_adds(b, "\"id\":");
	buf_add_json(b, id, strlen(id));
}

/* A question that is text, as that; any other as the JSON that it is. */
static void add_question(struct buf *b, const char *data)
{
	struct json *value;

	if (!data || json_parse_value(data, strlen(data), &value, NULL))
		return;
	dashboard_add_text(b, "text", json_text(value) ? json_text(value) : data);
	json_free(value);
}

static void add_ask(struct taking *t, const struct item *item)
{
	const struct ask *ask = (const struct ask *)item;
	struct buf *b = t->out;
	size_t answered = 0, shown = 0;

	add_id(b, item->id);
	dashboard_add_text(b, "from", item->from ? item->from : "");
	dashboard_add_text(b, "session", item->session);
	buf_adds(b, ",\"to\":[");
	for (size_t i = 0; i < ask->part_count; i++) {
		answered += ask->parts[i].state != PART_AWAITED;
		if (ask->anyone || shown == DASHBOARD_NAMES)
			continue;
		buf_addf(b, "%s\"%s\"", shown ? "," : "", ask->parts[i].session);
		shown++;
	}
	buf_addf(
		b, "],\"asked\":%zu,\"answered\":%zu", ask->anyone ? 0 : ask->part_count, answered);
	if (ask->anyone)
		buf_adds(b, ",\"anyone\":true");
	if (is_for_you(t, item))
		buf_adds(b, ",\"for_you\":true");
	buf_addf(b, ",\"status\":\"%s\"", ask_status_name(ask));
	dashboard_add_time(b, "since_ms", item->began_us);
	dashboard_add_time(b, "deadline_ms", ask->deadline_us);
	if (ask->everyone || ask_is_for(t->loop->state, ask, t->uid)) {
		dashboard_add_text(b, "type", ask->type);
		add_question(b, ask->data);
	}
}

static void add_task(struct taking *t, const struct item *item)
{
	const struct task *task = (const struct task *)item;
	struct buf *b = t->out;

	add_id(b, item->id);
	dashboard_add_text(b, "agent", task->agent_name ? task->agent_name : task->agent);
	dashboard_add_text(b, "by", task->by);
	dashboard_add_text(b, "text", task->description);
	dashboard_add_text(b, "activity", task->activity);
	dashboard_add_text(b, "department", task->department);
	dashboard_add_time(b, "since_ms", item->began_us);
}

static void add_decision(struct buf *b, const struct collaboration *c)
{
	const struct decision *d;

	if (!c->decision_count)
		return;
	d = &c->decisions[c->decision_count - 1];
	buf_addf(b, ",\"decision\":{\"n\":%zu", c->decision_count);
	dashboard_add_text(b, "text", d->text);
	dashboard_add_text(b, "by", d->proposer);
	dashboard_add_time(b, "time_ms", d->time_us);
	buf_adds(b, ",\"votes\":");
	collaboration_tally(d, DASHBOARD_NAMES, b);
	buf_addc(b, '}');
}

static void add_collaboration(struct taking *t, const struct item *item)
{
	const struct collaboration *c = (const struct collaboration *)item;
	struct buf *b = t->out;

	add_id(b, item->id);
	dashboard_add_text(b, "type", c->type);
	buf_adds(b, ",\"participants\":[");
	for (size_t i = 0; i < c->participant_count && i < DASHBOARD_NAMES; i++) {
		const char *name = c->participants[i].name;

		buf_adds(b, i ? "," : "");
		dashboard_add_string(b, name, strlen(name));
	}
	buf_addf(b, "],\"participant_count\":%zu,\"messages\":%llu,\"decisions\":%zu",
		c->participant_count, c->talk ? (unsigned long long)c->talk->count : 0ULL,
		c->decision_count);
	dashboard_add_time(b, "since_ms", item->began_us);
	add_decision(b, c);
}

static void add_claim(struct taking *t, const struct item *item)
{
	const struct claim *claim = (const struct claim *)item;
	struct buf *b = t->out;

	add_id(b, item->id);
	dashboard_add_text(b, "owner", item->from ? item->from : item->session);
	dashboard_add_text(b, "session", item->session);
	dashboard_add_text(b, "note", claim->note);
	dashboard_add_time(b, "since_ms", item->began_us);
}

/* Its key names a source, which not everybody may know: the kind and the session are shown. */
static void add_alert(struct taking *t, const struct item *item)
{
	const struct alert *alert = (const struct alert *)item;
	struct buf *b = t->out;

	buf_addf(b, "\"id\":\"a%lld\"", (long long)alert->number);
	dashboard_add_text(b, "alert", alert->kind);
	if (item->session[0])
		dashboard_add_text(b, "session", item->session);
	dashboard_add_time(b, "since_ms", alert->since_us);
}

void dashboard_asks(struct taking *t)
{
	add_items(t, ITEM_ASK, "asks", add_ask);
}

void dashboard_tasks(struct taking *t)
{
	add_items(t, ITEM_TASK, "tasks", add_task);
}

void dashboard_collaborations(struct taking *t)
{
	add_items(t, ITEM_COLLABORATION, "collaborations", add_collaboration);
}

void dashboard_claims(struct taking *t)
{
	add_items(t, ITEM_CLAIM, "claims", add_claim);
}

void dashboard_alerts(struct taking *t)
{
	add_items(t, ITEM_ALERT, "alerts", add_alert);
}
