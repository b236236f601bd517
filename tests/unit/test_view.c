/*
 * Views against a model: a plain list of records, of which the expected file is made line by line.
 *
 * The index and its store are the real ones; the log is a list in memory, so that rows can be made
 * to go at awkward moments.
 */
#include "core/log/db.h"
#include "core/log/log.h"
#include "core/log/store.h"
#include "core/state/parts.h"
#include "core/state/view.h"

#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define SESSIONS 2

/* A log in memory. */
struct rows {
	struct log log;
	pthread_mutex_t mutex;
	struct record **row;
	size_t count, cap;
	int64_t first_pos;
	void (*before)(void *arg); /* called when reading begins */
	void *arg;
	size_t reads, visits;
	int fail;
};

struct world {
	struct loop loop;
	struct state state;
	struct recent recent;
	struct rows rows;
	struct db *db;
	struct store *store;
	char dir[32];
	unsigned seed;
	struct channel *all, *broadcast, *type, *own[SESSIONS], *to[SESSIONS], *sent[SESSIONS];
};

static unsigned next_random(struct world *w, unsigned below)
{
	w->seed = w->seed * 1103515245u + 12345u;
	return (w->seed >> 8) % below;
}

static size_t rows_find(const struct rows *rows, int64_t pos)
{
	size_t low = 0, high = rows->count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (rows->row[middle]->pos < pos)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static int rows_read(struct log *log, int64_t pos, log_visitor fn, void *arg, struct error *err)
{
	struct rows *rows = (struct rows *)log;
	struct record *copy;
	bool more = true;

	(void)err;
	if (rows->fail != 0)
		return rows->fail;
	if (rows->before != NULL)
		rows->before(rows->arg);
	pthread_mutex_lock(&rows->mutex);
	rows->reads++;
	pos = pos < rows->first_pos ? rows->first_pos : pos;
	for (size_t i = rows_find(rows, pos); more && i < rows->count; i++) {
		assert_int_equal(record_restore(rows->row[i], &copy), 0);
		rows->visits++;
		more = fn(arg, copy);
		record_unref(copy);
	}
	pthread_mutex_unlock(&rows->mutex);
	return 0;
}

static const struct log_ops rows_ops = {.read = rows_read};

static struct channel *make(struct world *w, enum channel_kind kind, const char *name)
{
	struct channel *c = index_make(w->state.index, kind, name);

	assert_non_null(c);
	channel_ref(c);
	return c;
}

static int set_up(void **arg)
{
	static const char *const names[SESSIONS] = {"cece", "bob"};
	struct world *w = calloc(1, sizeof(*w));
	pthread_rwlockattr_t attr;

	assert_non_null(w);
	w->seed = 7;
	memcpy(w->dir, "/tmp/test_view.XXXXXX", sizeof("/tmp/test_view.XXXXXX"));
	assert_non_null(mkdtemp(w->dir));
	assert_int_equal(db_open(w->dir, &db_leitl, &w->db, NULL), 0);
	assert_int_equal(store_new(w->db, &w->store, NULL), 0);
	assert_int_equal(index_new(w->store, &w->state.index, NULL), 0);
	w->all = make(w, CHANNEL_ALL, "");
	w->broadcast = make(w, CHANNEL_BROADCAST, "");
	w->type = make(w, CHANNEL_TYPE, "broadcast.message");
	for (int i = 0; i < SESSIONS; i++) {
		w->own[i] = make(w, CHANNEL_OWN, names[i]);
		w->to[i] = make(w, CHANNEL_TO, names[i]);
		w->sent[i] = make(w, CHANNEL_SENT, names[i]);
	}
	w->state.all = w->all;
	w->state.broadcast = w->broadcast;
	w->state.first_pos = 1;
	w->rows.log.ops = &rows_ops;
	pthread_mutex_init(&w->rows.mutex, NULL);
	/* As glibc makes it by default, readers that never rest keep a writer out. */
	pthread_rwlockattr_init(&attr);
	pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	pthread_rwlock_init(&w->loop.state_lock, &attr);
	pthread_rwlockattr_destroy(&attr);
	w->loop.state = &w->state;
	w->loop.recent = &w->recent;
	w->loop.log = &w->rows.log;
	*arg = w;
	return 0;
}

static int tear_down(void **arg)
{
	struct world *w = *arg;
	char command[64];

	recent_release(&w->recent);
	for (size_t i = 0; i < w->rows.count; i++)
		record_unref(w->rows.row[i]);
	free(w->rows.row);
	channel_unref(w->all);
	channel_unref(w->broadcast);
	channel_unref(w->type);
	for (int i = 0; i < SESSIONS; i++) {
		channel_unref(w->own[i]);
		channel_unref(w->to[i]);
		channel_unref(w->sent[i]);
	}
	index_free(w->state.index);
	store_free(w->store);
	db_close(w->db);
	pthread_mutex_destroy(&w->rows.mutex);
	pthread_rwlock_destroy(&w->loop.state_lock);
	snprintf(command, sizeof(command), "rm -rf %s", w->dir);
	assert_int_equal(system(command), 0);
	free(w);
	return 0;
}

/* What a record is to be. */
enum shape { TO_ALL, TO_ONE, NOT_IN_INBOXES, RECEIPT, NO_LINE };

static void stand(struct world *w, struct record *r, struct channel *c)
{
	bool whole = channel_shows_whole(c->kind);

	assert_int_equal(index_add(w->state.index, c, r->pos,
				 (uint32_t)(whole ? r->line_len : r->shown_len)),
		0);
	r->in[r->in_count++] = (struct membership){c, whole};
}

static void stand_everywhere(struct world *w, struct record *r, enum shape shape, int from, int to)
{
	if (shape == NO_LINE)
		return;
	if (shape == RECEIPT) {
		stand(w, r, w->sent[from]);
		return;
	}
	stand(w, r, w->all);
	if (shape == TO_ALL) {
		stand(w, r, w->type);
		stand(w, r, w->broadcast);
		if (from >= 0)
			stand(w, r, w->own[from]);
	}
	if (shape == TO_ONE)
		stand(w, r, w->to[to]);
	if (shape != NOT_IN_INBOXES && from >= 0)
		stand(w, r, w->sent[from]);
}

/* Appends and applies a record whose line has `pad` bytes beyond its seq. */
static void add(struct world *w, enum shape shape, int from, int to, size_t pad)
{
	struct record kept = {.kind = RECORD_EVENT, .type = "broadcast.message"}, *r;
	struct buf line = BUF_INIT;
	char shown[64];
	bool event = shape != RECEIPT && shape != NO_LINE;
	struct rows *rows = &w->rows;

	state_wrlock(&w->loop);
	kept.pos = w->state.applied_pos + 1 + next_random(w, 3);
	if (event)
		kept.seq = ++w->state.last_seq;
	buf_addf(&line, "{\"seq\":%" PRId64 ",\"pad\":\"", kept.seq);
	for (size_t i = 0; i < pad; i++)
		buf_addc(&line, (char)('a' + (kept.pos + (int64_t)i) % 26));
	buf_adds(&line, "\"}\n");
	kept.line = line.data;
	kept.line_len = line.len;
	if (shape == TO_ONE) {
		kept.shown = shown;
		kept.shown_len =
			(size_t)snprintf(shown, sizeof(shown), "{\"seq\":%" PRId64 "}\n", kept.seq);
	}
	if (shape == NO_LINE)
		kept = (struct record){.kind = RECORD_READ, .pos = kept.pos, .type = "read"};
	assert_int_equal(record_restore(&kept, &r), 0);
	stand_everywhere(w, r, shape, from, to);
	w->state.applied_pos = r->pos;
	recent_add(&w->recent, r);
	state_unlock(&w->loop);
	buf_release(&line);

	pthread_mutex_lock(&rows->mutex);
	if (rows->count == rows->cap) {
		rows->cap = rows->cap ? 2 * rows->cap : 1024;
		rows->row = realloc(rows->row, rows->cap * sizeof(struct record *));
		assert_non_null(rows->row);
	}
	rows->row[rows->count++] = r;
	pthread_mutex_unlock(&rows->mutex);
}

static void add_random(struct world *w)
{
	unsigned of = next_random(w, 100);
	int from = (int)next_random(w, SESSIONS + 1) - 1, to = (int)next_random(w, SESSIONS);
	size_t pad = next_random(w, 300);

	if (next_random(w, 200) == 0)
		pad = 3000 + next_random(w, 20000);
	if (of < 55)
		add(w, TO_ALL, from, 0, pad);
	else if (of < 75)
		add(w, TO_ONE, from, to, pad);
	else if (of < 85)
		add(w, NOT_IN_INBOXES, from, 0, pad);
	else if (of < 93)
		add(w, RECEIPT, to, 0, pad);
	else
		add(w, NO_LINE, 0, 0, 0);
}

/* Puts what the index has in memory into its store. */
static void save(struct world *w)
{
	state_wrlock(&w->loop);
	assert_int_equal(store_begin(w->store, NULL), 0);
	assert_int_equal(index_save(w->state.index, NULL), 0);
	assert_int_equal(store_commit(w->store, NULL), 0);
	index_saved(w->state.index);
	state_unlock(&w->loop);
}

static bool keep_all(void *arg, const struct channel *c)
{
	(void)arg;
	(void)c;
	return true;
}

static void expire_rows(struct world *w, int64_t pos)
{
	pthread_mutex_lock(&w->rows.mutex);
	w->rows.first_pos = pos;
	pthread_mutex_unlock(&w->rows.mutex);
}

static void expire(struct world *w, int64_t pos)
{
	state_wrlock(&w->loop);
	w->state.first_pos = pos;
	assert_int_equal(store_begin(w->store, NULL), 0);
	assert_int_equal(index_expire(w->state.index, pos, keep_all, NULL, NULL), 0);
	assert_int_equal(store_commit(w->store, NULL), 0);
	state_unlock(&w->loop);
	expire_rows(w, pos);
}

/* The model. */

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

/* The whole file as it is to be. What the log has lost beyond what has expired is a gap by itself,
 * but where it is still in memory. */
static void model_file(struct world *w, const struct view *v, struct buf *out)
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

static void check_read(struct world *w, const struct view *v, struct view_place *place,
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

static size_t random_size(struct world *w)
{
	switch (next_random(w, 4)) {
	case 0:
		return next_random(w, 50);
	case 1:
		return 4096;
	case 2:
		return next_random(w, 20000);
	default:
		return 128 << 10;
	}
}

static void check_file(struct world *w, const struct view *v)
{
	struct view_place place = {0};
	struct buf file;
	uint64_t off = 0;

	model_file(w, v, &file);
	assert_int_equal(view_bytes(v, &w->loop), file.len);
	for (int i = 0; i < 40; i++) {
		unsigned back = next_random(w, 2) ? 30000 : (unsigned)file.len;

		off = file.len + 10 -
		      next_random(w, (back < file.len ? back : (unsigned)file.len) + 1);
		check_read(w, v, next_random(w, 2) ? &place : NULL, &file, off, random_size(w));
	}
	place = (struct view_place){0};
	for (off = 0; off < file.len; off = place.off)
		check_read(w, v, &place, &file, off, random_size(w) + 1);
	check_read(w, v, &place, &file, off, 4096);
	buf_release(&file);
}

static void check_fetch(struct world *w, const struct view *v, int64_t from)
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
		most = 1 + next_random(w, 200);
		bytes = 1 + next_random(w, 20000);
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

#define VIEWS 8

static void begin_views(struct world *w, struct view views[VIEWS], int64_t base)
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

static void release_views(struct view views[VIEWS])
{
	for (int i = 0; i < VIEWS; i++)
		view_release(&views[i]);
}

static void test_empty(void **arg)
{
	struct world *w = *arg;
	struct view views[VIEWS];

	begin_views(w, views, 0);
	for (int i = 0; i < VIEWS; i++) {
		check_file(w, &views[i]);
		check_fetch(w, &views[i], 0);
	}
	release_views(views);
	view_release(NULL);
}

/* Generations begun at different times, while records come, go to the store, leave memory, and
 * expire. */
static void test_random(void **arg)
{
	enum { ROUNDS = 14, GENERATIONS = 3 };
	struct world *w = *arg;
	struct view views[GENERATIONS][VIEWS];
	int begun = 0;

	for (int round = 0; round < ROUNDS; round++) {
		if (round % 5 == 0)
			begin_views(w, views[begun++], (int64_t)next_random(w, 2) * 1000);
		for (unsigned i = next_random(w, 1500); i > 0; i--)
			add_random(w);
		if (round % 2 == 1)
			save(w);
		if (round == 6) /* a restart */
			recent_release(&w->recent);
		if (round > 6 && w->state.applied_pos > 1000)
			expire(w, w->state.first_pos + next_random(w, 1500));
		if (round == ROUNDS - 1)
			expire_rows(w, w->state.first_pos + 500);
		for (int g = 0; g < begun; g++) {
			for (int i = 0; i < VIEWS; i++) {
				check_file(w, &views[g][i]);
				check_fetch(w, &views[g][i], 0);
				check_fetch(w, &views[g][i],
					next_random(w, 20000) %
						(unsigned)(w->state.applied_pos + 2));
			}
		}
	}
	assert_true(w->rows.reads > 0);
	assert_true(w->state.applied_pos > 3 * RECENT_RECORDS);
	while (begun > 0)
		release_views(views[--begun]);
}

static void test_all_expired(void **arg)
{
	struct world *w = *arg;
	struct view old[VIEWS], young[VIEWS];

	begin_views(w, old, 0);
	for (int i = 0; i < 500; i++)
		add_random(w);
	save(w);
	expire(w, w->state.applied_pos + 1);
	begin_views(w, young, 0);
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < VIEWS; i++) {
			check_file(w, &old[i]);
			check_fetch(w, &old[i], 0);
			check_file(w, &young[i]);
			assert_true(round > 0 || view_bytes(&young[i], &w->loop) == 0);
		}
		for (int i = 0; i < 20; i++)
			add_random(w);
	}
	release_views(old);
	release_views(young);
}

