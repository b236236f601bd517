/*
 * Which process is which session, with real processes: their deaths, and who they are taken for.
 *
 * Those processes have a uid of their own, so that the test's is nobody's ancestor.
 */
#include "core/state/bind.h"
#include "tests/unit/world.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define FAMILY 3 /* parent, child, grandchild */

struct family {
	struct world *world;
	pid_t pid[FAMILY];
};

/* Each tells its pid and has the next; a child outlives its parent, and none the test by much. */
static void live(int up)
{
	for (int depth = 0; depth < FAMILY; depth++) {
		pid_t me = getpid();

		if (write(up, &me, sizeof(me)) != (ssize_t)sizeof(me))
			_exit(1);
		if (depth + 1 < FAMILY && fork() != 0)
			break;
	}
	signal(SIGCHLD, SIG_IGN);
	alarm(120);
	for (;;)
		pause();
}

static void begin_family(struct family *f)
{
	int up[2];

	assert_int_equal(pipe2(up, O_CLOEXEC), 0);
	if (fork() == 0) {
		setsid();
		if (setgid(OTHER_UID) || setuid(OTHER_UID))
			_exit(1);
		live(up[1]);
	}
	close(up[1]);
	for (int i = 0; i < FAMILY; i++)
		assert_int_equal(read(up[0], &f->pid[i], sizeof(pid_t)), sizeof(pid_t));
	close(up[0]);
}

/* And waits until it is dead. */
static void kill_one(struct family *f, int i)
{
	struct pollfd death = {.events = POLLIN};

	if (!f->pid[i])
		return;
	death.fd = pidfd_open(f->pid[i], 0);
	assert_true(death.fd >= 0);
	kill(f->pid[i], SIGKILL);
	assert_int_equal(poll(&death, 1, 5000), 1);
	close(death.fd);
	if (i == 0)
		waitpid(f->pid[i], NULL, 0);
	f->pid[i] = 0;
}

static int setup(void **state)
{
	struct family *f;
	struct world *w;
	int r;

	*state = NULL;
	if (geteuid() != 0)
		return 0;
	r = world_setup(state);
	w = *state;
	world_close(w);
	w->config.late = 4 * SECOND_US;
	w->config.timeout = 2 * SECOND_US;
	w->config.handover = 8 * SECOND_US;
	world_open(w);
	f = calloc(1, sizeof(*f));
	assert_non_null(f);
	f->world = w;
	begin_family(f);
	*state = f;
	return r;
}

static int teardown(void **state)
{
	struct family *f = *state;
	void *world;

	if (!f)
		return 0;
	for (int i = FAMILY - 1; i >= 0; i--)
		kill_one(f, i);
	world = f->world;
	free(f);
	return world_teardown(&world);
}

static struct family *family(void **state)
{
	if (!*state)
		skip();
	return *state;
}

/* Registers by one of the processes. */
static struct session *start(struct family *f, int who, const char *text)
{
	struct world *w = f->world;
	const struct actor actor = {
		.uid = OTHER_UID, .gid = OTHER_UID, .tid = f->pid[who], .kind = ACTOR_USER};
	struct act *act = NULL;
	struct session *s;

	assert_int_equal(
		session_register_text(w->loop, &actor, text, strlen(text), &act, &w->error), 0);
	if (loop_call(w->loop, &act->command, &w->error) != 0)
		fail_msg("%s", w->error.text);
	s = world_session(w, act->id);
	act_free(act);
	return s;
}

/* Who a process is taken for: the session, or NULL and the kind. Borrowed. */
static struct session *who(struct family *f, int i, enum actor_kind kind)
{
	struct actor a;
	struct session *s;

	for (int again = 0; again < 3; again++) { /* the second and third come from memory */
		assert_int_equal(
			actor_resolve(f->world->loop, OTHER_UID, OTHER_UID, f->pid[i], NULL, &a),
			0);
		assert_int_equal(a.kind, kind);
		assert_int_equal(a.process.pid, f->pid[i]);
		s = a.session;
		actor_release(&a);
	}
	return s;
}

static bool lives(struct family *f, const struct session *s)
{
	bool does;

	state_rdlock(f->world->loop);
	does = s->ended_us == 0;
	state_unlock(f->world->loop);
	return does;
}

/* Waits until it has ended, or not: the watcher is told by the kernel, and by the moved clock. */
static bool ends(struct family *f, struct session *s, enum end_reason why)
{
	for (int i = 0; i < 300; i++) {
		if (!lives(f, s)) {
			assert_int_equal(s->end_reason, why);
			return true;
		}
		usleep(10000);
	}
	return false;
}

static bool becomes_late(struct session *s)
{
	for (int i = 0; i < 300 && !atomic_load(&s->late); i++)
		usleep(10000);
	return atomic_load(&s->late);
}

