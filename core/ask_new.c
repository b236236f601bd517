/* Asking: from what was written to the question that stands in inboxes. */
#include "core/ask_private.h"

#include "core/framer.h"
#include "core/json.h"
#include "core/message.h"
#include "core/parts.h"
#include "core/schema.h"
#include "core/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HELD_US     (10 * SECOND_US)
#define DETACHED_US (3600 * SECOND_US)

/* A question as it was written, checked. */
struct question {
	char id[ID_MAX + 1]; /* "": it gets a number */
	char type[ASK_TYPE_MAX + 1];
	struct buf data, schema; /* JSON text, compact; empty: none */
	struct buf to;           /* names, each with its NUL */
	size_t to_count;
	bool everyone, anyone; /* "*"; nobody */
	bool many, luca, all, held;
	int64_t wait; /* 0: not given */
	int64_t timeout_us;
	char *agent;
	struct item *instead;
	/* while it is decided */
	struct session **found;
	size_t found_count;
};

static void question_free(void *arg)
{
	struct question *q = arg;

	if (!q)
		return;
	buf_release(&q->data);
	buf_release(&q->schema);
	buf_release(&q->to);
	item_unref(q->instead);
	free(q->agent);
	free(q->found);
	free(q);
}

int ask_may(
	struct loop *loop, const struct actor *actor, const struct asking *how, struct error *err)
{
	struct session *own;
	bool ended, none = false;
	int r = how->held ? 0 : act_own_session(actor, "an answer to come later", &own, err);

	if (r)
		return r;
	state_rdlock(loop);
	ended = actor->kind == ACTOR_ENDED || (actor->session && actor->session->ended_us);
	if (how->to)
		none = how->to->ended_us != 0;
	else if (how->agent)
		none = !ask_latest(state_agent(loop->state, how->agent));
	state_unlock(loop);
	if (ended)
		return error_set(
			err, ESTALE, "session %s has ended; register again", actor->session->id);
	if (none && how->to)
		return error_set(err, EHOSTDOWN, "session %s has ended", how->to->id);
	if (none)
		return error_set(err, EHOSTDOWN, "agent %s has no living session", how->agent);
	return 0;
}

/* Beside what a question has nothing: a misspelt `data` must not be lost in silence. */
static int check_members(const struct json *json, struct error *err)
{
	static const char *const known[] = {"to", "type", "data", "timeout", "request_id",
		"requestId", "schema", "wait", "session_id", "from", "timestamp", NULL};
	const struct json *value;
	const char *key;
	int i;

	for (struct json_iter it = json_iter(json); json_next(&it, &key, &value);) {
		for (i = 0; known[i] && strcmp(known[i], key) != 0; i++)
			;
		if (!known[i])
			return error_set(err, EINVAL,
				"%.80s: unknown in a question; what is asked goes into data", key);
	}
	if (!json_has(json, "data") && !json_has(json, "type"))
		return error_set(err, EINVAL, "data: a question needs data, or at least a type");
	return 0;
}

static int take_id(struct question *q, const struct json *json, struct error *err)
{
	const char *key = "request_id", *id = NULL;
	int r;

	q->luca = !json_has(json, "request_id") && json_has(json, "requestId");
	if (q->luca)
		key = "requestId";
	r = json_get_string(json, key, 0, &id, err);
	if (r || !id)
		return r;
	if (!text_id_ok(id) || strcmp(id, "answer") == 0)
		return error_set(err, EINVAL,
			"%s: must be 1 to %d of A-Z a-z 0-9 _ -, and not new or answer", key,
			ID_MAX);
	memcpy(q->id, id, strlen(id) + 1);
	return 0;
}

static void add_name(struct question *q, const char *name)
{
	buf_add(&q->to, name, strlen(name) + 1);
	q->to_count++;
}

static int take_to(
	struct question *q, const struct json *json, const struct asking *how, struct error *err)
{
	const struct json *to = json_get(json, "to"), *list = NULL;
	int r;

