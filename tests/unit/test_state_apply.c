/* The state in the cases that random sequences do not meet. */
#include "core/log/db.h"
#include "core/log/store.h"
#include "core/state/state.h"
#include "tests/unit/scratch.h"

#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct fixture {
	struct scratch scratch;
	struct db *db;
	struct store *store;
	struct state *state;
	int64_t pos, seq;
	bool failing;
};

static int committing(void *arg)
{
	return ((const struct fixture *)arg)->failing;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct error err = {0};
	sqlite3_stmt *stmt;

	assert_non_null(f);
	scratch_init(&f->scratch);
	if (db_open(f->scratch.path, &db_leitl, &f->db, &err) < 0 ||
		store_new(f->db, &f->store, &err) < 0 || state_new(f->store, &f->state, &err) < 0)
		fail_msg("%s", err.text);
	db_lock(f->db);
	stmt = db_write(f->db, "SELECT 1", NULL);
	sqlite3_commit_hook(sqlite3_db_handle(stmt), committing, f);
	db_unlock(f->db);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	state_free(f->state);
	store_free(f->store);
	db_close(f->db);
	scratch_release(&f->scratch);
	free(f);
	return 0;
}

/* Saves unless it is to be as after a death, and loads what was saved. */
static void reload(struct fixture *f, bool saved)
{
	if (saved) {
		assert_int_equal(state_save(f->state, NULL), 0);
		state_saved(f->state);
	}
	state_free(f->state);
	f->state = NULL;
	assert_int_equal(state_new(f->store, &f->state, NULL), 0);
}

static int apply_at(struct fixture *f, const struct draft *d, int64_t pos, int64_t seq)
{
	struct record *r;
	int status;

	assert_int_equal(record_new(d, pos, seq, pos * 10, &r), 0);
	status = state_apply(f->state, r);
	record_unref(r);
	return status;
}

static int apply(struct fixture *f, const struct draft *d)
{
	f->pos++;
	f->seq += d->kind == RECORD_EVENT;
	return apply_at(f, d, f->pos, f->seq);
}

static struct draft started(const char *id, const char *detail)
{
	return (struct draft){.kind = RECORD_EVENT,
		.type = "session.started",
		.session = id,
		.agent = "cece",
		.uid = 7,
		.detail = detail};
}

#define CECE                                                                                       \
	"{\"agent\":\"cece\",\"uid\":7,\"gid\":8,\"name\":\"Cece\",\"type\":\"t\","                \
	"\"status\":\"active\",\"tags\":[]"

static struct session *start(struct fixture *f, const char *id)
{
	const struct draft d = started(id, CECE "}");

	assert_int_equal(apply(f, &d), 0);
	assert_non_null(state_session(f->state, id));
	return state_session(f->state, id);
}

static void end(struct fixture *f, const char *id)
{
	const struct draft d = {.kind = RECORD_EVENT,
		.type = "session.ended",
		.session = id,
		.detail = "{\"reason\":\"timeout\"}"};

	assert_int_equal(apply(f, &d), 0);
}

static int read_some(struct fixture *f, const char *id, int64_t one, int64_t to)
{
	char detail[96];
	const struct draft d = {
		.kind = RECORD_READ, .type = "read", .session = id, .detail = detail};

	snprintf(detail, sizeof(detail), "{\"one\":%" PRId64 ",\"to\":%" PRId64 "}", one, to);
	return apply(f, &d);
}

