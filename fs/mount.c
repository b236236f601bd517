#include "fs/mount.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#define ANSWER_LIMIT_MS 2000
#define STACK_MAX       64 /* dead mounts, one over the other, that are detached at a start */

/* Undoes the octal escapes of mountinfo in place: \040 is a space. */
static void unescape(char *text)
{
	char *out = text;

	while (*text != '\0') {
		if (text[0] == '\\' && text[1] >= '0' && text[1] <= '3' && text[2] >= '0' &&
			text[2] <= '7' && text[3] >= '0' && text[3] <= '7') {
			*out++ = (char)((text[1] - '0') * 64 + (text[2] - '0') * 8 + text[3] - '0');
			text += 4;
		} else {
			*out++ = *text++;
		}
	}
	*out = '\0';
}

static unsigned number_after(const char *text, const char *name)
{
	const char *at = strstr(text, name);

	return at != NULL ? (unsigned)strtoul(at + strlen(name), NULL, 10) : 0;
}

/* A line is "ID PARENT MAJOR:MINOR ROOT PATH OPTIONS [FIELDS…] - TYPE SOURCE OPTIONS". */
static bool parse_line(char *line, char **path, char **root, struct mount *out)
{
	char *rest = line, *fields[5], *type, *minor;

	for (int i = 0; i < 5; i++) {
		fields[i] = strsep(&rest, " ");
		if (fields[i] == NULL || rest == NULL)
			return false;
	}
	type = strstr(rest, " - ");
	minor = strchr(fields[2], ':');
	if (type == NULL || minor == NULL)
		return false;
	type += 3;
	rest = type + strcspn(type, " \n");
	*out = (struct mount){
		.id = (int)strtol(line, NULL, 10),
		.uid = number_after(rest, "user_id="),
		.gid = number_after(rest, "group_id="),
		.dev = makedev((unsigned)strtoul(fields[2], NULL, 10),
			(unsigned)strtoul(minor + 1, NULL, 10)),
	};
	*rest = '\0';
	(void)snprintf(out->type, sizeof(out->type), "%s", type);
	unescape(fields[3]);
	unescape(fields[4]);
	*root = fields[3];
	*path = fields[4];
	return true;
}

int mount_each(
	bool (*fn)(void *arg, const char *path, const char *root, const struct mount *), void *arg)
{
	FILE *list = fopen("/proc/self/mountinfo", "re");
	char *line = NULL, *path, *root;
	struct mount mount;
	size_t size = 0;
	int rc;

	if (list == NULL)
		return -errno;
	while (getline(&line, &size, list) >= 0) {
		if (parse_line(line, &path, &root, &mount) && !fn(arg, path, root, &mount))
			break;
	}
	rc = ferror(list) ? -EIO : 0;
	free(line);
	fclose(list);
	return rc;
}

struct search_by_path {
	const char *path;
	struct mount *out;
	bool found;
};

static bool note_same_path(void *arg, const char *path, const char *root, const struct mount *mount)
{
	struct search_by_path *search = arg;

	(void)root;
	if (strcmp(path, search->path) == 0) {
		*search->out = *mount;
		search->found = true;
	}
	return true; /* the last one is the topmost */
}

int mount_find(const char *path, struct mount *out)
{
	struct search_by_path search = {path, out, false};
	int rc = mount_each(note_same_path, &search);

	return rc != 0 ? rc : search.found ? 0 : -ENOENT;
}

int mount_find_id(int id)
{
	FILE *list = fopen("/proc/self/mountinfo", "re");
	char *line = NULL;
	size_t size = 0;
	bool found = false;
	int rc;

	if (list == NULL)
		return -errno;
	while (!found && getline(&line, &size, list) >= 0)
		found = strtol(line, NULL, 10) == id;
	rc = ferror(list) ? -EIO : found ? 0 : -ENOENT;
	free(line);
	fclose(list);
	return rc;
}

/* What the kernel remembers of a mount's root says nothing about its daemon, hence FORCE_SYNC. */
static int errno_of(const char *path)
{
	struct statx stx;

	return statx(AT_FDCWD, path, AT_STATX_FORCE_SYNC, STATX_BASIC_STATS, &stx) == 0 ? 0 : errno;
}

