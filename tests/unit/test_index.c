#include "core/log/db.h"
#include "core/log/index.h"
#include "core/log/store.h"
#include "tests/unit/scratch.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* What an index must be: every entry ever, in arrays. */
#define MODEL_CHANNELS 6
#define MODEL_ENTRIES  6000

struct model {
	size_t count;
	int64_t pos[MODEL_ENTRIES];
	uint32_t len[MODEL_ENTRIES];
	uint64_t off[MODEL_ENTRIES + 1];
	size_t saved, base; /* entries of the last save; those before it dropped with the channel */
};

struct fixture {
	struct scratch scratch;
	struct db *db;
	struct store *store;
	struct index *index;
	struct model models[MODEL_CHANNELS];
	int64_t pos, saved_pos, expired;
	unsigned seed;
};

static void open_index(struct fixture *f)
{
	struct error err = {0};

	if (db_open(f->scratch.path, &db_leitl, &f->db, &err) < 0 ||
		store_new(f->db, &f->store, &err) < 0 || index_new(f->store, &f->index, &err) < 0)
		fail_msg("%s", err.text);
}

static void close_index(struct fixture *f)
{
	index_free(f->index);
	store_free(f->store);
	db_close(f->db);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->seed = 1;
	scratch_init(&f->scratch);
	open_index(f);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	close_index(f);
	scratch_release(&f->scratch);
	free(f);
	return 0;
}

static void save(struct fixture *f)
{
	assert_int_equal(store_begin(f->store, NULL), 0);
	assert_int_equal(index_save(f->index, NULL), 0);
	assert_int_equal(store_commit(f->store, NULL), 0);
	index_saved(f->index);
}

static void expire(struct fixture *f, int64_t pos)
{
	assert_int_equal(store_begin(f->store, NULL), 0);
	assert_int_equal(index_expire(f->index, pos, NULL, NULL, NULL), 0);
	assert_int_equal(store_commit(f->store, NULL), 0);
}

static struct channel *channel(struct fixture *f, int i)
{
	char name[16];
	struct channel *c;

	snprintf(name, sizeof(name), "c%d", i);
	c = index_make(f->index, CHANNEL_TYPE, name);
	assert_non_null(c);
	return c;
}

static void add(struct fixture *f, struct channel *c, int64_t pos, uint32_t len)
{
	assert_int_equal(index_add(f->index, c, pos, len), 0);
}

static void channels_have_kind_and_name(void **state)
{
	struct fixture *f = *state;
	struct channel *a, *b;
	char name[40];

	assert_null(index_find(f->index, CHANNEL_SESSION, "x"));
	a = index_make(f->index, CHANNEL_SESSION, "x");
	b = index_make(f->index, CHANNEL_OWN, "x");
	assert_true(a != NULL && b != NULL && a != b && a->id != b->id);
	assert_ptr_equal(index_find(f->index, CHANNEL_SESSION, "x"), a);
	assert_ptr_equal(index_make(f->index, CHANNEL_OWN, "x"), b);
	for (int i = 0; i < 3000; i++) {
		snprintf(name, sizeof(name), "name-%d", i);
		assert_non_null(index_make(f->index, CHANNEL_TO, name));
	}
	for (int i = 0; i < 3000; i++) {
		struct channel *c;

		snprintf(name, sizeof(name), "name-%d", i);
		c = index_find(f->index, CHANNEL_TO, name);
		assert_non_null(c);
		assert_string_equal(c->name, name);
		assert_int_equal(c->kind, CHANNEL_TO);
	}
	assert_ptr_equal(index_find(f->index, CHANNEL_SESSION, "x"), a);
}

static bool count_one(void *arg, struct channel *c)
{
	assert_int_equal(c->kind, CHANNEL_TYPE);
	return ++*(int *)arg < 3;
}

