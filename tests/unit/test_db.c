#include "core/base/clock.h"
#include "core/log/db.h"
#include "core/log/log_sqlite.h"
#include "core/log/store.h"
#include "tests/unit/scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static int setup(void **state)
{
	struct scratch *s = malloc(sizeof(*s));

	assert_non_null(s);
	scratch_init(s);
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	umount2(((struct scratch *)*state)->path, MNT_DETACH); /* where the test mounted */
	scratch_release(*state);
	free(*state);
	return 0;
}

static struct db *open_db(const char *dir)
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

static struct log *open_log(struct db *db)
{
	struct error err = {0};
	struct log *log = NULL;

	if (log_sqlite_new(db, &clock_system, ignore, NULL, &log, &err) < 0)
		fail_msg("%s", err.text);
	return log;
}

static int append(struct log *log, size_t size, struct error *err)
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

/* A database with some records, closed cleanly. */
static void fill(const char *dir, int records)
{
	struct db *db = open_db(dir);
	struct log *log = open_log(db);

	for (int i = 0; i < records; i++)
		assert_int_equal(append(log, 300, NULL), 0);
	log_free(log);
	db_close(db);
}

/* The same, but its process died: there is a WAL. */
static void fill_and_die(const char *dir, int records, bool checkpoint)
{
	pid_t child = fork();
	int status;

	assert_true(child >= 0);
	if (child == 0) {
		struct db *db = open_db(dir);
		struct log *log = open_log(db);

		for (int i = 0; i < records; i++) {
			append(log, 300, NULL);
			if (checkpoint && i == records / 2)
				db_checkpoint(db, NULL);
		}
		raise(SIGKILL);
	}
	waitpid(child, &status, 0);
	assert_true(WIFSIGNALED(status));
}

static void copy(const char *from, const char *to)
{
	char command[600];

	snprintf(command, sizeof(command), "cp -p %s %s", from, to);
	assert_int_equal(system(command), 0);
}

/* That it is refused with that errno and a reason, and left as it was. */
static void refused(struct scratch *s, int code)
{
	struct error err = {0};
	struct db *db = NULL;
	const char *path = scratch_path(s, "leitl.db"), *kept = scratch_path(s, "kept");
	char command[600];

	copy(path, kept);
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

static off_t size_of(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? st.st_size : -1;
}

static void poke(const char *path, off_t at, const void *bytes, size_t len)
{
	int fd = open(path, O_WRONLY);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, bytes, len, at), len);
	close(fd);
}

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
	append(log, 1, NULL);
	assert_int_equal(stat(dir, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	for (int i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s/leitl.db%s", dir, i == 0 ? "" : "-wal");
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_mode & 07777, 0600);
	}
	log_free(log);
	db_close(db);
	assert_int_equal(size_of(path), -1); /* closed cleanly: no WAL is left */
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

static void what_was_half_made_is_made_anew(void **state)
{
	struct scratch *s = *state;

	close(open(scratch_path(s, "leitl.db.new"), O_CREAT | O_WRONLY, 0600));
	poke(scratch_path(s, "leitl.db.new"), 0, "half", 4);
	fill(s->path, 3);
	assert_int_equal(size_of(scratch_path(s, "leitl.db.new")), -1);
}

static void truncated_is_refused(void **state)
{
	struct scratch *s = *state;
	const char *path = scratch_path(s, "leitl.db");
	static const off_t sizes[] = {0, 1, 99, 100, 4095, 4096, 8192, -4096, -1, 4096 * 10 + 7};
	off_t size;

	fill(s->path, 500);
	size = size_of(path);
	copy(path, scratch_path(s, "whole"));
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		copy(scratch_path(s, "whole"), path);
		assert_int_equal(truncate(path, sizes[i] >= 0 ? sizes[i] : size + sizes[i]), 0);
		refused(s, EUCLEAN);
	}
	copy(scratch_path(s, "whole"), path);
	assert_int_equal(truncate(path, size + 4096), 0);
	refused(s, EUCLEAN);
	copy(scratch_path(s, "whole"), path);
	db_close(open_db(s->path));
}

static void truncated_beside_a_wal_is_refused(void **state)
{
	struct scratch *s = *state;
	const char *path = scratch_path(s, "leitl.db");
	static const off_t cuts[] = {4096, 2 * 4096, 20 * 4096};

	fill(s->path, 1000);
	fill_and_die(s->path, 100, false);
	assert_true(size_of(scratch_path(s, "leitl.db-wal")) > 0);
	copy(path, scratch_path(s, "whole"));
	for (size_t i = 0; i < 3; i++) {
		copy(scratch_path(s, "whole"), path);
		/* The last page is in the WAL as well, the ones before it are not. */
		assert_int_equal(truncate(path, size_of(path) - cuts[i] - 4096), 0);
		refused(s, EUCLEAN);
		assert_true(size_of(scratch_path(s, "leitl.db-wal")) > 0);
	}
	unlink(path);
	copy("/dev/null", path);
	refused(s, EUCLEAN);
}