static void which_types_go_where(void **state)
{
	static const char *const reserved[] = {"session.started", "session.x", "agent.active",
		"context.updated", "message.direct", "ask.answered", "collaboration.started",
		"decision.made", "memory.write", "claim.taken", "alert.raised"};
	static const char *const inboxes[] = {"broadcast.message", "build.done", "a.b",
		"sessions.x", "tasks.done", "taskforce.met", "alerts.none", "Session.started"};
	static const char *const feeds[] = {"task.started", "task.completed", "task.failed"};

	(void)state;
	for (size_t i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++) {
		assert_true(event_is_reserved(reserved[i]));
		assert_false(event_reaches_inboxes(reserved[i]));
	}
	for (size_t i = 0; i < sizeof(inboxes) / sizeof(inboxes[0]); i++) {
		assert_false(event_is_reserved(inboxes[i]));
		assert_true(event_reaches_inboxes(inboxes[i]));
	}
	/* A question to everyone; one to somebody has a target. */
	assert_true(event_is_reserved("ask.asked"));
	assert_true(event_reaches_inboxes("ask.asked"));
	for (size_t i = 0; i < sizeof(feeds) / sizeof(feeds[0]); i++) {
		assert_false(event_is_reserved(feeds[i]));
		assert_false(event_reaches_inboxes(feeds[i]));
	}
}

static void what_is_out_of_order_is_damage(void **state)
{
	struct fixture *f = *state;
	const struct draft d = {.kind = RECORD_EVENT, .type = "a.b"};

	assert_int_equal(apply_at(f, &d, 5, 1), 0);
	assert_int_equal(apply_at(f, &d, 5, 2), -EUCLEAN);
	assert_int_equal(apply_at(f, &d, 4, 2), -EUCLEAN);
	assert_int_equal(apply_at(f, &d, 6, 3), -EUCLEAN);
	assert_int_equal(apply_at(f, &d, 6, 1), -EUCLEAN);
	assert_int_equal(apply_at(f, &d, 9, 2), 0);
	assert_int_equal(f->state->applied_pos, 9);
	assert_int_equal(f->state->last_seq, 2);
}

static void what_makes_no_sense_is_damage(void **state)
{
	struct fixture *f = *state;
	char long_id[ID_MAX + 2];
	const struct draft bad[] = {started("x", "{"), started("x", "[]"), started("x", "{}"),
		started("x", "{\"agent\":7}"), started(long_id, CECE "}"),
		started("x", CECE ",\"boot\":\"b\",\"heirs\":\"1\"}"),
		started("cece", "{\"agent\":\"bob\",\"name\":\"b\"}")};

	memset(long_id, 'x', sizeof(long_id) - 1);
	long_id[ID_MAX + 1] = '\0';
	start(f, "cece");
	end(f, "cece");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(apply_at(f, &bad[i], f->pos + 1, f->seq + 1), -EUCLEAN);
	assert_int_equal(f->state->applied_pos, f->pos);
}

static void what_is_of_no_session_is_let_be(void **state)
{
	struct fixture *f = *state;
	const struct draft update = {.kind = RECORD_EVENT,
		.type = "session.updated",
		.session = "nobody",
		.detail = "{\"status\":\"x\"}"};

	end(f, "nobody");
	assert_int_equal(read_some(f, "nobody", 0, 1), 0);
	assert_int_equal(apply(f, &update), 0);
	assert_int_equal(f->state->session_count, 0);
	assert_int_equal(f->state->living, 0);
}

static void heirs_of_another_boot_are_nobodys(void **state)
{
	struct fixture *f = *state;
	char detail[512];
	struct draft d = started("here", detail);
	struct session *s;

	snprintf(detail, sizeof(detail), CECE ",\"boot\":\"%s\",\"heirs\":\"12:34 56:78\"}",
		f->state->boot);
	assert_int_equal(apply(f, &d), 0);
	d = started("other", CECE ",\"boot\":\"another\",\"heirs\":\"12:34 56:78\"}");
	assert_int_equal(apply(f, &d), 0);
	start(f, "none");
	for (int i = 0; i < 2; i++) {
		s = state_session(f->state, "here");
		assert_int_equal(s->heir_count, 2);
		assert_true(s->heirs[0].pid == 12 && s->heirs[0].start == 34);
		assert_true(s->heirs[1].pid == 56 && s->heirs[1].start == 78);
		s = state_session(f->state, "other");
		assert_int_equal(s->heir_count, 2); /* it was bound once, which `none` never was */
		assert_true(s->heirs[0].pid == 0 && s->heirs[1].pid == 0);
		assert_int_equal(state_session(f->state, "none")->heir_count, 0);
		reload(f, true);
	}
}

