#include "fs/ready.h"

#include "core/base/proc.h"

#include "fs/mount.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEVICE    "/dev/fuse"
#define FUSE_CONF "/etc/fuse.conf"
#define CONTAINER "in a container, run it with --device /dev/fuse --cap-add SYS_ADMIN"

static int check_device(struct error *err)
{
	int fd = open(DEVICE, O_RDWR | O_CLOEXEC);

	if (fd >= 0) {
		close(fd);
		return 0;
	}
	switch (errno) {
	case ENOENT:
	case ENODEV:
	case ENXIO:
		return error_set(
			err, errno, "this system has no " DEVICE ": modprobe fuse; " CONTAINER);
	case EACCES:
		return error_set(err, EACCES,
			DEVICE " is closed to this user: chmod 0666 " DEVICE
			       " (as root), as udev does");
	case EPERM:
		return error_set(err, EPERM, DEVICE " is forbidden here; " CONTAINER);
	default:
		return error_set(err, errno, "can't open " DEVICE ": %s", strerror(errno));
	}
}

static int check_helper(struct error *err)
{
	const char *const args[] = {"fusermount3", "--version", NULL};

	if (mount_run_fusermount(args, true) == -ENOENT)
		return error_set(err, ENOENT,
			"fusermount3 is missing, without which only root can mount: apt-get "
			"install "
			"fuse3");
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1)
		return error_set(err, EPERM,
			"fusermount3 can't mount here, since this process may gain no privileges: "
			"NoNewPrivileges= of systemd, setpriv --no-new-privs, or a container's "
			"no-new-privileges");
	return 0;
}

static bool conf_allows_others(void)
{
	FILE *conf = fopen(FUSE_CONF, "re");
	char line[256], word[32], more[2];
	bool allowed = false;

	while (conf != NULL && !allowed && fgets(line, sizeof(line), conf) != NULL)
		allowed = sscanf(line, "%31s %1s", word, more) == 1 &&
			  strcmp(word, "user_allow_other") == 0;
	if (conf != NULL)
		fclose(conf);
	return allowed;
}

int ready_fuse(bool others, struct error *err)
{
	int rc = check_device(err);

	if (rc == 0 && prctl(PR_CAPBSET_READ, CAP_SYS_ADMIN, 0, 0, 0) == 0)
		return error_set(
			err, EPERM, "nobody may mount here (no CAP_SYS_ADMIN); " CONTAINER);
	if (rc != 0 || geteuid() == 0)
		return rc;
	rc = check_helper(err);
	if (rc == 0 && others && !conf_allows_others())
		return error_set(err, EPERM,
			"allow_other and allow_root are root's to allow: the line user_allow_other "
			"is "
			"missing in " FUSE_CONF);
	return rc;
}

/* What stands at the path already, if it is a mount. */
static int check_mounted(const char *path, struct error *err)
{
	struct mount mount = {0};
	struct mount_state state;
	int rc = mount_find(path, &mount);

	if (rc == -ENOENT || (rc == 0 && strncmp(mount.type, "fuse", 4) != 0))
		return 0;
	if (rc == 0)
		rc = mount_ask(path, &mount, &state);
	if (rc != 0)
		return error_set(
			err, -rc, "can't look at the mount at %s: %s", path, strerror(-rc));
	if (state.code == ENOTCONN)
		return error_set(err, EBUSY, "a dead %s is mounted at %s: fusermount3 -uz %s",
			mount.type, path, path);
	if (state.code == ETIMEDOUT)
		return error_set(err, EBUSY, "a %s is mounted at %s already, and doesn't answer",
			mount.type, path);
	if (strcmp(mount.type, MOUNT_TYPE) != 0)
		return 0; /* as a foreign file system's root, it must be empty like any directory */
	if (state.pid > 0)
		return error_set(err, EBUSY, "leitlfs is mounted at %s already, by process %d",
			path, (int)state.pid);
	return error_set(err, EBUSY, "leitlfs is mounted at %s already", path);
}

static int check_empty(const char *path, struct error *err)
{
	DIR *dir = opendir(path);
	const struct dirent *entry;
	bool empty = true;

	if (dir == NULL)
		return error_set(err, errno, "mount point %s: %s", path, strerror(errno));
	while (empty && (entry = readdir(dir)) != NULL)
		empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
	closedir(dir);
	if (!empty)
		return error_set(err, ENOTEMPTY,
			"mount point %s is not empty: choose an empty directory, or hide what is "
			"in it "
			"with -o nonempty",
			path);
	return 0;
}

/* fusermount3 has the same rules. */
static int check_rights(const char *path, const struct stat *st, struct error *err)
{
	uid_t uid = geteuid();

	if (uid == 0 || st->st_uid == uid)
		return 0;
	if ((st->st_mode & S_ISVTX) == 0 && access(path, W_OK) == 0)
		return 0;
	return error_set(err, EACCES,
		"mount point %s belongs to uid %u: choose a directory of your own, or chown it",
		path, (unsigned)st->st_uid);
}

int ready_mountpoint(const char *path, bool nonempty, struct error *err)
{
	struct stat st;
	int rc = check_mounted(path, err);

	if (rc != 0)
		return rc;
	if (stat(path, &st) != 0)
		return error_set(err, errno, "mount point %s: %s", path, strerror(errno));
	if (!S_ISDIR(st.st_mode))
		return error_set(err, ENOTDIR, "mount point %s is not a directory", path);
	rc = check_rights(path, &st, err);
	if (rc == 0 && !nonempty)
		rc = check_empty(path, err);
	return rc;
}

long ready_request_limit(void)
{
	long limit = proc_number("/proc/sys/fs/fuse/default_request_timeout", 0);
	long most = proc_number("/proc/sys/fs/fuse/max_request_timeout", 0);

	return most > 0 && (limit <= 0 || limit > most) ? most : limit;
}
