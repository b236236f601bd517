/* An ask as the log's records leave it; saving it and loading it again. */
#include "core/item/ask_private.h"

#include "core/base/json.h"
#include "core/state/parts.h"
#include "core/state/state_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

const char *const ask_reasons[] = {
	[ASK_REASON_NONE] = "",
	[ASK_REASON_ERROR] = "error",
	[ASK_REASON_ENDED] = "ended",
	[ASK_REASON_DEADLOCK] = "deadlock",
	[ASK_REASON_TIMEOUT] = "timeout",
	[ASK_REASON_CANCELLED] = "cancelled",
};

static enum ask_reason reason_of(const char *name)
{
	for (int i = ASK_REASON_ERROR; i <= ASK_REASON_CANCELLED; i++)
		if (strcmp(ask_reasons[i], name) == 0)
			return (enum ask_reason)i;
	return ASK_REASON_NONE;
}

struct ask_count ask_count(const struct ask *ask)
{
	struct ask_count n = {0};

	for (size_t i = 0; i < ask->part_count; i++) {
		n.answered += ask->parts[i].state == PART_ANSWERED;
		n.awaited += ask->parts[i].state == PART_AWAITED;
		n.failed +=
			ask->parts[i].state != PART_ANSWERED && ask->parts[i].state != PART_AWAITED;
	}
	return n;
}

size_t ask_missing(const struct ask *ask, const struct ask_count *n)
{
	if (ask->all)
		return n->awaited;
	return n->answered < ask->need ? ask->need - n->answered : 0;
}

enum ask_status ask_verdict(const struct ask *ask, const struct ask_count *n)
{
	if (ask->all)
		return n->awaited ? ASK_OPEN : n->answered ? ASK_ANSWERED : ASK_FAILED;
	if (n->answered >= ask->need)
		return ASK_ANSWERED;
	/* Where anyone may answer somebody always could; one who says an error speaks for all. */
	if (ask->anyone)
		return n->failed ? ASK_FAILED : ASK_OPEN;
	return n->answered + n->awaited >= ask->need ? ASK_OPEN : ASK_FAILED;
}

struct ask_part *ask_part(const struct ask *ask, const char *session)
{
	for (size_t i = 0; i < ask->part_count; i++)
		if (strcmp(ask->parts[i].session, session) == 0)
			return &ask->parts[i];
	return NULL;
}

bool ask_has_more(const struct ask *ask)
{
	for (size_t i = 0; i < ask->part_count; i++)
		if (ask->parts[i].more)
			return true;
	return false;
}

bool ask_awaits(const struct ask *ask, const char *session)
{
	const struct ask_part *p = ask_part(ask, session);

	return ask->status == ASK_OPEN && p && p->state == PART_AWAITED;
}

