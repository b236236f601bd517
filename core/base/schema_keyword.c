#include "core/base/error.h"
#include "core/base/limits.h"
#include "core/base/pattern.h"
#include "core/base/schema_private.h"

#include <errno.h>
#include <string.h>

/* A keyword, what its value does to the node, and what `take` must know for that. */
struct keyword {
	const char *name;
	int (*take)(struct schema *schema, struct schema_node *node, const struct keyword *keyword,
		const struct json *value, struct error *err);
	size_t field; /* of struct schema_node */
	enum schema_role role;
};

#define TAKE(name)                                                                                 \
	static int name(struct schema *schema, struct schema_node *node,                           \
		const struct keyword *keyword, const struct json *value, struct error *err)

/* Where the value of a keyword is of no interest further on. */
#define UNUSED_HERE (void)schema, (void)node, (void)keyword, (void)value, (void)err

TAKE(take_anything)
{
	UNUSED_HERE;
	return 0;
}

TAKE(take_note)
{
	UNUSED_HERE;
	if (json_kind(value) != JSON_KIND_STRING)
		return schema_refuse(node, keyword->name, err, "must be a string");
	return 0;
}

TAKE(take_examples)
{
	UNUSED_HERE;
	if (json_kind(value) != JSON_KIND_LIST)
		return schema_refuse(node, keyword->name, err, "must be an array");
	return 0;
}

TAKE(take_draft)
{
	static const char draft[] = "https://json-schema.org/draft/2020-12/schema";
	const char *text = json_text(value);

	UNUSED_HERE;
	if (text == NULL || strncmp(text, draft, strlen(draft)) != 0 ||
		(text[strlen(draft)] != '\0' && strcmp(text + strlen(draft), "#") != 0))
		return schema_refuse(node, keyword->name, err, "must be \"%s\"", draft);
	return 0;
}

/* The bit of a type's name; 0 where there is none. */
static unsigned type_named(const char *name)
{
	static const struct {
		const char *name;
		unsigned type;
	} types[] = {
		{"null", TYPE_NULL},
		{"boolean", TYPE_BOOLEAN},
		{"object", TYPE_OBJECT},
		{"array", TYPE_ARRAY},
		{"number", TYPE_NUMBER},
		{"string", TYPE_STRING},
		{"integer", TYPE_INTEGER},
	};

	for (size_t i = 0; name != NULL && i < sizeof(types) / sizeof(*types); i++)
		if (strcmp(types[i].name, name) == 0)
			return types[i].type;
	return 0;
}

TAKE(take_type)
{
	bool many = json_kind(value) == JSON_KIND_LIST;
	size_t count = many ? json_count(value) : 1;
	unsigned types = 0;

	(void)schema;
	for (size_t i = 0; i < count; i++) {
		unsigned type = type_named(json_text(many ? json_item(value, i) : value));

		if (type == 0)
			return schema_refuse(node, keyword->name, err,
				"must be null, boolean, object, array, number, string or integer, "
				"or an array of these");
		if (types & type)
			return schema_refuse(node, keyword->name, err, "names a type twice");
		types |= type;
	}
	if (types == 0)
		return schema_refuse(node, keyword->name, err, "must name a type");
	node->types = types;
	return 0;
}

TAKE(take_const)
{
	UNUSED_HERE;
	node->constant = value;
	return 0;
}

TAKE(take_enum)
{
	node->choices = value;
	return take_examples(schema, node, keyword, value, err);
}

TAKE(take_required)
{
	UNUSED_HERE;
	if (json_kind(value) != JSON_KIND_LIST)
		return schema_refuse(node, keyword->name, err, "must be an array of strings");
	for (size_t i = 0; i < json_count(value); i++)
		if (json_text(json_item(value, i)) == NULL)
			return schema_refuse(
				node, keyword->name, err, "must be an array of strings");
	node->required = value;
	return 0;
}

TAKE(take_number)
{
	UNUSED_HERE;
	if (json_kind(value) != JSON_KIND_NUMBER)
		return schema_refuse(node, keyword->name, err, "must be a number");
	*(const struct json **)((char *)node + keyword->field) = value;
	return 0;
}

TAKE(take_count)
{
	int64_t count;

	UNUSED_HERE;
	if (!json_to_integer(value, &count) || count < 0)
		return schema_refuse(node, keyword->name, err, "must be a whole number, 0 or more");
	*(int64_t *)((char *)node + keyword->field) = count;
	return 0;
}

