#include "core/log/index_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Blocks that were read. */

static void held_unref(struct held *held)
{
	if (held != NULL && __atomic_sub_fetch(&held->refs, 1, __ATOMIC_ACQ_REL) == 0) {
		free(held->run.bytes);
		free(held);
	}
}

void held_release(struct index *ix)
{
	for (size_t i = 0; i < HELD_MAX; i++)
		held_unref(ix->held[i]);
}

/* Whether the answer for the key is in the block: what a position lies between two entries of. */
static bool covers(const struct held *held, enum block_key by, uint64_t at)
{
	switch (by) {
	case BLOCK_BY_ORD:
		return at >= held->run.ord && at - held->run.ord < held->run.count;
	case BLOCK_BY_OFF:
		return at >= held->run.off && at < held->end_off;
	default:
		return at >= (uint64_t)held->run.pos && at <= (uint64_t)held->last_pos;
	}
}

static struct held *held_find(
	struct index *ix, const struct channel *c, enum block_key by, uint64_t at)
{
	struct held *found = NULL;

	pthread_mutex_lock(&ix->held_mutex);
	for (size_t i = 0; i < HELD_MAX && found == NULL; i++) {
		struct held *held = ix->held[i];

		if (held == NULL || held->channel != c->id || !covers(held, by, at))
			continue;
		held->used = ++ix->uses;
		__atomic_add_fetch(&held->refs, 1, __ATOMIC_RELAXED);
		found = held;
	}
	pthread_mutex_unlock(&ix->held_mutex);
	return found;
}

/* Keeps it in the place of an earlier one of the same block, or of the least recently used. */
static void held_keep(struct index *ix, struct held *new)
{
	size_t place = 0;
	struct held *old;

	pthread_mutex_lock(&ix->held_mutex);
	for (size_t i = 0; i < HELD_MAX; i++) {
		const struct held *held = ix->held[i];

		if (held != NULL && held->channel == new->channel &&
			held->run.ord == new->run.ord) {
			place = i;
			break;
		}
		if ((held != NULL ? held->used : 0) <
			(ix->held[place] != NULL ? ix->held[place]->used : 0))
			place = i;
	}
	old = ix->held[place];
	new->used = ++ix->uses;
	__atomic_add_fetch(&new->refs, 1, __ATOMIC_RELAXED);
	ix->held[place] = new;
	pthread_mutex_unlock(&ix->held_mutex);
	held_unref(old);
}

/* Walking entries of one run. */

static int entry_next(struct walk *w)
{
	const unsigned char *next = w->next;
	uint64_t delta, len;

	if (!number_get(&next, w->end, &delta) || !number_get(&next, w->end, &len) || delta == 0 ||
		delta > (uint64_t)(INT64_MAX - 1 - w->at.pos) || len > UINT32_MAX)
		return -EUCLEAN;
	w->next = next;
	w->at.pos += (int64_t)delta;
	w->at.ord++;
	w->at.off += w->at.len;
	w->at.len = (uint32_t)len;
	w->left--;
	return 0;
}

/* Stands on the first entry of the run. */
static int entry_first(struct walk *w, const struct run *run)
{
	const unsigned char *next = run->bytes, *end = run->bytes + run->len;
	uint64_t delta, len;

	if (run->count == 0 || !number_get(&next, end, &delta) || !number_get(&next, end, &len) ||
		len > UINT32_MAX)
		return -EUCLEAN;
	w->at = (struct place){.pos = run->pos, .ord = run->ord, .off = run->off};
	w->at.len = (uint32_t)len;
	w->next = next;
	w->end = end;
	w->left = run->count - 1;
	return 0;
}

/* Whether the entry, or one before it, is what the key asks for. */
static bool reached(const struct place *at, enum block_key by, uint64_t key)
{
	switch (by) {
	case BLOCK_BY_ORD:
		return at->ord >= key;
	case BLOCK_BY_OFF:
		return at->off > key || key - at->off < at->len;
	default:
		return (uint64_t)at->pos >= key;
	}
}

/* Finds the key in the run: 1, or 0 where the run ends before it. */
static int seek(struct walk *w, const struct run *run, enum block_key by, uint64_t key)
{
	int status = entry_first(w, run);

	while (status == 0 && !reached(&w->at, by, key)) {
		if (w->left == 0)
			return 0;
		status = entry_next(w);
	}
	return status < 0 ? status : 1;
}

/* A block as it is to be held: read once to its end, which also proves it sound. */
static int held_new(const struct channel *c, const struct block *block, struct held **out)
{
	struct walk w = {0};
	struct held *held;
	int status;

	held = calloc(1, sizeof(*held));
	if (held == NULL) {
		free((void *)block->bytes);
		return -ENOMEM;
	}
	held->refs = 1;
	held->channel = c->id;
	held->run = (struct run){block->ord, block->off, block->pos, block->count,
		(uint32_t)block->len, (unsigned char *)block->bytes};
	status = block->count <= BLOCK_ENTRIES && block->pos > 0 ? entry_first(&w, &held->run)
								 : -EUCLEAN;
	while (status == 0 && w.left > 0)
		status = entry_next(&w);
	if (status == 0 && w.next != w.end)
		status = -EUCLEAN;
	if (status < 0) {
		held_unref(held);
		return status;
	}
	held->end_off = w.at.off + w.at.len;
	held->last_pos = w.at.pos;
	*out = held;
	return 0;
}

