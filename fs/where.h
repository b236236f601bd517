/*
 * Places in the tree: which file is meant, and by whom.
 *
 * A `where` says it: its row, whether it is the row's .live twin, the session, agent or word that
 * stands in for the row's `<…>`, and the session through whose as/ the path went. It holds its
 * sessions; copies of it are made and released. Any thread.
 */
#ifndef FS_WHERE_H
#define FS_WHERE_H

#include "fs/tree.h"

#include "core/base/buf.h"
#include "core/base/limits.h"

#include <stdatomic.h>
#include <stdint.h>

#define WHERE_LIVE ".live" /* behind the name of a log: its twin */

struct item;
struct loop;
struct server;
struct session;
struct source;

/* A text that places share: a path below a TREE's row, or a query as it was named. */
struct rest {
	atomic_int refs;
	char text[];
};
struct rest *rest_new(const char *text); /* NULL: out of memory */
void rest_unref(struct rest *);          /* takes NULL */

/* Who asks. */
struct caller {
	struct server *server;
	struct loop *loop;
	uid_t uid;
	gid_t gid;
	pid_t pid; /* the calling thread's; 0: can't be seen */
};

struct where {
	const struct row *row;
	const struct row *dir;   /* for readme_row: whose README.md it is; else NULL */
	bool live;               /* the twin */
	struct session *session; /* of <session>, <own>, <any>; held */
	struct session *as;      /* held */
	int64_t life;            /* when the session began: a new life is another file */
	char word[ID_MAX + 1];   /* <agent>, <type>, <since>, <vote> */
	uid_t viewer;            /* where it shows each uid its own; else 0 */
	struct source *source;   /* of <source>, <synced>; held */
	struct item *item;       /* of <ask>, <task>, <claim>, <collaboration>; held */
	struct rest *rest;       /* TREE: the path below it, NULL: its root; <query>: that; held */
	bool is_dir;             /* TREE */
	int64_t number;          /* TREE: which of several files at one path; 0: the one */
};

void where_release(struct where *);
void where_copy(struct where *to, const struct where *from);
bool where_same(const struct where *, const struct where *);

/* The type bits of its st_mode. */
mode_t where_type(const struct where *);

/* The file's path from the mount's root, through as/ where it is so. */
void where_path(const struct where *, struct buf *out);

/* Its number, the same for every version and generation of a file. */
uint64_t where_ino(const struct where *);

/* Who owns the file: the session's uid, the agent's, or the mount's. */
void where_owner(const struct caller *, const struct where *, uid_t *uid, gid_t *gid);

#endif
