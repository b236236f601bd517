#include "core/base/text.h"
#include "webdav/text_private.h"

#include <errno.h>
#include <libxml/HTMLparser.h>
#include <libxml/parserInternals.h>
#include <string.h>
#include <strings.h>

#define DEPTH_MAX 1000
/* The parser looks through the open elements at many tags: that many looks, some tenths of a
 * second, are more than any honest page needs. */
#define LOOKS_MAX ((size_t)1 << 27)

enum element {
	ELEMENT_INLINE,
	ELEMENT_LINE,      /* stands on lines of its own */
	ELEMENT_PARAGRAPH, /* with an empty one around it */
	ELEMENT_CELL,
	ELEMENT_PRE,
	ELEMENT_SKIP, /* is no text */
	ELEMENT_TITLE,
};

static const struct {
	const char *name;
	enum element element;
} elements[] = {
	{"address", ELEMENT_LINE},
	{"article", ELEMENT_PARAGRAPH},
	{"aside", ELEMENT_PARAGRAPH},
	{"blockquote", ELEMENT_PARAGRAPH},
	{"br", ELEMENT_LINE},
	{"caption", ELEMENT_LINE},
	{"center", ELEMENT_LINE},
	{"dd", ELEMENT_LINE},
	{"details", ELEMENT_LINE},
	{"dialog", ELEMENT_LINE},
	{"div", ELEMENT_LINE},
	{"dl", ELEMENT_PARAGRAPH},
	{"dt", ELEMENT_LINE},
	{"fieldset", ELEMENT_LINE},
	{"figcaption", ELEMENT_LINE},
	{"figure", ELEMENT_PARAGRAPH},
	{"footer", ELEMENT_PARAGRAPH},
	{"form", ELEMENT_LINE},
	{"h1", ELEMENT_PARAGRAPH},
	{"h2", ELEMENT_PARAGRAPH},
	{"h3", ELEMENT_PARAGRAPH},
	{"h4", ELEMENT_PARAGRAPH},
	{"h5", ELEMENT_PARAGRAPH},
	{"h6", ELEMENT_PARAGRAPH},
	{"header", ELEMENT_PARAGRAPH},
	{"hr", ELEMENT_PARAGRAPH},
	{"legend", ELEMENT_LINE},
	{"li", ELEMENT_LINE},
	{"listing", ELEMENT_PRE},
	{"main", ELEMENT_PARAGRAPH},
	{"nav", ELEMENT_PARAGRAPH},
	{"object", ELEMENT_INLINE},
	{"ol", ELEMENT_PARAGRAPH},
	{"option", ELEMENT_LINE},
	{"p", ELEMENT_PARAGRAPH},
	{"pre", ELEMENT_PRE},
	{"script", ELEMENT_SKIP},
	{"section", ELEMENT_PARAGRAPH},
	{"select", ELEMENT_LINE},
	{"style", ELEMENT_SKIP},
	{"summary", ELEMENT_LINE},
	{"table", ELEMENT_PARAGRAPH},
	{"td", ELEMENT_CELL},
	{"template", ELEMENT_SKIP},
	{"textarea", ELEMENT_PRE},
	{"th", ELEMENT_CELL},
	{"title", ELEMENT_TITLE},
	{"tr", ELEMENT_LINE},
	{"ul", ELEMENT_PARAGRAPH},
	{"xmp", ELEMENT_PRE},
};

struct page {
	htmlParserCtxt *parser;
	struct buf *title, *body;
	size_t depth, looks;
	unsigned skip, pre, in_title;
	bool titled;       /* has had its title */
	bool space;        /* white space is due before the next text */
	unsigned newlines; /* so many are */
};

static enum element element_of(const xmlChar *name)
{
	for (size_t i = 0; i < sizeof(elements) / sizeof(*elements); i++)
		if (strcasecmp((const char *)name, elements[i].name) == 0)
			return elements[i].element;
	return ELEMENT_INLINE;
}

static void break_line(struct page *p, unsigned newlines)
{
	p->newlines = newlines > p->newlines ? newlines : p->newlines;
	p->space = false;
}

