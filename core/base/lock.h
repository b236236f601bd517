/*
 * The state directory, and the lock by which one daemon owns it.
 *
 * Invariants: a state directory is its owner's alone (its uid, mode 0700) and on a disk of this
 * machine, since SQLite needs that. Whoever holds the lock of DIR/lock owns it; the kernel lets go
 * of it when the owner dies, however it dies, so a living owner is never displaced and a dead one
 * never in the way. The file itself stays, and tells in one line who holds it: "PID MOUNTPOINT", or
 * "PID" alone once the owner is about to end. What it tells is true only while it is locked.
 *
 * The lock belongs to the open file (flock(2)): it is taken after the daemon's last fork, and
 * programs that the daemon starts don't inherit it. Not for use by several threads.
 */
#ifndef CORE_LOCK_H
#define CORE_LOCK_H

#include "core/base/error.h"

#include <stdbool.h>
#include <sys/types.h>

#define LOCK_NAME "lock" /* in the state directory */

struct lock;

/* Who holds a lock. */
struct lock_owner {
	pid_t pid;        /* 0: it hasn't said yet */
	bool ending;      /* it will be gone soon */
	char *mountpoint; /* where it serves; NULL unless known */
};

/* Makes the state directory with what is missing above it, all with mode 0700, and `*out` its
 * canonical path, which the caller frees. `given` NULL is the default: /var/lib/leitlfs for root,
 * else $XDG_STATE_HOME/leitlfs, else .local/state/leitlfs at home (XDG Base Directory, 0.8). One of
 * one's own that others may enter is closed to them, but only when it is empty or was a state
 * directory before; others' and what is open and in use are -EACCES. Not a directory -ENOTDIR; on
 * FUSE or a network file system -ENOTSUP; no home -ENOENT; others as mkdir(2). `*made` is how many
 * directories of the path, counted from its end, were not there before; what is refused leaves none
 * of them. Blocks for the disk. */
int lock_make_dir(const char *given, char **out, int *made, struct error *err);

/* The path that a `given` of NULL means; the caller frees it. -ENOENT: no home; -ENOMEM. */
int lock_default_dir(char **out, struct error *err);

/* Whether what the descriptor is of lies on a disk that a state directory may be on: 0,
 * -ENOTSUP. */
int lock_check_disk(int fd, const char *path, struct error *err);

/* Removes the last `made` directories of the path that are empty. */
void lock_unmake_dir(const char *path, int made);

/* Takes the lock of a state directory, at once or not at all, and notes the mount point. -EBUSY:
 * another has it, and `*owner` (may be NULL) is what it told of itself; owner->mountpoint is the
 * caller's then. -ELOOP, -EACCES, -ENOSPC and others: the file can't be opened or written. */
int lock_take(const char *dir, const char *mountpoint, struct lock **out, struct lock_owner *owner,
	struct error *err);

/* Tells newcomers that the owner is about to end, so that they wait for it. */
void lock_ending(struct lock *);

void lock_release(struct lock *); /* gives it up; takes NULL */

/* Gives it up where nothing was begun, and leaves the directory as it was found: if it was empty
 * then, all that is in it is removed, else nothing. Takes NULL. */
void lock_discard(struct lock *);

#endif
