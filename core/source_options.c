/* The table of options: setting one from a text or from JSON, and telling it. */
#include "core/source_private.h"

#include "core/clock.h"
#include "core/json.h"
#include "core/text.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define MS     INT64_C(1000)
#define SECOND SECOND_US
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)

#define KIB (INT64_C(1) << 10)
#define MIB (INT64_C(1) << 20)
#define GIB (INT64_C(1) << 30)

#define LIST_TEXT_MAX ((size_t)SOURCE_PATTERNS_MAX * (SOURCE_PATTERN_MAX + 8))

static int take_username(struct source_config *, const struct source_option *, const char *text,
	size_t len, struct error *);
static int take_path(struct source_config *, const struct source_option *, const char *text,
	size_t len, struct error *);

#define ROW(name, kind, field, ...)                                                                \
	{                                                                                          \
		name, kind, offsetof(struct source_config, field), __VA_ARGS__                     \
	}
#define PLAIN 0, 0, 0, false

/* clang-format off */
const struct source_option source_options[] = {
	ROW("url", SOURCE_TEXT, url, PLAIN, false, source_take_url,
		"where the files are: https://host/path/, http://host/path/, or an absolute path"),
	ROW("username", SOURCE_TEXT, username, PLAIN, false, take_username,
		"who we are to the server"),
	ROW("password", SOURCE_SECRET, password, PLAIN, false, NULL,
		"its password; can be written, never read"),
	ROW("token", SOURCE_SECRET, token, PLAIN, false, NULL,
		"a bearer token in place of name and password; can be written, never read"),
	ROW("interval", SOURCE_TIME, interval_us, 300 * SECOND, SECOND, 30 * DAY, true, false, NULL,
		"time between syncs; 0: only when asked"),
	ROW("include", SOURCE_LIST, include, PLAIN, false, NULL,
		"patterns of the files that are wanted, such as docs/**, *.md; all where there is none"),
	ROW("exclude", SOURCE_LIST, exclude, PLAIN, false, NULL,
		"patterns of what is left out; with ! before it, what is not"),
	ROW("types", SOURCE_LIST, types, PLAIN, false, NULL,
		"endings of the names that are wanted, such as md, py; all where there is none"),
	ROW("max_file", SOURCE_BYTES, max_file, 256 * MIB, 1, 64 * GIB, false, false, NULL,
		"size from which on files are shown but not fetched"),
	ROW("history", SOURCE_COUNT, history, 10, 1, 1000, true, false, NULL,
		"earlier versions that are kept of a file"),
	ROW("shared", SOURCE_FLAG, shared, PLAIN, false, NULL,
		"whether every user sees the source and its files"),
	ROW("verify", SOURCE_FLAG, verify, 1, 0, 0, false, false, NULL,
		"whether the server's certificate must be good"),
	ROW("ca", SOURCE_TEXT, ca, PLAIN, true, take_path,
		"file with the certificates that the server's is checked against"),
	ROW("cert", SOURCE_TEXT, cert, PLAIN, true, take_path,
		"file with our certificate (PEM)"),
	ROW("key", SOURCE_TEXT, key, PLAIN, true, take_path,
		"file with the certificate's key (PEM, without a passphrase)"),
	ROW("proxy", SOURCE_TEXT, proxy, PLAIN, false, source_take_proxy,
		"proxy's URL; none: not even the one that the environment names"),
	ROW("proxy_username", SOURCE_TEXT, proxy_username, PLAIN, false, take_username,
		"who we are to the proxy"),
	ROW("proxy_password", SOURCE_SECRET, proxy_password, PLAIN, false, NULL,
		"its password; can be written, never read"),
	ROW("local", SOURCE_FLAG, local, 0, 0, 0, false, true, NULL,
		"whether link-local and cloud metadata addresses may be asked"),
	{0},
};
/* clang-format on */

const struct source_option *source_option(const char *name)
{
	for (const struct source_option *o = source_options; o->name != NULL; o++)
		if (strcmp(o->name, name) == 0)
			return o;
	return NULL;
}

static void free_list(char **list)
{
	for (size_t i = 0; list != NULL && list[i] != NULL; i++)
		free(list[i]);
	free(list);
}

void source_reset(struct source_config *c, const struct source_option *o)
{
	void *field = source_field(c, o);

	switch (o->kind) {
	case SOURCE_TEXT:
		free(*(char **)field);
		*(char **)field = NULL;
		break;
	case SOURCE_SECRET:
		plain_free(*(struct plain **)field);
		*(struct plain **)field = NULL;
		break;
	case SOURCE_FLAG:
		*(bool *)field = o->initial != 0;
		break;
	case SOURCE_LIST:
		free_list(*(char ***)field);
		*(char ***)field = NULL;
		break;
	default:
		*(int64_t *)field = o->initial;
		break;
	}
	if (field == (void *)&c->url) {
		free(c->path);
		c->path = NULL;
		c->kind = SOURCE_NONE;
	}
}

