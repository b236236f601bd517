/* Inboxes: what is unread, leases, marks, who is told of them, and receipts. */
#include "core/log/log.h"
#include "core/state/inbox.h"
#include "tests/unit/world.h"

#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SESSIONS 3
#define SAID_MAX 1200

static const char *const names[SESSIONS] = {"a", "b", "c"};

static struct session *session(struct world *w, int i)
{
	struct session *s = world_session(w, names[i]);

	assert_non_null(s);
	return s;
}

static void begin(struct world *w)
{
	w->config.broadcasts = 0;
	w->config.backlog = 0; /* an alert would be one record more */
	for (int i = 0; i < SESSIONS; i++) {
		char text[80];

		snprintf(text, sizeof(text), "{\"agent_name\":\"%s\",\"session_id\":\"%s\"}",
			names[i], names[i]);
		assert_non_null(world_register(w, WORLD_UID, text));
	}
}

/* Says it and returns its position. */
static int64_t say(struct world *w, int from, int to)
{
	struct actor actor = from >= 0 ? world_actor(session(w, from)) : world_user(WORLD_UID);

	assert_int_equal(world_say(w, &actor, NULL, to >= 0 ? session(w, to) : NULL, "words"), 0);
	return w->loop->state->all->last_pos;
}

static int mark_one(struct world *w, int i, int64_t pos)
{
	const struct actor actor = world_actor(session(w, i));
	struct act *act = NULL;
	int r = inbox_mark_one(w->loop, &actor, session(w, i), pos, &act);

	return world_do(w, r, act);
}

static int mark_to(struct world *w, int i, int64_t seq)
{
	const struct actor actor = world_actor(session(w, i));
	struct act *act = NULL;
	int r = inbox_mark_to(w->loop, &actor, session(w, i), seq, &act, &w->error);

	return world_do(w, r, act);
}

struct list {
	int64_t pos[SAID_MAX];
	int count;
};

static bool list_one(void *arg, struct record *r, const char *line, size_t len)
{
	struct list *list = arg;

	assert_true(len > 0 && line[len - 1] == '\n');
	list->pos[list->count++] = r->pos;
	return true;
}

static void unread(struct world *w, int i, bool leased, struct list *list)
{
	list->count = 0;
	assert_int_equal(
		inbox_each_unread(w->loop, session(w, i), INBOX_ALL, leased, list_one, list), 0);
}

/* Everything that was said, and who has read it. */
struct said {
	int from, to;
	int64_t pos, seq;
	bool has_read[SESSIONS];
};

static void compare(struct world *w, const struct said *said, int count)
{
	struct list *list = calloc(1, sizeof(*list));

	assert_non_null(list);
	for (int i = 0; i < SESSIONS; i++) {
		int n = 0;

		unread(w, i, true, list);
		for (int k = 0; k < count; k++) {
			const struct said *s = &said[k];

			if (s->has_read[i] || (s->to >= 0 ? s->to != i : s->from == i))
				continue;
			assert_true(n < list->count);
			assert_int_equal(list->pos[n], s->pos);
			n++;
		}
		assert_int_equal(list->count, n);
		assert_int_equal(inbox_unread_count(w->loop, session(w, i)), n);
	}
	free(list);
}

