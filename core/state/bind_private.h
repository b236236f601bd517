/*
 * Shared by bind.c, which binds, bind_alive.c, which knows who holds `alive`, bind_silence.c, which
 * ends sessions that nobody hears of, and actor.c, which finds who calls. Threads: as
 * core/state/bind.h.
 */
#ifndef CORE_BIND_PRIVATE_H
#define CORE_BIND_PRIVATE_H

#include "core/state/bind.h"
#include "core/state/state.h"

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
	int count;
	size_t cap;
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

/* Submits the end of a session. Without the lock. */
void binding_end(struct loop *, struct session *, enum end_reason);

/* Who still has `alive` of an earlier life open holds nothing of this one. With the lock. */
void alive_forget(struct bindings *, struct session *);

/* How often that process holds an `alive`. It died: it holds none, and the sessions that it was the
 * last to hold are to end; returns how many, that have a reference each. With the lock. */
struct ending {
	struct session *session;
	enum end_reason why;
};
int alive_holds(const struct bindings *, const struct process *);
int alive_gone(struct bindings *, const struct process *, struct ending *out);

/* The watcher's tick: what is due of all sessions, and when it is to look again. */
int64_t sessions_tick(void *bindings, int64_t now_us);

#endif
