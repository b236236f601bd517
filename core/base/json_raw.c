#include "core/base/buf.h"
#include "core/base/json.h"
#include "core/base/text.h"

#include <string.h>

static bool is_space(char c)
{
	return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

static const char *skip_space(const char *p, const char *end)
{
	while (p < end && is_space(*p))
		p++;
	return p;
}

/* From behind a string's opening quote to behind its closing one; NULL where there is none. */
static const char *skip_string(const char *p, const char *end)
{
	for (;;) {
		p += text_plain(p, (size_t)(end - p));
		if (p == end)
			return NULL;
		if (*p == '"')
			return p + 1;
		p++;
		if (p[-1] == '\\' && p < end)
			p++;
	}
}

int json_compact(const char *text, size_t len, struct buf *out)
{
	const char *p = text, *end = text + len, *run = p;

	while (p < end) {
		if (*p == '"') {
			p = skip_string(p + 1, end);
			if (p == NULL)
				p = end;
		} else if (is_space(*p)) {
			buf_add(out, run, (size_t)(p - run));
			p = skip_space(p, end);
			run = p;
		} else {
			p++;
		}
	}
	buf_add(out, run, (size_t)(p - run));
	return buf_error(out);
}

/* From a value's first byte to behind its last; NULL where it has no end. */
static const char *skip_value(const char *p, const char *end)
{
	size_t depth = 0;

	for (; p < end; p++) {
		switch (*p) {
		case '"':
			p = skip_string(p + 1, end);
			if (p == NULL || depth == 0)
				return p;
			p--;
			break;
		case '{':
		case '[':
			depth++;
			break;
		case '}':
		case ']':
			if (depth == 0)
				return p;
			if (--depth == 0)
				return p + 1;
			break;
		default:
			if (depth == 0 && (*p == ',' || is_space(*p)))
				return p;
		}
	}
	return NULL;
}

static unsigned hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned)(c - '0');
	return (unsigned)((c | 0x20) - 'a' + 10) & 15;
}

/* The four digits of a \u; 0, which no key holds, where there are not four bytes. */
static unsigned hex_unit(const char *p, const char *end)
{
	if (end - p < 4)
		return 0;
	return hex_digit(p[0]) << 12 | hex_digit(p[1]) << 8 | hex_digit(p[2]) << 4 |
	       hex_digit(p[3]);
}

static size_t encode(unsigned code, char out[4])
{
	if (code < 0x80) {
		out[0] = (char)code;
		return 1;
	}
	if (code < 0x800) {
		out[0] = (char)(0xc0 | code >> 6);
		out[1] = (char)(0x80 | (code & 0x3f));
		return 2;
	}
	if (code < 0x10000) {
		out[0] = (char)(0xe0 | code >> 12);
		out[1] = (char)(0x80 | (code >> 6 & 0x3f));
		out[2] = (char)(0x80 | (code & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | code >> 18);
	out[1] = (char)(0x80 | (code >> 12 & 0x3f));
	out[2] = (char)(0x80 | (code >> 6 & 0x3f));
	out[3] = (char)(0x80 | (code & 0x3f));
	return 4;
}

/* Reads the escape whose backslash stands before `*p`, and moves behind it. */
static size_t unescape(const char **p, const char *end, char out[4])
{
	static const char names[] = "bfnrt", values[] = "\b\f\n\r\t";
	const char *name;
	unsigned code;

	out[0] = *(*p)++;
	if (out[0] != 'u') {
		name = memchr(names, out[0], sizeof(names) - 1);
		if (name != NULL)
			out[0] = values[name - names];
		return 1; /* or '"', '\\' and '/', which stand for themselves */
	}
	code = hex_unit(*p, end);
	*p = end - *p < 4 ? end : *p + 4;
	if ((code & 0xfc00) == 0xd800 && end - *p >= 6) {
		unsigned low = hex_unit(*p + 2, end);

		code = 0x10000 + ((code & 0x3ff) << 10) + (low & 0x3ff);
		*p += 6;
	}
	return encode(code, out);
}

/* Whether the inside of a string, as written, says `key`. */
static bool says(const char *p, const char *end, const char *key)
{
	size_t left = strlen(key);

	while (p < end) {
		char c[4] = {*p++};
		size_t n = 1;

		if (c[0] == '\\' && p < end)
			n = unescape(&p, end, c);
		if (n > left || memcmp(c, key, n) != 0)
			return false;
		key += n;
		left -= n;
	}
	return left == 0;
}

bool json_member(
	const char *text, size_t len, const char *key, const char **value, size_t *value_len)
{
	const char *end = text + len, *p = skip_space(text, end);

	if (p == end || *p != '{')
		return false;
	do {
		const char *name, *name_end, *start;

		p = skip_space(p + 1, end); /* behind '{' or ',' */
		if (p == end || *p != '"')
			return false;
		name = p + 1;
		p = skip_string(name, end);
		if (p == NULL)
			return false;
		name_end = p - 1;
		p = skip_space(p, end);
		if (p == end || *p != ':')
			return false;
		start = skip_space(p + 1, end);
		p = skip_value(start, end);
		if (p == NULL)
			return false;
		if (says(name, name_end, key)) {
			*value = start;
			*value_len = (size_t)(p - start);
			return true;
		}
		p = skip_space(p, end);
	} while (p < end && *p == ',');
	return false;
}
