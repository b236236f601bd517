#include "core/context/folder_list.h"
#include "core/base/grow.h"
#include "core/base/limits.h"
#include "core/base/text.h"
#include "core/context/folder_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void folder_list_release(struct folder_list *l)
{
	for (size_t i = 0; i < l->count; i++) {
		free((char *)l->members[i].path);
		free((char *)l->members[i].etag);
	}
	free(l->members);
	*l = (struct folder_list){0};
}

static int64_t to_us(const struct timespec *t)
{
	return (int64_t)t->tv_sec * 1000000 + t->tv_nsec / 1000;
}

/* The change time tells what size and date don't: that a file was replaced by another of the same,
 * or that its date was put back. */
static char *etag_of(const struct stat *st)
{
	char *etag;
	int n = asprintf(&etag, "\"%llx-%llx.%lx-%llx.%lx\"", (unsigned long long)st->st_size,
		(unsigned long long)st->st_mtim.tv_sec, (unsigned long)st->st_mtim.tv_nsec,
		(unsigned long long)st->st_ctim.tv_sec, (unsigned long)st->st_ctim.tv_nsec);

	return n < 0 ? NULL : etag;
}

static int make_room(struct folder_list *l)
{
	struct member *more;

	if (l->count >= FOLDER_MEMBERS_MAX)
		return -E2BIG;
	more = grow(l->members, l->count, &l->room, sizeof(*more), 64);
	if (!more)
		return -ENOMEM;
	l->members = more;
	return 0;
}

int folder_member(struct member *m, const struct stat *st)
{
	m->size = (int64_t)st->st_size;
	m->modified_us = to_us(&st->st_mtim);
	m->etag = etag_of(st);
	return m->etag ? 0 : -ENOMEM;
}

/* A directory's date is not told: it changes with every file that an editor makes and removes. */
static int add(struct folder_list *l, int fd, const char *dir, const struct dirent *e)
{
	enum folder_type type = folder_type(fd, e);
	struct member m = {.is_dir = type == FOLDER_DIR, .size = -1};
	struct stat st;
	int rc;

	if (type == FOLDER_FILE &&
		(fstatat(fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) != 0 ||
			!S_ISREG(st.st_mode)))
		return 0; /* it has just gone */
	rc = make_room(l);
	if (rc)
		return rc;
	m.path = folder_join(dir, e->d_name);
	rc = !m.path ? -ENOMEM : type == FOLDER_FILE ? folder_member(&m, &st) : 0;
	if (rc)
		free((char *)m.path);
	else
		l->members[l->count++] = m;
	return rc;
}

static int add_all(struct folder_list *l, DIR *d, const char *dir)
{
	struct dirent *e;
	int rc = 0;

	while (!rc && (errno = 0, e = readdir(d)) != NULL) {
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		l->empty = false;
		if (folder_type(dirfd(d), e) == FOLDER_OTHER)
			continue;
		if (text_is_utf8(e->d_name, strlen(e->d_name), NULL))
			rc = add(l, dirfd(d), dir, e);
		else
			l->unnamed++;
	}
	return rc ? rc : -errno;
}

int folder_list(int fd, const char *dir, struct folder_list *out)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0), rc;
	DIR *d = copy < 0 ? NULL : fdopendir(copy);

	*out = (struct folder_list){.empty = true};
	if (!d) {
		rc = -errno;
		if (copy >= 0)
			close(copy);
		return rc;
	}
	rc = add_all(out, d, dir);
	closedir(d);
	if (rc)
		folder_list_release(out);
	return rc;
}
