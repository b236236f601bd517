/* What records leave of a session: who and what it is, and what it has read. */
#include "core/state/state_private.h"

#include "core/base/json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void state_touch_session(struct state *st, struct session *s)
{
	if (s->dirty)
		return;
	s->dirty = true;
	session_ref(s);
	s->dirty_next = st->dirty;
	st->dirty = s;
}

/* Heirs stand as "pid:start pid:start". Those of another boot are gone: a pid of 0 is nobody's, so
 * the session was bound and is bound no more, which is another thing than never bound. */
static int take_heirs(struct state *st, struct session *s, const struct json *detail)
{
	const char *boot = "", *text = "";
	struct process heirs[CHAIN_MAX];
	bool here;
	char *end;
	int n = 0;

	json_get_string(detail, "boot", 0, &boot, NULL);
	json_get_string(detail, "heirs", 0, &text, NULL);
	here = strcmp(boot, st->boot) == 0;
	while (*text && n < CHAIN_MAX) {
		heirs[n].pid = here ? (pid_t)strtol(text, &end, 10) : 0;
		if (!here)
			strtol(text, &end, 10);
		if (*end != ':')
			return -EUCLEAN;
		heirs[n++].start = strtoull(end + 1, &end, 10);
		text = *end == ' ' ? end + 1 : end;
	}
	free(s->heirs);
	s->heirs = NULL;
	s->heir_count = 0;
	if (n == 0)
		return 0;
	s->heirs = malloc(sizeof(*heirs) * (size_t)n);
	if (!s->heirs)
		return -ENOMEM;
	memcpy(s->heirs, heirs, sizeof(*heirs) * (size_t)n);
	s->heir_count = n;
	return 0;
}

static int take(struct session *s, const char *text, const struct json *detail)
{
	json_get_integer(detail, "timeout", 0, INT64_MAX, &s->timeout_us, NULL);
	if (item_take_text(&s->agent_name, detail, "name") ||
		item_take_text(&s->agent_type, detail, "type") ||
		item_take_text(&s->status, detail, "status") ||
		item_take_text(&s->task, detail, "task") ||
		item_take_text(&s->query, detail, "query") ||
		item_take_raw(&s->tags, text, "tags") ||
		item_take_raw(&s->sources, text, "sources") ||
		item_take_raw(&s->given, text, "given"))
		return -ENOMEM;
	return 0;
}

int state_take_session(
	struct state *st, struct session *s, const char *text, const struct json *detail)
{
	int err = take(s, text, detail);

	json_get_bool(detail, "own_id", &s->own_id, NULL);
	json_get_bool(detail, "person", &s->person, NULL);
	return err ? err : take_heirs(st, s, detail);
}

int state_session_started(struct state *st, struct record *r, const struct json *detail)
{
	const char *key = NULL, *name = "";
	int64_t uid = 0, gid = 0;
	struct agent *agent;
	struct session *s;
	int err;

	if (json_get_string(detail, "agent", AGENT_KEY_MAX, &key, NULL) || !key || !r->session ||
		strlen(r->session) > ID_MAX)
		return -EUCLEAN;
	s = state_session(st, r->session);
	json_get_string(detail, "name", 0, &name, NULL);
	json_get_integer(detail, "uid", 0, UINT32_MAX, &uid, NULL);
	json_get_integer(detail, "gid", 0, UINT32_MAX, &gid, NULL);
	err = state_make_agent(st, key, name, (uid_t)uid, &agent);
	if (err)
		return err;
	agent->dirty = true;
	agent->last_us = r->time_us;
	if (!agent->first_us) {
		agent->first_us = r->time_us;
		agent->since_pos = r->pos;
	}
	if (s && s->agent != agent)
		return -EUCLEAN;
	if (!s) {
		err = state_make_session(st, r->session, agent, &s);
		if (err)
			return err;
		s->since_pos = s->read_pos = r->pos;
		s->uid = (uid_t)uid;
		s->gid = (gid_t)gid;
		st->living++;
	} else if (s->ended_us) {
		st->living++;
	}
	s->started_us = r->time_us;
	s->ended_us = 0;
	s->end_reason = END_NONE;
	free(s->task);
	free(s->query);
	free(s->sources);
	free(s->given);
	s->task = s->query = s->sources = s->given = NULL;
	atomic_store(&s->heard_wall_us, r->time_us);
	atomic_store(&s->heard_mono_us, 0);
	state_touch_session(st, s);
	return state_take_session(st, s, r->detail, detail);
}

static void ended(
	struct state *st, struct session *s, const struct record *r, const struct json *detail)
{
	const char *why = "";

	if (s->ended_us)
		return;
	json_get_string(detail, "reason", 0, &why, NULL);
	s->end_reason = END_ASKED;
	for (int i = END_ASKED; i <= END_ALIVE_CLOSED; i++)
		if (strcmp(end_reasons[i], why) == 0)
			s->end_reason = (enum end_reason)i;
	s->ended_us = r->time_us;
	s->agent->last_us = r->time_us;
	s->agent->dirty = true;
	st->living--;
	state_touch_session(st, s);
}

/* Marks one message read that lies beyond unread ones. The cursor moves over it once a record says
 * "to" a later position: which messages lie between is the writer's to know (inbox_mark_one). */
static int read_one(struct session *s, int64_t pos)
{
	int at = s->beyond_count;
	int64_t *grown;

	if (pos <= s->read_pos)
		return 0;
	while (at > 0 && s->beyond[at - 1] >= pos)
		at--;
	if (at < s->beyond_count && s->beyond[at] == pos)
		return 0;
	if ((s->beyond_count & (s->beyond_count + 1)) == 0) {
		grown = realloc(s->beyond, sizeof(*grown) * (size_t)(2 * s->beyond_count + 2));
		if (!grown)
			return -ENOMEM;
		s->beyond = grown;
	}
	memmove(&s->beyond[at + 1], &s->beyond[at],
		sizeof(*s->beyond) * (size_t)(s->beyond_count - at));
	s->beyond[at] = pos;
	s->beyond_count++;
	return 0;
}

static void read_to(struct session *s, int64_t pos)
{
	int drop = 0;

	if (pos <= s->read_pos)
		return;
	s->read_pos = pos;
	if (!s->beyond)
		return;
	while (drop < s->beyond_count && s->beyond[drop] <= pos)
		drop++;
	s->beyond_count -= drop;
	memmove(s->beyond, s->beyond + drop, sizeof(*s->beyond) * (size_t)s->beyond_count);
	if (s->beyond_count == 0) {
		free(s->beyond);
		s->beyond = NULL;
	}
}

int state_session_read(struct state *st, struct session *s, const struct json *detail)
{
	int64_t one = 0, to = 0;
	int err;

	json_get_integer(detail, "one", 0, INT64_MAX, &one, NULL);
	json_get_integer(detail, "to", 0, INT64_MAX, &to, NULL);
	err = one ? read_one(s, one) : 0;
	read_to(s, to);
	state_touch_session(st, s);
	return err;
}

int state_session_changed(
	struct state *st, struct session *s, const struct record *r, const struct json *detail)
{
	if (strcmp(r->type, "session.ended") == 0) {
		ended(st, s, r, detail);
		return 0;
	}
	if (strcmp(r->type, "session.updated") == 0) {
		state_touch_session(st, s);
		return take(s, r->detail, detail);
	}
	return 0;
}
