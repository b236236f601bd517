/* Whose child a process is, up to whom it ends, and who of them inherits. */
#include "core/base/proc.h"
#include "tests/unit/child.h"

#include <fcntl.h>
#include <pty.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define OTHER_UID ((uid_t)65534)

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

static void fork_deep(int up, int down)
{
	child_fork_down(up, down, CHAIN_MAX + 4);
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

	child_must(pid >= 0);
	if (pid > 0)
		_exit(0);
	pid_t self = getpid();
	child_say(up, &self, sizeof(self));
	child_wait(down);
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
	child_must(setresuid(OTHER_UID, OTHER_UID, OTHER_UID) == 0);
	child_fork_down(up, down, 1);
}

/* Another's rights, as a set-uid program has them: its real uid stays. */
static void pose_as_other(int up, int down)
{
	child_must(setresuid(0, OTHER_UID, 0) == 0);
	child_just_waits(up, down);
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

	child_must(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
	child_must(mount("proc", "/proc", "proc", 0, NULL) == 0);
	pid_t pid = fork();
	child_must(pid >= 0);
	if (pid > 0) { /* pid 1 */
		waitpid(pid, NULL, 0);
		return;
	}
	seen.n = proc_chain(getpid(), getuid(), chain);
	seen.heirs = proc_heirs(chain, seen.n, heirs);
	seen.last_is_init = seen.n > 0 && chain[seen.n - 1].self.pid == 1;
	seen.init_walked = proc_chain(1, getuid(), chain);
	seen.init_heirs = proc_heirs(chain, seen.init_walked, heirs);
	child_say(up, &seen, sizeof(seen));
	child_wait(down);
}

static void in_a_namespace(int up, int down)
{
	child_must(unshare(CLONE_NEWPID | CLONE_NEWNS) == 0);
	pid_t pid = fork();
	child_must(pid >= 0);
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
		child_fork_down(up[1], down[0], 2);
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
	child_must(setsid() > 0);
	child_just_waits(up, down);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
