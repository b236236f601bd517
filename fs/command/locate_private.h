/* What the two halves of fs/command/locate.h share. */
#ifndef FS_LOCATE_PRIVATE_H
#define FS_LOCATE_PRIVATE_H

#include "fs/command/locate.h"

#include "fs/mount.h"

#include <stddef.h>

/* The length of "/as/<id>" at the start of a path within a mount; 0: it begins otherwise, or there
 * is none. */
size_t locate_as_length(const char *path);

/* Whether the mount serves, and lets the caller in: the errors of locate(). */
int locate_check(const char *path, const struct mount *, struct error *err);

/* Takes `mount`; what of the path is below it is `rest`, or NULL. */
int locate_set(struct located *out, char *mount, const char *rest, struct error *err);

/* By a path that was given; `whose` stands before it in what is said. */
int locate_given(const char *given, const char *whose, struct located *out, struct error *err);

/* By the working directory. -ENOENT, without a reason: it is in no leitlfs. */
int locate_here(struct located *out, struct error *err);

#endif
