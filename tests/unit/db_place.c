#include "tests/unit/db_place.h"

#include "core/base/clock.h"
#include "core/log/log_sqlite.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

int db_place_setup(void **state)
{
	struct scratch *s = malloc(sizeof(*s));

	assert_non_null(s);
	scratch_init(s);
	*state = s;
	return 0;
}

int db_place_teardown(void **state)
{
	umount2(((struct scratch *)*state)->path, MNT_DETACH); /* where the test mounted */
	scratch_release(*state);
	free(*state);
	return 0;
}

struct db *open_db(const char *dir)
{
	struct error err = {0};
	struct db *db = NULL;

	if (db_open(dir, &db_leitl, &db, &err) < 0)
		fail_msg("%s", err.text);
	return db;
}

static void ignore(void *arg, struct record *const *records, size_t count)
{
	(void)arg;
	(void)records;
	(void)count;
}

struct log *open_log(struct db *db)
{
	struct error err = {0};
	struct log *log = NULL;

	if (log_sqlite_new(db, &clock_system, ignore, NULL, &log, &err) < 0)
		fail_msg("%s", err.text);
	return log;
}

int append_record(struct log *log, size_t size, struct error *err)
{
	static char data[65536];
	struct draft d = {.kind = RECORD_EVENT,
		.type = "a.b",
		.session = "s",
		.data = data,
		.data_len = size};

	int status;

	memset(data, 'x', sizeof(data));
	status = log_append(log, &d, 1, err);
	/* These tests are of the database, not of the journal before it; on a full disk that keeps
	 * what cannot be moved. */
	if (status == 0 && log->ops->move(log, NULL) < 0)
		assert_int_equal(log->ops->move(log, err), -ENOSPC);
	return status;
}

void fill_db(const char *dir, int records)
{
	struct db *db = open_db(dir);
	struct log *log = open_log(db);

	for (int i = 0; i < records; i++)
		assert_int_equal(append_record(log, 300, NULL), 0);
	log_free(log);
	db_close(db);
}

void fill_db_and_die(const char *dir, int records, bool checkpoint)
{
	pid_t child = fork();
	int status;

	assert_true(child >= 0);
	if (child == 0) {
		struct db *db = open_db(dir);
		struct log *log = open_log(db);

		for (int i = 0; i < records; i++) {
			append_record(log, 300, NULL);
			if (checkpoint && i == records / 2)
				db_checkpoint(db, NULL);
		}
		raise(SIGKILL);
	}
	waitpid(child, &status, 0);
	assert_true(WIFSIGNALED(status));
}

void db_refused(struct scratch *s, int code)
{
	struct error err = {0};
	struct db *db = NULL;
	const char *path = scratch_path(s, "leitl.db"), *kept = scratch_path(s, "kept");
	char command[600];

	copy_file(path, kept);
	for (int again = 0; again < 2; again++) {
		int status = db_open(s->path, &db_leitl, &db, &err);

		if (status != -code)
			fail_msg("%d, not %d: %s", status, -code, err.text);
		assert_null(db);
		assert_int_equal(err.code, code);
		assert_non_null(strstr(err.text, "leitl.db"));
	}
	snprintf(command, sizeof(command), "cmp %s %s", path, kept);
	assert_int_equal(system(command), 0);
	unlink(kept);
}

void run_sqlite(const char *path, const char *sql)
{
	sqlite3 *db = NULL;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	sqlite3_close(db);
}
