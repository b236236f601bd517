#include "webdav/text.h"

#include "core/base/text.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

struct made {
	struct buf title, body;
	int status;
};

static struct made make(const char *path, const char *type, const char *bytes, size_t len)
{
	struct made m = {0};
	struct error err = {0};

	m.status = text_canonical(path, type, bytes, len, &m.title, &m.body, &err);
	assert_int_equal(-err.code, m.status);
	if (m.status == 0) {
		assert_true(text_is_utf8(m.body.data, m.body.len, NULL));
		assert_true(text_is_utf8(m.title.data, m.title.len, NULL));
		buf_adds(&m.title, "");
		buf_adds(&m.body, "");
	}
	return m;
}

static void release(struct made *m)
{
	buf_release(&m->title);
	buf_release(&m->body);
}

static void becomes_of(const char *path, const char *type, const char *bytes, size_t len,
	const char *title, const char *body)
{
	struct made m = make(path, type, bytes, len);

	assert_int_equal(m.status, 0);
	assert_string_equal(m.body.data, body);
	assert_string_equal(m.title.data, title);
	release(&m);
}

#define BECOMES(path, type, bytes, title, body)                                                    \
	becomes_of(path, type, bytes, sizeof(bytes) - 1, title, body)

static void is_no_text(const char *path, const char *bytes, size_t len)
{
	struct made m = make(path, "", bytes, len);

	assert_int_equal(m.status, -ENOTSUP);
	release(&m);
}

static void test_plain(void **state)
{
	(void)state;
	BECOMES("a.txt", "", "", "", "");
	BECOMES("a.txt", "text/plain", "one\r\ntwo\rthree\n", "", "one\ntwo\nthree\n");
	BECOMES("a.py", "", "# comment\nx = 1\n", "", "# comment\nx = 1\n");
	BECOMES("a.txt", "", "tab\there \x1b[1mbold\n", "", "tab\there \x1b[1mbold\n");
}

static void test_byte_order_marks(void **state)
{
	(void)state;
	BECOMES("a.txt", "", "\xef\xbb\xbfgr\xc3\xbc\xc3\x9f", "", "gr\xc3\xbc\xc3\x9f");
	BECOMES("a.txt", "", "\xff\xfeh\0i\0\xfc\0", "", "hi\xc3\xbc");
	BECOMES("a.txt", "", "\xfe\xff\0h\0i\0\xfc", "", "hi\xc3\xbc");
	BECOMES("a.txt", "", "\xff\xfe\0\0h\0\0\0", "", "h");
	BECOMES("a.txt", "", "\xff\xfeh\0i", "", "h\xef\xbf\xbd"); /* cut short */
	BECOMES("a.html", "text/html; charset=latin1", "\xef\xbb\xbf<p>\xc3\xbc", "", "\xc3\xbc\n");
	is_no_text("a.txt", "\xff\xfe\0\0\0\0\0\0", 8);
}

static void test_charsets(void **state)
{
	(void)state;
	BECOMES("a.txt", "", "caf\xe9 \x80 5", "", "caf\xc3\xa9 \xe2\x82\xac 5"); /* Windows-1252 */
	BECOMES("a.txt", "text/plain; charset=KOI8-R", "\xc4\xc1", "", "\xd0\xb4\xd0\xb0");
	BECOMES("a.txt", "text/plain; charset=\"utf-8\"", "\xe9t\xe9", "", "\xc3\xa9t\xc3\xa9");
	BECOMES("a.txt", "text/plain; charset=../../x", "\xc3\xa9", "", "\xc3\xa9");
	BECOMES("a.txt", "text/plain; charset=no-such", "\xc3\xa9", "", "\xc3\xa9");
	BECOMES("a.html", "", "<meta charset=shift_jis><p>\x94\x46\x8f\xd8", "",
		"\xe8\xaa\x8d\xe8\xa8\xbc\n");
	BECOMES("a.html", "",
		"<meta http-equiv=Content-Type content='text/html; charset=iso-8859-1'>\xe9\x93",
		"", "\xc3\xa9\xe2\x80\x9c\n");
	BECOMES("a.html", "", "<meta charset=utf-16><p>\xc3\xa9", "", "\xc3\xa9\n");
	BECOMES("a.xml", "", "<?xml version='1.0' encoding='ISO-8859-15'?><a>\xa4</a>", "",
		"<?xml version='1.0' encoding='ISO-8859-15'?><a>\xe2\x82\xac</a>");
	BECOMES("a.txt", "text/plain; charset=EUC-JP",
		"a\xff\xff"
		"b",
		"",
		"a\xef\xbf\xbd\xef\xbf\xbd"
		"b");
}

