/* Who is there, and what they were told. */
#include "tests/unit/simulation_model.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

void sim_model_init(struct sim_model *m)
{
	memset(m, 0, sizeof(*m));
	for (int i = 0; i < SIM_CLAIMS; i++)
		m->claims[i] = SIM_NOBODY;
	m->sessions[SIM_PERSON].there = m->sessions[SIM_PERSON].alive = true;
	for (int i = 0; i < SIM_SESSIONS; i++)
		for (int tag = 0; tag < 3; tag++)
			m->sessions[i].last_by_tag[tag] = SIM_NOBODY;
}

void sim_model_release(struct sim_model *m)
{
	for (int i = 0; i < SIM_SESSIONS; i++)
		free(m->sessions[i].inbox.entries);
	for (int i = 0; i < m->ask_count; i++)
		free(m->asks[i]);
	for (int i = 0; i < m->task_count; i++)
		free(m->tasks[i]);
}

int sim_agent_of(int session)
{
	return session == SIM_PERSON ? SIM_GHOST + 1 : session % SIM_AGENTS;
}

bool sim_agent_lives(const struct sim_model *m, int agent, int without)
{
	for (int i = 0; i < SIM_SESSIONS; i++)
		if (i != without && m->sessions[i].alive && sim_agent_of(i) == agent)
			return true;
	return false;
}

/* Inboxes. */

static void add(struct sim_inbox *inbox, const char *what, va_list args)
{
	struct sim_entry *e;

	/* Room is doubled at powers of two. */
	if ((inbox->count & (inbox->count - 1)) == 0)
		inbox->entries = reallocarray(
			inbox->entries, inbox->count ? 2 * inbox->count : 1, sizeof(*e));
	assert_non_null(inbox->entries);
	e = &inbox->entries[inbox->count++];
	*e = (struct sim_entry){.pos = 0};
	vsnprintf(e->what, sizeof(e->what), what, args);
}

void sim_tell(struct sim_model *m, int to, const char *what, ...)
{
	va_list args;

	va_start(args, what);
	add(&m->sessions[to].inbox, what, args);
	va_end(args);
}

/* Ended ones, too: their ids may be registered again, and have their inbox back. */
void sim_tell_others(struct sim_model *m, int from, const char *what, ...)
{
	va_list args;

	for (int i = 0; i < SIM_SESSIONS; i++) {
		if (i == from || !m->sessions[i].there)
			continue;
		va_start(args, what);
		add(&m->sessions[i].inbox, what, args);
		va_end(args);
	}
}

/* Sessions. */

int sim_start(struct sim_model *m, int session)
{
	struct sim_session *s = &m->sessions[session];

	if (s->alive)
		return -EEXIST;
	if (!s->there) {
		s->inbox.first = s->inbox.seen = s->inbox.count = 0;
		free(s->inbox.entries);
		s->inbox.entries = NULL;
		for (int tag = 0; tag < 3; tag++)
			s->last_by_tag[tag] = SIM_NOBODY;
	}
	s->there = s->alive = true;
	return 0;
}

/* What one had no time for. Another agent's task goes on as long as that agent lives. */
static void fail_tasks(struct sim_model *m, int session)
{
	for (int i = 0; i < m->task_count; i++) {
		struct sim_task *t = m->tasks[i];
		bool over = t->session == session;

		if (t->of_another)
			over = (over || t->agent == sim_agent_of(session)) &&
			       !sim_agent_lives(m, t->agent, session);
		if (over && t->status == TASK_ACTIVE)
			sim_task_end(m, t, TASK_FAILED);
	}
}

int sim_end(struct sim_model *m, int session)
{
	struct sim_session *s = &m->sessions[session];

	if (session == SIM_PERSON)
		return -EPERM;
	if (!s->alive)
		return -ESTALE;
	sim_asks_end(m, session);
	fail_tasks(m, session);
	for (int i = 0; i < SIM_CLAIMS; i++)
		if (m->claims[i] == session)
			m->claims[i] = SIM_NOBODY;
	s->alive = false;
	s->ended_us = m->now_us;
	return 0;
}

