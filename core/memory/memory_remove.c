/* Names that go, and those that become others. */
#include "core/memory/memory_private.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* What stands at a name that is about to go: a descriptor that outlives it, and its node. */
struct victim {
	int fd;
	struct stat st;
	struct memory_node *node; /* or NULL */
};

static int victim_at(struct memory *m, const struct memory_place *p, struct victim *v)
{
	*v = (struct victim){.fd = openat(p->fd, p->path, O_PATH | O_NOFOLLOW | O_CLOEXEC)};
	if (v->fd < 0)
		return -errno;
	if (fstat(v->fd, &v->st) != 0) {
		close(v->fd);
		v->fd = -1;
		return -EIO;
	}
	v->node = memory_node_known(m, v->st.st_ino);
	return 0;
}

static void victim_release(struct victim *v)
{
	if (v->node)
		memory_unref(v->node, 1);
	if (v->fd >= 0)
		close(v->fd);
}

static bool is_last_link(const struct stat *st)
{
	return S_ISDIR(st->st_mode) || st->st_nlink == 1;
}

/* It has gone from that name. */
static void victim_gone(
	struct victim *v, struct memory *m, struct memory_node *dir, const char *name)
{
	if (v->node)
		memory_name_drop(v->node, dir, name);
	if (is_last_link(&v->st))
		memory_node_removed(m, v->node, &v->st, v->fd);
	else if (v->node && !v->node->names) /* the others were not met yet */
		memory_node_unnamed(m, v->node, v->fd);
	else
		return;
	v->fd = -1;
}

/* What is there to be told, and where it is seen whether it was done. */
static void begin_removal(struct memory_change *c, struct memory_node *dir, const char *name,
	const struct actor *actor, struct victim *v)
{
	struct memory_told told = {.verb = "delete", .size = -1, .type = v->st.st_mode & S_IFMT};
	struct memory_site site = {.dir = dir, .at = dir, .name = name, .ino = v->st.st_ino};
	struct buf path = BUF_INIT;

	memory_path(dir, name, &path);
	told.path = path.data;
	if (S_ISREG(v->st.st_mode))
		told.revision = memory_revision_at(v->node, v->fd);
	if (path.data)
		memory_change_begin(c, dir->memory, actor, &told, &site);
	buf_release(&path);
}

static int remove_locked(struct memory_node *dir, const char *name, bool is_dir,
	const struct actor *actor, struct memory_change *c)
{
	struct memory_place p;
	struct victim v;
	int r = memory_place(dir, name, &p);

	if (r)
		return r;
	r = victim_at(dir->memory, &p, &v);
	if (!r) {
		begin_removal(c, dir, name, actor, &v);
		if (unlinkat(p.fd, p.path, is_dir ? AT_REMOVEDIR : 0) != 0) {
			r = -errno;
		} else {
			memory_change_made(c);
			victim_gone(&v, dir->memory, dir, name);
		}
		victim_release(&v);
	}
	memory_place_release(&p);
	return r;
}

int memory_remove(struct memory_node *dir, const char *name, bool is_dir, const struct actor *actor,
	struct act **act, struct error *err)
{
	struct memory *m = dir->memory;
	struct memory_change c = MEMORY_CHANGE_INIT(m);
	int r = memory_check_name(name);

	(void)err; /* who is at a limit may still remove */
	if (r)
		return r;
	pthread_rwlock_wrlock(&m->names);
	r = remove_locked(dir, name, is_dir, actor, &c);
	pthread_rwlock_unlock(&m->names);
	*act = memory_change_end(&c);
	return r;
}

/* --- renaming */

struct renaming {
	struct memory_node *from, *to;
	const char *name, *new_name;
	unsigned flags;
	struct victim moved, over; /* over.fd -1: nothing was there */
	uint64_t revision;         /* that it then has */
	bool inherited;            /* from what it takes the name of */
	struct memory_change change;
};

static int sys_rename(
	const struct memory_place *from, const struct memory_place *to, unsigned flags)
{
	return renameat2(from->fd, from->path, to->fd, to->path, flags) != 0 ? -errno : 0;
}