static void each_is_told_once(void **state)
{
	struct fixture *f = *state;
	int count = 0;

	index_make(f->index, CHANNEL_ALL, "");
	channel(f, 1);
	channel(f, 2);
	index_each(f->index, CHANNEL_TYPE, count_one, &count);
	assert_int_equal(count, 2);
	channel(f, 3);
	channel(f, 4);
	count = 0;
	index_each(f->index, CHANNEL_TYPE, count_one, &count);
	assert_int_equal(count, 3);
}

static void an_empty_channel_has_only_its_end(void **state)
{
	struct fixture *f = *state;
	struct channel *c = channel(f, 1);
	struct place at;
	struct walk w;

	for (int i = 0; i < 2; i++) {
		assert_int_equal(index_at_pos(f->index, c, 0, &at), 0);
		assert_true(at.pos == INT64_MAX && at.ord == 0 && at.off == 0 && at.len == 0);
		assert_int_equal(index_at_off(f->index, c, 5, &at), 0);
		assert_int_equal(at.pos, INT64_MAX);
		assert_int_equal(index_at_ord(f->index, c, 0, &at), 0);
		assert_int_equal(at.pos, INT64_MAX);
		assert_int_equal(walk_start(&w, f->index, c, &at), 0);
		assert_int_equal(walk_next(&w), 0);
		assert_int_equal(w.at.pos, INT64_MAX);
		walk_release(&w);
		save(f);
	}
	w = (struct walk){.at.pos = INT64_MAX};
	assert_int_equal(walk_next(&w), 0);
	walk_release(&w);
}

static void positions_only_grow(void **state)
{
	struct fixture *f = *state;
	struct channel *c = channel(f, 1);

	assert_int_equal(index_add(f->index, c, 0, 1), -EINVAL);
	add(f, c, 5, 1);
	assert_int_equal(index_add(f->index, c, 5, 1), -EINVAL);
	assert_int_equal(index_add(f->index, c, 4, 1), -EINVAL);
	assert_true(c->count == 1 && c->bytes == 1 && c->last_pos == 5);
	add(f, c, INT64_MAX - 1, UINT32_MAX);
	assert_int_equal(c->bytes, (uint64_t)UINT32_MAX + 1);
}

/* The model. */

static unsigned roll(struct fixture *f, unsigned below)
{
	return (unsigned)rand_r(&f->seed) % below;
}

static void model_add(struct fixture *f, int i)
{
	struct model *m = &f->models[i];

	if (m->count == MODEL_ENTRIES)
		return;
	m->pos[m->count] = f->pos;
	m->len[m->count] = roll(f, 20) == 0 ? 1 + roll(f, 1 << 20) : 1 + roll(f, 400);
	m->off[m->count + 1] = m->off[m->count] + m->len[m->count];
	add(f, channel(f, i), f->pos, m->len[m->count]);
	m->count++;
}

static void model_message(struct fixture *f)
{
	f->pos += roll(f, 30) == 0 ? 1 + roll(f, 100000) : 1;
	for (int i = 0; i < MODEL_CHANNELS; i++)
		if (roll(f, 1u << i) == 0)
			model_add(f, i);
}

/* What must be found for entry i: itself, or the first that the index still has if that is later.
 */
static void check_place(const struct fixture *f, const struct model *m, size_t i,
	const struct place *at, const char *how)
{
	if (i >= m->count) {
		if (at->pos != INT64_MAX || at->ord != m->count || at->off != m->off[m->count] ||
			at->len != 0)
			fail_msg("%s: not at the end", how);
		return;
	}
	if (at->ord > i) {
		/* Only where all before it has expired, and a whole block of it. */
		if (at->ord >= m->count || m->pos[at->ord - 1] >= f->expired ||
			at->ord % BLOCK_ENTRIES != 0)
			fail_msg("%s: entry %zu is missing, there is %llu", how, i,
				(unsigned long long)at->ord);
		i = at->ord;
	}
	if (at->ord != i || at->pos != m->pos[i] || at->off != m->off[i] || at->len != m->len[i])
		fail_msg("%s: not entry %zu", how, i);
}

