#include "core/base/error.h"
#include "core/base/schema_private.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Kept free for what place_root puts before it. */
#define ROOT_SPACE 16

void place_init(struct schema_place *place)
{
	place->at = sizeof(place->text) - 1;
	place->text[place->at] = '\0';
	place->full = false;
}

/* Puts text before it as it is. */
static void put(struct schema_place *place, const char *text, size_t len)
{
	place->at -= len;
	memcpy(place->text + place->at, text, len);
}

static size_t escaped_length(const char *key)
{
	size_t len = 0;

	for (; *key != '\0'; key++)
		len += *key == '~' || *key == '/' ? 2 : 1;
	return len;
}

void place_key(struct schema_place *place, const char *key)
{
	size_t len = escaped_length(key) + 1;

	if (place->full || len + ROOT_SPACE > place->at) {
		place->full = true;
		return;
	}
	for (const char *p = key + strlen(key); p > key; p--) {
		if (p[-1] == '~')
			put(place, "~0", 2);
		else if (p[-1] == '/')
			put(place, "~1", 2);
		else
			put(place, p - 1, 1);
	}
	put(place, "/", 1);
}

void place_index(struct schema_place *place, size_t index)
{
	char text[24];

	snprintf(text, sizeof(text), "%zu", index);
	place_key(place, text);
}

const char *place_root(struct schema_place *place, const char *root)
{
	if (place->full)
		put(place, "/\xe2\x80\xa6", 4);
	put(place, root, strlen(root));
	return place->text + place->at;
}

int schema_refuse(const struct schema_node *node, const char *keyword, struct error *err,
	const char *fmt, ...)
{
	struct schema_place place;
	char why[ERROR_TEXT_MAX];
	va_list args;

	place_init(&place);
	if (keyword != NULL)
		place_key(&place, keyword);
	for (; node->role != ROLE_ROOT; node = node->up) {
		if (schema_roles[node->role].has == HAS_KEY)
			place_key(&place, node->key);
		else if (schema_roles[node->role].has == HAS_INDEX)
			place_index(&place, node->index);
		place_key(&place, schema_roles[node->role].keyword);
	}
	va_start(args, fmt);
	if (vsnprintf(why, sizeof(why), fmt, args) < 0)
		why[0] = '\0';
	va_end(args);
	return error_set(err, EINVAL, "%s: %s", place_root(&place, "schema"), why);
}
