/*
 * The files of a mount, as commands use them.
 *
 * Paths are from the root of the call's tree. Where a write or a read is refused, the reason is the
 * last line of `errors` that is this process's own; else strerror's. Reads that wait may block for
 * as long as they wait.
 */
#ifndef FS_COMMAND_TREE_H
#define FS_COMMAND_TREE_H

#include "core/base/buf.h"
#include "core/base/error.h"

struct call;

/* A descriptor, closed on exec. The errnos of open(2). */
int tree_open(const struct call *, int flags, const char *path, struct error *);
/* Adds the whole file. */
int tree_read(const struct call *, const char *path, struct buf *out, struct error *);
/* Writes it in one write(2), since a write is a message. */
int tree_write(const struct call *, int fd, const char *text, size_t len, const char *path,
	struct error *);
/* Opens, writes and closes. */
int tree_say(const struct call *, const char *path, const char *text, size_t len, struct error *);
/* Writes, and adds what is read on the same descriptor until its end. */
int tree_answer(const struct call *, int fd, const char *text, size_t len, const char *path,
	struct buf *out, struct error *);

/* Adds the id of the caller's own session. -ENOENT, without a reason: it has none; -ENOTUNIQ: it
 * has several. */
int tree_self(const struct call *, struct buf *out);

/* Refuses a process with several sessions, which would speak as none of them: -ENOTUNIQ, and the
 * reason tells which they are and how to choose. */
int tree_check_self(const struct call *, struct error *);

/* Makes the failure of a call on the path an error, with the mount's reason. Returns -code. */
int tree_failed(const struct call *, int code, const char *path, struct error *);

#endif