/* A view can't begin beyond what is there: it begins with what comes next. */
static void test_begins_at_the_next(void **arg)
{
	struct world *w = *arg;
	struct view v;

	add(w, TO_ALL, 0, 0, 10);
	assert_int_equal(view_init(&v, &w->loop, w->all, NULL, NULL, 1000), 0);
	add(w, TO_ALL, 0, 0, 10);
	check_file(w, &v);
	assert_true(view_bytes(&v, &w->loop) > 0);
	view_release(&v);
}

static void test_a_gap_too_short_for_words(void **arg)
{
	struct world *w = *arg;
	struct buf out = BUF_INIT;
	struct view v;

	assert_int_equal(view_init(&v, &w->loop, w->all, NULL, NULL, 0), 0);
	add(w, TO_ONE, 0, 0, 10); /* shown as {"seq":1} */
	add(w, TO_ALL, 0, 0, 1);
	expire(w, w->state.applied_pos);
	assert_int_equal(view_read(&v, &w->loop, NULL, 0, 4096, &out), 0);
	assert_memory_equal(out.data, "         \n{\"seq\":2,", 19);
	buf_release(&out);
	view_release(&v);
}

static void test_a_gap_of_receipts(void **arg)
{
	struct world *w = *arg;
	struct buf out = BUF_INIT;
	struct view v;

	assert_int_equal(view_init(&v, &w->loop, w->sent[0], NULL, NULL, 0), 0);
	add(w, RECEIPT, 0, 0, 0);
	add(w, TO_ALL, 0, 0, 0);
	expire(w, w->state.applied_pos);
	assert_int_equal(view_read(&v, &w->loop, NULL, 0, 20, &out), 0);
	assert_string_equal(out.data, "{\"gap\":{}}        \n{");
	buf_release(&out);
	view_release(&v);
}

