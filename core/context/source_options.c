/* The table of options, and what texts in them may be. */
#include "core/context/source_private.h"

#include "core/base/text.h"
#include "core/base/units.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

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
	ROW("stall", SOURCE_TIME, stall_us, 60 * SECOND, SECOND, HOUR, false, false, NULL,
		"how long a server may send next to nothing before it is given up"),
	ROW("include", SOURCE_LIST, include, PLAIN, false, NULL,
		"patterns of the files that are wanted, all of them, one a line, such as docs/**, *.md; none: every file"),
	ROW("exclude", SOURCE_LIST, exclude, PLAIN, false, NULL,
		"patterns of what is left out, all of them, one a line; with ! before it, what is not"),
	ROW("types", SOURCE_LIST, types, PLAIN, false, NULL,
		"endings of the names that are wanted, all of them, one a line, such as md; none: every file"),
	ROW("max_file", SOURCE_BYTES, max_file, 256 * MIB, 1, 64 * GIB, false, false, NULL,
		"size from which on files are shown but not fetched"),
	ROW("history", SOURCE_COUNT, history, 10, 1, 1000, true, false, NULL,
		"earlier versions that are kept of a file"),
	ROW("shared", SOURCE_FLAG, shared, PLAIN, false, NULL,
		"whether every user sees the source and its files: yes or no"),
	ROW("verify", SOURCE_FLAG, verify, 1, 0, 0, false, false, NULL,
		"whether the server's certificate must be good: yes or no"),
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
		"whether link-local and cloud metadata addresses may be asked: yes or no"),
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

void source_free_list(char **list)
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
		source_free_list(*(char ***)field);
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

int source_keep_text(char **field, const char *text, size_t len, struct error *err)
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

	return r != 0 ? r : source_keep_text(source_field(c, o), text, len, err);
}

static int take_path(struct source_config *c, const struct source_option *o, const char *text,
	size_t len, struct error *err)
{
	int r = source_check_text(o->name, text, len, PATH_MAX - 1, err);

	if (r == 0 && text[0] != '/')
		r = error_set(err, EINVAL, "%s: must be an absolute path", o->name);
	return r != 0 ? r : source_keep_text(source_field(c, o), text, len, err);
}

int source_set_secret(struct source_config *c, const struct source_option *o, const char *text,
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
