/* Open files: reading, writing, and the limits on both. */
#include "core/memory_private.h"

#include "core/parts.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What of open(2)'s flags the disk's file is opened with: offsets are the kernel's that asks, and
 * what is cut, is cut under the limits' eye. */
#define KEPT_FLAGS (O_ACCMODE | O_SYNC | O_DSYNC)

/* openat2(2), that follows no link and leaves the place for nothing; where a sandbox lacks it,
 * openat(2), which is no different here: nobody else makes links in that directory. */
static int open_beneath(const struct memory_place *p, int flags, mode_t mode)
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

/* --- opening and closing */

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
	if (n->opens++ == 0 && n->removed)
		memory_account(n->memory, memory_blocks(n->size), 1);
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

/* It is changed, or about to be: under the node's mutex. */
static void note_change(struct memory_file *f)
{
	if (f->changed)
		return;
	f->changed = true;
	f->slot = dirty_add(f->node->memory->dirty, f->node->ino, &f->actor);
}

static int resize(struct memory_node *n, int fd, off_t size, struct error *err)
{
	struct memory *m = n->memory;
	const int64_t most = m->config->memory_file;
	int64_t more = memory_blocks(size) - memory_blocks(n->size);
	int r;

	if (most && size > most && size > n->size)
		return error_set(
			err, EFBIG, "memory_file: a file has at most %lld bytes", (long long)most);
	r = more > 0 ? memory_charge(m, more, 0, err) : 0;
	if (r)
		return r;
	if (ftruncate(fd, size) != 0) {
		r = -errno;
		if (more > 0)
			memory_account(m, -more, 0);
		return r;
	}
	if (more < 0)
		memory_account(m, more, 0);
	n->size = size;
	return 0;
}

static int file_resize(struct memory_file *f, int fd, off_t size, struct error *err)
{
	int r;

	pthread_mutex_lock(&f->node->mutex);
	r = resize(f->node, fd, size, err);
	if (!r)
		note_change(f);
	pthread_mutex_unlock(&f->node->mutex);
	return r;
}

static int open_existing(struct memory_node *n, int flags)
{
	struct memory_place p;
	int r;

	pthread_rwlock_rdlock(&n->memory->names);
	r = memory_place(n, NULL, &p);
	if (!r) {
		r = open_beneath(&p, (flags & KEPT_FLAGS) | O_NONBLOCK, 0);
		r = r < 0 ? -errno : r;
		memory_place_release(&p);
	}
	pthread_rwlock_unlock(&n->memory->names);
	return r;
}

/* Opening cuts it, also what is opened for reading. */
static int cut(struct memory_file *f, struct error *err)
{
	int fd = f->writes ? f->fd : open_existing(f->node, O_WRONLY), r;

	if (fd < 0)
		return fd;
	r = file_resize(f, fd, 0, err);
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
	if (r)
		return r;
	fd = open_existing(n, flags);
	if (fd < 0)
		return fd;
	f = file_new(n, fd, flags, actor);
	if (!f)
		return -ENOMEM;
	if (flags & O_TRUNC)
		r = cut(f, err);
	if (r) {
		memory_file_close(f);
		return r;
	}
	*out = f;
	return 0;
}

