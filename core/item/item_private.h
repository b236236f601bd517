/* Shared by item.c and item_save.c alone. Threads: as core/item/item.h. */
#ifndef CORE_ITEM_PRIVATE_H
#define CORE_ITEM_PRIVATE_H

#include "core/item/item.h"

/* Makes one that can be found and stands in no list yet; and puts it in its list. NULL: out of
 * memory. */
struct item *item_make(struct state *, enum item_kind, const char *id);
void item_enlist(struct state *, struct item *);

#endif
