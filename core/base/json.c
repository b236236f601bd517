#include "core/base/json.h"

#include "core/base/error.h"
#include "core/base/json_scan.h"
#include "core/base/text.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>

/* A struct json is a json_t, which nothing else knows. The library's functions that only look take
 * pointers to const or not as they like. */
static json_t *inner(const struct json *json)
{
	return (json_t *)json;
}

static struct json *outer(json_t *json)
{
	return (struct json *)json;
}

/* The library goes deeper than JSON_DEPTH_MAX, on the stack: look first. All other errors are
 * left to it. `before` is what a text must begin with to be looked at as an object. */
static int check_depth(const char *text, size_t len, const char *before, struct error *err)
{
	struct json_scan scan;
	size_t used;

	json_scan_init(&scan);
	json_scan(&scan, before, strlen(before), &used);
	while (len > 0 && (*text == ' ' || *text == '\n' || *text == '\t' || *text == '\r')) {
		text++;
		len--;
	}
	if (json_scan(&scan, text, len, &used) < 0 && scan.too_deep)
		return error_set(
			err, EINVAL, "JSON is nested deeper than %d levels", JSON_DEPTH_MAX);
	return 0;
}

/* Tells what the library found. It quotes what stands near an error, which may be a password, so
 * that is left out, unless it is a key. */
static int refuse(const json_error_t *found, struct error *err)
{
	enum json_error_code code = json_error_code(found);
	const char *near = strstr(found->text, " near '");
	int len = (int)strlen(found->text);

	/* Out of memory has no text in most places. */
	if (code == json_error_out_of_memory || len == 0)
		return error_set(err, ENOMEM, "out of memory");
	if (near != NULL && code != json_error_duplicate_key)
		len = (int)(near - found->text);
	return error_set(err, EINVAL, "bad JSON at line %d, column %d: %.*s", found->line,
		found->column, len, found->text);
}

static int load(const char *text, size_t len, size_t flags, struct json **out, struct error *err)
{
	json_error_t found;
	json_t *json;

	found.text[0] = '\0';
	flags |= JSON_REJECT_DUPLICATES;
	json = json_loadb(text, len, flags, &found);
	/* An integer past 64 bits is valid JSON; those who want it exactly use the raw text. */
	if (json == NULL && json_error_code(&found) == json_error_numeric_overflow)
		json = json_loadb(text, len, flags | JSON_DECODE_INT_AS_REAL, &found);
	if (json == NULL)
		return refuse(&found, err);
	*out = outer(json);
	return 0;
}

int json_parse(const char *text, size_t len, struct json **out, struct error *err)
{
	struct json *json = NULL;
	int rc = check_depth(text, len, "", err);

	if (rc == 0)
		rc = load(text, len, 0, &json, err);
	if (rc < 0)
		return rc;
	if (!json_is_object(inner(json))) {
		json_free(json);
		return error_set(err, EINVAL, "bad JSON: must be an object");
	}
	*out = json;
	return 0;
}

int json_parse_value(const char *text, size_t len, struct json **out, struct error *err)
{
	int rc = check_depth(text, len, "{\"\":", err);

	return rc < 0 ? rc : load(text, len, JSON_DECODE_ANY, out, err);
}

void json_free(struct json *json)
{
	json_decref(inner(json));
}

enum json_kind json_kind(const struct json *value)
{
	if (!value)
		return JSON_KIND_NULL;
	switch (json_typeof(inner(value))) {
	case JSON_STRING:
		return JSON_KIND_STRING;
	case JSON_INTEGER:
	case JSON_REAL:
		return JSON_KIND_NUMBER;
	case JSON_TRUE:
	case JSON_FALSE:
		return JSON_KIND_BOOL;
	case JSON_ARRAY:
		return JSON_KIND_LIST;
	case JSON_OBJECT:
		return JSON_KIND_OBJECT;
	default:
		return JSON_KIND_NULL;
	}
}

const struct json *json_get(const struct json *object, const char *key)
{
	return outer(json_object_get(inner(object), key));
}

bool json_has(const struct json *object, const char *key)
{
	return json_get(object, key) != NULL;
}

size_t json_count(const struct json *value)
{
	return json_object_size(inner(value)) + json_array_size(inner(value));
}

const struct json *json_item(const struct json *list, size_t index)
{
	return outer(json_array_get(inner(list), index));
}

const char *json_text(const struct json *value)
{
	return json_string_value(inner(value));
}

struct json_iter json_iter(const struct json *object)
{
	return (struct json_iter){.object = object};
}

bool json_next(struct json_iter *it, const char **key, const struct json **value)
{
	json_t *object = inner(it->object);

	it->at = it->begun ? json_object_iter_next(object, it->at) : json_object_iter(object);
	it->begun = true;
	if (it->at == NULL)
		return false;
	*key = json_object_iter_key(it->at);
	*value = outer(json_object_iter_value(it->at));
	return true;
}

