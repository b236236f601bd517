/* What sync*.c share. */
#ifndef CORE_SYNC_PRIVATE_H
#define CORE_SYNC_PRIVATE_H

#include "core/context/sync.h"

#include "core/base/clock.h"
#include "core/base/limits.h"
#include "core/context/catalog_private.h"

#include <pthread.h>
#include <sys/queue.h>

enum job_kind { JOB_PUT, JOB_TOUCH, JOB_REMOVE };

/* One change, on its way to the catalog. */
struct job {
	STAILQ_ENTRY(job) link;
	enum job_kind kind;
	struct entry entry; /* of what is removed: its directory and name */
	bool held;          /* its object, from object_finish() until this is committed */
	bool shown;         /* a touch: that can be seen */
	/* Its content, where it is small and so at hand; then its text. */
	char *bytes;
	size_t len;
	bool searched;
	struct buf title, body;
};
STAILQ_HEAD(jobs, job);

struct counts {
	int64_t added, changed, removed;
	int64_t same; /* fetched, and as they were */
};

/* Paths that were told of, or are to be. */
struct paths {
	char **items; /* `count`, and a NULL */
	size_t count, cap;
};

struct arena; /* of what sync_listing() hands out */

struct sync {
	struct sync_start start;
	struct source_config config;
	char *memory, *new_memory;
	bool fresh; /* there was no entry of this source when it began */
	/* The runner's. */
	struct arena *arena;
	struct wanted *wanted;
	size_t wanted_count, wanted_cap;
	/* Shared by the runner and the worker, and for who describes. */
	pthread_mutex_t mutex;
	pthread_cond_t more, room; /* in the queue */
	struct jobs jobs;
	size_t queued, queued_bytes;
	bool ending;
	int status; /* of a sync that failed as a whole */
	struct error error;
	struct counts counts;
	int64_t listed, unchanged, failed, fetched_bytes, began_us, retry_after_us;
	struct error trouble;
	struct error note; /* its text alone counts */
	/* The worker's. */
	pthread_t worker;
	bool has_worker;
	struct paths changed; /* up to SYNC_PATHS_MAX */
	bool more_changed;
};

/* 0, or what the sync failed of. */
int sync_check(struct sync *, struct error *);
/* Has the sync fail as a whole, unless it has; returns its status. */
int sync_fail(struct sync *, const struct error *);

/* sync_queue.c. A job of a path, with what the member tells; NULL: out of memory, and said. */
struct job *job_new(struct sync *, enum job_kind, const char *path, struct error *);
int job_describe(struct job *, const struct member *, struct error *);
void job_free(struct job *);
/* Takes the job over; blocks while too much is queued. As sync_check(). */
int sync_queue(struct sync *, struct job *, struct error *);
/* Waits for a job until then (CLOCK_MONOTONIC); NULL: none came, or all is done. */
struct job *sync_next(struct sync *, const struct timespec *until);
bool sync_drained(struct sync *); /* nothing will come any more */

/* sync_work.c */
int sync_work_start(struct sync *, struct error *);
void sync_work_end(struct sync *); /* once all is committed */

int paths_add(struct paths *, const char *path); /* -ENOMEM */
void paths_release(struct paths *);

/* sync_wanted.c */
void arena_free(struct arena *); /* takes NULL */

/* What a listing hands out to be fetched, until the next one: forgets it; and adds a member, with
 * what is there of it, to be fetched only if it has changed (NULL: nothing). -ENOMEM. */
void sync_forget_wanted(struct sync *);
int sync_want(struct sync *, const struct member *, const struct entry *asked);

#endif
