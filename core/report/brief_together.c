/* The collaborations that one takes part in, as brief.md has them. */
#include "core/report/brief_private.h"

#include "core/item/collaboration.h"
#include "core/state/page.h"
#include "core/state/parts.h"

#include <string.h>

#define NAMED 3 /* of those who are not here */

enum presence { PRESENT, GONE, NOT_HERE };

static bool lives(const struct agent *a)
{
	for (const struct session *s = a ? a->sessions : NULL; s; s = s->agent_next)
		if (!s->ended_us)
			return true;
	return false;
}

/* A participant is an agent with all its sessions, or one session; or a name that nobody has. */
static enum presence presence_of(const struct state *st, const struct participant *p)
{
	const struct agent *a = state_agent(st, p->key);
	const struct session *s = state_session(st, p->name);

	if ((s && !s->ended_us) || lives(a))
		return PRESENT;
	return s || a ? GONE : NOT_HERE;
}

/* , `zed` and `yan` are gone */
static void add_absent(struct buf *b, const struct state *st, const struct collaboration *c,
	enum presence which, const char *words)
{
	size_t named = 0, all = 0, left;

	for (size_t i = 0; i < c->participant_count; i++)
		all += presence_of(st, &c->participants[i]) == which;
	left = all;
	for (size_t i = 0; i < c->participant_count && named < NAMED && left; i++) {
		if (presence_of(st, &c->participants[i]) != which)
			continue;
		left--;
		buf_adds(b, named++ && !left ? " and " : ", ");
		page_name(b, c->participants[i].name);
	}
	if (left)
		buf_addf(b, " and %zu more", left);
	if (all)
		buf_addf(b, " %s %s", all == 1 ? "is" : "are", words);
}

/* The newest decision, and how to vote where it has not. */
static void add_decision(struct buf *b, const struct collaboration *c, const struct session *s)
{
	const struct decision *d = &c->decisions[c->decision_count - 1];
	bool voted = false;

	for (size_t i = 0; i < d->vote_count; i++)
		voted = voted || strcmp(d->votes[i].key, s->agent->key) == 0;
	buf_addf(b, "; decision %zu, %zu voted: ", c->decision_count, d->vote_count);
	part_text(b, d->text);
	if (!voted)
		buf_addf(b, " (`echo yes > collaborations/%s/votes/%zu`)", c->item.id,
			c->decision_count);
}

int part_collaborations(struct loop *loop, struct search *search, struct session *s, struct part *p)
{
	struct state *st = loop->state;
	const struct collaboration *c = NULL;

	(void)search;
	p->rest = "ls collaborations";
	p->least = 300;
	state_rdlock(loop);
	part_heading(p, "Collaborations (`echo … > collaborations/ID/messages`)");
	while (s->agent && (c = collaboration_next(st, c, s->agent->key, s->id))) {
		if (!part_takes(p))
			continue;
		buf_adds(&p->text, "- ");
		page_name(&p->text, c->item.id);
		buf_addf(&p->text, ", %zu take part", c->participant_count);
		add_absent(&p->text, st, c, GONE, "gone");
		add_absent(&p->text, st, c, NOT_HERE, "not here");
		if (c->decision_count)
			add_decision(&p->text, c, s);
		buf_addc(&p->text, '\n');
		part_entry(p);
	}
	state_unlock(loop);
	return 0;
}
