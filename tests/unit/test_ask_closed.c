/* Questions that are over: how many stay readable, how much they hold, and whose go first. */
#include "tests/unit/question.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Asks and answers by an id. */
static void ask_over(struct world *w, struct session *asker, struct session *by, const char *id,
	const char *answer)
{
	char text[100];
	struct ask *a;

	snprintf(text, sizeof(text), "{\"data\":null,\"request_id\":\"%s\"}", id);
	a = question_ask(w, asker, by, false, text);
	assert_int_equal(question_answer(w, by, a, answer), 0);
	question_drop(a);
}

static bool is_there(struct world *w, const char *id)
{
	return state_item(w->loop->state, ITEM_ASK, id) != NULL;
}

static const struct item_list *closed(struct world *w)
{
	return &w->loop->state->items.closed[ITEM_ASK];
}

/* What those hold that are gone and not saved so yet. */
static size_t held_by_gone(struct world *w)
{
	size_t n = 0;

	state_rdlock(w->loop);
	for (const struct item *i = w->loop->state->items.dirty; i; i = i->dirty_next)
		if (i->gone && i->kind == ITEM_ASK)
			n += ask_item.bytes(i);
	state_unlock(w->loop);
	return n;
}

/* Which are there, in their order: the same log leaves the same. */
static void list(struct world *w, struct buf *out)
{
	for (const struct item *i = closed(w)->first; i; i = i->next)
		buf_addf(out, "%s %zu\n", i->id, i->bytes);
}

static void stays_after_a_restart(struct world *w)
{
	struct buf before = BUF_INIT, after = BUF_INIT;
	const size_t bytes = closed(w)->bytes;

	list(w, &before);
	world_reopen(w);
	list(w, &after);
	assert_string_equal(before.data, after.data);
	assert_int_equal(closed(w)->bytes, bytes);
	buf_release(&before);
	buf_release(&after);
}

/* One user's thousand do not drive another's out. */
static void who_has_the_most_loses_the_oldest(void **state)
{
	struct world *w = *state;
	struct session *bob = world_enter(w, "bob"), *cece = world_enter(w, "cece");
	struct session *other = world_register(w, OTHER_UID, "other: x");
	char id[16];

	assert_non_null(other);
	ask_over(w, other, bob, "theirs", "1");
	for (int i = 0; i < ASKS_CLOSED_MAX + 1; i++) {
		snprintf(id, sizeof(id), "c%d", i);
		ask_over(w, cece, bob, id, "1");
	}
	assert_int_equal(closed(w)->count, ASKS_CLOSED_MAX);
	assert_true(is_there(w, "theirs"));
	assert_false(is_there(w, "c0"));
	assert_false(is_there(w, "c1"));
	assert_true(is_there(w, "c2"));
	assert_true(is_there(w, id));
	stays_after_a_restart(w);
	bob = world_session(w, "bob");
	ask_over(w, world_session(w, "cece"), bob, "again", "1");
	assert_true(is_there(w, "theirs"));
	assert_false(is_there(w, "c2"));
	assert_true(is_there(w, "c3"));
}

static void answers_are_bounded_by_their_bytes(void **state)
{
	struct world *w = *state;
	struct session *bob = world_enter(w, "bob"), *cece = world_enter(w, "cece");
	struct session *other = world_register(w, OTHER_UID, "other: x");
	const size_t size = MESSAGE_MAX - 1000, fit = ASKS_CLOSED_BYTES / MESSAGE_MAX;
	char *large = malloc(size + 1), id[16];

	assert_non_null(other);
	assert_non_null(large);
	memset(large, 'x', size);
	large[size] = '\0';
	ask_over(w, other, bob, "theirs", "1");
	for (size_t i = 0; i < fit + 3; i++) {
		snprintf(id, sizeof(id), "c%zu", i);
		ask_over(w, cece, bob, id, large);
		assert_true(closed(w)->bytes <= ASKS_CLOSED_BYTES);
	}
	assert_true(closed(w)->bytes > ASKS_CLOSED_BYTES - MESSAGE_MAX);
	assert_int_equal(held_by_gone(w), 0);
	assert_true(closed(w)->count < fit + 3);
	assert_true(is_there(w, "theirs"));
	assert_false(is_there(w, "c0"));
	assert_true(is_there(w, id));
	stays_after_a_restart(w);
	free(large);
	/* what is forgotten counts no more */
	items_forget(w->loop->state, INT64_MAX);
	assert_int_equal(closed(w)->count, 0);
	assert_int_equal(closed(w)->bytes, 0);
	assert_null(closed(w)->owners);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(who_has_the_most_loses_the_oldest),
		TEST(answers_are_bounded_by_their_bytes),
	};

	return cmocka_run_group_tests_name("asks that are over", tests, NULL, NULL);
}
