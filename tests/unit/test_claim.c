/* Claims: names that are one session's until it gives them back, or ends. */
#include "core/base/json.h"
#include "core/item/claim.h"
#include "tests/unit/world.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int take_len(struct world *w, const struct actor *actor, const char *name, size_t len)
{
	struct act *act = NULL;
	int r = claim_take(w->loop, actor, name, len, &act, &w->error);

	return world_do(w, r, act);
}

static int take(struct world *w, struct session *s, const char *name)
{
	const struct actor actor = world_actor(s);

	return take_len(w, &actor, name, strlen(name));
}

static int take_json(struct world *w, struct session *s, const char *text)
{
	const struct actor actor = world_actor(s);
	struct act *act = NULL;
	struct json *json;
	int r;

	assert_int_equal(json_parse(text, strlen(text), &json, NULL), 0);
	r = claim_take_json(w->loop, &actor, json, &act, &w->error);
	json_free(json);
	return world_do(w, r, act);
}

static struct claim *claim(struct world *w, const char *name)
{
	return (struct claim *)state_item(w->loop->state, ITEM_CLAIM, name);
}

static int give_back(struct world *w, const struct actor *actor, struct item *item)
{
	struct act *act = NULL;
	int r = claim_release(w->loop, actor, item, &act, &w->error);

	return world_do(w, r, act);
}

static size_t held(struct world *w)
{
	return w->loop->state->items.open[ITEM_CLAIM].count;
}

static void one_has_it(void **state)
{
	struct world *w = *state;
	struct session *cece = world_register(w, WORLD_UID, "cece");
	struct session *bob = world_register(w, OTHER_UID, "bob");
	struct buf all = BUF_INIT;

	assert_int_equal(take(w, cece, "fix the login"), 0);
	assert_non_null(strstr(world_lines(w, &all, CHANNEL_TYPE, "claim.taken"),
		"\"data\":{\"name\":\"fix the login\"}"));
	assert_int_equal(take(w, bob, "fix the login"), -EEXIST);
	assert_non_null(strstr(w->error.text, cece->id));
	assert_int_equal(take(w, cece, "fix the login"), -EEXIST);
	assert_non_null(strstr(w->error.text, "your own already"));
	assert_int_equal(held(w), 1);
	assert_string_equal(claim(w, "fix the login")->item.session, cece->id);
	assert_int_equal(claim(w, "fix the login")->item.uid, WORLD_UID);
	assert_string_equal(claim(w, "fix the login")->item.from, "cece");
	buf_release(&all);
}

static void the_owner_gives_it_back(void **state)
{
	struct world *w = *state;
	struct session *cece = world_register(w, WORLD_UID, "cece");
	struct session *bob = world_register(w, WORLD_UID, "bob");
	const struct actor own = world_actor(cece), other = world_actor(bob);
	const struct actor user = world_user(WORLD_UID);
	struct buf all = BUF_INIT, end = BUF_INIT;
	struct item *item;

	assert_int_equal(take(w, cece, "x"), 0);
	item = item_ref(&claim(w, "x")->item);
	claim_add_end((struct claim *)item, &end);
	assert_int_equal(end.len, 0);
	assert_int_equal(give_back(w, &other, item), -EACCES);
	assert_non_null(strstr(w->error.text, cece->id));
	assert_int_equal(give_back(w, &user, item), -EACCES);
	world_pass(w, 2500000);
	assert_int_equal(give_back(w, &own, item), 0);
	assert_null(claim(w, "x"));
	assert_non_null(strstr(world_lines(w, &all, CHANNEL_TYPE, "claim.released"),
		"\"data\":{\"name\":\"x\",\"reason\":\"released\",\"held_s\":2.500}}"));
	claim_add_end((struct claim *)item, &end);
	assert_non_null(strstr(end.data, "{\"name\":\"x\",\"reason\":\"released\",\"owner\":\""));
	assert_non_null(strstr(end.data, "\"held_s\":2.500}\n"));
	assert_int_equal(give_back(w, &own, item), -ENOENT);
	/* The next is another claim. */
	assert_int_equal(take(w, bob, "x"), 0);
	assert_ptr_not_equal(&claim(w, "x")->item, item);
	assert_int_equal(give_back(w, &own, item), -ENOENT);
	assert_int_equal(held(w), 1);
	item_unref(item);
	buf_release(&all);
	buf_release(&end);
}

