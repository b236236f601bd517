#include "core/base/caller.h"
#include "core/base/proc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <pty.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define OTHER_UID ((uid_t)65534)

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

/* A forked child that says when it is ready and ends when told to, or when the test does. */
struct child {
	pid_t pid;
	int up;   /* what it writes */
	int down; /* it waits until this is closed */
};

static void wait_for_close(int fd)
{
	char c;

	while (read(fd, &c, 1) > 0)
		;
}

static void must(bool ok)
{
	if (!ok)
		_exit(99);
}

/* Runs `body` in a child with the ends of two pipes, and then _exit(0). */
static struct child child_start(void (*body)(int up, int down))
{
	int up[2], down[2];

	assert_int_equal(pipe2(up, O_CLOEXEC), 0);
	assert_int_equal(pipe2(down, O_CLOEXEC), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		close(up[0]);
		close(down[1]);
		body(up[1], down[0]);
		_exit(0);
	}
	close(up[1]);
	close(down[0]);
	return (struct child){.pid = pid, .up = up[0], .down = down[1]};
}

static void child_says(struct child *c, void *data, size_t len)
{
	assert_int_equal(read(c->up, data, len), (ssize_t)len);
}

static int child_end(struct child *c)
{
	int status;

	close(c->down);
	assert_int_equal(waitpid(c->pid, &status, 0), c->pid);
	close(c->up);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void say(int up, const void *data, size_t len)
{
	must(write(up, data, len) == (ssize_t)len);
}

static void just_wait(int up, int down)
{
	say(up, "r", 1);
	wait_for_close(down);
}

/* Waits until the child is a zombie, and leaves it one. */
static void await_zombie(pid_t pid)
{
	siginfo_t info;

	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
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
	struct child c = child_start(just_wait);
	struct process_info p, q;
	char ready;

	(void)state;
	child_says(&c, &ready, 1);
	assert_int_equal(proc_info(c.pid, &p), 0);
	assert_true(proc_alive(&p.self));
	kill(c.pid, SIGKILL);
	await_zombie(c.pid);
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
		must(n > 0);
		buf[n] = '\0';
		if (strstr(buf, ") Z "))
			break;
		sched_yield();
	}
	say(fds[0], "r", 1);
	wait_for_close(fds[1]);
	_exit(0);
}

static void main_thread_ends(int up, int down)
{
	pthread_t thread;
	int fds[] = {up, down};

	must(pthread_create(&thread, NULL, thread_waits, fds) == 0);
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
	c = child_start(just_wait);
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

static void chain_of_shells(void **state)
{
	struct process_info chain[CHAIN_MAX];
	int in[2], out[2];
	char line[32];

	(void)state;
	assert_int_equal(pipe(in), 0);
	assert_int_equal(pipe(out), 0);
	pid_t outer = fork();
	assert_true(outer >= 0);
	if (outer == 0) {
		dup2(in[0], 0);
		dup2(out[1], 1);
		close(in[1]);
		execl("/bin/sh", "sh", "-c", "sh -c 'echo $$; read x; :'; :", (char *)NULL);
		_exit(99);
	}
	ssize_t len = read(out[0], line, sizeof(line) - 1);
	assert_true(len > 0);
	line[len] = '\0';
	pid_t inner = (pid_t)strtol(line, NULL, 10);
	int n = proc_chain(inner, getuid(), chain);
	assert_true(n >= 3);
	assert_int_equal(chain[0].self.pid, inner);
	assert_int_equal(chain[1].self.pid, outer);
	assert_int_equal(chain[2].self.pid, getpid());
	for (int i = 0; i < n; i++) {
		assert_true(chain[i].self.pid > 1 || i == n - 1);
		assert_int_equal(chain[i].uid, getuid());
		assert_true(i == 0 || chain[i].self.start <= chain[i - 1].self.start);
		assert_true(i == 0 || chain[i - 1].ppid == chain[i].self.pid);
	}
	for (int i = 0; i < 2; i++) {
		close(in[1 - i]);
		close(out[1 - i]);
	}
	waitpid(outer, NULL, 0);
}

static void chain_of_the_unseen_is_empty(void **state)
{
	struct process_info chain[CHAIN_MAX];

	(void)state;
	assert_int_equal(proc_chain(0, getuid(), chain), 0);
	assert_int_equal(proc_chain(-5, getuid(), chain), 0);
	assert_int_equal(proc_chain(INT32_MAX, getuid(), chain), 0);
	assert_int_equal(proc_chain(getpid(), getuid() + 1, chain), 0);
	assert_false(proc_has_tty(chain, 0));
}

/* Forks down to `depth` below this one; the last says its pid. */
static void fork_down(int up, int down, int depth)
{
	for (int i = 0; i < depth; i++) {
		pid_t pid = fork();
		must(pid >= 0);
		if (pid > 0) {
			close(up);
			waitpid(pid, NULL, 0);
			return;
		}
	}
	pid_t self = getpid();
	say(up, &self, sizeof(self));
	wait_for_close(down);
}

static void fork_deep(int up, int down)
{
	fork_down(up, down, CHAIN_MAX + 4);
}

static void chain_is_bounded(void **state)
{
	struct child c = child_start(fork_deep);
	struct process_info chain[CHAIN_MAX];
	pid_t last;

	(void)state;
	child_says(&c, &last, sizeof(last));
	assert_int_equal(proc_chain(last, getuid(), chain), CHAIN_MAX);
	assert_int_equal(chain[0].self.pid, last);
	child_end(&c);
}

/* A child that is orphaned: its parent says its pid and ends. */
static void orphan(int up, int down)
{
	pid_t pid = fork();

	must(pid >= 0);
	if (pid > 0)
		_exit(0);
	pid_t self = getpid();
	say(up, &self, sizeof(self));
	wait_for_close(down);
}

static void an_orphan_has_its_reapers_chain(void **state)
{
	struct process_info chain[CHAIN_MAX];
	pid_t self;

	(void)state;
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	struct child c = child_start(orphan);
	child_says(&c, &self, sizeof(self));
	assert_int_equal(waitpid(c.pid, NULL, 0), c.pid);
	int n = proc_chain(self, getuid(), chain);
	assert_true(n >= 2);
	assert_int_equal(chain[0].self.pid, self);
	assert_int_equal(chain[1].self.pid, getpid());
	c.pid = self;
	child_end(&c);
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 0), 0);
}

