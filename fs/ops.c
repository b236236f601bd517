/* What the kernel asks of files: each operation is a few lines between the request and the row. */
#include "fs/ops.h"
#include "fs/files.h"
#include "fs/handle.h"
#include "fs/later.h"
#include "fs/lower.h"
#include "fs/mount.h"
#include "fs/names.h"
#include "fs/notify.h"
#include "fs/private.h"
#include "fs/stream.h"
#include "fs/turn.h"
#include "fs/wait.h"
#include "fs/write.h"

#include "core/context/sources.h"
#include "core/log/log.h"
#include "core/state/parts.h"
#include "core/state/session.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* linux/fuse.h: what libfuse 3.14 has no name for. */
#define OPEN_DIRECT_IO  (1u << 0)
#define OPEN_KEEP_CACHE (1u << 1)
#define OPEN_STREAM     (1u << 4)
#define OPEN_NOFLUSH    (1u << 5)

struct open_out {
	uint64_t fh;
	uint32_t flags;
	int32_t backing;
};

#define ENTRY_VALID      3600.0 /* seconds */
#define GENERATION_VALID 1.0
#define SYNCED_VALID     60.0 /* bounds how long stat(2) may show a version that somebody has open */

struct server *op_server(fuse_req_t req)
{
	return fuse_req_userdata(req);
}

struct caller op_caller(fuse_req_t req)
{
	const struct fuse_ctx *ctx = fuse_req_ctx(req);
	struct server *s = op_server(req);

	return (struct caller){s, s->loop, ctx->uid, ctx->gid, ctx->pid};
}

struct node *op_node(struct server *s, fuse_ino_t ino)
{
	return ino == FUSE_ROOT_ID ? nodes_root(s->nodes) : (struct node *)(uintptr_t)ino;
}

void op_refuse_in(
	fuse_req_t req, const struct where *where, const char *name, int r, const struct error *err)
{
	struct caller c = op_caller(req);

	refuse(c.server, c.uid, c.pid, where->session, where, name, -r, err);
	fuse_reply_err(req, -r);
}

void op_refuse(fuse_req_t req, const struct where *where, int r, const struct error *err)
{
	op_refuse_in(req, where, NULL, r, err);
}

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

static int fill_attr(const struct caller *c, const struct node *n, struct stat *st, double *valid,
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
	r = fill_attr(c, n, &e->attr, &e->attr_timeout, err);
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

static void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
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

static void op_forget(fuse_req_t req, fuse_ino_t ino, uint64_t count)
{
	struct server *s = op_server(req);

	node_forget(s->nodes, op_node(s, ino), count);
	fuse_reply_none(req);
}

/* Is answered by who calls it (fs/lower.c). */
static void op_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *forgets)
{
	struct server *s = op_server(req);

	for (size_t i = 0; i < count; i++)
		node_forget(s->nodes, op_node(s, forgets[i].ino), forgets[i].nlookup);
}

static void op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
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
	r = fill_attr(&c, op_node(c.server, ino), &st, &valid, NULL);
	if (r)
		fuse_reply_err(req, -r);
	else
		fuse_reply_attr(req, &st, valid);
}

static void op_setattr(
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

static void op_readlink(fuse_req_t req, fuse_ino_t ino)
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

/* How the kernel is to treat the open file. */
static uint32_t open_flags(const struct node *n, bool writes)
{
	enum shape shape = n->where.row->shape;

	if (n->where.live)
		return OPEN_DIRECT_IO | OPEN_STREAM | OPEN_NOFLUSH;
	switch (shape) {
	case SHAPE_TREE:
	case SHAPE_SNAPSHOT:
		return OPEN_KEEP_CACHE | OPEN_NOFLUSH;
	case SHAPE_TURN:
		return OPEN_DIRECT_IO | OPEN_STREAM | OPEN_NOFLUSH;
	default:
		return OPEN_DIRECT_IO | (writes ? 0 : OPEN_NOFLUSH);
	}
}

/* Whether what a node of a TREE stands for is still what is there, or may be had nevertheless. A
 * handle that was listed before this is told of what changes later, and keeps it. */
static bool may_have(const struct caller *c, struct node *n, struct handle *h)
{
	bool again, had = true;

	if (node_is_stale_to_open(c->server->nodes, c, n, &again) && !again)
		return false;
	if (h && (again || n->where.number)) { /* nobody tells of a version of the past that goes */
		pthread_mutex_lock(&h->lock);
		had = handle_content(h) != -ENOENT;
		pthread_mutex_unlock(&h->lock);
	}
	return had;
}

static void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct caller c = op_caller(req);
	struct node *n = op_node(c.server, ino);
	struct open_out out = {0};
	struct handle *h = NULL;
	struct error err = {0};
	int r;

	r = handle_new(&c, n, fi->flags, &h, &err);
	if ((n->where.row->shape == SHAPE_TREE && !may_have(&c, n, h)) ||
		(n->where.row->shape == SHAPE_SNAPSHOT && node_has_text(c.server->nodes, n))) {
		handle_free(h);
		fuse_reply_err(req, ESTALE);
		return;
	}
	if (r) {
		if (!err.text[0])
			error_set(&err, -r, "%s", strerror(-r));
		op_refuse(req, &n->where, r, &err);
		return;
	}
	out.fh = (uint64_t)(uintptr_t)h;
	out.flags = open_flags(n, h->writes);
	/* The kernel gave the open up: no release will come. */
	if (fuse_reply_buf(req, (const char *)&out, sizeof(out)) == -ENOENT)
		handle_free(h);
}

