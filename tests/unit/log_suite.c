#include "tests/unit/log_suite.h"

#include "core/base/limits.h"
#include "tests/unit/record_same.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* A clock that stands until it is moved. */
struct hand_clock {
	struct clock clock;
	int64_t now_us;
};

static int64_t hand_wall(const struct clock *clock)
{
	return ((const struct hand_clock *)clock)->now_us;
}

#define SEEN_MAX 1024

struct fixture {
	const struct log_backend *backend;
	void *place;
	struct log *log;
	struct hand_clock clock;
	struct record *seen[SEEN_MAX]; /* what the follower was given, and what was read */
	size_t seen_count, calls;
};

static void follow(void *arg, struct record *const *records, size_t count)
{
	struct fixture *f = arg;

	f->calls++;
	for (size_t i = 0; i < count && f->seen_count < SEEN_MAX; i++)
		f->seen[f->seen_count++] = record_ref(records[i]);
}

static void forget(struct fixture *f)
{
	while (f->seen_count > 0)
		record_unref(f->seen[--f->seen_count]);
	f->calls = 0;
}

static void open_log(struct fixture *f)
{
	f->log = f->backend->open(f->place, &f->clock.clock, follow, f);
	assert_non_null(f->log);
}

static void reopen(struct fixture *f)
{
	f->backend->close(f->place, f->log);
	open_log(f);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->backend = *state;
	f->clock = (struct hand_clock){{hand_wall, hand_wall}, 1000};
	f->place = f->backend->make();
	open_log(f);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	forget(f);
	f->backend->close(f->place, f->log);
	f->backend->remove(f->place);
	free(f);
	return 0;
}

static struct draft event(uid_t uid, const char *type, const char *data)
{
	return (struct draft){.kind = RECORD_EVENT,
		.uid = uid,
		.type = type,
		.session = "s1",
		.agent = "a1",
		.data = data,
		.data_len = data != NULL ? strlen(data) : 0};
}

static void append_some(struct fixture *f, size_t count)
{
	const struct draft d = event(7, "test.some", "{\"n\":1}");

	for (size_t i = 0; i < count; i++)
		assert_int_equal(log_append(f->log, &d, 1, NULL), 0);
}

static bool see(void *arg, struct record *r)
{
	follow(arg, &r, 1);
	return true;
}

static void read_from(struct fixture *f, int64_t pos)
{
	forget(f);
	assert_int_equal(log_read(f->log, pos, see, f, NULL), 0);
}

static void begins_empty(void **state)
{
	struct fixture *f = *state;
	int64_t pos = 0;
	size_t gone = 9;

	assert_true(f->log->first_pos == 1 && f->log->last_pos == 0 && f->log->last_seq == 0);
	read_from(f, 0);
	assert_int_equal(f->seen_count, 0);
	assert_int_equal(log_find_time(f->log, 0, &pos, NULL), 0);
	assert_int_equal(pos, 1);
	assert_int_equal(log_expire(f->log, 100, 10, NULL, NULL, &gone, NULL), 0);
	assert_int_equal(gone, 0);
	assert_int_equal(log_append(f->log, NULL, 0, NULL), 0);
	assert_int_equal(f->calls, 0);
	assert_int_equal(log_sync(f->log, NULL), 0);
	reopen(f);
	assert_true(f->log->first_pos == 1 && f->log->last_pos == 0);
}

static void events_are_numbered_and_others_not(void **state)
{
	struct fixture *f = *state;
	const struct draft drafts[] = {event(1, "a.b", "{}"),
		{.kind = RECORD_READ, .uid = 2, .type = "read", .session = "s", .detail = "[1]"},
		{.kind = RECORD_RECEIPT, .type = "r", .session = "s", .data = "[]", .data_len = 2},
		event(3, "c.d", "{\"x\":\"\xc3\xa4\"}")};
	int64_t last = 0;

	assert_int_equal(log_append(f->log, drafts, 4, NULL), 0);
	assert_int_equal(f->calls, 1);
	assert_int_equal(log_append(f->log, &drafts[3], 1, NULL), 0);
	assert_int_equal(f->calls, 2);
	assert_int_equal(f->seen_count, 5);
	for (size_t i = 0; i < 5; i++) {
		assert_true(f->seen[i]->pos > last);
		last = f->seen[i]->pos;
	}
	assert_int_equal(f->seen[0]->seq, 1);
	assert_int_equal(f->seen[1]->seq, 0);
	assert_int_equal(f->seen[2]->seq, 0);
	assert_int_equal(f->seen[3]->seq, 2);
	assert_int_equal(f->seen[4]->seq, 3);
	assert_true(f->log->last_pos == last && f->log->last_seq == 3);
	assert_int_equal(f->log->first_pos, f->seen[0]->pos);
}

