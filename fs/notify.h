/*
 * inotify: a thread that nudges.
 *
 * A truncate(2) of a log through the mount, to the size that it has, makes the kernel tell inotify
 * watchers that it was modified. Nudges are coalesced, and take no more than a fifth of the
 * thread's time. Entries and attributes that change without the kernel's doing are not notified but
 * asked for anew (fs/ops_attr.c): a notification waits for locks that operations hold, and a daemon
 * killed in it would hold them for good.
 */
#ifndef FS_NOTIFY_H
#define FS_NOTIFY_H

#include <stdbool.h>
#include <sys/types.h>

struct notify;
struct server;

int notify_start(struct server *, struct notify **out);
/* Nothing is told any more. Requests must be served until it returns: the thread may be waiting for
 * a lock of the kernel's that is held by somebody who waits for an answer of ours, and no signal
 * reaches it there. Both take NULL. */
void notify_stop(struct notify *);
void notify_free(struct notify *);

/* There is news somewhere: logs may have grown. Cheap; any thread. */
void notify_news(struct notify *);

/* Whether the request comes from the thread itself. */
bool notify_is_self(const struct notify *, pid_t tid);

/* The name under which the thread reaches, at the root, a node that no path leads to any more; and
 * which node it is just now, or NULL. */
struct node;
#define NODE_ALIAS ".leitlfs-nudged"
struct node *notify_aliased(struct notify *);

#endif
