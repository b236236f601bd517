/* What the kernel asks of directories in memory/. */
#include "fs/ops_memory.h"

#include "fs/ops.h"
#include "fs/private.h"

#include "core/state/act.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

/* A name is asked for once, and so is one that is not there: this process alone changes them, by
 * the kernel's own requests. Through as/ each time: that tells who goes there. */
#define NAME_VALID 3600.0

static void reply_absent(fuse_req_t req, const struct memory_view *dir)
{
	struct fuse_entry_param e = {.entry_timeout = NAME_VALID};

	if (dir->as)
		fuse_reply_err(req, ENOENT);
	else
		fuse_reply_entry(req, &e);
}

void memory_op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct caller c = op_caller(req);
	struct memory_view *dir = memory_view_of(parent), *view;
	struct fuse_entry_param e;
	struct memory_node *n;
	struct stat st;
	int r = memory_find(dir->node, name, &n, &st);

	if (r == -ENOENT) {
		reply_absent(req, dir);
		return;
	}
	if (!r) {
		view = memory_view_find(c.server->views, n, dir->as, NULL);
		r = view ? 0 : -ENOMEM;
	}
	if (!r) {
		if (dir->as && !memory_is_dir(n))
			memory_views_found(c.server->views, c.pid, view, dir->as);
		memory_entry(dir, view, &st, &e);
		op_reply_entry(req, &e);
	} else {
		memory_refuse(req, dir, name, r, NULL);
	}
}

/* --- making */

/* The entry of what was made; without a view of it the change still stands. */
static int entry_of(const struct caller *c, const struct memory_view *dir, struct memory_node *n,
	const struct stat *st, struct fuse_entry_param *e)
{
	struct memory_view *view = memory_view_find(c->server->views, n, dir->as, NULL);

	if (!view)
		return -ENOMEM;
	memory_entry(dir, view, st, e);
	return 0;
}

struct made {
	struct memory_node *node;
	struct stat st;
	struct act *act;
	struct error err;
};

static void reply_made(fuse_req_t req, const struct caller *c, const struct memory_view *dir,
	const char *name, int r, struct made *m)
{
	struct fuse_entry_param e;

	if (r) {
		memory_refuse(req, dir, name, r, &m->err);
		return;
	}
	r = entry_of(c, dir, m->node, &m->st, &e);
	if (r) {
		act_free(m->act);
		fuse_reply_err(req, -r);
	} else {
		memory_made(req, c, dir, name, &e, m->act);
	}
}

void memory_op_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t dev)
{
	struct caller c = op_caller(req);
	struct memory_view *at = memory_view_of(parent);
	struct made m = {0};
	struct actor actor;
	int r;

	(void)dev;
	r = memory_actor(&c, at, &actor);
	if (!r)
		r = memory_make(at->node, name, mode, &actor, &m.node, &m.st, &m.act, &m.err);
	actor_release(&actor);
	reply_made(req, &c, at, name, r, &m);
}

void memory_op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
	memory_op_mknod(req, parent, name, (mode & ~(mode_t)S_IFMT) | S_IFDIR, 0);
}

void memory_op_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name)
{
	struct caller c = op_caller(req);
	struct memory_view *at = memory_view_of(parent);
	struct made m = {0};
	struct actor actor;
	int r;

	r = memory_actor(&c, at, &actor);
	if (!r)
		r = memory_symlink(at->node, name, target, &actor, &m.node, &m.st, &m.act, &m.err);
	actor_release(&actor);
	reply_made(req, &c, at, name, r, &m);
}

void memory_op_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t parent, const char *name)
{
	struct caller c = op_caller(req);
	struct memory_view *at = memory_view_of(parent);
	struct made m = {.node = memory_view_of(ino)->node};
	struct actor actor;
	int r;

	r = memory_actor(&c, at, &actor);
	if (!r)
		r = memory_link(m.node, at->node, name, &actor, &m.st, &m.act, &m.err);
	actor_release(&actor);
	reply_made(req, &c, at, name, r, &m);
}

/* --- removing and renaming */

