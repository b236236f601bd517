/* Rings of those who wait for each other, and of reads. */
#include "tests/unit/question.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

/* Whether reads wait, as the mount would tell. */
static bool everyone_waits(void *arg, const struct item *item)
{
	(void)arg, (void)item;
	return true;
}

static void watch(struct world *w, bool (*waits)(void *arg, const struct item *))
{
	const struct asks_watcher watcher = {.waits = waits};

	asks_watch(w->loop, &watcher);
}

static void a_ring_is_refused_to_who_closes_it(void **state)
{
	struct world *w = *state;
	struct session *s[12];
	struct ask *asks[12];
	char id[16];

	watch(w, everyone_waits);
	for (int i = 0; i < 12; i++) {
		snprintf(id, sizeof(id), "s%d", i);
		s[i] = world_enter(w, id);
	}
	for (int n = 1; n <= 12; n++) {
		for (int i = 0; i < n - 1; i++)
			asks[i] = question_ask(w, s[i], s[i + 1], true, "x");
		assert_int_equal(question_refused(w, s[n - 1], s[0], true, "x"), -EDEADLK);
		/* Detached it waits for nobody; nor where one of them is read for. */
		question_drop(question_ask(w, s[n - 1], s[0], false, "x"));
		for (int i = 0; i < n; i++) {
			struct ask *a;

			atomic_fetch_add(&s[i]->reading, 1);
			a = question_ask(w, s[n - 1], s[0], true, "x");
			atomic_fetch_sub(&s[i]->reading, 1);
			question_close(w, a);
			question_drop(a);
		}
		for (int i = 0; i < n - 1; i++) {
			question_close(w, asks[i]);
			question_drop(asks[i]);
		}
	}
	asks_watch(w->loop, NULL);
}

static void a_ring_through_several_needs_all_of_its_ways(void **state)
{
	struct world *w = *state;
	struct session *a = world_enter(w, "a"), *b = world_enter(w, "b"), *c = world_enter(w, "c");
	struct ask *first, *second;

	watch(w, everyone_waits);
	/* b can be answered by c. */
	first = question_ask(w, b, NULL, true, "{\"data\":1,\"to\":[\"a\",\"c\"]}");
	second = question_ask(w, a, b, true, "x");
	question_close(w, second);
	question_drop(second);
	/* And not any more once c waits, too. */
	second = question_ask(w, c, b, true, "x");
	assert_int_equal(question_refused(w, a, b, true, "x"), -EDEADLK);
	question_close(w, first);
	question_drop(first);
	question_close(w, second);
	question_drop(second);
	first = question_ask(
		w, b, NULL, true, "{\"data\":1,\"to\":[\"a\",\"c\"],\"wait\":\"all\"}");
	assert_int_equal(question_refused(w, a, b, true, "x"), -EDEADLK);
	question_drop(first);
	asks_watch(w->loop, NULL);
}

static bool nobody_waits(void *arg, const struct item *item)
{
	return arg && ((const struct ask *)item)->item.session[0] == 0;
}

static void a_ring_of_reads_breaks_at_the_last(void **state)
{
	struct world *w = *state;
	struct session *a = world_enter(w, "a"), *b = world_enter(w, "b");
	struct ask *ab, *ba;

	watch(w, nobody_waits);
	ab = question_ask(w, a, b, true, "x");
	ba = question_ask(w, b, a, true, "x"); /* a doesn't read yet, and could answer */
	watch(w, everyone_waits);
	ask_waits(w->loop, &ba->item);
	assert_string_equal(question_result(w, ba), "EDEADLK");
	assert_string_equal(question_result(w, ab), "EAGAIN");
	ask_waits(w->loop, &ab->item); /* the ring is broken */
	assert_string_equal(question_result(w, ab), "EAGAIN");
	assert_int_equal(question_answer(w, b, ab, "1"), 0);
	question_drop(ab);
	question_drop(ba);
	asks_watch(w->loop, NULL);
}

static void what_was_asked_before_on_a_descriptor_is_cancelled(void **state)
{
	struct world *w = *state;
	struct session *bob = world_enter(w, "bob"), *cece = world_enter(w, "cece");
	struct actor actor = world_actor(cece);
	struct ask *a = question_ask(w, cece, bob, true, "x");
	struct asking how = {.to = bob, .held = true, .instead = &a->item};
	struct item *item;

	assert_int_equal(question_ask_as(w, &actor, how, "y", &item), 0);
	assert_int_equal(a->status, ASK_CANCELLED);
	assert_int_equal(((struct ask *)item)->status, ASK_OPEN);
	item_unref(item);
	question_drop(a);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_ring_is_refused_to_who_closes_it),
		TEST(a_ring_through_several_needs_all_of_its_ways),
		TEST(a_ring_of_reads_breaks_at_the_last),
		TEST(what_was_asked_before_on_a_descriptor_is_cancelled),
	};

	return cmocka_run_group_tests_name("ask", tests, NULL, NULL);
}
