#include "core/state/watch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_S 20
#define GONE_MAX   256

/* What the callbacks heard, and a way to wait for it. */
struct heard {
	struct clock clock; /* tells now_us */
	pthread_mutex_t lock;
	pthread_cond_t more;
	int64_t now_us;
	int64_t due_us; /* what tick returns; INT64_MAX after it was due */
	int ticks, due_ticks;
	int gone_n;
	struct process gone[GONE_MAX];
	struct watch *unwatch_in; /* unwatched and watched again from the callback */
};

static int64_t heard_now(const struct clock *clock)
{
	struct heard *h = (struct heard *)(uintptr_t)clock;

	pthread_mutex_lock(&h->lock);
	int64_t now_us = h->now_us;
	pthread_mutex_unlock(&h->lock);
	return now_us;
}

static void on_gone(void *arg, const struct process *p)
{
	struct heard *h = arg;

	if (h->unwatch_in)
		unwatch_process(h->unwatch_in, p);
	pthread_mutex_lock(&h->lock);
	if (h->gone_n < GONE_MAX)
		h->gone[h->gone_n++] = *p;
	pthread_cond_broadcast(&h->more);
	pthread_mutex_unlock(&h->lock);
}

static int64_t on_tick(void *arg, int64_t now_us)
{
	struct heard *h = arg;

	pthread_mutex_lock(&h->lock);
	h->ticks++;
	if (now_us >= h->due_us) {
		h->due_ticks++;
		h->due_us = INT64_MAX;
	}
	int64_t due_us = h->due_us;
	pthread_cond_broadcast(&h->more);
	pthread_mutex_unlock(&h->lock);
	return due_us;
}

static void heard_init(struct heard *h)
{
	*h = (struct heard){
		.clock = {.wall_us = heard_now, .mono_us = heard_now}, .due_us = INT64_MAX};
	pthread_mutex_init(&h->lock, NULL);
	pthread_cond_init(&h->more, NULL);
}

/* Waits until `*count`, one of h's, is at least `least`. */
static bool heard_wait(struct heard *h, const int *count, int least)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += PATIENCE_S;
	pthread_mutex_lock(&h->lock);
	int r = 0;
	while (*count < least && !r)
		r = pthread_cond_timedwait(&h->more, &h->lock, &until);
	bool ok = *count >= least;
	pthread_mutex_unlock(&h->lock);
	return ok;
}

static int heard_count(struct heard *h, const int *count)
{
	pthread_mutex_lock(&h->lock);
	int n = *count;
	pthread_mutex_unlock(&h->lock);
	return n;
}

static struct watch *watch_of(struct heard *h)
{
	struct watch_hooks hooks = {.gone = on_gone, .tick = on_tick, .arg = h};
	struct watch *w = NULL;

	return watch_new(&h->clock, &hooks, &w) ? NULL : w;
}

/* After two more ticks the thread has told everything that was to be told before. */
static void settle(struct watch *w, struct heard *h)
{
	for (int i = 0; i < 2; i++) {
		int before = heard_count(h, &h->ticks);
		watch_wake(w);
		assert_true(heard_wait(h, &h->ticks, before + 1));
	}
}

static struct process child_start(void)
{
	struct process_info p;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		for (;;)
			pause();
	}
	assert_int_equal(proc_info(pid, &p), 0);
	return p.self;
}

static void child_end(const struct process *p)
{
	kill(p->pid, SIGKILL);
	waitpid(p->pid, NULL, 0);
}

static int pidfds(void)
{
	DIR *d = opendir("/proc/self/fd");
	const struct dirent *e;
	int n = 0;

	assert_non_null(d);
	while ((e = readdir(d))) {
		char to[64];
		ssize_t len = readlinkat(dirfd(d), e->d_name, to, sizeof(to) - 1);

		if (len > 0) {
			to[len] = '\0';
			n += strstr(to, "pidfd") != NULL;
		}
	}
	closedir(d);
	return n;
}

