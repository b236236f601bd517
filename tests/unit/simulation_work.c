/* Steps: asking and answering. */
#include "tests/unit/simulation.h"

#include "core/base/json.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Asking. */

/* What may be wanted, beside errnos. */
enum { NOT_KNOWN = 1, MAY_RING };

/* A question while it is made up: as it is written, and as the model has it. */
struct question {
	struct sim_ask model;
	struct session *to; /* sessions/<id>/ask */
	struct item *instead;
	struct sim_ask *dropped;
	char text[512];
	bool everyone, by_agent;
	int tag; /* or -1 */
	int wanted;
};

static void ask_one(struct simulation *sim, struct question *q, int to)
{
	const struct sim_session *s = &sim->model.sessions[to];

	q->model.part_count = 1;
	q->model.parts[0].session = to;
	if (!s->alive)
		q->wanted = s->there ? -EHOSTDOWN : -ENOENT;
}

static void ask_several(struct simulation *sim, struct question *q, char *to, size_t size)
{
	const int count = 2 + sim_pick(sim, 3), first = sim_pick(sim, SIM_PEERS);
	size_t len = (size_t)snprintf(to, size, ",\"to\":[");

	for (int i = 0; i < count; i++) {
		const int s = (first + i) % SIM_PEERS;

		len += (size_t)snprintf(to + len, size - len, "%s\"s%d\"", i ? "," : "", s);
		q->model.parts[q->model.part_count++].session = s;
		if (!sim->model.sessions[s].alive && !q->wanted)
			q->wanted = sim->model.sessions[s].there ? -EHOSTDOWN : -ENOENT;
	}
	snprintf(to + len, size - len, "]");
	q->model.all = sim_once_in(sim, 3);
	q->model.need = 1 + (size_t)sim_pick(sim, count);
}

static void ask_all(struct simulation *sim, struct question *q, int asker)
{
	q->everyone = true;
	q->wanted = -ENOENT;
	for (int i = 0; i < SIM_PEERS; i++) {
		if (!sim->model.sessions[i].alive || i == asker)
			continue;
		q->model.parts[q->model.part_count++].session = i;
		q->wanted = 0;
	}
	q->model.all = sim_once_in(sim, 2);
}

/* One of an agent's sessions, or of those with a tag: which, the loop says, and it is looked at. */
static void ask_any_of(struct simulation *sim, struct question *q, int asker, bool tag, int which)
{
	bool known = false, lives = false;

	q->by_agent = !tag;
	q->tag = tag ? which : -1;
	for (int i = 0; i < SIM_PEERS; i++) {
		if (tag ? i % 3 != which || i == asker : sim_agent_of(i) != which)
			continue;
		known |= sim->model.sessions[i].there;
		lives |= sim->model.sessions[i].alive;
	}
	/* How long an agent is known without sessions is not the model's to say. */
	q->wanted = lives ? 0 : tag ? -ENOENT : known ? -EHOSTDOWN : NOT_KNOWN;
	q->model.part_count = 1;
	q->model.parts[0].session = SIM_NOBODY;
}

static void choose_asked(struct simulation *sim, struct question *q, char *to, size_t size)
{
	const int which = sim_pick(sim, SIM_PEERS);

	q->model.need = 1;
	q->tag = -1;
	switch (sim_pick(sim, 8)) {
	case 0:
		ask_several(sim, q, to, size);
		break;
	case 1:
		ask_all(sim, q, q->model.asker);
		snprintf(to, size, ",\"to\":\"*\"");
		break;
	case 2:
		q->model.anyone = q->everyone = true;
		break;
	case 3:
		ask_any_of(sim, q, q->model.asker, false, which % SIM_AGENTS);
		snprintf(to, size, ",\"to\":\"a%d\"", which % SIM_AGENTS);
		break;
	case 4:
		ask_any_of(sim, q, q->model.asker, true, which % 3);
		snprintf(to, size, ",\"to\":\"tag:t%d\"", which % 3);
		break;
	case 5:
		q->to = sim_session(sim, which);
		ask_one(sim, q, which);
		if (!q->to)
			snprintf(to, size, ",\"to\":\"s%d\"", which);
		break;
	default:
		ask_one(sim, q, which);
		snprintf(to, size, ",\"to\":\"s%d\"", which);
	}
}