int ask_add_part(struct ask *ask, const char *session, struct ask_part **out)
{
	struct ask_part *grown = ask->parts;
	size_t n = ask->part_count;

	/* Room is doubled at powers of two. */
	if ((n & (n - 1)) == 0)
		grown = reallocarray(ask->parts, n ? 2 * n : 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	ask->parts = grown;
	ask->parts[n] = (struct ask_part){.state = PART_AWAITED};
	memcpy(ask->parts[n].session, session, strnlen(session, ID_MAX));
	ask->part_count++;
	if (out)
		*out = &ask->parts[n];
	return 0;
}

/* How many asks a session waits in, for core/item/ask_ring.c. */
void ask_count_asking(struct state *st, const struct ask *ask, int by)
{
	struct session *s =
		ask->held && ask->item.session[0] ? state_session(st, ask->item.session) : NULL;

	if (s)
		atomic_fetch_add(&s->asking, by);
}

static void settle(struct state *st, struct ask *ask, enum ask_status status)
{
	if (ask->status == ASK_OPEN && status != ASK_OPEN)
		ask_count_asking(st, ask, -1);
	ask->status = status;
}

/* What both a record's detail and a saved ask say of the question. */
int ask_take_question(struct ask *ask, const struct json *json)
{
	int64_t need = 1, flags = 0;

	json_get_integer(json, "flags", 0, INT32_MAX, &flags, NULL);
	ask->held = flags & ASK_IS_HELD;
	ask->named = flags & ASK_IS_NAMED;
	ask->anyone = flags & ASK_IS_FOR_ANYONE;
	ask->everyone = flags & ASK_IS_EVERYONES;
	ask->many = flags & ASK_IS_TO_MANY;
	ask->luca = flags & ASK_IS_LUCAS;
	ask->all = flags & ASK_IS_FOR_ALL;
	json_get_integer(json, "need", 1, INT32_MAX, &need, NULL);
	json_get_integer(json, "timeout_us", 0, INT64_MAX, &ask->timeout_us, NULL);
	json_get_integer(json, "deadline", 0, INT64_MAX, &ask->deadline_us, NULL);
	ask->need = (size_t)need;
	return item_take_text(&ask->type, json, "type");
}

int ask_flags(const struct ask *ask)
{
	return (ask->held ? ASK_IS_HELD : 0) | (ask->named ? ASK_IS_NAMED : 0) |
	       (ask->anyone ? ASK_IS_FOR_ANYONE : 0) | (ask->everyone ? ASK_IS_EVERYONES : 0) |
	       (ask->many ? ASK_IS_TO_MANY : 0) | (ask->luca ? ASK_IS_LUCAS : 0) |
	       (ask->all ? ASK_IS_FOR_ALL : 0);
}

/* A member of what the record's line says, as it stands there. */
static int take_said(char **field, const struct record *r, const char *key)
{
	const char *data, *value;
	size_t len;
	char *copy;

	if (!r->line || !json_member(r->line, r->line_len, "data", &data, &len) ||
		!json_member(data, len, key, &value, &len))
		return 0;
	copy = strndup(value, len);
	if (!copy)
		return -ENOMEM;
	free(*field);
	*field = copy;
	return 0;
}

/* The same session is asked again for the same tag as long as it lives: {"tag":"x","to":"id"}. The
 * newest ROUTES_MAX of an asker are kept, as a JSON object. */
static int take_route(struct state *st, const struct ask *ask, const struct json *detail)
{
	struct session *s = state_session(st, ask->item.session);
	const char *tag = NULL, *key;
	const struct json *value;
	struct json *was = NULL;
	struct buf b = BUF_INIT;
	bool drop;

	json_get_string(detail, "tag", 0, &tag, NULL);
	if (!s || !tag || ask->part_count != 1)
		return 0;
	if (s->routes && json_parse(s->routes, strlen(s->routes), &was, NULL))
		return -EUCLEAN;
	drop = was && !json_has(was, tag) && json_count(was) >= ROUTES_MAX; /* the oldest */
	buf_addc(&b, '{');
	for (struct json_iter it = json_iter(was); was && json_next(&it, &key, &value);) {
		if (!drop && strcmp(key, tag) != 0) {
			buf_add_json(&b, key, strlen(key));
			buf_addf(&b, ":\"%s\",", json_text(value));
		}
		drop = false;
	}
	json_free(was);
	buf_add_json(&b, tag, strlen(tag));
	buf_addf(&b, ":\"%s\"}", ask->parts[0].session);
	if (buf_error(&b)) {
		buf_release(&b);
		return -ENOMEM;
	}
	free(s->routes);
	s->routes = buf_detach(&b, NULL);
	state_touch_session(st, s);
	return 0;
}

static int asked(
	struct state *st, struct ask *ask, const struct record *r, const struct json *detail)
{
	const struct json *to = json_get(detail, "to");
	bool schema = false;
	int err = ask_take_question(ask, detail);

	for (size_t i = 0; i < json_count(to) && !err; i++) {
		const char *id = json_text(json_item(to, i));

		err = id ? ask_add_part(ask, id, NULL) : -EUCLEAN;
	}
	if (!err)
		err = take_said(&ask->data, r, "data");
	json_get_bool(detail, "schema", &schema, NULL);
	if (!err && schema)
		err = take_said(&ask->schema, r, "schema");
	if (!err)
		ask_count_asking(st, ask, 1);
	return err ? err : take_route(st, ask, detail);
}

/* The part that a record is of; where anyone may answer it is made. */
static int part_of(struct ask *ask, const struct json *detail, struct ask_part **out)
{
	const char *by = NULL;

	*out = NULL;
	json_get_string(detail, "by", ID_MAX, &by, NULL);
	if (!by)
		return 0;
	*out = ask_part(ask, by);
	return *out || !ask->anyone ? 0 : ask_add_part(ask, by, out);
}

/* No more follows from that part, or NULL: from any. */
static void end_more(struct ask *ask, const struct ask_part *p)
{
	for (size_t i = 0; i < ask->part_count; i++)
		if (!p || p == &ask->parts[i])
			ask->parts[i].more = false;
}

static int answered(struct state *st, struct ask *ask, const struct record *r,
	const struct json *detail, const char *text)
{
	struct ask_part *p;
	struct ask_count n;
	bool over = false;
	int err = part_of(ask, detail, &p);

	if (err)
		return err;
	json_get_bool(detail, "over", &over, NULL);
	if (over) {
		end_more(ask, p);
		return 0;
	}
	if (!p || p->state != PART_AWAITED)
		return 0;
	err = item_take_text(&p->from, detail, "by_name");
	if (!err)
		err = item_take_raw(&p->answer, text, "answer");
	if (!err && !p->answer)
		err = take_said(&p->answer, r, "data");
	json_get_bool(detail, "more", &p->more, NULL);
	p->state = PART_ANSWERED;
	p->at_us = r->time_us;
	n = ask_count(ask);
	if (ask->status == ASK_OPEN)
		settle(st, ask, ask_verdict(ask, &n));
	return err;
}

static int failed(
	struct state *st, struct ask *ask, const struct record *r, const struct json *detail)
{
	const char *why = "";
	enum ask_status verdict = ASK_FAILED;
	struct ask_part *p;
	struct ask_count n;
	int err = part_of(ask, detail, &p);

	if (err || ask->status != ASK_OPEN)
		return err;
	json_get_string(detail, "reason", 0, &why, NULL);
	if (p) {
		err = item_take_text(&p->error, detail, "error");
		if (!err)
			err = item_take_text(&p->from, detail, "by_name");
		p->state = reason_of(why) == ASK_REASON_ENDED ? PART_ENDED : PART_ERROR;
		p->at_us = r->time_us;
		n = ask_count(ask);
		verdict = ask_verdict(ask, &n);
	} else {
		end_more(ask, NULL); /* it is given up as a whole */
	}
	if (err || verdict == ASK_OPEN)
		return err;
	/* Of several all of whom have spoken, some may have answered. */
	if (verdict == ASK_FAILED) {
		ask->reason = reason_of(why);
		err = item_take_text(&ask->error, detail, "error");
		if (ask->reason == ASK_REASON_TIMEOUT)
			verdict = ASK_TIMED_OUT;
		else if (ask->reason == ASK_REASON_CANCELLED)
			verdict = ASK_CANCELLED;
	}
	settle(st, ask, verdict);
	return err;
}

static int apply(struct state *st, struct item *item, const struct record *r,
	const struct json *detail, const char *text, bool *closes)
{
	struct ask *ask = (struct ask *)item;
	int err = 0;

	if (item->closed_us)
		return 0;
	if (strcmp(r->type, "ask.asked") == 0)
		err = asked(st, ask, r, detail);
	else if (strcmp(r->type, "ask.answered") == 0)
		err = answered(st, ask, r, detail, text);
	else if (strcmp(r->type, "ask.failed") == 0)
		err = failed(st, ask, r, detail);
	*closes = ask->status != ASK_OPEN && !ask_has_more(ask);
	return err;
}

#define PART_BYTES 128 /* about what one takes beside its texts; the same on every machine */

static size_t length(const char *text)
{
	/* A null is not saved, and is none afterwards. */
	return text && strcmp(text, "null") != 0 ? strlen(text) : 0;
}

static size_t bytes(const struct item *item)
{
	const struct ask *ask = (const struct ask *)item;
	size_t n = length(ask->type) + length(ask->data) + length(ask->schema) + length(ask->error);

	for (size_t i = 0; i < ask->part_count; i++)
		n += PART_BYTES + length(ask->parts[i].from) + length(ask->parts[i].answer) +
		     length(ask->parts[i].error);
	return n;
}

static void release(struct item *item)
{
	struct ask *ask = (struct ask *)item;

	for (size_t i = 0; i < ask->part_count; i++) {
		free(ask->parts[i].from);
		free(ask->parts[i].answer);
		free(ask->parts[i].error);
	}
	free(ask->parts);
	free(ask->type);
	free(ask->data);
	free(ask->schema);
	free(ask->error);
}

const struct item_ops ask_item = {
	.prefix = "ask.",
	.begins = "ask.asked",
	.size = sizeof(struct ask),
	.closed_max = ASKS_CLOSED_MAX,
	.bytes = bytes,
	.closed_bytes = ASKS_CLOSED_BYTES,
	.apply = apply,
	.save = ask_save,
	.load = ask_load,
	.release = release,
	.session_ends = ask_session_ends,
};
