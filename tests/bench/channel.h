/*
 * A way of sending messages to readers, and the readers who wait at its other end, a thread each:
 * broadcasts on leitlfs, or PUBLISH on Redis.
 *
 * Set `name`, `readers` and `rest_ns`, and `fd` to -1; then open it one way or the other. Release
 * takes one that was never opened or only in part. For the main thread.
 */
#ifndef BENCH_CHANNEL_H
#define BENCH_CHANNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/bench/daemon.h"
#include "tests/bench/measure.h"

struct channel {
	const char *name;
	unsigned readers;
	uint64_t rest_ns;  /* nobody but the sender runs for so long before a message */
	struct samples ns; /* from before the write until the last reader had read */
	void **sources;
	struct waiters *waiters;
	int fd;                   /* leitlfs: what is written to */
	const char *mount;        /* leitlfs */
	struct redis_peer *redis; /* Redis: what publishes */
};

/* Session s0 writes. One reader follows activity.live; of many, each follows the inbox.live of its
 * own session, s1 and on. All of these must be registered. */
int channel_open_leitlfs(struct channel *c, const char *mount);
int channel_open_redis(struct channel *c, int port);

/* Sends a message once every reader sleeps, and waits until all have it. */
int channel_measure(struct channel *c, bool count);

/* Ends the readers by one message more; -ETIMEDOUT where that doesn't reach them all. */
int channel_end(struct channel *c);

/* Ends readers that no message reaches, from below: the daemon is killed. */
void channel_break(struct channel *c, struct daemon *d);

void channel_release(struct channel *c);

#endif
