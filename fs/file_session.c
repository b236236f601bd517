/* A session's record and values, its heart, and registering. */
#include "fs/files.h"

#include "fs/handle.h"
#include "fs/private.h"

#include "core/base/json.h"
#include "core/state/message.h"
#include "core/state/parts.h"
#include "core/state/session.h"

#include <errno.h>
#include <string.h>

static int new_take(struct handle *h, const struct message *m, struct act **act, struct error *err)
{
	struct act *a;
	int r;

	if (m->json)
		r = session_register_json(h->loop, &h->actor, m->text, m->len, m->json, &a, err);
	else
		r = session_register_text(h->loop, &h->actor, m->text, m->len, &a, err);
	if (r)
		return r;
	/* Several in one write are taken or refused together. */
	while (*act)
		act = &(*act)->also;
	*act = a;
	return 0;
}

static void new_answer(struct handle *h, struct act *a, struct buf *out)
{
	(void)h;
	for (; a; a = a->also)
		buf_addf(out, "%s\n", a->id);
}

static int sessions_json(
	const struct caller *c, const struct where *w, struct buf *out, struct error *err)
{
	struct state *st = c->loop->state;
	bool first = true;

	(void)w, (void)err;
	state_rdlock(c->loop);
	buf_addf(out, "{\"seq\":%lld,\"sessions\":[", (long long)st->last_seq);
	for (size_t i = 0; i < st->session_slots; i++) {
		for (struct session *s = st->sessions[i]; s; s = s->next) {
			if (s->ended_us)
				continue;
			buf_adds(out, first ? "\n{" : ",\n{");
			session_record(c->loop, s, out);
			first = false;
		}
	}
	state_unlock(c->loop);
	buf_adds(out, "\n]}\n");
	return 0;
}

static int session_json(
	const struct caller *c, const struct where *w, struct buf *out, struct error *err)
{
	(void)err;
	state_rdlock(c->loop);
	buf_addf(out, "{\"seq\":%lld,", (long long)c->loop->state->last_seq);
	session_record(c->loop, w->session, out);
	state_unlock(c->loop);
	buf_addc(out, '\n');
	return 0;
}

static int line(struct buf *out, const char *text)
{
	if (text && *text)
		buf_addf(out, "%s\n", text);
	return 0;
}

#define TEXT(name)                                                                                 \
	static int name(                                                                           \
		const struct caller *c, const struct where *w, struct buf *out, struct error *err)

TEXT(id_text)
{
	(void)c, (void)err;
	return line(out, w->session->id);
}

TEXT(agent_name_text)
{
	(void)err;
	state_rdlock(c->loop);
	line(out, w->session->agent_name);
	state_unlock(c->loop);
	return 0;
}

TEXT(agent_type_text)
{
	(void)err;
	state_rdlock(c->loop);
	line(out, w->session->agent_type);
	state_unlock(c->loop);
	return 0;
}

TEXT(started_at_text)
{
	(void)err;
	state_rdlock(c->loop);
	buf_add_time(out, w->session->started_us);
	state_unlock(c->loop);
	buf_addc(out, '\n');
	return 0;
}

TEXT(uptime_text)
{
	char uptime[32];

	(void)err;
	state_rdlock(c->loop);
	session_uptime(c->loop, w->session, uptime, sizeof(uptime));
	state_unlock(c->loop);
	return line(out, uptime);
}

TEXT(health_text)
{
	(void)err;
	state_rdlock(c->loop);
	line(out, session_health(w->session));
	state_unlock(c->loop);
	return 0;
}

TEXT(status_text)
{
	(void)err;
	state_rdlock(c->loop);
	line(out, w->session->status);
	state_unlock(c->loop);
	return 0;
}

TEXT(current_task_text)
{
	(void)err;
	state_rdlock(c->loop);
	line(out, w->session->task);
	state_unlock(c->loop);
	return 0;
}

/* One tag a line. */
TEXT(tags_text)
{
	struct buf wrapped = BUF_INIT;
	const struct json *list;
	struct json *json;
	int r;

	(void)err;
	state_rdlock(c->loop);
	buf_addf(&wrapped, "{\"tags\":%s}", w->session->tags);
	state_unlock(c->loop);
	r = buf_error(&wrapped);
	if (!r)
		r = json_parse(wrapped.data, wrapped.len, &json, NULL);
	buf_release(&wrapped);
	if (r)
		return r;
	list = json_get(json, "tags");
	for (size_t i = 0; i < json_count(list); i++)
		line(out, json_text(json_item(list, i)));
	json_free(json);
	return 0;
}

