/* The fuzz target on every beginning of its corpus, and with every byte of it changed. */
#include "tests/fuzz/fuzz_schema.c" /* NOLINT(bugprone-suspicious-include) */

#include "tests/unit/fuzz_corpus.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct fuzz_corpus corpus;

static int load(void **state)
{
	static const char *const patterns[] = {"tests/data/schema/*.txt", NULL};

	(void)state;
	fuzz_corpus_load(&corpus, patterns, 6);
	return 0;
}

static int unload(void **state)
{
	(void)state;
	fuzz_corpus_release(&corpus);
	return 0;
}

static void corpus_cut_anywhere(void **state)
{
	(void)state;
	for (size_t i = 0; i < corpus.count; i++)
		for (size_t len = 0; len <= corpus.texts[i].len; len++)
			fuzz_run(LLVMFuzzerTestOneInput, &corpus.texts[i], len);
}

static void corpus_with_each_byte_changed(void **state)
{
	static const uint8_t with[] = {
		'"', '{', ']', '\\', '0', '-', '~', '%', '#', '(', '*', '$', '\n', 0, 0xc3, 0xff};

	(void)state;
	for (size_t i = 0; i < corpus.count; i++) {
		struct fuzz_text *t = &corpus.texts[i];

		assert_in_range(t->len, 1, 4095); /* or this takes long */
		for (size_t at = 0; at < t->len; at++) {
			uint8_t was = t->bytes[at];

			for (size_t n = 0; n < sizeof(with); n++) {
				t->bytes[at] = with[n];
				fuzz_run(LLVMFuzzerTestOneInput, t, t->len);
			}
			t->bytes[at] = was;
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(corpus_cut_anywhere),
		cmocka_unit_test(corpus_with_each_byte_changed),
	};

	return cmocka_run_group_tests_name("fuzz_schema", tests, load, unload);
}
