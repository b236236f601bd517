/* The dashboard: what it shows to whom, within its bounds, and that nobody's words become its own.
 */
#include "core/base/drawn.h"
#include "core/base/history.h"
#include "core/base/json.h"
#include "core/base/text.h"
#include "core/report/dashboard.h"
#include "tests/unit/world.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define EVIL "</script><b>\xe2\x80\xa8\x1b[31m&\xe2\x80\xae\xc2\x9b"

static struct json *take(struct world *w, uid_t uid, struct buf *text)
{
	struct json *json;

	buf_reset(text);
	assert_int_equal(dashboard_take(w->loop, NULL, uid, "3.14", text), 0);
	assert_int_equal(json_parse(text->data, text->len, &json, &w->error), 0);
	return json;
}

static int64_t count(const struct json *json, const char *name)
{
	return drawn_number(json_get(json, "counts"), name, -1);
}

static struct session *enter(struct world *w, uid_t uid, const char *id, const char *task)
{
	struct buf b = BUF_INIT;
	struct session *s;

	buf_addf(&b, "{\"session_id\":\"%s\",\"agent_name\":\"%s\",\"current_task\":", id, id);
	buf_add_json(&b, task, strlen(task));
	buf_addc(&b, '}');
	s = world_register(w, uid, b.data);
	buf_release(&b);
	assert_non_null(s);
	return s;
}

static const struct json *of_id(const struct json *list, const char *id)
{
	for (size_t i = 0; i < json_count(list); i++)
		if (strcmp(drawn_text(json_item(list, i), "id"), id) == 0)
			return json_item(list, i);
	return NULL;
}

static void an_empty_loop_is_drawn(void **state)
{
	struct world *w = *state;
	struct buf text = BUF_INIT, out = BUF_INIT;
	struct json *json = take(w, WORLD_UID, &text);

	assert_int_equal(count(json, "asks"), 0);
	assert_int_equal(json_count(json_get(json, "asks")), 0);
	assert_int_equal(dashboard_text(text.data, text.len, &out), 0);
	assert_non_null(
		strstr(out.data, "no asks, tasks, collaborations, claims, sources, alerts\n"));
	buf_reset(&out);
	assert_int_equal(dashboard_page(text.data, text.len, &out), 0);
	assert_int_equal(strncmp(out.data, "<!doctype html>", 15), 0);
	assert_null(strstr(out.data, "@css@"));
	assert_null(strstr(out.data, "@json@"));
	json_free(json);
	buf_release(&text);
	buf_release(&out);
}

static void sessions_are_fresh_late_and_gone(void **state)
{
	struct world *w = *state;
	struct session *bob = enter(w, WORLD_UID, "bob", "one");
	struct session *cece = enter(w, WORLD_UID, "cece", "two");
	struct buf text = BUF_INIT;
	struct json *json;

	enter(w, WORLD_UID, "dora", "three");
	atomic_store(&bob->late, true);
	assert_int_equal(world_end(w, cece), 0);
	json = take(w, WORLD_UID, &text);
	assert_string_equal(drawn_text(of_id(json_get(json, "sessions"), "bob"), "health"), "late");
	assert_string_equal(
		drawn_text(of_id(json_get(json, "sessions"), "cece"), "health"), "gone");
	assert_string_equal(
		drawn_text(of_id(json_get(json, "sessions"), "dora"), "health"), "fresh");
	assert_int_equal(count(json, "late"), 1);
	assert_int_equal(count(json, "gone"), 1);
	json_free(json);
	/* After a while, who is gone is forgotten here. */
	world_pass(w, (DASHBOARD_GONE_S + 1) * SECOND_US);
	json = take(w, WORLD_UID, &text);
	assert_null(of_id(json_get(json, "sessions"), "cece"));
	json_free(json);
	buf_release(&text);
}

