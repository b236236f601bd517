#include "webdav/http_private.h"
#include "webdav/multistatus.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define SECOND INT64_C(1000000)

/* Four digits of a year: dates beyond are nobody's. */
#define DATE_LAST INT64_C(253402300799)

void answer_reset(struct http_answer *answer)
{
	answer->status = 0;
	answer->etag[0] = answer->type[0] = answer->location[0] = '\0';
	answer->modified_us = answer->date_us = 0;
	answer->length = answer->retry_after_us = -1;
	answer->range_first = answer->range_total = -1;
	answer->encoded = answer->bad_location = answer->redirected = false;
	answer->url = NULL;
}

bool http_etag_strong(const char *etag)
{
	size_t len = etag == NULL ? 0 : strlen(etag);

	if (len < 2 || len > DAV_ETAG_MAX || etag[0] != '"' || etag[len - 1] != '"')
		return false;
	for (size_t i = 1; i < len - 1; i++)
		if ((unsigned char)etag[i] <= ' ' || etag[i] == '"' || etag[i] == 0x7f)
			return false;
	return true;
}

void http_date(int64_t us, char out[HTTP_DATE_MAX])
{
	static const char days[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
	static const char months[12][4] = {
		"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	time_t t = us < 0 ? 0 : us / SECOND > DATE_LAST ? DATE_LAST : us / SECOND;
	struct tm tm;

	gmtime_r(&t, &tm);
	snprintf(out, HTTP_DATE_MAX, "%s, %02d %s %04d %02d:%02d:%02d GMT", days[tm.tm_wday],
		tm.tm_mday, months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

/* A number and nothing else; -1: it is none. A huge one is INT64_MAX. */
static int64_t number(const char *text)
{
	int64_t n = 0;

	if (!isdigit((unsigned char)*text))
		return -1;
	for (; isdigit((unsigned char)*text); text++)
		if (__builtin_mul_overflow(n, 10, &n) || __builtin_add_overflow(n, *text - '0', &n))
			n = INT64_MAX / 10;
	return *text == '\0' ? n : -1;
}

int64_t http_retry_after(const char *text, int64_t now_us)
{
	int64_t us, seconds = number(text);

	if (seconds >= 0)
		return seconds > RETRY_AFTER_MAX_US / SECOND ? RETRY_AFTER_MAX_US
							     : seconds * SECOND;
	/* What begins with a sign would be a date to the lenient. */
	us = isalpha((unsigned char)*text) ? dav_date(text) : 0;
	if (!us)
		return -1;
	us -= now_us;
	return us < 0 ? 0 : us > RETRY_AFTER_MAX_US ? RETRY_AFTER_MAX_US : us;
}

static int64_t wall_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec * SECOND + ts.tv_nsec / 1000;
}

static void take_type(char *out, const char *value)
{
	size_t len = strcspn(value, "; \t");

	if (len > DAV_TYPE_MAX)
		return;
	for (size_t i = 0; i < len; i++)
		out[i] = isgraph((unsigned char)value[i]) ? (char)tolower((unsigned char)value[i])
							  : '?';
	out[len] = '\0';
}

/* RFC 9110, section 14.4: bytes 10-19/20, or with a total of '*'. */
static void take_range(struct http_answer *answer, const char *value)
{
	char *end;

	if (strncasecmp(value, "bytes ", 6) != 0 || !isdigit((unsigned char)value[6]))
		return;
	errno = 0;
	answer->range_first = strtoll(value + 6, &end, 10);
	end = strchr(end, '/');
	answer->range_total = end ? number(end + 1) : -1;
	if (errno)
		answer->range_first = -1;
}

static void take(struct transfer *t, const char *name, const char *value)
{
	struct http_answer *answer = &t->answer;
	size_t len = strlen(value);

	if (!strcasecmp(name, "etag")) {
		answer->etag[0] = '\0';
		if (len <= DAV_ETAG_MAX)
			memcpy(answer->etag, value, len + 1);
	} else if (!strcasecmp(name, "content-type")) {
		take_type(answer->type, value);
	} else if (!strcasecmp(name, "last-modified")) {
		answer->modified_us = dav_date(value);
	} else if (!strcasecmp(name, "date")) {
		answer->date_us = dav_date(value);
	} else if (!strcasecmp(name, "content-length")) {
		answer->length = number(value);
	} else if (!strcasecmp(name, "content-encoding")) {
		answer->encoded = len && strcasecmp(value, "identity") != 0 && !t->request->encoded;
	} else if (!strcasecmp(name, "content-range")) {
		take_range(answer, value);
	} else if (!strcasecmp(name, "retry-after")) {
		answer->retry_after_us = http_retry_after(value, wall_us());
	} else if (!strcasecmp(name, "location")) {
		answer->bad_location = len > HTTP_LOCATION_MAX;
		if (!answer->bad_location)
			memcpy(answer->location, value, len + 1);
	}
}

/* Cuts "Name: value" in two; the value without spaces around it. NULL: it is no such line. */
static char *cut(char *line)
{
	char *value = strchr(line, ':'), *end = line + strlen(line);

	if (value == NULL)
		return NULL;
	*value++ = '\0';
	value += strspn(value, " \t");
	while (end > value && isspace((unsigned char)end[-1]))
		end--;
	*end = '\0';
	return value;
}

size_t answer_header(char *bytes, size_t size, size_t count, void *arg)
{
	struct transfer *t = arg;
	size_t len = size * count;
	char line[HTTP_LOCATION_MAX + 64], *value;

	t->head_bytes += len;
	if (t->head_bytes > HEADERS_MAX) {
		t->result = error_set(&t->error, EPROTO,
			"the answer's head is longer than %zu bytes", HEADERS_MAX);
		return 0;
	}
	if (t->begun) /* trailers */
		return len;
	if (len >= 5 && !memcmp(bytes, "HTTP/", 5)) {
		long status = 0;

		curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &status);
		answer_reset(&t->answer);
		t->answer.status = (int)status;
		t->headed = false;
		return len;
	}
	if (bytes[0] == '\r' || bytes[0] == '\n')
		t->headed = true;
	if (len >= sizeof(line) || memchr(bytes, '\0', len)) {
		t->answer.bad_location |= len > 9 && !strncasecmp(bytes, "location:", 9);
		return len;
	}
	memcpy(line, bytes, len);
	line[len] = '\0';
	value = cut(line);
	if (value)
		take(t, line, value);
	return len;
}
