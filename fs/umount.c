#include "fs/umount.h"

#include "fs/mount.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

#define END_LIMIT_MS 30000

/* Whether the process is a leitlfs: the daemon may live in another pid namespace, where its pid is
 * somebody else's. */
static bool is_leitlfs(pid_t pid)
{
	char path[64], name[32] = "";
	FILE *f;

	(void)snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	f = fopen(path, "re");
	if (f == NULL)
		return false;
	if (fgets(name, sizeof(name), f) == NULL)
		name[0] = '\0';
	fclose(f);
	return strcmp(name, "leitlfs\n") == 0;
}

/* -ESRCH: there is no such process any more, or it is no leitlfs. */
static int end_daemon(pid_t pid, struct error *err)
{
	struct pollfd gone = {.events = POLLIN};
	int rc = 0, got;

	gone.fd = pidfd_open(pid, 0);
	if (gone.fd < 0)
		return errno == ESRCH ? -ESRCH
				      : error_set(err, errno, "can't watch process %d: %s",
						(int)pid, strerror(errno));
	if (!is_leitlfs(pid))
		rc = -ESRCH;
	else if (pidfd_send_signal(gone.fd, SIGTERM, NULL, 0) != 0)
		rc = errno == EPERM ? error_set(err, EPERM,
					      "leitlfs, process %d, is another user's", (int)pid)
				    : -errno;
	if (rc == 0) {
		do {
			got = poll(&gone, 1, END_LIMIT_MS);
		} while (got < 0 && errno == EINTR);
		if (got != 1)
			rc = error_set(err, ETIMEDOUT,
				"leitlfs, process %d, was asked to end and still runs", (int)pid);
	}
	close(gone.fd);
	return rc;
}

/* Detaches the mount if it is still there. */
static int detach(const char *path, int id, struct error *err)
{
	struct mount mount = {0};
	int rc = mount_find(path, &mount);

	if (rc != 0 || mount.id != id)
		return 0;
	rc = mount_detach(path, err);
	return rc == -EINVAL ? 0 : rc; /* somebody else was first */
}

static int umount_canonical(const char *path, struct error *err)
{
	struct mount mount = {0};
	struct mount_state state;
	int rc = mount_find(path, &mount);

	if (rc == -ENOENT || (rc == 0 && strcmp(mount.type, MOUNT_TYPE) != 0))
		return error_set(err, EINVAL, "no leitlfs is mounted at %s", path);
	if (rc == 0)
		rc = mount_ask(path, &mount, &state);
	if (rc != 0)
		return error_set(
			err, -rc, "can't look at the mount at %s: %s", path, strerror(-rc));
	if (state.code == 0 && state.pid > 0) {
		rc = end_daemon(state.pid, err);
		if (rc != 0 && rc != -ESRCH)
			return rc;
	}
	return detach(path, mount.id, err);
}

int umount_leitlfs(const char *path, struct error *err)
{
	char *canonical = NULL;
	int rc = mount_canonical(path, &canonical);

	if (rc != 0)
		return error_set(err, -rc, "%s: %s", path, strerror(-rc));
	rc = umount_canonical(canonical, err);
	free(canonical);
	return rc;
}
