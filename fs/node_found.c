/* The texts of what queries found: there are many of them, and they may be large, so they are kept
 * up to so many bytes; then half of those, the older ones, is freed, but for what somebody has
 * open. */
#include "fs/node_private.h"

#include "fs/files.h"

#include <errno.h>
#include <stdlib.h>

#define FOUND_MOST ((size_t)64 << 20)

static bool is_found(const struct node *n)
{
	const struct file_ops *ops = n->where.row->ops;

	return ops == &found_json_ops || ops == &found_md_ops;
}

void node_text_gone(struct nodes *t, const struct node *n)
{
	if (is_found(n) && !n->no_text)
		t->text_bytes -= n->text_len;
}

/* Those of one row are in the order in which they came, the newest first. */
static void make_room_in(struct nodes *t, size_t row)
{
	size_t kept = 0;

	for (struct node *n = t->by_row[row]; n; n = n->row_next) {
		if (!is_found(n))
			return;
		if (n->no_text || (kept += n->text_len) < FOUND_MOST / 4 || atomic_load(&n->opens))
			continue;
		node_text_gone(t, n);
		n->no_text = true;
		n->newest = false;
		free(n->text);
		n->text = NULL;
	}
}

void node_text_came(struct nodes *t, const struct node *n)
{
	if (!is_found(n))
		return;
	t->text_bytes += n->text_len;
	if (t->text_bytes > FOUND_MOST)
		for (size_t i = 0; i < ROWS_MAX; i++)
			make_room_in(t, i);
}

int node_has_text(struct nodes *t, const struct node *n)
{
	bool gone;

	pthread_mutex_lock(&t->mutex);
	gone = n->no_text;
	pthread_mutex_unlock(&t->mutex);
	return gone ? -ESTALE : 0;
}

void node_opened(struct node *n)
{
	atomic_fetch_add(&n->opens, 1);
}

void node_closed(struct node *n)
{
	atomic_fetch_sub(&n->opens, 1);
}