/* What is old has expired, and what ended long ago is forgotten. */
void sim_forget(struct sim_model *m, int64_t first_pos, int64_t before_us)
{
	for (int i = 0; i < SIM_SESSIONS; i++) {
		struct sim_session *s = &m->sessions[i];
		struct sim_inbox *inbox = &s->inbox;

		while (inbox->first < inbox->count && inbox->entries[inbox->first].pos < first_pos)
			inbox->first++;
		if (s->there && !s->alive && s->ended_us < before_us)
			s->there = false;
	}
	for (int i = 0; i < m->ask_count; i++)
		m->asks[i]->gone |= m->asks[i]->closed && m->asks[i]->closed_us < before_us;
	for (int i = 0; i < m->task_count; i++)
		m->tasks[i]->gone |=
			m->tasks[i]->status != TASK_ACTIVE && m->tasks[i]->closed_us < before_us;
	for (int i = 0; i < SIM_GROUPS; i++)
		m->groups[i].there &= m->groups[i].open || m->groups[i].ended_us >= before_us;
}

/* Tasks. */

struct sim_task *sim_task_began(struct sim_model *m, int session, int agent)
{
	struct sim_task *t = calloc(1, sizeof(*t));

	assert_non_null(t);
	assert_true(m->task_count < SIM_TASK_ALL);
	snprintf(t->id, sizeof(t->id), "task-%d", m->task_count);
	t->session = session;
	t->agent = agent;
	t->of_another = agent != sim_agent_of(session);
	m->tasks[m->task_count++] = t;
	return t;
}

bool sim_task_is_of(const struct sim_task *t, int session)
{
	return t->session == session || t->agent == sim_agent_of(session);
}

struct sim_task *sim_task_newest(struct sim_model *m, int session)
{
	for (int i = m->task_count; i-- > 0;)
		if (m->tasks[i]->status == TASK_ACTIVE && sim_task_is_of(m->tasks[i], session))
			return m->tasks[i];
	return NULL;
}

void sim_task_end(struct sim_model *m, struct sim_task *t, enum task_status how)
{
	t->status = how;
	t->closed_us = m->now_us;
}

int sim_open_tasks(const struct sim_model *m, int agent)
{
	int n = 0;

	for (int i = 0; i < m->task_count; i++)
		n += m->tasks[i]->status == TASK_ACTIVE && m->tasks[i]->agent == agent;
	return n;
}

/* Collaborations. */

int sim_group_name(const struct sim_group *g, int session)
{
	for (int i = 0; i < g->name_count; i++)
		if (g->names[i] == session || g->names[i] == SIM_SESSIONS + sim_agent_of(session))
			return g->names[i];
	return SIM_NOBODY;
}

int sim_group_may(const struct sim_model *m, const struct sim_group *g, int session)
{
	if (!m->sessions[session].alive)
		return -ESTALE;
	if (!g->open)
		return -EHOSTDOWN;
	if (g->agent != sim_agent_of(session) && sim_group_name(g, session) == SIM_NOBODY)
		return -EACCES;
	return 0;
}

void sim_group_say(struct sim_model *m, const struct sim_group *g, int from, const char *what)
{
	for (int i = 0; i < SIM_SESSIONS; i++)
		if (i != from && m->sessions[i].alive && sim_group_name(g, i) != SIM_NOBODY)
			sim_tell(m, i, "message.direct %s", what);
}

void sim_group_tell(struct sim_model *m, const struct sim_group *g, const struct sim_group *was,
	int from, const char *type)
{
	for (int i = 0; i < SIM_SESSIONS; i++)
		if (i != from && m->sessions[i].alive &&
			(sim_group_name(g, i) != SIM_NOBODY ||
				sim_group_name(was, i) != SIM_NOBODY))
			sim_tell(m, i, "%s ", type);
}

int sim_group_votes(const struct sim_group *g, int decision)
{
	int n = 0;

	for (int i = 0; i < SIM_NAMES; i++)
		n += g->voted[decision][i];
	return n;
}
