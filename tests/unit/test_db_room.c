/* What a database takes of disk, descriptors and readers, and what it does where there is none. */
#include "core/base/clock.h"
#include "core/log/log_sqlite.h"
#include "core/log/store.h"
#include "tests/unit/db_place.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

static bool count_one(void *arg, struct record *r)
{
	(void)r;
	++*(int64_t *)arg;
	return true;
}

static void check_whole(const char *dir, int64_t records)
{
	char path[300];
	sqlite3 *db = NULL;
	sqlite3_stmt *stmt = NULL;

	snprintf(path, sizeof(path), "%s/leitl.db", dir);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	if (sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &stmt, NULL) != SQLITE_OK)
		fail_msg("%s", sqlite3_errmsg(db));
	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	assert_string_equal(sqlite3_column_text(stmt, 0), "ok");
	sqlite3_finalize(stmt);
	sqlite3_prepare_v2(db, "SELECT count(*) FROM record", -1, &stmt, NULL);
	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	assert_int_equal(sqlite3_column_int64(stmt, 0), records);
	sqlite3_finalize(stmt);
	sqlite3_close(db);
}

static void a_full_disk_refuses_and_goes_on(void **state)
{
	struct scratch *s = *state;
	struct draft batch[8] = {{0}};
	int64_t last, seq, count = 0;
	struct error err = {0};
	struct store *store;
	struct log *log;
	struct db *db;
	int status;

	/* Room for the journal to be moved once the hog has gone. */
	if (geteuid() != 0 || mount("tmpfs", s->path, "tmpfs", 0, "size=24m,mode=0700") < 0)
		skip();
	for (int i = 0; i < 8; i++)
		batch[i] = (struct draft){.kind = RECORD_EVENT, .type = "b.b"};
	db = open_db(s->path);
	log = open_log(db);
	assert_int_equal(store_new(db, &store, NULL), 0);
	for (int i = 0; i < 100; i++)
		assert_int_equal(append_record(log, 300, NULL), 0);
	for (int round = 0; round < 3; round++) {
		scratch_fill(s, "hog");
		for (int i = 0; (status = append_record(log, 20000, &err)) == 0 && i < 2000; i++)
			scratch_fill(s, "hog");
		assert_int_equal(status, -ENOSPC);
		assert_int_equal(err.code, ENOSPC);
		last = log->last_pos;
		seq = log->last_seq;
		for (int i = 0; i < 20; i++) {
			status = append_record(log, 60000, NULL);
			assert_true(status == -ENOSPC || status == 0);
			last += status == 0;
			seq += status == 0;
			assert_true(log->last_pos == last && log->last_seq == seq);
		}
		/* All or none of many. */
		while (append_record(log, 300, NULL) == 0)
			;
		last = log->last_pos;
		status = log_append(log, batch, 8, NULL);
		assert_true(status == -ENOSPC || status == 0);
		assert_int_equal(log->last_pos, last + (status == 0 ? 8 : 0));
		/* Reading goes on, and what was refused is not there. */
		count = 0;
		assert_int_equal(log_read(log, 1, count_one, &count, NULL), 0);
		assert_int_equal(count, log->last_pos);
		/* A save that fails can be made again. */
		if (store_begin(store, NULL) == 0) {
			status = 0;
			for (int i = 0; i < 200000 && status == 0; i++) {
				char name[32];

				snprintf(name, sizeof(name), "number %d", i);
				status = store_set_number(store, name, 1, NULL);
			}
			assert_int_equal(status == 0 ? store_commit(store, &err) : status, -ENOSPC);
			if (status != 0)
				store_rollback(store);
		}
		unlink(scratch_path(s, "hog"));
		last = log->last_pos;
		assert_int_equal(append_record(log, 300, &err), 0);
		assert_int_equal(log->last_pos, last + 1);
		assert_int_equal(db_checkpoint(db, &err), 0);
	}
	count = log->last_pos;
	store_free(store);
	log_free(log);
	db_close(db);
	check_whole(s->path, count);
}

static void expiry_waits_for_room(void **state)
{
	struct scratch *s = *state;
	struct error err = {0};
	size_t gone = 1;
	struct log *log;
	int status;
	struct db *db;

	if (geteuid() != 0 || mount("tmpfs", s->path, "tmpfs", 0, "size=40m,mode=0700") < 0)
		skip();
	db = open_db(s->path);
	log = open_log(db);
	for (int i = 0; i < 500; i++)
		assert_int_equal(append_record(log, 3000, NULL), 0);
	scratch_fill(s, "hog");
	while (append_record(log, 3000, NULL) == 0)
		;
	status = log_expire(log, log->last_pos - 10, 20, NULL, NULL, &gone, &err);
	assert_true(status == -ENOSPC || (status == 0 && gone == 20));
	unlink(scratch_path(s, "hog"));
	while (gone > 0)
		assert_int_equal(
			log_expire(log, log->last_pos - 10, 20, NULL, NULL, &gone, &err), 0);
	for (int i = 0; i < 20; i++)
		assert_int_equal(append_record(log, 3000, &err), 0);
	log_free(log);
	db_close(db);
	check_whole(s->path, 31);
}

