/* Shared by ops_memory*.c alone: the operations on memory/, as fs/ops_private.h has them for the
 * tree. */
#ifndef FS_OPS_MEMORY_H
#define FS_OPS_MEMORY_H

#include "fs/memory_view.h"

/* Who acts: in a directory of as/'s that session, else whom the process is. -EMFILE and others as
 * actor_resolve(), where that can't be learnt: nothing is changed in a wrong name. The caller
 * releases it in any case. */
int memory_actor(const struct caller *, const struct memory_view *dir, struct actor *out);
/* The same of who opens or cuts a file, or whatever it is. */
int memory_file_actor(const struct caller *, const struct memory_view *, struct actor *out);

/* Answers -r (0: done), and notes the reason where there is one: at a view, or a name in it. Where
 * the disk refused it the errno has one; of those there is one line a second. */
void memory_refuse(
	fuse_req_t, const struct memory_view *, const char *name, int r, const struct error *);

/* Answers a change that was made: with the entry, or without (NULL), when its act (NULL: there is
 * none) is done. Through as/ also when memory/ itself shows it. */
void memory_made(fuse_req_t, const struct caller *, const struct memory_view *dir, const char *name,
	const struct fuse_entry_param *, struct act *);

void memory_renamed(fuse_req_t, const struct caller *, const struct memory_view *from,
	const char *name, const struct memory_view *to, const char *new_name, struct act *);

/* What lookup answers for a view that was found in `dir`. */
void memory_entry(const struct memory_view *dir, const struct memory_view *, const struct stat *,
	struct fuse_entry_param *);

/* Whatever changes attributes, the kernel sees: it is asked to. So it may keep them; but through
 * as/ it asks each time. */
#define MEMORY_ATTR_VALID 3600.0 /* seconds */

/* A view's attributes as they are shown: the root's are the table's. */
void memory_shown(const struct memory_view *, const struct stat *, struct stat *out);

/* Attributes (ops_memory_attr.c). */
void memory_op_getattr(fuse_req_t, fuse_ino_t, struct fuse_file_info *);
void memory_op_setattr(fuse_req_t, fuse_ino_t, struct stat *, int what, struct fuse_file_info *);
void memory_op_readlink(fuse_req_t, fuse_ino_t);
void memory_op_statfs(fuse_req_t, fuse_ino_t);
void memory_op_getxattr(fuse_req_t, fuse_ino_t, const char *name, size_t);
void memory_op_listxattr(fuse_req_t, fuse_ino_t, size_t);
void memory_op_setxattr(
	fuse_req_t, fuse_ino_t, const char *name, const char *value, size_t, int flags);
void memory_op_removexattr(fuse_req_t, fuse_ino_t, const char *name);

/* Names (ops_memory_dir.c). */
void memory_op_lookup(fuse_req_t, fuse_ino_t parent, const char *name);
void memory_op_mknod(fuse_req_t, fuse_ino_t parent, const char *name, mode_t, dev_t);
void memory_op_mkdir(fuse_req_t, fuse_ino_t parent, const char *name, mode_t);
void memory_op_symlink(fuse_req_t, const char *target, fuse_ino_t parent, const char *name);
void memory_op_link(fuse_req_t, fuse_ino_t, fuse_ino_t parent, const char *name);
void memory_op_unlink(fuse_req_t, fuse_ino_t parent, const char *name);
void memory_op_rmdir(fuse_req_t, fuse_ino_t parent, const char *name);
void memory_op_rename(fuse_req_t, fuse_ino_t parent, const char *name, fuse_ino_t to_parent,
	const char *to, unsigned flags);
void memory_op_opendir(fuse_req_t, fuse_ino_t, struct fuse_file_info *);
void memory_op_readdir(fuse_req_t, fuse_ino_t, size_t, off_t, struct fuse_file_info *);
void memory_op_releasedir(fuse_req_t, fuse_ino_t, struct fuse_file_info *);
void memory_op_fsyncdir(fuse_req_t, fuse_ino_t, int datasync, struct fuse_file_info *);

#endif
