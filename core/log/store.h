/*
 * What is saved of the state, so that a restart replays the log from there and not from its start:
 * blocks of the index, channels, sessions, agents and a few numbers, all as of one position in the
 * log. Kept in the database (core/log/db.h); written only by the saver within one transaction, so
 * that a save is whole or absent.
 *
 * Threads: between store_begin and store_commit the caller has the writing connection, and
 * appending waits; what puts, sets, drops or expires is called only there. The functions that read
 * take a reader of their own, see the last commit, and may be called from any thread. All block for
 * the disk.
 *
 * Each returns 0 or, with the reason in err, -EIO, -ENOMEM, -ENOSPC (what writes), -EUCLEAN (what
 * reads), or what else db_errno() makes of it.
 */
#ifndef CORE_STORE_H
#define CORE_STORE_H

#include "core/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct store;
struct db;

int store_new(struct db *, struct store **out, struct error *err); /* the db is borrowed */
void store_free(struct store *);                                   /* takes NULL */

/* As db_begin(), db_commit() and db_rollback(): begin succeeded is followed by one of the others.
 */
int store_begin(struct store *, struct error *err);
int store_commit(struct store *, struct error *err);
void store_rollback(struct store *);

/* Numbers by name, e.g. "saved_pos"; names that begin with "log." are the log's. A missing number
 * is `otherwise`. */
int store_set_number(struct store *, const char *name, int64_t value, struct error *err);
int store_number(
	struct store *, const char *name, int64_t otherwise, int64_t *out, struct error *err);
/* Calls fn for each number whose name begins so, in no order, as store_channels() does. */
int store_numbers(struct store *, const char *prefix,
	int (*fn)(void *arg, const char *name, int64_t value), void *arg, struct error *err);

/* Blocks of the index: `count` entries of a channel of which the first is the `ord`-th, stands at
 * byte `off` and at log position `pos`; bytes are the index's own coding. A block with the same
 * channel and ord is replaced. */
struct block {
	uint32_t channel;
	uint64_t ord, off;
	int64_t pos;
	uint32_t count;
	const void *bytes; /* put: the caller's; found: to be freed by the caller */
	size_t len;
};
enum block_key { BLOCK_BY_POS, BLOCK_BY_OFF, BLOCK_BY_ORD };

int store_block_put(struct store *, const struct block *, struct error *err);
/* The last block whose first entry's key is at or before `at`, else the channel's first; -ENOENT,
 * without a reason: it has none. */
int store_block_find(struct store *, uint32_t channel, enum block_key by, uint64_t at,
	struct block *out, struct error *err);
/* The block that begins with that ord; -ENOENT. */
int store_block_next(
	struct store *, uint32_t channel, uint64_t ord, struct block *out, struct error *err);
/* Drops the blocks of a channel that lie before `pos`: those that are followed by a block that
 * begins at or before `pos`. A channel keeps its last block. */
int store_block_expire(struct store *, uint32_t channel, int64_t pos, struct error *err);

struct saved_channel {
	uint32_t id;
	int kind;
	const char *name;
	uint64_t count, bytes;
	int64_t last_pos;
};
int store_channel_put(struct store *, const struct saved_channel *, struct error *err);
int store_channel_drop(struct store *, uint32_t id, struct error *err); /* and its blocks */
/* Calls fn for each, in order of ids or keys, until it returns other than 0, and returns that. What
 * fn is given is good during the call; fn must not use the database. */
int store_channels(struct store *, int (*fn)(void *arg, const struct saved_channel *), void *arg,
	struct error *err);

/* Sessions, agents and items as rows of a key and opaque columns: whoever saves them knows their
 * shape. */
enum saved_table { SAVED_SESSION, SAVED_AGENT, SAVED_ITEM };
struct saved_row {
	const char *key;
	const char *json; /* what is rarely read, as JSON text; may be NULL */
	size_t json_len;
	const void *bytes; /* what is read at every start, packed by its owner; may be NULL */
	size_t bytes_len;
};
int store_row_put(struct store *, enum saved_table, const struct saved_row *, struct error *err);
int store_row_drop(struct store *, enum saved_table, const char *key, struct error *err);
int store_rows(struct store *, enum saved_table, int (*fn)(void *arg, const struct saved_row *),
	void *arg, struct error *err);

#endif