static void reply_slice(fuse_req_t req, const char *text, size_t len, off_t off, size_t size)
{
	if (off < 0 || (size_t)off >= len)
		fuse_reply_buf(req, NULL, 0);
	else
		fuse_reply_buf(
			req, text + off, len - (size_t)off < size ? len - (size_t)off : size);
}

static void read_log(struct handle *h, fuse_req_t req, size_t size, off_t off)
{
	const struct node *n = h->node;
	struct buf out = BUF_INIT;
	uint64_t at;
	int r;

	if (!n->has_view) {
		at = n->first + (uint64_t)off;
		r = refusal_read(h->loop->refusals, n->where.viewer, &at, size, &out);
	} else {
		pthread_mutex_lock(&h->lock);
		r = view_read(&n->view, h->loop, &h->place, (uint64_t)off, size, &out);
		pthread_mutex_unlock(&h->lock);
	}
	if (r)
		fuse_reply_err(req, -r);
	else
		fuse_reply_buf(req, out.data, out.len);
	buf_release(&out);
}

/* What was answered to the last write, from where that ended; and nothing after it. */
static void read_answer(struct handle *h, fuse_req_t req, size_t size, off_t off)
{
	pthread_mutex_lock(&h->lock);
	/* A reader that went back to the beginning means the answer, too. */
	if (off < h->text_at)
		h->text_at = off;
	reply_slice(req, h->text.data, h->has_text ? h->text.len : 0, off - h->text_at, size);
	pthread_mutex_unlock(&h->lock);
}

static void read_content(struct handle *h, fuse_req_t req, size_t size, off_t off)
{
	char *out = malloc(size);
	ssize_t n = -1;
	int r;

	pthread_mutex_lock(&h->lock);
	r = out ? handle_content(h) : -ENOMEM;
	pthread_mutex_unlock(&h->lock);
	if (!r)
		n = pread(h->fd, out, size, off);
	if (r || n < 0)
		fuse_reply_err(req, r ? -r : errno);
	else
		fuse_reply_buf(req, out, (size_t)n);
	free(out);
}

static void op_read(
	fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi)
{
	struct handle *h = (struct handle *)(uintptr_t)fi->fh;
	const struct row *row = h->node->where.row;
	bool nonblock = fi->flags & O_NONBLOCK;

	(void)ino;
	if (h->stream)
		stream_read(h->stream, req, size, nonblock);
	else if (row->shape == SHAPE_TURN)
		turn_read(h, req, size, nonblock);
	else if (row->shape == SHAPE_LOG)
		read_log(h, req, size, off);
	else if (h->node->content.is_file)
		read_content(h, req, size, off);
	else if (row->ops->ready && (h->wrote || row->flags & ROW_WAITS))
		later_read(h, req, size, off, nonblock);
	else if (h->wrote)
		read_answer(h, req, size, off);
	else if (row->shape == SHAPE_SINK)
		reply_slice(req, row->usage, row->usage ? strlen(row->usage) : 0, off, size);
	else
		reply_slice(req, h->node->text, h->node->text_len, off, size);
}

static void op_write(fuse_req_t req, fuse_ino_t ino, const char *data, size_t size, off_t off,
	struct fuse_file_info *fi)
{
	(void)ino;
	handle_write((struct handle *)(uintptr_t)fi->fh, req, data, size, off);
}

static void op_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino;
	handle_flush((struct handle *)(uintptr_t)fi->fh, req);
}

static void op_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino;
	handle_free((struct handle *)(uintptr_t)fi->fh);
	fuse_reply_err(req, 0);
}

static void op_fsync(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi)
{
	struct caller c = op_caller(req);
	struct error err = {0};
	int r = log_sync(c.loop->log, &err);

	(void)datasync, (void)fi;
	if (r)
		op_refuse(req, &op_node(c.server, ino)->where, r, &err);
	else
		fuse_reply_err(req, 0);
}

static void op_poll(
	fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi, struct fuse_pollhandle *ph)
{
	struct handle *h = (struct handle *)(uintptr_t)fi->fh;

	(void)ino;
	if (h->stream) {
		stream_poll(h->stream, req, ph);
		return;
	}
	if (h->node->where.row->shape == SHAPE_TURN) {
		turn_poll(h, req, ph);
		return;
	}
	if (h->node->where.row->ops->ready && (h->wrote || h->node->where.row->flags & ROW_WAITS)) {
		later_poll(h, req, ph);
		return;
	}
	if (ph)
		fuse_pollhandle_destroy(ph);
	fuse_reply_poll(req, POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM);
}

