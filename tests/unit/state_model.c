#include "tests/unit/state_model.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *const said[] = {
	"broadcast.message", "task.started", "task.completed", "build.done", "a.b.c"};

struct model *model_new(void)
{
	struct model *m = calloc(1, sizeof(*m));

	assert_non_null(m);
	m->seed = 1;
	m->time = 1000;
	m->first_pos = 1;
	assert_int_equal(proc_boot_id(m->boot), 0);
	return m;
}

void model_free(struct model *m)
{
	for (int i = 0; i < m->count; i++)
		record_unref(m->records[i]);
	free(m);
}

unsigned model_random(struct model *m, unsigned below)
{
	m->seed = m->seed * 1103515245u + 12345u;
	return (m->seed >> 8) % below;
}

void model_id(int session, char out[ID_SIZE])
{
	snprintf(out, ID_SIZE, "session-%d", session);
}

static unsigned uid_of(int agent)
{
	return 1000 + (unsigned)agent % M_UIDS;
}

/* Positions may have gaps; seqs have none. */
static struct record *add(struct model *m, const struct draft *what, int from, int to)
{
	struct draft d = *what;
	char ids[2][ID_SIZE], agent[ID_SIZE];
	struct record *r;

	assert_true(m->count < M_RECORDS);
	m->pos += 1 + model_random(m, 3);
	m->time += model_random(m, 5);
	m->seq += d.kind == RECORD_EVENT;
	if (from >= 0) {
		model_id(from, ids[0]);
		snprintf(agent, sizeof(agent), "agent-%d", m->sessions[from].agent);
		d.session = ids[0];
		d.agent = agent;
	}
	if (to >= 0) {
		model_id(to, ids[1]);
		d.target = ids[1];
	}
	assert_int_equal(record_new(&d, m->pos, m->seq, m->time, &r), 0);
	m->from[m->count] = from;
	m->to[m->count] = to;
	m->to_agent[m->count] = to >= 0 ? m->sessions[to].agent : -1;
	m->records[m->count++] = r;
	m->messages[d.uid % 1000] += d.kind == RECORD_EVENT;
	m->bytes[d.uid % 1000] += (int64_t)record_bytes(r);
	return r;
}

struct record *model_start(struct model *m, int session)
{
	struct m_session *s = &m->sessions[session];
	struct m_agent *a;
	char detail[1024], data[64];
	struct draft d = {.kind = RECORD_EVENT, .type = "session.started"};
	struct record *r;
	bool was = s->there;

	if (!was) {
		memset(s, 0, sizeof(*s));
		s->agent = (int)model_random(m, M_AGENTS);
	}
	a = &m->agents[s->agent];
	s->there = true;
	s->uid = s->gid = uid_of(s->agent);
	s->own_id = model_random(m, 2);
	s->timeout = 1 + model_random(m, 1000);
	s->heirs = (int)model_random(m, 3);
	s->ended = s->reason = 0;
	snprintf(s->name, sizeof(s->name), "Agent \\\"%d\\\"", s->agent);
	snprintf(s->type, sizeof(s->type), "type%u", model_random(m, 3));
	snprintf(s->status, sizeof(s->status), "active");
	snprintf(s->tags, sizeof(s->tags), model_random(m, 2) ? "[]" : "[\"a\",\"}\"]");
	s->task[0] = s->sources[0] = s->given[0] = '\0';
	snprintf(detail, sizeof(detail),
		"{\"agent\":\"agent-%d\",\"uid\":%u,\"gid\":%u,\"own_id\":%s,\"person\":false,"
		"\"timeout\":%" PRId64 ",\"boot\":\"%s\",\"status\":\"active\",\"name\":\"%s\","
		"\"type\":\"%s\",\"tags\":%s,\"heirs\":\"%s\"",
		s->agent, s->uid, s->gid, s->own_id ? "true" : "false", s->timeout, m->boot,
		s->name, s->type, s->tags,
		s->heirs == 0   ? ""
		: s->heirs == 1 ? "7:9"
				: "7:9 3:18446744073709551615");
	if (model_random(m, 2))
		snprintf(s->task, sizeof(s->task), "task %u", model_random(m, 100));
	if (model_random(m, 2))
		snprintf(s->sources, sizeof(s->sources), "[\"x\"]");
	if (model_random(m, 2))
		snprintf(s->given, sizeof(s->given), "{\"n\":1.50,\"m\":{}}");
	if (s->task[0])
		snprintf(detail + strlen(detail), 100, ",\"task\":\"%s\"", s->task);
	if (s->sources[0])
		snprintf(detail + strlen(detail), 100, ",\"sources\":%s", s->sources);
	if (s->given[0])
		snprintf(detail + strlen(detail), 100, ",\"given\":%s", s->given);
	snprintf(detail + strlen(detail), 2, "}");
	snprintf(data, sizeof(data), "{\"n\":%u}", model_random(m, 100000));
	d.uid = s->uid;
	d.data = data;
	d.data_len = strlen(data);
	d.detail = detail;
	r = add(m, &d, session, -1);
	s->started = r->time_us;
	if (!was)
		s->since = s->cursor = r->pos;
	if (!a->there) {
		memset(a, 0, sizeof(*a));
		a->there = true;
		a->uid = s->uid;
		a->first = r->time_us;
		a->since = r->pos;
		memcpy(a->name, s->name, sizeof(a->name));
	}
	a->last = r->time_us;
	return r;
}

