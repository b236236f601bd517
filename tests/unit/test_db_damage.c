/* Databases that were cut, changed or made by another: refused, and left as they are. */
#include "tests/unit/db_place.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

static void what_was_half_made_is_made_anew(void **state)
{
	struct scratch *s = *state;

	close(open(scratch_path(s, "leitl.db.new"), O_CREAT | O_WRONLY, 0600));
	poke_file(scratch_path(s, "leitl.db.new"), 0, "half", 4);
	fill_db(s->path, 3);
	assert_int_equal(file_size(scratch_path(s, "leitl.db.new")), -1);
}

static void truncated_is_refused(void **state)
{
	struct scratch *s = *state;
	const char *path = scratch_path(s, "leitl.db");
	static const off_t sizes[] = {0, 1, 99, 100, 4095, 4096, 8192, -4096, -1, 4096 * 10 + 7};
	off_t size;

	fill_db(s->path, 500);
	size = file_size(path);
	copy_file(path, scratch_path(s, "whole"));
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		copy_file(scratch_path(s, "whole"), path);
		assert_int_equal(truncate(path, sizes[i] >= 0 ? sizes[i] : size + sizes[i]), 0);
		db_refused(s, EUCLEAN);
	}
	copy_file(scratch_path(s, "whole"), path);
	assert_int_equal(truncate(path, size + 4096), 0);
	db_refused(s, EUCLEAN);
	copy_file(scratch_path(s, "whole"), path);
	db_close(open_db(s->path));
}

static void truncated_beside_a_wal_is_refused(void **state)
{
	struct scratch *s = *state;
	const char *path = scratch_path(s, "leitl.db");
	static const off_t cuts[] = {4096, 2 * 4096, 20 * 4096};

	fill_db(s->path, 1000);
	fill_db_and_die(s->path, 100, false);
	assert_true(file_size(scratch_path(s, "leitl.db-wal")) > 0);
	copy_file(path, scratch_path(s, "whole"));
	for (size_t i = 0; i < 3; i++) {
		copy_file(scratch_path(s, "whole"), path);
		/* The last page is in the WAL as well, the ones before it are not. */
		assert_int_equal(truncate(path, file_size(path) - cuts[i] - 4096), 0);
		db_refused(s, EUCLEAN);
		assert_true(file_size(scratch_path(s, "leitl.db-wal")) > 0);
	}
	unlink(path);
	copy_file("/dev/null", path);
	db_refused(s, EUCLEAN);
}

static void a_wal_without_its_database_is_refused(void **state)
{
	struct scratch *s = *state;
	struct error err = {0};
	struct db *db = NULL;

	fill_db_and_die(s->path, 10, false);
	unlink(scratch_path(s, "leitl.db"));
	assert_int_equal(db_open(s->path, &db_leitl, &db, &err), -EUCLEAN);
	assert_int_equal(file_size(scratch_path(s, "leitl.db")), -1);
}

/* A checkpoint that a crash cut short leaves part of the pages in the WAL only: no damage. */
static void a_checkpoint_cut_short_is_no_damage(void **state)
{
	struct scratch *s = *state;
	const char *path = scratch_path(s, "leitl.db");
	struct log *log;
	struct db *db;
	off_t size;

	fill_db(s->path, 10);
	size = file_size(path);
	fill_db_and_die(s->path, 1000, false);
	assert_int_equal(file_size(path), size);
	for (int pages = 0; pages < 3; pages++) { /* as if the first pages had been moved */
		copy_file(path, scratch_path(s, "kept"));
		copy_file(scratch_path(s, "leitl.db-wal"), scratch_path(s, "kept-wal"));
		assert_int_equal(truncate(path, size + pages * 4096), 0);
		db = open_db(s->path);
		log = open_log(db);
		assert_int_equal(log->last_pos, 1010);
		log_free(log);
		db_close(db);
		copy_file(scratch_path(s, "kept"), path);
		copy_file(scratch_path(s, "kept-wal"), scratch_path(s, "leitl.db-wal"));
	}
	db_close(open_db(s->path));
	fill_db_and_die(s->path, 1000, true);
	db = open_db(s->path);
	log = open_log(db);
	assert_int_equal(log->last_pos, 2010);
	log_free(log);
	db_close(db);
}

