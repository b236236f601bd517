/* Saving items and loading them again: a row is a JSON object, keyed by the kind and the id. */
#include "core/item/item.h"
#include "core/item/item_private.h"

#include "core/base/json.h"
#include "core/log/store.h"
#include "core/state/state.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void item_add_text(struct buf *b, const char *key, const char *text)
{
	if (text)
		buf_add_json_text(b, key, text);
}

void item_add_raw(struct buf *b, const char *key, const char *json)
{
	if (json)
		buf_addf(b, ",\"%s\":%s", key, json);
}

static int replace(char **field, const char *text, size_t len)
{
	char *copy = NULL;

	if (text && !(copy = strndup(text, len)))
		return -ENOMEM;
	free(*field);
	*field = copy;
	return 0;
}

int item_take_text(char **field, const struct json *json, const char *key)
{
	const char *text = NULL;

	if (!json_has(json, key))
		return 0;
	json_get_string(json, key, 0, &text, NULL);
	return replace(field, text, text ? strlen(text) : 0);
}

int item_take_raw(char **field, const char *text, const char *key)
{
	const char *raw;
	size_t len;

	if (!json_member(text, strlen(text), key, &raw, &len))
		return 0;
	if (len == 4 && memcmp(raw, "null", 4) == 0)
		raw = NULL;
	return replace(field, raw, len);
}

/* A claim's name is any text, so the key begins with the kind. */
static void add_key(struct buf *b, const struct item *item)
{
	buf_addf(b, "%d:%s", (int)item->kind, item->id);
}

static void describe(const struct item *item, struct buf *b)
{
	buf_addf(b,
		"{\"uid\":%u,\"gid\":%u,\"session\":\"%s\",\"began\":%lld,\"closed\":%lld,"
		"\"began_pos\":%lld,\"closed_pos\":%lld",
		(unsigned)item->uid, (unsigned)item->gid, item->session, (long long)item->began_us,
		(long long)item->closed_us, (long long)item->began_pos,
		(long long)item->closed_pos);
	item_add_text(b, "from", item->from);
	if (item_kinds[item->kind]->save)
		item_kinds[item->kind]->save(item, b);
	buf_addc(b, '}');
}

static int save(struct state *st, const struct item *item, struct error *err)
{
	struct buf key = BUF_INIT, b = BUF_INIT;
	struct saved_row row;
	int r = 0;

	add_key(&key, item);
	if (!item->gone)
		describe(item, &b);
	if (buf_error(&key) || buf_error(&b)) {
		r = error_set(err, ENOMEM, "no memory to save what %s is", item->id);
	} else if (!item->gone) {
		row = (struct saved_row){.key = key.data, .json = b.data, .json_len = b.len};
		r = store_row_put(st->store, SAVED_ITEM, &row, err);
	} else if (!state_item(st, item->kind, item->id)) { /* else the row is another's by now */
		r = store_row_drop(st->store, SAVED_ITEM, key.data, err);
	}
	buf_release(&key);
	buf_release(&b);
	return r;
}

int items_save(struct state *st, struct error *err)
{
	char name[32];
	int r = 0;

	for (const struct item *i = st->items.dirty; i && !r; i = i->dirty_next)
		r = save(st, i, err);
	for (int kind = 0; kind < ITEM_KINDS && !r; kind++) {
		snprintf(name, sizeof(name), "number.%d", kind);
		r = store_set_number(st->store, name, st->items.numbers[kind], err);
	}
	return r;
}

void items_saved(struct state *st)
{
	struct item *item;

	while ((item = st->items.dirty)) {
		st->items.dirty = item->dirty_next;
		item->dirty = false;
		item->dirty_next = NULL;
		item_unref(item);
	}
}

struct loading {
	struct state *state;
	struct error *err;
	struct item **all;
	size_t count;
};

static int keep(struct loading *l, struct item *item)
{
	struct item **grown = l->all;

	if ((l->count & (l->count - 1)) == 0)
		grown = reallocarray(l->all, l->count ? 2 * l->count : 1, sizeof(struct item *));
	if (!grown)
		return -ENOMEM;
	l->all = grown;
	l->all[l->count++] = item;
	return 0;
}

static int read_item(struct loading *l, const struct saved_row *row, const struct json *json)
{
	const char *session = "", *colon = strchr(row->key, ':');
	const int kind = row->key[0] - '0';
	int64_t uid = 0, gid = 0;
	struct item *item;
	int r;

	if (!colon || colon != row->key + 1 || kind < 0 || kind >= ITEM_KINDS)
		return -EUCLEAN;
	item = item_make(l->state, (enum item_kind)kind, colon + 1);
	if (!item)
		return -ENOMEM;
	r = keep(l, item);
	json_get_integer(json, "uid", 0, UINT32_MAX, &uid, NULL);
	json_get_integer(json, "gid", 0, UINT32_MAX, &gid, NULL);
	json_get_integer(json, "began", 0, INT64_MAX, &item->began_us, NULL);
	json_get_integer(json, "closed", 0, INT64_MAX, &item->closed_us, NULL);
	json_get_integer(json, "began_pos", 0, INT64_MAX, &item->began_pos, NULL);
	json_get_integer(json, "closed_pos", 0, INT64_MAX, &item->closed_pos, NULL);
	json_get_string(json, "session", ID_MAX, &session, NULL);
	memcpy(item->session, session, strlen(session));
	item->uid = (uid_t)uid;
	item->gid = (gid_t)gid;
	if (!r)
		r = item_take_text(&item->from, json, "from");
	if (!r && item_kinds[kind]->load)
		r = item_kinds[kind]->load(l->state, item, json, row->json);
	return r;
}

static int load(void *arg, const struct saved_row *row)
{
	struct loading *l = arg;
	struct json *json;
	int r = json_parse(row->json, row->json_len, &json, NULL);

	if (!r) {
		r = read_item(l, row, json);
		json_free(json);
	}
	if (r == -ENOMEM)
		return error_set(l->err, ENOMEM, "out of memory");
	if (r)
		return error_set(l->err, EUCLEAN,
			"the database is damaged: item %.80s was not saved so", row->key);
	return 0;
}

static int by_age(const void *a, const void *b)
{
	const struct item *x = *(struct item *const *)a, *y = *(struct item *const *)b;
	int64_t one = x->closed_us ? x->closed_pos : x->began_pos;
	int64_t two = y->closed_us ? y->closed_pos : y->began_pos;

	return one < two ? -1 : one > two;
}

int items_load(struct state *st, struct error *err)
{
	struct loading l = {.state = st, .err = err};
	char name[32];
	int r = store_rows(st->store, SAVED_ITEM, load, &l, err);

	if (l.count)
		qsort(l.all, l.count, sizeof(struct item *), by_age);
	for (size_t i = 0; i < l.count && !r; i++)
		if (item_enlist(st, l.all[i]))
			r = error_set(err, ENOMEM, "out of memory");
	free(l.all);
	for (int kind = 0; kind < ITEM_KINDS && !r; kind++) {
		snprintf(name, sizeof(name), "number.%d", kind);
		r = store_number(st->store, name, 0, &st->items.numbers[kind], err);
	}
	return r;
}
