/*
 * Answers that come later: reading the descriptor that something was written to waits until there
 * is one, as reading `sync` after writing to it waits until the sync is over.
 *
 * The row's `ready` adds the answer to the handle's text or says -EAGAIN; then the read is parked,
 * and tried again whenever later_news() says that answers may have come. After the answer comes the
 * end of file.
 */
#ifndef FS_LATER_H
#define FS_LATER_H

#include "fs/handle.h"

#include <fuse_lowlevel.h>

void later_read(struct handle *, fuse_req_t, size_t size, off_t off, bool nonblock);

/* There may be an answer for somebody. Any thread, without locks; not within an operation's lock.
 */
void later_news(struct server *);

#endif
