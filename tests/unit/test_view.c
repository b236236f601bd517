/* Views against a model of them, whatever comes and goes while they are read. */
#include "tests/unit/view_model.h"

#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_empty(void **arg)
{
	struct view_world *w = *arg;
	struct view views[VIEWS];

	view_model_begin(w, views, 0);
	for (int i = 0; i < VIEWS; i++) {
		view_model_check_file(w, &views[i]);
		view_model_check_fetch(w, &views[i], 0);
	}
	view_model_release(views);
	view_release(NULL);
}

/* Generations begun at different times, while records come, go to the store, leave memory, and
 * expire. */
static void test_random(void **arg)
{
	enum { ROUNDS = 14, GENERATIONS = 3 };
	struct view_world *w = *arg;
	struct view views[GENERATIONS][VIEWS];
	int begun = 0;

	for (int round = 0; round < ROUNDS; round++) {
		if (round % 5 == 0)
			view_model_begin(
				w, views[begun++], (int64_t)view_world_random(w, 2) * 1000);
		for (unsigned i = view_world_random(w, 1500); i > 0; i--)
			view_world_add_random(w);
		if (round % 2 == 1)
			view_world_save(w);
		if (round == 6) /* a restart */
			recent_release(&w->recent);
		if (round > 6 && w->state.applied_pos > 1000)
			view_world_expire(w, w->state.first_pos + view_world_random(w, 1500));
		if (round == ROUNDS - 1)
			view_world_expire_rows(w, w->state.first_pos + 500);
		for (int g = 0; g < begun; g++) {
			for (int i = 0; i < VIEWS; i++) {
				view_model_check_file(w, &views[g][i]);
				view_model_check_fetch(w, &views[g][i], 0);
				view_model_check_fetch(w, &views[g][i],
					view_world_random(w, 20000) %
						(unsigned)(w->state.applied_pos + 2));
			}
		}
	}
	assert_true(w->rows.reads > 0);
	assert_true(w->state.applied_pos > 3 * RECENT_RECORDS);
	while (begun > 0)
		view_model_release(views[--begun]);
}

static void test_all_expired(void **arg)
{
	struct view_world *w = *arg;
	struct view old[VIEWS], young[VIEWS];

	view_model_begin(w, old, 0);
	for (int i = 0; i < 500; i++)
		view_world_add_random(w);
	view_world_save(w);
	view_world_expire(w, w->state.applied_pos + 1);
	view_model_begin(w, young, 0);
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < VIEWS; i++) {
			view_model_check_file(w, &old[i]);
			view_model_check_fetch(w, &old[i], 0);
			view_model_check_file(w, &young[i]);
			assert_true(round > 0 || view_bytes(&young[i], &w->loop) == 0);
		}
		for (int i = 0; i < 20; i++)
			view_world_add_random(w);
	}
	view_model_release(old);
	view_model_release(young);
}

/* A view can't begin beyond what is there: it begins with what comes next. */
static void test_begins_at_the_next(void **arg)
{
	struct view_world *w = *arg;
	struct view v;

	view_world_add(w, TO_ALL, 0, 0, 10);
	assert_int_equal(view_init(&v, &w->loop, w->all, NULL, NULL, 1000), 0);
	view_world_add(w, TO_ALL, 0, 0, 10);
	view_model_check_file(w, &v);
	assert_true(view_bytes(&v, &w->loop) > 0);
	view_release(&v);
}

static void test_a_gap_too_short_for_words(void **arg)
{
	struct view_world *w = *arg;
	struct buf out = BUF_INIT;
	struct view v;

	assert_int_equal(view_init(&v, &w->loop, w->all, NULL, NULL, 0), 0);
	view_world_add(w, TO_ONE, 0, 0, 10); /* shown as {"seq":1} */
	view_world_add(w, TO_ALL, 0, 0, 1);
	view_world_expire(w, w->state.applied_pos);
	assert_int_equal(view_read(&v, &w->loop, NULL, 0, 4096, &out), 0);
	assert_memory_equal(out.data, "         \n{\"seq\":2,", 19);
	buf_release(&out);
	view_release(&v);
}

