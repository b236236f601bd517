/* The journal's two files: what comes back, and what a full disk refuses. */
#include "tests/unit/journal_place.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static void what_is_appended_comes_back(void **state)
{
	struct journal_place *f = *state;
	struct stat st;

	reopen(f);
	came_back(f, 1, 0);
	reopen(f);
	came_back(f, 1, 0);
	append(f, 1, 0);
	append(f, 10, 30);
	append(f, 7, 5000);
	append(f, 2, (size_t)1 << 20); /* across the steps by which a file grows */
	append(f, 5, 1);
	for (int i = 0; i < 3; i++) {
		reopen(f);
		came_back(f, 1, f->pos);
		append(f, 3, 100);
	}
	assert_int_equal(journal_sync(f->journal, NULL), 0);
	reopen(f);
	came_back(f, 1, 34);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(stat(journal_path(f, i), &st), 0);
		assert_int_equal(st.st_mode & 07777, 0600);
	}
}

static void turning_and_dropping(void **state)
{
	struct journal_place *f = *state;

	reopen(f);
	assert_false(journal_turn(f->journal)); /* nothing is in the one that it is at */
	append(f, 3, 10);
	assert_true(journal_turn(f->journal));
	assert_false(journal_turn(f->journal));
	append(f, 2, 10);
	assert_false(journal_turn(f->journal)); /* the other one is not empty */
	append(f, 2, 10);
	reopen(f);
	came_back(f, 1, 7);
	assert_false(journal_turn(f->journal));
	append(f, 1, 10); /* goes on where the newest are */
	reopen(f);
	came_back(f, 1, 8);
	assert_int_equal(journal_drop(f->journal, NULL), 0);
	reopen(f);
	came_back(f, 4, 8);
	append(f, 1, 10);
	assert_true(journal_turn(f->journal));
	append(f, 1, 10);
	reopen(f);
	came_back(f, 4, 10);
	assert_int_equal(journal_drop(f->journal, NULL), 0);
	reopen(f);
	came_back(f, 10, 10);
	assert_int_equal(journal_drop_all(f->journal, NULL), 0);
	reopen(f);
	came_back(f, 1, 0);
}

/* What was dropped lies in the file still, and must not come back when the file is used anew. */
static void stale_bytes_do_not_come_back(void **state)
{
	struct journal_place *f = *state;

	reopen(f);
	for (int round = 0; round < 6; round++) {
		const int64_t from = f->pos + 1;

		/* The same sizes, so that new batches end where old ones began. */
		for (int i = 0; i < 20 - 3 * round; i++)
			append(f, 1, 64);
		reopen(f);
		came_back(f, from, f->pos);
		assert_int_equal(
			round % 2 ? journal_drop_all(f->journal, NULL)
				  : (journal_turn(f->journal), journal_drop(f->journal, NULL)),
			0);
		reopen(f);
		came_back(f, 1, 0);
	}
}

static void the_visitor_ends_it(void **state)
{
	struct journal_place *f = *state;
	struct error err = {0};

	reopen(f);
	append(f, 5, 10);
	f->stop_at = 3;
	assert_int_equal(try_open(f, &err), -ECHILD);
	assert_null(f->journal);
	assert_int_equal(f->seen_count, 2);
	f->stop_at = 0;
	reopen(f);
	came_back(f, 1, 5);
}

static int append_until_full(struct journal_place *f, size_t size)
{
	struct error err = {0};
	int r = 0;

	for (int i = 0; r == 0 && i < SEEN_MAX - 10; i++) {
		make_record(f, size);
		r = journal_append(f->journal, &f->made[f->pos - 1], 1, &err);
	}
	assert_int_equal(err.code, -r);
	unmake_record(f);
	return r;
}

static void a_full_disk_refuses_a_batch_whole(void **state)
{
	struct journal_place *f = *state;
	int64_t kept;

	if (geteuid() != 0 || mount("tmpfs", f->scratch.path, "tmpfs", 0, "size=4m,mode=0700") < 0)
		skip();
	f->mounted = true;
	reopen(f);
	assert_int_equal(append_until_full(f, 3000), -ENOSPC);
	kept = f->pos;
	assert_true(kept > 100);
	assert_int_equal(append_until_full(f, (size_t)1 << 20), -ENOSPC); /* again: the same */
	assert_int_equal(f->pos, kept);
	assert_int_equal(append_until_full(f, 0), -ENOSPC); /* whatever still fits */
	kept = f->pos;
	reopen(f);
	came_back(f, 1, kept);
	assert_int_equal(append_until_full(f, 3000), -ENOSPC);
	assert_true(journal_turn(f->journal));
	append_until_full(f, 3000); /* the other file has room of its own */
	assert_true(f->pos > kept);
	kept = f->pos;
	reopen(f);
	came_back(f, 1, kept);
	assert_int_equal(journal_drop(f->journal, NULL), 0);
	assert_int_equal(journal_drop_all(f->journal, NULL), 0);
	append(f, 10, 3000);
	reopen(f);
	came_back(f, kept + 1, kept + 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			what_is_appended_comes_back, journal_setup, journal_teardown),
		cmocka_unit_test_setup_teardown(
			turning_and_dropping, journal_setup, journal_teardown),
		cmocka_unit_test_setup_teardown(
			stale_bytes_do_not_come_back, journal_setup, journal_teardown),
		cmocka_unit_test_setup_teardown(
			the_visitor_ends_it, journal_setup, journal_teardown),
		cmocka_unit_test_setup_teardown(
			a_full_disk_refuses_a_batch_whole, journal_setup, journal_teardown),
	};

	return cmocka_run_group_tests_name("journal", tests, NULL, NULL);
}
