#include "core/log/index_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS_MIN     256
#define PIECE_MIN     32 /* bytes: most channels get a few entries between two saves */
#define NAME_SIZE_MAX 256

/* Channels. */

static size_t hash(enum channel_kind kind, const char *name)
{
	uint64_t h = 0xcbf29ce484222325u ^ (uint64_t)kind; /* FNV-1a */

	for (; *name != '\0'; name++)
		h = (h ^ (unsigned char)*name) * 0x100000001b3u;
	return (size_t)(h ^ h >> 32);
}

static struct channel **slot_of(const struct index *ix, enum channel_kind kind, const char *name)
{
	return &ix->slots[hash(kind, name) & (ix->slot_count - 1)];
}

static int grow_slots(struct index *ix)
{
	const size_t old_count = ix->slot_count, count = old_count > 0 ? 2 * old_count : SLOTS_MIN;
	struct channel **old = ix->slots, **slots = calloc(count, sizeof(*slots));

	if (slots == NULL)
		return -ENOMEM;
	ix->slots = slots;
	ix->slot_count = count;
	for (size_t i = 0; i < old_count; i++) {
		struct channel *c = old[i], *next;

		for (; c != NULL; c = next) {
			struct channel **slot = slot_of(ix, c->kind, c->name);

			next = c->hash_next;
			c->hash_next = *slot;
			*slot = c;
		}
	}
	free(old);
	return 0;
}

struct channel *index_find(struct index *ix, enum channel_kind kind, const char *name)
{
	struct channel *c = *slot_of(ix, kind, name);

	while (c != NULL && (c->kind != kind || strcmp(c->name, name) != 0))
		c = c->hash_next;
	return c;
}

static struct channel *channel_new(
	struct index *ix, uint32_t id, enum channel_kind kind, const char *name)
{
	const size_t size = strlen(name) + 1;
	struct channel *c, **slot;

	/* A table that can't grow still works. */
	if (ix->channel_count >= ix->slot_count)
		grow_slots(ix);
	c = calloc(1, sizeof(*c) + size);
	if (c == NULL)
		return NULL;
	c->id = id;
	c->kind = kind;
	memcpy(c->name, name, size);
	slot = slot_of(ix, kind, name);
	c->hash_next = *slot;
	*slot = c;
	ix->channel_count++;
	return c;
}

void tail_free(struct tail *tail)
{
	for (uint32_t i = 0; tail != NULL && i < tail->count; i++)
		free(tail->pieces[i].run.bytes);
	free(tail);
}

void channel_free(struct channel *c)
{
	tail_free(c->tail);
	free(c);
}

struct channel *index_make(struct index *ix, enum channel_kind kind, const char *name)
{
	struct channel *c = index_find(ix, kind, name);

	if (c != NULL)
		return c;
	c = channel_new(ix, ix->next_id, kind, name);
	if (c != NULL)
		ix->next_id++;
	return c;
}

void channel_ref(struct channel *c)
{
	__atomic_add_fetch(&c->refs, 1, __ATOMIC_RELAXED);
}

void channel_unref(struct channel *c)
{
	if (c != NULL)
		__atomic_sub_fetch(&c->refs, 1, __ATOMIC_RELEASE);
}

void index_each(struct index *ix, enum channel_kind kind, bool (*fn)(void *arg, struct channel *),
	void *arg)
{
	for (size_t i = 0; i < ix->slot_count; i++)
		for (struct channel *c = ix->slots[i]; c != NULL; c = c->hash_next)
			if (c->kind == kind && !fn(arg, c))
				return;
}

/* Adding. */

static int make_dirty(struct index *ix, struct channel *c)
{
	if (ix->dirty_count == ix->dirty_capacity) {
		const size_t capacity = ix->dirty_capacity > 0 ? 2 * ix->dirty_capacity : 64;
		struct channel **dirty =
			reallocarray(ix->dirty, capacity, sizeof(struct channel *));

		if (dirty == NULL)
			return -ENOMEM;
		ix->dirty = dirty;
		ix->dirty_capacity = capacity;
	}
	ix->dirty[ix->dirty_count++] = c;
	c->dirty = true;
	return 0;
}

static struct piece *piece_new(struct index *ix, struct channel *c, int64_t pos)
{
	struct tail *tail = c->tail;
	struct piece *piece;

	if (tail == NULL || tail->count == tail->capacity) {
		const uint32_t capacity = tail != NULL ? 2 * tail->capacity : 1;
		const size_t size = sizeof(*tail) + capacity * sizeof(tail->pieces[0]);
		const uint32_t count = tail != NULL ? tail->count : 0;

		tail = realloc(tail, size);
		if (tail == NULL)
			return NULL;
		ix->tail_bytes += count == 0 ? size : size / 2;
		tail->count = count;
		tail->capacity = capacity;
		c->tail = tail;
	}
	piece = &tail->pieces[tail->count];
	*piece = (struct piece){.run = {.ord = c->count, .off = c->bytes, .pos = pos}};
	piece->run.bytes = malloc(PIECE_MIN);
	if (piece->run.bytes == NULL)
		return NULL;
	piece->capacity = PIECE_MIN;
	ix->tail_bytes += PIECE_MIN;
	tail->count++;
	return piece;
}