/* Another one is asked on the descriptor of one before, at times. */
static void choose_instead(struct simulation *sim, struct question *q)
{
	struct sim_model *m = &sim->model;

	if (!q->model.held || !m->ask_count || !sim_once_in(sim, 4))
		return;
	q->dropped = m->asks[m->ask_count - 1];
	q->instead = state_item(sim->world->loop->state, ITEM_ASK, q->dropped->id);
	if (q->dropped->asker != q->model.asker || !q->dropped->readers)
		q->instead = NULL;
}

/* Of those whom it may be for, one is enough. */
static bool may_ring(struct simulation *sim, struct question *q)
{
	bool rings = false;

	if (!q->by_agent && q->tag < 0)
		return sim_rings(&sim->model, &q->model);
	for (int i = 0; i < SIM_PEERS && !rings; i++) {
		if (!sim->model.sessions[i].alive)
			continue;
		q->model.parts[0].session = i;
		rings = sim_rings(&sim->model, &q->model);
	}
	return rings;
}

static void make_up(struct simulation *sim, struct question *q)
{
	const int64_t timeout_ms = 100 * (1 + sim_pick(sim, sim_once_in(sim, 4) ? 6000 : 300));
	char to[160] = "", wait[40] = "", id[ID_MAX + 32] = "";

	choose_asked(sim, q, to, sizeof(to));
	choose_instead(sim, q);
	q->model.deadline_us = sim->model.now_us + timeout_ms * 1000;
	if (q->model.held && q->model.asker != SIM_NOBODY && !q->model.anyone && !q->wanted &&
		may_ring(sim, q))
		q->wanted = q->by_agent || q->tag >= 0 ? MAY_RING : -EDEADLK;
	q->model.named = sim_once_in(sim, 4);
	if (q->model.named) {
		snprintf(q->model.id, sizeof(q->model.id), "r%d", sim_pick(sim, 200));
		snprintf(id, sizeof(id), ",\"request_id\":\"%s\"", q->model.id);
		for (int i = 0; i < sim->model.ask_count && !q->wanted; i++)
			if (!sim->model.asks[i]->gone &&
				strcmp(sim->model.asks[i]->id, q->model.id) == 0)
				q->wanted = -EEXIST;
	}
	if (q->model.all)
		snprintf(wait, sizeof(wait), ",\"wait\":\"all\"");
	else if (q->model.need > 1)
		snprintf(wait, sizeof(wait), ",\"wait\":%zu", q->model.need);
	snprintf(q->text, sizeof(q->text), "{\"data\":\"why?\",\"timeout\":%.1f%s%s%s}",
		(double)timeout_ms / 1000, to, wait, id);
	/* Whoever asks must live, whatever else is wrong. */
	if (q->model.asker != SIM_NOBODY && !sim->model.sessions[q->model.asker].alive)
		q->wanted = -ESTALE;
}

/* Who was asked of several who might have been; and that it is the one who was asked before. */
static void look_at_choice(struct simulation *sim, struct question *q, const struct ask *ask)
{
	const int asker = q->model.asker;
	const int tag = q->tag, chosen = sim_peer(ask->parts[0].session);

	assert_int_equal(ask->part_count, 1);
	assert_true(chosen >= 0 && sim->model.sessions[chosen].alive);
	q->model.parts[0].session = chosen;
	if (tag >= 0) {
		assert_int_equal(chosen % 3, tag);
		assert_int_not_equal(chosen, asker);
	}
	if (tag >= 0 && asker != SIM_NOBODY) {
		int *last = &sim->model.sessions[asker].last_by_tag[tag];

		if (*last != SIM_NOBODY && sim->model.sessions[*last].alive)
			assert_int_equal(chosen, *last);
		*last = chosen;
	}
}

static int submit_question(struct simulation *sim, struct question *q, struct item **out)
{
	struct world *w = sim->world;
	struct burst burst = {0};
	struct asking how = {
		.to = q->to, .held = q->model.held, .instead = q->instead, .burst = &burst};
	struct act *act = NULL;
	struct message message;
	struct actor actor;
	struct json *json;
	int r;

	sim_actor(sim, q->model.asker, &actor);
	message = world_message(q->text, &json);
	r = ask_new(w->loop, &actor, &message, &how, &act, &w->error);
	json_free(json);
	if (!r)
		r = loop_call(w->loop, &act->command, &w->error);
	if (!r) {
		*out = ask_made(w->loop, act);
		assert_non_null(*out);
		memcpy(q->model.id, act->id, sizeof(q->model.id));
	}
	act_free(act);
	return r;
}

