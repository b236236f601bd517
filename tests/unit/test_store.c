#include "core/log/db.h"
#include "core/log/store.h"
#include "tests/unit/scratch.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct fixture {
	struct scratch scratch;
	struct db *db;
	struct store *store;
};

static void open_store(struct fixture *f)
{
	struct error err = {0};

	if (db_open(f->scratch.path, &db_leitl, &f->db, &err) < 0 ||
		store_new(f->db, &f->store, &err) < 0)
		fail_msg("%s", err.text);
}

static void close_store(struct fixture *f)
{
	store_free(f->store);
	db_close(f->db);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	scratch_init(&f->scratch);
	open_store(f);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	close_store(f);
	scratch_release(&f->scratch);
	free(f);
	return 0;
}

static void begin(struct fixture *f)
{
	assert_int_equal(store_begin(f->store, NULL), 0);
}

static void commit(struct fixture *f)
{
	assert_int_equal(store_commit(f->store, NULL), 0);
}

static int64_t number(struct fixture *f, const char *name)
{
	int64_t value = 0;

	assert_int_equal(store_number(f->store, name, -7, &value, NULL), 0);
	return value;
}

static void a_save_is_whole_or_absent(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(number(f, "a"), -7);
	begin(f);
	assert_int_equal(store_set_number(f->store, "a", 1, NULL), 0);
	assert_int_equal(store_set_number(f->store, "b", INT64_MIN, NULL), 0);
	assert_int_equal(number(f, "a"), -7); /* as of the last commit */
	commit(f);
	assert_int_equal(number(f, "a"), 1);
	assert_int_equal(number(f, "b"), INT64_MIN);
	begin(f);
	assert_int_equal(store_set_number(f->store, "a", 2, NULL), 0);
	store_rollback(f->store);
	assert_int_equal(number(f, "a"), 1);
	close_store(f);
	open_store(f);
	assert_int_equal(number(f, "a"), 1);
}

static void put(struct fixture *f, uint32_t channel, uint64_t ord, uint64_t off, int64_t pos,
	const char *bytes)
{
	const struct block b = {channel, ord, off, pos, 3, bytes, strlen(bytes)};

	assert_int_equal(store_block_put(f->store, &b, NULL), 0);
}

/* The ord of the block that is found, or the errno. */
static int64_t find(struct fixture *f, uint32_t channel, enum block_key by, uint64_t at)
{
	struct block b = {.bytes = NULL};
	int status = store_block_find(f->store, channel, by, at, &b, NULL);

	if (status < 0) {
		assert_null(b.bytes);
		return status;
	}
	assert_int_equal(b.channel, channel);
	assert_int_equal(b.count, 3);
	free((void *)b.bytes);
	return (int64_t)b.ord;
}

static void blocks_are_found(void **state)
{
	struct fixture *f = *state;
	struct block b;

	begin(f);
	put(f, 1, 0, 0, 10, "x");
	put(f, 2, 0, 0, 5, "other");
	put(f, 2, 512, 1000, 50, "another");
	put(f, 1, 512, 5000, 700, "yy");
	put(f, 1, 1024, 9000, 1300, "zzz");
	commit(f);
	assert_int_equal(find(f, 3, BLOCK_BY_ORD, 0), -ENOENT);
	assert_int_equal(find(f, 1, BLOCK_BY_ORD, 0), 0);
	assert_int_equal(find(f, 1, BLOCK_BY_ORD, 511), 0);
	assert_int_equal(find(f, 1, BLOCK_BY_ORD, 512), 512);
	assert_int_equal(find(f, 1, BLOCK_BY_ORD, UINT64_MAX), 1024);
	assert_int_equal(find(f, 1, BLOCK_BY_OFF, 4999), 0);
	assert_int_equal(find(f, 1, BLOCK_BY_OFF, 5000), 512);
	assert_int_equal(find(f, 1, BLOCK_BY_OFF, 8999), 512);
	assert_int_equal(find(f, 1, BLOCK_BY_OFF, UINT64_MAX), 1024);
	assert_int_equal(find(f, 1, BLOCK_BY_POS, 0), 0); /* before the first: the first */
	assert_int_equal(find(f, 1, BLOCK_BY_POS, 10), 0);
	assert_int_equal(find(f, 1, BLOCK_BY_POS, 1299), 512);
	assert_int_equal(find(f, 1, BLOCK_BY_POS, INT64_MAX), 1024);
	assert_int_equal(find(f, 2, BLOCK_BY_POS, 49), 0);
	assert_int_equal(store_block_next(f->store, 1, 513, &b, NULL), -ENOENT);
	assert_int_equal(store_block_next(f->store, 1, 512, &b, NULL), 0);
	assert_true(b.ord == 512 && b.off == 5000 && b.pos == 700 && b.count == 3);
	assert_int_equal(b.len, 2);
	assert_memory_equal(b.bytes, "yy", 2);
	free((void *)b.bytes);
	begin(f);
	put(f, 1, 512, 5000, 700, "longer than before");
	commit(f);
	assert_int_equal(store_block_next(f->store, 1, 512, &b, NULL), 0);
	assert_memory_equal(b.bytes, "longer than before", b.len);
	free((void *)b.bytes);
}

