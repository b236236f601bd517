/*
 * Spots: the directories that are watched, and libinotifytools, all use of which is here and by one
 * thread.
 *
 * The library has one inotify instance for the process, knows watches by the name that they were
 * made with, and forgets none; so a spot's name is used once, no watch is removed singly, and when
 * names are no longer right (a directory was moved), or too many are stale, all is begun anew. It
 * takes what it watches by path, and would follow links and enter mounts when it walks: so the walk
 * is ours.
 */
#ifndef CORE_FOLDER_SPOTS_H
#define CORE_FOLDER_SPOTS_H

#include "core/context/folder_private.h"
#include "core/context/source.h"

#include <stdint.h>

/* A folder, as far as spots know it. */
struct folder_root {
	const struct source_config *config;
	const struct folder_rights *rights;
	char *path; /* without links; NULL: not found yet */
	dev_t dev;
	ino_t ino;
};

struct spots;

/* `wake` is a file whose opening is an event that belongs to no folder. -EBUSY: there is one in
 * this process; -EMFILE: select(2) could not take its descriptor; -ENOMEM; of inotify_init(2). */
int spots_new(const char *wake, struct spots **out);
void spots_free(struct spots *); /* takes NULL */

/* Forgets every spot, and begins anew: errors as spots_new(). After an error only this, and
 * spots_free(), may be called. */
int spots_reset(struct spots *);

size_t spots_stale(const struct spots *); /* watches that the library still knows */
size_t spots_count(const struct spots *);

/* Watches the directory `dir` of the root, which is open (""
 * itself), and all below that the source wants
 * and its rights may read. -ENOSPC: out of watches; -ENOMEM; for "" errors of opening it too. */
int spots_add(struct spots *, const struct folder_root *, int fd, const char *dir);

/* What happened to a spot. */
struct spot_event {
	uint32_t mask;    /* inotify(7) */
	const char *path; /* of what it is about, absolute: good until the next call */
	bool of_spot;     /* a directory in a spot, which is a spot itself */
	struct folder_root *const *roots; /* whose it is; none for what is unknown */
	size_t count;
};

/* The next event, waited for as many seconds (0: not at all; -1: for ever). False: none. A spot
 * that the kernel has let go of is none any more. */
bool spots_next(struct spots *, int seconds, struct spot_event *out);

#endif