struct expiry {
	struct world *world;
	int64_t to;
};

static void expire_now(void *arg)
{
	struct expiry *e = arg;

	e->world->rows.before = NULL;
	expire(e->world, e->to);
}

/* Every byte read is one of before or of after, whatever expires while it is read. */
static void test_expiry_within_a_read(void **arg)
{
	struct world *w = *arg;
	struct view views[VIEWS];
	struct buf before, after, out = BUF_INIT;
	struct expiry e = {.world = w};

	begin_views(w, views, 0);
	for (int i = 0; i < 3000; i++)
		add_random(w);
	save(w);
	recent_release(&w->recent);
	for (int round = 0; round < 100; round++) {
		const struct view *v = &views[round % VIEWS];
		uint64_t off;
		size_t size = 20000 + random_size(w);

		model_file(w, v, &before);
		off = next_random(w, (unsigned)before.len);
		e.to = w->state.first_pos + next_random(w, 50);
		w->rows.before = expire_now;
		w->rows.arg = &e;
		buf_reset(&out);
		assert_int_equal(view_read(v, &w->loop, NULL, off, size, &out), 0);
		w->rows.before = NULL;
		model_file(w, v, &after);
		assert_int_equal(before.len, after.len);
		assert_int_equal(out.len, size < before.len - off ? size : before.len - off);
		for (size_t i = 0; i < out.len; i++)
			if (out.data[i] != before.data[off + i])
				assert_int_equal(out.data[i], after.data[off + i]);
		buf_release(&before);
		buf_release(&after);
	}
	buf_release(&out);
	release_views(views);
}

