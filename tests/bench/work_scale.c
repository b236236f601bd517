/*
 * Size: what a full log and a full sessions/ do to tail, to the start, to ls and to memory.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/bench/bench.h"
#include "tests/bench/tree.h"

#define SMALL_EVENTS 1000
#define WRITERS      4
#define STARTS       9 /* of each, for the median */
#define TAIL_LINES   10
#define TAIL_BLOCK   8192 /* tail(1) reads backwards in such blocks */
#define MIB          1048576.0

/* Fills the log of a fresh leitlfs and ends it cleanly: dir/<name>.state is ready to be started. */
static int fill_log(const struct bench *b, const char *name, unsigned long events)
{
	struct daemon d;
	uint64_t begun = now_ns();
	off_t size;
	int rc, rc2;

	rc = bench_leitlfs(b, &d, name, NULL);
	if (rc != 0)
		return rc;
	rc = tree_register(d.mount, 0, WRITERS);
	if (rc == 0)
		rc = tree_fill(d.mount, WRITERS, events);
	size = tree_size(d.mount, "activity");
	if (b->verbose)
		fprintf(stderr, "%s: %lu events in %.1f s; the log has %lld bytes\n", name, events,
			(double)(now_ns() - begun) / 1e9, (long long)size);
	if (rc == 0 && size < (off_t)(events * MESSAGE_SIZE))
		fprintf(stderr, "bench: %s: the log is smaller than what was written\n", name);
	rc2 = daemon_stop(&d);
	return rc ? rc : rc2;
}

static int fill_full_log(struct bench *b)
{
	int rc = b->full_log_is_ready ? 0 : fill_log(b, "full", b->events);

	b->full_log_is_ready = rc == 0;
	return rc;
}

struct listing {
	char path[PATH_MAX];
	unsigned long expected; /* at least so many lines or names */
};

static int listing_init(
	struct listing *l, const char *dir, const char *name, unsigned long expected)
{
	int n = snprintf(l->path, sizeof(l->path), "%s/%s", dir, name);

	l->expected = expected;
	return n < (int)sizeof(l->path) ? 0 : -ENAMETOOLONG;
}

static int run_lines(const struct listing *l, char *const argv[])
{
	unsigned long lines;
	int rc = run_counting(argv, &lines);

	if (rc == 0 && lines < l->expected) {
		fprintf(stderr, "bench: %s %s gave %lu lines of %lu\n", argv[0], l->path, lines,
			l->expected);
		rc = -ENODATA;
	}
	return rc;
}

static int run_tail(void *ctx)
{
	struct listing *l = ctx;

	return run_lines(l, (char *const[]){"tail", "-n", "10", l->path, NULL});
}

static int run_ls(void *ctx)
{
	struct listing *l = ctx;

	return run_lines(l, (char *const[]){"ls", l->path, NULL});
}

/* What tail(1) asks of the file, without the process around it. */
static int tail_in_process(void *ctx)
{
	struct listing *l = ctx;
	char buf[TAIL_BLOCK];
	int fd = open(l->path, O_RDONLY | O_CLOEXEC), lines = 0, rc = 0;
	struct stat st;
	off_t at;
	ssize_t n, i;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) != 0)
		rc = -errno;
	at = rc == 0 ? st.st_size : 0;
	while (at > 0 && lines <= TAIL_LINES) {
		off_t from = (at - 1) / TAIL_BLOCK * TAIL_BLOCK;

		n = pread(fd, buf, (size_t)(at - from), from);
		if (n != at - from) {
			rc = n < 0 ? -errno : -EIO;
			break;
		}
		for (i = 0; i < n; i++)
			lines += buf[i] == '\n';
		at = from;
	}
	close(fd);
	return rc == 0 && lines < TAIL_LINES ? -ENODATA : rc;
}

static int readdir_in_process(void *ctx)
{
	struct listing *l = ctx;
	DIR *dir = opendir(l->path);
	unsigned long names = 0;

	if (!dir)
		return -errno;
	while (readdir(dir))
		names++;
	closedir(dir);
	return names < l->expected ? -ENODATA : 0;
}

static int measure_starts(const struct bench *b, const char *small)
{
	struct side s[2] = {side_make("leitlfs", NULL, NULL), side_make(small, NULL, NULL)};
	const char *const names[2] = {"full", "small"};
	struct daemon d;
	uint64_t start;
	char work[96];
	int r, i, rc = 0;

	for (r = 0; r <= STARTS && rc == 0; r++) {
		for (i = 0; i < 2 && rc == 0; i++) {
			rc = bench_leitlfs(b, &d, names[i], &start);
			if (rc == 0)
				rc = daemon_stop(&d);
			if (rc == 0 && r > 0)
				rc = samples_add(&s[i].medians, (double)start);
		}
	}
	snprintf(work, sizeof(work), "start-up with %lu events", b->events);
	if (rc == 0)
		bench_row(b, work, &s[0], &s[1], AT_MOST, 3.0);
	sides_release(s, 2);
	return rc;
}

