/* What is known of a file beside its names and its content. */
#include "core/memory/memory_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

int memory_stat_locked(struct memory_node *n, struct stat *st)
{
	struct memory_place p;
	int r = memory_place(n, NULL, &p);

	if (r)
		return r;
	if (fstatat(p.fd, p.path, st, p.flags) != 0)
		r = -errno;
	memory_place_release(&p);
	return r;
}

int memory_stat(struct memory_node *n, struct stat *st)
{
	int r;

	pthread_rwlock_rdlock(&n->memory->names);
	r = memory_stat_locked(n, st);
	pthread_rwlock_unlock(&n->memory->names);
	return r;
}

/* Calls fn for the node's place, with `names` held. */
static int at_place(struct memory_node *n, int (*fn)(const struct memory_place *, const void *arg),
	const void *arg)
{
	struct memory_place p;
	int r;

	pthread_rwlock_rdlock(&n->memory->names);
	r = memory_place(n, NULL, &p);
	if (!r) {
		r = fn(&p, arg) != 0 ? -errno : 0;
		memory_place_release(&p);
	}
	pthread_rwlock_unlock(&n->memory->names);
	return r;
}

static int is_fixed(const struct memory_node *n)
{
	return n == &n->memory->root ? -EPERM : 0;
}

static int chmod_at(const struct memory_place *p, const void *arg)
{
	return fchmodat(p->fd, p->path, *(const mode_t *)arg, 0);
}

int memory_chmod(struct memory_node *n, struct memory_file *f, mode_t mode)
{
	int r = is_fixed(n);

	if (r)
		return r;
	if (S_ISLNK(n->type))
		return -EOPNOTSUPP;
	mode &= S_ISDIR(n->type) ? 03777 : 01777;
	if (f)
		return fchmod(f->fd, mode) != 0 ? -errno : 0;
	return at_place(n, chmod_at, &mode);
}

struct owner {
	uid_t uid;
	gid_t gid;
};

static int chown_at(const struct memory_place *p, const void *arg)
{
	const struct owner *o = arg;

	return fchownat(p->fd, p->path, o->uid, o->gid, p->flags);
}

int memory_chown(struct memory_node *n, struct memory_file *f, uid_t uid, gid_t gid)
{
	const struct owner owner = {uid, gid};
	int r = is_fixed(n);

	if (r)
		return r;
	if (f)
		return fchown(f->fd, uid, gid) != 0 ? -errno : 0;
	return at_place(n, chown_at, &owner);
}

static int times_at(const struct memory_place *p, const void *arg)
{
	return utimensat(p->fd, p->path, arg, p->flags);
}

int memory_set_times(struct memory_node *n, struct memory_file *f, const struct timespec times[2])
{
	if (f)
		return futimens(f->fd, times) != 0 ? -errno : 0;
	return at_place(n, times_at, times);
}

int memory_readlink(struct memory_node *n, char *out, size_t size)
{
	struct memory_place p;
	ssize_t len;
	int r;

	pthread_rwlock_rdlock(&n->memory->names);
	r = memory_place(n, NULL, &p);
	if (!r) {
		len = readlinkat(p.fd, p.path, out, size);
		r = len < 0 ? -errno : (int)len;
		memory_place_release(&p);
	}
	pthread_rwlock_unlock(&n->memory->names);
	return r;
}

/* --- extended attributes */

/* The calls that take a descriptor want one that is open for reading or writing, which the mode may
 * forbid; by proc(5) one of O_PATH does. */
struct by_proc {
	int fd;
	char path[32];
};

static int by_proc(struct memory_node *n, struct by_proc *out)
{
	struct memory_place p;
	int r;

	pthread_rwlock_rdlock(&n->memory->names);
	r = memory_place(n, NULL, &p);
	if (!r) {
		out->fd = openat(p.fd, p.path,
			O_PATH | O_CLOEXEC | (p.flags & AT_SYMLINK_NOFOLLOW ? O_NOFOLLOW : 0));
		r = out->fd < 0 ? -errno : 0;
		memory_place_release(&p);
	}
	pthread_rwlock_unlock(&n->memory->names);
	if (!r)
		snprintf(out->path, sizeof(out->path), "/proc/self/fd/%d", out->fd);
	return r;
}

/* What a name may be: those of users, but ours. */
static int check_xattr(const struct memory_node *n, const char *name)
{
	if (strncmp(name, "user.", 5) != 0 || (!S_ISREG(n->type) && !S_ISDIR(n->type)))
		return -EOPNOTSUPP;
	if (strncmp(name, "user.leitlfs.", 13) == 0)
		return -EPERM;
	return 0;
}

ssize_t memory_getxattr(struct memory_node *n, const char *name, void *value, size_t size)
{
	struct by_proc at;
	ssize_t r = check_xattr(n, name);

	if (r == -EPERM)
		r = -ENODATA;
	if (r || (r = by_proc(n, &at)))
		return r;
	r = getxattr(at.path, name, value, size);
	r = r < 0 ? -errno : r;
	close(at.fd);
	return r;
}