static void what_is_said_to_one_is_nobodys_to_see(void **state)
{
	struct world *w = *state;
	struct session *bob = enter(w, WORLD_UID, "bob", "one");
	const struct actor cece = world_actor(enter(w, OTHER_UID, "cece", "two"));
	struct buf text = BUF_INIT;
	struct json *json;

	assert_int_equal(world_say(w, &cece, NULL, bob, "for bob alone"), 0);
	assert_int_equal(world_say(w, &cece, NULL, NULL, "for everyone"), 0);
	json = take(w, WORLD_UID, &text);
	assert_null(strstr(text.data, "bob alone"));
	assert_non_null(strstr(text.data, "for everyone"));
	assert_int_equal(count(json, "messages"), 2);
	assert_int_equal(
		drawn_number(json_item(json_get(json, "messages"), 1), "bytes", -1) > 0, true);
	json_free(json);
	buf_release(&text);
}

static const char *first_id(const struct json *json, const char *list, size_t i)
{
	return drawn_text(json_item(json_get(json, list), i), "id");
}

static void the_late_stand_first_and_persons_last(void **state)
{
	struct world *w = *state;
	struct buf text = BUF_INIT, out = BUF_INIT;
	struct json *json;

	enter(w, WORLD_UID, "idle", "");
	enter(w, WORLD_UID, "zoe", "a task");
	enter(w, WORLD_UID, "bob", "a task");
	atomic_store(&enter(w, WORLD_UID, "silent", "")->late, true);
	json = take(w, WORLD_UID, &text);
	assert_string_equal(first_id(json, "sessions", 0), "silent");
	assert_string_equal(first_id(json, "sessions", 1), "bob");
	assert_string_equal(first_id(json, "sessions", 2), "zoe");
	assert_string_equal(first_id(json, "sessions", 3), "idle");
	for (size_t i = 4; i < json_count(json_get(json, "sessions")); i++)
		assert_true(json_has(json_item(json_get(json, "sessions"), i), "person"));
	assert_true(drawn_has_somebody(json_get(json, "sessions")));
	assert_int_equal(dashboard_text(text.data, text.len, &out), 0);
	assert_null(strstr(out.data, drawn_first_steps[0]));
	json_free(json);
	buf_release(&text);
	buf_release(&out);
}

static struct json *parsed(const char *text)
{
	struct json *json;

	assert_int_equal(json_parse(text, strlen(text), &json, NULL), 0);
	return json;
}

static const char *line(struct buf *b, enum drawn_kind kind, const char *item, size_t width)
{
	struct json *json = parsed(item);

	buf_reset(b);
	buf_adds(b, "");
	drawn_line(b, kind, json, 1000000, width);
	json_free(json);
	buf_addc(b, '\0');
	return b->data;
}

/* Each says how long since what; columns grow and shrink with the line. */
static void lines_say_what_their_times_are(void **state)
{
	static const char late[] = "{\"id\":\"leitl-cece-0123456789abcdef\",\"agent\":\"Cece\","
				   "\"health\":\"late\",\"task\":\"fix the login\","
				   "\"started_ms\":1,\"heard_ms\":700000}";
	struct buf b = BUF_INIT;

	(void)state;
	assert_string_equal(line(&b, DRAWN_SESSION, late, 78),
		"leitl-cece-012345…  Cece          late    silent 5m   \"fix the login\"");
	assert_string_equal(line(&b, DRAWN_SESSION, late, 198),
		"leitl-cece-0123456789abcdef               Cece                      "
		"late    silent 5m   \"fix the login\"");
	assert_string_equal(
		line(&b, DRAWN_SESSION, late, 38), "Cece       late    silent 5m   \"fix …\"");
	assert_non_null(strstr(line(&b, DRAWN_SESSION,
				       "{\"id\":\"kim\",\"health\":\"fresh\",\"person\":true,"
				       "\"started_ms\":1,\"heard_ms\":400000}",
				       78),
		"person  seen 10m"));
	assert_non_null(strstr(line(&b, DRAWN_SESSION,
				       "{\"id\":\"bob\",\"health\":\"gone\","
				       "\"started_ms\":1,\"ended_ms\":997000}",
				       78),
		"gone    left 3s"));
	assert_non_null(
		strstr(line(&b, DRAWN_CLAIM,
			       "{\"id\":\"login\",\"owner\":\"Cece\",\"since_ms\":400000}", 78),
			"for 10m"));
	assert_non_null(strstr(line(&b, DRAWN_SOURCE, "{\"id\":\"docs\",\"state\":\"failed\"}", 78),
		"not synced"));
	assert_non_null(strstr(line(&b, DRAWN_ASK,
				       "{\"id\":\"q1\",\"from\":\"Cece\",\"to\":[\"kim\"],"
				       "\"for_you\":true,\"deadline_ms\":1300000}",
				       78),
		"Cece asks YOU, 5m left"));
	assert_string_equal(line(&b, DRAWN_COLLABORATION,
				    "{\"id\":\"c1\",\"participants\":[\"ann\",\"zed\"],"
				    "\"messages\":1,\"decisions\":0}",
				    78),
		"c1              ann, zed: 1 message, 0 decisions");
	buf_reset(&b);
	drawn_session_heading(&b, 78);
	buf_addc(&b, '\0');
	assert_string_equal(b.data, "SESSION             AGENT         HEALTH  HOW LONG    TASK");
	for (size_t i = 0; drawn_first_steps[i]; i++)
		assert_true(strlen(drawn_first_steps[i]) <= 78);
	buf_release(&b);
}