static void test_failures_leave_outputs_alone(void **arg)
{
	struct world *w = *arg;
	struct view_place place = {1, 2, 3};
	struct buf out = {.max = 100};
	struct record *got[4];
	int64_t pos = 1;
	size_t count = 77;
	struct view v;

	assert_int_equal(view_init(&v, &w->loop, w->all, NULL, NULL, 0), 0);
	for (int i = 0; i < 10; i++)
		add(w, TO_ALL, 0, 0, 200);
	buf_adds(&out, "kept");
	assert_int_equal(view_read(&v, &w->loop, &place, 0, 4096, &out), -EMSGSIZE);
	assert_string_equal(out.data, "kept");
	recent_release(&w->recent);
	w->rows.fail = -EIO;
	buf_reset(&out);
	buf_adds(&out, "kept");
	assert_int_equal(view_read(&v, &w->loop, &place, 0, 50, &out), -EIO);
	assert_string_equal(out.data, "kept");
	assert_int_equal(place.off, 1);
	assert_int_equal(view_fetch(&v, &w->loop, &pos, got, 4, 1000, &count), -EIO);
	assert_int_equal(pos, 1);
	assert_int_equal(count, 77);
	w->rows.fail = 0;
	assert_int_equal(view_fetch(&v, &w->loop, &pos, got, 0, 1000, &count), 0);
	assert_int_equal(count, 0);
	assert_int_equal(pos, 1);
	buf_release(&out);
	view_release(&v);
}

