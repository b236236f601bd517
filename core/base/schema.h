/*
 * A JSON Schema (draft 2020-12, a part of it) that answers are held to.
 *
 * Known are type, enum, const, properties, required, additionalProperties, items, minItems,
 * maxItems, minimum, maximum, minLength, maxLength (in code points), pattern, anyOf, allOf, oneOf,
 * not, $defs, and $ref to a subschema of the same schema ("#", "#/$defs/name"); true and false are
 * schemas. What can't change a verdict is taken too: title, description, $comment, default,
 * examples, and a $schema that names 2020-12. Any other keyword is refused by schema_new, and never
 * ignored, as is all that the draft's own schema forbids.
 *
 * Equality and order are of values: 1 is 1.0 and an integer, and the order of members is nothing.
 * Numbers are compared exactly, integers of 64 bits among them; those past 64 bits are taken as
 * doubles, and so are then all numbers of the same text. How a pattern is read:
 * core/base/pattern.h.
 *
 * All work is bounded, by the SCHEMA_ limits of core/base/limits.h: a schema in its length,
 * subschemas and patterns, an answer in the steps that it takes. Nothing blocks, and nothing takes
 * longer than some tenths of a second. A schema never changes: any number of threads may check
 * against it.
 */
#ifndef CORE_SCHEMA_H
#define CORE_SCHEMA_H

#include <stddef.h>

struct error;
struct schema;

/* Makes a schema of a JSON text, which isn't needed afterwards. The caller frees it.
 * -EINVAL, with the place as a JSON pointer (RFC 6901) and the rule:
 * "schema/properties/port/format: is no keyword that is known here"; also where a $ref goes nowhere
 * or, by way of others, back to itself without going into the answer. -E2BIG where it is past a
 * limit, -ENOMEM. */
int schema_new(const char *text, size_t len, struct schema **out, struct error *err);
void schema_free(struct schema *schema); /* takes NULL */

/* Holds an answer, a JSON text of any kind of value, to the schema: 0 where it fits.
 * -EINVAL where it doesn't or is no JSON, with the place of the first thing that is wrong:
 * "answer/port: must be an integer"; what the answer says is not repeated, but for its keys.
 * -E2BIG where telling takes more steps, or goes deeper, than is allowed; -ENOMEM. */
int schema_check(const struct schema *schema, const char *text, size_t len, struct error *err);

#endif
