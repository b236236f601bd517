/*
 * Redis as a peer, over loopback TCP through hiredis, one connection a structure.
 *
 * A connection belongs to one thread at a time; redis_peer_shutdown() alone may be called from
 * another and wakes a thread that waits. Functions return 0 or a negative errno.
 */
#ifndef BENCH_REDIS_PEER_H
#define BENCH_REDIS_PEER_H

#include <stddef.h>
#include <sys/types.h>

struct redis_peer; /* opaque: a connection */

int redis_peer_connect(int port, struct redis_peer **peer);
void redis_peer_free(struct redis_peer *p); /* takes NULL */
void redis_peer_shutdown(struct redis_peer *p);

/* The server's process on this machine, or 0 where it doesn't tell. */
pid_t redis_peer_pid(struct redis_peer *p);

/* XADD stream * m data. */
int redis_peer_xadd(struct redis_peer *p, const char *stream, const char *data, size_t len);

/* LPUSH list data; and BRPOP list 0: waits for the oldest, copies as much of it as fits, and
 * returns its length, or a negative errno. */
int redis_peer_push(struct redis_peer *p, const char *list, const char *data, size_t len);
long redis_peer_pop(struct redis_peer *p, const char *list, char *buf, size_t size);

/* PUBLISH channel data; returns when Redis has answered. */
int redis_peer_publish(struct redis_peer *p, const char *channel, const char *data, size_t len);

/* SUBSCRIBE channel; after it the connection is good for redis_peer_next() alone. */
int redis_peer_subscribe(struct redis_peer *p, const char *channel);

/* Waits for the next message and copies as much of it as fits; its length, or a negative errno. */
long redis_peer_next(struct redis_peer *p, char *buf, size_t size);

#endif