static int held_get(struct index *ix, const struct channel *c, enum block_key by, uint64_t key,
	struct held **out)
{
	struct held *held = held_find(ix, c, by, key);
	struct block block;
	int status;

	if (held == NULL) {
		status = store_block_find(ix->store, c->id, by, key, &block, NULL);
		if (status == 0)
			status = held_new(c, &block, &held);
		if (status < 0)
			return status;
		held_keep(ix, held);
	}
	*out = held;
	return 0;
}

/* Places. */

static uint64_t key_of(const struct run *run, enum block_key by)
{
	return by == BLOCK_BY_ORD ? run->ord : by == BLOCK_BY_OFF ? run->off : (uint64_t)run->pos;
}

static bool past_end(const struct channel *c, enum block_key by, uint64_t key)
{
	return by == BLOCK_BY_ORD   ? key >= c->count
	       : by == BLOCK_BY_OFF ? key >= c->bytes
				    : c->last_pos == 0 || key > (uint64_t)c->last_pos;
}

/* Finds in the tail what is not past the channel's end and not before the tail: 1. */
static int seek_tail(struct walk *w, const struct tail *tail, enum block_key by, uint64_t key)
{
	uint32_t low = 0, high = tail->count;
	int status;

	while (high - low > 1) {
		const uint32_t middle = low + (high - low) / 2;

		if (tail->pieces[middle].run.count > 0 &&
			key_of(&tail->pieces[middle].run, by) <= key)
			low = middle;
		else
			high = middle;
	}
	status = seek(w, &tail->pieces[low].run, by, key);
	if (status != 0 || low + 1 == tail->count)
		return status != 0 ? status : -EUCLEAN;
	status = entry_first(w, &tail->pieces[low + 1].run);
	return status < 0 ? status : 1;
}

/* Whether the key is to be looked for in the tail; where nothing was saved, it always is. */
static bool in_tail(const struct channel *c, enum block_key by, uint64_t key)
{
	const struct run *first;

	if (c->tail == NULL || c->tail->count == 0)
		return false;
	first = &c->tail->pieces[0].run;
	return first->count > 0 && (first->ord == 0 || key >= key_of(first, by));
}

/* Finds in the store what is before the tail: 1, or 0 where the block ends before it, and *next is
 * the ord after that. */
static int seek_saved(
	struct walk *w, enum block_key by, uint64_t key, struct held **out, uint64_t *next)
{
	struct held *held;
	int status = held_get(w->index, w->channel, by, key, &held);

	if (status < 0)
		return status == -ENOENT ? -EUCLEAN : status;
	status = seek(w, &held->run, by, key);
	if (status == 1) {
		*out = held;
		return 1;
	}
	*next = held->run.ord + held->run.count;
	held_unref(held);
	return status;
}

/* Stands on what the key asks for. On failure the walk stays as it was. */
static int locate(struct walk *w, enum block_key by, uint64_t key)
{
	const struct channel *c = w->channel;
	struct walk found = *w;
	struct held *held = NULL;
	int status = 0;

	/* A position may lie between the last entry of one block and the first of the next, which
	 * then is looked for by its ord. */
	for (int tries = 0; status == 0; tries++) {
		if (past_end(c, by, key)) {
			found.at =
				(struct place){.pos = INT64_MAX, .ord = c->count, .off = c->bytes};
			found.left = 0;
			status = 1;
		} else if (in_tail(c, by, key)) {
			status = seek_tail(&found, c->tail, by, key);
		} else {
			uint64_t next = 0;

			status = tries < 2 ? seek_saved(&found, by, key, &held, &next) : -EUCLEAN;
			by = BLOCK_BY_ORD;
			key = next;
		}
	}
	if (status < 0)
		return status;
	held_unref(w->held);
	*w = found;
	w->held = held;
	return 0;
}

static int place_of(
	struct index *ix, struct channel *c, enum block_key by, uint64_t key, struct place *out)
{
	struct walk w = {.index = ix, .channel = c};
	int status = locate(&w, by, key);

	if (status == 0)
		*out = w.at;
	walk_release(&w);
	return status;
}

int index_at_pos(struct index *ix, struct channel *c, int64_t pos, struct place *out)
{
	return place_of(ix, c, BLOCK_BY_POS, pos > 0 ? (uint64_t)pos : 0, out);
}

int index_at_off(struct index *ix, struct channel *c, uint64_t off, struct place *out)
{
	return place_of(ix, c, BLOCK_BY_OFF, off, out);
}

int index_at_ord(struct index *ix, struct channel *c, uint64_t ord, struct place *out)
{
	return place_of(ix, c, BLOCK_BY_ORD, ord, out);
}

int walk_start(struct walk *w, struct index *ix, struct channel *c, const struct place *from)
{
	struct walk started = {.index = ix, .channel = c};
	int status = locate(&started, BLOCK_BY_ORD, from->ord);

	if (status == 0)
		*w = started;
	return status;
}

int walk_next(struct walk *w)
{
	if (w->at.pos == INT64_MAX)
		return 0;
	return w->left > 0 ? entry_next(w) : locate(w, BLOCK_BY_ORD, w->at.ord + 1);
}

void walk_release(struct walk *w)
{
	held_unref(w->held);
	w->held = NULL;
}
