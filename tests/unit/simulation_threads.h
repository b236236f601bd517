/*
 * Threads that do everything to one loop at once.
 *
 * Each has a session of its own, and another where that was ended. What one does, the seed says;
 * what comes of it, the scheduler.
 */
#ifndef TESTS_UNIT_SIMULATION_THREADS_H
#define TESTS_UNIT_SIMULATION_THREADS_H

#include "core/item/item.h"
#include "tests/unit/world.h"

#include <pthread.h>

#define THREADS 6

struct thread {
	struct shared *shared;
	int number, steps;
	pthread_t thread;
	uint64_t random;
	struct world world; /* for its error */
	struct item *asked; /* on a descriptor that is open, or NULL */
	int said, asks, registered;
	char failure[400]; /* what was not as it must be */
};

struct shared {
	struct world *world;
	pthread_mutex_t mutex;
	char ids[THREADS][ID_MAX + 1]; /* the threads' sessions */
	struct thread threads[THREADS];
};

/* Its first session. The rest runs until `steps` are done or something fails: then `failure` says
 * what. */
void thread_enter(struct thread *);
void *thread_run(void *thread);
void thread_end(struct thread *, struct session *); /* not its own, if need be */

/* The session of a thread as it is now, held. */
struct session *thread_session(struct thread *, int number);

#endif
