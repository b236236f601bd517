/* Opening files, making them, and listing directories. */
#include "core/memory/memory_note.h"
#include "core/memory/memory_private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What of open(2)'s flags the disk's file is opened with: offsets are the kernel's that asks, and
 * what is cut, is cut under the limits' eye. */
#define KEPT_FLAGS (O_ACCMODE | O_SYNC | O_DSYNC)

/* openat2(2), that follows no link and leaves the place for nothing; where a sandbox lacks it,
 * openat(2), which is no different here: nobody else makes links in that directory. */
int memory_open_beneath(const struct memory_place *p, int flags, mode_t mode)
{
	struct open_how how = {
		.flags = (uint64_t)(unsigned)(flags | O_NOFOLLOW | O_CLOEXEC),
		.mode = flags & O_CREAT ? mode : 0,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV,
	};
	long fd;

	if (!(p->flags & AT_SYMLINK_NOFOLLOW)) /* by proc(5) */
		return openat(p->fd, p->path, flags | O_CLOEXEC, mode);
	fd = syscall(SYS_openat2, p->fd, p->path, &how, sizeof(how));
	if (fd < 0 && (errno == ENOSYS || errno == EPERM))
		fd = openat(p->fd, p->path, flags | O_NOFOLLOW | O_CLOEXEC, mode);
	return (int)fd;
}

/* --- who else writes */

static bool is_other(const struct actor *a, const struct actor *b)
{
	return a->session != b->session || a->uid != b->uid;
}

static void note_writer(struct memory_file *f, const struct memory_file *other)
{
	char who[ID_MAX + 1];

	memory_who(f->node->memory, &other->actor, who, sizeof(who));
	for (int i = 0; i < f->writer_count; i++)
		if (strcmp(f->writers[i], who) == 0)
			return;
	if (f->writer_count < WRITERS_MAX && (f->writers[f->writer_count] = strdup(who)))
		f->writer_count++;
}

/* Each of two writers hears of the other when it closes. */
static void meet_writers(struct memory_file *f)
{
	for (struct memory_file *other = f->node->files; other; other = other->next) {
		if (other == f || !other->writes || !is_other(&other->actor, &f->actor))
			continue;
		note_writer(other, f);
		note_writer(f, other);
	}
}

/* --- opening */

static struct memory_file *file_new(
	struct memory_node *n, int fd, int flags, const struct actor *actor)
{
	struct memory_file *f = calloc(1, sizeof(*f));

	if (!f) {
		close(fd);
		return NULL;
	}
	memory_ref(n);
	f->node = n;
	f->fd = fd;
	f->slot = -1;
	f->writes = (flags & O_ACCMODE) != O_RDONLY;
	f->actor = *actor;
	if (f->actor.session)
		session_ref(f->actor.session);
	pthread_mutex_lock(&n->mutex);
	if (n->opens++ == 0) {
		if (n->removed)
			memory_account(n->memory, memory_blocks(n->size), 1);
		pthread_mutex_lock(&n->memory->mutex);
		memory_idle_drop(n);
		pthread_mutex_unlock(&n->memory->mutex);
	}
	f->next = n->files;
	f->link = &n->files;
	if (f->next)
		f->next->link = &f->next;
	n->files = f;
	if (f->writes && f->next)
		meet_writers(f);
	pthread_mutex_unlock(&n->mutex);
	return f;
}

int memory_open_node(struct memory_node *n, int flags)
{
	struct memory_place p;
	int r;

	pthread_rwlock_rdlock(&n->memory->names);
	r = memory_place(n, NULL, &p);
	if (!r) {
		r = memory_open_beneath(&p, (flags & KEPT_FLAGS) | O_NONBLOCK, 0);
		r = r < 0 ? -errno : r;
		memory_place_release(&p);
	}
	pthread_rwlock_unlock(&n->memory->names);
	return r;
}

/* Opening cuts it, also what is opened for reading. */
static int cut(struct memory_file *f, struct error *err)
{
	int fd = f->writes ? f->fd : memory_open_node(f->node, O_WRONLY), r;

	if (fd < 0)
		return fd;
	r = memory_file_resize(f, fd, 0, err);
	if (fd != f->fd)
		close(fd);
	return r;
}

int memory_file_open(struct memory_node *n, int flags, const struct actor *actor,
	struct memory_file **out, struct error *err)
{
	const bool writes = (flags & O_ACCMODE) != O_RDONLY || flags & O_TRUNC;
	struct memory_file *f;
	int r = 0, fd;

	if (!S_ISREG(n->type))
		return S_ISDIR(n->type) ? -EISDIR : -ENXIO;
	if (writes)
		r = memory_may(n->memory, actor, err);
	if (!r)
		r = memory_fd_take(n->memory, actor->uid, err);
	if (r)
		return r;
	fd = memory_open_node(n, flags);
	f = fd < 0 ? NULL : file_new(n, fd, flags, actor);
	if (!f) {
		memory_fd_give(n->memory, actor->uid);
		return fd < 0 ? fd : -ENOMEM;
	}
	if (flags & O_TRUNC)
		r = cut(f, err);
	if (r) {
		memory_file_close(f);
		return r;
	}
	*out = f;
	return 0;
}

