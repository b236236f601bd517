/* What a name leads to and what a file is like, as the kernel is told: and for how long it may take
 * that for granted. */
#include "fs/files.h"
#include "fs/handle.h"
#include "fs/lower.h"
#include "fs/notify.h"
#include "fs/ops_private.h"
#include "fs/private.h"

#include "core/context/sources.h"
#include "core/state/parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ENTRY_VALID      3600.0 /* seconds */
#define GENERATION_VALID 1.0
#define SYNCED_VALID     60.0 /* bounds how long stat(2) may show a version that somebody has open */

/* For how long the kernel may take a name for granted. Names whose meaning changes with the caller
 * or the moment it must ask for each time; a log has a new generation now and then. */
static double entry_valid(const struct where *w, bool others)
{
	const struct row *row = w->row;

	if (row->shape == SHAPE_SNAPSHOT)
		return row == &readme_row ? ENTRY_VALID : 0;
	/* Whether a source is shown depends on who asks. */
	if (row->shape == SHAPE_TREE && !w->rest && others && !source_is_shared(w->source))
		return 0;
	if (row->ops == &history_ops)
		return 0;
	if (row->shape == SHAPE_TREE)
		return w->rest ? SYNCED_VALID : GENERATION_VALID;
	if (row->shape == SHAPE_VALUE || row->shape == SHAPE_LINK || row->ops == &errors_ops ||
		row->ops == &since_ops || row->ops == &session_dir_ops || row->ops == &source_ops ||
		(w->item && row->shape == SHAPE_DIR) || strcmp(row->path, "as/<as>") == 0)
		return 0;
	return row->shape == SHAPE_LOG ? GENERATION_VALID : ENTRY_VALID;
}

int op_fill_attr(const struct caller *c, const struct node *n, struct stat *st, double *valid,
	struct error *err)
{
	int r = node_stat(c->server->nodes, c, n, st, valid, err);

	if (r)
		return r;
	/* The nudge is a truncate: the thread that nudges may, whoever the file belongs to. */
	if (notify_is_self(c->server->notify, c->pid)) {
		st->st_mode |= 0222;
		*valid = 0;
	}
	return 0;
}

/* What lookup answers for a node, one lookup of which was counted: not counted if it fails. */
static int fill_entry(const struct caller *c, struct node *n, double valid,
	struct fuse_entry_param *e, struct error *err)
{
	int r;

	memset(e, 0, sizeof(*e));
	e->ino = (fuse_ino_t)(uintptr_t)n;
	e->entry_timeout = valid;
	r = op_fill_attr(c, n, &e->attr, &e->attr_timeout, err);
	if (r)
		node_forget(c->server->nodes, n, 1);
	return r;
}

int op_find_entry(const struct caller *c, struct node *parent, const struct where *w,
	struct fuse_entry_param *e, struct error *err)
{
	const struct file_ops *ops = w->row->ops;
	struct node *n;
	int r;

	if (ops && ops->graft)
		return ops->graft(c, w, e);
	r = node_find(c->server->nodes, c, parent, w, &n, err);
	return r ? r : fill_entry(c, n, entry_valid(w, c->server->config->others), e, err);
}

void op_reply_entry(fuse_req_t req, const struct fuse_entry_param *e)
{
	struct server *s = op_server(req);

	if (fuse_reply_entry(req, e) == -ENOENT)
		lower_forget(s, e->ino);
}

/* The nudging thread reaches a generation that no path leads to. */
static bool lookup_alias(fuse_req_t req, const struct caller *c)
{
	struct fuse_entry_param e;
	struct node *n = notify_aliased(c->server->notify);

	if (!n || node_again(c->server->nodes, n) != 0 || fill_entry(c, n, 0, &e, NULL) != 0)
		return false;
	op_reply_entry(req, &e);
	return true;
}

void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct caller c = op_caller(req);
	struct node *dir = op_node(c.server, parent);
	struct fuse_entry_param e;
	struct error err = {0};
	struct where w;
	int r;

	if (strcmp(name, NODE_ALIAS) == 0 && notify_is_self(c.server->notify, c.pid) &&
		lookup_alias(req, &c))
		return;
	if (strlen(name) > 255) {
		fuse_reply_err(req, ENAMETOOLONG);
		return;
	}
	r = route_find(&c, &dir->where, name, &w);
	if (r) {
		fuse_reply_err(req, -r);
		return;
	}
	r = op_find_entry(&c, dir, &w, &e, &err);
	if (!r)
		op_reply_entry(req, &e);
	else if (r == -ENOENT)
		fuse_reply_err(req, ENOENT);
	else
		op_refuse(req, &w, r, &err);
	where_release(&w);
}

