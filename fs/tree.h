/*
 * The tree, as one table: every path that the mount shows is a row.
 *
 * lookup, readdir, getattr, access, the text that a file for writing shows when it is read, the
 * README.md of every directory and the documents come from here. The table holds no logic: a row
 * names its operations, which are of few shapes. `<session>` and the like in a path stand for names
 * that are looked up (fs/route.h).
 */
#ifndef FS_TREE_H
#define FS_TREE_H

#include "core/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct act;
struct buf;
struct caller;
struct entry;
struct fuse_entry_param;
struct handle;
struct item;
struct message;
struct names;
struct server;
struct view;
struct where;

enum shape {
	SHAPE_DIR,
	SHAPE_LINK,     /* a symbolic link, made anew for each caller */
	SHAPE_SNAPSHOT, /* a text, taken whole when it is looked up */
	SHAPE_VALUE,    /* the same, that may be written too */
	SHAPE_SINK,     /* for writing; reading tells how */
	SHAPE_LOG,      /* lines of the log; may be for writing too. Has a .live twin, a stream */
	SHAPE_TURN,     /* waits until there is something, then is that text */
	SHAPE_TREE,     /* directories and files that the table doesn't know, below this one */
	SHAPE_GRAFT,    /* a directory of another file system, with operations of its own */
};

enum {
	ROW_UNLISTED = 1 << 0, /* not shown by readdir */
	ROW_OWN = 1 << 1, /* what is written comes from the session of the path, its uid's alone */
	ROW_READER = 1 << 2, /* for who reads as that session: not for one bound to another */
	ROW_WAITS = 1 << 3,  /* SINK, unlisted: every read is `ready`'s, and waits */
};

/* What a row can do; what it can't is NULL. `error` takes the reason of a refusal. */
struct file_ops {
	/* LINK, SNAPSHOT, VALUE: the text. */
	int (*text)(const struct caller *, const struct where *, struct buf *out, struct error *);
	/* LOG: the lines. */
	int (*view)(const struct caller *, const struct where *, struct view *out);
	/* LOG: whether the caller may open it, or its twin, to read; where its mode can't say. */
	int (*reads)(const struct caller *, const struct where *, struct error *);
	/* Anything that is written: whether a message may begin; and one message, which is made
	 * part of an act that the file system submits (or, where there is nothing to keep, is done
	 * at once and leaves *act NULL). */
	int (*may)(struct handle *, struct error *);
	int (*take)(struct handle *, const struct message *, struct act **act, struct error *);
	/* After its act was done: what reading the same descriptor answers. */
	void (*answer)(struct handle *, struct act *, struct buf *out);
	/* Read after a write, or always where the row says ROW_WAITS: adds the answer, -EAGAIN: not
	 * yet (fs/later.h). A refusal with a reason is a line in `errors`. */
	int (*ready)(struct handle *, struct buf *out, struct error *);
	/* A read waits for what `ready` is to give, of that item. Called without locks; the handle
	 * may be gone. */
	void (*awaited)(struct server *, struct item *);
	/* TURN: fills the handle's text, -EAGAIN: not yet; and what reading it to its end does. */
	int (*turn)(struct handle *);
	int (*turn_end)(struct handle *, struct act **act);
	/* SINK: opened for writing (ROW_WAITS: in any way); written to (whatever it is) or touched;
	 * closed, after it was opened. */
	int (*opened)(struct handle *, struct error *);
	int (*touched)(const struct caller *, const struct where *, struct handle *);
	void (*closed)(struct handle *);
	/* TREE: a name in a directory of it (*out is the directory's place, to be made the name's),
	 * -ENOENT; and what there is at a place. */
	int (*enter)(const struct caller *, const struct where *dir, const char *name,
		struct where *out);
	int (*look)(const struct caller *, const struct where *, struct entry *out);
	/* DIR, TREE: names beyond those of the table; mkdir and rmdir of one in it. Where *act is
	 * left NULL it is done. */
	int (*list)(const struct caller *, const struct where *, struct names *);
	int (*make)(const struct caller *, const struct where *, const char *name, struct act **,
		struct error *);
	int (*remove)(const struct caller *, const struct where *, struct act **, struct error *);
	/* GRAFT: what lookup answers for its root, with one lookup counted. */
	int (*graft)(const struct caller *, const struct where *, struct fuse_entry_param *);
};

struct row {
	const char *path; /* from the mount's root, "" for it */
	enum shape shape;
	mode_t mode; /* permissions */
	unsigned flags;
	const struct file_ops *ops; /* NULL: a directory of the table's rows alone */
	const char *help;           /* one line */
	const char *usage;          /* SINK: how to use it, an example; NULL: none */
};

extern const struct row
	tree[]; /* ends with a NULL path; what is in a directory stands right behind it */

#endif
