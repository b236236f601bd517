/* Shared by item*.c alone. Threads: as core/item/item.h. */
#ifndef CORE_ITEM_PRIVATE_H
#define CORE_ITEM_PRIVATE_H

#include "core/item/item.h"

/* Makes one that can be found and stands in no list yet; NULL: out of memory. And puts it in its
 * list: -ENOMEM. */
struct item *item_make(struct state *, enum item_kind, const char *id);
int item_enlist(struct state *, struct item *);

/* Closed ones by whose they are (item_closed.c): one is added, after all others that are there, or
 * taken out, beside being put into the list itself. -ENOMEM, and nothing is changed. */
int item_closed_add(struct item_list *, struct item *);
void item_closed_take(struct item_list *, struct item *);
/* Which one is to be dropped now that `newest` was closed; NULL: none. */
struct item *item_closed_excess(const struct item_list *, const struct item *newest);
void item_closed_release(struct item_list *);

#endif
