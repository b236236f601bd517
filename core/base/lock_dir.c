/* The state directory: where it is, and whether it may be one. */
#include "core/base/lock.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

static int join(const char *first, const char *second, char **out, struct error *err)
{
	char *path;

	if (asprintf(&path, "%s/%s", first, second) < 0) {
		error_set(err, ENOMEM, "out of memory");
		return -ENOMEM;
	}
	*out = path;
	return 0;
}

int lock_default_dir(char **out, struct error *err)
{
	const char *home = getenv("XDG_STATE_HOME");
	const struct passwd *user;

	if (geteuid() == 0)
		return join("/var/lib", "leitlfs", out, err);
	if (home != NULL && home[0] == '/')
		return join(home, "leitlfs", out, err);
	home = getenv("HOME");
	if (home == NULL || home[0] != '/') {
		user = getpwuid(geteuid());
		home = user != NULL ? user->pw_dir : NULL;
	}
	if (home == NULL || home[0] != '/') {
		error_set(err, ENOENT,
			"there is no home directory to keep the state in: say where with "
			"-o state=DIR");
		return -ENOENT;
	}
	return join(home, ".local/state/leitlfs", out, err);
}

static int copy_of(const char *given, char **out, struct error *err)
{
	char *copy = strdup(given);

	if (copy == NULL) {
		error_set(err, ENOMEM, "out of memory");
		return -ENOMEM;
	}
	*out = copy;
	return 0;
}

void lock_unmake_dir(const char *dir, int made)
{
	char *path = strdup(dir), *end;

	for (; path != NULL && made > 0; made--) {
		end = path + strlen(path);
		while (end > path && end[-1] == '/')
			*--end = '\0';
		end = strrchr(path, '/');
		if (rmdir(path) != 0 || end == NULL)
			break;
		*end = '\0';
	}
	free(path);
}

static void unmake_above(const char *path, int made)
{
	char *above = strdup(path);

	if (above != NULL && made > 0) {
		*strrchr(above, '/') = '\0';
		lock_unmake_dir(above, made);
	}
	free(above);
}

/* mkdir -p, each with mode 0700. `*made` is how many at the path's end were not there. */
static int make_all(const char *path, int *made, struct error *err)
{
	char *part = NULL, *slash;
	int rc = copy_of(path, &part, err);

	*made = 0;
	if (rc != 0)
		return rc;
	for (slash = part; rc == 0 && slash != NULL;) {
		slash = strchr(slash + 1, '/');
		if (slash != NULL)
			*slash = '\0';
		rc = mkdir(part, 0700) == 0 ? 0 : -errno;
		if (rc == 0) {
			++*made;
		} else if (rc == -EEXIST || access(part, F_OK) == 0) {
			/* An existing directory whose parent can't be written may give another
			 * errno. With a slash too many it is the one before. */
			rc = 0;
			if (part[strlen(part) - 1] != '/')
				*made = 0;
		} else {
			error_set(err, -rc, "state directory %s: can't make %s: %s", path, part,
				strerror(-rc));
			unmake_above(part, *made);
		}
		if (slash != NULL)
			*slash = '/';
	}
	free(part);
	return rc;
}

enum content { EMPTY, OURS, OTHER };

/* What is in a directory: nothing, what a daemon left there, or something else. */
static enum content content_of(int fd)
{
	int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = copy >= 0 ? fdopendir(copy) : NULL;
	enum content content = EMPTY;
	const struct dirent *entry;

	if (dir == NULL) {
		if (copy >= 0)
			close(copy);
		return OTHER;
	}
	while (content != OURS && (entry = readdir(dir)) != NULL) {
		if (strcmp(entry->d_name, LOCK_NAME) == 0)
			content = OURS;
		else if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			content = OTHER;
	}
	closedir(dir);
	return content;
}

/* Whether one may close a directory that others may enter: not when it is in use for something
 * else, nor when others could have put something into it. */
static bool may_close(int fd, mode_t mode)
{
	enum content content = content_of(fd);

	return (mode & S_ISVTX) == 0 &&
	       (content == EMPTY || (content == OURS && (mode & 022) == 0));
}

static int check_owner(int fd, const char *path, struct error *err)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return error_set(err, errno, "state directory %s: %s", path, strerror(errno));
	if (st.st_uid != geteuid())
		return error_set(err, EACCES,
			"state directory %s belongs to uid %u, and leitlfs runs as uid %u: choose "
			"another with -o state=DIR",
			path, (unsigned)st.st_uid, (unsigned)geteuid());
	if ((st.st_mode & 077) == 0)
		return 0;
	if (!may_close(fd, st.st_mode))
		return error_set(err, EACCES,
			"state directory %s is open to other users (mode %04o) and in use: chmod "
			"0700 it, or choose another with -o state=DIR",
			path, (unsigned)st.st_mode & 07777);
	if (fchmod(fd, 0700) != 0)
		return error_set(
			err, errno, "state directory %s: chmod 0700: %s", path, strerror(errno));
	return 0;
}

int lock_check_disk(int fd, const char *path, struct error *err)
{
	static const struct {
		unsigned long type;
		const char *name;
	} unfit[] = {
		{FUSE_SUPER_MAGIC, "a FUSE file system"},
		{NFS_SUPER_MAGIC, "NFS"},
		{SMB_SUPER_MAGIC, "a Windows share"},
		{CIFS_SUPER_MAGIC, "a Windows share"},
		{SMB2_SUPER_MAGIC, "a Windows share"},
	};
	struct statfs fs;

	if (fstatfs(fd, &fs) != 0)
		return error_set(err, errno, "state directory %s: %s", path, strerror(errno));
	for (size_t i = 0; i < sizeof(unfit) / sizeof(unfit[0]); i++) {
		if ((unsigned int)fs.f_type == (unsigned int)unfit[i].type)
			return error_set(err, ENOTSUP,
				"state directory %s is on %s, where a database is not safe: choose "
				"one "
				"on a local disk with -o state=DIR",
				path, unfit[i].name);
	}
	return 0;
}

static int check_dir(const char *path, char **out, struct error *err)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc;
	char *canonical = NULL;

	if (fd < 0)
		return error_set(err, errno, "state directory %s: %s", path, strerror(errno));
	rc = check_owner(fd, path, err);
	if (rc == 0)
		rc = lock_check_disk(fd, path, err);
	if (rc == 0) {
		canonical = realpath(path, NULL);
		if (canonical == NULL)
			rc = error_set(err, errno, "state directory %s: %s", path, strerror(errno));
	}
	close(fd);
	if (rc == 0)
		*out = canonical;
	return rc;
}

int lock_make_dir(const char *given, char **out, int *out_made, struct error *err)
{
	char *path = NULL;
	int rc = given != NULL ? copy_of(given, &path, err) : lock_default_dir(&path, err), made;

	if (rc != 0)
		return rc;
	rc = make_all(path, &made, err);
	if (rc == 0) {
		rc = check_dir(path, out, err);
		if (rc == 0)
			*out_made = made;
		else
			lock_unmake_dir(path, made);
	}
	free(path);
	return rc;
}
