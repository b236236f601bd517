/* A session in words: the detail that applying its record takes it from, and the event's data. */
#include "core/state/session_private.h"

#include "core/state/parts.h"

#include <string.h>

static void add_heirs(struct buf *b, const struct process *heirs, int n)
{
	buf_adds(b, ",\"heirs\":\"");
	for (int i = 0; i < n; i++)
		buf_addf(b, "%s%d:%llu", i ? " " : "", (int)heirs[i].pid,
			(unsigned long long)heirs[i].start);
	buf_addc(b, '"');
}

void session_describe(const struct state *st, const struct session *s, struct buf *b)
{
	buf_addc(b, '{');
	buf_addf(b,
		"\"agent\":\"%s\",\"uid\":%u,\"own_id\":%s,\"person\":%s,\"timeout\":%lld,\"boot\":"
		"\"%s\"",
		s->agent->key, (unsigned)s->uid, s->own_id ? "true" : "false",
		s->person ? "true" : "false", (long long)s->timeout_us, st->boot);
	session_add_member(b, "name", s->agent_name);
	session_add_member(b, "type", s->agent_type);
	session_add_member(b, "status", s->status);
	if (s->task)
		session_add_member(b, "task", s->task);
	if (s->query)
		session_add_member(b, "query", s->query);
	buf_addf(b, ",\"tags\":%s", s->tags);
	if (s->sources)
		buf_addf(b, ",\"sources\":%s", s->sources);
	if (s->given)
		buf_addf(b, ",\"given\":%s", s->given);
	add_heirs(b, s->heirs, s->heir_count);
	buf_addc(b, '}');
}

static void begin_member(struct buf *b, const char *key)
{
	buf_addf(b, "%s\"%s\":", b->len > 1 ? "," : "", key);
}

/* What it changes of a session that is there already. */
static int describe_again(struct act *a, const struct registration *reg)
{
	struct buf *data = &a->text[SPARE], detail = BUF_INIT;
	int r;

	if (!reg->task && !reg->query && !reg->tags && !reg->timed)
		return 0;
	buf_addc(data, '{');
	buf_addc(&detail, '{');
	if (reg->task) {
		begin_member(data, "current_task");
		session_add_task(data, reg->task);
		begin_member(&detail, "task");
		session_add_task(&detail, reg->task);
	}
	if (reg->tags) {
		begin_member(data, "tags");
		buf_add(data, reg->tags, reg->tags_len);
		begin_member(&detail, "tags");
		buf_add(&detail, reg->tags, reg->tags_len);
	}
	if (reg->timed) {
		begin_member(data, "timeout");
		buf_addf(data, "%g", (double)reg->timeout_us / 1e6);
		begin_member(&detail, "timeout");
		buf_addf(&detail, "%lld", (long long)reg->timeout_us);
	}
	if (reg->query) {
		begin_member(&detail, "query");
		session_add_task(&detail, reg->query);
	}
	buf_add(data, "}", sizeof("}")); /* with its NUL */
	buf_addc(&detail, '}');
	buf_add(data, detail.data, detail.len);
	r = buf_error(&detail) ? buf_error(&detail) : buf_error(data);
	buf_release(&detail);
	return r;
}

/* The event's data, and the detail that applying it takes the session from. */
int session_describe_start(struct loop *loop, struct act *a, const struct registration *reg,
	const char *given, size_t given_len)
{
	struct buf *data = &a->text[DATA], *detail = &a->text[DETAIL];
	const char *task = reg->task && strcmp(reg->task, "-") != 0 ? reg->task : NULL;
	struct process heirs[CHAIN_MAX];
	int n = 0;

	buf_addc(data, '{');
	session_add_member(data, "agent_name", reg->name);
	session_add_member(data, "agent_type", reg->type);
	if (reg->tags)
		buf_addf(data, ",\"tags\":%.*s", (int)reg->tags_len, reg->tags);
	else
		buf_adds(data, ",\"tags\":[]");
	if (task)
		session_add_member(data, "current_task", task);
	buf_addc(data, '}');

	if (!reg->person)
		n = bind_heirs(loop, a->actor.uid, a->actor.tid, heirs);
	if (n < 0)
		return n;
	buf_addf(detail, "{\"agent\":\"%s\",\"uid\":%u,\"gid\":%u,\"own_id\":%s,\"person\":%s",
		a->key, (unsigned)a->actor.uid, (unsigned)a->actor.gid, reg->id ? "true" : "false",
		reg->person ? "true" : "false");
	buf_addf(detail, ",\"timeout\":%lld,\"boot\":\"%s\",\"status\":\"active\"",
		(long long)reg->timeout_us, loop->state->boot);
	session_add_member(detail, "name", reg->name);
	session_add_member(detail, "type", reg->type);
	if (task)
		session_add_member(detail, "task", task);
	if (reg->query)
		session_add_member(detail, "query", reg->query);
	buf_addf(detail, ",\"tags\":%.*s", reg->tags ? (int)reg->tags_len : 2,
		reg->tags ? reg->tags : "[]");
	if (reg->sources)
		buf_addf(detail, ",\"sources\":%.*s", (int)reg->sources_len, reg->sources);
	if (given)
		buf_addf(detail, ",\"given\":%.*s", (int)given_len, given);
	add_heirs(detail, heirs, n);
	buf_addc(detail, '}');
	if (buf_error(data) || buf_error(detail))
		return buf_error(data) ? buf_error(data) : buf_error(detail);
	return describe_again(a, reg);
}
