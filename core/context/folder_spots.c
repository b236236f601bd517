#include "core/context/folder_spots.h"
#include "core/base/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <inotifytools/inotify.h>
#include <inotifytools/inotifytools.h>
#include <limits.h>
#include <search.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <sys/stat.h>
#include <unistd.h>

#define EVENTS                                                                                     \
	(IN_MODIFY | IN_ATTRIB | IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVE |                \
		IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR | IN_DONT_FOLLOW | IN_EXCL_UNLINK)
#define FD_ROOM   64    /* descriptors that others may take while the library opens its own */
#define DRAIN_MAX 65536 /* events that are thrown away before all is begun anew */

/* A directory that is watched, and for which folders. */
struct spot {
	char *path;
	const struct folder_root **roots;
	size_t count;
};

struct spots {
	const char *wake;
	void *by_path; /* struct spot, tsearch(3) */
	size_t count, stale;
	bool up;
	char path[PATH_MAX + NAME_MAX + 2]; /* of the last event */
	/* what spots_add() works on */
	struct folder_todo *todo;
	const struct folder_root *root;
	int root_fd;
};

/* The library is one for the process, and so is who uses it. */
static atomic_flag in_use = ATOMIC_FLAG_INIT;

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct spot *)a)->path, ((const struct spot *)b)->path);
}

static struct spot *find(const struct spots *s, const char *path)
{
	const struct spot key = {.path = (char *)path};
	struct spot *const *found = tfind(&key, &s->by_path, by_path);

	return found ? *found : NULL;
}

static void free_spot(void *p)
{
	struct spot *spot = p;

	free(spot->path);
	free(spot->roots);
	free(spot);
}

static void forget(struct spots *s, const char *path)
{
	struct spot *spot = find(s, path);

	if (!spot)
		return;
	tdelete(spot, &s->by_path, by_path);
	free_spot(spot);
	s->count--;
}

static struct spot *make(struct spots *s, const char *path)
{
	struct spot *spot = calloc(1, sizeof(*spot));

	if (spot)
		spot->path = strdup(path);
	if (!spot || !spot->path || !tsearch(spot, &s->by_path, by_path)) {
		if (spot)
			free_spot(spot);
		return NULL;
	}
	s->count++;
	return spot;
}

static bool is_for(const struct spot *spot, const struct folder_root *root)
{
	size_t i = 0;

	while (i < spot->count && spot->roots[i] != root)
		i++;
	return i < spot->count;
}

static int add_root(struct spot *spot, const struct folder_root *root)
{
	const struct folder_root **more =
		realloc(spot->roots, (spot->count + 1) * sizeof(const struct folder_root *));

	if (!more)
		return -ENOMEM;
	spot->roots = more;
	spot->roots[spot->count++] = root;
	return 0;
}

/* --- adding */

static int last_error(void)
{
	int code = inotifytools_error();

	return code > 0 ? -code : -EIO;
}

static int watch_new(struct spots *s, const char *path)
{
	if (s->count >= FOLDER_WATCHES_MAX)
		return -ENOSPC;
	if (!make(s, path))
		return -ENOMEM;
	if (inotifytools_watch_file(path, EVENTS))
		return 0;
	forget(s, path);
	return last_error();
}

/* By path, with the rights of the source's uid: what was put in its way since it was opened is no
 * more than that uid may read. */
static int watch_dir(struct spots *s, const char *path)
{
	struct spot *spot = find(s, path);
	int rc;

	if (spot)
		return is_for(spot, s->root) ? 0 : add_root(spot, s->root);
	rc = folder_rights_take(s->root->rights);
	if (rc)
		return rc;
	rc = watch_new(s, path);
	folder_rights_drop(s->root->rights);
	return rc ? rc : add_root(find(s, path), s->root);
}

static int open_dir(const struct spots *s, const char *dir)
{
	int fd = folder_rights_take(s->root->rights);

	if (fd)
		return fd;
	fd = folder_open_dir(s->root_fd, dir);
	folder_rights_drop(s->root->rights);
	return fd;
}

/* What can't be watched for a reason of its own, the sync tells of. */
static bool goes_on(int rc)
{
	return rc != -ENOSPC && rc != -ENOMEM;
}

static int push_entry(struct spots *s, int fd, const char *dir, const struct dirent *e)
{
	char *path;

	if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, "..") || folder_type(fd, e) != FOLDER_DIR)
		return 0;
	path = folder_join(dir, e->d_name);
	if (path && !source_wants(s->root->config, path, true)) {
		free(path);
		return 0;
	}
	return folder_push(&s->todo, path);
}

/* Takes the descriptor. */
static int push_all(struct spots *s, int fd, const char *dir)
{
	DIR *d = fdopendir(fd);
	struct dirent *e;
	int rc = 0;

	if (!d) {
		rc = -errno;
		close(fd);
		return rc;
	}
	while (!rc && (e = readdir(d)) != NULL)
		rc = push_entry(s, dirfd(d), dir, e);
	closedir(d);
	return rc;
}

