#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "webdav/uri.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BASE "http://dav.example:8080/dav/my%20docs/"

static struct uri_base *base_of(const char *url)
{
	struct uri_base *base = NULL;
	struct error err = {0};

	if (uri_base_new(url, &base, &err) < 0)
		fail_msg("%s: %s", url, err.text);
	return base;
}

/* The href, in the listing of `dir`, means the path; a slash at its end, if it ended in one. */
static void means_in(const char *url, const char *dir, const char *href, const char *expected)
{
	struct uri_base *base = base_of(url);
	size_t len = strlen(expected);
	bool slash = len > 0 && expected[len - 1] == '/';
	char *copy = malloc(strlen(href)); /* no byte more, so that reading past it shows */
	struct uri_path *path = malloc(sizeof(*path));
	struct error err = {0};

	assert_non_null(copy);
	assert_non_null(path);
	memcpy(copy, href, strlen(href));
	if (uri_path(base, dir, copy, strlen(href), path, &err) < 0)
		fail_msg("%s: %s", href, err.text);
	len -= slash && len > 1;
	if (strcmp(expected, "/") == 0)
		len = 0;
	assert_int_equal(path->len, len);
	assert_int_equal(strlen(path->text), len);
	assert_memory_equal(path->text, expected, len);
	assert_int_equal(path->slash, slash);
	free(copy);
	free(path);
	uri_base_free(base);
}

static void means(const char *href, const char *expected)
{
	means_in(BASE, "", href, expected);
}

/* It is refused so, in words, and the path is untouched. */
static void refused_in(const char *url, const char *dir, const char *href, size_t len, int rc)
{
	struct uri_base *base = base_of(url);
	struct uri_path path = {.len = 77, .text = "as it was"};
	struct error err = {0};
	char *copy = malloc(len);

	assert_non_null(copy);
	memcpy(copy, href, len);
	if (uri_path(base, dir, copy, len, &path, &err) != rc)
		fail_msg("%s: %d, not %d: %s", href, -err.code, rc, err.text);
	assert_int_equal(err.code, -rc);
	assert_string_not_equal(err.text, "");
	assert_int_equal(path.len, 77);
	assert_string_equal(path.text, "as it was");
	assert_int_equal(uri_path(base, dir, copy, len, &path, NULL), rc);
	free(copy);
	uri_base_free(base);
}

static void refused(const char *href, int rc)
{
	refused_in(BASE, "", href, strlen(href), rc);
}

static void absolute_path(void **state)
{
	(void)state;
	means("/dav/my%20docs/a.md", "a.md");
	means("/dav/my%20docs/a/b/c.md", "a/b/c.md");
	means("/dav/my%20docs/a/", "a/");
	means("/dav/my%20docs/", "/");
	means("/dav/my%20docs", "");
	means_in("http://h", "", "/", "/");
	means_in("http://h", "", "/a", "a");
	means_in("http://h/", "", "/", "/");
}

static void absolute_url(void **state)
{
	(void)state;
	means("http://dav.example:8080/dav/my%20docs/a.md", "a.md");
	means("HTTP://DAV.Example:8080/dav/my%20docs/a/", "a/");
	means_in("http://h/", "", "http://h", "");
	means_in("http://h/", "", "http://h:80/a", "a");
	means_in("http://h:80/", "", "http://h/a", "a");
	means_in("https://h/", "", "https://h:443/a", "a");
	means_in("https://h:443/", "", "https://H/a", "a");
	means_in("http://[::1]:81/", "", "http://[::1]:81/a", "a");
	means_in("http://127.0.0.1:81/", "", "http://127.0.0.1:81/a", "a");
}

static void encoded_as_they_please(void **state)
{
	(void)state;
	means("/dav/my docs/a b.md", "a b.md");
	means("/%64av/my%20docs/%61.md", "a.md");
	means("/dav/my%20docs/gr%c3%b6%C3%9Fe", "größe");
	means("/dav/my%20docs/größe", "größe");
	means("/dav/my%20docs/100%25", "100%");
	means("/dav/my%20docs/50%2525", "50%25");
	means("/dav/my%20docs/%23%3F%22%27%26;,:@!$()*+=", "#?\"'&;,:@!$()*+=");
	means("/dav/my%20docs/[b]{c}|^`\\<>\"'", "[b]{c}|^`\\<>\"'");
	means("/dav/my%20docs/back%5cslash", "back\\slash");
	means("/dav/my%20docs/...", "...");
	means("/dav/my%20docs/.hidden", ".hidden");
	means("/dav/my%20docs/..a/b..", "..a/b..");
	means("/dav/my%20docs/%252e%252e/a", "%2e%2e/a");
	means("/dav/my%20docs/a+b", "a+b");
}

