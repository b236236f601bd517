#include "core/context/query_private.h"

#include "core/base/clock.h"
#include "core/base/text.h"
#include "core/context/search.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define LIST_MAX    32 /* values of one filter */
#define DEFAULT_MAX 10

static bool is_space(const char *text, size_t len)
{
	return *text == ' ' || (*text >= '\t' && *text <= '\r') ||
	       (len >= 3 && memcmp(text, "\xe3\x80\x80", 3) == 0); /* U+3000 */
}

/* What stands between quotes, or up to white space; moves behind it. A quote that does not close
 * is none. */
static void take_value(const char **text, size_t *len, const char **value, size_t *value_len)
{
	const char *end = *len > 1 && **text == '"' ? memchr(*text + 1, '"', *len - 1) : NULL;
	size_t n = 0;

	if (end) {
		*value = *text + 1;
		*value_len = (size_t)(end - *value);
		*len -= *value_len + 2;
		*text = end + 1;
		return;
	}
	while (n < *len && !is_space(*text + n, *len - n))
		n++;
	*value = *text;
	*value_len = n;
	*text += n;
	*len -= n;
}

static bool is_key(const char *text, size_t len, const char *key)
{
	size_t n = strlen(key);

	return len > n + 1 && strncasecmp(text, key, n) == 0 && text[n] == ':';
}

/* Filters. */

static void lower(char *text)
{
	for (; *text; text++)
		if (*text >= 'A' && *text <= 'Z')
			*text = (char)(*text | 0x20);
}

/* Without what may stand around: a type's dot, a path's slash at its start. */
static char *value_of(enum query_filter filter, const char *text, size_t len)
{
	char *copy;

	while (len && (filter == QUERY_TYPE ? *text == '.' || *text == '*' : *text == '/')) {
		text++;
		len--;
	}
	copy = strndup(text, len);
	if (copy && filter != QUERY_SOURCE)
		lower(copy);
	return copy;
}

static int list_add(struct query_list *list, enum query_filter filter, const char *text, size_t len)
{
	while (len && list->count < LIST_MAX) {
		const char *comma = filter == QUERY_PATH ? NULL : memchr(text, ',', len);
		size_t n = comma ? (size_t)(comma - text) : len;
		char *value = value_of(filter, text, n);

		if (!list->items)
			list->items = calloc(LIST_MAX, sizeof(*list->items));
		if (!value || !list->items) {
			free(value);
			return -ENOMEM;
		}
		if (*value)
			list->items[list->count++] = value;
		else
			free(value);
		n += comma != NULL;
		text += n;
		len -= n;
	}
	return 0;
}

static bool set_max(struct query_terms *q, const char *text)
{
	char *end;
	unsigned long n;

	if (*text < '0' || *text > '9')
		return false;
	n = strtoul(text, &end, 10);
	if (*end || n == 0)
		return false;
	q->max = n < RESULTS_MAX ? (size_t)n : RESULTS_MAX;
	return true;
}

/* A date, a time, or how long ago; w is for weeks. */
static bool set_since(struct query_terms *q, const char *text, int64_t now_us)
{
	size_t len = strlen(text);
	int64_t us, scale = 1;
	char days[32];

	if (len > 1 && len < sizeof(days) && text[len - 1] == 'w') {
		snprintf(days, sizeof(days), "%.*sd", (int)len - 1, text);
		text = days;
		scale = 7;
	}
	if (text_time(text, &us) == 0) {
		q->since_us = us;
	} else if (text_duration(text, &us) == 0) {
		us = us > INT64_MAX / scale ? INT64_MAX : us * scale;
		q->since_us = us > now_us ? 0 : now_us - us;
	} else {
		return false;
	}
	q->since_set = true;
	return true;
}

