/* What a view is to show: a file made line by line of a plain list of records, and compared. */
#ifndef TESTS_UNIT_VIEW_MODEL_H
#define TESTS_UNIT_VIEW_MODEL_H

#include "tests/unit/view_world.h"

/* One of each kind; each begins at `base`. */
#define VIEWS 8
void view_model_begin(struct view_world *, struct view views[VIEWS], int64_t base);
void view_model_release(struct view views[VIEWS]);

/* The whole file as it is to be. What the log has lost beyond what has expired is a gap by itself,
 * but where it is still in memory. */
void view_model_file(struct view_world *, const struct view *, struct buf *out);

/* Reads it all in pieces, here and there; fetches it all. */
void view_model_check_file(struct view_world *, const struct view *);
void view_model_check_fetch(struct view_world *, const struct view *, int64_t from);
size_t view_model_random_size(struct view_world *); /* of a read */

#endif
