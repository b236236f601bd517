/*
 * The state against a model, in random sequences: as it was applied, saved and loaded with what
 * came after it applied again, and made anew from the first record on.
 */
#include "core/log/db.h"
#include "core/log/store.h"
#include "core/state/state.h"
#include "tests/unit/scratch.h"
#include "tests/unit/state_model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#ifdef __SANITIZE_THREAD__ /* slow, and there is one thread */
#define STEPS 1000
#else
#define STEPS 3000
#endif

struct fixture {
	struct scratch scratch;
	struct db *db;
	struct store *store;
	struct state *state;
	struct model *model;
};

static int open_state(const char *dir, struct db **db, struct store **store, struct state **state)
{
	struct error err = {0};

	if (db_open(dir, &db_leitl, db, &err) < 0 || store_new(*db, store, &err) < 0 ||
		state_new(*store, state, &err) < 0)
		fail_msg("%s", err.text);
	return 0;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	scratch_init(&f->scratch);
	f->model = model_new();
	*state = f;
	return open_state(f->scratch.path, &f->db, &f->store, &f->state);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	state_free(f->state);
	store_free(f->store);
	db_close(f->db);
	model_free(f->model);
	scratch_release(&f->scratch);
	free(f);
	return 0;
}

/* What was applied once stands in channels: a copy is applied, as at a restart. */
static void apply(struct state *st, const struct record *r)
{
	struct record *copy;

	assert_int_equal(record_restore(r, &copy), 0);
	assert_int_equal(state_apply(st, copy), 0);
	record_unref(copy);
}

static void save(struct state *st)
{
	struct error err = {0};

	if (state_save(st, &err) != 0)
		fail_msg("%s", err.text);
	state_saved(st);
}

static void replay(struct fixture *f, struct state *st)
{
	for (int i = 0; i < f->model->count; i++)
		if (f->model->records[i]->pos > st->applied_pos)
			apply(st, f->model->records[i]);
}

static void reload(struct fixture *f)
{
	struct error err = {0};

	state_free(f->state);
	f->state = NULL;
	if (state_new(f->store, &f->state, &err) != 0)
		fail_msg("%s", err.text);
	replay(f, f->state);
}

static void same_lines(const char *what, const struct buf *is, const struct buf *should)
{
	size_t at = 0;

	assert_int_equal(buf_error(is), 0);
	assert_int_equal(buf_error(should), 0);
	if (is->len == should->len && memcmp(is->data, should->data, is->len) == 0)
		return;
	while (at < is->len && at < should->len && is->data[at] == should->data[at])
		at++;
	while (at > 0 && is->data[at - 1] != '\n')
		at--;
	fail_msg("%s:\n%.*s\nand should be:\n%.*s", what, (int)strcspn(is->data + at, "\n"),
		is->data + at, (int)strcspn(should->data + at, "\n"), should->data + at);
}

static void compare(const char *what, struct fixture *f, struct state *st, bool whole)
{
	struct buf is = BUF_INIT, should = BUF_INIT;

	state_dump(f->model, st, whole, &is);
	model_dump(f->model, whole, &should);
	same_lines(what, &is, &should);
	buf_release(&is);
	buf_release(&should);
}

static void replayed_from_nothing(struct fixture *f)
{
	struct scratch scratch;
	struct db *db = NULL;
	struct store *store = NULL;
	struct state *st = NULL;

	scratch_init(&scratch);
	open_state(scratch.path, &db, &store, &st);
	replay(f, st);
	compare("made anew", f, st, true);
	state_free(st);
	store_free(store);
	db_close(db);
	scratch_release(&scratch);
}

static void as_the_model_has_it(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < STEPS; i++) {
		apply(f->state, model_step(f->model));
		if (model_random(f->model, 40) == 0)
			save(f->state);
		if (model_random(f->model, 150) == 0) {
			compare("applied", f, f->state, true);
			reload(f);
			compare("saved and loaded", f, f->state, true);
		}
	}
	compare("in the end", f, f->state, true);
	replayed_from_nothing(f);
}

/* As the saver lets old ones go: forget, save, trim, and what the log had is taken off. */
static void expire(struct fixture *f)
{
	struct model *m = f->model;
	const struct record *cut = m->records[model_random(m, (unsigned)m->count)];
	int64_t before[2][M_UIDS], first = cut->pos > m->first_pos ? cut->pos : m->first_pos;
	const int64_t ended = m->time - 50 - model_random(m, 400);

	memcpy(before[0], m->messages, sizeof(before[0]));
	memcpy(before[1], m->bytes, sizeof(before[1]));
	model_forget(m, first, ended);
	state_forget(f->state, first, ended);
	save(f->state);
	assert_int_equal(state_trim(f->state, ended, NULL), 0);
	for (int i = 0; i < M_UIDS; i++)
		state_gone(f->state, 1000 + (uid_t)i, (size_t)(before[0][i] - m->messages[i]),
			(size_t)(before[1][i] - m->bytes[i]));
	compare("expired", f, f->state, false);
	save(f->state);
}

static void also_when_old_ones_go(void **state)
{
	struct fixture *f = *state;

	f->model->seed = 77;
	for (int i = 0; i < STEPS; i++) {
		apply(f->state, model_step(f->model));
		if (model_random(f->model, 60) == 0)
			save(f->state);
		if (model_random(f->model, 100) == 0)
			expire(f);
		if (model_random(f->model, 100) == 0) {
			compare("applied", f, f->state, false);
			reload(f);
			compare("saved and loaded", f, f->state, false);
		}
	}
	compare("in the end", f, f->state, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(as_the_model_has_it, setup, teardown),
		cmocka_unit_test_setup_teardown(also_when_old_ones_go, setup, teardown),
	};

	return cmocka_run_group_tests_name("state", tests, NULL, NULL);
}
