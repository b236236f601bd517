/*
 * leitlfs: makes the parts and hands them to each other.
 *
 * The order matters. The fork comes first, since SQLite doesn't survive one; then the state
 * directory's lock, since only its owner may clear away what a dead daemon left at the mount point;
 * then the loop, so that the mount never shows less than what is kept; then the mount.
 */
#include "core/base/clock.h"
#include "core/base/lock.h"
#include "core/base/proc.h"
#include "core/context/context.h"
#include "core/memory/memory.h"
#include "core/state/loop.h"
#include "fs/background.h"
#include "fs/command/command.h"
#include "fs/mount.h"
#include "fs/options.h"
#include "fs/ready.h"
#include "fs/server.h"
#include "fs/signals.h"
#include "webdav/text.h"
#include "webdav/webdav.h"

#include <errno.h>
#include <fcntl.h>
#include <fuse_lowlevel.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { EXIT_USAGE = 2 };

#define OWNER_ENDS_US  (30 * SECOND_US) /* how long an owner that is ending is waited for */
#define OWNER_SEEMS_US (3 * SECOND_US)  /* and one whose mount is not to be seen */
#define OWNER_POLL_US  20000

struct daemon {
	struct options *options;
	struct voice voice;
	char *mountpoint; /* canonical */
	struct lock *lock;
	int made; /* directories of the state's path (lock_make_dir) */
	struct signals *signals;
	struct loop *loop;
	struct context *context;
	struct memory *memory;
	struct server *server;
};

/* An unopened stdin, stdout or stderr would become some file of ours. */
static void open_stdio(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR); /* NOLINT: stdio is inherited */
	} while (fd >= 0 && fd < 3);
	if (fd >= 0)
		close(fd);
}

/* Every open file of every client may cost a descriptor here; and what is in memory, credentials
 * among it, is neither for core files nor for another process of the same user. */
static void set_limits(void)
{
	struct rlimit files, core = {0, 0};

	if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
		files.rlim_cur = files.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &files);
	}
	(void)setrlimit(RLIMIT_CORE, &core);
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	(void)prctl(PR_SET_NAME, "leitlfs", 0, 0, 0);
	(void)mallopt(
		M_ARENA_MAX, 2); /* one for each thread would keep the most that it ever took */
	umask(077);
	signal(SIGCHLD, SIG_DFL); /* ignored, it would take the status of programs from us */
}

static int find_mountpoint(struct daemon *d, struct error *err)
{
	const char *path = d->options->mountpoint;
	int rc = mount_canonical(path, &d->mountpoint);

	if (rc == -ENOENT)
		return error_set(
			err, ENOENT, "mount point %s does not exist: mkdir it first", path);
	return rc == 0 ? 0 : error_set(err, -rc, "mount point %s: %s", path, strerror(-rc));
}

/* Whether a state directory's owner seems to be on its way out. */
static bool is_leaving(const struct lock_owner *owner)
{
	struct mount mount;

	return owner->ending || owner->pid == 0 || proc_ending(owner->pid) ||
	       owner->mountpoint == NULL || mount_find(owner->mountpoint, &mount) == -ENOENT;
}

/* After `fusermount3 -u` the mount is gone a moment before its daemon: waits for that one. */
static int own_state(struct daemon *d, const char *dir, struct error *err)
{
	int64_t began = clock_system.mono_us(&clock_system), waited;
	int rc;

	for (;;) {
		struct lock_owner owner = {0};
		bool leaving, ending;

		rc = lock_take(dir, d->mountpoint, &d->lock, &owner, err);
		if (rc != -EBUSY)
			return rc;
		leaving = is_leaving(&owner);
		ending = owner.ending || proc_ending(owner.pid);
		free(owner.mountpoint);
		waited = clock_system.mono_us(&clock_system) - began;
		if (!leaving || waited > (ending ? OWNER_ENDS_US : OWNER_SEEMS_US))
			return rc;
		usleep(OWNER_POLL_US);
	}
}

static int check_apart(const char *dir, const char *mountpoint, struct error *err)
{
	size_t len = strlen(mountpoint);

	if (strncmp(dir, mountpoint, len) != 0 || (dir[len] != '/' && dir[len] != '\0'))
		return 0;
	return error_set(err, EINVAL,
		"state directory %s would be hidden by the mount at %s: choose another with -o "
		"state=DIR",
		dir, mountpoint);
}

static int prepare_state(struct daemon *d, struct error *err)
{
	struct config *config = &d->options->config;
	char *dir = NULL;
	int rc = lock_make_dir(config->state, &dir, &d->made, err);

	if (rc != 0)
		return rc;
	free(config->state);
	config->state = dir;
	rc = check_apart(dir, d->mountpoint, err);
	return rc == 0 ? own_state(d, dir, err) : rc;
}

