#include "fs/command/locate_private.h"

#include "core/base/limits.h"
#include "core/base/text.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PLACES_MAX 64 /* mounts of leitlfs that are told apart */

struct place {
	char *path;
	struct mount mount;
	char root[ID_MAX + 8]; /* "/" or "/as/<id>" */
};

struct places {
	struct place items[PLACES_MAX];
	size_t count;
	bool bad; /* no memory */
};

static void places_release(struct places *p)
{
	for (size_t i = 0; i < p->count; i++)
		free(p->items[i].path);
	*p = (struct places){0};
}

/* Whether what is mounted is a whole tree: the root, or what as/<id> shows. */
static bool is_tree(const char *root)
{
	return strcmp(root, "/") == 0 ||
	       (locate_as_length(root) > 0 && root[locate_as_length(root)] == '\0');
}

static void forget(struct places *p, const char *path)
{
	for (size_t i = 0; i < p->count; i++) {
		if (strcmp(p->items[i].path, path) != 0)
			continue;
		free(p->items[i].path);
		p->items[i] = p->items[--p->count];
		return;
	}
}

static bool note(void *arg, const char *path, const char *root, const struct mount *mount)
{
	struct places *p = arg;
	struct place *place;

	forget(p, path); /* hidden by this one */
	if (strcmp(mount->type, MOUNT_TYPE) != 0 || !is_tree(root))
		return true;
	for (size_t i = 0; i < p->count; i++) {
		if (p->items[i].mount.dev == mount->dev && strcmp(p->items[i].root, root) == 0)
			return true;
	}
	if (p->count == PLACES_MAX)
		return false;
	place = &p->items[p->count];
	*place = (struct place){.path = strdup(path), .mount = *mount};
	(void)snprintf(place->root, sizeof(place->root), "%s", root);
	if (place->path == NULL) {
		p->bad = true;
		return false;
	}
	p->count++;
	return true;
}

static int places_read(struct places *p, struct error *err)
{
	int rc = mount_each(note, p);

	if (rc == 0 && p->bad)
		rc = -ENOMEM;
	return rc == 0 ? 0 : error_set(err, -rc, "the list of mounts: %s", strerror(-rc));
}

static int refuse_several(
	const struct places *p, const size_t *which, size_t count, struct error *err)
{
	struct buf list = BUF_INIT;
	int rc;

	for (size_t i = 0; i < count; i++)
		buf_addf(&list, " %s", p->items[which[i]].path);
	rc = error_set(err, EINVAL, "several are mounted; say which with -m:%s",
		buf_error(&list) == 0 ? list.data : "");
	buf_release(&list);
	return rc;
}

/* Of several, those that serve. */
static size_t keep_serving(const struct places *p, size_t *which, size_t count)
{
	size_t kept = 0;

	for (size_t i = 0; i < count; i++) {
		const struct place *place = &p->items[which[i]];

		if (locate_check(place->path, &place->mount, NULL) == 0)
			which[kept++] = which[i];
	}
	return kept;
}

static int choose(const struct places *p, bool own, struct located *out, struct error *err)
{
	size_t which[PLACES_MAX], count = 0, first;
	const struct place *place;
	int rc;

	for (size_t i = 0; i < p->count; i++) {
		if ((p->items[i].mount.uid == geteuid()) == own)
			which[count++] = i;
	}
	if (count == 0)
		return -ENOENT;
	first = which[0];
	if (count > 1 || !own)
		count = keep_serving(p, which, count);
	if (count > 1)
		return refuse_several(p, which, count, err);
	if (count == 0 && !own)
		return -ENOENT;
	place = &p->items[count == 1 ? which[0] : first];
	rc = locate_check(place->path, &place->mount, err);
	return rc == 0 ? locate_set(out, strdup(place->path), NULL, err) : rc;
}

static int locate_only(struct located *out, struct error *err)
{
	struct places places = {0};
	int rc = places_read(&places, err);

	if (rc == 0)
		rc = choose(&places, true, out, err);
	if (rc == -ENOENT)
		rc = choose(&places, false, out, err);
	if (rc == -ENOENT)
		error_set(err, ENOENT,
			"no leitlfs is mounted here: mkdir -p ~/leitl && leitlfs ~/leitl");
	places_release(&places);
	return rc;
}

int locate(const char *given, struct located *out, struct error *err)
{
	const char *variable = getenv("LEITLFS_MOUNT");
	int rc;

	if (given != NULL)
		return locate_given(given, "", out, err);
	if (variable != NULL && variable[0] != '\0')
		return locate_given(variable, "LEITLFS_MOUNT=", out, err);
	rc = locate_here(out, err);
	return rc == -ENOENT ? locate_only(out, err) : rc;
}

int locate_as(struct located *at, const char *id, struct error *err)
{
	char *tree = NULL;

	if (!text_id_ok(id))
		return error_set(err, EINVAL, "as: %.80s is no session's id", id);
	if (asprintf(&tree, "%s/as/%s", at->mount, id) < 0)
		return error_set(err, ENOMEM, "out of memory");
	if (access(tree, R_OK | X_OK) != 0) {
		int code = errno;

		free(tree);
		return code == ENOENT
			       ? error_set(err, code, "as: there is no session %s", id)
			       : error_set(err, code, "as: session %s: %s", id, strerror(code));
	}
	free(at->tree);
	at->tree = tree;
	return 0;
}

void located_release(struct located *located)
{
	if (located == NULL)
		return;
	free(located->mount);
	free(located->tree);
	*located = (struct located){0};
}

int locate_all(struct buf *out)
{
	struct places places = {0};
	int rc = places_read(&places, NULL);

	for (size_t i = 0; rc == 0 && i < places.count; i++)
		buf_add(out, places.items[i].path, strlen(places.items[i].path) + 1);
	places_release(&places);
	return rc != 0 ? rc : buf_error(out);
}
