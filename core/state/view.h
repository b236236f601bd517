/*
 * The log as a file: which lines of it one file shows.
 *
 * A view is a sum of channels: an inbox is BROADCAST + TO - OWN. It begins at a position in the
 * log, fixed when the view is made, and so has a first byte that does not move: the file only ever
 * grows (a generation). When old records expire, new views begin later; an old view keeps its
 * offsets, and where its lines are gone it reads as one line {"gap":{"from":A,"to":B}}, padded with
 * spaces to their length: events from seq A to B have expired, among them those that stood here.
 * (Where only lines without a seq are gone it is {"gap":{}}; where there is no room for the words,
 * spaces.)
 *
 * Invariants: no record is in both plus channels, all in minus are in plus[0], and all channels of
 * a view give the same answer to channel_shows_whole(): so lengths add up, and the view alone tells
 * which of a record's lines it shows.
 *
 * A view refers to its channels. Views are the caller's memory and do not change once made; any
 * thread may read one. The functions that block take the state's lock for reading, and the caller
 * must not hold it; they never hold it while they read the log.
 */
#ifndef CORE_VIEW_H
#define CORE_VIEW_H

#include "core/base/buf.h"
#include "core/log/index.h"
#include "core/log/record.h"

struct loop;

struct view {
	struct channel *plus[2]; /* the second may be NULL */
	struct channel *minus;   /* a part of plus[0], or NULL */
	int64_t base_pos;        /* lines at this position or later */
	uint64_t base_bytes;     /* of the sum, before base_pos */
	int64_t base_seq;        /* of the first event at base_pos or later, there or to come */
};

/* Begins the view at base_pos; but no earlier than the first record that is kept, and no later than
 * the next to come, since how much lies before it must be known. plus1 and minus may be NULL. The
 * channels are referred to until view_release. May block for the disk. -EIO, -EUCLEAN, -ENOMEM. */
int view_init(struct view *, struct loop *, struct channel *plus0, struct channel *plus1,
	struct channel *minus, int64_t base_pos);
void view_release(struct view *); /* takes NULL, and a zeroed one */

/* How long the file is. Takes the state's lock for an instant; never fails. */
uint64_t view_bytes(const struct view *, struct loop *);

/* Whether the view shows this record, by its memberships: one that was applied, not restored from
 * the log. Needs no lock. */
bool view_has(const struct view *, const struct record *);

/* Where the last read of a view ended, so that reading on does not search. Zero at first; for one
 * thread at a time. It helps where a read begins there, and matters nothing elsewhere. */
struct view_place {
	uint64_t off;  /* the byte of the file that is reached by… */
	int64_t pos;   /* …the first line at this position or later (0: not known)… */
	uint64_t skip; /* …this many bytes into it */
};

/* Reads up to `size` bytes at byte `off` of the file and adds them to `out`; fewer only at the end
 * of the file as it stood. `place` may be NULL. May block for the disk. -EIO, -EUCLEAN, -ENOMEM,
 * -EMSGSIZE (the bound of `out`). */
int view_read(const struct view *, struct loop *, struct view_place *, uint64_t off, size_t size,
	struct buf *out);

/* Fetches records of the view at `*pos` or later, in order: up to `most`, and no further one once
 * there are `bytes` of lines. Sets *pos to where to go on. It may return fewer than there are, but
 * none only where there are none: then *pos is one past the newest record. What has expired is left
 * out. Those from the log's store have no memberships. The caller unrefs them. May block for the
 * disk. -EIO, -EUCLEAN, -ENOMEM. */
int view_fetch(const struct view *, struct loop *, int64_t *pos, struct record **out, size_t most,
	size_t bytes, size_t *count);

/* The line that the view shows of a record in it, with its length. */
const char *view_line(const struct view *, const struct record *, size_t *len);

#endif
