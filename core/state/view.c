/* A view's channels as a sum: what it has, how long it is, and a walk over its lines. */
#include "core/state/view.h"

#include "core/state/parts.h"
#include "core/state/view_private.h"

#include <stddef.h>

static int bytes_before(struct index *index, struct channel *c, int64_t pos, uint64_t *out)
{
	struct place at;
	int r;

	*out = 0;
	if (c == NULL)
		return 0;
	r = index_at_pos(index, c, pos, &at);
	if (r == 0)
		*out = at.off;
	return r;
}

int view_sum(const struct view *v, struct index *index, int64_t pos, uint64_t *out)
{
	uint64_t plus0, plus1, minus;
	int r = bytes_before(index, v->plus[0], pos, &plus0);

	if (r == 0)
		r = bytes_before(index, v->plus[1], pos, &plus1);
	if (r == 0)
		r = bytes_before(index, v->minus, pos, &minus);
	if (r == 0)
		*out = plus0 + plus1 - minus;
	return r;
}

uint64_t view_sum_all(const struct view *v)
{
	uint64_t sum = v->plus[0]->bytes;

	if (v->plus[1] != NULL)
		sum += v->plus[1]->bytes;
	return v->minus != NULL ? sum - v->minus->bytes : sum;
}

/* Finds what the view's first byte and first seq are; with the state's lock held. */
static int find_base(struct view *v, const struct state *st)
{
	struct place at;
	int r;

	if (v->base_pos > st->applied_pos + 1)
		v->base_pos = st->applied_pos + 1;
	if (v->base_pos < st->first_pos)
		v->base_pos = st->first_pos;
	v->base_seq = 1;
	if (v->base_pos <= 1) /* nothing lies before it */
		return 0;
	r = view_sum(v, st->index, v->base_pos, &v->base_bytes);
	if (r == 0)
		r = index_at_pos(st->index, st->all, v->base_pos, &at);
	if (r == 0)
		v->base_seq = (int64_t)at.ord + 1;
	return r;
}

int view_init(struct view *out, struct loop *loop, struct channel *plus0, struct channel *plus1,
	struct channel *minus, int64_t base_pos)
{
	struct view v = {.plus = {plus0, plus1}, .minus = minus, .base_pos = base_pos};
	int r;

	state_rdlock(loop);
	r = find_base(&v, loop->state);
	if (r == 0) {
		channel_ref(plus0);
		if (plus1 != NULL)
			channel_ref(plus1);
		if (minus != NULL)
			channel_ref(minus);
	}
	state_unlock(loop);
	if (r == 0)
		*out = v;
	return r;
}

void view_release(struct view *v)
{
	if (v == NULL)
		return;
	channel_unref(v->plus[0]);
	channel_unref(v->plus[1]);
	channel_unref(v->minus);
	*v = (struct view){0};
}

uint64_t view_bytes(const struct view *v, struct loop *loop)
{
	uint64_t sum;

	state_rdlock(loop);
	sum = view_sum_all(v);
	state_unlock(loop);
	return sum - v->base_bytes;
}

/* Channels that were dropped have only records before the first that is kept, and a view begins no
 * earlier: so an old record's dangling channel is never taken for a new one at its address. */
bool view_has(const struct view *v, const struct record *r)
{
	bool has = false;

	if (r->pos < v->base_pos)
		return false;
	for (int i = 0; i < r->in_count; i++) {
		const struct channel *c = r->in[i].channel;

		if (c == v->minus)
			return false;
		has = has || c == v->plus[0] || c == v->plus[1];
	}
	return has;
}

const char *view_line(const struct view *v, const struct record *r, size_t *len)
{
	bool whole = channel_shows_whole(v->plus[0]->kind);

	*len = whole ? r->line_len : r->shown_len;
	return whole ? r->line : r->shown;
}

/* One channel's walk; that of none, and of one with nothing more, is at its end from the start. */
static int begin_walk(struct walk *w, struct index *index, struct channel *c, int64_t pos)
{
	struct place from;
	int r;

	if (c == NULL)
		return 0;
	r = index_at_pos(index, c, pos, &from);
	if (r != 0 || from.pos == INT64_MAX)
		return r;
	r = walk_start(w, index, c, &from);
	if (r != 0)
		*w = (struct walk){.at.pos = INT64_MAX};
	return r;
}

/* Comes to rest on the first line, at or after where the walks stand, that is not subtracted. */
static int settle(struct view_walk *w)
{
	int r = 0;

	for (;;) {
		w->at = &w->plus[w->plus[1].at.pos < w->plus[0].at.pos];
		w->pos = w->at->at.pos;
		w->len = w->at->at.len;
		if (w->pos == INT64_MAX)
			return 0;
		while (r == 0 && w->minus.at.pos < w->pos)
			r = walk_next(&w->minus);
		if (r != 0 || w->minus.at.pos != w->pos)
			return r;
		r = walk_next(w->at);
		if (r != 0)
			return r;
	}
}

int view_walk_start(struct view_walk *w, const struct view *v, struct index *index, int64_t pos)
{
	int r;

	w->plus[0] = w->plus[1] = w->minus = (struct walk){.at.pos = INT64_MAX};
	r = begin_walk(&w->plus[0], index, v->plus[0], pos);
	if (r == 0)
		r = begin_walk(&w->plus[1], index, v->plus[1], pos);
	if (r == 0)
		r = begin_walk(&w->minus, index, v->minus, pos);
	return r != 0 ? r : settle(w);
}

int view_walk_next(struct view_walk *w)
{
	int r = walk_next(w->at);

	return r != 0 ? r : settle(w);
}

void view_walk_release(struct view_walk *w)
{
	walk_release(&w->plus[0]);
	walk_release(&w->plus[1]);
	walk_release(&w->minus);
}