static void a_death_is_told_once(void **state)
{
	struct process p = child_start();
	struct heard h;

	(void)state;
	heard_init(&h);
	struct watch *w = watch_of(&h);
	assert_non_null(w);
	assert_int_equal(watch_start(w), 0);
	assert_int_equal(watch_process(w, &p), 0);
	settle(w, &h);
	assert_int_equal(heard_count(&h, &h.gone_n), 0);
	kill(p.pid, SIGKILL); /* a zombie from then on: that is gone */
	assert_true(heard_wait(&h, &h.gone_n, 1));
	assert_true(process_same(&h.gone[0], &p));
	assert_int_equal(pidfds(), 0);
	child_end(&p);
	settle(w, &h);
	assert_int_equal(heard_count(&h, &h.gone_n), 1);
	unwatch_process(w, &p);
	unwatch_process(w, &p); /* one too many is nothing */
	watch_free(w);
}

static void one_pidfd_for_many(void **state)
{
	struct process a = child_start(), b = child_start();
	struct heard h;

	(void)state;
	heard_init(&h);
	struct watch *w = watch_of(&h);
	assert_int_equal(watch_start(w), 0);
	for (int i = 0; i < 5; i++) {
		assert_int_equal(watch_process(w, &a), 0);
		assert_int_equal(watch_process(w, &b), 0);
	}
	assert_int_equal(pidfds(), 2);
	for (int i = 0; i < 5; i++)
		unwatch_process(w, &b);
	assert_int_equal(pidfds(), 1);
	for (int i = 0; i < 4; i++)
		unwatch_process(w, &a);
	assert_int_equal(pidfds(), 1);
	child_end(&b);
	child_end(&a);
	assert_true(heard_wait(&h, &h.gone_n, 1));
	settle(w, &h);
	assert_int_equal(heard_count(&h, &h.gone_n), 1);
	assert_true(process_same(&h.gone[0], &a));
	watch_free(w);
	assert_int_equal(pidfds(), 0);
}

static void who_is_gone_already_is_told_at_once(void **state)
{
	struct process p = child_start(), zombie = child_start();
	struct process former = p;
	struct heard h;
	siginfo_t info;

	(void)state;
	heard_init(&h);
	struct watch *w = watch_of(&h);
	assert_int_equal(watch_start(w), 0);

	former.start--; /* its number is another's now */
	assert_int_equal(watch_process(w, &former), 0);
	assert_true(heard_wait(&h, &h.gone_n, 1));
	assert_true(process_same(&h.gone[0], &former));
	assert_int_equal(pidfds(), 0);

	assert_int_equal(watch_process(w, &p), 0);
	settle(w, &h);
	assert_int_equal(heard_count(&h, &h.gone_n), 1);
	child_end(&p);
	assert_true(heard_wait(&h, &h.gone_n, 2));
	assert_true(process_same(&h.gone[1], &p));

	assert_int_equal(watch_process(w, &p), 0); /* asked again, told again */
	assert_true(heard_wait(&h, &h.gone_n, 3));
	assert_true(process_same(&h.gone[2], &p));

	kill(zombie.pid, SIGKILL);
	assert_int_equal(waitid(P_PID, (id_t)zombie.pid, &info, WEXITED | WNOWAIT), 0);
	assert_int_equal(watch_process(w, &zombie), 0);
	assert_true(heard_wait(&h, &h.gone_n, 4));
	child_end(&zombie);

	struct process nobody = {.pid = 0, .start = 1};
	assert_int_equal(watch_process(w, &nobody), 0);
	assert_true(heard_wait(&h, &h.gone_n, 5));
	watch_free(w);
}

static void what_died_while_stopped_is_told_later(void **state)
{
	struct process a = child_start(), b = child_start();
	struct heard h;

	(void)state;
	heard_init(&h);
	struct watch *w = watch_of(&h);
	assert_int_equal(watch_process(w, &a), 0);
	child_end(&a);
	assert_int_equal(watch_start(w), 0);
	assert_true(heard_wait(&h, &h.gone_n, 1));
	assert_int_equal(watch_process(w, &b), 0);
	watch_stop(w);
	watch_stop(w);
	child_end(&b);
	assert_int_equal(heard_count(&h, &h.gone_n), 1);
	assert_int_equal(watch_start(w), 0);
	assert_true(heard_wait(&h, &h.gone_n, 2));
	assert_true(process_same(&h.gone[1], &b));
	watch_free(w);
	watch_free(NULL);
}

