/* The memory as a whole: what is in it, and how much of it there may be. */
#include "core/memory_private.h"

#include "core/limits.h"
#include "core/parts.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MEMORY_DIR "memory"
#define BLOCK      4096

int64_t memory_blocks(off_t size)
{
	return (size + BLOCK - 1) / BLOCK * BLOCK;
}

int memory_charge(struct memory *m, int64_t bytes, int64_t nodes, struct error *err)
{
	const struct config *c = m->config;
	int r = 0;

	pthread_mutex_lock(&m->mutex);
	if (bytes > 0 && c->memory_total && m->bytes + bytes > c->memory_total)
		r = error_set(err, ENOSPC,
			"memory_total: all files together have at most %lld bytes",
			(long long)c->memory_total);
	else if (nodes > 0 && c->memory_files && m->nodes + nodes > c->memory_files)
		r = error_set(err, ENOSPC, "memory_files: there are at most %lld files",
			(long long)c->memory_files);
	if (!r) {
		m->bytes += bytes;
		m->nodes += nodes;
	}
	pthread_mutex_unlock(&m->mutex);
	return r;
}

void memory_account(struct memory *m, int64_t bytes, int64_t nodes)
{
	pthread_mutex_lock(&m->mutex);
	m->bytes += bytes;
	m->nodes += nodes;
	pthread_mutex_unlock(&m->mutex);
}

int64_t memory_take_rest(struct memory *m, int64_t bytes)
{
	int64_t left;

	pthread_mutex_lock(&m->mutex);
	left = (m->config->memory_total - m->bytes) / BLOCK * BLOCK;
	left = left < 0 ? 0 : left < bytes ? left : bytes;
	m->bytes += left;
	pthread_mutex_unlock(&m->mutex);
	return left;
}

int memory_may(struct memory *m, const struct actor *actor, struct error *err)
{
	return act_check_quota(m->loop, actor->uid, 0, err);
}

int memory_statfs(struct memory *m, struct statvfs *out)
{
	const struct config *c = m->config;
	fsblkcnt_t left;
	struct statvfs st;

	if (fstatvfs(m->fd, &st) != 0)
		return -errno;
	*out = st;
	out->f_namemax = NAME_MAX;
	pthread_mutex_lock(&m->mutex);
	if (c->memory_total) {
		out->f_bsize = out->f_frsize = BLOCK;
		out->f_blocks = (fsblkcnt_t)(c->memory_total / BLOCK);
		left = m->bytes < c->memory_total
			       ? (fsblkcnt_t)((c->memory_total - m->bytes) / BLOCK)
			       : 0;
		out->f_bfree = out->f_bavail = left;
		if (st.f_bavail * st.f_frsize / BLOCK < left)
			out->f_bfree = out->f_bavail = st.f_bavail * st.f_frsize / BLOCK;
	}
	if (c->memory_files) {
		out->f_files = (fsfilcnt_t)c->memory_files;
		out->f_ffree =
			m->nodes < c->memory_files ? (fsfilcnt_t)(c->memory_files - m->nodes) : 0;
		if (st.f_files && st.f_favail < out->f_ffree)
			out->f_ffree = st.f_favail;
		out->f_favail = out->f_ffree;
	}
	pthread_mutex_unlock(&m->mutex);
	return 0;
}

/* --- counting what is there */

struct count {
	struct memory *m;
	struct linked {
		ino_t ino;
		int64_t bytes;
	} * linked; /* a file with several links is met as often */
	size_t linked_count;
	const struct dirty_left *left;
	size_t left_count;
	char **paths; /* of those that were left, NULL: not found */
};

static int add_linked(struct count *c, ino_t ino, int64_t bytes)
{
	struct linked *grown = c->linked;
	size_t n = c->linked_count;

	/* Room is doubled at powers of two. */
	if ((n & (n - 1)) == 0)
		grown = realloc(grown, sizeof(*grown) * (n ? 2 * n : 1));
	if (!grown)
		return -ENOMEM;
	c->linked = grown;
	grown[n] = (struct linked){ino, bytes};
	c->linked_count++;
	return 0;
}

