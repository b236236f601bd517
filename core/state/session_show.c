/* A session as others read it. */
#include "core/state/session.h"

#include "core/state/parts.h"

#include <stdio.h>
#include <string.h>

const char *session_health(const struct session *s)
{
	if (s->ended_us)
		return "ended";
	return !s->person && atomic_load(&s->late) ? "late" : "fresh";
}

static int64_t uptime_s(struct loop *loop, const struct session *s)
{
	int64_t end = s->ended_us ? s->ended_us : loop_wall_us(loop);

	return end > s->started_us ? (end - s->started_us) / SECOND_US : 0;
}

void session_span(int64_t us, char *out, size_t size)
{
	long long t = (long long)(us / SECOND_US);

	if (t < 60)
		snprintf(out, size, "%llds", t);
	else if (t < 3600)
		snprintf(out, size, "%lldm", t / 60);
	else if (t < 86400)
		snprintf(out, size, "%lldh%02lldm", t / 3600, t / 60 % 60);
	else
		snprintf(out, size, "%lldd%02lldh", t / 86400, t / 3600 % 24);
}

void session_uptime(struct loop *loop, const struct session *s, char *out, size_t size)
{
	session_span((int64_t)uptime_s(loop, s) * SECOND_US, out, size);
}

void session_record(struct loop *loop, struct session *s, struct buf *b)
{
	char uptime[32];

	session_uptime(loop, s, uptime, sizeof(uptime));
	buf_addf(b, "\"session_id\":\"%s\"", s->id);
	buf_add_json_text(b, "agent_name", s->agent_name);
	buf_add_json_text(b, "agent_type", s->agent_type);
	buf_addf(b, ",\"tags\":%s", s->tags);
	buf_add_json_time(b, "started_at", s->started_us);
	buf_add_json_time(b, "last_heartbeat", atomic_load(&s->heard_wall_us));
	buf_add_json_text(b, "status", s->ended_us ? "ended" : s->status);
	buf_add_json_text(b, "health", session_health(s));
	buf_add_json_text(b, "current_task", s->task);
	buf_addf(b, ",\"context_sources\":%s", s->sources ? s->sources : "[]");
	buf_add_json_text(b, "uptime", uptime);
	buf_addf(b, ",\"uptime_s\":%lld,\"timeout_s\":%g,\"uid\":%u", (long long)uptime_s(loop, s),
		(double)s->timeout_us / 1e6, (unsigned)s->uid);
	/* What else was given, without its opening brace. */
	if (s->given)
		buf_addf(b, ",%s", s->given + 1);
	else
		buf_addc(b, '}');
}
