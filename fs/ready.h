/*
 * Whether one may mount here, found out before anything is begun, so that a person reads what is
 * missing and what to do about it, and not an errno of mount(2). The kernel has the last word.
 */
#ifndef FS_READY_H
#define FS_READY_H

#include "core/base/error.h"

#include <stdbool.h>

/* Whether this process can use FUSE at all: /dev/fuse, the capability, fusermount3 for who is not
 * root, and for `others` (allow_other) the leave of /etc/fuse.conf. -ENODEV, -ENOENT, -EACCES or
 * -EPERM with the remedy. */
int ready_fuse(bool others, struct error *err);

/* Whether the canonical path is a directory where this user may mount: one's own or writable, empty
 * unless `nonempty`, and not served by a leitlfs. -ENOENT, -ENOTDIR, -EACCES, -ENOTEMPTY, -EBUSY.
 * Asks the mount that is there, if any, and so forks. */
int ready_mountpoint(const char *path, bool nonempty, struct error *err);

/* The seconds after which this kernel aborts a mount whose daemon keeps a request, as a waiting
 * read is kept (fs.fuse.default_request_timeout, .max_request_timeout); 0: it never does. */
long ready_request_limit(void);

#endif