static void slashes_in_a_row_are_one(void **state)
{
	(void)state;
	means("/dav//my%20docs///a//b.md", "a/b.md");
	means("/dav/my%20docs//a//", "a/");
	means("http://dav.example:8080//dav/my%20docs/a", "a");
}

static void doubled_base_is_a_path(void **state)
{
	(void)state;
	means("/dav/my%20docs/dav/my%20docs/a", "dav/my docs/a");
	means("/dav/my%20docs//dav/my%20docs/", "dav/my docs/");
}

static void relative(void **state)
{
	(void)state;
	means("a.md", "a.md");
	means("a/b/", "a/b/");
	means_in(BASE, "sub dir", "a%20b.md", "sub dir/a b.md");
	means_in(BASE, "a/b", "c/", "a/b/c/");
	means_in(BASE, "sub", "/dav/my%20docs/sub/a", "sub/a");
}

static void base_of_every_shape(void **state)
{
	(void)state;
	means_in("http://h/a/../dav/./x", "", "/dav/x/y", "y");
	means_in("http://h/d%C3%A4v", "", "/däv/y", "y");
	means_in("http://h/däv", "", "/d%c3%a4v/y", "y");
	means_in("http://h/a//b/", "", "/a/b/y", "y");
	means_in("http://h/a b", "", "/a%20b/y", "y");
	means_in("http://h/a#fragment", "", "/a/y", "y");
}

static void dots(void **state)
{
	static const char *const hrefs[] = {"/dav/my%20docs/../a", "/dav/my%20docs/a/../../b",
		"/dav/my%20docs/./a", "/dav/my%20docs/a/..", "/dav/my%20docs/a/.",
		"/dav/my%20docs/%2e%2e/a", "/dav/my%20docs/%2E%2e/a", "/dav/my%20docs/.%2e/a",
		"/dav/my%20docs/%2e/a", "/dav/../dav/my%20docs/a", "../a", "a/../b", "..", ".",
		"./a", "http://dav.example:8080/../dav/my%20docs/a"};

	(void)state;
	for (size_t i = 0; i < sizeof(hrefs) / sizeof(*hrefs); i++)
		refused(hrefs[i], -EINVAL);
	refused("/dav/my%20docs/%2e%2e%2fa", -EINVAL);
	refused("/dav/my%20docs/..%2fa", -EINVAL);
	refused("/../etc/passwd", -EINVAL);
}

static void encoded_slash(void **state)
{
	(void)state;
	refused("/dav/my%20docs/a%2fb", -EINVAL);
	refused("/dav/my%20docs/a%2Fb", -EINVAL);
	refused("/dav%2fmy%20docs/a", -EINVAL);
	refused("%2fetc", -EINVAL);
}

static void nul(void **state)
{
	(void)state;
	refused("/dav/my%20docs/a%00.md", -EINVAL);
	refused("/dav/my%20docs/%00", -EINVAL);
	refused_in(BASE, "", "/dav/my%20docs/a\0b", 18, -EINVAL);
	refused_in(BASE, "", "\0", 1, -EINVAL);
}

static void control_characters(void **state)
{
	static const char *const hrefs[] = {"/dav/my%20docs/a%0Ab", "/dav/my%20docs/a\nb",
		"/dav/my%20docs/%1b[31m", "/dav/my%20docs/%7f", "/dav/my%20docs/%C2%85",
		"/dav/my%20docs/%E2%80%A8", "/dav/my%20docs/\t"};

	(void)state;
	for (size_t i = 0; i < sizeof(hrefs) / sizeof(*hrefs); i++)
		refused(hrefs[i], -EINVAL);
}

static void invalid_utf8(void **state)
{
	static const char *const hrefs[] = {"/dav/my%20docs/%ff", "/dav/my%20docs/%C3",
		"/dav/my%20docs/%C3/%B6", "/dav/my%20docs/%c0%ae%c0%ae", "/dav/my%20docs/gr\xf6",
		"/dav/my%20docs/%ed%a0%80", "/dav/my%20docs/%c0%af"};

	(void)state;
	for (size_t i = 0; i < sizeof(hrefs) / sizeof(*hrefs); i++)
		refused(hrefs[i], -EINVAL);
}

