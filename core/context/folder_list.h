/*
 * What a directory of a folder holds, as members for core/context/sync.h: files with size, date and
 * an ETag of our own, and directories. Links and special files are left out. Of one thread.
 */
#ifndef CORE_FOLDER_LIST_H
#define CORE_FOLDER_LIST_H

#include "core/context/sources.h"

#include <sys/stat.h>

struct folder_list {
	struct member *members; /* path and etag are the list's */
	size_t count, room;
	size_t unnamed; /* left out: their names are not UTF-8 */
	bool empty;     /* the directory holds nothing at all */
};

/* Reads the directory; its paths begin with `dir`. -E2BIG: more than FOLDER_MEMBERS_MAX; -ENOMEM;
 * errnos of readdir(3). */
int folder_list(int fd, const char *dir, struct folder_list *out);
void folder_list_release(struct folder_list *); /* takes a zeroed one */

/* Sets size, date and ETag (to be freed): -ENOMEM. */
int folder_member(struct member *, const struct stat *);

#endif
