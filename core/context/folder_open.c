#include "core/base/lock.h"
#include "core/context/folder_private.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LINKS_MAX 40 /* as path_resolution(7) */
#define OWN_TYPE  "fuse.leitlfs"
#define OWN_DB    "leitl.db" /* db_leitl.file, whose header brings SQLite along */

/* The way to a root, a part at a time. */
struct way {
	FILE *mounts;
	int fd;         /* how far it has come: O_PATH */
	uint64_t mount; /* that it is on */
	int links;
	char rest[2 * PATH_MAX]; /* what is still to be gone */
};

/* proc(5), mountinfo: the id is the first field, the type the one behind the lone dash. */
static bool line_is_own(const char *line, uint64_t mount)
{
	const char *dash = strstr(line, " - ");
	size_t len = strlen(OWN_TYPE);

	return strtoull(line, NULL, 10) == mount && dash && !strncmp(dash + 3, OWN_TYPE, len) &&
	       dash[3 + len] == ' ';
}

static bool mount_is_own(struct way *w)
{
	char *line = NULL;
	size_t room = 0;
	bool own = false;

	rewind(w->mounts);
	while (!own && getline(&line, &room, w->mounts) > 0)
		own = line_is_own(line, w->mount);
	free(line);
	return own;
}

/* Takes the descriptor. What is on a mount of leitlfs is known by the mount's number alone: with
 * AT_STATX_DONT_SYNC the file system is not asked. */
static int go_on(struct way *w, int fd)
{
	struct statx st;

	if (fd < 0)
		return -errno;
	if (w->fd >= 0)
		close(w->fd);
	w->fd = fd;
	if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_MNT_ID, &st) != 0)
		return -errno;
	if (!(st.stx_mask & STATX_MNT_ID))
		return -ENOSYS;
	bool other = st.stx_mnt_id != w->mount;
	w->mount = st.stx_mnt_id;
	return (other && mount_is_own(w)) || folder_is_state(fd) ? -ELOOP : 0;
}

static int begin_again(struct way *w)
{
	return go_on(w, open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
}

static int follow(struct way *w, const char *name)
{
	char target[2 * PATH_MAX];
	int link = openat(w->fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	ssize_t len;
	size_t left = strlen(w->rest);

	if (link < 0)
		return -errno;
	len = readlinkat(link, "", target, PATH_MAX);
	close(link);
	if (len <= 0)
		return -ENOTDIR; /* and no link either */
	if (++w->links > LINKS_MAX)
		return -ELOOP;
	if ((size_t)len + left + 2 > sizeof(target))
		return -ENAMETOOLONG;
	target[len] = '/';
	memcpy(target + len + 1, w->rest, left + 1);
	memcpy(w->rest, target, (size_t)len + left + 2);
	return target[0] == '/' ? begin_again(w) : 0;
}

static int step(struct way *w)
{
	char name[NAME_MAX + 1];
	size_t skip = strspn(w->rest, "/"), len = strcspn(w->rest + skip, "/");
	int fd;

	if (len > NAME_MAX)
		return -ENAMETOOLONG;
	memcpy(name, w->rest + skip, len);
	name[len] = '\0';
	memmove(w->rest, w->rest + skip + len, strlen(w->rest + skip + len) + 1);
	if (!len || !strcmp(name, "."))
		return 0;
	fd = openat(w->fd, name, O_PATH | O_NOFOLLOW | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 && (errno == ENOTDIR || errno == ELOOP) ? follow(w, name) : go_on(w, fd);
}

static char *real_path(int fd)
{
	char link[64], path[PATH_MAX];
	ssize_t len;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, path, sizeof(path));
	return len > 0 && path[0] == '/' ? strndup(path, (size_t)len) : NULL;
}

static int go(struct way *w, int *out)
{
	int rc = begin_again(w);

	while (!rc && *w->rest)
		rc = step(w);
	if (rc)
		return rc;
	/* "." goes nowhere, so that nothing can have been put in the way. */
	*out = openat(w->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return *out < 0 ? -errno : 0;
}

int folder_open_root(const char *path, const struct folder_rights *rights, int *out, char **real,
	struct error *err)
{
	struct way w = {.fd = -1};
	int fd = -1, rc;

	if (path[0] != '/' || strlen(path) >= PATH_MAX)
		return error_set(err, EINVAL, "%s: not an absolute path", path);
	memcpy(w.rest, path, strlen(path) + 1);
	w.mounts = fopen("/proc/self/mountinfo", "re");
	if (!w.mounts)
		return error_set(err, errno, "/proc/self/mountinfo: %s", strerror(errno));
	rc = folder_rights_take(rights);
	if (!rc) {
		rc = go(&w, &fd);
		folder_rights_drop(rights);
	}
	fclose(w.mounts);
	if (w.fd >= 0)
		close(w.fd);
	if (rc == -ELOOP && w.links <= LINKS_MAX)
		return error_set(err, ELOOP, "%s: leitlfs is not synced into itself", path);
	if (rc)
		return error_set(err, -rc, "%s: %s", path, strerror(-rc));
	if (real) {
		*real = real_path(fd);
		if (!*real) {
			close(fd);
			return error_set(err, ENOENT, "%s: its path can't be read", path);
		}
	}
	*out = fd;
	return 0;
}

static int open_below(int dir, const char *path, int flags)
{
	struct open_how how = {
		.flags = (unsigned)(flags | O_NOFOLLOW | O_CLOEXEC),
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS |
			   RESOLVE_NO_MAGICLINKS,
	};
	long fd;

	/* EAGAIN: something was renamed meanwhile, so it is not sure that it is beneath. */
	do
		fd = syscall(SYS_openat2, dir, *path ? path : ".", &how, sizeof(how));
	while (fd < 0 && (errno == EINTR || errno == EAGAIN));
	return fd < 0 ? -errno : (int)fd;
}

int folder_open_dir(int dir, const char *path)
{
	return open_below(dir, path, O_RDONLY | O_DIRECTORY);
}

int folder_open_file(int dir, const char *path)
{
	return open_below(dir, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
}

static enum folder_type type_of(mode_t mode)
{
	return S_ISREG(mode) ? FOLDER_FILE : S_ISDIR(mode) ? FOLDER_DIR : FOLDER_OTHER;
}

enum folder_type folder_type(int dir, const struct dirent *e)
{
	struct stat st;

	if (e->d_type != DT_UNKNOWN)
		return type_of(DTTOIF(e->d_type));
	/* Not by fstatat(2), which would ask whatever is mounted there. */
	int fd = open_below(dir, e->d_name, O_PATH);
	if (fd < 0)
		return FOLDER_OTHER;
	enum folder_type type = fstat(fd, &st) == 0 ? type_of(st.st_mode) : FOLDER_OTHER;
	close(fd);
	return type;
}

static bool has_file(int dir, const char *name)
{
	struct stat st;

	return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) == 0 &&
	       S_ISREG(st.st_mode);
}

bool folder_is_state(int dir)
{
	return has_file(dir, LOCK_NAME) && has_file(dir, OWN_DB);
}

char *folder_join(const char *dir, const char *name)
{
	char *path;

	return asprintf(&path, "%s%s%s", dir, *dir ? "/" : "", name) < 0 ? NULL : path;
}
