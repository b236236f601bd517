/* Applying a record: what each kind leaves behind. Here and nowhere else does the state change. */
#include "core/state/state_private.h"

#include "core/base/json.h"
#include "core/base/text.h"
#include "core/item/status.h"

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

static int started(struct state *st, struct record *r, const struct json *detail)
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

static int apply_read(struct state *st, struct session *s, const struct json *detail)
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

static int changed(
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

static int parse_detail(const struct record *r, struct json **out)
{
	int err;

	*out = NULL;
	if (!r->detail)
		return 0;
	err = json_parse(r->detail, strlen(r->detail), out, NULL);
	return err == -EINVAL ? -EUCLEAN : err;
}

/* What was told of an agent. */
static void told_agent(struct state *st, const struct record *r)
{
	struct agent *a = r->agent ? state_agent(st, r->agent) : NULL;

	if (!a)
		return;
	a->active = strcmp(r->type, "agent.active") == 0;
	a->dirty = true;
}

/* What a record with a detail does beyond standing in files. */
static int apply_detail(struct state *st, struct record *r, const struct json *detail)
{
	const int kind = r->kind == RECORD_EVENT ? item_kind_of(r->type) : -1;
	struct session *s = r->session ? state_session(st, r->session) : NULL;
	const bool busy = s && session_is_busy(s);
	int err = 0;

	if (r->kind == RECORD_EVENT && strncmp(r->type, "agent.", 6) == 0) {
		told_agent(st, r);
	} else if (kind >= 0) {
		err = items_apply(st, kind, r, detail, r->detail);
	} else if (r->kind == RECORD_EVENT && strcmp(r->type, "session.started") == 0) {
		err = started(st, r, detail);
	} else if (s) {
		if (r->kind == RECORD_READ)
			err = apply_read(st, s, detail);
		else if (r->kind == RECORD_EVENT)
			err = changed(st, s, r, detail);
	}
	s = r->session ? state_session(st, r->session) : NULL;
	if (s)
		s->agent->busy += session_is_busy(s) - busy;
	return err;
}

static int stand_in(struct record *r, struct channel *c)
{
	return record_stand_in(r, c, channel_shows_whole(c->kind));
}

/* The inboxes of those sessions: ids with a space between two; NULL: none. */
static int place_in_inboxes(struct state *st, struct record *r, const char *ids)
{
	char id[ID_MAX + 1];
	struct session *to;
	int err = 0;

	for (const char *at = ids; !err && target_next(&at, id, sizeof(id));) {
		to = state_session(st, id);
		if (!to)
			continue;
		err = stand_in(r, to->to);
		if (!err)
			err = stand_in(r, to->agent->to);
	}
	return err;
}

static int place_in_item(struct state *st, struct record *r, const struct json *detail)
{
	struct channel *channels[3] = {NULL};
	const char *id = NULL;
	struct item *item;
	int err = 0;

	json_get_string(detail, "in", 0, &id, NULL);
	item = id ? state_item(st, ITEM_COLLABORATION, id) : NULL;
	if (!item)
		return 0;
	item_kinds[ITEM_COLLABORATION]->channels(item, r, channels);
	for (int i = 0; i < 3 && channels[i] && !err; i++)
		err = stand_in(r, channels[i]);
	return err;
}

/* A task's events stand with its activity_type, and with its agent's. */
static int place_task(struct state *st, struct record *r, const struct json *detail)
{
	const char *activity = NULL, *key = NULL;
	struct agent *agent;
	struct channel *c;
	int err = 0;

	json_get_string(detail, "activity", ACTIVITY_MAX, &activity, NULL);
	json_get_string(detail, "agent", AGENT_KEY_MAX, &key, NULL);
	agent = key ? state_agent(st, key) : NULL;
	if (agent)
		err = stand_in(r, agent->events);
	if (err || !activity)
		return err;
	c = index_find(st->index, CHANNEL_ACTIVITY, activity);
	if (!c) {
		c = index_make(st->index, CHANNEL_ACTIVITY, activity);
		st->activity_count++;
	}
	return c ? stand_in(r, c) : -ENOMEM;
}

/* What is told of an agent stands with its events, though no session says it. */
static int place_agent(struct state *st, struct record *r)
{
	struct agent *a = r->agent ? state_agent(st, r->agent) : NULL;

	return a ? stand_in(r, a->events) : 0;
}

/* Where a receipt stands: with who sent what was read and, of a message to one, in its feed. */
static int place_receipt(
	struct state *st, struct record *r, const struct session *from, const struct json *detail)
{
	struct channel *type = NULL;
	const char *of = NULL;

	if (detail)
		json_get_string(detail, "of", TYPE_MAX, &of, NULL);
	if (of)
		type = index_find(st->index, CHANNEL_TYPE, of);
	if (from && stand_in(r, from->sent))
		return -ENOMEM;
	return type ? stand_in(r, type) : 0;
}

/* Which files a record stands in. */
static int place(struct state *st, struct record *r, const struct json *detail)
{
	struct session *from = r->session ? state_session(st, r->session) : NULL;
	struct channel *type;
	const char *tell = NULL;
	bool quiet = false;
	int err;

	if (r->kind == RECORD_READ)
		return 0;
	if (r->kind == RECORD_RECEIPT)
		return place_receipt(st, r, from, detail);
	type = index_find(st->index, CHANNEL_TYPE, r->type);
	if (!type) {
		type = index_make(st->index, CHANNEL_TYPE, r->type);
		st->type_count++;
	}
	if (!type)
		return -ENOMEM;
	err = stand_in(r, st->all);
	if (!err)
		err = stand_in(r, type);
	if (!err && from)
		err = stand_in(r, from->events);
	if (!err && from)
		err = stand_in(r, from->agent->events);
	if (!err && detail)
		err = place_in_item(st, r, detail);
	if (!err && detail && strncmp(r->type, task_item.prefix, 5) == 0)
		err = place_task(st, r, detail);
	if (!err && strncmp(r->type, "agent.", 6) == 0)
		err = place_agent(st, r);
	if (err)
		return err;
	if (detail) {
		json_get_bool(detail, "quiet", &quiet, NULL);
		json_get_string(detail, "tell", 0, &tell, NULL);
	}
	if (r->target) {
		err = quiet ? 0 : place_in_inboxes(st, r, r->target);
	} else if (event_reaches_inboxes(r->type) && !quiet) {
		err = stand_in(r, st->broadcast);
		if (!err && from)
			err = stand_in(r, from->own);
		if (!err && from)
			err = stand_in(r, from->agent->own);
	} else {
		return tell ? place_in_inboxes(st, r, tell) : 0;
	}
	return !err && from ? stand_in(r, from->sent) : err;
}

int state_place(struct state *st, struct record *r)
{
	struct json *detail;
	int err = parse_detail(r, &detail);

	if (!err)
		err = place(st, r, detail);
	json_free(detail);
	return err;
}

static int stand(struct state *st, struct record *r, const struct json *detail)
{
	int err = place(st, r, detail);

	for (int i = 0; i < r->in_count && !err; i++)
		err = index_add(st->index, r->in[i].channel, r->pos,
			(uint32_t)(r->in[i].whole ? r->line_len : r->shown_len));
	return err;
}

static int keep(struct state *st, const struct record *r)
{
	struct kept *k = state_kept(st, r->uid);

	if (!k)
		return -ENOMEM;
	/* As log_gone takes it off again. */
	k->messages += r->kind == RECORD_EVENT;
	k->bytes += (int64_t)record_bytes(r);
	k->dirty = true;
	return 0;
}

int state_apply(struct state *st, struct record *r)
{
	struct json *detail;
	int err;

	if (r->pos <= st->applied_pos)
		return -EUCLEAN;
	if (r->kind == RECORD_EVENT && r->seq != st->last_seq + 1)
		return -EUCLEAN;
	/* A session stands in its own files from its first event on, so it is made first. */
	err = parse_detail(r, &detail);
	if (!err && detail)
		err = apply_detail(st, r, detail);
	if (!err)
		err = stand(st, r, detail);
	json_free(detail);
	if (!err)
		err = keep(st, r);
	if (err)
		return err;
	st->applied_pos = r->pos;
	if (r->kind == RECORD_EVENT)
		st->last_seq = r->seq;
	return 0;
}
