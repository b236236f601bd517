/* The loop: commands from many threads, shared commits, refusals, and a log that fails. */
#include "core/log/log.h"
#include "core/state/saver.h"
#include "tests/unit/world.h"

#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cmocka.h>

/* A command of one draft or more, whose text is its number. */
struct order {
	struct command command; /* first */
	int number, drafts, refuse;
	char text[32];
	/* what came of it */
	int status, done;
	struct error error;
	int64_t first_seq;
};

/* What followers were told: the sizes of commits, and the records. */
struct told {
	size_t commits[64], commit_count;
	int64_t last_seq;
	int done_after; /* orders that were done only after it was told */
};

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	print_error("%s\n", what);
	abort();
}

static int decide(struct loop *loop, struct command *c, struct error *err)
{
	struct order *o = (struct order *)c;
	struct draft d = {.kind = RECORD_EVENT, .type = "a.b", .data = o->text};
	int r = 0;

	must(loop->state->applied_pos == loop->log->last_pos, "decided on what is not applied");
	snprintf(o->text, sizeof(o->text), "{\"n\":%d}", o->number);
	d.data_len = strlen(o->text);
	for (int i = 0; i < o->drafts && r == 0; i++)
		r = command_add(c, &d);
	if (o->refuse == EXDEV)
		return -EXDEV; /* without a reason */
	return o->refuse ? error_set(err, o->refuse, "order %d is refused", o->number) : r;
}

static void done(struct loop *loop, struct command *c, int status, const struct error *err,
	struct record *const *records, size_t count)
{
	struct order *o = (struct order *)c;

	o->done++;
	o->status = status;
	o->error = *err;
	must(count == (status ? 0 : (size_t)o->drafts), "a wrong count");
	for (size_t i = 0; i < count; i++) {
		must(strstr(records[i]->line, o->text) != NULL, "another's record");
		must(records[i]->seq == records[0]->seq + (int64_t)i, "records apart");
		must(records[i]->pos <= loop->state->applied_pos, "not applied");
	}
	o->first_seq = count ? records[0]->seq : 0;
	command_release(c);
}

static struct order order(int number, int drafts, int refuse)
{
	return (struct order){.command = {.decide = decide, .done = done},
		.number = number,
		.drafts = drafts,
		.refuse = refuse};
}

static void committed(void *arg, struct record *const *records, size_t count)
{
	struct told *t = arg;

	must(count > 0, "nothing was told");
	for (size_t i = 0; i < count; i++) {
		if (!records[i]->seq)
			continue;
		must(records[i]->seq > t->last_seq, "out of order");
		t->last_seq = records[i]->seq;
	}
	if (t->commit_count < 64)
		t->commits[t->commit_count++] = count;
}

static void watch(struct world *w, struct told *t)
{
	memset(t, 0, sizeof(*t));
	loop_watch(w->loop, committed, NULL, t);
}

/* Submits them while the committer's place is taken, so that they wait together. */
static void submit_together(struct world *w, struct order *orders, int count)
{
	commit_hold(w->loop);
	for (int i = 0; i < count; i++)
		loop_submit(w->loop, &orders[i].command);
	for (int i = 0; i < count; i++)
		assert_int_equal(orders[i].done, 0);
	commit_resume(w->loop);
	for (int i = 0; i < count; i++)
		assert_int_equal(orders[i].done, 1);
}

static void those_that_wait_share_a_commit(void **state)
{
	struct world *w = *state;
	struct order orders[10];
	struct told told;

	watch(w, &told);
	for (int i = 0; i < 10; i++)
		orders[i] = order(i, 1 + i % 3, 0);
	submit_together(w, orders, 10);
	assert_int_equal(told.commit_count, 1);
	assert_int_equal(told.commits[0], 1 + 2 + 3 + 1 + 2 + 3 + 1 + 2 + 3 + 1);
	for (int i = 1; i < 10; i++)
		assert_int_equal(
			orders[i].first_seq, orders[i - 1].first_seq + orders[i - 1].drafts);
}

static void who_is_alone_shares_none(void **state)
{
	static const size_t commits[] = {2, 1, 1, 1, 2};
	struct world *w = *state;
	struct order orders[7];
	struct told told;

	watch(w, &told);
	for (int i = 0; i < 7; i++) {
		orders[i] = order(i, 1, 0);
		orders[i].command.alone = i >= 2 && i <= 4;
	}
	submit_together(w, orders, 7);
	assert_int_equal(told.commit_count, 5);
	assert_memory_equal(told.commits, commits, sizeof(commits));
}

