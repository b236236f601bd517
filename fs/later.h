/*
 * Answers that come later: reading the descriptor that something was written to waits until there
 * is one, as reading `sync` after writing to it waits until the sync is over.
 *
 * The row's `ready` adds the answer to the handle's text or says -EAGAIN; then the read is parked,
 * and tried again whenever later_news() says that answers may have come. After the answer comes the
 * end of file. Where the row says ROW_WAITS nothing need be written first: so reads wait that are
 * for waiting.
 */
#ifndef FS_LATER_H
#define FS_LATER_H

#include "fs/handle.h"

#include <fuse_lowlevel.h>

void later_read(struct handle *, fuse_req_t, size_t size, off_t off, bool nonblock);

/* Answers the poll; keeps the poll handle (which may be NULL) to tell of news. */
void later_poll(struct handle *, fuse_req_t, struct fuse_pollhandle *);

/* The handle waits for that item from now on (handle.item), of which it takes a reference; NULL:
 * for none. Any thread. */
void later_await(struct handle *, struct item *);

/* Whether a read of what was written to waits for that item; the server's. Any thread. */
bool later_is_parked(void *server, const struct item *);

/* There may be an answer for those who wait for that item (handle.item); NULL: for those who wait
 * for none. Any thread, without locks; not within an operation's lock. */
void later_news(struct server *, const struct item *);

/* The handle is closed: nobody waits on it any more. */
void later_close(struct handle *);

#endif
