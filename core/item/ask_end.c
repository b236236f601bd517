/* How an ask ends without an answer: what is told, and when a session ends or an asker goes. */
#include "core/item/ask_private.h"

#include "core/state/parts.h"

#include <errno.h>
#include <string.h>

const struct session *ask_hearer(struct loop *loop, const struct ask *ask, bool *quiet)
{
	const struct session *s =
		ask->item.session[0] ? state_session(loop->state, ask->item.session) : NULL;

	*quiet = ask->held && atomic_load(&ask->readers) > 0;
	return s && !s->ended_us ? s : NULL;
}

/* Who says it, where nobody else does: it is about the asker's own. */
static void speak(struct loop *loop, const struct ask *ask, struct draft *d)
{
	const struct session *s =
		ask->item.session[0] ? state_session(loop->state, ask->item.session) : NULL;

	d->kind = RECORD_EVENT;
	d->uid = ask->item.uid;
	d->from = ask->item.from;
	if (s && s->agent) {
		d->session = s->id;
		d->agent = s->agent->key;
	}
}

static int add(struct act *to, struct draft *d, struct buf *data, struct buf *detail)
{
	buf_addc(data, '}');
	buf_addc(detail, '}');
	return act_add_built(to, d, data, detail) ? -ENOMEM : 0;
}

int ask_fail(struct loop *loop, struct act *to, const struct ask *ask, const struct ask_part *part,
	enum ask_reason reason, const char *error, const struct draft *speaker)
{
	struct draft d = {.type = "ask.failed"};
	struct buf data = BUF_INIT, detail = BUF_INIT;
	struct ask_count n = ask_count(ask);
	const struct session *hearer, *s;
	bool quiet;

	if (ask->status != ASK_OPEN || ask->item.closed_us)
		return 0;
	speak(loop, ask, &d);
	if (speaker) {
		d = *speaker;
		d.type = "ask.failed";
	}
	hearer = ask_hearer(loop, ask, &quiet);
	d.target = hearer ? hearer->id : NULL;
	buf_init(&data, LINE_MAX_BYTES);
	buf_init(&detail, LINE_MAX_BYTES);
	buf_addf(&data, "{\"request_id\":\"%s\",\"reason\":\"%s\"", ask->item.id,
		ask_reasons[reason]);
	buf_addf(&detail, "{\"item\":\"%s\",\"reason\":\"%s\"", ask->item.id, ask_reasons[reason]);
	/* What nobody's inbox is for, everyone would see. */
	if (hearer)
		item_add_text(&data, "error", error);
	item_add_text(&detail, "error", error);
	if (part) {
		n.awaited -= !ask->anyone;
		n.failed++;
		buf_addf(&detail, ",\"by\":\"%s\"", part->session);
		s = speaker ? NULL : state_session(loop->state, part->session);
		item_add_text(&detail, "by_name", s ? s->agent_name : d.from);
		if (reason == ASK_REASON_ENDED)
			buf_addf(&data, ",\"asked\":\"%s\"", part->session);
		if (ask_verdict(ask, &n) == ASK_OPEN)
			buf_addf(&data, ",\"awaited\":%zu", ask_missing(ask, &n));
	}
	/* Whoever cancels it knows. */
	if (quiet || reason == ASK_REASON_CANCELLED)
		buf_adds(&detail, ",\"quiet\":true");
	return add(to, &d, &data, &detail);
}

int ask_over(struct loop *loop, struct act *to, const struct ask *ask, const struct ask_part *part)
{
	struct draft d = {.type = "ask.answered"};
	struct buf data = BUF_INIT, detail = BUF_INIT;
	const struct session *hearer;
	bool quiet;

	if (ask->item.closed_us)
		return 0;
	speak(loop, ask, &d);
	hearer = ask_hearer(loop, ask, &quiet);
	d.target = hearer ? hearer->id : NULL;
	buf_addf(&data, "{\"request_id\":\"%s\",\"more\":false", ask->item.id);
	buf_addf(&detail, "{\"item\":\"%s\",\"over\":true,\"quiet\":true", ask->item.id);
	if (part)
		buf_addf(&detail, ",\"by\":\"%s\"", part->session);
	return add(to, &d, &data, &detail);
}

int ask_session_ends(struct loop *loop, struct act *act, struct item *item, const struct session *s,
	struct error *err)
{
	const struct ask *ask = (const struct ask *)item;
	struct ask_part *p = ask_part(ask, s->id);
	struct buf why = BUF_INIT;
	int r = 0;

	(void)err;
	if (strcmp(item->session, s->id) == 0)
		return ask->status == ASK_OPEN
			       ? ask_fail(loop, act, ask, NULL, ASK_REASON_CANCELLED,
					 "its asker's session has ended", NULL)
			       : ask_over(loop, act, ask, NULL);
	if (!p)
		return 0;
	if (p->more)
		return ask_over(loop, act, ask, p);
	if (p->state != PART_AWAITED || ask->anyone)
		return 0;
	buf_addf(&why, "session %s has ended", s->id);
	r = buf_error(&why);
	if (!r)
		r = ask_fail(loop, act, ask, p, ASK_REASON_ENDED, why.data, NULL);
	buf_release(&why);
	return r;
}

static int decide_cancel(struct loop *loop, struct command *c, struct error *err)
{
	struct act *a = (struct act *)c;
	const struct ask *ask = (const struct ask *)a->item;
	bool quiet;

	(void)err;
	if (ask->named || !ask->held || atomic_load(&ask->readers) > 0)
		return 0;
	if (ask->status == ASK_OPEN)
		return ask_fail(loop, a, ask, NULL, ASK_REASON_CANCELLED,
			"its asker closed the descriptor", NULL);
	return ask_hearer(loop, ask, &quiet) ? 0 : ask_over(loop, a, ask, NULL);
}

int ask_closed(struct loop *loop, struct item *item, struct act **out)
{
	struct act *a = act_new(NULL);

	(void)loop;
	if (!a)
		return -ENOMEM;
	a->item = item_ref(item);
	a->command.decide = decide_cancel;
	a->command.alone = true;
	*out = a;
	return 0;
}

bool ask_is_by(const struct item *item, const struct actor *actor)
{
	if (item->uid != actor->uid || actor->kind == ACTOR_ENDED)
		return false;
	return item->session[0] ? actor->session && strcmp(actor->session->id, item->session) == 0
				: !actor->session;
}

static int decide_give_up(struct loop *loop, struct command *c, struct error *err)
{
	struct act *a = (struct act *)c;
	const struct ask *ask = (const struct ask *)a->item;

	if (ask->item.closed_us)
		return error_set(err, ESTALE, "%s is over: %s", ask->item.id, ask_status_name(ask));
	if (ask->status != ASK_OPEN)
		return ask_over(loop, a, ask, NULL);
	return ask_fail(loop, a, ask, NULL, ASK_REASON_CANCELLED,
		"its asker wants no answer any more", NULL);
}

int ask_give_up(struct loop *loop, const struct actor *actor, struct item *item, struct act **out)
{
	struct act *a = act_new(actor);

	(void)loop;
	if (!a)
		return -ENOMEM;
	a->item = item_ref(item);
	a->command.decide = decide_give_up;
	a->command.alone = true;
	*out = a;
	return 0;
}
