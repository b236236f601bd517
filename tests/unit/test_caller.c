#include "core/base/caller.h"
#include "tests/unit/child.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

struct test_clock {
	struct clock clock;
	int64_t now_us;
};

static int64_t test_now(const struct clock *clock)
{
	return ((const struct test_clock *)(const void *)clock)->now_us;
}

static struct test_clock test_clock(void)
{
	return (struct test_clock){.clock = {.wall_us = test_now, .mono_us = test_now}};
}

static int open_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

/* Asks until the chain is kept: that is at the second call. */
static uint64_t keep(struct caller_cache *cache, pid_t tid, struct process_info *chain, int *n)
{
	uint64_t token = 99;

	*n = caller_cache_chain(cache, tid, getuid(), chain, &token);
	assert_int_equal(token, 0);
	*n = caller_cache_chain(cache, tid, getuid(), chain, &token);
	assert_int_not_equal(token, 0);
	return token;
}

static void cache_keeps_from_the_second_call(void **state)
{
	struct test_clock clock = test_clock();
	struct caller_cache *cache = caller_cache_new(&clock.clock, 8);
	struct process_info chain[CHAIN_MAX], walked[CHAIN_MAX];
	uint64_t token;
	int n, before = open_fds();

	(void)state;
	assert_non_null(cache);
	uint64_t first = keep(cache, getpid(), chain, &n);
	assert_int_equal(open_fds(), before + n);
	assert_int_equal(caller_cache_chain(cache, getpid(), getuid(), chain, &token), n);
	assert_int_equal(token, first);
	assert_int_equal(proc_chain(getpid(), getuid(), walked), n);
	for (int i = 0; i < n; i++)
		assert_true(process_same(&chain[i].self, &walked[i].self));
	assert_int_equal(caller_cache_chain(cache, getpid(), getuid(), chain, NULL), n);
	/* another uid in the request is another caller */
	assert_int_equal(caller_cache_chain(cache, getpid(), getuid() + 1, chain, &token), 0);
	assert_int_equal(token, 0);
	assert_int_equal(caller_cache_chain(cache, 0, getuid(), chain, &token), 0);
	caller_cache_free(cache);
	caller_cache_free(NULL);
	assert_int_equal(open_fds(), before);
}

static void cache_drops_the_dead(void **state)
{
	struct test_clock clock = test_clock();
	struct caller_cache *cache = caller_cache_new(&clock.clock, 8);
	struct child c = child_start(child_just_waits);
	struct process_info chain[CHAIN_MAX];
	uint64_t token;
	char ready;
	int n, before = open_fds();

	(void)state;
	child_says(&c, &ready, 1);
	keep(cache, c.pid, chain, &n);
	assert_int_equal(open_fds(), before + n);
	kill(c.pid, SIGKILL);
	child_await_zombie(c.pid);
	assert_int_equal(caller_cache_chain(cache, c.pid, getuid(), chain, &token), 0);
	assert_int_equal(token, 0);
	assert_int_equal(open_fds(), before);
	child_end(&c);
	caller_cache_free(cache);
}

/* The parent of `last` ends when its pipe is closed. */
static void parent_that_can_end(int up, int down)
{
	int inner[2];

	child_must(pipe(inner) == 0);
	pid_t pid = fork();
	child_must(pid >= 0);
	if (pid > 0) {
		child_say(up, &pid, sizeof(pid));
		child_wait(down);
		_exit(0);
	}
	close(down);
	close(inner[1]);
	for (;;)
		pause();
}

static void cache_sees_a_new_parent(void **state)
{
	struct test_clock clock = test_clock();
	struct caller_cache *cache = caller_cache_new(&clock.clock, 8);
	struct process_info chain[CHAIN_MAX];
	pid_t last;
	int n;

	(void)state;
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	struct child c = child_start(parent_that_can_end);
	child_says(&c, &last, sizeof(last));
	uint64_t token = keep(cache, last, chain, &n);
	assert_int_equal(chain[1].self.pid, c.pid);
	uint64_t now = token;
	child_end(&c);
	assert_int_equal(caller_cache_chain(cache, last, getuid(), chain, &now), n - 1);
	assert_int_equal(chain[1].self.pid, getpid());
	assert_int_not_equal(now, token);
	kill(last, SIGKILL);
	waitpid(last, NULL, 0);
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 0), 0);
	caller_cache_free(cache);
}