static int prepare(struct daemon *d, struct error *err)
{
	long limit = ready_request_limit();
	int rc = prepare_state(d, err);

	if (rc == 0)
		rc = mount_detach_dead(d->mountpoint, err);
	if (rc == 0)
		rc = ready_mountpoint(d->mountpoint, d->options->nonempty, err);
	if (rc != 0)
		return rc;
	if (limit > 0)
		voice_say(&d->voice,
			"this kernel aborts a mount on which a read waits for longer than %ld s: "
			"sysctl "
			"-w fs.fuse.default_request_timeout=0 fs.fuse.max_request_timeout=0",
			limit);
	if (chdir("/") != 0) /* so as to keep no other file system busy */
		return error_set(err, errno, "chdir /: %s", strerror(errno));
	return 0;
}

static int mount_and_run(struct daemon *d, struct error *err)
{
	const struct config *config = &d->options->config;
	int rc = signals_start(&d->signals);

	if (rc != 0)
		return error_set(err, -rc, "can't start a thread: %s", strerror(-rc));
	rc = loop_open(config, &clock_system, getuid(), getgid(), &d->loop, err);
	if (rc != 0)
		return rc;
	rc = context_open(d->loop, config, &webdav_runner, text_canonical, &d->context, err);
	if (rc != 0)
		return rc;
	rc = memory_open(d->loop, config, &d->memory, err);
	if (rc != 0)
		return rc;
	signals_hold(d->signals);
	rc = server_mount(d->loop, d->context, d->memory, config, &d->options->fuse, d->mountpoint,
		&d->server, err);
	if (rc != 0)
		return rc;
	if (background_mounted(&d->voice) != 0)
		server_stop(d->server);
	signals_serve(d->signals, d->server);
	rc = server_run(d->server);
	return rc == 0 ? 0 : error_set(err, -rc, "the mount failed: %s", strerror(-rc));
}

/* Undoes it all, in reverse. A mount that was refused leaves nothing that was not there. */
static void finish(struct daemon *d)
{
	bool mounted = d->server != NULL;

	if (d->lock != NULL)
		lock_ending(d->lock);
	signals_end(d->signals);
	server_free(d->server);
	memory_close(d->memory);
	context_close(d->context);
	loop_close(d->loop);
	if (mounted) {
		lock_release(d->lock);
	} else {
		lock_discard(d->lock);
		if (d->made > 0)
			lock_unmake_dir(d->options->config.state, d->made);
	}
	free(d->mountpoint);
}

static int serve(struct options *options)
{
	struct daemon d = {.options = options, .voice = VOICE_INIT};
	struct error err = {0};
	int status = EXIT_FAILURE, rc;

	rc = find_mountpoint(&d, &err);
	if (rc == 0)
		rc = ready_fuse(options->others, &err);
	if (rc == 0 && !options->foreground) {
		rc = background_start(d.mountpoint, &d.voice, &status, &err);
		if (rc == 1) {
			free(d.mountpoint);
			return status;
		}
	}
	if (rc == 0)
		set_limits();
	if (rc == 0)
		rc = prepare(&d, &err);
	if (rc == 0)
		rc = mount_and_run(&d, &err);
	if (rc != 0)
		voice_say(&d.voice, "%s", err.text);
	finish(&d);
	return rc == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int print_help(void)
{
	struct buf help = BUF_INIT;
	int rc;

	options_help(&help);
	rc = buf_error(&help) == 0 && fputs(help.data, stdout) >= 0 && fflush(stdout) == 0;
	buf_release(&help);
	return rc ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int print_version(void)
{
	return printf("leitlfs " LEITLFS_VERSION "\nlibfuse %s\n", fuse_pkgversion()) > 0
		       ? EXIT_SUCCESS
		       : EXIT_FAILURE;
}

static int run_options(struct options *options, int rc, const struct error *err)
{
	if (rc != 0) {
		fprintf(stderr, "leitlfs: %s\nTry 'leitlfs -h'.\n", err->text);
		return rc == -EINVAL ? EXIT_USAGE : EXIT_FAILURE;
	}
	switch (options->what) {
	case OPTIONS_HELP:
		return print_help();
	case OPTIONS_VERSION:
		return print_version();
	default:
		return serve(options);
	}
}

int main(int argc, char **argv)
{
	struct options options;
	struct error err = {0};
	int status, rc;

	open_stdio();
	if (command_is(argc, argv))
		return command_main(argc, argv);
	rc = options_init(&options, argc, argv, &err);
	status = run_options(&options, rc, &err);
	options_release(&options);
	return status;
}