/* Of what is private how much it is; of a question what became of it, which is nobody's to nobody.
 */
static void lines_say_what_happened(void **state)
{
	struct buf b = BUF_INIT;

	(void)state;
	assert_string_equal(line(&b, DRAWN_MESSAGE,
				    "{\"type\":\"message.direct\",\"from\":\"eve\",\"session\":"
				    "\"eve\",\"to\":[\"cece\"],\"time_ms\":1000,\"bytes\":39}",
				    78),
		"00:00:01  eve to cece  private, 39 B");
	assert_string_equal(
		line(&b, DRAWN_EVENT,
			"{\"type\":\"ask.asked\",\"from\":\"eve\",\"session\":\"eve\","
			"\"to\":[\"cece\"],\"time_ms\":1000,\"ask\":\"q3\",\"bytes\":39}",
			78),
		"00:00:01  ask.asked             eve to cece  q3, private, 39 B");
	assert_string_equal(line(&b, DRAWN_EVENT,
				    "{\"type\":\"ask.failed\",\"from\":\"eve\",\"session\":\"eve\","
				    "\"to\":[\"eve\"],\"time_ms\":1000,\"bytes\":80,"
				    "\"told\":\"q3: no answer in time by cece\"}",
				    78),
		"00:00:01  ask.failed            eve             q3: no answer in time by cece");
	buf_release(&b);
}

static void health_is_told_in_words(void **state)
{
	static const char *const told[][2] = {
		{"{\"health\":{\"status\":\"ok\"},\"counts\":{}}", "all is well"},
		{"{\"health\":{\"status\":\"ok\"},\"counts\":{\"alerts\":2}}", "2 alerts"},
		{"{\"health\":{\"status\":\"degraded\"},\"counts\":{\"alerts\":2}}", "DEGRADED"},
		{"{\"health\":{\"status\":\"failing\"}}", "FAILING"},
	};
	char text[DRAWN_SHORT];

	(void)state;
	for (size_t i = 0; i < sizeof(told) / sizeof(told[0]); i++) {
		struct json *json = parsed(told[i][0]);

		drawn_health(json, text);
		assert_string_equal(text, told[i][1]);
		json_free(json);
	}
}

