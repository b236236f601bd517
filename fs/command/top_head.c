/* The head of leitlfs top: how the loop is, and the panes that there are. */
#define NCURSES_NOMACROS
#include "fs/command/top.h"

#include "core/base/json.h"
#include "core/report/dashboard.h"

#include <curses.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* The second stands at the line's end, where there is room for it. */
static void put_both(int y, int attributes, const char *left, const char *right)
{
	const size_t wide = top_columns(), len = strlen(right);
	struct buf b = BUF_INIT;

	if (wide > strlen(left) + len + 2) {
		drawn_cell(&b, left, wide - len - 1, true);
		buf_addf(&b, " %s", right);
	} else {
		drawn_cell(&b, left, wide, false);
	}
	top_put(y, attributes, &b);
	buf_release(&b);
}

/* Why there is no news, for people; NULL while there is. */
static const char *why_not_fresh(const struct top *t)
{
	if (t->trouble.code == ENOENT || t->trouble.code == ENOTCONN)
		return "the mount is gone; this goes on when it is back";
	if (t->trouble.code != 0)
		return t->trouble.text;
	return top_is_silent(t) ? "the mount does not answer" : NULL;
}

void top_draw_head(struct top *t)
{
	const struct json *counts = json_get(t->json, "counts"),
			  *metrics = json_get(t->json, "metrics");
	const struct json *asks = json_get(t->json, "asks");
	char clock[DRAWN_SHORT], now[DRAWN_SHORT + 8], how[DRAWN_SHORT], words[400], yours[80] = "";
	struct buf b = BUF_INIT;
	const char *why = why_not_fresh(t);
	const long long unread = (long long)drawn_number(json_get(t->json, "you"), "unread", 0);
	long long mine = 0;

	for (size_t i = 0; i < json_count(asks); i++)
		mine += json_truth(json_get(json_item(asks, i), "for_you"));
	if (mine)
		(void)snprintf(yours, sizeof(yours), ", %lld question%s FOR YOU", mine,
			mine == 1 ? "" : "s");
	if (unread)
		(void)snprintf(yours + strlen(yours), sizeof(yours) - strlen(yours),
			", %lld%s unread", unread, unread == DASHBOARD_UNREAD ? " or more" : "");

	drawn_health(t->json, how);
	drawn_clock(drawn_number(t->json, "time_ms", 0), clock);
	(void)snprintf(now, sizeof(now), "%s UTC", clock);
	if (why)
		(void)snprintf(words, sizeof(words), "leitlfs  NOT FRESH since %s: %s", clock, why);
	else
		(void)snprintf(words, sizeof(words),
			"leitlfs  %s  %lld fresh, %lld late, %lld gone%s", how,
			(long long)drawn_number(counts, "fresh", 0),
			(long long)drawn_number(counts, "late", 0),
			(long long)drawn_number(counts, "gone", 0), yours);
	put_both(0, A_BOLD, words, now);
	if (top_columns() >= 72) {
		const int64_t sum = drawn_bars(&b, json_get(metrics, "seconds"));

		buf_addf(&b, " %lld/min", (long long)sum);
	} else {
		const long long events = (long long)drawn_number(counts, "events", 0);

		buf_addf(&b, "%lld event%s", events, events == 1 ? "" : "s");
	}
	top_put(1, A_NORMAL, &b);
	buf_release(&b);
}

static size_t tab_width(const struct top *t, int kind, char words[64])
{
	const int64_t n = drawn_number(json_get(t->json, "counts"), drawn_lists[kind].name, 0);
	const bool chosen = kind == (int)t->pane;

	if (n && kind < DRAWN_MESSAGE)
		(void)snprintf(words, 64, "%s%s %lld%s", chosen ? "[" : " ", top_names[kind],
			(long long)n, chosen ? "]" : " ");
	else
		(void)snprintf(words, 64, "%s%s%s", chosen ? "[" : " ", top_names[kind],
			chosen ? "]" : " ");
	return strlen(words);
}

/* Where they are too many for the line, those before the chosen one go first. */
void top_draw_tabs(struct top *t)
{
	char words[64];
	size_t used = 0, wide = top_columns();
	int first = 0;

	for (int kind = 0; kind <= (int)t->pane; kind++)
		used += tab_width(t, kind, words);
	while (used > wide && first < (int)t->pane)
		used -= tab_width(t, first++, words);
	move(2, 0);
	clrtoeol();
	used = 0;
	for (int kind = first; kind < DRAWN_KINDS; kind++) {
		used += tab_width(t, kind, words);
		if (used > wide)
			break;
		attrset(kind == (int)t->pane ? A_REVERSE : A_NORMAL);
		addstr(words);
	}
	attrset(A_NORMAL);
}
