/* Saving the state and loading it again. Rows are JSON: what session_detail writes, and cursors. */
#include "core/state/state_private.h"

#include "core/base/buf.h"
#include "core/base/json.h"
#include "core/item/status.h"
#include "core/log/store.h"
#include "core/state/session.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int save_session(struct state *st, struct session *s, struct buf *b, struct error *err)
{
	struct saved_row row = {.key = s->id};

	if (!s->agent) { /* it was forgotten; the row may be another's by now */
		if (state_session(st, s->id))
			return 0;
		return store_row_drop(st->store, SAVED_SESSION, s->id, err);
	}
	buf_reset(b);
	session_describe(st, s, b);
	b->len--; /* its closing brace */
	buf_addf(b,
		",\"gid\":%u,\"started\":%lld,\"ended\":%lld,\"reason\":%d,\"since\":%lld,\"read\":"
		"%lld",
		(unsigned)s->gid, (long long)s->started_us, (long long)s->ended_us,
		(int)s->end_reason, (long long)s->since_pos, (long long)s->read_pos);
	item_add_raw(b, "routes", s->routes);
	buf_adds(b, ",\"beyond\":\"");
	for (int i = 0; i < s->beyond_count; i++)
		buf_addf(b, "%lld ", (long long)s->beyond[i]);
	buf_adds(b, "\"}");
	if (buf_error(b))
		return error_set(err, ENOMEM, "no memory to save session %s", s->id);
	row.json = b->data;
	row.json_len = b->len;
	return store_row_put(st->store, SAVED_SESSION, &row, err);
}

static int save_agent(struct state *st, struct agent *a, struct buf *b, struct error *err)
{
	struct saved_row row = {.key = a->key};

	buf_reset(b);
	buf_adds(b, "{\"name\":");
	buf_add_json(b, a->name, strlen(a->name));
	buf_addf(b, ",\"uid\":%u,\"first\":%lld,\"last\":%lld,\"since\":%lld,\"active\":%s}",
		(unsigned)a->uid, (long long)a->first_us, (long long)a->last_us,
		(long long)a->since_pos, a->active ? "true" : "false");
	if (buf_error(b))
		return error_set(err, ENOMEM, "no memory to save agent %s", a->key);
	row.json = b->data;
	row.json_len = b->len;
	return store_row_put(st->store, SAVED_AGENT, &row, err);
}

static int save_rows(struct state *st, struct buf *b, struct error *err)
{
	int r = 0;

	for (struct session *s = st->dirty; s && !r; s = s->dirty_next)
		r = save_session(st, s, b, err);
	for (size_t i = 0; i < st->agent_slots && !r; i++)
		for (struct agent *a = st->agents[i]; a && !r; a = a->next)
			if (a->dirty)
				r = save_agent(st, a, b, err);
	return r;
}

void state_saved(struct state *st)
{
	struct session *s;

	while ((s = st->dirty)) {
		st->dirty = s->dirty_next;
		s->dirty = false;
		s->dirty_next = NULL;
		session_unref(s);
	}
	for (size_t i = 0; i < st->agent_slots; i++)
		for (struct agent *a = st->agents[i]; a; a = a->next)
			a->dirty = false;
	for (size_t i = 0; i < st->kept_count; i++)
		st->kept[i].dirty = false;
	items_saved(st);
	st->saved_pos = st->applied_pos;
	index_saved(st->index);
}

bool state_is_saved(const struct state *st)
{
	bool saved = st->applied_pos == st->saved_pos && !st->dirty && !st->items.dirty;

	for (size_t i = 0; i < st->kept_count && saved; i++)
		saved = !st->kept[i].dirty;
	return saved;
}

/* What a uid has in the log stands as two numbers. */
static int save_kept(struct state *st, struct kept *k, struct error *err)
{
	char name[32];
	int r;

	if (!k->dirty)
		return 0;
	snprintf(name, sizeof(name), "messages.%u", (unsigned)k->uid);
	r = store_set_number(st->store, name, k->messages, err);
	snprintf(name, sizeof(name), "bytes.%u", (unsigned)k->uid);
	return r ? r : store_set_number(st->store, name, k->bytes, err);
}