static int watch_named(struct spots *s, const char *dir)
{
	const char *root = strcmp(s->root->path, "/") ? s->root->path : "";
	char path[2 * PATH_MAX];
	int n = snprintf(path, sizeof(path), "%s/%s", root, dir);

	if (n < 0 || n >= PATH_MAX)
		return -ENAMETOOLONG;
	if (!*dir && n > 1)
		path[n - 1] = '\0';
	return watch_dir(s, path);
}

/* Watches first and reads then, so that nothing is missed in between. */
static int visit(struct spots *s, const char *dir)
{
	int fd = open_dir(s, dir), rc;

	if (fd < 0)
		return fd;
	rc = folder_is_state(fd) ? -EXDEV : watch_named(s, dir);
	if (!rc)
		return push_all(s, fd, dir);
	close(fd);
	return rc;
}

int spots_add(struct spots *s, const struct folder_root *root, int fd, const char *dir)
{
	s->root = root;
	s->root_fd = fd;
	int rc = visit(s, dir);

	while (s->todo) {
		char *next = folder_pop(&s->todo);

		if (goes_on(rc)) {
			int r = visit(s, next);

			rc = goes_on(r) ? rc : r;
		}
		free(next);
	}
	return rc;
}

size_t spots_stale(const struct spots *s)
{
	return s->stale;
}

size_t spots_count(const struct spots *s)
{
	return s->count;
}

/* --- events */

/* The library names directories with a slash at their end. */
static bool path_of(struct spots *s, const struct inotify_event *e)
{
	const char *dir = inotifytools_filename_from_wd(e->wd);
	size_t len = dir ? strlen(dir) : 0;

	while (len > 1 && dir[len - 1] == '/')
		len--;
	if (!len || len >= PATH_MAX)
		return false;
	memcpy(s->path, dir, len);
	s->path[len] = '\0';
	return true;
}

static void add_name(struct spots *s, const struct inotify_event *e)
{
	size_t len = strlen(s->path);

	if (!e->len)
		return;
	snprintf(s->path + len, sizeof(s->path) - len, "%s%s", s->path[len - 1] == '/' ? "" : "/",
		e->name);
}

bool spots_next(struct spots *s, int seconds, struct spot_event *out)
{
	const struct inotify_event *e = inotifytools_next_events(seconds, 1);
	const struct spot *spot = NULL;

	if (!e)
		return false;
	*out = (struct spot_event){.mask = e->mask, .path = s->path};
	s->path[0] = '\0';
	if (!(e->mask & IN_Q_OVERFLOW) && path_of(s, e))
		spot = find(s, s->path);
	if (e->mask & IN_IGNORED) {
		s->stale++;
		forget(s, s->path);
	} else if (spot) {
		out->roots = (struct folder_root *const *)spot->roots;
		out->count = spot->count;
		add_name(s, e);
		out->of_spot = e->len && (e->mask & IN_ISDIR) && find(s, s->path);
	}
	return true;
}

/* --- all of it */

static int up(struct spots *s)
{
	int probe = open("/dev/null", O_RDONLY | O_CLOEXEC);

	if (probe < 0)
		return -errno;
	close(probe);
	if (probe > FD_SETSIZE - FD_ROOM)
		return -EMFILE;
	if (!inotifytools_initialize())
		return last_error();
	s->up = true;
	return inotifytools_watch_file(s->wake, IN_OPEN) ? 0 : last_error();
}

/* What the library has read already would otherwise be taken for news of the next watches. */
static void down(struct spots *s)
{
	if (!s->up)
		return;
	for (int i = 0; i < DRAIN_MAX && inotifytools_next_events(0, 1); i++)
		;
	inotifytools_cleanup();
	tdestroy(s->by_path, free_spot);
	s->by_path = NULL;
	s->count = 0;
	s->stale = 0;
	s->up = false;
}

int spots_reset(struct spots *s)
{
	down(s);
	int rc = up(s);

	if (rc)
		down(s);
	return rc;
}

int spots_new(const char *wake, struct spots **out)
{
	struct spots *s;
	int rc;

	if (atomic_flag_test_and_set(&in_use))
		return -EBUSY;
	s = calloc(1, sizeof(*s));
	rc = s ? 0 : -ENOMEM;
	if (s) {
		s->wake = wake;
		rc = spots_reset(s);
	}
	if (rc) {
		free(s);
		atomic_flag_clear(&in_use);
		return rc;
	}
	*out = s;
	return 0;
}

void spots_free(struct spots *s)
{
	if (!s)
		return;
	down(s);
	free(s);
	atomic_flag_clear(&in_use);
}
