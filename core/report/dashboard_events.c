/* The newest events, and what was said, as the snapshot has it. */
#include "core/report/dashboard_private.h"

#include "core/base/json.h"
#include "core/item/ask.h"
#include "core/state/parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FETCH_BYTES ((size_t)4 << 20)

/* Adds references to the newest records of a channel to the list. */
struct newest {
	struct record *records[2 * DASHBOARD_EVENTS];
	size_t count;
};

static int fetch(struct loop *loop, struct channel *channel, size_t most, struct newest *out)
{
	struct place from = {0};
	struct view view;
	size_t got = 0, n;
	int r;

	state_rdlock(loop);
	r = index_at_ord(loop->state->index, channel,
		channel->count > most ? channel->count - most : 0, &from);
	state_unlock(loop);
	if (r || from.pos == INT64_MAX)
		return r;
	r = view_init(&view, loop, channel, NULL, NULL, 1);
	if (r)
		return r;
	do {
		n = 0;
		r = view_fetch(&view, loop, &from.pos, out->records + out->count, most - got,
			FETCH_BYTES, &n);
		out->count += n;
		got += n;
	} while (!r && n && got < most);
	view_release(&view);
	return r;
}

static void release(struct newest *n)
{
	for (size_t i = 0; i < n->count; i++)
		record_unref(n->records[i]);
}

/* Newest first. */
static int by_seq(const void *a, const void *b)
{
	const struct record *x = *(struct record *const *)a, *y = *(struct record *const *)b;

	return x->seq < y->seq ? 1 : x->seq > y->seq ? -1 : 0;
}

static void add_receivers(struct buf *b, const char *target)
{
	char id[ID_MAX + 1];
	size_t n = 0;

	if (!target)
		return;
	buf_adds(b, ",\"to\":[");
	while (n < DASHBOARD_NAMES && target_next(&target, id, sizeof(id)))
		buf_addf(b, "%s\"%s\"", n++ ? "," : "", id);
	buf_addc(b, ']');
}

/* What stands elsewhere in the event, or is a time. */
static bool is_known(const char *key)
{
	static const char *const known[] = {"by", "session_id", "agent_id", "agent_name",
		"agent_type", "since", "last_heartbeat", "started_at"};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(key, known[i]) == 0)
			return true;
	return false;
}

/* The texts and numbers of an event without words: "vote yes, n 1". */
static void add_members(struct buf *b, const struct json *data)
{
	struct buf all = BUF_INIT;
	const struct json *value;
	const char *key;

	for (struct json_iter it = json_iter(data); json_next(&it, &key, &value);) {
		if ((json_kind(value) != JSON_KIND_STRING &&
			    json_kind(value) != JSON_KIND_NUMBER) ||
			is_known(key))
			continue;
		if (all.len > DASHBOARD_TEXT)
			break;
		buf_addf(&all, "%s%s ", all.len ? ", " : "", key);
		if (json_text(value))
			buf_adds(&all, json_text(value));
		else
			json_show(value, &all);
		while (all.len && all.data[all.len - 1] == '\n')
			all.len--;
	}
	if (all.len && !buf_error(&all)) {
		buf_adds(b, ",\"facts\":");
		dashboard_add_string(b, all.data, all.len);
	}
	buf_release(&all);
}

/* What the event says in words where it has some. */
static void add_words(struct buf *b, const struct json *data)
{
	static const char *const keys[] = {"message", "task_description", "description", "decision",
		"question", "text", "current_task", "name", "path", "data"};
	const char *words = NULL;

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]) && !words; i++)
		words = json_text(json_get(data, keys[i]));
	if (words) {
		dashboard_add_text(b, "text", words);
	} else if (json_count(data)) {
		add_members(b, data);
	}
}

/* Who was to answer, for people: the one who was asked, or nobody by name. */
static void add_silent(struct loop *loop, const char *id, struct buf *words)
{
	const struct ask *ask;
	const struct session *s = NULL;

	state_rdlock(loop);
	ask = (const struct ask *)state_item(loop->state, ITEM_ASK, id);
	if (ask && !ask->anyone && ask->part_count == 1)
		s = state_session(loop->state, ask->parts[0].session);
	if (s)
		buf_addf(words, "no answer in time by %s", s->agent_name);
	else
		buf_adds(words, "too few answers in time");
	state_unlock(loop);
}

/* What became of a question, in words of ours: its answer is its asker's, but that there is none is
 * everyone's to see (asks/ID/ask.json). Why stands first, for names are long. */
