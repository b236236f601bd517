/*
 * Who is told of new records.
 *
 * A follower names the channels of a view and is called, on the committer's thread and in order,
 * for each record in it once that is kept and applied; mostly after its writer was answered (see
 * `done` in core/state/loop.h). It is called without locks and must not block. What is not in the
 * log (heartbeats) goes to the followers that ask for it.
 *
 * Nothing here allocates or fails once the hub is made. The mutex guards who follows what and is
 * held for no call; it is taken last of all locks.
 */
#ifndef CORE_HUB_H
#define CORE_HUB_H

#include "core/log/record.h"
#include "core/state/view.h"

#include <pthread.h>
#include <stdatomic.h>

struct follower;

struct follow {
	struct follower *follower;
	struct channel *channel, *minus; /* of the view, */
	int64_t base_pos;                /* and its beginning: to tell what is news */
	struct follow *next, **link;     /* in channel->follows; link NULL: in none */
};

/* Its maker zeroes it, sets the first five members, and begins with refs 1: the maker's own. */
struct follower {
	/* Told of a record of the view, on the committer's thread. */
	void (*news)(struct follower *, struct record *);
	/* Told of a line that is not kept, on any thread; NULL: not wanted. */
	void (*said)(struct follower *, const char *line, size_t len);
	/* Told once that what it follows has come to its end (hub_over); NULL: it goes on. */
	void (*over)(struct follower *);
	/* Called when the last reference goes, on any thread: frees what holds the follower. May be
	 * NULL. */
	void (*free)(struct follower *);
	const struct view *view; /* unchanged while it follows */
	atomic_int refs;
	/* private */
	struct follow follows[2];
	struct follower *next, **link; /* in hub.said */
	uint64_t number;               /* in the order in which those in hub.said began */
	struct follower *told_next;    /* in hub.told: the committer's */
	bool following;
	bool ended; /* was told that it is over */
};

struct hub {
	pthread_mutex_t mutex;
	struct follower *said; /* who wants what is not kept, newest first */
	uint64_t last_number;
	struct follower *told; /* collected and not yet told: the committer's, without the mutex */
};

int hub_init(struct hub *);     /* -ENOMEM, -EAGAIN */
void hub_release(struct hub *); /* nobody follows any more */

/* Begins and ends following; a second time does nothing. Any thread, also within a call. The hub
 * holds a reference while it follows. After hub_unfollow a call that was under way may still come
 * in; the reference that it holds keeps the memory. */
void hub_follow(struct hub *, struct follower *);
void hub_unfollow(struct hub *, struct follower *);
void follower_ref(struct follower *);
void follower_unref(struct follower *); /* takes NULL */

/* The committer alone calls these two, for one record after the other. hub_collect finds and holds
 * those to be told of the record, each once, and returns how many they are. hub_tell tells those
 * from number `from` to before `to`, in order, and lets go of them. Each must be told before the
 * next record is collected; in parts, so that the writer can be answered between the first
 * followers and the rest: hub_tell(0, n), then hub_tell(n, all). */
size_t hub_collect(struct hub *, struct record *);
void hub_tell(struct hub *, struct record *, size_t from, size_t to);

/* Tells those who follow the channel, and want to know, that it is over: its session has ended. */
void hub_over(struct hub *, struct channel *);

/* Tells of a line that is not kept. Any thread that holds no lock. */
void hub_say(struct hub *, const char *line, size_t len);

#endif
