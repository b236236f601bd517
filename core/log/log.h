/*
 * The one ordered log: what happened, in the order in which everyone sees it.
 *
 * Appending is what commits. All state is what applying the records in order leaves behind, so a
 * backend knows nothing of sessions or messages: it puts records in an order, keeps them, and
 * hands every record in the log to its follower once, in order, whoever appended it. Two peers
 * stand behind this interface: SQLite on one machine (log_sqlite.h), and Redis Streams across
 * machines.
 *
 * Threads: append and the follower run on one thread at a time (the committer's,
 * core/state/loop.h); read may run on any number of threads beside it.
 */
#ifndef CORE_LOG_H
#define CORE_LOG_H

#include "core/base/error.h"
#include "core/log/record.h"

#include <stdatomic.h>

struct log;

/* Called for every record of the log in order, once it is kept. It takes a reference of its own
 * if it keeps the record. */
typedef void (*log_follower)(void *arg, struct record *const *records, size_t count);

/* Called for each record read; false stops. It takes a reference of its own to keep the record. */
typedef bool (*log_visitor)(void *arg, struct record *record);

/* Called for each uid with what went of it: events, and the record_bytes() of all its records. */
typedef void (*log_gone)(void *arg, uid_t uid, size_t messages, size_t bytes);

struct log_ops {
	/*
	 * Appends the drafts in order, all or none, as one commit, and calls the follower with
	 * their records before it returns. Blocks for a commit. What it returned 0 for survives
	 * the death of the process at any moment.
	 * -ENOSPC: the store is full; -EIO, -EROFS: it failed; in each case nothing was kept.
	 */
	int (*append)(struct log *, const struct draft *drafts, size_t count, struct error *);

	/* Makes all that was appended survive a loss of power. Blocks for the disk. -EIO. */
	int (*sync)(struct log *, struct error *);

	/* Puts what was appended lately where it is to stay; called now and then by the saver,
	 * beside append. Nothing depends on it but how much there is to do at the next start, and
	 * the room that append has. Blocks for a transaction. -ENOSPC, -EIO. */
	int (*move)(struct log *, struct error *);

	/* Visits the records from `pos` on (inclusive), in order, up to the newest there was when
	 * it was called; their `in` is empty. Holds nothing while it visits. Blocks for the disk.
	 * -EIO, -ENOMEM, -EUCLEAN. */
	int (*read)(struct log *, int64_t pos, log_visitor, void *arg, struct error *);

	/* Gives up the records before `pos`, at most `most` of them, oldest first, and then tells
	 * `fn` (may be NULL), and in `*gone` (may be NULL) how many records went: 0 once none is
	 * left. May run beside append, which waits for it: some 5 us a record. -EIO, -ENOSPC. */
	int (*expire)(struct log *, int64_t pos, size_t most, log_gone fn, void *arg, size_t *gone,
		struct error *);

	/* The first record kept whose time is `time_us` or later; past the end: one past the last.
	 * Blocks for the disk. -EIO. */
	int (*find_time)(struct log *, int64_t time_us, int64_t *pos, struct error *);

	void (*free)(struct log *);
};

struct log {
	const struct log_ops *ops;
	/* Set before the follower is called; may be read by any thread. */
	_Atomic int64_t first_pos; /* of the oldest record kept; last_pos + 1 where there is none */
	_Atomic int64_t last_pos;  /* of the newest ever; 0 at first */
	_Atomic int64_t last_seq;  /* of the newest event ever; 0 at first */
};

static inline int log_append(struct log *l, const struct draft *d, size_t n, struct error *e)
{
	return l->ops->append(l, d, n, e);
}

static inline int log_sync(struct log *l, struct error *e)
{
	return l->ops->sync(l, e);
}

static inline int log_read(struct log *l, int64_t pos, log_visitor fn, void *arg, struct error *e)
{
	return l->ops->read(l, pos, fn, arg, e);
}

static inline int log_expire(struct log *l, int64_t pos, size_t most, log_gone fn, void *arg,
	size_t *gone, struct error *e)
{
	return l->ops->expire(l, pos, most, fn, arg, gone, e);
}

static inline int log_find_time(struct log *l, int64_t time_us, int64_t *pos, struct error *e)
{
	return l->ops->find_time(l, time_us, pos, e);
}

static inline void log_free(struct log *l)
{
	if (l != NULL)
		l->ops->free(l);
}

#endif
