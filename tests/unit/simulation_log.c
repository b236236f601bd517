/* A log that is followed from its beginning. */
#include "tests/unit/simulation_log.h"

#include "core/base/json.h"
#include "core/state/parts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define FETCH_MOST  64
#define FETCH_BYTES ((size_t)1 << 20)

void sim_log_release(struct sim_log *log)
{
	free(log->things);
	*log = (struct sim_log){0};
}

/* The newest of that id. */
static struct sim_thing *find(const struct sim_log *log, int kind, const char *id)
{
	for (size_t i = log->count; i-- > 0;)
		if (log->things[i].kind == kind && strcmp(log->things[i].id, id) == 0)
			return &log->things[i];
	return NULL;
}

const struct sim_thing *sim_log_thing(const struct sim_log *log, int kind, const char *id)
{
	return find(log, kind, id);
}

size_t sim_log_open(const struct sim_log *log, int kind)
{
	size_t n = 0;

	for (size_t i = 0; i < log->count; i++)
		n += log->things[i].kind == kind && log->things[i].open;
	return n;
}

static struct sim_thing *begin(
	struct sim_log *log, const struct record *r, int kind, const char *id)
{
	struct sim_thing *t = find(log, kind, id);

	if (t && t->open)
		fail_msg("%s of what is open already, by %s: %s", r->type, t->by, r->line);
	if (!t) {
		/* Room is doubled at powers of two. */
		if ((log->count & (log->count - 1)) == 0)
			log->things = reallocarray(
				log->things, log->count ? 2 * log->count : 1, sizeof(*t));
		assert_non_null(log->things);
		t = &log->things[log->count++];
	}
	*t = (struct sim_thing){.kind = kind, .open = true};
	snprintf(t->id, sizeof(t->id), "%s", id);
	snprintf(t->by, sizeof(t->by), "%s", r->session ? r->session : "");
	return t;
}

static struct sim_thing *need_open(
	struct sim_log *log, const struct record *r, int kind, const char *id)
{
	struct sim_thing *t = find(log, kind, id);

	if (!t)
		fail_msg("%s of what was never begun: %s", r->type, r->line);
	if (!t->open)
		fail_msg("%s of what is over: %s", r->type, r->line);
	return t;
}

static bool has(const struct record *r, const char *key)
{
	const char *data, *value;
	size_t len;

	return json_member(r->line, r->line_len, "data", &data, &len) &&
	       json_member(data, len, key, &value, &len);
}

static void claim(struct sim_log *log, const struct record *r, const char *id)
{
	struct sim_thing *t;

	if (strcmp(r->type, "claim.taken") == 0) {
		begin(log, r, ITEM_CLAIM, id);
		return;
	}
	t = need_open(log, r, ITEM_CLAIM, id);
	assert_string_equal(t->by, r->session);
	t->open = false;
}

/* What still awaits others is no ending, nor is it one that no more answers of somebody follow. */
static void ask(
	struct sim_log *log, const struct record *r, const char *id, const struct json *detail)
{
	bool over = false;
	struct sim_thing *t;

	if (strcmp(r->type, "ask.asked") == 0) {
		begin(log, r, ITEM_ASK, id);
		return;
	}
	json_get_bool(detail, "over", &over, NULL);
	if (over) {
		assert_non_null(find(log, ITEM_ASK, id));
		return;
	}
	t = need_open(log, r, ITEM_ASK, id);
	t->open = has(r, "awaited");
}

static void task(
	struct sim_log *log, const struct record *r, const char *id, const struct json *detail)
{
	if (strcmp(r->type, "task.started") == 0)
		begin(log, r, ITEM_TASK, id)->of_another = json_has(detail, "by");
	else
		need_open(log, r, ITEM_TASK, id)->open = false;
}

static void session(struct sim_log *log, const struct record *r)
{
	if (strcmp(r->type, "session.started") == 0) {
		begin(log, r, SIM_LIVES, r->session);
		return;
	}
	need_open(log, r, SIM_LIVES, r->session)->open = false;
	for (size_t i = 0; i < log->count; i++) {
		const struct sim_thing *t = &log->things[i];

		if (t->open && !t->of_another && strcmp(t->by, r->session) == 0 &&
			t->kind != ITEM_COLLABORATION)
			fail_msg("session %s ended with %s %s open", r->session,
				item_kinds[t->kind]->prefix, t->id);
	}
}

static void collaboration(struct sim_log *log, const struct record *r, const char *id)
{
	if (strcmp(r->type, "collaboration.started") == 0)
		begin(log, r, ITEM_COLLABORATION, id);
	else if (strcmp(r->type, "collaboration.ended") == 0)
		need_open(log, r, ITEM_COLLABORATION, id)->open = false;
	else
		need_open(log, r, ITEM_COLLABORATION, id);
}

static void take(struct sim_log *log, const struct record *r)
{
	const int kind = item_kind_of(r->type);
	struct json *detail = NULL;
	const char *id = NULL;

	assert_int_equal(r->seq, log->seq + 1);
	assert_true(r->pos > log->pos && r->time_us >= log->time_us);
	log->pos = r->pos;
	log->seq = r->seq;
	log->time_us = r->time_us;
	if (strcmp(r->type, "session.started") == 0 || strcmp(r->type, "session.ended") == 0)
		session(log, r);
	if (kind < 0 || !r->detail)
		return;
	assert_int_equal(json_parse(r->detail, strlen(r->detail), &detail, NULL), 0);
	json_get_string(detail, "item", 0, &id, NULL);
	if (id && kind == ITEM_CLAIM)
		claim(log, r, id);
	else if (id && kind == ITEM_ASK)
		ask(log, r, id, detail);
	else if (id && kind == ITEM_TASK)
		task(log, r, id, detail);
	else if (id && kind == ITEM_COLLABORATION)
		collaboration(log, r, id);
	json_free(detail);
}

void sim_log_follow(struct sim_log *log, struct loop *loop)
{
	struct record *records[FETCH_MOST];
	struct view view;
	size_t n;

	assert_int_equal(view_init(&view, loop, loop->state->all, NULL, NULL, 0), 0);
	do {
		assert_int_equal(view_fetch(&view, loop, &log->next_pos, records, FETCH_MOST,
					 FETCH_BYTES, &n),
			0);
		for (size_t i = 0; i < n; i++) {
			take(log, records[i]);
			record_unref(records[i]);
		}
	} while (n);
	view_release(&view);
}