	if (!to || json_kind(to) == JSON_KIND_NULL) {
		q->anyone = !how->to && !how->agent;
		return 0;
	}
	if (how->to || how->agent)
		return error_set(err, EINVAL,
			"to: whoever this file belongs to is asked; write to asks/new to name "
			"others");
	if (json_kind(to) == JSON_KIND_STRING) {
		q->everyone = q->many = strcmp(json_text(to), "*") == 0;
		if (!q->everyone)
			add_name(q, json_text(to));
		return 0;
	}
	r = json_get_strings(json, "to", ASK_TO_MAX, AGENT_NAME_MAX * 4 + TAG_MAX, &list, err);
	if (r)
		return r;
	if (json_count(list) == 0)
		return error_set(err, EINVAL, "to: must name somebody; leave it out to ask anyone");
	q->many = true;
	for (size_t i = 0; i < json_count(list); i++) {
		if (strcmp(json_text(json_item(list, i)), "*") == 0)
			return error_set(err, EINVAL, "to: \"*\" stands alone, not in a list");
		add_name(q, json_text(json_item(list, i)));
	}
	return 0;
}

static int take_wait(struct question *q, const struct json *json, struct error *err)
{
	const struct json *wait = json_get(json, "wait");

	if (!wait || json_kind(wait) == JSON_KIND_NULL)
		return 0;
	if (json_kind(wait) == JSON_KIND_NUMBER) {
		if (json_get_integer(json, "wait", 1, ASK_TO_MAX, &q->wait, err))
			return -EINVAL;
	} else if (json_kind(wait) == JSON_KIND_STRING && strcmp(json_text(wait), "all") == 0) {
		q->all = true;
	} else if (json_kind(wait) != JSON_KIND_STRING || strcmp(json_text(wait), "first") != 0) {
		return error_set(err, EINVAL, "wait: must be \"first\", \"all\" or a number");
	}
	if (q->anyone && (q->all || q->wait > 1))
		return error_set(err, EINVAL,
			"wait: of a question for nobody in particular the first answer counts; "
			"name "
			"whom it is `to`");
	return 0;
}

static int take_schema(struct question *q, const struct message *m, struct error *err)
{
	struct schema *schema;
	const char *raw;
	size_t len;
	int r;

	if (!json_member(m->text, m->len, "schema", &raw, &len))
		return 0;
	r = schema_new(raw, len, &schema, err);
	if (r == -E2BIG)
		return error_set(err, EINVAL, "%s", err->text);
	if (r)
		return r;
	schema_free(schema);
	return json_compact(raw, len, &q->schema);
}

static int take_json(struct question *q, const struct actor *actor, const struct message *m,
	const struct asking *how, struct error *err)
{
	const char *type = NULL, *raw;
	size_t len;
	int r = check_members(m->json, err);

	if (!r)
		r = message_check_names(actor, m->json, err);
	if (!r)
		r = take_id(q, m->json, err);
	if (!r)
		r = json_get_string(m->json, "type", ASK_TYPE_MAX, &type, err);
	if (!r)
		r = json_get_duration(m->json, "timeout", &q->timeout_us, err);
	if (!r)
		r = take_to(q, m->json, how, err);
	if (!r)
		r = take_wait(q, m->json, err);
	if (!r)
		r = take_schema(q, m, err);
	if (r)
		return r;
	if (q->timeout_us < SECOND_US / 1000 || q->timeout_us > ASK_TIME_MAX)
		return error_set(err, EINVAL, "timeout: must be a time from 1 ms to a day");
	if (type)
		snprintf(q->type, sizeof(q->type), "%s", type);
	if (json_member(m->text, m->len, "data", &raw, &len))
		r = json_compact(raw, len, &q->data);
	return r ? r : buf_error(&q->to);
}

static int take(struct question *q, const struct actor *actor, const struct message *m,
	const struct asking *how, struct error *err)
{
	q->held = how->held;
	q->timeout_us = how->held ? HELD_US : DETACHED_US;
	snprintf(q->type, sizeof(q->type), "question");
	if (how->instead)
		q->instead = item_ref(how->instead);
	if (how->agent && !(q->agent = strdup(how->agent)))
		return -ENOMEM;
	if (m->json)
		return take_json(q, actor, m, how, err);
	q->anyone = !how->to && !how->agent;
	buf_add_json(&q->data, m->text, m->len);
	return buf_error(&q->data);
}

/* The first who came stands first. */
static int by_age(const void *a, const void *b)
{
	const struct session *x = *(struct session *const *)a, *y = *(struct session *const *)b;

	return x->since_pos < y->since_pos ? -1 : x->since_pos > y->since_pos;
}

/* Finds who is asked, each once. */
static int find(struct loop *loop, struct question *q, const struct session *asker,
	struct session *to, struct error *err)
{
	const char *name = q->to.data;
	size_t most = q->everyone ? loop->state->session_count : q->to_count + 1;
	int r = 0;

