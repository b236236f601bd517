#include "tests/unit/child.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

void child_wait(int fd)
{
	char c;

	while (read(fd, &c, 1) > 0)
		;
}

void child_must(bool ok)
{
	if (!ok)
		_exit(99);
}

struct child child_start(void (*body)(int up, int down))
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

void child_says(struct child *c, void *data, size_t len)
{
	assert_int_equal(read(c->up, data, len), (ssize_t)len);
}

int child_end(struct child *c)
{
	int status;

	close(c->down);
	assert_int_equal(waitpid(c->pid, &status, 0), c->pid);
	close(c->up);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void child_say(int up, const void *data, size_t len)
{
	child_must(write(up, data, len) == (ssize_t)len);
}

void child_just_waits(int up, int down)
{
	child_say(up, "r", 1);
	child_wait(down);
}

void child_await_zombie(pid_t pid)
{
	siginfo_t info;

	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
}

void child_fork_down(int up, int down, int depth)
{
	for (int i = 0; i < depth; i++) {
		pid_t pid = fork();
		child_must(pid >= 0);
		if (pid > 0) {
			close(up);
			waitpid(pid, NULL, 0);
			return;
		}
	}
	pid_t self = getpid();
	child_say(up, &self, sizeof(self));
	child_wait(down);
}
