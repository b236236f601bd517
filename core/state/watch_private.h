/*
 * Shared by watch.c, which holds what is watched, and watch_thread.c, the watcher's thread, alone.
 * Threads: as core/state/watch.h.
 */
#ifndef CORE_WATCH_PRIVATE_H
#define CORE_WATCH_PRIVATE_H

#include "core/state/watch.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/queue.h>
#include <sys/resource.h>

#define BUCKETS        4096 /* a power of two */
#define DATA_NOT_A_PID UINT64_MAX

/* How a watched process is watched. A process is on the list that its stage names, if any. */
enum stage {
	BY_PIDFD,
	BY_LOOKING, /* on `looked_at` */
	TO_TELL,    /* gone; on `to_tell` */
	TOLD,       /* gone; waits to be unwatched */
};

struct watched {
	struct process process;
	unsigned refs;
	enum stage stage;
	int fd;            /* its pidfd, in the epoll set, when BY_PIDFD; else -1 */
	int64_t looked_us; /* the round that looked at it last, when BY_LOOKING */
	LIST_ENTRY(watched) in_bucket;
	TAILQ_ENTRY(watched) in_list;
};

TAILQ_HEAD(watched_list, watched);
LIST_HEAD(bucket, watched);

struct watch {
	const struct clock *clock;
	struct watch_hooks hooks;
	int epoll, event, timer;
	pthread_t thread;
	bool running; /* start and stop only */
	atomic_bool stopping;
	atomic_bool woken;           /* tick is to be called */
	atomic_ullong rounds, asked; /* rounds of telling done, and wanted by watch_sync */
	pthread_cond_t round;

	pthread_mutex_t lock; /* of all below; innermost */
	int reserve;          /* given up for the moment of a look into /proc; -1 while lost */
	int count;            /* of processes */
	rlim_t pidfds;        /* of them BY_PIDFD */
	bool telling;         /* `gone` is being called */
	struct watched_list looked_at;  /* struct watched.in_list */
	struct watched_list to_tell;    /* struct watched.in_list */
	struct bucket buckets[BUCKETS]; /* struct watched.in_bucket, by pid */
};

void watch_stir(const struct watch *); /* has the thread look at what is new */
int watch_add_fd(const struct watch *, int fd, uint64_t data); /* to the epoll set; errnos of its */

/* All below under the lock. */
struct bucket *watch_bucket(struct watch *, pid_t);
void watch_reserve(struct watch *); /* gets the reserve again, where it is lost */

/* Moves the process from one stage to another, with its pidfd for BY_PIDFD and -1 for others. */
void watched_move(struct watch *, struct watched *, enum stage to, int fd);

/* Looks at a process that has no pidfd, and tries to get it one. */
void watched_look_at(struct watch *, struct watched *);

#endif