	free(q->found);
	q->found_count = 0;
	q->found = calloc(most + 1, sizeof(struct session *));
	if (!q->found)
		return -ENOMEM;
	if (to)
		q->found[q->found_count++] = to;
	for (size_t i = 0; i < q->to_count && !r; i++, name += strlen(name) + 1) {
		struct session *s;
		size_t at = 0;

		r = ask_find(loop, asker, name, &s, err);
		while (!r && at < q->found_count && q->found[at] != s)
			at++;
		if (!r && at == q->found_count)
			q->found[q->found_count++] = s;
	}
	/* A person may be away for days, and would keep everyone waiting: it is asked by name. */
	for (size_t i = 0; q->everyone && i < loop->state->session_slots; i++)
		for (struct session *s = loop->state->sessions[i]; s; s = s->next)
			if (!s->ended_us && !s->person && s != asker)
				q->found[q->found_count++] = s;
	if (q->everyone)
		qsort(q->found, q->found_count, sizeof(*q->found), by_age);
	if (!r && q->everyone && !q->found_count)
		r = error_set(err, ENOENT, "to: nobody else is in the loop");
	if (!r && q->found_count > ASK_TO_MAX)
		r = error_set(err, EINVAL, "to: at most %d sessions", ASK_TO_MAX);
	if (!r && q->wait > 1 && (size_t)q->wait > q->found_count)
		r = error_set(err, EINVAL, "wait: only %zu are asked", q->found_count);
	return r;
}

static int find_asked(struct loop *loop, struct act *a, struct error *err)
{
	struct question *q = a->more;
	struct session *to = a->session;

	if (to && to->ended_us)
		return error_set(err, EHOSTDOWN, "session %s has ended", to->id);
	if (q->agent) {
		to = ask_latest(state_agent(loop->state, q->agent));
		if (!to)
			return error_set(
				err, EHOSTDOWN, "agent %s has no living session", q->agent);
	}
	return q->anyone ? 0 : find(loop, q, a->actor.session, to, err);
}

static int check_limits(struct loop *loop, struct act *a, struct error *err)
{
	const struct question *q = a->more;
	const struct items *items = &loop->state->items;

	/* Counted only where it can matter: that goes through all of them. */
	if (items->open[ITEM_ASK].count >= ASKS_UID_MAX &&
		items_of(loop->state, ITEM_ASK, a->actor.uid) >= ASKS_UID_MAX)
		return error_set(err, EDQUOT, "asks: this user has %d open, which is the limit",
			ASKS_UID_MAX);
	return act_check_quota(loop, a->actor.uid, q->data.len + q->schema.len, err);
}

static int take_number(struct loop *loop, struct act *a, int64_t *number, struct error *err)
{
	const struct question *q = a->more;

	*number = 0;
	if (!q->id[0]) {
		*number = item_number(loop, ITEM_ASK, a->id);
		return 0;
	}
	memcpy(a->id, q->id, sizeof(a->id));
	if (state_item(loop->state, ITEM_ASK, a->id))
		return error_set(err, EEXIST, "%s: there is an ask %s already",
			q->luca ? "requestId" : "request_id", a->id);
	return 0;
}

static void add_data(struct act *a)
{
	const struct question *q = a->more;
	struct buf *b = &a->text[ASK_TEXT_DATA];

	buf_addf(b, "{\"request_id\":\"%s\",\"type\":", a->id);
	buf_add_json(b, q->type, strlen(q->type));
	if (q->data.len)
		buf_addf(b, ",\"data\":"), buf_add(b, q->data.data, q->data.len);
	buf_adds(b, ",\"timeout\":");
	ask_add_seconds(b, q->timeout_us);
	buf_addf(b, ",\"reply_to\":\"asks/%s/reply\"", a->id);
	if (q->all)
		buf_adds(b, ",\"wait\":\"all\"");
	else if (q->wait > 1)
		buf_addf(b, ",\"wait\":%lld", (long long)q->wait);
	if (q->schema.len)
		buf_adds(b, ",\"schema\":"), buf_add(b, q->schema.data, q->schema.len);
	buf_addc(b, '}');
}

