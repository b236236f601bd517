/* The server's parts, for the sources of fs/. */
#ifndef FS_PRIVATE_H
#define FS_PRIVATE_H

#include "fs/mount.h"
#include "fs/server.h"

#include <fuse_lowlevel.h>
#include <pthread.h>
#include <stdatomic.h>

struct context;
struct nodes;
struct notify;
struct parked;
struct queries;
struct waits;

#define LATER_SLOTS 256 /* a power of two */

struct server {
	struct loop *loop;
	struct context *context;
	const struct config *config;
	struct nodes *nodes;
	struct notify *_Atomic notify; /* NULL until it runs */
	struct notify *notify_started;
	struct waits *waits;
	struct queries *queries;
	pthread_mutex_t handles_mutex;      /* of the list */
	struct handle *handles;             /* the open ones */
	struct stream *error_streams;       /* this and below: under the lock of the waits */
	struct handle *laters[LATER_SLOTS]; /* who waits for answers, by what for (fs/later.h) */
	uint64_t later_news;
	struct fuse_session *session;
	char *mountpoint;
	atomic_bool stopping;
	int wake; /* an eventfd, for server_stop */
	struct mount mount;
	pthread_t minder, looper;
	atomic_bool looped; /* libfuse's loop has ended */
};

void ops_init(struct fuse_lowlevel_ops *); /* ops.c */

#endif
