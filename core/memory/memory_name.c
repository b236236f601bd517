/* Names: finding, making, linking, removing and renaming what they stand for. */
#include "core/memory/memory_private.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int memory_check_name(const char *name)
{
	return strlen(name) > NAME_MAX ? -ENAMETOOLONG : 0;
}

/* A thread's own umask, where it may have one: this process's other files are none's business.
 * Without, what is made is given its mode afterwards (memory_give). */
mode_t memory_umask(mode_t mask)
{
	static _Thread_local bool own, tried;

	if (!tried) {
		tried = true;
		own = unshare(CLONE_FS) == 0;
	}
	return own ? umask(mask) : (mode_t)-1;
}

/* A directory's group goes to what is made in it where its set-group-id bit says so; where nothing
 * is to be done, the disk's file system has seen to that. */
int memory_give(struct memory_node *dir, const struct memory_place *p, const struct actor *actor)
{
	struct stat in;
	int r;

	if (actor->uid == geteuid() && actor->gid == getegid())
		return 0;
	r = memory_stat_locked(dir, &in);
	if (r)
		return r;
	/* Who is not root makes everything its own. */
	if (fchownat(p->fd, p->path, actor->uid, in.st_mode & S_ISGID ? in.st_gid : actor->gid,
		    AT_SYMLINK_NOFOLLOW) != 0 &&
		geteuid() == 0)
		return -errno;
	return 0;
}

static int look(struct memory_node *dir, const char *name, struct stat *st)
{
	struct memory_place p;
	int r = memory_place(dir, name, &p);

	if (r)
		return r;
	if (fstatat(p.fd, p.path, st, AT_SYMLINK_NOFOLLOW) != 0)
		r = -errno;
	else if (st->st_dev != dir->memory->dev)
		r = -EXDEV;
	memory_place_release(&p);
	return r;
}

int memory_find(
	struct memory_node *dir, const char *name, struct memory_node **out, struct stat *st)
{
	struct memory *m = dir->memory;
	int r = memory_check_name(name);

	if (r)
		return r;
	if (!memory_is_dir(dir))
		return -ENOTDIR;
	pthread_rwlock_rdlock(&m->names);
	r = look(dir, name, st);
	if (!r)
		r = memory_node_at(dir, name, st, out);
	pthread_rwlock_unlock(&m->names);
	return r;
}

/* --- making */

struct making {
	mode_t mode;
	const char *target; /* of a symbolic link */
};

static int make_at(struct memory_node *dir, const struct making *making,
	const struct memory_place *p, const struct actor *actor)
{
	mode_t mode = making->mode, before = memory_umask(0);
	int r;

	if (S_ISDIR(mode))
		r = mkdirat(p->fd, p->path, mode & 01777);
	else if (S_ISLNK(mode))
		r = symlinkat(making->target, p->fd, p->path);
	else
		r = mknodat(p->fd, p->path, mode & (S_IFMT | 01777), 0);
	if (r != 0)
		r = -errno;
	if (before != (mode_t)-1)
		umask(before);
	else if (!r && !S_ISLNK(mode) && fchmodat(p->fd, p->path, mode & 01777, 0) != 0)
		r = -errno;
	if (!r) {
		r = memory_give(dir, p, actor);
		if (r)
			unlinkat(p->fd, p->path, S_ISDIR(mode) ? AT_REMOVEDIR : 0);
	}
	return r;
}

