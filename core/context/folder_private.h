/*
 * Folders, for the sources of core/context/folder*.c: whose rights are used, and how what is in a
 * folder is opened without leaving it.
 */
#ifndef CORE_FOLDER_PRIVATE_H
#define CORE_FOLDER_PRIVATE_H

#include "core/base/error.h"

#include <dirent.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* The rights to open files of a uid: its fsuid, its fsgid, and the groups that the user database
 * gives it. Of one thread: what was taken is dropped by the same, before it does anything else. */
struct folder_rights {
	bool other; /* than the process has; else taking and dropping do nothing */
	uid_t uid;
	gid_t gid;
	gid_t *groups, *own_groups;
	size_t count, own_count;
};

/* -EPERM: the process is not root, and not that uid; -ENOMEM. Asks the user database, which may
 * block. */
int folder_rights_init(struct folder_rights *, uid_t, gid_t, struct error *);
void folder_rights_release(struct folder_rights *);   /* takes a zeroed one */
int folder_rights_take(const struct folder_rights *); /* -EPERM, -ENOMEM: then none are taken */
void folder_rights_drop(const struct folder_rights *);

/* Opens the root of a folder to be read, by an absolute path; symbolic links in it are followed.
 * On a mount of leitlfs, which is not asked anything, or in a state directory: -ELOOP. *real (may
 * be NULL; to be freed) is the path without links. Otherwise as openat(2) and statx(2). With the
 * rights taken meanwhile. */
int folder_open_root(
	const char *path, const struct folder_rights *, int *out, char **real, struct error *);

/* Opens a directory, or a file to be read without waiting for it (a FIFO), by a path below `dir`,
 * without links; "" is `dir` itself. -EXDEV: it is, or is below, a mount point; -ELOOP: a link;
 * others as openat2(2). */
int folder_open_dir(int dir, const char *path);
int folder_open_file(int dir, const char *path);

enum folder_type { FOLDER_OTHER, FOLDER_FILE, FOLDER_DIR };
/* What an entry of `dir` is; asks the file system only where readdir(3) didn't tell. */
enum folder_type folder_type(int dir, const struct dirent *);

/* Whether the directory is the state directory of a leitlfs: what is in it is the daemon's own, and
 * a sync of it would never end. */
bool folder_is_state(int dir);

/* Directories that are still to be gone through, the newest first. push takes the path over, which
 * may be NULL; pop's is the caller's to free. -ENOMEM. */
struct folder_todo {
	char *dir;
	struct folder_todo *next;
};
int folder_push(struct folder_todo **, char *dir);
char *folder_pop(struct folder_todo **); /* of a list that is not empty */

/* "dir/name", "name" where dir is ""; to be freed. NULL: out of memory. */
char *folder_join(const char *dir, const char *name);

#endif
