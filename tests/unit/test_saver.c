/* The saver: what it saves, and what goes when it has become old. */
#include "core/log/log.h"
#include "core/state/inbox.h"
#include "tests/unit/world.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define HOUR_US (3600 * SECOND_US)

/* The saver looks by real time what is due by the other. */
static int64_t until_saved(struct world *w, int64_t (*what)(struct loop *), int64_t wanted)
{
	int64_t is = 0;

	for (int i = 0; i < 500; i++) {
		state_wrlock(w->loop);
		is = what(w->loop);
		state_unlock(w->loop);
		if (is == wanted)
			break;
		usleep(10000);
	}
	return is;
}

static int64_t unsaved(struct loop *loop)
{
	return loop->state->applied_pos - loop->state->saved_pos;
}

static int64_t messages(struct loop *loop)
{
	return state_kept(loop->state, WORLD_UID)->messages;
}

static int64_t bytes(struct loop *loop)
{
	return state_kept(loop->state, WORLD_UID)->bytes;
}

static int64_t rows(struct loop *loop)
{
	return loop->log->last_pos + 1 - loop->log->first_pos;
}

static void say(struct world *w, struct session *from, int count)
{
	const struct actor actor = world_actor(from);

	for (int i = 0; i < count; i++)
		assert_int_equal(world_say(w, &actor, NULL, NULL, "words"), 0);
}

static void it_saves_when_it_is_time(void **state)
{
	struct world *w = *state;
	struct session *cece = world_register(w, WORLD_UID, "cece");

	/* It looks at once what is to go, and saves then. */
	assert_int_equal(until_saved(w, unsaved, 0), 0);
	usleep(600000);
	say(w, cece, 5);
	usleep(600000);
	assert_int_equal(until_saved(w, unsaved, 5), 5); /* the time stands still */
	world_pass(w, w->config.save);
	assert_int_equal(until_saved(w, unsaved, 0), 0);
}

static void what_is_old_goes(void **state)
{
	struct world *w = *state;
	struct session *cece, *bob;
	struct buf out = BUF_INIT;
	char id[ID_MAX + 1];
	int64_t left;

	world_close(w);
	w->config.timeout = w->config.late = 1000 * HOUR_US;
	world_open(w);
	cece = world_register(w, WORLD_UID, "cece");
	bob = world_register(w, WORLD_UID, "bob");
	memcpy(id, bob->id, sizeof(id));
	say(w, cece, 3000);
	world_pass(w, 20 * HOUR_US);
	say(w, cece, 5);
	assert_int_equal(world_end(w, cece), 0);
	assert_int_equal(inbox_unread_count(w->loop, bob), 3005);
	world_pass(w, 5 * HOUR_US);
	/* The five, and the end; the rest is gone, also from what its uid keeps. */
	assert_int_equal(until_saved(w, messages, 6), 6);
	assert_int_equal(until_saved(w, rows, 6), 6);
	assert_int_equal(inbox_unread_count(w->loop, bob), 5);
	left = bytes(w->loop);
	assert_int_equal(left, strlen(world_lines(w, &out, CHANNEL_ALL, "")));
	assert_non_null(world_session(w, cece->id));
	/* Nothing happens after that; and yet a restart finds it as it was. */
	world_reopen(w);
	assert_int_equal(messages(w->loop), 6);
	assert_int_equal(bytes(w->loop), left);
	assert_int_equal(inbox_unread_count(w->loop, world_session(w, id)), 5);
	world_pass(w, 24 * HOUR_US);
	assert_int_equal(until_saved(w, messages, 0), 0);
	assert_int_equal(bytes(w->loop), 0);
	world_reopen(w);
	assert_int_equal(messages(w->loop), 0);
	assert_int_equal(bytes(w->loop), 0);
	buf_release(&out);
}

/* Where the daemon is killed. */
enum deadly { APPENDED, DUE, MOVED, FORGOTTEN, GONE, DEADLY };

/* The log of a process that dies at one of these moments. */
struct dying {
	struct log_ops ops; /* the first: the one is the other */
	const struct log_ops *real;
	enum deadly where;
	atomic_bool due; /* something is to go */
};

static void die_at(const struct dying *d, enum deadly where)
{
	if (d->where == where)
		kill(getpid(), SIGKILL);
}

static struct dying *dying(struct log *log)
{
	return (struct dying *)log->ops;
}

