/*
 * A tree of files that the floor serves from memory: what the same tree costs through FUSE when
 * nothing needs to be looked for. Its attributes, names, contents and listings may be kept by the
 * kernel for good. Loaded once; any number of threads may then read it.
 */
#ifndef BENCH_FLOOR_TREE_H
#define BENCH_FLOOR_TREE_H

#include <fuse_lowlevel.h>
#include <stdbool.h>
#include <sys/stat.h>

#define FLOOR_TREE_INO 1048576 /* its root; its other inodes are behind it */

struct floor_tree;

/* Reads a directory, with all below it. NULL where it can't, or has more than a tree should. */
struct floor_tree *floor_tree_load(const char *dir);
void floor_tree_free(struct floor_tree *t); /* takes NULL */

static inline bool floor_tree_has(fuse_ino_t ino)
{
	return ino >= FLOOR_TREE_INO;
}

/* Sets mode and size; of an inode that was given out. */
void floor_tree_attr(const struct floor_tree *t, fuse_ino_t ino, struct stat *st);

/* 0: there is none of that name. */
fuse_ino_t floor_tree_find(const struct floor_tree *t, fuse_ino_t dir, const char *name);

void floor_tree_read(
	const struct floor_tree *t, fuse_req_t req, fuse_ino_t ino, size_t size, off_t off);
void floor_tree_list(
	const struct floor_tree *t, fuse_req_t req, fuse_ino_t dir, size_t size, off_t off);

#endif
