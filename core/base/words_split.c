/* Text is taken apart. */
#include "core/base/text.h"
#include "core/base/words_private.h"

#include <string.h>
#include <unistr.h>

static int give(
	struct splitter *s, const char *text, size_t len, size_t start, size_t end, enum link link)
{
	struct word word = {
		text, len, start, end, (unsigned)(link < LINK_CASE ? 0 : link - LINK_CASE + 1)};

	if (len > WORD_MAX)
		word.len = text_utf8_prefix(text, WORD_MAX, NULL);
	return s->fn(s->arg, &word);
}

/* In documents only those that are likely to be written in one word elsewhere: an index of all
 * would take twice the time. */
static bool is_given(const struct splitter *s, unsigned first, unsigned last, enum link link)
{
	if (s->parts[last].stop - s->parts[first].offset > WORD_MAX)
		return false;
	return s->wholes == WHOLES_ALL || link == LINK_CASE ||
	       (link == LINK_DASH && last == first + 1);
}

/* The wholes that begin with a part: all parts that are linked no looser than each link. */
static int give_wholes(struct splitter *s, unsigned first)
{
	const struct part *p = s->parts;
	enum link loosest = LINK_NONE;
	unsigned last = first;
	int r = 0;

	for (enum link link = LINK_CASE; link <= LINK_DOT && r == 0; link++) {
		if (first > 0 && p[first].link <= link)
			break;
		for (; last + 1 < s->count && p[last + 1].link <= link; last++)
			loosest = p[last + 1].link > loosest ? p[last + 1].link : loosest;
		if (loosest == link && is_given(s, first, last, link))
			r = give(s, s->folded + p[first].offset, p[last].stop - p[first].offset,
				p[first].start, p[last].end, link);
	}
	return r;
}

static int give_parts(struct splitter *s)
{
	int r = 0;

	for (unsigned i = 0; i < s->count && r == 0; i++) {
		const struct part *p = &s->parts[i];

		r = give(
			s, s->folded + p->offset, p->stop - p->offset, p->start, p->end, LINK_NONE);
		if (r == 0 && s->wholes != WHOLES_NONE)
			r = give_wholes(s, i);
	}
	s->count = 0;
	s->used = 0;
	return r;
}

/* A run of letters and digits, as it is read. */
struct run {
	unsigned first; /* its first part */
	unsigned changes;
	size_t began;      /* where its bytes begin in `folded` */
	size_t last_start; /* its last character, in the text and in `folded` */
	size_t last_offset;
	uint8_t last_kind;
	bool random;
};

static void part_begin(
	struct splitter *s, struct run *run, size_t start, size_t offset, enum link link)
{
	const bool inside = link == LINK_DIGIT || link == LINK_CASE;

	if (inside && (s->wholes == WHOLES_NONE || run->random))
		return;
	if (inside && s->count - run->first == PARTS_MAX) {
		run->random = true;
		return;
	}
	if (inside) {
		s->parts[s->count - 1].end = start;
		s->parts[s->count - 1].stop = offset;
	}
	s->parts[s->count++] = (struct part){start, start, offset, offset, link};
}

/* URLs, IDs: an s that ends what is written in capitals. */
static bool is_plural(struct splitter *s, const struct letter *l, size_t next)
{
	size_t n;

	return l->code == 's' &&
	       (next == s->len || fold_letter(s->fold, s->text + next, s->len - next, &n)->kind !=
					  LETTER_LOWER);
}

/* Begins a part where the letter does, or with the capital before it: HTTPServer. */
static void part_cut(
	struct splitter *s, struct run *run, const struct letter *l, size_t at, size_t next)
{
	bool was_digit = run->last_kind == LETTER_DIGIT, digit = l->kind == LETTER_DIGIT;

	if (was_digit != digit) {
		run->random |= ++run->changes > CHANGES_MAX;
		part_begin(s, run, at, s->used, LINK_DIGIT);
	} else if (run->last_kind == LETTER_LOWER && l->kind == LETTER_UPPER) {
		part_begin(s, run, at, s->used, LINK_CASE);
	} else if (run->last_kind == LETTER_UPPER && l->kind == LETTER_LOWER &&
		   run->last_start > s->parts[s->count - 1].start && !is_plural(s, l, next)) {
		part_begin(s, run, run->last_start, run->last_offset, LINK_CASE);
	}
}

static bool in_run(const struct letter *l)
{
	return l->kind == LETTER_LOWER || l->kind == LETTER_UPPER || l->kind == LETTER_DIGIT;
}

