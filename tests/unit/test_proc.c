#include "core/base/proc.h"
#include "tests/unit/child.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

static void info_of_oneself(void **state)
{
	struct process_info p;

	(void)state;
	assert_int_equal(proc_info(getpid(), &p), 0);
	assert_int_equal(p.self.pid, getpid());
	assert_int_equal(p.ppid, getppid());
	assert_int_equal(p.uid, getuid());
	assert_int_equal(p.sid, getsid(0));
	assert_true(p.self.start > 0);
	assert_true(proc_alive(&p.self));
}

static void info_of_nobody_is_untouched(void **state)
{
	struct process_info p = {.ppid = 77};

	(void)state;
	assert_int_equal(proc_info(0, &p), -ESRCH);
	assert_int_equal(proc_info(-1, &p), -ESRCH);
	assert_int_equal(proc_info(INT32_MAX, &p), -ESRCH);
	assert_int_equal(p.ppid, 77);
	assert_false(proc_alive(&(struct process){0}));
	assert_false(proc_alive(&(struct process){.pid = -1}));
}

struct thread_look {
	pid_t tid;
	struct process_info p;
	int r;
};

static void *look_from_thread(void *arg)
{
	struct thread_look *look = arg;

	look->tid = gettid();
	look->r = proc_info(look->tid, &look->p);
	return NULL;
}

static void a_thread_is_its_process(void **state)
{
	struct thread_look look;
	struct process_info self;
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, look_from_thread, &look), 0);
	pthread_join(thread, NULL);
	assert_int_equal(look.r, 0);
	assert_int_not_equal(look.tid, getpid());
	assert_int_equal(proc_info(getpid(), &self), 0);
	assert_true(process_same(&look.p.self, &self.self));
	assert_int_equal(look.p.ppid, getppid());
}

static void strange_names_are_read(void **state)
{
	const char *names[] = {"a b", "a) R 1 1 1", "((", ") Z 0", "x\nTgid:\t1\n", "\n) X 9 9"};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct process_info p;
		char before[16];

		prctl(PR_GET_NAME, before);
		prctl(PR_SET_NAME, names[i]);
		int r = proc_info(getpid(), &p);
		prctl(PR_SET_NAME, before);
		assert_int_equal(r, 0);
		assert_int_equal(p.self.pid, getpid());
		assert_int_equal(p.ppid, getppid());
		assert_int_equal(p.sid, getsid(0));
		assert_int_equal(p.uid, getuid());
	}
}

static void a_zombie_is_dead(void **state)
{
	struct child c = child_start(child_just_waits);
	struct process_info p, q;
	char ready;

	(void)state;
	child_says(&c, &ready, 1);
	assert_int_equal(proc_info(c.pid, &p), 0);
	assert_true(proc_alive(&p.self));
	kill(c.pid, SIGKILL);
	child_await_zombie(c.pid);
	assert_false(proc_alive(&p.self));
	assert_int_equal(proc_info(c.pid, &q), -ESRCH);
	child_end(&c);
	assert_false(proc_alive(&p.self));
	assert_int_equal(proc_info(c.pid, &q), -ESRCH);
}

static void *thread_waits(void *arg)
{
	int *fds = arg;

	/* The main thread has ended when its state says so. */
	for (;;) {
		char path[64], buf[256];
		snprintf(path, sizeof(path), "/proc/self/task/%d/stat", (int)getpid());
		int fd = open(path, O_RDONLY);
		ssize_t n = read(fd, buf, sizeof(buf) - 1);
		close(fd);
		child_must(n > 0);
		buf[n] = '\0';
		if (strstr(buf, ") Z "))
			break;
		sched_yield();
	}
	child_say(fds[0], "r", 1);
	child_wait(fds[1]);
	_exit(0);
}

static void main_thread_ends(int up, int down)
{
	pthread_t thread;
	int fds[] = {up, down};

	child_must(pthread_create(&thread, NULL, thread_waits, fds) == 0);
	syscall(SYS_exit, 0); /* pthread_exit(3) in a forked child is too much for ASan */
}

static void a_process_outlives_its_main_thread(void **state)
{
	struct child c = child_start(main_thread_ends);
	struct process_info p;
	char ready;

	(void)state;
	child_says(&c, &ready, 1);
	assert_int_equal(proc_info(c.pid, &p), 0);
	assert_true(proc_alive(&p.self));
	child_end(&c);
	assert_false(proc_alive(&p.self));
}

static void who_is_killed_or_gone_is_ending(void **state)
{
	struct child c = child_start(main_thread_ends);
	char ready;

	(void)state;
	child_says(&c, &ready, 1);
	assert_true(proc_ending(c.pid)); /* its main thread has ended */
	child_end(&c);
	assert_true(proc_ending(c.pid));
	assert_false(proc_ending(getpid()));
	c = child_start(child_just_waits);
	assert_false(proc_ending(c.pid));
	assert_int_equal(kill(c.pid, SIGKILL), 0);
	assert_true(proc_ending(c.pid));
	child_end(&c);
}

static void a_pid_used_again_is_another(void **state)
{
	struct process_info p;

	(void)state;
	assert_int_equal(proc_info(getpid(), &p), 0);
	struct process former = p.self;
	former.start--;
	assert_false(proc_alive(&former));
	assert_false(process_same(&former, &p.self));
}

static void boot_id(void **state)
{
	char a[37], b[37];

	(void)state;
	assert_int_equal(proc_boot_id(a), 0);
	assert_int_equal(proc_boot_id(b), 0);
	assert_int_equal(strlen(a), 36);
	assert_string_equal(a, b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(info_of_oneself),
		cmocka_unit_test(info_of_nobody_is_untouched),
		cmocka_unit_test(a_thread_is_its_process),
		cmocka_unit_test(strange_names_are_read),
		cmocka_unit_test(a_zombie_is_dead),
		cmocka_unit_test(a_process_outlives_its_main_thread),
		cmocka_unit_test(who_is_killed_or_gone_is_ending),
		cmocka_unit_test(a_pid_used_again_is_another),
		cmocka_unit_test(boot_id),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
