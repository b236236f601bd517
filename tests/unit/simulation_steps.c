/* Steps: sessions, what is said, what is read, claims, tasks. */
#include "tests/unit/simulation.h"

#include "core/base/framer.h"
#include "core/base/json.h"
#include "core/item/claim.h"
#include "core/state/inbox.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int register_peer(struct simulation *sim, int i)
{
	char text[160];

	snprintf(text, sizeof(text),
		"{\"agent_name\":\"a%d\",\"session_id\":\"s%d\",\"tags\":[\"t%d\"]}",
		sim_agent_of(i), i, i % 3);
	if (!world_register(sim->world, WORLD_UID, text))
		return -sim->world->error.code;
	sim_keep_alive(sim, i);
	return 0;
}

static int end(struct simulation *sim, int i, enum end_reason reason)
{
	struct world *w = sim->world;
	struct session *s = sim_session(sim, i);
	const struct actor actor = world_actor(s);
	struct act *act = NULL;
	int r = session_end(
		w->loop, reason == END_ASKED ? &actor : NULL, s, reason, &act, &w->error);

	return world_do(w, r, act);
}

void sim_step_sessions(struct simulation *sim)
{
	const int i = sim_pick(sim, SIM_SESSIONS);

	if (i != SIM_PERSON && !sim_pick(sim, sim->model.sessions[i].alive ? 4 : 1)) {
		sim_note(sim, "register s%d", i);
		sim_same(sim, register_peer(sim, i), sim_start(&sim->model, i));
	} else if (sim_session(sim, i) && sim_once_in(sim, 2)) {
		sim_note(sim, "end s%d", i);
		sim_same(sim, end(sim, i, (enum end_reason)(END_ASKED + sim_pick(sim, 4))),
			sim_end(&sim->model, i));
	}
}

/* Saying. */

static void say_to_all(struct simulation *sim, int from)
{
	const char *type = sim_once_in(sim, 3) ? "build.done" : NULL;
	struct actor actor;
	char text[32];
	int wanted = 0;

	if (!sim_actor(sim, from, &actor))
		return;
	snprintf(text, sizeof(text), "m%d", ++sim->messages);
	sim_note(sim, "s%d says %s", from, text);
	if (from != SIM_NOBODY && !sim->model.sessions[from].alive)
		wanted = -ESTALE;
	else
		sim_tell_others(
			&sim->model, from, "%s %s", type ? type : "broadcast.message", text);
	sim_same(sim, world_say(sim->world, &actor, type, NULL, text), wanted);
}

static void say_to_one(struct simulation *sim, int from)
{
	const int to = sim_pick(sim, SIM_SESSIONS);
	struct session *receiver = sim_session(sim, to);
	struct actor actor;
	char text[32];
	int wanted = 0;

	if (!receiver || !sim_actor(sim, from, &actor))
		return;
	snprintf(text, sizeof(text), "m%d", ++sim->messages);
	sim_note(sim, "s%d says %s to s%d", from, text, to);
	if (from != SIM_NOBODY && !sim->model.sessions[from].alive)
		wanted = -ESTALE;
	else if (!sim->model.sessions[to].alive)
		wanted = -EHOSTDOWN;
	else
		sim_tell(&sim->model, to, "message.direct %s", text);
	sim_same(sim, world_say(sim->world, &actor, NULL, receiver, text), wanted);
}

void sim_step_messages(struct simulation *sim)
{
	const int from = sim_pick(sim, SIM_SESSIONS + 1) - 1;

	if (sim_once_in(sim, 3))
		say_to_all(sim, from);
	else
		say_to_one(sim, from);
}

/* Reading. */

static struct sim_entry *next_unread(struct sim_inbox *inbox)
{
	for (size_t i = inbox->first; i < inbox->count; i++)
		if (!inbox->entries[i].read && !inbox->entries[i].leased)
			return &inbox->entries[i];
	return NULL;
}

static struct sim_entry *entry_at(struct sim_inbox *inbox, int64_t pos)
{
	for (size_t i = inbox->count; i-- > inbox->first;)
		if (inbox->entries[i].pos == pos)
			return &inbox->entries[i];
	return NULL;
}

