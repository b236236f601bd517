/*
 * What words*.c share: a character as it stands in a word, and the taking apart.
 *
 * A fold is a cache of what the tables of Unicode say. It and a splitter belong to one thread at a
 * time.
 */
#ifndef CORE_WORDS_PRIVATE_H
#define CORE_WORDS_PRIVATE_H

#include "core/base/words.h"

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

#define PARTS_MAX   16  /* of a run of letters and digits; more are random, and not taken apart */
#define CHANGES_MAX 4   /* from letters to digits or back, likewise */
#define RUN_MAX     128 /* bytes of a run; what is more is cut, and not taken apart */
#define PARTS_ROOM  (3 * PARTS_MAX)
#define FOLD_ROOM   (PARTS_ROOM * RUN_MAX / PARTS_MAX + RUN_MAX)

/* What stands between a part and the one before it. */
enum link {
	LINK_NONE,
	LINK_DIGIT, /* these two: in one run */
	LINK_CASE,
	LINK_DASH, /* - or ' */
	LINK_JOIN, /* _ */
	LINK_DOT,
};

enum wholes { WHOLES_NONE, WHOLES_SOME, WHOLES_ALL };

struct part {
	size_t start, end;   /* in the text */
	size_t offset, stop; /* in `folded` */
	enum link link;
};

struct splitter {
	struct fold *fold;
	const char *text;
	size_t len;
	enum wholes wholes;
	int (*fn)(void *arg, const struct word *);
	void *arg;
	/* The identifier that is being read. */
	struct part parts[PARTS_ROOM];
	unsigned count;
	char folded[FOLD_ROOM];
	size_t used;
};

/* Gives each word of the text to fn, until it returns other than 0; returns that. fold, text, len,
 * wholes, fn and arg are set; count and used are 0. */
int splitter_run(struct splitter *);

#endif
