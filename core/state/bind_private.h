/* Shared by bind.c, which binds, and actor.c, which finds who calls. Threads: as core/state/bind.h.
 */
#ifndef CORE_BIND_PRIVATE_H
#define CORE_BIND_PRIVATE_H

#include "core/state/bind.h"

#include <pthread.h>

#define BUCKETS 1024 /* a power of two */
#define ANSWERS 256  /* a power of two: what was found for a chain */

/* A session at a process: living, or ended and kept so that the process speaks as nobody. */
struct bound {
	struct session *session; /* held */
	bool ended;
};

struct binding {
	struct process process;
	struct bound *bound;
	int count, cap;
	struct binding *next;
};

struct holder {
	struct session *session; /* held */
	struct process process;  /* pid 0: can't be seen */
	bool holds;              /* false once its process died or it turned out a heartbeat */
	struct holder *next, **link;
};

/* What the walk of one caller's chain found, good as long as no binding changed. */
struct answer {
	uint64_t token, generation;
	enum actor_kind kind;
	struct session *session; /* held */
};

struct bindings {
	struct loop *loop;
	struct watch *watch;
	struct caller_cache *callers;
	pthread_mutex_t mutex; /* of all below, and of the sessions' fields */
	struct binding *buckets[BUCKETS];
	struct holder *holders;
	uint64_t generation;
	struct answer answers[ANSWERS];
};

/* Who is bound to that process; NULL: nobody. With the bindings' lock held. */
struct binding *binding_find(struct bindings *, const struct process *);

#endif
