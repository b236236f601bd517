/*
 * What words*.c share: a character as it stands in a word.
 *
 * A fold is a cache of what the tables of Unicode say; it belongs to one thread at a time.
 */
#ifndef CORE_WORDS_PRIVATE_H
#define CORE_WORDS_PRIVATE_H

#include <stddef.h>
#include <stdint.h>

enum letter_kind {
	LETTER_NONE,  /* stands between words */
	LETTER_LOWER, /* and those without case */
	LETTER_UPPER,
	LETTER_DIGIT,
	LETTER_DROP,   /* a diacritic: in a word, but no part of it */
	LETTER_SINGLE, /* a word of its own: of a script without spaces */
	LETTER_MARK,   /* belongs to the single before it */
	LETTER_JOIN,   /* between two parts of an identifier: _ - ' */
	LETTER_DOT,    /* the same between identifiers: . */
};

#define FOLDED_MAX 10 /* bytes that one character becomes; what is more is cut */

struct letter {
	uint32_t code;
	uint8_t kind, len;
	char text[FOLDED_MAX]; /* folded, UTF-8 */
};

#define FOLD_SLOTS 4096 /* a power of 2 */

struct fold {
	struct letter ascii[128], bad;
	struct letter slots[FOLD_SLOTS]; /* of others, by the low bits of the code; 0: empty */
};
struct fold *fold_new(void); /* NULL: out of memory */
void fold_free(struct fold *);

const struct letter *fold_other(struct fold *, const char *text, size_t len, size_t *bytes);

/* The character that the text begins with, and how many bytes it has (1 where it is invalid, which
 * is LETTER_NONE); `len` is not 0. Owned by the fold, good until the next call. */
static inline const struct letter *fold_letter(
	struct fold *f, const char *text, size_t len, size_t *bytes)
{
	if ((unsigned char)*text >= 0x80)
		return fold_other(f, text, len, bytes);
	*bytes = 1;
	return &f->ascii[(unsigned char)*text];
}

/* The composed character of two, as of NFC; 0 where there is none. */
uint32_t fold_compose(uint32_t first, uint32_t second);

#endif
