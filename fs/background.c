#include "fs/background.h"

#include "fs/mount.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#include <fuse_log.h>

#define LAST_WORDS_MS                                                                              \
	2000 /* how long the caller waits for why a mount that was made is not there */

void voice_say(const struct voice *voice, const char *fmt, ...)
{
	char text[1024];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (!voice->detached)
		fprintf(stderr, "leitlfs: %s\n", text);
	else
		syslog(LOG_ERR, "%s", text);
	if (voice->detached && voice->parent >= 0)
		dprintf(voice->parent, "leitlfs: %s\n", text);
}

/* Asks the daemon itself: what the kernel knows of the mount's root is not enough. */
static int check_mount(const char *mountpoint)
{
	struct mount mount = {0};
	struct statx stx;

	if (statx(AT_FDCWD, mountpoint, AT_STATX_FORCE_SYNC, STATX_BASIC_STATS, &stx) != 0)
		return -errno;
	return mount_find(mountpoint, &mount);
}

static void pass_on_last_words(int fd)
{
	struct pollfd ready = {.fd = fd, .events = POLLIN};
	char text[512];
	ssize_t len;

	while (poll(&ready, 1, LAST_WORDS_MS) == 1) {
		len = read(fd, text, sizeof(text));
		if (len <= 0 || write(STDERR_FILENO, text, (size_t)len) != len)
			return;
	}
}

/* What the caller ends with. */
static int await_daemon(pid_t daemon, int fd, const char *mountpoint)
{
	int status = 0;
	ssize_t got;
	char byte;
	int rc;

	do {
		got = read(fd, &byte, 1);
	} while (got < 0 && errno == EINTR);
	if (got == 1) {
		rc = check_mount(mountpoint);
		if (rc == 0)
			return 0;
		fprintf(stderr, "leitlfs: the mount at %s does not answer: %s\n", mountpoint,
			strerror(-rc));
		pass_on_last_words(fd);
		return 1;
	}
	while (waitpid(daemon, &status, 0) < 0 && errno == EINTR)
		continue;
	if (WIFSIGNALED(status))
		fprintf(stderr, "leitlfs: ended by signal %d (%s) before it had mounted\n",
			WTERMSIG(status), strsignal(WTERMSIG(status)));
	return WIFEXITED(status) && WEXITSTATUS(status) != 0 ? WEXITSTATUS(status) : 1;
}

/* What the caller had open beside stdio is no business of a daemon's, and who waits for the end of
 * such a pipe would wait for the daemon's. */
static void close_others(int keep)
{
	if (keep > STDERR_FILENO + 1)
		(void)close_range(STDERR_FILENO + 1, (unsigned)keep - 1, 0);
	(void)close_range((unsigned)keep + 1, UINT_MAX, 0);
}

int background_start(const char *mountpoint, struct voice *voice, int *status, struct error *err)
{
	int ends[2];
	pid_t daemon;

	if (pipe2(ends, O_CLOEXEC) != 0)
		return error_set(err, errno, "can't make a pipe: %s", strerror(errno));
	daemon = fork();
	if (daemon < 0) {
		int code = errno;

		close(ends[0]);
		close(ends[1]);
		return error_set(err, code, "can't go into the background: %s", strerror(code));
	}
	if (daemon == 0) {
		close_others(ends[1]);
		setsid();
		voice->parent = ends[1];
		return 0;
	}
	close(ends[1]);
	*status = await_daemon(daemon, ends[0], mountpoint);
	close(ends[0]);
	return 1;
}

static void log_of_libfuse(enum fuse_log_level level, const char *fmt, va_list args)
{
	vsyslog((int)level, fmt, args); /* the levels are syslog's */
}

int background_mounted(struct voice *voice)
{
	int null;

	if (voice->parent < 0)
		return 0;
	if (write(voice->parent, "", 1) != 1)
		return -EPIPE;
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null >= 0) {
		for (int fd = 0; fd < 3; fd++)
			(void)dup2(null, fd);
		close(null);
	}
	openlog("leitlfs", LOG_PID, LOG_DAEMON);
	fuse_set_log_func(log_of_libfuse);
	voice->detached = true;
	return 0;
}
