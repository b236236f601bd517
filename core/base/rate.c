/*
 * A bucket knows how far it is from full. That is counted in tokens times the time in which the
 * limit's tokens come, so that both a token and the passing of a microsecond are whole numbers,
 * and nothing is lost however the time is cut up.
 */
#include "core/base/rate.h"

#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS_MIN 64

struct bucket {
	struct bucket *next;          /* in its slot */
	struct bucket *older, *newer; /* by when they were last asked for */
	int64_t spent;                /* tokens × per_us that are missing, as of at_us */
	int64_t at_us, full_us;       /* when it will be full */
	size_t hash;
	char key[];
};

struct rates {
	pthread_mutex_t mutex;
	struct bucket **slots;
	size_t slot_count, count; /* slot_count is a power of 2 */
	struct bucket *oldest, *newest;
};

struct rates *rates_new(void)
{
	struct rates *rates = calloc(1, sizeof(*rates));

	if (rates == NULL)
		return NULL;
	rates->slot_count = SLOTS_MIN;
	rates->slots = calloc(rates->slot_count, sizeof(struct bucket *));
	if (rates->slots == NULL || pthread_mutex_init(&rates->mutex, NULL) != 0) {
		free(rates->slots);
		free(rates);
		return NULL;
	}
	return rates;
}

void rates_free(struct rates *rates)
{
	struct bucket *b, *newer;

	if (rates == NULL)
		return;
	for (b = rates->oldest; b != NULL; b = newer) {
		newer = b->newer;
		free(b);
	}
	pthread_mutex_destroy(&rates->mutex);
	free(rates->slots);
	free(rates);
}

/* FNV-1a, http://www.isthe.com/chongo/tech/comp/fnv/ */
static size_t hash_key(const char *key)
{
	uint64_t h = 14695981039346656037ULL;

	for (; *key != '\0'; key++)
		h = (h ^ (unsigned char)*key) * 1099511628211ULL;
	return (size_t)(h ^ (h >> 32));
}

static struct bucket **slot(const struct rates *rates, size_t hash)
{
	return &rates->slots[hash & (rates->slot_count - 1)];
}

static void unlink_age(struct rates *rates, struct bucket *b)
{
	*(b->older != NULL ? &b->older->newer : &rates->oldest) = b->newer;
	*(b->newer != NULL ? &b->newer->older : &rates->newest) = b->older;
}

static void link_newest(struct rates *rates, struct bucket *b)
{
	b->older = rates->newest;
	b->newer = NULL;
	*(b->older != NULL ? &b->older->newer : &rates->oldest) = b;
	rates->newest = b;
}

static void drop(struct rates *rates, struct bucket *b)
{
	struct bucket **link = slot(rates, b->hash);

	while (*link != b)
		link = &(*link)->next;
	*link = b->next;
	unlink_age(rates, b);
	rates->count--;
	free(b);
}

/* Without memory the slots stay as they are, and get longer. */
static void grow(struct rates *rates)
{
	size_t count = 2 * rates->slot_count;
	struct bucket **slots = calloc(count, sizeof(struct bucket *));

	if (slots == NULL)
		return;
	free(rates->slots);
	rates->slots = slots;
	rates->slot_count = count;
	for (struct bucket *b = rates->oldest; b != NULL; b = b->newer) {
		b->next = *slot(rates, b->hash);
		*slot(rates, b->hash) = b;
	}
}

/* A new bucket, full. Two that are full again go for each that comes, so that what was once asked
 * for does not stay. NULL: no memory. */
static struct bucket *add(struct rates *rates, const char *key, size_t hash, int64_t now_us)
{
	size_t len = strlen(key);
	struct bucket *b;

	for (int i = 0; i < 2 && rates->oldest != NULL && rates->oldest->full_us <= now_us; i++)
		drop(rates, rates->oldest);
	if (rates->count >= RATE_KEYS_MAX)
		drop(rates, rates->oldest);
	if (rates->count >= rates->slot_count)
		grow(rates);
	b = calloc(1, sizeof(*b) + len + 1);
	if (b == NULL)
		return NULL;
	memcpy(b->key, key, len);
	b->hash = hash;
	b->at_us = now_us;
	b->next = *slot(rates, hash);
	*slot(rates, hash) = b;
	link_newest(rates, b);
	rates->count++;
	return b;
}

static struct bucket *find(const struct rates *rates, const char *key, size_t hash)
{
	struct bucket *b = *slot(rates, hash);

	while (b != NULL && (b->hash != hash || strcmp(b->key, key) != 0))
		b = b->next;
	return b;
}

/* What is missing in the bucket by now. */
static int64_t spent_now(const struct bucket *b, int64_t limit, int64_t per_us, int64_t now_us)
{
	int64_t passed = now_us - b->at_us;

	if (passed <= 0)
		return b->spent;
	if (passed >= per_us || passed * limit >= b->spent)
		return 0;
	return b->spent - passed * limit;
}

bool rate_take(struct rates *rates, const char *key, int64_t limit, int64_t per_us, int64_t now_us,
	bool peek)
{
	size_t hash = hash_key(key);
	struct bucket *b;
	int64_t spent;
	bool may = true;

	if (limit <= 0 || per_us <= 0 || limit > INT64_MAX / per_us)
		return true;
	pthread_mutex_lock(&rates->mutex);
	b = find(rates, key, hash);
	if (b == NULL && !peek)
		b = add(rates, key, hash, now_us);
	if (b != NULL) {
		spent = spent_now(b, limit, per_us, now_us);
		may = spent <= (limit - 1) * per_us;
		if (!peek) {
			b->spent = may ? spent + per_us : spent;
			b->at_us = now_us > b->at_us ? now_us : b->at_us;
			b->full_us = b->at_us + b->spent / limit + 1;
			unlink_age(rates, b);
			link_newest(rates, b);
		}
	}
	pthread_mutex_unlock(&rates->mutex);
	return may;
}

void rate_give(struct rates *rates, const char *key, int64_t limit, int64_t per_us)
{
	struct bucket *b;

	if (limit <= 0 || per_us <= 0 || limit > INT64_MAX / per_us)
		return;
	pthread_mutex_lock(&rates->mutex);
	b = find(rates, key, hash_key(key));
	if (b != NULL) {
		b->spent = b->spent > per_us ? b->spent - per_us : 0;
		b->full_us = b->at_us + b->spent / limit + 1;
	}
	pthread_mutex_unlock(&rates->mutex);
}

int64_t rate_wait_us(
	struct rates *rates, const char *key, int64_t limit, int64_t per_us, int64_t now_us)
{
	const struct bucket *b;
	int64_t over = 0;

	if (limit <= 0 || per_us <= 0 || limit > INT64_MAX / per_us)
		return 0;
	pthread_mutex_lock(&rates->mutex);
	b = find(rates, key, hash_key(key));
	if (b != NULL)
		over = spent_now(b, limit, per_us, now_us) - (limit - 1) * per_us;
	pthread_mutex_unlock(&rates->mutex);
	return over > 0 ? (over + limit - 1) / limit : 0;
}

bool burst_goes_on(struct burst *burst, int64_t now_us)
{
	if (burst->count > 0 && burst->count < BURST_MAX && now_us - burst->began_us < BURST_US) {
		burst->count++;
		return true;
	}
	burst->began_us = now_us;
	burst->count = 1;
	return false;
}
