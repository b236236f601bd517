/*
 * What the kernel knows of memory/ (core/memory/memory.h): a number for each inode is the address
 * of a *view* of it.
 *
 * A file, a link or a socket has one view, by whatever path it was found, so that the kernel has
 * one copy of its pages and one set of its locks. A directory has one for itself and one for each
 * as/<id>/memory that was looked into: who makes or removes something there is that session. Who
 * opens a file is known by how the calling thread has just found it: below as/ a name is asked for
 * each time.
 *
 * What is changed below as/<id>/memory the kernel has to forget of memory/ itself: the change is
 * answered once it has, or (fs/memory_forget.h) after a moment where it can't yet. Names of two
 * views never meet in one rename (EXDEV).
 *
 * A view lives as long as the kernel refers to it (FUSE's lookup count). Any thread.
 */
#ifndef FS_MEMORY_VIEW_H
#define FS_MEMORY_VIEW_H

#include "fs/lower.h"
#include "fs/route.h"

#include "core/memory/memory.h"
#include "core/state/bind.h"

#include <sys/stat.h>

struct act;
struct memory_views;

/* The root is what the table says, and owned by whose the mount is. */
struct memory_fixed {
	uint64_t ino; /* 0: it is no root */
	mode_t mode;
	uid_t uid;
	gid_t gid;
};

struct memory_view {
	struct lower lower;
	struct memory_node *node; /* referred to */
	struct session *as;       /* held; NULL: of memory/ itself, or a file */
	struct memory_fixed fixed;
	uint64_t lookups;         /* under the views' lock */
	struct memory_view *next; /* of the same node */
	struct memory_view *all_next, **link;
};

struct memory_views *memory_views_new(struct server *); /* NULL: out of memory */
void memory_views_free(struct memory_views *);          /* takes NULL */
/* Ends the thread; whoever waits for it is answered. */
void memory_views_stop(struct memory_views *);

struct memory_view *memory_view_of(fuse_ino_t);
void memory_view_forget(struct memory_views *, struct memory_view *, uint64_t count);

/* The view of a node that was referred to once for this, with one more lookup counted: below a
 * directory's view, or (`fixed` is not NULL) of the memory's root. NULL: out of memory; the
 * reference is gone. */
struct memory_view *memory_view_find(struct memory_views *, struct memory_node *,
	struct session *as, const struct memory_fixed *);

/* This thread has found a file through as/; and: through whose, a moment ago, this file, if any
 * (held). */
void memory_views_found(
	struct memory_views *, pid_t tid, const struct memory_view *, struct session *as);
struct session *memory_views_finder(struct memory_views *, pid_t tid, const struct memory_view *);

/* A name in a directory, and the directory, were changed through as/: calls `then`, maybe on
 * another thread, when the kernel has forgotten what memory/ had there, or can't soon. `name` NULL:
 * the directory's attributes alone. */
void memory_views_changed(struct memory_views *, const struct memory_view *dir, const char *name,
	void (*then)(void *), void *arg);

/* What lookup answers for a view (ops_memory.c); without that lookup where it fails. */
int memory_fill_entry(const struct caller *, struct memory_view *, struct fuse_entry_param *);

#endif