/* A file that takes another's name goes on with its revisions. */
static void inherit_revision(struct renaming *r)
{
	uint64_t was;

	if (!S_ISREG(r->moved.st.st_mode))
		return;
	r->revision = memory_revision_at(r->moved.node, r->moved.fd);
	if (r->over.fd < 0 || r->flags & RENAME_EXCHANGE || !S_ISREG(r->over.st.st_mode))
		return;
	was = memory_revision_at(r->over.node, r->over.fd);
	r->inherited = was >= r->revision;
	if (r->inherited)
		r->revision = was + 1;
}

static void begin_renaming(struct renaming *r, const struct actor *actor)
{
	struct memory_told told = {.verb = "write", .type = r->moved.st.st_mode & S_IFMT};
	struct memory_site site = {r->to, r->from, r->from, r->name, r->moved.st.st_ino, false};
	struct buf path = BUF_INIT, old = BUF_INIT;

	inherit_revision(r);
	memory_path(r->from, r->name, &old);
	memory_path(r->to, r->new_name, &path);
	told.path = path.data;
	told.from = old.data;
	told.size = S_ISREG(told.type) ? r->moved.st.st_size : -1;
	told.revision = r->revision;
	told.exchanged = r->flags & RENAME_EXCHANGE;
	if (path.data && old.data)
		memory_change_begin(&r->change, r->from->memory, actor, &told, &site);
	buf_release(&path);
	buf_release(&old);
}

static void names_moved(struct renaming *r)
{
	struct memory *m = r->from->memory;

	if (r->moved.node) {
		memory_name_drop(r->moved.node, r->from, r->name);
		(void)memory_name_add(r->moved.node, r->to, r->new_name);
	}
	if (r->over.fd < 0)
		return;
	if (!(r->flags & RENAME_EXCHANGE)) {
		victim_gone(&r->over, m, r->to, r->new_name);
	} else if (r->over.node) {
		memory_name_drop(r->over.node, r->to, r->new_name);
		(void)memory_name_add(r->over.node, r->from, r->name);
	}
}

/* What is to be moved, and what stands where it goes. */
static int find_both(
	struct renaming *r, const struct memory_place *from, const struct memory_place *to)
{
	int code = victim_at(r->from->memory, from, &r->moved);

	if (code)
		return code;
	code = victim_at(r->from->memory, to, &r->over);
	return code == -ENOENT ? 0 : code;
}

static int rename_locked(struct renaming *r, const struct actor *actor)
{
	struct memory_place from = {0}, to = {0};
	bool same;
	int code = memory_place(r->from, r->name, &from);

	if (!code)
		code = memory_place(r->to, r->new_name, &to);
	if (!code)
		code = find_both(r, &from, &to);
	if (!code) {
		/* Two names of one file: rename(2) leaves both. */
		same = r->over.fd >= 0 && r->over.st.st_ino == r->moved.st.st_ino;
		if (!same)
			begin_renaming(r, actor);
		code = sys_rename(&from, &to, r->flags);
		if (!code && !same) {
			memory_change_made(&r->change);
			names_moved(r);
			if (r->inherited)
				memory_set_revision_at(r->moved.node, r->moved.fd, r->revision);
		}
	}
	memory_place_release(&to);
	memory_place_release(&from);
	return code;
}

int memory_rename(struct memory_node *from, const char *name, struct memory_node *to,
	const char *new_name, unsigned flags, const struct actor *actor, struct act **act,
	struct error *err)
{
	struct memory *m = from->memory;
	struct renaming r = {from, to, name, new_name, flags, {.fd = -1}, {.fd = -1}, 0, false,
		MEMORY_CHANGE_INIT(m)};
	int code = flags & ~(unsigned)(RENAME_NOREPLACE | RENAME_EXCHANGE) ? -EINVAL : 0;

	if (!code)
		code = memory_check_name(new_name);
	if (!code)
		code = memory_may(m, actor, err);
	if (code)
		return code;
	pthread_rwlock_wrlock(&m->names);
	code = rename_locked(&r, actor);
	pthread_rwlock_unlock(&m->names);
	*act = memory_change_end(&r.change);
	victim_release(&r.moved);
	victim_release(&r.over);
	return code;
}