static void many_die_at_once(void **state)
{
	enum { MANY = 200 };
	struct process p[MANY];
	struct heard h;

	(void)state;
	heard_init(&h);
	struct watch *w = watch_of(&h);
	h.unwatch_in = w;
	assert_int_equal(watch_start(w), 0);
	for (int i = 0; i < MANY; i++) {
		p[i] = child_start();
		assert_int_equal(watch_process(w, &p[i]), 0);
	}
	for (int i = 0; i < MANY; i++)
		kill(p[i].pid, SIGKILL);
	assert_true(heard_wait(&h, &h.gone_n, MANY));
	for (int i = 0; i < MANY; i++)
		waitpid(p[i].pid, NULL, 0);
	assert_int_equal(pidfds(), 0);
	settle(w, &h);
	assert_int_equal(heard_count(&h, &h.gone_n), MANY);
	watch_free(w);
}

/* Executes itself from a thread that isn't the main one: the process stays the same. */
static void *exec_from_thread(void *arg)
{
	(void)arg;
	execl("/bin/sh", "sh", "-c", "echo r; read x; :", (char *)NULL);
	_exit(99);
}

static void an_exec_is_no_death(void **state)
{
	int go[2], in[2], out[2];
	struct process_info before, after;
	struct heard h;
	char c;

	(void)state;
	assert_int_equal(pipe(go), 0);
	assert_int_equal(pipe(in), 0);
	assert_int_equal(pipe(out), 0);
	pid_t pid = fork();
	if (pid == 0) {
		pthread_t thread;
		close(go[1]);
		close(in[1]);
		dup2(in[0], 0);
		dup2(out[1], 1);
		while (read(go[0], &c, 1) > 0)
			;
		if (pthread_create(&thread, NULL, exec_from_thread, NULL))
			_exit(98);
		for (;;)
			pause();
	}
	assert_int_equal(proc_info(pid, &before), 0);
	heard_init(&h);
	struct watch *w = watch_of(&h);
	assert_int_equal(watch_start(w), 0);
	assert_int_equal(watch_process(w, &before.self), 0);
	close(go[1]);
	assert_int_equal(read(out[0], &c, 1), 1);
	settle(w, &h);
	assert_int_equal(heard_count(&h, &h.gone_n), 0);
	assert_int_equal(proc_info(pid, &after), 0);
	assert_true(process_same(&before.self, &after.self));
	close(in[1]);
	assert_true(heard_wait(&h, &h.gone_n, 1));
	waitpid(pid, NULL, 0);
	watch_free(w);
	close(go[0]);
	close(in[0]);
	close(out[0]);
	close(out[1]);
}

static void must(bool ok, int code)
{
	if (!ok)
		_exit(code);
}

static void take_all_descriptors(rlim_t *limit)
{
	struct rlimit r;
	int last = 0;

	must(getrlimit(RLIMIT_NOFILE, &r) == 0, 10);
	*limit = r.rlim_cur;
	int fds[128], n = 0;
	while (n < 128)
		fds[n++] = dup(0);
	for (int i = 0; i < n; i++) {
		must(fds[i] >= 0, 11);
		last = fds[i] > last ? fds[i] : last;
	}
	r.rlim_cur = (rlim_t)last + 1;
	must(setrlimit(RLIMIT_NOFILE, &r) == 0, 12);
	must(dup(0) < 0 && errno == EMFILE, 13);
}

