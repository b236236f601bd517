#include "tests/bench/bench.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/bench/pin.h"
#include "tests/bench/tree.h"

/* What is measured is the work, not the limits that keep a loop polite. */
#define NO_LIMITS "broadcasts=0,tasks=0,sessions=0,messages=0,bytes=0"

int bench_failed(const char *what, int rc)
{
	fprintf(stderr, "bench: %s: %s\n", what, strerror(-rc));
	return rc;
}

int bench_leitlfs(const struct bench *b, struct daemon *d, const char *name, uint64_t *start_ns)
{
	char mount[PATH_MAX], state[PATH_MAX], options[PATH_MAX];
	int n, s, m;

	n = snprintf(mount, sizeof(mount), "%s/%s", b->dir, name);
	s = snprintf(state, sizeof(state), "%s/%s.state", b->dir, name);
	m = snprintf(options, sizeof(options), "state=%s,%s", state, NO_LIMITS);
	if (n >= (int)sizeof(mount) || s >= (int)sizeof(state) || m >= (int)sizeof(options))
		return -ENAMETOOLONG;
	if (mkdir(state, 0700) != 0 && errno != EEXIST)
		return -errno;
	return daemon_start(d, b->leitlfs, options, mount, start_ns);
}

int bench_floor(const struct bench *b, const struct daemon *like, const char *name,
	const char *tree, struct daemon *out)
{
	static const char *const shared[] = {"default_permissions", "allow_other"};
	char mount[PATH_MAX], options[PATH_MAX + 64] = "fsname=floor";
	size_t i, len = strlen(options);
	int n;

	/* Permissions checked by the kernel cost requests of their own: both pay, or neither. */
	for (i = 0; i < 2 && like->pid; i++) {
		if (daemon_has_option(like, shared[i]))
			len += (size_t)snprintf(
				options + len, sizeof(options) - len, ",%s", shared[i]);
	}
	if (tree)
		len += (size_t)snprintf(options + len, sizeof(options) - len, ",tree=%s", tree);
	n = snprintf(mount, sizeof(mount), "%s/%s", b->dir, name);
	if (n >= (int)sizeof(mount) || len >= sizeof(options))
		return -ENAMETOOLONG;
	return daemon_start(out, b->floor, options, mount, NULL);
}

int bench_pair_start(struct bench *b, struct pair *p, unsigned sessions)
{
	char name[32];
	int rc = 0;

	*p = (struct pair){0};
	snprintf(name, sizeof(name), "pair%u", b->pairs++);
	if (b->leitlfs)
		rc = bench_leitlfs(b, &p->ours, name, NULL);
	if (rc == 0 && b->leitlfs)
		rc = tree_register(p->ours.mount, 0, sessions);
	if (rc == 0)
		rc = bench_floor(b, &p->ours, "floor", NULL, &p->floor);
	if (rc == 0)
		rc = tree_register(p->floor.mount, 0, sessions);
	if (rc != 0) {
		daemon_kill(&p->ours);
		daemon_kill(&p->floor);
	}
	return rc;
}

int bench_pair_stop(struct pair *p)
{
	int rc = daemon_stop(&p->ours), rc2 = daemon_stop(&p->floor);

	return rc ? rc : rc2;
}

struct batches {
	bench_batch batch;
	void *ctx;
};

static int run_batches(struct bench *b, void *ctx)
{
	const struct batches *each = ctx;
	struct pair p;
	unsigned i;
	int rc = 0, rc2;

	for (i = 0; i < b->batches && rc == 0; i++) {
		rc = bench_pair_start(b, &p, 1);
		if (rc != 0)
			return rc;
		rc = each->batch(b, &p, each->ctx);
		rc2 = bench_pair_stop(&p);
		rc = rc ? rc : rc2;
	}
	return rc;
}

int bench_on_one_core(
	struct bench *b, pid_t peer, int (*run)(struct bench *b, void *ctx), void *ctx)
{
	struct pin pin;
	int rc;

	if (b->unpinned)
		return run(b, ctx);
	rc = pin_here(&pin);
	if (rc != 0)
		return bench_failed("pinning to a core", rc);
	if (peer > 0)
		pin_process(&pin, peer);
	rc = run(b, ctx);
	if (peer > 0)
		unpin_process(&pin, peer);
	unpin_here(&pin);
	return rc;
}

int bench_batches(struct bench *b, pid_t peer, bench_batch batch, void *ctx)
{
	struct batches each = {.batch = batch, .ctx = ctx};

	return bench_on_one_core(b, peer, run_batches, &each);
}

static void show_quantiles(const char *work, struct side *s)
{
	size_t i;

	if (s->medians.len == 0)
		return;
	fprintf(stderr, "%s, %s: medians", work, s->name);
	for (i = 0; i < s->medians.len; i++)
		fprintf(stderr, " %.1f", s->medians.v[i] / 1e3);
	if (s->ns.len > 0)
		fprintf(stderr, "; last batch: n %zu, min %.1f, p90 %.1f, p99 %.1f, max %.1f",
			s->ns.len, samples_quantile(&s->ns, 0) / 1e3,
			samples_quantile(&s->ns, 0.9) / 1e3, samples_quantile(&s->ns, 0.99) / 1e3,
			samples_quantile(&s->ns, 1) / 1e3);
	fprintf(stderr, " us\n");
}

void bench_row(const struct bench *b, const char *work, struct side *ours, struct side *theirs,
	enum bound bound, double target)
{
	struct row row = {.work = work,
		.unit = UNIT_TIME,
		.peer = theirs->name,
		.bound = bound,
		.target = target};

	if (b->verbose) {
		show_quantiles(work, ours);
		show_quantiles(work, theirs);
	}
	row.ours = samples_median(&ours->medians);
	row.theirs = samples_median(&theirs->medians);
	table_row(&row);
}
