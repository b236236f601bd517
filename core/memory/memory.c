/* The memory as a whole: what is in it, and how much of it there may be. */
#include "core/memory/memory_note.h"
#include "core/memory/memory_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BLOCK 4096

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

/* --- opening */

static int open_dir(struct memory *m, struct error *err)
{
	struct stat st = {0};
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

static void init_locks(struct memory *m)
{
	pthread_rwlockattr_t attr;
	pthread_condattr_t clock;

	pthread_mutex_init(&m->mutex, NULL);
	pthread_cond_init(&m->told, NULL);
	/* Else a flow of lookups would keep a rename waiting for ever. */
	pthread_rwlockattr_init(&attr);
	pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	pthread_rwlock_init(&m->names, &attr);
	pthread_rwlockattr_destroy(&attr);
	pthread_mutex_init(&m->quiet_mutex, NULL);
	pthread_condattr_init(&clock);
	pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	pthread_cond_init(&m->quiet_cond, &clock);
	pthread_condattr_destroy(&clock);
}

int memory_open(
	struct loop *loop, const struct config *config, struct memory **out, struct error *err)
{
	struct memory *m = calloc(1, sizeof(*m));
	int r;

	if (!m)
		return error_set(err, ENOMEM, "out of memory");
	m->loop = loop;
	m->config = config;
	m->fd = -1;
	m->root = (struct memory_node){.memory = m, .type = S_IFDIR, .refs = 1, .fd = -1};
	pthread_mutex_init(&m->root.mutex, NULL);
	m->idle_tail = &m->idle;
	m->next_us = INT64_MAX;
	memory_fds_init(m);
	init_locks(m);
	r = open_dir(m, err);
	if (!r)
		r = dirty_open(config->state, &m->dirty, err);
	if (!r)
		r = notes_open(config->state, &m->notes, err);
	if (!r)
		r = memory_take_stock(m, err);
	if (!r)
		r = memory_quiet_start(m, err);
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
	memory_quiet_stop(m);
	/* What the kernel had open when the mount went. */
	while ((n = with_files(m))) {
		while (n->files)
			memory_file_close(n->files);
		memory_unref(n, 1);
	}
	memory_quiet_due(m, INT64_MAX);
	pthread_mutex_lock(&m->mutex);
	while (m->telling > 0)
		pthread_cond_wait(&m->told, &m->mutex);
	pthread_mutex_unlock(&m->mutex);
	dirty_close(m->dirty);
	notes_close(m->notes);
	if (m->fd >= 0)
		close(m->fd);
	memory_fds_release(m);
	pthread_rwlock_destroy(&m->names);
	pthread_cond_destroy(&m->told);
	pthread_cond_destroy(&m->quiet_cond);
	pthread_mutex_destroy(&m->quiet_mutex);
	pthread_mutex_destroy(&m->mutex);
	pthread_mutex_destroy(&m->root.mutex);
	free(m);
}
