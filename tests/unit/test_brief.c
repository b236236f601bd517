/* brief.md: its counts are what it lists and leaves out, whatever is unread and however small it
 * is; and who went is told, with what was left. */
#include "core/base/json.h"
#include "core/item/claim.h"
#include "core/item/collaboration.h"
#include "core/report/brief.h"
#include "core/report/dashboard.h"
#include "tests/unit/question.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *brief(struct world *w, struct session *s, size_t max, struct buf *out)
{
	buf_reset(out);
	assert_int_equal(brief_make(w->loop, NULL, s, max, out), 0);
	assert_true(out->len <= max);
	return out->data;
}

/* The part under a heading that begins so, or NULL; the caller frees it. */
static char *part(const char *page, const char *heading)
{
	char begin[64];
	const char *at, *end;

	snprintf(begin, sizeof(begin), "\n## %s", heading);
	at = strstr(page, begin);
	if (!at)
		return NULL;
	end = strstr(at + 1, "\n\n");
	return strndup(at, end ? (size_t)(end - at) : strlen(at));
}

/* How many it lists, and how many more it says that there are. */
static int entries(const char *text, int *more)
{
	static const char rest[] = " more: `";
	int listed = 0;

	*more = 0;
	for (const char *line = strstr(text, "\n- "); line; line = strstr(line + 1, "\n- ")) {
		char *end;
		const int n = (int)strtol(line + 3, &end, 10);

		/* An unread one begins with a number, too. */
		if (end > line + 3 && strncmp(end, rest, strlen(rest)) == 0)
			*more = n;
		else
			listed++;
	}
	return listed;
}

static void assert_adds_up(const char *page, const char *heading, int wanted, int over)
{
	char *text = part(page, heading), rest[64];
	int listed, more, told;

	assert_non_null(text);
	assert_non_null(strchr(text, ':'));
	told = (int)strtol(strchr(text, ':') + 1, NULL, 10);
	listed = entries(text, &more);
	assert_int_equal(told, wanted);
	assert_int_equal(told, listed + more);
	snprintf(rest, sizeof(rest), "%d question%s over", over,
		over == 1 ? " that is" : "s that are");
	if (over)
		assert_non_null(strstr(text, rest));
	else
		assert_null(strstr(text, " over ("));
	free(text);
}

/* Messages to one and to all, questions that wait, that are over, and that were read; over them all
 * budgets that cut at every place. */