static void a_wal_without_its_database_is_refused(void **state)
{
	struct scratch *s = *state;
	struct error err = {0};
	struct db *db = NULL;

	fill_and_die(s->path, 10, false);
	unlink(scratch_path(s, "leitl.db"));
	assert_int_equal(db_open(s->path, &db_leitl, &db, &err), -EUCLEAN);
	assert_int_equal(size_of(scratch_path(s, "leitl.db")), -1);
}

/* A checkpoint that a crash cut short leaves part of the pages in the WAL only: no damage. */
static void a_checkpoint_cut_short_is_no_damage(void **state)
{
	struct scratch *s = *state;
	const char *path = scratch_path(s, "leitl.db");
	struct log *log;
	struct db *db;
	off_t size;

	fill(s->path, 10);
	size = size_of(path);
	fill_and_die(s->path, 1000, false);
	assert_int_equal(size_of(path), size);
	for (int pages = 0; pages < 3; pages++) { /* as if the first pages had been moved */
		copy(path, scratch_path(s, "kept"));
		copy(scratch_path(s, "leitl.db-wal"), scratch_path(s, "kept-wal"));
		assert_int_equal(truncate(path, size + pages * 4096), 0);
		db = open_db(s->path);
		log = open_log(db);
		assert_int_equal(log->last_pos, 1010);
		log_free(log);
		db_close(db);
		copy(scratch_path(s, "kept"), path);
		copy(scratch_path(s, "kept-wal"), scratch_path(s, "leitl.db-wal"));
	}
	db_close(open_db(s->path));
	fill_and_die(s->path, 1000, true);
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

	fill(s->path, 200);
	fd = open(path, O_RDONLY);
	assert_int_equal(pread(fd, header, sizeof(header), 0), sizeof(header));
	close(fd);
	copy(path, scratch_path(s, "whole"));
	for (int at = 0; at < 100; at++) {
		unsigned char flipped = header[at] ^ (unsigned char)(1 << at % 8);
		struct db *db = NULL;
		int status;

		copy(scratch_path(s, "whole"), path);
		poke(path, at, &flipped, 1);
		status = db_open(s->path, &db_leitl, &db, &err);
		/* The schema's cookie and the number of the SQLite that wrote last mean nothing. */
		if ((at >= 40 && at < 44) || at >= 96) {
			assert_int_equal(status, 0);
			db_close(db);
			continue;
		}
		if (status != -EUCLEAN && status != -ENOTSUP)
			fail_msg("byte %d: %d", at, status);
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

	fill(s->path, 500);
	copy(path, scratch_path(s, "whole"));
	for (off_t page = 1; page < 12; page++) {
		copy(scratch_path(s, "whole"), path);
		poke(path, page * 4096, junk, sizeof(junk));
		refused(s, EUCLEAN);
	}
}

static void sqlite(const char *path, const char *sql)
{
	sqlite3 *db = NULL;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	sqlite3_close(db);
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

	fill(s->path, 20);
	copy(path, scratch_path(s, "whole"));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		copy(scratch_path(s, "whole"), path);
		sqlite(path, cases[i].sql);
		refused(s, cases[i].code);
	}
	unlink(path);
	sqlite(path, "CREATE TABLE theirs(x)");
	refused(s, ENOTSUP);
	unlink(path);
	copy("/etc/passwd", path);
	refused(s, EUCLEAN);
	unlink(path);
	assert_int_equal(symlink("/etc/passwd", path), 0);
	assert_int_equal(db_open(s->path, &db_leitl, &(struct db *){NULL}, NULL), -ELOOP);
}

/* One of before items were. */
static void a_table_that_came_later_is_made(void **state)
{
	struct scratch *s = *state;
	const char *path = scratch_path(s, "leitl.db");
	const struct saved_row row = {.key = "0:q1", .json = "{}", .json_len = 2};
	struct store *store;
	struct db *db;

	fill(s->path, 20);
	sqlite(path, "DROP TABLE item");
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

	fill(s->path, 20);
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
	fill(s->path, 20);
	assert_int_equal(mount(NULL, s->path, NULL, MS_REMOUNT | MS_RDONLY, NULL), 0);
	assert_int_equal(db_open(s->path, &db_leitl, &db, &err), -EROFS);
	assert_null(db);
}

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

