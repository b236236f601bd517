/*
 * What the kernel has to forget of memory/ itself when it was changed through as/<id>/memory.
 *
 * To forget a name the kernel locks its directory. Who is in that directory may wait for a file
 * that the change itself holds (unlink, rename and link lock the file, which is one and the same by
 * every path): then nobody would move until the change is answered. So a thread of its own tells
 * the kernel, and a second one sees that no change waits for that longer than FORGET_WAIT_US.
 * Whoever looks at the old name in that moment was at the same file at the same time.
 *
 * Any thread; none of these blocks but stop, which waits for both threads.
 */
#ifndef FS_MEMORY_FORGET_H
#define FS_MEMORY_FORGET_H

#include <fuse_lowlevel.h>

#include <stdbool.h>

#define FORGET_WAIT_US 50000

struct memory_forget;
struct server;

struct memory_forget *memory_forget_new(struct server *); /* NULL: out of memory */
/* What is queued is still told; nothing more is. */
void memory_forget_stop(struct memory_forget *);
void memory_forget_free(struct memory_forget *); /* takes NULL; stopped */

/* The name in the directory; NULL: the directory's attributes. Calls `then` once, on another
 * thread; false: it doesn't and won't. */
bool memory_forget_add(
	struct memory_forget *, fuse_ino_t dir, const char *name, void (*then)(void *), void *arg);

#endif
