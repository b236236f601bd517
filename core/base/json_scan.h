/*
 * Finds the end of a JSON object that arrives in pieces, and its first syntax error as soon as
 * that has arrived.
 *
 * A state machine over bytes by the grammar of RFC 8259: each byte is looked at once, whatever the
 * pieces. It looks at no encoding, no duplicate keys and no halves of surrogate pairs: the parser
 * (core/base/json.h) judges those when the object is whole. Nothing is allocated, so there is
 * nothing to release. Not shared between threads.
 */
#ifndef CORE_JSON_SCAN_H
#define CORE_JSON_SCAN_H

#include "core/base/limits.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json_scan {
	const char *why;  /* what was wrong, once json_scan has failed */
	const char *word; /* what must still come of true, false or null */
	unsigned depth;   /* how many objects and arrays are open */
	uint8_t state;
	uint8_t hex;   /* digits of \uXXXX still to come */
	bool is_key;   /* of the string being read */
	bool too_deep; /* it failed for being nested deeper than JSON_DEPTH_MAX */
	uint8_t arrays[JSON_DEPTH_MAX / 8]; /* one bit a level: an array, not an object */
};

void json_scan_init(struct json_scan *scan);

/* Goes on with the next bytes, the very first of which must be '{'. 0: more are wanted. 1: the
 * object is complete, and the first `*used` of these bytes belong to it. -EINVAL: a byte that
 * can't stand there, or nesting deeper than JSON_DEPTH_MAX; `scan->why` tells, and `*used` is that
 * byte's offset. After 1 or -EINVAL it must be initialised again. */
int json_scan(struct json_scan *scan, const char *data, size_t len, size_t *used);

#endif
