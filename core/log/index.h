/*
 * Which records stand in which file: the index of the log.
 *
 * A *channel* is an ordered selection of records, named by a kind and a name: all events, those of
 * one type, of one session, the messages to one session. For every record in it the channel knows
 * the record's position in the log and the length of its line; so it knows how long the file of
 * these lines is, which line holds a given byte, and how many lines come before. Offsets and
 * ordinals count from the channel's first record ever and never go back, also when old records
 * expire: that is what keeps files from shrinking.
 *
 * A file that is more than one channel is a sum: an inbox is all broadcasts, less one's own, plus
 * what was sent to it alone (core/state/view.h).
 *
 * Entries are kept in blocks of deltas, of which none crosses an ordinal that is a multiple of
 * BLOCK_ENTRIES. The newest, since the last save, are in memory: index_tail_bytes() tells when it
 * is time to save. Saved blocks are in the store and read when needed; those read last are held.
 * The index is a fold over the log like all other state: after a crash it is made again from the
 * last save on.
 *
 * Threads: index_make, index_add, index_saved and index_expire are called by the committer with the
 * loop's lock held for writing; index_save by the committer with no lock, since it changes nothing
 * that others read; all else with the lock held for reading. Reading a saved block blocks for the
 * disk.
 */
#ifndef CORE_INDEX_H
#define CORE_INDEX_H

#include "core/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum channel_kind {
	CHANNEL_ALL = 'A',       /* every event; an event's ordinal here, plus 1, is its seq */
	CHANNEL_BROADCAST = 'B', /* what goes to every inbox */
	CHANNEL_TYPE = 'T',      /* events of a type */
	CHANNEL_AGENT = 'G',     /* events of an agent's sessions */
	CHANNEL_SESSION = 'S',   /* events of a session */
	CHANNEL_OWN = 'O',       /* broadcasts of a session: not in its own inbox */
	CHANNEL_OWN_AGENT = 'P', /* broadcasts of an agent's sessions */
	CHANNEL_TO = 'D',        /* direct messages to a session */
	CHANNEL_TO_AGENT = 'E',  /* direct messages to an agent's sessions */
	CHANNEL_SENT = 'R',      /* what a session sent, and its receipts */
	CHANNEL_TOGETHER = 'C',  /* what happens in a collaboration */
	CHANNEL_TALK = 'M',      /* what is said in one */
	CHANNEL_DECISIONS = 'V', /* what is decided there, and the votes */
	CHANNEL_ACTIVITY = 'Y',  /* tasks of an activity_type */
};

struct index;
struct store;

#define BLOCK_ENTRIES 512

struct channel {
	uint32_t id;
	enum channel_kind kind;
	uint64_t count, bytes; /* entries and bytes ever added */
	int64_t last_pos;      /* of the newest entry, 0: none */
	int refs;              /* atomic: who holds it; a channel with refs is never freed */
	/* private to index*.c from here on */
	bool dirty;        /* to be saved */
	struct tail *tail; /* entries since the last save, NULL: none */
	struct channel *hash_next;
	/* private to hub.c: who is told of new lines */
	struct follow *follows;
	char name[]; /* "" for ALL and BROADCAST */
};

/* Where something is in a channel: the entry at `pos`, with `ord` entries and `off` bytes of the
 * channel before it. Past the last entry pos is INT64_MAX and len 0. */
struct place {
	int64_t pos;
	uint64_t ord, off;
	uint32_t len;
};

/* Loads the channels as of the last save. The store is borrowed. -EIO, -ENOMEM, -EUCLEAN. */
int index_new(struct store *, struct index **out, struct error *err);
void index_free(struct index *); /* and every channel; takes NULL */

/* The channel of that name, or NULL. index_make makes it where it is not there yet (committer
 * only); NULL is -ENOMEM. */
struct channel *index_find(struct index *, enum channel_kind, const char *name);
struct channel *index_make(struct index *, enum channel_kind, const char *name);
void channel_ref(struct channel *);
void channel_unref(struct channel *); /* takes NULL */
/* Calls fn for every channel of a kind, in no order, until it returns false. */
void index_each(
	struct index *, enum channel_kind, bool (*fn)(void *arg, struct channel *), void *arg);

/* Adds an entry: pos is beyond every earlier one, else -EINVAL. -ENOMEM: nothing was added. */
int index_add(struct index *, struct channel *, int64_t pos, uint32_t len);

/* How much memory the entries take that were not saved yet. */
size_t index_tail_bytes(const struct index *);

/* The first entry at `pos` or later; the entry that holds byte `off` of the channel; the entry with
 * `ord` before it. Each 0 or -EIO, -ENOMEM, -EUCLEAN. What has expired from the store counts as
 * missing: the place is then that of the first entry kept. */
int index_at_pos(struct index *, struct channel *, int64_t pos, struct place *out);
int index_at_off(struct index *, struct channel *, uint64_t off, struct place *out);
int index_at_ord(struct index *, struct channel *, uint64_t ord, struct place *out);

/* Walking a channel from a place on. A walk decodes a block at a time and is good as long as the
 * lock is held; walk_release ends it, and takes one that is all zeros. walk_next stays at the end;
 * where it fails, the walk stays where it was. */
struct held;
struct walk {
	struct index *index;
	struct channel *channel;
	struct place at; /* where it stands; pos INT64_MAX: at the end */
	/* private: the entries of this block after `at`, and what holds their memory */
	const unsigned char *next, *end;
	unsigned left;
	struct held *held;
};
int walk_start(struct walk *, struct index *, struct channel *, const struct place *from);
int walk_next(struct walk *);
void walk_release(struct walk *);

/* Saving: index_save writes the tails of all dirty channels, within store_begin … store_commit.
 * After the commit, and before anything is added, index_saved() drops them from memory; after a
 * failure index_unsaved() keeps them for the next save. -EIO, -ENOSPC, -ENOMEM, -EUCLEAN. */
int index_save(struct index *, struct error *err);
void index_saved(struct index *);
void index_unsaved(struct index *);

/* Gives up blocks that lie wholly before `pos`, within store_begin … store_commit, and channels of
 * which nothing is left, that nobody refers to and that `keep` (may be NULL) does not hold; those
 * with unsaved entries wait for the next save. Does a bounded part of the work (some ms) each time
 * it is called, going round. -EIO, -ENOSPC. */
int index_expire(struct index *, int64_t pos, bool (*keep)(void *arg, const struct channel *),
	void *arg, struct error *err);

#endif