/* Every list has its bound, and the counts tell all. */
static void a_thousand_sessions_fit(void **state)
{
	struct world *w = *state;
	struct buf text = BUF_INIT, out = BUF_INIT;
	struct json *json;
	struct timespec began, ended;
	char id[32], task[2 * DASHBOARD_TEXT];

	memset(task, 'x', sizeof(task) - 1);
	task[sizeof(task) - 1] = '\0';
	for (int i = 0; i < 1000; i++) {
		snprintf(id, sizeof(id), "s%04d", i);
		enter(w, WORLD_UID, id, i < 700 ? task : "-");
	}
	clock_gettime(CLOCK_MONOTONIC, &began);
	json = take(w, WORLD_UID, &text);
	clock_gettime(CLOCK_MONOTONIC, &ended);
	print_message("1,000 sessions: %zu bytes, %ld us\n", text.len,
		(ended.tv_sec - began.tv_sec) * 1000000 + (ended.tv_nsec - began.tv_nsec) / 1000);
	assert_true(count(json, "sessions") >= 1000);
	assert_int_equal(json_count(json_get(json, "sessions")), DASHBOARD_SESSIONS);
	assert_int_equal(json_count(json_get(json, "activity")), DASHBOARD_EVENTS);
	assert_true(text.len < 512 * 1024);
	assert_true(strlen(drawn_text(json_item(json_get(json, "sessions"), 0), "task")) <=
		    DASHBOARD_TEXT + 3);
	assert_int_equal(dashboard_text(text.data, text.len, &out), 0);
	assert_true(out.len < 16 * 1024);
	assert_non_null(strstr(out.data, "more: ls sessions\n"));
	json_free(json);
	buf_release(&text);
	buf_release(&out);
}

/* The first bytes of it: a control character, or one that turns the line, ends the test. */
static void assert_plain(const char *text)
{
	size_t len, line = 0;

	for (const char *at = text; *at; at += len) {
		len = text_char(at, strlen(at), NULL);
		assert_true(len > 0);
		line = *at == '\n' ? 0 : line + 1;
		assert_true(line <= 80);
		assert_true(*at == '\n' || !text_is_control(at, len));
		assert_false(len == 3 && memcmp(at, "\xe2\x80\xae", 3) == 0);
	}
}

static void no_words_pose_as_the_pages(void **state)
{
	struct world *w = *state;
	struct session *s = enter(w, WORLD_UID, "evil", EVIL);
	const struct actor actor = world_actor(s);
	struct buf text = BUF_INIT, out = BUF_INIT;
	struct json *json;
	const char *at;

	world_say(w, &actor, NULL, NULL, "two\\nALERTS  9\n\" and more");
	json = take(w, WORLD_UID, &text);
	assert_string_equal(drawn_text(of_id(json_get(json, "sessions"), "evil"), "task"), EVIL);
	assert_int_equal(dashboard_text(text.data, text.len, &out), 0);
	assert_plain(out.data);
	assert_null(strstr(out.data, "\nALERTS"));
	buf_reset(&out);
	assert_int_equal(dashboard_script(text.data, text.len, &out), 0);
	for (at = out.data; *at; at++)
		assert_null(strchr("<>&\x1b", *at));
	assert_null(strstr(out.data, "\xe2\x80\xa8"));
	json_free(json);
	/* The call's argument is the snapshot still. */
	assert_int_equal(strncmp(out.data, "leitlfsDashboard(", 17), 0);
	assert_int_equal(
		json_parse(out.data + 17, out.len - 17 - strlen(");\n"), &json, &w->error), 0);
	assert_string_equal(drawn_text(of_id(json_get(json, "sessions"), "evil"), "task"), EVIL);
	json_free(json);
	buf_release(&text);
	buf_release(&out);
}

static void what_is_no_snapshot_is_refused(void **state)
{
	struct buf out = BUF_INIT;

	(void)state;
	assert_int_equal(dashboard_text("{", 1, &out), -EINVAL);
	assert_int_equal(dashboard_page("", 0, &out), -EINVAL);
	assert_int_equal(dashboard_text("{}", 2, &out), 0);
	buf_release(&out);
}

static const char *cell(struct buf *b, const char *text, size_t width)
{
	buf_reset(b);
	buf_adds(b, "");
	assert_true(drawn_cell(b, text, width, false) <= width);
	return b->data ? b->data : "";
}

