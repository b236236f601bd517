/* What leitlfs top shows. */
#define NCURSES_NOMACROS
#include "fs/command/top.h"

#include "core/base/json.h"

#include <curses.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const top_names[DRAWN_KINDS] = {
	[DRAWN_SESSION] = "Sessions",
	[DRAWN_ASK] = "Asks",
	[DRAWN_TASK] = "Tasks",
	[DRAWN_COLLABORATION] = "Together",
	[DRAWN_CLAIM] = "Claims",
	[DRAWN_SOURCE] = "Sources",
	[DRAWN_ALERT] = "Alerts",
	[DRAWN_MESSAGE] = "Messages",
	[DRAWN_EVENT] = "Activity",
};

static const char *const help[] = {
	"Tab, Shift-Tab   the next pane, the one before",
	"j k, arrows      down and up;  g G  first and last;  PgUp PgDn",
	"Enter            look into what is chosen; Esc or q goes back",
	"/                filter, as you type; Enter keeps it, Esc clears it",
	"m                a message to the session that is chosen, or is of what is chosen;",
	"                 on a question for you, or for anyone, its answer (Asks)",
	"M                a message to everyone",
	"?                this help",
	"q                quit",
	"",
	"Sessions         fresh: heard of lately, here for so long; late: silent for so long;",
	"                 gone: left so long ago; person: seen so long ago, and never late",
};

size_t top_columns(void)
{
	return COLS > 1 ? (size_t)COLS - 1 : 0; /* what fills the last one would wrap */
}

/* One line, of what was added to the buffer. */
void top_put(int y, int attributes, struct buf *b)
{
	if (y < 0 || y >= LINES)
		return;
	move(y, 0);
	clrtoeol();
	attrset(attributes);
	if (b->data && !buf_error(b))
		addstr(b->data);
	attrset(A_NORMAL);
	buf_reset(b);
}

static void put_text(int y, int attributes, const char *text)
{
	struct buf b = BUF_INIT;

	drawn_cell(&b, text, top_columns(), false);
	top_put(y, attributes, &b);
	buf_release(&b);
}

/* Of sessions, what the columns are. Returns the lines that it took. */
static int draw_heading(struct top *t, int from, int lines)
{
	struct buf b = BUF_INIT;

	if (t->pane != DRAWN_SESSION || lines < 4)
		return 0;
	buf_adds(&b, "  ");
	drawn_session_heading(&b, top_columns() > 2 ? top_columns() - 2 : 0);
	top_put(from, A_UNDERLINE, &b);
	buf_release(&b);
	return 1;
}

/* What a newcomer does next, below the rows of the loop's persons. */
static void draw_first_steps(struct top *t, int from, int lines)
{
	if (t->pane != DRAWN_SESSION || t->filter[0] ||
		drawn_has_somebody(json_get(t->json, "sessions")))
		return;
	for (int i = 0; drawn_first_steps[i] && (int)t->row_count + 1 + i < lines; i++)
		put_text(from + (int)t->row_count + 1 + i, A_NORMAL, drawn_first_steps[i]);
}

static void draw_list(struct top *t, int from, int lines)
{
	struct top_pane *pane = &t->panes[t->pane];
	const int above = draw_heading(t, from, lines);
	struct buf b = BUF_INIT;

	from += above;
	lines -= above;
	if (lines <= 0)
		return;
	if (pane->at < pane->first)
		pane->first = pane->at;
	if (pane->at >= pane->first + (size_t)lines)
		pane->first = pane->at - (size_t)lines + 1;
	for (int i = 0; i < lines; i++) {
		const size_t row = pane->first + (size_t)i;

		if (row < t->row_count) {
			const bool chosen = row == pane->at;

			buf_adds(&b, chosen ? "> " : "  ");
			drawn_line(&b, t->pane, t->rows[row], top_now_ms(t),
				top_columns() > 2 ? top_columns() - 2 : 0);
			top_put(from + i, chosen ? A_REVERSE : A_NORMAL, &b);
		} else {
			buf_adds(&b, i || t->row_count ? ""
				     : t->filter[0]    ? "  nothing matches"
						       : "  none");
			top_put(from + i, A_NORMAL, &b);
		}
	}
	buf_release(&b);
	draw_first_steps(t, from, lines);
}

