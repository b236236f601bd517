/* Taking the snapshot: its head, who is here, and how much of everything there is. */
#include "core/report/dashboard_private.h"

#include "core/base/json.h"
#include "core/base/text.h"
#include "core/item/task.h"
#include "core/report/health.h"
#include "core/state/parts.h"
#include "core/state/session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void dashboard_add_string(struct buf *b, const char *text, size_t len)
{
	const size_t shown =
		len > DASHBOARD_TEXT ? text_utf8_prefix(text, DASHBOARD_TEXT, NULL) : len;

	buf_add_json(b, text, shown);
	if (shown == len || !b->len)
		return;
	b->len--; /* the closing quote */
	buf_adds(b, "…\"");
}

void dashboard_add_text(struct buf *b, const char *key, const char *text)
{
	if (!text)
		return;
	buf_addf(b, ",\"%s\":", key);
	dashboard_add_string(b, text, strlen(text));
}

void dashboard_add_time(struct buf *b, const char *key, int64_t wall_us)
{
	if (wall_us)
		buf_addf(b, ",\"%s\":%lld", key, (long long)wall_us / 1000);
}

/* Who is here. */

/* A session, and what it is ordered by: that may change while it is looked at. */
struct found_one {
	const struct session *session;
	int64_t heard_us;
	enum { FOUND_LATE, FOUND_BUSY, FOUND_IDLE, FOUND_PERSON } rank;
};

static struct found_one find_one(const struct session *s)
{
	return (struct found_one){s, atomic_load(&s->heard_wall_us),
		s->person               ? FOUND_PERSON
		: atomic_load(&s->late) ? FOUND_LATE
		: s->task && *s->task   ? FOUND_BUSY
					: FOUND_IDLE};
}

static int by_heard(const void *a, const void *b)
{
	const struct found_one *x = a, *y = b;

	if (x->rank != y->rank)
		return x->rank < y->rank ? -1 : 1;
	return x->heard_us < y->heard_us   ? 1
	       : x->heard_us > y->heard_us ? -1
					   : strcmp(x->session->id, y->session->id);
}

static int by_end(const void *a, const void *b)
{
	const struct session *x = ((const struct found_one *)a)->session,
			     *y = ((const struct found_one *)b)->session;

	return x->ended_us < y->ended_us   ? 1
	       : x->ended_us > y->ended_us ? -1
					   : strcmp(x->id, y->id);
}

static int by_rank(const void *a, const void *b)
{
	const struct found_one *x = a, *y = b;

	if (x->rank != y->rank)
		return x->rank < y->rank ? -1 : 1;
	return strcmp(x->session->id, y->session->id);
}

static void add_session(struct buf *b, const struct state *st, const struct session *s, bool first)
{
	static const char *const names[] = {"fresh", "late", "gone"};
	const int health = s->ended_us ? 2 : atomic_load(&s->late) ? 1 : 0;

	buf_addf(b, "%s\n{\"id\":\"%s\"", first ? "" : ",", s->id);
	dashboard_add_text(b, "agent", s->agent_name);
	dashboard_add_text(b, "type", s->agent_type);
	buf_addf(b, ",\"health\":\"%s\"", names[health]);
	dashboard_add_text(b, "status", s->status);
	dashboard_add_text(b, "task", s->ended_us ? s->task : session_doing(st, s));
	dashboard_add_time(b, "started_ms", s->started_us);
	/* To the second: what is written by the hundred changes no more often. */
	dashboard_add_time(b, "heard_ms", atomic_load(&s->heard_wall_us) / SECOND_US * SECOND_US);
	dashboard_add_time(b, "ended_ms", s->ended_us);
	if (s->ended_us && s->end_reason)
		dashboard_add_text(b, "reason", end_reasons[s->end_reason]);
	if (s->person)
		buf_adds(b, ",\"person\":true");
	if (!s->ended_us && atomic_load(&s->asking) > 0)
		buf_adds(b, ",\"asking\":true");
	buf_addc(b, '}');
}

struct found {
	struct found_one *living, *gone;
	size_t living_count, gone_count, fresh, late;
};

static void gather(const struct taking *t, struct found *f)
{
	const struct state *st = t->loop->state;
	const int64_t since_us = t->now_us - DASHBOARD_GONE_S * SECOND_US;

	for (size_t i = 0; i < st->session_slots; i++) {
		for (struct session *s = st->sessions[i]; s; s = s->next) {
			if (!s->ended_us) {
				f->living[f->living_count++] = find_one(s);
				if (atomic_load(&s->late))
					f->late++;
				else
					f->fresh++;
			} else if (s->ended_us >= since_us) {
				f->gone[f->gone_count++] = find_one(s);
			}
		}
	}
}

