/*
 * The fuzz target on its corpus, and on mutations of it that are the same every time; so that it is
 * kept working, and run with the sanitizers, where there is no libFuzzer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/fuzz/fuzz_multistatus.c" /* NOLINT(bugprone-suspicious-include) */

#include <glob.h>
#include <stdio.h>

#define ROUNDS   20000
#define CHANGES  3 /* at most, in a round */
#define BODY_MAX 16384

struct body {
	size_t len;
	uint8_t bytes[BODY_MAX];
};

static struct body *corpus;
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

static void add(struct body *b, const void *bytes, size_t len)
{
	len = len < BODY_MAX - b->len ? len : BODY_MAX - b->len;
	memcpy(b->bytes + b->len, bytes, len);
	b->len += len;
}

/* Replaces `old` bytes at `at`; what does not fit any more is cut off. */
static void splice(struct body *b, size_t at, size_t old, const void *with, size_t len)
{
	struct body was = *b;

	b->len = at;
	add(b, with, len);
	add(b, was.bytes + at + old, was.len - at - old);
}

/* Behind the next tag: what is changed there more often leaves the rest as it was. */
static size_t behind_tag(const struct body *b, size_t at)
{
	const uint8_t *end = memchr(b->bytes + at, '>', b->len - at);

	return end == NULL ? at : (size_t)(end + 1 - b->bytes);
}

static void change(struct body *b)
{
	static const char *const words[] = {"<response>", "</response>", "<href>", "</href>",
		"<status>", "</status>", "<status>HTTP/1.1 404 no</status>", "<error><x/></error>",
		"<href>/dav/../x</href>", "<sync-token>t</sync-token>", "<propstat>", "</propstat>",
		"<prop>", "</prop>", "<resourcetype><collection/></resourcetype>", "<!DOCTYPE x [",
		"<!ENTITY x", "]>", "&x;", "&amp;", "&#0;", "&#xd800;", "<![CDATA[", "]]>", "<!--",
		"-->", "<?xml ", "?>", "encoding=\"UTF-16\"", "xmlns=\"DAV:\"", "xmlns:D='DAV:'",
		"%2e%2e", "%2f", "%00", "%", "../", "//", "http://127.0.0.1/dav/", "/dav/", "\xff",
		"\xc3", "\xef\xbb\xbf"};
	const struct body *other = &corpus[below(corpus_count)];
	const char *word = words[below(sizeof(words) / sizeof(*words))];
	size_t at = below(b->len + 1), from = below(other->len + 1), rest, n;

	at = below(4) == 0 ? at : behind_tag(b, at);
	rest = b->len - at;
	n = below(rest + 1) % 64;
	switch (below(6)) {
	case 0:
		if (rest > 0)
			b->bytes[at] ^= (uint8_t)(1U << below(8));
		break;
	case 1:
		splice(b, at, n, "", 0);
		break;
	case 2:
		splice(b, at, 0, word, strlen(word));
		break;
	case 3:
		splice(b, at, n, word, strlen(word));
		break;
	case 4:
		splice(b, at, 0, other->bytes + from, (other->len - from) % 256);
		break;
	default:
		if (below(8) == 0)
			b->len = at;
		break;
	}
}

static int load(void **state)
{
	glob_t files = {0};

	(void)state;
	assert_int_equal(glob("tests/data/multistatus/*.*", 0, NULL, &files), 0);
	assert_int_equal(glob("tests/data/multistatus/hostile/*.*", GLOB_APPEND, NULL, &files), 0);
	corpus = calloc(files.gl_pathc, sizeof(*corpus));
	assert_non_null(corpus);
	for (size_t i = 0; i < files.gl_pathc; i++) {
		FILE *file = fopen(files.gl_pathv[i], "rb");

		assert_non_null(file);
		corpus[i].len = fread(corpus[i].bytes, 1, BODY_MAX, file);
		fclose(file);
	}
	corpus_count = files.gl_pathc;
	globfree(&files);
	return 0;
}

static int unload(void **state)
{
	(void)state;
	free(corpus);
	return 0;
}

static void corpus_as_it_is(void **state)
{
	(void)state;
	assert_true(corpus_count > 30);
	for (size_t i = 0; i < corpus_count; i++)
		LLVMFuzzerTestOneInput(corpus[i].bytes, corpus[i].len);
}

static void corpus_changed(void **state)
{
	struct body *b = malloc(sizeof(*b));

	(void)state;
	assert_non_null(b);
	for (uint64_t round = 1; round <= ROUNDS; round++) {
		size_t changes;

		seed = round * 0x9e3779b97f4a7c15; /* so that a round can be run alone */
		*b = corpus[below(corpus_count)];
		changes = 1 + below(CHANGES);
		while (changes-- > 0)
			change(b);
		LLVMFuzzerTestOneInput(b->bytes, b->len);
	}
	free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(corpus_as_it_is),
		cmocka_unit_test(corpus_changed),
	};

	return cmocka_run_group_tests(tests, load, unload);
}
