#include "tests/bench/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <mntent.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/bench/measure.h"

#define START_LIMIT_NS (60 * UINT64_C(1000000000))
#define STOP_LIMIT_NS  (60 * UINT64_C(1000000000))

static void pause_us(long us)
{
	struct timespec ts = {.tv_nsec = us * 1000};

	nanosleep(&ts, NULL);
}

static int path_with(char *out, const char *path, const char *suffix)
{
	int n = snprintf(out, PATH_MAX, "%s%s", path, suffix);

	return n < PATH_MAX ? 0 : -ENAMETOOLONG;
}

static void show_log(const char *mount)
{
	char path[PATH_MAX], line[512];
	FILE *log;

	if (path_with(path, mount, ".log") != 0)
		return;
	log = fopen(path, "re");
	while (log && fgets(line, sizeof(line), log))
		fprintf(stderr, "  %s", line);
	if (log)
		fclose(log);
}

static void note_pid(const struct daemon *d)
{
	char path[PATH_MAX];
	FILE *f;

	if (path_with(path, d->mount, ".pid") != 0)
		return;
	f = d->pid ? fopen(path, "we") : NULL;
	if (f) {
		fprintf(f, "%d\n", (int)d->pid);
		fclose(f);
	} else {
		unlink(path);
	}
}

/* In the child: only what is safe between fork and exec. */
static _Noreturn void become(const char *exe, const char *options, const char *mount, int log)
{
	char *with[] = {(char *)exe, "-f", "-o", (char *)options, (char *)mount, NULL};
	char *without[] = {(char *)exe, "-f", (char *)mount, NULL};

	prctl(PR_SET_PDEATHSIG, SIGTERM);
	dup2(log, STDOUT_FILENO);
	dup2(log, STDERR_FILENO);
	execv(exe, options[0] ? with : without);
	_exit(127);
}

static int await_mount(struct daemon *d, const char *probe, uint64_t begun)
{
	struct stat st;
	int status;

	for (;;) {
		if (stat(probe, &st) == 0)
			return 0;
		if (waitpid(d->pid, &status, WNOHANG) == d->pid) {
			d->pid = 0;
			return -ECHILD;
		}
		if (now_ns() - begun > START_LIMIT_NS)
			return -ETIMEDOUT;
		pause_us(20);
	}
}

int daemon_start(struct daemon *d, const char *exe, const char *options, const char *mount,
	uint64_t *start_ns)
{
	char probe[PATH_MAX], log_path[PATH_MAX];
	uint64_t begun;
	int log, rc;

	d->pid = 0;
	rc = path_with(d->mount, mount, "");
	if (rc == 0)
		rc = path_with(probe, mount, "/activity");
	if (rc == 0)
		rc = path_with(log_path, mount, ".log");
	if (rc != 0)
		return rc;
	if (mkdir(mount, 0755) != 0 && errno != EEXIST)
		return -errno;
	log = open(log_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (log < 0)
		return -errno;
	begun = now_ns();
	d->pid = fork();
	if (d->pid == 0)
		become(exe, options, mount, log);
	close(log);
	if (d->pid < 0) {
		d->pid = 0;
		return -EAGAIN;
	}
	rc = await_mount(d, probe, begun);
	if (rc == 0 && start_ns)
		*start_ns = now_ns() - begun;
	note_pid(d);
	if (rc != 0) {
		fprintf(stderr, "bench: %s did not start: %s\n", exe, strerror(-rc));
		show_log(mount);
		daemon_kill(d);
	}
	return rc;
}

static int unmount(const char *mount, bool lazily)
{
	char *argv[] = {"fusermount3", lazily ? "-uz" : "-u", "-q", (char *)mount, NULL};
	unsigned long lines;

	return run_counting(argv, &lines);
}

static int await_end(struct daemon *d, uint64_t limit_ns)
{
	uint64_t begun = now_ns();
	int status;

	while (waitpid(d->pid, &status, WNOHANG) != d->pid) {
		if (now_ns() - begun > limit_ns)
			return -ETIMEDOUT;
		pause_us(500);
	}
	d->pid = 0;
	note_pid(d);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -ECHILD;
}

int daemon_stop(struct daemon *d)
{
	int rc = 0, tries;

	if (d->pid == 0)
		return 0;
	/* The daemon may hold its own mount for an instant: EBUSY then. */
	for (tries = 0; tries < 50; tries++) {
		rc = unmount(d->mount, false);
		if (rc == 0)
			break;
		pause_us(20000);
	}
	if (rc == 0)
		rc = await_end(d, STOP_LIMIT_NS);
	if (d->pid != 0)
		daemon_kill(d);
	if (rc != 0) {
		fprintf(stderr, "bench: %s did not end cleanly\n", d->mount);
		show_log(d->mount);
	}
	return rc;
}

void daemon_kill(struct daemon *d)
{
	if (d->pid == 0)
		return;
	kill(d->pid, SIGKILL);
	unmount(d->mount, true);
	await_end(d, STOP_LIMIT_NS);
}

static double memory_of(const struct daemon *d, const char *key)
{
	char path[64], line[256];
	double kib = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)d->pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		if (strncmp(line, key, strlen(key)) == 0)
			kib = strtod(line + strlen(key), NULL);
	}
	if (f)
		fclose(f);
	return kib * 1024;
}

double daemon_resident(const struct daemon *d)
{
	return memory_of(d, "VmRSS:");
}

double daemon_peak(const struct daemon *d)
{
	return memory_of(d, "VmHWM:");
}

int daemon_has_option(const struct daemon *d, const char *option)
{
	FILE *f = setmntent("/proc/self/mounts", "re");
	struct mntent *m;
	int found = 0;

	while (f && (m = getmntent(f))) {
		if (strcmp(m->mnt_dir, d->mount) == 0)
			found = hasmntopt(m, option) != NULL;
	}
	if (f)
		endmntent(f);
	return found;
}

int run_counting(char *const argv[], unsigned long *lines)
{
	char buf[65536];
	unsigned long count = 0;
	int fds[2], status;
	ssize_t n, i;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) != 0)
		return -errno;
	pid = fork();
	if (pid == 0) {
		dup2(fds[1], STDOUT_FILENO);
		execvp(argv[0], argv);
		_exit(127);
	}
	close(fds[1]);
	while (pid > 0 && (n = read(fds[0], buf, sizeof(buf))) > 0) {
		for (i = 0; i < n; i++)
			count += buf[i] == '\n';
	}
	close(fds[0]);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -EAGAIN;
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return -ECHILD;
	*lines = count;
	return 0;
}
