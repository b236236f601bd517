/*
 * From a byte of a view's file to the line that holds it.
 *
 * The file's end is what is read most: it is looked for among the newest records, without the
 * index.
 */
#include "core/state/parts.h"
#include "core/state/view.h"
#include "core/state/view_private.h"

#include <errno.h>
#include <stddef.h>

/* Lines this close by before the byte that is looked for are walked over, not searched among. */
#define WALK_BYTES ((uint64_t)16 << 10)
#define AIM_BYTES  ((uint64_t)8 << 10) /* where a guess aims before it: in the midst of those */

/* Looks for the byte among the newest records, from the last one back. */
static bool locate_recent(
	const struct view *v, struct loop *loop, struct view_place *at, int64_t first_pos)
{
	const struct recent *recent = loop->recent;
	uint64_t wanted, total = 0; /* bytes back from the end */
	bool found = false;
	size_t len, i = 0;

	state_rdlock(loop);
	wanted = view_sum_all(v) - v->base_bytes - at->off;
	if (wanted <= recent->bytes && recent_first_pos(recent) <= view_last_pos(v))
		i = recent->count;
	while (i-- > 0) {
		const struct record *r = recent_at(recent, i);

		if (r->pos < first_pos)
			break;
		if (!view_has(v, r))
			continue;
		view_line(v, r, &len);
		total += len;
		if (total >= wanted) {
			at->pos = r->pos;
			at->skip = total - wanted;
			found = true;
			break;
		}
	}
	state_unlock(loop);
	return found;
}

/* -ESTALE here and below: it has expired meanwhile. */
static int locate_single(const struct view *v, struct loop *loop, struct view_place *at)
{
	uint64_t target = v->base_bytes + at->off;
	struct place line;
	int r;

	state_rdlock(loop);
	r = index_at_off(loop->state->index, v->plus[0], target, &line);
	state_unlock(loop);
	if (r != 0)
		return r;
	if (line.off > target)
		return -ESTALE;
	at->pos = line.pos;
	at->skip = target - line.off;
	return 0;
}

/* A position and the bytes of the sum before it. */
struct mark {
	int64_t pos;
	uint64_t sum;
};

static int find_mark(const struct view *v, struct loop *loop, int64_t pos, struct mark *out)
{
	int r;

	state_rdlock(loop);
	if (pos > loop->state->applied_pos)
		pos = loop->state->applied_pos + 1;
	r = view_sum(v, loop->state->index, pos, &out->sum);
	state_unlock(loop);
	out->pos = pos;
	return r;
}

/* Walks from a mark on to the line that holds byte `target` of the sum. */
static int walk_to(const struct view *v, struct loop *loop, struct view_place *at, int64_t from,
	uint64_t target)
{
	struct index *index = loop->state->index;
	struct view_walk walk;
	uint64_t sum = 0;
	int r;

	state_rdlock(loop);
	r = view_sum(v, index, from, &sum);
	if (r == 0 && sum > target)
		r = -ESTALE;
	if (r != 0)
		goto out;
	r = view_walk_start(&walk, v, index, from);
	while (r == 0 && walk.pos != INT64_MAX && sum + walk.len <= target) {
		sum += walk.len;
		r = view_walk_next(&walk);
	}
	view_walk_release(&walk);
	if (r == 0) {
		at->pos = walk.pos;
		at->skip = target - sum;
	}
out:
	state_unlock(loop);
	return r;
}

/* Searches by position, since a sum has no index by bytes: guesses as if all lines were of one
 * length, and halves every other time, so that uneven ones don't make it long. Each step takes the
 * lock anew: a step may block for the disk. */
static int locate_sum(
	const struct view *v, struct loop *loop, struct view_place *at, int64_t first_pos)
{
	uint64_t target = v->base_bytes + at->off;
	struct mark low, high, middle;
	int r = find_mark(v, loop, first_pos, &low);

	if (r == 0)
		r = find_mark(v, loop, INT64_MAX, &high);
	for (bool halve = false; r == 0; halve = !halve) {
		int64_t span = high.pos - low.pos, step = span / 2;

		if (low.sum > target)
			return -ESTALE;
		if (span <= 1 || target - low.sum <= WALK_BYTES)
			return walk_to(v, loop, at, low.pos, target);
		if (!halve)
			step = (int64_t)((double)(target - AIM_BYTES - low.sum) /
					 (double)(high.sum - low.sum) * (double)span);
		step = step < 1 ? 1 : step >= span ? span - 1 : step;
		r = find_mark(v, loop, low.pos + step, &middle);
		if (r == 0)
			*(middle.sum <= target ? &low : &high) = middle;
	}
	return r;
}

int view_locate(const struct view *v, struct loop *loop, int64_t first_pos, struct view_place *at)
{
	if (locate_recent(v, loop, at, first_pos))
		return 0;
	if (v->plus[1] == NULL && v->minus == NULL)
		return locate_single(v, loop, at);
	return locate_sum(v, loop, at, first_pos);
}
