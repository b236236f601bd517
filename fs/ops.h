/*
 * libfuse's operations, as fs/ops.c and fs/ops_dir.c share them. Each answers its request once, now
 * or later; libfuse calls them on any of its threads.
 */
#ifndef FS_OPS_H
#define FS_OPS_H

#include "fs/node.h"

#include <fuse_lowlevel.h>

struct server *op_server(fuse_req_t);
struct caller op_caller(fuse_req_t);
struct node *op_node(struct server *, fuse_ino_t);

/* Finds the node of a place and fills what lookup answers, with one lookup counted. */
int op_find_entry(const struct caller *, struct node *parent, const struct where *,
	struct fuse_entry_param *, struct error *);
void op_reply_entry(fuse_req_t, const struct fuse_entry_param *);

/* Answers with the errno -r and notes the reason (refuse, fs/handle.h). */
void op_refuse(fuse_req_t, const struct where *, int r, const struct error *);
void op_refuse_in(fuse_req_t, const struct where *, const char *name, int r, const struct error *);

/* Directories. */
void op_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi);
void op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode);
void op_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name);
void op_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t dev);
void op_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
	struct fuse_file_info *fi);
void op_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name);
void op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name);
void op_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t to_parent,
	const char *to, unsigned flags);
void op_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t parent, const char *name);

#endif
