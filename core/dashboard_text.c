/* dashboard.txt: the snapshot for `watch cat`. */
#include "core/dashboard.h"

#include "core/drawn.h"
#include "core/json.h"

#include <stdio.h>
#include <string.h>

#define WIDTH 80

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
	const char *status = drawn_text(health, "status");
	char clock[DRAWN_SHORT], age[DRAWN_SHORT], words[64];
	int used;

	drawn_clock(s->now_ms, clock);
	drawn_age(drawn_number(s->json, "started_ms", 0), s->now_ms, age);
	used = snprintf(words, sizeof(words), "leitlfs  %s, up %s",
		strcmp(status, "ok") == 0        ? "all is well"
		: strcmp(status, "failing") == 0 ? "FAILING"
						 : "DEGRADED",
		age);
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
	buf_addf(s->out, "%lld events; writes p50 %s, p99 %s; store %s, %s free\n",
		(long long)drawn_number(s->counts, "events", 0), half, most, store, room);
}

static void show_alerts(struct sheet *s)
{
	const struct json *list = json_get(s->json, "alerts");
	const int64_t all = drawn_number(s->counts, "alerts", 0);
	char age[DRAWN_SHORT], words[32];
	size_t i;

	if (!all)
		return;
	(void)snprintf(words, sizeof(words), "%lld", (long long)all);
	heading(s, "ALERTS", words);
	for (i = 0; i < json_count(list) && i < 6; i++) {
		const struct json *alert = json_item(list, i);

		drawn_age(drawn_number(alert, "since_ms", 0), s->now_ms, age);
		buf_adds(s->out, "  ");
		drawn_cell(s->out, drawn_text(alert, "id"), 6, true);
		drawn_cell(s->out, drawn_text(alert, "alert"), 16, true);
		buf_addf(s->out, "  %4s  ", age);
		drawn_cell(s->out, drawn_text(alert, "session"), WIDTH - 32, false);
		buf_addc(s->out, '\n');
	}
	rest(s, i, all, "cat alerts");
}

static void show_session(struct sheet *s, const struct json *session)
{
	const bool gone = strcmp(drawn_text(session, "health"), "gone") == 0;
	const char *agent = drawn_text(session, "agent"), *id = drawn_text(session, "id");
	char age[DRAWN_SHORT];

	drawn_age(drawn_number(session, gone ? "ended_ms" : "started_ms", 0), s->now_ms, age);
	buf_adds(s->out, "  ");
	drawn_cell(s->out, id, 22, true);
	buf_adds(s->out, "  ");
	drawn_cell(s->out, strcmp(agent, id) == 0 ? "" : agent, 12, true);
	buf_addf(s->out, "  %-5s %4s  ", drawn_text(session, "health"), age);
	drawn_quote(s->out, drawn_text(session, "task"), WIDTH - 52);
	buf_addc(s->out, '\n');
}

/* Who says what he does stands first. */
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
	for (int busy = 1; busy >= 0; busy--) {
		for (size_t i = 0; i < json_count(list) && shown < 14; i++) {
			const struct json *session = json_item(list, i);
			const bool does =
				json_has(session, "task") && !json_has(session, "ended_ms");

			if (does != busy)
				continue;
			show_session(s, session);
			shown++;
		}
	}
	rest(s, shown, all, "ls sessions");
}

/* One line of each, by what the kind has. */

static void ask_line(struct sheet *s, const struct json *ask)
{
	char left[DRAWN_SHORT];
	size_t used;

	drawn_age(s->now_ms, drawn_number(ask, "deadline_ms", 0), left);
	used = drawn_cell(s->out, drawn_text(ask, "from"), 14, false);
	buf_adds(s->out, " asks ");
	used += 6;
	if (json_truth(json_get(ask, "anyone")))
		used += drawn_cell(s->out, "anyone", 14, false);
	else
		used += drawn_list(s->out, json_get(ask, "to"), 20, false);
	buf_addf(s->out, ", %s left  ", left);
	used += strlen(left) + 9;
	drawn_quote(s->out, drawn_text(ask, "text"), WIDTH - 10 - used);
}

static void task_line(struct sheet *s, const struct json *task)
{
	char age[DRAWN_SHORT];

	drawn_age(drawn_number(task, "since_ms", 0), s->now_ms, age);
	drawn_cell(s->out, drawn_text(task, "agent"), 18, true);
	buf_addf(s->out, "  %4s  ", age);
	drawn_quote(s->out, drawn_text(task, "text"), WIDTH - 10 - 26);
}

static void collaboration_line(struct sheet *s, const struct json *c)
{
	const struct json *decision = json_get(c, "decision");
	size_t used = drawn_list(s->out, json_get(c, "participants"), 24, false);
	char words[64];

	(void)snprintf(words, sizeof(words), ", %lld said, %lld decided  ",
		(long long)drawn_number(c, "messages", 0),
		(long long)drawn_number(c, "decisions", 0));
	buf_adds(s->out, words);
	used += strlen(words);
	if (used + 10 < WIDTH)
		drawn_quote(s->out, drawn_text(decision, "text"), WIDTH - 10 - used);
}

