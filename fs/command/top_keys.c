/* What keys do in leitlfs top. */
#define NCURSES_NOMACROS
#include "fs/command/top.h"

#include "core/base/clock.h"
#include "core/base/json.h"

#include <curses.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wctype.h>

#define ESCAPE    27
#define SILENT_US 6000000 /* without a snapshot, of which there is one a second */

static int64_t passed_us(const struct top *t)
{
	return clock_system.mono_us(&clock_system) - t->taken_us;
}

bool top_is_silent(const struct top *t)
{
	return t->json && passed_us(t) > SILENT_US;
}

int64_t top_now_ms(const struct top *t)
{
	const bool fresh = t->trouble.code == 0 && !top_is_silent(t);

	return drawn_number(t->json, "time_ms", 0) + (fresh ? passed_us(t) / 1000 : 0);
}

/* What an entry is known by from one snapshot to the next. */
static void key_of(enum drawn_kind kind, const struct json *item, char *out, size_t size)
{
	if (kind == DRAWN_MESSAGE || kind == DRAWN_EVENT)
		(void)snprintf(out, size, "%lld", (long long)drawn_number(item, "seq", 0));
	else
		(void)snprintf(out, size, "%s", drawn_text(item, "id"));
}

static bool matches(const struct top *t, const struct json *item)
{
	struct buf line = BUF_INIT;
	bool is;

	if (!t->filter[0])
		return true;
	drawn_line(&line, t->pane, item, top_now_ms(t), 2000);
	is = line.data && strcasestr(line.data, t->filter);
	buf_release(&line);
	return is;
}

/* At the top of what grows there one stays at the top, and none is chosen by its key. */
static bool grows(const struct top *t)
{
	return t->pane >= DRAWN_MESSAGE;
}

void top_arrange(struct top *t)
{
	const struct json *list = json_get(t->json, drawn_lists[t->pane].name);
	struct top_pane *pane = &t->panes[t->pane];
	char key[sizeof(pane->key)];
	bool found = false;

	free(t->rows);
	t->rows = calloc(json_count(list) + 1, sizeof(*t->rows));
	t->row_count = 0;
	for (size_t i = 0; t->rows && i < json_count(list); i++) {
		const struct json *item = json_item(list, i);

		if (!matches(t, item))
			continue;
		key_of(t->pane, item, key, sizeof(key));
		if (!found && pane->key[0] && strcmp(key, pane->key) == 0) {
			found = true;
			pane->at = t->row_count;
		}
		t->rows[t->row_count++] = item;
	}
	if (pane->at >= t->row_count)
		pane->at = t->row_count ? t->row_count - 1 : 0;
	if (!found && t->mode != TOP_DETAIL) {
		pane->key[0] = '\0';
		if (t->row_count && !(grows(t) && pane->at == 0))
			key_of(t->pane, t->rows[pane->at], pane->key, sizeof(pane->key));
	}
}

/* While it is looked at, no other takes the place of one that goes. */
const struct json *top_chosen(const struct top *t)
{
	const struct top_pane *pane = &t->panes[t->pane];
	char key[sizeof(pane->key)];

	if (pane->at >= t->row_count)
		return NULL;
	key_of(t->pane, t->rows[pane->at], key, sizeof(key));
	return !pane->key[0] || strcmp(key, pane->key) == 0 ? t->rows[pane->at] : NULL;
}

const char *top_session_of(const struct top *t, const struct json *item)
{
	return drawn_text(item, t->pane == DRAWN_SESSION ? "id" : "session");
}

static void choose(struct top *t, long step)
{
	struct top_pane *pane = &t->panes[t->pane];
	const long last = (long)t->row_count - 1;
	long at = (long)pane->at + step;

	if (t->row_count == 0)
		return;
	at = at < 0 ? 0 : at > last ? last : at;
	pane->at = (size_t)at;
	key_of(t->pane, t->rows[at], pane->key, sizeof(pane->key));
	if (at == 0 && grows(t))
		pane->key[0] = '\0';
}

