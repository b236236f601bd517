/* The model and the state as the same text. */
#include "tests/unit/state_model.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *const types[] = {"session.started", "session.ended", "session.updated",
	"message.direct", "broadcast.message", "task.started", "task.completed", "build.done",
	"a.b.c"};
#define TYPES (sizeof(types) / sizeof(types[0]))

static void add_entry(
	struct buf *b, bool whole, int64_t pos, uint32_t len, uint64_t ord, uint64_t off)
{
	if (whole)
		buf_addf(b, " %" PRId64 ":%u@%" PRIu64 ",%" PRIu64, pos, len, ord, off);
	else
		buf_addf(b, " %" PRId64 ":%u", pos, len);
}

/* Whether a record stands in a channel, and with which of its lines. */
static bool stands(const struct model *m, int i, enum channel_kind kind, const char *name,
	const char **agent_of_target)
{
	const struct record *r = m->records[i];
	const bool mine = r->session && strcmp(r->session, name) == 0;
	const bool agents = r->session && r->agent && strcmp(r->agent, name) == 0;

	if (r->kind == RECORD_READ)
		return false;
	if (kind == CHANNEL_SENT && mine)
		return r->kind == RECORD_RECEIPT || m->to[i] >= 0 || model_is_broadcast(m, i);
	if (r->kind == RECORD_RECEIPT)
		return false;
	switch (kind) {
	case CHANNEL_ALL:
		return true;
	case CHANNEL_BROADCAST:
		return model_is_broadcast(m, i);
	case CHANNEL_TYPE:
		return strcmp(r->type, name) == 0;
	case CHANNEL_AGENT:
		return agents;
	case CHANNEL_SESSION:
		return mine;
	case CHANNEL_OWN:
		return mine && model_is_broadcast(m, i);
	case CHANNEL_OWN_AGENT:
		return agents && model_is_broadcast(m, i);
	case CHANNEL_TO:
		return r->target && strcmp(r->target, name) == 0;
	case CHANNEL_TO_AGENT:
		return r->target && strcmp(*agent_of_target, name) == 0;
	default:
		return false;
	}
}

static void model_channel(
	const struct model *m, enum channel_kind kind, const char *name, bool whole, struct buf *b)
{
	const bool shows_whole = strchr("BOPDER", (int)kind) != NULL;
	uint64_t ord = 0, off = 0;

	buf_addf(b, "%c %s:", (int)kind, name);
	for (int i = 0; i < m->count; i++) {
		const struct record *r = m->records[i];
		uint32_t len = (uint32_t)(shows_whole ? r->line_len : r->shown_len);
		char agent[ID_SIZE];
		const char *agent_of_target = agent;

		snprintf(agent, sizeof(agent), "agent-%d", m->to_agent[i]);
		if (!stands(m, i, kind, name, &agent_of_target))
			continue;
		if (r->pos >= m->first_pos)
			add_entry(b, whole, r->pos, len, ord, off);
		ord++;
		off += len;
	}
	buf_addc(b, '\n');
}

static void dump_state_channel(struct state *st, int64_t first, enum channel_kind kind,
	const char *name, bool whole, struct buf *b)
{
	struct channel *c = index_find(st->index, kind, name);
	struct walk walk = {0};
	struct place at;

	buf_addf(b, "%c %s:", (int)kind, name);
	if (c) {
		assert_int_equal(index_at_pos(st->index, c, first, &at), 0);
		assert_int_equal(walk_start(&walk, st->index, c, &at), 0);
		while (walk.at.pos != INT64_MAX) {
			add_entry(b, whole, walk.at.pos, walk.at.len, walk.at.ord, walk.at.off);
			assert_int_equal(walk_next(&walk), 0);
		}
		walk_release(&walk);
	}
	buf_addc(b, '\n');
}

/* Of the state, or of the model where that is NULL. */
static void channel(const struct model *m, struct state *st, enum channel_kind kind,
	const char *name, bool whole, struct buf *b)
{
	if (st)
		dump_state_channel(st, m->first_pos, kind, name, whole, b);
	else
		model_channel(m, kind, name, whole, b);
}

/* Every channel that there may be. */
static void channels(const struct model *m, struct state *st, bool whole, struct buf *b)
{
	char name[32];

	channel(m, st, CHANNEL_ALL, "", whole, b);
	channel(m, st, CHANNEL_BROADCAST, "", whole, b);
	for (size_t i = 0; i < TYPES; i++)
		channel(m, st, CHANNEL_TYPE, types[i], whole, b);
	for (int i = 0; i < M_SESSIONS; i++) {
		snprintf(name, sizeof(name), "session-%d", i);
		for (const char *kind = "SODR"; *kind; kind++)
			channel(m, st, (enum channel_kind)kind[0], name, whole, b);
	}
	for (int i = 0; i < M_AGENTS; i++) {
		snprintf(name, sizeof(name), "agent-%d", i);
		for (const char *kind = "GPE"; *kind; kind++)
			channel(m, st, (enum channel_kind)kind[0], name, whole, b);
	}
}