static void the_end_of_the_session_releases(void **state)
{
	struct world *w = *state;
	struct session *cece = world_register(w, WORLD_UID, "cece");
	struct session *bob = world_register(w, WORLD_UID, "bob");
	struct buf all = BUF_INIT;
	const char *released, *ended;

	assert_int_equal(take(w, cece, "one"), 0);
	assert_int_equal(take(w, bob, "two"), 0);
	assert_int_equal(take(w, cece, "three"), 0);
	assert_int_equal(world_end(w, cece), 0);
	assert_int_equal(held(w), 1);
	assert_non_null(claim(w, "two"));
	world_lines(w, &all, CHANNEL_ALL, "");
	released = strstr(all.data, "\"name\":\"three\",\"reason\":\"ended\"");
	ended = strstr(all.data, "\"session.ended\"");
	assert_non_null(strstr(all.data, "\"name\":\"one\",\"reason\":\"ended\""));
	assert_non_null(released);
	assert_true(released < ended); /* as long as it could still act */
	assert_int_equal(take(w, cece, "four"), -ESTALE);
	assert_int_equal(take(w, bob, "one"), 0);
	buf_release(&all);
}

static void what_needs_a_session(void **state)
{
	struct world *w = *state;
	struct session *cece = world_register(w, WORLD_UID, "cece");
	struct actor actor = world_user(WORLD_UID);

	assert_int_equal(take_len(w, &actor, "x", 1), -ENOENT);
	actor.kind = ACTOR_SEVERAL;
	assert_int_equal(take_len(w, &actor, "x", 1), -ENOTUNIQ);
	assert_non_null(strstr(w->error.text, "as/<id>/"));
	actor.kind = ACTOR_ENDED;
	actor.session = cece;
	assert_int_equal(take_len(w, &actor, "x", 1), -ESTALE);
	assert_int_equal(held(w), 0);
}

static const struct {
	const char *name;
	size_t len;
	bool ok;
} names[] = {
	{"x", 1, true},
	{" a b ", 5, true},
	{"-", 1, true},
	{"...", 3, true},
	{"new.live", 8, true},
	{"J\xc3\xb6rg \"x\" \\ {", 13, true},
	{"", 0, false},
	{".", 1, false},
	{"..", 2, false},
	{"new", 3, false},
	{"README.md", 9, false},
	{"a/b", 3, false},
	{"a\nb", 3, false},
	{"a\tb", 3, false},
	{"a\x7f", 2, false},
	{"\xc2\x85", 2, false},
	{"\xe2\x80\xa8", 3, false},
	{"\xff", 1, false},
	{"a\xc3", 2, false},
	{"a\0b", 3, false},
};

static void names_that_can_be(void **state)
{
	struct world *w = *state;
	struct session *cece = world_register(w, WORLD_UID, "cece");
	const struct actor actor = world_actor(cece);
	char name[CLAIM_NAME_MAX + 1];
	size_t n = 0;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		int r = take_len(w, &actor, names[i].name, names[i].len);

		n += names[i].ok;
		if (r != (names[i].ok ? 0 : -EINVAL))
			fail_msg("name %zu: %d", i, r);
		if (r && strncmp(w->error.text, "name: ", 6) != 0)
			fail_msg("name %zu: %s", i, w->error.text);
	}
	memset(name, 'x', sizeof(name));
	assert_int_equal(take_len(w, &actor, name, CLAIM_NAME_MAX), 0);
	assert_int_equal(take_len(w, &actor, name, CLAIM_NAME_MAX + 1), -EINVAL);
	assert_int_equal(held(w), n + 1);
}

static void json_may_have_a_note(void **state)
{
	struct world *w = *state;
	struct session *cece = world_register(w, WORLD_UID, "cece");
	struct buf all = BUF_INIT;

	assert_int_equal(take_json(w, cece, "{\"name\":\"a\",\"note\":\"all of it\"}"), 0);
	assert_string_equal(claim(w, "a")->note, "all of it");
	assert_non_null(strstr(world_lines(w, &all, CHANNEL_TYPE, "claim.taken"),
		"\"data\":{\"name\":\"a\",\"note\":\"all of it\"}"));
	assert_int_equal(take_json(w, cece, "{\"name\":\"b\"}"), 0);
	assert_int_equal(take_json(w, cece, "{\"nam\":\"c\"}"), -EINVAL);
	assert_int_equal(take_json(w, cece, "{\"name\":1}"), -EINVAL);
	assert_int_equal(take_json(w, cece, "{\"note\":\"x\"}"), -EINVAL);
	assert_int_equal(take_json(w, cece, "{\"name\":\"\"}"), -EINVAL);
	assert_int_equal(take_json(w, cece, "{\"name\":\"a/b\"}"), -EINVAL);
	assert_int_equal(held(w), 2);
	buf_release(&all);
}

