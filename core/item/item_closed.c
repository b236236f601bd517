/* Closed items by whose they are: so that who has the most of them makes room. */
#include "core/item/item_private.h"

#include <errno.h>
#include <stdlib.h>

/* A user who has closed ones; there are at most as many as closed ones. */
struct item_owner {
	struct item_owner *next;
	uid_t uid;
	size_t count, bytes;
	struct item *first, *last; /* in the order in which they were closed */
};

/* Where the user's stands, or NULL is. */
static struct item_owner **owner(struct item_list *closed, uid_t uid)
{
	struct item_owner **at = &closed->owners;

	while (*at && (*at)->uid != uid)
		at = &(*at)->next;
	return at;
}

int item_closed_add(struct item_list *closed, struct item *item)
{
	const struct item_ops *ops = item_kinds[item->kind];
	struct item_owner **at = owner(closed, item->uid), *o = *at;

	if (!o && !(o = *at = calloc(1, sizeof(*o))))
		return -ENOMEM;
	o->uid = item->uid;
	item->bytes = ops->bytes ? ops->bytes(item) : 0;
	item->own_next = NULL;
	item->own_prev = o->last;
	*(o->last ? &o->last->own_next : &o->first) = item;
	o->last = item;
	o->count++;
	o->bytes += item->bytes;
	closed->bytes += item->bytes;
	return 0;
}

void item_closed_take(struct item_list *closed, struct item *item)
{
	struct item_owner **at = owner(closed, item->uid), *o = *at;

	*(item->own_prev ? &item->own_prev->own_next : &o->first) = item->own_next;
	*(item->own_next ? &item->own_next->own_prev : &o->last) = item->own_prev;
	item->own_prev = item->own_next = NULL;
	closed->bytes -= item->bytes;
	o->bytes -= item->bytes;
	if (--o->count == 0) {
		*at = o->next;
		free(o);
	}
}

/* Whoever has the most; of several, whose oldest is the oldest: in whatever order they stand here,
 * it is the same one. */
static const struct item_owner *greatest(const struct item_list *closed, bool by_bytes)
{
	const struct item_owner *most = closed->owners;

	for (const struct item_owner *o = most; o; o = o->next) {
		const size_t one = by_bytes ? o->bytes : o->count;
		const size_t two = by_bytes ? most->bytes : most->count;

		if (one > two || (one == two && o->first->closed_pos < most->first->closed_pos))
			most = o;
	}
	return most;
}

struct item *item_closed_excess(const struct item_list *closed, const struct item *newest)
{
	const struct item_ops *ops = item_kinds[newest->kind];
	struct item *oldest;

	if (closed->count > ops->closed_max)
		return greatest(closed, false)->first;
	if (!ops->bytes || closed->bytes <= ops->closed_bytes)
		return NULL;
	oldest = greatest(closed, true)->first;
	return oldest != newest ? oldest : NULL;
}

void item_closed_release(struct item_list *closed)
{
	struct item_owner *o;

	while ((o = closed->owners)) {
		closed->owners = o->next;
		free(o);
	}
}
