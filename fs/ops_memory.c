/* What the kernel asks of files in memory/. */
#include "fs/ops_memory.h"

#include "fs/ops.h"
#include "fs/private.h"

#include "core/state/act.h"
#include "core/state/parts.h"
#include "core/state/refusal.h"
#include "core/state/session.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

/* linux/fuse.h: what libfuse 3.14 has no name for. */
#define OPEN_KEEP_CACHE (1u << 1)
#define OPEN_NOFLUSH    (1u << 5)

struct open_out {
	uint64_t fh;
	uint32_t flags;
	int32_t backing;
};

static struct memory_file *file_of(const struct fuse_file_info *fi)
{
	return (struct memory_file *)(uintptr_t)fi->fh;
}

static void op_forget(fuse_req_t req, fuse_ino_t ino, uint64_t count)
{
	memory_view_forget(op_server(req)->views, memory_view_of(ino), count);
	fuse_reply_none(req);
}

/* Is answered by who calls it (fs/lower.c). */
static void op_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *forgets)
{
	for (size_t i = 0; i < count; i++)
		memory_view_forget(
			op_server(req)->views, memory_view_of(forgets[i].ino), forgets[i].nlookup);
}

/* The pages that the kernel has of a file are always right; where reading is told, it must come
 * here. */
static uint32_t open_flags(const struct server *s)
{
	return OPEN_NOFLUSH | (s->config->memory_reads == SWITCH_ON ? 0 : OPEN_KEEP_CACHE);
}

static void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct caller c = op_caller(req);
	struct memory_view *view = memory_view_of(ino);
	struct open_out out = {.flags = open_flags(c.server)};
	struct memory_file *f;
	struct error err = {0};
	struct actor actor = {.uid = c.uid, .gid = c.gid, .kind = ACTOR_USER};
	int r = 0;

	/* Who only reads is nobody's business where reading is not told. */
	if ((fi->flags & O_ACCMODE) != O_RDONLY || fi->flags & O_TRUNC ||
		c.server->config->memory_reads == SWITCH_ON)
		r = memory_file_actor(&c, view, &actor);
	if (!r)
		r = memory_file_open(view->node, fi->flags, &actor, &f, &err);
	actor_release(&actor);
	if (r) {
		memory_refuse(req, view, NULL, r, &err);
		return;
	}
	out.fh = (uint64_t)(uintptr_t)f;
	/* The kernel gave the open up: no release will come. */
	if (fuse_reply_buf(req, (const char *)&out, sizeof(out)) == -ENOENT)
		memory_file_close(f);
}

/* A file that was made through as/: memory/ itself may have known that it was not there. */
struct creating {
	fuse_req_t req;
	struct server *server;
	struct fuse_entry_param entry;
	struct fuse_file_info fi;
	char *name;
};

static void reply_create(void *arg)
{
	struct creating *at = arg;

	if (fuse_reply_create(at->req, &at->entry, &at->fi) == -ENOENT) {
		memory_file_close(file_of(&at->fi));
		lower_forget(at->server, at->entry.ino);
	}
	free(at->name);
	free(at);
}

static void op_make(
	fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, struct fuse_file_info *fi)
{
	struct caller c = op_caller(req);
	struct memory_view *dir = memory_view_of(parent), *view = NULL;
	struct creating *at = calloc(1, sizeof(*at));
	struct memory_file *f = NULL;
	struct memory_node *n;
	struct error err = {0};
	struct actor actor = {0};
	struct stat st;
	int r = at && (at->name = strdup(name)) ? 0 : -ENOMEM;

	if (!r)
		r = memory_actor(&c, dir, &actor);
	if (!r)
		r = memory_create(dir->node, name, fi->flags, mode, &actor, &n, &st, &f, &err);
	actor_release(&actor);
	if (!r && !(view = memory_view_find(c.server->views, n, dir->as, NULL))) {
		memory_file_close(f);
		r = -ENOMEM;
	}
	if (r) {
		if (at)
			free(at->name);
		free(at);
		memory_refuse(req, dir, name, r, &err);
		return;
	}
	memory_entry(dir, view, &st, &at->entry);
	at->req = req;
	at->server = c.server;
	at->fi = *fi;
	at->fi.fh = (uint64_t)(uintptr_t)f;
	at->fi.keep_cache = c.server->config->memory_reads != SWITCH_ON;
	at->fi.noflush = 1;
	if (dir->as)
		memory_views_changed(c.server->views, dir, at->name, reply_create, at);
	else
		reply_create(at);
}