static void unread_is_as_a_model_has_it(void **state)
{
	struct world *w = *state;
	struct said *said = calloc(SAID_MAX, sizeof(*said));
	unsigned seed = 3;
	int count = 0;

	assert_non_null(said);
	begin(w);
	for (int step = 0; step < 500; step++) {
		unsigned what, i, n;
		struct record *leased;

		seed = seed * 1103515245u + 12345u;
		what = (seed >> 8) % 16;
		i = (seed >> 12) % SESSIONS;
		n = (seed >> 16) % 5;
		if (what < 8) {
			struct said *s = &said[count++];

			s->from = n < 4 ? (int)n % SESSIONS : -1;
			s->to = what < 4 ? -1 : (int)i;
			s->pos = say(w, s->from, s->to);
			s->seq = w->loop->state->last_seq;
		} else if (what < 14) { /* the n-th of those that may be had */
			struct record *passed[5];
			unsigned k = 0;

			while (k < n && inbox_lease(w->loop, session(w, (int)i), &passed[k]) == 0)
				k++;
			if (inbox_lease(w->loop, session(w, (int)i), &leased) == 0) {
				for (int a = 0; a < count; a++)
					said[a].has_read[i] |= said[a].pos == leased->pos;
				assert_int_equal(mark_one(w, (int)i, leased->pos), 0);
				inbox_return(w->loop, session(w, (int)i), leased->pos);
				record_unref(leased);
			}
			while (k > 0) {
				inbox_return(w->loop, session(w, (int)i), passed[--k]->pos);
				record_unref(passed[k]);
			}
		} else if (what == 14 && count > 0 && n == 0) {
			int upto = (int)((seed >> 4) % (unsigned)count);

			for (int a = 0; a <= upto; a++)
				said[a].has_read[i] = true;
			assert_int_equal(mark_to(w, (int)i, said[upto].seq), 0);
		} else if (what == 15 && n == 0) {
			world_reopen(w);
		}
		if (step % 10 == 0)
			compare(w, said, count);
	}
	compare(w, said, count);
	free(said);
}

static int64_t lease(struct world *w, int i)
{
	struct record *r = NULL;
	int status = inbox_lease(w->loop, session(w, i), &r);
	int64_t pos = r ? r->pos : 0;

	assert_int_equal(status, r ? 0 : -EAGAIN);
	record_unref(r);
	return pos;
}

static void two_readers_get_different_messages(void **state)
{
	struct world *w = *state;
	struct list *list = calloc(1, sizeof(*list));
	int64_t first, own, second, third;

	assert_non_null(list);
	begin(w);
	assert_int_equal(lease(w, 0), 0);
	first = say(w, 1, -1);
	own = say(w, 0, -1);
	second = say(w, 1, 0);
	third = say(w, -1, -1);
	assert_int_equal(lease(w, 0), first);
	assert_int_equal(lease(w, 0), second);
	unread(w, 0, false, list);
	assert_int_equal(list->count, 1);
	assert_int_equal(list->pos[0], third);
	unread(w, 0, true, list);
	assert_int_equal(list->count, 3);
	/* The first reader goes away, the second has read to the end. */
	inbox_return(w->loop, session(w, 0), first);
	inbox_return(w->loop, session(w, 0), first); /* again: nothing */
	inbox_return(w->loop, session(w, 0), 12345);
	inbox_return(w->loop, session(w, 1), first); /* nothing was ever leased there */
	assert_int_equal(mark_one(w, 0, second), 0);
	assert_int_equal(mark_one(w, 0, second), 0);
	inbox_return(w->loop, session(w, 0), second);
	assert_int_equal(session(w, 0)->beyond_count, 1);
	assert_int_equal(lease(w, 0), first);
	assert_int_equal(lease(w, 0), third);
	assert_int_equal(lease(w, 0), 0);
	/* Leases are not kept, and what was marked is. */
	world_reopen(w);
	assert_int_equal(lease(w, 0), first);
	assert_int_equal(mark_one(w, 0, first), 0);
	assert_int_equal(session(w, 0)->beyond_count, 0);
	assert_int_equal(session(w, 0)->read_pos, second);
	assert_int_equal(lease(w, 0), third);
	assert_int_equal(lease(w, 1), own);
	assert_int_equal(lease(w, 1), third);
	free(list);
}

struct ready {
	struct turn turn;
	atomic_int count, freed;
};

static void got_ready(struct turn *turn)
{
	atomic_fetch_add(&((struct ready *)turn)->count, 1);
}

static void free_ready(struct follower *f)
{
	struct ready *r = (struct ready *)f;

	view_release(&r->turn.view);
	r->freed++;
}