int source_check_text(const char *name, const char *text, size_t len, size_t max, struct error *err)
{
	size_t n;

	if (len > max)
		return error_set(err, EINVAL, "%s: must be at most %zu bytes", name, max);
	for (size_t at = 0; at < len; at += n) {
		n = text_char(text + at, len - at, NULL);
		if (n == 0)
			return error_set(err, EINVAL, "%s: must be UTF-8", name);
		if (text_is_control(text + at, n))
			return error_set(err, EINVAL,
				"%s: must be one line without control characters", name);
	}
	return 0;
}

/* RFC 7617, section 2: a colon would end it. */
int source_check_user(const char *name, const char *text, size_t len, struct error *err)
{
	int r = source_check_text(name, text, len, SOURCE_PATTERN_MAX, err);

	if (r == 0 && memchr(text, ':', len) != NULL)
		r = error_set(err, EINVAL, "%s: must not hold a colon", name);
	return r;
}

/* A token stands in a header as it is (RFC 6750, section 2.1). */
int source_check_secret(const char *name, const char *text, size_t len, struct error *err)
{
	int r = source_check_text(name, text, len, SOURCE_SECRET_MAX, err);

	for (size_t i = 0; r == 0 && strcmp(name, "token") == 0 && i < len; i++)
		if (text[i] <= ' ' || text[i] > '~')
			r = error_set(err, EINVAL,
				"%s: must be letters, digits and signs of ASCII, without spaces",
				name);
	return r;
}

static int keep_text(char **field, const char *text, size_t len, struct error *err)
{
	char *copy = strndup(text, len);

	if (copy == NULL)
		return error_set(err, ENOMEM, "out of memory");
	free(*field);
	*field = copy;
	return 0;
}

static int take_username(struct source_config *c, const struct source_option *o, const char *text,
	size_t len, struct error *err)
{
	int r = source_check_user(o->name, text, len, err);

	return r != 0 ? r : keep_text(source_field(c, o), text, len, err);
}

static int take_path(struct source_config *c, const struct source_option *o, const char *text,
	size_t len, struct error *err)
{
	int r = source_check_text(o->name, text, len, PATH_MAX - 1, err);

	if (r == 0 && text[0] != '/')
		r = error_set(err, EINVAL, "%s: must be an absolute path", o->name);
	return r != 0 ? r : keep_text(source_field(c, o), text, len, err);
}

static int set_secret(struct source_config *c, const struct source_option *o, const char *text,
	size_t len, struct error *err)
{
	struct plain **field = source_field(c, o), *p;
	int r = source_check_secret(o->name, text, len, err);

	if (r != 0)
		return r;
	p = plain_new(text, len);
	if (p == NULL)
		return error_set(err, ENOMEM, "out of memory");
	plain_free(*field);
	*field = p;
	return 0;
}

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
static void add_number(struct buf *out, enum source_option_kind kind, int64_t value)
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

static int refuse_number(const struct source_option *o, struct error *err)
{
	static const char *const forms[] = {
		[SOURCE_TIME] = "a time such as 90s or 5m,",
		[SOURCE_BYTES] = "a size such as 4096, 64K or 256M,",
		[SOURCE_COUNT] = "a whole number",
	};
	struct buf range = BUF_INIT;

	add_number(&range, o->kind, o->least);
	buf_adds(&range, " to ");
	add_number(&range, o->kind, o->most);
	if (o->or_zero)
		buf_adds(&range, ", or 0");
	error_set(err, EINVAL, "%s: must be %s from %s", o->name, forms[o->kind],
		buf_error(&range) == 0 ? range.data : "");
	buf_release(&range);
	return -EINVAL;
}

