/* What the kernel asks of the tree: the table of operations, who asks and what is answered, and
 * what is of no file. */
#include "fs/handle.h"
#include "fs/lower.h"
#include "fs/mount.h"
#include "fs/ops_private.h"
#include "fs/private.h"

#include "core/state/bind.h"
#include "core/state/parts.h"
#include "core/state/session.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

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
	struct session *as = where->as && where->as->uid == c.uid ? where->as : NULL;
	struct actor actor;
	bool known = actor_resolve(c.loop, c.uid, c.gid, c.pid, as, &actor) == 0;

	refuse(c.server, c.uid, c.pid, known ? actor.session : NULL, where, name, -r, err);
	if (known)
		actor_release(&actor);
	fuse_reply_err(req, -r);
}

void op_refuse(fuse_req_t req, const struct where *where, int r, const struct error *err)
{
	op_refuse_in(req, where, NULL, r, err);
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

/* --- what there is none of here */

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
