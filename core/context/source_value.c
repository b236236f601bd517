/* Numbers, flags and lists, from texts and to them. */
#include "core/context/source_private.h"

#include "core/base/json.h"
#include "core/base/text.h"
#include "core/base/units.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define LIST_TEXT_MAX ((size_t)SOURCE_PATTERNS_MAX * (SOURCE_PATTERN_MAX + 8))

static const struct {
	enum source_option_kind kind;
	int64_t size;
	const char *name;
} units[] = {
	{SOURCE_TIME, DAY, "d"},
	{SOURCE_TIME, HOUR, "h"},
	{SOURCE_TIME, MINUTE, "m"},
	{SOURCE_TIME, SECOND, "s"},
	{SOURCE_TIME, MS, "ms"},
	{SOURCE_BYTES, GIB, "G"},
	{SOURCE_BYTES, MIB, "M"},
	{SOURCE_BYTES, KIB, "K"},
	{SOURCE_BYTES, 1, ""},
	{SOURCE_COUNT, 1, ""},
};
#define UNITS (sizeof(units) / sizeof(units[0]))

/* In the largest unit that suits: 5m, 90s, 64K. */
void source_add_number(struct buf *out, enum source_option_kind kind, int64_t value)
{
	if (value == 0) {
		buf_addc(out, '0');
		return;
	}
	for (size_t i = 0; i < UNITS; i++) {
		if (units[i].kind == kind && value % units[i].size == 0) {
			buf_addf(out, "%lld%s", (long long)(value / units[i].size), units[i].name);
			return;
		}
	}
}

int source_refuse_number(const struct source_option *o, struct error *err)
{
	static const char *const forms[] = {
		[SOURCE_TIME] = "a time such as 90s or 5m,",
		[SOURCE_BYTES] = "a size such as 4096, 64K or 256M,",
		[SOURCE_COUNT] = "a whole number",
	};
	struct buf range = BUF_INIT;

	source_add_number(&range, o->kind, o->least);
	buf_adds(&range, " to ");
	source_add_number(&range, o->kind, o->most);
	if (o->or_zero)
		buf_adds(&range, ", or 0");
	error_set(err, EINVAL, "%s: must be %s from %s", o->name, forms[o->kind],
		buf_error(&range) == 0 ? range.data : "");
	buf_release(&range);
	return -EINVAL;
}

int source_set_number(
	struct source_config *c, const struct source_option *o, int64_t value, struct error *err)
{
	if ((value < o->least || value > o->most) && !(o->or_zero && value == 0))
		return source_refuse_number(o, err);
	*(int64_t *)source_field(c, o) = value;
	return 0;
}

static int parse_count(const char *text, enum source_option_kind kind, int64_t *out)
{
	int64_t value = 0;
	const char *p = text;

	for (; *p >= '0' && *p <= '9'; p++) {
		if (value > (INT64_MAX - 9) / 10)
			return -EINVAL;
		value = value * 10 + (*p - '0');
	}
	for (size_t i = 0; p != text && i < UNITS; i++) {
		if (units[i].kind == kind && strcasecmp(units[i].name, p) == 0) {
			if (value > INT64_MAX / units[i].size)
				return -EINVAL;
			*out = value * units[i].size;
			return 0;
		}
	}
	return -EINVAL;
}

int source_set_number_text(struct source_config *c, const struct source_option *o, const char *text,
	size_t len, struct error *err)
{
	char copy[32];
	int64_t value = 0;
	int r = -EINVAL;

	if (len < sizeof(copy)) {
		memcpy(copy, text, len);
		copy[len] = '\0';
		r = o->kind == SOURCE_TIME ? text_duration(copy, &value)
					   : parse_count(copy, o->kind, &value);
	}
	return r != 0 ? source_refuse_number(o, err) : source_set_number(c, o, value, err);
}

int source_set_flag(struct source_config *c, const struct source_option *o, const char *text,
	size_t len, struct error *err)
{
	static const char *const words[] = {"no", "yes", "false", "true", "off", "on", "0", "1"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strlen(words[i]) == len && strncasecmp(words[i], text, len) == 0) {
			*(bool *)source_field(c, o) = i % 2 != 0;
			return 0;
		}
	}
	return error_set(err, EINVAL, "%s: must be yes or no", o->name);
}

