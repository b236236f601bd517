/* The server's parts, for the sources of fs/. */
#ifndef FS_PRIVATE_H
#define FS_PRIVATE_H

#include "fs/mount.h"
#include "fs/server.h"

#include <fuse_lowlevel.h>
#include <pthread.h>
#include <stdatomic.h>

struct context;
struct memory;
struct memory_views;
struct looks;
struct nodes;
struct notify;
struct parked;
struct queries;
struct waits;

#define LATER_SLOTS 256 /* a power of two */

struct server {
	struct loop *loop;
	struct context *context;
	struct memory *memory;
	struct memory_views *views; /* what the kernel knows of it (fs/memory_view.h) */
	const struct config *config;
	struct nodes *nodes;
	struct notify *_Atomic notify; /* NULL until it runs */
	struct notify *notify_started;
	struct waits *waits;
	struct queries *queries;
	struct looks *looks;
	pthread_mutex_t handles_mutex;      /* of the list */
	struct handle *handles;             /* the open ones, */
	size_t handle_count, stream_count;  /* how many, and how many streams */
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

#endif