static void draw_activity(struct top *t, int from, int lines)
{
	const struct json *list = json_get(t->json, "activity");
	struct buf b = BUF_INIT;

	put_text(from, A_UNDERLINE, "Activity, the newest first");
	for (int i = 0; i < lines - 1; i++) {
		const struct json *event = json_item(list, (size_t)i);

		buf_adds(&b, "  ");
		if (event)
			drawn_line(&b, DRAWN_EVENT, event, top_now_ms(t),
				top_columns() > 2 ? top_columns() - 2 : 0);
		top_put(from + 1 + i, A_NORMAL, &b);
	}
	buf_release(&b);
}

static void draw_help(int from, int lines)
{
	const int count = (int)(sizeof(help) / sizeof(help[0]));

	for (int i = 0; i < lines; i++)
		put_text(from + i, A_NORMAL, i < count ? help[i] : "");
}

static void draw_foot(struct top *t)
{
	char typed[TOP_INPUT_MAX * 4 + 1] = "", words[TOP_INPUT_MAX * 4 + 128];
	const char *question = t->mode == TOP_HELP ? NULL : top_answerable(t, top_chosen(t));
	struct buf b = BUF_INIT;

	if (t->mode == TOP_FILTER || t->mode == TOP_MESSAGE) {
		const wchar_t *from = t->input;
		/* Its end is what is being written. */
		const size_t room = top_columns() > 30 ? top_columns() - 30 : 10;

		if (t->input_len > room)
			from += t->input_len - room;
		(void)wcstombs(typed, from, sizeof(typed) - 1);
		if (t->mode == TOP_FILTER)
			(void)snprintf(words, sizeof(words), "/%s", typed);
		else if (t->answers[0])
			(void)snprintf(words, sizeof(words), "answer %s: %s", t->answers, typed);
		else
			(void)snprintf(words, sizeof(words), "To %s: %s",
				t->to[0] ? t->to : "everyone", typed);
		drawn_cell(&b, words, top_columns(), false);
		top_put(LINES - 1, A_BOLD, &b);
		curs_set(1);
	} else {
		if (t->note[0])
			(void)snprintf(words, sizeof(words), "%s", t->note);
		else if (t->filter[0])
			(void)snprintf(words, sizeof(words), "filter: %s   (/ changes, Esc clears)",
				t->filter);
		else if (question)
			(void)snprintf(words, sizeof(words),
				"m answer (asks/%s/reply)  q quit  Tab pane  Enter look  ? help",
				question);
		else
			(void)snprintf(words, sizeof(words), "%s",
				"q quit  Tab pane  Enter look  / filter  m message  ? help");
		put_text(LINES - 1, A_DIM, words);
		curs_set(0);
	}
	buf_release(&b);
}

void top_draw(struct top *t)
{
	const int from = 3, lines = LINES - from - 1;
	const int below = t->pane != DRAWN_EVENT && LINES >= 18 ? LINES / 4 : 0;

	erase();
	top_arrange(t);
	if (!t->json && t->trouble.code == 0) {
		put_text(0, A_NORMAL, "leitlfs  looking…");
	} else {
		top_draw_head(t);
		top_draw_tabs(t);
		if (t->mode == TOP_HELP) {
			draw_help(from, lines);
		} else if (t->mode == TOP_DETAIL) {
			top_draw_detail(t, from, lines);
		} else {
			draw_list(t, from, lines - below);
			if (below)
				draw_activity(t, from + lines - below, below);
		}
	}
	draw_foot(t);
	refresh();
}
