#include "core/base/text.h"

#include "webdav/text_private.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

enum format { FORMAT_PLAIN, FORMAT_MARKDOWN, FORMAT_HTML, FORMAT_XML };

static bool ends_in(const char *path, const char *const endings[])
{
	size_t len = strlen(path);

	for (; *endings; endings++) {
		size_t n = strlen(*endings);

		if (len > n && strcasecmp(path + len - n, *endings) == 0)
			return true;
	}
	return false;
}

static bool begins(const char *text, size_t len, const char *with)
{
	size_t n = strlen(with);

	return len >= n && strncasecmp(text, with, n) == 0;
}

static enum format format_of(const char *path, const char *type, const char *bytes, size_t len)
{
	static const char *const html[] = {".html", ".htm", ".xhtml", NULL};
	static const char *const markdown[] = {
		".md", ".markdown", ".mdown", ".mkd", ".mdx", ".rst", ".adoc", NULL};
	static const char *const xml[] = {".xml", ".svg", ".xsl", ".rss", ".atom", NULL};
	size_t at = begins(bytes, len, "\xef\xbb\xbf") ? 3 : 0;

	if (begins(type, strlen(type), "text/html") ||
		begins(type, strlen(type), "application/xhtml") || ends_in(path, html))
		return FORMAT_HTML;
	if (ends_in(path, markdown) || begins(type, strlen(type), "text/markdown"))
		return FORMAT_MARKDOWN;
	while (at < len && strchr(" \t\r\n", bytes[at]) && bytes[at])
		at++;
	if (begins(bytes + at, len - at, "<!doctype html") || begins(bytes + at, len - at, "<html"))
		return FORMAT_HTML;
	return ends_in(path, xml) || begins(bytes + at, len - at, "<?xml") ? FORMAT_XML
									   : FORMAT_PLAIN;
}

/* Ends lines by \n, in place. */
static void set_newlines(struct buf *b)
{
	size_t to = 0;

	if (!b->len || !memchr(b->data, '\r', b->len))
		return;
	for (size_t i = 0; i < b->len; i++) {
		if (b->data[i] != '\r')
			b->data[to++] = b->data[i];
		else if (i + 1 == b->len || b->data[i + 1] != '\n')
			b->data[to++] = '\n';
	}
	b->len = to;
	b->data[to] = '\0';
}

/* A line of text, without its end; false where there is no more. */
static bool next_line(const char **text, size_t *left, const char **line, size_t *len)
{
	const char *end;

	if (*left == 0)
		return false;
	end = memchr(*text, '\n', *left);
	*line = *text;
	*len = end ? (size_t)(end - *text) : *left;
	*text += *len + (end != NULL);
	*left -= *len + (end != NULL);
	return true;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* A title from one line: without white space, quotes or #s around it. */
static void set_title(struct buf *title, const char *text, size_t len, const char *around)
{
	while (len && (is_blank(*text) || strchr(around, *text))) {
		text++;
		len--;
	}
	while (len && (is_blank(text[len - 1]) || strchr(around, text[len - 1])))
		len--;
	buf_reset(title);
	buf_add(title, text, len);
}

/* Front matter (between lines of --- or +++) and its title; moves behind it. */
static void skip_front_matter(const char **text, size_t *left, struct buf *title)
{
	const char *at = *text, *line, *fence;
	size_t rest = *left, len;

	if (!next_line(&at, &rest, &fence, &len) || len != 3 ||
		(memcmp(fence, "---", 3) != 0 && memcmp(fence, "+++", 3) != 0))
		return;
	for (int i = 0; i < 200 && next_line(&at, &rest, &line, &len); i++) {
		size_t value = 5;

		if (len == 3 && memcmp(line, fence, 3) == 0) {
			*text = at;
			*left = rest;
			return;
		}
		if (!begins(line, len, "title"))
			continue;
		while (value < len && is_blank(line[value]))
			value++;
		if (value < len && (line[value] == ':' || line[value] == '='))
			set_title(title, line + value + 1, len - value - 1, "\"'");
	}
	buf_reset(title); /* it has no end: no front matter */
}

static bool is_underline(const char *line, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (line[i] != line[0])
			return false;
	return len >= 3 && strchr("=-~*", line[0]);
}

/* The first heading: # Title, or a line that the next one underlines; not in code. */
static void find_heading(const char *text, size_t left, struct buf *title)
{
	const char *line, *before = "";
	size_t len, before_len = 0;
	bool code = false;

	while (title->len == 0 && next_line(&text, &left, &line, &len)) {
		if (begins(line, len, "```") || begins(line, len, "~~~~"))
			code = !code;
		else if (!code && len > 1 && (line[0] == '#' || line[0] == '='))
			if (strspn(line, line[0] == '#' ? "#" : "=") < len &&
				is_blank(line[strspn(line, line[0] == '#' ? "#" : "=")]))
				set_title(title, line, len, "#=");
		if (!code && title->len == 0 && before_len && !is_blank(*before) &&
			strchr("-*+>|`", *before) == NULL && is_underline(line, len))
			set_title(title, before, before_len, "");
		before = line;
		before_len = len;
	}
}

static void tidy_title(struct buf *title)
{
	size_t to = 0;

	for (size_t i = 0; i < title->len; i++) {
		char c = title->data[i];

		if ((unsigned char)c < 0x20 || c == 0x7f)
			c = ' ';
		if (c != ' ' || (to && title->data[to - 1] != ' '))
			title->data[to++] = c;
	}
	while (to && title->data[to - 1] == ' ')
		to--;
	if (!title->data)
		return;
	title->len = text_utf8_prefix(title->data, to < TITLE_MAX ? to : TITLE_MAX, NULL);
	title->data[title->len] = '\0';
}

int text_canonical(const char *path, const char *type, const char *bytes, size_t len,
	struct buf *title, struct buf *body, struct error *err)
{
	enum format format;
	struct buf decoded;
	const char *text;
	size_t left;
	int r;

	if (len > TEXT_MAX)
		return error_set(err, ENOTSUP, "it is larger than what is searched");
	buf_reset(title);
	buf_reset(body);
	format = format_of(path, type, bytes, len);
	if (format == FORMAT_HTML) {
		buf_init(&decoded, 4 * TEXT_MAX);
		r = text_decode(type, bytes, len, true, &decoded, err);
		set_newlines(&decoded);
		if (!r && decoded.len)
			r = text_from_html(decoded.data, decoded.len, title, body, err);
		buf_release(&decoded);
	} else {
		r = text_decode(type, bytes, len, format == FORMAT_XML, body, err);
		set_newlines(body);
		text = body->data;
		left = body->len;
		if (!r && left)
			skip_front_matter(&text, &left, title);
		if (!r && left && format == FORMAT_MARKDOWN && title->len == 0)
			find_heading(text, left, title);
	}
	tidy_title(title);
	if (!r && (title->failed || body->failed))
		r = error_set(err, ENOMEM, "out of memory");
	return r;
}