/* What follows and what is read are the same, before and after it is opened anew. */
static void what_is_read_is_what_was_followed(void **state)
{
	struct fixture *f = *state;
	struct record *told[64];
	struct draft drafts[16];
	size_t count;

	for (int round = 0; round < 4; round++) {
		for (int i = 0; i < 16; i++) {
			drafts[i] = event((uid_t)i, "x.y", "{\"message\":\"hello\"}");
			drafts[i].session = i % 3 == 0 ? NULL : "s";
			drafts[i].from = i % 2 == 0 ? "na\"me" : NULL;
			drafts[i].target = i % 5 == 0 ? "t" : NULL;
			drafts[i].agent = i % 4 == 0 ? NULL : "g";
			drafts[i].detail = i % 7 == 0 ? "{\"d\":1}" : NULL;
			drafts[i].kind = i % 6 == 0 ? RECORD_READ : RECORD_EVENT;
		}
		assert_int_equal(log_append(f->log, drafts, 16, NULL), 0);
		f->clock.now_us += 10;
	}
	count = f->seen_count;
	assert_int_equal(count, 64);
	for (size_t i = 0; i < count; i++)
		told[i] = record_ref(f->seen[i]);
	for (int again = 0; again < 2; again++) {
		for (size_t from = 0; from < count; from += 9) {
			read_from(f, told[from]->pos);
			assert_int_equal(f->seen_count, count - from);
			for (size_t i = 0; i < f->seen_count; i++)
				assert_same_record(f->seen[i], told[from + i]);
		}
		reopen(f);
		assert_int_equal(f->log->last_pos, told[count - 1]->pos);
		assert_int_equal(f->log->last_seq, told[count - 1]->seq);
		assert_int_equal(f->log->first_pos, told[0]->pos);
	}
	for (size_t i = 0; i < count; i++)
		record_unref(told[i]);
}

static void time_never_goes_back(void **state)
{
	struct fixture *f = *state;

	f->clock.now_us = 5000;
	append_some(f, 1);
	f->clock.now_us = 4000;
	append_some(f, 2);
	reopen(f);
	append_some(f, 1);
	f->clock.now_us = 6000;
	append_some(f, 1);
	for (int i = 0; i < 4; i++)
		assert_int_equal(f->seen[i]->time_us, 5000);
	assert_int_equal(f->seen[4]->time_us, 6000);
}

struct stopper {
	size_t left, calls;
};

static bool stop_after(void *arg, struct record *r)
{
	struct stopper *s = arg;

	(void)r;
	s->calls++;
	return --s->left > 0;
}

static void reading_stops_where_it_is_told(void **state)
{
	struct fixture *f = *state;

	append_some(f, 200);
	for (size_t most = 1; most < 200; most += 13) {
		struct stopper s = {.left = most};

		assert_int_equal(log_read(f->log, f->log->first_pos, stop_after, &s, NULL), 0);
		assert_int_equal(s.calls, most);
	}
	read_from(f, f->log->last_pos + 1);
	assert_int_equal(f->seen_count, 0);
	read_from(f, INT64_MAX);
	assert_int_equal(f->seen_count, 0);
}

static void large_ones_are_kept_whole(void **state)
{
	struct fixture *f = *state;
	char *data = malloc(MESSAGE_MAX);
	struct draft d = event(1, "big.one", NULL);
	struct record *told;

	assert_non_null(data);
	memset(data, 'x', MESSAGE_MAX);
	data[0] = data[MESSAGE_MAX - 1] = '"';
	d.data = data;
	d.data_len = MESSAGE_MAX;
	for (int i = 0; i < 3; i++)
		assert_int_equal(log_append(f->log, &d, 1, NULL), 0);
	told = record_ref(f->seen[1]);
	read_from(f, told->pos);
	assert_int_equal(f->seen_count, 2);
	assert_same_record(f->seen[0], told);
	record_unref(told);
	free(data);
}

static void what_is_refused_takes_no_place(void **state)
{
	struct fixture *f = *state;
	const struct draft good = event(1, "a.b", "{}");
	struct draft drafts[3] = {good, good, good};
	struct error err = {0};

	append_some(f, 1);
	drafts[1].data_len = LINE_MAX_BYTES + 1;
	assert_int_equal(log_append(f->log, drafts, 3, &err), -EMSGSIZE);
	assert_int_equal(err.code, EMSGSIZE);
	assert_int_equal(f->calls, 1);
	append_some(f, 1);
	assert_int_equal(f->seen[1]->seq, 2);
	read_from(f, 0);
	assert_int_equal(f->seen_count, 2);
}

