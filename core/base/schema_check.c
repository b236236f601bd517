#include "core/base/error.h"
#include "core/base/limits.h"
#include "core/base/schema.h"
#include "core/base/schema_private.h"

#include <errno.h>
#include <string.h>

static int check_node(struct check *c, const struct schema_node *node, const struct spot *spot);

static int check_items(struct check *c, const struct schema_node *node, const struct spot *spot)
{
	size_t count = json_count(spot->value);
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < count; i++) {
		struct spot item = {spot, NULL, i, json_item(spot->value, i)};

		rc = check_node(c, node, &item);
	}
	return rc;
}

static int check_property(struct check *c, const struct schema_node *node, const struct spot *spot)
{
	struct spot member = {spot, node->key, 0, NULL};
	int rc = check_spend(c, node->key_len);

	if (rc < 0)
		return rc;
	member.value = json_get(spot->value, node->key);
	return member.value != NULL ? check_node(c, node, &member) : 0;
}

/* The members that the properties of the schema above don't name. */
static int check_others(struct check *c, const struct schema_node *node, const struct spot *spot)
{
	struct spot member = {spot, NULL, 0, NULL};
	int rc = 0;

	for (struct json_iter it = json_iter(spot->value);
		rc == 0 && json_next(&it, &member.key, &member.value);) {
		rc = check_spend(c, strlen(member.key));
		if (rc == 0 && !json_has(node->up->properties, member.key))
			rc = check_node(c, node, &member);
	}
	return rc;
}

/* anyOf and oneOf, of which `first` is the first. */
static int check_some(struct check *c, const struct schema_node *first, const struct spot *spot)
{
	const struct schema_node *node;
	unsigned fits = 0, enough = first->role == ROLE_ANY ? 1 : 2;

	c->silence++;
	for (node = first; node != NULL && node->role == first->role; node = node->next) {
		int rc = check_node(c, node, spot);

		if (rc < 0 && rc != -EINVAL)
			return rc;
		fits += rc == 0;
		if (fits == enough)
			break;
	}
	c->silence--;
	if (fits == 0)
		return misfit(
			c, spot, "fits none of the schema's %s", schema_roles[first->role].keyword);
	if (fits == 2)
		return misfit(c, spot, "fits more than one of the schema's oneOf");
	return 0;
}

static int check_not(struct check *c, const struct schema_node *node, const struct spot *spot)
{
	int rc;

	c->silence++;
	rc = check_node(c, node, spot);
	c->silence--;
	if (rc == 0)
		return misfit(c, spot, "fits what the schema's not forbids");
	return rc == -EINVAL ? 0 : rc;
}

/* A subschema that stands in the value's own. */
static int check_inner(struct check *c, const struct schema_node *node, const struct spot *spot)
{
	enum json_kind kind = json_kind(spot->value);

	switch (node->role) {
	case ROLE_PROPERTY:
		return kind == JSON_KIND_OBJECT ? check_property(c, node, spot) : 0;
	case ROLE_OTHER:
		return kind == JSON_KIND_OBJECT ? check_others(c, node, spot) : 0;
	case ROLE_ITEM:
		return kind == JSON_KIND_LIST ? check_items(c, node, spot) : 0;
	case ROLE_ALL:
		return check_node(c, node, spot);
	case ROLE_ANY:
	case ROLE_ONE:
		return node->index == 0 ? check_some(c, node, spot) : 0;
	case ROLE_NOT:
		return check_not(c, node, spot);
	default:
		return 0;
	}
}

static int check_all(struct check *c, const struct schema_node *node, const struct spot *spot)
{
	int rc = check_value(c, node, spot);

	if (rc == 0 && node->ref != NULL)
		rc = check_node(c, node->ref, spot);
	for (const struct schema_node *in = node->first; rc == 0 && in != NULL; in = in->next) {
		rc = check_spend(c, 0);
		if (rc == 0)
			rc = check_inner(c, in, spot);
	}
	return rc;
}

static int check_node(struct check *c, const struct schema_node *node, const struct spot *spot)
{
	int rc = check_spend(c, 0);

	if (rc < 0)
		return rc;
	if (c->calls == SCHEMA_CALLS_MAX)
		return check_tell(
			c, spot, E2BIG, "is checked more than %d schemas deep", SCHEMA_CALLS_MAX);
	c->calls++;
	rc = check_all(c, node, spot);
	c->calls--;
	return rc;
}

int schema_check(const struct schema *schema, const char *text, size_t len, struct error *err)
{
	struct check c = {.err = err, .steps = SCHEMA_STEPS_MAX};
	struct spot root = {0};
	struct error why = {0};
	struct json *json;
	int rc = json_parse_value(text, len, &json, &why);

	if (rc < 0)
		return error_set(err, why.code, "answer: %s", why.text);
	root.value = json;
	rc = check_node(&c, schema->root, &root);
	json_free(json);
	return rc;
}
