/* The log in SQLite where its journal and its table meet: a full disk, and readers beside a mover.
 */
#include "core/log/log_sqlite_private.h"
#include "tests/unit/scratch.h"

#include <errno.h>
#include <pthread.h>
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

struct fixture {
	struct scratch scratch;
	struct db *db;
	struct log *log;
	bool mounted;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	scratch_init(&f->scratch);
	*state = f;
	return 0;
}

static void close_log(struct fixture *f)
{
	log_free(f->log);
	db_close(f->db);
	f->log = NULL;
	f->db = NULL;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	close_log(f);
	if (f->mounted)
		umount2(f->scratch.path, MNT_DETACH);
	scratch_release(&f->scratch);
	free(f);
	return 0;
}

/* Times are positions, so that they can be looked for. */
static int64_t now(const struct clock *clock);

struct count_clock {
	struct clock clock;
	atomic_llong now_us;
};

static struct count_clock counting = {{now, now}, 0};

static int64_t now(const struct clock *clock)
{
	return ((const struct count_clock *)clock)->now_us;
}

static void follow(void *arg, struct record *const *records, size_t count)
{
	(void)arg, (void)records, (void)count;
}

static void open_log(struct fixture *f)
{
	struct error err = {0};

	if (db_open(f->scratch.path, &db_leitl, &f->db, &err) < 0 ||
		log_sqlite_new(f->db, &counting.clock, follow, NULL, &f->log, &err) < 0)
		fail_msg("%s", err.text);
}

static int append(struct log *log, size_t size)
{
	char *data = malloc(size + 2);
	struct draft d = {.kind = RECORD_EVENT, .type = "a.b", .data = data, .data_len = size + 2};
	int status;

	assert_non_null(data);
	memset(data, 'x', size + 2);
	data[0] = data[size + 1] = '"';
	counting.now_us = log->last_pos + 1;
	status = log_append(log, &d, 1, NULL);
	free(data);
	return status;
}

static bool in_order(void *arg, struct record *r)
{
	int64_t *last = arg;

	if (r->pos != *last + 1)
		fail_msg("%lld follows %lld", (long long)r->pos, (long long)*last);
	*last = r->pos;
	return true;
}

static void holds(struct log *log, int64_t count)
{
	int64_t last = 0;

	assert_int_equal(log->last_pos, count);
	assert_int_equal(log_read(log, 1, in_order, &last, NULL), 0);
	assert_int_equal(last, count);
}

/* A process that appends and dies, with what it appended in the journal alone. */
static void append_and_die(struct fixture *f, int count, size_t size)
{
	pid_t child = fork();
	int status;

	assert_true(child >= 0);
	if (child == 0) {
		open_log(f);
		for (int i = 0; i < count; i++)
			append(f->log, size);
		raise(SIGKILL);
	}
	waitpid(child, &status, 0);
	assert_true(WIFSIGNALED(status));
}

static void what_a_killed_process_appended_is_there(void **state)
{
	struct fixture *f = *state;

	append_and_die(f, 7, 100);
	append_and_die(f, 5, 100);
	open_log(f);
	holds(f->log, 12);
	assert_int_equal(f->log->last_seq, 12);
	assert_int_equal(append(f->log, 10), 0);
	close_log(f);
	append_and_die(f, 0, 0);
	open_log(f);
	holds(f->log, 13);
}

/* The journal can't be moved at the start, and yet more comes: all of it is there in the end. */
static void a_disk_that_is_full_at_the_start(void **state)
{
	struct fixture *f = *state;
	const char *hog = scratch_path(&f->scratch, "hog");
	int more = 0;

	if (geteuid() != 0 || mount("tmpfs", f->scratch.path, "tmpfs", 0, "size=24m,mode=0700") < 0)
		skip();
	f->mounted = true;
	append_and_die(f, 500, 1000);
	scratch_fill(&f->scratch, "hog");
	for (int round = 0; round < 3; round++) {
		pid_t child = fork();
		int status;

		assert_true(child >= 0);
		if (child == 0) {
			open_log(f);
			_exit(f->log->last_pos == 500 + more && append(f->log, 1000) == 0 &&
						append(f->log, 10) == 0
					? 0
					: 1);
		}
		waitpid(child, &status, 0);
		assert_int_equal(status, 0);
		more += 2;
	}
	open_log(f);
	holds(f->log, 506);
	assert_int_equal(f->log->ops->move(f->log, NULL), -ENOSPC);
	holds(f->log, 506);
	while (append(f->log, 10000) == 0)
		more++;
	holds(f->log, 500 + more);
	assert_int_equal(append(f->log, 10000), -ENOSPC);
	unlink(hog);
	assert_int_equal(append(f->log, 10000), 0);
	assert_int_equal(f->log->ops->move(f->log, NULL), 0);
	holds(f->log, 501 + more);
	close_log(f);
	open_log(f);
	holds(f->log, 501 + more);
}

#define RACE 6000

/* cmocka's own asserts are for the main thread alone. */
static void must(bool ok, const char *what)
{
	if (ok)
		return;
	print_error("%s\n", what);
	abort();
}

static bool counts(void *arg, struct record *r)
{
	int64_t *last = arg;

	must(r->pos == *last + 1, "a reader missed a record");
	*last = r->pos;
	return true;
}

static void *reads(void *arg)
{
	struct fixture *f = arg;

	while (f->log->last_pos < RACE) {
		int64_t from = f->log->last_pos - 300, last, found, to;

		from = from < 1 ? 1 : from;
		last = from - 1;
		to = f->log->last_pos;
		must(log_read(f->log, from, counts, &last, NULL) == 0, "read");
		must(last >= to, "a reader missed the end");
		if (to == 0)
			continue;
		/* Times are positions here. */
		must(log_find_time(f->log, to, &found, NULL) == 0, "find");
		must(found == to, "a time was found elsewhere");
	}
	return NULL;
}

static void *moves(void *arg)
{
	struct fixture *f = arg;

	while (f->log->last_pos < RACE)
		must(f->log->ops->move(f->log, NULL) == 0, "move");
	return NULL;
}

static void *syncs(void *arg)
{
	struct fixture *f = arg;

	while (f->log->last_pos < RACE) {
		must(log_sync(f->log, NULL) == 0, "sync");
		usleep(1000);
	}
	return NULL;
}

static void readers_miss_nothing_that_moves(void **state)
{
	void *(*const work[])(void *) = {reads, reads, moves, syncs};
	struct fixture *f = *state;
	pthread_t threads[4];

	open_log(f);
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, work[i], f), 0);
	while (f->log->last_pos < RACE) {
		assert_int_equal(append(f->log, 10), 0);
		if (f->log->last_pos % 16 == 0)
			usleep(200);
	}
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	holds(f->log, RACE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			what_a_killed_process_appended_is_there, setup, teardown),
		cmocka_unit_test_setup_teardown(a_disk_that_is_full_at_the_start, setup, teardown),
		cmocka_unit_test_setup_teardown(readers_miss_nothing_that_moves, setup, teardown),
	};

	return cmocka_run_group_tests_name("log_journal", tests, NULL, NULL);
}
