/* Whether the loop and its model are the same. */
#include "tests/unit/simulation.h"

#include "core/base/json.h"
#include "core/item/claim.h"
#include "core/item/collaboration.h"
#include "core/state/inbox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define FETCH_MOST  64
#define FETCH_BYTES ((size_t)1 << 20)

/* A line of an inbox as the model has it: its type, what it is about, and what matters of it. */
static void summarize(const char *line, size_t len, char *out, size_t size)
{
	const char *type = "", *about = "", *reason = NULL;
	bool more = false, late = false;
	const struct json *data;
	int64_t awaited = 0;
	struct json *json;
	size_t n;

	assert_int_equal(json_parse(line, len, &json, NULL), 0);
	data = json_get(json, "data");
	json_get_string(json, "event_type", 0, &type, NULL);
	json_get_string(data, "message", 0, &about, NULL);
	json_get_string(data, "request_id", 0, &about, NULL);
	json_get_string(data, "reason", 0, &reason, NULL);
	json_get_bool(data, "more", &more, NULL);
	json_get_bool(data, "late", &late, NULL);
	json_get_integer(data, "awaited", 0, INT64_MAX, &awaited, NULL);
	n = (size_t)snprintf(out, size, "%s %s%s%s%s%s", type, about, reason ? " " : "",
		reason ? reason : "", more ? " more" : "", late ? " late" : "");
	if (awaited && n < size)
		snprintf(out + n, size - n, " awaited=%lld", (long long)awaited);
	json_free(json);
}

static void compare_entry(struct simulation *sim, int session, const struct sim_inbox *inbox,
	size_t at, const char *line, size_t len)
{
	char what[sizeof(inbox->entries[0].what)];

	summarize(line, len, what, sizeof(what));
	if (at >= inbox->count)
		fail_msg("the inbox of %s has, beyond all, %s", sim_id(sim, session), what);
	if (strcmp(what, inbox->entries[at].what) != 0)
		fail_msg("the inbox of %s has %s, where %s should be", sim_id(sim, session), what,
			inbox->entries[at].what);
}

/* What is new in an inbox. */
static void follow_inbox(struct simulation *sim, int session)
{
	struct sim_inbox *inbox = &sim->model.sessions[session].inbox;
	struct loop *loop = sim->world->loop;
	struct record *records[FETCH_MOST];
	int64_t pos = inbox->seen ? inbox->entries[inbox->seen - 1].pos + 1 : 0;
	struct view view;
	const char *line;
	size_t n, len;

	if (inbox->seen == inbox->count && sim->step % 16)
		return;
	assert_int_equal(inbox_view(loop, sim_session(sim, session), &view), 0);
	do {
		assert_int_equal(
			view_fetch(&view, loop, &pos, records, FETCH_MOST, FETCH_BYTES, &n), 0);
		for (size_t i = 0; i < n; i++) {
			line = view_line(&view, records[i], &len);
			compare_entry(sim, session, inbox, inbox->seen, line, len);
			inbox->entries[inbox->seen].pos = records[i]->pos;
			inbox->entries[inbox->seen++].seq = records[i]->seq;
			record_unref(records[i]);
		}
	} while (n);
	view_release(&view);
	if (inbox->seen < inbox->count)
		fail_msg("the inbox of %s lacks %s", sim_id(sim, session),
			inbox->entries[inbox->seen].what);
}

static const struct item *item_of(struct simulation *sim, enum item_kind kind, const char *id)
{
	return state_item(sim->world->loop->state, kind, id);
}

static void check_claims(struct simulation *sim)
{
	size_t held = 0;
	char name[32];

	for (int i = 0; i < SIM_CLAIMS; i++) {
		const int owner = sim->model.claims[i];
		const struct item *item;

		snprintf(name, sizeof(name), "claim %d", i);
		item = item_of(sim, ITEM_CLAIM, name);
		assert_true((owner != SIM_NOBODY) == (item != NULL));
		if (item)
			assert_string_equal(item->session, sim_id(sim, owner));
		held += item != NULL;
	}
	assert_int_equal(sim->world->loop->state->items.open[ITEM_CLAIM].count, held);
	assert_int_equal(sim_log_open(&sim->log, ITEM_CLAIM), held);
}

