/* The journal after a death in the middle of a write, damage, and a loss of power. */
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

/* Opening is slow there: a gibibyte of addresses is mapped each time. */
#ifdef __SANITIZE_THREAD__
#define STEP 23
#else
#define STEP 1
#endif

/* The process died while it wrote its last batch: any part of it may have been written. */
static void torn(struct journal_place *f, bool beginning)
{
	struct bytes was, is;
	const char *path = journal_path(f, 0);
	size_t from, to;
	char *now;

	append(f, 2, 20);
	append(f, 1, 20);
	was = load_file(path);
	append(f, 3, 20);
	is = load_file(path);
	difference(&was, &is, &from, &to);
	now = malloc(to);
	assert_non_null(now);
	for (size_t cut = from; cut <= to; cut += STEP) {
		memcpy(now, is.data, to);
		if (beginning)
			memcpy(now + cut, was.data + cut, to - cut);
		else
			memcpy(now + from, was.data + from, cut - from);
		poke_file(path, from, now + from, to - from);
		reopen(f);
		came_back(f, 1, memcmp(now, is.data, to) == 0 ? 6 : 3);
	}
	/* And what is appended after that end is there as well. */
	memset(now + from, 0, (to - from) / 2);
	poke_file(path, from, now + from, (to - from) / 2);
	reopen(f);
	for (int i = 0; i < 3; i++)
		unmake_record(f);
	append(f, 1, 3);
	append(f, 1, 3);
	reopen(f);
	came_back(f, 1, 5);
	free(now);
	free(is.data);
	free(was.data);
}

static void a_torn_end_is_dropped(void **state)
{
	struct journal_place *f = *state;

	reopen(f);
	torn(f, true);
	journal_drop_all(f->journal, NULL);
	while (f->pos)
		unmake_record(f);
	torn(f, false);
}

/* Every byte of a batch that others follow, and of the file's own beginning. */
static void damage_in_the_middle_is_refused(void **state)
{
	struct journal_place *f = *state;
	struct error err = {0};
	struct bytes first, second, third, is;
	size_t from, end, unused;

	reopen(f);
	first = load_file(journal_path(f, 0));
	append(f, 2, 20);
	second = load_file(journal_path(f, 0));
	append(f, 2, 20);
	third = load_file(journal_path(f, 0));
	append(f, 1, 20);
	is = load_file(journal_path(f, 0));
	difference(&first, &second, &from, &unused);
	difference(&second, &third, &unused, &end);
	assert_true(from < end);
	for (size_t at = 0; at < end; at += STEP) {
		char flipped = (char)(is.data[at] ^ (1 << at % 8));
		int r;

		poke_file(journal_path(f, 0), at, &flipped, 1);
		r = try_open(f, &err);
		/* Not all that stands before the first batch matters, but nothing is lost by it. */
		if (at < from && r == 0)
			came_back(f, 1, 5);
		else if (r != -EUCLEAN || err.code != EUCLEAN || f->journal != NULL)
			fail_msg("byte %zu of %zu: %zu records came back", at, end, f->seen_count);
		journal_close(f->journal);
		f->journal = NULL;
		poke_file(journal_path(f, 0), 0, is.data, from);
		poke_file(journal_path(f, 0), at, &is.data[at], 1);
	}
	is.len = 3;
	store_file(journal_path(f, 0), &is);
	assert_int_equal(try_open(f, &err), -EUCLEAN);
	free(first.data);
	free(second.data);
	free(third.data);
	free(is.data);
}

/* As if the machine had been started anew since. The boot stands in the file's first bytes. */
static void another_boot(struct journal_place *f)
{
	for (int i = 0; i < 2; i++)
		poke_file(journal_path(f, i), 8, "otherone", 8);
}

/* Of what nobody had synced any part may be on the disk once power is lost, in no order; what was
 * synced is all there, or damaged. */
static void lost_power_loses_what_was_not_synced(void **state)
{
	struct journal_place *f = *state;
	struct bytes was[7], zeros;
	struct error err = {0};
	size_t from, to;

	reopen(f);
	for (int i = 0; i < 6; i++) {
		was[i] = load_file(journal_path(f, 0));
		append(f, 1, 20);
		if (i == 2)
			assert_int_equal(journal_sync(f->journal, &err), 0);
	}
	was[6] = load_file(journal_path(f, 0));
	for (int missing = 0; missing < 6; missing++) {
		difference(&was[missing], &was[missing + 1], &from, &to);
		from = missing == 2 ? to - 60 : from; /* its sync changed the header too */
		zeros = (struct bytes){calloc(1, to), to};
		store_file(journal_path(f, 0), &was[6]);
		poke_file(journal_path(f, 0), from, zeros.data, to - from);
		free(zeros.data);
		another_boot(f);
		if (missing < 3) {
			assert_int_equal(try_open(f, &err), -EUCLEAN);
			assert_int_equal(try_open(f, &err), -EUCLEAN);
			continue;
		}
		reopen(f);
		came_back(f, 1, missing);
		reopen(f); /* and is no damage to who opens it after that */
		came_back(f, 1, missing);
		/* What is appended instead is not followed by what was lost. */
		while (f->pos > missing)
			unmake_record(f);
		append(f, 1, 20);
		reopen(f);
		came_back(f, 1, missing + 1);
		while (f->pos < 6)
			make_record(f, 20);
	}
	for (int i = 0; i < 7; i++)
		free(was[i].data);
}

static void what_is_no_journal_is_refused(void **state)
{
	struct journal_place *f = *state;
	struct bytes text = {strdup("{\"seq\":1} this is somebody's file\n"), 34};
	struct error err = {0};

	store_file(journal_path(f, 1), &text);
	assert_int_equal(try_open(f, &err), -EUCLEAN);
	unlink(journal_path(f, 1));
	assert_int_equal(symlink("/etc/passwd", journal_path(f, 1)), 0);
	assert_int_equal(try_open(f, &err), -ELOOP);
	unlink(journal_path(f, 1));
	assert_int_equal(mkdir(journal_path(f, 1), 0700), 0);
	assert_int_equal(try_open(f, &err), -EISDIR);
	assert_int_equal(rmdir(journal_path(f, 1)), 0);
	reopen(f);
	free(text.data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_torn_end_is_dropped, journal_setup, journal_teardown),
		cmocka_unit_test_setup_teardown(
			damage_in_the_middle_is_refused, journal_setup, journal_teardown),
		cmocka_unit_test_setup_teardown(
			lost_power_loses_what_was_not_synced, journal_setup, journal_teardown),
		cmocka_unit_test_setup_teardown(
			what_is_no_journal_is_refused, journal_setup, journal_teardown),
	};

	return cmocka_run_group_tests_name("journal_damage", tests, NULL, NULL);
}