static void run_without_descriptors(void)
{
	struct process a = child_start(), b = child_start(), c = child_start();
	struct process former = a;
	struct rlimit r;
	struct heard h;
	rlim_t limit;

	heard_init(&h);
	struct watch *w = watch_of(&h);
	must(w && watch_start(w) == 0, 20);
	take_all_descriptors(&limit);
	must(watch_process(w, &a) == 0 && watch_process(w, &b) == 0, 21);
	must(watch_process(w, &c) == 0, 22);

	/* even then a number used again is told from the process that had it */
	former.start--;
	must(watch_process(w, &former) == 0, 23);
	must(heard_wait(&h, &h.gone_n, 1) && process_same(&h.gone[0], &former), 24);

	child_end(&a);
	must(heard_wait(&h, &h.gone_n, 2) && process_same(&h.gone[1], &a), 25);
	unwatch_process(w, &c);
	child_end(&c);
	int ticks = heard_count(&h, &h.ticks);
	watch_wake(w);
	must(heard_wait(&h, &h.ticks, ticks + 1), 26);

	/* descriptors are there again */
	must(getrlimit(RLIMIT_NOFILE, &r) == 0, 27);
	r.rlim_cur = limit;
	must(setrlimit(RLIMIT_NOFILE, &r) == 0, 28);
	time_t until = time(NULL) + PATIENCE_S;
	while (pidfds() == 0)
		must(time(NULL) < until && usleep(10000) == 0, 29);
	must(pidfds() == 1, 30);
	child_end(&b);
	must(heard_wait(&h, &h.gone_n, 3) && process_same(&h.gone[2], &b), 31);
	must(heard_count(&h, &h.gone_n) == 3, 32);
	watch_free(w);
}

static void run_with_few_descriptors(void)
{
	enum { MANY = 60, LIMIT = 64 };
	struct process p[MANY];
	struct process_info self;
	struct rlimit r;
	struct heard h;

	must(getrlimit(RLIMIT_NOFILE, &r) == 0, 40);
	r.rlim_cur = LIMIT;
	must(setrlimit(RLIMIT_NOFILE, &r) == 0, 41);
	heard_init(&h);
	struct watch *w = watch_of(&h);
	must(w && watch_start(w) == 0, 42);
	for (int i = 0; i < MANY; i++) {
		p[i] = child_start();
		must(watch_process(w, &p[i]) == 0, 43);
	}
	must(pidfds() == LIMIT / 2 && proc_info(getpid(), &self) == 0, 44);
	for (int i = 0; i < MANY; i++)
		child_end(&p[i]);
	must(heard_wait(&h, &h.gone_n, MANY), 45);
	must(pidfds() == 0, 46);
	watch_free(w);
}

static void in_a_child(void (*body)(void))
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		body();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void without_descriptors_it_looks(void **state)
{
	(void)state;
	in_a_child(run_without_descriptors);
}

static void pidfds_leave_descriptors_for_others(void **state)
{
	(void)state;
	in_a_child(run_with_few_descriptors);
}

static void heard_set(struct heard *h, int64_t now_us, int64_t due_us)
{
	pthread_mutex_lock(&h->lock);
	h->now_us = now_us;
	h->due_us = due_us;
	pthread_mutex_unlock(&h->lock);
}

static void ticks_when_due_by_its_clock(void **state)
{
	struct heard h;

	(void)state;
	heard_init(&h);
	struct watch *w = watch_of(&h);
	assert_int_equal(watch_start(w), 0);
	assert_true(heard_wait(&h, &h.ticks, 1)); /* at start */
	heard_set(&h, 0, 1000 * SECOND_US);
	settle(w, &h);
	assert_int_equal(heard_count(&h, &h.due_ticks), 0);
	heard_set(&h, 1000 * SECOND_US, 1000 * SECOND_US);
	watch_wake(w);
	assert_true(heard_wait(&h, &h.due_ticks, 1));
	/* nothing is due: only waking makes it tick */
	settle(w, &h);
	assert_int_equal(heard_count(&h, &h.due_ticks), 1);
	watch_free(w);
}

struct real {
	struct heard heard;
	int64_t due_us, late_us;
};