void op_forget(fuse_req_t req, fuse_ino_t ino, uint64_t count)
{
	struct server *s = op_server(req);

	node_forget(s->nodes, op_node(s, ino), count);
	fuse_reply_none(req);
}

/* Is answered by who calls it (fs/lower.c). */
void op_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *forgets)
{
	struct server *s = op_server(req);

	for (size_t i = 0; i < count; i++)
		node_forget(s->nodes, op_node(s, forgets[i].ino), forgets[i].nlookup);
}

void op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct caller c = op_caller(req);
	struct stat st;
	double valid;
	int r;

	(void)fi;
	/* The kernel then walks the path again. It does not tell stat(2) from an fstat(2) of a file
	 * that somebody has open, whose size must stay. */
	if (node_is_stale(c.server->nodes, &c, op_node(c.server, ino))) {
		fuse_reply_err(req, ESTALE);
		return;
	}
	r = op_fill_attr(&c, op_node(c.server, ino), &st, &valid, NULL);
	if (r)
		fuse_reply_err(req, -r);
	else
		fuse_reply_attr(req, &st, valid);
}

void op_setattr(
	fuse_req_t req, fuse_ino_t ino, struct stat *attr, int what, struct fuse_file_info *fi)
{
	struct caller c = op_caller(req);
	struct node *n = op_node(c.server, ino);
	const struct file_ops *ops = n->where.row->ops;
	struct handle *h = fi ? (struct handle *)(uintptr_t)fi->fh : NULL;
	int times = FUSE_SET_ATTR_ATIME | FUSE_SET_ATTR_MTIME | FUSE_SET_ATTR_ATIME_NOW |
		    FUSE_SET_ATTR_MTIME_NOW;
	struct error err = {0};
	int r = 0;

	(void)attr;
	if (notify_is_self(c.server->notify, c.pid)) {
		op_getattr(req, ino, NULL);
		return;
	}
	if (n->where.row->shape == SHAPE_TREE)
		r = error_set(&err, EROFS, "what is synced is changed where it comes from");
	else if (what & (FUSE_SET_ATTR_MODE | FUSE_SET_ATTR_UID | FUSE_SET_ATTR_GID))
		r = error_set(&err, EPERM, "modes and owners are fixed here");
	else if (what & times && ops && ops->touched)
		r = ops->touched(&c, &n->where, h);
	/* Truncating what is for writing is nothing: every shell's `>` does it. */
	else if (what & FUSE_SET_ATTR_SIZE && (!ops || !(ops->take || ops->touched)))
		r = -EACCES;
	if (r)
		op_refuse(req, &n->where, r, &err);
	else
		op_getattr(req, ino, NULL);
}

void op_readlink(fuse_req_t req, fuse_ino_t ino)
{
	struct caller c = op_caller(req);
	struct node *n = op_node(c.server, ino);
	struct buf text = BUF_INIT;
	struct error err = {0};
	int r = n->where.row->shape == SHAPE_LINK
			? n->where.row->ops->text(&c, &n->where, &text, &err)
			: -EINVAL;

	if (!r)
		r = buf_error(&text);
	if (r)
		op_refuse(req, &n->where, r, &err);
	else
		fuse_reply_readlink(req, text.data);
	buf_release(&text);
}

/* What the kernel would do by itself if no file here knew better: there are no holes. */
void op_lseek(fuse_req_t req, fuse_ino_t ino, off_t off, int whence, struct fuse_file_info *fi)
{
	struct caller c = op_caller(req);
	struct stat st;
	double valid;
	int r = op_fill_attr(&c, op_node(c.server, ino), &st, &valid, NULL);

	(void)fi;
	if (!r && (off < 0 || off >= st.st_size))
		r = -ENXIO;
	if (r)
		fuse_reply_err(req, -r);
	else
		fuse_reply_lseek(req, whence == SEEK_HOLE ? st.st_size : off);
}
