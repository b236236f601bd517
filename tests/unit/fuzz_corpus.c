#include "tests/unit/fuzz_corpus.h"

#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

void fuzz_corpus_load(struct fuzz_corpus *c, const char *const *patterns, size_t least)
{
	glob_t files = {0};

	for (size_t i = 0; patterns[i] != NULL; i++)
		assert_int_equal(glob(patterns[i], i > 0 ? GLOB_APPEND : 0, NULL, &files), 0);
	assert_true(files.gl_pathc >= least);
	c->texts = calloc(files.gl_pathc, sizeof(*c->texts));
	assert_non_null(c->texts);
	c->count = files.gl_pathc;
	for (size_t i = 0; i < c->count; i++) {
		FILE *file = fopen(files.gl_pathv[i], "rb");

		assert_non_null(file);
		c->texts[i].len = fread(c->texts[i].bytes, 1, FUZZ_TEXT_MAX, file);
		fclose(file);
	}
	globfree(&files);
}

void fuzz_corpus_release(struct fuzz_corpus *c)
{
	free(c->texts);
	*c = (struct fuzz_corpus){0};
}

void fuzz_run(fuzz_target target, const struct fuzz_text *t, size_t len)
{
	uint8_t *copy = malloc(len + 1);

	assert_non_null(copy);
	memcpy(copy, t->bytes, len);
	copy[len] = '\0';
	target(copy, len);
	free(copy);
}

void fuzz_run_all(fuzz_target target, const struct fuzz_corpus *c)
{
	for (size_t i = 0; i < c->count; i++)
		fuzz_run(target, &c->texts[i], c->texts[i].len);
}

/* Changes. */

struct changer {
	const struct fuzz_corpus *corpus;
	const struct fuzz_changes *how;
	size_t word_count;
	uint64_t seed;
};

/* xorshift64* (Vigna 2016). */
static size_t below(struct changer *c, size_t bound)
{
	c->seed ^= c->seed >> 12;
	c->seed ^= c->seed << 25;
	c->seed ^= c->seed >> 27;
	return (size_t)((c->seed * 0x2545f4914f6cdd1d) >> 33) % bound;
}

static void add(struct fuzz_text *t, const void *bytes, size_t len, size_t max)
{
	len = len < max - t->len ? len : max - t->len;
	memcpy(t->bytes + t->len, bytes, len);
	t->len += len;
}

/* Replaces `old` bytes at `at`; what does not fit any more is cut off. */
static void splice(
	struct fuzz_text *t, size_t at, size_t old, const void *with, size_t len, size_t max)
{
	struct fuzz_text was = *t;

	t->len = at;
	add(t, with, len, max);
	add(t, was.bytes + at + old, was.len - at - old, max);
}

static void change(struct changer *c, struct fuzz_text *t)
{
	const struct fuzz_changes *how = c->how;
	const struct fuzz_text *other = &c->corpus->texts[below(c, c->corpus->count)];
	const char *word = how->words[below(c, c->word_count)];
	size_t at = below(c, t->len + 1), from = below(c, other->len + 1), rest, n;

	if (how->settle != NULL && below(c, 4) != 0)
		at = how->settle(t, at);
	rest = t->len - at;
	n = below(c, rest + 1) % how->cut_max;
	switch (below(c, 6)) {
	case 0:
		if (rest > 0)
			t->bytes[at] ^= (uint8_t)(1U << below(c, 8));
		break;
	case 1:
		splice(t, at, n, "", 0, how->text_max);
		break;
	case 2:
		splice(t, at, 0, word, strlen(word), how->text_max);
		break;
	case 3:
		splice(t, at, n, word, strlen(word), how->text_max);
		break;
	case 4:
		splice(t, at, 0, other->bytes + from, (other->len - from) % how->copy_max,
			how->text_max);
		break;
	default:
		if (below(c, 8) == 0)
			t->len = at;
		break;
	}
}

void fuzz_run_changed(fuzz_target target, const struct fuzz_corpus *corpus,
	const struct fuzz_changes *how, uint64_t rounds)
{
	struct changer c = {.corpus = corpus, .how = how};
	struct fuzz_text *t;

	assert_in_range(how->text_max, 1, FUZZ_TEXT_MAX);
	while (how->words[c.word_count] != NULL)
		c.word_count++;
	if (c.word_count == 0) {
		fail_msg("no words to put in");
		return;
	}
	t = malloc(sizeof(*t));
	assert_non_null(t);
	for (uint64_t round = 1; round <= rounds; round++) {
		size_t changes;

		c.seed = round * 0x9e3779b97f4a7c15; /* so that a round can be run alone */
		*t = corpus->texts[below(&c, corpus->count)];
		if (t->len > how->text_max)
			t->len = how->text_max;
		changes = 1 + below(&c, how->most);
		while (changes-- > 0)
			change(&c, t);
		fuzz_run(target, t, t->len);
	}
	free(t);
}
