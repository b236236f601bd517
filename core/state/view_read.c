/*
 * Reading a view as a file: from a byte to the line that holds it, and on from there.
 *
 * Most reads go on where the last one ended; others look for the line (view_locate.c). Records may
 * expire between two steps of a read: the bytes that are still wanted have then become part of the
 * gap, and the read begins again from where it came to. That ends, because the gap's end only
 * grows.
 */
#include "core/state/parts.h"
#include "core/state/view.h"
#include "core/state/view_private.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

struct reading {
	const struct view *view;
	struct loop *loop;
	struct buf *out;
	size_t left;
	struct view_place at;
	int64_t first_pos; /* of the extent last seen */
};

/* The file as it stands. */
struct extent {
	int64_t first_pos; /* of what is kept of it */
	uint64_t gap, end; /* bytes: of the gap, and of all */
	int64_t gap_from, gap_to;
};

/* Adds bytes [skip, skip + size) of the line of `len` bytes that stands for what has expired. */
static void add_gap(
	struct buf *out, uint64_t len, uint64_t skip, size_t size, int64_t from, int64_t to)
{
	char text[80], spaces[512];
	int n;

	if (from <= to)
		n = snprintf(text, sizeof(text),
			"{\"gap\":{\"from\":%" PRId64 ",\"to\":%" PRId64 "}}", from, to);
	else
		n = snprintf(text, sizeof(text), "{\"gap\":{}}");
	memset(spaces, ' ', sizeof(spaces));
	while (size > 0) {
		const char *part = spaces;
		uint64_t most = len - 1 - skip;

		if (skip == len - 1) {
			part = "\n";
			most = 1;
		} else if ((uint64_t)n < len && skip < (uint64_t)n) {
			part = text + skip;
			most = (uint64_t)n - skip;
		} else if (most > sizeof(spaces)) {
			most = sizeof(spaces);
		}
		if (most > size)
			most = size;
		buf_add(out, part, (size_t)most);
		skip += most;
		size -= (size_t)most;
	}
}

static int find_extent(const struct view *v, struct loop *loop, struct extent *out)
{
	const struct state *st = loop->state;
	struct extent e = {.first_pos = v->base_pos};
	struct place at;
	uint64_t before;
	int r = 0;

	state_rdlock(loop);
	e.end = view_sum_all(v) - v->base_bytes;
	if (st->first_pos > v->base_pos) {
		e.first_pos = st->first_pos;
		r = view_sum(v, st->index, st->first_pos, &before);
		if (r == 0)
			r = index_at_pos(st->index, st->all, st->first_pos, &at);
		if (r == 0) {
			e.gap = before - v->base_bytes;
			e.gap_from = v->base_seq;
			e.gap_to = (int64_t)at.ord;
		}
	}
	state_unlock(loop);
	if (r == 0)
		*out = e;
	return r;
}

static int locate(struct reading *rd, const struct extent *e, const struct view_place *place)
{
	if (rd->at.off == e->gap) {
		rd->at.pos = e->first_pos;
		rd->at.skip = 0;
		return 0;
	}
	if (place->pos >= e->first_pos && place->off == rd->at.off) {
		rd->at = *place;
		return 0;
	}
	return view_locate(rd->view, rd->loop, e->first_pos, &rd->at);
}

/* For a line that the log has lost: it has expired and is part of the gap by now (-ESTALE), or the
 * log is ahead of the state, and the line becomes a gap by itself. */
static int add_lost(struct reading *rd, const struct found *f, size_t size)
{
	const struct state *st = rd->loop->state;
	struct place at = {0};
	int64_t seq = 0;
	int r = -ESTALE;

	state_rdlock(rd->loop);
	if (f->pos >= st->first_pos)
		r = index_at_pos(st->index, st->all, f->pos, &at);
	if (r == 0 && at.pos == f->pos)
		seq = (int64_t)at.ord + 1;
	state_unlock(rd->loop);
	if (r == 0)
		add_gap(rd->out, f->len, rd->at.skip, size, seq > 0 ? seq : 1, seq);
	return r;
}

/* Adds the rest of one line, or what is wanted of it. */
static int add_line(struct reading *rd, const struct found *f)
{
	const char *line = NULL;
	size_t len = 0, size;
	int r;

	if (rd->at.skip >= f->len)
		return -EIO;
	size = f->len - (size_t)rd->at.skip;
	if (size > rd->left)
		size = rd->left;
	if (f->record != NULL)
		line = view_line(rd->view, f->record, &len);
	if (line != NULL && len == f->len) {
		buf_add(rd->out, line + rd->at.skip, size);
	} else {
		r = add_lost(rd, f, size);
		if (r != 0)
			return r;
	}
	rd->left -= size;
	rd->at.off += size;
	rd->at.skip += size;
	rd->at.pos = f->pos;
	if (rd->at.skip == f->len) {
		rd->at.pos++;
		rd->at.skip = 0;
	}
	return 0;
}

/* Adds lines from where the reading is located, until it has all. */
static int add_lines(struct reading *rd)
{
	struct finding f;
	int r = 0;

	while (r == 0 && rd->left > 0 && buf_error(rd->out) == 0) {
		f.pos = rd->at.pos;
		r = view_find(rd->view, rd->loop, &f, FOUND_MAX, rd->left + (size_t)rd->at.skip);
		if (r != 0)
			return r;
		if (f.expired)
			r = -ESTALE;
		else if (f.count == 0)
			r = -EIO; /* the index promised more */
		for (size_t i = 0; r == 0 && i < f.count && rd->left > 0; i++)
			r = add_line(rd, &f.found[i]);
		finding_release(&f);
	}
	return r;
}

static int read_once(struct reading *rd, const struct view_place *place)
{
	struct extent e;
	int r = find_extent(rd->view, rd->loop, &e);

	if (r != 0)
		return r;
	rd->first_pos = e.first_pos;
	if (rd->at.off >= e.end) {
		rd->left = 0;
		return 0;
	}
	if (rd->left > e.end - rd->at.off)
		rd->left = (size_t)(e.end - rd->at.off);
	if (rd->at.off < e.gap) {
		uint64_t gap = e.gap - rd->at.off;
		size_t size = gap < rd->left ? (size_t)gap : rd->left;

		add_gap(rd->out, e.gap, rd->at.off, size, e.gap_from, e.gap_to);
		rd->left -= size;
		rd->at = (struct view_place){.off = rd->at.off + size};
	}
	if (rd->left == 0)
		return 0;
	r = locate(rd, &e, place);
	return r != 0 ? r : add_lines(rd);
}

int view_read(const struct view *v, struct loop *loop, struct view_place *place, uint64_t off,
	size_t size, struct buf *out)
{
	struct view_place last = place != NULL ? *place : (struct view_place){0};
	struct reading rd = {v, loop, out, size, {.off = off}, -1};
	size_t before = out->len;
	int64_t seen;
	int r;

	do {
		seen = rd.first_pos;
		r = size > 0 ? read_once(&rd, &last) : 0;
	} while (r == -ESTALE && rd.first_pos > seen);
	if (r == -ESTALE) /* nothing has expired: what is kept contradicts itself */
		r = -EIO;
	if (r == 0)
		r = buf_error(out);
	if (r != 0) {
		if (out->data != NULL)
			out->data[before] = '\0';
		out->len = before;
		return r;
	}
	if (place != NULL && rd.at.off > off)
		*place = rd.at;
	return 0;
}
