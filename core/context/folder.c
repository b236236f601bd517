#include "core/context/folder.h"
#include "core/base/limits.h"
#include "core/context/folder_list.h"
#include "core/context/folder_walk.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define EMPTY "{}" /* remembered of a folder that held nothing */

static int push(struct folder_walk *w, const char *dir)
{
	return folder_push(&w->todo, strdup(dir)) ? error_set(w->err, ENOMEM, "out of memory") : 0;
}

static int tell(struct folder_walk *w, int fd, const char *dir, const struct folder_list *l)
{
	const struct wanted *wanted;
	size_t count;
	int rc = sync_listing(w->sync, dir, l->members, l->count, &wanted, &count, w->err);

	for (size_t i = 0; !rc && i < count; i++) {
		rc = folder_stopped(w);
		if (!rc)
			rc = wanted[i].is_dir ? push(w, wanted[i].path)
					      : folder_fetch(w, fd, wanted[i].path);
	}
	return rc;
}

/* A mount point that is empty is how a disk looks that is not there: so an empty root is believed
 * only where it is known to be on what it was on. That is remembered while it holds something. 1:
 * it is not known, and nothing is to be told. */
static int check_root(struct folder_walk *w, const struct folder_list *l)
{
	const char *last = sync_memory(w->sync);
	char now[64];
	struct stat st;

	if (fstat(w->root, &st) != 0)
		return error_set(w->err, errno, "%s", strerror(errno));
	snprintf(now, sizeof(now), "{\"device\":\"%u:%u\"}", major(st.st_dev), minor(st.st_dev));
	if (l->empty && !last)
		return 1;
	if (l->empty && strcmp(last, now) != 0 && strcmp(last, EMPTY) != 0)
		return error_set(w->err, ENODEV,
			"the folder is empty, and on another file system than before: is its disk "
			"mounted?");
	return sync_set_memory(w->sync, l->empty ? EMPTY : now);
}

static int list_as(struct folder_walk *w, int fd, const char *dir, struct folder_list *out)
{
	int rc = folder_rights_take(&w->rights);

	if (rc)
		return rc;
	rc = folder_list(fd, dir, out);
	folder_rights_drop(&w->rights);
	return rc;
}

static int visit_open(struct folder_walk *w, int fd, const char *dir)
{
	struct folder_list l;
	int rc;

	if (folder_is_state(fd))
		return 0;
	rc = list_as(w, fd, dir, &l);
	if (rc == -E2BIG)
		return folder_trouble(w, dir, E2BIG, "more than %d files", FOLDER_MEMBERS_MAX);
	if (rc == -ENOMEM)
		return error_set(w->err, ENOMEM, "out of memory");
	if (rc)
		return folder_trouble(w, dir, -rc, "%s", strerror(-rc));
	if (l.unnamed)
		folder_trouble(
			w, dir, EILSEQ, "%zu names that are not UTF-8 are left out", l.unnamed);
	w->entries += l.count;
	if (w->entries > FOLDER_ENTRIES_MAX)
		rc = error_set(w->err, E2BIG, "more than %d files", FOLDER_ENTRIES_MAX);
	if (!rc && !*dir)
		rc = check_root(w, &l);
	if (!rc)
		rc = tell(w, fd, dir, &l);
	folder_list_release(&l);
	return rc < 0 ? rc : 0;
}

static int visit(struct folder_walk *w, const char *dir)
{
	int fd = folder_open_as(w, folder_open_dir, w->root, dir), rc;

	if (folder_is_gone(fd) && *dir)
		return 0;
	if (fd < 0)
		return folder_trouble(w, dir, -fd, "%s", strerror(-fd));
	rc = visit_open(w, fd, dir);
	close(fd);
	return rc;
}

static int visit_all(struct folder_walk *w)
{
	int rc = push(w, "");

	while (!rc && w->todo) {
		char *dir = folder_pop(&w->todo);

		rc = folder_stopped(w);
		if (!rc)
			rc = visit(w, dir);
		free(dir);
	}
	while (w->todo)
		free(folder_pop(&w->todo));
	return rc;
}

static int run(struct sync *sync, struct error *err)
{
	struct folder_walk w = {.sync = sync, .root = -1, .err = err};
	int rc = folder_rights_init(&w.rights, sync_uid(sync), sync_gid(sync), err);

	if (rc)
		return rc;
	w.chunk = malloc(FOLDER_CHUNK);
	if (!w.chunk)
		rc = error_set(err, ENOMEM, "out of memory");
	if (!rc)
		rc = folder_open_root(sync_config(sync)->path, &w.rights, &w.root, NULL, err);
	if (!rc)
		rc = visit_all(&w);
	if (w.root >= 0)
		close(w.root);
	free(w.chunk);
	folder_rights_release(&w.rights);
	return rc;
}

const struct source_runner folder_runner = {.run = run};