static void new_session_when_told(int up, int down)
{
	child_say(up, "r", 1);
	child_wait(down);
	child_must(setsid() > 0);
	child_say(up, "s", 1);
	for (;;)
		pause();
}

static void cache_looks_again_after_a_second(void **state)
{
	struct test_clock clock = test_clock();
	struct caller_cache *cache = caller_cache_new(&clock.clock, 8);
	struct child c = child_start(new_session_when_told);
	struct process_info chain[CHAIN_MAX];
	uint64_t now;
	char said;
	int n;

	(void)state;
	child_says(&c, &said, 1);
	uint64_t token = keep(cache, c.pid, chain, &n);
	int fds = open_fds();
	clock.now_us += CALLER_FRESH_US;
	assert_int_equal(caller_cache_chain(cache, c.pid, getuid(), chain, &now), n);
	assert_int_equal(now, token);
	close(c.down);
	child_says(&c, &said, 1);
	clock.now_us += CALLER_FRESH_US;
	assert_int_equal(caller_cache_chain(cache, c.pid, getuid(), chain, &now), n);
	assert_int_equal(chain[0].sid, c.pid);
	assert_int_not_equal(now, token);
	assert_int_not_equal(now, 0);
	assert_int_equal(open_fds(), fds - 1); /* its pipe, that is */
	kill(c.pid, SIGKILL);
	waitpid(c.pid, NULL, 0);
	close(c.up);
	caller_cache_free(cache);
}

struct cached_thread {
	struct caller_cache *cache;
	pid_t tid;
	uint64_t token;
	int n;
};

static void *thread_calls(void *arg)
{
	struct cached_thread *t = arg;
	struct process_info chain[CHAIN_MAX];

	t->tid = gettid();
	for (int i = 0; i < 3; i++)
		t->n = caller_cache_chain(t->cache, t->tid, getuid(), chain, &t->token);
	return NULL;
}

static void cache_knows_a_thread_has_ended(void **state)
{
	struct test_clock clock = test_clock();
	struct caller_cache *cache = caller_cache_new(&clock.clock, 8);
	struct cached_thread t = {.cache = cache};
	struct process_info chain[CHAIN_MAX];
	pthread_t thread;
	uint64_t token = 1;
	char path[64];

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, thread_calls, &t), 0);
	pthread_join(thread, NULL);
	assert_true(t.n >= 1);
	assert_int_not_equal(t.token, 0);
	/* join returns a little before the kernel has forgotten the thread */
	snprintf(path, sizeof(path), "/proc/self/task/%d", (int)t.tid);
	while (access(path, F_OK) == 0)
		sched_yield();
	assert_int_equal(caller_cache_chain(cache, t.tid, getuid(), chain, &token), 0);
	assert_int_equal(token, 0);
	caller_cache_free(cache);
}

static void cache_is_bounded(void **state)
{
	enum { CHILDREN = 6, ENTRIES = 3 };
	struct test_clock clock = test_clock();
	struct child c[CHILDREN];
	struct process_info chain[CHAIN_MAX];
	uint64_t token;
	char ready;
	int n;

	(void)state;
	for (int i = 0; i < CHILDREN; i++) {
		c[i] = child_start(child_just_waits);
		child_says(&c[i], &ready, 1);
	}
	int before = open_fds();
	struct caller_cache *cache = caller_cache_new(&clock.clock, ENTRIES);
	for (int i = 0; i < CHILDREN; i++) {
		caller_cache_chain(cache, c[i].pid, getuid(), chain, &token);
		n = caller_cache_chain(cache, c[i].pid, getuid(), chain, &token);
		assert_true(n >= 2);
		assert_true(open_fds() <= before + 4 * ENTRIES);
	}
	/* what was used last is there, what was used first is not; where tests run so deep that
	 * no chain fits, neither is */
	uint64_t last = token;
	caller_cache_chain(cache, c[CHILDREN - 1].pid, getuid(), chain, &token);
	assert_int_equal(token, last);
	caller_cache_chain(cache, c[0].pid, getuid(), chain, &token);
	assert_true(token == 0 || token > last);
	for (int i = CHILDREN - 1; i >= 0; i--) /* the later ones hold the earlier ones' pipes */
		child_end(&c[i]);
	caller_cache_free(cache);
}

