#include "core/base/error.h"
#include "core/base/schema_private.h"
#include "core/base/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Undoes %41, in place: a $ref is a URI (RFC 3986, section 2.1). */
static bool unescape_uri(char *text)
{
	char *to = text;

	for (const char *p = text; *p != '\0'; p++) {
		int byte = (unsigned char)*p;

		if (*p == '%') {
			if (text_hex(p[1]) < 0 || text_hex(p[2]) < 0)
				return false;
			byte = text_hex(p[1]) << 4 | text_hex(p[2]);
			p += 2;
		}
		if (byte == 0)
			return false;
		*to++ = (char)byte;
	}
	*to = '\0';
	return true;
}

/* Undoes ~0 and ~1, in place (RFC 6901, section 4). */
static bool unescape_pointer(char *text)
{
	char *to = text;

	for (const char *p = text; *p != '\0'; p++) {
		if (*p == '~') {
			p++;
			if (*p != '0' && *p != '1')
				return false;
			*to++ = *p == '0' ? '~' : '/';
		} else {
			*to++ = *p;
		}
	}
	*to = '\0';
	return true;
}

/* Cuts the next name off a pointer, whose '/' is behind us; NULL where none follows. */
static char *next_name(char **pointer)
{
	char *name = strsep(pointer, "/");

	return name != NULL && unescape_pointer(name) ? name : NULL;
}

static enum schema_role role_of(const char *keyword)
{
	for (enum schema_role role = ROLE_ROOT + 1; role < ROLE_COUNT; role++)
		if (strcmp(schema_roles[role].keyword, keyword) == 0)
			return role;
	return ROLE_COUNT;
}

static bool is_called(const struct schema_node *node, const char *name)
{
	char index[24];

	if (schema_roles[node->role].has == HAS_KEY)
		return strcmp(node->key, name) == 0;
	snprintf(index, sizeof(index), "%zu", node->index);
	return strcmp(index, name) == 0;
}

/* The subschema that the next names lead to from this one. */
static struct schema_node *step(struct schema_node *node, char **pointer)
{
	const char *keyword = next_name(pointer), *name = NULL;
	enum schema_role role = keyword != NULL ? role_of(keyword) : ROLE_COUNT;

	if (role == ROLE_COUNT)
		return NULL;
	if (schema_roles[role].has != STANDS_ALONE) {
		name = next_name(pointer);
		if (name == NULL)
			return NULL;
	}
	for (node = node->first; node != NULL; node = node->next)
		if (node->role == role && (name == NULL || is_called(node, name)))
			return node;
	return NULL;
}

/* Follows a fragment, which is lost by it. */
static struct schema_node *follow(const struct schema *schema, char *fragment)
{
	struct schema_node *node = schema->root;

	if (!unescape_uri(fragment) || (*fragment != '/' && *fragment != '\0'))
		return NULL;
	if (*fragment == '\0')
		return node;
	fragment++;
	while (node != NULL && fragment != NULL)
		node = step(node, &fragment);
	return node;
}

static int bind_ref(const struct schema *schema, struct schema_node *node, struct error *err)
{
	char *fragment;

	if (*node->ref_text != '#')
		return schema_refuse(
			node, "$ref", err, "must begin with # and stay in this schema");
	fragment = strdup(node->ref_text + 1);
	if (fragment == NULL)
		return error_set(err, ENOMEM, "out of memory");
	node->ref = follow(schema, fragment);
	free(fragment);
	if (node->ref == NULL)
		return schema_refuse(node, "$ref", err, "there is no such subschema");
	return 0;
}

/* What a value is held to as a part of being held to the one above. */
static bool is_of_same_value(const struct schema_node *node)
{
	return node->role == ROLE_ALL || node->role == ROLE_ANY || node->role == ROLE_ONE ||
	       node->role == ROLE_NOT;
}

enum { UNSEEN, UNDER_WAY, ENDS };

/* Whether checking a value against this comes to an end: it must not come back to itself without
 * going into the value, which has an end. Goes no deeper than there are nodes. */
static int check_end(struct schema_node *node, struct error *err)
{
	int rc = 0;

	if (node->mark == ENDS)
		return 0;
	if (node->mark == UNDER_WAY)
		return schema_refuse(
			node, NULL, err, "its $ref leads back to it without going into the answer");
	node->mark = UNDER_WAY;
	if (node->ref != NULL)
		rc = check_end(node->ref, err);
	for (struct schema_node *in = node->first; rc == 0 && in != NULL; in = in->next)
		if (is_of_same_value(in))
			rc = check_end(in, err);
	node->mark = ENDS;
	return rc;
}

int schema_refs(struct schema *schema, struct error *err)
{
	int rc = 0;

	for (struct schema_node *n = schema->made; rc == 0 && n != NULL; n = n->made)
		if (n->ref_text != NULL)
			rc = bind_ref(schema, n, err);
	for (struct schema_node *n = schema->made; rc == 0 && n != NULL; n = n->made)
		rc = check_end(n, err);
	return rc;
}
