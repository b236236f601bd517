/*
 * leitlfs run: a program as a session of its own.
 *
 * The session is bound to this process, so that the program and all that it starts find it as their
 * nearest ancestor's; and `alive` is held here alone (closed on exec), so that the session ends
 * when this process does, however it dies.
 *
 * The program stays in our process group: what the terminal sends (SI_KERNEL: Ctrl-C, Ctrl-Z, a new
 * window size) reaches it anyway, and is not passed on a second time. What a process sends to us is
 * passed on. When the program stops, so do we, so that the shell sees its job stopped.
 */
#include "fs/command/command.h"
#include "fs/command/command_tree.h"
#include "fs/command/program.h"

#include "core/base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const int passed_on[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH,
	SIGTSTP, SIGTTIN, SIGTTOU, SIGALRM, SIGCONT};

struct program {
	pid_t pid;
	sigset_t before, watched;
	void (*child_before)(int); /* what SIGCHLD did */
};

static int start(struct program *p, char **words, const char *session, const char *mount)
{
	sigemptyset(&p->watched);
	sigaddset(&p->watched, SIGCHLD);
	for (size_t i = 0; i < sizeof(passed_on) / sizeof(passed_on[0]); i++)
		sigaddset(&p->watched, passed_on[i]);
	p->child_before = signal(SIGCHLD, SIG_DFL); /* ignored, it would take the status from us */
	sigprocmask(SIG_BLOCK, &p->watched, &p->before);
	p->pid = fork();
	if (p->pid < 0)
		return -errno;
	if (p->pid > 0)
		return 0;
	if (setenv("LEITLFS_SESSION", session, 1) != 0 || setenv("LEITLFS_MOUNT", mount, 1) != 0)
		_exit(COMMAND_RUN_FAILED);
	signal(SIGCHLD, p->child_before);
	sigprocmask(SIG_SETMASK, &p->before, NULL);
	execvp(words[0], words);
	fprintf(stderr, "leitlfs run: %s: %s\n", words[0], strerror(errno));
	_exit(errno == ENOENT ? COMMAND_NOT_FOUND : COMMAND_CANNOT_RUN);
}

/* The letter of /proc/PID/stat: T is stopped. '\0': it can't be told. */
static char process_state(pid_t pid)
{
	char path[64], line[512] = "";
	const char *name_end;
	FILE *f;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	f = fopen(path, "re");
	if (f == NULL)
		return '\0';
	if (fgets(line, sizeof(line), f) == NULL)
		line[0] = '\0';
	fclose(f);
	name_end = strrchr(line, ')');
	return name_end != NULL && name_end[1] == ' ' ? name_end[2] : '\0';
}

/* Goes on where the program does: a shell's fg and bg tell the whole group, kill -CONT only us. */
static void go_on(const struct program *p)
{
	if (process_state(p->pid) == 'T')
		kill(p->pid, SIGCONT);
}

/* Whether the program has ended; `*status` is then as the shell has it. */
static bool reap(const struct program *p, int *status)
{
	int how = 0;
	pid_t got;

	while ((got = waitpid(p->pid, &how, WNOHANG | WUNTRACED)) != 0) {
		if (got < 0) {
			if (errno == EINTR)
				continue;
			*status = COMMAND_RUN_FAILED;
			return true;
		}
		if (WIFSTOPPED(how)) {
			raise(SIGSTOP);
			go_on(p);
			continue;
		}
		*status = WIFEXITED(how) ? WEXITSTATUS(how) : 128 + WTERMSIG(how);
		return true;
	}
	return false;
}

static int wait_for(const struct program *p)
{
	int status = COMMAND_RUN_FAILED;
	siginfo_t info;

	while (!reap(p, &status)) {
		if (sigwaitinfo(&p->watched, &info) < 0 || info.si_signo == SIGCHLD)
			continue;
		if (info.si_signo == SIGCONT)
			go_on(p);
		else if (info.si_code != SI_KERNEL && info.si_pid != p->pid)
			kill(p->pid, info.si_signo);
	}
	return status;
}

/* What sessions/new is told. Not the command line, which may hold secrets. */
static int add_member(struct buf *out, const char *key, const char *text, struct error *err)
{
	if (text == NULL)
		return 0;
	if (!text_is_utf8(text, strlen(text), NULL))
		return error_set(err, EINVAL, "%s: must be UTF-8", key);
	buf_addf(out, "%s\"%s\":", out->len > 1 ? "," : "", key);
	buf_add_json(out, text, strlen(text));
	return 0;
}

