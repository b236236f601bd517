/* What the kernel asks of files in memory/. */
#include "fs/ops_memory.h"

#include "fs/ops.h"
#include "fs/private.h"

#include "core/act.h"
#include "core/parts.h"
#include "core/refusal.h"
#include "core/session.h"

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

/* Whatever changes them, the kernel sees: it is asked to. */
#define ATTR_VALID 3600.0

static struct memory_file *file_of(const struct fuse_file_info *fi)
{
	return (struct memory_file *)(uintptr_t)fi->fh;
}

/* --- who, and how it is answered */

void memory_actor(const struct caller *c, const struct memory_view *dir, struct actor *out)
{
	if (actor_resolve(c->loop, c->uid, c->gid, c->pid, dir->as, out))
		*out = (struct actor){.uid = c->uid, .gid = c->gid, .kind = ACTOR_USER};
	/* What a process does with files after its session ended, its user does. */
	if (out->kind == ACTOR_ENDED) {
		actor_release(out);
		out->kind = ACTOR_USER;
	}
}

void memory_file_actor(const struct caller *c, const struct memory_view *view, struct actor *out)
{
	struct memory_view at = {.as = memory_views_finder(c->server->views, c->pid, view)};

	memory_actor(c, &at, out);
	session_unref(at.as);
}

void memory_refuse(fuse_req_t req, const struct memory_view *view, const char *name, int r,
	const struct error *err)
{
	struct caller c = op_caller(req);
	struct buf path = BUF_INIT;

	if (err && err->text[0]) {
		memory_path(view->node, name, &path);
		refusal_add(c.loop->refusals, c.uid, c.pid, view->as ? view->as->id : NULL,
			path.data ? path.data : "memory", -r, err->text);
		buf_release(&path);
	}
	fuse_reply_err(req, -r);
}

static void fill_attr(const struct memory_view *view, const struct stat *from, struct stat *st)
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
	e->entry_timeout = e->attr_timeout = dir->as ? 0 : ATTR_VALID;
	fill_attr(view, st, &e->attr);
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

	act_over(loop, command, status, err, records, count);
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

/* --- attributes */

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

static void reply_attr(fuse_req_t req, const struct memory_view *view)
{
	struct stat st, shown;
	int r = memory_stat(view->node, &st);

	if (r) {
		fuse_reply_err(req, -r);
		return;
	}
	fill_attr(view, &st, &shown);
	fuse_reply_attr(req, &shown, view->as ? 0 : ATTR_VALID);
}

static void op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
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
	int r;

	memory_file_actor(c, view, &actor);
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

static void op_setattr(
	fuse_req_t req, fuse_ino_t ino, struct stat *attr, int what, struct fuse_file_info *fi)
{
	struct caller c = op_caller(req);
	struct memory_view *view = memory_view_of(ino);
	struct error err = {0};
	struct act *act = NULL;
	int r = set_attr(&c, view, fi ? file_of(fi) : NULL, attr, what, &act, &err);

	if (act) { /* nobody waits for it */
		act->command.done = act_over;
		loop_submit(c.loop, &act->command);
	}
	if (r)
		memory_refuse(req, view, NULL, r, &err);
	else if (view->as)
		reply_attr_later(req, &c, view);
	else
		reply_attr(req, view);
}

static void op_readlink(fuse_req_t req, fuse_ino_t ino)
{
	char text[PATH_MAX + 1];
	int len = memory_readlink(memory_view_of(ino)->node, text, PATH_MAX);

	if (len < 0) {
		fuse_reply_err(req, -len);
		return;
	}
	text[len] = '\0';
	fuse_reply_readlink(req, text);
}

static void op_statfs(fuse_req_t req, fuse_ino_t ino)
{
	struct statvfs st;
	int r = memory_statfs(op_server(req)->memory, &st);

	(void)ino;
	if (r)
		fuse_reply_err(req, -r);
	else
		fuse_reply_statfs(req, &st);
}

/* --- extended attributes */

static void reply_bytes(fuse_req_t req, ssize_t r, const char *value, size_t size)
{
	if (r < 0)
		fuse_reply_err(req, (int)-r);
	else if (size == 0)
		fuse_reply_xattr(req, (size_t)r);
	else
		fuse_reply_buf(req, value, (size_t)r);
}

static void op_getxattr(fuse_req_t req, fuse_ino_t ino, const char *name, size_t size)
{
	char *value = size ? malloc(size) : NULL;
	ssize_t r = size && !value ? -ENOMEM
				   : memory_getxattr(memory_view_of(ino)->node, name, value, size);

	reply_bytes(req, r, value, size);
	free(value);
}

static void op_listxattr(fuse_req_t req, fuse_ino_t ino, size_t size)
{
	char *list = size ? malloc(size) : NULL;
	ssize_t r =
		size && !list ? -ENOMEM : memory_listxattr(memory_view_of(ino)->node, list, size);

	reply_bytes(req, r, list, size);
	free(list);
}

static void op_setxattr(
	fuse_req_t req, fuse_ino_t ino, const char *name, const char *value, size_t size, int flags)
{
	fuse_reply_err(req, -memory_setxattr(memory_view_of(ino)->node, name, value, size, flags));
}

static void op_removexattr(fuse_req_t req, fuse_ino_t ino, const char *name)
{
	fuse_reply_err(req, -memory_removexattr(memory_view_of(ino)->node, name));
}

/* --- open files */

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
	int r;

	/* Who only reads is nobody's business where reading is not told. */
	if ((fi->flags & O_ACCMODE) != O_RDONLY || fi->flags & O_TRUNC ||
		c.server->config->memory_reads == SWITCH_ON)
		memory_file_actor(&c, view, &actor);
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
	struct actor actor;
	struct stat st;
	int r = at && (at->name = strdup(name)) ? 0 : -ENOMEM;

	memory_actor(&c, dir, &actor);
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

	(void)ino;
	if (n < 0)
		fuse_reply_err(req, (int)-n);
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
	(void)ino;
	fuse_reply_err(req, -memory_sync(file_of(fi), datasync));
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

	(void)ino;
	if (at < 0)
		fuse_reply_err(req, (int)-at);
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
	.getattr = op_getattr,
	.setattr = op_setattr,
	.readlink = op_readlink,
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
	.statfs = op_statfs,
	.setxattr = op_setxattr,
	.getxattr = op_getxattr,
	.listxattr = op_listxattr,
	.removexattr = op_removexattr,
	.create = op_make,
	.poll = op_poll,
	.fallocate = op_fallocate,
	.lseek = op_lseek,
};
