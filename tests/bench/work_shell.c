/*
 * Saying a line and looking what is new, as an agent's shell does: one bash that stays, and in it
 * what one would type. Against redis-cli, and curl with a WebDAV server.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/bench/bench.h"
#include "tests/bench/context.h"

#define OPS    2
#define SPARED 5 /* so many rounds of the small works are one of these */

enum { OURS, REDIS, CURL, SIDES };

/* A bash that reads commands, and one command. */
struct shell {
	pid_t pid;
	FILE *in, *out;
	char command[PATH_MAX + 200];
};

static void be_bash(const int in[2], const int out[2])
{
	dup2(in[0], STDIN_FILENO);
	dup2(out[1], STDOUT_FILENO);
	execlp("bash", "bash", "--norc", (char *)NULL);
	_exit(127);
}

static int shell_start(struct shell *sh)
{
	int in[2], out[2], rc = 0;

	if (pipe2(in, O_CLOEXEC) != 0)
		return -errno;
	if (pipe2(out, O_CLOEXEC) != 0) {
		rc = -errno;
		close(in[0]);
		close(in[1]);
		return rc;
	}
	sh->pid = fork();
	if (sh->pid == 0)
		be_bash(in, out);
	if (sh->pid < 0)
		rc = -errno;
	close(in[0]);
	close(out[1]);
	sh->in = fdopen(in[1], "w");
	sh->out = fdopen(out[0], "r");
	return rc ? rc : sh->in && sh->out ? 0 : -ENOMEM;
}

/* Bash ends when nothing more can come. */
static void shell_end(struct shell *sh)
{
	if (sh->in)
		fclose(sh->in);
	if (sh->out)
		fclose(sh->out);
	if (sh->pid > 0)
		waitpid(sh->pid, NULL, 0);
}

/* Once through, until bash has told how the command ended. */
static int run_command(void *ctx)
{
	struct shell *sh = ctx;
	char status[8];

	if (fprintf(sh->in, "%s; echo $?\n", sh->command) < 0 || fflush(sh->in) != 0)
		return -EPIPE;
	if (!fgets(status, sizeof(status), sh->out))
		return -EPIPE;
	return strcmp(status, "0\n") == 0 ? 0 : -EIO;
}

struct commands {
	const char *work;
	const char *ours, *redis, *curl; /* formats: of the mount, the port, the URL */
};

/* The format with `what` in place of its @@. */
static void fill_in(char *to, size_t size, const char *format, const char *what)
{
	const char *at = strstr(format, "@@");

	snprintf(to, size, "%.*s%s%s", (int)(at - format), format, what, at + 2);
}

static int measure(struct bench *b, const struct daemon *d, const struct commands *c)
{
	static const char *const names[] = {"leitlfs", "redis-cli", "curl"};
	char port[16], url[CONTEXT_URL_MAX];
	struct shell sh[SIDES] = {0};
	struct side sides[SIDES];
	int i, rc = 0;

	snprintf(port, sizeof(port), "%d", b->redis_port);
	context_url(b, url);
	fill_in(sh[OURS].command, sizeof(sh[OURS].command), c->ours, d->mount);
	fill_in(sh[REDIS].command, sizeof(sh[REDIS].command), c->redis, port);
	fill_in(sh[CURL].command, sizeof(sh[CURL].command), c->curl, url);
	for (i = 0; i < SIDES && rc == 0; i++)
		rc = shell_start(&sh[i]);
	for (i = 0; i < SIDES; i++) {
		const bool there = i == OURS    ? b->leitlfs != NULL
				   : i == REDIS ? b->redis_port != 0
						: b->web_port != 0;

		sides[i] = side_make(names[i], there ? run_command : NULL, &sh[i]);
	}
	if (rc == 0)
		rc = sides_measure(sides, SIDES, b->rounds / SPARED, OPS);
	if (rc == 0) {
		bench_row(b, c->work, &sides[OURS], &sides[REDIS], NO_TARGET, 0);
		bench_row(b, c->work, &sides[OURS], &sides[CURL], NO_TARGET, 0);
	}
	sides_release(sides, SIDES);
	for (i = 0; i < SIDES; i++)
		shell_end(&sh[i]);
	return rc;
}

/* Where curl may put its line: Apache's children are another user. Nothing of it is left for those
 * works that sync what Apache serves. */
static int room_make(const struct bench *b, char dir[PATH_MAX])
{
	if (snprintf(dir, PATH_MAX, "%s/said", b->web_root) >= PATH_MAX)
		return -ENAMETOOLONG;
	return !b->web_port || (mkdir(dir, 0777) == 0 && chmod(dir, 0777) == 0) ? 0 : -errno;
}

static void room_remove(const char *dir)
{
	char line[PATH_MAX + 8];

	snprintf(line, sizeof(line), "%s/line", dir);
	unlink(line);
	rmdir(dir);
}

int work_shell(struct bench *b)
{
	static const struct commands said = {"a line said, in bash",
		"echo 'tests are green' >@@/sessions/s0/broadcast",
		"redis-cli -p @@ xadd said '*' m 'tests are green' >/dev/null",
		"echo 'tests are green' | curl -sf -o /dev/null -u u:p -T - @@said/line"};
	static const struct commands seen = {"the last ten lines looked at, in bash",
		"tail -n 10 @@/activity >/dev/null",
		"redis-cli -p @@ xrevrange said + - count 10 >/dev/null",
		"curl -sf -o /dev/null -u u:p @@said/line"};
	char dir[PATH_MAX];
	struct pair p = {0};
	int rc, rc2;

	rc = room_make(b, dir);
	if (rc != 0)
		return bench_failed("said", rc);
	rc = bench_pair_start(b, &p, 1);
	if (rc == 0)
		rc = measure(b, &p.ours, &said);
	if (rc == 0)
		rc = measure(b, &p.ours, &seen);
	rc2 = bench_pair_stop(&p);
	room_remove(dir);
	return rc ? rc : rc2;
}
