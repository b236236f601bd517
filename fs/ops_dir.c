/* What the kernel asks of directories: what is in them, and making and removing what is. */
#include "fs/files.h"
#include "fs/handle.h"
#include "fs/names.h"
#include "fs/ops_private.h"
#include "fs/private.h"

#include "core/state/session.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

static int add_static(const struct caller *c, const struct where *dir, struct names *names)
{
	struct where w;
	int r = 0;

	if (dir->row->shape == SHAPE_TREE)
		return 0;
	for (const struct row *row = &readme_row; row && !r;
		row = route_child(dir->row, row == &readme_row ? NULL : row)) {
		if (row != &readme_row &&
			(row_is_many(row) || row->flags & ROW_UNLISTED || row->ops == &self_ops))
			continue;
		if (route_find(c, dir, row_name(row), &w))
			continue;
		r = names_add(names, row_name(row), &w);
		where_release(&w);
	}
	return r;
}

void op_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct caller c = op_caller(req);
	struct node *n = op_node(c.server, ino);
	struct handle *h = NULL;
	struct error err = {0};
	bool kept;
	int r = handle_new(&c, n, O_RDONLY, &h, &err);

	if (r) {
		op_refuse(req, &n->where, r, &err);
		return;
	}
	fi->fh = (uint64_t)(uintptr_t)h;
	if (node_lists(c.server->nodes, n, &kept)) {
		fi->cache_readdir = 1;
		fi->keep_cache = kept;
	}
	if (fuse_reply_open(req, fi) == -ENOENT)
		handle_free(h);
}

static int list(const struct caller *c, struct handle *h)
{
	const struct where *w = &h->node->where;
	const struct file_ops *ops = w->row->ops;
	struct names *names = names_new();
	int r = names ? add_static(c, w, names) : -ENOMEM;

	if (!r && ops && ops->list)
		r = ops->list(c, w, names);
	if (r) {
		names_free(names);
		return r;
	}
	names_free(h->names);
	h->names = names;
	return 0;
}

/* Offsets: 0 is the start, 1 and 2 follow . and .., 3 and on the names. */
static size_t fill(fuse_req_t req, const struct names *names, char *out, size_t size, off_t off)
{
	size_t used = 0, need, i = (size_t)off;
	struct stat st = {0};
	const char *name;
	uint64_t number;

	for (; i < names_count(names) + 2; i++, used += need) {
		st.st_ino = 1;
		st.st_mode = S_IFDIR;
		name = i == 0 ? "." : "..";
		if (i >= 2) {
			name = names_at(names, i - 2, &number, &st.st_mode);
			st.st_ino = number;
		}
		need = fuse_add_direntry(req, out + used, size - used, name, &st, (off_t)i + 1);
		if (need > size - used)
			break;
	}
	return used;
}

/* From the beginning it is listed anew: that is what rewinddir(3) asks for. */
void op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi)
{
	struct caller c = op_caller(req);
	struct handle *h = (struct handle *)(uintptr_t)fi->fh;
	char *out = malloc(size);
	int r = out ? 0 : -ENOMEM;
	size_t used = 0;

	(void)ino;
	pthread_mutex_lock(&h->lock);
	if (!r && (off == 0 || !h->names))
		r = list(&c, h);
	if (!r)
		used = fill(req, h->names, out, size, off);
	pthread_mutex_unlock(&h->lock);
	if (r)
		fuse_reply_err(req, -r);
	else
		fuse_reply_buf(req, out, used);
	free(out);
}

/* Whether what is in this directory is synced: then no change of it is made here. */
static bool refuse_synced(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	const struct where *dir = &op_node(op_server(req), parent)->where;
	struct error err = {0};

	if (dir->row->shape != SHAPE_TREE)
		return false;
	error_set(&err, EROFS, "what is synced is changed where it comes from");
	op_refuse_in(req, dir, name, -EROFS, &err);
	return true;
}

/* A mkdir or rmdir that waits for its act. */
struct making {
	fuse_req_t req;
	struct caller caller;
	struct node *dir;
	bool removes;
	char name[256];
};

static void reply_made(const struct making *m, int r, struct error *err)
{
	struct fuse_entry_param e;
	struct where w;

	if (!r && m->removes) {
		fuse_reply_err(m->req, 0);
		return;
	}
	if (!r) {
		r = route_find(&m->caller, &m->dir->where, m->name, &w);
		if (!r) {
			r = op_find_entry(&m->caller, m->dir, &w, &e, err);
			where_release(&w);
		}
	}
	if (r)
		op_refuse_in(m->req, &m->dir->where, m->name, r, err);
	else
		op_reply_entry(m->req, &e);
}

