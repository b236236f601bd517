/*
 * What index.c, index_save.c and index_at.c share: how entries are coded and where they are kept.
 *
 * An entry is two numbers in LEB128: its position less that of the entry before it in the channel,
 * and its length. A run of entries is described by the ord, off and pos of its first, whose own
 * first number is then not needed; it is kept so that runs can be joined as they are.
 */
#ifndef CORE_INDEX_PRIVATE_H
#define CORE_INDEX_PRIVATE_H

#include "core/log/index.h"
#include "core/log/store.h"

#include <pthread.h>
#include <stddef.h>

#define ENTRY_MAX 15 /* bytes: 10 and 5 */

struct run {
	uint64_t ord, off;
	int64_t pos;
	uint32_t count, len; /* entries and bytes */
	unsigned char *bytes;
};

/* The entries of a channel since the last save: runs that each become a block, but that the first
 * goes on with the last saved block where that has room. */
struct tail {
	uint32_t count, capacity;
	struct piece {
		struct run run;
		uint32_t capacity;
	} pieces[];
};

/* A saved block in memory, unchanging; counted by reference. It may be older than what the store
 * has by now under the same ord, and then is the beginning of that. */
struct held {
	int refs; /* atomic */
	uint32_t channel;
	struct run run;
	uint64_t end_off; /* of the last entry's end */
	int64_t last_pos;
	uint64_t used; /* when, in uses; under the mutex */
};

#define HELD_MAX 32

struct index {
	struct store *store;
	struct channel **slots;
	size_t slot_count, channel_count; /* slots: a power of two */
	uint32_t next_id;
	struct channel **dirty;
	size_t dirty_count, dirty_capacity;
	size_t tail_bytes;
	struct channel *doomed; /* to be dropped from the store; by hash_next */
	size_t expire_slot;     /* where index_expire goes on */
	/* The blocks read last. */
	pthread_mutex_t held_mutex; /* taken last, never held across a read */
	struct held *held[HELD_MAX];
	uint64_t uses;
};

/* index.c */
void tail_free(struct tail *); /* takes NULL */
void channel_free(struct channel *);

/* index_at.c: forgets the blocks that were read. */
void held_release(struct index *);

/* Reads a number; false: there is no whole one. */
static inline bool number_get(const unsigned char **at, const unsigned char *end, uint64_t *out)
{
	uint64_t value = 0;

	for (unsigned shift = 0; *at < end && shift < 64; shift += 7) {
		const unsigned char byte = *(*at)++;

		value |= (uint64_t)(byte & 127) << shift;
		if (byte < 128) {
			*out = value;
			return true;
		}
	}
	return false;
}

static inline unsigned char *number_put(unsigned char *at, uint64_t value)
{
	for (; value >= 128; value >>= 7)
		*at++ = (unsigned char)(value | 128);
	*at++ = (unsigned char)value;
	return at;
}

#endif