int state_save(struct state *st, struct error *err)
{
	struct buf b = BUF_INIT;
	int r = store_begin(st->store, err);

	if (r)
		return r;
	r = index_save(st->index, err);
	if (!r)
		r = save_rows(st, &b, err);
	if (!r)
		r = items_save(st, err);
	if (!r)
		r = store_set_number(st->store, "applied_pos", st->applied_pos, err);
	if (!r)
		r = store_set_number(st->store, "last_seq", st->last_seq, err);
	if (!r)
		r = store_set_number(st->store, "first_pos", st->first_pos, err);
	for (size_t i = 0; i < st->kept_count && !r; i++)
		r = save_kept(st, &st->kept[i], err);
	buf_release(&b);
	if (!r)
		r = store_commit(st->store, err);
	else
		store_rollback(st->store);
	if (r)
		index_unsaved(st->index);
	return r;
}

struct loading {
	struct state *state;
	struct error *err;
};

static int refuse_row(const struct loading *l, int r, const char *what, const char *key)
{
	if (r == -ENOMEM)
		return error_set(l->err, ENOMEM, "out of memory");
	return error_set(
		l->err, EUCLEAN, "the database is damaged: %s %.80s was not saved so", what, key);
}

static int read_agent(struct state *st, const struct saved_row *row)
{
	const char *name = "";
	struct json *json;
	struct agent *a;
	int64_t uid = 0;
	int r;

	r = json_parse(row->json, row->json_len, &json, NULL);
	if (r)
		return r == -EINVAL ? -EUCLEAN : r;
	json_get_string(json, "name", 0, &name, NULL);
	json_get_integer(json, "uid", 0, UINT32_MAX, &uid, NULL);
	r = state_make_agent(st, row->key, name, (uid_t)uid, &a);
	if (!r) {
		json_get_integer(json, "first", 0, INT64_MAX, &a->first_us, NULL);
		json_get_integer(json, "last", 0, INT64_MAX, &a->last_us, NULL);
		json_get_integer(json, "since", 0, INT64_MAX, &a->since_pos, NULL);
		json_get_bool(json, "active", &a->active, NULL);
	}
	json_free(json);
	return r;
}

static int load_agent(void *arg, const struct saved_row *row)
{
	const struct loading *l = arg;
	int r = read_agent(l->state, row);

	return r ? refuse_row(l, r, "agent", row->key) : 0;
}

static int load_beyond(struct session *s, const char *text)
{
	int64_t last = s->read_pos;
	int n = 0;
	char *end;

	for (const char *p = text; *p; p++)
		n += *p == ' ';
	if (n == 0)
		return 0;
	/* Room as read_one expects it: powers of two. */
	int cap = 2;
	while (cap <= n)
		cap *= 2;
	s->beyond = calloc((size_t)cap, sizeof(*s->beyond));
	if (!s->beyond)
		return -ENOMEM;
	for (; s->beyond_count < n; text = end + 1) {
		const int64_t pos = strtoll(text, &end, 10);

		if (*end != ' ' || pos <= last)
			return -EUCLEAN;
		s->beyond[s->beyond_count++] = last = pos;
	}
	return 0;
}

static int read_session(struct state *st, const struct saved_row *row)
{
	const char *key = "", *beyond = "";
	int64_t uid = 0, gid = 0, reason = 0;
	struct agent *agent;
	struct session *s;
	struct json *json;
	int r;

	r = json_parse(row->json, row->json_len, &json, NULL);
	if (r)
		return r == -EINVAL ? -EUCLEAN : r;
	json_get_string(json, "agent", AGENT_KEY_MAX, &key, NULL);
	agent = state_agent(st, key);
	r = agent ? state_make_session(st, row->key, agent, &s) : -EUCLEAN;
	if (r)
		goto out;
	json_get_integer(json, "uid", 0, UINT32_MAX, &uid, NULL);
	json_get_integer(json, "gid", 0, UINT32_MAX, &gid, NULL);
	json_get_integer(json, "reason", 0, END_ALIVE_CLOSED, &reason, NULL);
	json_get_integer(json, "started", 0, INT64_MAX, &s->started_us, NULL);
	json_get_integer(json, "ended", 0, INT64_MAX, &s->ended_us, NULL);
	json_get_integer(json, "since", 0, INT64_MAX, &s->since_pos, NULL);
	json_get_integer(json, "read", 0, INT64_MAX, &s->read_pos, NULL);
	json_get_string(json, "beyond", 0, &beyond, NULL);
	s->uid = (uid_t)uid;
	s->gid = (gid_t)gid;
	s->end_reason = (enum end_reason)reason;
	atomic_store(&s->heard_wall_us, s->started_us);
	st->living += s->ended_us == 0;
	r = load_beyond(s, beyond);
	if (!r)
		r = state_take_session(st, s, row->json, json);
	if (!r)
		r = item_take_raw(&s->routes, row->json, "routes");
	if (!r)
		agent->busy += session_is_busy(s);
out:
	json_free(json);
	return r;
}

