/* A source as it is written, and as it is kept. */
#include "core/base/json.h"
#include "core/base/text.h"
#include "core/context/source_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int set_members(
	struct source_config *c, const struct json *object, bool with_name, struct error *err)
{
	const struct json *value;
	const char *key;
	int r = 0;

	for (struct json_iter it = json_iter(object); r == 0 && json_next(&it, &key, &value);)
		if (source_option(key) == NULL && !(with_name && strcmp(key, "name") == 0))
			r = error_set(
				err, EINVAL, "%.80s: there is no such option of a source", key);
	/* In the table's order: the url first, so that what it says of user and password gives way
	 * to what is said apart. */
	for (const struct source_option *o = source_options; r == 0 && o->name != NULL; o++)
		if (json_has(object, o->name))
			r = source_set_json(c, o, object, err);
	return r;
}

/* What of a text may stand in a name; the rest, one character a '-', is kept apart by it. False:
 * nothing is left that tells one from another. */
static bool make_name(const char *text, size_t len, bool encoded, char out[SOURCE_NAME_MAX + 1])
{
	size_t used = 0;
	bool good = false;

	for (size_t i = 0; i < len && used < SOURCE_NAME_MAX; i++) {
		unsigned char c = (unsigned char)text[i];

		if (encoded && c == '%' && i + 2 < len && text_hex(text[i + 1]) >= 0) {
			c = (unsigned char)(text_hex(text[i + 1]) * 16 + text_hex(text[i + 2]));
			i += 2;
		}
		if ((c & 0xc0) == 0x80) /* the rest of a character */
			continue;
		if (!source_name_ok((const char *)&c, 1) && c != '.')
			c = '-';
		good |= c != '-' && c != '.' && c != '_';
		if (used > 0 || (c != '.' && c != '-'))
			out[used++] = (char)c;
	}
	out[used] = '\0';
	return good && source_name_ok(out, used);
}

static void derive_name(const struct source_config *c, char out[SOURCE_NAME_MAX + 1])
{
	const char *place = c->kind == SOURCE_FOLDER ? c->path : c->url, *begin, *end;
	const bool encoded = c->kind == SOURCE_WEBDAV;
	const char *host = strstr(place, "//");

	end = place + strlen(place);
	begin = host != NULL ? host + 2 : place;
	host = encoded ? begin : NULL;
	begin += strcspn(begin, "/");
	while (end > begin) {
		const char *part = end;

		while (part > begin && part[-1] != '/')
			part--;
		if (end > part && make_name(part, (size_t)(end - part), encoded, out))
			return;
		end = part > begin ? part - 1 : begin;
	}
	if (host == NULL || !make_name(host, strcspn(host, "/"), false, out))
		memcpy(out, "source", sizeof("source"));
}

static int take_name(const struct source_config *c, const struct json *object,
	char out[SOURCE_NAME_MAX + 1], struct error *err)
{
	const char *name = NULL;
	int r = object != NULL ? json_get_string(object, "name", 0, &name, err) : 0;

	if (r != 0)
		return r;
	if (name == NULL) {
		derive_name(c, out);
		return 0;
	}
	if (!source_name_ok(name, strlen(name)))
		return error_set(err, EINVAL,
			"name: must be 1 to %d of A-Z a-z 0-9 . _ -, not begin with a dot, and not "
			"be new or README.md",
			SOURCE_NAME_MAX);
	memcpy(out, name, strlen(name) + 1);
	return 0;
}

static int parse_json(const char *text, size_t len, bool with_name, struct source_config *c,
	struct json **out, struct error *err)
{
	struct json *object = NULL;
	int r = json_parse(text, len, &object, err);

	if (r == 0)
		r = set_members(c, object, with_name, err);
	if (r != 0)
		json_free(object);
	else
		*out = object;
	return r;
}

int source_parse(const char *text, size_t len, struct source_config *out,
	char name[SOURCE_NAME_MAX + 1], struct error *err)
{
	struct json *object = NULL;
	struct source_config c;
	char made[SOURCE_NAME_MAX + 1];
	size_t begin = 0;
	int r;

	source_config_init(&c);
	while (begin < len && strchr(" \t\r\n", text[begin]) != NULL && text[begin] != '\0')
		begin++;
	if (begin < len && text[begin] == '{')
		r = parse_json(text, len, true, &c, &object, err);
	else
		r = source_set(&c, &source_options[0], text, len, err);
	if (r == 0 && c.kind == SOURCE_NONE)
		r = error_set(err, EINVAL, "url: is required");
	if (r == 0)
		r = take_name(&c, object, made, err);
	json_free(object);
	if (r != 0) {
		source_config_release(&c);
		return r;
	}
	memcpy(name, made, sizeof(made));
	*out = c;
	return 0;
}