static void claim_line(struct sheet *s, const struct json *claim)
{
	char age[DRAWN_SHORT];

	drawn_age(drawn_number(claim, "since_ms", 0), s->now_ms, age);
	drawn_cell(s->out, drawn_text(claim, "owner"), 18, true);
	buf_addf(s->out, "  %4s  ", age);
	drawn_quote(s->out, drawn_text(claim, "note"), WIDTH - 10 - 26);
}

static void source_line(struct sheet *s, const struct json *source)
{
	char age[DRAWN_SHORT], words[96];
	int used;

	drawn_age(drawn_number(source, "success_ms", 0), s->now_ms, age);
	used = snprintf(words, sizeof(words), "%-8s %6lld files, %s  ", drawn_text(source, "state"),
		(long long)drawn_number(source, "files", 0),
		json_has(source, "success_ms") ? age : "never synced");
	buf_adds(s->out, words);
	if (used > 0 && used + 10 < WIDTH)
		drawn_quote(s->out, drawn_text(source, "error"), (size_t)(WIDTH - 10 - used));
}

static const struct kind {
	const char *name, *title, *where;
	void (*line)(struct sheet *, const struct json *);
} kinds[] = {
	{"asks", "ASKS", "ls asks", ask_line},
	{"tasks", "TASKS", "ls tasks", task_line},
	{"collaborations", "COLLABORATIONS", "ls collaborations", collaboration_line},
	{"claims", "CLAIMS", "ls claims", claim_line},
	{"sources", "SOURCES", "ls context/sources", source_line},
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static void show_kind(struct sheet *s, const struct kind *kind)
{
	const struct json *list = json_get(s->json, kind->name);
	const int64_t all = drawn_number(s->counts, kind->name, 0);
	char words[32];
	size_t i;

	if (!all)
		return;
	(void)snprintf(words, sizeof(words), "%lld", (long long)all);
	heading(s, kind->title, words);
	for (i = 0; i < json_count(list) && i < 5; i++) {
		buf_adds(s->out, "  ");
		drawn_cell(s->out, drawn_text(json_item(list, i), "id"), 7, true);
		buf_addc(s->out, ' ');
		kind->line(s, json_item(list, i));
		buf_addc(s->out, '\n');
	}
	rest(s, i, all, kind->where);
}

/* Those of which there are none, in one line. */
static void show_none(struct sheet *s)
{
	const char *before = "\nno ";

	for (size_t i = 0; i < KINDS; i++) {
		if (drawn_number(s->counts, kinds[i].name, 0))
			continue;
		buf_addf(s->out, "%s%s", before, kinds[i].name);
		before = ", ";
	}
	if (!drawn_number(s->counts, "alerts", 0)) {
		buf_addf(s->out, "%salerts", before);
		before = ", ";
	}
	if (*before == ',')
		buf_addc(s->out, '\n');
}

static void show_event(struct sheet *s, const struct json *event, bool message)
{
	const int64_t bytes = drawn_number(event, "bytes", -1);
	char clock[DRAWN_SHORT], size[DRAWN_SHORT];
	const char *from = drawn_text(event, "from");
	size_t used = 10;

	drawn_clock(drawn_number(event, "time_ms", 0), clock);
	buf_addf(s->out, "  %s  ", clock);
	used += 2;
	if (!message) {
		used += drawn_cell(s->out, drawn_text(event, "type"), 21, true);
		buf_addc(s->out, ' ');
		used++;
	}
	used += drawn_cell(s->out, *from ? from : "leitlfs", 14, !json_has(event, "to"));
	if (json_has(event, "to")) {
		buf_adds(s->out, " to ");
		used += 4 + drawn_list(s->out, json_get(event, "to"), 16, false);
	}
	buf_adds(s->out, "  ");
	if (bytes >= 0) {
		drawn_bytes(bytes, size);
		buf_addf(s->out, "(%s)", size);
	} else {
		drawn_quote(s->out, drawn_text(event, "text"), WIDTH - 2 - used);
	}
	buf_addc(s->out, '\n');
}

static void show_events(struct sheet *s, const char *name, const char *title, size_t most)
{
	const struct json *list = json_get(s->json, name);
	const bool messages = strcmp(name, "messages") == 0;
	char words[48];

	if (!json_count(list))
		return;
	(void)snprintf(words, sizeof(words), "the newest first");
	heading(s, title, words);
	for (size_t i = 0; i < json_count(list) && i < most; i++)
		show_event(s, json_item(list, i), messages);
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
	show_metrics(&s);
	show_alerts(&s);
	show_sessions(&s);
	for (size_t i = 0; i < KINDS; i++)
		show_kind(&s, &kinds[i]);
	show_events(&s, "messages", "MESSAGES", 5);
	show_events(&s, "activity", "ACTIVITY", 10);
	show_none(&s);
	json_free(json);
	return buf_error(out);
}