static void add_detail(struct loop *loop, struct act *a, int64_t number, const char *from)
{
	const struct question *q = a->more;
	const struct ask is = {
		.held = q->held,
		.named = q->id[0] != '\0',
		.anyone = q->anyone,
		.everyone = q->anyone || q->everyone,
		.many = q->many,
		.luca = q->luca,
		.all = q->all,
	};
	struct buf *b = &a->text[ASK_TEXT_DETAIL];

	buf_addf(b, "{\"item\":\"%s\",\"number\":%lld,\"gid\":%u", a->id, (long long)number,
		(unsigned)a->actor.gid);
	item_add_text(b, "from", from);
	item_add_text(b, "type", q->type);
	buf_addf(b, ",\"flags\":%d,\"timeout_us\":%lld,\"deadline\":%lld", ask_flags(&is),
		(long long)q->timeout_us, (long long)(loop_wall_us(loop) + q->timeout_us));
	if (q->wait > 1)
		buf_addf(b, ",\"need\":%lld", (long long)q->wait);
	if (q->schema.len)
		buf_adds(b, ",\"schema\":true");
	if (!q->many && q->to_count && strncmp(q->to.data, "tag:", 4) == 0)
		item_add_text(b, "tag", q->to.data + 4);
	buf_adds(b, ",\"to\":[");
	for (size_t i = 0; i < q->found_count; i++)
		buf_addf(b, "%s\"%s\"", i ? "," : "", q->found[i]->id);
	buf_adds(b, "]}");
	for (size_t i = 0; i < q->found_count && !q->everyone; i++)
		buf_addf(&a->text[ASK_TEXT_TARGET], "%s%s", i ? " " : "", q->found[i]->id);
}

/* Whoever has written to a descriptor that it reads from waits next. */
static int check_ring(struct loop *loop, const struct act *a, struct error *err)
{
	const struct question *q = a->more;
	struct ask_wish wish = {
		.asker = a->actor.session,
		.to = q->found,
		.count = q->found_count,
		.need = q->all ? q->found_count : (size_t)(q->wait ? q->wait : 1),
	};

	if (!q->held || q->anyone || !wish.asker || !ask_rings(loop, &wish))
		return 0;
	return error_set(err, EDEADLK,
		"session %s waits for an answer of %s's own, and nobody reads its inbox",
		q->found[0]->id, wish.asker->id);
}

/* The one asked before, whose answer nobody can read any more. */
static int drop_earlier(struct loop *loop, struct act *a)
{
	const struct question *q = a->more;
	const struct ask *ask = (const struct ask *)q->instead;

	if (!ask || ask->named || !ask->held)
		return 0;
	return ask_fail(loop, a, ask, NULL, ASK_REASON_CANCELLED,
		"its asker asked something else on the same descriptor", NULL);
}

static int decide(struct loop *loop, struct command *c, struct error *err)
{
	struct act *a = (struct act *)c;
	struct draft d = {.type = "ask.asked"};
	int64_t number;
	int r = act_speak(a, &d, err);

	if (!r)
		r = find_asked(loop, a, err);
	if (!r)
		r = check_limits(loop, a, err);
	if (!r)
		r = check_ring(loop, a, err);
	if (!r)
		r = take_number(loop, a, &number, err);
	if (!r)
		r = drop_earlier(loop, a);
	if (r)
		return r;
	add_data(a);
	add_detail(loop, a, number, d.from);
	for (int i = 0; i < 3; i++)
		if (buf_error(&a->text[i]))
			return buf_error(&a->text[i]);
	d.data = a->text[ASK_TEXT_DATA].data;
	d.data_len = a->text[ASK_TEXT_DATA].len;
	d.detail = a->text[ASK_TEXT_DETAIL].data;
	d.target = a->text[ASK_TEXT_TARGET].data;
	return command_add(c, &d);
}

int ask_new(struct loop *loop, const struct actor *actor, const struct message *m,
	const struct asking *how, struct act **out, struct error *err)
{
	struct question *q = calloc(1, sizeof(*q));
	struct act *a = q ? act_new(actor) : NULL;
	int r;

	if (!a) {
		free(q);
		return -ENOMEM;
	}
	a->more = q;
	a->more_free = question_free;
	a->command.decide = decide;
	if (how->to)
		a->session = session_ref(how->to);
	r = take(q, actor, m, how, err);
	/* What is everyone's to hear counts as a broadcast. */
	if (!r && (q->anyone || q->everyone))
		r = message_may(loop, actor, how->burst, NULL, NULL, err);
	if (r) {
		act_free(a);
		return r;
	}
	/* Two of one id, or two that end the same one, are decided one after the other. */
	a->command.alone = q->id[0] || q->instead;
	*out = a;
	return 0;
}

struct item *ask_made(struct loop *loop, const struct act *a)
{
	struct item *item;

	state_rdlock(loop);
	item = state_item(loop->state, ITEM_ASK, a->id);
	if (item)
		item_ref(item);
	state_unlock(loop);
	return item;
}