static void check_ask(struct simulation *sim, const struct sim_ask *a)
{
	const struct ask *ask = (const struct ask *)item_of(sim, ITEM_ASK, a->id);

	if (a->gone) /* its id may be another's by now */
		return;
	if (!ask)
		fail_msg("ask %s is not there", a->id);
	if (ask->status != a->status || ask->reason != a->reason)
		fail_msg("ask %s is %s (%d), not %d (%d)", a->id, ask_status_name(ask),
			(int)ask->reason, (int)a->status, (int)a->reason);
	if (ask->item.closed_us != (a->closed ? a->closed_us : 0))
		fail_msg("ask %s was closed at %lld, not %lld", a->id,
			(long long)ask->item.closed_us, (long long)a->closed_us);
	assert_int_equal(ask->part_count, a->part_count);
	assert_int_equal(atomic_load(&ask->readers), a->readers);
	assert_true(sim_log_thing(&sim->log, ITEM_ASK, a->id)->open == (a->status == ASK_OPEN));
}

static void check_asks(struct simulation *sim, bool all)
{
	const struct state *st = sim->world->loop->state;
	size_t open = 0, unended = 0;

	for (int i = 0; i < sim->model.ask_count; i++) {
		const struct sim_ask *a = sim->model.asks[i];

		open += !a->closed;
		unended += a->status == ASK_OPEN;
		if (all || !a->closed || a->closed_us == sim->model.now_us)
			check_ask(sim, a);
	}
	assert_int_equal(st->items.open[ITEM_ASK].count, open);
	assert_int_equal(sim_log_open(&sim->log, ITEM_ASK), unended);
}

void sim_check(struct simulation *sim)
{
	int living = 0;

	sim_log_follow(&sim->log, sim->world->loop);
	for (int i = 0; i < SIM_SESSIONS; i++) {
		const struct session *s = sim_session(sim, i);
		const struct sim_session *model = &sim->model.sessions[i];

		assert_true(model->there == (s != NULL));
		if (!s)
			continue;
		assert_true(model->alive == !s->ended_us);
		living += model->alive;
		follow_inbox(sim, i);
	}
	assert_int_equal(sim->world->loop->state->living, living);
	assert_int_equal(sim_log_open(&sim->log, SIM_LIVES), living);
	check_claims(sim);
	check_asks(sim, false);
}

/* All of it. */

struct reading {
	struct simulation *sim;
	int session;
	size_t at;
};

static bool check_unread(void *arg, struct record *r, const char *line, size_t len)
{
	struct reading *reading = arg;
	const struct sim_inbox *inbox = &reading->sim->model.sessions[reading->session].inbox;

	while (reading->at < inbox->count && inbox->entries[reading->at].read)
		reading->at++;
	compare_entry(reading->sim, reading->session, inbox, reading->at, line, len);
	assert_int_equal(r->pos, inbox->entries[reading->at++].pos);
	return true;
}

