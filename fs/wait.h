/*
 * Reads that wait: kept requests, answered later by whoever has the news, never a sleeping thread.
 *
 * A parked read belongs to a list of its owner (a stream, a turn). Whoever takes it off the list,
 * under the one lock of all waits, answers it: news, an interrupt (EINTR), or the end of the mount
 * (end of file). The interrupt may come at any time, also after the answer, so it looks for the
 * request in a table of those parked and does nothing where it is not there.
 */
#ifndef FS_WAIT_H
#define FS_WAIT_H

#include <fuse_lowlevel.h>
#include <stdbool.h>
#include <stddef.h>

struct buf;
struct handle;
struct waits;

struct parked {
	fuse_req_t req;
	size_t size;
	off_t off; /* waits_park_for's */
	struct handle *owner;
	size_t *count;                         /* of all that are parked */
	struct parked *next, **link;           /* in its owner's list */
	struct parked *hash_next, **hash_link; /* in the table */
};

struct waits *waits_new(void); /* NULL: out of memory */
void waits_free(struct waits *);

/* The lock guards every owner's list, and whatever an owner needs to decide on it. Held for
 * instants, never across a reply. */
void waits_lock(struct waits *);
void waits_unlock(struct waits *);

/* Must be called before the lock is taken to park this request; then parks it: with the lock held.
 * -EINTR: it was interrupted already, -ESHUTDOWN: the mount ends, -ENOMEM; then the caller answers.
 */
void waits_prepare(struct waits *, fuse_req_t);
int waits_park(struct waits *, fuse_req_t, size_t size, struct parked **list);
int waits_park_for(
	struct waits *, fuse_req_t, size_t size, off_t, struct handle *owner, struct parked **list);

/* Takes the first off the list, with the lock held; NULL: none. The caller answers and frees it. */
struct parked *waits_take(struct parked **list);

/* Answers a read with what there is, which is released: none, or -ESHUTDOWN, is the end of file. */
void waits_answer(fuse_req_t, int r, struct buf *out);

/* The mount ends: answers all with the end of file, and parks no more. */
void waits_end(struct waits *);
bool waits_ended(struct waits *);   /* with the lock held */
size_t waits_count(struct waits *); /* how many are parked */

#endif