static void an_ended_id_comes_back_to_its_inbox(void **state)
{
	struct fixture *f = *state;
	const struct draft other = started("cece",
		"{\"agent\":\"cece\",\"name\":\"C\",\"type\":\"u\",\"status\":\"active\","
		"\"tags\":[\"x\"],\"task\":\"t\",\"given\":{\"a\":1},\"uid\":7}");
	const struct draft said = {.kind = RECORD_EVENT, .type = "a.b"};
	struct session *s;
	struct channel *to;

	assert_int_equal(apply(f, &other), 0);
	s = state_session(f->state, "cece");
	to = s->to;
	for (int i = 0; i < 5; i++)
		assert_int_equal(apply(f, &said), 0);
	assert_int_equal(read_some(f, "cece", 4, 2), 0);
	end(f, "cece");
	assert_int_equal(f->state->living, 0);
	assert_int_equal(apply(f, &said), 0);
	start(f, "cece");
	assert_int_equal(f->state->living, 1);
	assert_int_equal(f->state->session_count, 1);
	for (int i = 0; i < 2; i++) {
		s = state_session(f->state, "cece");
		assert_int_equal(s->since_pos, 1);
		assert_int_equal(s->read_pos, 2);
		assert_int_equal(s->beyond_count, 1);
		assert_int_equal(s->beyond[0], 4);
		assert_int_equal(s->ended_us, 0);
		assert_int_equal(s->started_us, f->pos * 10);
		assert_string_equal(s->agent_name, "Cece");
		assert_string_equal(s->tags, "[]");
		assert_null(s->task);
		assert_null(s->given);
		assert_true(i || s->to == to);
		reload(f, true);
	}
}

/* Read one by one beyond the cursor, in any order, and loaded anew at any time. */
static void cursors_with_gaps(void **state)
{
	struct fixture *f = *state;
	bool has_read[300] = {false};
	unsigned seed = 5;

	start(f, "cece");
	for (int round = 0; round < 400; round++) {
		struct session *s;
		int64_t one, to = 0;
		int count = 0;

		seed = seed * 1103515245u + 12345u;
		one = 2 + (seed >> 8) % 290;
		if (round % 50 == 49)
			to = one / 4;
		else
			has_read[one] = true;
		for (int64_t i = 0; i <= to; i++)
			has_read[i] = true;
		assert_int_equal(read_some(f, "cece", to ? 0 : one, to), 0);
		if (round % 17 == 0)
			reload(f, true);
		s = state_session(f->state, "cece");
		for (int64_t i = s->read_pos + 1; i < 300; i++) {
			assert_int_equal(
				has_read[i], count < s->beyond_count && s->beyond[count] == i);
			count += has_read[i];
		}
		assert_int_equal(count, s->beyond_count);
	}
}

static void a_save_that_failed_is_made_up_for(void **state)
{
	struct fixture *f = *state;

	start(f, "cece");
	start(f, "bob");
	f->failing = true;
	assert_true(state_save(f->state, NULL) < 0);
	end(f, "bob");
	assert_true(state_save(f->state, NULL) < 0);
	f->failing = false;
	assert_int_equal(f->state->saved_pos, 0);
	reload(f, true);
	assert_int_equal(f->state->saved_pos, 3);
	assert_int_equal(state_session(f->state, "cece")->ended_us, 0);
	assert_int_equal(state_session(f->state, "bob")->ended_us, 30);
	assert_int_equal(f->state->all->count, 3);
	/* And what nobody saved is freed all the same. */
	start(f, "eve");
	end(f, "cece");
	state_forget(f->state, 1, 1000);
	reload(f, false);
	assert_null(state_session(f->state, "eve"));
	assert_non_null(state_session(f->state, "bob"));
}