/* What is due is looked for so often, by the moved clock. */
#define LOOK_US (SECOND_US / 4)

static void let_look(void)
{
	usleep(400000);
}

static void whoever_descends_from_it_is_the_session(void **state)
{
	struct family *f = family(state);
	struct session *s = start(f, 1, "cece"), *other;

	assert_ptr_equal(who(f, 1, ACTOR_SESSION), s);
	assert_ptr_equal(who(f, 2, ACTOR_SESSION), s);
	assert_null(who(f, 0, ACTOR_USER));
	/* By the same name the same; by another a second one, and then `self` is neither. */
	assert_ptr_equal(start(f, 1, "Cece: again"), s);
	assert_string_equal(s->agent_name, "cece");
	assert_string_equal(s->task, "again");
	assert_ptr_equal(start(f, 2, "cece"), s);
	assert_string_equal(s->task, "again");
	other = start(f, 1, "bob");
	assert_ptr_not_equal(other, s);
	assert_null(who(f, 1, ACTOR_SEVERAL));
	assert_null(who(f, 2, ACTOR_SEVERAL));
	assert_int_equal(world_end(f->world, s), 0);
	assert_ptr_equal(who(f, 2, ACTOR_SESSION), other);
	/* The nearest counts. */
	s = start(f, 2, "eve");
	assert_ptr_equal(who(f, 2, ACTOR_SESSION), s);
	assert_ptr_equal(who(f, 1, ACTOR_SESSION), other);
}

static void names_of_one_key_are_two_sessions(void **state)
{
	struct family *f = family(state);
	struct session *plus = start(f, 1, "C++"), *minus = start(f, 1, "C--");

	assert_ptr_not_equal(plus, minus);
	assert_ptr_equal(plus->agent, minus->agent);
	assert_string_equal(plus->agent_name, "C++");
	assert_string_equal(minus->agent_name, "C--");
	assert_ptr_equal(start(f, 1, "c++: again"), plus);
	assert_ptr_equal(start(f, 2, "c--"), minus);
}

static int64_t last_seq(struct world *w)
{
	int64_t seq;

	state_rdlock(w->loop);
	seq = w->loop->state->last_seq;
	state_unlock(w->loop);
	return seq;
}

/* Several in one write: what the first began, the next of its name changes. */
static void the_same_name_twice_in_one_write(void **state)
{
	static const char *const texts[] = {"Cece: one", "cece: two", "c e", "C-e: three", "c-e"};
	struct family *f = family(state);
	struct world *w = f->world;
	const struct actor actor = {
		.uid = OTHER_UID, .gid = OTHER_UID, .tid = f->pid[1], .kind = ACTOR_USER};
	const int64_t last = last_seq(w);
	struct act *acts[5] = {NULL};

	w->config.sessions = 3; /* so many begin, and no more are counted */
	for (int i = 0; i < 5; i++) {
		assert_int_equal(session_register_text(w->loop, &actor, texts[i], strlen(texts[i]),
					 &acts[i], &w->error),
			0);
		if (i > 0)
			acts[i - 1]->also = acts[i];
	}
	if (loop_call(w->loop, &acts[0]->command, &w->error) != 0)
		fail_msg("%s", w->error.text);
	assert_string_equal(acts[0]->id, acts[1]->id);
	assert_string_equal(acts[3]->id, acts[4]->id);
	assert_string_not_equal(acts[2]->id, acts[3]->id);
	assert_string_equal(world_session(w, acts[0]->id)->task, "two");
	assert_string_equal(world_session(w, acts[0]->id)->agent_name, "Cece");
	assert_string_equal(world_session(w, acts[3]->id)->task, "three");
	assert_int_equal(last_seq(w), last + 4 + 2); /* and two agents are active by their tasks */
	act_free(acts[0]);
}

static void what_has_ended_speaks_as_nobody(void **state)
{
	struct family *f = family(state);
	struct session *s = start(f, 1, "cece"), *anew;

	assert_int_equal(world_end(f->world, s), 0);
	assert_ptr_equal(who(f, 1, ACTOR_ENDED), s);
	assert_ptr_equal(who(f, 2, ACTOR_ENDED), s);
	anew = start(f, 1, "cece");
	assert_ptr_not_equal(anew, s);
	assert_ptr_equal(who(f, 2, ACTOR_SESSION), anew);
}

