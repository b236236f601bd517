/* What leitlfs needs from this machine. */
#include "fs/command/doctor.h"
#include "fs/ready.h"

#include "core/base/clock.h"
#include "core/base/proc.h"
#include "core/log/db.h"

#include <errno.h>
#include <fuse_lowlevel.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/pidfd.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#define FILES_FEW                                                                                  \
	4096 /* descriptors, of the hard limit: each open file of a client may cost one            \
	      */
#define WATCHES_FEW  16384 /* directories of local folders that may be watched */
#define YEAR_2025_US (INT64_C(1735689600) * SECOND_US)

static void look_at_fuse(struct findings *f)
{
	struct error err = {0};

	if (ready_fuse(false, &err) != 0)
		found(f, VERDICT_FAIL, "fuse", NULL, "%s", err.text);
	else
		found(f, VERDICT_OK, "fuse", NULL, "/dev/fuse opens, and this user may mount");
	if (ready_fuse(true, &err) == 0)
		found(f, VERDICT_OK, "allow_other", NULL,
			"this user may let others in (-o allow_other)");
	else
		found(f, VERDICT_OK, "allow_other",
			"where others are to come in: the line user_allow_other in /etc/fuse.conf",
			"this user can't let others in");
}

/* Who is no root mounts by a program of root's. */
static void look_at_helper(struct findings *f)
{
	const char *path = getenv("PATH");
	char *copy = strdup(path != NULL ? path : "/usr/bin:/bin"), *rest = copy, *dir;
	char file[4096];
	struct stat st;
	bool is = false;

	while (!is && rest != NULL && (dir = strsep(&rest, ":")) != NULL) {
		(void)snprintf(file, sizeof(file), "%s/fusermount3", dir[0] != '\0' ? dir : ".");
		is = stat(file, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 0111) != 0;
	}
	free(copy);
	if (!is)
		found(f, geteuid() == 0 ? VERDICT_WARN : VERDICT_FAIL, "fusermount3",
			"apt-get install fuse3", "is missing: only root can mount");
	else if (st.st_uid != 0 || (st.st_mode & S_ISUID) == 0)
		found(f, geteuid() == 0 ? VERDICT_WARN : VERDICT_FAIL, "fusermount3",
			"as root: chown root and chmod 4755 it, as Debian's fuse3 does",
			"%s is not set-uid root: only root can mount", file);
	else if (access("/etc/mtab", R_OK) != 0)
		found(f, VERDICT_WARN, "fusermount3",
			"as root: ln -s ../proc/self/mounts /etc/mtab",
			"can't unmount anything here: there is no /etc/mtab");
	else
		found(f, VERDICT_OK, "fusermount3", NULL, "%s is set-uid root", file);
}

static void look_at_versions(struct findings *f)
{
	struct utsname system;
	int fd = pidfd_open(getpid(), 0);

	if (uname(&system) != 0)
		(void)snprintf(system.release, sizeof(system.release), "?");
	if (fd < 0 && errno == ENOSYS)
		found(f, VERDICT_FAIL, "kernel", "Linux 5.3 or later",
			"Linux %s can't tell when a process ends (pidfd_open)", system.release);
	else
		found(f, VERDICT_OK, "kernel", NULL, "Linux %s", system.release);
	if (fd >= 0)
		close(fd);
	found(f, VERDICT_OK, "versions", NULL, "leitlfs " LEITLFS_VERSION ", libfuse %s, SQLite %s",
		fuse_pkgversion(), db_version());
}

static void look_at_timeout(struct findings *f)
{
	long limit = ready_request_limit();

	if (limit > 0)
		found(f, VERDICT_WARN, "request timeout",
			"sysctl -w fs.fuse.default_request_timeout=0 fs.fuse.max_request_timeout=0",
			"this kernel aborts a mount on which a read waits for longer than %ld s",
			limit);
	else
		found(f, VERDICT_OK, "request timeout", NULL,
			"reads may wait as long as they like");
}

static void look_at_files(struct findings *f)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) != 0)
		return;
	if (files.rlim_max < FILES_FEW)
		found(f, VERDICT_WARN, "open files",
			"raise the hard limit: ulimit -Hn, limits.conf, or LimitNOFILE= of systemd",
			"a daemon started here may have only %llu files open",
			(unsigned long long)files.rlim_max);
	else
		found(f, VERDICT_OK, "open files", NULL, "up to %llu",
			(unsigned long long)files.rlim_max);
}

static void look_at_inotify(struct findings *f)
{
	long watches = proc_number("/proc/sys/fs/inotify/max_user_watches", -1);
	int fd = inotify_init1(IN_CLOEXEC);

	if (fd < 0 && errno == EMFILE)
		found(f, VERDICT_WARN, "inotify", "sysctl -w fs.inotify.max_user_instances=1024",
			"this user has no inotify instance left: local folders are not watched");
	else if (watches >= 0 && watches < WATCHES_FEW)
		found(f, VERDICT_WARN, "inotify", "sysctl -w fs.inotify.max_user_watches=524288",
			"only %ld directories of local folders can be watched", watches);
	else
		found(f, VERDICT_OK, "inotify", NULL, "%ld watches", watches);
	if (fd >= 0)
		close(fd);
}

static void look_at_clock(struct findings *f)
{
	int64_t now = clock_system.wall_us(&clock_system);
	struct buf text = BUF_INIT;

	buf_add_time(&text, now);
	if (buf_error(&text) == 0)
		found(f, now < YEAR_2025_US ? VERDICT_FAIL : VERDICT_OK, "clock",
			now < YEAR_2025_US ? "set it: timedatectl set-ntp true" : NULL, "%s",
			text.data);
	buf_release(&text);
}

/* What is mounted in a mount namespace of one's own, nobody else sees (PrivateTmp= and the like).
 */
static void look_at_namespace(struct findings *f)
{
	char own[64] = "", first[64] = "";

	if (readlink("/proc/self/ns/mnt", own, sizeof(own) - 1) <= 0 ||
		readlink("/proc/1/ns/mnt", first, sizeof(first) - 1) <= 0)
		return; /* only root may look */
	if (strcmp(own, first) != 0)
		found(f, VERDICT_WARN, "mount namespace",
			"mount from a login, or from a unit without PrivateTmp=, PrivateMounts=, "
			"ProtectHome= or ProtectSystem=",
			"what is mounted from here is seen from here alone");
	else
		found(f, VERDICT_OK, "mount namespace", NULL, "the one of pid 1");
}

void doctor_machine(struct findings *f)
{
	look_at_fuse(f);
	look_at_helper(f);
	look_at_versions(f);
	look_at_timeout(f);
	look_at_files(f);
	look_at_inotify(f);
	look_at_clock(f);
	look_at_namespace(f);
}
