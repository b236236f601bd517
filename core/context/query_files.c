/* Which files the filters let. */
#include "core/context/query.h"

#include <string.h>
#include <strings.h>

/* Markdown is md and markdown and text/markdown. */
static bool is_type(const char *path, const char *type, const char *wanted)
{
	size_t path_len = strlen(path), len = strlen(wanted), type_len = strcspn(type, "; ");
	const char *slash = memchr(type, '/', type_len);

	if (path_len > len + 1 && path[path_len - len - 1] == '.' &&
		strcasecmp(path + path_len - len, wanted) == 0)
		return true;
	if (type_len == len && strncasecmp(type, wanted, len) == 0)
		return true;
	return slash && type_len - (size_t)(slash + 1 - type) == len &&
	       strncasecmp(slash + 1, wanted, len) == 0;
}

/* Where a name of the path begins with it: api/ finds api/a and v2/api/a, not rapi/a. */
static bool is_path(const char *path, const char *wanted)
{
	const size_t len = strlen(wanted);

	for (const char *at = path;; at++) {
		if (strncasecmp(at, wanted, len) == 0)
			return true;
		at = strchr(at, '/');
		if (!at)
			return false;
	}
}

static bool is_any(
	const struct query_list *list, enum query_filter filter, const char *path, const char *type)
{
	for (size_t i = 0; i < list->count; i++)
		if (filter == QUERY_TYPE ? is_type(path, type, list->items[i])
					 : is_path(path, list->items[i]))
			return true;
	return false;
}

bool query_accepts(const struct query_terms *q, const char *path, const char *type, int64_t date_us)
{
	static const enum query_filter filters[] = {QUERY_TYPE, QUERY_PATH};

	if (q->since_set && date_us < q->since_us)
		return false;
	for (size_t i = 0; i < 2; i++) {
		enum query_filter f = filters[i];

		if (q->is[f].count && !is_any(&q->is[f], f, path, type))
			return false;
		if (is_any(&q->not [f], f, path, type))
			return false;
	}
	return true;
}

size_t query_name_key(const char *name, size_t len, char *out, size_t room)
{
	size_t n = 0;

	for (size_t i = 0; i < len && n < room; i++) {
		char c = name[i];

		if (c >= 'A' && c <= 'Z')
			c = (char)(c | 0x20);
		if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (unsigned char)c >= 0x80)
			out[n++] = c;
	}
	return n;
}
