#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/base/limits.h"
#include "core/base/pattern.h"
#include "core/base/schema_private.h"
#include "core/base/text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Bytes of a schema that a reason shows. */
#define SHOWN_MAX 160

int check_tell(const struct check *c, const struct spot *spot, int code, const char *fmt, ...)
{
	struct schema_place place;
	char why[ERROR_TEXT_MAX];
	va_list args;

	if (code == EINVAL && c->silence > 0)
		return -EINVAL;
	place_init(&place);
	for (; spot->up != NULL; spot = spot->up) {
		if (spot->key != NULL)
			place_key(&place, spot->key);
		else
			place_index(&place, spot->index);
	}
	va_start(args, fmt);
	if (vsnprintf(why, sizeof(why), fmt, args) < 0)
		why[0] = '\0';
	va_end(args);
	return error_set(c->err, code, "%s: %s", place_root(&place, "answer"), why);
}

static int too_much(const struct check *c)
{
	return error_set(c->err, E2BIG,
		"answer: takes too much work to check against the schema (%d steps)",
		SCHEMA_STEPS_MAX);
}

int check_spend(struct check *c, size_t bytes)
{
	uint64_t cost = 1 + bytes / 64;

	if (cost >= c->steps)
		return too_much(c);
	c->steps -= cost;
	return 0;
}

/* The value is not what the schema says: `said`, or one of `said`. What is too long to be shown is
 * called `instead`. */
static int misfit_value(const struct check *c, const struct spot *spot, const char *words,
	const struct json *said, bool one_of, const char *instead)
{
	struct buf shown = {.max = SHOWN_MAX};
	size_t count = one_of ? json_count(said) : 1;
	int rc;

	if (c->silence > 0)
		return -EINVAL;
	for (size_t i = 0; i < count && buf_error(&shown) == 0; i++) {
		buf_adds(&shown, i > 0 ? ", " : "");
		json_show(one_of ? json_item(said, i) : said, &shown);
	}
	rc = misfit(c, spot, "must be %s%s", words,
		shown.len > 0 && buf_error(&shown) == 0 ? shown.data : instead);
	buf_release(&shown);
	return rc;
}

static int misfit_type(const struct check *c, const struct spot *spot, unsigned types)
{
	static const char *const names[] = {"null", "true or false", "an object", "an array",
		"a number", "a string", "an integer"};
	struct buf shown = {.max = SHOWN_MAX};
	int rc;

	if (c->silence > 0)
		return -EINVAL;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (types & 1U << i)
			buf_addf(&shown, "%s%s", shown.len > 0 ? " or " : "", names[i]);
	rc = misfit(c, spot, "must be %s",
		buf_error(&shown) == 0 ? shown.data : "of one of the schema's types");
	buf_release(&shown);
	return rc;
}

static unsigned types_of(const struct json *value)
{
	switch (json_kind(value)) {
	case JSON_KIND_NULL:
		return TYPE_NULL;
	case JSON_KIND_BOOL:
		return TYPE_BOOLEAN;
	case JSON_KIND_NUMBER:
		return json_is_whole(value) ? TYPE_NUMBER | TYPE_INTEGER : TYPE_NUMBER;
	case JSON_KIND_STRING:
		return TYPE_STRING;
	case JSON_KIND_LIST:
		return TYPE_ARRAY;
	default:
		return TYPE_OBJECT;
	}
}

static int check_type(struct check *c, const struct schema_node *node, const struct spot *spot)
{
	if (node->types & types_of(spot->value))
		return 0;
	if (node->types > 0)
		return misfit_type(c, spot, node->types);
	return misfit(c, spot,
		node->role == ROLE_OTHER ? "is no property that the schema allows"
					 : "the schema allows nothing here");
}

static int check_constant(struct check *c, const struct schema_node *node, const struct spot *spot)
{
	if (node->constant == NULL || json_same(spot->value, node->constant, &c->steps))
		return 0;
	if (c->steps == 0)
		return too_much(c);
	return misfit_value(c, spot, "", node->constant, false, "the value of the schema's const");
}

