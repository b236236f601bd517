/*
 * Mounts as the kernel lists them, and what can be told of one without hanging on it.
 *
 * A FUSE mount outlives its daemon: when that dies the mount stays and answers ENOTCONN, until
 * somebody detaches it; when that is stopped, whoever asks the mount anything waits. So the list of
 * mounts (proc_pid_mountinfo(5)), which asks nobody, is looked at first, and a mount is asked by a
 * process of its own, which is left behind when no answer comes. For processes with one thread:
 * these functions fork.
 */
#ifndef FS_MOUNT_H
#define FS_MOUNT_H

#include "core/base/error.h"

#include <stdbool.h>
#include <sys/types.h>

#define MOUNT_TYPE "fuse.leitlfs"

/* The attributes of a mount's root by which its daemon is known: its pid, in decimal, and its state
 * directory. */
#define MOUNT_XATTR_PID   "user.leitlfs.pid"
#define MOUNT_XATTR_STATE "user.leitlfs.state"

struct mount {
	int id;        /* the kernel's; never used again while it is mounted */
	char type[64]; /* fuse.leitlfs, ext4; cut */
	uid_t uid;     /* whose FUSE mount it is, and with which group; 0 where it is none */
	gid_t gid;
	dev_t dev; /* its file system's; the same wherever that is mounted */
};

/* Goes through the list of mounts in the order in which they were mounted, until `fn` returns
 * false; `root` is what of the file system is mounted: "/" but for a bind mount. 0 or -EIO,
 * -EMFILE, -ENOMEM. */
int mount_each(
	bool (*fn)(void *arg, const char *path, const char *root, const struct mount *), void *arg);

/* The topmost mount at exactly this canonical path. -ENOENT: there is none; -EIO. */
int mount_find(const char *path, struct mount *out);

/* Whether a mount of that id is in the table, wherever: 0, -ENOENT, -EMFILE, -EIO, -ENOMEM. */
int mount_find_id(int id);

struct mount_state {
	/* 0: it serves; ENOTCONN: its daemon is dead; ETIMEDOUT: it doesn't answer; EACCES: it is
	 * another user's, who lets nobody in; other errnos as stat(2). */
	int code;
	pid_t pid; /* its daemon's, as leitlfs tells; 0: it told none */
};

/* Asks the mount at the path how it is; waits for at most two seconds. A FUSE mount that lets only
 * its owner in is asked in the owner's name, if this is root. -EAGAIN, -EMFILE and others: it can't
 * be asked. */
int mount_ask(const char *path, const struct mount *mount, struct mount_state *out);

/* Detaches the topmost mount at the path lazily: it goes from there at once, and for good when the
 * last who uses it has gone. By umount2(2), else by fusermount3. -EPERM and others with the reason.
 */
int mount_detach(const char *path, struct error *err);

/* Detaches what dead daemons of leitlfs left at the path. Nothing is done to what is alive or
 * another's. As mount_detach. */
int mount_detach_dead(const char *path, struct error *err);

/* The path without symbolic links, "." and "..", even where a dead mount stands at its end; the
 * caller frees it. -ENOENT, -ENOTDIR, -EACCES and others, as realpath(3). */
int mount_canonical(const char *path, char **out);

/* Runs a program of FUSE's with these arguments, its output to /dev/null if quiet; 0 when it ended
 * well, -EPERM when not, -ENOENT when there is none. */
int mount_run_fusermount(const char *const args[], bool quiet);

#endif
