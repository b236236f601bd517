/*
 * One who asks a server of a test's own over webdav/http.h, and keeps what becomes of each request.
 */
#ifndef TESTS_UNIT_ASKER_H
#define TESTS_UNIT_ASKER_H

#include "tests/unit/peer.h"
#include "webdav/http.h"

#include <stdatomic.h>

#define CANARY "cAnArY-7"

/* One request and what became of it. */
struct ask {
	struct http_request request;
	struct buf body;
	struct http_answer answer;
	struct error err;
	int r;
	int calls; /* of done */
};

/* Who asks: the config and the limits may be changed before the first request. */
struct asker {
	struct source_config config;
	struct http_limits limits;
	struct plain secret;
	struct peer *peer, *other; /* NULL, or stopped with the asker */
	struct uri_base *base;
	struct http *http;
	char url[256];
	struct ask *asks;
	int count, next;
	bool (*stopping)(struct asker *);
	atomic_int in; /* requests that a handler holds */
};

int asker_setup(void **state);
int asker_teardown(void **state);
void asker_give_password(struct asker *, const char *password); /* borrowed; of the user u */

/* Turns to that server, as http_open() does. */
int asker_open(struct asker *, const char *url, struct error *);

/* Makes `count` requests at once; returns the first one's fate, which is valid until the next
 * call. Without a server that was turned to, it is the peer. */
struct ask *asker_ask_many(struct asker *, int count, const char *path, uint64_t most);
struct ask *asker_ask(struct asker *, const char *path);
/* One whose body may come compressed. */
struct ask *asker_ask_encoded(struct asker *, const char *path, uint64_t most);

/* Two servers, for peer_start() with the asker: says hello; does so to who knows the password,
 * which is CANARY. */
bool asker_hello(void *arg, int fd, const struct peer_request *);
bool asker_hello_basic(void *arg, int fd, const struct peer_request *);

#endif
