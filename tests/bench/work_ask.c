/*
 * Asking: from the write of a question until its answer is read, where a process that waits answers
 * it. Everything is on held descriptors.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/bench/bench.h"
#include "tests/bench/redis_peer.h"
#include "tests/bench/tree.h"

#define OPS      5     /* of a side in a round */
#define REST_NS  50000 /* until who answers waits again */
#define QUESTION "which port?\n"
#define ANSWER   "8080"

/* One who asks, and a thread that answers. */
struct asking {
	int ask, inbox, answers;       /* leitlfs */
	struct redis_peer *mine, *its; /* Redis: the asker's connection, the answerer's */
	pthread_t thread;
	bool running;
	atomic_bool stopping;
};

enum { OURS, FLOOR, REDIS, SIDES };

struct asks {
	struct asking ours, redis;
	int floor;
	struct side s[SIDES];
};

static int ask_ours(void *ctx)
{
	struct asking *a = ctx;
	char answer[64];
	ssize_t n;

	if (write(a->ask, QUESTION, sizeof(QUESTION) - 1) < 0)
		return -errno;
	n = read(a->ask, answer, sizeof(answer));
	if (n < 0)
		return -errno;
	return n == sizeof(ANSWER) && memcmp(answer, ANSWER "\n", (size_t)n) == 0 ? 0 : -EIO;
}

static int answer_one(struct asking *a)
{
	static const char key[] = "\"request_id\":\"";
	char line[4096], reply[128];
	ssize_t n = read(a->inbox, line, sizeof(line) - 1);
	const char *id;
	int len;

	if (n <= 0)
		return n ? -errno : -EPIPE;
	line[n] = '\0';
	id = strstr(line, key);
	if (!id)
		return -EIO;
	id += sizeof(key) - 1;
	len = snprintf(reply, sizeof(reply), "{\"replyTo\":\"%.*s\",\"data\":" ANSWER "}",
		(int)strcspn(id, "\""), id);
	return write(a->answers, reply, (size_t)len) == len ? 0 : -EIO;
}

static void *answer_ours(void *arg)
{
	struct asking *a = arg;

	while (!atomic_load(&a->stopping) && answer_one(a) == 0)
		;
	return NULL;
}

static int ask_redis(void *ctx)
{
	struct asking *a = ctx;
	char answer[64];
	int rc = redis_peer_push(a->mine, "asked", QUESTION, sizeof(QUESTION) - 1);
	long n = rc ? rc : redis_peer_pop(a->mine, "answered", answer, sizeof(answer));

	if (n < 0)
		return (int)n;
	return n == sizeof(ANSWER) - 1 ? 0 : -EIO;
}

static void *answer_redis(void *arg)
{
	struct asking *a = arg;
	char question[64];

	while (!atomic_load(&a->stopping) &&
		redis_peer_pop(a->its, "asked", question, sizeof(question)) > 0 &&
		redis_peer_push(a->its, "answered", ANSWER, sizeof(ANSWER) - 1) == 0)
		;
	return NULL;
}

static int write_floor(void *ctx)
{
	static const char message[] = QUESTION;

	return write(*(int *)ctx, message, sizeof(message) - 1) > 0 ? 0 : -errno;
}

static int begin(struct asking *a, void *(*run)(void *))
{
	int rc;

	atomic_store(&a->stopping, false);
	rc = -pthread_create(&a->thread, NULL, run, a);
	a->running = rc == 0;
	return rc;
}

/* By one question more, which it answers before it sees that it is to end. */
static void end(struct asking *a, int (*ask)(void *ctx))
{
	if (!a->running)
		return;
	atomic_store(&a->stopping, true);
	if (ask(a) != 0 && a->its) /* else the mount has failed, and so do its reads */
		redis_peer_shutdown(a->its);
	pthread_join(a->thread, NULL);
	a->running = false;
}

static int open_ours(struct asking *a, const char *mount)
{
	int rc = tree_register(mount, 1, 1);

	if (rc != 0)
		return rc;
	a->ask = tree_open(mount, "as/s0/sessions/s1/ask", O_RDWR);
	a->inbox = tree_open(mount, "as/s1/self/inbox.live", O_RDONLY);
	a->answers = tree_open(mount, "as/s1/asks/answer", O_WRONLY);
	if (a->ask < 0 || a->inbox < 0 || a->answers < 0)
		return -EIO;
	return begin(a, answer_ours);
}

static void close_ours(struct asking *a)
{
	end(a, ask_ours);
	if (a->ask >= 0)
		close(a->ask);
	if (a->inbox >= 0)
		close(a->inbox);
	if (a->answers >= 0)
		close(a->answers);
	a->ask = a->inbox = a->answers = -1;
}

static int batch(struct bench *b, struct pair *p, void *ctx)
{
	struct asks *all = ctx;
	int rc = 0;

	all->floor = tree_open_session(p->floor.mount, 0, "broadcast", O_WRONLY | O_APPEND);
	if (all->floor < 0)
		return bench_failed("opening what is written to", all->floor);
	if (p->ours.pid)
		rc = open_ours(&all->ours, p->ours.mount);
	if (rc != 0)
		bench_failed("opening an ask", rc);
	if (rc == 0)
		rc = sides_measure(all->s, SIDES, b->rounds, OPS);
	close_ours(&all->ours);
	close(all->floor);
	return rc;
}

int work_ask(struct bench *b)
{
	const char *work = "an ask and its answer, round trip";
	struct asks all = {.ours = {.ask = -1, .inbox = -1, .answers = -1}};
	struct side *s = all.s;
	pid_t redis_pid = 0;
	int rc = 0;

	s[OURS] = side_make("leitlfs", b->leitlfs ? ask_ours : NULL, &all.ours);
	s[FLOOR] = side_make("floor's write", write_floor, &all.floor);
	s[REDIS] = side_make("Redis lists", b->redis_port ? ask_redis : NULL, &all.redis);
	s[OURS].rest_ns = s[REDIS].rest_ns = REST_NS;
	if (b->redis_port) {
		rc = redis_peer_connect(b->redis_port, &all.redis.mine);
		if (rc == 0)
			rc = redis_peer_connect(b->redis_port, &all.redis.its);
		if (rc == 0)
			redis_pid = redis_peer_pid(all.redis.mine);
		if (rc == 0)
			rc = begin(&all.redis, answer_redis);
	}
	if (rc == 0)
		rc = bench_batches(b, redis_pid, batch, &all);
	if (rc == 0) {
		bench_row(b, work, &s[OURS], &s[FLOOR], AT_MOST, 8.0);
		bench_row(b, work, &s[OURS], &s[REDIS], AT_MOST, 1.0);
	}
	end(&all.redis, ask_redis);
	redis_peer_free(all.redis.mine);
	redis_peer_free(all.redis.its);
	sides_release(s, SIDES);
	return rc;
}
