/*
 * Claims: names that are somebody's alone until they are given back.
 *
 * A claim is an item (core/item/item.h) whose id is its name: free text of 1 to CLAIM_NAME_MAX
 * bytes as it can stand in a path. It belongs to the session that took it (item.session), and is
 * gone at once when that session gives it back or ends; the same name taken again is another claim.
 * Taking is decided alone in its commit, so that of any number who want a name exactly one gets it.
 *
 * Threads: what makes an act, on any; the rest with the state's lock held for reading.
 */
#ifndef CORE_CLAIM_H
#define CORE_CLAIM_H

#include "core/item/item.h"
#include "core/state/act.h"

struct claim {
	struct item item;
	char *note;   /* what it is for, or NULL */
	char *reason; /* why it is over: "released", or how the session ended; NULL while held */
};

struct json;

/* Wants a name, in an act that is made where *act is NULL: all that are wanted in one act are
 * taken, or none. -ENOENT, -ENOTUNIQ, -ESTALE (no session of one's own), -EINVAL (what can't be a
 * name), -ENOMEM; when it is done also -EEXIST (held, with whose it is), -EDQUOT. Does not block.
 */
int claim_take(struct loop *, const struct actor *, const char *name, size_t len, struct act **act,
	struct error *);
/* The same from {"name":…,"note":…}. */
int claim_take_json(
	struct loop *, const struct actor *, const struct json *, struct act **act, struct error *);

/* Gives it back. -EACCES: it is another session's. When it is done also -ENOENT: it was given back
 * meanwhile. Takes the state's lock for an instant. */
int claim_release(
	struct loop *, const struct actor *, struct item *, struct act **out, struct error *);

/* The names that an act wants, one a line. */
void claim_names(const struct act *, struct buf *out);

/* How a claim ended, as a line of JSON; nothing while it is held. */
void claim_add_end(const struct claim *, struct buf *out);

#endif