static void bad_percent(void **state)
{
	static const char *const hrefs[] = {"/dav/my%20docs/100%", "/dav/my%20docs/%4",
		"/dav/my%20docs/%zz", "/dav/my%20docs/%4g", "/dav/my%20docs/%/a", "%",
		"/dav/my%20docs/%u0041"};

	(void)state;
	for (size_t i = 0; i < sizeof(hrefs) / sizeof(*hrefs); i++)
		refused(hrefs[i], -EINVAL);
}

static void query_or_fragment(void **state)
{
	(void)state;
	refused("/dav/my%20docs/a?b", -EINVAL);
	refused("/dav/my%20docs/a#b", -EINVAL);
	refused("?", -EINVAL);
	refused("", -EINVAL);
}

static void another_host(void **state)
{
	static const char *const hrefs[] = {"//dav.example:8080/dav/my%20docs/a", "//evil/a",
		"//dav/my%20docs/a", "http://evil.example:8080/dav/my%20docs/a",
		"http://dav.example:8080.evil/dav/my%20docs/a",
		"http://dav.example/dav/my%20docs/a", "http://dav.example:8081/dav/my%20docs/a",
		"http://dav.example:8080@evil/dav/my%20docs/a",
		"http://u:p@dav.example:8080/dav/my%20docs/a",
		"http://evil\\@dav.example:8080/dav/my%20docs/a", "http:///dav/my%20docs/a", "///a",
		"http://", "http:", "http:/dav/my%20docs/a", "http://[::1/dav/my%20docs/a",
		"http://dav.example:99999/dav/my%20docs/a", "http://169.254.169.254/latest"};

	(void)state;
	for (size_t i = 0; i < sizeof(hrefs) / sizeof(*hrefs); i++)
		refused(hrefs[i], -EXDEV);
}

static void another_scheme(void **state)
{
	static const char *const hrefs[] = {"https://dav.example:8080/dav/my%20docs/a",
		"file:///etc/passwd", "file:/etc/passwd", "ftp://dav.example:8080/dav/my%20docs/a",
		"javascript:alert(1)", "urn:uuid:1", "gopher://dav.example:8080/", "c:\\windows"};

	(void)state;
	for (size_t i = 0; i < sizeof(hrefs) / sizeof(*hrefs); i++)
		refused(hrefs[i], -EXDEV);
	refused_in("https://h/", "", "http://h/a", 10, -EXDEV);
}

static void outside_the_base(void **state)
{
	static const char *const hrefs[] = {"/", "/dav", "/dav/", "/dav/my%20doc/a",
		"/dav/my%20docs2/a", "/dav/other/a", "/DAV/my%20docs/a", "/a",
		"http://dav.example:8080/", "http://dav.example:8080"};

	(void)state;
	for (size_t i = 0; i < sizeof(hrefs) / sizeof(*hrefs); i++)
		refused(hrefs[i], -EXDEV);
}

static void repeat(struct buf *b, const char *text, size_t times)
{
	for (size_t i = 0; i < times; i++)
		buf_adds(b, text);
}

/* "/" and times of `text`, then `more`: as much is taken below http://h/, and nothing more. */
static void bounded(const char *text, size_t times, const char *more)
{
	struct buf b = BUF_INIT;

	buf_adds(&b, "/");
	repeat(&b, text, times);
	means_in("http://h/", "", b.data, b.data + 1);
	buf_adds(&b, more);
	refused_in("http://h/", "", b.data, b.len, -ENAMETOOLONG);
	buf_release(&b);
}

static void lengths(void **state)
{
	char part[DAV_NAME_MAX + 2];
	struct buf b = BUF_INIT;

	(void)state;
	bounded("x", DAV_NAME_MAX, "x");
	bounded("d/", DAV_DEPTH_MAX, "d");
	memset(part, 'x', DAV_NAME_MAX);
	memcpy(part + DAV_NAME_MAX, "/", 2);
	bounded(part, DAV_PATH_MAX / (DAV_NAME_MAX + 1), "d"); /* 4095 bytes, and 4097 */
	repeat(&b, "%41", DAV_NAME_MAX);
	memset(part, 'A', DAV_NAME_MAX);
	part[DAV_NAME_MAX] = '\0';
	means_in("http://h/", "", b.data, part);
	buf_reset(&b);
	buf_adds(&b, "/a");
	repeat(&b, "/", DAV_HREF_MAX - 2);
	means_in("http://h/", "", b.data, "a/");
	buf_adds(&b, "/");
	refused_in("http://h/", "", b.data, b.len, -ENAMETOOLONG);
	buf_release(&b);
}

