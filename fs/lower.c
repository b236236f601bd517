#include "fs/memory_view.h"
#include "fs/ops.h"
#include "fs/private.h"

#include <errno.h>

/* What one of them lacks is an error of that one request: ENOSYS would switch the operation off for
 * the whole mount. */

static const struct fuse_lowlevel_ops *of(fuse_ino_t ino)
{
	const struct lower *lower = (const struct lower *)(uintptr_t)ino;

	return ino == FUSE_ROOT_ID || !lower->ops ? &tree_ops : lower->ops;
}

static void to_init(void *arg, struct fuse_conn_info *conn)
{
	tree_ops.init(arg, conn);
}

static void to_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	of(parent)->lookup(req, parent, name);
}

static void to_forget(fuse_req_t req, fuse_ino_t ino, uint64_t count)
{
	of(ino)->forget(req, ino, count);
}

/* The operation itself forgets one at a time here, and answers nothing. */
static void to_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *forgets)
{
	for (size_t i = 0; i < count; i++)
		of(forgets[i].ino)->forget_multi(req, 1, &forgets[i]);
	fuse_reply_none(req);
}

static void to_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	of(ino)->getattr(req, ino, fi);
}

static void to_setattr(
	fuse_req_t req, fuse_ino_t ino, struct stat *attr, int what, struct fuse_file_info *fi)
{
	of(ino)->setattr(req, ino, attr, what, fi);
}

static void to_readlink(fuse_req_t req, fuse_ino_t ino)
{
	of(ino)->readlink(req, ino);
}

static void to_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t dev)
{
	of(parent)->mknod(req, parent, name, mode, dev);
}

static void to_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
	of(parent)->mkdir(req, parent, name, mode);
}

static void to_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	of(parent)->unlink(req, parent, name);
}

static void to_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	of(parent)->rmdir(req, parent, name);
}

static void to_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name)
{
	of(parent)->symlink(req, target, parent, name);
}

static void to_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t to_parent,
	const char *to, unsigned flags)
{
	if (of(parent) != of(to_parent))
		fuse_reply_err(req, EXDEV);
	else
		of(parent)->rename(req, parent, name, to_parent, to, flags);
}

static void to_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t parent, const char *name)
{
	if (of(ino) != of(parent))
		fuse_reply_err(req, EXDEV);
	else
		of(ino)->link(req, ino, parent, name);
}

static void to_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	of(ino)->open(req, ino, fi);
}

static void to_read(
	fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi)
{
	of(ino)->read(req, ino, size, off, fi);
}

static void to_write(fuse_req_t req, fuse_ino_t ino, const char *data, size_t size, off_t off,
	struct fuse_file_info *fi)
{
	of(ino)->write(req, ino, data, size, off, fi);
}

static void to_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	of(ino)->flush(req, ino, fi);
}

static void to_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	of(ino)->release(req, ino, fi);
}

static void to_fsync(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi)
{
	of(ino)->fsync(req, ino, datasync, fi);
}

static void to_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	of(ino)->opendir(req, ino, fi);
}

static void to_readdir(
	fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi)
{
	of(ino)->readdir(req, ino, size, off, fi);
}

static void to_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	of(ino)->releasedir(req, ino, fi);
}

static void to_fsyncdir(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi)
{
	of(ino)->fsyncdir(req, ino, datasync, fi);
}

static void to_statfs(fuse_req_t req, fuse_ino_t ino)
{
	of(ino)->statfs(req, ino);
}

static void to_setxattr(
	fuse_req_t req, fuse_ino_t ino, const char *name, const char *value, size_t size, int flags)
{
	of(ino)->setxattr(req, ino, name, value, size, flags);
}

static void to_getxattr(fuse_req_t req, fuse_ino_t ino, const char *name, size_t size)
{
	of(ino)->getxattr(req, ino, name, size);
}

static void to_listxattr(fuse_req_t req, fuse_ino_t ino, size_t size)
{
	of(ino)->listxattr(req, ino, size);
}

static void to_removexattr(fuse_req_t req, fuse_ino_t ino, const char *name)
{
	of(ino)->removexattr(req, ino, name);
}

static void to_create(
	fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, struct fuse_file_info *fi)
{
	of(parent)->create(req, parent, name, mode, fi);
}

static void to_poll(
	fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi, struct fuse_pollhandle *ph)
{
	of(ino)->poll(req, ino, fi, ph);
}

static void to_fallocate(
	fuse_req_t req, fuse_ino_t ino, int mode, off_t off, off_t len, struct fuse_file_info *fi)
{
	of(ino)->fallocate(req, ino, mode, off, len, fi);
}

static void to_lseek(
	fuse_req_t req, fuse_ino_t ino, off_t off, int whence, struct fuse_file_info *fi)
{
	of(ino)->lseek(req, ino, off, whence, fi);
}

void lower_forget(struct server *s, fuse_ino_t ino)
{
	if (of(ino) == &memory_ops)
		memory_view_forget(s->views, memory_view_of(ino), 1);
	else
		node_forget(s->nodes, op_node(s, ino), 1);
}

void ops_init(struct fuse_lowlevel_ops *ops)
{
	*ops = (struct fuse_lowlevel_ops){
		.init = to_init,
		.lookup = to_lookup,
		.forget = to_forget,
		.forget_multi = to_forget_multi,
		.getattr = to_getattr,
		.setattr = to_setattr,
		.readlink = to_readlink,
		.mknod = to_mknod,
		.mkdir = to_mkdir,
		.unlink = to_unlink,
		.rmdir = to_rmdir,
		.symlink = to_symlink,
		.rename = to_rename,
		.link = to_link,
		.open = to_open,
		.read = to_read,
		.write = to_write,
		.flush = to_flush,
		.release = to_release,
		.fsync = to_fsync,
		.opendir = to_opendir,
		.readdir = to_readdir,
		.releasedir = to_releasedir,
		.fsyncdir = to_fsyncdir,
		.statfs = to_statfs,
		.setxattr = to_setxattr,
		.getxattr = to_getxattr,
		.listxattr = to_listxattr,
		.removexattr = to_removexattr,
		.create = to_create,
		.poll = to_poll,
		.fallocate = to_fallocate,
		.lseek = to_lseek,
	};
}
