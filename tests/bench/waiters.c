#include "tests/bench/waiters.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/bench/measure.h"
#include "tests/bench/tree.h"

#define LIMIT_S    10
#define STACK_SIZE ((size_t)128 << 10)
#define READ_SIZE  4096

struct waiter {
	struct waiters *all;
	void *source;
	pthread_t thread;
	int stat_fd; /* /proc/self/task/<tid>/stat, where the kernel says whether it sleeps */
	atomic_int tid;
	atomic_bool waiting; /* it is about to call next, or in it */
	atomic_bool ended;
	atomic_uint_least64_t got; /* the last stamp it read */
	uint64_t got_ns;           /* when; written before `got` */
};

struct waiters {
	waiter_next next;
	unsigned count, running, joined;
	atomic_bool stopping;
	atomic_uint_least64_t expected;
	atomic_uint missing; /* how many have yet to read what is expected */
	sem_t all_have;
	struct waiter each[];
};

static void take(struct waiter *w, uint64_t stamp, uint64_t when)
{
	w->got_ns = when;
	atomic_store(&w->got, stamp);
	if (atomic_fetch_sub(&w->all->missing, 1) == 1)
		sem_post(&w->all->all_have);
}

static void *wait_loop(void *arg)
{
	struct waiter *w = arg;
	char buf[READ_SIZE];

	atomic_store(&w->tid, gettid());
	while (!atomic_load(&w->all->stopping)) {
		uint64_t stamp, when;
		long n;

		atomic_store(&w->waiting, true);
		n = w->all->next(w->source, buf, sizeof(buf));
		when = now_ns();
		atomic_store(&w->waiting, false);
		if (n <= 0)
			break;
		stamp = message_stamp(buf, (size_t)n);
		if (stamp != 0 && stamp == atomic_load(&w->all->expected) &&
			stamp != atomic_load(&w->got))
			take(w, stamp, when);
	}
	atomic_store(&w->ended, true);
	return NULL;
}

static int start_one(struct waiter *w, pthread_attr_t *attr)
{
	char path[64];

	if (pthread_create(&w->thread, attr, wait_loop, w) != 0)
		return -EAGAIN;
	w->all->running++;
	while (atomic_load(&w->tid) == 0)
		sched_yield();
	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", atomic_load(&w->tid));
	w->stat_fd = open(path, O_RDONLY | O_CLOEXEC);
	return w->stat_fd < 0 ? -errno : 0;
}

int waiters_start(struct waiters **out, unsigned count, waiter_next next, void *const sources[])
{
	struct waiters *w = calloc(1, sizeof(*w) + count * sizeof(w->each[0]));
	pthread_attr_t attr;
	unsigned i;
	int rc = 0;

	if (!w)
		return -ENOMEM;
	w->next = next;
	w->count = count;
	sem_init(&w->all_have, 0, 0);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	for (i = 0; i < count; i++)
		w->each[i].stat_fd = -1;
	for (i = 0; i < count && rc == 0; i++) {
		w->each[i].all = w;
		w->each[i].source = sources[i];
		rc = start_one(&w->each[i], &attr);
	}
	pthread_attr_destroy(&attr);
	*out = w; /* those that run have to be stopped in either case */
	return rc;
}

/* The state is the field after the name, which is in parentheses and may hold any character. */
static bool asleep(const struct waiter *w)
{
	char buf[256];
	const char *paren;
	ssize_t n = pread(w->stat_fd, buf, sizeof(buf) - 1, 0);

	if (n <= 0)
		return false;
	buf[n] = '\0';
	paren = strrchr(buf, ')');
	return paren && (paren[2] == 'S' || paren[2] == 'D');
}

int waiters_settle(struct waiters *w)
{
	uint64_t begun = now_ns();
	unsigned i;

	for (i = 0; i < w->count; i++) {
		while (!atomic_load(&w->each[i].waiting) || !asleep(&w->each[i])) {
			if (atomic_load(&w->each[i].ended))
				return -EPIPE;
			if (now_ns() - begun > LIMIT_S * UINT64_C(1000000000))
				return -ETIMEDOUT;
			sched_yield();
		}
	}
	return 0;
}

void waiters_expect(struct waiters *w, uint64_t stamp)
{
	atomic_store(&w->missing, w->count);
	atomic_store(&w->expected, stamp);
}

int waiters_await(struct waiters *w, uint64_t *last_ns)
{
	struct timespec until;
	uint64_t last = 0;
	unsigned i;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += LIMIT_S;
	while (sem_timedwait(&w->all_have, &until) != 0) {
		if (errno != EINTR)
			return -errno;
	}
	for (i = 0; i < w->count; i++) {
		if (w->each[i].got_ns > last)
			last = w->each[i].got_ns;
	}
	*last_ns = last;
	return 0;
}

void waiters_stop(struct waiters *w)
{
	atomic_store(&w->stopping, true);
}

int waiters_join(struct waiters *w)
{
	struct timespec until;
	unsigned i;

	if (!w)
		return 0;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += LIMIT_S;
	for (; w->joined < w->running; w->joined++) {
		if (pthread_timedjoin_np(w->each[w->joined].thread, NULL, &until) != 0)
			return -ETIMEDOUT;
	}
	for (i = 0; i < w->count; i++) {
		if (w->each[i].stat_fd >= 0)
			close(w->each[i].stat_fd);
	}
	sem_destroy(&w->all_have);
	free(w);
	return 0;
}
