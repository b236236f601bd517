/* Who may open a database, and who has it. */
#include "core/log/store.h"
#include "tests/unit/db_place.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void is_private(void **state)
{
	struct scratch *s = *state;
	const char *dir = scratch_path(s, "state");
	mode_t mask = umask(0);
	struct db *db = open_db(dir);
	struct log *log = open_log(db);
	struct stat st;
	char path[300];

	umask(mask);
	append_record(log, 1, NULL);
	assert_int_equal(stat(dir, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	for (int i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s/leitl.db%s", dir, i == 0 ? "" : "-wal");
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_mode & 07777, 0600);
	}
	log_free(log);
	db_close(db);
	assert_int_equal(file_size(path), -1); /* closed cleanly: no WAL is left */
	snprintf(path, sizeof(path), "%s/leitl.db", dir);
	chmod(path, 0644);
	db_close(open_db(dir));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
}

static void a_directory_that_others_write_to_is_refused(void **state)
{
	struct scratch *s = *state;
	struct error err = {0};
	struct db *db = NULL;

	chmod(s->path, 0777);
	assert_int_equal(db_open(s->path, &db_leitl, &db, &err), -EACCES);
	chmod(s->path, 0700);
	assert_int_equal(db_open(scratch_path(s, "not/there"), &db_leitl, &db, &err), -ENOENT);
	close(open(scratch_path(s, "file"), O_CREAT | O_WRONLY, 0600));
	assert_int_equal(db_open(scratch_path(s, "file"), &db_leitl, &db, &err), -ENOTDIR);
	assert_null(db);
}

/* One of before items were. */
static void a_table_that_came_later_is_made(void **state)
{
	struct scratch *s = *state;
	const char *path = scratch_path(s, "leitl.db");
	const struct saved_row row = {.key = "0:q1", .json = "{}", .json_len = 2};
	struct store *store;
	struct db *db;

	fill_db(s->path, 20);
	run_sqlite(path, "DROP TABLE item");
	db = open_db(s->path);
	assert_int_equal(store_new(db, &store, NULL), 0);
	assert_int_equal(store_begin(store, NULL), 0);
	assert_int_equal(store_row_put(store, SAVED_ITEM, &row, NULL), 0);
	assert_int_equal(store_commit(store, NULL), 0);
	store_free(store);
	db_close(db);
	db_close(open_db(s->path));
}

/* Waits for a child that asserted nothing but its status. */
static int status_of(pid_t child)
{
	int status = -1;

	waitpid(child, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void no_other_process_gets_in(void **state)
{
	struct scratch *s = *state;
	struct db *db = open_db(s->path);
	pid_t child = fork();

	if (child == 0) {
		const char *path = scratch_path(s, "leitl.db");

		execlp("sqlite3", "sqlite3", path, "SELECT count(*) FROM record", (char *)NULL);
		_exit(1);
	}
	assert_int_not_equal(status_of(child), 0);
	db_close(db);
}

static void one_that_another_process_uses_is_refused(void **state)
{
	struct scratch *s = *state;
	struct error err = {0};
	struct db *db = NULL;
	int ready[2], done[2];
	pid_t child;
	char c = 0;

	assert_int_equal(pipe(ready) | pipe(done), 0);
	child = fork();
	if (child == 0) {
		close(done[1]);
		db = open_db(s->path);
		if (write(ready[1], "r", 1) == 1 && read(done[0], &c, 1) >= 0)
			db_close(db);
		_exit(0);
	}
	close(done[0]);
	assert_int_equal(read(ready[0], &c, 1), 1);
	assert_int_equal(db_open(s->path, &db_leitl, &db, &err), -EBUSY);
	assert_null(db);
	close(done[1]);
	assert_int_equal(status_of(child), 0);
	db_close(open_db(s->path));
	close(ready[0]);
	close(ready[1]);
}

/* As a user whom the modes bind. */
static int open_as_nobody(const char *dir, struct error *err)
{
	struct db *db = NULL;
	int status;

	if (geteuid() == 0 && (setegid(65534) < 0 || seteuid(65534) < 0))
		return -EPERM;
	status = db_open(dir, &db_leitl, &db, err);
	db_close(db);
	if (seteuid(getuid()) < 0 || setegid(getgid()) < 0)
		return -EPERM;
	return status;
}

static void what_may_not_be_written_is_refused(void **state)
{
	struct scratch *s = *state;
	const char *path = scratch_path(s, "leitl.db");
	struct error err = {0};

	fill_db(s->path, 20);
	if (geteuid() == 0)
		assert_int_equal(chown(path, 65534, 65534) | chown(s->path, 65534, 65534), 0);
	assert_int_equal(open_as_nobody(s->path, &err), 0);
	chmod(path, 0400);
	assert_int_equal(open_as_nobody(s->path, &err), -EACCES);
	chmod(path, 0600);
	chmod(s->path, 0500);
	assert_int_equal(open_as_nobody(s->path, &err), -EACCES);
	chmod(s->path, 0700);
	assert_int_equal(open_as_nobody(s->path, &err), 0);
	if (geteuid() == 0) /* somebody else's */
		assert_int_equal(db_open(s->path, &db_leitl, &(struct db *){NULL}, &err), -EACCES);
}

static void a_read_only_file_system_is_refused(void **state)
{
	struct scratch *s = *state;
	struct error err = {0};
	struct db *db = NULL;

	if (geteuid() != 0 || mount("tmpfs", s->path, "tmpfs", 0, "size=4m,mode=0700") < 0)
		skip();
	fill_db(s->path, 20);
	assert_int_equal(mount(NULL, s->path, NULL, MS_REMOUNT | MS_RDONLY, NULL), 0);
	assert_int_equal(db_open(s->path, &db_leitl, &db, &err), -EROFS);
	assert_null(db);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, db_place_setup, db_place_teardown)
	const struct CMUnitTest tests[] = {
		TEST(is_private),
		TEST(a_directory_that_others_write_to_is_refused),
		TEST(a_table_that_came_later_is_made),
		TEST(no_other_process_gets_in),
		TEST(one_that_another_process_uses_is_refused),
		TEST(what_may_not_be_written_is_refused),
		TEST(a_read_only_file_system_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