/* In the child of mount_ask(). */
static _Noreturn void answer(const char *path, const struct mount *mount, int fd)
{
	struct mount_state state = {.code = errno_of(path)};
	char pid[32];
	ssize_t len;

	if (state.code == EACCES && geteuid() == 0 && setgroups(0, NULL) == 0 &&
		setresgid(mount->gid, mount->gid, mount->gid) == 0 &&
		setresuid(mount->uid, mount->uid, mount->uid) == 0)
		state.code = errno_of(path);
	if (state.code == ECONNABORTED) /* it died while it was asked */
		state.code = ENOTCONN;
	if (state.code == 0) {
		len = getxattr(path, MOUNT_XATTR_PID, pid, sizeof(pid) - 1);
		pid[len > 0 ? len : 0] = '\0';
		state.pid = (pid_t)strtol(pid, NULL, 10);
	}
	_exit(write(fd, &state, sizeof(state)) == (ssize_t)sizeof(state) ? 0 : 1);
}

int mount_ask(const char *path, const struct mount *mount, struct mount_state *out)
{
	struct mount_state state = {.code = ETIMEDOUT};
	struct pollfd ready;
	int ends[2], rc;
	pid_t child;

	if (pipe2(ends, O_CLOEXEC) != 0)
		return -errno;
	child = fork();
	if (child < 0) {
		rc = -errno;
		close(ends[0]);
		close(ends[1]);
		return rc;
	}
	if (child == 0)
		answer(path, mount, ends[1]);
	close(ends[1]);
	ready = (struct pollfd){.fd = ends[0], .events = POLLIN};
	if (poll(&ready, 1, ANSWER_LIMIT_MS) == 1 &&
		read(ends[0], &state, sizeof(state)) != (ssize_t)sizeof(state))
		state = (struct mount_state){.code = EIO};
	close(ends[0]);
	/* Where the daemon is stopped, not even SIGKILL ends the child before that goes on. */
	kill(child, SIGKILL);
	waitpid(child, NULL, state.code == ETIMEDOUT ? WNOHANG : 0);
	*out = state;
	return 0;
}

int mount_run_fusermount(const char *const args[], bool quiet)
{
	int status = 0, null;
	pid_t child = fork();

	if (child < 0)
		return -errno;
	if (child == 0) {
		null = quiet ? open("/dev/null", O_RDWR | O_CLOEXEC) : -1;
		if (null >= 0 && (dup2(null, 1) < 0 || dup2(null, 2) < 0))
			_exit(1);
		execvp("fusermount3", (char *const *)(const void *)args);
		_exit(127);
	}
	while (waitpid(child, &status, 0) < 0) {
		if (errno != EINTR)
			return -errno;
	}
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		return -ENOENT;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -EPERM;
}

int mount_detach(const char *path, struct error *err)
{
	const char *const args[] = {"fusermount3", "-u", "-z", "-q", "--", path, NULL};
	int rc;

	if (umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW) == 0)
		return 0;
	rc = errno == EPERM ? mount_run_fusermount(args, true) : -errno;
	if (rc == -ENOENT)
		return error_set(err, ENOENT,
			"can't unmount %s: fusermount3 is missing (apt-get install fuse3), or be "
			"root",
			path);
	/* fusermount3 unmounts what it finds there, and minimal systems may lack it. */
	if (rc == -EPERM && access("/etc/mtab", R_OK) != 0)
		return error_set(err, EPERM,
			"can't unmount %s: fusermount3 needs /etc/mtab; as root: ln -s "
			"../proc/self/mounts /etc/mtab",
			path);
	if (rc == -EPERM)
		return error_set(err, EPERM, "can't unmount %s: it is another user's mount", path);
	return rc == 0 ? 0 : error_set(err, -rc, "can't unmount %s: %s", path, strerror(-rc));
}

int mount_detach_dead(const char *path, struct error *err)
{
	struct mount mount = {0};
	struct mount_state state = {0};
	int rc;

	for (int i = 0; i < STACK_MAX; i++) {
		rc = mount_find(path, &mount);
		if (rc == -ENOENT)
			return 0;
		if (rc == 0 && strcmp(mount.type, MOUNT_TYPE) != 0)
			return 0;
		if (rc == 0)
			rc = mount_ask(path, &mount, &state);
		if (rc != 0)
			return error_set(
				err, -rc, "can't look at the mount at %s: %s", path, strerror(-rc));
		if (state.code != ENOTCONN)
			return 0;
		rc = mount_detach(path, err);
		if (rc != 0)
			return rc;
	}
	return error_set(err, EBUSY, "too many dead mounts at %s", path);
}

int mount_canonical(const char *path, char **out)
{
	char *canonical = realpath(path, NULL);

	if (canonical == NULL)
		return -errno;
	*out = canonical;
	return 0;
}
