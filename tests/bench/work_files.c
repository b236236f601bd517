/*
 * Synced files: read again, read through by grep, and found.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/bench/context.h"

#define OPS       10
#define BUF_ALIGN 4096 /* as cat(1) and cp(1) read */

enum { OURS, FLOOR, DISK, SIDES };

struct reading {
	char path[PATH_MAX]; /* read from open to close */
	char held_path[PATH_MAX];
	int fd;    /* of the one that is held */
	char *buf; /* CORPUS_LONG bytes */
};

static int open_read_close(void *ctx)
{
	struct reading *r = ctx;
	int rc = 0, fd = open(r->path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, r->buf, CORPUS_LONG);
	if (n <= 0)
		rc = n < 0 ? -errno : -ENODATA;
	close(fd);
	return rc;
}

static int read_held(void *ctx)
{
	struct reading *r = ctx;
	ssize_t n = pread(r->fd, r->buf, CORPUS_LONG, 0);

	if (n < 0)
		return -errno;
	return n == CORPUS_LONG ? 0 : -EIO;
}

static int reading_init(struct reading *r, const char *mount, const char *files)
{
	const char *slash = files[0] ? "/" : "";
	int n;

	n = snprintf(r->path, sizeof(r->path), "%s%s%s/" CORPUS_FILE, mount, slash, files);
	if (n >= (int)sizeof(r->path))
		return -ENAMETOOLONG;
	n = snprintf(r->held_path, sizeof(r->held_path), "%s%s%s/" CORPUS_LONG_FILE, mount, slash,
		files);
	if (n >= (int)sizeof(r->held_path))
		return -ENAMETOOLONG;
	r->fd = open(r->held_path, O_RDONLY | O_CLOEXEC);
	if (r->fd < 0)
		return bench_failed(r->held_path, -errno);
	return 0;
}

struct readings {
	struct reading r[SIDES];
	struct side opened[SIDES], held[SIDES];
};

static int measure_batch(struct bench *b, struct readings *g)
{
	struct daemon d = {0}, floor = {0};
	int i, rc, rc2, rc3;

	rc = context_start(b, &d, &floor);
	if (rc != 0)
		return rc;
	if (b->leitlfs)
		rc = reading_init(&g->r[OURS], d.mount, SYNCED_FILES);
	if (rc == 0)
		rc = reading_init(&g->r[FLOOR], floor.mount, "files");
	if (rc == 0)
		rc = reading_init(&g->r[DISK], b->web_root, "");
	if (rc == 0)
		rc = sides_measure(g->opened, SIDES, b->rounds, OPS);
	if (rc == 0)
		rc = sides_measure(g->held, SIDES, b->rounds / 4, OPS);
	for (i = 0; i < SIDES; i++) {
		if (g->r[i].fd >= 0)
			close(g->r[i].fd);
		g->r[i].fd = -1;
	}
	rc2 = daemon_stop(&d);
	rc3 = daemon_stop(&floor);
	return rc ? rc : rc2 ? rc2 : rc3;
}

static int measure_batches(struct bench *b, void *ctx)
{
	unsigned i;
	int rc = 0;

	for (i = 0; i < b->batches && rc == 0; i++)
		rc = measure_batch(b, ctx);
	return rc;
}

static void reading_rows(const struct bench *b, struct readings *g)
{
	static const char opened[] = "a synced file again, open + read + close";
	static const char held[] = "1 MiB of a synced file, held descriptor";

	bench_row(b, opened, &g->opened[OURS], &g->opened[FLOOR], AT_MOST, 1.3);
	bench_row(b, opened, &g->opened[OURS], &g->opened[DISK], NO_TARGET, 0);
	bench_row(b, held, &g->held[OURS], &g->held[FLOOR], AT_MOST, 1.3);
	bench_row(b, held, &g->held[OURS], &g->held[DISK], AT_MOST, 1.2);
}

int work_read(struct bench *b)
{
	static const char *const names[SIDES] = {"leitlfs", "floor, cached", "on disk"};
	struct readings g = {.r = {{.fd = -1}, {.fd = -1}, {.fd = -1}}};
	char *buf;
	int i, rc;

	if (!context_possible(b, "a synced file read again"))
		return 0;
	buf = aligned_alloc(BUF_ALIGN, CORPUS_LONG);
	if (!buf)
		return -ENOMEM;
	for (i = 0; i < SIDES; i++) {
		g.r[i].buf = buf;
		g.opened[i] = side_make(names[i], open_read_close, &g.r[i]);
		g.held[i] = side_make(names[i], read_held, &g.r[i]);
	}
	if (!b->leitlfs)
		g.opened[OURS].op = g.held[OURS].op = NULL;
	rc = context_ready(b);
	if (rc == 0)
		rc = bench_on_one_core(b, 0, measure_batches, &g);
	if (rc == 0)
		reading_rows(b, &g);
	sides_release(g.opened, SIDES);
	sides_release(g.held, SIDES);
	free(buf);
	return rc;
}

struct grep {
	char path[PATH_MAX];
};

static int grep_tree(void *ctx)
{
	struct grep *g = ctx;
	unsigned long lines = 0;
	int rc;

	rc = run_counting((char *const[]){"grep", "-r", CORPUS_MARK, g->path, NULL}, &lines);
	if (rc == 0 && lines != 1)
		rc = -ENODATA;
	return rc;
}

