/* Asks as the model has them: what an answer, an error, an end and the time make of them. */
#include "tests/unit/simulation_model.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static size_t count(const struct sim_ask *a, enum part_state state)
{
	size_t n = 0;

	for (size_t i = 0; i < a->part_count; i++)
		n += a->parts[i].state == state;
	return n;
}

/* What has become of it, and how many answers are still waited for. */
static enum ask_status verdict(const struct sim_ask *a, size_t *missing)
{
	const size_t answered = count(a, PART_ANSWERED), awaited = count(a, PART_AWAITED);

	*missing = 0;
	if (a->anyone)
		return answered ? ASK_ANSWERED : a->part_count ? ASK_FAILED : ASK_OPEN;
	if (a->all) {
		*missing = awaited;
		return awaited ? ASK_OPEN : answered ? ASK_ANSWERED : ASK_FAILED;
	}
	if (answered >= a->need)
		return ASK_ANSWERED;
	*missing = a->need - answered;
	return answered + awaited >= a->need ? ASK_OPEN : ASK_FAILED;
}

/* Whose inbox hears of it: the asker's, while it lives. */
static int hearer(const struct sim_model *m, const struct sim_ask *a)
{
	return a->asker != SIM_NOBODY && m->sessions[a->asker].alive ? a->asker : SIM_NOBODY;
}

static void tell_asker(struct sim_model *m, const struct sim_ask *a, const char *type,
	const char *word, size_t missing)
{
	char awaited[32] = "";

	/* Who has the descriptor open reads it there. */
	if (hearer(m, a) == SIM_NOBODY || (a->held && a->readers))
		return;
	if (missing)
		snprintf(awaited, sizeof(awaited), " awaited=%zu", missing);
	sim_tell(m, a->asker, "%s %s%s%s", type, a->id, word, awaited);
}

static bool has_more(const struct sim_ask *a)
{
	for (size_t i = 0; i < a->part_count; i++)
		if (a->parts[i].more)
			return true;
	return false;
}

static void settle(struct sim_model *m, struct sim_ask *a)
{
	if (a->closed || a->status == ASK_OPEN || has_more(a))
		return;
	a->closed = true;
	a->closed_us = m->now_us;
}

struct sim_ask *sim_asked(struct sim_model *m, const struct sim_ask *question, bool everyone)
{
	struct sim_ask *a = malloc(sizeof(*a));

	assert_non_null(a);
	assert_true(m->ask_count < SIM_ASK_ALL);
	*a = *question;
	a->readers = a->held;
	m->asks[m->ask_count++] = a;
	if (everyone)
		sim_tell_others(m, a->asker, "ask.asked %s", a->id);
	for (size_t i = 0; i < a->part_count && !everyone; i++)
		sim_tell(m, a->parts[i].session, "ask.asked %s", a->id);
	return a;
}

/* Whether sessions that are not stuck can answer it. */
static bool can_be_answered(const struct sim_ask *a, const bool *stuck)
{
	size_t missing, able = 0;

	if (a->anyone || verdict(a, &missing) != ASK_OPEN)
		return true;
	for (size_t i = 0; i < a->part_count; i++)
		able += a->parts[i].state == PART_AWAITED && !stuck[a->parts[i].session];
	return able >= missing;
}

/* A session is stuck where all that it waits for is. All who wait are taken to be, until none is
 * let go any more. */
bool sim_rings(const struct sim_model *m, const struct sim_ask *question)
{
	bool stuck[SIM_SESSIONS] = {false}, changed = true;

	for (int i = 0; i <= m->ask_count; i++) {
		const struct sim_ask *a = i < m->ask_count ? m->asks[i] : question;

		if (a->asker != SIM_NOBODY && (a == question || a->readers) &&
			a->status == ASK_OPEN)
			stuck[a->asker] = true;
	}
	while (changed) {
		changed = false;
		for (int i = 0; i <= m->ask_count; i++) {
			const struct sim_ask *a = i < m->ask_count ? m->asks[i] : question;

			if (a->asker == SIM_NOBODY || (a != question && !a->readers) ||
				a->status != ASK_OPEN || !stuck[a->asker] ||
				!can_be_answered(a, stuck))
				continue;
			stuck[a->asker] = false;
			changed = true;
		}
	}
	return stuck[question->asker];
}

static struct sim_part *part_of(struct sim_ask *a, int session)
{
	for (size_t i = 0; i < a->part_count; i++)
		if (a->parts[i].session == session)
			return &a->parts[i];
	return NULL;
}

