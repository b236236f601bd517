/* dashboard.txt: the snapshot for `watch cat`. */
#include "core/report/dashboard.h"

#include "core/base/drawn.h"
#include "core/base/json.h"

#include <stdio.h>
#include <string.h>

#define WIDTH 80

/* Lines of each part: what is shown of a full loop. */
#define ALERTS   6
#define SESSIONS 14
#define ENTRIES  5

struct sheet {
	const struct json *json, *counts;
	struct buf *out;
	int64_t now_ms;
};

/* Adds text, filled or cut to the right end of the line. */
static void right(struct buf *b, size_t used, const char *text)
{
	const size_t len = strlen(text);

	while (used++ + len < WIDTH)
		buf_addc(b, ' ');
	buf_addf(b, "%s\n", text);
}

/* NAME, how many there are, and what is to be known of all. */
static void heading(struct sheet *s, const char *name, const char *words)
{
	buf_addf(s->out, "\n%s  %s\n", name, words);
}

static void rest(struct sheet *s, size_t shown, int64_t all, const char *where)
{
	if (all > (int64_t)shown)
		buf_addf(s->out, "  … %lld more: %s\n", (long long)all - (int64_t)shown, where);
}

static void show_head(struct sheet *s)
{
	const struct json *health = json_get(s->json, "health"), *checks;
	char clock[DRAWN_SHORT], age[DRAWN_SHORT], how[DRAWN_SHORT], words[80];
	int used;

	drawn_clock(s->now_ms, clock);
	drawn_age(drawn_number(s->json, "started_ms", 0), s->now_ms, age);
	drawn_health(s->json, how);
	used = snprintf(words, sizeof(words), "leitlfs  %s, up %s", how, age);
	buf_adds(s->out, words);
	(void)snprintf(words, sizeof(words), "%s UTC", clock);
	right(s->out, (size_t)used, words);
	checks = json_get(health, "checks");
	for (size_t i = 0; i < json_count(checks); i++) {
		buf_adds(s->out, "  ");
		drawn_cell(s->out, drawn_text(json_item(checks, i), "name"), 12, true);
		drawn_cell(s->out, drawn_text(json_item(checks, i), "detail"), WIDTH - 14, false);
		buf_addc(s->out, '\n');
	}
}

static void show_metrics(struct sheet *s)
{
	const struct json *m = json_get(s->json, "metrics");
	char half[DRAWN_SHORT], most[DRAWN_SHORT], store[DRAWN_SHORT], room[DRAWN_SHORT];
	int64_t sum;

	buf_adds(s->out, "\nlast minute  ");
	sum = drawn_bars(s->out, json_get(m, "seconds"));
	buf_addf(s->out, " %lld\n", (long long)sum);
	buf_adds(s->out, "  last hour  ");
	sum = drawn_bars(s->out, json_get(m, "minutes"));
	buf_addf(s->out, " %lld\n", (long long)sum);
	drawn_micros(drawn_number(m, "write_p50_us", -1), half);
	drawn_micros(drawn_number(m, "write_p99_us", -1), most);
	drawn_bytes(drawn_number(m, "store_bytes", 0), store);
	drawn_bytes(drawn_number(m, "room_bytes", 0), room);
	sum = drawn_number(s->counts, "events", 0);
	buf_addf(s->out, "%lld event%s; writes p50 %s, p99 %s; store %s", (long long)sum,
		sum == 1 ? "" : "s", half, most, store);
	if (drawn_number(m, "room_bytes", -1) >= 0)
		buf_addf(s->out, ", %s free", room);
	buf_addc(s->out, '\n');
}

static void show_entry(struct sheet *s, enum drawn_kind kind, const struct json *item)
{
	buf_adds(s->out, "  ");
	drawn_line(s->out, kind, item, s->now_ms, WIDTH - 2);
	buf_addc(s->out, '\n');
}

/* How a question that waits for who looks is answered. */
static void show_answer(struct sheet *s, const struct json *ask)
{
	if (json_truth(json_get(ask, "for_you")))
		buf_addf(s->out, "    answer: echo … > asks/%s/reply\n", drawn_text(ask, "id"));
}