static void a_commit_is_bounded(void **state)
{
	struct world *w = *state;
	struct order *orders = calloc(600, sizeof(*orders));
	struct told told;

	assert_non_null(orders);
	watch(w, &told);
	for (int i = 0; i < 600; i++)
		orders[i] = order(i, 1, 0);
	submit_together(w, orders, 600);
	assert_int_equal(told.commit_count, 3);
	assert_int_equal(told.commits[0], COMMIT_COMMANDS_MAX);
	assert_int_equal(told.commits[2], 600 - 2 * COMMIT_COMMANDS_MAX);
	free(orders);
}

static void who_is_refused_leaves_nothing(void **state)
{
	struct world *w = *state;
	const int64_t last = w->loop->state->last_seq;
	struct order orders[6];
	struct told told;

	watch(w, &told);
	for (int i = 0; i < 6; i++)
		orders[i] = order(i, i == 1 ? 9 : 2, i % 2 ? EACCES : 0);
	orders[5].refuse = EXDEV;
	submit_together(w, orders, 6);
	assert_int_equal(told.commits[0], 6);
	assert_int_equal(w->loop->state->last_seq, last + 6);
	for (int i = 0; i < 6; i += 2)
		assert_int_equal(orders[i].first_seq, last + 1 + i);
	assert_int_equal(orders[1].status, -EACCES);
	assert_string_equal(orders[1].error.text, "order 1 is refused");
	assert_int_equal(orders[5].status, -EXDEV);
	assert_string_equal(orders[5].error.text, strerror(EXDEV));
	/* All of them, and one that says nothing. */
	watch(w, &told);
	orders[0] = order(0, 2, EPERM);
	orders[1] = order(1, 0, 0);
	submit_together(w, orders, 2);
	assert_int_equal(orders[0].status, -EPERM);
	assert_int_equal(orders[1].status, 0);
	assert_int_equal(told.commit_count, 0);
	assert_int_equal(w->loop->log->last_seq, last + 6);
}

/* Who follows everything, and what it had been told of when an order was done. */
struct listener {
	struct follower follower;
	struct view view;
	atomic_int told;
};

struct order_heard {
	struct order order;
	struct listener *listeners;
	int before; /* how many were told before it was done */
};

#define LISTENERS 6

static void hear(struct follower *f, struct record *r)
{
	(void)r;
	atomic_fetch_add(&((struct listener *)f)->told, 1);
}

static void heard_done(struct loop *loop, struct command *c, int status, const struct error *err,
	struct record *const *records, size_t count)
{
	struct order_heard *o = (struct order_heard *)c;

	for (int i = 0; i < LISTENERS; i++)
		o->before += o->listeners[i].told > 0;
	done(loop, c, status, err, records, count);
}

static void the_writer_is_answered_after_a_few_followers_of_a_lone_record(void **state)
{
	static const struct {
		int drafts, before;
	} rounds[] = {{1, COMMIT_TOLD_FIRST}, {2, 0}};
	struct world *w = *state;
	struct listener listeners[LISTENERS] = {0};

	for (int i = 0; i < LISTENERS; i++) {
		struct listener *l = &listeners[i];

		atomic_init(&l->follower.refs, 1);
		l->follower.news = hear;
		l->follower.view = &l->view;
		assert_int_equal(
			view_init(&l->view, w->loop, w->loop->state->all, NULL, NULL, 1), 0);
		hub_follow(&w->loop->hub, &l->follower);
	}
	for (int n = 0; n < 2; n++) {
		struct order_heard o = {
			.order = order(n, rounds[n].drafts, 0), .listeners = listeners};

		o.order.command.done = heard_done;
		loop_submit(w->loop, &o.order.command);
		assert_int_equal(o.order.done, 1);
		assert_int_equal(o.before, rounds[n].before);
		for (int i = 0; i < LISTENERS; i++) {
			assert_int_equal(listeners[i].told, rounds[n].drafts);
			listeners[i].told = 0;
		}
	}
	for (int i = 0; i < LISTENERS; i++) {
		hub_unfollow(&w->loop->hub, &listeners[i].follower);
		view_release(&listeners[i].view);
	}
}