/* Reads a run from its first character; returns where it ends. */
static size_t take_run(struct splitter *s, size_t at, enum link link)
{
	struct run run = {.first = s->count, .began = s->used};
	size_t n;

	part_begin(s, &run, at, s->used, link);
	for (; at < s->len; at += n) {
		const struct letter *l = fold_letter(s->fold, s->text + at, s->len - at, &n);
		struct letter letter;

		if (l->kind == LETTER_DROP)
			continue;
		if (!in_run(l))
			break;
		letter = *l; /* which looking further may replace */
		if (run.last_kind != LETTER_NONE)
			part_cut(s, &run, &letter, at, at + n);
		run.last_start = at;
		run.last_offset = s->used;
		run.last_kind = letter.kind;
		if (s->used - run.began + letter.len > RUN_MAX) {
			run.random = true;
			continue;
		}
		memcpy(s->folded + s->used, letter.text, letter.len);
		s->used += letter.len;
	}
	if (run.random)
		s->count = run.first + 1;
	s->parts[s->count - 1].end = at;
	s->parts[s->count - 1].stop = s->used;
	return at;
}

/* Reads an identifier: runs, with one that joins them between. */
static int take_identifier(struct splitter *s, size_t *at)
{
	enum link link = LINK_NONE;

	for (;;) {
		const struct letter *l;
		size_t n, next;

		*at = take_run(s, *at, link);
		if (*at == s->len)
			break;
		l = fold_letter(s->fold, s->text + *at, s->len - *at, &n);
		if (l->kind != LETTER_JOIN && l->kind != LETTER_DOT)
			break;
		link = l->kind == LETTER_DOT ? LINK_DOT : l->code == '_' ? LINK_JOIN : LINK_DASH;
		next = *at + n;
		if (next == s->len || s->count > PARTS_ROOM - PARTS_MAX - 1 ||
			s->used > FOLD_ROOM - RUN_MAX ||
			!in_run(fold_letter(s->fold, s->text + next, s->len - next, &n)))
			break;
		*at = next;
	}
	return give_parts(s);
}

static uint32_t code_of(const struct letter *l)
{
	ucs4_t code = 0;

	u8_mbtouc_unsafe(&code, (const uint8_t *)l->text, l->len);
	return code;
}

/* Reads a character of a script without spaces, with the marks that belong to it: composed, since
 * some file systems and editors take characters apart. */
static int take_single(struct splitter *s, const struct letter *l, size_t *at, size_t n)
{
	size_t start = *at, len = l->len, last = 0;
	char text[WORD_MAX];
	uint32_t code = code_of(l);

	memcpy(text, l->text, len);
	for (*at += n; *at < s->len; *at += n) {
		uint32_t both;

		l = fold_letter(s->fold, s->text + *at, s->len - *at, &n);
		if (l->kind == LETTER_DROP)
			continue;
		if (l->kind != LETTER_MARK && (l->code < 0x1160 || l->code > 0x11ff))
			break;
		both = fold_compose(code, code_of(l));
		if (both) {
			int size = u8_uctomb(
				(uint8_t *)text + last, both, (ptrdiff_t)(WORD_MAX - last));

			len = size > 0 ? last + (size_t)size : len;
			code = both;
		} else if (l->kind != LETTER_MARK) {
			break;
		} else if (len + l->len <= WORD_MAX) {
			last = len;
			memcpy(text + len, l->text, l->len);
			len += l->len;
			code = code_of(l);
		}
	}
	return give(s, text, len, start, *at, LINK_NONE);
}

/* Whether a plain word ends here: nothing follows that could belong to it. */
static bool ends(struct splitter *s, size_t at)
{
	size_t n;
	const struct letter *l;

	if (at == s->len)
		return true;
	if ((unsigned char)s->text[at] >= 0x80)
		return false;
	l = fold_letter(s->fold, s->text + at, 1, &n);
	if (l->kind == LETTER_NONE)
		return true;
	if (l->kind != LETTER_JOIN && l->kind != LETTER_DOT)
		return false;
	if (at + 1 == s->len)
		return true;
	return (unsigned char)s->text[at + 1] < 0x80 &&
	       !in_run(fold_letter(s->fold, s->text + at + 1, 1, &n));
}

/* Most words by far: ASCII in lower case, maybe with a capital first. Returns where it ends, or
 * `at` where it is none. */
static size_t plain_word(struct splitter *s, size_t at, char out[WORD_MAX])
{
	size_t end = at + 1;

	out[0] = (char)(s->text[at] | 0x20);
	for (; end < s->len && s->text[end] >= 'a' && s->text[end] <= 'z'; end++) {
		if (end - at == WORD_MAX)
			return at;
		out[end - at] = s->text[end];
	}
	return ends(s, end) ? end : at;
}

int splitter_run(struct splitter *s)
{
	size_t at = 0, end, n;
	char word[WORD_MAX];
	int r = 0;

	while (at < s->len && r == 0) {
		const struct letter *l = fold_letter(s->fold, s->text + at, s->len - at, &n);

		if (l->kind <= LETTER_UPPER && l->kind != LETTER_NONE && n == 1 &&
			(end = plain_word(s, at, word)) > at) {
			r = give(s, word, end - at, at, end, LINK_NONE);
			at = end;
		} else if (in_run(l)) {
			r = take_identifier(s, &at);
		} else if (l->kind == LETTER_SINGLE || l->kind == LETTER_MARK) {
			r = take_single(s, l, &at, n);
		} else {
			at += n;
		}
	}
	return r;
}