static void step(struct top *t, long by)
{
	if (t->mode != TOP_DETAIL)
		choose(t, by);
	else if (by < 0 && t->detail_first < (size_t)-by)
		t->detail_first = 0;
	else
		t->detail_first += (size_t)by;
}

static void change_pane(struct top *t, int by)
{
	t->pane = (enum drawn_kind)(((int)t->pane + by + DRAWN_KINDS) % DRAWN_KINDS);
	t->mode = TOP_LIST;
}

static void set_filter(struct top *t)
{
	if (wcstombs(t->filter, t->input, sizeof(t->filter) - 1) == (size_t)-1)
		t->filter[0] = '\0';
}

/* A line that is being written. */
static void input_key(struct top *t, wint_t key, bool code)
{
	const bool filters = t->mode == TOP_FILTER;

	if (!code && key == ESCAPE) {
		t->input_len = 0;
		t->mode = TOP_LIST;
	} else if (key == L'\n' || key == L'\r' || (code && key == KEY_ENTER)) {
		if (!filters)
			top_send_message(t);
		t->mode = TOP_LIST;
	} else if ((code && key == KEY_BACKSPACE) || (!code && (key == 127 || key == 8))) {
		t->input_len -= t->input_len > 0;
	} else if (!code && key == 21) { /* ^U */
		t->input_len = 0;
	} else if (!code && iswprint(key) && t->input_len < TOP_INPUT_MAX) {
		t->input[t->input_len++] = (wchar_t)key;
	}
	t->input[t->input_len] = L'\0';
	if (filters)
		set_filter(t);
}

/* Back to the list, from there to one that is not filtered, and no further. */
static void go_back(struct top *t)
{
	if (t->mode != TOP_LIST)
		t->mode = TOP_LIST;
	else
		t->filter[0] = '\0';
}

static void code_key(struct top *t, wint_t key)
{
	const long page = LINES > 8 ? LINES - 8 : 1;

	switch (key) {
	case KEY_DOWN:
		step(t, 1);
		break;
	case KEY_UP:
		step(t, -1);
		break;
	case KEY_NPAGE:
		step(t, page);
		break;
	case KEY_PPAGE:
		step(t, -page);
		break;
	case KEY_HOME:
		step(t, -1000000);
		break;
	case KEY_END:
		step(t, t->mode == TOP_DETAIL ? page : 1000000);
		break;
	case KEY_BTAB:
	case KEY_LEFT:
		change_pane(t, -1);
		break;
	case KEY_RIGHT:
		change_pane(t, 1);
		break;
	case KEY_ENTER:
		top_key(t, L'\n', false);
		break;
	default:
		break;
	}
}

void top_key(struct top *t, wint_t key, bool code)
{
	if (code && key == KEY_RESIZE)
		return;
	if (t->mode == TOP_FILTER || t->mode == TOP_MESSAGE) {
		input_key(t, key, code);
		return;
	}
	t->note[0] = '\0';
	if (code) {
		code_key(t, key);
		return;
	}
	switch (key) {
	case L'q':
		t->quit = t->mode == TOP_LIST;
		t->mode = TOP_LIST;
		break;
	case ESCAPE:
		go_back(t);
		break;
	case L'j':
		step(t, 1);
		break;
	case L'k':
		step(t, -1);
		break;
	case L'g':
		step(t, -1000000);
		break;
	case L'G':
		step(t, t->mode == TOP_DETAIL ? 10 : 1000000);
		break;
	case L'\t':
		change_pane(t, 1);
		break;
	case L'/':
		top_input(t, TOP_FILTER);
		break;
	case L'm':
		top_begin_message(t, false);
		break;
	case L'M':
		top_begin_message(t, true);
		break;
	case L'?':
		t->mode = t->mode == TOP_HELP ? TOP_LIST : TOP_HELP;
		break;
	case L'\n':
	case L'\r':
		if (t->row_count == 0)
			break;
		choose(t, 0);
		key_of(t->pane, t->rows[t->panes[t->pane].at], t->panes[t->pane].key,
			sizeof(t->panes[t->pane].key));
		t->detail_first = 0;
		t->mode = TOP_DETAIL;
		break;
	default:
		break;
	}
}
