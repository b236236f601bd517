/*
 * What libfuse's operations have in common: who asks, and what is answered. Those of the tree are
 * fs/ops*.c, those of memory/ fs/ops_memory*.c. Each answers its request once, now or later;
 * libfuse calls them on any of its threads.
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

/* The attributes as they are for who asks, and for how long. As node_stat() (fs/node.h). */
int op_fill_attr(
	const struct caller *, const struct node *, struct stat *, double *valid, struct error *);

/* Answers with the errno -r and notes the reason (refuse, fs/handle.h). */
void op_refuse(fuse_req_t, const struct where *, int r, const struct error *);
void op_refuse_in(fuse_req_t, const struct where *, const char *name, int r, const struct error *);

#endif
