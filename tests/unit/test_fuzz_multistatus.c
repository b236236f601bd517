/* The fuzz target on its corpus, and on changes of it that break markup and hrefs. */
#include "tests/fuzz/fuzz_multistatus.c" /* NOLINT(bugprone-suspicious-include) */

#include "tests/unit/fuzz_corpus.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define ROUNDS 20000

static const char *const words[] = {"<response>", "</response>", "<href>", "</href>", "<status>",
	"</status>", "<status>HTTP/1.1 404 no</status>", "<error><x/></error>",
	"<href>/dav/../x</href>", "<sync-token>t</sync-token>", "<propstat>", "</propstat>",
	"<prop>", "</prop>", "<resourcetype><collection/></resourcetype>", "<!DOCTYPE x [",
	"<!ENTITY x", "]>", "&x;", "&amp;", "&#0;", "&#xd800;", "<![CDATA[", "]]>", "<!--", "-->",
	"<?xml ", "?>", "encoding=\"UTF-16\"", "xmlns=\"DAV:\"", "xmlns:D='DAV:'", "%2e%2e", "%2f",
	"%00", "%", "../", "//", "http://127.0.0.1/dav/", "/dav/", "\xff", "\xc3", "\xef\xbb\xbf",
	NULL};

static struct fuzz_corpus corpus;

static int load(void **state)
{
	static const char *const patterns[] = {
		"tests/data/multistatus/*.*", "tests/data/multistatus/hostile/*.*", NULL};

	(void)state;
	fuzz_corpus_load(&corpus, patterns, 31);
	return 0;
}

static int unload(void **state)
{
	(void)state;
	fuzz_corpus_release(&corpus);
	return 0;
}

/* Behind the next tag: what is changed there more often leaves the rest as it was. */
static size_t behind_tag(const struct fuzz_text *t, size_t at)
{
	const uint8_t *end = memchr(t->bytes + at, '>', t->len - at);

	return end == NULL ? at : (size_t)(end + 1 - t->bytes);
}

static void corpus_as_it_is(void **state)
{
	(void)state;
	fuzz_run_all(LLVMFuzzerTestOneInput, &corpus);
}

static void corpus_changed(void **state)
{
	static const struct fuzz_changes how = {.words = words,
		.most = 3,
		.text_max = FUZZ_TEXT_MAX,
		.cut_max = 64,
		.copy_max = 256,
		.settle = behind_tag};

	(void)state;
	fuzz_run_changed(LLVMFuzzerTestOneInput, &corpus, &how, ROUNDS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(corpus_as_it_is),
		cmocka_unit_test(corpus_changed),
	};

	return cmocka_run_group_tests_name("fuzz_multistatus", tests, load, unload);
}
