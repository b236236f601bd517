/* One entry of the snapshot's lists as one line. */
#include "core/base/drawn.h"

#include "core/base/json.h"

#include <stdio.h>
#include <string.h>

struct line {
	struct buf *out;
	int64_t now_ms;
	size_t width; /* that is left */
};

static void plain(struct line *l, const char *words)
{
	l->width -= drawn_cell(l->out, words, l->width, false);
}

static void cell(struct line *l, const char *text, size_t width)
{
	l->width -= drawn_cell(l->out, text, width < l->width ? width : l->width, true);
	plain(l, "  ");
}

static void quote(struct line *l, const char *text)
{
	l->width -= drawn_quote(l->out, text, l->width);
}

/* How long since, after a word that says what of: "for 2h". */
static void age(struct line *l, const char *word, const struct json *item, const char *key)
{
	char text[DRAWN_SHORT], column[64];

	drawn_age(drawn_number(item, key, 0), l->now_ms, text);
	(void)snprintf(column, sizeof(column), "%s %s", word, text);
	cell(l, json_has(item, key) ? column : "-", strlen(word) + 5);
}

/* Columns grow with the line, as far as what stands in them may need, and shrink with it. */
static size_t part(const struct line *l, size_t of_80, size_t most)
{
	const size_t width = of_80 * l->width / 76, least = of_80 / 2;

	return width < least ? least : width < most ? width : most;
}

static void session_cells(
	struct line *l, const char *id, const char *agent, const char *health, const char *since)
{
	const size_t ids = part(l, 18, 40), agents = part(l, 12, 24);
	const bool narrow = l->width < 60;

	cell(l, narrow && *agent ? agent : id, ids);
	if (!narrow)
		cell(l, agent, agents);
	cell(l, health, 6);
	cell(l, since, 10);
}

/* Of who is fresh, how long it is here; of the others, how long that is so. */
static void session(struct line *l, const struct json *s)
{
	const char *agent = drawn_text(s, "agent"), *id = drawn_text(s, "id"),
		   *health = drawn_text(s, "health"), *word = "here", *key = "started_ms";
	char ago[DRAWN_SHORT], since[DRAWN_SHORT + 8];

	if (json_has(s, "ended_ms")) {
		word = "left";
		key = "ended_ms";
	} else if (json_truth(json_get(s, "person"))) {
		health = "person";
		word = "seen";
		key = "heard_ms";
	} else if (strcmp(health, "late") == 0) {
		word = "silent";
		key = "heard_ms";
	}
	drawn_age(drawn_number(s, key, 0), l->now_ms, ago);
	(void)snprintf(since, sizeof(since), "%s %s", word, ago);
	session_cells(l, id, strcmp(agent, id) == 0 ? "" : agent, health, since);
	quote(l, drawn_text(s, "task"));
}

static void ask(struct line *l, const struct json *a)
{
	char left[DRAWN_SHORT], words[64];
	const size_t names = part(l, 14, 24);

	drawn_age(l->now_ms, drawn_number(a, "deadline_ms", 0), left);
	cell(l, drawn_text(a, "id"), part(l, 7, 12));
	l->width -= drawn_cell(l->out, drawn_text(a, "from"), names, false);
	plain(l, " asks ");
	if (json_truth(json_get(a, "anyone")))
		plain(l, "anyone");
	else if (json_truth(json_get(a, "for_you")) && drawn_count(a, "to") == 1)
		plain(l, "YOU");
	else
		l->width -= drawn_list(l->out, json_get(a, "to"), names + 6, false);
	(void)snprintf(words, sizeof(words), ", %s left  ", left);
	plain(l, words);
	quote(l, drawn_text(a, "text"));
}

static void task(struct line *l, const struct json *t)
{
	const size_t names = part(l, 18, 28);

	cell(l, drawn_text(t, "id"), part(l, 7, 12));
	cell(l, drawn_text(t, "agent"), names);
	age(l, "for", t, "since_ms");
	quote(l, drawn_text(t, "text"));
}

static void collaboration(struct line *l, const struct json *c)
{
	const size_t names = part(l, 20, 48);
	const long long messages = drawn_number(c, "messages", 0),
			decisions = drawn_number(c, "decisions", 0);
	char words[80];

	cell(l, drawn_text(c, "id"), part(l, 14, 28));
	l->width -= drawn_list(l->out, json_get(c, "participants"), names, false);
	(void)snprintf(words, sizeof(words), ": %lld message%s, %lld decision%s  ", messages,
		messages == 1 ? "" : "s", decisions, decisions == 1 ? "" : "s");
	plain(l, words);
	quote(l, drawn_text(json_get(c, "decision"), "text"));
}

