/* The manual pages: what becomes of a text in mdoc(7). */
#include "fs/command/man.h"
#include "fs/command/man_plain.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void assert_made(const char *text, const char *expected)
{
	struct buf out = BUF_INIT;

	man_add_text(&out, text);
	assert_int_equal(buf_error(&out), 0);
	assert_string_equal(out.len > 0 ? out.data : "", expected);
	buf_release(&out);
}

static void words_are_no_requests(void **state)
{
	(void)state;
	assert_made(".Sh no heading\n", "\\&.Sh no heading\n");
	assert_made("'br\n", "\\(aqbr\n");
	assert_made("a \\fBb `c\\d` e-f\n", "a \\efBb \\fBc\\ed\\fP e\\-f\n");
	assert_made("    .Ed\n", ".Bd -literal -offset indent\n\\&.Ed\n.Ed\n");
}

static void what_is_not_ascii_has_a_name(void **state)
{
	(void)state;
	assert_made("a …ü €\n", "a ...\\[u00FC] \\[u20AC]\n");
	assert_made("\xf0\x9f\x8c\x8a\n", "\\[u1F30A]\n");
	/* no UTF-8: something is made of it, and no byte of it is left */
	assert_made("\xc3\n", "\\[uFFFD]\n");
}

static void sentences_and_long_lines_are_broken(void **state)
{
	(void)state;
	assert_made("One. Two (three.) four\n", "One.\nTwo (three.)\nfour\n");
	assert_made("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa "
		    "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\n",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\nbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
		"bb\n");
}

static void documents_have_their_parts(void **state)
{
	(void)state;
	assert_made(
		"# Title\n\n## Some part\n\nText, **really**, [a](b.md).\n\n- one\n  more\n- two\n",
		".Sh SOME PART\nText, \\fIreally\\fP, a.\n.Bl -bullet\n.It\none "
		"more\n.It\ntwo\n.El\n");
	assert_made("```sh\nx\n\n# y\n```\n", ".Bd -literal -offset indent\nx\n\n# y\n.Ed\n");
	assert_made("| a | b | c |\n|---|---|---|\n| `x|y` | 1 | |\n",
		".Bl -tag -width Ds\n.It Xo\n\\fBx|y\\fP\n.Xc\nb: 1\n.El\n");
}

static void options_have_their_meaning(void **state)
{
	(void)state;
	assert_made("    -d   -o debug           show every\n                            request\n"
		    "    -f                      stay\n",
		".Bl -tag -width Ds\n.It Xo\n\\-d \\-o debug\n.Xc\nshow every request\n"
		".It Xo\n\\-f\n.Xc\nstay\n.El\n");
}

static void assert_plain(const char *text, size_t len, const char *expected)
{
	struct buf b = BUF_INIT;

	buf_add(&b, text, len);
	man_plain_text(&b);
	assert_int_equal(buf_error(&b), 0);
	assert_int_equal(b.len, strlen(expected));
	assert_string_equal(b.len > 0 ? b.data : "", expected);
	buf_release(&b);
}

static void plain_text_has_no_overstrikes(void **state)
{
	struct buf none = BUF_INIT;

	(void)state;
#define PLAIN(text, expected) assert_plain(text, sizeof(text) - 1, expected)
	PLAIN("N\bNA\bA _\bb c\n", "NA b c\n");
	PLAIN("+\b+o\bo\n", "+o\n");
	PLAIN("\xc3\xbc\b\xc3\xbc _\b\xe2\x82\xac|", "\xc3\xbc \xe2\x82\xac|");
	PLAIN("\033[1mbold\033[0m \033[38;5;4mblue", "bold blue");
	/* what nobody writes does no harm */
	PLAIN("\b\ba\033", "a\033");
	PLAIN("a\033[12", "a");
	PLAIN("\x80\x80\b|", "|");
	man_plain_text(&none);
	assert_int_equal(none.len, 0);
}

static void there_are_three_pages(void **state)
{
	static const int sections[] = {1, 5, 7};
	struct buf out = BUF_INIT;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(man_page(sections[i], &out), 0);
		assert_int_equal(buf_error(&out), 0);
		assert_true(out.len > 5000); /* with the document that it holds */
		buf_reset(&out);
	}
	assert_int_equal(man_page(8, &out), -EINVAL);
	assert_int_equal(out.len, 0);
	buf_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_are_no_requests),
		cmocka_unit_test(what_is_not_ascii_has_a_name),
		cmocka_unit_test(sentences_and_long_lines_are_broken),
		cmocka_unit_test(documents_have_their_parts),
		cmocka_unit_test(options_have_their_meaning),
		cmocka_unit_test(plain_text_has_no_overstrikes),
		cmocka_unit_test(there_are_three_pages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
