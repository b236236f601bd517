/* Finding items, and making, changing and closing them as records say. */
#include "core/item/item.h"
#include "core/item/item_private.h"

#include "core/base/json.h"
#include "core/state/parts.h"
#include "core/state/session.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct item_ops *const item_kinds[ITEM_KINDS] = {
	[ITEM_ASK] = &ask_item,
	[ITEM_TASK] = &task_item,
	[ITEM_CLAIM] = &claim_item,
	[ITEM_COLLABORATION] = &collaboration_item,
	[ITEM_ALERT] = &alert_item,
};

#define SLOTS (sizeof(((struct items *)0)->hash) / sizeof(struct item *))

static struct item **slot(struct items *items, enum item_kind kind, const char *id)
{
	uint32_t h = 2166136261u + (uint32_t)kind;

	for (; *id; id++)
		h = (h ^ (unsigned char)*id) * 16777619u;
	return &items->hash[(h ^ (h >> 16)) & (SLOTS - 1)];
}

struct item *state_item(const struct state *st, enum item_kind kind, const char *id)
{
	struct item *item = *slot((struct items *)&st->items, kind, id);

	while (item && (item->kind != kind || strcmp(item->id, id) != 0))
		item = item->hash_next;
	return item;
}

struct item *item_ref(struct item *item)
{
	atomic_fetch_add_explicit(&item->refs, 1, memory_order_relaxed);
	return item;
}

void item_unref(struct item *item)
{
	if (!item || atomic_fetch_sub_explicit(&item->refs, 1, memory_order_acq_rel) != 1)
		return;
	if (item_kinds[item->kind]->release)
		item_kinds[item->kind]->release(item);
	free(item->id);
	free(item->from);
	free(item);
}

size_t items_of(const struct state *st, enum item_kind kind, uid_t uid)
{
	size_t n = 0;

	for (const struct item *i = st->items.open[kind].first; i; i = i->next)
		n += i->uid == uid;
	return n;
}

int64_t item_number(struct loop *loop, enum item_kind kind, char out[ID_MAX + 1])
{
	static const char letters[ITEM_KINDS] = {'q', 't', 'm', 'c', 'a'};
	struct state *st = loop->state;
	int64_t *last = &loop->numbers[kind];

	if (*last < st->items.numbers[kind])
		*last = st->items.numbers[kind];
	do
		snprintf(out, ID_MAX + 1, "%c%lld", letters[kind], (long long)++*last);
	while (state_item(st, kind, out));
	return *last;
}

/* Lists. */

static void list_add(struct item_list *list, struct item *item)
{
	item->next = NULL;
	item->prev = list->last;
	*(list->last ? &list->last->next : &list->first) = item;
	list->last = item;
	list->count++;
}

static void list_take(struct item_list *list, struct item *item)
{
	*(item->prev ? &item->prev->next : &list->first) = item->next;
	*(item->next ? &item->next->prev : &list->last) = item->prev;
	item->prev = item->next = NULL;
	list->count--;
}

void item_touch(struct state *st, struct item *item)
{
	if (item->dirty)
		return;
	item->dirty = true;
	item_ref(item);
	item->dirty_next = st->items.dirty;
	st->items.dirty = item;
}

/* Makes one that no list has yet. */
struct item *item_make(struct state *st, enum item_kind kind, const char *id)
{
	struct item **head = slot(&st->items, kind, id), *item;

	item = calloc(1, item_kinds[kind]->size);
	if (!item)
		return NULL;
	item->kind = kind;
	atomic_init(&item->refs, 1);
	item->id = strdup(id);
	if (!item->id) {
		item_unref(item);
		return NULL;
	}
	item->hash_next = *head;
	*head = item;
	return item;
}

int item_enlist(struct state *st, struct item *item)
{
	int r = item->closed_us ? item_closed_add(&st->items.closed[item->kind], item) : 0;

	if (!r)
		list_add(&(item->closed_us ? st->items.closed : st->items.open)[item->kind], item);
	return r;
}

/* Lets go of what a large one holds before it is saved that it is gone, which may take a while: its
 * name is enough for that. Not where anybody else has it still; nobody can find it any more. */
static void empty(struct item *item)
{
	const struct item_ops *ops = item_kinds[item->kind];

	if (!ops->bytes || atomic_load_explicit(&item->refs, memory_order_acquire) > 1)
		return;
	ops->release(item);
	memset((char *)item + sizeof(*item), 0, ops->size - sizeof(*item));
}