static void test_binary(void **state)
{
	unsigned char noise[4096];
	char *large = calloc(1, TEXT_MAX + 1);
	uint32_t x = 1;

	(void)state;
	is_no_text("a.txt", "a\0b", 3);
	is_no_text("a.html", "<p>\0", 4);
	is_no_text("a.pdf", "%PDF-1.4\nabc", 12);
	for (size_t i = 0; i < sizeof(noise); i++) {
		x = x * 1664525 + 1013904223;
		noise[i] = (unsigned char)(x >> 24) ? (unsigned char)(x >> 24) : 1;
	}
	is_no_text("a", (char *)noise, sizeof(noise));
	assert_non_null(large);
	memset(large, 'a', TEXT_MAX + 1);
	is_no_text("a", large, TEXT_MAX + 1);
	free(large);
}

static void test_titles(void **state)
{
	(void)state;
	BECOMES("a.md", "", "text\n# The *Title* ##\n# Other\n", "The *Title*",
		"text\n# The *Title* ##\n# Other\n");
	BECOMES("a.md", "", "```\n# no\n```\n## Yes\n", "Yes", "```\n# no\n```\n## Yes\n");
	BECOMES("a.md", "", "#no\nTitle\n=====\n", "Title", "#no\nTitle\n=====\n");
	BECOMES("a.rst", "", "=====\nTitle\n=====\n", "Title", "=====\nTitle\n=====\n");
	BECOMES("a.md", "", "---\ntitle: \"A B\"\ntags: x\n---\n# C\n", "A B",
		"---\ntitle: \"A B\"\ntags: x\n---\n# C\n");
	BECOMES("a.md", "", "+++\ntitle = 'A'\n+++\n", "A", "+++\ntitle = 'A'\n+++\n");
	BECOMES("a.md", "", "---\ntitle: A\n# B\n", "B", "---\ntitle: A\n# B\n");
	BECOMES("a.md", "", "\xef\xbb\xbf---\r\ntitle: A\r\n---\r\n", "A", "---\ntitle: A\n---\n");
	BECOMES("a.txt", "", "# not markdown\n", "", "# not markdown\n");
	BECOMES("a.md", "", "#\n#  \n", "", "#\n#  \n");
	BECOMES("a.md", "",
		"# a\tb\x01"
		"c\n",
		"a b c",
		"# a\tb\x01"
		"c\n");
}

static void test_html(void **state)
{
	(void)state;
	BECOMES("a.html", "",
		"<!DOCTYPE html><html><head><title> The\n title </title><style>p{}</style>"
		"<script>var a = '<p>no</p>';</script></head><body><h1>Head</h1><p>One\n two "
		"<b>three</b>.</p>"
		"<ul><li>a</li><li>b</li></ul><pre>  x\n   y</pre>end</body></html>",
		"The title", "Head\n\nOne two three.\n\na\nb\n\n  x\n   y\n\nend\n");
	BECOMES("a", "text/html", "<p>a<br>b<div>c</div>d", "", "a\nb\n\nc\nd\n");
	BECOMES("a", "", "  <html><p>&lt;b&gt; &amp; &eacute;&#x8a8d;&nbsp;&hearts;", "",
		"<b> & \xc3\xa9\xe8\xaa\x8d\xc2\xa0\xe2\x99\xa5\n");
	BECOMES("a.html", "", "<table><tr><td>1<td>2<tr><td>3</table>", "", "1 2\n3\n");
	BECOMES("a.html", "", "<p>see <img alt='the plan' src='http://127.0.0.1:9/x.png'> now", "",
		"see the plan now\n");
	BECOMES("a.html", "", "<p>un<b>closed <i>tags</p></b></div></div>here", "",
		"unclosed tags\n\nhere\n");
	BECOMES("a.html", "", "<svg><title>drawing</title></svg>", "drawing", "");
	BECOMES("a.html", "", "plain", "", "plain\n");
	BECOMES("a.html", "", "<!-- only -->", "", "");
}

static void test_html_entities_of_ones_own_are_not_known(void **state)
{
	static const char page[] = "<!DOCTYPE html [<!ENTITY x SYSTEM "
				   "'file:///etc/passwd'><!ENTITY y 'z'>]><p>a&x;b&y;c";
	struct made m = make("a.html", "", page, sizeof(page) - 1);

	(void)state;
	assert_int_equal(m.status, 0);
	assert_non_null(strstr(m.body.data, "a&x;b&y;c\n"));
	release(&m);
}

#define HOSTILE_BYTES ((size_t)2 << 20)