static void who_waits_is_told(void **state)
{
	struct world *w = *state;
	struct ready r = {0};
	int64_t pos;

	begin(w);
	r.turn.ready = got_ready;
	r.turn.follower.free = free_ready;
	atomic_init(&r.turn.follower.refs, 1);
	assert_int_equal(inbox_wait(w->loop, session(w, 0), &r.turn), 0);
	say(w, 0, -1);
	say(w, 1, 2);
	assert_int_equal(r.count, 0);
	pos = say(w, 1, -1);
	assert_int_equal(r.count, 1);
	say(w, 1, 0);
	assert_int_equal(r.count, 2);
	assert_int_equal(lease(w, 0), pos);
	inbox_return(w->loop, session(w, 0), pos);
	assert_int_equal(r.count, 3);
	inbox_unwait(w->loop, session(w, 0), &r.turn);
	say(w, 1, 0);
	inbox_return(w->loop, session(w, 0), pos);
	assert_int_equal(r.count, 3);
	assert_int_equal(r.freed, 0);
	follower_unref(&r.turn.follower);
	assert_int_equal(r.freed, 1);
}

static void what_can_be_acknowledged(void **state)
{
	struct world *w = *state;
	struct session *a;
	int64_t first, last;

	begin(w);
	first = say(w, 1, -1);
	say(w, 1, 0);
	last = w->loop->state->last_seq;
	a = session(w, 0);
	assert_int_equal(mark_to(w, 0, last + 1), -EINVAL);
	assert_non_null(strstr(w->error.text, "ack: "));
	assert_int_equal(mark_to(w, 0, -1), -EINVAL);
	assert_int_equal(mark_to(w, 0, INT64_MAX), -EINVAL);
	assert_int_equal(mark_to(w, 0, 0), 0);
	assert_int_equal(mark_to(w, 0, 1), 0); /* before its time */
	assert_int_equal(inbox_unread_count(w->loop, a), 2);
	assert_int_equal(mark_to(w, 0, last - 1), 0);
	assert_int_equal(a->read_pos, first);
	assert_int_equal(inbox_unread_count(w->loop, a), 1);
	assert_int_equal(mark_to(w, 0, last), 0);
	assert_int_equal(mark_to(w, 0, 1), 0);
	assert_int_equal(inbox_unread_count(w->loop, a), 0);
	last = w->loop->state->applied_pos;
	assert_int_equal(mark_to(w, 0, w->loop->state->last_seq), 0);
	assert_int_equal(mark_one(w, 0, first), 0);
	assert_int_equal(w->loop->state->applied_pos, last); /* nothing was to be said */
	assert_int_equal(world_end(w, a), 0);
	assert_int_equal(mark_to(w, 0, 1), -ESTALE);
	assert_int_equal(mark_one(w, 0, first), -ESTALE);
}

static void marks_at_the_same_time(void **state)
{
	struct world *w = *state;
	struct actor actor;
	struct act *acts[4];
	int64_t pos[4];

	begin(w);
	actor = world_actor(session(w, 0));
	for (int i = 0; i < 4; i++)
		pos[i] = say(w, 1, i % 2 ? 0 : -1);
	commit_hold(w->loop);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(
			inbox_mark_one(w->loop, &actor, session(w, 0), pos[3 - i], &acts[i]), 0);
		acts[i]->command.done = act_over;
		loop_submit(w->loop, &acts[i]->command);
	}
	commit_resume(w->loop);
	assert_int_equal(session(w, 0)->read_pos, pos[3]);
	assert_int_equal(session(w, 0)->beyond_count, 0);
	assert_int_equal(inbox_unread_count(w->loop, session(w, 0)), 0);
}

static int count_of(const char *text, const char *what)
{
	int n = 0;

	while ((text = strstr(text, what))) {
		text++;
		n++;
	}
	return n;
}

