/*
 * How often one may: token buckets by key. A bucket holds as many tokens as the limit, and fills at
 * the limit's rate. Not kept: after a restart buckets are full. Any thread; never blocks long.
 */
#ifndef CORE_RATE_H
#define CORE_RATE_H

#include <stdbool.h>
#include <stdint.h>

struct rates;

struct rates *rates_new(void);   /* NULL: -ENOMEM */
void rates_free(struct rates *); /* takes NULL */

/* Takes a token from the bucket of that key; false: none is left. A limit of 0 is none. `per_us` is
 * the time in which `limit` tokens come; the same one for a key always. `peek` only tells. Full
 * buckets are forgotten, and at RATE_KEYS_MAX the one that was longest not asked for. Where there
 * is no memory for a bucket, true. */
#define RATE_KEYS_MAX 65536
bool rate_take(
	struct rates *, const char *key, int64_t limit, int64_t per_us, int64_t now_us, bool peek);

/* Puts a token back that rate_take gave and nothing was done for. */
void rate_give(struct rates *, const char *key, int64_t limit, int64_t per_us);

/* How long until rate_take gives one again where nobody else takes it; 0: it would now. */
int64_t rate_wait_us(
	struct rates *, const char *key, int64_t limit, int64_t per_us, int64_t now_us);

/* What one descriptor writes within a second counts as one, up to 100 messages. Zero at first, and
 * again where the message that began it was refused: it is not to pay for others. */
struct burst {
	int64_t began_us;
	int count;
	struct spent {
		int broadcasts, tasks;
	} spent; /* tokens that were taken for what is not taken yet, or refused */
};
#define BURST_US  INT64_C(1000000)
#define BURST_MAX 100
/* Whether a message at this time goes with the last; counts it. */
bool burst_goes_on(struct burst *, int64_t now_us);

#endif