struct record *model_end(struct model *m, int session)
{
	struct m_session *s = &m->sessions[session];
	struct draft d = {.kind = RECORD_EVENT, .type = "session.ended", .uid = s->uid};
	char detail[64];

	s->reason = 1 + (int)model_random(m, 4);
	snprintf(detail, sizeof(detail), "{\"reason\":\"%s\"}", end_reasons[s->reason]);
	d.detail = detail;
	s->ended = add(m, &d, session, -1)->time_us;
	m->agents[s->agent].last = s->ended;
	return m->records[m->count - 1];
}

static struct record *update(struct model *m, int session)
{
	struct m_session *s = &m->sessions[session];
	struct draft d = {.kind = RECORD_EVENT, .type = "session.updated", .uid = s->uid};
	char detail[128];

	switch (model_random(m, 4)) {
	case 0:
		snprintf(s->status, sizeof(s->status), "busy %u", model_random(m, 9));
		snprintf(detail, sizeof(detail), "{\"status\":\"%s\"}", s->status);
		break;
	case 1:
		snprintf(s->task, sizeof(s->task), "task %u", model_random(m, 9));
		snprintf(detail, sizeof(detail), "{\"task\":\"%s\"}", s->task);
		break;
	case 2:
		snprintf(s->tags, sizeof(s->tags), "[\"t%u\"]", model_random(m, 9));
		snprintf(detail, sizeof(detail), "{\"tags\":%s}", s->tags);
		break;
	default:
		s->timeout = 1 + model_random(m, 1000);
		snprintf(detail, sizeof(detail), "{\"timeout\":%" PRId64 "}", s->timeout);
		break;
	}
	d.detail = detail;
	return add(m, &d, session, -1);
}

struct record *model_say(struct model *m, int from, int to)
{
	char data[160];
	int n = snprintf(data, sizeof(data), "{\"message\":\"%0*u\"}", (int)model_random(m, 99) + 1,
		model_random(m, 99));
	struct draft d = {.kind = RECORD_EVENT, .data = data, .data_len = (size_t)n};

	d.type = to >= 0 ? "message.direct" : said[model_random(m, 5)];
	d.uid = from >= 0 ? m->sessions[from].uid : 1000 + model_random(m, M_UIDS);
	return add(m, &d, from, to);
}

static struct record *receipt(struct model *m, int session)
{
	struct draft d = {.kind = RECORD_RECEIPT,
		.type = "receipt",
		.data = "{\"seq\":1}",
		.data_len = 9,
		.uid = m->sessions[session].uid};

	return add(m, &d, session, -1);
}

