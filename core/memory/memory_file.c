/* Open files: reading, writing, and the limits on both. */
#include "core/memory/memory_private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* It is changed, or about to be: under the node's mutex. */
void memory_note_change(struct memory_file *f)
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

int memory_file_resize(struct memory_file *f, int fd, off_t size, struct error *err)
{
	int r;

	pthread_mutex_lock(&f->node->mutex);
	r = resize(f->node, fd, size, err);
	if (!r)
		memory_note_change(f);
	pthread_mutex_unlock(&f->node->mutex);
	return r;
}

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
		memory_note_change(f);
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

/* A cut by the path is told at once. */
static struct act *tell_cut(
	struct memory_node *n, int fd, off_t size, const struct actor *actor, int *slot)
{
	struct memory_told what = {.node = n, .verb = "write", .size = size};
	struct buf path = BUF_INIT;
	struct memory_node *quiet = memory_quiet_of(n, &path);
	struct act *act = NULL;

	what.revision = memory_next_revision(n, fd, false);
	what.path = path.data;
	if (quiet) {
		memory_quiet_add(n->memory, quiet, actor);
		memory_unref(quiet, 1);
	} else {
		act = memory_tell(n->memory, actor, &what, *slot);
		*slot = act ? -1 : *slot;
	}
	buf_release(&path);
	return act;
}

int memory_truncate(struct memory_node *n, struct memory_file *f, off_t size,
	const struct actor *actor, struct act **act, struct error *err)
{
	struct memory *m = n->memory;
	bool removed;
	int r, fd, slot;

	if (f)
		return memory_file_resize(f, f->fd, size, err);
	r = memory_may(m, actor, err);
	if (r)
		return r;
	fd = memory_open_node(n, O_WRONLY);
	if (fd < 0)
		return fd;
	slot = dirty_add(m->dirty, n->ino, actor);
	pthread_mutex_lock(&n->mutex);
	removed = n->removed;
	/* What has gone since, and is not open, gave back what it took. */
	r = removed && n->opens == 0 ? -ENOENT : resize(n, fd, size, err);
	pthread_mutex_unlock(&n->mutex);
	if (!r && !removed)
		*act = tell_cut(n, fd, size, actor, &slot);
	dirty_drop(m->dirty, slot);
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
		memory_note_change(f);
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

int memory_sync_dir(void *dir)
{
	return fsync(dirfd(dir)) != 0 ? -errno : 0;
}