static int dying_find_time(struct log *log, int64_t time_us, int64_t *pos, struct error *err)
{
	struct dying *d = dying(log);
	int r = d->real->find_time(log, time_us, pos, err);

	if (r == 0 && *pos > log->first_pos) {
		atomic_store(&d->due, true);
		die_at(d, DUE);
	}
	return r;
}

static int dying_move(struct log *log, struct error *err)
{
	struct dying *d = dying(log);
	int r;

	die_at(d, APPENDED);
	r = d->real->move(log, err);
	if (atomic_load(&d->due))
		die_at(d, MOVED);
	return r;
}

static int dying_expire(struct log *log, int64_t pos, size_t most, log_gone fn, void *arg,
	size_t *gone, struct error *err)
{
	struct dying *d = dying(log);
	int r;

	if (atomic_load(&d->due))
		die_at(d, FORGOTTEN);
	r = d->real->expire(log, pos, most, fn, arg, gone, err);
	if (atomic_load(&d->due))
		die_at(d, GONE);
	return r;
}

/* The life of a daemon until it is killed: some of what two uids said is old. */
static void live(struct world *w, enum deadly where)
{
	struct dying d = {.where = where};
	struct session *cece, *eve;

	world_open(w);
	cece = world_register(w, WORLD_UID, "cece");
	eve = world_register(w, OTHER_UID, "eve");
	say(w, cece, 2500);
	say(w, eve, 300);
	world_pass(w, 20 * HOUR_US);
	say(w, cece, 5);
	say(w, eve, 7);
	assert_int_equal(until_saved(w, unsaved, 0), 0);
	commit_hold(w->loop);
	d.real = w->loop->log->ops;
	d.ops = *d.real;
	d.ops.move = dying_move;
	d.ops.find_time = dying_find_time;
	d.ops.expire = dying_expire;
	w->loop->log->ops = &d.ops;
	commit_resume(w->loop);
	say(w, eve, 3);
	world_pass(w, 5 * HOUR_US);
	alarm(60);
	for (;;)
		pause();
}

struct sum {
	uid_t uid;
	int64_t messages, bytes;
};

static bool add_up(void *arg, struct record *r)
{
	struct sum *sum = arg;

	if (r->uid == sum->uid) {
		sum->messages += r->kind == RECORD_EVENT;
		sum->bytes += (int64_t)record_bytes(r);
	}
	return true;
}

/* What is counted of a uid is what there is of it. */
static void counts_are_true(struct world *w, uid_t uid)
{
	struct loop *loop = w->loop;
	struct sum sum = {.uid = uid};
	struct kept kept;

	commit_hold(loop);
	assert_int_equal(log_read(loop->log, loop->state->first_pos, add_up, &sum, NULL), 0);
	state_wrlock(loop);
	kept = *state_kept(loop->state, uid);
	state_unlock(loop);
	commit_resume(loop);
	assert_int_equal(kept.messages, sum.messages);
	assert_int_equal(kept.bytes, sum.bytes);
}

static int64_t messages_of_other(struct loop *loop)
{
	return state_kept(loop->state, OTHER_UID)->messages;
}

static void counts_are_true_after_a_kill(void **state)
{
	struct world *w = *state;

	world_close(w);
	w->config.timeout = w->config.late = 1000 * HOUR_US;
	w->config.backlog = 0; /* an alert would be one record more */
	for (int where = 0; where < DEADLY; where++) {
		pid_t pid = fork();
		int status;

		assert_true(pid >= 0);
		if (pid == 0) {
			live(w, (enum deadly)where);
			_exit(1);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
		world_pass(w, 25 * HOUR_US); /* as in the child */
		world_open(w);
		counts_are_true(w, WORLD_UID);
		counts_are_true(w, OTHER_UID);
		/* And when the new daemon has let go what the dead one had not. */
		assert_int_equal(until_saved(w, messages, 5), 5);
		assert_int_equal(until_saved(w, messages_of_other, 10), 10);
		counts_are_true(w, WORLD_UID);
		counts_are_true(w, OTHER_UID);
		world_pass(w, 25 * HOUR_US);
		assert_int_equal(until_saved(w, rows, 0), 0);
		world_close(w);
	}
	world_open(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			it_saves_when_it_is_time, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(what_is_old_goes, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			counts_are_true_after_a_kill, world_setup, world_teardown),
	};

	return cmocka_run_group_tests_name("saver", tests, NULL, NULL);
}