static void it_is_handed_up_and_must_act(void **state)
{
	struct family *f = family(state);
	struct world *w = f->world;
	struct session *s = start(f, 2, "cece");

	kill_one(f, 2);
	assert_ptr_equal(who(f, 1, ACTOR_SESSION), s); /* known at once */
	assert_null(who(f, 0, ACTOR_USER));
	assert_true(lives(f, s));
	assert_false(atomic_load(&s->late)); /* it was a short-lived command */
	world_pass(w, w->config.handover - LOOK_US);
	assert_true(becomes_late(s));
	assert_true(lives(f, s));
	session_heard(w->loop, s);
	assert_false(atomic_load(&s->late));
	world_pass(w, 10 * w->config.handover); /* bound to what lives it is late and lives */
	assert_true(becomes_late(s));
	let_look();
	assert_true(lives(f, s));
	/* Again, and nobody acts. */
	kill_one(f, 1);
	assert_ptr_equal(who(f, 0, ACTOR_SESSION), s);
	world_pass(w, w->config.handover);
	assert_true(ends(f, s, END_PROCESS_GONE));
	assert_null(who(f, 0, ACTOR_USER)); /* it never acted: it speaks for itself */
}

static void without_an_heir_it_ends_at_once(void **state)
{
	struct family *f = family(state);
	struct session *s = start(f, 0, "cece"), *other = start(f, 1, "bob");

	kill_one(f, 0);
	assert_true(ends(f, s, END_PROCESS_GONE));
	assert_ptr_equal(who(f, 1, ACTOR_SESSION), other);
	assert_true(lives(f, other));
}

static int lines(struct world *w, const char *what)
{
	struct buf all = BUF_INIT;
	int n = 0;

	world_lines(w, &all, CHANNEL_ALL, "");
	for (const char *at = all.data; (at = strstr(at, what)); at++)
		n++;
	buf_release(&all);
	return n;
}

static void silence_is_told_and_cleared(void **state)
{
	struct family *f = family(state);
	struct world *w = f->world;
	struct session *s = start(f, 1, "cece");

	world_pass(w, w->config.late - LOOK_US);
	let_look();
	assert_int_equal(lines(w, "session.late"), 0);
	world_pass(w, LOOK_US);
	assert_true(becomes_late(s));
	world_pass(w, 5 * w->config.late);
	let_look();
	assert_int_equal(lines(w, "\"event_type\":\"session.late\""), 1);
	assert_int_equal(lines(w, "\"event_type\":\"alert.raised\""), 1);
	assert_string_equal(session_health(s), "late");
	session_heard(w->loop, s);
	session_heard(w->loop, s);
	assert_int_equal(lines(w, "\"event_type\":\"alert.cleared\""), 1);
	assert_string_equal(session_health(s), "fresh");
	/* Waiting is being heard of. */
	atomic_fetch_add(&s->waiting, 1);
	world_pass(w, 5 * w->config.late);
	let_look();
	assert_string_equal(session_health(s), "fresh");
	atomic_fetch_sub(&s->waiting, 1);
}

static void bound_to_nothing_silence_ends_it(void **state)
{
	struct family *f = family(state);
	struct world *w = f->world;
	struct session *s = world_register(w, OTHER_UID, "cece");
	struct session *longer =
		world_register(w, OTHER_UID, "{\"agent_name\":\"bob\",\"timeout\":3}");

	world_pass(w, w->config.timeout - LOOK_US);
	let_look();
	assert_true(lives(f, s));
	session_heard(w->loop, s);
	world_pass(w, w->config.timeout - LOOK_US);
	assert_true(ends(f, longer, END_TIMEOUT));
	assert_true(lives(f, s));
	world_pass(w, LOOK_US);
	assert_true(ends(f, s, END_TIMEOUT));
	assert_true(lives(f, world_session(w, "1234")));
	assert_false(atomic_load(&world_session(w, "1234")->late));
}

static void alive_is_held_open(void **state)
{
	struct family *f = family(state);
	struct world *w = f->world;
	struct session *s = start(f, 0, "cece"), *other = start(f, 0, "bob");
	struct session *beaten = start(f, 0, "eve");
	struct holder *h[4];
	struct actor child;

	assert_int_equal(actor_resolve(w->loop, OTHER_UID, OTHER_UID, f->pid[2], s, &child), 0);
	assert_true(child.through_as && child.session == s);
	assert_int_equal(alive_hold(w->loop, s, &child.process, &h[0]), 0);
	assert_int_equal(alive_hold(w->loop, s, &child.process, &h[1]), 0);
	assert_int_equal(alive_hold(w->loop, other, &child.process, &h[2]), 0);
	assert_int_equal(alive_hold(w->loop, beaten, &child.process, &h[3]), 0);
	world_pass(w, 10 * w->config.timeout);
	alive_release(w->loop, h[0], false);
	alive_release(w->loop, h[3], true); /* something was written: a heartbeat */
	let_look();
	assert_true(lives(f, s));
	assert_true(lives(f, beaten));
	alive_release(w->loop, h[1], false);
	assert_int_equal(s->end_reason, END_ALIVE_CLOSED);
	assert_true(lives(f, other));
	kill_one(f, 2); /* who opened it dies, the descriptor is another's still */
	assert_true(ends(f, other, END_ALIVE_CLOSED));
	alive_release(w->loop, h[2], false);
	alive_release(w->loop, NULL, false);
	actor_release(&child);
}

