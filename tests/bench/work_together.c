/*
 * Working together: a claim taken and given back, and the page that an agent reads at each turn.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/bench/bench.h"
#include "tests/bench/tree.h"

#define OPS      10
#define PAGE_MAX 8192
#define OTHERS   99
#define UNREAD   1000

/* One path on each mount. */
struct one {
	char path[PATH_MAX];
};

static int set_path(struct one *o, const struct daemon *d, const char *name)
{
	int n = snprintf(o->path, sizeof(o->path), "%s/%s", d->mount, name);

	return n < (int)sizeof(o->path) ? 0 : -ENAMETOOLONG;
}

static int make_and_remove(void *ctx)
{
	const struct one *o = ctx;

	return mkdir(o->path, 0755) == 0 && rmdir(o->path) == 0 ? 0 : -errno;
}

static int read_whole(void *ctx)
{
	const struct one *o = ctx;
	char page[PAGE_MAX];
	ssize_t n;
	int fd = open(o->path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	n = read(fd, page, sizeof(page));
	close(fd);
	return n > 0 ? 0 : -EIO;
}

/* Both mounts, side by side. */
struct both {
	const char *ours, *floor; /* names */
	int (*prepare)(const char *mount);
	struct one paths[2];
	struct side sides[2];
};

static int batch(struct bench *b, struct pair *p, void *ctx)
{
	struct both *g = ctx;
	int rc = p->ours.pid ? set_path(&g->paths[0], &p->ours, g->ours) : 0;

	if (rc == 0)
		rc = set_path(&g->paths[1], &p->floor, g->floor);
	if (rc == 0 && p->ours.pid && g->prepare)
		rc = g->prepare(p->ours.mount);
	return rc ? rc : sides_measure(g->sides, 2, b->rounds, OPS);
}

static int measure(
	struct bench *b, struct both *g, const char *work, int (*op)(void *), double target)
{
	int rc;

	g->sides[0] = side_make("leitlfs", b->leitlfs ? op : NULL, &g->paths[0]);
	g->sides[1] = side_make("floor", op, &g->paths[1]);
	rc = bench_batches(b, 0, batch, g);
	if (rc == 0)
		bench_row(b, work, &g->sides[0], &g->sides[1], AT_MOST, target);
	sides_release(g->sides, 2);
	return rc;
}

int work_claim(struct bench *b)
{
	struct both g = {.ours = "claims/login", .floor = "sessions/s999"};

	return measure(b, &g, "mkdir and rmdir of a claim", make_and_remove, 2.5);
}

static int set_task(const char *mount, unsigned n)
{
	char task[64];
	int len = snprintf(task, sizeof(task), "task number %u\n", n), rc = 0;
	int fd = tree_open_session(mount, n, "current_task", O_WRONLY);

	if (fd < 0)
		return fd;
	if (write(fd, task, (size_t)len) != len)
		rc = -errno;
	close(fd);
	return rc;
}

/* s0 is there already and is who speaks; s1 reads its page. */
static int fill_loop(const char *mount)
{
	int rc = tree_register(mount, 1, OTHERS);

	for (unsigned n = 1; n <= OTHERS && rc == 0; n++)
		rc = set_task(mount, n);
	return rc ? rc : tree_fill(mount, 1, UNREAD);
}

int work_brief(struct bench *b)
{
	struct both g = {.ours = "sessions/s1/brief.md", .floor = "activity", .prepare = fill_loop};

	return measure(b, &g, "brief.md, 100 sessions, 1,000 unread", read_whole, 10);
}
