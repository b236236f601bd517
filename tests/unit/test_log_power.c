/*
 * What the log promises of a loss of power and of a death at any moment, in random orders of
 * appending, syncing, moving and dying.
 *
 * The disk is a second directory, which gets a file as it is when the process syncs it, and nothing
 * else. So after a loss of power the database is what it was at its last sync; the journal, which
 * is mapped and which the kernel may write at any time, is that or what it was at the end.
 */
#include "core/log/db.h"
#include "core/log/log_sqlite.h"
#include "tests/unit/scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

static const char *const files[] = {
	"journal.0", "journal.1", "leitl.db", "leitl.db-wal", "leitl.db.new"};
/* Opening is slow with ThreadSanitizer: gibibytes of addresses are mapped each time. */
#ifdef __SANITIZE_THREAD__
#define STEPS 25
#else
#define STEPS 100
#endif

#define FILES (sizeof(files) / sizeof(files[0]))

static void copy_file(const char *from_dir, const char *to_dir, const char *name)
{
	char from[200], to[200], block[65536];
	ssize_t n;
	int in, out;

	snprintf(from, sizeof(from), "%s/%s", from_dir, name);
	snprintf(to, sizeof(to), "%s/%s", to_dir, name);
	in = open(from, O_RDONLY);
	if (in < 0) {
		unlink(to);
		return;
	}
	out = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_true(out >= 0);
	while ((n = read(in, block, sizeof(block))) > 0)
		assert_int_equal(write(out, block, (size_t)n), n);
	close(in);
	close(out);
}

static void copy_all(const char *from, const char *to)
{
	assert_true(mkdir(to, 0700) == 0 || access(to, F_OK) == 0);
	for (size_t i = 0; i < FILES; i++)
		copy_file(from, to, files[i]);
}

static void remove_all(const char *dir)
{
	char path[200];

	for (size_t i = 0; i < FILES; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, files[i]);
		unlink(path);
	}
	rmdir(dir);
}

/* Where syncs are seen: "" for none. One test runs at a time. */
static char live[100], disk[100];
static bool broken; /* syncing the WAL fails */

static int synced(int fd)
{
	char link[64], path[200] = "";

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	if (!live[0] || readlink(link, path, sizeof(path) - 1) < 0 ||
		strncmp(path, live, strlen(live)) != 0 || path[strlen(live)] != '/')
		return 0;
	if (broken && strstr(path, "-wal")) {
		errno = EIO;
		return -1;
	}
	copy_file(live, disk, path + strlen(live) + 1);
	return 0;
}

/* In place of the C library's, here and in SQLite. */
int fdatasync(int fd)
{
	long r = syscall(SYS_fdatasync, fd);

	return r ? (int)r : synced(fd);
}

int fsync(int fd)
{
	long r = syscall(SYS_fsync, fd);

	return r ? (int)r : synced(fd);
}

struct fixture {
	struct scratch scratch;
	struct db *db;
	struct log *log;
	int number;         /* of the directory that is live */
	int64_t last, kept; /* appended; of these, kept through a loss of power */
	unsigned seed;
	enum { NOTHING, SYNC, FAIL, BROKEN } in_commit;
};

static unsigned next_random(struct fixture *f, unsigned below)
{
	f->seed = f->seed * 1103515245u + 12345u;
	return (f->seed >> 8) % below;
}

static int64_t now(const struct clock *clock)
{
	(void)clock;
	return 1000;
}

static const struct clock standing = {now, now};

static void follow(void *arg, struct record *const *records, size_t count)
{
	struct fixture *f = arg;

	if (f)
		f->last = records[count - 1]->pos;
}

/* Runs before the commit of a move: what may happen meanwhile, or that it fails. */
static int committing(void *arg)
{
	struct fixture *f = arg;

	if (f->in_commit == SYNC) {
		const int64_t last = f->last;

		if (log_sync(f->log, NULL) == 0)
			f->kept = last;
	}
	return f->in_commit == FAIL;
}

static struct log *open_log(const char *dir, struct db **db, struct fixture *f)
{
	struct error err = {0};
	struct log *log = NULL;

	if (db_open(dir, &db_leitl, db, &err) < 0 ||
		log_sqlite_new(*db, &standing, follow, f, &log, &err) < 0)
		fail_msg("%s: %s", dir, err.text);
	return log;
}

static void open_live(struct fixture *f)
{
	sqlite3_stmt *stmt;

	f->log = open_log(live, &f->db, f);
	db_lock(f->db);
	stmt = db_write(f->db, "SELECT 1", NULL);
	sqlite3_commit_hook(sqlite3_db_handle(stmt), committing, f);
	db_unlock(f->db);
}

static void close_live(struct fixture *f)
{
	f->in_commit = NOTHING;
	log_free(f->log);
	db_close(f->db);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	scratch_init(&f->scratch);
	f->seed = 11;
	snprintf(live, sizeof(live), "%s/live.0", f->scratch.path);
	snprintf(disk, sizeof(disk), "%s/disk", f->scratch.path);
	assert_int_equal(mkdir(disk, 0700), 0);
	open_live(f);
	copy_all(live, disk);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	close_live(f);
	scratch_release(&f->scratch);
	live[0] = '\0';
	free(f);
	return 0;
}

static void append_to(struct log *log, size_t count)
{
	struct draft drafts[8];
	char data[8][4000];

	for (size_t i = 0; i < count; i++) {
		/* Every third is as long as pages are, so that records lie across them. */
		int n = snprintf(data[i], sizeof(data[i]), "{\"n\":%0*lld}",
			(log->last_pos + (int64_t)i) % 3 ? 1 : 3000,
			(long long)log->last_pos + (long long)i + 1);

		drafts[i] = (struct draft){.kind = RECORD_EVENT,
			.type = "a.b",
			.data = data[i],
			.data_len = (size_t)n};
	}
	assert_int_equal(log_append(log, drafts, count, NULL), 0);
}