static void claim(struct line *l, const struct json *c)
{
	const size_t names = part(l, 18, 40), owners = part(l, 16, 24);

	cell(l, drawn_text(c, "id"), names);
	cell(l, drawn_text(c, "owner"), owners);
	age(l, "for", c, "since_ms");
	quote(l, drawn_text(c, "note"));
}

static void source(struct line *l, const struct json *s)
{
	char files[48];

	cell(l, drawn_text(s, "id"), part(l, 16, 32));
	cell(l, drawn_text(s, "state"), 7);
	(void)snprintf(
		files, sizeof(files), "%6lld files  ", (long long)drawn_number(s, "files", 0));
	plain(l, files);
	if (json_has(s, "success_ms"))
		age(l, "synced", s, "success_ms");
	else
		cell(l, "not synced", 11);
	quote(l, drawn_text(s, "error"));
}

static void alert(struct line *l, const struct json *a)
{
	cell(l, drawn_text(a, "id"), 6);
	cell(l, drawn_text(a, "alert"), 16);
	age(l, "for", a, "since_ms");
	plain(l, drawn_text(a, "session"));
}

/* Whether an event is told to nobody but the session that it is about. */
static bool is_its_own(const struct json *e)
{
	const char *to = json_text(json_item(json_get(e, "to"), 0));

	return drawn_count(e, "to") == 1 && to && strcmp(to, drawn_text(e, "session")) == 0;
}

/* What was said, where everyone may know it; of the rest, how much. */
static void said(struct line *l, const struct json *e)
{
	const int64_t bytes = drawn_number(e, "bytes", -1);
	const char *text = drawn_text(e, "text"), *ask = drawn_text(e, "ask"),
		   *told = drawn_text(e, "told");
	char size[DRAWN_SHORT];

	if (*told) {
		plain(l, told);
		return;
	}
	if (*ask) {
		plain(l, ask);
		plain(l, bytes >= 0 ? ", " : "  ");
	}
	if (bytes >= 0) {
		drawn_bytes(bytes, size);
		plain(l, "private, ");
		plain(l, size);
	} else {
		quote(l, *text ? text : drawn_text(e, "facts"));
	}
}

static void event(struct line *l, const struct json *e, bool message)
{
	const size_t names = part(l, 14, 24), types = part(l, 20, 24);
	char clock[DRAWN_SHORT];

	drawn_clock(drawn_number(e, "time_ms", 0), clock);
	cell(l, clock, 8);
	if (!message)
		cell(l, drawn_text(e, "type"), types);
	if (json_has(e, "to") && !is_its_own(e)) {
		l->width -= drawn_cell(l->out, drawn_text(e, "from"), names, false);
		plain(l, " to ");
		l->width -= drawn_list(l->out, json_get(e, "to"), names, false);
		plain(l, "  ");
	} else {
		cell(l, drawn_text(e, "from"), names);
	}
	said(l, e);
}

void drawn_line(struct buf *out, enum drawn_kind kind, const struct json *item, int64_t now_ms,
	size_t width)
{
	static void (*const lines[])(struct line *, const struct json *) = {
		[DRAWN_SESSION] = session,
		[DRAWN_ASK] = ask,
		[DRAWN_TASK] = task,
		[DRAWN_COLLABORATION] = collaboration,
		[DRAWN_CLAIM] = claim,
		[DRAWN_SOURCE] = source,
		[DRAWN_ALERT] = alert,
	};
	struct line line = {out, now_ms, width};

	if (kind == DRAWN_MESSAGE || kind == DRAWN_EVENT)
		event(&line, item, kind == DRAWN_MESSAGE);
	else
		lines[kind](&line, item);
	while (out->len && out->data[out->len - 1] == ' ')
		out->len--;
}

void drawn_session_heading(struct buf *out, size_t width)
{
	struct line line = {out, 0, width};

	session_cells(&line, "SESSION", width < 60 ? "" : "AGENT", "HEALTH", "HOW LONG");
	plain(&line, "TASK");
}

const struct drawn_list drawn_lists[DRAWN_KINDS] = {
	[DRAWN_SESSION] = {"sessions", "SESSIONS", "ls sessions"},
	[DRAWN_ASK] = {"asks", "ASKS", "ls asks"},
	[DRAWN_TASK] = {"tasks", "TASKS", "ls tasks"},
	[DRAWN_COLLABORATION] = {"collaborations", "COLLABORATIONS", "ls collaborations"},
	[DRAWN_CLAIM] = {"claims", "CLAIMS", "ls claims"},
	[DRAWN_SOURCE] = {"sources", "SOURCES", "ls context/sources"},
	[DRAWN_ALERT] = {"alerts", "ALERTS", "cat alerts"},
	[DRAWN_MESSAGE] = {"messages", "MESSAGES", "cat broadcast"},
	[DRAWN_EVENT] = {"activity", "ACTIVITY", "cat activity"},
};