static int measure_tails(const struct bench *b, const char *small)
{
	struct daemon d[2] = {0};
	struct listing l[2];
	struct side s[2] = {
		side_make("leitlfs", run_tail, &l[0]), side_make(small, run_tail, &l[1])};
	char work[96];
	int rc, rc2, rc3;

	rc = bench_leitlfs(b, &d[0], "full", NULL);
	if (rc == 0)
		rc = bench_leitlfs(b, &d[1], "small", NULL);
	if (rc == 0)
		rc = listing_init(&l[0], d[0].mount, "activity", TAIL_LINES);
	if (rc == 0)
		rc = listing_init(&l[1], d[1].mount, "activity", TAIL_LINES);
	if (rc == 0)
		rc = sides_measure(s, 2, b->rounds, 3);
	snprintf(work, sizeof(work), "tail -n 10 activity with %lu events", b->events);
	if (rc == 0)
		bench_row(b, work, &s[0], &s[1], AT_MOST, 1.5);
	sides_release(s, 2);
	s[0] = side_make("leitlfs", tail_in_process, &l[0]);
	s[1] = side_make(small, tail_in_process, &l[1]);
	if (rc == 0)
		rc = sides_measure(s, 2, b->rounds, 20);
	if (rc == 0)
		bench_row(b, "the same reads without tail's process", &s[0], &s[1], NO_TARGET, 0);
	sides_release(s, 2);
	rc2 = daemon_stop(&d[0]);
	rc3 = daemon_stop(&d[1]);
	return rc ? rc : rc2 ? rc2 : rc3;
}

int work_log(struct bench *b)
{
	char small[32];
	int rc;

	if (!b->leitlfs) {
		table_note("tail and start-up with a full log", "needs leitlfs");
		return 0;
	}
	snprintf(small, sizeof(small), "%d events", SMALL_EVENTS);
	rc = fill_log(b, "small", SMALL_EVENTS);
	if (rc == 0)
		rc = fill_full_log(b);
	if (rc == 0)
		rc = measure_tails(b, small);
	return rc == 0 ? measure_starts(b, small) : rc;
}

static int make_directories(const char *path, unsigned count)
{
	char sub[PATH_MAX];
	unsigned i;

	if (mkdir(path, 0755) != 0)
		return -errno;
	for (i = 0; i < count; i++) {
		if (snprintf(sub, sizeof(sub), "%s/s%u", path, i) >= (int)sizeof(sub))
			return -ENAMETOOLONG;
		if (mkdir(sub, 0755) != 0)
			return -errno;
	}
	return 0;
}

int work_ls(struct bench *b)
{
	struct daemon d = {0};
	struct listing ours, disk;
	struct side s[2] = {side_make("leitlfs", NULL, &ours), side_make("on disk", run_ls, &disk)};
	char work[96];
	int rc, rc2;

	rc = listing_init(&disk, b->dir, "directories", b->sessions);
	if (rc == 0)
		rc = make_directories(disk.path, b->sessions);
	if (rc == 0 && b->leitlfs) {
		s[0].op = run_ls;
		rc = bench_leitlfs(b, &d, "ls", NULL);
		if (rc == 0)
			rc = listing_init(&ours, d.mount, "sessions", b->sessions);
		if (rc == 0)
			rc = tree_register(d.mount, 0, b->sessions);
	}
	if (rc == 0)
		rc = sides_measure(s, 2, b->rounds / 5, 1);
	snprintf(work, sizeof(work), "ls sessions with %u", b->sessions);
	if (rc == 0)
		bench_row(b, work, &s[0], &s[1], AT_MOST, 4.0);
	sides_release(s, 2);
	s[0] = side_make("leitlfs", b->leitlfs ? readdir_in_process : NULL, &ours);
	s[1] = side_make("on disk", readdir_in_process, &disk);
	if (rc == 0)
		rc = sides_measure(s, 2, b->rounds / 5, 1);
	if (rc == 0)
		bench_row(b, "the same, opendir + readdir", &s[0], &s[1], NO_TARGET, 0);
	sides_release(s, 2);
	rc2 = daemon_stop(&d);
	return rc ? rc : rc2;
}

static void memory_row(const struct bench *b, const struct daemon *d, const char *when, bool target)
{
	char work[96];
	struct row row = {.work = work,
		.unit = UNIT_MEMORY,
		.ours = daemon_resident(d),
		.bound = target ? AT_MOST : NO_TARGET,
		.target = 64 * MIB};

	snprintf(work, sizeof(work), "memory, %u sessions, %lu events, %s", b->sessions, b->events,
		when);
	table_row(&row);
}

/* The full log gets its sessions, and a tenth more of events that go into every inbox. */
static int fill_sessions(const struct bench *b, struct daemon *d)
{
	int rc = tree_register(d->mount, WRITERS, b->sessions - WRITERS);

	return rc == 0 ? tree_fill(d->mount, WRITERS, b->events / 10) : rc;
}

int work_memory(struct bench *b)
{
	struct daemon d;
	struct listing tail, ls;
	int rc, rc2;

	if (!b->leitlfs) {
		table_note("memory with both full", "needs leitlfs");
		return 0;
	}
	rc = fill_full_log(b);
	if (rc == 0)
		rc = bench_leitlfs(b, &d, "full", NULL);
	if (rc != 0)
		return rc;
	rc = fill_sessions(b, &d);
	if (rc == 0)
		memory_row(b, &d, "filled", false);
	rc2 = daemon_stop(&d);
	if (rc == 0)
		rc = rc2;
	if (rc == 0)
		rc = bench_leitlfs(b, &d, "full", NULL);
	if (rc != 0)
		return rc;
	memory_row(b, &d, "restarted", true);
	rc = listing_init(&tail, d.mount, "activity", TAIL_LINES);
	if (rc == 0)
		rc = listing_init(&ls, d.mount, "sessions", b->sessions);
	if (rc == 0)
		rc = run_ls(&ls);
	if (rc == 0)
		rc = run_tail(&tail);
	if (rc == 0)
		memory_row(b, &d, "after ls and tail", true);
	rc2 = daemon_stop(&d);
	return rc ? rc : rc2;
}