/* What is due before text: nothing at the start, at most one empty line. */
static void put_break(struct page *p)
{
	struct buf *b = p->body;

	if (b->len && p->newlines) {
		while (b->len && (b->data[b->len - 1] == ' ' || b->data[b->len - 1] == '\n'))
			b->data[--b->len] = '\0';
		buf_add(b, "\n\n", p->newlines);
	} else if (b->len && p->space && b->data[b->len - 1] != '\t') {
		buf_addc(b, ' ');
	}
	p->newlines = 0;
	p->space = false;
}

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static void add_flowing(struct page *p, const char *text, size_t len)
{
	size_t at = 0, from;

	while (at < len) {
		if (is_space(text[at])) {
			p->space = p->newlines == 0;
			at++;
			continue;
		}
		for (from = at; at < len && !is_space(text[at]); at++)
			;
		put_break(p);
		buf_add(p->body, text + from, at - from);
	}
}

static void add_title(struct page *p, const char *text, size_t len)
{
	for (size_t i = 0; i < len && p->title->len < 2 * TITLE_MAX; i++)
		buf_addc(p->title, text[i]);
}

static void on_text(void *arg, const xmlChar *bytes, int len)
{
	struct page *p = arg;
	const char *text = (const char *)bytes;

	if (p->skip || len <= 0)
		return;
	if (p->in_title) {
		add_title(p, text, (size_t)len);
	} else if (p->pre) {
		put_break(p);
		buf_add(p->body, text, (size_t)len);
	} else {
		add_flowing(p, text, (size_t)len);
	}
	if (p->body->failed || p->title->failed)
		xmlStopParser(p->parser);
}

static void look(struct page *p)
{
	p->looks += p->depth + 1;
	if (p->depth > DEPTH_MAX || p->looks > LOOKS_MAX)
		xmlStopParser(p->parser);
}

/* A break of this element, before it and behind it. */
static void add_break(struct page *p, enum element element)
{
	if (element == ELEMENT_LINE)
		break_line(p, 1);
	else if (element == ELEMENT_PARAGRAPH || element == ELEMENT_PRE)
		break_line(p, 2);
	else if (element == ELEMENT_CELL)
		p->space = p->newlines == 0;
}

static void add_alternative(struct page *p, const xmlChar *name, const xmlChar **attributes)
{
	if (p->skip || strcasecmp((const char *)name, "img") != 0)
		return;
	for (; attributes && attributes[0]; attributes += 2)
		if (attributes[1] && strcasecmp((const char *)attributes[0], "alt") == 0)
			on_text(p, attributes[1], xmlStrlen(attributes[1]));
}

static void on_start(void *arg, const xmlChar *name, const xmlChar **attributes)
{
	struct page *p = arg;
	enum element element = element_of(name);

	p->depth++;
	look(p);
	add_break(p, element);
	if (element == ELEMENT_SKIP)
		p->skip++;
	else if (element == ELEMENT_PRE)
		p->pre++;
	else if (element == ELEMENT_TITLE && !p->titled)
		p->in_title++;
	add_alternative(p, name, attributes);
}

static void on_end(void *arg, const xmlChar *name)
{
	struct page *p = arg;
	enum element element = element_of(name);

	p->depth -= p->depth > 0;
	add_break(p, element);
	if (element == ELEMENT_SKIP)
		p->skip -= p->skip > 0;
	else if (element == ELEMENT_PRE)
		p->pre -= p->pre > 0;
	else if (element == ELEMENT_TITLE && p->in_title && --p->in_title == 0)
		p->titled = true;
}

/* Every tag that fits nowhere is one; it was looked for among those that are open. */
static void on_error(void *arg, xmlError *error)
{
	(void)error;
	look(arg);
}

static void trim(struct buf *b)
{
	while (b->len && is_space(b->data[b->len - 1]))
		b->data[--b->len] = '\0';
}

int text_from_html(
	const char *html, size_t len, struct buf *title, struct buf *body, struct error *err)
{
	static const xmlSAXHandler handler = {
		.initialized = XML_SAX2_MAGIC,
		.startElement = on_start,
		.endElement = on_end,
		.characters = on_text,
		.ignorableWhitespace = on_text,
		.serror = on_error,
	};
	struct page p = {.title = title, .body = body};

	xmlInitParser(); /* nothing after the first time */
	p.parser = htmlNewParserCtxt();
	if (!p.parser)
		return error_set(err, ENOMEM, "out of memory");
	*p.parser->sax = handler;
	p.parser->userData = &p;
	htmlCtxtReadMemory(p.parser, html, (int)len, NULL, "UTF-8",
		HTML_PARSE_RECOVER | HTML_PARSE_NONET | HTML_PARSE_IGNORE_ENC |
			HTML_PARSE_NODEFDTD);
	htmlFreeParserCtxt(p.parser);
	trim(body);
	if (body->len)
		buf_addc(body, '\n');
	return body->failed || title->failed ? error_set(err, ENOMEM, "out of memory") : 0;
}
