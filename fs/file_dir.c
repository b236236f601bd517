/* Directories whose names are found, and links. */
#include "fs/files.h"

#include "fs/handle.h"
#include "fs/names.h"
#include "fs/private.h"

#include "core/state/parts.h"
#include "core/state/session.h"

#include <errno.h>
#include <string.h>

/* `self` is there only for who has one. */
static int list_root(const struct caller *c, const struct where *dir, struct names *out)
{
	struct actor actor;
	struct where w;
	int r;

	r = actor_resolve(c->loop, c->uid, c->gid, c->pid, dir->as, &actor);
	if (!r && actor.kind == ACTOR_SESSION && route_find(c, dir, "self", &w) == 0) {
		r = names_add(out, "self", &w);
		where_release(&w);
	}
	actor_release(&actor);
	return r;
}

static int add_session(
	struct names *out, const struct where *dir, const struct row *row, struct session *s)
{
	struct where w = *dir; /* borrows */

	w.row = row;
	w.session = s;
	return names_add(out, s->id, &w);
}

static int list_sessions(
	const struct caller *c, const struct where *dir, struct names *out, bool ended)
{
	const struct row *row = route_many(dir->row);
	struct state *st = c->loop->state;
	int r = 0;

	state_rdlock(c->loop);
	for (size_t i = 0; i < st->session_slots && !r; i++)
		for (struct session *s = st->sessions[i]; s && !r; s = s->next)
			if (ended || !s->ended_us)
				r = add_session(out, dir, row, s);
	state_unlock(c->loop);
	return r;
}

static int list_living(const struct caller *c, const struct where *dir, struct names *out)
{
	return list_sessions(c, dir, out, false);
}

static int list_all(const struct caller *c, const struct where *dir, struct names *out)
{
	return list_sessions(c, dir, out, true);
}

static int list_agents(const struct caller *c, const struct where *dir, struct names *out)
{
	struct state *st = c->loop->state;
	struct where w = *dir;
	int r = 0;

	w.row = route_many(dir->row);
	state_rdlock(c->loop);
	for (size_t i = 0; i < st->agent_slots && !r; i++) {
		for (struct agent *a = st->agents[i]; a && !r; a = a->next) {
			memcpy(w.word, a->key, sizeof(a->key));
			r = names_add(out, a->key, &w);
		}
	}
	state_unlock(c->loop);
	return r;
}

static int list_agent_sessions(const struct caller *c, const struct where *dir, struct names *out)
{
	const struct row *row = route_many(dir->row);
	struct agent *a;
	int r = 0;

	state_rdlock(c->loop);
	a = state_agent(c->loop->state, dir->word);
	for (struct session *s = a ? a->sessions : NULL; s && !r; s = s->agent_next)
		if (!s->ended_us)
			r = add_session(out, dir, row, s);
	state_unlock(c->loop);
	return r;
}

struct types {
	struct names *out;
	struct where where;
	int err;
};

static bool add_type(void *arg, struct channel *ch)
{
	struct types *t = arg;

	if (ch->count == 0 || strlen(ch->name) > ID_MAX)
		return true;
	memcpy(t->where.word, ch->name, strlen(ch->name) + 1);
	t->err = names_add(t->out, ch->name, &t->where);
	return t->err == 0;
}

static int list_channels(
	const struct caller *c, const struct where *dir, enum channel_kind kind, struct names *out)
{
	struct types t = {.out = out, .where = *dir};

	t.where.row = route_many(dir->row);
	state_rdlock(c->loop);
	index_each(c->loop->state->index, kind, add_type, &t);
	state_unlock(c->loop);
	return t.err;
}

static int list_types(const struct caller *c, const struct where *dir, struct names *out)
{
	return list_channels(c, dir, CHANNEL_TYPE, out);
}

static int list_activities(const struct caller *c, const struct where *dir, struct names *out)
{
	return list_channels(c, dir, CHANNEL_ACTIVITY, out);
}

static int add_items(
	const struct item *item, const struct where *dir, const struct row *row, struct names *out)
{
	struct where w = *dir; /* borrows */
	int r = 0;

	w.row = row;
	for (; item && !r; item = item->next) {
		w.item = (struct item *)item;
		r = names_add(out, item->id, &w);
	}
	return r;
}