/* Hostile pages: no more time or memory than their size is worth. */

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void survives(const char *what, const char *head, const char *repeated, size_t size)
{
	struct buf page = BUF_INIT;
	struct made m;
	double began;

	buf_adds(&page, "<html><body>first ");
	buf_adds(&page, head);
	while (page.len + strlen(repeated) < size)
		buf_adds(&page, repeated);
	began = seconds();
	m = make("a.html", "", page.data, page.len);
	if (getenv("SHOW_TIMES"))
		printf("%s: %.2f s, %zu bytes\n", what, seconds() - began, m.body.len);
	assert_int_equal(m.status, 0);
	assert_non_null(strstr(m.body.data, "first"));
	assert_true(m.body.len <= page.len);
	assert_true(m.title.len <= 512);
	release(&m);
	buf_release(&page);
}

static void test_hostile_html(void **state)
{
	(void)state;
	survives("deep", "", "<div>", HOSTILE_BYTES);
	survives("deep inline", "", "<b>", HOSTILE_BYTES);
	survives("unmatched", "", "</b>", HOSTILE_BYTES);
	survives("paragraphs", "", "<p>", HOSTILE_BYTES);
	survives("lists", "", "<ul><li>", HOSTILE_BYTES);
	survives("tables", "", "<table><tr><td>", HOSTILE_BYTES);
	survives("unknown", "", "<x y>", HOSTILE_BYTES);
	survives("attribute", "<a href='", "x", HOSTILE_BYTES);
	survives("attribute without quotes", "<a href=", "x", HOSTILE_BYTES);
	survives("attributes", "<a ", "b=c ", HOSTILE_BYTES);
	survives("a name", "<", "a", HOSTILE_BYTES);
	survives("entities", "", "&amp;", HOSTILE_BYTES);
	survives("unknown entities", "", "&x;", HOSTILE_BYTES);
	survives("a long entity", "&", "x", HOSTILE_BYTES);
	survives("a comment", "<!--", "-", HOSTILE_BYTES);
	survives("comments", "", "<!-->", HOSTILE_BYTES);
	survives("a script", "<script>", "</x", HOSTILE_BYTES);
	survives("opening", "", "<", HOSTILE_BYTES);
	survives("doctype", "", "<!", HOSTILE_BYTES);
	survives("instructions", "", "<?x", HOSTILE_BYTES);
	survives("a title", "<title>", "x", HOSTILE_BYTES);
	survives("references", "", "&#", HOSTILE_BYTES);
	survives("a reference", "&#", "1", HOSTILE_BYTES);
	survives("breaks", "", "<br>x", HOSTILE_BYTES);
	survives("frames", "</body><frameset>", "<frameset></b>", HOSTILE_BYTES);
}

static void test_hostile_depth_and_ends(void **state)
{
	struct buf head = BUF_INIT;

	(void)state;
	for (int i = 0; i < 900; i++)
		buf_adds(&head, "<i>");
	survives("ends without a start, inside", head.data, "</b>", HOSTILE_BYTES);
	survives("starts and ends, inside", head.data, "<b></b>", HOSTILE_BYTES);
	buf_release(&head);
}

/* Any bytes: nothing crashes, and what comes out is UTF-8. */
static void test_mutations(void **state)
{
	static const char seed[] = "<!DOCTYPE html><html><head><title>T</title><meta charset=utf-8>"
				   "</head><body><p class='a'>x &amp; &#65;<pre>\n y</pre><!-- c "
				   "--><table><tr><td>1</table>"
				   "<script>s</script></body></html>\n---\ntitle: x\n---\n# h\n";
	static const char *const paths[] = {"a.html", "a.md", "a.txt", "a.xml"};
	char bytes[sizeof(seed)];
	uint32_t x = 7;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		struct made m;
		size_t from, len;

		memcpy(bytes, seed, sizeof(seed));
		for (int k = 0; k < 4; k++) {
			x = x * 1664525 + 1013904223;
			bytes[(x >> 8) % (sizeof(seed) - 1)] =
				k & 1 ? (char)(x >> 24) : seed[(x >> 20) % (sizeof(seed) - 1)];
		}
		from = i % 3 ? 0 : (x >> 9) % sizeof(seed);
		len = sizeof(seed) - 1 - (from < sizeof(seed) ? from : 0);
		m = make(paths[i % 4], "", bytes + from, len);
		assert_true(m.status == 0 || m.status == -ENOTSUP);
		release(&m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_byte_order_marks),
		cmocka_unit_test(test_charsets),
		cmocka_unit_test(test_binary),
		cmocka_unit_test(test_titles),
		cmocka_unit_test(test_html),
		cmocka_unit_test(test_html_entities_of_ones_own_are_not_known),
		cmocka_unit_test(test_hostile_html),
		cmocka_unit_test(test_hostile_depth_and_ends),
		cmocka_unit_test(test_mutations),
	};

	return cmocka_run_group_tests_name("text_canonical", tests, NULL, NULL);
}
