/* Setting an option from a text or from JSON, and showing it. */
#include "core/context/source_private.h"

#include "core/base/json.h"

#include <errno.h>
#include <string.h>

/* A text that is neither empty nor "-", unless that was meant. */
static int set_value(struct source_config *c, const struct source_option *o, const char *text,
	size_t len, struct error *err)
{
	if (o->take != NULL)
		return o->take(c, o, text, len, err);
	switch (o->kind) {
	case SOURCE_TEXT:
		return source_keep_text(source_field(c, o), text, len, err);
	case SOURCE_SECRET:
		return source_set_secret(c, o, text, len, err);
	case SOURCE_FLAG:
		return source_set_flag(c, o, text, len, err);
	case SOURCE_LIST:
		return source_set_list_text(c, o, text, len, err);
	default:
		return source_set_number_text(c, o, text, len, err);
	}
}

int source_set(struct source_config *c, const struct source_option *o, const char *text, size_t len,
	struct error *err)
{
	if (memchr(text, '\0', len) != NULL)
		return error_set(err, EINVAL, "%s: must not hold NULs", o->name);
	if (o->kind != SOURCE_SECRET)
		source_trim(&text, &len);
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
		return source_refuse_number(o, err);
	if (o->kind == SOURCE_TIME)
		number *= 1e6;
	if (!(number >= 0 && number <= (double)(INT64_C(1) << 53)) ||
		(o->kind != SOURCE_TIME && (double)(int64_t)number < number))
		return source_refuse_number(o, err);
	return source_set_number(c, o, (int64_t)number, err);
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
			return source_set_list(c, o, NULL, 0, value, err);
		break;
	default:
		break;
	}
	if (is_number(o))
		return source_refuse_number(o, err);
	return error_set(err, EINVAL, "%s: must be %s", o->name,
		o->kind == SOURCE_FLAG   ? "true or false"
		: o->kind == SOURCE_LIST ? "an array of strings"
					 : "a string");
}

const char *source_text(const struct source_config *c, const struct source_option *o)
{
	const void *field = source_field(c, o);

	if (field == (const void *)&c->url && c->kind == SOURCE_FOLDER)
		return c->path;
	return *(char *const *)field;
}

void source_get(const struct source_config *c, const struct source_option *o, struct buf *out)
{
	const void *field = source_field(c, o);
	const char *text;

	switch (o->kind) {
	case SOURCE_TEXT:
		text = source_text(c, o);
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
		source_add_number(out, o->kind, *(const int64_t *)field);
		break;
	}
}