TAKE(take_pattern)
{
	const char *text = json_text(value);
	struct error why = {0};

	if (text == NULL)
		return schema_refuse(node, keyword->name, err, "must be a string");
	if (pattern_new(text, &node->pattern, &why) < 0)
		return why.code == EINVAL ? schema_refuse(node, keyword->name, err, "%s", why.text)
					  : error_set(err, why.code, "%s", why.text);
	node->pattern_text = text;
	schema->pattern_bytes += pattern_size(node->pattern);
	if (schema->pattern_bytes > SCHEMA_PATTERNS_MAX)
		return error_set(err, E2BIG, "schema: its patterns take more than %zu bytes",
			SCHEMA_PATTERNS_MAX);
	return 0;
}

TAKE(take_ref)
{
	UNUSED_HERE;
	node->ref_text = json_text(value);
	if (node->ref_text == NULL)
		return schema_refuse(node, keyword->name, err, "must be a string");
	return 0;
}

/* The keywords that hold one subschema, a list of them, or some with names. */

TAKE(take_schema)
{
	struct schema_node *in;
	int rc = schema_add(schema, node, keyword->role, &in, err);

	return rc < 0 ? rc : schema_take(schema, in, value, err);
}

TAKE(take_schemas)
{
	if (json_kind(value) != JSON_KIND_LIST || json_count(value) == 0)
		return schema_refuse(
			node, keyword->name, err, "must be an array of one or more schemas");
	for (size_t i = 0; i < json_count(value); i++) {
		struct schema_node *in;
		int rc = schema_add(schema, node, keyword->role, &in, err);

		if (rc < 0)
			return rc;
		in->index = i;
		rc = schema_take(schema, in, json_item(value, i), err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

TAKE(take_named)
{
	const struct json *inner;
	const char *key;

	if (json_kind(value) != JSON_KIND_OBJECT)
		return schema_refuse(node, keyword->name, err, "must be an object of schemas");
	if (keyword->role == ROLE_PROPERTY)
		node->properties = value;
	for (struct json_iter it = json_iter(value); json_next(&it, &key, &inner);) {
		struct schema_node *in;
		int rc = schema_add(schema, node, keyword->role, &in, err);

		if (rc < 0)
			return rc;
		in->key = key;
		in->key_len = strlen(key);
		rc = schema_take(schema, in, inner, err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

#define FIELD(name) offsetof(struct schema_node, name)

static const struct keyword keywords[] = {
	{"$schema", take_draft, 0, ROLE_ROOT},
	{"$comment", take_note, 0, ROLE_ROOT},
	{"title", take_note, 0, ROLE_ROOT},
	{"description", take_note, 0, ROLE_ROOT},
	{"default", take_anything, 0, ROLE_ROOT},
	{"examples", take_examples, 0, ROLE_ROOT},
	{"type", take_type, 0, ROLE_ROOT},
	{"const", take_const, 0, ROLE_ROOT},
	{"enum", take_enum, 0, ROLE_ROOT},
	{"minimum", take_number, FIELD(minimum), ROLE_ROOT},
	{"maximum", take_number, FIELD(maximum), ROLE_ROOT},
	{"minLength", take_count, FIELD(min_length), ROLE_ROOT},
	{"maxLength", take_count, FIELD(max_length), ROLE_ROOT},
	{"minItems", take_count, FIELD(min_items), ROLE_ROOT},
	{"maxItems", take_count, FIELD(max_items), ROLE_ROOT},
	{"pattern", take_pattern, 0, ROLE_ROOT},
	{"required", take_required, 0, ROLE_ROOT},
	{"$ref", take_ref, 0, ROLE_ROOT},
	{"$defs", take_named, 0, ROLE_DEFINED},
	{"properties", take_named, 0, ROLE_PROPERTY},
	{"additionalProperties", take_schema, 0, ROLE_OTHER},
	{"items", take_schema, 0, ROLE_ITEM},
	{"allOf", take_schemas, 0, ROLE_ALL},
	{"anyOf", take_schemas, 0, ROLE_ANY},
	{"oneOf", take_schemas, 0, ROLE_ONE},
	{"not", take_schema, 0, ROLE_NOT},
};

int schema_keyword(struct schema *schema, struct schema_node *node, const char *name,
	const struct json *value, struct error *err)
{
	for (size_t i = 0; i < sizeof(keywords) / sizeof(*keywords); i++)
		if (strcmp(keywords[i].name, name) == 0)
			return keywords[i].take(schema, node, &keywords[i], value, err);
	return schema_refuse(node, name, err, "is no keyword that is known here");
}