static void times_are_found(void **state)
{
	struct fixture *f = *state;
	int64_t pos = 0, first;

	for (int i = 0; i < 60; i++) {
		f->clock.now_us = 1000 + i / 3 * 100;
		append_some(f, 1);
	}
	first = f->log->first_pos;
	for (int skip = 0; skip < 2; skip++) {
		for (int64_t t = 0; t < 3200; t += 25) {
			int64_t want = f->log->last_pos + 1;

			for (int i = 59; i >= 0; i--)
				if (f->seen[i]->pos >= f->log->first_pos &&
					f->seen[i]->time_us >= t)
					want = f->seen[i]->pos;
			assert_int_equal(log_find_time(f->log, t, &pos, NULL), 0);
			assert_int_equal(pos, want);
		}
		assert_int_equal(log_expire(f->log, first + 20, 1000, NULL, NULL, NULL, NULL), 0);
	}
}

struct tally {
	size_t messages[4], bytes[4], calls;
};

static void tally(void *arg, uid_t uid, size_t messages, size_t bytes)
{
	struct tally *t = arg;

	assert_true(uid < 4);
	t->messages[uid] += messages;
	t->bytes[uid] += bytes;
	t->calls++;
}

static void expiry_tells_what_went(void **state)
{
	struct fixture *f = *state;
	struct tally told = {0}, want = {0};
	size_t gone = 0, total = 0;
	int64_t first, before;

	for (uid_t i = 0; i < 100; i++) {
		struct draft d = event(i % 4, "a.b", "{\"x\":1}");

		if (i % 10 == 3)
			d.kind = RECORD_READ;
		if (i % 3 == 0)
			d.target = "t";
		assert_int_equal(log_append(f->log, &d, 1, NULL), 0);
	}
	first = f->log->first_pos;
	before = f->seen[60]->pos;
	for (int i = 0; i < 60; i++) {
		want.messages[f->seen[i]->uid] += f->seen[i]->kind == RECORD_EVENT;
		want.bytes[f->seen[i]->uid] += record_bytes(f->seen[i]);
	}
	do {
		assert_int_equal(log_expire(f->log, before, 7, tally, &told, &gone, NULL), 0);
		assert_true(gone <= 7);
		total += gone;
	} while (gone > 0);
	assert_int_equal(total, 60);
	assert_memory_equal(told.messages, want.messages, sizeof(want.messages));
	assert_memory_equal(told.bytes, want.bytes, sizeof(want.bytes));
	assert_true(f->log->first_pos > first && f->log->first_pos == before);
	for (int again = 0; again < 2; again++) {
		read_from(f, first);
		assert_int_equal(f->seen_count, 40);
		assert_int_equal(f->seen[0]->pos, before);
		reopen(f);
		assert_int_equal(f->log->first_pos, before);
	}
}

static void goes_on_after_all_has_expired(void **state)
{
	struct fixture *f = *state;
	size_t gone = 0;
	int64_t last;

	for (int round = 1; round < 4; round++) {
		f->clock.now_us = 9000;
		append_some(f, 10);
		assert_int_equal(
			log_append(f->log, &(struct draft){.kind = RECORD_READ, .type = "read"}, 1,
				NULL),
			0);
		last = f->log->last_pos;
		assert_int_equal(log_expire(f->log, last + 5, 100, NULL, NULL, &gone, NULL), 0);
		assert_int_equal(gone, 11);
		assert_true(f->log->first_pos == last + 1 && f->log->last_pos == last);
		forget(f);
		reopen(f);
		assert_true(f->log->first_pos == last + 1 && f->log->last_pos == last);
		assert_int_equal(f->log->last_seq, round * 11 - 1);
		f->clock.now_us = 1;
		append_some(f, 1);
		assert_true(f->seen[0]->pos > last);
		assert_int_equal(f->seen[0]->seq, round * 11);
		assert_int_equal(f->seen[0]->time_us, 9000);
		last = f->log->last_pos;
		assert_int_equal(log_expire(f->log, last + 1, 100, NULL, NULL, NULL, NULL), 0);
	}
}

/* Threads that read and one that expires, beside the one that appends. */
struct beside {
	struct fixture *f;
	_Atomic bool stop;
	_Atomic int failed;
};

struct reading {
	struct beside *beside;
	int64_t last_seq, missing; /* the last position that was not there */
};

static bool in_order(void *arg, struct record *r)
{
	struct reading *own = arg;

	if (r->seq <= own->last_seq)
		own->beside->failed++;
	if (own->last_seq != 0 && r->seq != own->last_seq + 1)
		own->missing = r->pos - 1;
	own->last_seq = r->seq;
	return true;
}

