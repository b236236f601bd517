/*
 * A server of a test's own on loopback: what it answers is a function, byte by byte.
 *
 * Every connection has a thread, which reads requests and calls the function for each. Requests and
 * connections are counted, and heads are kept, so that a test can tell what was sent.
 */
#ifndef TESTS_UNIT_PEER_H
#define TESTS_UNIT_PEER_H

#include <stdbool.h>
#include <stddef.h>

struct peer;

struct peer_request {
	char method[16];
	char path[2048];  /* as sent */
	const char *head; /* all header lines */
	const char *body;
	int count; /* which request of this server it is, from 1 */
};

/* Answers by peer_send(). False closes the connection. Called by several threads at once. */
typedef bool (*peer_fn)(void *arg, int fd, const struct peer_request *);

struct peer *peer_start(peer_fn fn, void *arg); /* fails the test where it can't */
void peer_stop(struct peer *);                  /* takes NULL */

const char *peer_url(const struct peer *); /* http://127.0.0.1:PORT/ */
int peer_port(const struct peer *);
int peer_requests(struct peer *);
int peer_connections(struct peer *);
/* How many of the requests had the text in their heads. */
int peer_seen(struct peer *, const char *text);

/* Bytes as they are. False: the other end is gone. */
bool peer_bytes(int fd, const void *bytes, size_t len);
bool peer_send(int fd, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* A whole answer with Content-Length; `head` has more header lines, each ended by \r\n. */
bool peer_answer(int fd, const char *status, const char *head, const char *body);

/* A header's value in a request's head. False: it is not there. */
bool peer_header(const struct peer_request *, const char *name, char *out, size_t size);

/* For a group of tests whose client is libcurl: makes it ready, and lets no proxy that the
 * environment names stand between. */
int peer_client_setup(void **state);

#endif