static void fail_all(struct sim_model *m, struct sim_ask *a, enum ask_reason reason)
{
	if (a->status != ASK_OPEN)
		return;
	for (size_t i = 0; i < a->part_count; i++)
		a->parts[i].more = false;
	a->status = reason == ASK_REASON_TIMEOUT     ? ASK_TIMED_OUT
		    : reason == ASK_REASON_CANCELLED ? ASK_CANCELLED
						     : ASK_FAILED;
	a->reason = reason;
	if (reason == ASK_REASON_TIMEOUT) /* whoever cancels it knows */
		tell_asker(m, a, "ask.failed", " timeout", 0);
	settle(m, a);
}

static void fail_part(
	struct sim_model *m, struct sim_ask *a, struct sim_part *p, enum ask_reason reason)
{
	size_t missing;

	p->state = reason == ASK_REASON_ENDED ? PART_ENDED : PART_ERROR;
	a->status = verdict(a, &missing);
	if (a->status == ASK_FAILED)
		a->reason = reason;
	tell_asker(m, a, "ask.failed", reason == ASK_REASON_ENDED ? " ended" : " error",
		a->status == ASK_OPEN ? missing : 0);
	settle(m, a);
}

static void over(struct sim_model *m, struct sim_ask *a, struct sim_part *p)
{
	for (size_t i = 0; i < a->part_count; i++)
		if (!p || p == &a->parts[i])
			a->parts[i].more = false;
	settle(m, a);
}

int sim_answer(
	struct sim_model *m, struct sim_ask *a, int by, bool error, bool more, const char *what)
{
	struct sim_part *p = part_of(a, by);
	size_t missing;

	if (by != SIM_NOBODY && !m->sessions[by].alive)
		return -ESTALE;
	if (!p && !a->anyone)
		return -EACCES;
	if (a->status == ASK_OPEN && (!p || p->state == PART_AWAITED)) {
		if (!p) {
			p = &a->parts[a->part_count++];
			*p = (struct sim_part){.session = by};
		}
		if (error) {
			fail_part(m, a, p, ASK_REASON_ERROR);
			return 0;
		}
		p->state = PART_ANSWERED;
		p->more = more && hearer(m, a) != SIM_NOBODY;
		a->status = verdict(a, &missing);
		tell_asker(m, a, "ask.answered", p->more ? " more" : "",
			a->status == ASK_OPEN ? missing : 0);
		settle(m, a);
		return 0;
	}
	/* It comes late, or after an answer that more was to follow. */
	if (hearer(m, a) == SIM_NOBODY)
		return -EHOSTDOWN;
	sim_tell(m, a->asker, "message.direct %s%s", what,
		!p || !p->more   ? " late"
		: more && !error ? " more"
				 : "");
	if (p && p->more && (!more || error))
		over(m, a, p);
	return 0;
}

/* When the asker's or an asked one's session ends. */
void sim_asks_end(struct sim_model *m, int session)
{
	for (int i = 0; i < m->ask_count; i++) {
		struct sim_ask *a = m->asks[i];
		struct sim_part *p = part_of(a, session);

		if (a->closed)
			continue;
		if (a->asker == session && a->status == ASK_OPEN)
			fail_all(m, a, ASK_REASON_CANCELLED);
		else if (a->asker == session)
			over(m, a, NULL);
		else if (p && p->more)
			over(m, a, p);
		else if (p && p->state == PART_AWAITED && a->status == ASK_OPEN)
			fail_part(m, a, p, ASK_REASON_ENDED);
	}
}

/* Nobody can read the answer any more. */
static void give_up(struct sim_model *m, struct sim_ask *a)
{
	if (a->status == ASK_OPEN)
		fail_all(m, a, ASK_REASON_CANCELLED);
	else if (hearer(m, a) == SIM_NOBODY)
		over(m, a, NULL);
}

void sim_close(struct sim_model *m, struct sim_ask *a)
{
	a->readers--;
	if (!a->closed && a->held && !a->named && !a->readers)
		give_up(m, a);
}

void sim_cancel(struct sim_model *m, struct sim_ask *a)
{
	if (!a->closed && a->held && !a->named)
		fail_all(m, a, ASK_REASON_CANCELLED);
}

void sim_restart(struct sim_model *m)
{
	for (int i = 0; i < m->ask_count; i++)
		m->asks[i]->readers = 0;
	for (int i = 0; i < m->ask_count; i++) {
		struct sim_ask *a = m->asks[i];

		if (a->closed || !a->held || a->named)
			continue;
		fail_all(m, a, ASK_REASON_CANCELLED);
		over(m, a, NULL);
	}
	for (int i = 0; i < SIM_SESSIONS; i++)
		for (size_t n = 0; n < m->sessions[i].inbox.count; n++)
			m->sessions[i].inbox.entries[n].leased = false;
}

void sim_expire(struct sim_model *m)
{
	for (int i = 0; i < m->ask_count; i++) {
		struct sim_ask *a = m->asks[i];

		if (a->closed || a->deadline_us > m->now_us)
			continue;
		fail_all(m, a, ASK_REASON_TIMEOUT);
		over(m, a, NULL);
	}
}
