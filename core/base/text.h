/*
 * What text may be: UTF-8, names, ids, types, durations and times.
 *
 * Pure functions, safe from any thread; none allocates or blocks. Where a length is asked for, the
 * text may hold any bytes; where none is, it ends with a NUL.
 */
#ifndef CORE_TEXT_H
#define CORE_TEXT_H

#include "core/base/limits.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;

/* UTF-8 (RFC 3629): no surrogates, no overlong forms, nothing past U+10FFFF. NUL is a character
 * like any other. */

/* The length of the character that text begins with, 1 to 4 bytes; 0 where that is no valid one.
 * `*cut` (may be NULL) tells whether more bytes could make it one; untouched unless 0 is returned.
 * Of an empty text: 0, and not cut. */
size_t text_char(const char *text, size_t len, bool *cut);

/* How many bytes at the start of text are whole valid characters; it is all valid where that is
 * `len`. `*cut` (may be NULL) tells whether all that is missing is the rest of the last one. */
size_t text_utf8_prefix(const char *text, size_t len, bool *cut);

/* Whether text is valid; if not, `*bad_offset` (may be NULL) is where the first bad byte stands. */
bool text_is_utf8(const char *text, size_t len, size_t *bad_offset);

/* The number of characters in valid UTF-8. */
size_t text_count(const char *text, size_t len);

/* Whether the character of `len` bytes is a control character (C0, DEL, C1) or otherwise ends a
 * line (U+2028, U+2029). */
bool text_is_control(const char *character, size_t len);

/* Whether the character of `len` bytes turns the direction of writing: what follows it on the line
 * would be drawn elsewhere (Unicode Standard Annex 9). */
bool text_is_turn(const char *character, size_t len);

/* How many bytes at the start of text stand in a JSON string as they are: up to the first '"',
 * '\\', byte below 0x20, or DEL. Looks at no encoding. */
size_t text_plain(const char *text, size_t len);

/* What a hexadecimal digit stands for, in either case; -1: it is none. */
int text_hex(char digit);

/* Names. */

/* An id: 1 to ID_MAX of A-Za-z0-9_-, and not "new". */
bool text_id_ok(const char *id);

/* An event's type: word.word or more words, each of A-Za-z0-9_, at most TYPE_MAX bytes; the last
 * word is not "live", which names a log's twin. */
bool text_type_ok(const char *type);

/* Checks an agent's name: 1 to AGENT_NAME_MAX characters of UTF-8, no text_is_control among them.
 * 0, or -EINVAL with the reason, which begins with "agent_name: ". */
int text_agent_name(const char *name, struct error *err);

/* An agent's name as a path and as part of an id: ASCII letters lower-cased, every character (or
 * byte that is none) outside a-z0-9_- a '-', cut to AGENT_KEY_MAX. Never empty, never "new": these
 * become "-" and "new-". It is always a valid id. */
void text_agent_key(const char *name, char out[AGENT_KEY_MAX + 1]);

/* Times, in microseconds. Both return 0, or -EINVAL for what they don't understand or can't hold.
 */

/* A duration: digits, maybe with a decimal fraction, and one of ms, s, m, h, d; without a unit,
 * seconds: 90, 1.5h, 500ms. Never negative. What is finer than a microsecond is cut off. */
int text_duration(const char *text, int64_t *us);

/* A moment as microseconds since 1970 in UTC: RFC 3339, section 5.6, with Z or an offset, a
 * fraction of up to 9 digits, 'T', 't' or a space between date and time; or a bare date, which is
 * its midnight in UTC. A leap second counts as the first second of the next minute. */
int text_time(const char *text, int64_t *us);

#endif