static void many_drafts_are_one_command(void **state)
{
	struct world *w = *state;
	struct draft d = {.kind = RECORD_EVENT, .type = "a.b"};
	struct command c = {0};
	struct order one = order(1, 300, 0);

	submit_together(w, &one, 1);
	assert_int_equal(one.status, 0);
	/* Added before, and waited for. */
	for (int i = 0; i < COMMAND_DRAFTS_MAX + 1; i++)
		assert_int_equal(command_add(&c, &d), 0);
	assert_int_equal(loop_call(w->loop, &c, NULL), 0);
	assert_int_equal(w->loop->log->last_seq, w->loop->state->last_seq);
	command_release(&c);
	assert_int_equal(c.draft_count, 0);
}

#define THREADS 6
#define EACH    150

struct worker {
	struct world *world;
	int number;
	int64_t seqs[EACH];
};

static void *work(void *arg)
{
	struct worker *me = arg;
	int64_t last = 0;

	for (int i = 0; i < EACH; i++) {
		struct order o = order(me->number * EACH + i, 1 + i % 2, i % 7 == 3 ? EPERM : 0);
		struct error err = {0};
		int r;

		o.command.alone = i % 11 == 0;
		r = loop_call(me->world->loop, &o.command, &err);
		command_release(&o.command);
		must(r == (i % 7 == 3 ? -EPERM : 0), "a wrong status");
		must((r == 0) == (err.code == 0), "a wrong reason");
		/* What one thread has done, it finds done. */
		state_rdlock(me->world->loop);
		must(me->world->loop->state->last_seq >= last + (r == 0), "not there");
		last = me->world->loop->state->last_seq;
		state_unlock(me->world->loop);
	}
	return NULL;
}

static void *holds(void *arg)
{
	struct world *w = arg;

	for (int i = 0; i < 40; i++) {
		commit_hold(w->loop);
		must(w->loop->state->applied_pos == w->loop->log->last_pos, "not still");
		commit_resume(w->loop);
		usleep(500);
	}
	return NULL;
}

static bool numbers(void *arg, struct record *r)
{
	int *next = arg, n;
	const char *at = strstr(r->line, "{\"n\":");

	if (!at)
		return true;
	n = (int)strtol(at + 5, NULL, 10);
	/* Each thread's in its own order, none twice but those of two drafts. */
	assert_true(n / EACH < THREADS && next[n / EACH] <= n);
	next[n / EACH] = n;
	return true;
}

static void many_threads_at_once(void **state)
{
	struct world *w = *state;
	struct worker workers[THREADS];
	pthread_t threads[THREADS], holder;
	const int64_t last = w->loop->state->last_seq;
	int64_t expected = 0;
	struct told told;
	int next[THREADS] = {0};

	watch(w, &told);
	for (int i = 0; i < THREADS; i++) {
		workers[i] = (struct worker){.world = w, .number = i};
		pthread_create(&threads[i], NULL, work, &workers[i]);
	}
	pthread_create(&holder, NULL, holds, w);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	pthread_join(holder, NULL);
	for (int i = 0; i < EACH; i++)
		expected += i % 7 == 3 ? 0 : 1 + i % 2;
	assert_int_equal(w->loop->state->last_seq, last + THREADS * expected);
	assert_int_equal(told.last_seq, w->loop->state->last_seq);
	assert_int_equal(log_read(w->loop->log, 1, numbers, next, NULL), 0);
	world_reopen(w);
	assert_int_equal(w->loop->state->last_seq, last + THREADS * expected);
}

static int failing_append(struct log *log, const struct draft *d, size_t n, struct error *err)
{
	(void)log, (void)d, (void)n;
	return error_set(err, ENOSPC, "as the test wants it");
}

static void a_log_that_fails_leaves_nothing(void **state)
{
	struct world *w = *state;
	const struct log_ops *real = w->loop->log->ops;
	const int64_t last = w->loop->state->last_seq;
	struct log_ops failing = *real;
	struct order orders[4];
	struct told told;

	watch(w, &told);
	for (int i = 0; i < 4; i++)
		orders[i] = order(i, 2, i == 1 ? EPERM : 0);
	failing.append = failing_append;
	commit_hold(w->loop); /* the saver uses it in the committer's place */
	w->loop->log->ops = &failing;
	commit_resume(w->loop);
	submit_together(w, orders, 4);
	w->loop->log->ops = real;
	for (int i = 0; i < 4; i++) {
		assert_int_equal(orders[i].status, i == 1 ? -EPERM : -ENOSPC);
		assert_string_equal(orders[i].error.text,
			i == 1 ? "order 1 is refused" : "as the test wants it");
	}
	assert_int_equal(told.commit_count, 0);
	assert_int_equal(w->loop->state->last_seq, last);
	for (int i = 0; i < 4; i++)
		orders[i] = order(i, 2, 0);
	submit_together(w, orders, 4);
	assert_int_equal(w->loop->state->last_seq, last + 8);
	world_reopen(w);
	assert_int_equal(w->loop->state->last_seq, last + 8);
}