/* Forgotten, and registered again before that was saved: a full disk can keep it from being so. */
static void a_forgotten_id_is_registered_again(void **state)
{
	struct fixture *f = *state;

	start(f, "cece");
	end(f, "cece");
	reload(f, true);
	end(f, "nobody");
	state_forget(f->state, 1, 1000);
	assert_null(state_session(f->state, "cece"));
	start(f, "cece");
	reload(f, true);
	assert_non_null(state_session(f->state, "cece"));
	assert_int_equal(state_session(f->state, "cece")->since_pos, 4);
	assert_int_equal(f->state->session_count, 1);
}

static void what_is_kept_is_counted_by_uid(void **state)
{
	struct fixture *f = *state;
	const struct draft direct = {.kind = RECORD_EVENT,
		.type = "message.direct",
		.uid = 1,
		.target = "x",
		.data = "{\"message\":\"some words\"}",
		.data_len = 24};
	const struct draft receipt = {
		.kind = RECORD_RECEIPT, .type = "receipt", .uid = 2, .data = "{}", .data_len = 2};
	struct record *r;

	assert_int_equal(record_new(&direct, 1, 1, 10, &r), 0);
	assert_int_equal(apply(f, &direct), 0);
	assert_int_equal(apply(f, &receipt), 0);
	assert_int_equal(read_some(f, "nobody", 0, 1), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(state_kept(f->state, 1)->messages, 1);
		assert_int_equal(state_kept(f->state, 1)->bytes, record_bytes(r));
		assert_int_equal(state_kept(f->state, 2)->messages, 0);
		assert_int_equal(state_kept(f->state, 2)->bytes, 3);
		assert_int_equal(state_kept(f->state, 3)->messages, 0);
		reload(f, true);
	}
	/* Before it was ever asked for. */
	state_gone(f->state, 1, 1, record_bytes(r));
	reload(f, true);
	assert_int_equal(state_kept(f->state, 1)->messages, 0);
	assert_int_equal(state_kept(f->state, 1)->bytes, 0);
	record_unref(r);
}

/* Types of which nothing is left make room for others. */
static void types_go_with_their_events(void **state)
{
	struct fixture *f = *state;
	char type[32];
	struct draft d = {.kind = RECORD_EVENT, .type = type};

	for (int i = 0; i < 100; i++) {
		snprintf(type, sizeof(type), "type.n%d", i);
		assert_int_equal(apply(f, &d), 0);
	}
	assert_int_equal(f->state->type_count, 100);
	reload(f, true);
	assert_int_equal(f->state->type_count, 100);
	state_forget(f->state, f->pos + 1, 0);
	assert_int_equal(state_save(f->state, NULL), 0);
	state_saved(f->state);
	for (int i = 0; i < 20; i++)
		assert_int_equal(state_trim(f->state, 0, NULL), 0);
	assert_true(f->state->type_count <= 1);
	reload(f, false);
	assert_true(f->state->type_count <= 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(which_types_go_where),
		cmocka_unit_test_setup_teardown(what_is_out_of_order_is_damage, setup, teardown),
		cmocka_unit_test_setup_teardown(what_makes_no_sense_is_damage, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_of_no_session_is_let_be, setup, teardown),
		cmocka_unit_test_setup_teardown(heirs_of_another_boot_are_nobodys, setup, teardown),
		cmocka_unit_test_setup_teardown(
			an_ended_id_comes_back_to_its_inbox, setup, teardown),
		cmocka_unit_test_setup_teardown(cursors_with_gaps, setup, teardown),
		cmocka_unit_test_setup_teardown(a_save_that_failed_is_made_up_for, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_forgotten_id_is_registered_again, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_kept_is_counted_by_uid, setup, teardown),
		cmocka_unit_test_setup_teardown(types_go_with_their_events, setup, teardown),
	};

	return cmocka_run_group_tests_name("state_apply", tests, NULL, NULL);
}