static void cache_without_descriptors(int up, int down)
{
	struct test_clock clock = test_clock();
	struct caller_cache *cache = caller_cache_new(&clock.clock, 8);
	struct process_info chain[CHAIN_MAX];
	struct rlimit few;
	uint64_t token = 1;
	int last = 0;

	(void)down;
	child_must(cache != NULL && getrlimit(RLIMIT_NOFILE, &few) == 0);
	for (int fd = 0; fd >= 0; fd = dup(0)) {
		last = fd;
		if (fd > 100)
			break;
	}
	few.rlim_cur = (rlim_t)last + 1;
	child_must(setrlimit(RLIMIT_NOFILE, &few) == 0);
	child_must(proc_chain(getpid(), getuid(), chain) == -EMFILE);
	child_must(caller_cache_chain(cache, getpid(), getuid(), chain, &token) == -EMFILE);
	child_must(proc_alive(&(struct process){.pid = getpid(), .start = 1}));
	close(last);
	close(last - 1); /* what a walk needs, and one pidfd */
	for (int i = 0; i < 3; i++)
		child_must(caller_cache_chain(cache, getpid(), getuid(), chain, &token) >= 2);
	child_must(token == 0);
	caller_cache_free(cache);
	child_say(up, "k", 1);
}

static void without_descriptors_nothing_is_guessed(void **state)
{
	struct child c = child_start(cache_without_descriptors);
	char said;

	(void)state;
	child_says(&c, &said, 1);
	assert_int_equal(child_end(&c), 0);
}

static void *call_often(void *arg)
{
	struct caller_cache *cache = arg;
	struct process_info chain[CHAIN_MAX];

	for (int i = 0; i < 500; i++) {
		uint64_t token;
		pid_t tid = i % 2 ? gettid() : getpid();
		if (caller_cache_chain(cache, tid, getuid(), chain, &token) < 1)
			return arg;
		if (chain[0].self.pid != getpid())
			return arg;
	}
	return NULL;
}

static void cache_from_many_threads(void **state)
{
	enum { THREADS = 6 };
	struct caller_cache *cache = caller_cache_new(&clock_system, 3);
	pthread_t thread[THREADS];

	(void)state;
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, call_often, cache), 0);
	for (int i = 0; i < THREADS; i++) {
		void *failed;
		pthread_join(thread[i], &failed);
		assert_null(failed);
	}
	caller_cache_free(cache);
}

static void fork_four(int up, int down)
{
	child_fork_down(up, down, 2);
}

static void how_long_it_takes(void **state)
{
	enum { TIMES = 2000 };
	struct caller_cache *cache = caller_cache_new(&clock_system, 256);
	struct child c = child_start(fork_four);
	struct process_info chain[CHAIN_MAX];
	pid_t last;
	int n = 0;

	(void)state;
	child_says(&c, &last, sizeof(last));
	int64_t t0 = clock_system.mono_us(&clock_system);
	for (int i = 0; i < TIMES; i++)
		n = proc_chain(last, getuid(), chain);
	int64_t t1 = clock_system.mono_us(&clock_system);
	for (int i = 0; i < TIMES; i++)
		n = caller_cache_chain(cache, last, getuid(), chain, NULL);
	int64_t t2 = clock_system.mono_us(&clock_system);
	print_message("a chain of %d: walked %.1f us, kept %.2f us\n", n, (double)(t1 - t0) / TIMES,
		(double)(t2 - t1) / TIMES);
	child_end(&c);
	caller_cache_free(cache);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cache_keeps_from_the_second_call),
		cmocka_unit_test(cache_drops_the_dead),
		cmocka_unit_test(cache_sees_a_new_parent),
		cmocka_unit_test(cache_looks_again_after_a_second),
		cmocka_unit_test(cache_knows_a_thread_has_ended),
		cmocka_unit_test(cache_is_bounded),
		cmocka_unit_test(without_descriptors_nothing_is_guessed),
		cmocka_unit_test(cache_from_many_threads),
		cmocka_unit_test(how_long_it_takes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
