/* The mount that a path is in, or the working directory. */
#include "fs/command/locate_private.h"

#include "core/base/limits.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

size_t locate_as_length(const char *path)
{
	size_t len;

	if (path == NULL || strncmp(path, "/as/", 4) != 0)
		return 0;
	len = strcspn(path + 4, "/");
	return len > 0 && len <= ID_MAX ? 4 + len : 0;
}

struct around {
	const char *path;
	char *mount; /* the innermost that holds it */
	struct mount of;
};

static bool note_around(void *arg, const char *path, const char *root, const struct mount *mount)
{
	struct around *around = arg;
	size_t len = strcmp(path, "/") == 0 ? 0 : strlen(path);
	char *copy;

	(void)root;
	if (strncmp(path, around->path, len) != 0 ||
		(around->path[len] != '/' && around->path[len] != '\0'))
		return true;
	/* A later one that lies further out hides what is below it. */
	copy = strdup(path);
	free(around->mount);
	around->mount = copy;
	around->of = *mount;
	return copy != NULL;
}

int locate_check(const char *path, const struct mount *mount, struct error *err)
{
	struct mount_state state;
	int rc = mount_ask(path, mount, &state);

	if (rc != 0)
		return error_set(
			err, -rc, "can't look at the mount at %s: %s", path, strerror(-rc));
	switch (state.code) {
	case 0:
		break;
	case ENOTCONN:
		return error_set(err, ENOTCONN,
			"the daemon of the mount at %s is dead: leitlfs umount %s, and mount again",
			path, path);
	case ETIMEDOUT:
		return error_set(err, ETIMEDOUT,
			"the mount at %s doesn't answer; leitlfs doctor tells why", path);
	default:
		return error_set(
			err, state.code, "the mount at %s: %s", path, strerror(state.code));
	}
	if (access(path, R_OK | X_OK) != 0)
		return error_set(err, errno, "the mount at %s: %s", path, strerror(errno));
	return 0;
}

int locate_set(struct located *out, char *mount, const char *rest, struct error *err)
{
	char *tree = NULL;

	if (mount == NULL || asprintf(&tree, "%s%.*s", mount, (int)locate_as_length(rest),
				     rest != NULL ? rest : "") < 0) {
		free(mount);
		return error_set(err, ENOMEM, "out of memory");
	}
	out->mount = mount;
	out->tree = tree;
	return 0;
}

/* The mount that the canonical path is in. -ENOENT: it is in no leitlfs. */
static int locate_around(const char *path, struct located *out, struct error *err)
{
	struct around around = {.path = path};
	int rc = mount_each(note_around, &around);

	if (rc == 0 && around.mount == NULL)
		rc = -ENOENT;
	if (rc == 0 && strcmp(around.of.type, MOUNT_TYPE) != 0)
		rc = -ENOENT;
	if (rc == 0) {
		rc = locate_check(around.mount, &around.of, err);
		if (rc == 0)
			return locate_set(out, around.mount, path + strlen(around.mount), err);
	} else {
		error_set(err, -rc, "no leitlfs is mounted at %s", path);
	}
	free(around.mount);
	return rc;
}

bool locate_is_ended(void)
{
	char *path = getcwd(NULL, 0);
	const bool reachable = path != NULL && path[0] == '/';
	struct statfs fs;

	free(path);
	/* What is in the list of mounts is looked for there; statfs(2) is asked of the daemon. */
	return !reachable && statfs(".", &fs) != 0 && (errno == ENOTCONN || errno == ECONNABORTED);
}

/* The mount at a place, if `within` leads from its mount point there. */
static int locate_place(const char *place, const char *within, struct located *out)
{
	const size_t place_len = strlen(place), len = strlen(within);
	struct error unsaid = {0};
	int rc;

	if (place[0] != '/' || place_len <= len || strcmp(place + place_len - len, within) != 0)
		return -ENOENT;
	rc = locate_around(place, out, &unsaid);
	if (rc != 0 || strlen(out->mount) == place_len - len)
		return rc;
	located_release(out);
	return -ENOENT;
}

/* What is mounted where the ended mount of the working directory was. The kernel tells the
 * directory's path within that mount alone ("/sessions"); $PWD, if it ends so, where it was. */
static int locate_anew(struct located *out, struct error *err)
{
	const char *place = getenv("PWD");
	char within[PATH_MAX], *canonical = NULL;
	ssize_t len = readlink("/proc/self/cwd", within, sizeof(within) - 1);
	int rc = -ENOENT;

	within[len > 1 ? len : 0] = '\0'; /* "/" is the mount point itself */
	if (place != NULL && len > 0) {
		rc = locate_place(place, within, out);
		if (rc == -ENOENT && mount_canonical(place, &canonical) == 0)
			rc = locate_place(canonical, within, out);
	}
	free(canonical);
	if (rc != 0)
		return error_set(err, ENOTCONN, LOCATE_ENDED);
	out->moved = true;
	return 0;
}

int locate_given(const char *given, const char *whose, struct located *out, struct error *err)
{
	struct mount mount = {0};
	char *path = NULL;
	int rc;

	/* A mount point that is named as it stands is not walked to: that could hang. */
	if (given[0] == '/' && mount_find(given, &mount) == 0)
		return locate_around(given, out, err);
	rc = mount_canonical(given, &path);
	if (rc == -ENOTCONN && given[0] != '/' && locate_is_ended())
		return strcmp(given, ".") == 0 ? locate_anew(out, err)
					       : error_set(err, ENOTCONN, LOCATE_ENDED);
	if (rc != 0)
		return error_set(err, -rc, "%s%s: %s", whose, given, strerror(-rc));
	rc = locate_around(path, out, err);
	free(path);
	return rc;
}

int locate_here(struct located *out, struct error *err)
{
	char *path = getcwd(NULL, 0);
	struct error unsaid = {0};
	int rc;

	if (path == NULL || path[0] != '/') {
		free(path);
		return locate_is_ended() ? locate_anew(out, err) : -ENOENT;
	}
	rc = locate_around(path, out, &unsaid);
	free(path);
	if (rc == -ENOTCONN)
		error_set(err, ENOTCONN, "%s; then cd into it again", unsaid.text);
	else if (rc != 0 && rc != -ENOENT)
		*err = unsaid;
	return rc;
}