struct list {
	char **items; /* SOURCE_PATTERNS_MAX and the NULL */
	size_t count;
};

/* A type may be given as people think of it: md, .md, *.md. */
static int add_item(struct list *list, const struct source_option *o, const char *text, size_t len,
	struct error *err)
{
	const bool types = o->offset == offsetof(struct source_config, types);
	int r;

	if (types && len > 0 && text[0] == '*')
		text++, len--;
	if (types && len > 0 && text[0] == '.')
		text++, len--;
	if (len == 0)
		return 0;
	r = source_check_text(o->name, text, len, SOURCE_PATTERN_MAX, err);
	if (r != 0)
		return r;
	if (types && memchr(text, '/', len) != NULL)
		return error_set(err, EINVAL, "%s: must be endings of names, such as md", o->name);
	if (list->count == SOURCE_PATTERNS_MAX)
		return error_set(
			err, EINVAL, "%s: must be at most %d", o->name, SOURCE_PATTERNS_MAX);
	if (list->items == NULL)
		list->items = calloc(SOURCE_PATTERNS_MAX + 1, sizeof(*list->items));
	if (list->items != NULL)
		list->items[list->count] = strndup(text, len);
	if (list->items == NULL || list->items[list->count] == NULL)
		return error_set(err, ENOMEM, "out of memory");
	list->count++;
	return 0;
}

void source_trim(const char **text, size_t *len)
{
	while (*len > 0 && strchr(" \t\r\n", (*text)[0]) != NULL)
		(*text)++, (*len)--;
	while (*len > 0 && strchr(" \t\r\n", (*text)[*len - 1]) != NULL)
		(*len)--;
}

static int add_items(struct list *list, const struct source_option *o, const char *text, size_t len,
	struct error *err)
{
	const char separator = memchr(text, '\n', len) != NULL ? '\n' : ',';
	int r = 0;

	while (r == 0 && len > 0) {
		const char *end = memchr(text, separator, len);
		size_t used = end != NULL ? (size_t)(end - text) : len, item_len = used;
		const char *item = text;

		source_trim(&item, &item_len);
		r = add_item(list, o, item, item_len, err);
		used += end != NULL;
		text += used;
		len -= used;
	}
	return r;
}

static int add_json_items(struct list *list, const struct source_option *o,
	const struct json *value, struct error *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < json_count(value); i++) {
		const char *text = json_text(json_item(value, i));

		r = text != NULL
			    ? add_item(list, o, text, strlen(text), err)
			    : error_set(err, EINVAL, "%s: must be an array of strings", o->name);
	}
	return r;
}

int source_set_list(struct source_config *c, const struct source_option *o, const char *text,
	size_t len, const struct json *value, struct error *err)
{
	char ***field = source_field(c, o);
	struct list list = {0};
	int r;

	if (len > LIST_TEXT_MAX)
		return error_set(
			err, EINVAL, "%s: must be at most %zu bytes", o->name, LIST_TEXT_MAX);
	r = value != NULL ? add_json_items(&list, o, value, err)
			  : add_items(&list, o, text, len, err);
	if (r != 0) {
		source_free_list(list.items);
		return r;
	}
	source_free_list(*field);
	*field = list.items;
	return 0;
}

/* A text may be an array as in JSON; what merely begins like one is a pattern ([a-z]*.md). */
int source_set_list_text(struct source_config *c, const struct source_option *o, const char *text,
	size_t len, struct error *err)
{
	struct buf object = BUF_INIT;
	struct json *json = NULL;
	const struct json *list = NULL;
	int r;

	if (len > 0 && text[0] == '[' && len <= LIST_TEXT_MAX) {
		buf_adds(&object, "{\"list\":");
		buf_add(&object, text, len);
		buf_addc(&object, '}');
		if (buf_error(&object) == 0 &&
			json_parse(object.data, object.len, &json, NULL) == 0)
			list = json_get(json, "list");
	}
	r = source_set_list(c, o, text, len, list, err);
	json_free(json);
	buf_release(&object);
	return r;
}