static void add_failure(struct buf *b, struct loop *loop, const struct json *detail, const char *id)
{
	const char *reason = drawn_text(detail, "reason"), *who = drawn_text(detail, "by_name");
	struct buf words = BUF_INIT;

	if (!*who)
		who = "who was asked";
	buf_addf(&words, "%s: ", id);
	if (strcmp(reason, "timeout") == 0)
		add_silent(loop, id, &words);
	else if (strcmp(reason, "cancelled") == 0)
		buf_adds(&words, "taken back by its asker");
	else if (strcmp(reason, "deadlock") == 0)
		buf_adds(&words, "no answer, all wait for each other");
	else if (strcmp(reason, "ended") == 0)
		buf_addf(&words, "no answer, %s has ended", who);
	else
		buf_addf(&words, "no answer, %s says why", who);
	if (!buf_error(&words))
		dashboard_add_text(b, "told", words.data);
	buf_release(&words);
}

/* Of an ask's event: which ask it is, and why it has no answer. Others than those in it see no more
 * of the event than that. */
static void add_ask(struct buf *b, struct loop *loop, const struct record *r)
{
	struct json *detail;
	const char *id;

	if (strncmp(r->type, "ask.", 4) != 0 || !r->detail ||
		json_parse(r->detail, strlen(r->detail), &detail, NULL))
		return;
	id = drawn_text(detail, "item");
	if (strcmp(r->type, "ask.failed") == 0)
		add_failure(b, loop, detail, id);
	else if (json_truth(json_get(detail, "over")))
		buf_addf(b, ",\"told\":\"%s: no more answers follow\"", id);
	else
		dashboard_add_text(b, "ask", id);
	json_free(detail);
}

/* Only what others than sender and receiver see of it. */
static void add_event(struct buf *b, struct loop *loop, const struct record *r, bool first)
{
	const struct json *data;
	struct json *event;
	int64_t bytes = -1;

	buf_addf(b, "%s\n{\"seq\":%lld", first ? "" : ",", (long long)r->seq);
	dashboard_add_text(b, "type", r->type);
	dashboard_add_text(b, "session", r->session);
	dashboard_add_time(b, "time_ms", r->time_us);
	add_receivers(b, r->target);
	add_ask(b, loop, r);
	if (r->shown && json_parse(r->shown, r->shown_len, &event, NULL) == 0) {
		dashboard_add_text(b, "from", drawn_text(event, "from"));
		data = json_get(event, "data");
		if (json_kind(data) == JSON_KIND_OBJECT) {
			if (r->shown != r->line)
				bytes = drawn_number(data, "bytes", -1);
			if (bytes >= 0)
				buf_addf(b, ",\"bytes\":%lld", (long long)bytes);
			else
				add_words(b, data);
		}
		json_free(event);
	}
	buf_addc(b, '}');
}

static void show(struct taking *t, const char *name, struct newest *n, size_t most)
{
	size_t shown = 0;

	if (n->count)
		qsort(n->records, n->count, sizeof(*n->records), by_seq);
	buf_addf(t->out, ",\n\"%s\":[", name);
	for (size_t i = 0; i < n->count && shown < most; i++)
		if (n->records[i]->kind == RECORD_EVENT)
			add_event(t->out, t->loop, n->records[i], shown++ == 0);
	buf_addc(t->out, ']');
}

/* What was said to everyone, and to one: of that, that it was said. */
static int fetch_messages(struct taking *t, struct newest *out)
{
	static const char *const types[] = {"broadcast.message", "message.direct"};
	uint64_t count = 0;
	int r = 0;

	for (int i = 0; i < 2 && !r; i++) {
		struct channel *channel;

		state_rdlock(t->loop);
		channel = index_find(t->loop->state->index, CHANNEL_TYPE, types[i]);
		if (channel) {
			channel_ref(channel);
			count += channel->count;
		}
		state_unlock(t->loop);
		if (channel)
			r = fetch(t->loop, channel, DASHBOARD_MESSAGES, out);
		channel_unref(channel);
	}
	buf_addf(t->counts, ",\"messages\":%llu", (unsigned long long)count);
	return r;
}

int dashboard_events(struct taking *t)
{
	struct newest newest = {0};
	int r = fetch(t->loop, t->loop->state->all, DASHBOARD_EVENTS, &newest);

	if (!r)
		show(t, "activity", &newest, DASHBOARD_EVENTS);
	release(&newest);
	newest = (struct newest){0};
	if (!r)
		r = fetch_messages(t, &newest);
	if (!r)
		show(t, "messages", &newest, DASHBOARD_MESSAGES);
	release(&newest);
	return r;
}