static void relative_lengths(void **state)
{
	struct buf dir = BUF_INIT;

	(void)state;
	repeat(&dir, "d/", DAV_DEPTH_MAX - 2);
	buf_addc(&dir, 'd');
	refused_in("http://h/", dir.data, "e/f", 3, -ENAMETOOLONG);
	buf_adds(&dir, "/e");
	means_in("http://h/", dir.data, "/f", "f");
	refused_in("http://h/", dir.data, "f", 1, -ENAMETOOLONG);
	buf_reset(&dir);
	repeat(&dir, "dddddddddddddddd/", DAV_PATH_MAX / 17);
	buf_addc(&dir, 'd');
	refused_in("http://h/", dir.data, "eeeeeeeeeeeeeeee", 16, -ENAMETOOLONG);
	buf_release(&dir);
}

static void url_is(const char *url, const char *path, bool slash, const char *expected)
{
	struct uri_base *base = base_of(url);
	struct buf b = BUF_INIT;

	uri_url(base, path, slash, &b);
	assert_int_equal(buf_error(&b), 0);
	assert_string_equal(b.data, expected);
	buf_release(&b);
	uri_base_free(base);
}

static void urls(void **state)
{
	(void)state;
	url_is("http://h", "", false, "http://h/");
	url_is("http://h/", "", true, "http://h/");
	url_is("http://h/d", "a", true, "http://h/d/a/");
	url_is("http://h:80/d/", "a/b c.md", false, "http://h/d/a/b%20c.md");
	url_is("https://h:8443/d/", "größe", false, "https://h:8443/d/gr%C3%B6%C3%9Fe");
	url_is("http://h/", "100%25#?&;\"'\\", false, "http://h/100%2525%23%3F%26%3B%22%27%5C");
	url_is("http://h/", "-._~AZaz09", false, "http://h/-._~AZaz09");
	url_is("http://h/a b/ö", "c", false, "http://h/a%20b/%c3%b6/c");
	url_is("http://h/~kim/(docs)/", "c", false, "http://h/~kim/(docs)/c");
}

/* Every character a name may have comes back as it went. */
static void urls_come_back(void **state)
{
	struct uri_base *base = base_of(BASE);
	struct buf url = BUF_INIT;
	struct uri_path path;

	(void)state;
	for (unsigned c = 0x20; c < 0x7f; c++) {
		char name[] = {'x', (char)c, 'y', '\0'};

		if (c == '/')
			continue;
		buf_reset(&url);
		uri_url(base, name, false, &url);
		assert_int_equal(uri_path(base, "", url.data, url.len, &path, NULL), 0);
		assert_string_equal(path.text, name);
	}
	buf_release(&url);
	uri_base_free(base);
}

static void base_url(void **state)
{
	struct uri_base *base = base_of("HTTP://H.example:80/a/../d");

	(void)state;
	assert_string_equal(uri_base_url(base), "http://H.example/d/");
	uri_base_free(base);
	uri_base_free(NULL);
}

static void base_refused(void **state)
{
	static const char *const urls[] = {"", "/dav", "dav.example/dav", "file:///etc", "ftp://h/",
		"http://", "http://u:p@h/", "http://u@h/", "http://h/?a=b", "http://h/?",
		"http://h/%2e%2e/a", "http://h/a%2fb", "http://h/%00", "http://h/%ff",
		"http://h/a\nb", "http://h/%zz", "http://h:99999/", "gopher://h/"};
	struct uri_base *base = NULL;
	struct error err;

	(void)state;
	for (size_t i = 0; i < sizeof(urls) / sizeof(*urls); i++) {
		err = (struct error){0};
		if (uri_base_new(urls[i], &base, &err) != -EINVAL)
			fail_msg("%s: %d", urls[i], err.code);
		assert_memory_equal(err.text, "url: ", 5);
		assert_null(base);
	}
	assert_int_equal(uri_base_new("http://u:canary@h/", &base, &err), -EINVAL);
	assert_null(strstr(err.text, "canary"));
}