static void check_inbox(struct simulation *sim, int session)
{
	const struct sim_inbox *inbox = &sim->model.sessions[session].inbox;
	struct reading reading = {sim, session, inbox->first};
	struct loop *loop = sim->world->loop;
	struct session *s = sim_session(sim, session);
	struct buf text = BUF_INIT;
	struct view view;
	uint64_t unread = 0;
	size_t at = inbox->first, len;

	/* As a file: every line, in order, and none beside. */
	assert_int_equal(inbox_view(loop, s, &view), 0);
	assert_int_equal(view_read(&view, loop, NULL, 0, (size_t)16 << 20, &text), 0);
	assert_int_equal(text.len, view_bytes(&view, loop));
	view_release(&view);
	for (size_t off = 0; off < text.len; off += len + 1, at++) {
		len = strcspn(text.data + off, "\n");
		compare_entry(sim, session, inbox, at, text.data + off, len);
	}
	assert_int_equal(at, inbox->count);
	buf_release(&text);
	for (size_t i = inbox->first; i < inbox->count; i++) {
		unread += !inbox->entries[i].read;
		assert_true(inbox_has_read(s, inbox->entries[i].pos) == inbox->entries[i].read);
	}
	assert_int_equal(inbox_unread_count(loop, s), unread);
	assert_int_equal(inbox_each_unread(loop, s, INBOX_ALL, true, check_unread, &reading), 0);
	while (reading.at < inbox->count && inbox->entries[reading.at].read)
		reading.at++;
	assert_int_equal(reading.at, inbox->count);
}

static void check_tasks(struct simulation *sim)
{
	size_t open = 0;
	char key[16];

	for (int i = 0; i < sim->model.task_count; i++) {
		const struct sim_task *t = sim->model.tasks[i];
		const struct task *task = (const struct task *)item_of(sim, ITEM_TASK, t->id);

		assert_true(t->gone == (task == NULL));
		if (!task)
			continue;
		assert_int_equal(task->status, t->status);
		assert_string_equal(task->item.session, sim_id(sim, t->session));
		assert_true((task->by != NULL) == t->of_another);
		open += t->status == TASK_ACTIVE;
	}
	assert_int_equal(sim->world->loop->state->items.open[ITEM_TASK].count, open);
	assert_int_equal(sim_log_open(&sim->log, ITEM_TASK), open);
	for (int i = 0; i <= SIM_AGENTS; i++) {
		const struct agent *agent;

		snprintf(key, sizeof(key), "a%d", i);
		agent = state_agent(sim->world->loop->state, key);
		if (agent)
			assert_int_equal(agent->open_tasks, sim_open_tasks(&sim->model, i));
	}
}

static void check_groups(struct simulation *sim)
{
	char id[24];

	for (int i = 0; i < SIM_GROUPS; i++) {
		const struct sim_group *g = &sim->model.groups[i];
		const struct collaboration *c;

		snprintf(id, sizeof(id), "group-%d", i);
		c = (const struct collaboration *)item_of(sim, ITEM_COLLABORATION, id);
		assert_true(g->there == (c != NULL));
		if (!c)
			continue;
		assert_true(g->open == !c->item.closed_us);
		assert_int_equal(c->participant_count, g->name_count);
		for (int n = 0; n < g->name_count; n++) {
			const int name = g->names[n];
			char called[16];

			snprintf(called, sizeof(called), "%c%d", name < SIM_SESSIONS ? 's' : 'a',
				name < SIM_SESSIONS ? name : name - SIM_SESSIONS);
			assert_string_equal(c->participants[n].name, called);
		}
		assert_int_equal(c->decision_count, g->decisions);
		for (int n = 0; n < g->decisions; n++)
			assert_int_equal(c->decisions[n].vote_count, sim_group_votes(g, n));
	}
}

/* How many of its asks keep a session waiting. */
static int asking(const struct sim_model *m, int session)
{
	int n = 0;

	for (int i = 0; i < m->ask_count; i++)
		n += m->asks[i]->asker == session && m->asks[i]->held &&
		     m->asks[i]->status == ASK_OPEN;
	return n;
}

void sim_check_all(struct simulation *sim)
{
	for (int i = 0; i < SIM_SESSIONS; i++) {
		const struct session *s = sim_session(sim, i);

		if (!s)
			continue;
		check_inbox(sim, i);
		assert_int_equal(atomic_load(&s->asking), asking(&sim->model, i));
	}
	check_asks(sim, true);
	check_tasks(sim);
	check_groups(sim);
}
