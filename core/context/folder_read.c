#include "core/context/folder_list.h"
#include "core/context/folder_walk.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define TRIES     3
#define TRY_MS    20    /* before a file that changed meanwhile is read again */
#define SETTLE_US 50000 /* within this, two changes of a file may bear the same time */

int folder_stopped(struct folder_walk *w)
{
	return sync_stopping(w->sync) ? error_set(w->err, ECANCELED, "stopped") : 0;
}

int folder_trouble(struct folder_walk *w, const char *path, int code, const char *fmt, ...)
{
	struct error e;
	char text[ERROR_TEXT_MAX];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	error_set(&e, code, "%s", text);
	sync_trouble(w->sync, path, &e);
	return 0;
}

bool folder_is_gone(int rc)
{
	return rc == -ENOENT || rc == -ENOTDIR || rc == -ELOOP || rc == -EXDEV || rc == -ENXIO;
}

int folder_open_as(
	struct folder_walk *w, int (*open_it)(int, const char *), int dir, const char *path)
{
	int fd = folder_rights_take(&w->rights);

	if (fd)
		return fd;
	fd = open_it(dir, path);
	folder_rights_drop(&w->rights);
	return fd;
}

/* 1: it changed meanwhile. */
static int copy(struct folder_walk *w, int fd, uint64_t size, struct object_writer *to)
{
	for (;;) {
		ssize_t n = read(fd, w->chunk, FOLDER_CHUNK);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return object_written(to) == size ? 0 : 1;
		if (object_written(to) + (uint64_t)n > size)
			return 1;
		int rc = object_write(to, w->chunk, (size_t)n, w->err);
		if (!rc)
			rc = folder_stopped(w);
		if (rc)
			return rc;
	}
}

static bool same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

static bool is_same(const struct stat *a, const struct stat *b)
{
	return a->st_size == b->st_size && same_time(&a->st_mtim, &b->st_mtim) &&
	       same_time(&a->st_ctim, &b->st_ctim);
}

/* A file that has only just changed can change again without that its times tell: its ETag is one
 * that it will not be listed with, so that it is read once more. */
static int settle(struct member *m, const struct stat *st)
{
	struct timespec now;
	char *etag;

	clock_gettime(CLOCK_REALTIME, &now);
	int64_t age_us = (int64_t)(now.tv_sec - st->st_ctim.tv_sec) * 1000000 +
			 (now.tv_nsec - st->st_ctim.tv_nsec) / 1000;
	if (age_us > SETTLE_US || age_us < -SETTLE_US)
		return 0;
	if (asprintf(&etag, "\"fresh-%s", m->etag + 1) < 0)
		return -ENOMEM;
	free((char *)m->etag);
	m->etag = etag;
	return 0;
}

/* Takes the writer over. */
static int take(struct folder_walk *w, const char *path, const struct stat *st,
	struct object_writer *content)
{
	struct member m = {.path = path};
	int rc = folder_member(&m, st);

	if (!rc)
		rc = settle(&m, st);
	if (rc)
		object_cancel(content);
	else
		rc = sync_take(w->sync, &m, content, w->err);
	free((char *)m.etag);
	return rc;
}

static int too_large(struct folder_walk *w, const char *path, const struct stat *st)
{
	struct member m = {.path = path};
	int rc = folder_member(&m, st);

	if (!rc)
		rc = sync_too_large(w->sync, &m, w->err);
	free((char *)m.etag);
	return rc;
}

/* What the store can't do ends the sync; what the folder can't does not. */
static bool is_store(int rc, const struct error *e)
{
	return rc == -ECANCELED || (rc < 0 && e->code == -rc);
}

static int read_once(struct folder_walk *w, int fd, const char *path)
{
	struct object_writer *content;
	struct stat before, after;
	struct error e = {0};
	int rc;

	if (fstat(fd, &before) != 0)
		return folder_trouble(w, path, errno, "%s", strerror(errno));
	if (!S_ISREG(before.st_mode))
		return 0;
	rc = sync_begin_content(w->sync, &content, w->err);
	if (rc)
		return rc;
	struct error *outer = w->err;
	w->err = &e;
	rc = copy(w, fd, (uint64_t)before.st_size, content);
	w->err = outer;
	if (!rc && (fstat(fd, &after) != 0 || !is_same(&before, &after)))
		rc = 1;
	if (!rc)
		return take(w, path, &before, content);
	object_cancel(content);
	if (rc == -EFBIG && e.code == EFBIG)
		return too_large(w, path, &before);
	if (is_store(rc, &e))
		return error_set(w->err, -rc, "%s", e.text);
	if (rc < 0)
		return folder_trouble(w, path, -rc, "%s", strerror(-rc));
	return rc;
}

int folder_fetch(struct folder_walk *w, int dir, const char *path)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	int rc = 1;

	for (int i = 0; rc == 1 && i < TRIES; i++) {
		if (i)
			poll(NULL, 0, i * TRY_MS);
		int fd = folder_open_as(w, folder_open_file, dir, name);

		if (folder_is_gone(fd))
			return 0;
		if (fd < 0)
			return folder_trouble(w, path, -fd, "%s", strerror(-fd));
		rc = read_once(w, fd, path);
		close(fd);
	}
	if (rc != 1)
		return rc;
	return folder_trouble(w, path, EBUSY, "changes while it is read");
}