static int64_t on_real_tick(void *arg, int64_t now_us)
{
	struct real *r = arg;

	pthread_mutex_lock(&r->heard.lock);
	r->heard.ticks++;
	if (r->due_us == 0)
		r->due_us = now_us + 20000;
	else if (now_us >= r->due_us) {
		r->late_us = now_us - r->due_us;
		r->heard.due_ticks++;
		r->due_us = now_us + 20000;
	}
	int64_t due_us = r->due_us;
	pthread_cond_broadcast(&r->heard.more);
	pthread_mutex_unlock(&r->heard.lock);
	return due_us;
}

static void the_timer_comes_by_itself(void **state)
{
	struct real r = {0};
	struct watch_hooks hooks = {.gone = on_gone, .tick = on_real_tick, .arg = &r};
	struct watch *w;

	(void)state;
	heard_init(&r.heard);
	assert_int_equal(watch_new(&clock_system, &hooks, &w), 0);
	assert_int_equal(watch_start(w), 0);
	assert_true(heard_wait(&r.heard, &r.heard.due_ticks, 5));
	watch_stop(w);
	print_message("the last of %d ticks came %d us late\n", r.heard.ticks, (int)r.late_us);
	assert_true(r.heard.ticks <= 2 * r.heard.due_ticks + 2);
	watch_free(w);
}

static int64_t always_past(void *arg, int64_t now_us)
{
	struct heard *h = arg;

	pthread_mutex_lock(&h->lock);
	h->ticks++;
	pthread_cond_broadcast(&h->more);
	pthread_mutex_unlock(&h->lock);
	return now_us - 1;
}

static void a_past_deadline_does_not_spin(void **state)
{
	struct heard h;
	struct watch_hooks hooks = {.gone = on_gone, .tick = always_past, .arg = &h};
	struct watch *w;

	(void)state;
	heard_init(&h);
	assert_int_equal(watch_new(&clock_system, &hooks, &w), 0);
	int64_t before_us = clock_system.mono_us(&clock_system);
	assert_int_equal(watch_start(w), 0);
	assert_true(heard_wait(&h, &h.ticks, 50));
	assert_true(clock_system.mono_us(&clock_system) - before_us >= 40000);
	watch_free(w);
}

struct asker {
	struct watch *watch;
	struct process process;
};

static void *ask_often(void *arg)
{
	struct asker *a = arg;
	struct process former = a->process;

	for (int i = 0; i < 300; i++) {
		former.start = (uint64_t)i % 3; /* gone ones are told while others come and go */
		if (watch_process(a->watch, &a->process) || watch_process(a->watch, &former))
			return arg;
		watch_wake(a->watch);
		unwatch_process(a->watch, &former);
		unwatch_process(a->watch, &a->process);
	}
	return NULL;
}

static void many_threads_ask(void **state)
{
	enum { THREADS = 4 };
	struct asker asker = {.process = child_start()};
	pthread_t thread[THREADS];
	struct heard h;

	(void)state;
	heard_init(&h);
	asker.watch = watch_of(&h);
	assert_int_equal(watch_start(asker.watch), 0);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, ask_often, &asker), 0);
	for (int i = 0; i < THREADS; i++) {
		void *failed;
		pthread_join(thread[i], &failed);
		assert_null(failed);
	}
	settle(asker.watch, &h);
	for (int i = 0; i < heard_count(&h, &h.gone_n); i++)
		assert_false(process_same(&h.gone[i], &asker.process));
	assert_int_equal(pidfds(), 0);
	child_end(&asker.process);
	watch_free(asker.watch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_death_is_told_once),
		cmocka_unit_test(one_pidfd_for_many),
		cmocka_unit_test(who_is_gone_already_is_told_at_once),
		cmocka_unit_test(what_died_while_stopped_is_told_later),
		cmocka_unit_test(many_die_at_once),
		cmocka_unit_test(an_exec_is_no_death),
		cmocka_unit_test(without_descriptors_it_looks),
		cmocka_unit_test(pidfds_leave_descriptors_for_others),
		cmocka_unit_test(ticks_when_due_by_its_clock),
		cmocka_unit_test(the_timer_comes_by_itself),
		cmocka_unit_test(a_past_deadline_does_not_spin),
		cmocka_unit_test(many_threads_ask),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
