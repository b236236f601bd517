#include "core/log/index_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define EXPIRE_MOST 128 /* channels for which one call of index_expire asks the store */

static int put_run(
	struct index *ix, const struct channel *c, const struct run *run, struct error *err)
{
	const struct block block = {.channel = c->id,
		.ord = run->ord,
		.off = run->off,
		.pos = run->pos,
		.count = run->count,
		.bytes = run->bytes,
		.len = run->len};

	return store_block_put(ix->store, &block, err);
}

/* Goes on with the last saved block, which has room. */
static int put_joined(
	struct index *ix, const struct channel *c, const struct run *run, struct error *err)
{
	struct run joined;
	struct block last;
	int status;

	status = store_block_find(ix->store, c->id, BLOCK_BY_ORD, run->ord - 1, &last, err);
	if (status < 0 && status != -ENOENT)
		return status;
	if (status == -ENOENT || last.ord + last.count != run->ord) {
		if (status == 0)
			free((void *)last.bytes);
		return error_set(err, EUCLEAN, "the index is damaged: %c/%s ends before entry %llu",
			(char)c->kind, c->name, (unsigned long long)run->ord);
	}
	joined = (struct run){last.ord, last.off, last.pos, last.count + run->count,
		(uint32_t)last.len + run->len, malloc(last.len + run->len)};
	if (joined.bytes == NULL) {
		status = error_set(err, ENOMEM, "out of memory");
	} else {
		memcpy(joined.bytes, last.bytes, last.len);
		memcpy(joined.bytes + last.len, run->bytes, run->len);
		status = put_run(ix, c, &joined, err);
	}
	free(joined.bytes);
	free((void *)last.bytes);
	return status;
}

static int save_channel(struct index *ix, const struct channel *c, struct error *err)
{
	const struct saved_channel row = {.id = c->id,
		.kind = (int)c->kind,
		.name = c->name,
		.count = c->count,
		.bytes = c->bytes,
		.last_pos = c->last_pos};
	int status = store_channel_put(ix->store, &row, err);

	for (uint32_t i = 0; status == 0 && c->tail != NULL && i < c->tail->count; i++) {
		const struct run *run = &c->tail->pieces[i].run;

		if (run->count > 0)
			status = run->ord % BLOCK_ENTRIES != 0 ? put_joined(ix, c, run, err)
							       : put_run(ix, c, run, err);
	}
	return status;
}

int index_save(struct index *ix, struct error *err)
{
	int status = 0;

	for (size_t i = 0; status == 0 && i < ix->dirty_count; i++)
		status = save_channel(ix, ix->dirty[i], err);
	return status;
}

void index_saved(struct index *ix)
{
	for (size_t i = 0; i < ix->dirty_count; i++) {
		tail_free(ix->dirty[i]->tail);
		ix->dirty[i]->tail = NULL;
		ix->dirty[i]->dirty = false;
	}
	free(ix->dirty);
	ix->dirty = NULL;
	ix->dirty_count = ix->dirty_capacity = 0;
	ix->tail_bytes = 0;
}

void index_unsaved(struct index *ix)
{
	(void)ix; /* all that was written is still here, and still dirty */
}

/* Expiry. */

static int drop_doomed(struct index *ix, struct error *err)
{
	while (ix->doomed != NULL) {
		struct channel *c = ix->doomed;
		int status = store_channel_drop(ix->store, c->id, err);

		if (status < 0)
			return status;
		ix->doomed = c->hash_next;
		channel_free(c);
	}
	return 0;
}

static bool is_gone(const struct channel *c, int64_t pos,
	bool (*keep)(void *arg, const struct channel *), void *arg)
{
	return c->last_pos < pos && !c->dirty && __atomic_load_n(&c->refs, __ATOMIC_ACQUIRE) == 0 &&
	       c->follows == NULL && (keep == NULL || !keep(arg, c));
}

/*
 * A channel that is dropped is freed before its transaction commits. Should that fail, the store
 * still has it, and maybe a later one of the same name besides: see load_channel().
 */
int index_expire(struct index *ix, int64_t pos, bool (*keep)(void *arg, const struct channel *),
	void *arg, struct error *err)
{
	size_t asked = 0;
	int status = drop_doomed(ix, err);

	for (size_t i = 0; status == 0 && i < ix->slot_count && asked < EXPIRE_MOST; i++) {
		struct channel **link = &ix->slots[ix->expire_slot & (ix->slot_count - 1)], *c;

		while (status == 0 && (c = *link) != NULL) {
			if (is_gone(c, pos, keep, arg)) {
				status = store_channel_drop(ix->store, c->id, err);
				asked++;
				if (status < 0)
					break;
				*link = c->hash_next;
				ix->channel_count--;
				channel_free(c);
				continue;
			}
			if (c->count > BLOCK_ENTRIES) {
				status = store_block_expire(ix->store, c->id, pos, err);
				asked++;
			}
			link = &c->hash_next;
		}
		ix->expire_slot++;
	}
	return status;
}