/* Every byte of the header is flipped, one bit at a time. What isn't refused does no harm. */
static void flipped_bits_in_the_header_are_refused(void **state)
{
	struct scratch *s = *state;
	const char *path = scratch_path(s, "leitl.db");
	struct error err = {0};
	unsigned char header[100], all = 0;
	int fd;

	fill_db(s->path, 200);
	fd = open(path, O_RDONLY);
	assert_int_equal(pread(fd, header, sizeof(header), 0), sizeof(header));
	close(fd);
	copy_file(path, scratch_path(s, "whole"));
	for (size_t at = 0; at < sizeof(header); at++) {
		unsigned char flipped = header[at] ^ (unsigned char)(1 << at % 8);
		struct db *db = NULL;
		int status;

		copy_file(scratch_path(s, "whole"), path);
		poke_file(path, at, &flipped, 1);
		status = db_open(s->path, &db_leitl, &db, &err);
		/* The schema's cookie and the number of the SQLite that wrote last mean nothing. */
		if ((at >= 40 && at < 44) || at >= 96) {
			assert_int_equal(status, 0);
			db_close(db);
			continue;
		}
		if (status != -EUCLEAN && status != -ENOTSUP)
			fail_msg("byte %zu: %d", at, status);
		assert_null(db);
		all |= (unsigned char)(1 << at % 8);
	}
	assert_int_equal(all, 255);
}

static void damaged_pages_are_refused(void **state)
{
	struct scratch *s = *state;
	const char *path = scratch_path(s, "leitl.db");
	static const char junk[64] = "junk junk junk junk junk junk junk junk junk junk junk";

	fill_db(s->path, 500);
	copy_file(path, scratch_path(s, "whole"));
	for (size_t page = 1; page < 12; page++) {
		copy_file(scratch_path(s, "whole"), path);
		poke_file(path, page * 4096, junk, sizeof(junk));
		db_refused(s, EUCLEAN);
	}
}

static void what_is_not_ours_is_refused(void **state)
{
	static const struct {
		const char *sql;
		int code;
	} cases[] = {
		{"PRAGMA user_version=2", ENOTSUP}, {"PRAGMA user_version=0", EUCLEAN},
		{"PRAGMA application_id=7", ENOTSUP}, {"PRAGMA application_id=0", ENOTSUP},
		{"CREATE TABLE more(x)", EUCLEAN}, {"DROP TABLE agent", EUCLEAN},
		{"DROP INDEX block_off", EUCLEAN},
		{"ALTER TABLE record ADD COLUMN more INT", EUCLEAN},
		{"CREATE TRIGGER t AFTER INSERT ON record BEGIN DELETE FROM record; END", EUCLEAN},
		{"CREATE VIEW v AS SELECT 1", EUCLEAN},
		{"PRAGMA journal_mode=DELETE", EUCLEAN}, /* no checkpoint of ours leaves it so */
	};
	struct scratch *s = *state;
	const char *path = scratch_path(s, "leitl.db");

	fill_db(s->path, 20);
	copy_file(path, scratch_path(s, "whole"));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		copy_file(scratch_path(s, "whole"), path);
		run_sqlite(path, cases[i].sql);
		db_refused(s, cases[i].code);
	}
	unlink(path);
	run_sqlite(path, "CREATE TABLE theirs(x)");
	db_refused(s, ENOTSUP);
	unlink(path);
	copy_file("/etc/passwd", path);
	db_refused(s, EUCLEAN);
	unlink(path);
	assert_int_equal(symlink("/etc/passwd", path), 0);
	assert_int_equal(db_open(s->path, &db_leitl, &(struct db *){NULL}, NULL), -ELOOP);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, db_place_setup, db_place_teardown)
	const struct CMUnitTest tests[] = {
		TEST(what_was_half_made_is_made_anew),
		TEST(truncated_is_refused),
		TEST(truncated_beside_a_wal_is_refused),
		TEST(a_wal_without_its_database_is_refused),
		TEST(a_checkpoint_cut_short_is_no_damage),
		TEST(flipped_bits_in_the_header_are_refused),
		TEST(damaged_pages_are_refused),
		TEST(what_is_not_ours_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