static int piece_grow(struct index *ix, struct piece *piece)
{
	unsigned char *bytes = realloc(piece->run.bytes, 2 * piece->capacity);

	if (bytes == NULL)
		return -ENOMEM;
	ix->tail_bytes += piece->capacity;
	piece->run.bytes = bytes;
	piece->capacity *= 2;
	return 0;
}

/* The piece that takes the channel's next entry, with room for it. A piece that was just made for
 * an entry that then was not added stays, empty, for the next. */
static struct piece *piece_for_next(struct index *ix, struct channel *c, int64_t pos)
{
	struct tail *tail = c->tail;
	struct piece *piece =
		tail != NULL && tail->count > 0 ? &tail->pieces[tail->count - 1] : NULL;

	if (piece == NULL || (c->count % BLOCK_ENTRIES == 0 && piece->run.count > 0))
		piece = piece_new(ix, c, pos);
	if (piece == NULL)
		return NULL;
	if (piece->capacity - piece->run.len < ENTRY_MAX && piece_grow(ix, piece) < 0)
		return NULL;
	if (piece->run.count == 0)
		piece->run.pos = pos;
	return piece;
}

int index_add(struct index *ix, struct channel *c, int64_t pos, uint32_t len)
{
	struct piece *piece;
	unsigned char *at;

	if (pos <= c->last_pos)
		return -EINVAL;
	piece = piece_for_next(ix, c, pos);
	if (piece == NULL || (!c->dirty && make_dirty(ix, c) < 0))
		return -ENOMEM;
	at = piece->run.bytes + piece->run.len;
	at = number_put(at, (uint64_t)(pos - c->last_pos));
	at = number_put(at, len);
	piece->run.len = (uint32_t)(at - piece->run.bytes);
	piece->run.count++;
	c->count++;
	c->bytes += len;
	c->last_pos = pos;
	return 0;
}

size_t index_tail_bytes(const struct index *ix)
{
	return ix->tail_bytes + ix->dirty_capacity * sizeof(struct channel *);
}

/* Opening. */

struct loading {
	struct index *index;
	struct error *err;
};

static bool channel_makes_sense(const struct saved_channel *saved)
{
	return saved->kind >= 'A' && saved->kind <= 'Z' && saved->last_pos >= 0 &&
	       (saved->count > 0) == (saved->last_pos > 0) && saved->bytes <= INT64_MAX &&
	       saved->count <= INT64_MAX && strlen(saved->name) < NAME_SIZE_MAX;
}

/* Channels come in order of their ids: of two of one name the earlier was dropped. */
static void doom(struct index *ix, struct channel *c)
{
	struct channel **link = slot_of(ix, c->kind, c->name);

	while (*link != c)
		link = &(*link)->hash_next;
	*link = c->hash_next;
	ix->channel_count--;
	c->hash_next = ix->doomed;
	ix->doomed = c;
}

static int load_channel(void *arg, const struct saved_channel *saved)
{
	const struct loading *loading = arg;
	const enum channel_kind kind = (enum channel_kind)saved->kind;
	struct index *ix = loading->index;
	struct channel *c;

	if (!channel_makes_sense(saved))
		return error_set(loading->err, EUCLEAN, "the index is damaged: channel %u",
			(unsigned)saved->id);
	c = index_find(ix, kind, saved->name);
	if (c != NULL)
		doom(ix, c);
	c = channel_new(ix, saved->id, kind, saved->name);
	if (c == NULL)
		return error_set(loading->err, ENOMEM, "out of memory");
	c->count = saved->count;
	c->bytes = saved->bytes;
	c->last_pos = saved->last_pos;
	ix->next_id = saved->id + 1;
	return 0;
}

int index_new(struct store *store, struct index **out, struct error *err)
{
	struct index *ix = calloc(1, sizeof(*ix));
	struct loading loading = {.index = ix, .err = err};
	int status;

	if (ix == NULL)
		return error_set(err, ENOMEM, "out of memory");
	pthread_mutex_init(&ix->held_mutex, NULL);
	ix->store = store;
	ix->next_id = 1;
	status = grow_slots(ix) < 0 ? error_set(err, ENOMEM, "out of memory") : 0;
	if (status == 0)
		status = store_channels(store, load_channel, &loading, err);
	if (status < 0) {
		index_free(ix);
		return status;
	}
	*out = ix;
	return 0;
}

void index_free(struct index *ix)
{
	struct channel *c;

	if (ix == NULL)
		return;
	for (size_t i = 0; i < ix->slot_count; i++) {
		while ((c = ix->slots[i]) != NULL) {
			ix->slots[i] = c->hash_next;
			channel_free(c);
		}
	}
	while ((c = ix->doomed) != NULL) {
		ix->doomed = c->hash_next;
		channel_free(c);
	}
	held_release(ix);
	pthread_mutex_destroy(&ix->held_mutex);
	free(ix->dirty);
	free(ix->slots);
	free(ix);
}
