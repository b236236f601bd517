/*
 * Local folders as sources: how one is synced, and how an edit in it is noticed.
 *
 * A sync walks the whole folder, tells core/context/sync.h what is there, and reads what is new or
 * changed. It stays within the folder: symbolic links are not followed, mount points in it are not
 * entered (a folder that is mounted there may be a source of its own), a state directory neither,
 * and what is neither a regular file nor a directory is left out. A folder on a mount of leitlfs,
 * this one or another, is refused, and found out without asking that file system anything; so no
 * sync ever waits for the mount that it feeds.
 *
 * Everything is opened with the rights of the source's uid: fsuid, fsgid and groups are the
 * thread's own (credentials(7)). A daemon that can't take them refuses any uid but its own.
 */
#ifndef CORE_FOLDER_H
#define CORE_FOLDER_H

#include "core/context/sources.h"

/* Ends soon after sync_stopping(): -ECANCELED. The root not there, not a directory or not to be
 * read: -ENOENT, -ENOTDIR, -EACCES …; on leitlfs, or in a state directory: -ELOOP; the rights can't
 * be taken: -EPERM. Empty, and not known to be on the file system that it was on (as a folder whose
 * disk is not mounted): -ENODEV, or 0 where nothing is known. In each case all that was synced
 * stays. What can't be read below the root is sync_trouble(). sync_memory() is used for the file
 * system. */
extern const struct source_runner folder_runner;

/*
 * Watching, by libinotifytools, whose one inotify instance belongs to a thread of the watch's own:
 * so there is one watch in a process, and it is best made early (its descriptor must be a low one).
 *
 * The functions queue what they are asked and return at once; they take none but the watch's own
 * lock, and may be called from any thread, changed() too.
 */
struct folder_watch;

/* changed() is called on the watch's thread, without locks, and must not block for long: 100 ms
 * after the last event of a burst in that folder, every 500 ms while it goes on; when a folder that
 * was added is watched (or found not to be watchable, and whenever that changes); and for every
 * folder when the kernel lost events. -EBUSY: there is one already; -ENOMEM; errnos of
 * inotify_init1(2), memfd_create(2) and pthread_create(3). */
int folder_watch_new(void (*changed)(void *arg, int64_t source), void *arg,
	struct folder_watch **out, struct error *);
void folder_watch_free(struct folder_watch *); /* joins its thread; takes NULL */

/* Watches the folder of that source (config->path, the directories that source_wants()), looked at
 * with the rights of that uid; the config is copied. Replaces what was watched for the source. A
 * folder that goes, comes back, or is not there yet is looked for every 2 s. -ENOMEM; -EINVAL: it
 * has no path. */
int folder_watch_add(
	struct folder_watch *, int64_t source, const struct source_config *, uid_t, gid_t);
/* One changed() for it may still be under way. */
void folder_watch_remove(struct folder_watch *, int64_t source);

/* 0: every directory is watched. Else only the interval finds changes, and the reason is in *err:
 * -ENOSPC (out of watches: fs.inotify.max_user_watches), -ENOENT and others of open(2), -EAGAIN
 * (not looked at yet), -ESRCH (not added). */
int folder_watch_status(struct folder_watch *, int64_t source, struct error *err);

#endif
