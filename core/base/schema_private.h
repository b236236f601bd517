/*
 * What a schema is made of; for schema*.c alone.
 *
 * schema.c turns each subschema into a node, schema_refs.c binds the references between them,
 * schema_check.c holds values to them, and schema_value.c to what a node says by itself. Nodes
 * borrow from the schema's own JSON, which lives as long as they do.
 */
#ifndef CORE_SCHEMA_PRIVATE_H
#define CORE_SCHEMA_PRIVATE_H

#include "core/base/json.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;
struct pattern;

enum schema_type {
	TYPE_NULL = 1,
	TYPE_BOOLEAN = 2,
	TYPE_OBJECT = 4,
	TYPE_ARRAY = 8,
	TYPE_NUMBER = 16,
	TYPE_STRING = 32,
	TYPE_INTEGER = 64, /* a whole number, which has TYPE_NUMBER too */
	TYPES_ALL = 127,
};

/* What a subschema is to the one that it stands in. */
enum schema_role {
	ROLE_ROOT,
	ROLE_DEFINED,  /* $defs: nothing, until it is referred to */
	ROLE_PROPERTY, /* properties */
	ROLE_OTHER,    /* additionalProperties */
	ROLE_ITEM,     /* items */
	ROLE_ALL,
	ROLE_ANY,
	ROLE_ONE,
	ROLE_NOT,
	ROLE_COUNT,
};

enum { STANDS_ALONE, HAS_KEY, HAS_INDEX };
extern const struct schema_role_name {
	const char *keyword;
	int has; /* what tells those of the same keyword apart */
} schema_roles[ROLE_COUNT];

/* A subschema; where it says nothing of something, that is NULL, or has no effect. */
struct schema_node {
	struct schema_node *made; /* the one made before it, of all */
	struct schema_node *up;   /* the one it stands in */
	struct schema_node *first, *last,
		*next; /* those in it, as written; those of a role together */
	enum schema_role role;
	const char *key;
	size_t key_len, index;

	unsigned types;              /* the enum schema_type that may be; false has none */
	const struct json *constant; /* const */
	const struct json *choices;  /* enum, a list */
	const struct json *minimum, *maximum;
	const struct json *required;   /* a list of strings */
	const struct json *properties; /* the object */
	int64_t min_length, max_length, min_items, max_items;
	struct pattern *pattern;
	const char *pattern_text; /* as written, for reasons */
	const char *ref_text;     /* $ref as written, */
	struct schema_node *ref;  /* and what it stands for */
	uint8_t mark;             /* for schema_refs */
};

struct schema {
	struct json *json;
	struct schema_node *root, *made; /* made: the last one */
	size_t nodes, pattern_bytes;
};

/* Adds a node for a subschema of `up`, or the root's where that is NULL. 0, -E2BIG, -ENOMEM. */
int schema_add(struct schema *schema, struct schema_node *up, enum schema_role role,
	struct schema_node **out, struct error *err);
/* Takes all that a subschema says into its node, and makes those in it: goes as deep as the JSON
 * does. As schema_new. */
int schema_take(struct schema *schema, struct schema_node *node, const struct json *json,
	struct error *err);
/* The same of one keyword and its value. */
int schema_keyword(struct schema *schema, struct schema_node *node, const char *name,
	const struct json *value, struct error *err);

/* Binds all references. 0, -EINVAL with the reason, -ENOMEM. */
int schema_refs(struct schema *schema, struct error *err);

/* A JSON pointer, which is made from its end. What is too long for it becomes "…" and its end. */
struct schema_place {
	char text[192];
	size_t at; /* where in `text` it begins */
	bool full;
};
void place_init(struct schema_place *place);
void place_index(struct schema_place *place, size_t index); /* puts /7 before it */
void place_key(struct schema_place *place, const char *key);
/* Puts what all begin with before it, and returns the whole. */
const char *place_root(struct schema_place *place, const char *root);

/* Records -EINVAL: the place of a keyword of a subschema, and the reason. */
int schema_refuse(const struct schema_node *node, const char *keyword, struct error *err,
	const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* A value and the way to it from the answer's root; on the stack. */
struct spot {
	const struct spot *up; /* NULL at the root */
	const char *key;       /* or NULL: */
	size_t index;
	const struct json *value;
};

/* One check. Its functions return 0 where the value fits, -EINVAL where it doesn't, and any other
 * error where that can't be told: that ends the check, whatever the keyword would make of it. */
struct check {
	struct error *err;
	uint64_t steps;   /* what is left of them */
	unsigned calls;   /* subschemas within each other */
	unsigned silence; /* above 0: a misfit is no error yet, so it needs no words */
};

/* Records what is wrong with a value, and returns -code. */
int check_tell(const struct check *c, const struct spot *spot, int code, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
#define misfit(c, spot, ...) check_tell(c, spot, EINVAL, __VA_ARGS__)

/* Pays for a look at something of so many bytes: 0 or -E2BIG. */
int check_spend(struct check *c, size_t bytes);

/* Holds the value to what the node says by itself: all but $ref and the subschemas in it. */
int check_value(struct check *c, const struct schema_node *node, const struct spot *spot);

#endif
