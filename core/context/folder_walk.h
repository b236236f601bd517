/*
 * One sync of one folder, for folder.c, which goes through the directories, and folder_read.c,
 * which reads the files. Of one thread.
 */
#ifndef CORE_FOLDER_WALK_H
#define CORE_FOLDER_WALK_H

#include "core/context/folder_private.h"
#include "core/context/sources.h"

#define FOLDER_CHUNK ((size_t)256 << 10)

struct folder_walk {
	struct sync *sync;
	struct folder_rights rights;
	int root;
	struct folder_todo *todo; /* directories to be listed */
	size_t entries;
	char *chunk; /* of FOLDER_CHUNK bytes, for whoever reads */
	struct error *err;
};

/* Reads the file of that path, which is in the directory that is open, and hands it over. What
 * can't be read, or doesn't hold still, is trouble; 0 then too. -ECANCELED, and what the store
 * can't do. */
int folder_fetch(struct folder_walk *, int dir, const char *path);

/* Tells the sync of what could not be had, and that the rest goes on: 0. */
__attribute__((format(printf, 4, 5))) int folder_trouble(
	struct folder_walk *, const char *path, int code, const char *fmt, ...);

int folder_stopped(struct folder_walk *); /* -ECANCELED once the sync is to end */

/* folder_open_dir() or folder_open_file(), with the rights of the source's uid. */
int folder_open_as(
	struct folder_walk *, int (*open_it)(int, const char *), int dir, const char *path);

/* An errno of it: what is gone by now, or is no file or directory of this folder any more, which
 * the next sync sees. */
bool folder_is_gone(int rc);

#endif
