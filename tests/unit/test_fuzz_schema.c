/*
 * The fuzz target on its corpus, on every beginning of it, and with every byte of it changed; so
 * that it is kept working, and run with the sanitizers, where there is no libFuzzer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/fuzz/fuzz_schema.c" /* NOLINT(bugprone-suspicious-include) */

#include <glob.h>
#include <stdio.h>

#define FILE_LEN 4096

struct text {
	size_t len;
	uint8_t bytes[FILE_LEN];
};

static glob_t files;

static int find(void **state)
{
	(void)state;
	assert_int_equal(glob("tests/data/schema/*.txt", 0, NULL, &files), 0);
	assert_true(files.gl_pathc >= 6);
	return 0;
}

static int release(void **state)
{
	(void)state;
	globfree(&files);
	return 0;
}

static struct text load(const char *path)
{
	struct text t;
	FILE *file = fopen(path, "rb");

	assert_non_null(file);
	t.len = fread(t.bytes, 1, FILE_LEN, file);
	fclose(file);
	assert_in_range(t.len, 1, FILE_LEN - 1);
	return t;
}

/* From memory of just that size, so that what is read past its end is seen. */
static void run(const struct text *t, size_t len)
{
	uint8_t *copy = malloc(len > 0 ? len : 1);

	assert_non_null(copy);
	memcpy(copy, t->bytes, len);
	LLVMFuzzerTestOneInput(copy, len);
	free(copy);
}

static void corpus_cut_anywhere(void **state)
{
	(void)state;
	for (size_t i = 0; i < files.gl_pathc; i++) {
		struct text t = load(files.gl_pathv[i]);

		for (size_t len = 0; len <= t.len; len++)
			run(&t, len);
	}
}

static void corpus_with_each_byte_changed(void **state)
{
	static const uint8_t with[] = {
		'"', '{', ']', '\\', '0', '-', '~', '%', '#', '(', '*', '$', '\n', 0, 0xc3, 0xff};

	(void)state;
	for (size_t i = 0; i < files.gl_pathc; i++) {
		struct text t = load(files.gl_pathv[i]);

		for (size_t at = 0; at < t.len; at++) {
			uint8_t was = t.bytes[at];

			for (size_t n = 0; n < sizeof(with); n++) {
				t.bytes[at] = with[n];
				run(&t, t.len);
			}
			t.bytes[at] = was;
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(corpus_cut_anywhere),
		cmocka_unit_test(corpus_with_each_byte_changed),
	};

	return cmocka_run_group_tests_name("fuzz_schema", tests, find, release);
}
