/* Steps: collaborations. */
#include "tests/unit/simulation.h"

#include "core/base/framer.h"
#include "core/base/json.h"
#include "core/item/collaboration.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* As participants are called: a session by its id, an agent by its name. */
static void name_of(int name, char out[16])
{
	if (name < SIM_SESSIONS)
		snprintf(out, 16, "s%d", name);
	else
		snprintf(out, 16, "a%d", name - SIM_SESSIONS);
}

static int some_name(struct simulation *sim)
{
	return sim_once_in(sim, 3) ? sim_pick(sim, SIM_PEERS)
				   : SIM_SESSIONS + sim_pick(sim, SIM_AGENTS);
}

static int find_name(const struct sim_group *g, int name)
{
	for (int i = 0; i < g->name_count; i++)
		if (g->names[i] == name)
			return i;
	return -1;
}

static struct item *item_of(struct simulation *sim, int group)
{
	char id[24];

	snprintf(id, sizeof(id), "group-%d", group);
	return state_item(sim->world->loop->state, ITEM_COLLABORATION, id);
}

/* Who begins it takes part by the agent's name, first of all, unless it is named itself. */
static void add_beginner(struct sim_group *g, int session)
{
	g->agent = sim_agent_of(session);
	if (find_name(g, session) >= 0 || find_name(g, SIM_SESSIONS + g->agent) >= 0)
		return;
	memmove(g->names + 1, g->names, sizeof(g->names[0]) * (size_t)g->name_count++);
	g->names[0] = SIM_SESSIONS + g->agent;
}

static void begin(struct simulation *sim, int group, int session, const struct actor *actor)
{
	struct sim_group next = {.there = true, .open = true};
	struct message message = {.text = NULL};
	struct world *w = sim->world;
	struct act *act = NULL;
	struct json *json;
	char text[200], name[16];
	const int count = sim_pick(sim, 4);
	int len, wanted = 0, r;

	len = snprintf(text, sizeof(text), "{\"name\":\"group-%d\",\"participants\":[", group);
	for (int i = 0; i < count; i++) {
		const int n = some_name(sim);

		name_of(n, name);
		len += snprintf(
			text + len, sizeof(text) - (size_t)len, "%s\"%s\"", i ? "," : "", name);
		if (find_name(&next, n) < 0)
			next.names[next.name_count++] = n;
	}
	snprintf(text + len, sizeof(text) - (size_t)len, "]}");
	sim_note(sim, "s%d begins %s", session, text);
	if (!sim->model.sessions[session].alive)
		wanted = -ESTALE;
	else if (sim->model.groups[group].open)
		wanted = -EEXIST;
	assert_int_equal(json_parse(text, strlen(text), &json, NULL), 0);
	message = (struct message){.text = text, .len = strlen(text), .json = json};
	r = collaboration_begin(w->loop, actor, &message, &act, &w->error);
	json_free(json);
	sim_same(sim, world_do(w, r, act), wanted);
	if (wanted)
		return;
	add_beginner(&next, session);
	sim->model.groups[group] = next;
	sim_group_tell(&sim->model, &next, &next, session, "collaboration.started");
}

static int change(struct simulation *sim, struct sim_group *g, int session, char *text)
{
	const int name = some_name(sim), at = find_name(g, name);
	const struct sim_group was = *g;
	const bool out = sim_once_in(sim, 3);
	char word[16];
	int wanted = sim_group_may(&sim->model, g, session);

	name_of(name, word);
	snprintf(text, 32, "%s%s", out ? "-" : "", word);
	if (!wanted && out && at < 0)
		wanted = -EINVAL;
	if (wanted)
		return wanted;
	if (out)
		memmove(g->names + at, g->names + at + 1,
			sizeof(g->names[0]) * (size_t)(--g->name_count - at));
	else if (at < 0)
		g->names[g->name_count++] = name;
	if (out || at < 0)
		sim_group_tell(&sim->model, g, &was, session, "collaboration.updated");
	return 0;
}

static int vote(struct simulation *sim, struct sim_group *g, int session, int n)
{
	const int name = sim_group_name(g, session);
	int wanted = sim_group_may(&sim->model, g, session);

	if (!wanted && name == SIM_NOBODY)
		wanted = -EACCES;
	if (!wanted && (n < 1 || n > g->decisions))
		wanted = -ENOENT;
	if (!wanted)
		g->voted[n - 1][name] = true;
	return wanted;
}

static void say(struct simulation *sim, struct sim_group *g, int session, struct item *item,
	const struct actor *actor)
{
	char text[32];
	struct message message = {.text = text};
	struct act *act = NULL;
	struct world *w = sim->world;
	const int wanted = sim_group_may(&sim->model, g, session);
	int r;

	snprintf(text, sizeof(text), "m%d", ++sim->messages);
	message.len = strlen(text);
	sim_note(sim, "s%d says %s in %s", session, text, item->id);
	if (!wanted)
		sim_group_say(&sim->model, g, session, text);
	r = collaboration_say(w->loop, actor, item, &message, &act, &w->error);
	sim_same(sim, world_do(w, r, act), wanted);
}

/* What is done in one besides saying something. */
static void act_in(struct simulation *sim, struct sim_group *g, int session, struct item *item,
	const struct actor *actor)
{
	char text[32] = "yes";
	struct message message = {.text = text};
	struct world *w = sim->world;
	struct act *act = NULL;
	const int what = sim_pick(sim, 9), n = sim_pick(sim, g->decisions + 2);
	int wanted, r;

	if (what < 4) {
		wanted = change(sim, g, session, text);
		message.len = strlen(text);
		r = collaboration_change(w->loop, actor, item, &message, &act, &w->error);
	} else if (what < 6 && g->decisions < 64) {
		wanted = sim_group_may(&sim->model, g, session);
		g->decisions += !wanted;
		if (!wanted)
			sim_group_tell(&sim->model, g, g, session, "decision.made");
		message.len = strlen(text);
		r = collaboration_decide(w->loop, actor, item, &message, &act, &w->error);
	} else if (what < 8) {
		wanted = vote(sim, g, session, n);
		message.len = strlen(text);
		r = collaboration_vote(w->loop, actor, item, n, &message, &act, &w->error);
	} else {
		wanted = sim_group_may(&sim->model, g, session);
		r = collaboration_end(w->loop, actor, item, &act, &w->error);
		if (!wanted)
			sim_group_tell(&sim->model, g, g, session, "collaboration.ended");
		g->open &= wanted != 0;
		g->ended_us = wanted ? g->ended_us : sim->model.now_us;
	}
	sim_note(sim, "s%d does %d in %s: %s", session, what, item->id, text);
	sim_same(sim, world_do(w, r, act), wanted);
}

void sim_step_groups(struct simulation *sim)
{
	const int group = sim_pick(sim, SIM_GROUPS), session = sim_pick(sim, SIM_PEERS);
	struct sim_group *g = &sim->model.groups[group];
	struct item *item = item_of(sim, group);
	struct actor actor;

	if (!sim_actor(sim, session, &actor))
		return;
	assert_true(g->there == (item != NULL));
	if (!item || !sim_pick(sim, g->open ? 20 : 2))
		begin(sim, group, session, &actor);
	else if (sim_once_in(sim, 2))
		say(sim, g, session, item, &actor);
	else
		act_in(sim, g, session, item, &actor);
}