TEXT(timeout_text)
{
	(void)err;
	state_rdlock(c->loop);
	buf_addf(out, "%g\n", (double)w->session->timeout_us / 1e6);
	state_unlock(c->loop);
	return 0;
}

static int change(struct handle *h, enum session_value value, const struct message *m,
	struct act **act, struct error *err)
{
	if (*act)
		return error_set(err, EINVAL, "one value a write");
	return session_change(h->loop, &h->actor, h->node->where.session, value, m->text, m->len,
		m->json != NULL, act, err);
}

#define TAKE(name, value)                                                                          \
	static int name(                                                                           \
		struct handle *h, const struct message *m, struct act **act, struct error *err)    \
	{                                                                                          \
		return change(h, value, m, act, err);                                              \
	}

TAKE(status_take, VALUE_STATUS)
TAKE(current_task_take, VALUE_TASK)
TAKE(timeout_take, VALUE_TIMEOUT)

/* A shell's printf writes line by line: what one descriptor writes is one list. */
static int tags_take(struct handle *h, const struct message *m, struct act **act, struct error *err)
{
	struct message all = {.json = m->json};

	if (!m->json) {
		buf_add(&h->value, m->text, m->len);
		buf_addc(&h->value, '\n');
		if (buf_error(&h->value))
			return -ENOMEM;
		all.text = h->value.data;
		all.len = h->value.len;
	}
	return change(h, VALUE_TAGS, &all, act, err);
}

int own_may(struct handle *h, struct error *err)
{
	struct session *s = h->node->where.session;
	bool ended;

	state_rdlock(h->loop);
	ended = s->ended_us != 0;
	state_unlock(h->loop);
	return ended ? error_set(err, ESTALE, "session %s has ended; register again", s->id) : 0;
}

static void beat(struct loop *loop, struct session *s)
{
	session_heard(loop, s);
	message_heartbeat(loop, s);
}

/* A heartbeat is not kept: it needs no act. Called for a touch and for whatever is written. */
static int heartbeat_touched(const struct caller *c, const struct where *w, struct handle *h)
{
	bool ended;

	(void)h;
	if (w->session->uid != c->uid)
		return -EACCES;
	state_rdlock(c->loop);
	ended = w->session->ended_us != 0;
	state_unlock(c->loop);
	if (ended)
		return -ESTALE;
	beat(c->loop, w->session);
	return 0;
}

static int alive_opened(struct handle *h, struct error *err)
{
	int r = own_may(h, err);

	if (r)
		return r;
	session_heard(h->loop, h->node->where.session);
	return alive_hold(h->loop, h->node->where.session, &h->actor.process, &h->alive);
}

/* Written to or touched: it was a heartbeat, and holds nothing. */
static void alive_let_go(struct handle *h)
{
	struct holder *alive = h->alive;

	h->alive = NULL;
	alive_release(h->loop, alive, true);
}

static int alive_touched(const struct caller *c, const struct where *w, struct handle *h)
{
	if (h) {
		pthread_mutex_lock(&h->lock);
		alive_let_go(h);
		pthread_mutex_unlock(&h->lock);
	}
	return heartbeat_touched(c, w, h);
}

static void alive_closed(struct handle *h)
{
	alive_release(h->loop, h->alive, false);
	h->alive = NULL;
}

const struct file_ops new_ops = {.take = new_take, .answer = new_answer};
const struct file_ops sessions_json_ops = {.text = sessions_json};
const struct file_ops session_json_ops = {.text = session_json};
const struct file_ops id_ops = {.text = id_text};
const struct file_ops agent_name_ops = {.text = agent_name_text};
const struct file_ops agent_type_ops = {.text = agent_type_text};
const struct file_ops started_at_ops = {.text = started_at_text};
const struct file_ops uptime_ops = {.text = uptime_text};
const struct file_ops health_ops = {.text = health_text};
const struct file_ops status_ops = {.text = status_text, .may = own_may, .take = status_take};
const struct file_ops current_task_ops = {
	.text = current_task_text, .may = own_may, .take = current_task_take};
const struct file_ops tags_ops = {.text = tags_text, .may = own_may, .take = tags_take};
const struct file_ops timeout_ops = {.text = timeout_text, .may = own_may, .take = timeout_take};
const struct file_ops heartbeat_ops = {.touched = heartbeat_touched};
const struct file_ops alive_ops = {
	.opened = alive_opened, .touched = alive_touched, .closed = alive_closed};