static void made(struct loop *loop, struct command *command, int status, const struct error *err,
	struct record *const *records, size_t count)
{
	struct act *a = (struct act *)command;
	struct making *m = a->owner;
	struct error error = *err;

	(void)records, (void)count;
	if (!status && a->actor.kind == ACTOR_SESSION)
		session_heard(loop, a->actor.session);
	act_free(a);
	reply_made(m, status, &error);
	free(m);
}

static void submit(fuse_req_t req, const struct caller *c, struct node *dir, const char *name,
	bool removes, struct act *a)
{
	struct making *m = calloc(1, sizeof(*m));

	if (!m) {
		act_free(a);
		fuse_reply_err(req, ENOMEM);
		return;
	}
	m->req = req;
	m->caller = *c;
	m->dir = dir;
	m->removes = removes;
	strncpy(m->name, name, sizeof(m->name) - 1);
	if (!a) { /* it is done */
		reply_made(m, 0, &(struct error){0});
		free(m);
		return;
	}
	a->owner = m;
	a->command.done = made;
	loop_submit(c->loop, &a->command);
}

void op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
	struct caller c = op_caller(req);
	struct node *dir = op_node(c.server, parent);
	const struct file_ops *ops = dir->where.row->ops;
	struct error err = {0};
	struct act *a = NULL;
	int r = -EPERM;

	(void)mode;
	if (refuse_synced(req, parent, name))
		return;
	if (ops && ops->make)
		r = ops->make(&c, &dir->where, name, &a, &err);
	else
		error_set(&err, EPERM,
			"directories are made in sessions/, collaborations/, claims/, "
			"context/sources/ "
			"and memory/ alone");

	if (r)
		op_refuse_in(req, &dir->where, name, r, &err);
	else
		submit(req, &c, dir, name, false, a);
}

void op_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct caller c = op_caller(req);
	struct node *dir = op_node(c.server, parent);
	struct error err = {0};
	struct act *a = NULL;
	struct where w;
	int r;

	if (refuse_synced(req, parent, name))
		return;
	r = route_find(&c, &dir->where, name, &w);
	if (r) {
		fuse_reply_err(req, -r);
		return;
	}
	if (w.row->shape != SHAPE_DIR)
		r = -ENOTDIR;
	else if (!w.row->ops || !w.row->ops->remove)
		r = error_set(&err, EPERM,
			"only sessions, collaborations, claims and sources can be removed: rmdir "
			"sessions/NAME");
	else
		r = w.row->ops->remove(&c, &w, &a, &err);
	if (r)
		op_refuse(req, &w, r, &err);
	else
		submit(req, &c, dir, name, true, a);
	where_release(&w);
}

/* The tree has the files that it has. */
static void reply_no_new(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct caller c = op_caller(req);
	struct error err = {0};

	if (refuse_synced(req, parent, name))
		return;
	if (strcmp(row_name(op_node(c.server, parent)->where.row), "say") == 0)
		error_set(&err, ENOENT, "an event type is words of A-Za-z0-9_ with dots between");
	else if (strcmp(row_name(op_node(c.server, parent)->where.row), "votes") == 0)
		error_set(&err, ENOENT, "there is no decision %.200s here yet", name);
	else
		error_set(&err, ENOENT, "there is no file %.200s here, and none can be made", name);
	op_refuse_in(req, &op_node(c.server, parent)->where, name, -ENOENT, &err);
}

void op_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t dev)
{
	(void)mode, (void)dev;
	reply_no_new(req, parent, name);
}

void op_create(
	fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, struct fuse_file_info *fi)
{
	(void)mode, (void)fi;
	reply_no_new(req, parent, name);
}

void op_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name)
{
	(void)target;
	if (!refuse_synced(req, parent, name))
		fuse_reply_err(req, EPERM);
}

void op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	if (!refuse_synced(req, parent, name))
		fuse_reply_err(req, EPERM);
}

void op_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t to_parent,
	const char *to, unsigned flags)
{
	(void)flags;
	if (!refuse_synced(req, parent, name) && !refuse_synced(req, to_parent, to))
		fuse_reply_err(req, EPERM);
}

void op_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t parent, const char *name)
{
	(void)ino;
	if (!refuse_synced(req, parent, name))
		fuse_reply_err(req, EPERM);
}