static int check_choice(struct check *c, const struct schema_node *node, const struct spot *spot)
{
	size_t count = json_count(node->choices);

	if (node->choices == NULL)
		return 0;
	for (size_t i = 0; i < count; i++)
		if (json_same(spot->value, json_item(node->choices, i), &c->steps))
			return 0;
	if (c->steps == 0)
		return too_much(c);
	return misfit_value(
		c, spot, "one of ", node->choices, true, "the values of the schema's enum");
}

static int check_number(struct check *c, const struct schema_node *node, const struct spot *spot)
{
	if (node->minimum != NULL && json_compare(spot->value, node->minimum) < 0)
		return misfit_value(
			c, spot, "at least ", node->minimum, false, "the schema's minimum");
	if (node->maximum != NULL && json_compare(spot->value, node->maximum) > 0)
		return misfit_value(
			c, spot, "at most ", node->maximum, false, "the schema's maximum");
	return 0;
}

static int check_pattern(struct check *c, const struct schema_node *node, const struct spot *spot)
{
	const char *text = json_text(spot->value);
	int rc = pattern_search(node->pattern, text, strlen(text), &c->steps);

	if (rc == -ENOMEM)
		return check_tell(c, spot, ENOMEM, "out of memory");
	if (rc < 0)
		return check_tell(
			c, spot, E2BIG, "its pattern takes too much work or memory to look for");
	return rc > 0 ? 0 : misfit(c, spot, "must match %.*s", SHOWN_MAX, node->pattern_text);
}

static int check_text(struct check *c, const struct schema_node *node, const struct spot *spot)
{
	const char *text = json_text(spot->value);
	size_t len = strlen(text);
	int rc = check_spend(c, 8 * len); /* counting is dearer than comparing */
	int64_t count;

	if (rc < 0)
		return rc;
	if (node->min_length > 0 || node->max_length < INT64_MAX) {
		count = (int64_t)text_count(text, len);
		if (count < node->min_length)
			return misfit(c, spot, "must be at least %" PRId64 " characters long",
				node->min_length);
		if (count > node->max_length)
			return misfit(c, spot, "must be at most %" PRId64 " characters long",
				node->max_length);
	}
	return node->pattern != NULL ? check_pattern(c, node, spot) : 0;
}

static int check_list(struct check *c, const struct schema_node *node, const struct spot *spot)
{
	int64_t count = (int64_t)json_count(spot->value);

	if (count < node->min_items)
		return misfit(c, spot, "must hold at least %" PRId64 " items", node->min_items);
	if (count > node->max_items)
		return misfit(c, spot, "must hold at most %" PRId64 " items", node->max_items);
	return 0;
}

static int check_required(struct check *c, const struct schema_node *node, const struct spot *spot)
{
	for (size_t i = 0; i < json_count(node->required); i++) {
		struct spot member = {spot, json_text(json_item(node->required, i)), 0, NULL};
		int rc = check_spend(c, strlen(member.key));

		if (rc < 0)
			return rc;
		if (!json_has(spot->value, member.key))
			return misfit(c, &member, "is required");
	}
	return 0;
}

static int check_kind(struct check *c, const struct schema_node *node, const struct spot *spot)
{
	switch (json_kind(spot->value)) {
	case JSON_KIND_NUMBER:
		return check_number(c, node, spot);
	case JSON_KIND_STRING:
		return check_text(c, node, spot);
	case JSON_KIND_LIST:
		return check_list(c, node, spot);
	case JSON_KIND_OBJECT:
		return check_required(c, node, spot);
	default:
		return 0;
	}
}

int check_value(struct check *c, const struct schema_node *node, const struct spot *spot)
{
	int rc = check_type(c, node, spot);

	if (rc == 0)
		rc = check_constant(c, node, spot);
	if (rc == 0)
		rc = check_choice(c, node, spot);
	return rc == 0 ? check_kind(c, node, spot) : rc;
}
