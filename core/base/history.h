/*
 * How many events there were, second by second and minute by minute: what small charts are drawn
 * of.
 *
 * A ring of counts, fed with a total that grows (the saver does it once a second); what came
 * between two feeds counts for the second of the later one. It begins empty with the process.
 *
 * Threads: any; the mutex is taken last of all locks, for an instant. Nothing here blocks or fails.
 */
#ifndef CORE_HISTORY_H
#define CORE_HISTORY_H

#include <pthread.h>
#include <stdint.h>

#define HISTORY_SLOTS 60

struct history {
	pthread_mutex_t mutex;
	struct history_ring {
		int64_t at; /* the slot's number that was fed last: seconds, or minutes */
		uint32_t counts[HISTORY_SLOTS];
	} seconds, minutes;
	uint64_t total; /* as it was fed last */
};

/* The last so many whole or begun seconds and minutes, oldest first. */
struct history_counts {
	uint32_t seconds[HISTORY_SLOTS], minutes[HISTORY_SLOTS];
};

void history_init(struct history *);
void history_release(struct history *); /* takes NULL */

/* `now_us` never goes back (mono_us). A total that is less than before starts anew from there. */
void history_feed(struct history *, int64_t now_us, uint64_t total);
void history_read(struct history *, int64_t now_us, struct history_counts *out);

#endif
