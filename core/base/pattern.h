/*
 * A regular expression as JSON Schema has it: ECMA-262's, found anywhere in a text unless it is
 * anchored.
 *
 * PCRE2 matches it (pattern.c alone includes it), and is told to read it as ECMA-262 does: `$` is
 * the very end, \u0041 a character, [] an empty class. Groups, verbs, repeats and escapes that
 * PCRE2 alone knows are refused. A character is a code point. What differs from ECMA-262: \d, \w,
 * \s and \b look at ASCII alone; of Unicode's properties \p{Lu} and \p{Greek} are known, no long
 * names; what is looked for behind must be of one length; and \v is refused, as is [[:.
 *
 * Matching takes no more than the steps it is given, whatever the pattern: the library calls back
 * before each item of the pattern that it tries, and its own limits, which don't count what a
 * single item runs over, are only the second guard. A pattern never changes: any number of threads
 * may search for it. Nothing blocks.
 */
#ifndef CORE_PATTERN_H
#define CORE_PATTERN_H

#include <stddef.h>
#include <stdint.h>

struct error;
struct pattern;

/* -EINVAL with the reason and the byte where it stands, -ENOMEM. The caller frees it. */
int pattern_new(const char *text, struct pattern **out, struct error *err);
void pattern_free(struct pattern *p);         /* takes NULL */
size_t pattern_size(const struct pattern *p); /* bytes that it takes, compiled */

/* Whether valid UTF-8 holds it: 1 or 0. -E2BIG where that takes more than `*steps`, from which what
 * was needed is taken, or too much memory; -ENOMEM. */
int pattern_search(const struct pattern *p, const char *text, size_t len, uint64_t *steps);

#endif