int memory_is_free(const struct memory_place *p)
{
	struct stat st;

	if (fstatat(p->fd, p->path, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return -EEXIST;
	return errno == ENOENT ? 0 : -errno;
}

void memory_begin_making(struct memory_change *c, struct memory_node *dir, const char *name,
	const struct actor *actor, struct memory_told *told)
{
	const struct memory_site site = {.dir = dir, .at = dir, .name = name, .made = true};
	struct buf path = BUF_INIT;

	memory_path(dir, name, &path);
	told->path = path.data;
	if (path.data)
		memory_change_begin(c, dir->memory, actor, told, &site);
	told->path = NULL;
	buf_release(&path);
}

static int make_locked(struct memory_node *dir, const char *name, const struct making *making,
	const struct actor *actor, struct memory_node **out, struct stat *st,
	struct memory_change *c)
{
	struct memory_told told = {.verb = "write", .type = making->mode & S_IFMT, .size = -1};
	struct memory_place p;
	int r = memory_place(dir, name, &p);

	if (r)
		return r;
	told.target = making->target;
	if (S_ISREG(told.type)) {
		told.size = 0;
		told.revision = 1;
	}
	r = memory_is_free(&p);
	if (!r) {
		memory_begin_making(c, dir, name, actor, &told);
		r = make_at(dir, making, &p, actor);
	}
	if (!r) {
		if (fstatat(p.fd, p.path, st, AT_SYMLINK_NOFOLLOW) != 0)
			r = -errno;
		else
			r = memory_node_at(dir, name, st, out);
		if (r)
			unlinkat(p.fd, p.path, S_ISDIR(making->mode) ? AT_REMOVEDIR : 0);
		else
			memory_change_made(c);
	}
	memory_place_release(&p);
	return r;
}

static int make(struct memory_node *dir, const char *name, const struct making *making,
	const struct actor *actor, struct memory_node **out, struct stat *st, struct act **act,
	struct error *err)
{
	struct memory *m = dir->memory;
	struct memory_change c = MEMORY_CHANGE_INIT(m);
	int r = memory_check_name(name);

	if (!r)
		r = memory_may(m, actor, err);
	if (!r)
		r = memory_charge(m, 0, 1, err);
	if (r)
		return r;
	pthread_rwlock_wrlock(&m->names);
	r = make_locked(dir, name, making, actor, out, st, &c);
	pthread_rwlock_unlock(&m->names);
	if (r)
		memory_account(m, 0, -1);
	*act = memory_change_end(&c);
	return r;
}

int memory_make(struct memory_node *dir, const char *name, mode_t mode, const struct actor *actor,
	struct memory_node **out, struct stat *st, struct act **act, struct error *err)
{
	struct making making = {.mode = mode};

	if (!(mode & S_IFMT))
		making.mode |= S_IFREG;
	if (!S_ISDIR(making.mode) && !S_ISREG(making.mode) && !S_ISSOCK(making.mode))
		return error_set(err, EPERM,
			"files, folders, links and sockets are all that memory/ holds: whoever "
			"looks "
			"through it must not wait at a pipe");
	return make(dir, name, &making, actor, out, st, act, err);
}

int memory_symlink(struct memory_node *dir, const char *name, const char *target,
	const struct actor *actor, struct memory_node **out, struct stat *st, struct act **act,
	struct error *err)
{
	struct making making = {.mode = S_IFLNK | 0777, .target = target};

	return make(dir, name, &making, actor, out, st, act, err);
}

/* --- linking */

static void begin_linking(struct memory_node *n, struct memory_node *dir, const char *name,
	const struct actor *actor, struct memory_change *c)
{
	struct memory_told told = {.verb = "write", .type = n->type, .size = -1};
	struct buf from = BUF_INIT;

	memory_path(n, NULL, &from);
	told.link_of = from.data;
	if (S_ISREG(n->type)) {
		told.revision = memory_revision_of(n);
		pthread_mutex_lock(&n->mutex);
		told.size = n->size;
		pthread_mutex_unlock(&n->mutex);
	}
	memory_begin_making(c, dir, name, actor, &told);
	buf_release(&from);
}

/* What was removed can't be linked again: ENOENT, as on a disk. What has other names may. */
static int link_flags(const struct memory_node *n, const struct memory_place *from)
{
	if (from->flags & AT_SYMLINK_NOFOLLOW)
		return 0;
	return n->removed ? -ENOENT : AT_SYMLINK_FOLLOW;
}

static int link_locked(struct memory_node *n, struct memory_node *dir, const char *name,
	const struct actor *actor, struct stat *st, struct memory_change *c)
{
	struct memory_place from = {0}, to = {0};
	int r = memory_place(n, NULL, &from), flags = 0;

	if (!r)
		r = memory_place(dir, name, &to);
	if (!r && (flags = link_flags(n, &from)) < 0)
		r = flags;
	if (!r)
		r = memory_is_free(&to);
	if (!r) {
		begin_linking(n, dir, name, actor, c);
		if (linkat(from.fd, from.path, to.fd, to.path, flags) != 0)
			r = -errno;
		else
			memory_change_made(c);
	}
	if (!r && fstatat(to.fd, to.path, st, AT_SYMLINK_NOFOLLOW) != 0)
		r = -errno;
	if (!r)
		r = memory_name_add(n, dir, name);
	memory_place_release(&to);
	memory_place_release(&from);
	return r;
}

int memory_link(struct memory_node *n, struct memory_node *dir, const char *name,
	const struct actor *actor, struct stat *st, struct act **act, struct error *err)
{
	struct memory *m = dir->memory;
	struct memory_change c = MEMORY_CHANGE_INIT(m);
	int r = memory_check_name(name);

	if (!r)
		r = memory_may(m, actor, err);
	if (r)
		return r;
	pthread_rwlock_wrlock(&m->names);
	r = link_locked(n, dir, name, actor, st, &c);
	pthread_rwlock_unlock(&m->names);
	*act = memory_change_end(&c);
	if (!r)
		memory_ref(n);
	return r;
}
