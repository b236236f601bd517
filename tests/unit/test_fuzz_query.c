/*
 * The fuzz target on its corpus, and on mutations of it that are the same every time; so that it is
 * kept working, and run with the sanitizers, where there is no libFuzzer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/fuzz/fuzz_query.c" /* NOLINT(bugprone-suspicious-include) */

#include <glob.h>
#include <stdio.h>

#define ROUNDS    20000
#define CHANGES   4 /* at most, in a round */
#define QUERY_LEN 5000

struct text {
	size_t len;
	uint8_t bytes[QUERY_LEN];
};

static struct text *corpus;
static size_t corpus_count;
static uint64_t seed;

/* xorshift64* (Vigna 2016). */
static size_t below(size_t bound)
{
	seed ^= seed >> 12;
	seed ^= seed << 25;
	seed ^= seed >> 27;
	return (size_t)((seed * 0x2545f4914f6cdd1d) >> 33) % bound;
}

static void add(struct text *t, const void *bytes, size_t len)
{
	len = len < QUERY_LEN - t->len ? len : QUERY_LEN - t->len;
	memcpy(t->bytes + t->len, bytes, len);
	t->len += len;
}

static void splice(struct text *t, size_t at, size_t old, const void *with, size_t len)
{
	struct text was = *t;

	t->len = at;
	add(t, with, len);
	add(t, was.bytes + at + old, was.len - at - old);
}

static void change(struct text *t)
{
	static const char *const words[] = {"\"", "-", "*",
		"type:", "path:", "source:", "max:", "since:", "since:7d", "max:5", " ", "\t",
		"AND", "NEAR(", ")", "{", "^", "'", "_", ".", "aB", "1", "\xe8\xaa\x8d", "\xcc\x81",
		"\xe3\x82\x99", "\xe1\x84\x92\xe1\x85\xa1", "\xe0\xb8\xb5", "\xc3\x9f",
		"\xef\xac\x81", "\xe2\x80\x99", "\xf0\x9f\x94\xa5", "\xff", "\xc3", "%2F", "%"};
	const struct text *other = &corpus[below(corpus_count)];
	const char *word = words[below(sizeof(words) / sizeof(*words))];
	size_t at = below(t->len + 1), from = below(other->len + 1), rest = t->len - at;
	size_t n = below(rest + 1) % 32;

	switch (below(5)) {
	case 0:
		if (rest > 0)
			t->bytes[at] ^= (uint8_t)(1U << below(8));
		break;
	case 1:
		splice(t, at, n, "", 0);
		break;
	case 2:
		splice(t, at, 0, word, strlen(word));
		break;
	case 3:
		splice(t, at, n, word, strlen(word));
		break;
	default:
		splice(t, at, 0, other->bytes + from, (other->len - from) % 128);
		break;
	}
}

static int load(void **state)
{
	glob_t files = {0};

	(void)state;
	assert_int_equal(glob("tests/data/query/*.txt", 0, NULL, &files), 0);
	corpus = calloc(files.gl_pathc, sizeof(*corpus));
	assert_non_null(corpus);
	for (size_t i = 0; i < files.gl_pathc; i++) {
		FILE *file = fopen(files.gl_pathv[i], "rb");

		assert_non_null(file);
		corpus[i].len = fread(corpus[i].bytes, 1, QUERY_LEN, file);
		fclose(file);
	}
	corpus_count = files.gl_pathc;
	globfree(&files);
	return 0;
}

static int unload(void **state)
{
	sqlite3_stmt *stmt = matching();
	sqlite3 *db = sqlite3_db_handle(stmt);

	(void)state;
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	free(corpus);
	return 0;
}

static void corpus_as_it_is(void **state)
{
	(void)state;
	assert_true(corpus_count > 20);
	for (size_t i = 0; i < corpus_count; i++)
		LLVMFuzzerTestOneInput(corpus[i].bytes, corpus[i].len);
}

static void corpus_changed(void **state)
{
	struct text *t = malloc(sizeof(*t));

	(void)state;
	assert_non_null(t);
	for (uint64_t round = 1; round <= ROUNDS; round++) {
		size_t changes;

		seed = round * 0x9e3779b97f4a7c15; /* so that a round can be run alone */
		*t = corpus[below(corpus_count)];
		changes = 1 + below(CHANGES);
		while (changes-- > 0)
			change(t);
		LLVMFuzzerTestOneInput(t->bytes, t->len);
	}
	free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(corpus_as_it_is),
		cmocka_unit_test(corpus_changed),
	};

	return cmocka_run_group_tests_name("fuzz_query", tests, load, unload);
}
