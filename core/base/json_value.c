#include "core/base/buf.h"
#include "core/base/json.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const json_t *inner(const struct json *json)
{
	return (const json_t *)json;
}

bool json_truth(const struct json *value)
{
	return json_is_true(inner(value));
}

bool json_is_whole(const struct json *value)
{
	double real;

	if (!json_is_real(inner(value)))
		return json_is_integer(inner(value));
	real = json_real_value(inner(value));
	if (real >= 0x1p53 || real <= -0x1p53)
		return true; /* doubles have no room for a fraction there */
	return !((double)(int64_t)real < real || (double)(int64_t)real > real);
}

static int order(bool less, bool more)
{
	return (int)more - (int)less;
}

/* No conversion of the integer to a double, which would round it. */
static int compare_mixed(int64_t integer, double real)
{
	int64_t whole;

	if (real >= 0x1p63)
		return -1;
	if (real < -0x1p63)
		return 1;
	whole = (int64_t)real;
	if (whole != integer)
		return order(integer<whole, integer> whole);
	return order((double)whole<real, (double)whole> real);
}

int json_compare(const struct json *a, const struct json *b)
{
	const json_t *x = inner(a), *y = inner(b);

	if (json_is_integer(x) && json_is_integer(y))
		return order(json_integer_value(x) < json_integer_value(y),
			json_integer_value(x) > json_integer_value(y));
	if (json_is_integer(x))
		return compare_mixed(json_integer_value(x), json_number_value(y));
	if (json_is_integer(y))
		return -compare_mixed(json_integer_value(y), json_number_value(x));
	return order(
		json_real_value(x) < json_real_value(y), json_real_value(x) > json_real_value(y));
}

static bool spend(uint64_t *steps, size_t bytes)
{
	uint64_t cost = 1 + bytes / 64;

	if (cost >= *steps) {
		*steps = 0;
		return false;
	}
	*steps -= cost;
	return true;
}

static bool equal_texts(const json_t *a, const json_t *b, uint64_t *steps)
{
	size_t len = json_string_length(a);

	return len == json_string_length(b) && spend(steps, len) &&
	       memcmp(json_string_value(a), json_string_value(b), len) == 0;
}

static bool equal_lists(const struct json *a, const struct json *b, uint64_t *steps)
{
	size_t count = json_count(a);

	if (count != json_count(b))
		return false;
	for (size_t i = 0; i < count; i++)
		if (!json_same(json_item(a, i), json_item(b, i), steps))
			return false;
	return true;
}

static bool equal_objects(const struct json *a, const struct json *b, uint64_t *steps)
{
	const struct json *value, *other;
	const char *key;

	if (json_count(a) != json_count(b))
		return false;
	for (struct json_iter it = json_iter(a); json_next(&it, &key, &value);) {
		other = json_get(b, key);
		if (other == NULL || !spend(steps, strlen(key)) || !json_same(value, other, steps))
			return false;
	}
	return true;
}

bool json_same(const struct json *a, const struct json *b, uint64_t *steps)
{
	enum json_kind kind = json_kind(a);

	if (!spend(steps, 0) || kind != json_kind(b))
		return false;
	switch (kind) {
	case JSON_KIND_BOOL:
		return json_is_true(inner(a)) == json_is_true(inner(b));
	case JSON_KIND_NUMBER:
		return json_compare(a, b) == 0;
	case JSON_KIND_STRING:
		return equal_texts(inner(a), inner(b), steps);
	case JSON_KIND_LIST:
		return equal_lists(a, b, steps);
	case JSON_KIND_OBJECT:
		return equal_objects(a, b, steps);
	default:
		return true;
	}
}

static int add(const char *data, size_t len, void *out)
{
	buf_add(out, data, len);
	return buf_error(out);
}

/* 0.1 as 0.1, where the library says 0.10000000000000001. */
static void show_real(double real, struct buf *out)
{
	char text[32];

	snprintf(text, sizeof(text), "%.15g", real);
	if (strtod(text, NULL) < real || strtod(text, NULL) > real)
		snprintf(text, sizeof(text), "%.17g", real);
	buf_adds(out, text);
}

int json_show(const struct json *value, struct buf *out)
{
	if (json_is_real(inner(value)))
		show_real(json_real_value(inner(value)), out);
	else if (json_dump_callback(inner(value), add, out, JSON_COMPACT | JSON_ENCODE_ANY) != 0 &&
		 buf_error(out) == 0)
		out->failed = ENOMEM;
	return buf_error(out);
}
