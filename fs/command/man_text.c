#include "fs/command/man.h"

#include <stdbool.h>
#include <string.h>

#define COLUMNS 8 /* of a table */

/* The line at hand, and what it belongs to. */
struct page {
	struct buf *out;
	enum { IN_NOTHING, IN_WORDS, IN_LIST, IN_OPTIONS, IN_TABLE, IN_BLOCK, IN_FENCE } in;
	bool apart;               /* a blank line came before */
	bool fresh;               /* right behind a heading, where no paragraph begins */
	struct buf words;         /* of the paragraph, item or cell, not yet added */
	struct buf head[COLUMNS]; /* the table's first row */
	size_t columns;
};

static void flush_words(struct page *p)
{
	if (p->words.len > 0)
		man_add_words(p->out, p->words.data, p->words.len);
	buf_reset(&p->words);
}

/* Ends what the lines so far were. */
static void leave(struct page *p)
{
	flush_words(p);
	if (p->in == IN_LIST || p->in == IN_OPTIONS || p->in == IN_TABLE)
		buf_adds(p->out, ".El\n");
	if (p->in == IN_BLOCK || p->in == IN_FENCE)
		buf_adds(p->out, ".Ed\n");
	if (p->in != IN_NOTHING)
		p->fresh = false;
	for (size_t i = 0; i < p->columns; i++)
		buf_release(&p->head[i]);
	p->columns = 0;
	p->in = IN_NOTHING;
}

static void enter(struct page *p, int what, const char *request)
{
	leave(p);
	p->in = what;
	buf_adds(p->out, request);
}

static void add_word(struct page *p, const char *at, size_t len)
{
	if (p->words.len > 0)
		buf_addc(&p->words, ' ');
	buf_add(&p->words, at, len);
}

static void add_item(struct page *p, const char *at, size_t len)
{
	flush_words(p);
	buf_adds(p->out, ".It Xo\n");
	man_add_words(p->out, at, len);
	buf_adds(p->out, ".Xc\n");
}

static void take_heading(struct page *p, const char *line, size_t len)
{
	size_t level = strspn(line, "#");

	leave(p);
	if (level == 1)
		return;
	p->fresh = true;
	if (level == 2 && len == 9 && memcmp(line, "## Errors", len) == 0) {
		/* ERRORS is for the errnos of functions, in sections 2 and 3. */
		buf_adds(p->out, ".Sh DIAGNOSTICS\n");
		return;
	}
	buf_adds(p->out, level == 2 ? ".Sh " : ".Ss ");
	for (size_t i = level + 1; i < len; i++) {
		char c = line[i];

		if (c == '`')
			continue;
		if (level == 2 && c >= 'a' && c <= 'z')
			c = (char)(c - 'a' + 'A');
		if (c == ',' && level == 2)
			buf_adds(p->out, "\\&");
		buf_addc(p->out, c);
	}
	buf_addc(p->out, '\n');
}

/* "| a | `b | c` | d |": the cells, at and length; pipes in `code` are of it. */
static size_t split_row(const char *line, size_t len, const char **cells, size_t *lens)
{
	bool code = false;
	size_t count = 0, from = 1;

	for (size_t i = 1; i < len && count < COLUMNS; i++) {
		if (line[i] == '`')
			code = !code;
		if (line[i] != '|' || code || line[i - 1] == '\\')
			continue;
		while (from < i && line[from] == ' ')
			from++;
		cells[count] = line + from;
		lens[count] = i - from;
		while (lens[count] > 0 && cells[count][lens[count] - 1] == ' ')
			lens[count]--;
		count++;
		from = i + 1;
	}
	return count;
}

static void take_row(struct page *p, const char *line, size_t len)
{
	const char *cells[COLUMNS];
	size_t lens[COLUMNS], count = split_row(line, len, cells, lens);

	if (p->in != IN_TABLE) {
		enter(p, IN_TABLE, ".Bl -tag -width Ds\n");
		for (p->columns = 0; p->columns < count; p->columns++) {
			p->head[p->columns] = (struct buf)BUF_INIT;
			buf_add(&p->head[p->columns], cells[p->columns], lens[p->columns]);
		}
		return;
	}
	if (count == 0 || strspn(line, "|-: ") >= len)
		return;
	add_item(p, cells[0], lens[0]);
	for (size_t i = 1; i < count; i++) {
		if (lens[i] == 0)
			continue;
		if (p->words.len > 0)
			buf_addc(&p->words, ';');
		if (count > 2 && i < p->columns && p->head[i].len > 0) {
			add_word(p, p->head[i].data, p->head[i].len);
			buf_addc(&p->words, ':');
		}
		add_word(p, cells[i], lens[i]);
	}
}

