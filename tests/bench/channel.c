#include "tests/bench/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/bench/bench.h"
#include "tests/bench/redis_peer.h"
#include "tests/bench/tree.h"
#include "tests/bench/waiters.h"

#define CHANNEL "bench"

static long next_of_stream(void *source, char *buf, unsigned long size)
{
	ssize_t n = read(*(int *)source, buf, size);

	return n < 0 ? -errno : n;
}

static long next_of_redis(void *source, char *buf, unsigned long size)
{
	return redis_peer_next(source, buf, size);
}

static int send_message(struct channel *c, uint64_t stamp)
{
	char message[MESSAGE_SIZE];

	message_make(message, stamp);
	if (c->redis)
		return redis_peer_publish(c->redis, CHANNEL, message, MESSAGE_SIZE);
	return write(c->fd, message, MESSAGE_SIZE) == MESSAGE_SIZE ? 0 : -EIO;
}

int channel_measure(struct channel *c, bool count)
{
	uint64_t stamp, last;
	int rc = waiters_settle(c->waiters);

	/* Requests are taken in order: when this one is answered, the daemon has taken those of
	 * the readers. */
	if (rc == 0 && c->mount && tree_size(c->mount, "activity") < 0)
		rc = -EIO;
	if (rc != 0)
		return rc;
	rest_ns(c->rest_ns);
	stamp = now_ns();
	waiters_expect(c->waiters, stamp);
	rc = send_message(c, stamp);
	if (rc == 0)
		rc = waiters_await(c->waiters, &last);
	if (rc == 0 && count)
		rc = samples_add(&c->ns, (double)(last - stamp));
	return rc;
}

static int open_stream(struct channel *c, unsigned n, const char *mount)
{
	int *fd = malloc(sizeof(*fd));

	if (!fd)
		return -ENOMEM;
	/* One reader follows the whole loop; each of many its own session's inbox. */
	*fd = c->readers == 1 ? tree_open(mount, "activity.live", O_RDONLY)
			      : tree_open_session(mount, n + 1, "inbox.live", O_RDONLY);
	if (*fd < 0) {
		int rc = *fd;

		free(fd);
		return rc;
	}
	c->sources[n] = fd;
	return 0;
}

static int open_subscription(struct channel *c, unsigned n, int port)
{
	struct redis_peer *p;
	int rc = redis_peer_connect(port, &p);

	if (rc != 0)
		return rc;
	c->sources[n] = p;
	return redis_peer_subscribe(p, CHANNEL);
}

int channel_open_leitlfs(struct channel *c, const char *mount)
{
	unsigned i;
	int rc = 0;

	c->mount = mount;
	c->sources = calloc(c->readers, sizeof(*c->sources));
	if (!c->sources)
		return -ENOMEM;
	for (i = 0; i < c->readers && rc == 0; i++)
		rc = open_stream(c, i, mount);
	if (rc == 0) {
		c->fd = tree_open_session(mount, 0, "broadcast", O_WRONLY | O_APPEND);
		rc = c->fd < 0 ? c->fd : 0;
	}
	if (rc == 0)
		rc = waiters_start(&c->waiters, c->readers, next_of_stream, c->sources);
	return rc;
}

int channel_open_redis(struct channel *c, int port)
{
	unsigned i;
	int rc = 0;

	c->sources = calloc(c->readers, sizeof(*c->sources));
	if (!c->sources)
		return -ENOMEM;
	for (i = 0; i < c->readers && rc == 0; i++)
		rc = open_subscription(c, i, port);
	if (rc == 0)
		rc = redis_peer_connect(port, &c->redis);
	if (rc == 0)
		rc = waiters_start(&c->waiters, c->readers, next_of_redis, c->sources);
	return rc;
}

int channel_end(struct channel *c)
{
	int rc;

	if (!c->waiters)
		return 0;
	waiters_stop(c->waiters);
	send_message(c, now_ns());
	rc = waiters_join(c->waiters);
	if (rc == 0)
		c->waiters = NULL;
	return rc;
}

void channel_break(struct channel *c, struct daemon *d)
{
	unsigned i;

	if (!c->waiters)
		return;
	bench_failed(c->name, -ETIMEDOUT);
	if (c->mount)
		daemon_kill(d);
	for (i = 0; !c->mount && i < c->readers; i++) {
		if (c->sources[i])
			redis_peer_shutdown(c->sources[i]);
	}
	if (waiters_join(c->waiters) != 0)
		exit(1);
	c->waiters = NULL;
}

void channel_release(struct channel *c)
{
	unsigned i;

	for (i = 0; c->sources && i < c->readers; i++) {
		if (!c->mount) {
			redis_peer_free(c->sources[i]);
		} else if (c->sources[i]) {
			close(*(int *)c->sources[i]);
			free(c->sources[i]);
		}
	}
	free(c->sources);
	if (c->fd >= 0)
		close(c->fd);
	redis_peer_free(c->redis);
	samples_release(&c->ns);
}
