/*
 * Writing: a broadcast on a held descriptor, the same with open and close around it, and several
 * writers at once.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/bench/bench.h"
#include "tests/bench/redis_peer.h"
#include "tests/bench/tree.h"

#define OPS 10 /* of a side in a round */

struct writing {
	int fd;
	char path[PATH_MAX]; /* where the file is opened for each */
	struct redis_peer *redis;
	char message[MESSAGE_SIZE];
};

static int write_held(void *ctx)
{
	struct writing *w = ctx;
	ssize_t n = write(w->fd, w->message, MESSAGE_SIZE);

	if (n < 0)
		return -errno;
	return n == MESSAGE_SIZE ? 0 : -EIO;
}

/* As a shell's `>` does. */
static int write_opened(void *ctx)
{
	struct writing *w = ctx;
	int rc;

	w->fd = open(w->path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
	if (w->fd < 0)
		return -errno;
	rc = write_held(w);
	if (close(w->fd) != 0 && rc == 0)
		rc = -errno;
	w->fd = -1;
	return rc;
}

static int write_redis(void *ctx)
{
	struct writing *w = ctx;

	return redis_peer_xadd(w->redis, "bench", w->message, MESSAGE_SIZE);
}

static int writing_init(struct writing *w, const struct daemon *d)
{
	int n = snprintf(w->path, sizeof(w->path), "%s/sessions/s0/broadcast", d->mount);

	message_make(w->message, 1);
	if (n >= (int)sizeof(w->path))
		return -ENAMETOOLONG;
	w->fd = open(w->path, O_WRONLY | O_APPEND | O_CLOEXEC);
	return w->fd < 0 ? -errno : 0;
}

static void writing_close(struct writing *w)
{
	if (w->fd >= 0)
		close(w->fd);
	w->fd = -1;
}

static int plain_init(struct writing *w, const struct bench *b)
{
	int n = snprintf(w->path, sizeof(w->path), "%s/plain", b->dir);

	message_make(w->message, 1);
	if (n >= (int)sizeof(w->path))
		return -ENAMETOOLONG;
	w->fd = open(w->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	return w->fd < 0 ? -errno : 0;
}

enum { OURS, FLOOR, REDIS, PLAIN, SIDES };

struct held {
	struct writing w[SIDES];
	struct side s[SIDES];
};

static int open_held(const struct bench *b, struct pair *p, struct writing w[SIDES])
{
	int rc = 0;

	if (p->ours.pid)
		rc = writing_init(&w[OURS], &p->ours);
	if (rc == 0)
		rc = writing_init(&w[FLOOR], &p->floor);
	if (rc == 0)
		rc = plain_init(&w[PLAIN], b);
	return rc == 0 ? 0 : bench_failed("opening what is written to", rc);
}

static int batch_held(struct bench *b, struct pair *p, void *ctx)
{
	struct held *h = ctx;
	int rc = open_held(b, p, h->w);

	if (rc == 0)
		rc = sides_measure(h->s, SIDES, b->rounds, OPS);
	writing_close(&h->w[OURS]);
	writing_close(&h->w[FLOOR]);
	writing_close(&h->w[PLAIN]);
	return rc;
}

int work_write(struct bench *b)
{
	const char *work = "200-byte broadcast, held descriptor";
	struct held h = {.w = {{.fd = -1}, {.fd = -1}, {.fd = -1}, {.fd = -1}}};
	struct side *s = h.s;
	pid_t redis_pid = 0;
	int rc = 0;

	s[OURS] = side_make("leitlfs", b->leitlfs ? write_held : NULL, &h.w[OURS]);
	s[FLOOR] = side_make("floor", write_held, &h.w[FLOOR]);
	s[REDIS] = side_make("Redis XADD", b->redis_port ? write_redis : NULL, &h.w[REDIS]);
	s[PLAIN] = side_make("plain file", write_held, &h.w[PLAIN]);
	message_make(h.w[REDIS].message, 1);
	if (b->redis_port)
		rc = redis_peer_connect(b->redis_port, &h.w[REDIS].redis);
	if (rc == 0 && b->redis_port)
		redis_pid = redis_peer_pid(h.w[REDIS].redis);
	if (rc == 0)
		rc = bench_batches(b, redis_pid, batch_held, &h);
	if (rc == 0) {
		bench_row(b, work, &s[OURS], &s[FLOOR], AT_MOST, 2.0);
		bench_row(b, work, &s[OURS], &s[REDIS], AT_MOST, 0.8);
		bench_row(b, work, &s[OURS], &s[PLAIN], NO_TARGET, 0);
	}
	redis_peer_free(h.w[REDIS].redis);
	sides_release(s, SIDES);
	return rc;
}

static int batch_opened(struct bench *b, struct pair *p, void *ctx)
{
	struct held *h = ctx;
	int rc = open_held(b, p, h->w);

	/* That was for the paths: each operation opens for itself. */
	writing_close(&h->w[OURS]);
	writing_close(&h->w[FLOOR]);
	writing_close(&h->w[PLAIN]);
	return rc == 0 ? sides_measure(h->s, 2, b->rounds, OPS) : rc;
}

int work_open(struct bench *b)
{
	struct held h = {.w = {{.fd = -1}, {.fd = -1}, {.fd = -1}, {.fd = -1}}};
	int rc;

	h.s[OURS] = side_make("leitlfs", b->leitlfs ? write_opened : NULL, &h.w[OURS]);
	h.s[FLOOR] = side_make("floor", write_opened, &h.w[FLOOR]);
	rc = bench_batches(b, 0, batch_opened, &h);
	if (rc == 0)
		bench_row(b, "200-byte broadcast, open + write + close", &h.s[OURS], &h.s[FLOOR],
			AT_MOST, 1.7);
	sides_release(h.s, 2);
	return rc;
}

#define WRITERS   8
#define WINDOW_MS 200

/* Threads that write while their window is open. */
struct writer {
	struct writing w;
	const atomic_bool *stop;
	unsigned long written;
	int rc;
};

static void *write_until_stopped(void *arg)
{
	struct writer *me = arg;

	for (me->written = 0; me->rc == 0 && !atomic_load(me->stop);) {
		me->rc = write_held(&me->w);
		me->written += me->rc == 0;
	}
	return NULL;
}

/* Messages a second of the first `count` writers together. */
static int measure_window(struct writer *all, unsigned count, atomic_bool *stop, double *rate)
{
	const struct timespec window = {.tv_nsec = WINDOW_MS * 1000000L};
	pthread_t threads[WRITERS];
	unsigned long written = 0;
	uint64_t begun;
	unsigned i, running = 0;
	int rc = 0;

	atomic_store(stop, false);
	begun = now_ns();
	for (i = 0; i < count && rc == 0; i++) {
		rc = -pthread_create(&threads[i], NULL, write_until_stopped, &all[i]);
		running += rc == 0;
	}
	nanosleep(&window, NULL);
	atomic_store(stop, true);
	for (i = 0; i < running; i++) {
		pthread_join(threads[i], NULL);
		written += all[i].written;
		if (rc == 0)
			rc = all[i].rc;
	}
	*rate = (double)written * 1e9 / (double)(now_ns() - begun);
	return rc;
}

static int open_writers(struct writer *all, const struct daemon *d, const atomic_bool *stop)
{
	unsigned i;

	for (i = 0; i < WRITERS; i++) {
		all[i] = (struct writer){.stop = stop};
		message_make(all[i].w.message, 1);
		all[i].w.fd = tree_open_session(d->mount, i, "broadcast", O_WRONLY | O_APPEND);
		if (all[i].w.fd < 0)
			return all[i].w.fd;
	}
	return 0;
}

static int measure_writers(
	const struct bench *b, const struct daemon *d, const char *work, enum bound bound)
{
	struct writer all[WRITERS] = {0};
	struct samples one = {0}, eight = {0};
	struct row row = {.work = work, .unit = UNIT_RATE, .bound = bound, .target = 1.5};
	atomic_bool stop = false;
	unsigned r, i;
	double rate;
	int rc = open_writers(all, d, &stop);

	for (r = 0; r <= b->rounds / 10 && rc == 0; r++) {
		rc = measure_window(all, 1, &stop, &rate);
		if (rc == 0 && r > 0)
			rc = samples_add(&one, rate);
		if (rc == 0)
			rc = measure_window(all, WRITERS, &stop, &rate);
		if (rc == 0 && r > 0)
			rc = samples_add(&eight, rate);
	}
	for (i = 0; i < WRITERS; i++) {
		if (all[i].w.fd > 0)
			close(all[i].w.fd);
	}
	row.ours = samples_median(&eight);
	row.peer = "one writer";
	row.theirs = samples_median(&one);
	if (rc == 0)
		table_row(&row);
	samples_release(&one);
	samples_release(&eight);
	return rc == 0 ? 0 : bench_failed(work, rc);
}

int work_writers(struct bench *b)
{
	struct pair p;
	int rc, rc2;

	rc = bench_pair_start(b, &p, WRITERS);
	if (rc != 0)
		return rc;
	if (p.ours.pid)
		rc = measure_writers(b, &p.ours, "8 writers at once, messages a second", AT_LEAST);
	/* What the machine itself gains by eight: the most that can be hoped for. */
	if (rc == 0)
		rc = measure_writers(b, &p.floor, "(the floor's 8 writers at once)", NO_TARGET);
	rc2 = bench_pair_stop(&p);
	return rc ? rc : rc2;
}