static void become_other(int up, int down)
{
	must(setresuid(OTHER_UID, OTHER_UID, OTHER_UID) == 0);
	fork_down(up, down, 1);
}

/* Another's rights, as a set-uid program has them: its real uid stays. */
static void pose_as_other(int up, int down)
{
	must(setresuid(0, OTHER_UID, 0) == 0);
	just_wait(up, down);
}

/* What a child sees whose parent is pid 1 of its namespace, and its uid. */
struct below_init {
	int n, heirs, last_is_init, init_walked, init_heirs;
};

static void look_below_init(int up, int down)
{
	struct below_init seen = {0};
	struct process_info chain[CHAIN_MAX];
	struct process heirs[CHAIN_MAX];

	must(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
	must(mount("proc", "/proc", "proc", 0, NULL) == 0);
	pid_t pid = fork();
	must(pid >= 0);
	if (pid > 0) { /* pid 1 */
		waitpid(pid, NULL, 0);
		return;
	}
	seen.n = proc_chain(getpid(), getuid(), chain);
	seen.heirs = proc_heirs(chain, seen.n, heirs);
	seen.last_is_init = seen.n > 0 && chain[seen.n - 1].self.pid == 1;
	seen.init_walked = proc_chain(1, getuid(), chain);
	seen.init_heirs = proc_heirs(chain, seen.init_walked, heirs);
	say(up, &seen, sizeof(seen));
	wait_for_close(down);
}

static void in_a_namespace(int up, int down)
{
	must(unshare(CLONE_NEWPID | CLONE_NEWNS) == 0);
	pid_t pid = fork();
	must(pid >= 0);
	if (pid == 0) {
		look_below_init(up, down);
		_exit(0);
	}
	close(up);
	waitpid(pid, NULL, 0);
}

static void a_walk_goes_to_pid_1_and_no_heir_is_it(void **state)
{
	struct below_init seen;

	(void)state;
	if (getuid() != 0)
		skip();
	struct child c = child_start(in_a_namespace);
	child_says(&c, &seen, sizeof(seen));
	assert_int_equal(seen.n, 2);
	assert_true(seen.last_is_init);
	assert_int_equal(seen.heirs, 1);
	assert_int_equal(seen.init_walked, 1);
	assert_int_equal(seen.init_heirs, 1); /* itself, where it registers */
	child_end(&c);
}

static void a_walk_stops_at_another_uid(void **state)
{
	struct process_info chain[CHAIN_MAX];
	pid_t last;
	char ready;

	(void)state;
	if (getuid() != 0)
		skip();
	struct child c = child_start(become_other);
	child_says(&c, &last, sizeof(last));
	assert_int_equal(proc_chain(last, OTHER_UID, chain), 2);
	assert_int_equal(chain[0].self.pid, last);
	assert_int_equal(chain[1].self.pid, c.pid);
	assert_int_equal(proc_chain(last, 0, chain), 0);
	child_end(&c);

	c = child_start(pose_as_other);
	child_says(&c, &ready, 1);
	assert_int_equal(proc_chain(c.pid, OTHER_UID, chain), 0);
	assert_true(proc_chain(c.pid, 0, chain) >= 1);
	child_end(&c);
}

static void parents_that_die_are_left_out(void **state)
{
	(void)state;
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	for (int i = 0; i < 50; i++) {
		struct process_info chain[CHAIN_MAX];
		struct child c = child_start(fork_deep);
		pid_t last;

		child_says(&c, &last, sizeof(last));
		kill(c.pid, SIGKILL);
		int n = proc_chain(last, getuid(), chain);
		assert_true(n > CHAIN_MAX / 2);
		for (int k = 1; k < n; k++) {
			assert_true(chain[k].self.start <= chain[k - 1].self.start);
			assert_int_equal(chain[k - 1].ppid, chain[k].self.pid);
		}
		assert_int_equal(chain[0].self.pid, last);
		close(c.down);
		close(c.up);
		while (waitpid(-1, NULL, 0) > 0)
			;
	}
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 0), 0);
}

