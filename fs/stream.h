/*
 * A `.live` file that is open: the lines of a view from now on (or from a seq on).
 *
 * A stream is a position in the log, not a queue: what its reader has not fetched yet waits in the
 * log, so memory stays bounded and a slow reader misses nothing that has not expired. What has is
 * told by a line {"gap":{"from":…,"to":…}}. Lines that are not kept (heartbeats) wait in a small
 * buffer.
 */
#ifndef FS_STREAM_H
#define FS_STREAM_H

#include "fs/handle.h"
#include "fs/wait.h"

struct stream;

/* Begins at the newest record, or for feeds/since at the view's beginning. -ENOMEM, -EIO. */
int stream_open(struct handle *, struct stream **out);
void stream_close(struct stream *); /* takes NULL */

/* Answers the read, now or when there is something; with O_NONBLOCK -EAGAIN. */
void stream_read(struct stream *, fuse_req_t, size_t size, bool nonblock);

/* Answers the poll; keeps the poll handle (which may be NULL) to tell of news. */
void stream_poll(struct stream *, fuse_req_t, struct fuse_pollhandle *);

/* Narrows it by {"subscribe":["task.*",…]}: patterns of event types, fnmatch(3). -EINVAL. */
struct message;
int stream_subscribe(struct stream *, const struct message *, struct error *);

/* Something new stands in that uid's `errors`. */
void streams_refused(struct server *, uid_t uid);

#endif