int dashboard_sessions(struct taking *t)
{
	const size_t most = t->loop->state->session_count + 1;
	struct found f = {.living = calloc(2 * most, sizeof(*f.living))};
	size_t living, gone;

	if (!f.living)
		return -ENOMEM;
	f.gone = f.living + most;
	gather(t, &f);
	living = f.living_count < DASHBOARD_SESSIONS ? f.living_count : DASHBOARD_SESSIONS;
	gone = f.gone_count < DASHBOARD_GONE ? f.gone_count : DASHBOARD_GONE;
	if (living < f.living_count)
		qsort(f.living, f.living_count, sizeof(*f.living), by_heard);
	if (living)
		qsort(f.living, living, sizeof(*f.living), by_rank);
	if (f.gone_count)
		qsort(f.gone, f.gone_count, sizeof(*f.gone), by_end);
	buf_adds(t->out, ",\n\"sessions\":[");
	for (size_t i = 0; i < living; i++)
		add_session(t->out, t->loop->state, f.living[i].session, i == 0);
	for (size_t i = 0; i < gone; i++)
		add_session(t->out, t->loop->state, f.gone[i].session, living + i == 0);
	buf_addc(t->out, ']');
	buf_addf(t->counts, ",\"sessions\":%zu,\"fresh\":%zu,\"late\":%zu,\"gone\":%zu",
		f.living_count, f.fresh, f.late, f.gone_count);
	free(f.living);
	return 0;
}

/* What is not well. How many descriptors are open is left out: looking changes it. */
static void add_checks(struct buf *b, const struct json *checks)
{
	const char *name, *status, *detail, *comma = "";

	buf_adds(b, ",\"checks\":[");
	for (size_t i = 0; i < json_count(checks); i++) {
		const struct json *check = json_item(checks, i);

		name = drawn_text(check, "name");
		status = drawn_text(check, "status");
		detail = drawn_text(check, "detail");
		if (strcmp(status, "ok") == 0)
			continue;
		buf_addf(b, "%s{\"name\":", comma);
		dashboard_add_string(b, name, strlen(name));
		dashboard_add_text(b, "status", status);
		dashboard_add_text(b, "detail", detail);
		buf_addc(b, '}');
		comma = ",";
	}
	buf_addc(b, ']');
}

static int add_health(struct taking *t, const char *libfuse)
{
	struct buf health = BUF_INIT;
	struct json *json;
	int64_t since_us;
	int r;

	health_show(t->loop, t->context, t->uid, libfuse, &health);
	r = buf_error(&health);
	if (!r)
		r = json_parse(health.data, health.len, &json, NULL);
	buf_release(&health);
	if (r)
		return r;
	buf_adds(t->out, ",\"health\":{\"status\":");
	buf_add_json(t->out, drawn_text(json, "status"), strlen(drawn_text(json, "status")));
	/* While all is well and was so from the start, it is the time of the look. */
	if (text_time(drawn_text(json, "since"), &since_us) == 0 &&
		strcmp(drawn_text(json, "status"), "ok") != 0)
		dashboard_add_time(t->out, "since_ms", since_us);
	add_checks(t->out, json_get(json, "checks"));
	buf_addc(t->out, '}');
	json_free(json);
	return 0;
}

/* All that is read at once, so that it fits together. */
static int add_state(struct taking *t)
{
	int r;

	state_rdlock(t->loop);
	buf_addf(t->counts, "\"events\":%lld", (long long)t->loop->state->last_seq);
	r = dashboard_sessions(t);
	if (!r) {
		dashboard_asks(t);
		dashboard_tasks(t);
		dashboard_collaborations(t);
		dashboard_claims(t);
		dashboard_alerts(t);
	}
	state_unlock(t->loop);
	return r;
}

int dashboard_take(
	struct loop *loop, struct context *context, uid_t uid, const char *libfuse, struct buf *out)
{
	struct buf counts = BUF_INIT;
	struct taking t = {loop, context, uid, loop_wall_us(loop), out, &counts, {0}};
	int64_t seq;
	int r;

	state_rdlock(loop);
	seq = loop->state->last_seq;
	state_unlock(loop);
	buf_addf(out, "{\"seq\":%lld,\"time_ms\":%lld,\"started_ms\":%lld", (long long)seq,
		(long long)t.now_us / 1000, (long long)loop->metrics->began_us / 1000);
	dashboard_add_text(out, "version", LEITLFS_VERSION);
	r = dashboard_you(&t);
	if (!r)
		r = add_health(&t, libfuse);
	if (!r)
		r = add_state(&t);
	if (!r)
		r = dashboard_events(&t);
	if (!r) {
		dashboard_sources(&t);
		dashboard_metrics(&t);
		r = buf_error(&counts);
	}
	if (!r)
		buf_addf(out, ",\n\"counts\":{%s}}\n", counts.data);
	buf_release(&counts);
	return r ? r : buf_error(out);
}
