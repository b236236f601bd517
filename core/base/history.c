#include "core/base/history.h"

#include "core/base/clock.h"

#include <string.h>

void history_init(struct history *h)
{
	memset(h, 0, sizeof(*h));
	pthread_mutex_init(&h->mutex, NULL);
}

void history_release(struct history *h)
{
	if (h)
		pthread_mutex_destroy(&h->mutex);
}

/* Empties the slots between the one that was fed last and this one. */
static void ring_reach(struct history_ring *ring, int64_t at)
{
	int64_t from = ring->at + 1;

	if (at <= ring->at)
		return;
	if (at - from >= HISTORY_SLOTS)
		from = at - HISTORY_SLOTS + 1;
	for (; from <= at; from++)
		ring->counts[from % HISTORY_SLOTS] = 0;
	ring->at = at;
}

static void ring_add(struct history_ring *ring, uint64_t n)
{
	uint32_t *count = &ring->counts[ring->at % HISTORY_SLOTS];

	*count = n < UINT32_MAX - *count ? *count + (uint32_t)n : UINT32_MAX;
}

static void ring_read(const struct history_ring *ring, uint32_t out[HISTORY_SLOTS])
{
	for (int i = 0; i < HISTORY_SLOTS; i++)
		out[i] = ring->counts[(ring->at + 1 + i) % HISTORY_SLOTS];
}

static void reach(struct history *h, int64_t now_us)
{
	ring_reach(&h->seconds, now_us / SECOND_US);
	ring_reach(&h->minutes, now_us / SECOND_US / 60);
}

void history_feed(struct history *h, int64_t now_us, uint64_t total)
{
	pthread_mutex_lock(&h->mutex);
	reach(h, now_us);
	if (total > h->total) {
		ring_add(&h->seconds, total - h->total);
		ring_add(&h->minutes, total - h->total);
	}
	h->total = total;
	pthread_mutex_unlock(&h->mutex);
}

void history_read(struct history *h, int64_t now_us, struct history_counts *out)
{
	pthread_mutex_lock(&h->mutex);
	reach(h, now_us);
	ring_read(&h->seconds, out->seconds);
	ring_read(&h->minutes, out->minutes);
	pthread_mutex_unlock(&h->mutex);
}
