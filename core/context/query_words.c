/* Terms become FTS5 expressions. */
#include "core/base/words.h"
#include "core/context/query_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NAME_MAX_KEY 255 /* bytes of a file name */

/* A term's words as a document would give them. */
struct split {
	struct {
		char text[WORD_MAX];
		size_t len, start, end;
		unsigned whole;
	} words[QUERY_WORDS_MAX];
	size_t count, most;
};

static int add_word(void *arg, const struct word *w)
{
	struct split *s = arg;

	if (s->count == s->most)
		return 1;
	memcpy(s->words[s->count].text, w->text, w->len);
	s->words[s->count].len = w->len;
	s->words[s->count].start = w->start;
	s->words[s->count].end = w->end;
	s->words[s->count++].whole = w->whole;
	return 0;
}

static void put_word(struct buf *b, const struct split *s, size_t i, bool *first)
{
	buf_adds(b, *first ? "" : " ");
	buf_add(b, s->words[i].text, s->words[i].len);
	*first = false;
}

/* The words one after the other, the longest wholes that are no looser than `whole` in place of
 * their parts: user_auth.py is "user auth py", "userauth py" and "userauthpy". */
static void put_phrase(struct buf *b, const struct split *s, unsigned whole)
{
	bool first = true;
	size_t past = 0, i = 0;

	buf_addc(b, '"');
	while (i < s->count) {
		size_t longest = i, part = i;

		for (i++; i < s->count && s->words[i].whole; i++)
			if (s->words[i].whole <= whole)
				longest = i;
		if (s->words[part].start < past)
			continue;
		put_word(b, s, longest, &first);
		past = s->words[longest].end;
	}
	buf_addc(b, '"');
}

/* Words are indexed by their stems, so that authenticati* would not find authentication, whose stem
 * is authent: the words that the beginning could be are asked for, too. */
static void put_completions(struct buf *b, const char *word, size_t len)
{
	static const char *const endings[] = {"ing", "ings", "ed", "es", "ies", "ied", "ion",
		"ions", "ation", "ations", "ication", "ization", "izing", "ized", "ating", "ated",
		"ational", "ment", "ments", "ness", "able", "ible", "ability", "ibility", "ity",
		"ities", "ally", "ance", "ence", "ive", "ively", "ful", "fully", "fulness", "ous",
		"ously", "ousness"};

	for (size_t e = 0; e < sizeof(endings) / sizeof(*endings); e++) {
		size_t whole = strlen(endings[e]);

		for (size_t n = 1; n < whole && n + 2 < len; n++)
			if (memcmp(word + len - n, endings[e], n) == 0) {
				buf_adds(b, " OR \"");
				buf_add(b, word, len);
				buf_adds(b, endings[e] + n);
				buf_addc(b, '"');
			}
	}
}

/* One term, as an expression in brackets: its words in every way that it could be written. */
static void put_term(struct buf *b, const struct split *s, bool prefix)
{
	/* One letter is the beginning of too much. */
	prefix = prefix && s->words[s->count - 1].len > 1;
	buf_addc(b, '(');
	for (unsigned whole = 0; whole <= WHOLE_MAX; whole++) {
		size_t i = 0;

		while (i < s->count && s->words[i].whole != whole)
			i++;
		if (i == s->count)
			continue;
		buf_adds(b, whole ? " OR " : "");
		put_phrase(b, s, whole);
		buf_adds(b, prefix ? " *" : "");
	}
	if (prefix && s->count == 1)
		put_completions(b, s->words[0].text, s->words[0].len);
	buf_addc(b, ')');
}

