/*
 * The shared files: a small one made, and git over many.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/bench/bench.h"

#define OPS       10
#define FILE_SIZE 4096

enum { OURS, FLOOR, DISK, SIDES };

struct making {
	char dir[PATH_MAX - 32];
	unsigned next; /* the number of the next file: none goes, since a disk is slow to take a
			  place that has just become free */
};

static int make_file(void *ctx)
{
	static const char data[FILE_SIZE] = {1};
	struct making *m = ctx;
	char path[PATH_MAX];
	int fd, rc;

	snprintf(path, sizeof(path), "%s/f%u", m->dir, m->next++);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0)
		return -errno;
	rc = write(fd, data, sizeof(data)) == sizeof(data) ? 0 : -EIO;
	if (close(fd) != 0 && rc == 0)
		rc = -errno;
	return rc;
}

static int making_init(struct making *m, const char *top, const char *name)
{
	int n = snprintf(m->dir, sizeof(m->dir), "%s/%s", top, name);

	return n < (int)sizeof(m->dir) ? 0 : -ENAMETOOLONG;
}

struct makings {
	struct making m[SIDES];
	struct side s[SIDES];
};

static int batch_made(struct bench *b, struct pair *p, void *ctx)
{
	struct makings *g = ctx;
	int rc = 0;

	if (p->ours.pid)
		rc = making_init(&g->m[OURS], p->ours.mount, "memory");
	if (rc == 0)
		rc = making_init(&g->m[FLOOR], p->floor.mount, "memory");
	if (rc == 0)
		rc = making_init(&g->m[DISK], b->dir, "made");
	if (rc == 0 && mkdir(g->m[DISK].dir, 0700) != 0 && errno != EEXIST)
		rc = -errno;
	if (rc == 0)
		rc = sides_measure(g->s, SIDES, b->rounds, OPS);
	return rc;
}

int work_files(struct bench *b)
{
	static const char work[] = "4 KiB file made in memory/, open + write + close";
	struct makings g = {0};
	int rc;

	g.s[OURS] = side_make("leitlfs", b->leitlfs ? make_file : NULL, &g.m[OURS]);
	g.s[FLOOR] = side_make("floor", make_file, &g.m[FLOOR]);
	g.s[DISK] = side_make("on disk", make_file, &g.m[DISK]);
	rc = bench_batches(b, 0, batch_made, &g);
	if (rc == 0) {
		bench_row(b, work, &g.s[OURS], &g.s[FLOOR], AT_MOST, 3.0);
		bench_row(b, work, &g.s[OURS], &g.s[DISK], NO_TARGET, 0);
	}
	sides_release(g.s, SIDES);
	return rc;
}

#define GIT_FILES  1000
#define GIT_ROUNDS 15

/* A repository of GIT_FILES files, all of them committed. */
static int make_repository(const char *top, char *dir, size_t size)
{
	static const char script[] =
		"set -e; mkdir \"$0\"; cd \"$0\"; git init -q; "
		"for d in 0 1 2 3 4 5 6 7 8 9; do mkdir $d; "
		"for f in 0 1 2 3 4 5 6 7 8 9; do for g in 0 1 2 3 4 5 6 7 8 9; do "
		"echo $d $f $g >$d/$f$g; done; done; done; "
		"git add .; git -c user.name=b -c user.email=b@example commit -qm b; git status "
		">/dev/null";
	unsigned long lines;
	int n = snprintf(dir, size, "%s/repository", top);

	if (n >= (int)size)
		return -ENAMETOOLONG;
	return run_counting((char *const[]){"sh", "-c", (char *)script, dir, NULL}, &lines);
}

static int git_status(void *ctx)
{
	unsigned long lines;
	int rc = run_counting(
		(char *const[]){"git", "-C", ctx, "status", "--porcelain", NULL}, &lines);

	return rc == 0 && lines > 0 ? -EUCLEAN : rc;
}

int work_git(struct bench *b)
{
	static const char work[] = "git status of 1000 files in memory/";
	char ours[PATH_MAX], disk[PATH_MAX], top[PATH_MAX];
	struct side s[2];
	struct daemon d = {0};
	int rc, rc2;

	if (!b->leitlfs) {
		table_note(work, "needs leitlfs");
		return 0;
	}
	s[0] = side_make("leitlfs", git_status, ours);
	s[1] = side_make("on disk", git_status, disk);
	rc = bench_leitlfs(b, &d, "git", NULL);
	if (rc != 0)
		return rc;
	if (snprintf(top, sizeof(top), "%s/memory", d.mount) >= (int)sizeof(top))
		rc = -ENAMETOOLONG;
	if (rc == 0)
		rc = make_repository(top, ours, sizeof(ours));
	if (rc == 0)
		rc = make_repository(b->dir, disk, sizeof(disk));
	for (unsigned i = 0; i < b->batches && rc == 0; i++)
		rc = sides_measure(s, 2, GIT_ROUNDS, 1);
	if (rc == 0)
		bench_row(b, work, &s[0], &s[1], AT_MOST, 3.0);
	sides_release(s, 2);
	rc2 = daemon_stop(&d);
	return rc ? rc : rc2;
}