int list_items(
	const struct caller *c, const struct where *dir, int kind, bool closed, struct names *out)
{
	const struct items *items = &c->loop->state->items;
	const struct row *row = route_many(dir->row);
	int r = 0;

	state_rdlock(c->loop);
	if (closed)
		r = add_items(items->closed[kind].first, dir, row, out);
	if (!r)
		r = add_items(items->open[kind].first, dir, row, out);
	state_unlock(c->loop);
	return r;
}

int make_as_caller(const struct caller *c, const struct where *dir, const char *name,
	int (*make)(struct loop *, const struct actor *, const char *name, struct act **,
		struct error *),
	struct act **out, struct error *err)
{
	struct actor actor;
	int r = actor_resolve(c->loop, c->uid, c->gid, c->pid, dir->as, &actor);

	if (r)
		return r;
	r = make(c->loop, &actor, name, out, err);
	actor_release(&actor);
	return r;
}

int remove_as_caller(const struct caller *c, const struct where *w,
	int (*end)(
		struct loop *, const struct actor *, struct item *, struct act **, struct error *),
	struct act **out, struct error *err)
{
	struct actor actor;
	int r = actor_resolve(c->loop, c->uid, c->gid, c->pid, w->as, &actor);

	if (r)
		return r;
	r = end(c->loop, &actor, w->item, out, err);
	actor_release(&actor);
	return r;
}

static int make_session(const struct caller *c, const struct where *dir, const char *name,
	struct act **out, struct error *err)
{
	/* Who registers is the process that calls, also through as/. */
	struct actor actor = {.uid = c->uid, .gid = c->gid, .tid = c->pid, .kind = ACTOR_USER};

	(void)dir;
	return session_register_id(c->loop, &actor, name, out, err);
}

static int remove_session(
	const struct caller *c, const struct where *w, struct act **out, struct error *err)
{
	struct actor actor = {.uid = c->uid, .gid = c->gid, .tid = c->pid, .kind = ACTOR_USER};

	if (w->session->uid != c->uid)
		return error_set(err, EACCES, "session %s is another user's", w->session->id);
	return session_end(c->loop, &actor, w->session, END_ASKED, out, err);
}

static int refuse_several(struct loop *loop, const struct actor *actor, struct error *err)
{
	struct buf ids = BUF_INIT;

	actor_sessions(loop, actor, &ids);
	error_set(err, ENOTUNIQ,
		"this process has several sessions: act through as/<id>/, or rmdir those that are "
		"done (%s)",
		buf_error(&ids) == 0 && ids.len > 0 ? ids.data : "sessions.json tells");
	buf_release(&ids);
	return -ENOTUNIQ;
}

static int self_text(
	const struct caller *c, const struct where *w, struct buf *out, struct error *err)
{
	struct actor actor;
	int r = actor_resolve(c->loop, c->uid, c->gid, c->pid, w->as, &actor);

	if (r)
		return r;
	if (actor.kind == ACTOR_SEVERAL)
		r = refuse_several(c->loop, &actor, err);
	else if (actor.kind == ACTOR_ENDED)
		r = error_set(
			err, ESTALE, "session %s has ended; register again", actor.session->id);
	else if (actor.kind == ACTOR_USER)
		r = error_set(
			err, ENOENT, "no session of your own: mkdir sessions/<name> makes one");
	else
		buf_addf(out, "sessions/%s", actor.session->id);
	actor_release(&actor);
	return r;
}

static int agent_session_text(
	const struct caller *c, const struct where *w, struct buf *out, struct error *err)
{
	(void)c, (void)err;
	buf_addf(out, "../../../sessions/%s", w->session->id);
	return 0;
}

const struct file_ops root_ops = {.list = list_root};
const struct file_ops sessions_ops = {.list = list_living, .make = make_session};
const struct file_ops session_dir_ops = {.remove = remove_session};
const struct file_ops agents_ops = {.list = list_agents};
const struct file_ops agent_sessions_ops = {.list = list_agent_sessions};
const struct file_ops by_type_ops = {.list = list_types};
const struct file_ops by_activity_ops = {.list = list_activities};
const struct file_ops by_session_ops = {.list = list_all};
const struct file_ops self_ops = {.text = self_text};
const struct file_ops agent_session_ops = {.text = agent_session_text};