/* Sees every record in order but those that expire while it reads. */
static void *read_beside(void *arg)
{
	struct beside *b = arg;
	struct log *log = b->f->log;
	struct reading own = {.beside = b};

	while (!b->stop) {
		own.last_seq = 0;
		if (log_read(log, log->first_pos, in_order, &own, NULL) != 0)
			b->failed++;
	}
	while (own.missing >= log->first_pos && log->first_pos < log->last_pos - 100)
		usleep(1000); /* until the last expiry has told */
	if (own.missing >= log->first_pos)
		b->failed++;
	return NULL;
}

static void *expire_beside(void *arg)
{
	struct beside *b = arg;

	while (!b->stop || b->f->log->first_pos < b->f->log->last_pos - 100)
		if (log_expire(b->f->log, b->f->log->last_pos - 100, 50, NULL, NULL, NULL, NULL))
			b->failed++;
	return NULL;
}

static void others_work_beside_appending(void **state)
{
	struct fixture *f = *state;
	struct beside b = {.f = f};
	pthread_t threads[6];

	append_some(f, 200);
	for (int i = 0; i < 6; i++)
		assert_int_equal(
			pthread_create(&threads[i], NULL, i == 0 ? expire_beside : read_beside, &b),
			0);
	append_some(f, 700);
	b.stop = true;
	for (int i = 0; i < 6; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(b.failed, 0);
	assert_int_equal(f->log->last_seq, 900);
	for (size_t i = 0; i < f->seen_count; i++)
		assert_int_equal(f->seen[i]->seq, i + 1);
}

/* The writer's process dies at any moment: what it was told is kept, and nothing is half there. */
static void append_until_killed(struct fixture *f, int told)
{
	for (int i = 0;; i++) {
		struct draft drafts[3] = {
			event(1, "k.k", "{}"), event(1, "k.k", "{}"), event(1, "k.k", "{}")};
		int64_t seq;

		if (log_append(f->log, drafts, i % 2 == 0 ? 1 : 3, NULL) != 0)
			_exit(1);
		forget(f);
		if (i % 50 == 0)
			log_expire(f->log, f->log->last_pos - 200, 100, NULL, NULL, NULL, NULL);
		seq = f->log->last_seq;
		if (write(told, &seq, sizeof(seq)) != sizeof(seq))
			_exit(1);
	}
}

static void what_was_told_survives_a_kill(void **state)
{
	struct fixture *f = *state;
	int64_t told = 0;

	f->backend->close(f->place, f->log);
	for (int round = 0; round < 8; round++) {
		int ends[2], status;
		int64_t seq, last = told;
		pid_t child;

		assert_int_equal(pipe(ends), 0);
		child = fork();
		assert_true(child >= 0);
		if (child == 0) {
			close(ends[0]);
			open_log(f);
			append_until_killed(f, ends[1]);
		}
		close(ends[1]);
		for (int i = 0; i < 100 + 77 * round; i++) {
			assert_int_equal(read(ends[0], &seq, sizeof(seq)), sizeof(seq));
			told = seq;
		}
		kill(child, SIGKILL);
		while (read(ends[0], &seq, sizeof(seq)) == sizeof(seq))
			told = seq;
		close(ends[0]);
		waitpid(child, &status, 0);
		assert_true(WIFSIGNALED(status));
		open_log(f);
		assert_true(f->log->last_seq >= told && f->log->last_seq <= told + 3);
		assert_true(told > last);
		told = f->log->last_seq;
		read_from(f, f->log->first_pos);
		assert_true(f->seen_count > 0 && f->seen_count < SEEN_MAX);
		for (size_t i = 1; i < f->seen_count; i++)
			assert_int_equal(f->seen[i]->seq, f->seen[i - 1]->seq + 1);
		assert_int_equal(f->seen[f->seen_count - 1]->seq, told);
		f->backend->close(f->place, f->log);
	}
	open_log(f);
}

int log_suite_run(const struct log_backend *backend)
{
#define TEST(name)                                                                                 \
	{                                                                                          \
#name, name, setup, teardown, (void *)backend                                      \
	}
	const struct CMUnitTest tests[] = {
		TEST(begins_empty),
		TEST(events_are_numbered_and_others_not),
		TEST(what_is_read_is_what_was_followed),
		TEST(time_never_goes_back),
		TEST(reading_stops_where_it_is_told),
		TEST(large_ones_are_kept_whole),
		TEST(what_is_refused_takes_no_place),
		TEST(times_are_found),
		TEST(expiry_tells_what_went),
		TEST(goes_on_after_all_has_expired),
		TEST(others_work_beside_appending),
		TEST(what_was_told_survives_a_kill),
	};

	return cmocka_run_group_tests_name(backend->name, tests, NULL, NULL);
}