static struct process_info one(pid_t pid, pid_t sid, int tty)
{
	return (struct process_info){
		.self = {.pid = pid, .start = 1}, .uid = 7, .sid = sid, .tty_nr = tty};
}

static void heirs_are(const struct process_info *chain, int n, const char *pids)
{
	struct process out[CHAIN_MAX];
	char got[256] = "";
	size_t len = 0;
	int count = proc_heirs(chain, n, out);

	for (int i = 0; i < count; i++)
		len += (size_t)snprintf(got + len, sizeof(got) - len, "%d ", (int)out[i].pid);
	assert_string_equal(got, pids);
}

static void heirs(void **state)
{
	const int tty = 0x8800;

	(void)state;
	heirs_are(NULL, 0, "");
	/* mkdir <- sh <- agent <- a person's shell <- terminal */
	struct process_info agent[] = {one(50, 20, tty), one(40, 20, tty), one(30, 20, tty),
		one(20, 20, tty), one(10, 10, 0)};
	heirs_are(agent, 5, "50 40 30 ");
	/* mkdir <- a person's shell <- terminal */
	heirs_are(agent + 2, 3, "30 20 ");
	/* the person's shell itself */
	heirs_are(agent + 3, 2, "20 ");
	/* a session leader without a terminal is like any other: mkdir <- sh <- supervisor <- top
	 */
	struct process_info service[] = {
		one(50, 40, 0), one(40, 40, 0), one(30, 30, 0), one(10, 10, 0)};
	heirs_are(service, 4, "50 40 30 10 ");
	/* pid 1 never inherits, but may register */
	struct process_info init[] = {one(50, 1, 0), one(1, 1, 0)};
	heirs_are(init, 2, "50 ");
	heirs_are(init + 1, 1, "1 ");
	/* nor does another uid, nor who is beyond it */
	service[1].uid = 8;
	heirs_are(service, 4, "50 ");
}

static void a_terminals_leader_inherits_from_its_children_only(void **state)
{
	struct process_info chain[CHAIN_MAX];
	struct process heir[CHAIN_MAX];
	int up[2], down[2], master;
	pid_t last;

	(void)state;
	assert_int_equal(pipe2(up, O_CLOEXEC), 0);
	assert_int_equal(pipe2(down, O_CLOEXEC), 0);
	pid_t shell = forkpty(&master, NULL, NULL, NULL);
	assert_true(shell >= 0);
	if (shell == 0) {
		close(up[0]);
		close(down[1]);
		/* a person's shell, a program of its, and that program's child */
		fork_down(up[1], down[0], 2);
		_exit(0);
	}
	close(up[1]);
	close(down[0]);
	assert_int_equal(read(up[0], &last, sizeof(last)), sizeof(last));

	int n = proc_chain(last, getuid(), chain);
	assert_true(n >= 4);
	assert_int_equal(chain[2].self.pid, shell);
	assert_int_equal(chain[2].sid, shell);
	assert_true(proc_has_tty(chain, n));
	assert_int_equal(proc_heirs(chain, n, heir), 2);
	assert_int_equal(heir[0].pid, last);

	n = proc_chain(chain[1].self.pid, getuid(), chain);
	assert_int_equal(proc_heirs(chain, n, heir), 2);
	assert_int_equal(heir[1].pid, shell);

	n = proc_chain(shell, getuid(), chain);
	assert_int_equal(proc_heirs(chain, n, heir), 1);
	assert_int_equal(heir[0].pid, shell);

	close(down[1]);
	waitpid(shell, NULL, 0);
	close(master);
	close(up[0]);
}

