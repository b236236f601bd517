#include "tests/unit/view_model.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static bool stands_in(const struct record *r, const struct channel *c)
{
	for (int i = 0; i < r->in_count; i++)
		if (r->in[i].channel == c)
			return true;
	return false;
}

static bool model_has(const struct view *v, const struct record *r)
{
	return r->pos >= v->base_pos &&
	       (stands_in(r, v->plus[0]) || (v->plus[1] && stands_in(r, v->plus[1]))) &&
	       !(v->minus && stands_in(r, v->minus));
}

static void model_gap(struct buf *out, size_t len, int64_t from, int64_t to)
{
	char text[80], spaces[4096];
	int n = snprintf(text, sizeof(text), "{\"gap\":{\"from\":%" PRId64 ",\"to\":%" PRId64 "}}",
		from, to);

	if (from > to)
		n = snprintf(text, sizeof(text), "{\"gap\":{}}");
	if ((size_t)n >= len)
		n = 0;
	buf_add(out, text, (size_t)n);
	memset(spaces, ' ', sizeof(spaces));
	for (size_t left = len - 1 - (size_t)n, some; left > 0; left -= some) {
		some = left < sizeof(spaces) ? left : sizeof(spaces);
		buf_add(out, spaces, some);
	}
	buf_addc(out, '\n');
}

void view_model_file(struct view_world *w, const struct view *v, struct buf *out)
{
	int64_t from = 0, to = 0, first = w->state.first_pos;
	size_t gap = 0, len;

	buf_init(out, 0);
	for (size_t i = 0; i < w->rows.count; i++) {
		const struct record *r = w->rows.row[i];
		const char *line;

		if (r->pos >= v->base_pos && r->pos < first && r->seq != 0) {
			from = from == 0 ? r->seq : from;
			to = r->seq;
		}
		if (!model_has(v, r))
			continue;
		line = view_line(v, r, &len);
		if (r->pos < first) {
			gap += len;
			continue;
		}
		if (gap > 0)
			model_gap(out, gap, from > 0 ? from : 1, to);
		gap = 0;
		if (r->pos < w->rows.first_pos && r->pos < recent_first_pos(&w->recent))
			model_gap(out, len, r->seq > 0 ? r->seq : 1, r->seq);
		else
			buf_add(out, line, len);
	}
	if (gap > 0)
		model_gap(out, gap, from > 0 ? from : 1, to);
	assert_int_equal(buf_error(out), 0);
}

static void check_read(struct view_world *w, const struct view *v, struct view_place *place,
	const struct buf *file, uint64_t off, size_t size)
{
	size_t expected = off >= file->len ? 0 : file->len - (size_t)off;
	struct buf out = BUF_INIT;

	if (expected > size)
		expected = size;
	buf_adds(&out, "x");
	assert_int_equal(view_read(v, &w->loop, place, off, size, &out), 0);
	assert_int_equal(out.len, expected + 1);
	if (expected > 0)
		assert_memory_equal(out.data + 1, file->data + off, expected);
	if (place != NULL && expected > 0)
		assert_int_equal(place->off, off + expected);
	buf_release(&out);
}

size_t view_model_random_size(struct view_world *w)
{
	switch (view_world_random(w, 4)) {
	case 0:
		return view_world_random(w, 50);
	case 1:
		return 4096;
	case 2:
		return view_world_random(w, 20000);
	default:
		return 128 << 10;
	}
}

void view_model_check_file(struct view_world *w, const struct view *v)
{
	struct view_place place = {0};
	struct buf file;
	uint64_t off = 0;

	view_model_file(w, v, &file);
	assert_int_equal(view_bytes(v, &w->loop), file.len);
	for (int i = 0; i < 40; i++) {
		unsigned back = view_world_random(w, 2) ? 30000 : (unsigned)file.len;

		off = file.len + 10 -
		      view_world_random(w, (back < file.len ? back : (unsigned)file.len) + 1);
		check_read(w, v, view_world_random(w, 2) ? &place : NULL, &file, off,
			view_model_random_size(w));
	}
	place = (struct view_place){0};
	for (off = 0; off < file.len; off = place.off)
		check_read(w, v, &place, &file, off, view_model_random_size(w) + 1);
	check_read(w, v, &place, &file, off, 4096);
	buf_release(&file);
}

void view_model_check_fetch(struct view_world *w, const struct view *v, int64_t from)
{
	struct record *got[200];
	int64_t pos = from;
	size_t count, at, len, expected_len, most, bytes, total;
	const char *line, *expected;

	if (from < w->rows.first_pos)
		from = w->rows.first_pos;
	if (from < w->state.first_pos)
		from = w->state.first_pos;
	at = rows_find(&w->rows, from);
	do {
		most = 1 + view_world_random(w, 200);
		bytes = 1 + view_world_random(w, 20000);
		total = 0;
		assert_int_equal(view_fetch(v, &w->loop, &pos, got, most, bytes, &count), 0);
		assert_true(count <= most);
		for (size_t i = 0; i < count; i++) {
			while (at < w->rows.count && !model_has(v, w->rows.row[at]))
				at++;
			assert_true(at < w->rows.count);
			assert_int_equal(got[i]->pos, w->rows.row[at]->pos);
			assert_true(total < bytes);
			line = view_line(v, got[i], &len);
			expected = view_line(v, w->rows.row[at], &expected_len);
			assert_int_equal(len, expected_len);
			assert_memory_equal(line, expected, len);
			total += len;
			record_unref(got[i]);
			at++;
		}
		assert_true(count == 0 || at == 0 || pos > w->rows.row[at - 1]->pos);
	} while (count > 0);
	for (; at < w->rows.count; at++)
		assert_false(model_has(v, w->rows.row[at]));
	assert_int_equal(pos, w->state.applied_pos + 1);
}

void view_model_begin(struct view_world *w, struct view views[VIEWS], int64_t base)
{
	struct loop *l = &w->loop;

	assert_int_equal(view_init(&views[0], l, w->all, NULL, NULL, base), 0);
	assert_int_equal(view_init(&views[1], l, w->type, NULL, NULL, base), 0);
	assert_int_equal(view_init(&views[2], l, w->broadcast, w->to[0], w->own[0], base), 0);
	assert_int_equal(view_init(&views[3], l, w->broadcast, w->to[1], w->own[1], base), 0);
	assert_int_equal(view_init(&views[4], l, w->to[0], NULL, NULL, base), 0);
	assert_int_equal(view_init(&views[5], l, w->sent[1], NULL, NULL, base), 0);
	assert_int_equal(view_init(&views[6], l, w->broadcast, NULL, w->own[1], base), 0);
	assert_int_equal(view_init(&views[7], l, w->broadcast, w->to[0], NULL, base), 0);
}

void view_model_release(struct view views[VIEWS])
{
	for (int i = 0; i < VIEWS; i++)
		view_release(&views[i]);
}