static void take_away(fuse_req_t req, fuse_ino_t parent, const char *name, bool is_dir)
{
	struct caller c = op_caller(req);
	struct memory_view *at = memory_view_of(parent);
	struct error err = {0};
	struct act *act = NULL;
	struct actor actor;
	int r;

	r = memory_actor(&c, at, &actor);
	if (!r)
		r = memory_remove(at->node, name, is_dir, &actor, &act, &err);
	actor_release(&actor);
	if (r)
		memory_refuse(req, at, name, r, &err);
	else
		memory_made(req, &c, at, name, NULL, act);
}

void memory_op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	take_away(req, parent, name, false);
}

void memory_op_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	take_away(req, parent, name, true);
}

void memory_op_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t to_parent,
	const char *to, unsigned flags)
{
	struct caller c = op_caller(req);
	struct memory_view *from = memory_view_of(parent), *at = memory_view_of(to_parent);
	struct error err = {0};
	struct act *act = NULL;
	struct actor actor;
	int r;

	if (from->as != at->as) {
		fuse_reply_err(req, EXDEV);
		return;
	}
	r = memory_actor(&c, at, &actor);
	if (!r)
		r = memory_rename(from->node, name, at->node, to, flags, &actor, &act, &err);
	actor_release(&actor);
	if (r)
		memory_refuse(req, at, to, r, &err);
	else
		memory_renamed(req, &c, from, name, at, to, act);
}

/* --- listing */

struct listing {
	pthread_mutex_t mutex;
	struct memory *memory;
	uid_t uid;
	DIR *dir;
	struct dirent *next; /* was read, and had no room */
	off_t at;
};

static struct listing *listing_of(struct fuse_file_info *fi)
{
	return (struct listing *)(uintptr_t)fi->fh;
}

static void listing_free(struct listing *l)
{
	memory_list_close(l->memory, l->uid, l->dir);
	pthread_mutex_destroy(&l->mutex);
	free(l);
}

void memory_op_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct caller c = op_caller(req);
	struct listing *l = calloc(1, sizeof(*l));
	struct error err = {0};
	void *dir = NULL;
	int r = l ? memory_list(memory_view_of(ino)->node, c.uid, &dir, &err) : -ENOMEM;

	if (r) {
		free(l);
		memory_refuse(req, memory_view_of(ino), NULL, r, &err);
		return;
	}
	l->memory = c.server->memory;
	l->uid = c.uid;
	pthread_mutex_init(&l->mutex, NULL);
	l->dir = dir;
	fi->fh = (uint64_t)(uintptr_t)l;
	if (fuse_reply_open(req, fi) == -ENOENT)
		listing_free(l);
}

static int next_entry(struct listing *l)
{
	errno = 0;
	if (!l->next)
		l->next = readdir(l->dir);
	return l->next ? 0 : -errno;
}

static int fill(fuse_req_t req, struct listing *l, char *out, size_t size, size_t *used)
{
	struct stat st = {0};
	size_t need;
	int r;

	while (!(r = next_entry(l)) && l->next) {
		st.st_ino = l->next->d_ino;
		st.st_mode = (mode_t)l->next->d_type << 12;
		need = fuse_add_direntry(
			req, out + *used, size - *used, l->next->d_name, &st, l->next->d_off);
		if (need > size - *used)
			return 0;
		*used += need;
		l->at = l->next->d_off;
		l->next = NULL;
	}
	return r;
}

void memory_op_readdir(
	fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi)
{
	struct listing *l = listing_of(fi);
	char *out = malloc(size);
	size_t used = 0;
	int r = out ? 0 : -ENOMEM;

	pthread_mutex_lock(&l->mutex);
	if (!r && off != l->at) {
		seekdir(l->dir, off);
		l->next = NULL;
		l->at = off;
	} else if (!r && off == 0) {
		rewinddir(l->dir);
		l->next = NULL;
	}
	if (!r)
		r = fill(req, l, out, size, &used);
	pthread_mutex_unlock(&l->mutex);
	if (r && !used)
		memory_refuse(req, memory_view_of(ino), NULL, r, NULL);
	else
		fuse_reply_buf(req, out, used);
	free(out);
}

void memory_op_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino;
	listing_free(listing_of(fi));
	fuse_reply_err(req, 0);
}

void memory_op_fsyncdir(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi)
{
	int r = memory_sync_dir(listing_of(fi)->dir);

	(void)datasync;
	memory_refuse(req, memory_view_of(ino), NULL, r, NULL);
}