static void test_a_gap_of_receipts(void **arg)
{
	struct view_world *w = *arg;
	struct buf out = BUF_INIT;
	struct view v;

	assert_int_equal(view_init(&v, &w->loop, w->sent[0], NULL, NULL, 0), 0);
	view_world_add(w, RECEIPT, 0, 0, 0);
	view_world_add(w, TO_ALL, 0, 0, 0);
	view_world_expire(w, w->state.applied_pos);
	assert_int_equal(view_read(&v, &w->loop, NULL, 0, 20, &out), 0);
	assert_string_equal(out.data, "{\"gap\":{}}        \n{");
	buf_release(&out);
	view_release(&v);
}

struct expiry {
	struct view_world *world;
	int64_t to;
};

static void expire_now(void *arg)
{
	struct expiry *e = arg;

	e->world->rows.before = NULL;
	view_world_expire(e->world, e->to);
}

/* Every byte read is one of before or of after, whatever expires while it is read. */
static void test_expiry_within_a_read(void **arg)
{
	struct view_world *w = *arg;
	struct view views[VIEWS];
	struct buf before, after, out = BUF_INIT;
	struct expiry e = {.world = w};

	view_model_begin(w, views, 0);
	for (int i = 0; i < 3000; i++)
		view_world_add_random(w);
	view_world_save(w);
	recent_release(&w->recent);
	for (int round = 0; round < 100; round++) {
		const struct view *v = &views[round % VIEWS];
		uint64_t off;
		size_t size = 20000 + view_model_random_size(w);

		view_model_file(w, v, &before);
		off = view_world_random(w, (unsigned)before.len);
		e.to = w->state.first_pos + view_world_random(w, 50);
		w->rows.before = expire_now;
		w->rows.arg = &e;
		buf_reset(&out);
		assert_int_equal(view_read(v, &w->loop, NULL, off, size, &out), 0);
		w->rows.before = NULL;
		view_model_file(w, v, &after);
		assert_int_equal(before.len, after.len);
		assert_int_equal(out.len, size < before.len - off ? size : before.len - off);
		for (size_t i = 0; i < out.len; i++)
			if (out.data[i] != before.data[off + i])
				assert_int_equal(out.data[i], after.data[off + i]);
		buf_release(&before);
		buf_release(&after);
	}
	buf_release(&out);
	view_model_release(views);
}

static void test_failures_leave_outputs_alone(void **arg)
{
	struct view_world *w = *arg;
	struct view_place place = {1, 2, 3};
	struct buf out = {.max = 100};
	struct record *got[4];
	int64_t pos = 1;
	size_t count = 77;
	struct view v;

	assert_int_equal(view_init(&v, &w->loop, w->all, NULL, NULL, 0), 0);
	for (int i = 0; i < 10; i++)
		view_world_add(w, TO_ALL, 0, 0, 200);
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
	struct view_world *w = *arg;
	struct record *got[50];
	int64_t pos = 0;
	size_t count;
	struct view v;

	assert_int_equal(view_init(&v, &w->loop, w->to[0], NULL, NULL, 0), 0);
	for (int i = 0; i < 40; i++) {
		view_world_add(w, TO_ONE, 1, 0, 10);
		for (int k = 0; k < (i < 20 ? 2 : 200); k++)
			view_world_add(w, TO_ALL, 1, 0, 10);
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
	struct view_world *world;
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
	struct view_world *w = *arg;
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
		view_world_add(w, i % 3 ? TO_ALL : TO_ONE, 1, 0, 50);
		if (i % 1000 == 999)
			view_world_save(w);
	}
	for (int i = 0; i < 3; i++)
		pthread_join(readers[i].thread, NULL);
	for (int i = 0; i < 3; i++)
		assert_false(readers[i].wrong);
	view_release(&v);
}

int main(void)
{
#define EACH(test) cmocka_unit_test_setup_teardown(test, view_world_setup, view_world_teardown)
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
