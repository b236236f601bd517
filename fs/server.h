/*
 * The file system as the kernel meets it: libfuse's session, its threads, and the end of both.
 */
#ifndef FS_SERVER_H
#define FS_SERVER_H

#include "core/base/config.h"
#include "core/base/error.h"

#include <stdbool.h>

struct context;
struct fuse_args;
struct loop;
struct memory;
struct server;

/* Makes the session from libfuse's options (allow_other, ro, debug …) and mounts it at the
 * directory, which exists. -EIO and others with the reason. The loop, the context
 * and the memory are the caller's and outlive the server. */
int server_mount(struct loop *, struct context *, struct memory *, const struct config *,
	struct fuse_args *, const char *mountpoint, struct server **out, struct error *err);

/* Serves until unmounted, or until server_stop(); then answers every waiting reader with the end of
 * file, unmounts and returns 0, or a negative errno. Blocks. */
int server_run(struct server *);

/* Asks server_run() to end. Safe from a signal handler and from any thread. */
void server_stop(struct server *);

void server_free(struct server *); /* takes NULL */

#endif
