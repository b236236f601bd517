/*
 * What node*.c share: node.c, which holds the table; node_version.c, what a version consists of;
 * node_stat.c, its attributes; node_synced.c, which versions of synced files are gone; and
 * node_found.c, the texts of what queries found. Threads: as fs/node.h; what is in the table is
 * under its lock.
 */
#ifndef FS_NODE_PRIVATE_H
#define FS_NODE_PRIVATE_H

#include "fs/node.h"

#include <pthread.h>

#define BUCKETS  65536 /* a power of two */
#define ROWS_MAX 256

/* A thread that was told ESTALE, and for which file (node_synced.c). */
#define TOLD_MAX 64
struct told {
	pid_t tid;
	bool opening;
	uint64_t ino, looks;
	int64_t time_us;
};

struct nodes {
	struct loop *loop;
	int64_t born_us;
	pthread_mutex_t mutex; /* of all below */
	uint64_t changes;      /* of synced files (nodes_change); read without the lock, too */
	uint64_t looks;        /* how often a file was looked up */
	size_t text_bytes;     /* of what queries found */
	struct told told[TOLD_MAX];
	size_t told_next;
	struct node root;
	struct node *buckets[BUCKETS]; /* by number */
	struct node *by_row[ROWS_MAX]; /* the newest first */
};

static inline bool row_has_text(const struct row *row)
{
	return row->shape == SHAPE_SNAPSHOT || row->shape == SHAPE_VALUE;
}

/* Where the nodes of a number begin; the one among them that a lookup of the place gives, or NULL.
 * Under the table's lock. */
struct node **nodes_bucket(struct nodes *, uint64_t ino);
struct node *node_newest(struct nodes *, const struct where *, uint64_t ino);

/* Makes what a version of the file consists of, in a node with a place. Without locks. -ENOMEM,
 * -EIO, or what making the text said. */
int node_fill(struct nodes *, const struct caller *, struct node *, struct error *);
int node_look(const struct caller *, struct node *); /* of a TREE; the errnos of its `look` */

/* Whether a node that is there still shows its file as it is, which `fresh` was just made of; and
 * whether nothing of it can have changed, with the log beginning at first_pos. */
bool node_is_current(const struct node *, const struct node *fresh);
bool node_is_lasting(const struct where *, const struct node *, int64_t first_pos);

/* The text of what a query found came into the table, which may free older ones; and it goes with
 * its node. Nothing for others. Under the table's lock. */
void node_text_came(struct nodes *, const struct node *);
void node_text_gone(struct nodes *, const struct node *);

#endif