static void take_option(struct page *p, const char *line, size_t len)
{
	const char *gap = memmem(line + 5, len - 5, "  ", 2);
	size_t head;

	/* "-d   -o debug   what it means": the last gap is the one. */
	for (const char *next = gap; next != NULL;) {
		next += strspn(next, " ");
		gap = *next == '-' ? memmem(next, len - (size_t)(next - line), "  ", 2) : gap;
		next = *next == '-' ? gap : NULL;
	}
	head = gap != NULL ? (size_t)(gap - line) : len;
	if (p->in != IN_OPTIONS)
		enter(p, IN_OPTIONS, ".Bl -tag -width Ds\n");
	add_item(p, line + 4, head - 4);
	if (gap != NULL) {
		gap += strspn(gap, " ");
		add_word(p, gap, len - (size_t)(gap - line));
	}
}

static void add_literal(struct page *p, const char *line, size_t len)
{
	if (p->apart)
		buf_addc(p->out, '\n');
	if (len > 0 && (*line == '.' || *line == '\''))
		buf_adds(p->out, "\\&");
	man_add_raw(p->out, line, len);
	buf_addc(p->out, '\n');
}

static bool is_indented(const char *line, size_t len)
{
	return len > 4 && memcmp(line, "    ", 4) == 0;
}

static void take_words(struct page *p, const char *line, size_t len)
{
	size_t indent = strspn(line, " ");

	if (p->in != IN_WORDS && !(p->in == IN_LIST && indent >= 2) &&
		!(p->in == IN_OPTIONS && indent >= 5))
		enter(p, IN_WORDS, p->fresh ? "" : ".Pp\n");
	else if (p->apart)
		flush_words(p), buf_adds(p->out, ".Pp\n");
	add_word(p, line + indent, len - indent);
}

static void take_line(struct page *p, const char *line, size_t len)
{
	bool option = is_indented(line, len) && line[4] == '-' && len > 6;
	bool goes_on = p->in == IN_OPTIONS && !p->apart && !option;

	if (len == 0) {
		p->apart = true;
		return;
	}
	if (line[0] == '#')
		take_heading(p, line, len);
	else if (len >= 3 && memcmp(line, "```", 3) == 0)
		enter(p, IN_FENCE, ".Bd -literal -offset indent\n");
	else if (line[0] == '|')
		take_row(p, line, len);
	else if (option)
		take_option(p, line, len);
	else if (is_indented(line, len) && !goes_on && (p->in != IN_LIST || p->apart)) {
		if (p->in != IN_BLOCK) {
			enter(p, IN_BLOCK, ".Bd -literal -offset indent\n");
			p->apart = false;
		}
		add_literal(p, line + 4, len - 4);
	} else if (len > 2 && memcmp(line, "- ", 2) == 0) {
		if (p->in != IN_LIST)
			enter(p, IN_LIST, ".Bl -bullet\n");
		flush_words(p);
		buf_adds(p->out, ".It\n");
		add_word(p, line + 2, len - 2);
	} else {
		take_words(p, line, len);
	}
	p->apart = false;
}

void man_add_text(struct buf *out, const char *text)
{
	struct page p = {.out = out, .words = BUF_INIT, .fresh = true};

	while (*text != '\0') {
		size_t len = strcspn(text, "\n");

		if (p.in != IN_FENCE)
			take_line(&p, text, len);
		else if (len >= 3 && memcmp(text, "```", 3) == 0)
			leave(&p);
		else
			add_literal(&p, text, len);
		text += len + (text[len] == '\n');
	}
	leave(&p);
	if (buf_error(&p.words) != 0)
		out->failed = p.words.failed;
	buf_release(&p.words);
}
