/* Shared by view.c, view_fetch.c, view_locate.c and view_read.c alone. Threads: as
 * core/state/view.h. */
#ifndef CORE_VIEW_PRIVATE_H
#define CORE_VIEW_PRIVATE_H

#include "core/state/view.h"

/* These work with the state's lock held for reading, and may block for the disk. -EIO,
 * -EUCLEAN, -ENOMEM. */

/* Bytes of the view's sum before `pos`, which has not expired. */
int view_sum(const struct view *, struct index *, int64_t pos, uint64_t *out);
uint64_t view_sum_all(const struct view *); /* never blocks */

/* A position after which the view has no line. Never blocks. */
static inline int64_t view_last_pos(const struct view *v)
{
	int64_t last = v->plus[0]->last_pos;

	return v->plus[1] != NULL && v->plus[1]->last_pos > last ? v->plus[1]->last_pos : last;
}

/* Walks the lines of a view by the index, from the first at `pos` or later. A walk that was
 * started, or failed to, is to be released. */
struct view_walk {
	int64_t pos; /* INT64_MAX: at the end */
	uint32_t len;
	/* private */
	struct walk plus[2], minus, *at;
};
int view_walk_start(struct view_walk *, const struct view *, struct index *, int64_t pos);
int view_walk_next(struct view_walk *);
void view_walk_release(struct view_walk *);

/* Some lines of a view, found without the state's lock held by the caller. */
#define FOUND_MAX 128
struct found {
	int64_t pos;
	size_t len;            /* of the line, by the index */
	struct record *record; /* held; NULL: it went from the log in the meantime */
};
struct finding {
	int64_t pos;  /* where to begin; afterwards, where to go on */
	bool expired; /* where it was to begin has expired: it began later */
	size_t count;
	struct found found[FOUND_MAX];
};

/* Finds up to `most` lines (1 to FOUND_MAX), and no further one once there are `bytes` of them.
 * None are found only where there are none. On failure nothing is held. */
int view_find(const struct view *, struct loop *, struct finding *, size_t most, size_t bytes);
void finding_release(struct finding *);

/* Finds the line that holds byte at->off, which is kept: at or after first_pos. Sets at->pos and
 * at->skip. Takes the state's lock. -ESTALE: it has expired meanwhile; -EIO, -EUCLEAN,
 * -ENOMEM. */
int view_locate(const struct view *, struct loop *, int64_t first_pos, struct view_place *at);

#endif