static void child(void **state)
{
	(void)state;
	assert_string_equal(uri_child("", "a"), "a");
	assert_string_equal(uri_child("a/b", "a/b/c.md"), "c.md");
	assert_null(uri_child("", ""));
	assert_null(uri_child("", "a/b"));
	assert_null(uri_child("a", "a"));
	assert_null(uri_child("a", ""));
	assert_null(uri_child("a/b", "a"));
	assert_null(uri_child("a/b", "a/c"));
	assert_null(uri_child("a", "ab"));
	assert_null(uri_child("a", "ab/c"));
	assert_null(uri_child("a", "a/b/c"));
}

static void leads(const char *from, const char *location, const char *expected)
{
	struct uri_base *base = base_of(BASE);
	struct buf b = BUF_INIT;
	struct error err = {0};

	if (uri_redirect(base, from, location, &b, &err) < 0)
		fail_msg("%s: %s", location, err.text);
	assert_string_equal(b.data, expected);
	buf_release(&b);
	uri_base_free(base);
}

static void redirects(void **state)
{
	(void)state;
	leads(BASE "a", "http://dav.example:8080/x", "http://dav.example:8080/x");
	leads(BASE "a", "http://DAV.example:8080/x#f", "http://DAV.example:8080/x");
	leads(BASE "a", "/x/../y z?q=1", "http://dav.example:8080/y%20z?q=1");
	leads(BASE "a", "a/", BASE "a/");
	leads(BASE "a/b", "../c", BASE "c");
	leads(BASE "a", "//dav.example:8080/x", "http://dav.example:8080/x");
}

static void redirects_elsewhere(void **state)
{
	static const char *const locations[] = {"http://evil/", "//evil/", "//169.254.169.254/",
		"https://dav.example:8080/dav/", "http://dav.example/", "http://dav.example:81/",
		"file:///etc/passwd", "gopher://dav.example:8080/", "ldap://dav.example:8080/",
		"nonsense:x"};
	struct uri_base *base = base_of(BASE);
	struct buf b = BUF_INIT;
	struct error err;

	(void)state;
	for (size_t i = 0; i < sizeof(locations) / sizeof(*locations); i++) {
		err = (struct error){0};
		if (uri_redirect(base, BASE "a", locations[i], &b, &err) != -EXDEV)
			fail_msg("%s: %d %s", locations[i], err.code, err.text);
		assert_int_equal(err.code, EXDEV);
		assert_int_equal(b.len, 0);
	}
	assert_int_equal(uri_redirect(base, BASE, "http://evil/x?token=canary", &b, &err), -EXDEV);
	assert_null(strstr(err.text, "canary"));
	assert_int_equal(
		uri_redirect(base, BASE, "http://u:canary@dav.example:8080/", &b, &err), -EINVAL);
	assert_null(strstr(err.text, "canary"));
	assert_int_equal(uri_redirect(base, BASE, "", &b, &err), -EINVAL);
	assert_int_equal(uri_redirect(base, BASE, "/a\nb", &b, &err), -EINVAL);
	buf_release(&b);
	uri_base_free(base);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(absolute_path),
		cmocka_unit_test(absolute_url),
		cmocka_unit_test(encoded_as_they_please),
		cmocka_unit_test(slashes_in_a_row_are_one),
		cmocka_unit_test(doubled_base_is_a_path),
		cmocka_unit_test(relative),
		cmocka_unit_test(base_of_every_shape),
		cmocka_unit_test(dots),
		cmocka_unit_test(encoded_slash),
		cmocka_unit_test(nul),
		cmocka_unit_test(control_characters),
		cmocka_unit_test(invalid_utf8),
		cmocka_unit_test(bad_percent),
		cmocka_unit_test(query_or_fragment),
		cmocka_unit_test(another_host),
		cmocka_unit_test(another_scheme),
		cmocka_unit_test(outside_the_base),
		cmocka_unit_test(lengths),
		cmocka_unit_test(relative_lengths),
		cmocka_unit_test(urls),
		cmocka_unit_test(urls_come_back),
		cmocka_unit_test(base_url),
		cmocka_unit_test(base_refused),
		cmocka_unit_test(child),
		cmocka_unit_test(redirects),
		cmocka_unit_test(redirects_elsewhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
