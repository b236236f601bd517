/*
 * Who went lately and what they left, as brief.md has it: who reads that page at each turn is told
 * of a death by nothing else.
 *
 * Told are those that one worked with, those that said what they were at, and those that left a
 * task or claims; who came and went without any of it is not.
 */
#include "core/report/brief_private.h"

#include "core/base/json.h"
#include "core/item/ask.h"
#include "core/item/collaboration.h"
#include "core/item/task.h"
#include "core/report/dashboard.h"
#include "core/state/page.h"
#include "core/state/parts.h"
#include "core/state/session.h"

#include <stdlib.h>
#include <string.h>

#define SHOWN      5   /* at the most */
#define LOOKED     32  /* are looked at closely: whom one works with, then the newest */
#define MINE_MOST  16  /* collaborations that are looked at for that */
#define ASKS_MOST  200 /* asks that are looked at for whom one has asked, */
#define PARTS_MOST 16  /* and of those asked in each */
#define AGAIN_MOST 64  /* of an agent's sessions that are looked at for one that lives */
#define TASKS_MOST 2   /* that are named of one */
#define CLAIMS     4
#define SAID_MAX   120 /* bytes of what somebody wrote */

/* A session's claims and tasks end in its last act: that reaches so far before its last record. */
#define ACT_RECORDS 64
#define ACT_US      SECOND_US

struct gone {
	struct session *session;
	int64_t ended_us;
	bool near;
};

struct goners {
	struct gone newest[LOOKED]; /* by_nearness */
	size_t count, further;      /* further: others that said what they were at */
};

static int by_end(const void *a, const void *b)
{
	const struct gone *x = a, *y = b;

	return x->ended_us < y->ended_us   ? 1
	       : x->ended_us > y->ended_us ? -1
					   : strcmp(x->session->id, y->session->id);
}

static int by_nearness(const void *a, const void *b)
{
	const struct gone *x = a, *y = b;

	return x->near != y->near ? (x->near ? -1 : 1) : by_end(a, b);
}

/* An agent that left in good order and is here in another session is not gone: where it comes and
 * goes, one of its newest. */
static bool stays(const struct session *o)
{
	const struct session *s = o->agent ? o->agent->sessions : NULL;

	if (o->end_reason != END_ASKED)
		return false;
	for (size_t n = 0; s && n < AGAIN_MOST; n++, s = s->agent_next)
		if (!s->ended_us)
			return true;
	return false;
}

/* The collaborations that one takes part in. */
struct mine {
	const struct collaboration *all[MINE_MOST];
	size_t count;
};

static void find_mine(const struct state *st, const struct session *s, struct mine *out)
{
	const struct collaboration *c = NULL;

	while (s->agent && out->count < MINE_MOST &&
		(c = collaboration_next(st, c, s->agent->key, s->id)))
		out->all[out->count++] = c;
}

static bool takes_part(const struct mine *mine, const struct session *o)
{
	for (size_t i = 0; o->agent && i < mine->count; i++)
		if (collaboration_has(mine->all[i], o->agent->key, o->id))
			return true;
	return false;
}

static bool is_asked(const struct ask *ask, const struct session *s)
{
	for (size_t i = 0; i < ask->part_count && i < PARTS_MOST; i++)
		if (strcmp(ask->parts[i].session, s->id) == 0)
			return true;
	return false;
}

/* Whether one has asked the other, and that was not over long ago. */
static bool have_asked(const struct state *st, const struct session *s, const struct session *o)
{
	const struct item_list *lists[] = {&st->items.closed[ITEM_ASK], &st->items.open[ITEM_ASK]};

	for (size_t l = 0; l < 2; l++) {
		const struct item *i = lists[l]->last;

		for (size_t n = 0; i && n < ASKS_MOST; n++, i = i->prev) {
			const struct ask *ask = (const struct ask *)i;

			if ((strcmp(i->session, s->id) == 0 && is_asked(ask, o)) ||
				(strcmp(i->session, o->id) == 0 && is_asked(ask, s)))
				return true;
		}
	}
	return false;
}

static void keep(struct goners *out, struct session *o, bool near)
{
	const struct gone one = {o, o->ended_us, near};
	size_t at = out->count;

	while (at > 0 && by_nearness(&one, &out->newest[at - 1]) < 0)
		at--;
	if (out->count == LOOKED) {
		const struct session *last = at < LOOKED ? out->newest[LOOKED - 1].session : o;

		out->further += last->task && *last->task;
		if (at == LOOKED)
			return;
		out->count--;
	}
	memmove(&out->newest[at + 1], &out->newest[at], (out->count - at) * sizeof(one));
	out->newest[at] = one;
	out->count++;
}

/* Under the state's lock; those that are kept are held. */
static void gather(
	const struct state *st, const struct session *s, int64_t since_us, struct goners *out)
{
	struct mine mine = {0};

	find_mine(st, s, &mine);
	for (size_t i = 0; i < st->session_slots; i++)
		for (struct session *o = st->sessions[i]; o; o = o->next)
			if (o->ended_us && o->ended_us >= since_us && o != s && !o->person &&
				!stays(o))
				keep(out, o, takes_part(&mine, o));
	for (size_t i = 0; i < out->count; i++) {
		struct gone *g = &out->newest[i];

		session_ref(g->session);
		g->near = g->near || have_asked(st, s, g->session);
	}
	if (out->count)
		qsort(out->newest, out->count, sizeof(*out->newest), by_nearness);
}