static size_t first_at(const struct model *m, int64_t pos)
{
	size_t low = 0, high = m->count;

	while (low < high) {
		const size_t middle = (low + high) / 2;

		if (m->pos[middle] >= pos)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

static size_t holding(const struct model *m, uint64_t off)
{
	size_t i = 0;

	while (i < m->count && m->off[i + 1] <= off)
		i++;
	return i;
}

static void check_channel(struct fixture *f, int i)
{
	const struct model *m = &f->models[i];
	struct channel *c = channel(f, i);
	struct place at;
	struct walk w;

	assert_true(c->count == m->count && c->bytes == m->off[m->count]);
	for (int n = 0; n < 20; n++) {
		const size_t ord = roll(f, (unsigned)m->count + 2);
		const uint64_t off = m->off[m->count] > 0
					     ? (uint64_t)roll(f, 1u << 30) % (m->off[m->count] + 2)
					     : 0;
		const int64_t pos = roll(f, (unsigned)f->pos + 5);

		assert_int_equal(index_at_ord(f->index, c, ord, &at), 0);
		check_place(f, m, ord, &at, "by ord");
		assert_int_equal(index_at_off(f->index, c, off, &at), 0);
		check_place(f, m, holding(m, off), &at, "by off");
		assert_int_equal(index_at_pos(f->index, c, pos, &at), 0);
		check_place(f, m, first_at(m, pos), &at, "by pos");
	}
	assert_int_equal(walk_start(&w, f->index, c, &at), 0);
	for (int n = 0; n < 700; n++) {
		const size_t next = w.at.pos == INT64_MAX ? m->count : w.at.ord + 1;

		assert_int_equal(walk_next(&w), 0);
		assert_true(w.at.ord == (next > m->count ? m->count : next));
		check_place(f, m, next, &w.at, "walking");
	}
	walk_release(&w);
}

/* As after a crash: what was not saved is added again from the log. */
static void crash(struct fixture *f)
{
	close_index(f);
	open_index(f);
	for (int i = 0; i < MODEL_CHANNELS; i++) {
		struct model *m = &f->models[i];
		struct channel *c = channel(f, i);

		assert_int_equal(c->count, m->saved);
		for (size_t n = m->saved; n < m->count; n++)
			add(f, c, m->pos[n], m->len[n]);
	}
}

static void model_save(struct fixture *f)
{
	save(f);
	for (int i = 0; i < MODEL_CHANNELS; i++)
		f->models[i].saved = f->models[i].count;
}

static void failed_save(struct fixture *f)
{
	assert_int_equal(store_begin(f->store, NULL), 0);
	assert_int_equal(index_save(f->index, NULL), 0);
	store_rollback(f->store);
	index_unsaved(f->index);
}

/* Between the commit and index_saved() both the store and the memory have it. */
static void check_within_save(struct fixture *f)
{
	assert_int_equal(store_begin(f->store, NULL), 0);
	assert_int_equal(index_save(f->index, NULL), 0);
	check_channel(f, (int)roll(f, MODEL_CHANNELS));
	assert_int_equal(store_commit(f->store, NULL), 0);
	for (int i = 0; i < MODEL_CHANNELS; i++) {
		check_channel(f, i);
		f->models[i].saved = f->models[i].count;
	}
	index_saved(f->index);
}

static bool is_any(void *arg, const struct channel *c)
{
	(void)arg;
	return c != NULL;
}

static void expire_blocks(struct fixture *f)
{
	if (roll(f, 3) == 0)
		f->expired += (f->pos - f->expired) / (1 + roll(f, 4));
	assert_int_equal(store_begin(f->store, NULL), 0);
	assert_int_equal(index_expire(f->index, f->expired, is_any, NULL, NULL), 0);
	assert_int_equal(store_commit(f->store, NULL), 0);
}

static void is_as_the_model_whatever_happens(void **state)
{
	struct fixture *f = *state;
	struct place at;

	for (f->seed = 1; f->seed < 4; f->seed++) {
		const unsigned seed = f->seed;

		for (int step = 0; step < 400; step++) {
			const unsigned messages = roll(f, 10) == 0 ? 700 : roll(f, 12);

			for (unsigned i = 0; i < messages; i++)
				model_message(f);
			switch (roll(f, 12)) {
			case 0:
			case 1:
				model_save(f);
				break;
			case 2:
				failed_save(f);
				break;
			case 3:
				check_within_save(f);
				break;
			case 4:
				if (roll(f, 2) == 0)
					crash(f);
				break;
			case 5:
				expire_blocks(f);
				break;
			default:
				break;
			}
			check_channel(f, (int)roll(f, MODEL_CHANNELS));
		}
		for (int i = 0; i < MODEL_CHANNELS; i++)
			check_channel(f, i);
		assert_int_equal(index_at_ord(f->index, channel(f, 0), 0, &at), 0);
		assert_true(at.ord > 0); /* some have gone */
		teardown(state);
		setup(state);
		f = *state;
		f->seed = seed;
	}
}

/* Expiry of whole channels. */

static bool is_kept(void *arg, const struct channel *c)
{
	return c == arg;
}

static void channels_go_with_their_last_record(void **state)
{
	struct fixture *f = *state;
	struct channel *held = channel(f, 0), *kept = channel(f, 1), *new;
	struct place at;

	channel_ref(held);
	for (int i = 0; i < 4; i++)
		add(f, channel(f, i), 10 + i, 5);
	expire(f, 100); /* nothing was saved: nothing goes */
	assert_non_null(index_find(f->index, CHANNEL_TYPE, "c2"));
	save(f);
	add(f, channel(f, 3), 100, 5);
	save(f);
	assert_int_equal(store_begin(f->store, NULL), 0);
	assert_int_equal(index_expire(f->index, 100, is_kept, kept, NULL), 0);
	assert_int_equal(store_commit(f->store, NULL), 0);
	assert_ptr_equal(index_find(f->index, CHANNEL_TYPE, "c0"), held);
	assert_ptr_equal(index_find(f->index, CHANNEL_TYPE, "c1"), kept);
	assert_null(index_find(f->index, CHANNEL_TYPE, "c2"));
	assert_non_null(index_find(f->index, CHANNEL_TYPE, "c3"));
	/* What went begins anew; what was held goes on. */
	new = channel(f, 2);
	assert_int_equal(new->count, 0);
	add(f, new, 200, 7);
	add(f, held, 201, 7);
	assert_int_equal(held->count, 2);
	save(f);
	channel_unref(held);
	close_index(f);
	open_index(f);
	assert_int_equal(channel(f, 0)->count, 2);
	assert_int_equal(channel(f, 2)->count, 1);
	assert_int_equal(index_at_ord(f->index, channel(f, 2), 0, &at), 0);
	assert_int_equal(at.pos, 200);
	expire(f, 1000);
	for (int i = 0; i < 4; i++) {
		char name[16];

		snprintf(name, sizeof(name), "c%d", i);
		assert_null(index_find(f->index, CHANNEL_TYPE, name));
	}
}

/* The commit after index_expire fails: the store has what the memory has not. */
static void a_drop_that_was_not_kept_does_no_harm(void **state)
{
	struct fixture *f = *state;
	struct channel *c = channel(f, 1);
	uint32_t id = c->id;

	add(f, c, 5, 5);
	save(f);
	assert_int_equal(store_begin(f->store, NULL), 0);
	assert_int_equal(index_expire(f->index, 100, NULL, NULL, NULL), 0);
	store_rollback(f->store);
	add(f, channel(f, 1), 200, 9);
	save(f);
	for (int i = 0; i < 2; i++) {
		close_index(f);
		open_index(f);
		c = index_find(f->index, CHANNEL_TYPE, "c1");
		assert_non_null(c);
		assert_int_not_equal(c->id, id);
		assert_true(c->count == 1 && c->bytes == 9);
		expire(f, 100);
	}
}

static void a_damaged_index_is_told(void **state)
{
	static const char *const harm[] = {
		"DELETE FROM block",
		"UPDATE block SET bytes = x'ff'",
		"UPDATE block SET bytes = zeroblob(length(bytes))",
		"UPDATE block SET count = count + 1",
		"UPDATE block SET count = count - 1",
		"UPDATE block SET count = 100000",
		"UPDATE block SET bytes = x'ffffffffffffffffffffffffffffffffffff'",
		"UPDATE block SET pos = -5",
	};

	for (size_t i = 0; i < sizeof(harm) / sizeof(harm[0]); i++) {
		struct fixture *f = *state;
		struct place at;
		sqlite3 *db = NULL;

		for (int n = 1; n < 600; n++)
			add(f, channel(f, 1), n, 3);
		save(f);
		close_index(f);
		sqlite3_open(scratch_path(&f->scratch, "leitl.db"), &db);
		assert_int_equal(sqlite3_exec(db, harm[i], NULL, NULL, NULL), SQLITE_OK);
		sqlite3_close(db);
		open_index(f);
		assert_int_equal(index_at_ord(f->index, channel(f, 1), 100, &at), -EUCLEAN);
		assert_int_equal(index_at_pos(f->index, channel(f, 1), 400, &at), -EUCLEAN);
		teardown(state);
		setup(state);
	}
	{
		struct fixture *f = *state;
		struct error err = {0};
		sqlite3 *db = NULL;

		add(f, channel(f, 1), 1, 3);
		save(f);
		close_index(f);
		sqlite3_open(scratch_path(&f->scratch, "leitl.db"), &db);
		sqlite3_exec(db, "UPDATE channel SET kind = 3", NULL, NULL, NULL);
		sqlite3_close(db);
		assert_int_equal(db_open(f->scratch.path, &db_leitl, &f->db, &err), 0);
		assert_int_equal(store_new(f->db, &f->store, &err), 0);
		assert_int_equal(index_new(f->store, &f->index, &err), -EUCLEAN);
		f->index = NULL;
	}
}

/* Readers, all of whom hold a lock for reading, share the blocks that were read. */
static void *look(void *arg)
{
	struct fixture *f = arg;
	unsigned seed = (unsigned)(uintptr_t)&seed;
	intptr_t wrong = 0;

	for (int i = 0; i < 3000; i++) {
		const uint64_t ord = (uint64_t)rand_r(&seed) % 40000;
		struct place at = {0};

		if (index_at_ord(f->index, index_find(f->index, CHANNEL_TYPE, "c1"), ord, &at) !=
				0 ||
			at.pos != (int64_t)ord + 1 || at.off != ord * 3)
			wrong++;
	}
	return (void *)wrong;
}

static void many_may_look_at_once(void **state)
{
	struct fixture *f = *state;
	pthread_t threads[6];
	void *wrong;

	for (int i = 0; i < 40000; i++)
		add(f, channel(f, 1), i + 1, 3);
	save(f);
	for (int i = 0; i < 6; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, look, f), 0);
	for (int i = 0; i < 6; i++) {
		pthread_join(threads[i], &wrong);
		assert_null(wrong);
	}
}

static void saving_empties_the_tail(void **state)
{
	struct fixture *f = *state;
	const size_t before = index_tail_bytes(f->index);

	for (int i = 0; i < 10000; i++)
		add(f, channel(f, i % 5), i + 1, 300);
	assert_true(index_tail_bytes(f->index) > 20000);
	assert_true(index_tail_bytes(f->index) < 100000);
	save(f);
	assert_int_equal(index_tail_bytes(f->index), before);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(channels_have_kind_and_name),
		TEST(each_is_told_once),
		TEST(an_empty_channel_has_only_its_end),
		TEST(positions_only_grow),
		TEST(is_as_the_model_whatever_happens),
		TEST(channels_go_with_their_last_record),
		TEST(a_drop_that_was_not_kept_does_no_harm),
		TEST(a_damaged_index_is_told),
		TEST(many_may_look_at_once),
		TEST(saving_empties_the_tail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
