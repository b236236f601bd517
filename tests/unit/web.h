/*
 * A tree on a WebDAV server of a test's own, and a source that is synced from it.
 *
 * The server has a few files at first: what web_expect_all() looks for. A hook may answer in its
 * place; it is called by the server's threads, several at once.
 */
#ifndef TESTS_UNIT_WEB_H
#define TESTS_UNIT_WEB_H

#include "tests/unit/peer.h"
#include "tests/unit/scratch.h"
#include "webdav/walk.h"

#include <pthread.h>
#include <stdatomic.h>

#define FILES_MAX 64
#define DATE      "Tue, 18 Nov 2025 12:00:00 GMT" /* of every file */

/* What the server has: paths below its base, a collection's with a slash at the end. */
struct held {
	const char *path, *content;
	const char *etag; /* NULL: none */
	const char *more; /* within the response instead of a propstat with 200; NULL */
	const char *type;
	int size;  /* that is listed; 0: the content's; -1: no collection, whatever its path */
	bool bare; /* the listing tells its name alone, and GET the rest */
};

struct web;
/* Answers itself, where it says so by true. */
typedef bool (*hook_fn)(struct web *, int fd, const struct peer_request *);

struct web {
	struct scratch scratch;
	struct catalog *catalog;
	int64_t source;
	struct source_config config;
	struct plain secret;
	struct walk_limits limits;
	struct peer *peer;
	char *memory;
	atomic_bool stop;
	struct sync_result result; /* of the last sync, */
	struct error err;          /* and why it failed */

	pthread_mutex_t mutex; /* guards what the server has, and what it is to do */
	struct held files[FILES_MAX];
	_Atomic(hook_fn) hook;
	atomic_int times; /* the hook's own, as */
	atomic_int gets;  /* is this */
};

int web_setup(void **state);
int web_teardown(void **state);

/* The server's side. A path and what belongs to it are borrowed for the length of the test. */
void web_hold(struct web *, const char *path, const char *content, const char *etag);
struct held *web_held(struct web *, const char *path); /* fails the test where it isn't */
void web_drop(struct web *, const char *path);

void web_add_response(struct buf *out, const struct held *);
/* Sends and releases the members; token: NULL: none. */
bool web_send_multistatus(int fd, struct buf *members, const char *token);
/* Answers a GET of that path; false: it is another request. */
bool web_answer_get(int fd, const struct peer_request *, const char *path, const char *status,
	const char *head, const char *body);

/* The client's. */
int web_sync(struct web *);         /* one sync; its errno */
void web_expect_sync(struct web *); /* one without any trouble */
void web_expect_file(struct web *, const char *path, const char *content); /* NULL: none */
void web_expect_all(struct web *); /* the files there were at first */

#endif
