#include "core/folder.h"
#include "core/folder_list.h"
#include "core/folder_private.h"
#include "core/limits.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#define CHUNK     ((size_t)256 << 10)
#define TRIES     3
#define TRY_MS    20      /* before a file that changed meanwhile is read again */
#define SETTLE_US 50000   /* within this, two changes of a file may bear the same time */

struct todo {
	char *dir;
	struct todo *next;
};

/* One sync of one folder. */
struct walk {
	struct sync *sync;
	struct folder_rights rights;
	int root;
	struct todo *todo; /* directories to be listed */
	size_t entries;
	bool empty; /* the root */
	char *chunk;
	struct error *err;
};

static int stopped(struct walk *w)
{
	return sync_stopping(w->sync) ? error_set(w->err, ECANCELED, "stopped") : 0;
}

/* The rest goes on: 0. */
__attribute__((format(printf, 4, 5))) static int trouble(
	struct walk *w, const char *path, int code, const char *fmt, ...)
{
	struct error e;
	char text[ERROR_TEXT_MAX];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	error_set(&e, code, "%s: %s", *path ? path : ".", text);
	sync_trouble(w->sync, path, &e);
	return 0;
}

/* What is gone by now, or is no file or directory here any more, the next sync sees. */
static bool is_gone(int rc)
{
	return rc == -ENOENT || rc == -ENOTDIR || rc == -ELOOP || rc == -EXDEV || rc == -ENXIO;
}

static int open_as(struct walk *w, int (*open_it)(int, const char *), int dir, const char *path)
{
	int fd = folder_rights_take(&w->rights);

	if (fd)
		return fd;
	fd = open_it(dir, path);
	folder_rights_drop(&w->rights);
	return fd;
}

/* --- files */

/* 1: it changed meanwhile. */
static int copy(struct walk *w, int fd, uint64_t size, struct object_writer *to)
{
	for (;;) {
		ssize_t n = read(fd, w->chunk, CHUNK);

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
			rc = stopped(w);
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
static int take(
	struct walk *w, const char *path, const struct stat *st, struct object_writer *content)
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

static int too_large(struct walk *w, const char *path, const struct stat *st)
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

static int read_once(struct walk *w, int fd, const char *path)
{
	struct object_writer *content;
	struct stat before, after;
	struct error e = {0};
	int rc;

	if (fstat(fd, &before) != 0)
		return trouble(w, path, errno, "%s", strerror(errno));
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
		return trouble(w, path, -rc, "%s", strerror(-rc));
	return rc;
}

static int fetch(struct walk *w, int dir, const char *path)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	int rc = 1;

	for (int i = 0; rc == 1 && i < TRIES; i++) {
		if (i)
			poll(NULL, 0, i * TRY_MS);
		int fd = open_as(w, folder_open_file, dir, name);

		if (is_gone(fd))
			return 0;
		if (fd < 0)
			return trouble(w, path, -fd, "%s", strerror(-fd));
		rc = read_once(w, fd, path);
		close(fd);
	}
	if (rc != 1)
		return rc;
	return trouble(w, path, EBUSY, "changes while it is read");
}

/* --- directories */

static int push(struct walk *w, const char *dir)
{
	struct todo *t = malloc(sizeof(*t));

	if (t)
		t->dir = strdup(dir);
	if (!t || !t->dir) {
		free(t);
		return error_set(w->err, ENOMEM, "out of memory");
	}
	t->next = w->todo;
	w->todo = t;
	return 0;
}

static char *pop(struct walk *w)
{
	struct todo *t = w->todo;
	char *dir = t->dir;

	w->todo = t->next;
	free(t);
	return dir;
}

static int tell(struct walk *w, int fd, const char *dir, const struct folder_list *l)
{
	const struct wanted *wanted;
	size_t count;
	int rc = sync_listing(w->sync, dir, l->members, l->count, &wanted, &count, w->err);

	for (size_t i = 0; !rc && i < count; i++) {
		rc = stopped(w);
		if (!rc)
			rc = wanted[i].is_dir ? push(w, wanted[i].path)
					      : fetch(w, fd, wanted[i].path);
	}
	return rc;
}

/* A mount point that is empty is how a disk looks that is not there. What the folder was on is only
 * remembered while it holds something. */
static int check_root(struct walk *w, const struct folder_list *l)
{
	const char *last = sync_memory(w->sync);
	char now[64];
	struct stat st;

	if (fstat(w->root, &st) != 0)
		return error_set(w->err, errno, "%s", strerror(errno));
	snprintf(now, sizeof(now), "{\"device\":\"%u:%u\"}", major(st.st_dev), minor(st.st_dev));
	if (l->empty && last && strncmp(last, "{\"device\"", 9) == 0 && strcmp(last, now) != 0)
		return error_set(w->err, ENODEV,
			"the folder is empty, and on another file system than before: is its disk "
			"mounted?");
	return sync_set_memory(w->sync, l->empty ? "{}" : now);
}

static int list_as(struct walk *w, int fd, const char *dir, struct folder_list *out)
{
	int rc = folder_rights_take(&w->rights);

	if (rc)
		return rc;
	rc = folder_list(fd, dir, out);
	folder_rights_drop(&w->rights);
	return rc;
}

static int visit_open(struct walk *w, int fd, const char *dir)
{
	struct folder_list l;
	int rc = folder_is_state(fd) ? 0 : list_as(w, fd, dir, &l);

	if (rc == -E2BIG)
		return trouble(w, dir, E2BIG, "more than %d files", FOLDER_MEMBERS_MAX);
	if (rc == -ENOMEM)
		return error_set(w->err, ENOMEM, "out of memory");
	if (rc)
		return trouble(w, dir, -rc, "%s", strerror(-rc));
	if (l.unnamed)
		trouble(w, dir, EILSEQ, "%zu names that are not UTF-8 are left out", l.unnamed);
	w->entries += l.count;
	if (w->entries > FOLDER_ENTRIES_MAX)
		rc = error_set(w->err, E2BIG, "more than %d files", FOLDER_ENTRIES_MAX);
	if (!rc && !*dir)
		rc = check_root(w, &l);
	if (!rc)
		rc = tell(w, fd, dir, &l);
	folder_list_release(&l);
	return rc;
}

static int visit(struct walk *w, const char *dir)
{
	int fd = open_as(w, folder_open_dir, w->root, dir), rc;

	if (is_gone(fd) && *dir)
		return 0;
	if (fd < 0)
		return trouble(w, dir, -fd, "%s", strerror(-fd));
	rc = visit_open(w, fd, dir);
	close(fd);
	return rc;
}

static int visit_all(struct walk *w)
{
	int rc = push(w, "");

	while (!rc && w->todo) {
		char *dir = pop(w);

		rc = stopped(w);
		if (!rc)
			rc = visit(w, dir);
		free(dir);
	}
	while (w->todo)
		free(pop(w));
	return rc;
}

static int run(struct sync *sync, struct error *err)
{
	struct walk w = {.sync = sync, .root = -1, .err = err};
	int rc = folder_rights_init(&w.rights, sync_uid(sync), sync_gid(sync), err);

	if (rc)
		return rc;
	w.chunk = malloc(CHUNK);
	if (!w.chunk)
		rc = error_set(err, ENOMEM, "out of memory");
	if (!rc)
		rc = folder_open_root(sync_config(sync)->path, &w.rights, &w.root, NULL, err);
	if (!rc)
		rc = visit_all(&w);
	if (w.root >= 0)
		close(w.root);
	free(w.chunk);
	folder_rights_release(&w.rights);
	return rc;
}

const struct source_runner folder_runner = {.run = run};
