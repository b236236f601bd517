/*
 * How text becomes words: the FTS5 tokenizer `leitl` (sqlite.org/fts5.html, "Custom Tokenizers").
 *
 * - Letters and digits of any script make words, folded to lower case, without diacritics.
 * - Identifiers are found by their parts, which stand one after the other, and whole, at the place
 *   of the first part, without what joins them: user_authentication and UserAuthentication give
 *   user and userauthentication, then authentication; auth.py gives auth and authpy, then py;
 *   userAuth2.py also userauth2. Long random ones (hashes, base64) are not taken apart.
 * - Text in scripts without spaces (Han, Hiragana, Katakana, Hangul, Thai, …) gives each character
 *   and is matched as a phrase of them.
 * - In a query (FTS5_TOKENIZE_QUERY) nothing is taken apart: core/query.h hands over parts and
 *   wholes as words_split() made them.
 * Stems are made by FTS5's own `porter` around it: tokenize='porter leitl'.
 */
#ifndef CORE_WORDS_H
#define CORE_WORDS_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>

#define WORD_MAX 64 /* bytes of a folded word; longer ones are cut */

/* Registers the tokenizer with a connection. A SQLITE_* code. */
int words_register(sqlite3 *);

/* A word as a document's text gives it. */
struct word {
	const char *text; /* folded; not terminated */
	size_t len;
	size_t start, end; /* where it stands in the text, in bytes */
	bool whole;        /* of several parts: at the place of the word before it */
};

/* Calls fn for each word of the text, in order, until it returns other than 0; returns that.
 * -ENOMEM. Any bytes are taken; what is not UTF-8 stands between words. Any thread. */
int words_split(const char *text, size_t len, int (*fn)(void *arg, const struct word *), void *arg);

#endif