static int by_ino(const void *a, const void *b)
{
	const struct linked *x = a, *y = b;

	return x->ino < y->ino ? -1 : x->ino > y->ino;
}

static void count_linked(struct count *c)
{
	if (c->linked_count == 0)
		return;
	qsort(c->linked, c->linked_count, sizeof(*c->linked), by_ino);
	for (size_t i = 0; i < c->linked_count; i++) {
		if (i > 0 && c->linked[i].ino == c->linked[i - 1].ino)
			continue;
		c->m->nodes++;
		c->m->bytes += c->linked[i].bytes;
	}
}

static int count_one(struct count *c, const char *dir, const char *name, const struct stat *st)
{
	int64_t bytes = S_ISREG(st->st_mode) ? memory_blocks(st->st_size) : 0;

	if (st->st_dev != c->m->dev)
		return 0; /* something was mounted there: it is not shown */
	if (!S_ISDIR(st->st_mode) && st->st_nlink > 1) {
		if (add_linked(c, st->st_ino, bytes))
			return -ENOMEM;
	} else {
		c->m->nodes++;
		c->m->bytes += bytes;
	}
	for (size_t i = 0; i < c->left_count; i++)
		if (c->left[i].ino == st->st_ino && !c->paths[i] &&
			asprintf(&c->paths[i], "%s%s%s", dir, *dir ? "/" : "", name) < 0)
			return -ENOMEM;
	return 0;
}

/* A directory that is still to be counted. */
struct pending {
	struct pending *next;
	int fd;
	char path[];
};

static int push(struct pending **stack, int at, const char *dir, const char *name)
{
	size_t size = strlen(dir) + strlen(name) + 2;
	struct pending *p = malloc(sizeof(*p) + size);

	if (!p)
		return -ENOMEM;
	p->fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (p->fd < 0) {
		free(p);
		return errno == EACCES ? 0 : -errno; /* its own user closed it */
	}
	snprintf(p->path, size, "%s%s%s", dir, *dir ? "/" : "", name);
	p->next = *stack;
	*stack = p;
	return 0;
}

static int count_dir(struct count *c, struct pending *at, struct pending **stack)
{
	DIR *dir = fdopendir(at->fd);
	struct dirent *e;
	struct stat st;
	int r = 0;

	if (!dir) {
		close(at->fd);
		return -ENOMEM;
	}
	while (!r && (errno = 0, e = readdir(dir))) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
			r = errno == ENOENT ? 0 : -errno;
		else
			r = count_one(c, at->path, e->d_name, &st);
		if (!r && S_ISDIR(st.st_mode) && st.st_dev == c->m->dev)
			r = push(stack, dirfd(dir), at->path, e->d_name);
	}
	if (!r && errno)
		r = -errno;
	closedir(dir);
	return r;
}

/* Depth first, so that few descriptors are held. */
static int count(struct count *c)
{
	struct pending *stack = NULL, *at;
	int r = push(&stack, c->m->fd, "", ".");

	if (stack)
		stack->path[0] = '\0';
	while ((at = stack)) {
		stack = at->next;
		if (r)
			close(at->fd);
		else
			r = count_dir(c, at, &stack);
		free(at);
	}
	count_linked(c);
	return r;
}

/* --- opening */