/* Keeps what users may see. */
static size_t own_names(char *list, size_t len)
{
	size_t kept = 0, one;

	for (size_t at = 0; at < len; at += one) {
		one = strlen(list + at) + 1;
		if (strncmp(list + at, "user.", 5) != 0 ||
			strncmp(list + at, "user.leitlfs.", 13) == 0)
			continue;
		memmove(list + kept, list + at, one);
		kept += one;
	}
	return kept;
}

ssize_t memory_listxattr(struct memory_node *n, char *list, size_t size)
{
	char *all;
	struct by_proc at;
	ssize_t r;

	if (!S_ISREG(n->type) && !S_ISDIR(n->type))
		return 0;
	all = malloc(XATTR_LIST_MAX + 1);
	if (!all)
		return -ENOMEM;
	r = by_proc(n, &at);
	if (r) {
		free(all);
		return r;
	}
	r = listxattr(at.path, all, XATTR_LIST_MAX);
	if (r < 0) {
		r = errno == EOPNOTSUPP ? 0 : -errno;
	} else {
		all[r] = '\0';
		r = (ssize_t)own_names(all, (size_t)r);
	}
	if (r > 0 && size > 0 && (size_t)r > size)
		r = -ERANGE;
	else if (r > 0 && size > 0)
		memcpy(list, all, (size_t)r);
	free(all);
	close(at.fd);
	return r;
}

/* All of a file's are no more than a small file system holds in a block, whatever the disk's could
 * take: they count for nothing in memory_total. */
static int xattr_fits(const struct by_proc *at, const char *name, size_t size, struct error *err)
{
	static const char rule[] = "a file's extended attributes have at most %d bytes together";
	char list[MEMORY_XATTR_MAX + 1];
	ssize_t len = listxattr(at->path, list, MEMORY_XATTR_MAX), one;
	size_t sum = strlen(name) + size;

	if (len < 0 && errno == ERANGE)
		return error_set(err, ENOSPC, rule, MEMORY_XATTR_MAX);
	if (len < 0)
		return 0;
	list[len] = '\0';
	for (const char *next = list; next < list + len; next += strlen(next) + 1) {
		one = strcmp(next, name) == 0 ? -1 : getxattr(at->path, next, NULL, 0);
		sum += one >= 0 ? strlen(next) + (size_t)one : 0;
	}
	return sum > MEMORY_XATTR_MAX ? error_set(err, ENOSPC, rule, MEMORY_XATTR_MAX) : 0;
}

int memory_setxattr(struct memory_node *n, const char *name, const void *value, size_t size,
	int flags, struct error *err)
{
	struct by_proc at;
	int r = check_xattr(n, name);

	if (r || (r = by_proc(n, &at)))
		return r;
	r = xattr_fits(&at, name, size, err);
	if (!r && setxattr(at.path, name, value, size, flags) != 0)
		r = -errno;
	close(at.fd);
	return r;
}

int memory_removexattr(struct memory_node *n, const char *name)
{
	struct by_proc at;
	int r = check_xattr(n, name);

	if (r == -EPERM)
		r = -ENODATA;
	if (r || (r = by_proc(n, &at)))
		return r;
	r = removexattr(at.path, name) != 0 ? -errno : 0;
	close(at.fd);
	return r;
}

/* --- revisions */

static uint64_t read_revision(int fd)
{
	char path[32], text[24];
	ssize_t len;
	uint64_t n;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	len = getxattr(path, MEMORY_REVISION, text, sizeof(text) - 1);
	if (len <= 0)
		return 1;
	text[len] = '\0';
	n = strtoull(text, NULL, 10);
	return n ? n : 1;
}

uint64_t memory_revision_at(struct memory_node *n, int fd)
{
	uint64_t revision;

	if (!n)
		return read_revision(fd);
	pthread_mutex_lock(&n->mutex);
	if (!n->revision)
		n->revision = read_revision(fd);
	revision = n->revision;
	pthread_mutex_unlock(&n->mutex);
	return revision;
}

/* Where the disk or the file's mode won't have it, it is known as long as the node is. */
void memory_set_revision_at(struct memory_node *n, int fd, uint64_t revision)
{
	char path[32], text[24];

	if (n) {
		pthread_mutex_lock(&n->mutex);
		n->revision = revision;
		pthread_mutex_unlock(&n->mutex);
	}
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	snprintf(text, sizeof(text), "%llu", (unsigned long long)revision);
	(void)setxattr(path, MEMORY_REVISION, text, strlen(text), 0);
}

uint64_t memory_next_revision(struct memory_node *n, int fd, bool created)
{
	uint64_t revision;
	bool first;

	pthread_mutex_lock(&n->mutex);
	first = created && n->is_new;
	n->is_new = false;
	pthread_mutex_unlock(&n->mutex);
	revision = memory_revision_at(n, fd);
	if (!first)
		memory_set_revision_at(n, fd, ++revision);
	return revision;
}

uint64_t memory_revision_of(struct memory_node *n)
{
	struct memory_place p;
	uint64_t revision = 1;
	int fd;

	if (memory_place(n, NULL, &p))
		return revision;
	fd = openat(p.fd, p.path, O_PATH | O_CLOEXEC | O_NOFOLLOW);
	if (fd >= 0) {
		revision = memory_revision_at(n, fd);
		close(fd);
	}
	memory_place_release(&p);
	return revision;
}