bool model_is_broadcast(const struct model *m, int i)
{
	const struct record *r = m->records[i];

	return r->kind == RECORD_EVENT && m->to[i] < 0 && strncmp(r->type, "task.", 5) != 0 &&
	       strncmp(r->type, "session.", 8) != 0;
}

bool model_in_inbox(const struct model *m, int session, int i)
{
	if (m->records[i]->pos <= m->sessions[session].since || m->records[i]->pos < m->first_pos)
		return false;
	return m->to[i] == session || (model_is_broadcast(m, i) && m->from[i] != session);
}

int model_unread(const struct model *m, int session)
{
	for (int i = 0; i < m->count; i++)
		if (model_in_inbox(m, session, i) && !m->sessions[session].has_read[i])
			return i;
	return -1;
}

/* As the writer of a cursor says it: how far all is read, and the one that is read beyond that. */
struct record *model_read(struct model *m, int session, int record, bool all_before)
{
	struct m_session *s = &m->sessions[session];
	struct draft d = {.kind = RECORD_READ, .type = "read", .uid = s->uid};
	const int64_t pos = m->records[record]->pos;
	char detail[64];
	int unread;

	for (int i = 0; i <= record; i++)
		s->has_read[i] |= i == record || all_before;
	unread = model_unread(m, session);
	for (int i = 0; i < m->count && (unread < 0 || i < unread); i++)
		if (model_in_inbox(m, session, i) && m->records[i]->pos > s->cursor)
			s->cursor = m->records[i]->pos;
	if (all_before && s->cursor < pos)
		s->cursor = pos;
	if (s->cursor >= pos)
		snprintf(detail, sizeof(detail), "{\"to\":%" PRId64 "}", s->cursor);
	else
		snprintf(detail, sizeof(detail), "{\"one\":%" PRId64 ",\"to\":%" PRId64 "}", pos,
			s->cursor);
	d.detail = detail;
	return add(m, &d, session, -1);
}

static struct record *read_some(struct model *m, int session)
{
	int candidates[64], n = 0;

	for (int i = 0; i < m->count && n < 64; i++)
		if (model_in_inbox(m, session, i) && !m->sessions[session].has_read[i])
			candidates[n++] = i;
	if (n == 0)
		return model_say(m, -1, session);
	if (model_random(m, 6) == 0)
		return model_read(m, session, candidates[model_random(m, (unsigned)n)], true);
	return model_read(m, session, candidates[model_random(m, n > 8 ? 8 : (unsigned)n)], false);
}

struct record *model_step(struct model *m)
{
	int s = (int)model_random(m, M_SESSIONS), to = (int)model_random(m, M_SESSIONS);
	unsigned what = model_random(m, 20);

	if (!m->sessions[s].there || m->sessions[s].ended)
		return what < 12 ? model_start(m, s) : model_say(m, -1, -1);
	if (what < 1)
		return model_end(m, s);
	if (what < 3)
		return update(m, s);
	if (what < 4)
		return receipt(m, s);
	if (what < 8)
		return model_say(m, s, -1);
	if (what < 11 && m->sessions[to].there && !m->sessions[to].ended)
		return model_say(m, s, to);
	return read_some(m, s);
}

void model_forget(struct model *m, int64_t pos, int64_t time)
{
	bool used[M_AGENTS] = {false};

	for (int i = 0; i < m->count; i++) {
		const struct record *r = m->records[i];

		if (r->pos < m->first_pos || r->pos >= pos)
			continue;
		m->messages[r->uid % 1000] -= r->kind == RECORD_EVENT;
		m->bytes[r->uid % 1000] -= (int64_t)record_bytes(r);
	}
	m->first_pos = pos;
	for (int i = 0; i < M_SESSIONS; i++) {
		struct m_session *s = &m->sessions[i];

		s->there = s->there && (!s->ended || s->ended >= time);
		used[s->agent] |= s->there;
	}
	for (int i = 0; i < M_AGENTS; i++)
		m->agents[i].there = m->agents[i].there && (used[i] || m->agents[i].last >= time);
}