static void add_numbers(struct buf *b, const char *what, int n, ...)
{
	va_list args;

	va_start(args, n);
	buf_addf(b, "%s", what);
	for (int i = 0; i < n; i++)
		buf_addf(b, " %" PRId64, va_arg(args, int64_t));
	buf_addc(b, '\n');
	va_end(args);
}

#define I(x) ((int64_t)(x))

void model_dump(const struct model *m, bool whole, struct buf *b)
{
	int64_t sessions = 0, living = 0, agents = 0;
	char id[ID_SIZE];

	for (int i = 0; i < M_SESSIONS; i++) {
		const struct m_session *s = &m->sessions[i];
		static const char *const heirs[] = {"", "7:9", "7:9 3:18446744073709551615"};

		if (!s->there)
			continue;
		sessions++;
		living += s->ended == 0;
		model_id(i, id);
		/* The model's name is JSON text already. */
		buf_addf(b, "%s agent-%d \"%s\" %s|%s|%s|%s|%s|%s|%s\n", id, s->agent, s->name,
			s->type, s->status, s->task[0] ? s->task : "-", s->tags,
			s->sources[0] ? s->sources : "-", s->given[0] ? s->given : "-",
			heirs[s->heirs]);
		add_numbers(b, id, 8, I(s->uid), I(s->gid), s->started, s->ended, s->timeout,
			I(s->reason), I(s->own_id), s->since);
		buf_addf(b, "unread:");
		for (int r = 0; r < m->count; r++)
			if (model_in_inbox(m, i, r) && !s->has_read[r])
				buf_addf(b, " %" PRId64, m->records[r]->pos);
		buf_addc(b, '\n');
	}
	for (int i = 0; i < M_AGENTS; i++) {
		const struct m_agent *a = &m->agents[i];

		if (!a->there)
			continue;
		agents++;
		buf_addf(b, "agent-%d \"%s\"\n", i, a->name);
		add_numbers(b, "", 4, I(a->uid), a->first, a->last, a->since);
	}
	add_numbers(b, "all", 6, sessions, living, agents, m->pos, m->seq, m->first_pos);
	for (int i = 0; i < M_UIDS; i++)
		add_numbers(b, "kept", 3, I(1000 + i), m->messages[i], m->bytes[i]);
	channels(m, NULL, whole, b);
}

static bool state_has_read(const struct session *s, int64_t pos)
{
	for (int i = 0; i < s->beyond_count; i++)
		if (s->beyond[i] == pos)
			return true;
	return pos <= s->read_pos;
}

static void dump_session(const struct model *m, int i, const struct session *s, struct buf *b)
{
	buf_addf(b, "%s %s ", s->id, s->agent->key);
	buf_add_json(b, s->agent_name, strlen(s->agent_name));
	buf_addf(b, " %s|%s|%s|%s|%s|%s|", s->agent_type, s->status, s->task ? s->task : "-",
		s->tags, s->sources ? s->sources : "-", s->given ? s->given : "-");
	for (int h = 0; h < s->heir_count; h++)
		buf_addf(b, "%s%d:%" PRIu64, h ? " " : "", (int)s->heirs[h].pid, s->heirs[h].start);
	buf_addc(b, '\n');
	add_numbers(b, s->id, 8, I(s->uid), I(s->gid), s->started_us, s->ended_us, s->timeout_us,
		I(s->end_reason), I(s->own_id), s->since_pos);
	buf_addf(b, "unread:");
	for (int r = 0; r < m->count; r++)
		if (model_in_inbox(m, i, r) && !state_has_read(s, m->records[r]->pos))
			buf_addf(b, " %" PRId64, m->records[r]->pos);
	buf_addc(b, '\n');
	/* What is beyond the cursor grows, and none of it is before it. */
	for (int r = 0; r < s->beyond_count; r++)
		assert_true(s->beyond[r] > (r ? s->beyond[r - 1] : s->read_pos));
}

void state_dump(const struct model *m, struct state *st, bool whole, struct buf *b)
{
	char id[ID_SIZE];

	for (int i = 0; i < M_SESSIONS; i++) {
		struct session *s;

		model_id(i, id);
		s = state_session(st, id);
		if (s)
			dump_session(m, i, s, b);
	}
	for (int i = 0; i < M_AGENTS; i++) {
		struct agent *a;

		snprintf(id, sizeof(id), "agent-%d", i);
		a = state_agent(st, id);
		if (!a)
			continue;
		buf_addf(b, "%s ", a->key);
		buf_add_json(b, a->name, strlen(a->name));
		buf_addc(b, '\n');
		add_numbers(b, "", 4, I(a->uid), a->first_us, a->last_us, a->since_pos);
	}
	add_numbers(b, "all", 6, I(st->session_count), I(st->living), I(st->agent_count),
		st->applied_pos, st->last_seq, st->first_pos);
	for (int i = 0; i < M_UIDS; i++) {
		const struct kept *k = state_kept(st, 1000 + (uid_t)i);

		assert_non_null(k);
		add_numbers(b, "kept", 3, I(k->uid), k->messages, k->bytes);
	}
	channels(m, st, whole, b);
}
