/* What leitlfs top shows of the one that is looked into. */
#define NCURSES_NOMACROS
#include "fs/command/top.h"

#include "core/base/json.h"

#include <curses.h>
#include <string.h>

/* Looking into one: its members, and of a session what it has and did lately. */

struct page {
	int from, lines, at; /* of the screen; which line comes next */
	size_t first;
};

static void page_line(struct page *p, struct buf *b)
{
	const int y = p->at++ - (int)p->first;

	if (y >= 0 && y < p->lines)
		top_put(p->from + y, A_NORMAL, b);
	else
		buf_reset(b);
}

static void add_value(struct buf *b, const char *key, const struct json *value, int64_t now_ms)
{
	const size_t len = strlen(key);
	char ago[DRAWN_SHORT];
	int64_t number;

	if (len > 3 && strcmp(key + len - 3, "_ms") == 0 && json_to_integer(value, &number)) {
		const bool comes = number > now_ms;

		drawn_age(comes ? now_ms : number, comes ? number : now_ms, ago);
		buf_addf(b, comes ? "in %s" : strcmp(ago, "now") == 0 ? "%s" : "%s ago", ago);
	} else if (json_text(value)) {
		drawn_quote(b, json_text(value), top_columns() > 18 ? top_columns() - 18 : 0);
	} else if (json_kind(value) == JSON_KIND_LIST) {
		drawn_list(b, value, top_columns() > 18 ? top_columns() - 18 : 0, false);
	} else {
		struct buf raw = BUF_INIT;

		json_show(value, &raw);
		while (raw.len && raw.data[raw.len - 1] == '\n')
			raw.data[--raw.len] = '\0';
		drawn_cell(b, raw.data ? raw.data : "", top_columns() > 18 ? top_columns() - 18 : 0,
			false);
		buf_release(&raw);
	}
}

static void draw_members(struct top *t, const struct json *item, struct page *p)
{
	struct buf b = BUF_INIT;
	const struct json *value;
	const char *key, *question = top_answerable(t, item);

	if (question) {
		buf_addf(&b, "  %-15secho … > asks/%s/reply, or m", "answer", question);
		page_line(p, &b);
	}
	for (struct json_iter it = json_iter(item); json_next(&it, &key, &value);) {
		size_t len = strlen(key);

		if (len > 3 && strcmp(key + len - 3, "_ms") == 0)
			len -= 3;
		buf_addf(&b, "  %.*s", (int)(len < 14 ? len : 14), key);
		while (b.len < 17)
			buf_addc(&b, ' ');
		add_value(&b, key, value, top_now_ms(t));
		page_line(p, &b);
	}
	buf_release(&b);
}

/* What else of the snapshot is of that session. */
static void draw_related(struct top *t, const char *id, struct page *p)
{
	struct buf b = BUF_INIT;

	for (int kind = DRAWN_ASK; kind < DRAWN_KINDS; kind++) {
		const struct json *list = json_get(t->json, drawn_lists[kind].name);
		bool any = false;

		for (size_t i = 0; i < json_count(list); i++) {
			if (strcmp(drawn_text(json_item(list, i), "session"), id) != 0)
				continue;
			if (!any) {
				page_line(p, &b);
				buf_addf(&b, "%s", top_names[kind]);
				page_line(p, &b);
			}
			any = true;
			buf_adds(&b, "  ");
			drawn_line(&b, (enum drawn_kind)kind, json_item(list, i), top_now_ms(t),
				top_columns() > 2 ? top_columns() - 2 : 0);
			page_line(p, &b);
		}
	}
	buf_release(&b);
}

void top_draw_detail(struct top *t, int from, int lines)
{
	const struct json *item = top_chosen(t);
	struct page page = {from, lines, 0, t->detail_first};
	struct buf b = BUF_INIT;

	if (!item) {
		buf_adds(&b, "  it has gone");
		page.first = 0;
		page_line(&page, &b);
	} else {
		draw_members(t, item, &page);
		if (*top_session_of(t, item))
			draw_related(t, top_session_of(t, item), &page);
	}
	if (t->detail_first >= (size_t)page.at)
		t->detail_first = page.at > 0 ? (size_t)page.at - 1 : 0;
	while (page.at < lines + (int)page.first)
		page_line(&page, &b);
	buf_release(&b);
}