/* Makes the file, or finds it where somebody else's as/ came first. */
static int create_locked(struct memory_node *dir, const char *name, int flags, mode_t mode,
	const struct actor *actor, struct memory_node **node, struct stat *st, int *fd)
{
	struct memory_place p = {0};
	mode_t before;
	int r = memory_place(dir, name, &p);

	if (r)
		return r;
	before = memory_umask(0);
	*fd = open_beneath(&p, (flags & KEPT_FLAGS) | O_CREAT | O_EXCL, mode & 01777);
	r = *fd < 0 ? -errno : 0;
	if (before != (mode_t)-1)
		umask(before);
	if (!r) {
		if (before == (mode_t)-1 && fchmod(*fd, mode & 01777) != 0)
			r = -errno;
		if (!r)
			r = memory_give(dir, &p, actor);
		if (!r && fstat(*fd, st) != 0)
			r = -errno;
		if (!r)
			r = memory_node_at(dir, name, st, node);
		if (r) {
			unlinkat(p.fd, p.path, 0);
			close(*fd);
		}
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
	struct memory_file *f;
	int r = memory_check_name(name), fd = -1;

	if (!r)
		r = memory_may(m, actor, err);
	if (!r)
		r = memory_charge(m, 0, 1, err);
	if (r)
		return r;
	pthread_rwlock_wrlock(&m->names);
	r = create_locked(dir, name, flags, mode, actor, node, st, &fd);
	pthread_rwlock_unlock(&m->names);
	if (r)
		memory_account(m, 0, -1);
	if (r == -EEXIST)
		return open_found(dir, name, flags, actor, node, st, out, err);
	if (r)
		return r;
	f = file_new(*node, fd, flags, actor);
	if (!f) {
		memory_unref(*node, 1);
		return -ENOMEM;
	}
	pthread_mutex_lock(&f->node->mutex);
	f->created = true;
	f->node->revision = 1;
	f->node->is_new = true;
	note_change(f);
	pthread_mutex_unlock(&f->node->mutex);
	*out = f;
	return 0;
}

struct memory_node *memory_file_node(struct memory_file *f)
{
	return f->node;
}

/* --- closing */

/* Its note goes once the event is there. */
struct telling {
	struct memory *memory;
	int slot;
};

static void told(struct loop *loop, struct command *c, int status, const struct error *err,
	struct record *const *records, size_t count)
{
	struct telling *t = ((struct act *)c)->owner;
	struct memory *m = t->memory;

	dirty_drop(m->dirty, t->slot);
	free(t);
	act_over(loop, c, status, err, records, count);
	pthread_mutex_lock(&m->mutex);
	if (--m->telling == 0)
		pthread_cond_signal(&m->told);
	pthread_mutex_unlock(&m->mutex);
}

static void tell(struct memory_file *f, const struct memory_told *what)
{
	struct memory *m = f->node->memory;
	struct telling *t = malloc(sizeof(*t));
	struct act *a = t ? memory_tell(m, &f->actor, what) : NULL;

	if (!a) {
		free(t);
		return;
	}
	*t = (struct telling){m, f->slot};
	f->slot = -1;
	pthread_mutex_lock(&m->mutex);
	m->telling++;
	pthread_mutex_unlock(&m->mutex);
	a->owner = t;
	a->command.done = told;
	loop_submit(m->loop, &a->command);
}

static void delist(struct memory_file *f)
{
	struct memory_node *n = f->node;

	pthread_mutex_lock(&n->mutex);
	*f->link = f->next;
	if (f->next)
		f->next->link = f->link;
	if (--n->opens == 0 && n->removed)
		memory_account(n->memory, -memory_blocks(n->size), -1);
	pthread_mutex_unlock(&n->mutex);
}

/* What nobody can find any more is not told of: that it was removed was told. */
static void tell_all(struct memory_file *f)
{
	struct memory_node *n = f->node;
	struct memory_told what = {.node = n, .verb = "write"};
	bool changed, removed;

	pthread_mutex_lock(&n->mutex);
	changed = f->changed;
	removed = n->removed;
	what.size = n->size;
	pthread_mutex_unlock(&n->mutex);
	if (removed)
		return;
	what.writers = f->writers;
	what.writer_count = f->writer_count;
	if (changed) {
		what.revision = memory_next_revision(n, f->fd, f->created);
		tell(f, &what);
	}
	if (n->memory->config->memory_reads && atomic_load(&f->has_read)) {
		what.verb = "read";
		what.writer_count = 0;
		what.revision = memory_revision_at(n, f->fd);
		tell(f, &what);
	}
}

void memory_file_close(struct memory_file *f)
{
	if (!f)
		return;
	tell_all(f);
	delist(f);
	dirty_drop(f->node->memory->dirty, f->slot);
	close(f->fd);
	for (int i = 0; i < f->writer_count; i++)
		free(f->writers[i]);
	actor_release(&f->actor);
	memory_unref(f->node, 1);
	free(f);
}

void memory_node_removed(struct memory *m, struct memory_node *n, const struct stat *st, int fd)
{
	const int64_t bytes = S_ISREG(st->st_mode) ? memory_blocks(st->st_size) : 0;

	if (!n) {
		memory_account(m, -bytes, -1);
		close(fd);
		return;
	}
	pthread_mutex_lock(&n->mutex);
	n->removed = true;
	if (n->opens == 0)
		memory_account(m, -bytes, -1);
	pthread_mutex_unlock(&n->mutex);
	pthread_mutex_lock(&m->mutex);
	n->fd = fd;
	pthread_mutex_unlock(&m->mutex);
}

/* --- content */

ssize_t memory_read(struct memory_file *f, void *out, size_t size, off_t at)
{
	ssize_t n = pread(f->fd, out, size, at);

	atomic_store_explicit(&f->has_read, true, memory_order_relaxed);
	return n < 0 ? -errno : n;
}

/* How many of `size` bytes may stand at `at`: takes from the limits what they need. */
static ssize_t make_room(
	struct memory_node *n, size_t size, off_t at, int64_t *taken, struct error *err)
{
	const int64_t most = n->memory->config->memory_file, had = memory_blocks(n->size);
	int64_t end;
	int r;

	*taken = 0;
	if (most && at + (off_t)size > most && at + (off_t)size > n->size) {
		end = n->size > most ? n->size : most;
		if (at >= end)
			return error_set(err, EFBIG, "memory_file: a file has at most %lld bytes",
				(long long)most);
		size = (size_t)(end - at);
	}
	end = at + (off_t)size;
	if (memory_blocks(end) <= had)
		return (ssize_t)size;
	*taken = memory_blocks(end) - had;
	r = memory_charge(n->memory, *taken, 0, err);
	if (!r)
		return (ssize_t)size;
	*taken = memory_take_rest(n->memory, *taken);
	return at < had + *taken ? (ssize_t)(had + *taken - at) : r;
}

ssize_t memory_write(
	struct memory_file *f, const void *data, size_t size, off_t at, struct error *err)
{
	struct memory_node *n = f->node;
	int64_t taken = 0;
	ssize_t done;

	pthread_mutex_lock(&n->mutex);
	done = make_room(n, size, at, &taken, err);
	if (done > 0) {
		note_change(f);
		done = pwrite(f->fd, data, (size_t)done, at);
		done = done < 0 ? -errno : done;
	}
	if (done > 0 && at + done > n->size) {
		taken -= memory_blocks(at + done) - memory_blocks(n->size);
		n->size = at + done;
	}
	if (taken > 0)
		memory_account(n->memory, -taken, 0);
	pthread_mutex_unlock(&n->mutex);
	return done;
}

int memory_truncate(struct memory_node *n, struct memory_file *f, off_t size,
	const struct actor *actor, struct act **act, struct error *err)
{
	struct memory_told what = {.node = n, .verb = "write", .size = size};
	bool removed;
	int r, fd;

	if (f)
		return file_resize(f, f->fd, size, err);
	r = memory_may(n->memory, actor, err);
	if (r)
		return r;
	fd = open_existing(n, O_WRONLY);
	if (fd < 0)
		return fd;
	pthread_mutex_lock(&n->mutex);
	r = resize(n, fd, size, err);
	removed = n->removed;
	pthread_mutex_unlock(&n->mutex);
	if (!r && !removed) {
		what.revision = memory_next_revision(n, fd, false);
		*act = memory_tell(n->memory, actor, &what);
	}
	close(fd);
	return r;
}

/* Space behind the end of a file counts for nothing here, so none is kept there. */
static int allocate(struct memory_node *n, int fd, int mode, off_t at, off_t len, struct error *err)
{
	const int64_t most = n->memory->config->memory_file;
	const bool grows = !(mode & FALLOC_FL_KEEP_SIZE) && at + len > n->size;
	int64_t more = 0;
	int r;

	if (at + len > n->size && !grows) {
		len = n->size - at;
		if (len <= 0)
			return 0;
	}
	if (grows && most && at + len > most)
		return error_set(
			err, EFBIG, "memory_file: a file has at most %lld bytes", (long long)most);
	if (grows)
		more = memory_blocks(at + len) - memory_blocks(n->size);
	r = memory_charge(n->memory, more, 0, err);
	if (r)
		return r;
	if (fallocate(fd, mode, at, len) != 0) {
		r = -errno;
		memory_account(n->memory, -more, 0);
	} else if (grows) {
		n->size = at + len;
	}
	return r;
}

int memory_fallocate(struct memory_file *f, int mode, off_t at, off_t len, struct error *err)
{
	int r;

	if (at < 0 || len <= 0 || at > INT64_MAX - len)
		return -EINVAL;
	pthread_mutex_lock(&f->node->mutex);
	r = allocate(f->node, f->fd, mode, at, len, err);
	if (!r)
		note_change(f);
	pthread_mutex_unlock(&f->node->mutex);
	return r;
}

off_t memory_seek(struct memory_file *f, off_t at, int whence)
{
	off_t r = lseek(f->fd, at, whence);

	return r < 0 ? -errno : r;
}

int memory_sync(struct memory_file *f, bool datasync)
{
	return (datasync ? fdatasync(f->fd) : fsync(f->fd)) != 0 ? -errno : 0;
}

/* --- directories */

int memory_list(struct memory_node *n, void **out)
{
	struct memory_place p;
	DIR *dir;
	int r, fd = -1;

	pthread_rwlock_rdlock(&n->memory->names);
	r = memory_place(n, NULL, &p);
	if (!r) {
		fd = open_beneath(&p, O_RDONLY | O_DIRECTORY, 0);
		r = fd < 0 ? -errno : 0;
		memory_place_release(&p);
	}
	pthread_rwlock_unlock(&n->memory->names);
	if (r)
		return r;
	dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return -ENOMEM;
	}
	*out = dir;
	return 0;
}

int memory_sync_dir(void *dir)
{
	return fsync(dirfd(dir)) != 0 ? -errno : 0;
}
