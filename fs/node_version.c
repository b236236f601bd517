/* What a version of a file consists of, and whether it is still what is there. */
#include "fs/node_private.h"

#include "fs/files.h"

#include "core/context/catalog.h"
#include "core/state/parts.h"
#include "core/state/refusal.h"

#include <string.h>

/* Whether a node that is there still shows its file as it is. */
bool node_is_current(const struct node *n, const struct node *fresh)
{
	if (row_has_text(n->where.row))
		return n->text_len == fresh->text_len &&
		       (n->text_len == 0 || memcmp(n->text, fresh->text, n->text_len) == 0);
	if (n->where.row->ops == &errors_ops)
		return n->first == fresh->first;
	if (n->content.is_file)
		return n->content.id == fresh->content.id &&
		       n->content.version == fresh->content.version &&
		       n->content.modified_us == fresh->content.modified_us &&
		       n->content.size == fresh->content.size &&
		       n->content.fetched == fresh->content.fetched;
	if (n->has_view)
		return n->view.base_bytes == fresh->view.base_bytes;
	return true;
}

/* Files that a look at the table is enough for: nothing of them can have changed. */
bool node_is_lasting(const struct where *w, const struct node *n, int64_t first_pos)
{
	if (row_has_text(w->row) || w->row->ops == &errors_ops)
		return false;
	if (w->row->shape == SHAPE_TREE)
		return true; /* nodes_change tells when not */
	if (w->row->shape == SHAPE_LOG)
		return n->first_pos == first_pos && w->row->ops != &since_ops;
	return true;
}

int node_look(const struct caller *c, struct node *n)
{
	struct entry e = {0};
	int r = n->where.row->ops->look(c, &n->where, &e);

	if (!r) {
		n->content = (struct content){
			.is_file = !e.is_dir,
			.fetched = e.fetched,
			.object = e.object,
			.size = e.size,
			.id = e.id,
			.version = e.version,
			.modified_us = e.modified_us ? e.modified_us : e.updated_us,
		};
		n->time_us = e.updated_us ? e.updated_us : n->time_us;
	}
	entry_release(&e);
	return r;
}

/* Makes what a version of the file consists of. */
int node_fill(struct nodes *t, const struct caller *c, struct node *n, struct error *err)
{
	const struct row *row = n->where.row;
	struct buf text = BUF_INIT;
	uint64_t end;
	int r;

	n->time_us = t->born_us;
	if (row->ops == &errors_ops) {
		refusal_span(t->loop->refusals, n->where.viewer, &n->first, &end, &n->time_us);
	} else if (row->shape == SHAPE_LOG) {
		r = row->ops->view(c, &n->where, &n->view);
		if (r)
			return r;
		n->has_view = true;
	} else if (row->shape == SHAPE_TREE) {
		return node_look(c, n);
	} else if (row_has_text(row)) {
		r = row->ops->text(c, &n->where, &text, err);
		if (!r)
			r = buf_error(&text);
		if (r) {
			buf_release(&text);
			return r;
		}
		n->time_us = row == &readme_row ? t->born_us : loop_wall_us(t->loop);
		n->text = buf_detach(&text, &n->text_len);
	}
	return 0;
}
