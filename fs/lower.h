/*
 * Whose inode it is: the tree's (fs/ops.c), or of a file system that a row of the table grafts into
 * it (fs/ops_memory.c). Whatever a number that the kernel was given points to begins with a `struct
 * lower`, and each request goes to the operations that this names.
 */
#ifndef FS_LOWER_H
#define FS_LOWER_H

#include <fuse_lowlevel.h>

struct lower {
	const struct fuse_lowlevel_ops *ops; /* NULL: the tree's */
};

extern const struct fuse_lowlevel_ops tree_ops;   /* fs/ops.c */
extern const struct fuse_lowlevel_ops memory_ops; /* fs/ops_memory.c */

/* One lookup of it was counted, and the kernel gave up to ask. */
struct server;
void lower_forget(struct server *, fuse_ino_t);

/* The operations that libfuse is given. */
void ops_init(struct fuse_lowlevel_ops *);

#endif
