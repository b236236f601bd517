/*
 * How text becomes words: the FTS5 tokenizer `leitl` (sqlite.org/fts5.html, "Custom Tokenizers").
 *
 * - Letters and digits of any script make words, folded to lower case, without diacritics.
 * - Identifiers are found whole and by their parts: user_authentication, UserAuthentication,
 *   userAuth2, auth.py give the whole (without what joins it) and each part, at the same place.
 * - Text in scripts without spaces (Han, Hiragana, Katakana, Hangul, Thai, …) gives each character
 *   and is matched as a phrase of them.
 * Stems are made by FTS5's own `porter` around it: tokenize='porter leitl'.
 */
#ifndef CORE_WORDS_H
#define CORE_WORDS_H

#include <sqlite3.h>

/* Registers the tokenizer with a connection. A SQLITE_* code. */
int words_register(sqlite3 *);

#endif
