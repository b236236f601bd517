/*
 * Finding a view's records: the newest in memory, older ones by the index and then in the log.
 *
 * A call finds either such that are in memory or such that are not. Where it turns from one to the
 * other it returns what it has: the next call goes on in memory.
 */
#include "core/log/log.h"
#include "core/state/parts.h"
#include "core/state/view.h"
#include "core/state/view_private.h"

#include <stddef.h>

/* Rows of the log between two that are wanted which cost less to read over than a search. */
#define ROWS_NEAR 16

void finding_release(struct finding *f)
{
	for (size_t i = 0; i < f->count; i++)
		record_unref(f->found[i].record);
	f->count = 0;
}

/* Finds in memory. */
static void find_recent(
	const struct view *v, const struct loop *loop, struct finding *f, size_t most, size_t bytes)
{
	const struct recent *recent = loop->recent;
	size_t total = 0, len, i = recent->count;

	if (f->pos <= view_last_pos(v))
		i = recent_find(recent, f->pos);
	for (; i < recent->count; i++) {
		struct record *r = recent_at(recent, i);

		if (!view_has(v, r))
			continue;
		view_line(v, r, &len);
		f->found[f->count++] = (struct found){r->pos, len, record_ref(r)};
		total += len;
		if (f->count == most || total >= bytes) {
			f->pos = r->pos + 1;
			return;
		}
	}
	if (f->pos <= loop->state->applied_pos)
		f->pos = loop->state->applied_pos + 1;
}

/* Finds which lines before position `end` are next, by the index, and not yet their records. */
static int find_older(const struct view *v, const struct loop *loop, struct finding *f, size_t most,
	size_t bytes, int64_t end)
{
	struct view_walk walk;
	size_t total = 0;
	int r = view_walk_start(&walk, v, loop->state->index, f->pos);

	while (r == 0 && walk.pos < end && f->count < most && total < bytes) {
		f->found[f->count++] = (struct found){walk.pos, walk.len, NULL};
		total += walk.len;
		r = view_walk_next(&walk);
	}
	if (r == 0)
		f->pos = walk.pos < end ? walk.pos : end;
	view_walk_release(&walk);
	return r;
}

struct rows {
	struct finding *finding;
	size_t next; /* which is looked for */
};

static bool take_row(void *arg, struct record *r)
{
	struct rows *rows = arg;
	const struct finding *f = rows->finding;
	struct found *found = rows->finding->found;

	while (rows->next < f->count && found[rows->next].pos < r->pos)
		rows->next++;
	if (rows->next < f->count && found[rows->next].pos == r->pos)
		found[rows->next++].record = record_ref(r);
	return rows->next < f->count && found[rows->next].pos - r->pos <= ROWS_NEAR;
}

/* Reads the records of the lines that find_older found. */
static int read_rows(struct loop *loop, struct finding *f)
{
	struct rows rows = {.finding = f};
	size_t before;
	int r;

	do {
		before = rows.next;
		r = log_read(loop->log, f->found[before].pos, take_row, &rows, NULL);
	} while (r == 0 && rows.next < f->count && rows.next > before);
	return r;
}

int view_find(const struct view *v, struct loop *loop, struct finding *f, size_t most, size_t bytes)
{
	const struct state *st = loop->state;
	int64_t recent;
	int r = 0;

	f->count = 0;
	if (f->pos < v->base_pos)
		f->pos = v->base_pos;
	state_rdlock(loop);
	f->expired = f->pos < st->first_pos;
	if (f->expired)
		f->pos = st->first_pos;
	recent = recent_first_pos(loop->recent);
	if (recent > st->applied_pos)
		recent = st->applied_pos + 1;
	if (f->pos < recent)
		r = find_older(v, loop, f, most, bytes, recent);
	if (r == 0 && f->count == 0)
		find_recent(v, loop, f, most, bytes);
	state_unlock(loop);

	if (r == 0 && f->count > 0 && f->found[0].record == NULL)
		r = read_rows(loop, f);
	if (r != 0)
		finding_release(f);
	return r;
}

int view_fetch(const struct view *v, struct loop *loop, int64_t *pos, struct record **out,
	size_t most, size_t bytes, size_t *count)
{
	struct finding f;
	size_t n = 0;
	int r;

	if (most > FOUND_MAX)
		most = FOUND_MAX;
	f.pos = *pos;
	do { /* again where all that was found had gone when it was to be read */
		r = most > 0 ? view_find(v, loop, &f, most, bytes) : 0;
		if (r != 0)
			return r;
		for (size_t i = 0; most > 0 && i < f.count; i++)
			if (f.found[i].record != NULL)
				out[n++] = f.found[i].record;
	} while (most > 0 && n == 0 && f.count > 0);
	*pos = f.pos;
	*count = n;
	return 0;
}