/* Fills what is left of the file system; removing the file makes room again. */
static void hog(const char *path)
{
	char block[4096] = {0};
	int fd = open(path, O_CREAT | O_WRONLY | O_APPEND, 0600);

	assert_true(fd >= 0);
	while (write(fd, block, sizeof(block)) > 0)
		;
	close(fd);
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
		assert_int_equal(append(log, 300, NULL), 0);
	for (int round = 0; round < 3; round++) {
		hog(scratch_path(s, "hog"));
		for (int i = 0; (status = append(log, 20000, &err)) == 0 && i < 2000; i++)
			hog(scratch_path(s, "hog"));
		assert_int_equal(status, -ENOSPC);
		assert_int_equal(err.code, ENOSPC);
		last = log->last_pos;
		seq = log->last_seq;
		for (int i = 0; i < 20; i++) {
			status = append(log, 60000, NULL);
			assert_true(status == -ENOSPC || status == 0);
			last += status == 0;
			seq += status == 0;
			assert_true(log->last_pos == last && log->last_seq == seq);
		}
		/* All or none of many. */
		while (append(log, 300, NULL) == 0)
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
		assert_int_equal(append(log, 300, &err), 0);
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
		assert_int_equal(append(log, 3000, NULL), 0);
	hog(scratch_path(s, "hog"));
	while (append(log, 3000, NULL) == 0)
		;
	status = log_expire(log, log->last_pos - 10, 20, NULL, NULL, &gone, &err);
	assert_true(status == -ENOSPC || (status == 0 && gone == 20));
	unlink(scratch_path(s, "hog"));
	while (gone > 0)
		assert_int_equal(
			log_expire(log, log->last_pos - 10, 20, NULL, NULL, &gone, &err), 0);
	for (int i = 0; i < 20; i++)
		assert_int_equal(append(log, 3000, &err), 0);
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

	assert_int_equal(append(log, 10, NULL), 0);
	getrlimit(RLIMIT_NOFILE, &was);
	few = (struct rlimit){0, was.rlim_max};
	setrlimit(RLIMIT_NOFILE, &few);
	assert_int_equal(append(log, 10, NULL), 0);
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
		assert_int_equal(append(log, 20000, NULL), 0);
		after = db_wal_bytes(db);
		assert_true(after < (size_t)17 << 20);
		moved = moved || after < before;
	}
	assert_true(moved);
	assert_true(size_of(scratch_path(s, "leitl.db-wal")) < (off_t)17 << 20);
	assert_int_equal(db_checkpoint(db, NULL), 0);
	assert_int_equal(db_wal_bytes(db), 0);
	assert_int_equal(append(log, 1, NULL), 0);
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
		assert_int_equal(append(log, 20000, NULL), 0);
	reader = db_reader(db, NULL);
	assert_non_null(reader);
	stmt = reader_stmt(reader, sql, NULL);
	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	for (int i = 0; i < 3000; i++)
		assert_int_equal(append(log, 20000, NULL), 0);
	assert_true(db_wal_bytes(db) > (size_t)17 << 20);
	while (sqlite3_step(stmt) == SQLITE_ROW)
		seen++;
	assert_int_equal(seen, 10); /* as of when it began */
	sqlite3_reset(stmt);
	reader_done(reader);
	assert_int_equal(db_checkpoint(db, NULL), 0);
	assert_int_equal(db_wal_bytes(db), 0);
	assert_int_equal(append(log, 1, NULL), 0);
	assert_int_equal(log_read(log, 0, count_one, &count, NULL), 0);
	assert_int_equal(count, 3011);
	assert_true(size_of(scratch_path(s, "leitl.db-wal")) < (off_t)17 << 20);
	log_free(log);
	db_close(db);
	check_whole(s->path, 3011);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(is_private),
		TEST(a_directory_that_others_write_to_is_refused),
		TEST(what_was_half_made_is_made_anew),
		TEST(truncated_is_refused),
		TEST(truncated_beside_a_wal_is_refused),
		TEST(a_wal_without_its_database_is_refused),
		TEST(a_checkpoint_cut_short_is_no_damage),
		TEST(flipped_bits_in_the_header_are_refused),
		TEST(damaged_pages_are_refused),
		TEST(what_is_not_ours_is_refused),
		TEST(a_table_that_came_later_is_made),
		TEST(no_other_process_gets_in),
		TEST(one_that_another_process_uses_is_refused),
		TEST(what_may_not_be_written_is_refused),
		TEST(a_read_only_file_system_is_refused),
		TEST(a_full_disk_refuses_and_goes_on),
		TEST(expiry_waits_for_room),
		TEST(few_descriptors_are_enough),
		TEST(readers_are_shared),
		TEST(the_wal_stays_bounded),
		TEST(an_open_reader_keeps_the_wal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