static void lease(struct simulation *sim, int session)
{
	struct session *s = sim_session(sim, session);
	struct sim_entry *next = next_unread(&sim->model.sessions[session].inbox);
	struct record *r = NULL;

	sim_note(sim, "s%d is handed its next", session);
	sim_same(sim, inbox_lease(sim->world->loop, s, &r), next ? 0 : -EAGAIN);
	if (!next)
		return;
	assert_int_equal(r->pos, next->pos);
	next->leased = true;
	sim->leases[sim->lease_count++] = (struct sim_lease){session, r};
}

static int mark(struct simulation *sim, struct session *s, int64_t pos)
{
	const struct actor actor = world_actor(s);
	struct act *act = NULL;
	int r = inbox_mark_one(sim->world->loop, &actor, s, pos, &act);

	return world_do(sim->world, r, act);
}

/* One that was handed out is read to its end, or its reader goes. */
static void end_lease(struct simulation *sim, bool read)
{
	const int i = sim_pick(sim, sim->lease_count);
	const struct sim_lease l = sim->leases[i];
	struct sim_session *model = &sim->model.sessions[l.session];
	struct session *s = sim_session(sim, l.session);
	struct sim_entry *e = model->there ? entry_at(&model->inbox, l.record->pos) : NULL;

	sim_note(sim, "s%d %s what it was handed", l.session, read ? "has read" : "gives back");
	sim->leases[i] = sim->leases[--sim->lease_count];
	if (s && read) {
		/* One that has expired meanwhile is no longer anywhere. */
		sim_same(sim, mark(sim, s, l.record->pos), model->alive ? 0 : -ESTALE);
		if (e && model->alive)
			e->read = true;
	}
	if (s)
		inbox_return(sim->world->loop, s, l.record->pos);
	if (e)
		e->leased = false;
	record_unref(l.record);
}

static void acknowledge(struct simulation *sim, int session)
{
	struct world *w = sim->world;
	struct sim_session *model = &sim->model.sessions[session];
	struct session *s = sim_session(sim, session);
	const struct actor actor = world_actor(s);
	const int64_t last = sim->log.seq;
	int64_t seq = last - sim_pick(sim, 60) + 3;
	struct act *act = NULL;
	int r, wanted = 0;

	if (sim_once_in(sim, 8))
		seq = sim_pick(sim, (int)last + 1);
	seq = seq < 0 ? 0 : seq;
	sim_note(sim, "s%d acknowledges %lld", session, (long long)seq);
	r = inbox_mark_to(w->loop, &actor, s, seq, &act, &w->error);
	wanted = seq > last ? -EINVAL : model->alive ? 0 : -ESTALE;
	sim_same(sim, world_do(w, r, act), wanted);
	for (size_t i = model->inbox.first; i < model->inbox.count && !wanted; i++)
		model->inbox.entries[i].read |= model->inbox.entries[i].seq <= seq;
}

void sim_step_reading(struct simulation *sim)
{
	const int session = sim_pick(sim, SIM_SESSIONS);
	const int what = sim_pick(sim, 5);

	if (what >= 3 && sim->lease_count)
		end_lease(sim, !sim_once_in(sim, 3));
	else if (!sim_session(sim, session))
		return;
	else if (what == 2)
		acknowledge(sim, session);
	else if (sim->lease_count < SIM_LEASES)
		lease(sim, session);
}

/* Claims. */

static int take(struct simulation *sim, int session, const int *claims, int count)
{
	struct actor actor;
	struct act *act = NULL;
	char name[32];
	int r = 0;

	sim_actor(sim, session, &actor);
	for (int i = 0; i < count && !r; i++) {
		snprintf(name, sizeof(name), "claim %d", claims[i]);
		r = claim_take(
			sim->world->loop, &actor, name, strlen(name), &act, &sim->world->error);
	}
	if (r)
		act_free(act);
	return world_do(sim->world, r, act);
}