static void receipts_go_to_the_sender(void **state)
{
	struct world *w = *state;
	struct buf sent = BUF_INIT;
	char wanted[100];
	int64_t direct, everyone;

	begin(w);
	say(w, 1, 0);
	direct = w->loop->state->last_seq;
	say(w, 1, -1);
	everyone = w->loop->state->last_seq;
	assert_int_equal(mark_to(w, 0, everyone), 0);
	assert_int_equal(mark_to(w, 0, everyone), 0);
	world_lines(w, &sent, CHANNEL_SENT, "b");
	snprintf(wanted, sizeof(wanted), "{\"receipt\":\"read\",\"seq\":%" PRId64 ",\"by\":\"a\",",
		direct);
	assert_int_equal(count_of(sent.data, wanted), 1);
	assert_int_equal(count_of(sent.data, "receipt"), 1);
	/* Broadcasts are counted: of a, c, and the mount's owner. */
	receipts_flush(w->loop);
	receipts_flush(w->loop);
	world_lines(w, &sent, CHANNEL_SENT, "b");
	snprintf(wanted, sizeof(wanted),
		"{\"receipt\":\"read\",\"seq\":%" PRId64 ",\"count\":1,\"of\":3,", everyone);
	assert_int_equal(count_of(sent.data, wanted), 1);
	assert_int_equal(count_of(sent.data, "receipt"), 2);
	assert_int_equal(mark_to(w, 2, everyone), 0);
	assert_int_equal(world_end(w, session(w, 0)), 0);
	receipts_flush(w->loop);
	world_lines(w, &sent, CHANNEL_SENT, "b");
	assert_int_equal(count_of(sent.data, "\"count\":2,\"of\":3,"), 1);
	/* What nobody's session said has no sender to tell. */
	say(w, -1, 2);
	say(w, -1, -1);
	direct = w->loop->state->applied_pos;
	assert_int_equal(mark_to(w, 2, w->loop->state->last_seq), 0);
	receipts_flush(w->loop);
	assert_int_equal(w->loop->state->applied_pos, direct + 1);
	buf_release(&sent);
}

/* What has expired is neither unread nor counted as read beyond the cursor. */
/* The count that the sender was told last of a broadcast, and how often it was told. */
static int told_of(const char *sent, int64_t seq, int *times)
{
	char wanted[80];
	int count = -1;

	snprintf(wanted, sizeof(wanted),
		"{\"receipt\":\"read\",\"seq\":%" PRId64 ",\"count\":", seq);
	*times = 0;
	for (const char *at = sent; (at = strstr(at, wanted)); ++*times) {
		at += strlen(wanted);
		count = (int)strtol(at, NULL, 10);
	}
	return count;
}

/* However many are read within a second, and wherever they lie: each sender is told. */
static void all_that_was_read_is_told(void **state)
{
	enum { SAID = 700 };
	struct world *w = *state;
	struct buf sent = BUF_INIT;
	int64_t pos[SAID], seq[SAID];
	int times;

	begin(w);
	for (int i = 0; i < SAID; i++) {
		pos[i] = say(w, 1, -1);
		seq[i] = w->loop->state->last_seq;
	}
	/* Apart from each other, the last first, so that no two are neighbours for long. */
	for (int i = SAID - 1; i >= 0; i -= 3)
		assert_int_equal(mark_one(w, 0, pos[i]), 0);
	assert_true(receipts_flush(w->loop));
	world_lines(w, &sent, CHANNEL_SENT, "b");
	for (int i = 0; i < SAID; i++) {
		bool read = (SAID - 1 - i) % 3 == 0;

		assert_int_equal(told_of(sent.data, seq[i], &times), read ? 1 : -1);
		assert_int_equal(times, read);
	}
	/* All of them, by another. */
	assert_int_equal(mark_to(w, 2, seq[SAID - 1]), 0);
	assert_true(receipts_flush(w->loop));
	world_lines(w, &sent, CHANNEL_SENT, "b");
	for (int i = 0; i < SAID; i++)
		assert_int_equal(
			told_of(sent.data, seq[i], &times), (SAID - 1 - i) % 3 == 0 ? 2 : 1);
	/* Nothing was read since. */
	pos[0] = w->loop->state->applied_pos;
	assert_true(receipts_flush(w->loop));
	assert_int_equal(w->loop->state->applied_pos, pos[0]);
	buf_release(&sent);
}

