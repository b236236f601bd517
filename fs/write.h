/* Writing: from a write(2) to messages, from messages to an act, and from its end to the answer. */
#ifndef FS_WRITE_H
#define FS_WRITE_H

#include "fs/handle.h"

#include <fuse_lowlevel.h>

void handle_write(struct handle *, fuse_req_t, const char *data, size_t size, off_t off);
/* A descriptor of it was closed: what is pending is complete. */
void handle_flush(struct handle *, fuse_req_t);

#endif
