#include "tests/unit/view_world.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

unsigned view_world_random(struct view_world *w, unsigned below)
{
	w->seed = w->seed * 1103515245u + 12345u;
	return (w->seed >> 8) % below;
}

size_t rows_find(const struct rows *rows, int64_t pos)
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

static struct channel *make(struct view_world *w, enum channel_kind kind, const char *name)
{
	struct channel *c = index_make(w->state.index, kind, name);

	assert_non_null(c);
	channel_ref(c);
	return c;
}

int view_world_setup(void **arg)
{
	static const char *const names[SESSIONS] = {"cece", "bob"};
	struct view_world *w = calloc(1, sizeof(*w));
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

int view_world_teardown(void **arg)
{
	struct view_world *w = *arg;
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

static void stand(struct view_world *w, struct record *r, struct channel *c)
{
	bool whole = channel_shows_whole(c->kind);

	assert_int_equal(index_add(w->state.index, c, r->pos,
				 (uint32_t)(whole ? r->line_len : r->shown_len)),
		0);
	r->in[r->in_count++] = (struct membership){c, whole};
}

static void stand_everywhere(
	struct view_world *w, struct record *r, enum shape shape, int from, int to)
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

void view_world_add(struct view_world *w, enum shape shape, int from, int to, size_t pad)
{
	struct record kept = {.kind = RECORD_EVENT, .type = "broadcast.message"}, *r;
	struct buf line = BUF_INIT;
	char shown[64];
	bool event = shape != RECEIPT && shape != NO_LINE;
	struct rows *rows = &w->rows;

	state_wrlock(&w->loop);
	kept.pos = w->state.applied_pos + 1 + view_world_random(w, 3);
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

void view_world_add_random(struct view_world *w)
{
	unsigned of = view_world_random(w, 100);
	int from = (int)view_world_random(w, SESSIONS + 1) - 1,
	    to = (int)view_world_random(w, SESSIONS);
	size_t pad = view_world_random(w, 300);

	if (view_world_random(w, 200) == 0)
		pad = 3000 + view_world_random(w, 20000);
	if (of < 55)
		view_world_add(w, TO_ALL, from, 0, pad);
	else if (of < 75)
		view_world_add(w, TO_ONE, from, to, pad);
	else if (of < 85)
		view_world_add(w, NOT_IN_INBOXES, from, 0, pad);
	else if (of < 93)
		view_world_add(w, RECEIPT, to, 0, pad);
	else
		view_world_add(w, NO_LINE, 0, 0, 0);
}

void view_world_save(struct view_world *w)
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

void view_world_expire_rows(struct view_world *w, int64_t pos)
{
	pthread_mutex_lock(&w->rows.mutex);
	w->rows.first_pos = pos;
	pthread_mutex_unlock(&w->rows.mutex);
}

void view_world_expire(struct view_world *w, int64_t pos)
{
	state_wrlock(&w->loop);
	w->state.first_pos = pos;
	assert_int_equal(store_begin(w->store, NULL), 0);
	assert_int_equal(index_expire(w->state.index, pos, keep_all, NULL, NULL), 0);
	assert_int_equal(store_commit(w->store, NULL), 0);
	state_unlock(&w->loop);
	view_world_expire_rows(w, pos);
}