static int set_number(
	struct source_config *c, const struct source_option *o, int64_t value, struct error *err)
{
	if ((value < o->least || value > o->most) && !(o->or_zero && value == 0))
		return refuse_number(o, err);
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

static int set_number_text(struct source_config *c, const struct source_option *o, const char *text,
	size_t len, struct error *err)
{
	char copy[32];
	int64_t value;
	int r = -EINVAL;

	if (len < sizeof(copy)) {
		memcpy(copy, text, len);
		copy[len] = '\0';
		r = o->kind == SOURCE_TIME ? text_duration(copy, &value)
					   : parse_count(copy, o->kind, &value);
	}
	return r != 0 ? refuse_number(o, err) : set_number(c, o, value, err);
}

static int set_flag(struct source_config *c, const struct source_option *o, const char *text,
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

static void trim(const char **text, size_t *len)
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

		trim(&item, &item_len);
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

static int set_list(struct source_config *c, const struct source_option *o, const char *text,
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
		free_list(list.items);
		return r;
	}
	free_list(*field);
	*field = list.items;
	return 0;
}

/* A text may be an array as in JSON; what merely begins like one is a pattern ([a-z]*.md). */
static int set_list_text(struct source_config *c, const struct source_option *o, const char *text,
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
	r = set_list(c, o, text, len, list, err);
	json_free(json);
	buf_release(&object);
	return r;
}

/* A text that is neither empty nor "-", unless that was meant. */
static int set_value(struct source_config *c, const struct source_option *o, const char *text,
	size_t len, struct error *err)
{
	if (o->take != NULL)
		return o->take(c, o, text, len, err);
	switch (o->kind) {
	case SOURCE_TEXT:
		return keep_text(source_field(c, o), text, len, err);
	case SOURCE_SECRET:
		return set_secret(c, o, text, len, err);
	case SOURCE_FLAG:
		return set_flag(c, o, text, len, err);
	case SOURCE_LIST:
		return set_list_text(c, o, text, len, err);
	default:
		return set_number_text(c, o, text, len, err);
	}
}

int source_set(struct source_config *c, const struct source_option *o, const char *text, size_t len,
	struct error *err)
{
	if (memchr(text, '\0', len) != NULL)
		return error_set(err, EINVAL, "%s: must not hold NULs", o->name);
	if (o->kind != SOURCE_SECRET)
		trim(&text, &len);
	else if (len > 0 && text[len - 1] == '\n')
		len--;
	if (len == 0 || (len == 1 && text[0] == '-')) {
		source_reset(c, o);
		return 0;
	}
	return set_value(c, o, text, len, err);
}

/* Times are seconds in JSON. */
static int set_json_number(struct source_config *c, const struct source_option *o,
	const struct json *object, struct error *err)
{
	double number = 0;

	if (json_get_number(object, o->name, &number, NULL) != 0)
		return refuse_number(o, err);
	if (o->kind == SOURCE_TIME)
		number *= 1e6;
	if (!(number >= 0 && number <= (double)(INT64_C(1) << 53)) ||
		(o->kind != SOURCE_TIME && (double)(int64_t)number < number))
		return refuse_number(o, err);
	return set_number(c, o, (int64_t)number, err);
}

static bool is_number(const struct source_option *o)
{
	return o->kind == SOURCE_TIME || o->kind == SOURCE_BYTES || o->kind == SOURCE_COUNT;
}

int source_set_json(struct source_config *c, const struct source_option *o,
	const struct json *object, struct error *err)
{
	const struct json *value = json_get(object, o->name);
	const char *text = json_text(value);

	switch (json_kind(value)) {
	case JSON_KIND_NULL:
		source_reset(c, o);
		return 0;
	case JSON_KIND_STRING:
		if (text[0] != '\0' || o->offset == offsetof(struct source_config, proxy))
			return set_value(c, o, text, strlen(text), err);
		source_reset(c, o);
		return 0;
	case JSON_KIND_BOOL:
		if (o->kind == SOURCE_FLAG)
			return json_get_bool(object, o->name, source_field(c, o), err);
		break;
	case JSON_KIND_NUMBER:
		if (is_number(o))
			return set_json_number(c, o, object, err);
		break;
	case JSON_KIND_LIST:
		if (o->kind == SOURCE_LIST)
			return set_list(c, o, NULL, 0, value, err);
		break;
	default:
		break;
	}
	if (is_number(o))
		return refuse_number(o, err);
	return error_set(err, EINVAL, "%s: must be %s", o->name,
		o->kind == SOURCE_FLAG   ? "true or false"
		: o->kind == SOURCE_LIST ? "an array of strings"
					 : "a string");
}

void source_get(const struct source_config *c, const struct source_option *o, struct buf *out)
{
	const void *field = source_field(c, o);
	const char *text;

	switch (o->kind) {
	case SOURCE_TEXT:
		text = *(char *const *)field;
		if (field == (const void *)&c->url && c->kind == SOURCE_FOLDER)
			text = c->path;
		if (text != NULL)
			buf_adds(out, text[0] != '\0' ? text : "none");
		break;
	case SOURCE_SECRET:
		break;
	case SOURCE_FLAG:
		buf_adds(out, *(const bool *)field ? "yes" : "no");
		break;
	case SOURCE_LIST:
		for (char *const *item = *(char **const *)field; item && *item; item++) {
			if (item != *(char **const *)field)
				buf_addc(out, '\n');
			buf_adds(out, *item);
		}
		break;
	default:
		add_number(out, o->kind, *(const int64_t *)field);
		break;
	}
}