static void start_session(int up, int down)
{
	must(setsid() > 0);
	just_wait(up, down);
}

static void a_new_session_has_no_terminal(void **state)
{
	struct child c = child_start(start_session);
	struct process_info chain[CHAIN_MAX];
	struct process heir[CHAIN_MAX];
	char ready;

	(void)state;
	child_says(&c, &ready, 1);
	int n = proc_chain(c.pid, getuid(), chain);
	assert_true(n >= 2);
	assert_int_equal(chain[0].sid, c.pid);
	assert_false(proc_has_tty(chain, n));
	assert_true(proc_heirs(chain, n, heir) >= 1);
	child_end(&c);
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
	struct child c = child_start(just_wait);
	struct process_info chain[CHAIN_MAX];
	uint64_t token;
	char ready;
	int n, before = open_fds();

	(void)state;
	child_says(&c, &ready, 1);
	keep(cache, c.pid, chain, &n);
	assert_int_equal(open_fds(), before + n);
	kill(c.pid, SIGKILL);
	await_zombie(c.pid);
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

	must(pipe(inner) == 0);
	pid_t pid = fork();
	must(pid >= 0);
	if (pid > 0) {
		say(up, &pid, sizeof(pid));
		wait_for_close(down);
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
	say(up, "r", 1);
	wait_for_close(down);
	must(setsid() > 0);
	say(up, "s", 1);
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
		c[i] = child_start(just_wait);
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
	must(cache != NULL && getrlimit(RLIMIT_NOFILE, &few) == 0);
	for (int fd = 0; fd >= 0; fd = dup(0)) {
		last = fd;
		if (fd > 100)
			break;
	}
	few.rlim_cur = (rlim_t)last + 1;
	must(setrlimit(RLIMIT_NOFILE, &few) == 0);
	must(proc_chain(getpid(), getuid(), chain) == -EMFILE);
	must(caller_cache_chain(cache, getpid(), getuid(), chain, &token) == -EMFILE);
	must(proc_alive(&(struct process){.pid = getpid(), .start = 1}));
	close(last);
	close(last - 1); /* what a walk needs, and one pidfd */
	for (int i = 0; i < 3; i++)
		must(caller_cache_chain(cache, getpid(), getuid(), chain, &token) >= 2);
	must(token == 0);
	caller_cache_free(cache);
	say(up, "k", 1);
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
	fork_down(up, down, 2);
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
		cmocka_unit_test(info_of_oneself),
		cmocka_unit_test(info_of_nobody_is_untouched),
		cmocka_unit_test(a_thread_is_its_process),
		cmocka_unit_test(strange_names_are_read),
		cmocka_unit_test(a_zombie_is_dead),
		cmocka_unit_test(a_process_outlives_its_main_thread),
		cmocka_unit_test(who_is_killed_or_gone_is_ending),
		cmocka_unit_test(a_pid_used_again_is_another),
		cmocka_unit_test(chain_of_shells),
		cmocka_unit_test(chain_of_the_unseen_is_empty),
		cmocka_unit_test(chain_is_bounded),
		cmocka_unit_test(an_orphan_has_its_reapers_chain),
		cmocka_unit_test(a_walk_goes_to_pid_1_and_no_heir_is_it),
		cmocka_unit_test(a_walk_stops_at_another_uid),
		cmocka_unit_test(parents_that_die_are_left_out),
		cmocka_unit_test(heirs),
		cmocka_unit_test(a_terminals_leader_inherits_from_its_children_only),
		cmocka_unit_test(a_new_session_has_no_terminal),
		cmocka_unit_test(boot_id),
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
