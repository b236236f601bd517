/* The fuzz target on its corpus, and on changes of it that break words and operators. */
#include "tests/fuzz/fuzz_query.c" /* NOLINT(bugprone-suspicious-include) */

#include "tests/unit/fuzz_corpus.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define ROUNDS 20000

static const char *const words[] = {"\"", "-", "*",
	"type:", "path:", "source:", "max:", "since:", "since:7d", "max:5", " ", "\t", "AND",
	"NEAR(", ")", "{", "^", "'", "_", ".", "aB", "1", "\xe8\xaa\x8d", "\xcc\x81",
	"\xe3\x82\x99", "\xe1\x84\x92\xe1\x85\xa1", "\xe0\xb8\xb5", "\xc3\x9f", "\xef\xac\x81",
	"\xe2\x80\x99", "\xf0\x9f\x94\xa5", "\xff", "\xc3", "%2F", "%", NULL};

static struct fuzz_corpus corpus;

static int load(void **state)
{
	static const char *const patterns[] = {"tests/data/query/*.txt", NULL};

	(void)state;
	fuzz_corpus_load(&corpus, patterns, 21);
	return 0;
}

static int unload(void **state)
{
	sqlite3_stmt *stmt = matching();
	sqlite3 *db = sqlite3_db_handle(stmt);

	(void)state;
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	fuzz_corpus_release(&corpus);
	return 0;
}

static void corpus_as_it_is(void **state)
{
	(void)state;
	fuzz_run_all(LLVMFuzzerTestOneInput, &corpus);
}

static void corpus_changed(void **state)
{
	static const struct fuzz_changes how = {
		.words = words, .most = 4, .text_max = 5000, .cut_max = 32, .copy_max = 128};

	(void)state;
	fuzz_run_changed(LLVMFuzzerTestOneInput, &corpus, &how, ROUNDS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(corpus_as_it_is),
		cmocka_unit_test(corpus_changed),
	};

	return cmocka_run_group_tests_name("fuzz_query", tests, load, unload);
}
