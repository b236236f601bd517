/*
 * Shared by journal.c, which appends, journal_open.c and journal_read.c alone: the journal's files
 * as they stand on the disk. Threads: as core/log/journal.h.
 */
#ifndef CORE_JOURNAL_PRIVATE_H
#define CORE_JOURNAL_PRIVATE_H

#include "core/log/journal.h"

#include <stddef.h>
#include <stdint.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#define MAGIC     UINT32_C(0x334a4c4c) /* "LLJ3" in this machine's order: files do not travel */
#define MAP_CAP   ((size_t)1 << 30)    /* addresses reserved for a file, and its greatest size */
#define ROOM_STEP ((size_t)1 << 20)    /* a file grows by so much */
#define FIELDS    7

struct file_header {
	uint32_t magic, padding;
	uint64_t boot;   /* the boot, hashed, on which it was last open */
	uint64_t synced; /* the epoch's number, and below it how many bytes of it were synced */
	uint64_t epoch;  /* its number, and above that its complement, so that damage shows */
};

struct batch {
	uint32_t magic, count;
	uint64_t bytes; /* of the records that follow */
	int64_t pos;    /* of the first */
	uint64_t check; /* XXH3 of the epoch, all above, and the records */
};

/* A record: this, then its fields, each with a NUL unless it is absent. */
struct entry {
	int64_t pos, seq, time_us;
	uint32_t uid, kind;
	uint32_t len[FIELDS]; /* with the NUL; 0: absent */
	uint32_t padding;
};

enum { TYPE, SESSION, AGENT, TARGET, DETAIL, LINE, SHOWN };

struct journal {
	struct journal_file {
		int fd;
		char *map; /* MAP_CAP addresses; the first `room` bytes are there */
		size_t room, len;
		uint64_t epoch;
		bool other_boot; /* it was last open before this boot */
	} file[2];
	int active;
};

static inline uint64_t epoch_of(uint32_t number)
{
	return (uint64_t)~number << 32 | number;
}

static inline uint64_t check_of(const struct batch *b, const void *records, uint64_t epoch)
{
	XXH64_hash_t seed = XXH3_64bits_withSeed(b, offsetof(struct batch, check), epoch);

	return XXH3_64bits_withSeed(records, (size_t)b->bytes, seed);
}

static inline struct file_header *header_of(struct journal_file *f)
{
	return (struct file_header *)f->map;
}

/* Sees to room for that much more. -EFBIG, -ENOSPC, -EIO. */
int journal_make_room(struct journal_file *, size_t size, struct error *);

/* Whether a good batch of that epoch stands there, with its header in *b. */
bool journal_is_batch(const char *data, size_t left, uint64_t epoch, struct batch *b);

/* Visits what is in the file from its `len` on, and sets that to where it ends. The visitor's
 * errnos, -EUCLEAN, -ENOMEM. */
int journal_visit(
	struct journal_file *, int (*visit)(void *, struct record *), void *arg, struct error *);

#endif