/* Rows far apart are looked up, near ones are read in one go; nothing beyond is read. */
static void test_rows_read(void **arg)
{
	struct world *w = *arg;
	struct record *got[50];
	int64_t pos = 0;
	size_t count;
	struct view v;

	assert_int_equal(view_init(&v, &w->loop, w->to[0], NULL, NULL, 0), 0);
	for (int i = 0; i < 40; i++) {
		add(w, TO_ONE, 1, 0, 10);
		for (int k = 0; k < (i < 20 ? 2 : 200); k++)
			add(w, TO_ALL, 1, 0, 10);
	}
	recent_release(&w->recent);
	assert_int_equal(view_fetch(&v, &w->loop, &pos, got, 50, 1 << 20, &count), 0);
	assert_int_equal(count, 40);
	assert_in_range(w->rows.reads, 20, 22);
	assert_in_range(w->rows.visits, 40, 85);
	while (count > 0)
		record_unref(got[--count]);
	view_release(&v);
}

/* Readers beside a writer. */

#define FOLLOWED 6000

struct reader {
	struct world *world;
	const struct view *view;
	pthread_t thread;
	bool wrong;
};

/* cmocka's asserts are for its own thread: these tell by what they return. */
static void *read_along(void *arg)
{
	struct reader *rd = arg;
	struct view_place place = {0};
	struct buf out = BUF_INIT;
	char *line, *end;
	long seq = 0;

	while (seq < FOLLOWED && !rd->wrong) {
		if (view_read(rd->view, &rd->world->loop, &place, place.off, 3000, &out))
			rd->wrong = true;
		sched_yield();
		for (line = out.data; out.len > 0 && (end = strchr(line, '\n')); line = end + 1)
			if (strtol(line + sizeof("{\"seq\":") - 1, NULL, 10) != ++seq)
				rd->wrong = true;
		if (out.len > 0) {
			out.len -= (size_t)(line - out.data);
			memmove(out.data, line, out.len + 1);
		}
	}
	buf_release(&out);
	return NULL;
}

