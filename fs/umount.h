/*
 * `leitlfs umount`: ends the daemon behind a mount, so that every waiting reader gets the end of
 * file and no process hangs, and returns when both daemon and mount are gone.
 */
#ifndef FS_UMOUNT_H
#define FS_UMOUNT_H

#include "core/base/error.h"

/* Asks the daemon to end by SIGTERM and waits for that. A mount whose daemon is dead, is stopped or
 * can't be seen is detached. -EINVAL: no leitlfs is mounted there; -EPERM: it is another user's;
 * -ETIMEDOUT: the daemon was asked and goes on; others with the reason. Blocks for up to half a
 * minute. */
int umount_leitlfs(const char *path, struct error *err);

#endif