static void a_full_disk_leaves_nothing(void **state)
{
	struct world *w = *state;
	struct session *cece;
	int64_t last;
	int more = 0;

	world_close(w);
	if (geteuid() != 0 || mount("tmpfs", w->scratch.path, "tmpfs", 0, "size=48m,mode=0700") < 0)
		skip();
	w->mounted = true;
	world_open(w);
	/* The saver would move what is appended, and warn of the disk by an event. */
	saver_stop(w->loop->saver);
	w->loop->saver = NULL;
	cece = world_register(w, WORLD_UID, "cece");
	assert_non_null(cece);
	world_fill(w, "hog");
	for (;; more++) {
		struct order o = order(more, 1, 0);
		int r;

		last = w->loop->state->last_seq;
		r = loop_call(w->loop, &o.command, &w->error);
		command_release(&o.command);
		if (r == -ENOSPC)
			break;
		assert_int_equal(r, 0);
		assert_int_equal(w->loop->state->last_seq, last + 1);
	}
	assert_int_equal(w->error.code, ENOSPC);
	assert_int_equal(w->loop->state->last_seq, last);
	assert_int_equal(w->loop->log->last_seq, last);
	unlink(scratch_path(&w->scratch, "hog"));
	assert_non_null(world_register(w, WORLD_UID, "bob"));
	assert_int_equal(world_end(w, cece), 0);
	world_reopen(w);
	assert_int_equal(w->loop->state->last_seq, last + 2);
	assert_int_equal(w->loop->state->living, 2); /* bob, and the mount's owner */
}

/* What is kept and can't be applied is no success; after a restart all is well. */
static void a_state_that_can_not_follow_takes_no_more(void **state)
{
	struct world *w = *state;
	const int64_t last = w->loop->state->last_seq;
	struct order orders[2] = {order(0, 1, 0), order(1, 1, 0)};
	struct told told;

	watch(w, &told);
	commit_hold(w->loop);
	w->loop->state->last_seq = last + 7;
	commit_resume(w->loop);
	submit_together(w, &orders[0], 1);
	assert_int_equal(orders[0].status, -EIO);
	submit_together(w, &orders[1], 1);
	assert_int_equal(orders[1].status, -EIO);
	assert_int_equal(told.commit_count, 0);
	assert_int_equal(w->loop->log->last_seq, last + 1);
	commit_hold(w->loop);
	w->loop->state->last_seq = last;
	commit_resume(w->loop);
	world_reopen(w);
	assert_int_equal(w->loop->state->last_seq, last + 1);
}

static void what_was_done_is_there_after_a_restart(void **state)
{
	struct world *w = *state;
	struct buf before = BUF_INIT, after = BUF_INIT;
	struct session *cece = world_register(w, WORLD_UID, "cece: tests");
	const struct actor actor = world_actor(cece);
	char id[ID_MAX + 1];

	memcpy(id, cece->id, sizeof(id));
	for (int i = 0; i < 20; i++)
		assert_int_equal(world_say(w, &actor, NULL, NULL, "hello"), 0);
	world_lines(w, &before, CHANNEL_ALL, "");
	for (int i = 0; i < 3; i++) {
		world_reopen(w);
		world_lines(w, &after, CHANNEL_ALL, "");
		assert_string_equal(before.data, after.data);
		assert_string_equal(world_session(w, id)->task, "tests");
		assert_int_equal(w->loop->state->living, 2);
	}
	buf_release(&before);
	buf_release(&after);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			those_that_wait_share_a_commit, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			who_is_alone_shares_none, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(a_commit_is_bounded, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			who_is_refused_leaves_nothing, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			many_drafts_are_one_command, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			the_writer_is_answered_after_a_few_followers_of_a_lone_record, world_setup,
			world_teardown),
		cmocka_unit_test_setup_teardown(many_threads_at_once, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			a_log_that_fails_leaves_nothing, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			a_full_disk_leaves_nothing, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			a_state_that_can_not_follow_takes_no_more, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			what_was_done_is_there_after_a_restart, world_setup, world_teardown),
	};

	return cmocka_run_group_tests_name("loop", tests, NULL, NULL);
}