void sim_step_asks(struct simulation *sim)
{
	struct question q = {.model.asker = sim_pick(sim, SIM_SESSIONS + 1) - 1};
	struct item *item = NULL;
	int r;

	/* What comes later needs somewhere to go. */
	q.model.held = q.model.asker == SIM_NOBODY || sim_once_in(sim, 2);
	if (q.model.asker != SIM_NOBODY && !sim_session(sim, q.model.asker))
		return;
	make_up(sim, &q);
	sim_note(sim, "s%d asks%s %s", q.model.asker, q.model.held ? ", held," : "", q.text);
	r = submit_question(sim, &q, &item);
	if (q.wanted == NOT_KNOWN)
		assert_true(r == -ENOENT || r == -EHOSTDOWN);
	else if (q.wanted == MAY_RING && (r == -EDEADLK || r == -EEXIST))
		return;
	else if (q.wanted == MAY_RING)
		assert_false(r);
	else
		sim_same(sim, r, q.wanted);
	if (r)
		return;
	if (q.by_agent || q.tag >= 0)
		look_at_choice(sim, &q, (struct ask *)item);
	if (q.instead)
		sim_cancel(&sim->model, q.dropped);
	sim_asked(&sim->model, &q.model, q.everyone);
	/* The descriptor is that of the new one. */
	if (q.model.held)
		atomic_fetch_add(&((struct ask *)item)->readers, 1);
	item_unref(item);
}

/* Answering. */

static int answer(struct simulation *sim, int by, struct item *item, bool error, const char *text)
{
	struct world *w = sim->world;
	struct act *act = NULL;
	struct message message;
	struct actor actor;
	struct json *json;
	int r;

	if (!sim_actor(sim, by, &actor))
		fail_msg("there is no s%d", by);
	message = world_message(text, &json);
	r = ask_answer(w->loop, &actor, item, &message, error, &act, &w->error);
	json_free(json);
	return world_do(w, r, act);
}

/* One of the newest, or of those that are not over. */
static struct sim_ask *some_ask(struct simulation *sim)
{
	struct sim_model *m = &sim->model;
	const int back = m->ask_count < 40 ? m->ask_count : 40;
	struct sim_ask *a = NULL;

	for (int i = 0; i < 5 && back && (!a || a->gone || a->closed); i++)
		a = m->asks[m->ask_count - 1 - sim_pick(sim, back)];
	return a && !a->gone ? a : NULL;
}

static void close_descriptor(struct simulation *sim, struct sim_ask *a, struct item *item)
{
	struct act *act;
	int r;

	sim_note(sim, "the descriptor of ask %s is closed", a->id);
	atomic_fetch_sub(&((struct ask *)item)->readers, 1);
	r = ask_closed(sim->world->loop, item, &act);
	sim_same(sim, world_do(sim->world, r, act), 0);
	sim_close(&sim->model, a);
}

void sim_step_answers(struct simulation *sim)
{
	struct sim_ask *a = some_ask(sim);
	struct item *item = a ? state_item(sim->world->loop->state, ITEM_ASK, a->id) : NULL;
	const bool error = sim_once_in(sim, 5), more = !error && sim_once_in(sim, 4);
	int by = sim_pick(sim, SIM_SESSIONS + 1) - 1;

	if (!a)
		return;
	assert_non_null(item);
	/* Mostly somebody who was asked. */
	if (a->part_count && !sim_once_in(sim, 4))
		by = a->parts[sim_pick(sim, (int)a->part_count)].session;
	if (a->readers && sim_once_in(sim, 5)) {
		close_descriptor(sim, a, item);
	} else if (by == SIM_NOBODY || sim_session(sim, by)) {
		sim_note(sim, "s%d %s ask %s%s", by, error ? "fails" : "answers", a->id,
			more ? ", and more follows" : "");
		sim_same(sim,
			answer(sim, by, item, error,
				more ? "{\"more\":true,\"data\":7}" : "because"),
			sim_answer(&sim->model, a, by, error, more, a->id));
	}
}
