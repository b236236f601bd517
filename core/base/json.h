/*
 * JSON as it is read: one object a message.
 *
 * Two views of the same bytes. The parsed one (`struct json`, the library's own value behind an
 * opaque name) is for looking at members by name and type. The raw one keeps what the writer wrote,
 * byte for byte, so that numbers come out as they went in (0.1, 12345678901234567890) whatever the
 * library makes of them. json.c alone includes the library; json_raw.c needs none.
 *
 * Parsing may run in any thread; a parsed value must be used by one thread at a time. Nothing here
 * blocks. What is borrowed from a value lives as long as the object that json_parse returned.
 */
#ifndef CORE_JSON_H
#define CORE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct error;
struct json;

/* Parses exactly one object (RFC 8259): UTF-8, no U+0000, no key twice in one object, nested no
 * deeper than JSON_DEPTH_MAX; numbers must fit a double. The caller frees `*out` with json_free.
 * -EINVAL with the reason and its line and column, -ENOMEM. The reason repeats no value: it may be
 * a secret. */
int json_parse(const char *text, size_t len, struct json **out, struct error *err);
void json_free(struct json *json); /* takes NULL; only for what json_parse returned */

enum json_kind {
	JSON_KIND_NULL,
	JSON_KIND_BOOL,
	JSON_KIND_NUMBER,
	JSON_KIND_STRING,
	JSON_KIND_LIST,
	JSON_KIND_OBJECT,
};
enum json_kind json_kind(const struct json *value);

bool json_has(const struct json *object, const char *key);               /* even if it is null */
const struct json *json_get(const struct json *object, const char *key); /* borrowed, or NULL */
size_t json_count(const struct json *value);                         /* members or items; else 0 */
const struct json *json_item(const struct json *list, size_t index); /* borrowed, or NULL */
const char *json_text(const struct json *value);                     /* NULL where it is no text */

/* The key of the first member that is not among those known, which end with NULL; borrowed. NULL:
 * all are known. */
const char *json_stranger(const struct json *object, const char *const known[]);

/* Goes through an object's members in the order in which they were written:
 *	for (struct json_iter it = json_iter(object); json_next(&it, &key, &value);)
 * Key and value are borrowed. The object must not change meanwhile; nothing here changes one. */
struct json_iter {
	const struct json *object;
	void *at;
	bool begun;
};
struct json_iter json_iter(const struct json *object);
bool json_next(struct json_iter *it, const char **key, const struct json **value);

/*
 * Values of any kind.
 */

/* json_parse of any value, not of an object alone; as deep as a member of an object may be. */
int json_parse_value(const char *text, size_t len, struct json **out, struct error *err);

bool json_truth(const struct json *value); /* of true; not of anything else */

/* Whether it is a number without a fraction: 1, 1.0 and 1e300 are. */
bool json_is_whole(const struct json *value);
/* Such a number's value; false, and `*out` untouched, where it has none of 64 bits. */
bool json_to_integer(const struct json *value, int64_t *out);

/* Below, above or equal to 0 as number `a` is below, above or equal to number `b`: by their values,
 * exactly, however they are written. Integers past 64 bits are doubles here, and if there is one in
 * a text, so are all of that text's numbers. */
int json_compare(const struct json *a, const struct json *b);
/* Whether both say the same: numbers by their value, objects irrespective of order. Takes one from
 * `*steps` for about each value or 64 bytes that it looks at; where there are too few, it sets them
 * to 0, and the answer means nothing. */
bool json_same(const struct json *a, const struct json *b, uint64_t *steps);

/* Adds the value as a line of JSON. Returns buf_error. */
int json_show(const struct json *value, struct buf *out);

/*
 * Typed members. Each returns 0, or -EINVAL with a reason that begins with the member's name
 * ("agent_name: must be a string"). A member that isn't there, or is null, leaves `*out` as it was,
 * which is thus the default; json_need makes that an error first.
 */
int json_need(const struct json *object, const char *key, struct error *err);

/* A string of at most `max` bytes (0: any); borrowed. It holds no NUL. */
int json_get_string(const struct json *object, const char *key, size_t max, const char **out,
	struct error *err);
/* json_need and json_get_string. */
int json_need_string(const struct json *object, const char *key, size_t max, const char **out,
	struct error *err);
int json_get_bool(const struct json *object, const char *key, bool *out, struct error *err);
int json_get_number(const struct json *object, const char *key, double *out, struct error *err);
/* A whole number, however it is written (60, 60.0, 6e1), of `min` to `max`. */
int json_get_integer(const struct json *object, const char *key, int64_t min, int64_t max,
	int64_t *out, struct error *err);
/* A number of seconds, or a string as text_duration takes it; in microseconds, never negative. */
int json_get_duration(const struct json *object, const char *key, int64_t *us, struct error *err);
/* An array of at most `max_items` strings of at most `max` bytes each; borrowed, and gone through
 * with json_count, json_item and json_text. */
int json_get_strings(const struct json *object, const char *key, size_t max_items, size_t max,
	const struct json **out, struct error *err);

/*
 * Raw. The text must be valid JSON, as json_parse has it; of any other bytes the answer means
 * nothing, but nothing outside them is touched.
 */

/* Adds the text without the white space outside its strings: one line. Returns buf_error. */
int json_compact(const char *text, size_t len, struct buf *out);

/* Finds a member of the object by its key, which is compared as a reader would see it (\u0061 is
 * a): `*value` and `*value_len` are the span in the text. False, and both untouched, where there is
 * none. Costs one pass over the text. */
bool json_member(
	const char *text, size_t len, const char *key, const char **value, size_t *value_len);

#endif
