#include "core/context/search_private.h"

#include "core/base/text.h"
#include "core/base/words.h"

#include <stdlib.h>
#include <string.h>

#define MATCHES_MAX 256
#define BEFORE_MAX  40 /* bytes that are shown before the first word */
#define CUT         "\xe2\x80\xa6"
#define NEAR        (ROOM - BEFORE_MAX)
#define ROOM        (SNIPPET_MAX - 2 * (sizeof(CUT) - 1))

struct spot {
	size_t start, end;
	uint64_t word; /* a bit for each of the words that were asked for */
};

struct looking {
	char *const *words;
	size_t count, lens[64];
	struct spot spots[MATCHES_MAX];
	size_t found;
};

/* Words match by stems in the index; here it is enough that most of their letters do. */
static bool is_like(const struct word *w, const char *word, size_t len)
{
	size_t same = 0, longer = w->len > len ? w->len : len;

	while (same < w->len && same < len && w->text[same] == word[same])
		same++;
	if (same == longer)
		return true;
	if (word[0] >= '0' && word[0] <= '9')
		return false; /* numbers have no stems */
	return same >= 3 && (same == len || longer - same <= 2 || 2 * same > longer + 2);
}

/* Whether the newest spots, as near each other as one snippet is long, have all words. */
static bool has_all(const struct looking *l)
{
	const struct spot *last = &l->spots[l->found - 1];
	uint64_t bits = 0;

	for (size_t i = l->found; i-- > 0 && l->spots[i].start + NEAR >= last->end;)
		bits |= l->spots[i].word;
	return (size_t)__builtin_popcountll(bits) == l->count;
}

static int look(void *arg, const struct word *w)
{
	struct looking *l = arg;
	uint64_t bits = 0;

	for (size_t i = 0; i < l->count; i++)
		if (w->text[0] == l->words[i][0] && is_like(w, l->words[i], l->lens[i]))
			bits |= UINT64_C(1) << i;
	if (!bits)
		return 0;
	l->spots[l->found++] = (struct spot){w->start, w->end, bits};
	return l->found == MATCHES_MAX || has_all(l);
}

/* The first of the spots near each other that have the most words between them. */
static const struct spot *best_spot(const struct looking *l)
{
	const struct spot *best = NULL;
	int most = 0;

	for (size_t i = 0; i < l->found; i++) {
		uint64_t bits = 0;
		int count;

		for (size_t k = i; k < l->found; k++) {
			if (l->spots[k].end > l->spots[i].start + NEAR)
				break;
			bits |= l->spots[k].word;
		}
		count = __builtin_popcountll(bits);
		if (count > most) {
			most = count;
			best = &l->spots[i];
		}
	}
	return best;
}

static bool is_white(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Where to begin: at a word, not far before the spot. */
static size_t begin_at(const char *text, size_t len, const struct spot *spot)
{
	size_t at = spot && spot->start > BEFORE_MAX ? spot->start - BEFORE_MAX : 0, from = at;

	if (at > 0) {
		while (at < spot->start && !is_white(text[at]))
			at++;
		if (at == spot->start) /* one long word: at a character of it */
			for (at = from; at < len && ((unsigned char)text[at] & 0xc0) == 0x80;)
				at++;
	}
	while (at < len && is_white(text[at]))
		at++;
	return at;
}

/* One line: white space and control characters become one space. */
static size_t add_line(const char *text, size_t len, struct buf *out)
{
	const size_t start = out->len;
	bool space = false;
	size_t at = 0;

	while (at < len) {
		size_t n = text_char(text + at, len - at, NULL);

		if (n == 0)
			break;
		if (is_white(text[at]) || text_is_control(text + at, n)) {
			space = out->len > start;
		} else {
			if (out->len - start + space + n > ROOM)
				break;
			buf_add(out, " ", space);
			buf_add(out, text + at, n);
			space = false;
		}
		at += n;
	}
	return at;
}

void snippet_make(const char *text, size_t len, char *const *words, size_t count, struct buf *out)
{
	struct looking *l = malloc(sizeof(*l));
	size_t at = 0, used;

	if (l) {
		l->words = words;
		l->count = count < 64 ? count : 64;
		l->found = 0;
		for (size_t i = 0; i < l->count; i++)
			l->lens[i] = strlen(words[i]);
		if (l->count)
			words_split(text, len, look, l);
		at = begin_at(text, len, best_spot(l));
		free(l);
	}
	if (at > 0 && at < len)
		buf_adds(out, CUT);
	used = add_line(text + at, len - at, out);
	if (at + used < len)
		buf_adds(out, CUT);
}