static void *fetch_along(void *arg)
{
	struct reader *rd = arg;
	struct record *got[64];
	int64_t pos = 0, seq = 0;
	size_t count;

	while (seq < FOLLOWED && !rd->wrong) {
		count = 0;
		if (view_fetch(rd->view, &rd->world->loop, &pos, got, 64, 10000, &count))
			rd->wrong = true;
		sched_yield();
		for (size_t i = 0; i < count; i++) {
			if (got[i]->seq != ++seq)
				rd->wrong = true;
			record_unref(got[i]);
		}
	}
	return NULL;
}

static void test_readers_beside_a_writer(void **arg)
{
	struct world *w = *arg;
	struct reader readers[3];
	struct view v;

	assert_int_equal(view_init(&v, &w->loop, w->broadcast, w->to[0], w->own[0], 0), 0);
	for (int i = 0; i < 3; i++) {
		readers[i] = (struct reader){.world = w, .view = &v};
		assert_int_equal(pthread_create(&readers[i].thread, NULL,
					 i == 2 ? fetch_along : read_along, &readers[i]),
			0);
	}
	for (int i = 0; i < FOLLOWED; i++) {
		add(w, i % 3 ? TO_ALL : TO_ONE, 1, 0, 50);
		if (i % 1000 == 999)
			save(w);
	}
	for (int i = 0; i < 3; i++)
		pthread_join(readers[i].thread, NULL);
	for (int i = 0; i < 3; i++)
		assert_false(readers[i].wrong);
	view_release(&v);
}

int main(void)
{
#define EACH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		EACH(test_empty),
		EACH(test_random),
		EACH(test_all_expired),
		EACH(test_begins_at_the_next),
		EACH(test_a_gap_too_short_for_words),
		EACH(test_a_gap_of_receipts),
		EACH(test_expiry_within_a_read),
		EACH(test_failures_leave_outputs_alone),
		EACH(test_rows_read),
		EACH(test_readers_beside_a_writer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