static bool in_order(void *arg, struct record *r)
{
	int64_t *count = arg;
	const char *at = strstr(r->line, "{\"n\":");

	++*count;
	assert_int_equal(r->pos, *count);
	assert_int_equal(r->seq, *count);
	assert_non_null(at);
	assert_int_equal(strtoll(at + 5, NULL, 10), *count);
	return true;
}

/* That a log holds the records 1…n, with n from `least` to `most`, and goes on after them. */
static void check(const char *dir, int64_t least, int64_t most)
{
	for (int again = 0; again < 2; again++) {
		struct db *db;
		struct log *log = open_log(dir, &db, NULL);
		int64_t count = 0;

		assert_int_equal(log_read(log, 1, in_order, &count, NULL), 0);
		if (count < least || count > most)
			fail_msg("%lld events are left, not %lld to %lld", (long long)count,
				(long long)least, (long long)most);
		assert_int_equal(count, log->last_pos);
		append_to(log, 2);
		least = most = count + 2;
		log_free(log);
		db_close(db);
	}
}

static void check_power(struct fixture *f, bool written)
{
	char lost[100], path[120];
	int fd;

	snprintf(lost, sizeof(lost), "%s/lost", f->scratch.path);
	copy_all(disk, lost);
	for (int i = 0; i < 2; i++) {
		if (written)
			copy_file(live, lost, files[i]);
		/* The boot that it was open on stands in its first bytes. */
		snprintf(path, sizeof(path), "%s/%s", lost, files[i]);
		fd = open(path, O_WRONLY);
		assert_true(fd >= 0);
		assert_int_equal(pwrite(fd, "otherone", 8, 8), 8);
		close(fd);
	}
	check(lost, f->kept, f->last);
	remove_all(lost);
}

/* The process dies, and another goes on with what it left. `before`: with the journal as it was
 * before a move, as if the process had died between the move's commit and the drop. */
static void die(struct fixture *f, bool before_drop)
{
	char was[100], left[100];

	snprintf(was, sizeof(was), "%s", live);
	snprintf(left, sizeof(left), "%s/live.%d", f->scratch.path, ++f->number);
	copy_all(live, left);
	if (before_drop && f->log->ops->move(f->log, NULL) == 0) {
		copy_file(live, left, "leitl.db");
		copy_file(live, left, "leitl.db-wal");
	}
	live[0] = '\0';
	close_live(f);
	remove_all(was);
	snprintf(live, sizeof(live), "%s", left);
	open_live(f);
	assert_int_equal(f->log->last_pos, f->last);
}

static void step(struct fixture *f, unsigned what)
{
	const int64_t last = f->last;

	switch (what) {
	case 0:
	case 1:
	case 2:
		append_to(f->log, 1 + next_random(f, 3));
		break;
	case 3:
		if (log_sync(f->log, NULL) == 0)
			f->kept = last;
		break;
	case 4:
	case 5:
	case 6:
	case 7:
		f->in_commit = what == 4 ? NOTHING : what == 5 ? SYNC : what == 6 ? FAIL : BROKEN;
		broken = f->in_commit == BROKEN;
		if (f->log->ops->move(f->log, NULL) < 0)
			assert_true(f->in_commit == FAIL || f->in_commit == BROKEN);
		f->in_commit = NOTHING;
		broken = false;
		break;
	case 8:
		db_checkpoint(f->db, NULL);
		break;
	case 9:
		die(f, false);
		break;
	case 10:
		die(f, true);
		break;
	case 11:
		close_live(f);
		open_live(f);
		break;
	}
}

static void run(struct fixture *f, const char *steps)
{
	static const char names[] = "aaasmMFBckKr";

	for (; *steps; steps++) {
		step(f, (unsigned)(strchr(names, *steps) - names));
		check_power(f, false);
		check_power(f, true);
	}
	assert_true(f->kept <= f->last);
	die(f, false);
	check_power(f, true);
}

/* a append, s sync, m move, M a sync while it is moved, F a move that fails, B one that
 * can't be synced, c checkpoint,
 * k death, K death before the drop, r a clean restart. */
static void what_was_synced_is_moved_only_synced(void **state)
{
	run(*state, "asasmaam");
}

static void also_where_a_move_failed(void **state)
{
	run(*state, "asFmasFaaFm");
	run(*state, "asBamasBaBmmam");
}

static void also_where_it_is_synced_while_it_moves(void **state)
{
	run(*state, "aMaaMM");
}

static void also_after_a_restart(void **state)
{
	run(*state, "askasKmasraakasKk");
}

static void in_any_order(void **state)
{
	struct fixture *f = *state;

	append_to(f->log, 1);
	for (int i = 0; i < STEPS; i++) {
		step(f, next_random(f, 12));
		check_power(f, next_random(f, 2));
	}
	die(f, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			what_was_synced_is_moved_only_synced, setup, teardown),
		cmocka_unit_test_setup_teardown(also_where_a_move_failed, setup, teardown),
		cmocka_unit_test_setup_teardown(
			also_where_it_is_synced_while_it_moves, setup, teardown),
		cmocka_unit_test_setup_teardown(also_after_a_restart, setup, teardown),
		cmocka_unit_test_setup_teardown(in_any_order, setup, teardown),
	};

	return cmocka_run_group_tests_name("log_power", tests, NULL, NULL);
}
