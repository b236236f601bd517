/*
 * How text becomes words: the FTS5 tokenizer `leitl` (sqlite.org/fts5.html, "Custom Tokenizers").
 *
 * - Letters and digits of any script make words, folded to lower case, without diacritics.
 * - Identifiers are found by their parts, which stand one after the other: user_authentication,
 *   UserAuthentication, userAuth2, auth.py. Those of several cases (UserAuthentication), and two
 *   parts with a dash or an apostrophe between (e-mail), also whole, at the place of their first
 *   part. Long random ones (hashes, base64) are not taken apart.
 * - Text in scripts without spaces (Han, Hiragana, Katakana, Hangul, Thai, …) gives each character
 *   and is matched as a phrase of them.
 * - In a query (FTS5_TOKENIZE_QUERY) nothing is taken apart: core/context/query.h hands over parts
 * and wholes as words_split() made them. Stems are made by FTS5's own `porter` around it:
 * tokenize='porter leitl'.
 */
#ifndef CORE_WORDS_H
#define CORE_WORDS_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>

#define WORD_MAX 64 /* bytes of a folded word; longer ones are cut */

/* Registers the tokenizer with a connection. A SQLITE_* code. */
int words_register(sqlite3 *);

struct word {
	const char *text; /* folded; not terminated */
	size_t len;
	size_t start, end; /* where it stands in the text, in bytes */
	unsigned whole;    /* 0: a part. Else of the part before it and some more, without what
			      joins them: case 1, - or ' 2, _ 3, . 4, at most */
};
#define WHOLE_MAX 4

/* Calls fn for each word of the text, with every whole, in order, until it returns other than 0;
 * returns that. -ENOMEM. Any bytes are taken; what is not UTF-8 stands between words. Any thread.
 */
int words_split(const char *text, size_t len, int (*fn)(void *arg, const struct word *), void *arg);

#endif