static void several_are_taken_or_none(void **state)
{
	struct world *w = *state;
	struct session *cece = world_register(w, WORLD_UID, "cece");
	struct session *bob = world_register(w, WORLD_UID, "bob");
	const struct actor actor = world_actor(cece);
	static const char *const wanted[][2] = {{"a", "b"}, {"c", "mine"}, {"d", "d"}};
	static const int is[] = {0, -EEXIST, -EINVAL};
	struct buf out = BUF_INIT;

	assert_int_equal(take(w, bob, "mine"), 0);
	for (int i = 0; i < 3; i++) {
		struct act *act = NULL;

		for (int k = 0; k < 2; k++)
			assert_int_equal(claim_take(w->loop, &actor, wanted[i][k],
						 strlen(wanted[i][k]), &act, &w->error),
				0);
		if (i == 0)
			claim_names(act, &out);
		assert_int_equal(world_do(w, 0, act), is[i]);
	}
	assert_string_equal(out.data, "a\nb\n");
	assert_int_equal(held(w), 3);
	assert_null(claim(w, "c"));
	assert_null(claim(w, "d"));
	buf_release(&out);
}

static void they_survive_a_restart(void **state)
{
	struct world *w = *state;
	struct session *cece = world_register(w, WORLD_UID,
		"{\"agent_name\":\"cece\","
		"\"session_id\":\"cece\"}");
	struct buf end = BUF_INIT;
	struct actor actor;
	int64_t began_us;

	assert_int_equal(take_json(w, cece, "{\"name\":\"a \\\"b\\\"\",\"note\":\"n\"}"), 0);
	assert_int_equal(take(w, cece, "gone"), 0);
	actor = world_actor(cece);
	assert_int_equal(give_back(w, &actor, &claim(w, "gone")->item), 0);
	began_us = claim(w, "a \"b\"")->item.began_us;
	world_reopen(w);
	assert_null(claim(w, "gone"));
	assert_int_equal(held(w), 1);
	assert_string_equal(claim(w, "a \"b\"")->note, "n");
	assert_string_equal(claim(w, "a \"b\"")->item.session, "cece");
	assert_string_equal(claim(w, "a \"b\"")->item.from, "cece");
	assert_int_equal(claim(w, "a \"b\"")->item.began_us, began_us);
	assert_int_equal(take(w, world_session(w, "cece"), "a \"b\""), -EEXIST);
	assert_int_equal(world_end(w, world_session(w, "cece")), 0);
	assert_int_equal(held(w), 0);
	world_reopen(w);
	assert_int_equal(held(w), 0);
	buf_release(&end);
}

static void they_are_bounded(void **state)
{
	struct world *w = *state;
	struct session *cece = world_register(w, WORLD_UID, "cece");
	struct session *bob = world_register(w, OTHER_UID, "bob");
	const struct actor actor = world_actor(cece);
	struct act *act = NULL;
	char name[32];

	for (int i = 0; i < CLAIMS_UID_MAX; i++) {
		snprintf(name, sizeof(name), "claim %d", i);
		assert_int_equal(
			claim_take(w->loop, &actor, name, strlen(name), &act, &w->error), 0);
		if (i % 100 == 99) {
			assert_int_equal(world_do(w, 0, act), 0);
			act = NULL;
		}
	}
	assert_int_equal(held(w), CLAIMS_UID_MAX);
	assert_int_equal(take(w, cece, "one more"), -EDQUOT);
	assert_non_null(strstr(w->error.text, "claims: "));
	assert_int_equal(take(w, bob, "one more"), 0); /* another uid */
	assert_int_equal(world_end(w, cece), 0);
	assert_int_equal(held(w), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(one_has_it, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			the_owner_gives_it_back, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			the_end_of_the_session_releases, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(what_needs_a_session, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(names_that_can_be, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(json_may_have_a_note, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			several_are_taken_or_none, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			they_survive_a_restart, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(they_are_bounded, world_setup, world_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
