/*
 * Looking at the log, and being heard of: stat, the last 4 KiB, touch.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/bench/bench.h"
#include "tests/bench/tree.h"

#define OPS      10
#define EVENTS   2000 /* enough for the last 4 KiB to be real ones */
#define TAIL     4096
#define MOUNTS   2 /* leitlfs, floor */
#define WAYS_MAX 3

struct look {
	char path[PATH_MAX];
	int fd;
	off_t tail_at;
};

static int stat_path(void *ctx)
{
	struct look *l = ctx;
	struct stat st;

	return stat(l->path, &st) == 0 ? 0 : -errno;
}

static int read_end(int fd, off_t at)
{
	char buf[TAIL];
	ssize_t n = pread(fd, buf, TAIL, at);

	if (n < 0)
		return -errno;
	return n == TAIL ? 0 : -EIO;
}

static int read_tail(void *ctx)
{
	struct look *l = ctx;

	return read_end(l->fd, l->tail_at);
}

static int open_and_read_tail(void *ctx)
{
	struct look *l = ctx;
	int rc, fd = open(l->path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	rc = read_end(fd, l->tail_at);
	close(fd);
	return rc;
}

/* The calls of touch(1), one for one. */
static int touch_like_coreutils(void *ctx)
{
	struct look *l = ctx;
	int fd, copy, rc;

	fd = open(l->path, O_WRONLY | O_CREAT | O_NOCTTY | O_NONBLOCK, 0666);
	if (fd < 0)
		return -errno;
	copy = dup(fd);
	rc = copy < 0 ? -errno : 0;
	close(fd);
	if (rc == 0 && futimens(copy, NULL) != 0)
		rc = -errno;
	if (copy >= 0 && close(copy) != 0 && rc == 0)
		rc = -errno;
	return rc;
}

static int touch_open(void *ctx)
{
	struct look *l = ctx;
	int rc, fd = open(l->path, O_WRONLY);

	if (fd < 0)
		return -errno;
	rc = futimens(fd, NULL) == 0 ? 0 : -errno;
	if (close(fd) != 0 && rc == 0)
		rc = -errno;
	return rc;
}

static int touch_path(void *ctx)
{
	struct look *l = ctx;

	return utimensat(AT_FDCWD, l->path, NULL, 0) == 0 ? 0 : -errno;
}

static int look_init(struct look *l, const struct daemon *d, const char *name)
{
	int n = snprintf(l->path, sizeof(l->path), "%s/%s", d->mount, name);

	l->fd = -1;
	l->tail_at = 0;
	return n < (int)sizeof(l->path) ? 0 : -ENAMETOOLONG;
}

/* What is done to one file, in several ways, on both mounts. */
struct looking {
	const char *name;
	const struct way *ways;
	size_t count;
	struct look looks[MOUNTS];
	struct side sides[WAYS_MAX][MOUNTS];
};

struct way {
	const char *work;
	int (*op)(void *ctx);
	enum bound bound;
	double target;
};

static int hold(struct look *l, const struct daemon *d, const char *name)
{
	off_t size = tree_size(d->mount, name);

	l->tail_at = size > TAIL ? size - TAIL : 0;
	l->fd = tree_open(d->mount, name, O_RDONLY);
	return l->fd < 0 ? l->fd : 0;
}

static int prepare(struct looking *g, struct pair *p)
{
	struct daemon *const daemons[MOUNTS] = {&p->ours, &p->floor};
	int i, rc = p->ours.pid ? tree_fill(p->ours.mount, 1, EVENTS) : 0;

	for (i = 0; i < MOUNTS && rc == 0; i++) {
		if (daemons[i]->pid == 0)
			continue;
		rc = look_init(&g->looks[i], daemons[i], g->name);
		if (rc == 0)
			rc = hold(&g->looks[i], daemons[i], g->name);
	}
	return rc;
}

static int batch(struct bench *b, struct pair *p, void *ctx)
{
	struct looking *g = ctx;
	int rc = prepare(g, p);
	size_t i;

	for (i = 0; i < g->count && rc == 0; i++)
		rc = sides_measure(g->sides[i], MOUNTS, b->rounds, OPS);
	for (i = 0; i < MOUNTS; i++) {
		if (g->looks[i].fd >= 0)
			close(g->looks[i].fd);
		g->looks[i].fd = -1;
	}
	return rc;
}

static int measure(struct bench *b, const char *name, const struct way *ways, size_t count)
{
	struct looking g = {
		.name = name, .ways = ways, .count = count, .looks = {{.fd = -1}, {.fd = -1}}};
	size_t i;
	int rc;

	for (i = 0; i < count; i++) {
		g.sides[i][0] = side_make("leitlfs", b->leitlfs ? ways[i].op : NULL, &g.looks[0]);
		g.sides[i][1] = side_make("floor", ways[i].op, &g.looks[1]);
	}
	rc = bench_batches(b, 0, batch, &g);
	for (i = 0; i < count; i++) {
		if (rc == 0)
			bench_row(b, ways[i].work, &g.sides[i][0], &g.sides[i][1], ways[i].bound,
				ways[i].target);
		sides_release(g.sides[i], MOUNTS);
	}
	return rc;
}

int work_look(struct bench *b)
{
	static const struct way ways[] = {
		{"stat activity", stat_path, AT_MOST, 1.3},
		{"its last 4 KiB, held descriptor", read_tail, AT_MOST, 1.5},
		{"its last 4 KiB, open + read + close", open_and_read_tail, AT_MOST, 1.5},
	};

	return measure(b, "activity", ways, 3);
}

int work_touch(struct bench *b)
{
	static const struct way ways[] = {
		{"touch of a heartbeat, as touch(1)", touch_like_coreutils, AT_MOST, 1.3},
		{"the same, open + futimens + close", touch_open, NO_TARGET, 0},
		{"the same, utimensat of the path", touch_path, NO_TARGET, 0},
	};

	return measure(b, "sessions/s0/heartbeat", ways, 3);
}