/* A descriptor of what was not there. */
static int create_at(struct memory_node *dir, const struct memory_place *p, int flags, mode_t mode,
	const struct actor *actor, struct stat *st)
{
	const mode_t before = memory_umask(0);
	int fd = memory_open_beneath(p, (flags & KEPT_FLAGS) | O_CREAT | O_EXCL, mode & 01777);
	int r = fd < 0 ? -errno : 0;

	if (before != (mode_t)-1)
		umask(before);
	if (r)
		return r;
	if (before == (mode_t)-1 && fchmod(fd, mode & 01777) != 0)
		r = -errno;
	if (!r)
		r = memory_give(dir, p, actor);
	if (!r && fstat(fd, st) != 0)
		r = -errno;
	if (r) {
		unlinkat(p->fd, p->path, 0);
		close(fd);
	}
	return r ? r : fd;
}

/* It is told of when it is closed; until it is known as changed, by the note of its making. */
static void is_created(struct memory_file *f)
{
	pthread_mutex_lock(&f->node->mutex);
	f->created = true;
	f->node->revision = 1;
	f->node->is_new = true;
	memory_note_change(f);
	pthread_mutex_unlock(&f->node->mutex);
}

/* Makes the file, or finds it where somebody else's as/ came first: -EEXIST. */
static int create_locked(struct memory_node *dir, const char *name, int flags, mode_t mode,
	const struct actor *actor, struct memory_node **node, struct stat *st,
	struct memory_file **out)
{
	struct memory_told told = {.verb = "write", .type = S_IFREG, .revision = 1};
	struct memory_place p = {0};
	int r = memory_place(dir, name, &p), fd, note;

	if (r)
		return r;
	r = memory_is_free(&p);
	if (!r) {
		note = memory_note_making(dir, name, actor, &told);
		fd = create_at(dir, &p, flags, mode, actor, st);
		r = fd < 0 ? fd : memory_node_at(dir, name, st, node);
		if (r && fd >= 0)
			close(fd);
		if (!r && !(*out = file_new(*node, fd, flags, actor))) {
			memory_unref(*node, 1);
			r = -ENOMEM;
		}
		if (r && fd >= 0)
			unlinkat(p.fd, p.path, 0);
		if (!r)
			is_created(*out);
		note_drop(dir->memory->notes, note);
	}
	memory_place_release(&p);
	return r;
}

static int open_found(struct memory_node *dir, const char *name, int flags,
	const struct actor *actor, struct memory_node **node, struct stat *st,
	struct memory_file **out, struct error *err)
{
	int r = flags & O_EXCL ? -EEXIST : memory_find(dir, name, node, st);

	if (r)
		return r;
	r = S_ISLNK((*node)->type) ? -ELOOP : memory_file_open(*node, flags, actor, out, err);
	if (!r && flags & O_TRUNC)
		r = memory_stat(*node, st);
	if (r)
		memory_unref(*node, 1);
	return r;
}

int memory_create(struct memory_node *dir, const char *name, int flags, mode_t mode,
	const struct actor *actor, struct memory_node **node, struct stat *st,
	struct memory_file **out, struct error *err)
{
	struct memory *m = dir->memory;
	int r = memory_check_name(name);

	if (!r)
		r = memory_may(m, actor, err);
	if (!r)
		r = memory_charge(m, 0, 1, err);
	if (r)
		return r;
	r = memory_fd_take(m, actor->uid, err);
	if (r) {
		memory_account(m, 0, -1);
		return r;
	}
	pthread_rwlock_wrlock(&m->names);
	r = create_locked(dir, name, flags, mode, actor, node, st, out);
	pthread_rwlock_unlock(&m->names);
	if (r) {
		memory_fd_give(m, actor->uid);
		memory_account(m, 0, -1);
	}
	return r == -EEXIST ? open_found(dir, name, flags, actor, node, st, out, err) : r;
}

struct memory_node *memory_file_node(struct memory_file *f)
{
	return f->node;
}

static int list(struct memory_node *n, DIR **out)
{
	struct memory_place p;
	int r, fd = -1;

	pthread_rwlock_rdlock(&n->memory->names);
	r = memory_place(n, NULL, &p);
	if (!r) {
		fd = memory_open_beneath(&p, O_RDONLY | O_DIRECTORY, 0);
		r = fd < 0 ? -errno : 0;
		memory_place_release(&p);
	}
	pthread_rwlock_unlock(&n->memory->names);
	if (r)
		return r;
	*out = fdopendir(fd);
	if (*out)
		return 0;
	close(fd);
	return -ENOMEM;
}

int memory_list(struct memory_node *n, uid_t uid, void **out, struct error *err)
{
	DIR *dir = NULL;
	int r = memory_fd_take(n->memory, uid, err);

	if (r)
		return r;
	r = list(n, &dir);
	if (r)
		memory_fd_give(n->memory, uid);
	else
		*out = dir;
	return r;
}

void memory_list_close(struct memory *m, uid_t uid, void *dir)
{
	closedir(dir);
	memory_fd_give(m, uid);
}
