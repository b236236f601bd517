/* Logs: which lines each shows. */
#include "fs/files.h"

#include "fs/handle.h"
#include "fs/private.h"

#include "core/base/framer.h"
#include "core/base/json.h"
#include "core/base/text.h"
#include "core/item/ask.h"
#include "core/log/log.h"
#include "core/state/inbox.h"
#include "core/state/message.h"
#include "core/state/parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int view_of(const struct caller *c, struct channel *channel, int64_t from, struct view *out)
{
	return view_init(out, c->loop, channel, NULL, NULL, from);
}

static int view_all(const struct caller *c, const struct where *w, struct view *out)
{
	(void)w;
	return view_of(c, c->loop->state->all, 1, out);
}

static int view_broadcast(const struct caller *c, const struct where *w, struct view *out)
{
	(void)w;
	return view_of(c, c->loop->state->broadcast, 1, out);
}

static int view_inbox(const struct caller *c, const struct where *w, struct view *out)
{
	return inbox_view(c->loop, w->session, out);
}

static int view_sent(const struct caller *c, const struct where *w, struct view *out)
{
	return view_of(c, w->session->sent, 1, out);
}

static int view_session(const struct caller *c, const struct where *w, struct view *out)
{
	return view_of(c, w->session->events, 1, out);
}

/* A channel by its name, held; made where there is nothing in it yet. */
static struct channel *channel_of(const struct caller *c, enum channel_kind kind, const char *name)
{
	struct state *st = c->loop->state;
	struct channel *ch;

	state_wrlock(c->loop);
	ch = index_make(st->index, kind, name);
	if (ch)
		channel_ref(ch);
	state_unlock(c->loop);
	return ch;
}

static int view_named(
	const struct caller *c, enum channel_kind kind, const struct where *w, struct view *out)
{
	struct channel *ch = channel_of(c, kind, w->word);
	int r = ch ? view_of(c, ch, 1, out) : -ENOMEM;

	channel_unref(ch);
	return r;
}

static int view_type(const struct caller *c, const struct where *w, struct view *out)
{
	return view_named(c, CHANNEL_TYPE, w, out);
}

static int view_activity(const struct caller *c, const struct where *w, struct view *out)
{
	return view_named(c, CHANNEL_ACTIVITY, w, out);
}

static int view_agent(const struct caller *c, const struct where *w, struct view *out)
{
	return view_named(c, CHANNEL_AGENT, w, out);
}

static int view_agent_inbox(const struct caller *c, const struct where *w, struct view *out)
{
	struct channel *own = channel_of(c, CHANNEL_OWN_AGENT, w->word);
	struct channel *to = channel_of(c, CHANNEL_TO_AGENT, w->word);
	struct agent *a;
	int64_t from = INT64_MAX;
	int r = own && to ? 0 : -ENOMEM;

	state_rdlock(c->loop);
	a = state_agent(c->loop->state, w->word);
	if (a)
		from = a->since_pos + 1;
	state_unlock(c->loop);
	if (!r)
		r = from == INT64_MAX
			    ? -ENOENT
			    : view_init(out, c->loop, c->loop->state->broadcast, to, own, from);
	channel_unref(own);
	channel_unref(to);
	return r;
}

/* After a seq; or from a time on, given as such or as how long ago. */
static int view_since(const struct caller *c, const struct where *w, struct view *out)
{
	struct state *st = c->loop->state;
	struct place at = {.pos = 0};
	int64_t us, pos;
	int r = 0;

	if (w->word[strspn(w->word, "0123456789")] == '\0') {
		state_rdlock(c->loop);
		r = index_at_ord(st->index, st->all, strtoull(w->word, NULL, 10), &at);
		pos = at.pos == INT64_MAX ? st->applied_pos + 1 : at.pos;
		state_unlock(c->loop);
	} else {
		if (text_time(w->word, &us) != 0) {
			r = text_duration(w->word, &us);
			us = loop_wall_us(c->loop) - us;
		}
		if (!r)
			r = log_find_time(c->loop->log, us, &pos, NULL);
	}
	return r ? r : view_of(c, st->all, pos, out);
}

static int may_inbox(struct handle *h, struct error *err)
{
	return message_may(h->loop, &h->actor, &h->burst, NULL, h->node->where.session, err);
}

static int take_inbox(
	struct handle *h, const struct message *m, struct act **act, struct error *err)
{
	/* To answer a question is also to write to whoever asked it. */
	if (m->json && !*act && ask_is_answer(h->loop, &h->actor, h->node->where.session, m))
		return m->left ? error_set(err, EINVAL, "an answer is written alone")
			       : ask_answer_any(h->loop, &h->actor, m, act, err);
	return message_add(h->loop, &h->actor, m, NULL, h->node->where.session, act, err);
}

/* The agent's living session that was heard of last; held. */
static struct session *latest(struct loop *loop, const char *key)
{
	struct session *best = NULL;
	struct agent *a;

	state_rdlock(loop);
	a = state_agent(loop->state, key);
	for (struct session *s = a ? a->sessions : NULL; s; s = s->agent_next)
		if (!s->ended_us && (!best || atomic_load(&s->heard_mono_us) >
						      atomic_load(&best->heard_mono_us)))
			best = s;
	if (best)
		session_ref(best);
	state_unlock(loop);
	return best;
}

static int may_agent(struct handle *h, struct error *err)
{
	struct session *to = latest(h->loop, h->node->where.word);
	int r;

	if (!to)
		return error_set(
			err, EHOSTDOWN, "agent %s has no living session", h->node->where.word);
	r = message_may(h->loop, &h->actor, &h->burst, NULL, to, err);
	session_unref(to);
	return r;
}

static int take_agent(
	struct handle *h, const struct message *m, struct act **act, struct error *err)
{
	struct session *to = latest(h->loop, h->node->where.word);
	int r;

	if (!to)
		return error_set(
			err, EHOSTDOWN, "agent %s has no living session", h->node->where.word);
	r = message_add(h->loop, &h->actor, m, NULL, to, act, err);
	session_unref(to);
	return r;
}

const struct file_ops activity_ops = {.view = view_all};
const struct file_ops broadcast_ops = {
	.view = view_broadcast, .may = broadcast_may, .take = broadcast_take};
const struct file_ops inbox_ops = {.view = view_inbox, .may = may_inbox, .take = take_inbox};
const struct file_ops sent_ops = {.view = view_sent};
const struct file_ops session_activity_ops = {.view = view_session};
const struct file_ops agent_activity_ops = {.view = view_agent};
const struct file_ops agent_inbox_ops = {
	.view = view_agent_inbox, .may = may_agent, .take = take_agent};
const struct file_ops type_feed_ops = {.view = view_type};
const struct file_ops activity_feed_ops = {.view = view_activity};
const struct file_ops since_ops = {.view = view_since};
const struct file_ops errors_ops = {.view = NULL}; /* fs/node_version.c, core/state/refusal.h */
