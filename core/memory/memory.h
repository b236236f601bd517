/*
 * The shared memory: an ordinary small file system that everyone in the loop reads and writes.
 *
 * Names and contents are a directory of the state's own, STATE/memory: what POSIX promises of
 * rename, links, holes and fsync, and that a write which returned survives the daemon, the disk's
 * file system does. Here are what it lacks: limits on one file and on all of them, a revision for
 * each file, and an event for each change, in the name of who opened the file.
 *
 * A *node* stands for an inode of that directory as long as somebody refers to it, and knows its
 * names: so a path is always made from what the names are now, whatever was renamed above it. Only
 * this process may change the directory while it runs. Nothing here follows a symbolic link, so
 * nothing leads out of it.
 *
 * A change of names is one event as it is made: the functions that make one give an act for the
 * caller to submit (core/state/loop.h; NULL where there is nothing to tell), and have succeeded
 * whatever becomes of the act; whose `done` ends in memory_told(). What is written to an open file
 * is one event when it is closed:
 *
 *	memory.write  {"path":"memory/a","size":5,"revision":2}     created, written or cut
 *	              ... "from":"memory/b"                         renamed; "exchanged":true
 *	              ... "link_of":"memory/b"                      a hard link
 *	              ... "kind":"directory" | "symlink"            has no revision
 *	              ... "writers":["cece"]                        who else had it open for writing
 *	              ... "recovered":true                          the daemon was killed meanwhile
 *	              {"path":"memory/a/.git","kind":"directory","quiet":64}
 *	                                      so many changes below it (config->memory_quiet)
 *	memory.delete {"path":"memory/a","revision":2}
 *	memory.read   {"path":"memory/a","size":5,"revision":2}     where config->memory_reads says
 *	                                                            so
 *
 * What a kill leaves untold, the next start tells. What the log refuses is told when it takes it
 * again.
 *
 * Errnos are those of the system calls, and: -EFBIG, -ENOSPC (a limit; the reason says which),
 * -EDQUOT (too many events are kept of this user), -EMFILE (this user, or all, have too many files
 * open), -EPERM (devices and pipes), -EXDEV (something
 * was mounted there). Any thread; all may block for the disk, as on any file system, and for
 * nothing else.
 */
#ifndef CORE_MEMORY_H
#define CORE_MEMORY_H

#include "core/base/config.h"
#include "core/base/error.h"
#include "core/state/bind.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/types.h>

struct act;
struct memory;
struct memory_node;
struct memory_file; /* an open one */

/* Opens STATE/memory, made where it is not there, and counts what is in it; then tells what the run
 * before left untold. -EIO and others with the reason. */
int memory_open(struct loop *, const struct config *, struct memory **out, struct error *err);

/* Nobody may use it any more; every file is closed. Takes NULL. */
void memory_close(struct memory *);

/* The `done` of an act that was given here, or the end of one: frees it. */
struct command;
struct loop;
struct record;
void memory_told(struct loop *, struct command *, int status, const struct error *,
	struct record *const *, size_t);

/* Notes in `errors` why something was refused: one line a second for each user and errno, which
 * says how many there were since. `code` is positive. `reason` NULL: what the code says of the
 * disk; where that is nothing of the disk's, there is no line. */
void memory_refused(struct memory *, uid_t, pid_t, const char *session, const char *path, int code,
	const char *reason);
const char *memory_reason(int code); /* what it says of the disk, or NULL */

/* --- nodes: counted by reference; the root is there as long as the memory */

struct memory_node *memory_root(struct memory *);
void memory_ref(struct memory_node *);
void memory_unref(struct memory_node *, uint64_t count);
bool memory_is_dir(const struct memory_node *);

/* A place for whoever uses the nodes to keep what it has for one; not touched here. */
void **memory_owner(struct memory_node *);

/* Adds the node's path, or that of a name in it, from the mount's root as it is now:
 * memory/notes/a, in whatever bytes. One that was removed has the path that it had last. */
struct buf;
void memory_path(struct memory_node *, const char *name, struct buf *out);

