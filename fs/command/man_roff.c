#include "fs/command/man.h"

#include <stdbool.h>
#include <string.h>

#define WIDTH 76 /* of a line of the page's source */

static const char *escape_of(char c)
{
	switch (c) {
	case '\\':
		return "\\e";
	case '-':
		return "\\-";
	case '`':
		return "\\(ga";
	case '\'':
		return "\\(aq";
	case '^':
		return "\\(ha";
	case '~':
		return "\\(ti";
	case '"':
		return "\\(dq";
	default:
		return NULL;
	}
}

void man_add_raw(struct buf *out, const char *text, size_t len)
{
	const unsigned char *at = (const unsigned char *)text, *end = at + len;

	while (at < end) {
		const char *escape = escape_of((char)*at);
		unsigned more = *at >= 0xf0 ? 3 : *at >= 0xe0 ? 2 : *at >= 0xc0 ? 1 : 0;
		unsigned code = more > 0 ? *at & (0x3fU >> more) : *at;

		for (at++; more > 0 && at < end && (*at & 0xc0) == 0x80; more--)
			code = code << 6 | (*at++ & 0x3fU);
		if (more > 0 || (code >= 0x80 && code < 0xa0)) /* no UTF-8, or no character */
			code = 0xfffd;
		if (escape != NULL)
			buf_adds(out, escape);
		else if (code == 0x2026) /* terminals without it show nothing */
			buf_adds(out, "...");
		else if (code >= 0x80)
			buf_addf(out, "\\[u%04X]", code);
		else
			buf_addc(out, (char)code);
	}
}

/* Adds Markdown's spans: `code`, **emphasis**, [text](link), and all else as it is. */
static void add_spans(struct buf *out, const char *at, const char *end)
{
	while (at < end) {
		const char *close = NULL;
		size_t left = (size_t)(end - at);

		if (*at == '`' && (close = memchr(at + 1, '`', left - 1)) != NULL) {
			buf_adds(out, "\\fB");
			man_add_raw(out, at + 1, (size_t)(close - at - 1));
			buf_adds(out, "\\fP");
			at = close + 1;
		} else if (left > 4 && memcmp(at, "**", 2) == 0 &&
			   (close = memmem(at + 2, left - 2, "**", 2)) != NULL) {
			buf_adds(out, "\\fI");
			man_add_raw(out, at + 2, (size_t)(close - at - 2));
			buf_adds(out, "\\fP");
			at = close + 2;
		} else if (*at == '[' && (close = memmem(at, left, "](", 2)) != NULL &&
			   memchr(close, ')', (size_t)(end - close)) != NULL &&
			   memchr(at, ' ', (size_t)(close - at)) == NULL) {
			add_spans(out, at + 1, close);
			at = (const char *)memchr(close, ')', (size_t)(end - close)) + 1;
		} else {
			if (*at == '\\' && left > 1 && at[1] == '|')
				at++;
			for (close = at + 1; close < end && strchr("`*[\\", *close) == NULL;)
				close++;
			man_add_raw(out, at, (size_t)(close - at));
			at = close;
		}
	}
}

/* roff wants a new line behind it. */
static bool ends_sentence(const char *word, size_t len)
{
	while (len > 1 && strchr(")]", word[len - 1]) != NULL)
		len--;
	return len > 0 && strchr(".!?", word[len - 1]) != NULL;
}

void man_add_words(struct buf *out, const char *words, size_t len)
{
	struct buf spans = BUF_INIT;
	size_t column = 0;
	bool ends = false;

	add_spans(&spans, words, words + len);
	for (const char *at = buf_error(&spans) == 0 ? spans.data : "";
		at != NULL && *at != '\0';) {
		size_t word = strcspn(at, " ");

		if (column > 0 && (column + 1 + word > WIDTH || ends)) {
			buf_addc(out, '\n');
			column = 0;
		} else if (column > 0 && word > 0) {
			buf_addc(out, ' ');
			column++;
		}
		if (column == 0 && (*at == '.' || *at == '\''))
			buf_adds(out, "\\&");
		buf_add(out, at, word);
		column += word;
		ends = ends_sentence(at, word);
		at += word;
		at += strspn(at, " ");
	}
	if (column > 0)
		buf_addc(out, '\n');
	if (buf_error(&spans) != 0)
		out->failed = spans.failed;
	buf_release(&spans);
}