static void cells_are_cut_at_their_columns(void **state)
{
	struct buf b = BUF_INIT;

	(void)state;
	assert_string_equal(cell(&b, "abcdef", 6), "abcdef");
	assert_string_equal(cell(&b, "abcdefg", 6), "abcde…");
	assert_string_equal(cell(&b, "日本語", 6), "日本語");
	assert_string_equal(cell(&b, "日本語", 5), "日本…");
	assert_string_equal(cell(&b, "日本語", 4), "日…");
	assert_string_equal(cell(&b, "a\nb\x1b\xff", 9), "a b??");
	assert_string_equal(cell(&b, "abc", 0), "");
	buf_reset(&b);
	assert_int_equal(drawn_cell(&b, "日", 4, true), 4);
	assert_string_equal(b.data, "日  ");
	buf_reset(&b);
	assert_int_equal(drawn_quote(&b, "say \"it\"", 20), 10);
	assert_string_equal(b.data, "\"say 'it'\"");
	buf_reset(&b);
	assert_int_equal(drawn_quote(&b, "abcdef", 5), 5);
	assert_string_equal(b.data, "\"ab…\"");
	buf_release(&b);
}

static void ages_and_sizes_read_well(void **state)
{
	char text[DRAWN_SHORT];

	(void)state;
	drawn_age(1000, 1500, text);
	assert_string_equal(text, "now");
	drawn_age(5000, 1000, text);
	assert_string_equal(text, "now");
	drawn_age(1000, 60000, text);
	assert_string_equal(text, "59s");
	drawn_age(1000, 61000, text);
	assert_string_equal(text, "1m");
	drawn_age(1000, 1000 + INT64_C(86400000) * 3, text);
	assert_string_equal(text, "3d");
	drawn_bytes(999, text);
	assert_string_equal(text, "999 B");
	drawn_bytes(1234567, text);
	assert_string_equal(text, "1.2 MB");
	drawn_clock(INT64_C(1763467449123), text);
	assert_string_equal(text, "12:04:09");
}

static void the_history_counts_by_the_second(void **state)
{
	struct history h;
	struct history_counts c;

	(void)state;
	history_init(&h);
	history_feed(&h, 100 * SECOND_US, 5);
	history_feed(&h, 100 * SECOND_US + 1, 7);
	history_feed(&h, 102 * SECOND_US, 8);
	history_read(&h, 103 * SECOND_US, &c);
	assert_int_equal(c.seconds[HISTORY_SLOTS - 1], 0);
	assert_int_equal(c.seconds[HISTORY_SLOTS - 2], 1);
	assert_int_equal(c.seconds[HISTORY_SLOTS - 3], 0);
	assert_int_equal(c.seconds[HISTORY_SLOTS - 4], 7);
	assert_int_equal(c.minutes[HISTORY_SLOTS - 1], 8);
	/* What is older than all slots is gone; a total that went back counts anew. */
	history_read(&h, 161 * SECOND_US, &c);
	assert_int_equal(c.seconds[0], 1);
	history_feed(&h, 100000 * SECOND_US, 3);
	history_feed(&h, 100001 * SECOND_US, 4);
	history_read(&h, 100001 * SECOND_US, &c);
	assert_int_equal(c.seconds[HISTORY_SLOTS - 1], 1);
	for (int i = 0; i < HISTORY_SLOTS - 1; i++)
		assert_int_equal(c.seconds[i], 0);
	history_release(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			an_empty_loop_is_drawn, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			sessions_are_fresh_late_and_gone, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			what_is_said_to_one_is_nobodys_to_see, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			a_thousand_sessions_fit, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			no_words_pose_as_the_pages, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			the_late_stand_first_and_persons_last, world_setup, world_teardown),
		cmocka_unit_test(lines_say_what_their_times_are),
		cmocka_unit_test(lines_say_what_happened),
		cmocka_unit_test(health_is_told_in_words),
		cmocka_unit_test(what_is_no_snapshot_is_refused),
		cmocka_unit_test(cells_are_cut_at_their_columns),
		cmocka_unit_test(ages_and_sizes_read_well),
		cmocka_unit_test(the_history_counts_by_the_second),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
