#include "core/base/lock.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOTE_MAX (PATH_MAX + 32)

struct lock {
	int fd;
	int dir;
	bool fresh; /* nobody had it before, and there was nothing else in the directory */
};

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

/* What is in the directory beside the lock: the next one's name, NULL after the last. */
static const char *next_other(DIR *dir)
{
	const struct dirent *entry;

	do
		entry = readdir(dir);
	while (entry != NULL &&
		(strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
			strcmp(entry->d_name, LOCK_NAME) == 0));
	return entry != NULL ? entry->d_name : NULL;
}

static DIR *open_listing(int dir)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *listing = fd >= 0 ? fdopendir(fd) : NULL;

	if (listing == NULL && fd >= 0)
		close(fd);
	return listing;
}

/* Once it is locked: whoever had it before left a note in it. */
static bool is_fresh(const struct lock *lock)
{
	struct stat st;
	DIR *listing;
	bool fresh;

	if (fstat(lock->fd, &st) != 0 || st.st_size != 0)
		return false;
	listing = open_listing(lock->dir);
	fresh = listing != NULL && next_other(listing) == NULL;
	if (listing != NULL)
		closedir(listing);
	return fresh;
}

/* One whose owner took it back (lock_discard) between our open and our lock is nobody's. */
static bool is_linked(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && st.st_nlink > 0;
}

static int open_locked(
	struct lock *lock, const char *dir, struct lock_owner *owner, struct error *err)
{
	lock->dir = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (lock->dir < 0)
		return error_set(err, errno, "state directory %s: %s", dir, strerror(errno));
	for (;;) {
		lock->fd = openat(lock->dir, LOCK_NAME,
			O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
		if (lock->fd < 0)
			break;
		if (flock(lock->fd, LOCK_EX | LOCK_NB) != 0) {
			if (errno == EWOULDBLOCK)
				return refuse_taken(lock->fd, dir, owner, err);
			break;
		}
		if (is_linked(lock->fd))
			return 0;
		close(lock->fd);
	}
	return error_set(err, errno, "%s/" LOCK_NAME ": %s", dir, strerror(errno));
}

int lock_take(const char *dir, const char *mountpoint, struct lock **out, struct lock_owner *owner,
	struct error *err)
{
	struct lock *lock = malloc(sizeof(*lock));
	int rc;

	if (lock == NULL)
		return error_set(err, ENOMEM, "out of memory");
	*lock = (struct lock){.fd = -1, .dir = -1};
	rc = open_locked(lock, dir, owner, err);
	if (rc != 0) {
		lock_release(lock);
		return rc;
	}
	lock->fresh = is_fresh(lock);
	rc = write_note(lock->fd, mountpoint);
	if (rc != 0) {
		lock_discard(lock);
		return error_set(err, -rc, "%s/" LOCK_NAME ": %s", dir, strerror(-rc));
	}
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
	if (lock->fd >= 0)
		close(lock->fd);
	if (lock->dir >= 0)
		close(lock->dir);
	free(lock);
}

static void remove_others(int dir)
{
	DIR *listing = open_listing(dir);
	const char *name;
	int sub;

	while (listing != NULL && (name = next_other(listing)) != NULL) {
		if (unlinkat(dir, name, 0) == 0 || errno != EISDIR)
			continue;
		sub = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (sub >= 0) {
			remove_others(sub);
			close(sub);
		}
		(void)unlinkat(dir, name, AT_REMOVEDIR);
	}
	if (listing != NULL)
		closedir(listing);
}

void lock_discard(struct lock *lock)
{
	if (lock != NULL && lock->fresh) {
		remove_others(lock->dir);
		/* The last: from here on the directory may be another's. */
		(void)unlinkat(lock->dir, LOCK_NAME, 0);
	}
	lock_release(lock);
}
