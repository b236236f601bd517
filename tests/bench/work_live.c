/*
 * Being told: from a write until a reader that waits has it, for one reader and for many.
 */
#include <stdio.h>

#include "tests/bench/bench.h"
#include "tests/bench/channel.h"
#include "tests/bench/redis_peer.h"
#include "tests/bench/tree.h"

#define REST_ONE_NS   50000
#define REST_MANY_NS  500000
#define ONE_MESSAGES  50 /* of a side in a round */
#define MANY_MESSAGES 2

enum { OURS, REDIS, FLOOR, SIDES };

/* What a work asks for, and what its batches gave. */
struct live {
	unsigned readers;
	unsigned rounds, messages;
	uint64_t rest_ns;
	struct samples medians[SIDES], p99s[SIDES];
};

static int measure_channels(struct channel c[SIDES], const struct live *l)
{
	unsigned r, i, m;
	int rc;

	for (r = 0; r <= l->rounds; r++) {
		for (i = 0; i < SIDES; i++) {
			struct channel *now = &c[(i + r) % SIDES];

			for (m = 0; m < l->messages && now->waiters; m++) {
				rc = channel_measure(now, r > 0);
				if (rc != 0)
					return bench_failed(now->name, rc);
			}
		}
	}
	return 0;
}

static int keep_results(struct live *l, struct channel c[SIDES])
{
	int i, rc = 0;

	for (i = 0; i < SIDES && rc == 0; i++) {
		if (c[i].ns.len == 0)
			continue;
		rc = samples_add(&l->medians[i], samples_median(&c[i].ns));
		if (rc == 0)
			rc = samples_add(&l->p99s[i], samples_quantile(&c[i].ns, 0.99));
	}
	return rc;
}

static int open_floor(
	struct bench *b, struct channel *c, const struct daemon *like, struct daemon *floor)
{
	int rc = bench_floor(b, like, "floor", NULL, floor);

	if (rc == 0)
		rc = tree_register(floor->mount, 0, 1);
	return rc ? rc : channel_open_leitlfs(c, floor->mount);
}

static int run_batch(struct bench *b, struct live *l, const char *name)
{
	struct channel c[SIDES] = {
		[OURS] = {.name = "leitlfs", .fd = -1},
		[REDIS] = {.name = "Redis PUBLISH", .fd = -1},
		[FLOOR] = {.name = "floor", .fd = -1},
	};
	struct daemon ours = {0}, floor = {0};
	int i, rc = 0, rc2, rc3;

	for (i = 0; i < SIDES; i++) {
		c[i].readers = l->readers;
		c[i].rest_ns = l->rest_ns;
	}
	if (b->leitlfs) {
		rc = bench_leitlfs(b, &ours, name, NULL);
		if (rc == 0)
			rc = tree_register(ours.mount, 0, l->readers + 1);
		if (rc == 0)
			rc = channel_open_leitlfs(&c[OURS], ours.mount);
	}
	if (rc == 0 && l->readers == 1) /* the floor can wake one */
		rc = open_floor(b, &c[FLOOR], &ours, &floor);
	if (rc == 0 && b->redis_port)
		rc = channel_open_redis(&c[REDIS], b->redis_port);
	if (rc == 0)
		rc = measure_channels(c, l);
	if (rc == 0)
		rc = keep_results(l, c);
	for (i = 0; i < SIDES; i++) {
		if (channel_end(&c[i]) != 0)
			channel_break(&c[i], i == FLOOR ? &floor : &ours);
		channel_release(&c[i]);
	}
	rc2 = daemon_stop(&ours);
	rc3 = daemon_stop(&floor);
	return rc ? rc : rc2 ? rc2 : rc3;
}

static int run_batches(struct bench *b, void *ctx)
{
	struct live *l = ctx;
	char name[32];
	unsigned i;
	int rc = 0;

	for (i = 0; i < b->batches && rc == 0; i++) {
		snprintf(name, sizeof(name), "live%u.%u", l->readers, i);
		rc = run_batch(b, l, name);
	}
	return rc;
}

static void print_row(const struct bench *b, const char *work, struct samples s[SIDES], int side_of,
	double target)
{
	struct row row = {.work = work,
		.unit = UNIT_TIME,
		.peer = side_of == REDIS ? "Redis PUBLISH" : "floor",
		.bound = target > 0 ? AT_MOST : NO_TARGET,
		.target = target};
	size_t i, side;

	for (side = 0; b->verbose && side < SIDES; side++) {
		fprintf(stderr, "%s, %s:", work, side == OURS ? "leitlfs" : row.peer);
		for (i = 0; i < s[side].len; i++)
			fprintf(stderr, " %.1f", s[side].v[i] / 1e3);
		fprintf(stderr, " us\n");
	}
	row.ours = samples_median(&s[OURS]);
	row.theirs = samples_median(&s[side_of]);
	table_row(&row);
}

static void release(struct live *l)
{
	int i;

	for (i = 0; i < SIDES; i++) {
		samples_release(&l->medians[i]);
		samples_release(&l->p99s[i]);
	}
}

static pid_t pid_of_redis(int port)
{
	struct redis_peer *p;
	pid_t pid;

	if (port == 0 || redis_peer_connect(port, &p) != 0)
		return 0;
	pid = redis_peer_pid(p);
	redis_peer_free(p);
	return pid;
}

int work_live(struct bench *b)
{
	struct live l = {.readers = 1,
		.rounds = b->rounds / 5,
		.messages = ONE_MESSAGES,
		.rest_ns = REST_ONE_NS};
	int rc = bench_on_one_core(b, pid_of_redis(b->redis_port), run_batches, &l);

	if (rc == 0) {
		print_row(b, "write to a reader waiting on activity.live, median", l.medians, REDIS,
			0.6);
		print_row(b, "the same, p99", l.p99s, REDIS, 0.6);
		print_row(b, "the same, median", l.medians, FLOOR, 0);
	}
	release(&l);
	return rc;
}

/* A thousand readers keep every core busy: there is nothing to pin. */
int work_fanout(struct bench *b)
{
	struct live l = {.readers = b->waiters,
		.rounds = b->rounds / 15 + 1,
		.messages = MANY_MESSAGES,
		.rest_ns = REST_MANY_NS};
	char work[96];
	int rc = run_batches(b, &l);

	snprintf(work, sizeof(work), "broadcast to %u sessions, until the last has it", l.readers);
	if (rc == 0)
		print_row(b, work, l.medians, REDIS, 1.0);
	release(&l);
	return rc;
}