static void blocks_expire_but_the_last(void **state)
{
	struct fixture *f = *state;
	static const struct {
		int64_t pos, first;
	} steps[] = {{9, 0}, {10, 0}, {699, 0}, {700, 512}, {1299, 512}, {9999, 1024}};

	begin(f);
	put(f, 1, 0, 0, 10, "x");
	put(f, 1, 512, 5000, 700, "y");
	put(f, 1, 1024, 9000, 1300, "z");
	put(f, 2, 0, 0, 1, "w");
	commit(f);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		begin(f);
		assert_int_equal(store_block_expire(f->store, 1, steps[i].pos, NULL), 0);
		commit(f);
		assert_int_equal(find(f, 1, BLOCK_BY_ORD, 0), steps[i].first);
	}
	assert_int_equal(find(f, 2, BLOCK_BY_ORD, 0), 0);
}

struct told {
	char text[400];
	int stop; /* after how many, and what to return then */
};

static int tell_channel(void *arg, const struct saved_channel *c)
{
	struct told *t = arg;
	const size_t len = strlen(t->text);

	snprintf(t->text + len, sizeof(t->text) - len, "%u %c/%s %llu %llu %lld;", c->id, c->kind,
		c->name, (unsigned long long)c->count, (unsigned long long)c->bytes,
		(long long)c->last_pos);
	return t->stop != 0 && --t->stop == 0 ? -EUCLEAN : 0;
}

static void channels_are_kept(void **state)
{
	struct fixture *f = *state;
	const struct saved_channel channels[] = {
		{2, 'A', "", 5, 500, 9}, {1, 'T', "x.y", 1, 2, 3}, {2, 'A', "", 6, 600, 10}};
	struct told t = {.text = ""};

	begin(f);
	for (int i = 0; i < 3; i++)
		assert_int_equal(store_channel_put(f->store, &channels[i], NULL), 0);
	put(f, 1, 0, 0, 1, "x");
	commit(f);
	assert_int_equal(store_channels(f->store, tell_channel, &t, NULL), 0);
	assert_string_equal(t.text, "1 T/x.y 1 2 3;2 A/ 6 600 10;");
	t = (struct told){.stop = 1};
	assert_int_equal(store_channels(f->store, tell_channel, &t, NULL), -EUCLEAN);
	assert_string_equal(t.text, "1 T/x.y 1 2 3;");
	begin(f);
	assert_int_equal(store_channel_drop(f->store, 1, NULL), 0);
	commit(f);
	t = (struct told){.text = ""};
	assert_int_equal(store_channels(f->store, tell_channel, &t, NULL), 0);
	assert_string_equal(t.text, "2 A/ 6 600 10;");
	assert_int_equal(find(f, 1, BLOCK_BY_ORD, 0), -ENOENT);
}

static int tell_row(void *arg, const struct saved_row *r)
{
	struct told *t = arg;
	const size_t len = strlen(t->text);

	snprintf(t->text + len, sizeof(t->text) - len, "%s=%.*s+%.*s;", r->key, (int)r->json_len,
		r->json != NULL ? r->json : "", (int)r->bytes_len,
		r->bytes != NULL ? (const char *)r->bytes : "");
	return 0;
}

static void rows_are_kept(void **state)
{
	struct fixture *f = *state;
	const struct saved_row rows[] = {
		{"b", "{}", 2, "bytes", 5}, {"a", NULL, 0, "x", 1}, {"b", "[1]", 3, NULL, 0}};
	struct told t = {.text = ""};

	begin(f);
	for (int i = 0; i < 3; i++)
		assert_int_equal(store_row_put(f->store, SAVED_SESSION, &rows[i], NULL), 0);
	assert_int_equal(store_row_put(f->store, SAVED_AGENT, &rows[0], NULL), 0);
	commit(f);
	assert_int_equal(store_rows(f->store, SAVED_SESSION, tell_row, &t, NULL), 0);
	assert_string_equal(t.text, "a=+x;b=[1]+;");
	begin(f);
	assert_int_equal(store_row_drop(f->store, SAVED_SESSION, "b", NULL), 0);
	assert_int_equal(store_row_drop(f->store, SAVED_SESSION, "not there", NULL), 0);
	commit(f);
	t = (struct told){.text = ""};
	assert_int_equal(store_rows(f->store, SAVED_SESSION, tell_row, &t, NULL), 0);
	assert_int_equal(store_rows(f->store, SAVED_AGENT, tell_row, &t, NULL), 0);
	assert_string_equal(t.text, "a=+x;b={}+bytes;");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_save_is_whole_or_absent),
		TEST(blocks_are_found),
		TEST(blocks_expire_but_the_last),
		TEST(channels_are_kept),
		TEST(rows_are_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