static void what_is_unread_adds_up(void **state)
{
	struct world *w = *state;
	struct session *ann = world_enter(w, "ann"), *bob = world_enter(w, "bob");
	const struct actor actor = world_actor(bob), own = world_actor(ann);
	struct ask *asks[9];
	struct buf page = BUF_INIT;
	struct act *act = NULL;

	for (int i = 0; i < 30; i++) {
		assert_int_equal(world_say(w, &actor, NULL, i % 3 ? ann : NULL, "some words"), 0);
		assert_int_equal(world_say(w, &own, NULL, NULL, "ann's own are not unread"), 0);
	}
	assert_adds_up(brief(w, ann, 4096, &page), "Unread", 30, 0);
	for (int i = 0; i < 9; i++)
		asks[i] = question_ask(w, bob, i < 6 ? ann : NULL, false, "{\"data\":\"well?\"}");
	assert_adds_up(brief(w, ann, 4096, &page), "Unread", 30, 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(question_answer(w, ann, asks[i], "yes"), 0);
	assert_adds_up(brief(w, ann, 4096, &page), "Unread", 30, 3);
	for (size_t max = 600; max <= 8192; max += 37) {
		brief(w, ann, max, &page);
		if (strstr(page.data, "\n## Unread"))
			assert_adds_up(page.data, "Unread", 30, 3);
		if (strstr(page.data, "\n## Others"))
			assert_adds_up(page.data, "Others in the loop", 1, 0);
		/* What stands first is never what is pushed out. */
		assert_non_null(strstr(page.data, "\n## You are asked"));
	}
	/* One that was read counts nowhere any more. */
	assert_int_equal(inbox_mark_one(w->loop, &own, ann, asks[0]->item.began_pos, &act), 0);
	assert_int_equal(world_do(w, 0, act), 0);
	assert_adds_up(brief(w, ann, 4096, &page), "Unread", 30, 2);
	for (int i = 0; i < 9; i++)
		question_drop(asks[i]);
	buf_release(&page);
}

static void questions_that_are_over_are_told_alone(void **state)
{
	struct world *w = *state;
	struct session *ann = world_enter(w, "ann"), *bob = world_enter(w, "bob");
	struct ask *ask = question_ask(w, bob, ann, false, "{\"data\":\"well?\"}");
	struct buf page = BUF_INIT;

	assert_null(strstr(brief(w, ann, 4096, &page), "## Unread"));
	assert_int_equal(question_answer(w, ann, ask, "yes"), 0);
	assert_adds_up(brief(w, ann, 4096, &page), "Unread", 0, 1);
	question_drop(ask);
	buf_release(&page);
}

static void claim(struct world *w, struct session *s, const char *name)
{
	const struct actor actor = world_actor(s);
	struct act *act = NULL;

	assert_int_equal(claim_take(w->loop, &actor, name, strlen(name), &act, &w->error), 0);
	assert_int_equal(world_do(w, 0, act), 0);
}

static void together(struct world *w, struct session *s, const char *text)
{
	const struct actor actor = world_actor(s);
	struct json *json;
	struct message m = world_message(text, &json);
	struct act *act = NULL;

	assert_int_equal(collaboration_begin(w->loop, &actor, &m, &act, &w->error), 0);
	assert_int_equal(world_do(w, 0, act), 0);
	json_free(json);
}

static void end_so(struct world *w, struct session *s, enum end_reason reason)
{
	struct actor actor = world_actor(s);
	struct act *act = NULL;

	assert_int_equal(session_end(w->loop, &actor, s, reason, &act, &w->error), 0);
	assert_int_equal(world_do(w, 0, act), 0);
}

static void how_it_went_is_told(void **state)
{
	static const char *const told[] = {
		[END_ASKED] = "- `s1`, ended 5s ago; free again: `c1`\n",
		[END_PROCESS_GONE] = "- `s2`, process gone 5s ago; free again: `c2`\n",
		[END_TIMEOUT] = "- `s3`, timeout 5s ago; free again: `c3`\n",
		[END_ALIVE_CLOSED] = "- `s4`, alive closed 5s ago; free again: `c4`\n",
	};
	struct world *w = *state;
	struct session *ann = world_enter(w, "ann");
	struct buf page = BUF_INIT;
	char id[16], name[16];

	for (int i = END_ASKED; i <= END_ALIVE_CLOSED; i++) {
		struct session *s;

		snprintf(id, sizeof(id), "s%d", i);
		snprintf(name, sizeof(name), "c%d", i);
		s = world_enter(w, id);
		claim(w, s, name);
		end_so(w, s, (enum end_reason)i);
	}
	world_pass(w, 5 * SECOND_US);
	brief(w, ann, 4096, &page);
	for (int i = END_ASKED; i <= END_ALIVE_CLOSED; i++)
		assert_non_null(strstr(page.data, told[i]));
	buf_release(&page);
}

static void who_went_is_told_with_what_was_left(void **state)
{
	struct world *w = *state;
	struct session *ann = world_enter(w, "ann"), *zed = world_enter(w, "zed");
	struct session *yan = world_enter(w, "yan"), *idle = world_enter(w, "idle");
	const struct actor actor = world_actor(zed);
	struct buf page = BUF_INIT;
	char *text;

	together(w, ann, "zed yan nobody");
	assert_int_equal(
		world_say(w, &actor, "task.started", NULL, "{\"task_description\":\"the parser\"}"),
		0);
	claim(w, zed, "lexer");
	claim(w, zed, "parser");
	claim(w, zed, "taken again");
	assert_non_null(strstr(brief(w, ann, 4096, &page), "4 take part, `nobody` is not here\n"));
	assert_int_equal(world_end(w, idle), 0); /* it did nothing, and left nothing */
	assert_null(strstr(brief(w, ann, 4096, &page), "## Gone lately"));
	assert_int_equal(world_end(w, zed), 0);
	claim(w, yan, "taken again");
	world_pass(w, 130 * SECOND_US);
	text = part(brief(w, ann, 4096, &page), "Gone lately");
	assert_string_equal(text, "\n## Gone lately\n- `zed`, ended 2m ago; task `t1` failed: "
				  "`the parser`; free again: `lexer`, `parser`");
	free(text);
	assert_non_null(strstr(page.data, "4 take part, `zed` is gone, `nobody` is not here\n"));
	assert_int_equal(world_end(w, yan), 0);
	assert_non_null(
		strstr(brief(w, ann, 4096, &page), "4 take part, `zed` and `yan` are gone"));
	/* After a restart as well, when the last records are in no memory; and not for ever. */
	world_reopen(w);
	ann = world_session(w, "ann");
	assert_non_null(strstr(brief(w, ann, 4096, &page),
		"`the parser`; free again: `lexer`, `parser`, `taken again`\n"));
	assert_non_null(strstr(page.data, "- `yan`, ended 0s ago; free again: `taken again`\n"));
	world_pass(w, (DASHBOARD_GONE_S + 1) * SECOND_US);
	assert_null(strstr(brief(w, ann, 4096, &page), "## Gone lately"));
	buf_release(&page);
}

/* Whom one works with, and whom one asked, stand before who went later. */
static void the_near_stand_first_and_few_are_named(void **state)
{
	struct world *w = *state;
	struct session *ann = world_enter(w, "ann"), *near = world_enter(w, "near");
	struct session *asked = world_enter(w, "asked"), *far[40];
	struct ask *ask = question_ask(w, ann, asked, false, "{\"data\":\"well?\"}");
	struct buf page = BUF_INIT;
	char name[16], *text;
	int more;

	together(w, ann, "near");
	for (int i = 0; i < 40; i++) {
		snprintf(name, sizeof(name), "far%d", i);
		far[i] = world_enter(w, name);
		claim(w, far[i], name);
	}
	assert_int_equal(world_end(w, near), 0);
	world_pass(w, SECOND_US);
	for (int i = 0; i < 40; i++) {
		world_pass(w, SECOND_US);
		assert_int_equal(world_end(w, i == 20 ? asked : far[i]), 0);
	}
	text = part(brief(w, ann, 4096, &page), "Gone lately");
	assert_non_null(text);
	assert_int_equal(entries(text, &more), 5);
	assert_non_null(
		strstr(text, "\n- `asked`, ended 19s ago\n- `near`, ended 41s ago\n- `far39`, "
			     "ended 0s ago; free again: `far39`\n- `far38`, "));
	free(text);
	question_drop(ask);
	buf_release(&page);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			what_is_unread_adds_up, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			questions_that_are_over_are_told_alone, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(how_it_went_is_told, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			who_went_is_told_with_what_was_left, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			the_near_stand_first_and_few_are_named, world_setup, world_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
