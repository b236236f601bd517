/*
 * An open file or directory: who opened it, what was written to it and not yet taken, and how far
 * it was read.
 *
 * Identity is fixed at open. Calls on one handle may come at once from several threads; `lock`
 * guards all of it but what is fixed. The kernel releases a handle only when nothing is under way
 * on it.
 */
#ifndef FS_HANDLE_H
#define FS_HANDLE_H

#include "fs/node.h"

#include "core/base/framer.h"
#include "core/base/rate.h"
#include "core/state/bind.h"

#include <pthread.h>

struct fuse_pollhandle;
struct holder;
struct item;
struct names;
struct parked;
struct stream;
struct turning;

struct handle {
	/* fixed at open */
	struct server *server;
	struct loop *loop;
	struct node *node; /* the kernel holds it while the file is open */
	struct actor actor;
	int flags; /* of open(2) */
	bool writes;

	pthread_mutex_t lock;
	struct framer framer;
	struct burst burst;
	struct buf value;  /* what was written of a value that takes several writes */
	struct buf query;  /* context/query: what was asked */
	uint64_t ticket;   /* sync: which one was asked for */
	struct item *item; /* what was made by writing, or is waited for; held */
	int taken;         /* messages of this write so far */
	int fd;            /* TREE: the file's content; -1: not opened yet */
	bool wrote;        /* something was written, ever */
	bool broken;       /* incomplete JSON was told of already */
	bool cut;          /* what comes next is the rest of a message that was too long */
	size_t last_size;  /* of the write before */
	off_t last_end;    /* where it ended */
	struct buf text;   /* what reading gives: an answer, a turn's text */
	bool has_text;
	bool told;           /* why there is no answer stands in `errors` */
	off_t text_at;       /* the offset at which it begins: where the last write ended */
	size_t text_read;    /* TURN: how much of it was read */
	struct names *names; /* DIR: as they stood when it was last read from its beginning */
	struct view_place place;
	struct record *leased; /* next: what this reader was handed; held */
	bool marked;           /* and it is marked read */
	bool opened;           /* the row's `closed` is due */
	bool reading;          /* it counts among those who have an inbox open */
	struct holder *alive;
	struct stream *stream;
	struct turning *turning;
	/* under the lock of the waits: reads of an answer to come, and a poll (fs/later.h) */
	struct parked *parked;
	struct fuse_pollhandle *poll;
	struct handle *later_next, **later_link; /* of the server's who wait */
	struct handle *next, **link;             /* of the server's open ones */
};

int handle_new(
	const struct caller *, struct node *, int flags, struct handle **out, struct error *);
void handle_free(struct handle *); /* takes NULL */

/* Frees those that the kernel will not release any more: the mount is gone. */
void handles_free(struct server *);

/* Opens a synced file's content, with the handle's lock held: at the first read, since what the
 * kernel has cached is never read. Before its version may go handles_keep() opens it for those who
 * have not read yet, and keep it. Errors as object_open(). */
int handle_content(struct handle *);
void handles_keep(struct server *);

/* Why something was refused, as a line in the caller's `errors`: at a place or, where `name` is not
 * NULL, for that name in it. `err` may hold only a code. */
void refuse(struct server *, uid_t uid, pid_t pid, const struct session *, const struct where *,
	const char *name, int code, const struct error *err);

#endif