static void take_claims(struct simulation *sim, int session)
{
	const int one = sim_pick(sim, SIM_CLAIMS);
	const int claims[] = {one, (one + 1 + sim_pick(sim, SIM_CLAIMS - 1)) % SIM_CLAIMS};
	const int count = 1 + sim_once_in(sim, 4);
	int wanted = sim->model.sessions[session].alive ? 0 : -ESTALE;

	sim_note(sim, "s%d takes %d of claims %d %d", session, count, claims[0], claims[1]);
	for (int i = 0; i < count && !wanted; i++)
		if (sim->model.claims[claims[i]] != SIM_NOBODY)
			wanted = -EEXIST;
	sim_same(sim, take(sim, session, claims, count), wanted);
	for (int i = 0; i < count && !wanted; i++)
		sim->model.claims[claims[i]] = session;
}

void sim_step_claims(struct simulation *sim)
{
	const int session = sim_pick(sim, SIM_SESSIONS), claim = sim_pick(sim, SIM_CLAIMS);
	struct world *w = sim->world;
	struct act *act = NULL;
	struct actor actor;
	struct item *item;
	char name[32];
	int wanted, r;

	if (!sim_actor(sim, session, &actor))
		return;
	if (sim_once_in(sim, 2)) {
		take_claims(sim, session);
		return;
	}
	snprintf(name, sizeof(name), "claim %d", claim);
	item = state_item(w->loop->state, ITEM_CLAIM, name);
	if (!item)
		return;
	sim_note(sim, "s%d gives back claim %d", session, claim);
	wanted = sim->model.claims[claim] == session ? 0 : -EACCES;
	r = claim_release(w->loop, &actor, item, &act, &w->error);
	sim_same(sim, world_do(w, r, act), wanted);
	if (!wanted)
		sim->model.claims[claim] = SIM_NOBODY;
}

/* Tasks. */

static void begin_task(struct simulation *sim, int session, const struct actor *actor)
{
	const int agent =
		sim_once_in(sim, 3) ? sim_pick(sim, SIM_AGENTS + 1) : sim_agent_of(session);
	const bool alive = sim->model.sessions[session].alive;
	struct sim_task *t = alive ? sim_task_began(&sim->model, session, agent) : NULL;
	char text[200], named[40] = "";

	if (agent != sim_agent_of(session))
		snprintf(named, sizeof(named), ",\"agent_id\":\"a%d\"", agent);
	snprintf(text, sizeof(text),
		"{\"event_type\":\"task.started\",\"data\":{\"task_id\":\"%s\"%s}}",
		t ? t->id : "task-none", named);
	sim_note(sim, "s%d: %s", session, text);
	sim_same(sim, world_say(sim->world, actor, NULL, NULL, text), alive ? 0 : -ESTALE);
}

/* Without an id it is the writer's newest, where it has one. */
static void end_task(struct simulation *sim, int session, const struct actor *actor)
{
	struct sim_model *m = &sim->model;
	const enum task_status how = sim_once_in(sim, 2) ? TASK_FAILED : TASK_COMPLETED;
	const bool named = m->task_count && sim_once_in(sim, 2);
	const int back = m->task_count < 8 ? m->task_count : 8;
	struct sim_task *t = named ? m->tasks[m->task_count - 1 - sim_pick(sim, back)]
				   : sim_task_newest(m, session);
	char text[200];
	int wanted = 0;

	snprintf(text, sizeof(text), "{\"event_type\":\"task.%s\",\"data\":{%s%s%s}}",
		how == TASK_FAILED ? "failed" : "completed", named ? "\"task_id\":\"" : "",
		named && t ? t->id : "", named ? "\"" : "");
	sim_note(sim, "s%d: %s", session, text);
	if (!m->sessions[session].alive)
		wanted = -ESTALE;
	else if (t && t->gone)
		t = NULL; /* an event like any other */
	else if (t && !sim_task_is_of(t, session))
		wanted = -EACCES;
	else if (t && t->status != TASK_ACTIVE)
		wanted = -EEXIST;
	sim_same(sim, world_say(sim->world, actor, NULL, NULL, text), wanted);
	if (t && !wanted)
		sim_task_end(m, t, how);
}

void sim_step_tasks(struct simulation *sim)
{
	const int session = sim_pick(sim, SIM_SESSIONS);
	struct actor actor;

	if (!sim_actor(sim, session, &actor))
		return;
	if (sim_once_in(sim, 2) && sim->model.task_count < SIM_TASK_ALL / 4)
		begin_task(sim, session, &actor);
	else
		end_task(sim, session, &actor);
}