static int load_session(void *arg, const struct saved_row *row)
{
	const struct loading *l = arg;
	int r = read_session(l->state, row);

	return r ? refuse_row(l, r, "session", row->key) : 0;
}

/* What save_kept saved: "messages.<uid>", "bytes.<uid>". */
static int load_kept(void *arg, const char *name, int64_t value)
{
	const struct loading *l = arg;
	const bool messages = name[0] == 'm';
	struct kept *k = state_kept(l->state, (uid_t)strtoul(strchr(name, '.') + 1, NULL, 10));

	if (!k)
		return error_set(l->err, ENOMEM, "out of memory");
	*(messages ? &k->messages : &k->bytes) = value;
	return 0;
}

static bool count_type(void *arg, struct channel *c)
{
	(void)c;
	++*(size_t *)arg;
	return true;
}

static void count_types(struct state *st)
{
	st->type_count = st->activity_count = 0;
	index_each(st->index, CHANNEL_TYPE, count_type, &st->type_count);
	index_each(st->index, CHANNEL_ACTIVITY, count_type, &st->activity_count);
}

int state_new(struct store *store, struct state **out, struct error *err)
{
	struct loading loading = {.err = err};
	struct state *st;
	int r = state_empty(store, &st, err);

	if (r)
		return r;
	loading.state = st;
	r = store_number(store, "applied_pos", 0, &st->applied_pos, err);
	if (!r)
		r = store_number(store, "last_seq", 0, &st->last_seq, err);
	if (!r)
		r = store_number(store, "first_pos", 1, &st->first_pos, err);
	if (!r)
		r = store_rows(store, SAVED_AGENT, load_agent, &loading, err);
	if (!r)
		r = store_rows(store, SAVED_SESSION, load_session, &loading, err);
	if (!r)
		r = items_load(st, err);
	if (!r)
		r = store_numbers(store, "messages.", load_kept, &loading, err);
	if (!r)
		r = store_numbers(store, "bytes.", load_kept, &loading, err);
	if (r) {
		state_free(st);
		return r;
	}
	st->saved_pos = st->applied_pos;
	count_types(st);
	*out = st;
	return 0;
}

/* Sessions whose time after the end is over; persons never end. */
static void forget_sessions(struct state *st, int64_t ended_before_us)
{
	struct session *s, *next;

	for (size_t i = 0; i < st->session_slots; i++) {
		for (s = st->sessions[i]; s; s = next) {
			next = s->next;
			if (!s->ended_us || s->ended_us >= ended_before_us)
				continue;
			state_touch_session(st, s);
			state_drop_session(st, s);
		}
	}
}

static int forget_agents(struct state *st, int64_t before_us, struct error *err)
{
	struct agent *a, *next;
	int r = 0;

	for (size_t i = 0; i < st->agent_slots && !r; i++) {
		for (a = st->agents[i]; a && !r; a = next) {
			next = a->next;
			if (a->sessions || a->open_tasks || a->last_us >= before_us)
				continue;
			r = store_row_drop(st->store, SAVED_AGENT, a->key, err);
			if (!r)
				state_drop_agent(st, a);
		}
	}
	return r;
}

void state_forget(struct state *st, int64_t first_pos, int64_t ended_before_us)
{
	if (first_pos > st->first_pos)
		st->first_pos = first_pos;
	forget_sessions(st, ended_before_us);
	items_forget(st, ended_before_us);
}

int state_trim(struct state *st, int64_t ended_before_us, struct error *err)
{
	int r = store_begin(st->store, err);

	if (r)
		return r;
	r = forget_agents(st, ended_before_us, err);
	if (!r)
		r = index_expire(st->index, st->first_pos, NULL, NULL, err);
	count_types(st);
	if (!r)
		return store_commit(st->store, err);
	store_rollback(st->store);
	return r;
}