static void op_statfs(fuse_req_t req, fuse_ino_t ino)
{
	struct statvfs st = {.f_bsize = 4096, .f_frsize = 4096, .f_namemax = 255};
	struct statvfs disk;

	(void)ino;
	/* What the store's disk has: the mount holds as much as that. */
	if (statvfs(op_server(req)->config->state, &disk) == 0) {
		st.f_frsize = st.f_bsize = disk.f_frsize;
		st.f_blocks = disk.f_blocks;
		st.f_bfree = disk.f_bfree;
		st.f_bavail = disk.f_bavail;
	}
	fuse_reply_statfs(req, &st);
}

/* The root tells whose mount it is (fs/mount.h). */
static void op_getxattr(fuse_req_t req, fuse_ino_t ino, const char *name, size_t size)
{
	struct server *s = op_server(req);
	char pid[16];
	const char *value = NULL;

	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	if (ino == FUSE_ROOT_ID && strcmp(name, MOUNT_XATTR_PID) == 0)
		value = pid;
	else if (ino == FUSE_ROOT_ID && strcmp(name, MOUNT_XATTR_STATE) == 0)
		value = s->config->state;
	if (!value)
		fuse_reply_err(req, ENODATA);
	else if (size == 0)
		fuse_reply_xattr(req, strlen(value));
	else if (size < strlen(value))
		fuse_reply_err(req, ERANGE);
	else
		fuse_reply_buf(req, value, strlen(value));
}

static void op_init(void *arg, struct fuse_conn_info *conn)
{
	(void)arg;
	/* One write(2) of the largest message comes in one request. */
	conn->max_write = 1 << 20;
	conn->want |= conn->capable & (FUSE_CAP_ATOMIC_O_TRUNC | FUSE_CAP_PARALLEL_DIROPS);
	conn->want &= ~(unsigned)(FUSE_CAP_READDIRPLUS | FUSE_CAP_READDIRPLUS_AUTO |
				  FUSE_CAP_SPLICE_READ | FUSE_CAP_SPLICE_WRITE |
				  FUSE_CAP_SPLICE_MOVE | FUSE_CAP_WRITEBACK_CACHE);
}

/* What the kernel would do by itself if no file here knew better: there are no holes. */
static void op_lseek(
	fuse_req_t req, fuse_ino_t ino, off_t off, int whence, struct fuse_file_info *fi)
{
	struct caller c = op_caller(req);
	struct stat st;
	double valid;
	int r = fill_attr(&c, op_node(c.server, ino), &st, &valid, NULL);

	(void)fi;
	if (!r && (off < 0 || off >= st.st_size))
		r = -ENXIO;
	if (r)
		fuse_reply_err(req, -r);
	else
		fuse_reply_lseek(req, whence == SEEK_HOLE ? st.st_size : off);
}

static void op_setxattr(
	fuse_req_t req, fuse_ino_t ino, const char *name, const char *value, size_t size, int flags)
{
	(void)ino, (void)name, (void)value, (void)size, (void)flags;
	fuse_reply_err(req, EOPNOTSUPP);
}

static void op_listxattr(fuse_req_t req, fuse_ino_t ino, size_t size)
{
	(void)ino, (void)size;
	fuse_reply_err(req, EOPNOTSUPP);
}

static void op_removexattr(fuse_req_t req, fuse_ino_t ino, const char *name)
{
	(void)ino, (void)name;
	fuse_reply_err(req, EOPNOTSUPP);
}

static void op_fallocate(
	fuse_req_t req, fuse_ino_t ino, int mode, off_t off, off_t len, struct fuse_file_info *fi)
{
	(void)ino, (void)mode, (void)off, (void)len, (void)fi;
	fuse_reply_err(req, EOPNOTSUPP);
}

static void op_fsyncdir(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi)
{
	op_fsync(req, ino, datasync, fi);
}

const struct fuse_lowlevel_ops tree_ops = {
	.init = op_init,
	.lookup = op_lookup,
	.forget = op_forget,
	.forget_multi = op_forget_multi,
	.getattr = op_getattr,
	.setattr = op_setattr,
	.readlink = op_readlink,
	.mknod = op_mknod,
	.mkdir = op_mkdir,
	.unlink = op_unlink,
	.rmdir = op_rmdir,
	.symlink = op_symlink,
	.rename = op_rename,
	.link = op_link,
	.open = op_open,
	.read = op_read,
	.write = op_write,
	.flush = op_flush,
	.release = op_release,
	.fsync = op_fsync,
	.opendir = op_opendir,
	.readdir = op_readdir,
	.releasedir = op_release,
	.statfs = op_statfs,
	.getxattr = op_getxattr,
	.fsyncdir = op_fsyncdir,
	.setxattr = op_setxattr,
	.listxattr = op_listxattr,
	.removexattr = op_removexattr,
	.create = op_create,
	.poll = op_poll,
	.fallocate = op_fallocate,
	.lseek = op_lseek,
};