/* More than one round tells of: the rest is told in the next, and none at the end is lost. */
static void a_great_many_are_told_in_rounds(void **state)
{
	enum { SAID = RECEIPTS_FLUSHED * 2 + 500 };
	struct world *w = *state;
	struct buf sent = BUF_INIT;

	begin(w);
	for (int i = 0; i < SAID; i++)
		say(w, 1, -1);
	assert_int_equal(mark_to(w, 0, w->loop->state->last_seq), 0);
	assert_false(receipts_flush(w->loop));
	world_lines(w, &sent, CHANNEL_SENT, "b");
	assert_in_range(
		count_of(sent.data, "\"count\":1,"), RECEIPTS_FLUSHED, RECEIPTS_FLUSHED + 64);
	assert_false(receipts_flush(w->loop));
	world_reopen(w);
	world_lines(w, &sent, CHANNEL_SENT, "b");
	assert_int_equal(count_of(sent.data, "\"count\":1,"), SAID);
	buf_release(&sent);
}

static int no_append(struct log *log, const struct draft *d, size_t n, struct error *err)
{
	(void)log, (void)d, (void)n;
	return error_set(err, ENOSPC, "as the test wants it");
}

static void what_can_not_be_told_is_told_later(void **state)
{
	struct world *w = *state;
	const struct log_ops *real = w->loop->log->ops;
	struct log_ops failing = *real;
	struct buf sent = BUF_INIT;

	begin(w);
	for (int i = 0; i < 100; i++)
		say(w, 1, -1);
	assert_int_equal(mark_to(w, 0, w->loop->state->last_seq), 0);
	failing.append = no_append;
	commit_hold(w->loop);
	w->loop->log->ops = &failing;
	commit_resume(w->loop);
	assert_true(receipts_flush(w->loop));
	commit_hold(w->loop);
	w->loop->log->ops = real;
	commit_resume(w->loop);
	world_lines(w, &sent, CHANNEL_SENT, "b");
	assert_int_equal(count_of(sent.data, "receipt"), 0);
	assert_true(receipts_flush(w->loop));
	world_lines(w, &sent, CHANNEL_SENT, "b");
	assert_int_equal(count_of(sent.data, "\"count\":1,"), 100);
	buf_release(&sent);
}

static void what_expired_is_not_counted(void **state)
{
	struct world *w = *state;
	struct list *list = calloc(1, sizeof(*list));
	int64_t pos[8];

	assert_non_null(list);
	begin(w);
	for (int i = 0; i < 8; i++)
		pos[i] = say(w, 1, -1);
	assert_int_equal(mark_one(w, 0, pos[1]), 0);
	assert_int_equal(mark_one(w, 0, pos[2]), 0);
	assert_int_equal(mark_one(w, 0, pos[6]), 0);
	for (int first = 0; first < 8; first++) {
		commit_hold(w->loop);
		state_wrlock(w->loop);
		state_forget(w->loop->state, pos[first], 0);
		state_unlock(w->loop);
		commit_resume(w->loop);
		for (int i = 0; i < SESSIONS; i++) {
			unread(w, i, true, list);
			assert_int_equal(inbox_unread_count(w->loop, session(w, i)), list->count);
		}
		if (first == 4)
			world_reopen(w);
	}
	free(list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			unread_is_as_a_model_has_it, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			two_readers_get_different_messages, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(who_waits_is_told, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			what_can_be_acknowledged, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			marks_at_the_same_time, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			receipts_go_to_the_sender, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			all_that_was_read_is_told, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			a_great_many_are_told_in_rounds, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			what_can_not_be_told_is_told_later, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			what_expired_is_not_counted, world_setup, world_teardown),
	};

	return cmocka_run_group_tests_name("inbox", tests, NULL, NULL);
}
