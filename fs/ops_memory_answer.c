/* Who asks something of memory/, and how it is answered. */
#include "fs/ops_memory.h"

#include "fs/ops.h"
#include "fs/private.h"

#include "core/state/act.h"
#include "core/state/parts.h"
#include "core/state/refusal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int memory_actor(const struct caller *c, const struct memory_view *dir, struct actor *out)
{
	int r = actor_resolve(c->loop, c->uid, c->gid, c->pid, dir->as, out);

	if (r)
		return r;
	/* What a process does with files after its session ended, its user does. */
	if (out->kind == ACTOR_ENDED) {
		actor_release(out);
		out->kind = ACTOR_USER;
	}
	return 0;
}

int memory_file_actor(const struct caller *c, const struct memory_view *view, struct actor *out)
{
	struct memory_view at = {.as = memory_views_finder(c->server->views, c->pid, view)};
	int r = memory_actor(c, &at, out);

	session_unref(at.as);
	return r;
}

void memory_refuse(fuse_req_t req, const struct memory_view *view, const char *name, int r,
	const struct error *err)
{
	const bool by_limit = err && err->text[0];
	struct caller c = op_caller(req);
	struct buf path = BUF_INIT;

	if (by_limit || memory_reason(-r)) {
		const char *as = view->as ? view->as->id : NULL, *where;

		memory_path(view->node, name, &path);
		where = path.data ? path.data : "memory";
		if (by_limit && r == -EMFILE) /* who wants many has many refused */
			memory_refused(c.server->memory, c.uid, c.pid, as, where, -r, err->text);
		else if (by_limit)
			refusal_add(c.loop->refusals, c.uid, c.pid, as, where, -r, err->text);
		else
			memory_refused(c.server->memory, c.uid, c.pid, as, where, -r, NULL);
		buf_release(&path);
	}
	fuse_reply_err(req, -r);
}

void memory_shown(const struct memory_view *view, const struct stat *from, struct stat *st)
{
	*st = *from;
	if (!view->fixed.ino)
		return;
	st->st_ino = view->fixed.ino;
	st->st_mode = view->fixed.mode;
	st->st_uid = view->fixed.uid;
	st->st_gid = view->fixed.gid;
}

void memory_entry(const struct memory_view *dir, const struct memory_view *view,
	const struct stat *st, struct fuse_entry_param *e)
{
	memset(e, 0, sizeof(*e));
	e->ino = (fuse_ino_t)(uintptr_t)view;
	e->entry_timeout = e->attr_timeout = dir->as ? 0 : MEMORY_ATTR_VALID;
	memory_shown(view, st, &e->attr);
}

/* A change that waits for its event, and then for the kernel to know. */
struct making {
	fuse_req_t req;
	struct server *server;
	struct fuse_entry_param entry;
	bool has_entry;
	const struct memory_view *dirs[2]; /* the kernel holds them */
	char *names[2];
	int count;
};

static void reply(void *arg)
{
	struct making *m = arg;

	if (m->count > 0) {
		m->count--;
		memory_views_changed(
			m->server->views, m->dirs[m->count], m->names[m->count], reply, m);
		return;
	}
	if (m->has_entry)
		op_reply_entry(m->req, &m->entry);
	else
		fuse_reply_err(m->req, 0);
	free(m->names[0]);
	free(m->names[1]);
	free(m);
}

/* The change stands whatever becomes of its event. */
static void done(struct loop *loop, struct command *command, int status, const struct error *err,
	struct record *const *records, size_t count)
{
	struct making *m = ((struct act *)command)->owner;

	memory_told(loop, command, status, err, records, count);
	reply(m);
}

static void submit(const struct caller *c, struct making *m, struct act *act)
{
	if (!act) {
		reply(m);
		return;
	}
	act->owner = m;
	act->command.done = done;
	loop_submit(c->loop, &act->command);
}

static void note_name(struct making *m, const struct memory_view *dir, const char *name)
{
	if (!dir->as)
		return;
	m->dirs[m->count] = dir;
	m->names[m->count] = strdup(name);
	m->count += m->names[m->count] ? 1 : 0;
}

static struct making *making_new(fuse_req_t req, const struct caller *c, struct act *act)
{
	struct making *m = calloc(1, sizeof(*m));

	if (!m) {
		act_free(act);
		fuse_reply_err(req, ENOMEM);
		return NULL;
	}
	m->req = req;
	m->server = c->server;
	return m;
}

void memory_made(fuse_req_t req, const struct caller *c, const struct memory_view *dir,
	const char *name, const struct fuse_entry_param *entry, struct act *act)
{
	struct making *m = making_new(req, c, act);

	if (!m)
		return;
	if (entry) {
		m->entry = *entry;
		m->has_entry = true;
	}
	note_name(m, dir, name);
	submit(c, m, act);
}

void memory_renamed(fuse_req_t req, const struct caller *c, const struct memory_view *from,
	const char *name, const struct memory_view *to, const char *new_name, struct act *act)
{
	struct making *m = making_new(req, c, act);

	if (!m)
		return;
	note_name(m, from, name);
	note_name(m, to, new_name);
	submit(c, m, act);
}
