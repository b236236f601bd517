/*
 * Which inodes there are.
 *
 * The kernel knows a file by a number that we give it at lookup and that it gives back: here the
 * address of a node. There is one node for each *version* of a file:
 *
 * - A snapshot or a value has a node for each text that was looked up. The text is taken whole
 * then, so that its size is true in stat and in fstat, which names no open file. Looking it up
 * again gives the same node as long as the text is the same, else a new one; the old one lives on
 * for those who hold it.
 * - A log has a node for each generation: a view with a first byte that does not move. When old
 *   lines have gone, the path gives a new node; those who hold the old one see their file grow on.
 * - What is a session's has a node for each time that its id was registered: a directory that was
 *   removed is dead to the kernel as long as somebody stands in it.
 * - A synced file has a node for each version. The kernel keeps its pages, its attributes and its
 *   name for as long as it likes; nodes_change() marks the node of a version that is no longer what
 *   is there, and has the kernel ask anew for its attributes. It is then ESTALE to who asks by
 *   path, and the kernel walks the path again (open(2) and stat(2) do so by themselves), which
 *   finds the new one; who has the old one open keeps it.
 * - Everything else has one.
 *
 * All versions of a file show the same st_ino, so that nothing looks replaced. A node lives as long
 * as the kernel refers to it (FUSE's lookup count); the table holds none of its own. Any thread.
 */
#ifndef FS_NODE_H
#define FS_NODE_H

#include "fs/lower.h"
#include "fs/route.h"

#include "core/context/object.h"
#include "core/state/view.h"

#include <stdint.h>
#include <sys/stat.h>

struct nodes;

/* What is at a place of a TREE: one version of it. */
struct content {
	bool is_file, fetched;
	struct object_id object;
	uint64_t size;
	int64_t id, version;
	int64_t modified_us;
};

struct node {
	struct lower lower; /* the tree's */
	struct where where;
	struct node *parent; /* by its number alone: the kernel may have forgotten it */
	uint64_t ino;
	char *text; /* SNAPSHOT, VALUE: what it is; not terminated */
	size_t text_len;
	int64_t time_us;
	bool has_view;
	struct view view;       /* LOG and its twin */
	uint64_t first;         /* errors: the first byte of this generation */
	struct content content; /* TREE */
	uint64_t changes,
		listed; /* a directory of context/files: how often it changed; when listed */
	/* private */
	uint64_t lookups;
	uint64_t looked; /* when a path was last found to lead to it: see struct nodes */
	atomic_int opens;
	bool no_text;      /* it was freed to make room, while nobody had it open */
	bool newest;       /* what a lookup of its path gives */
	int64_t first_pos; /* of the log, when a view was made */
	uint64_t nudged;   /* how long it was when its watchers were nudged (fs/notify.h) */
	struct node *next, **link, *row_next, **row_link;
};

struct nodes *nodes_new(struct loop *); /* NULL: out of memory */
void nodes_free(struct nodes *);

struct node *nodes_root(struct nodes *);

/* The node of a place as it stands now, with one more lookup counted. The `where` is copied,
 * and the parent noted. -ENOMEM,
 * -EIO, or what making the text said. */
int node_find(struct nodes *, const struct caller *, struct node *parent, const struct where *,
	struct node **out, struct error *);

/* Counts one more lookup of a node that is still there; -ENOENT. */
int node_again(struct nodes *, struct node *);

/* The kernel forgot `count` lookups of it. */
void node_forget(struct nodes *, struct node *, uint64_t count);

/* The attributes as they are now; and for how long they stay so, in seconds. A link's are the
 * caller's, and -ENOENT or what else its text says if it leads nowhere for this one. */
int node_stat(struct nodes *, const struct caller *, const struct node *, struct stat *,
	double *valid, struct error *);

/* Files of a source that are not as they were: paths below it, or, where `paths` is NULL, all of
 * it. Calls fn for each node that the kernel has of them. */
void nodes_change(struct nodes *, const struct source *, const char *const *paths, size_t count,
	void (*fn)(void *arg, struct node *), void *arg);

/* Whether it is of a version that is gone, so that the kernel is to walk its path again: to open(2)
 * it; and for its attributes, unless somebody has it open. The kernel does that once: `again` where
 * it has done so and the file changed meanwhile; then it may have the version that it found. Blocks
 * for the disk where nodes_change() told of it. */
bool node_is_stale(struct nodes *, const struct caller *, struct node *);
bool node_is_stale_to_open(struct nodes *, const struct caller *, struct node *, bool *again);

/* Whether nodes_change() has not told of it since. */
bool node_is_newest(struct nodes *, struct node *);

/* A directory of synced files is opened to be listed: whether the kernel may go on with the listing
 * that it has. */
bool node_lists(struct nodes *, struct node *, bool *kept);

/* Every open of a node. What is found by a query may be large, and there are many queries: its text
 * is freed some time after the last close. -ESTALE: it was; then the path must be walked again. */
void node_opened(struct node *);
int node_has_text(struct nodes *, const struct node *);
void node_closed(struct node *);

/* Calls fn for every node of a row that the kernel holds. Under the table's lock: fn only looks. */
void nodes_each(
	struct nodes *, const struct row *, void (*fn)(void *arg, struct node *), void *arg);

/* How many bytes a log has; logs alone. */
uint64_t node_bytes(struct nodes *, const struct node *);

#endif
