#include "core/base/buf.h"

#include "core/base/text.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CAP_MIN 128

void buf_init(struct buf *b, size_t max)
{
	*b = (struct buf){.max = max};
}

void buf_release(struct buf *b)
{
	if (b == NULL)
		return;
	free(b->data);
	*b = (struct buf){.max = b->max};
}

void buf_reset(struct buf *b)
{
	b->len = 0;
	b->failed = 0;
	if (b->data != NULL)
		b->data[0] = '\0';
}

static bool fail(struct buf *b, int code)
{
	b->failed = code;
	return false;
}

/* Enlarges the storage to take `more` bytes and the NUL: doubled, so that adding byte by byte
 * costs the same for each, but never past the bound. */
static __attribute__((noinline)) bool grow(struct buf *b, size_t more)
{
	size_t max = b->max != 0 ? b->max : BUF_MAX_DEFAULT;
	size_t need, cap;
	char *data;

	if (more > max || b->len > max - more)
		return fail(b, EMSGSIZE);
	need = b->len + more + 1;
	cap = b->cap < CAP_MIN / 2 ? CAP_MIN : 2 * b->cap;
	if (cap > max + 1)
		cap = max + 1;
	if (cap < need)
		cap = need;
	data = realloc(b->data, cap);
	if (data == NULL)
		return fail(b, ENOMEM);
	b->data = data;
	b->cap = cap;
	return true;
}

/* Whether there is room for `more` bytes and the NUL. */
static inline bool room(struct buf *b, size_t more)
{
	if (b->failed != 0)
		return false;
	if (more < b->cap - b->len) /* cap is 0, or more than len */
		return true;
	return grow(b, more);
}

void buf_add(struct buf *b, const void *data, size_t len)
{
	if (!room(b, len))
		return;
	if (len > 0)
		memcpy(b->data + b->len, data, len);
	b->len += len;
	b->data[b->len] = '\0';
}

void buf_adds(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

void buf_addc(struct buf *b, char c)
{
	buf_add(b, &c, 1);
}

void buf_addf(struct buf *b, const char *fmt, ...)
{
	va_list args, again;
	size_t left;
	int len;

	if (!room(b, 0))
		return;
	left = b->cap - b->len;
	va_start(args, fmt);
	va_copy(again, args);
	len = vsnprintf(b->data + b->len, left, fmt, args);
	if (len < 0) {
		b->failed = ENOMEM;
	} else if ((size_t)len < left) {
		b->len += (size_t)len;
	} else if (room(b, (size_t)len)) {
		vsnprintf(b->data + b->len, b->cap - b->len, fmt, again);
		b->len += (size_t)len;
	}
	b->data[b->len] = '\0'; /* takes back what a failure left behind it */
	va_end(again);
	va_end(args);
}

/* Writes the escape of one byte, which is never more than 6 bytes, and returns its length. */
static size_t escape(char out[6], unsigned char c)
{
	static const char hex[] = "0123456789abcdef";
	static const char letters[32] = {
		['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't'};

	out[0] = '\\';
	if (c == '"' || c == '\\') {
		out[1] = (char)c;
		return 2;
	}
	if (c < sizeof(letters) && letters[c] != 0) {
		out[1] = letters[c];
		return 2;
	}
	memcpy(out + 1, "u00", 3);
	out[4] = hex[c >> 4];
	out[5] = hex[c & 15];
	return 6;
}

void buf_add_json(struct buf *b, const char *text, size_t len)
{
	const size_t start = b->len;

	if (!room(b, len + 2)) /* which is all, where nothing is escaped */
		return;
	b->data[b->len++] = '"';
	while (len > 0) {
		size_t plain = text_plain(text, len);
		char escaped[6];

		buf_add(b, text, plain);
		text += plain;
		len -= plain;
		if (len == 0)
			break;
		buf_add(b, escaped, escape(escaped, (unsigned char)*text));
		text++;
		len--;
	}
	buf_addc(b, '"');
	if (b->failed != 0) {
		b->len = start;
		b->data[start] = '\0';
	}
}

static char *put_digits(char *out, unsigned value, int count)
{
	for (int i = count - 1; i >= 0; i--) {
		out[i] = (char)('0' + value % 10);
		value /= 10;
	}
	return out + count;
}

struct date {
	unsigned year, month, day;
};

/* The day that is `days` after 1970-01-01 in the Gregorian calendar, counted from a 1st of March,
 * so that a leap day is a year's last; for the years 0000 to 9999. */
static struct date date_of(long long days)
{
	/* An era is 400 years, 146,097 days; this counts from 0000-03-01, or the era before it. */
	unsigned long long since = (unsigned long long)(days + 719468 + 146097);
	unsigned era = (unsigned)(since / 146097);
	unsigned doe = (unsigned)(since % 146097);
	unsigned yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	unsigned mp = (5 * doy + 2) / 153;
	struct date date;

	date.day = doy - (153 * mp + 2) / 5 + 1;
	date.month = mp < 10 ? mp + 3 : mp - 9;
	date.year = yoe + era * 400 - 400 + (date.month <= 2);
	return date;
}

/* By hand: it stands in every event, and gmtime_r(3) with snprintf(3) costs ten times as much. */
void buf_add_time(struct buf *b, long long time_us)
{
	static const long long first = -62167219200000000; /* 0000-01-01 */
	static const long long last = 253402300799999999;  /* the last microsecond of 9999 */
	static const long long day_us = 86400000000;
	char out[sizeof("2025-11-18T12:00:00.123456Z") - 1], *p = out;
	long long days, rest;
	unsigned second, us;
	struct date date;

	time_us = time_us < first ? first : time_us > last ? last : time_us;
	days = time_us / day_us;
	rest = time_us % day_us;
	if (rest < 0) {
		rest += day_us;
		days--;
	}
	date = date_of(days);
	second = (unsigned)(rest / 1000000);
	us = (unsigned)(rest % 1000000);
	p = put_digits(p, date.year, 4);
	*p++ = '-';
	p = put_digits(p, date.month, 2);
	*p++ = '-';
	p = put_digits(p, date.day, 2);
	*p++ = 'T';
	p = put_digits(p, second / 3600, 2);
	*p++ = ':';
	p = put_digits(p, second / 60 % 60, 2);
	*p++ = ':';
	p = put_digits(p, second % 60, 2);
	*p++ = '.';
	p = put_digits(p, us, 6);
	*p++ = 'Z';
	buf_add(b, out, (size_t)(p - out));
}

int buf_error(const struct buf *b)
{
	return -b->failed;
}

char *buf_detach(struct buf *b, size_t *len)
{
	char *data = b->data;
	const int failed = b->failed;

	if (failed != 0 || data == NULL) {
		buf_release(b);
		b->failed = failed; /* so that buf_error still tells why */
		return NULL;
	}
	if (len != NULL)
		*len = b->len;
	*b = (struct buf){.max = b->max};
	return data;
}

void buf_add_json_text(struct buf *b, const char *key, const char *text)
{
	buf_addf(b, ",\"%s\":", key);
	if (text)
		buf_add_json(b, text, strlen(text));
	else
		buf_adds(b, "null");
}

void buf_add_json_time(struct buf *b, const char *key, long long time_us)
{
	buf_addf(b, time_us ? ",\"%s\":\"" : ",\"%s\":null", key);
	if (!time_us)
		return;
	buf_add_time(b, time_us);
	buf_addc(b, '"');
}
