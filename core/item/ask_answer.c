/* Answering: an answer, or why there is none. */
#include "core/item/ask_private.h"

#include "core/state/parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* With the state's lock held, or on the committer. */
static bool is_asked(const struct ask *ask, const struct actor *actor)
{
	return ask->anyone ||
	       (actor->kind == ACTOR_SESSION && ask_part(ask, actor->session->id) != NULL);
}

static int check_asked(const struct ask *ask, const struct actor *actor, struct error *err)
{
	if (actor->kind == ACTOR_ENDED || (actor->session && actor->session->ended_us))
		return error_set(
			err, ESTALE, "session %s has ended; register again", actor->session->id);
	if (is_asked(ask, actor))
		return 0;
	return error_set(err, EACCES, "%s was not asked %s",
		actor->kind == ACTOR_SESSION ? actor->session->id
					     : "a process without a session of its own",
		ask->item.id);
}

int ask_may_answer(
	struct loop *loop, const struct actor *actor, const struct item *item, struct error *err)
{
	int r;

	state_rdlock(loop);
	r = check_asked((const struct ask *)item, actor, err);
	state_unlock(loop);
	return r;
}

/* It comes after the ask was decided, or this one's part of it: a message to the asker, which
 * counts as any, since there may be any number of them. */
static int tell(struct loop *loop, struct act *a, const struct ask *ask, bool late,
	const struct draft *speaker, struct error *err)
{
	const struct ask_reply *reply = a->more;
	struct buf *b = &a->text[ASK_TEXT_DATA];
	struct draft d = *speaker;
	const struct session *hearer;
	bool quiet;
	int r = act_check_quota(loop, a->actor.uid, reply->compact.len, err);

	if (r)
		return r;
	hearer = ask_hearer(loop, ask, &quiet);
	if (!hearer)
		return error_set(err, EHOSTDOWN, "%s is over (%s), and its asker has gone",
			ask->item.id, ask_status_name(ask));
	buf_addf(b, "{\"request_id\":\"%s\"", ask->item.id);
	item_add_text(b, "error", reply->error);
	item_add_raw(b, "data", reply->compact.data);
	buf_adds(b, late ? ",\"late\":true}" : reply->more ? ",\"more\":true}" : "}");
	if (buf_error(b))
		return buf_error(b);
	d.type = "message.direct";
	d.target = hearer->id;
	d.data = b->data;
	d.data_len = b->len;
	return command_add(&a->command, &d);
}

static int add_answer(
	struct loop *loop, struct act *a, const struct ask *ask, const struct draft *speaker)
{
	struct ask_reply *reply = a->more;
	struct buf *data = &a->text[ASK_TEXT_DATA], *detail = &a->text[ASK_TEXT_DETAIL];
	struct ask_count n = ask_count(ask);
	struct draft d = *speaker;
	const struct session *hearer;
	bool quiet;

	hearer = ask_hearer(loop, ask, &quiet);
	n.answered++;
	n.awaited -= !ask->anyone;
	buf_addf(data, "{\"request_id\":\"%s\"", ask->item.id);
	if (hearer)
		item_add_raw(data, "data", reply->compact.data);
	/* Who has no inbox can't hear more. */
	if (hearer && reply->more)
		buf_adds(data, ",\"more\":true");
	if (ask_verdict(ask, &n) == ASK_OPEN)
		buf_addf(data, ",\"awaited\":%zu", ask_missing(ask, &n));
	buf_addc(data, '}');
	buf_addf(
		detail, "{\"item\":\"%s\",\"by\":\"%s\"", ask->item.id, d.session ? d.session : "");
	item_add_text(detail, "by_name", d.from);
	/* What nobody's inbox is for, everyone would see. */
	if (!hearer || reply->compact.len != reply->value.len)
		item_add_raw(detail, "answer", reply->value.data);
	if (hearer && reply->more)
		buf_adds(detail, ",\"more\":true");
	buf_adds(detail, quiet ? ",\"quiet\":true}" : "}");
	if (buf_error(data) || buf_error(detail))
		return -ENOMEM;
	d.type = "ask.answered";
	d.target = hearer ? hearer->id : NULL;
	d.data = data->data;
	d.data_len = data->len;
	d.detail = detail->data;
	return command_add(&a->command, &d);
}

static int decide(struct loop *loop, struct command *c, struct error *err)
{
	struct act *a = (struct act *)c;
	const struct ask *ask = (const struct ask *)a->item;
	const struct ask_reply *reply = a->more;
	struct ask_part anyone = {.state = PART_AWAITED}, *p;
	struct draft d = {0};
	int r = check_asked(ask, &a->actor, err);

	if (!r)
		r = act_speak(a, &d, err);
	if (r)
		return r;
	p = ask_part(ask, d.session ? d.session : "");
	if (!p && d.session)
		memcpy(anyone.session, d.session, strlen(d.session));
	p = p ? p : &anyone;
	if (ask->status == ASK_OPEN && p->state == PART_AWAITED)
		return reply->error ? ask_fail(loop, a, ask, p, ASK_REASON_ERROR, reply->error, &d)
				    : add_answer(loop, a, ask, &d);
	r = tell(loop, a, ask, !p->more, &d, err);
	if (!r && p->more && !reply->more)
		r = ask_over(loop, a, ask, p);
	return r;
}

int ask_answer(struct loop *loop, const struct actor *actor, struct item *item,
	const struct message *m, bool error, struct act **out, struct error *err)
{
	struct ask_reply *reply = calloc(1, sizeof(*reply));
	struct act *a = reply ? act_new(actor) : NULL;
	int r;

	if (!a) {
		free(reply);
		return -ENOMEM;
	}
	a->more = reply;
	a->more_free = ask_reply_free;
	a->item = item_ref(item);
	a->command.decide = decide;
	a->command.alone = true; /* the first of two counts */
	r = ask_reply_take(reply, loop, actor, (const struct ask *)item, m, error, err);
	if (r)
		act_free(a);
	else
		*out = a;
	return r;
}

int ask_answer_any(struct loop *loop, const struct actor *actor, const struct message *m,
	struct act **out, struct error *err)
{
	const char *id = ask_reply_to(m);
	struct item *item;
	int r;

	if (!id)
		return error_set(err, EINVAL,
			"replyTo: must name the ask that is answered: {\"replyTo\":ID,\"data\":…}");
	state_rdlock(loop);
	item = state_item(loop->state, ITEM_ASK, id);
	if (item)
		item_ref(item);
	state_unlock(loop);
	if (!item)
		return error_set(err, ENOENT, "replyTo: there is no ask %.80s", id);
	r = ask_may_answer(loop, actor, item, err);
	if (!r)
		r = ask_answer(loop, actor, item, m, false, out, err);
	item_unref(item);
	return r;
}

bool ask_is_answer(struct loop *loop, const struct actor *actor, const struct session *to,
	const struct message *m)
{
	const char *id = ask_reply_to(m);
	const struct item *item;
	bool is = false;

	if (!id)
		return false;
	state_rdlock(loop);
	item = state_item(loop->state, ITEM_ASK, id);
	if (item && strcmp(item->session, to->id) == 0)
		is = is_asked((const struct ask *)item, actor);
	state_unlock(loop);
	return is;
}