/* Its unfinished tasks, which failed with it. Under the state's lock. */
static size_t add_tasks(struct buf *b, const struct state *st, const struct session *o)
{
	size_t n = 0;

	for (const struct item *i = st->items.closed[ITEM_TASK].last;
		i && i->closed_us >= o->ended_us - ACT_US; i = i->prev) {
		const struct task *t = (const struct task *)i;

		if (t->status != TASK_FAILED || i->closed_us > o->ended_us + ACT_US || !t->error ||
			strcmp(t->error, "\"session ended\"") != 0 ||
			(strcmp(i->session, o->id) != 0 &&
				(!o->agent || strcmp(t->agent, o->agent->key) != 0)))
			continue;
		if (n++ >= TASKS_MOST)
			continue;
		buf_addf(b, "; task `%s` failed", i->id);
		if (t->description) {
			buf_adds(b, ": ");
			page_span(b, t->description, strlen(t->description), SAID_MAX);
		}
	}
	if (n > TASKS_MOST)
		buf_addf(b, "; %zu more tasks failed", n - TASKS_MOST);
	return n;
}

/* The name of a claim that ended with its session, or NULL. It borrows from `json`. */
static const char *freed(
	const struct record *r, const struct session *o, int64_t ended_us, struct json **json)
{
	const char *name = NULL, *reason = "released";

	*json = NULL;
	if (strcmp(r->type, "claim.released") != 0 || !r->detail || !r->session ||
		strcmp(r->session, o->id) != 0 || r->time_us < ended_us - ACT_US ||
		r->time_us > ended_us || json_parse(r->detail, strlen(r->detail), json, NULL))
		return NULL;
	json_get_string(*json, "item", 0, &name, NULL);
	json_get_string(*json, "reason", 0, &reason, NULL);
	return strcmp(reason, "released") == 0 ? NULL : name;
}

/* The claims that it held and nobody has taken since: they are nowhere but in its last records. */
static size_t add_claims(struct buf *b, struct loop *loop, const struct gone *g, int64_t last_pos)
{
	struct record *records[ACT_RECORDS];
	int64_t pos = last_pos > ACT_RECORDS ? last_pos - ACT_RECORDS : 1;
	struct view view;
	size_t n = 0, count = 0;

	if (view_init(&view, loop, g->session->events, NULL, NULL, pos))
		return 0;
	if (view_fetch(&view, loop, &pos, records, ACT_RECORDS, 64 << 10, &count))
		count = 0;
	for (size_t i = 0; i < count; i++) {
		struct json *json;
		const char *name = freed(records[i], g->session, g->ended_us, &json);
		const struct item *now = NULL;

		if (name) {
			state_rdlock(loop);
			now = state_item(loop->state, ITEM_CLAIM, name);
			now = now && !now->closed_us ? now : NULL;
			state_unlock(loop);
		}
		if (name && !now && n++ < CLAIMS) {
			buf_adds(b, n == 1 ? "; free again: " : ", ");
			page_span(b, name, strlen(name), SAID_MAX);
		}
		json_free(json);
		record_unref(records[i]);
	}
	if (n > CLAIMS)
		buf_addf(b, " and %zu more claims", n - CLAIMS);
	view_release(&view);
	return n;
}

/* Who, how, how long ago. Under the state's lock. */
static void add_who(struct buf *b, struct loop *loop, const struct session *o)
{
	const int64_t us = loop_wall_us(loop) - o->ended_us;
	char ago[32];

	buf_adds(b, "- ");
	page_name(b, o->agent_name);
	if (strcmp(o->agent_name, o->id) != 0) {
		buf_adds(b, ", ");
		page_name(b, o->id);
	}
	session_span(us > 0 ? us : 0, ago, sizeof(ago));
	buf_addf(b, ", %s %s ago", end_reasons[o->end_reason], ago);
	if (o->task && *o->task) {
		buf_adds(b, ", was at ");
		page_span(b, o->task, strlen(o->task), SAID_MAX);
	}
}

static void add_gone(struct part *p, struct loop *loop, const struct gone *g)
{
	const struct session *o = g->session;
	const size_t from = p->text.len;
	bool told = g->near;
	int64_t last_pos;
	size_t left;

	if (p->count == SHOWN) {
		state_rdlock(loop);
		p->total += told || (o->task && *o->task);
		state_unlock(loop);
		return;
	}
	state_rdlock(loop);
	/* It may have come back meanwhile. */
	if (!o->ended_us) {
		state_unlock(loop);
		return;
	}
	told = told || (o->task && *o->task);
	add_who(&p->text, loop, o);
	left = add_tasks(&p->text, loop->state, o);
	last_pos = o->events->last_pos;
	state_unlock(loop);
	left += add_claims(&p->text, loop, g, last_pos);
	if (told || left) {
		buf_addc(&p->text, '\n');
		part_entry(p);
	} else {
		p->text.len = from;
	}
}

int part_gone(struct loop *loop, struct search *search, struct session *s, struct part *p)
{
	struct goners gone = {0};

	(void)search;
	p->rest = "tail feeds/by-type/session.ended";
	p->least = 350;
	state_rdlock(loop);
	if (loop->state->session_count > loop->state->living)
		gather(loop->state, s, loop_wall_us(loop) - DASHBOARD_GONE_S * SECOND_US, &gone);
	state_unlock(loop);
	if (gone.count)
		part_heading(p, "Gone lately");
	for (size_t i = 0; i < gone.count; i++) {
		add_gone(p, loop, &gone.newest[i]);
		session_unref(gone.newest[i].session);
	}
	p->total += p->total ? gone.further : 0;
	return 0;
}