static void who_may_read_whose_messages(void **state)
{
	struct family *f = family(state);
	struct world *w = f->world;
	struct session *s = start(f, 1, "cece"), *other = start(f, 2, "bob"), *third;
	struct actor a;

	assert_int_equal(actor_resolve(w->loop, OTHER_UID, OTHER_UID, f->pid[1], NULL, &a), 0);
	assert_true(bind_may_consume(w->loop, &a, s));
	assert_false(bind_may_consume(w->loop, &a, other));
	actor_release(&a);
	third = start(f, 1, "eve");
	assert_int_equal(actor_resolve(w->loop, OTHER_UID, OTHER_UID, f->pid[1], NULL, &a), 0);
	assert_int_equal(a.kind, ACTOR_SEVERAL);
	assert_true(bind_may_consume(w->loop, &a, s));
	assert_true(bind_may_consume(w->loop, &a, third));
	assert_false(bind_may_consume(w->loop, &a, other));
	actor_release(&a);
	assert_int_equal(actor_resolve(w->loop, OTHER_UID, OTHER_UID, f->pid[0], NULL, &a), 0);
	assert_true(bind_may_consume(w->loop, &a, s)); /* bound to none */
	actor_release(&a);
}

static void a_restart_finds_who_lives(void **state)
{
	struct family *f = family(state);
	struct world *w = f->world;
	char ids[3][ID_MAX + 1];

	for (int i = 0; i < 3; i++)
		memcpy(ids[i], start(f, i, i == 0 ? "a" : i == 1 ? "b" : "c")->id, sizeof(ids[i]));
	world_close(w);
	kill_one(f, 2);
	world_pass(w, 100 * w->config.handover);
	world_open(w);
	assert_ptr_equal(who(f, 0, ACTOR_SESSION), world_session(w, ids[0]));
	assert_true(lives(f, world_session(w, ids[2]))); /* it has the full time again */
	assert_null(who(f, 1, ACTOR_SEVERAL));           /* its own, and the child's that is gone */
	world_pass(w, w->config.handover);
	assert_true(ends(f, world_session(w, ids[2]), END_PROCESS_GONE));
	assert_true(lives(f, world_session(w, ids[0])));
	assert_true(lives(f, world_session(w, ids[1])));
	world_close(w);
	kill_one(f, 1);
	kill_one(f, 0);
	world_open(w);
	/* Nobody is left for it: silence ends it, as any that is bound to nothing. */
	let_look();
	assert_true(lives(f, world_session(w, ids[0])));
	world_pass(w, w->config.timeout);
	assert_true(ends(f, world_session(w, ids[0]), END_TIMEOUT));
}

/* Without a free descriptor nobody can tell who calls: that is no user without a session. */
static void want_of_descriptors_makes_no_stranger(void **state)
{
	struct family *f = family(state);
	struct session *s = start(f, 1, "cece");
	struct rlimit was, none;
	struct actor a = {0};
	int r;

	assert_ptr_equal(who(f, 1, ACTOR_SESSION), s);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
	none = was;
	none.rlim_cur = 3;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	r = actor_resolve(f->world->loop, OTHER_UID, OTHER_UID, f->pid[2], NULL, &a);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
	assert_int_equal(r, -EMFILE);
	assert_null(a.session);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			whoever_descends_from_it_is_the_session, setup, teardown),
		cmocka_unit_test_setup_teardown(names_of_one_key_are_two_sessions, setup, teardown),
		cmocka_unit_test_setup_teardown(the_same_name_twice_in_one_write, setup, teardown),
		cmocka_unit_test_setup_teardown(what_has_ended_speaks_as_nobody, setup, teardown),
		cmocka_unit_test_setup_teardown(it_is_handed_up_and_must_act, setup, teardown),
		cmocka_unit_test_setup_teardown(without_an_heir_it_ends_at_once, setup, teardown),
		cmocka_unit_test_setup_teardown(silence_is_told_and_cleared, setup, teardown),
		cmocka_unit_test_setup_teardown(bound_to_nothing_silence_ends_it, setup, teardown),
		cmocka_unit_test_setup_teardown(alive_is_held_open, setup, teardown),
		cmocka_unit_test_setup_teardown(who_may_read_whose_messages, setup, teardown),
		cmocka_unit_test_setup_teardown(a_restart_finds_who_lives, setup, teardown),
		cmocka_unit_test_setup_teardown(
			want_of_descriptors_makes_no_stranger, setup, teardown),
	};

	return cmocka_run_group_tests_name("bind", tests, NULL, NULL);
}