static void op_read(
	fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi)
{
	char *out = malloc(size);
	ssize_t n = out ? memory_read(file_of(fi), out, size, off) : -ENOMEM;

	if (n < 0)
		memory_refuse(req, memory_view_of(ino), NULL, (int)n, NULL);
	else
		fuse_reply_buf(req, out, (size_t)n);
	free(out);
}

static void op_write(fuse_req_t req, fuse_ino_t ino, const char *data, size_t size, off_t off,
	struct fuse_file_info *fi)
{
	struct error err = {0};
	ssize_t n = memory_write(file_of(fi), data, size, off, &err);

	if (n < 0)
		memory_refuse(req, memory_view_of(ino), NULL, (int)n, &err);
	else
		fuse_reply_write(req, (size_t)n);
}

static void op_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino, (void)fi;
	fuse_reply_err(req, 0);
}

static void op_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino;
	memory_file_close(file_of(fi));
	fuse_reply_err(req, 0);
}

static void op_fsync(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi)
{
	memory_refuse(req, memory_view_of(ino), NULL, memory_sync(file_of(fi), datasync), NULL);
}

static void op_fallocate(
	fuse_req_t req, fuse_ino_t ino, int mode, off_t off, off_t len, struct fuse_file_info *fi)
{
	struct error err = {0};
	int r = memory_fallocate(file_of(fi), mode, off, len, &err);

	if (r)
		memory_refuse(req, memory_view_of(ino), NULL, r, &err);
	else
		fuse_reply_err(req, 0);
}

static void op_lseek(
	fuse_req_t req, fuse_ino_t ino, off_t off, int whence, struct fuse_file_info *fi)
{
	off_t at = memory_seek(file_of(fi), off, whence);

	if (at < 0)
		memory_refuse(req, memory_view_of(ino), NULL, (int)at, NULL);
	else
		fuse_reply_lseek(req, at);
}

static void op_poll(
	fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi, struct fuse_pollhandle *ph)
{
	(void)ino, (void)fi;
	if (ph)
		fuse_pollhandle_destroy(ph);
	fuse_reply_poll(req, POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM);
}

const struct fuse_lowlevel_ops memory_ops = {
	.lookup = memory_op_lookup,
	.forget = op_forget,
	.forget_multi = op_forget_multi,
	.getattr = memory_op_getattr,
	.setattr = memory_op_setattr,
	.readlink = memory_op_readlink,
	.mknod = memory_op_mknod,
	.mkdir = memory_op_mkdir,
	.unlink = memory_op_unlink,
	.rmdir = memory_op_rmdir,
	.symlink = memory_op_symlink,
	.rename = memory_op_rename,
	.link = memory_op_link,
	.open = op_open,
	.read = op_read,
	.write = op_write,
	.flush = op_flush,
	.release = op_release,
	.fsync = op_fsync,
	.opendir = memory_op_opendir,
	.readdir = memory_op_readdir,
	.releasedir = memory_op_releasedir,
	.fsyncdir = memory_op_fsyncdir,
	.statfs = memory_op_statfs,
	.setxattr = memory_op_setxattr,
	.getxattr = memory_op_getxattr,
	.listxattr = memory_op_listxattr,
	.removexattr = memory_op_removexattr,
	.create = op_make,
	.poll = op_poll,
	.fallocate = op_fallocate,
	.lseek = op_lseek,
};
