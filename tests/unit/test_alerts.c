/* Alerts: each is raised once and cleared once, whoever says so and however often. */
#include "core/item/alert.h"

#include "core/report/health.h"
#include "core/state/inbox.h"
#include "tests/unit/world.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cmocka.h>

static const char *raised(struct world *w, struct buf *out)
{
	return world_lines(w, out, CHANNEL_TYPE, "alert.raised");
}

static const char *cleared(struct world *w, struct buf *out)
{
	return world_lines(w, out, CHANNEL_TYPE, "alert.cleared");
}

static int lines(const char *text)
{
	int n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

/* The saver looks by real time. */
static bool until(struct world *w, bool (*is)(struct world *))
{
	for (int i = 0; i < 1000 && !is(w); i++)
		usleep(10000);
	return is(w);
}

static size_t open_count(struct world *w)
{
	size_t n;

	state_rdlock(w->loop);
	n = w->loop->state->items.open[ITEM_ALERT].count;
	state_unlock(w->loop);
	return n;
}

static bool is_one(struct world *w)
{
	return open_count(w) == 1;
}

static bool is_none(struct world *w)
{
	return open_count(w) == 0;
}

/* Some looks of the saver. */
static void some_looks(struct world *w)
{
	const long long before = atomic_load(&w->loop->metrics->looked_us);

	for (int i = 0; i < 2; i++) {
		world_pass(w, 1000);
		for (int n = 0; n < 1000 && atomic_load(&w->loop->metrics->looked_us) <= before + i;
			n++)
			usleep(10000);
	}
}

static void once(void **state)
{
	struct world *w = *state;
	struct alert_what what = {.kind = "sync.failed",
		.subject = "7",
		.source = "docs",
		.message = "no \"route\"",
		.since_us = w->clock.wall_us};
	struct buf out = BUF_INIT;

	alert_set(w->loop, &what, false); /* not raised: nothing */
	assert_string_equal(cleared(w, &out), "");
	alert_set(w->loop, &what, true);
	what.message = "another";
	alert_set(w->loop, &what, true);
	assert_non_null(strstr(raised(w, &out),
		"\"session_id\":null,\"timestamp\":\"2025-11-18T12:00:00.000000Z\",\"data\":"
		"{\"alert\":\"sync.failed\",\"source\":\"docs\",\"id\":\"a1\","
		"\"since\":\"2025-11-18T12:00:00.000000Z\",\"message\":\"no \\\"route\\\"\"}}\n"));
	assert_int_equal(lines(out.data), 1);
	/* What it is of is not told where it is not said. */
	assert_null(strstr(out.data, "\"7\""));
	what.subject = "8";
	what.source = what.message = NULL;
	alert_set(w->loop, &what, true);
	assert_int_equal(lines(raised(w, &out)), 2);
	assert_non_null(strstr(out.data, "{\"alert\":\"sync.failed\",\"id\":\"a2\",\"since\":"));
	world_pass(w, 5 * SECOND_US);
	what.since_us = 1;
	alert_set(w->loop, &what, false);
	alert_set(w->loop, &what, false);
	assert_int_equal(lines(cleared(w, &out)), 1);
	/* As it was raised. */
	assert_non_null(strstr(out.data, "{\"alert\":\"sync.failed\",\"id\":\"a2\","
					 "\"since\":\"2025-11-18T12:00:00.000000Z\"}}\n"));
	assert_int_equal(open_count(w), 1);
	assert_null(alert_find(w->loop->state, "sync.failed", "8"));
	buf_release(&out);
}

static bool is_eight(void *arg, const char *subject)
{
	(void)arg;
	return strcmp(subject, "8") == 0;
}

static void a_restart_knows_what_is_raised(void **state)
{
	struct world *w = *state;
	struct alert_what what = {
		.kind = "sync.failed", .subject = "7", .since_us = w->clock.wall_us};
	struct buf out = BUF_INIT;

	alert_set(w->loop, &what, true);
	for (int saved = 0; saved < 2; saved++) {
		world_pass(w, SECOND_US);
		world_reopen(w);
		alert_set(w->loop, &what, true);
		assert_int_equal(lines(raised(w, &out)), 1);
		assert_int_equal(open_count(w), 1);
	}
	assert_int_equal(alert_find(w->loop->state, "sync.failed", "7")->number, 1);
	what.subject = "8";
	alert_set(w->loop, &what, true);
	assert_non_null(strstr(raised(w, &out), "\"id\":\"a2\""));
	/* What is no more is over. */
	alerts_keep(w->loop, "sync", is_eight, NULL); /* no kind of that name */
	assert_int_equal(open_count(w), 2);
	alerts_keep(w->loop, "sync.failed", is_eight, NULL);
	assert_int_equal(open_count(w), 1);
	assert_non_null(strstr(cleared(w, &out), "\"id\":\"a1\""));
	alert_set(w->loop, &what, false);
	world_reopen(w);
	assert_int_equal(open_count(w), 0);
	assert_int_equal(lines(cleared(w, &out)), 2);
	buf_release(&out);
}

static void tell(struct world *w, struct session *s, bool late)
{
	struct act *act = NULL;

	atomic_store(&s->late, late);
	assert_int_equal(session_health_changed(w->loop, s, late, &act), 0);
	assert_int_equal(world_do(w, 0, act), 0);
}

static void an_end_clears_what_is_of_the_session(void **state)
{
	struct world *w = *state;
	struct session *cece = world_register(w, WORLD_UID, "cece");
	struct session *bob = world_register(w, WORLD_UID, "bob");
	struct alert_what what = {.kind = "inbox.backlog", .subject = cece->id, .session = cece};
	struct buf out = BUF_INIT;
	const char *ended;

	tell(w, cece, true);
	tell(w, cece, true);
	tell(w, bob, true);
	alert_set(w->loop, &what, true);
	assert_int_equal(lines(raised(w, &out)), 3);
	assert_int_equal(world_end(w, cece), 0);
	assert_int_equal(lines(cleared(w, &out)), 2);
	assert_non_null(strstr(out.data, "{\"alert\":\"session.late\",\"session_id\":\""));
	assert_non_null(strstr(out.data, "{\"alert\":\"inbox.backlog\",\"session_id\":\""));
	/* Before it ends: who follows its events hears of all of it. */
	world_lines(w, &out, CHANNEL_SESSION, cece->id);
	ended = strstr(out.data, "\"session.ended\"");
	assert_non_null(ended);
	assert_null(strstr(ended, "alert."));
	assert_int_equal(open_count(w), 1);
	/* Nothing is raised of one that has ended. */
	alert_set(w->loop, &what, true);
	assert_int_equal(open_count(w), 1);
	buf_release(&out);
}

static void late_over_a_restart(void **state)
{
	struct world *w = *state;
	struct session *s;
	char id[ID_MAX + 1];
	struct buf out = BUF_INIT;

	world_close(w);
	w->config.timeout = 1000 * 3600 * SECOND_US;
	world_open(w);
	s = world_register(w, WORLD_UID, "cece");
	memcpy(id, s->id, sizeof(id));
	world_pass(w, 61 * SECOND_US);
	assert_true(until(w, is_one));
	world_pass(w, SECOND_US);
	world_reopen(w);
	s = world_session(w, id);
	/* It has the full time again, and is not heard of by that. */
	assert_string_equal(session_health(s), "fresh");
	some_looks(w);
	assert_int_equal(open_count(w), 1);
	world_pass(w, 61 * SECOND_US);
	some_looks(w);
	assert_int_equal(lines(raised(w, &out)), 1);
	world_pass(w, 61 * SECOND_US);
	world_reopen(w);
	s = world_session(w, id);
	world_pass(w, SECOND_US);
	session_heard(w->loop, s);
	assert_true(until(w, is_none));
	assert_int_equal(lines(raised(w, &out)), 1);
	assert_int_equal(lines(cleared(w, &out)), 1);
	assert_int_equal(lines(world_lines(w, &out, CHANNEL_TYPE, "session.late")), 1);
	buf_release(&out);
}

static void an_inbox_that_is_not_read(void **state)
{
	struct world *w = *state;
	struct session *cece, *bob;
	struct buf out = BUF_INIT;
	struct actor actor;
	struct act *act;
	int64_t seq = 0;

	world_close(w);
	w->config.backlog = 10;
	w->config.late = w->config.timeout = 1000 * 3600 * SECOND_US;
	world_open(w);
	cece = world_register(w, WORLD_UID, "cece");
	bob = world_register(w, WORLD_UID, "bob");
	actor = world_actor(cece);
	for (int i = 0; i < 10; i++)
		assert_int_equal(world_say(w, &actor, NULL, bob, "words"), 0);
	some_looks(w);
	assert_int_equal(open_count(w), 0);
	assert_int_equal(world_say(w, &actor, NULL, NULL, "one more"), 0);
	assert_true(until(w, is_one));
	assert_non_null(strstr(raised(w, &out), "\"data\":{\"alert\":\"inbox.backlog\","
						"\"session_id\":\"leitl-bob-"));
	assert_non_null(strstr(out.data, "\"message\":\"more than 10 messages are unread\"}"));
	/* Reading some is not enough. */
	seq = w->loop->state->last_seq;
	actor = world_actor(bob);
	assert_int_equal(inbox_mark_to(w->loop, &actor, bob, seq - 7, &act, &w->error), 0);
	assert_int_equal(world_do(w, 0, act), 0);
	some_looks(w);
	assert_true(inbox_unread_count(w->loop, bob) >= 5);
	assert_int_equal(open_count(w), 1);
	world_reopen(w);
	some_looks(w);
	assert_int_equal(open_count(w), 1);
	bob = world_session(w, "bob") ? world_session(w, "bob") : NULL;
	for (size_t i = 0; !bob && i < w->loop->state->session_slots; i++)
		for (struct session *s = w->loop->state->sessions[i]; s; s = s->next)
			if (strcmp(s->agent->key, "bob") == 0)
				bob = s;
	assert_non_null(bob);
	actor = world_actor(bob);
	assert_int_equal(inbox_mark_to(w->loop, &actor, bob, seq, &act, &w->error), 0);
	assert_int_equal(world_do(w, 0, act), 0);
	assert_true(until(w, is_none));
	assert_int_equal(lines(raised(w, &out)), 1);
	assert_int_equal(lines(cleared(w, &out)), 1);
	buf_release(&out);
}

static bool is_cleared(struct world *w)
{
	struct buf out = BUF_INIT;
	bool is = lines(cleared(w, &out)) == 1;

	buf_release(&out);
	return is;
}

static bool is_failing(struct world *w)
{
	return trouble_find(w->loop->metrics, TROUBLE_APPEND, NULL, NULL) == TROUBLE_APPEND;
}

/* Not only low, as a look finds it that comes while it fills. */
static bool is_full(struct world *w)
{
	struct metrics *m = w->loop->metrics;
	const int64_t room = atomic_load(&m->room_bytes);

	return room >= 0 && room < atomic_load(&m->least_bytes);
}

static bool is_not_low(struct world *w)
{
	return atomic_load(&w->loop->metrics->low_us) == 0;
}

static bool says(struct world *w, const char *what)
{
	struct buf out = BUF_INIT;
	bool is;

	health_show(w->loop, NULL, WORLD_UID, "3", &out);
	is = out.data && strstr(out.data, what);
	buf_release(&out);
	return is;
}

static void a_full_store(void **state)
{
	struct world *w = *state;
	struct session *cece;
	struct actor actor;
	struct buf out = BUF_INIT;
	int64_t full_us;
	char since[64];
	struct buf time = BUF_INIT;

	world_close(w);
	if (geteuid() != 0 || mount("tmpfs", w->scratch.path, "tmpfs", 0, "size=64m,mode=0700") < 0)
		skip();
	w->mounted = true;
	w->config.late = w->config.timeout = 1000 * 3600 * SECOND_US;
	world_open(w);
	cece = world_register(w, WORLD_UID, "cece");
	actor = world_actor(cece);
	assert_true(says(w, "{\"status\":\"ok\",\"seq\":"));
	world_pass(w, 3600 * SECOND_US);
	full_us = w->clock.wall_us;
	world_fill(w, "hog");
	assert_true(until(w, is_full));
	assert_true(says(w, "{\"status\":\"failing\""));
	assert_true(says(w, "\"name\":\"disk\",\"status\":\"failing\""));
	/* The journal has some room yet. */
	for (int i = 0; i < 100000 && !is_failing(w); i++)
		world_say(w, &actor, NULL, NULL, "words that fill the journal, in the end");
	assert_true(is_failing(w));
	assert_true(says(w, "\"name\":\"log\",\"status\":\"failing\",\"since\":"));
	assert_true(says(w, "\"errno\":\"ENOSPC\""));
	some_looks(w);
	assert_int_equal(unlink(scratch_path(&w->scratch, "hog")), 0);
	world_pass(w, 3600 * SECOND_US); /* what failed is due again */
	assert_true(until(w, is_cleared));
	assert_true(until(w, is_not_low));
	assert_int_equal(lines(raised(w, &out)), 1);
	/* Since when, and what; it could be told only afterwards, or while the saver alone failed.
	 */
	buf_add_time(&time, full_us);
	snprintf(since, sizeof(since), "\"since\":\"%.15s", time.data); /* to the minute's tens */
	assert_non_null(strstr(out.data, since));
	assert_non_null(strstr(out.data, "{\"alert\":\"store.trouble\",\"id\":\"a1\""));
	some_looks(w);
	assert_int_equal(lines(raised(w, &out)), 1);
	assert_true(says(w, "{\"status\":\"ok\""));
	buf_release(&time);
	buf_release(&out);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(once),
		TEST(a_restart_knows_what_is_raised),
		TEST(an_end_clears_what_is_of_the_session),
		TEST(late_over_a_restart),
		TEST(an_inbox_that_is_not_read),
		TEST(a_full_store),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