/* What waits for who looks. */
static void show_yours(struct sheet *s)
{
	const struct json *you = json_get(s->json, "you"), *asks = json_get(s->json, "asks");
	const int64_t unread = drawn_number(you, "unread", 0);
	int64_t mine = 0;

	for (size_t i = 0; i < json_count(asks); i++)
		mine += json_truth(json_get(json_item(asks, i), "for_you"));
	if (!mine && !unread)
		return;
	buf_adds(s->out, "\nFOR YOU  ");
	if (mine)
		buf_addf(
			s->out, "%lld question%s: see ASKS", (long long)mine, mine == 1 ? "" : "s");
	if (unread)
		buf_addf(s->out, "%s%lld%s unread message%s to you alone: cat self/unread.md",
			mine ? "; " : "", (long long)unread,
			unread == DASHBOARD_UNREAD ? " or more" : "", unread == 1 ? "" : "s");
	buf_addc(s->out, '\n');
}

static void show_first_steps(struct sheet *s)
{
	if (drawn_has_somebody(json_get(s->json, "sessions")))
		return;
	buf_addc(s->out, '\n');
	for (size_t i = 0; drawn_first_steps[i]; i++)
		buf_addf(s->out, "%s\n", drawn_first_steps[i]);
}

/* As the snapshot has them: the late first, then those who say what they do. */
static void show_sessions(struct sheet *s)
{
	const struct json *list = json_get(s->json, "sessions");
	const int64_t all =
		drawn_number(s->counts, "sessions", 0) + drawn_number(s->counts, "gone", 0);
	char words[96];
	size_t shown = 0;

	(void)snprintf(words, sizeof(words), "%lld fresh, %lld late, %lld gone lately",
		(long long)drawn_number(s->counts, "fresh", 0),
		(long long)drawn_number(s->counts, "late", 0),
		(long long)drawn_number(s->counts, "gone", 0));
	heading(s, "SESSIONS", words);
	buf_adds(s->out, "  ");
	drawn_session_heading(s->out, WIDTH - 2);
	buf_addc(s->out, '\n');
	for (; shown < json_count(list) && shown < SESSIONS; shown++)
		show_entry(s, DRAWN_SESSION, json_item(list, shown));
	rest(s, shown, all, "ls sessions");
}

static void show_list(struct sheet *s, enum drawn_kind kind, size_t most)
{
	const struct drawn_list *what = &drawn_lists[kind];
	const struct json *list = json_get(s->json, what->name);
	const int64_t all = drawn_number(s->counts, what->name, 0);
	char words[32];
	size_t i;

	if (!json_count(list))
		return;
	(void)snprintf(words, sizeof(words), "%lld", (long long)all);
	heading(s, what->title, kind >= DRAWN_MESSAGE ? "the newest first" : words);
	for (i = 0; i < json_count(list) && i < most; i++) {
		show_entry(s, kind, json_item(list, i));
		if (kind == DRAWN_ASK)
			show_answer(s, json_item(list, i));
	}
	if (kind < DRAWN_MESSAGE)
		rest(s, i, all, what->where);
}

/* Those of which there are none, in one line. */
static void show_none(struct sheet *s)
{
	const char *before = "\nno ";

	for (int kind = DRAWN_ASK; kind <= DRAWN_ALERT; kind++) {
		if (drawn_number(s->counts, drawn_lists[kind].name, 0))
			continue;
		buf_addf(s->out, "%s%s", before, drawn_lists[kind].name);
		before = ", ";
	}
	if (*before == ',')
		buf_addc(s->out, '\n');
}

int dashboard_text(const char *text, size_t len, struct buf *out)
{
	struct sheet s = {.out = out};
	struct json *json;
	int r = json_parse(text, len, &json, NULL);

	if (r)
		return r;
	s.json = json;
	s.counts = json_get(json, "counts");
	s.now_ms = drawn_number(json, "time_ms", 0);
	show_head(&s);
	show_first_steps(&s);
	show_yours(&s);
	show_list(&s, DRAWN_ALERT, ALERTS);
	show_list(&s, DRAWN_ASK, ENTRIES);
	show_sessions(&s);
	for (enum drawn_kind kind = DRAWN_TASK; kind <= DRAWN_SOURCE; kind++)
		show_list(&s, kind, ENTRIES);
	show_list(&s, DRAWN_MESSAGE, ENTRIES);
	show_list(&s, DRAWN_EVENT, 2 * ENTRIES);
	show_none(&s);
	show_metrics(&s);
	json_free(json);
	return buf_error(out);
}