/* Finds a name in a directory; *out is referred to once more. -ENOENT, -ENOTDIR, -ENAMETOOLONG. */
int memory_find(struct memory_node *dir, const char *name, struct memory_node **out, struct stat *);

/* --- attributes */

int memory_stat(struct memory_node *, struct stat *);
/* With the file where it is changed through one. Set-id bits are not kept (but a directory's
 * set-group-id is), and the root's are fixed: -EPERM. */
int memory_chmod(struct memory_node *, struct memory_file *, mode_t);
int memory_chown(struct memory_node *, struct memory_file *, uid_t, gid_t); /* -1: as it is */
int memory_set_times(struct memory_node *, struct memory_file *, const struct timespec[2]);
/* A file's length: through an open file it is told of at close, else now. */
int memory_truncate(struct memory_node *, struct memory_file *, off_t, const struct actor *,
	struct act **, struct error *);
int memory_readlink(struct memory_node *, char *out, size_t size); /* the length; no NUL */

/* Extended attributes, of user. alone; size 0 asks for the length. -ENODATA, -ERANGE, -EOPNOTSUPP,
 * -ENOSPC (more than MEMORY_XATTR_MAX bytes). */
ssize_t memory_getxattr(struct memory_node *, const char *name, void *value, size_t size);
ssize_t memory_listxattr(struct memory_node *, char *list, size_t size);
int memory_setxattr(
	struct memory_node *, const char *name, const void *, size_t, int flags, struct error *);
int memory_removexattr(struct memory_node *, const char *name);

/* What df shows: the limits, and what the disk has where that is less. */
int memory_statfs(struct memory *, struct statvfs *);

/* --- names; who makes something owns it */

/* A directory, a regular file or a socket. *out is referred to once more. */
int memory_make(struct memory_node *dir, const char *name, mode_t, const struct actor *,
	struct memory_node **out, struct stat *, struct act **, struct error *);
int memory_symlink(struct memory_node *dir, const char *name, const char *target,
	const struct actor *, struct memory_node **out, struct stat *, struct act **,
	struct error *);
int memory_link(struct memory_node *, struct memory_node *dir, const char *name,
	const struct actor *, struct stat *, struct act **, struct error *);
/* rmdir(2) where `is_dir`. */
int memory_remove(struct memory_node *dir, const char *name, bool is_dir, const struct actor *,
	struct act **, struct error *);
/* flags as renameat2(2): RENAME_NOREPLACE, RENAME_EXCHANGE. */
int memory_rename(struct memory_node *from, const char *name, struct memory_node *to,
	const char *new_name, unsigned flags, const struct actor *, struct act **, struct error *);

/* --- open files. `flags` as open(2)'s; O_APPEND is for the kernel to do. The actor is copied. */

int memory_create(struct memory_node *dir, const char *name, int flags, mode_t,
	const struct actor *, struct memory_node **node, struct stat *, struct memory_file **,
	struct error *);
int memory_file_open(struct memory_node *, int flags, const struct actor *, struct memory_file **,
	struct error *);
/* Tells what was changed, or read. Takes NULL. */
void memory_file_close(struct memory_file *);

struct memory_node *memory_file_node(struct memory_file *);
ssize_t memory_read(struct memory_file *, void *out, size_t size, off_t);
/* What fits below a limit is written; where nothing does, -EFBIG or -ENOSPC. */
ssize_t memory_write(struct memory_file *, const void *data, size_t size, off_t, struct error *err);
int memory_fallocate(struct memory_file *, int mode, off_t, off_t len, struct error *err);
off_t memory_seek(struct memory_file *, off_t, int whence); /* SEEK_DATA, SEEK_HOLE */
int memory_sync(struct memory_file *, bool datasync);

/* A directory as it is listed by that user: readdir(3)'s stream, a DIR *; and its end. */
int memory_list(struct memory_node *, uid_t, void **dir, struct error *);
void memory_list_close(struct memory *, uid_t, void *dir);
int memory_sync_dir(void *dir);

#endif
