/*
 * Whose inboxes a message goes to: `say --to`.
 *
 * The forms are those that ask takes: a session's id, an agent's name, tag:WORD, and several with
 * commas between; "*" is everyone, by `broadcast`. A tag means all living sessions that have it but
 * the caller's own. Each file is in the list once. It only reads the mount.
 */
#ifndef FS_RECEIVERS_H
#define FS_RECEIVERS_H

#include "core/base/buf.h"
#include "core/base/error.h"

#include <stddef.h>

struct call;

struct receivers {
	struct buf paths; /* of files, from the tree's root, each with a NUL behind it */
	size_t count;
};

void receivers_release(struct receivers *); /* takes NULL */

/* Adds those that a word of the command line names. -ENOENT: one of them is not there; -EINVAL: it
 * names none; -EMSGSIZE: more than ASK_TO_MAX; others as reading sessions.json. */
int receivers_add(const struct call *, struct receivers *, const char *to, struct error *);

/* The path behind one of them; the first where it is NULL; NULL past the last. */
const char *receivers_next(const struct receivers *, const char *path);

#endif
