/* What the kernel asks of attributes in memory/. */
#include "fs/ops_memory.h"

#include "fs/ops.h"
#include "fs/private.h"

#include "core/state/act.h"
#include "core/state/parts.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

int memory_fill_entry(const struct caller *c, struct memory_view *view, struct fuse_entry_param *e)
{
	struct stat st;
	int r = memory_stat(view->node, &st);

	if (r)
		memory_view_forget(c->server->views, view, 1);
	else
		memory_entry(view, view, &st, e);
	return r;
}

static void reply_attr(fuse_req_t req, const struct memory_view *view)
{
	struct stat st, shown;
	int r = memory_stat(view->node, &st);

	if (r) {
		memory_refuse(req, view, NULL, r, NULL);
		return;
	}
	memory_shown(view, &st, &shown);
	fuse_reply_attr(req, &shown, view->as ? 0 : MEMORY_ATTR_VALID);
}

void memory_op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)fi;
	reply_attr(req, memory_view_of(ino));
}

/* Of a directory of as/: when memory/ itself has forgotten how it was. */
struct attr_change {
	fuse_req_t req;
	const struct memory_view *view; /* the kernel holds it */
};

static void attr_known(void *arg)
{
	struct attr_change *at = arg;

	reply_attr(at->req, at->view);
	free(at);
}

static void reply_attr_later(fuse_req_t req, const struct caller *c, const struct memory_view *view)
{
	struct attr_change *at = malloc(sizeof(*at));

	if (!at) {
		reply_attr(req, view);
		return;
	}
	*at = (struct attr_change){req, view};
	memory_views_changed(c->server->views, view, NULL, attr_known, at);
}

static struct timespec time_of(int what, int given, int now, struct timespec given_time)
{
	const struct timespec set_now = {.tv_nsec = UTIME_NOW}, omit = {.tv_nsec = UTIME_OMIT};

	return what & now ? set_now : what & given ? given_time : omit;
}

static int set_size(const struct caller *c, struct memory_view *view, struct memory_file *f,
	off_t size, struct act **act, struct error *err)
{
	struct actor actor;
	int r = memory_file_actor(c, view, &actor);

	if (!r)
		r = memory_truncate(view->node, f, size, &actor, act, err);
	actor_release(&actor);
	return r;
}

static int set_attr(const struct caller *c, struct memory_view *view, struct memory_file *f,
	const struct stat *attr, int what, struct act **act, struct error *err)
{
	const int times = FUSE_SET_ATTR_ATIME | FUSE_SET_ATTR_ATIME_NOW | FUSE_SET_ATTR_MTIME |
			  FUSE_SET_ATTR_MTIME_NOW;
	struct timespec both[2] = {
		time_of(what, FUSE_SET_ATTR_ATIME, FUSE_SET_ATTR_ATIME_NOW, attr->st_atim),
		time_of(what, FUSE_SET_ATTR_MTIME, FUSE_SET_ATTR_MTIME_NOW, attr->st_mtim),
	};
	int r = 0;

	if (what & (FUSE_SET_ATTR_UID | FUSE_SET_ATTR_GID))
		r = memory_chown(view->node, f, what & FUSE_SET_ATTR_UID ? attr->st_uid : (uid_t)-1,
			what & FUSE_SET_ATTR_GID ? attr->st_gid : (gid_t)-1);
	if (!r && what & FUSE_SET_ATTR_MODE)
		r = memory_chmod(view->node, f, attr->st_mode);
	if (!r && what & FUSE_SET_ATTR_SIZE)
		r = set_size(c, view, f, attr->st_size, act, err);
	if (!r && what & times)
		r = memory_set_times(view->node, f, both);
	return r;
}

void memory_op_setattr(
	fuse_req_t req, fuse_ino_t ino, struct stat *attr, int what, struct fuse_file_info *fi)
{
	struct caller c = op_caller(req);
	struct memory_view *view = memory_view_of(ino);
	struct error err = {0};
	struct act *act = NULL;
	int r = set_attr(&c, view, fi ? (struct memory_file *)(uintptr_t)fi->fh : NULL, attr, what,
		&act, &err);

	if (act) { /* nobody waits for it */
		act->command.done = memory_told;
		loop_submit(c.loop, &act->command);
	}
	if (r)
		memory_refuse(req, view, NULL, r, &err);
	else if (view->as)
		reply_attr_later(req, &c, view);
	else
		reply_attr(req, view);
}

void memory_op_readlink(fuse_req_t req, fuse_ino_t ino)
{
	char text[PATH_MAX + 1];
	int len = memory_readlink(memory_view_of(ino)->node, text, PATH_MAX);

	if (len < 0) {
		memory_refuse(req, memory_view_of(ino), NULL, len, NULL);
		return;
	}
	text[len] = '\0';
	fuse_reply_readlink(req, text);
}

void memory_op_statfs(fuse_req_t req, fuse_ino_t ino)
{
	struct statvfs st;
	int r = memory_statfs(op_server(req)->memory, &st);

	if (r)
		memory_refuse(req, memory_view_of(ino), NULL, r, NULL);
	else
		fuse_reply_statfs(req, &st);
}

/* --- extended attributes */

static void reply_bytes(fuse_req_t req, fuse_ino_t ino, ssize_t r, const char *value, size_t size)
{
	if (r < 0)
		memory_refuse(req, memory_view_of(ino), NULL, (int)r, NULL);
	else if (size == 0)
		fuse_reply_xattr(req, (size_t)r);
	else
		fuse_reply_buf(req, value, (size_t)r);
}

void memory_op_getxattr(fuse_req_t req, fuse_ino_t ino, const char *name, size_t size)
{
	char *value = size ? malloc(size) : NULL;
	ssize_t r = size && !value ? -ENOMEM
				   : memory_getxattr(memory_view_of(ino)->node, name, value, size);

	reply_bytes(req, ino, r, value, size);
	free(value);
}

void memory_op_listxattr(fuse_req_t req, fuse_ino_t ino, size_t size)
{
	char *list = size ? malloc(size) : NULL;
	ssize_t r =
		size && !list ? -ENOMEM : memory_listxattr(memory_view_of(ino)->node, list, size);

	reply_bytes(req, ino, r, list, size);
	free(list);
}

void memory_op_setxattr(
	fuse_req_t req, fuse_ino_t ino, const char *name, const char *value, size_t size, int flags)
{
	struct memory_view *view = memory_view_of(ino);
	struct error err = {0};
	int r = memory_setxattr(view->node, name, value, size, flags, &err);

	memory_refuse(req, view, NULL, r, &err);
}

void memory_op_removexattr(fuse_req_t req, fuse_ino_t ino, const char *name)
{
	struct memory_view *view = memory_view_of(ino);

	memory_refuse(req, view, NULL, memory_removexattr(view->node, name), NULL);
}