static void few_descriptors_are_enough(void **state)
{
	struct scratch *s = *state;
	struct db *db = open_db(s->path);
	struct log *log = open_log(db);
	struct rlimit was, few;
	int64_t count = 0;

	assert_int_equal(append_record(log, 10, NULL), 0);
	getrlimit(RLIMIT_NOFILE, &was);
	few = (struct rlimit){0, was.rlim_max};
	setrlimit(RLIMIT_NOFILE, &few);
	assert_int_equal(append_record(log, 10, NULL), 0);
	assert_int_equal(log_read(log, 0, count_one, &count, NULL), 0);
	assert_int_equal(count, 2);
	assert_int_equal(db_sync(db, NULL), 0);
	assert_int_equal(db_checkpoint(db, NULL), 0);
	setrlimit(RLIMIT_NOFILE, &was);
	log_free(log);
	db_close(db);
}

static void *borrow(void *arg)
{
	for (int i = 0; i < 200; i++) {
		struct reader *r = db_reader(arg, NULL);

		if (r == NULL)
			return arg;
		usleep(10);
		reader_done(r);
	}
	return NULL;
}

static void readers_are_shared(void **state)
{
	struct scratch *s = *state;
	struct db *db = open_db(s->path);
	pthread_t threads[12];
	void *failed = NULL;

	for (int i = 0; i < 12; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, borrow, db), 0);
	for (int i = 0; i < 12; i++) {
		pthread_join(threads[i], &failed);
		assert_null(failed);
	}
	db_close(db);
	db_close(NULL);
}

/* The WAL is moved in the background, and if that falls behind by who commits: it stays bounded. */
static void the_wal_stays_bounded(void **state)
{
	struct scratch *s = *state;
	struct db *db = open_db(s->path);
	struct log *log = open_log(db);
	size_t before, after;
	bool moved = false;

	for (int i = 0; i < 3000; i++) {
		before = db_wal_bytes(db);
		assert_int_equal(append_record(log, 20000, NULL), 0);
		after = db_wal_bytes(db);
		assert_true(after < (size_t)17 << 20);
		moved = moved || after < before;
	}
	assert_true(moved);
	assert_true(file_size(scratch_path(s, "leitl.db-wal")) < (off_t)17 << 20);
	assert_int_equal(db_checkpoint(db, NULL), 0);
	assert_int_equal(db_wal_bytes(db), 0);
	assert_int_equal(append_record(log, 1, NULL), 0);
	assert_true(db_wal_bytes(db) > 0 && db_wal_bytes(db) < 10 * 4120);
	log_free(log);
	db_close(db);
}

/* Who is slow to move the WAL, or can't for a reader, does not lose it. */
static void an_open_reader_keeps_the_wal(void **state)
{
	static const char sql[] = "SELECT pos FROM record ORDER BY pos";
	struct scratch *s = *state;
	struct db *db = open_db(s->path);
	struct log *log = open_log(db);
	struct reader *reader;
	sqlite3_stmt *stmt;
	int64_t count = 0, seen = 1;

	for (int i = 0; i < 10; i++)
		assert_int_equal(append_record(log, 20000, NULL), 0);
	reader = db_reader(db, NULL);
	assert_non_null(reader);
	stmt = reader_stmt(reader, sql, NULL);
	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	for (int i = 0; i < 3000; i++)
		assert_int_equal(append_record(log, 20000, NULL), 0);
	assert_true(db_wal_bytes(db) > (size_t)17 << 20);
	while (sqlite3_step(stmt) == SQLITE_ROW)
		seen++;
	assert_int_equal(seen, 10); /* as of when it began */
	sqlite3_reset(stmt);
	reader_done(reader);
	assert_int_equal(db_checkpoint(db, NULL), 0);
	assert_int_equal(db_wal_bytes(db), 0);
	assert_int_equal(append_record(log, 1, NULL), 0);
	assert_int_equal(log_read(log, 0, count_one, &count, NULL), 0);
	assert_int_equal(count, 3011);
	assert_true(file_size(scratch_path(s, "leitl.db-wal")) < (off_t)17 << 20);
	log_free(log);
	db_close(db);
	check_whole(s->path, 3011);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, db_place_setup, db_place_teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_full_disk_refuses_and_goes_on),
		TEST(expiry_waits_for_room),
		TEST(few_descriptors_are_enough),
		TEST(readers_are_shared),
		TEST(the_wal_stays_bounded),
		TEST(an_open_reader_keeps_the_wal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
