#include "core/base/clock.h"
#include "core/context/folder_watch_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#define MISSING_US (2 * SECOND_US)  /* between looks for a folder that is not there */
#define THERE_US   (60 * SECOND_US) /* for one that is: it may be another by now */
#define TAKEN_MAX  4096             /* events, before what is due is looked at again */

int64_t folder_now_us(void)
{
	return clock_system.mono_us(&clock_system);
}

void folder_touch(struct folder *f)
{
	f->last_us = folder_now_us();
	if (!f->first_us)
		f->first_us = f->last_us;
}

void folder_set_status(struct folder_watch *w, struct folder *f, const struct error *e)
{
	pthread_mutex_lock(&w->lock);
	bool other = f->status.code != e->code;
	f->status = *e;
	pthread_mutex_unlock(&w->lock);
	if (other)
		folder_touch(f);
}

int folder_no_watch(int rc, const struct folder *f, struct error *e)
{
	if (rc == -ENOSPC)
		return error_set(e, ENOSPC,
			"%s: not every directory can be watched (fs.inotify.max_user_watches)",
			f->config.path);
	return error_set(e, -rc, "%s: can't be watched: %s", f->config.path, strerror(-rc));
}

/* Looks for the root, and watches what is there now. A root that is another than before makes the
 * names of its spots wrong. */
static int look_open(struct folder_watch *w, struct folder *f, int fd, char **real, struct error *e)
{
	struct folder_root *r = &f->root;
	struct stat st;
	int rc;

	if (fstat(fd, &st) != 0)
		return error_set(e, errno, "%s: %s", f->config.path, strerror(errno));
	if (r->path &&
		(r->dev != st.st_dev || r->ino != st.st_ino || strcmp(r->path, *real) != 0)) {
		w->wrong = true;
		return error_set(e, EAGAIN, "%s: it is another directory now", f->config.path);
	}
	if (r->path && !f->status.code)
		return 0;
	if (!r->path) {
		r->path = *real;
		*real = NULL;
	}
	r->dev = st.st_dev;
	r->ino = st.st_ino;
	rc = spots_add(w->spots, r, fd, "");
	return rc ? folder_no_watch(rc, f, e) : 0;
}

static int rights_of(struct folder *f, struct error *e)
{
	folder_rights_release(&f->rights);
	return folder_rights_init(&f->rights, f->uid, f->gid, e);
}

void folder_look(struct folder_watch *w, struct folder *f)
{
	struct error e = {0};
	char *real = NULL;
	int fd = -1, rc = rights_of(f, &e);

	if (!rc)
		rc = folder_open_root(f->config.path, &f->rights, &fd, &real, &e);
	if (!rc)
		rc = look_open(w, f, fd, &real, &e);
	else if (f->root.path)
		w->wrong = true;
	if (fd >= 0)
		close(fd);
	free(real);
	f->look_us = folder_now_us() + (rc && rc != -ENOSPC ? MISSING_US : THERE_US);
	folder_set_status(w, f, &e);
}

/* A directory that came into being, below a root that is known. */
static void look_at(struct folder_watch *w, struct folder *f, const char *path)
{
	struct error e = {0};
	size_t len = strcmp(f->root.path, "/") ? strlen(f->root.path) : 0;
	int fd, rc;

	if (strncmp(path, f->root.path, len) != 0 || path[len] != '/')
		return;
	if (!source_wants(&f->config, path + len + 1, true))
		return;
	if (folder_open_root(f->root.path, &f->rights, &fd, NULL, NULL) != 0)
		return;
	rc = spots_add(w->spots, &f->root, fd, path + len + 1);
	close(fd);
	if (rc == -ENOSPC || rc == -ENOMEM) {
		folder_no_watch(rc, f, &e);
		folder_set_status(w, f, &e);
	}
}

static bool concerns(const struct folder *f, const struct spot_event *e)
{
	size_t len = strcmp(f->root.path, "/") ? strlen(f->root.path) : 0;

	if (strncmp(e->path, f->root.path, len) != 0 || e->path[len] != '/')
		return true; /* the root itself */
	return source_wants(&f->config, e->path + len + 1, (e->mask & IN_ISDIR) != 0);
}

static void take_for(struct folder_watch *w, struct folder *f, const struct spot_event *e)
{
	if (!concerns(f, e))
		return;
	folder_touch(f);
	if ((e->mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT)) &&
		!strcmp(e->path, f->root.path))
		f->look_us = f->last_us;
	else if ((e->mask & IN_ISDIR) && (e->mask & (IN_CREATE | IN_MOVED_TO | IN_ATTRIB)) &&
		 !w->wrong && !e->of_spot)
		look_at(w, f, e->path);
}

/* The path of an event is good until the next, and adding spots asks for none; but its list of
 * folders may grow while new spots are made, for other directories only. */
static void take(struct folder_watch *w, const struct spot_event *e)
{
	if (e->mask & IN_Q_OVERFLOW)
		w->wrong = true;
	if ((e->mask & IN_MOVED_FROM) && e->of_spot)
		w->wrong = true;
	for (size_t i = 0; i < e->count; i++)
		take_for(w, (struct folder *)e->roots[i], e);
}

void folder_take_events(struct folder_watch *w, int seconds)
{
	struct spot_event e;

	for (int i = 0; i < TAKEN_MAX && spots_next(w->spots, i ? 0 : seconds, &e); i++)
		take(w, &e);
}