/* Drops a closed one. */
static void drop(struct state *st, struct item *item)
{
	struct item **link = slot(&st->items, item->kind, item->id);

	while (*link != item)
		link = &(*link)->hash_next;
	*link = item->hash_next;
	item_closed_take(&st->items.closed[item->kind], item);
	list_take(&st->items.closed[item->kind], item);
	item->gone = true;
	item_touch(st, item);
	item_unref(item);
	empty(item); /* those that are to be saved hold it */
}

static int close_item(struct state *st, struct item *item, const struct record *r)
{
	struct item_list *closed = &st->items.closed[item->kind];
	struct item *oldest;

	if (item_closed_add(closed, item))
		return -ENOMEM;
	list_take(&st->items.open[item->kind], item);
	item->closed_us = r->time_us;
	item->closed_pos = r->pos;
	list_add(closed, item);
	while (closed->count > 0 && (oldest = item_closed_excess(closed, item)))
		drop(st, oldest);
	return 0;
}

/* Applying. */

int item_kind_of(const char *type)
{
	/* A decision is a collaboration's. */
	if (strncmp(type, "decision.", 9) == 0)
		return ITEM_COLLABORATION;
	for (int kind = 0; kind < ITEM_KINDS; kind++)
		if (strncmp(type, item_kinds[kind]->prefix, strlen(item_kinds[kind]->prefix)) == 0)
			return kind;
	return -1;
}

static int begin(struct state *st, enum item_kind kind, const char *id, const struct record *r,
	const struct json *detail, struct item **out)
{
	struct item *item = item_make(st, kind, id);
	int64_t gid = 0, number = 0;

	if (!item)
		return -ENOMEM;
	json_get_integer(detail, "gid", 0, UINT32_MAX, &gid, NULL);
	json_get_integer(detail, "number", 0, INT64_MAX, &number, NULL);
	if (number > st->items.numbers[kind])
		st->items.numbers[kind] = number;
	item->uid = r->uid;
	item->gid = (gid_t)gid;
	if (r->session)
		memcpy(item->session, r->session, strnlen(r->session, ID_MAX));
	item->began_us = r->time_us;
	item->began_pos = r->pos;
	item_enlist(st, item); /* it is open: that can't fail */
	*out = item;
	return item_take_text(&item->from, detail, "from");
}

int items_apply(
	struct state *st, int kind, struct record *r, const struct json *detail, const char *text)
{
	const struct item_ops *ops = item_kinds[kind];
	const char *id = NULL;
	struct item *item;
	bool closes = false;
	int err = 0;

	json_get_string(detail, "item", 0, &id, NULL);
	if (!id) /* an event of such a type that is no item's: as it was written */
		return 0;
	item = state_item(st, (enum item_kind)kind, id);
	if (item && item->closed_us && strcmp(r->type, ops->begins) == 0) {
		drop(st, item); /* another begins by its id */
		item = NULL;
	}
	if (!item && strcmp(r->type, ops->begins) == 0)
		err = begin(st, (enum item_kind)kind, id, r, detail, &item);
	if (err || !item) /* it was forgotten */
		return err;
	err = ops->apply(st, item, r, detail, text, &closes);
	if (err)
		return err;
	r->item = item_ref(item);
	item_touch(st, item);
	return closes && !item->closed_us ? close_item(st, item, r) : 0;
}

int items_session_ends(
	struct loop *loop, struct act *act, const struct session *s, struct error *err)
{
	int r = 0;

	for (int kind = 0; kind < ITEM_KINDS && !r; kind++) {
		struct item *item = loop->state->items.open[kind].first;

		for (; item && item_kinds[kind]->session_ends && !r; item = item->next)
			r = item_kinds[kind]->session_ends(loop, act, item, s, err);
	}
	return r;
}

void items_forget(struct state *st, int64_t closed_before_us)
{
	for (int kind = 0; kind < ITEM_KINDS; kind++) {
		struct item_list *closed = &st->items.closed[kind];

		while (closed->first && closed->first->closed_us < closed_before_us)
			drop(st, closed->first);
	}
}

void items_release(struct items *items)
{
	struct item *item, *next;

	while ((item = items->dirty)) {
		items->dirty = item->dirty_next;
		item_unref(item);
	}
	for (int kind = 0; kind < ITEM_KINDS; kind++)
		item_closed_release(&items->closed[kind]);
	for (size_t i = 0; i < SLOTS; i++) {
		for (item = items->hash[i]; item; item = next) {
			next = item->hash_next;
			item_unref(item);
		}
	}
}