/* key:value, where the value can be one. 1 where it was taken, 0 where these are words. */
static int take_filter(
	struct query_terms *q, const char **text, size_t *len, bool never, int64_t now_us)
{
	static const char *const keys[] = {"type", "source", "path", "max", "since"};
	const char *at = *text, *value;
	size_t left = *len, value_len, key = 0;
	char short_value[64];
	int r = 1;

	while (key < sizeof(keys) / sizeof(*keys) && !is_key(at, left, keys[key]))
		key++;
	if (key == sizeof(keys) / sizeof(*keys) || (never && key >= QUERY_FILTERS))
		return 0;
	at += strlen(keys[key]) + 1;
	left -= strlen(keys[key]) + 1;
	take_value(&at, &left, &value, &value_len);
	if (value_len == 0)
		return 0;
	if (key < QUERY_FILTERS) {
		r = list_add(never ? &q->not [key] : &q->is[key], (enum query_filter)key, value,
			value_len);
		r = r ? r : 1;
	} else {
		if (value_len >= sizeof(short_value))
			return 0;
		memcpy(short_value, value, value_len);
		short_value[value_len] = '\0';
		r = key == 3 ? set_max(q, short_value) : set_since(q, short_value, now_us);
	}
	if (r) {
		*text = at;
		*len = left;
	}
	return r;
}

/* Terms. */

static bool take_sign(const char **text, size_t *len)
{
	if (*len < 2 || **text != '-' || is_space(*text + 1, *len - 1))
		return false;
	++*text;
	--*len;
	return true;
}

static void take_term(struct term *t, const char **text, size_t *len)
{
	const char *start = *text;
	bool quoted;

	take_value(text, len, &t->text, &t->len);
	quoted = t->text > start;
	if (quoted && *len && **text == '*') {
		t->prefix = true;
		++*text;
		--*len;
	} else if (!quoted && t->len > 1 && t->text[t->len - 1] == '*') {
		t->prefix = true;
	}
}

static bool list_any(const struct query_terms *q)
{
	for (int i = 0; i < QUERY_FILTERS; i++)
		if (q->is[i].count || q->not [i].count)
			return true;
	return q->since_set;
}

static int parse(const char *text, size_t len, int64_t now_us, struct query_terms *q)
{
	struct term terms[QUERY_TERMS_MAX];
	size_t count = 0;

	while (len > 0 && count < QUERY_TERMS_MAX) {
		struct term t = {0};
		int r;

		if (is_space(text, len)) {
			text++;
			len--;
			continue;
		}
		t.never = take_sign(&text, &len);
		r = take_filter(q, &text, &len, t.never, now_us);
		if (r < 0)
			return r;
		if (r)
			continue;
		take_term(&t, &text, &len);
		if (t.len)
			terms[count++] = t;
	}
	return query_express(terms, count, q);
}

int query_parse(
	const char *text, size_t len, int64_t now_us, struct query_terms *out, struct error *err)
{
	struct query_terms q = {.max = DEFAULT_MAX};
	int r;

	if (len > QUERY_MAX)
		return error_set(err, EMSGSIZE, "query: longer than %d bytes", QUERY_MAX);
	if (!text_is_utf8(text, len, NULL))
		return error_set(err, EINVAL, "query: must be valid UTF-8");
	r = parse(text, len, now_us, &q);
	if (r)
		r = error_set(err, -r, "out of memory");
	else if (!q.all && !list_any(&q))
		r = error_set(err, EINVAL, "query: has no words to find");
	if (r)
		query_release(&q);
	else
		*out = q;
	return r;
}

static void list_release(struct query_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->items[i]);
	free(list->items);
}

void query_release(struct query_terms *q)
{
	for (size_t i = 0; i < q->word_count; i++)
		free(q->words[i]);
	free(q->words);
	for (int i = 0; i < QUERY_FILTERS; i++) {
		list_release(&q->is[i]);
		list_release(&q->not [i]);
	}
	free(q->all);
	free(q->some);
	free(q->never);
	free(q->name);
	*q = (struct query_terms){0};
}