static int add_tags(const struct call *call, struct buf *out, struct error *err)
{
	bool any = false;

	for (size_t i = 0; i < call->given_count; i++) {
		const char *tag = call->given[i].value;

		if (call->given[i].letter != 'g')
			continue;
		if (!text_is_utf8(tag, strlen(tag), NULL))
			return error_set(err, EINVAL, "tags: must be UTF-8");
		buf_adds(out, any ? "," : ",\"tags\":[");
		buf_add_json(out, tag, strlen(tag));
		any = true;
	}
	if (any)
		buf_addc(out, ']');
	return 0;
}

/* CMD's own name: what a path ends in, in as many characters as a name may have. */
static void name_of(const char *cmd, struct buf *out)
{
	const char *slash = strrchr(cmd, '/'), *base = slash != NULL ? slash + 1 : cmd;
	size_t len = strlen(base), n;

	for (size_t i = 0; i < AGENT_NAME_MAX && len > 0; i++, base += n, len -= n) {
		n = text_char(base, len, NULL);
		if (n == 0 || text_is_control(base, n)) {
			n = n == 0 ? 1 : n;
			buf_addc(out, '-');
		} else {
			buf_add(out, base, n);
		}
	}
	if (out->len == 0)
		buf_addc(out, '-');
}

static int make_record(const struct call *call, struct buf *out, struct error *err)
{
	const char *id = command_value(call, 'i'), *name = command_value(call, 'n');
	struct buf program = BUF_INIT;
	int rc;

	name_of(call->words[0], &program);
	rc = buf_error(&program);
	buf_addc(out, '{');
	if (rc == 0)
		rc = add_member(out, "agent_name", name ? name : id ? id : program.data, err);
	if (rc == 0)
		rc = add_member(out, "session_id", id, err);
	if (rc == 0)
		rc = add_member(out, "agent_type", command_value(call, 'y'), err);
	if (rc == 0)
		rc = add_member(out, "current_task", command_value(call, 't'), err);
	if (rc == 0)
		rc = add_tags(call, out, err);
	buf_adds(out, "}\n");
	buf_release(&program);
	return rc != 0 ? rc : buf_error(out);
}

/* Registers; `id` becomes the session's. */
static int join(const struct call *call, struct buf *id, struct error *err)
{
	struct buf record = BUF_INIT;
	int rc = make_record(call, &record, err), fd = -1;

	if (rc == 0) {
		fd = tree_open(call, O_RDWR, "sessions/new", err);
		rc = fd < 0 ? fd : 0;
	}
	if (rc == 0)
		rc = tree_answer(call, fd, record.data, record.len, "sessions/new", id, err);
	if (rc == 0 && id->len > 0 && id->data[id->len - 1] == '\n')
		id->data[--id->len] = '\0';
	if (rc == 0 && (id->len == 0 || !text_id_ok(id->data)))
		rc = error_set(err, EIO, "sessions/new: it told no id");
	if (fd >= 0)
		close(fd);
	buf_release(&record);
	return rc;
}

static int hold_alive(const struct call *call, const char *id, struct error *err)
{
	char *path = NULL;
	int fd;

	if (asprintf(&path, "sessions/%s/alive", id) < 0)
		return error_set(err, ENOMEM, "out of memory");
	fd = tree_open(call, O_WRONLY, path, err);
	free(path);
	return fd;
}

/* Whoever ended it before us, or the mount itself, is none of the program's business. */
static void leave(const struct call *call, const char *id)
{
	char *path = NULL;

	if (asprintf(&path, "%s/sessions/%s", call->at.tree, id) < 0)
		return;
	(void)rmdir(path);
	free(path);
}

/* The new session is nobody else's: not as/<id>'s. */
static int leave_as(struct call *call, struct error *err)
{
	char *copy = strdup(call->at.mount);

	if (copy == NULL)
		return error_set(err, ENOMEM, "out of memory");
	free(call->at.tree);
	call->at.tree = copy;
	return 0;
}

int command_run(struct call *call)
{
	struct program program = {0};
	struct buf id = BUF_INIT;
	struct error err = {0};
	int status = COMMAND_RUN_FAILED, alive = -1, rc;

	/* Before anybody is told of a session. */
	rc = program_check(call->words[0], &err);
	if (rc != 0) {
		command_fail(call, &err);
		return rc == -ENOENT ? COMMAND_NOT_FOUND : COMMAND_CANNOT_RUN;
	}
	rc = leave_as(call, &err);
	if (rc == 0)
		rc = join(call, &id, &err);
	if (rc == 0) {
		alive = hold_alive(call, id.data, &err);
		rc = alive < 0 ? alive : 0;
		if (rc == 0)
			rc = start(&program, call->words, id.data, call->at.mount);
		if (rc == 0)
			status = wait_for(&program);
		leave(call, id.data);
	}
	if (rc != 0 && err.code == 0)
		error_set(&err, -rc, "%s", strerror(-rc));
	if (rc != 0)
		status = command_fail(call, &err);
	if (alive >= 0)
		close(alive);
	buf_release(&id);
	return status;
}