/* English words that are in every text: where others are asked for, they tell nothing. */
static bool is_filler(const struct split *s)
{
	static const char *const fillers[] = {"a", "about", "an", "and", "are", "as", "at", "be",
		"been", "but", "by", "can", "did", "do", "does", "for", "from", "had", "has",
		"have", "how", "i", "if", "in", "into", "is", "it", "its", "me", "my", "of", "on",
		"or", "our", "so", "than", "that", "the", "their", "then", "there", "these", "they",
		"this", "to", "was", "we", "were", "what", "when", "where", "which", "will", "with",
		"you", "your"};

	for (size_t i = 0; s->count == 1 && i < sizeof(fillers) / sizeof(*fillers); i++)
		if (strlen(fillers[i]) == s->words[0].len &&
			memcmp(fillers[i], s->words[0].text, s->words[0].len) == 0)
			return true;
	return false;
}

struct express {
	struct split split;
	struct buf all, some, never, name;
	struct query_terms *out;
	size_t words, terms; /* so far; terms that are to be found */
	bool fillers;        /* are left out */
	int status;
};

static void keep_words(struct express *x)
{
	for (size_t i = 0; i < x->split.count; i++) {
		char *copy = strndup(x->split.words[i].text, x->split.words[i].len);

		if (!copy) {
			x->status = -ENOMEM;
			return;
		}
		x->out->words[x->out->word_count++] = copy;
		if (!x->split.words[i].whole)
			buf_add(&x->name, x->split.words[i].text, x->split.words[i].len);
	}
}

static void add_term(struct express *x, const struct term *t)
{
	struct split *s = &x->split;

	s->count = 0;
	s->most = QUERY_WORDS_MAX - x->words;
	if (words_split(t->text, t->len, add_word, s) < 0)
		x->status = -ENOMEM;
	if (s->count == 0 || (x->fillers && !t->never && is_filler(s)))
		return;
	x->words += s->count;
	if (t->never) {
		buf_adds(&x->never, x->never.len ? " OR " : "");
		put_term(&x->never, s, t->prefix);
		return;
	}
	keep_words(x);
	buf_adds(&x->all, x->terms ? " AND " : "");
	put_term(&x->all, s, t->prefix);
	buf_adds(&x->some, x->terms ? " OR " : "");
	put_term(&x->some, s, t->prefix);
	x->terms++;
}

/* The expression without what is excluded; NULL where it is empty or memory is out. */
static char *without(struct buf *expression, const struct buf *never)
{
	struct buf b = BUF_INIT;

	if (!expression->len)
		return NULL;
	if (!never->len)
		return buf_detach(expression, NULL);
	buf_addf(&b, "(%s) NOT (%s)", expression->data, never->data);
	return buf_detach(&b, NULL);
}

static void express_all(struct express *x, const struct term *terms, size_t count)
{
	for (size_t i = 0; i < count; i++)
		add_term(x, &terms[i]);
}

int query_express(const struct term *terms, size_t count, struct query_terms *out)
{
	struct express *x = calloc(1, sizeof(*x));
	int r;

	out->words = calloc(QUERY_WORDS_MAX, sizeof(*out->words));
	if (!x || !out->words) {
		free(x);
		return -ENOMEM;
	}
	x->out = out;
	x->fillers = true;
	express_all(x, terms, count);
	if (x->terms == 0) { /* nothing but fillers: then they are what is asked for */
		x->fillers = false;
		x->words = 0;
		buf_reset(&x->never);
		express_all(x, terms, count);
	}
	r = x->status;
	if (x->all.failed || x->some.failed || x->never.failed || x->name.failed)
		r = -ENOMEM;
	if (!r) {
		bool several = x->terms > 1, words = x->all.len > 0, never = x->never.len > 0;

		out->all = without(&x->all, &x->never);
		out->some = several ? without(&x->some, &x->never) : NULL;
		buf_adds(&x->name, "");
		out->name = buf_detach(&x->name, NULL);
		out->never = buf_detach(&x->never, NULL);
		if (!out->name || (words && !out->all) || (several && !out->some) ||
			(never && !out->never))
			r = -ENOMEM;
	}
	buf_release(&x->all);
	buf_release(&x->some);
	buf_release(&x->never);
	buf_release(&x->name);
	free(x);
	return r;
}
