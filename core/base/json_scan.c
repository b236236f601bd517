#include "core/base/json_scan.h"

#include "core/base/text.h"

#include <errno.h>

enum {
	START,       /* the first '{' */
	FIRST_KEY,   /* a key, or '}' */
	KEY,         /* a key, after a comma */
	COLON,       /* ':' */
	VALUE,       /* a value */
	FIRST_VALUE, /* a value, or ']' */
	AFTER,       /* ',' or what closes */
	STRING,
	ESCAPE, /* after '\\' */
	HEX,    /* in \uXXXX */
	WORD,   /* in true, false, null */
	MINUS,  /* a number, after its '-' */
	ZERO,   /* after a leading 0 */
	WHOLE,  /* in its whole part */
	POINT,  /* after '.' */
	FRACTION,
	EXPONENT, /* after 'e' */
	EXPONENT_SIGN,
	EXPONENT_DIGITS,
};

void json_scan_init(struct json_scan *scan)
{
	/* arrays needs no start value: each level's bit is set when it opens. */
	scan->why = NULL;
	scan->word = "";
	scan->depth = 0;
	scan->state = START;
	scan->hex = 0;
	scan->is_key = false;
	scan->too_deep = false;
}

static int fail(struct json_scan *scan, const char *why)
{
	scan->why = why;
	return -EINVAL;
}

static int enter(struct json_scan *scan, int state)
{
	scan->state = (uint8_t)state;
	return 0;
}

static bool in_array(const struct json_scan *scan)
{
	unsigned level = scan->depth - 1;

	return (scan->arrays[level / 8] >> level % 8 & 1) != 0;
}

static int open_level(struct json_scan *scan, bool array)
{
	unsigned level = scan->depth;
	unsigned bit = 1U << level % 8;

	if (level == JSON_DEPTH_MAX) {
		scan->too_deep = true;
		return fail(scan, "nested too deep");
	}
	if (array)
		scan->arrays[level / 8] |= (uint8_t)bit;
	else
		scan->arrays[level / 8] &= (uint8_t)~bit;
	scan->depth++;
	return enter(scan, array ? FIRST_VALUE : FIRST_KEY);
}

static int close_level(struct json_scan *scan)
{
	scan->depth--;
	enter(scan, AFTER);
	return scan->depth == 0;
}

static int begin_string(struct json_scan *scan, bool is_key)
{
	scan->is_key = is_key;
	return enter(scan, STRING);
}

static int begin_word(struct json_scan *scan, const char *rest)
{
	scan->word = rest;
	return enter(scan, WORD);
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_space(char c)
{
	return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

static int value(struct json_scan *scan, char c)
{
	switch (c) {
	case '"':
		return begin_string(scan, false);
	case '{':
		return open_level(scan, false);
	case '[':
		return open_level(scan, true);
	case 't':
		return begin_word(scan, "rue");
	case 'f':
		return begin_word(scan, "alse");
	case 'n':
		return begin_word(scan, "ull");
	case '-':
		return enter(scan, MINUS);
	case '0':
		return enter(scan, ZERO);
	default:
		if (is_digit(c))
			return enter(scan, WHOLE);
		return fail(scan, "expected a value");
	}
}

static int after(struct json_scan *scan, char c)
{
	bool array = in_array(scan);

	if (c == ',')
		return enter(scan, array ? VALUE : KEY);
	if (c == (array ? ']' : '}'))
		return close_level(scan);
	return fail(scan, array ? "expected ',' or ']'" : "expected ',' or '}'");
}

static int structure(struct json_scan *scan, char c)
{
	if (is_space(c) && scan->state != START)
		return 0;
	switch (scan->state) {
	case START:
		return c == '{' ? open_level(scan, false) : fail(scan, "expected '{'");
	case FIRST_KEY:
		if (c == '}')
			return close_level(scan);
		return c == '"' ? begin_string(scan, true)
				: fail(scan, "expected '}' or a key in double quotes");
	case KEY:
		return c == '"' ? begin_string(scan, true)
				: fail(scan, "expected a key in double quotes");
	case COLON:
		return c == ':' ? enter(scan, VALUE) : fail(scan, "expected ':'");
	case FIRST_VALUE:
		if (c == ']')
			return close_level(scan);
		return value(scan, c);
	case VALUE:
		return value(scan, c);
	default:
		return after(scan, c);
	}
}

static int string(struct json_scan *scan, char c)
{
	if (c == '"')
		return enter(scan, scan->is_key ? COLON : AFTER);
	if (c == '\\')
		return enter(scan, ESCAPE);
	if ((unsigned char)c < 0x20)
		return fail(scan, "a control character in a string must be escaped");
	return 0;
}

static int escape(struct json_scan *scan, char c)
{
	switch (c) {
	case '"':
	case '\\':
	case '/':
	case 'b':
	case 'f':
	case 'n':
	case 'r':
	case 't':
		return enter(scan, STRING);
	case 'u':
		scan->hex = 4;
		return enter(scan, HEX);
	default:
		return fail(scan, "no such escape");
	}
}

static int hex(struct json_scan *scan, char c)
{
	if (!is_digit(c) && !(c >= 'a' && c <= 'f') && !(c >= 'A' && c <= 'F'))
		return fail(scan, "expected four hexadecimal digits after \\u");
	return --scan->hex == 0 ? enter(scan, STRING) : 0;
}

static int word(struct json_scan *scan, char c)
{
	if (c != *scan->word)
		return fail(scan, "expected a value");
	scan->word++;
	return *scan->word == '\0' ? enter(scan, AFTER) : 0;
}

/* A number has no end of its own: what can't belong to it is judged as what comes after it. */
static int number(struct json_scan *scan, char c)
{
	static const char why[] = "expected a digit";

	switch (scan->state) {
	case MINUS:
		if (is_digit(c))
			return enter(scan, c == '0' ? ZERO : WHOLE);
		return fail(scan, why);
	case POINT:
		return is_digit(c) ? enter(scan, FRACTION) : fail(scan, why);
	case EXPONENT:
		if (c == '+' || c == '-')
			return enter(scan, EXPONENT_SIGN);
		return is_digit(c) ? enter(scan, EXPONENT_DIGITS) : fail(scan, why);
	case EXPONENT_SIGN:
		return is_digit(c) ? enter(scan, EXPONENT_DIGITS) : fail(scan, why);
	default:
		break;
	}
	if (is_digit(c) && scan->state != ZERO)
		return 0;
	if (c == '.' && (scan->state == ZERO || scan->state == WHOLE))
		return enter(scan, POINT);
	if ((c == 'e' || c == 'E') && scan->state != EXPONENT_DIGITS)
		return enter(scan, EXPONENT);
	scan->state = AFTER;
	return structure(scan, c);
}

static int step(struct json_scan *scan, char c)
{
	switch (scan->state) {
	case STRING:
		return string(scan, c);
	case ESCAPE:
		return escape(scan, c);
	case HEX:
		return hex(scan, c);
	case WORD:
		return word(scan, c);
	default:
		return scan->state > WORD ? number(scan, c) : structure(scan, c);
	}
}

int json_scan(struct json_scan *scan, const char *data, size_t len, size_t *used)
{
	size_t at = 0;
	int rc = 0;

	while (rc == 0) {
		if (scan->state == STRING)
			at += text_plain(data + at, len - at);
		if (at == len)
			return 0;
		rc = step(scan, data[at]);
		at += rc >= 0;
	}
	*used = at;
	return rc;
}