/* What was open for writing when the daemon was killed may have changed. */
static void tell_left(struct memory *m, const struct dirty_left *left, const char *path)
{
	struct actor actor = {.uid = left->uid, .kind = ACTOR_USER};
	struct memory_told told = {.verb = "write", .type = S_IFREG, .recovered = true};
	struct stat st;
	struct act *a;
	char *whole = NULL;

	if (fstatat(m->fd, path, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(st.st_mode) ||
		asprintf(&whole, MEMORY_DIR "/%s", path) < 0)
		return;
	state_rdlock(m->loop);
	actor.session = left->session[0] ? state_session(m->loop->state, left->session) : NULL;
	if (actor.session) {
		session_ref(actor.session);
		actor.kind = ACTOR_SESSION;
	}
	state_unlock(m->loop);
	told.path = whole;
	told.size = st.st_size;
	a = memory_tell(m, &actor, &told);
	if (a) {
		a->command.done = act_over;
		loop_submit(m->loop, &a->command);
	}
	actor_release(&actor);
	free(whole);
}

static int take_stock(struct memory *m, struct error *err)
{
	struct count c = {.m = m};
	int r;

	c.left_count = dirty_left(m->dirty, &c.left);
	c.paths = calloc(c.left_count + 1, sizeof(*c.paths));
	r = c.paths ? count(&c) : -ENOMEM;
	for (size_t i = 0; c.paths && i < c.left_count; i++) {
		if (!r && c.paths[i])
			tell_left(m, &c.left[i], c.paths[i]);
		free(c.paths[i]);
	}
	free(c.paths);
	free(c.linked);
	if (!r)
		dirty_reset(m->dirty);
	return r ? error_set(err, -r, "memory: can't count what is there: %s", strerror(-r)) : 0;
}

static int open_dir(struct memory *m, struct error *err)
{
	struct stat st;
	char *path = NULL;
	int r = 0;

	if (asprintf(&path, "%s/" MEMORY_DIR, m->config->state) < 0)
		return error_set(err, ENOMEM, "out of memory");
	if (mkdir(path, 0700) != 0 && errno != EEXIST)
		r = error_set(err, errno, "%s: %s", path, strerror(errno));
	if (!r) {
		m->fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (m->fd < 0 || fstat(m->fd, &st) != 0)
			r = error_set(err, errno, "%s: %s", path, strerror(errno));
	}
	if (!r) {
		m->dev = st.st_dev;
		m->root.ino = st.st_ino;
	}
	free(path);
	return r;
}

int memory_open(
	struct loop *loop, const struct config *config, struct memory **out, struct error *err)
{
	struct memory *m = calloc(1, sizeof(*m));
	pthread_rwlockattr_t attr;
	int r;

	if (!m)
		return error_set(err, ENOMEM, "out of memory");
	m->loop = loop;
	m->config = config;
	m->fd = -1;
	m->root = (struct memory_node){.memory = m, .type = S_IFDIR, .refs = 1, .fd = -1};
	pthread_mutex_init(&m->root.mutex, NULL);
	pthread_mutex_init(&m->mutex, NULL);
	pthread_cond_init(&m->told, NULL);
	/* Else a flow of lookups would keep a rename waiting for ever. */
	pthread_rwlockattr_init(&attr);
	pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	pthread_rwlock_init(&m->names, &attr);
	pthread_rwlockattr_destroy(&attr);
	r = open_dir(m, err);
	if (!r)
		r = dirty_open(config->state, &m->dirty, err);
	if (!r)
		r = take_stock(m, err);
	if (r) {
		memory_close(m);
		return r;
	}
	*out = m;
	return 0;
}

/* A node that has open files, referred to once more. */
static struct memory_node *with_files(struct memory *m)
{
	struct memory_node *n;

	for (size_t i = 0; i < MEMORY_BUCKETS; i++)
		for (n = m->buckets[i]; n; n = n->next)
			if (n->files) {
				memory_ref(n);
				return n;
			}
	return NULL;
}

void memory_close(struct memory *m)
{
	struct memory_node *n;

	if (!m)
		return;
	/* What the kernel had open when the mount went. */
	while ((n = with_files(m))) {
		while (n->files)
			memory_file_close(n->files);
		memory_unref(n, 1);
	}
	pthread_mutex_lock(&m->mutex);
	while (m->telling > 0)
		pthread_cond_wait(&m->told, &m->mutex);
	pthread_mutex_unlock(&m->mutex);
	dirty_close(m->dirty);
	if (m->fd >= 0)
		close(m->fd);
	pthread_rwlock_destroy(&m->names);
	pthread_cond_destroy(&m->told);
	pthread_mutex_destroy(&m->mutex);
	pthread_mutex_destroy(&m->root.mutex);
	free(m);
}