const char *json_stranger(const struct json *object, const char *const known[])
{
	const struct json *value;
	const char *key;
	int i;

	for (struct json_iter it = json_iter(object); json_next(&it, &key, &value);) {
		for (i = 0; known[i] && strcmp(known[i], key) != 0; i++)
			;
		if (!known[i])
			return key;
	}
	return NULL;
}

/* The member, or NULL where the default stands. */
static json_t *given(const struct json *object, const char *key)
{
	json_t *value = json_object_get(inner(object), key);

	return json_is_null(value) ? NULL : value;
}

int json_need(const struct json *object, const char *key, struct error *err)
{
	if (given(object, key) == NULL)
		return error_set(err, EINVAL, "%s: is required", key);
	return 0;
}

int json_get_string(
	const struct json *object, const char *key, size_t max, const char **out, struct error *err)
{
	json_t *value = given(object, key);

	if (value == NULL)
		return 0;
	if (!json_is_string(value))
		return error_set(err, EINVAL, "%s: must be a string", key);
	if (max > 0 && json_string_length(value) > max)
		return error_set(err, EINVAL, "%s: must be at most %zu bytes", key, max);
	*out = json_string_value(value);
	return 0;
}

int json_need_string(
	const struct json *object, const char *key, size_t max, const char **out, struct error *err)
{
	int rc = json_need(object, key, err);

	return rc < 0 ? rc : json_get_string(object, key, max, out, err);
}

int json_get_bool(const struct json *object, const char *key, bool *out, struct error *err)
{
	json_t *value = given(object, key);

	if (value == NULL)
		return 0;
	if (!json_is_boolean(value))
		return error_set(err, EINVAL, "%s: must be true or false", key);
	*out = json_is_true(value);
	return 0;
}

int json_get_number(const struct json *object, const char *key, double *out, struct error *err)
{
	json_t *value = given(object, key);

	if (value == NULL)
		return 0;
	if (!json_is_number(value))
		return error_set(err, EINVAL, "%s: must be a number", key);
	*out = json_number_value(value);
	return 0;
}

/* A number's value as an integer; false where it has a fraction or is past 64 bits. */
static bool whole(const json_t *value, int64_t *out)
{
	double real;

	if (json_is_integer(value)) {
		*out = json_integer_value(value);
		return true;
	}
	real = json_number_value(value);
	if (!(real >= -0x1p63 && real < 0x1p63) || (double)(int64_t)real < real ||
		(double)(int64_t)real > real)
		return false;
	*out = (int64_t)real;
	return true;
}

bool json_to_integer(const struct json *value, int64_t *out)
{
	return json_is_number(inner(value)) && whole(inner(value), out);
}

int json_get_integer(const struct json *object, const char *key, int64_t min, int64_t max,
	int64_t *out, struct error *err)
{
	json_t *value = given(object, key);
	int64_t number;

	if (value == NULL)
		return 0;
	if (!json_is_number(value) || !whole(value, &number) || number < min || number > max)
		return error_set(err, EINVAL, "%s: must be a whole number of %lld to %lld", key,
			(long long)min, (long long)max);
	*out = number;
	return 0;
}

int json_get_duration(const struct json *object, const char *key, int64_t *us, struct error *err)
{
	static const double us_max = 0x1p62;
	json_t *value = given(object, key);
	double number;

	if (value == NULL)
		return 0;
	if (json_is_string(value) && text_duration(json_string_value(value), us) == 0)
		return 0;
	number = json_number_value(value) * 1e6; /* 0 where it is no number */
	if (json_is_number(value) && number >= 0 && number <= us_max) {
		*us = (int64_t)(number + 0.5);
		return 0;
	}
	return error_set(err, EINVAL,
		"%s: must be a number of seconds, or a duration such as \"90s\" or \"10m\"", key);
}

int json_get_strings(const struct json *object, const char *key, size_t max_items, size_t max,
	const struct json **out, struct error *err)
{
	json_t *list = given(object, key), *item;
	size_t i;

	if (list == NULL)
		return 0;
	if (!json_is_array(list))
		return error_set(err, EINVAL, "%s: must be an array of strings", key);
	if (json_array_size(list) > max_items)
		return error_set(err, EINVAL, "%s: must hold at most %zu strings", key, max_items);
	json_array_foreach(list, i, item)
	{
		if (!json_is_string(item))
			return error_set(err, EINVAL, "%s: must be an array of strings", key);
		if (json_string_length(item) > max)
			return error_set(
				err, EINVAL, "%s: each must be at most %zu bytes", key, max);
	}
	*out = outer(list);
	return 0;
}