static int grep_init(struct grep *g, const char *mount, const char *files)
{
	int n = snprintf(g->path, sizeof(g->path), "%s/%s", mount, files);

	return n < (int)sizeof(g->path) ? 0 : -ENAMETOOLONG;
}

static int measure_greps(struct bench *b, void *ctx)
{
	struct daemon d = {0}, floor = {0};
	struct grep g[SIDES];
	struct side *s = ctx;
	int i, rc, rc2, rc3;

	rc = context_start(b, &d, &floor);
	if (rc != 0)
		return rc;
	rc = grep_init(&g[OURS], d.mount, SYNCED_FILES);
	if (rc == 0)
		rc = grep_init(&g[FLOOR], floor.mount, "files");
	if (rc == 0)
		rc = grep_init(&g[DISK], b->web_root, "");
	for (i = 0; i < SIDES; i++)
		s[i].ctx = &g[i];
	if (rc == 0)
		rc = sides_measure(s, SIDES, b->rounds / 5, 1);
	rc2 = daemon_stop(&d);
	rc3 = daemon_stop(&floor);
	return rc ? rc : rc2 ? rc2 : rc3;
}

int work_grep(struct bench *b)
{
	static const char work[] = "grep -r over the synced files, warm";
	struct side s[SIDES] = {side_make("leitlfs", b->leitlfs ? grep_tree : NULL, NULL),
		side_make("floor, cached", grep_tree, NULL), side_make("on disk", grep_tree, NULL)};
	int rc;

	if (!context_possible(b, work))
		return 0;
	rc = context_ready(b);
	if (rc == 0)
		rc = bench_on_one_core(b, 0, measure_greps, s);
	if (rc == 0) {
		bench_row(b, work, &s[OURS], &s[FLOOR], AT_MOST, 1.3);
		bench_row(b, work, &s[OURS], &s[DISK], NO_TARGET, 0);
	}
	sides_release(s, SIDES);
	return rc;
}

/* Two words a query, of those that are in a few to a few hundred files; never the same again. */
struct query {
	const struct corpus *corpus;
	const char *dir; /* the mount; of grep the files */
	unsigned asked;
};

static void query_words(struct query *q, const char *words[2])
{
	words[0] = corpus_word(q->corpus, 400 + 37 * q->asked);
	words[1] = corpus_word(q->corpus, 1100 + 53 * q->asked);
	q->asked++;
}

static int query_path(struct query *q, char out[PATH_MAX])
{
	const char *words[2];
	int n;

	query_words(q, words);
	n = snprintf(out, PATH_MAX, "%s/context/search/%s %s max:10/results.json", q->dir, words[0],
		words[1]);
	return n < PATH_MAX ? 0 : -ENAMETOOLONG;
}

static int query_by_cat(void *ctx)
{
	char path[PATH_MAX];
	unsigned long lines = 0;
	int rc = query_path(ctx, path);

	if (rc == 0)
		rc = run_counting((char *const[]){"cat", path, NULL}, &lines);
	return rc == 0 && lines == 0 ? -ENODATA : rc;
}

static int query_by_grep(void *ctx)
{
	struct query *q = ctx;
	const char *words[2];
	char pattern[128];
	unsigned long lines;

	query_words(q, words);
	snprintf(pattern, sizeof(pattern), "%s|%s", words[0], words[1]);
	return run_counting(
		(char *const[]){"grep", "-rilE", pattern, (char *)q->dir, NULL}, &lines);
}

static int query_in_process(void *ctx)
{
	char path[PATH_MAX], buf[65536];
	int fd, rc = query_path(ctx, path);
	ssize_t n, sum = 0;

	if (rc != 0)
		return rc;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	while ((n = read(fd, buf, sizeof(buf))) > 0)
		sum += n;
	rc = n < 0 ? -errno : 0;
	close(fd);
	return rc == 0 && sum == 0 ? -ENODATA : rc;
}

int work_query(struct bench *b)
{
	static const char work[] = "a new query, cat results.json with max:10";
	struct query q[3] = {{0}};
	struct side s[3] = {side_make("leitlfs", b->leitlfs ? query_by_cat : NULL, &q[0]),
		side_make("grep -rilE", query_by_grep, &q[1]),
		side_make("leitlfs", b->leitlfs ? query_in_process : NULL, &q[2])};
	struct daemon d = {0};
	struct corpus *c;
	int i, rc, rc2;

	if (!context_possible(b, work))
		return 0;
	rc = context_corpus(b, &c);
	if (rc == 0)
		rc = context_ready(b);
	if (rc == 0)
		rc = context_start(b, &d, NULL);
	for (i = 0; i < 3 && rc == 0; i++)
		q[i] = (struct query){.corpus = c, .dir = i == 1 ? c->dir : d.mount};
	q[2].asked = 40; /* other queries than by cat */
	if (rc == 0)
		rc = sides_measure(s, 3, b->rounds / 10, 1);
	if (rc == 0) {
		bench_row(b, work, &s[0], &s[1], AT_MOST, 0.25);
		bench_row(b, "the same without cat's process", &s[2], &s[1], NO_TARGET, 0);
	}
	sides_release(s, 3);
	rc2 = daemon_stop(&d);
	return rc ? rc : rc2;
}