/* Whether an option is as it is where nobody set it. */
static bool is_default(const struct source_config *c, const struct source_option *o)
{
	struct source_config initial;
	bool same;

	source_config_init(&initial);
	same = source_same_value(c, &initial, o);
	source_config_release(&initial);
	return same;
}

static void add_value(const struct source_config *c, const struct source_option *o, struct buf *out)
{
	const void *field = source_field(c, o);
	const char *text;

	switch (o->kind) {
	case SOURCE_TEXT:
		text = source_text(c, o);
		buf_add_json(out, text, strlen(text));
		break;
	case SOURCE_FLAG:
		buf_adds(out, *(const bool *)field ? "true" : "false");
		break;
	case SOURCE_LIST:
		for (char *const *item = *(char **const *)field; *item != NULL; item++) {
			buf_addc(out, item == *(char **const *)field ? '[' : ',');
			buf_add_json(out, *item, strlen(*item));
		}
		buf_addc(out, ']');
		break;
	case SOURCE_TIME: /* exactly, which seconds with a fraction may not be */
		buf_addf(out, "\"%lldms\"", (long long)(*(const int64_t *)field / 1000));
		break;
	default:
		buf_addf(out, "%lld", (long long)*(const int64_t *)field);
		break;
	}
}

void source_to_json(const struct source_config *c, struct buf *out)
{
	const char *separator = "{";

	for (const struct source_option *o = source_options; o->name != NULL; o++) {
		if (o->kind == SOURCE_SECRET || is_default(c, o))
			continue;
		buf_addf(out, "%s\"%s\":", separator, o->name);
		add_value(c, o, out);
		separator = ",";
	}
	buf_adds(out, separator[0] == '{' ? "{}" : "}");
}

int source_from_json(const char *json, size_t len, struct source_config *out, struct error *err)
{
	struct json *object = NULL;
	struct source_config c;
	int r;

	source_config_init(&c);
	r = parse_json(json, len, false, &c, &object, err);
	json_free(object);
	if (r != 0)
		source_config_release(&c);
	else
		*out = c;
	return r;
}

struct plain *source_secrets(const struct source_config *c)
{
	struct plain *all = NULL;
	size_t len = 0;

	/* Once to learn how long it is, once to write it. */
	for (int round = 0; round < 2; round++) {
		char *to = all != NULL ? all->text : NULL;

		for (const struct source_option *o = source_options; o->name != NULL; o++) {
			const struct plain *p = o->kind == SOURCE_SECRET
							? *(struct plain **)source_field(c, o)
							: NULL;
			const size_t name = strlen(o->name);

			if (p == NULL)
				continue;
			if (round == 0) {
				len += name + 1 + p->len + 1;
				continue;
			}
			memcpy(to, o->name, name);
			to[name] = '=';
			memcpy(to + name + 1, p->text, p->len + 1);
			to += name + 1 + p->len + 1;
		}
		if (round == 0)
			all = plain_new(NULL, len);
		if (all == NULL)
			return NULL;
	}
	return all;
}

static int take_secret(struct source_config *c, const char *text)
{
	const char *equals = strchr(text, '=');

	if (equals == NULL)
		return -EBADMSG;
	for (const struct source_option *o = source_options; o->name != NULL; o++) {
		struct plain **field = source_field(c, o);

		if (o->kind != SOURCE_SECRET || strlen(o->name) != (size_t)(equals - text) ||
			memcmp(o->name, text, strlen(o->name)) != 0)
			continue;
		plain_free(*field);
		*field = plain_new(equals + 1, strlen(equals + 1));
		return *field != NULL ? 0 : -ENOMEM;
	}
	return -EBADMSG;
}

int source_take_secrets(struct source_config *c, const struct plain *all)
{
	int r = 0;

	if (all->len > 0 && all->text[all->len - 1] != '\0')
		return -EBADMSG;
	for (size_t at = 0; at < all->len && r == 0; at += strlen(all->text + at) + 1)
		r = take_secret(c, all->text + at);
	return r;
}
