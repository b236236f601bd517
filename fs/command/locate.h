/*
 * Which tree a command means: the mount point, or as/<id> in it, on whose files it works.
 *
 * In this order: the path that was given, $LEITLFS_MOUNT, the mount that the working directory is
 * in, and the only mount of the caller's own; where there is none, the only one of others that lets
 * the caller in. A path may be anywhere in a mount. What is mounted several times (bind mounts)
 * counts once.
 *
 * The working directory may be in a mount that has ended, and is not in the list of mounts any
 * more. What is mounted anew at its place, as $PWD names it, is then meant, and no other.
 *
 * For processes with one thread: a mount is asked whether it serves by a process of its own, so
 * that one whose daemon is stopped is an error within two seconds and hangs nobody (fs/mount.h).
 */
#ifndef FS_LOCATE_H
#define FS_LOCATE_H

#include "core/base/buf.h"
#include "core/base/error.h"

#include <stdbool.h>

struct located {
	char *mount; /* the mount point, or where an as/<id> is mounted by itself */
	char *tree;  /* the same, or as/<id> in it: where the path was in such a one */
	bool moved;  /* the working directory's own has ended; this one is at its place */
};

/* What is said of such a working directory. */
#define LOCATE_ENDED "this directory is of a mount that has ended; cd into it again"

/* `given` may be NULL. -EINVAL: several could be meant, and the reason lists them; -ENOENT: there
 * is none; -ENOTCONN: its daemon is dead; -ETIMEDOUT: it doesn't answer; -EACCES: it is closed to
 * this user; others as realpath(3). */
int locate(const char *given, struct located *out, struct error *err);
/* Whether the working directory is in a mount that has ended and is detached. */
bool locate_is_ended(void);
/* The tree of that session in the mount, in place of the one that was found. -EINVAL: that is no
 * id; -ENOENT: there is no such session; -EACCES: it is another user's. */
int locate_as(struct located *, const char *id, struct error *err);
void located_release(struct located *); /* takes NULL */

/* Adds the mount point of every leitlfs here, each with a NUL behind it. */
int locate_all(struct buf *out);

#endif
