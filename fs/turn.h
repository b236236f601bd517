/*
 * `wait` and `next`: a read that waits until the session has something unread.
 *
 * The row's `turn` makes the handle's text or says that there is nothing yet; then the read is
 * parked and tried again with each message that arrives and each lease that is given back. When the
 * text was read to its end, `turn_end` says what that does; the end of file is answered once it is
 * done.
 */
#ifndef FS_TURN_H
#define FS_TURN_H

#include "fs/handle.h"
#include "fs/wait.h"

void turn_read(struct handle *, fuse_req_t, size_t size, bool nonblock);
void turn_poll(struct handle *, fuse_req_t, struct fuse_pollhandle *);
void turn_close(struct handle *);

#endif
