#include "core/lock.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#define LOCK_NAME "lock"
#define NOTE_MAX  (PATH_MAX + 32)

struct lock {
	int fd;
};

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

static int default_dir(char **out, struct error *err)
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

/* mkdir -p, each with mode 0700. */
static int make_all(const char *path, struct error *err)
{
	char *part = NULL, *slash;
	int rc = copy_of(path, &part, err);

	if (rc != 0)
		return rc;
	for (slash = part; rc == 0 && slash != NULL;) {
		slash = strchr(slash + 1, '/');
		if (slash != NULL)
			*slash = '\0';
		if (mkdir(part, 0700) != 0 && errno != EEXIST)
			rc = -errno;
		/* An existing directory whose parent can't be written may give another errno. */
		if (rc != 0 && access(part, F_OK) == 0)
			rc = 0;
		if (rc != 0)
			error_set(err, -rc, "state directory %s: can't make %s: %s", path, part,
				strerror(-rc));
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

static int check_disk(int fd, const char *path, struct error *err)
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
		rc = check_disk(fd, path, err);
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

int lock_make_dir(const char *given, char **out, struct error *err)
{
	char *path = NULL;
	int rc = given != NULL ? copy_of(given, &path, err) : default_dir(&path, err);

	if (rc != 0)
		return rc;
	rc = make_all(path, err);
	if (rc == 0)
		rc = check_dir(path, out, err);
	free(path);
	return rc;
}

/* Replaces what the file tells, which is its first line. Overwrites before it cuts, so that it
 * needs no room on a full disk. */
static int write_note(int fd, const char *mountpoint)
{
	char note[NOTE_MAX];
	ssize_t written;
	int len;

	len = mountpoint != NULL
		      ? snprintf(note, sizeof(note), "%d %s\n", (int)getpid(), mountpoint)
		      : snprintf(note, sizeof(note), "%d\n", (int)getpid());
	if (len < 0 || (size_t)len >= sizeof(note))
		return -ENAMETOOLONG;
	written = pwrite(fd, note, (size_t)len, 0);
	if (written != len)
		return written < 0 ? -errno : -ENOSPC;
	return ftruncate(fd, len) != 0 ? -errno : 0;
}

static void read_note(int fd, struct lock_owner *owner)
{
	char note[NOTE_MAX], *end;
	ssize_t len = pread(fd, note, sizeof(note) - 1, 0);
	long pid;

	*owner = (struct lock_owner){0};
	if (len <= 0)
		return;
	note[len] = '\0';
	note[strcspn(note, "\n")] = '\0';
	pid = strtol(note, &end, 10);
	if (end == note || pid <= 0 || pid > INT_MAX)
		return;
	if (*end == ' ')
		owner->mountpoint = strdup(end + 1);
	owner->ending = *end == '\0';
	owner->pid = (pid_t)pid;
}

static int refuse_taken(int fd, const char *dir, struct lock_owner *owner, struct error *err)
{
	struct lock_owner found;

	read_note(fd, &found);
	if (found.pid == 0)
		error_set(err, EBUSY, "state directory %s is held by another leitlfs", dir);
	else if (found.ending)
		error_set(err, EBUSY,
			"state directory %s is held by leitlfs, process %d, which is "
			"ending",
			dir, (int)found.pid);
	else
		error_set(err, EBUSY,
			"state directory %s is held by leitlfs, process %d, mounted at %s", dir,
			(int)found.pid, found.mountpoint ? found.mountpoint : "?");
	if (owner != NULL)
		*owner = found;
	else
		free(found.mountpoint);
	return -EBUSY;
}

static int open_locked(const char *dir, struct lock_owner *owner, int *out, struct error *err)
{
	char *path = NULL;
	int rc = join(dir, LOCK_NAME, &path, err), fd;

	if (rc != 0)
		return rc;
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	if (fd < 0)
		rc = error_set(err, errno, "%s: %s", path, strerror(errno));
	else if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		*out = fd;
	else
		rc = errno == EWOULDBLOCK ? refuse_taken(fd, dir, owner, err)
					  : error_set(err, errno, "%s: %s", path, strerror(errno));
	if (rc != 0 && fd >= 0)
		close(fd);
	free(path);
	return rc;
}

int lock_take(const char *dir, const char *mountpoint, struct lock **out, struct lock_owner *owner,
	struct error *err)
{
	struct lock *lock;
	int fd = -1, rc;

	rc = open_locked(dir, owner, &fd, err);
	if (rc != 0)
		return rc;
	lock = malloc(sizeof(*lock));
	rc = lock != NULL ? write_note(fd, mountpoint) : -ENOMEM;
	if (rc != 0) {
		free(lock);
		close(fd);
		return error_set(err, -rc, "%s/" LOCK_NAME ": %s", dir, strerror(-rc));
	}
	lock->fd = fd;
	*out = lock;
	return 0;
}

void lock_ending(struct lock *lock)
{
	(void)write_note(lock->fd, NULL);
}

void lock_release(struct lock *lock)
{
	if (lock == NULL)
		return;
	close(lock->fd);
	free(lock);
}
