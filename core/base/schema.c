#include "core/base/schema.h"

#include "core/base/error.h"
#include "core/base/limits.h"
#include "core/base/pattern.h"
#include "core/base/schema_private.h"

#include <errno.h>
#include <stdlib.h>

const struct schema_role_name schema_roles[ROLE_COUNT] = {
	[ROLE_ROOT] = {"", STANDS_ALONE},
	[ROLE_DEFINED] = {"$defs", HAS_KEY},
	[ROLE_PROPERTY] = {"properties", HAS_KEY},
	[ROLE_OTHER] = {"additionalProperties", STANDS_ALONE},
	[ROLE_ITEM] = {"items", STANDS_ALONE},
	[ROLE_ALL] = {"allOf", HAS_INDEX},
	[ROLE_ANY] = {"anyOf", HAS_INDEX},
	[ROLE_ONE] = {"oneOf", HAS_INDEX},
	[ROLE_NOT] = {"not", STANDS_ALONE},
};

int schema_add(struct schema *schema, struct schema_node *up, enum schema_role role,
	struct schema_node **out, struct error *err)
{
	struct schema_node *node;

	if (schema->nodes == SCHEMA_NODES_MAX)
		return error_set(
			err, E2BIG, "schema: holds more than %d subschemas", SCHEMA_NODES_MAX);
	node = calloc(1, sizeof(*node));
	if (node == NULL)
		return error_set(err, ENOMEM, "out of memory");
	node->made = schema->made;
	schema->made = node;
	schema->nodes++;
	node->up = up;
	node->role = role;
	node->types = TYPES_ALL;
	node->max_length = node->max_items = INT64_MAX;
	if (up != NULL) {
		*(up->first == NULL ? &up->first : &up->last->next) = node;
		up->last = node;
	}
	*out = node;
	return 0;
}

int schema_take(
	struct schema *schema, struct schema_node *node, const struct json *json, struct error *err)
{
	const struct json *value;
	const char *name;
	int rc = 0;

	switch (json_kind(json)) {
	case JSON_KIND_BOOL:
		node->types = json_truth(json) ? TYPES_ALL : 0;
		return 0;
	case JSON_KIND_OBJECT:
		for (struct json_iter it = json_iter(json);
			rc == 0 && json_next(&it, &name, &value);)
			rc = schema_keyword(schema, node, name, value, err);
		return rc;
	default:
		return schema_refuse(node, NULL, err, "must be a schema: an object, true or false");
	}
}

int schema_new(const char *text, size_t len, struct schema **out, struct error *err)
{
	struct schema *schema;
	struct error why = {0};
	int rc;

	if (len > SCHEMA_MAX)
		return error_set(err, E2BIG, "schema: must be at most %zu bytes", SCHEMA_MAX);
	schema = calloc(1, sizeof(*schema));
	if (schema == NULL)
		return error_set(err, ENOMEM, "out of memory");
	rc = json_parse_value(text, len, &schema->json, &why);
	if (rc < 0)
		error_set(err, why.code, "schema: %s", why.text);
	if (rc == 0)
		rc = schema_add(schema, NULL, ROLE_ROOT, &schema->root, err);
	if (rc == 0)
		rc = schema_take(schema, schema->root, schema->json, err);
	if (rc == 0)
		rc = schema_refs(schema, err);
	if (rc < 0) {
		schema_free(schema);
		return rc;
	}
	*out = schema;
	return 0;
}

void schema_free(struct schema *schema)
{
	if (schema == NULL)
		return;
	while (schema->made != NULL) {
		struct schema_node *node = schema->made;

		schema->made = node->made;
		pattern_free(node->pattern);
		free(node);
	}
	json_free(schema->json);
	free(schema);
}
