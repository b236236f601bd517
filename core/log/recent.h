/*
 * The newest records, in memory: what tails, followers and inboxes read without the disk.
 *
 * Holds a reference to each, and every record from the oldest held on. Bounded in number and bytes:
 * the oldest go first; the newest stays however long it is. Zeroed, it is empty. Threads: as the
 * state: added to under the loop's lock held for writing, read with it held for reading.
 */
#ifndef CORE_RECENT_H
#define CORE_RECENT_H

#include "core/log/record.h"

#define RECENT_RECORDS 4096
#define RECENT_BYTES   ((size_t)4 << 20)

struct recent {
	struct record *ring[RECENT_RECORDS];
	size_t first, count;
	size_t bytes; /* in memory, about: no less than the lines of those held */
};

void recent_release(struct recent *);              /* lets go of all; takes NULL */
void recent_add(struct recent *, struct record *); /* a later one than all held */

/* The position of the oldest held; INT64_MAX where there is none. */
int64_t recent_first_pos(const struct recent *);

/* The index, from 0 for the oldest, of the first record at `pos` or later; `count` if none. */
size_t recent_find(const struct recent *, int64_t pos);
struct record *recent_at(const struct recent *, size_t i); /* borrowed */

#endif
