#include "fs/command/locate.h"

#include "fs/mount.h"

#include "core/base/limits.h"
#include "core/base/text.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
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

/* The length of "/as/<id>" at the start of a path within a mount; 0: it begins otherwise, or there
 * is none. */
static size_t as_length(const char *path)
{
	size_t len;

	if (path == NULL || strncmp(path, "/as/", 4) != 0)
		return 0;
	len = strcspn(path + 4, "/");
	return len > 0 && len <= ID_MAX ? 4 + len : 0;
}

/* Whether what is mounted is a whole tree: the root, or what as/<id> shows. */
static bool is_tree(const char *root)
{
	return strcmp(root, "/") == 0 || (as_length(root) > 0 && root[as_length(root)] == '\0');
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

struct around {
	const char *path;
	char *mount; /* the innermost that holds it */
	struct mount of;
};

static bool note_around(void *arg, const char *path, const char *root, const struct mount *mount)
{
	struct around *around = arg;
	size_t len = strcmp(path, "/") == 0 ? 0 : strlen(path);
	char *copy;

	(void)root;
	if (strncmp(path, around->path, len) != 0 ||
		(around->path[len] != '/' && around->path[len] != '\0'))
		return true;
	/* A later one that lies further out hides what is below it. */
	copy = strdup(path);
	free(around->mount);
	around->mount = copy;
	around->of = *mount;
	return copy != NULL;
}

static int check_serving(const char *path, const struct mount *mount, struct error *err)
{
	struct mount_state state;
	int rc = mount_ask(path, mount, &state);

	if (rc != 0)
		return error_set(
			err, -rc, "can't look at the mount at %s: %s", path, strerror(-rc));
	switch (state.code) {
	case 0:
		break;
	case ENOTCONN:
		return error_set(err, ENOTCONN,
			"the daemon of the mount at %s is dead: leitlfs umount %s, and mount again",
			path, path);
	case ETIMEDOUT:
		return error_set(err, ETIMEDOUT, "the mount at %s doesn't answer", path);
	default:
		return error_set(
			err, state.code, "the mount at %s: %s", path, strerror(state.code));
	}
	if (access(path, R_OK | X_OK) != 0)
		return error_set(err, errno, "the mount at %s: %s", path, strerror(errno));
	return 0;
}

/* Takes `mount`; what of the path is below it is `rest`, or NULL. */
static int set_located(struct located *out, char *mount, const char *rest, struct error *err)
{
	char *tree = NULL;

	if (mount == NULL || asprintf(&tree, "%s%.*s", mount, (int)as_length(rest),
				     rest != NULL ? rest : "") < 0) {
		free(mount);
		return error_set(err, ENOMEM, "out of memory");
	}
	out->mount = mount;
	out->tree = tree;
	return 0;
}

/* The mount that the canonical path is in. -ENOENT: it is in no leitlfs. */
static int locate_around(const char *path, struct located *out, struct error *err)
{
	struct around around = {.path = path};
	int rc = mount_each(note_around, &around);

	if (rc == 0 && around.mount == NULL)
		rc = -ENOENT;
	if (rc == 0 && strcmp(around.of.type, MOUNT_TYPE) != 0)
		rc = -ENOENT;
	if (rc == 0) {
		rc = check_serving(around.mount, &around.of, err);
		if (rc == 0)
			return set_located(out, around.mount, path + strlen(around.mount), err);
	} else {
		error_set(err, -rc, "no leitlfs is mounted at %s", path);
	}
	free(around.mount);
	return rc;
}

bool locate_is_ended(void)
{
	char *path = getcwd(NULL, 0);
	const bool reachable = path != NULL && path[0] == '/';
	struct statfs fs;

	free(path);
	/* What is in the list of mounts is looked for there; statfs(2) is asked of the daemon. */
	return !reachable && statfs(".", &fs) != 0 && (errno == ENOTCONN || errno == ECONNABORTED);
}

/* What is mounted where the ended mount of the working directory was. The kernel tells the
 * directory's path within that mount alone ("/sessions"); $PWD, if it ends so, where it was. */
static int locate_anew(const char *given, struct located *out, struct error *err)
{
	const char *place = getenv("PWD");
	char within[PATH_MAX];
	ssize_t len = readlink("/proc/self/cwd", within, sizeof(within) - 1);
	size_t place_len = place != NULL ? strlen(place) : 0;
	struct error unsaid = {0};

	if (len == 1) /* the mount's root */
		len = 0;
	if (len < 0 || place_len <= (size_t)len || place[0] != '/' ||
		strspn(given, "./") != strlen(given) || strstr(given, "..") != NULL ||
		memcmp(place + place_len - (size_t)len, within, (size_t)len) != 0 ||
		locate_around(place, out, &unsaid) != 0)
		return error_set(err, ENOTCONN, LOCATE_ENDED);
	if (strlen(out->mount) != place_len - (size_t)len) {
		located_release(out);
		return error_set(err, ENOTCONN, LOCATE_ENDED);
	}
	out->moved = true;
	return 0;
}

static int locate_given(
	const char *given, const char *whose, struct located *out, struct error *err)
{
	struct mount mount = {0};
	char *path = NULL;
	int rc;

	/* A mount point that is named as it stands is not walked to: that could hang. */
	if (given[0] == '/' && mount_find(given, &mount) == 0)
		return locate_around(given, out, err);
	rc = mount_canonical(given, &path);
	if (rc == -ENOTCONN && given[0] != '/' && locate_is_ended())
		return locate_anew(given, out, err);
	if (rc != 0)
		return error_set(err, -rc, "%s%s: %s", whose, given, strerror(-rc));
	rc = locate_around(path, out, err);
	free(path);
	return rc;
}

/* -ENOENT, without a reason: the working directory is in no leitlfs. */
static int locate_here(struct located *out, struct error *err)
{
	char *path = getcwd(NULL, 0);
	struct error unsaid = {0};
	int rc;

	if (path == NULL || path[0] != '/') {
		free(path);
		return locate_is_ended() ? locate_anew("", out, err) : -ENOENT;
	}
	rc = locate_around(path, out, &unsaid);
	free(path);
	if (rc != 0 && rc != -ENOENT)
		*err = unsaid;
	return rc;
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

		if (check_serving(place->path, &place->mount, NULL) == 0)
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
	rc = check_serving(place->path, &place->mount, err);
	return rc == 0 ? set_located(out, strdup(place->path), NULL, err) : rc;
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
