/* Asking: from what was written to the question that stands in inboxes. */
#include "core/item/ask_private.h"

#include "core/state/message.h"
#include "core/state/parts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
		r = error_set(
			err, ENOENT, "to: nobody else is in the loop; people are not asked so");
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
		(long long)q->timeout_us, (long long)loop_wall_us(loop) + (long long)q->timeout_us);
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
	if (q->found[0] == wish.asker)
		return error_set(err, EDEADLK, "nobody can wait for an answer of its own");
	return error_set(err, EDEADLK,
		"session %s waits for an answer itself, of %s or of who waits for that: answer "
		"what you are asked first (self/brief.md)",
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
	a->more_free = ask_question_free;
	a->command.decide = decide;
	if (how->to)
		a->session = session_ref(how->to);
	r = ask_question_take(q, actor, m, how, err);
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
