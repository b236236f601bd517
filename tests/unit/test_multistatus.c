/* Listings as servers send them: what they tell of their members. */
#include "tests/unit/file_bytes.h"
#include "tests/unit/multistatus_dump.h"
#include "webdav/multistatus.h"
#include "webdav/uri.h"

#include <errno.h>
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define DATA "tests/data/multistatus/"
#define OPEN "<multistatus xmlns=\"DAV:\">"
#define END  "</multistatus>"
#define ONE  "<response><href>/d/a</href><status>HTTP/1.1 200 OK</status></response>"

/* What a file that the parser takes tells: `expected` are the dump's lines. */
static void file_tells(const char *path, int rc, const char *expected)
{
	struct bytes body = load_file(path);
	struct dump dump;

	dump_parse(&dump, body.data, body.len, 0, 0);
	assert_int_equal(dump.rc, rc);
	assert_string_equal(dump.text.data, expected);
	dump_release(&dump);
	free(body.data);
}

/* What the properties or whatever else `inside` a <response> tell; with the href /d/a before. */
static void member_tells(const char *inside, const char *expected)
{
	struct buf body = BUF_INIT;
	struct dump dump;

	buf_addf(&body, OPEN "<response><href>/d/a</href>%s</response>" END, inside);
	dump_parse(&dump, body.data, body.len, 0, 0);
	assert_string_equal(dump.error.text, "");
	assert_int_equal(dump.rc, 0);
	assert_string_equal(dump.text.data, expected);
	dump_release(&dump);
	buf_release(&body);
}

static void prop_tells(const char *prop, const char *expected)
{
	char inside[1024];

	assert_true(snprintf(inside, sizeof(inside),
			    "<propstat><prop>%s</prop><status>HTTP/1.1 200 OK</status></propstat>",
			    prop) < (int)sizeof(inside));
	member_tells(inside, expected);
}

/* The tree that the four servers were asked for: file i has i bytes and is of second 1700000000 +
 * i. */
static const char *const names[] = {"plain.md", "a b.md", "100%.txt", "50%25.txt", "c#d.txt",
	"e?f.txt", "quote\"'.md", "größe.md", "日本語.md", "amp&lt<gt>.md",
	"semi;a=b+c@:,$!*().txt", "back\\slash.txt", "...", "-dash", ".hidden", "~t", NULL,
	"[b]{c}|^`.md", "cafe\u0301.md"};
#define NAMES (sizeof(names) / sizeof(*names))

struct seen {
	struct uri_base *base;
	bool etags;
	size_t files, dirs;
};

static void file_seen(const struct seen *seen, const struct dav_member *m, const char *name)
{
	size_t i = 0;

	while (i < NAMES && names[i] != NULL && strcmp(names[i], name) != 0)
		i++;
	if (i < NAMES && names[i] == NULL && strlen(name) != DAV_NAME_MAX)
		for (i++; i < NAMES && strcmp(names[i], name) != 0;)
			i++;
	if (i == NAMES)
		fail_msg("%.*s is not there", (int)m->href_len, m->href);
	assert_int_equal(m->size, i);
	assert_int_equal(m->modified_us, (int64_t)(1700000000 + i) * 1000000);
	assert_int_equal(m->etag != NULL, seen->etags);
}

static int see(void *arg, const struct dav_member *m, struct error *err)
{
	struct seen *seen = arg;
	struct uri_path path;

	if (uri_path(seen->base, "", m->href, m->href_len, &path, err) < 0)
		return -err->code;
	assert_int_equal(m->status, 200);
	assert_true(m->has_kind);
	assert_int_equal(m->is_collection, path.slash);
	if (m->is_collection) {
		assert_true(path.len == 0 || strcmp(path.text, "sub dir") == 0 ||
			    strcmp(path.text, "leer") == 0);
		seen->dirs++;
		return 0;
	}
	assert_ptr_equal(uri_child("", path.text), path.text);
	file_seen(seen, m, path.text);
	seen->files++;
	return 0;
}

static void server(const char *path, size_t files, bool etags)
{
	struct seen seen = {.etags = etags};
	struct bytes body = load_file(path);
	struct multistatus *ms;
	struct error err = {0};

	assert_int_equal(uri_base_new("http://127.0.0.1:80/dav/", &seen.base, &err), 0);
	assert_int_equal(multistatus_new(see, &seen, &ms), 0);
	if (multistatus_feed(ms, body.data, body.len, &err) < 0)
		fail_msg("%s: %s", path, err.text);
	assert_int_equal(multistatus_finish(ms, &err), 0);
	assert_int_equal(seen.files, files);
	assert_int_equal(seen.dirs, 3);
	assert_null(multistatus_sync_token(ms));
	multistatus_free(ms);
	uri_base_free(seen.base);
	free(body.data);
}

static void apache(void **state)
{
	(void)state;
	server(DATA "apache.xml", NAMES, true);
}

static void lighttpd(void **state)
{
	(void)state;
	server(DATA "lighttpd.xml", NAMES, true);
}

static void nginx(void **state)
{
	(void)state;
	server(DATA "nginx.xml", NAMES - 2, false); /* no names with a dot at their beginning */
}

static void rclone(void **state)
{
	(void)state;
	server(DATA "rclone.xml", NAMES, true);
}

static void nextcloud(void **state)
{
	(void)state;
	file_tells(DATA "nextcloud.xml", 0,
		"/remote.php/dav/files/kim/Documents/ 200 d \"6553f0d0d1b2c\" -1 1700000000000000"
		" - 0\n"
		"/remote.php/dav/files/kim/Documents/Example.md 200 f \"6f2e1b8a7cde4\" 1095"
		" 1700000001000000 text/markdown 0\n"
		"0 -\n");
}

/* RFC 6578, sections 3.8, 3.10 and 3.2. */
static void sync_collection(void **state)
{
	(void)state;
	file_tells(DATA "sync-collection.xml", 0,
		"http://webdav.example.com/home/cyrusdaboo/test.doc 200 ? \"00001-abcd1\" -1 0 -"
		" 0\n"
		"/home/cyrusdaboo/vcard.vcf 200 ? W/\"00002-abcd1\" -1 0 - 0\n"
		"/home/cyrusdaboo/gone.xml 404 ? - -1 0 - 0\n"
		"0 http://example.com/ns/sync/1234\n");
	file_tells(DATA "sync-page.xml", 0,
		"/home/a.md 200 f \"1\" -1 0 - 0\n"
		"/home/ 507 ? - -1 0 - 2\n"
		"0 http://example.com/ns/sync/1233\n");
	file_tells(DATA "token-error.xml", -EREMOTEIO, "1 -\n");
}

/* 403, 423 and 207 for single members, several hrefs, other namespaces, an href inside location. */
static void mixed(void **state)
{
	(void)state;
	file_tells(DATA "mixed.xml", 0,
		"/d/forbidden/ 403 ? - -1 0 - 0\n"
		"/d/locked 423 ? - -1 0 - 0\n"
		"/d/locked%20too 423 ? - -1 0 - 0\n"
		"/d/a&b.md 200 f - 12 0 - 0\n"
		"/d/größe&c.md 207 d - -1 0 - 0\n"
		"/d/denied 403 ? - -1 0 - 0\n"
		"0 -\n");
}

static void charsets(void **state)
{
	(void)state;
	file_tells(DATA "utf16.xml", 0, "/d/größe 日本語.md 200 ? - -1 0 - 0\n0 -\n");
	file_tells(DATA "latin1.xml", 0, "/d/größe.md 200 ? - -1 0 - 0\n0 -\n");
}

static void statuses(void **state)
{
	(void)state;
	member_tells("<status>HTTP/1.1 404 Not Found</status>", "/d/a 404 ? - -1 0 - 0\n0 -\n");
	member_tells("<status>HTTP/2 204</status>", "/d/a 204 ? - -1 0 - 0\n0 -\n");
	member_tells("<status> HTTP/1.1  200 OK\n</status>", "/d/a 200 ? - -1 0 - 0\n0 -\n");
	member_tells("<status>200 OK</status>", "/d/a 0 ? - -1 0 - 0\n0 -\n");
	member_tells("<status>HTTP/1.1 2000 OK</status>", "/d/a 0 ? - -1 0 - 0\n0 -\n");
	member_tells("<status>HTTP/1.1 20</status>", "/d/a 0 ? - -1 0 - 0\n0 -\n");
	member_tells("<status>HTTP/1.1 099 x</status>", "/d/a 0 ? - -1 0 - 0\n0 -\n");
	member_tells("<status>HTTP/1.1 700 x</status>", "/d/a 0 ? - -1 0 - 0\n0 -\n");
	member_tells("<status>HTTP/1.1</status>", "/d/a 0 ? - -1 0 - 0\n0 -\n");
	member_tells("<status/>", "/d/a 0 ? - -1 0 - 0\n0 -\n");
	member_tells("", "/d/a 0 ? - -1 0 - 0\n0 -\n");
	member_tells("<status>HTTP/1.1 403 No</status><error><whatever/></error>",
		"/d/a 403 ? - -1 0 - 8\n0 -\n");
}

/* Only a 2xx makes properties known; the first failure is told where there is none. */
static void propstats(void **state)
{
	(void)state;
	member_tells("<propstat><prop><getetag>\"e\"</getetag></prop>"
		     "<status>HTTP/1.1 404 no</status></propstat>"
		     "<propstat><prop><getcontentlength>5</getcontentlength></prop>"
		     "<status>HTTP/1.1 200 OK</status></propstat>",
		"/d/a 200 ? - 5 0 - 0\n0 -\n");
	member_tells("<propstat><status>HTTP/1.1 200 OK</status>"
		     "<prop><getcontentlength>5</getcontentlength></prop></propstat>"
		     "<propstat><prop><getetag>\"e\"</getetag><getcontentlength/></prop>"
		     "<status>HTTP/1.1 403 no</status></propstat>",
		"/d/a 200 ? - 5 0 - 0\n0 -\n");
	member_tells("<propstat><prop/><status>HTTP/1.1 200 OK</status></propstat>"
		     "<propstat><prop><resourcetype/></prop>"
		     "<status>HTTP/1.1 200 OK</status></propstat>",
		"/d/a 200 f - -1 0 - 0\n0 -\n");
	member_tells("<propstat><prop><getetag/></prop><status>HTTP/1.1 403 no</status></propstat>"
		     "<propstat><prop><x/></prop><status>HTTP/1.1 404 no</status></propstat>",
		"/d/a 403 ? - -1 0 - 0\n0 -\n");
	member_tells("<propstat><prop><getetag>\"e\"</getetag></prop></propstat>",
		"/d/a 0 ? - -1 0 - 0\n0 -\n");
}

/* What one member told is not the next one's. */
static void members_are_apart(void **state)
{
	static const char body[] =
		OPEN "<response><href>/a</href><propstat><prop><resourcetype><collection/></"
		     "resourcetype>"
		     "<getetag>\"e\"</getetag><getcontentlength>1</getcontentlength>"
		     "<getcontenttype>t/t</getcontenttype>"
		     "<getlastmodified>Sun, 06 Nov 1994 08:49:37 GMT</getlastmodified></prop>"
		     "<status>HTTP/1.1 200 OK</status></propstat><error><x/></error></response>"
		     "<response><href>/b</href><propstat><prop/><status>HTTP/1.1 200 OK</status>"
		     "</propstat></response>" END;
	struct dump dump;

	(void)state;
	dump_parse(&dump, body, strlen(body), 0, 0);
	assert_string_equal(dump.text.data,
		"/a 200 d \"e\" 1 784111777000000 t/t 8\n/b 200 ? - -1 0 - 0\n0 -\n");
	dump_release(&dump);
}

static void sizes(void **state)
{
	static const char *const bad[] = {"-1", "1.5", "0x10", "1e3", "9223372036854775808", "",
		"99999999999999999999999", "1 2", "+1"};
	char prop[128];

	(void)state;
	prop_tells("<getcontentlength>0</getcontentlength>", "/d/a 200 ? - 0 0 - 0\n0 -\n");
	prop_tells("<getcontentlength> 9223372036854775807\n</getcontentlength>",
		"/d/a 200 ? - 9223372036854775807 0 - 0\n0 -\n");
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		snprintf(prop, sizeof(prop), "<getcontentlength>%s</getcontentlength>", bad[i]);
		prop_tells(prop, "/d/a 200 ? - -1 0 - 0\n0 -\n");
	}
}

static void etags(void **state)
{
	(void)state;
	prop_tells("<getetag>unquoted</getetag>", "/d/a 200 ? unquoted -1 0 - 0\n0 -\n");
	prop_tells("<getetag>W/\"a b\"</getetag>", "/d/a 200 ? W/\"a b\" -1 0 - 0\n0 -\n");
	prop_tells("<getetag>&#34;a&#34;</getetag>", "/d/a 200 ? \"a\" -1 0 - 0\n0 -\n");
	prop_tells("<getetag>\"a\"<b>nested</b></getetag>", "/d/a 200 ? \"a\" -1 0 - 0\n0 -\n");
	prop_tells("<getetag> </getetag>", "/d/a 200 ? - -1 0 - 0\n0 -\n");
}

/* A text that is longer than its property may be is no such property, not half of one. */
static void long_properties(void **state)
{
	static const struct {
		size_t len;
		bool etag, type;
	} cases[] = {{DAV_TYPE_MAX, true, true}, {DAV_TYPE_MAX + 1, true, false},
		{DAV_ETAG_MAX, true, false}, {DAV_ETAG_MAX + 1, false, false}};
	char text[DAV_ETAG_MAX + 2];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct buf inside = BUF_INIT, expected = BUF_INIT;

		memset(text, 'x', cases[i].len);
		text[cases[i].len] = '\0';
		buf_addf(&inside,
			"<propstat><prop><getetag>%s</getetag><getcontenttype>%s</getcontenttype>"
			"</prop><status>HTTP/1.1 200 OK</status></propstat>",
			text, text);
		buf_addf(&expected, "/d/a 200 ? %s -1 0 %s 0\n0 -\n", cases[i].etag ? text : "-",
			cases[i].type ? text : "-");
		member_tells(inside.data, expected.data);
		buf_release(&inside);
		buf_release(&expected);
	}
}

static void dates(void **state)
{
	static const char *const bad[] = {"", "now", "today", "06 Nov 1994", "1994-11-06T08:49:37Z",
		"Sun, 32 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 25:49:37 GMT", "::", "12:00",
		"Thu, 01 Jan 1970 00:00:00 GMT", "Wed, 31 Dec 1969 23:59:59 GMT",
		"Sun, 06 Nov 1994 08:49:37 GMT                                    x"};

	(void)state;
	assert_int_equal(dav_date("Sun, 06 Nov 1994 08:49:37 GMT"), 784111777000000);
	assert_int_equal(dav_date("Sunday, 06-Nov-94 08:49:37 GMT"), 784111777000000);
	assert_int_equal(dav_date("Sun Nov  6 08:49:37 1994"), 784111777000000);
	assert_int_equal(dav_date("Thu, 01 Jan 1970 00:00:01 GMT"), 1000000);
	assert_int_equal(dav_date("Fri, 31 Dec 9999 23:59:59 GMT"), 253402300799000000);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(dav_date(bad[i]), 0);
}

static int no_more(void *arg, const struct dav_member *m, struct error *err)
{
	int *left = arg;

	(void)m;
	return --*left > 0 ? 0 : error_set(err, ENOSPC, "no room");
}

/* What a callback returns ends it, and stays. */
static void callback_ends_it(void **state)
{
	struct multistatus *ms;
	struct error err = {0};
	int left = 2;

	(void)state;
	assert_int_equal(multistatus_new(no_more, &left, &ms), 0);
	assert_int_equal(multistatus_feed(ms, OPEN ONE, strlen(OPEN ONE), &err), 0);
	assert_int_equal(multistatus_feed(ms, ONE ONE ONE, strlen(ONE ONE ONE), &err), -ENOSPC);
	assert_int_equal(left, 0);
	assert_string_equal(err.text, "no room");
	err = (struct error){0};
	assert_int_equal(multistatus_feed(ms, END, strlen(END), &err), -ENOSPC);
	assert_int_equal(multistatus_finish(ms, &err), -ENOSPC);
	assert_string_equal(err.text, "no room");
	assert_int_equal(err.code, ENOSPC);
	multistatus_free(ms);
	multistatus_free(NULL);
}

static void same_at_every_cut(const char *path)
{
	struct bytes body = load_file(path);
	struct dump whole, split;

	dump_parse(&whole, body.data, body.len, 0, 0);
	for (size_t cut = 0; cut <= body.len + 1; cut++) {
		/* The last one goes byte by byte. */
		bool bytes = cut > body.len;

		dump_parse(&split, body.data, body.len, bytes ? 1 : cut, bytes);
		if (split.rc != whole.rc)
			fail_msg("%s at %zu: %d, not %d", path, cut, split.rc, whole.rc);
		assert_int_equal(split.text.len, whole.text.len);
		if (whole.text.len > 0)
			assert_memory_equal(split.text.data, whole.text.data, whole.text.len);
		dump_release(&split);
	}
	dump_release(&whole);
	free(body.data);
}

static void cut_at_every_byte(void **state)
{
	glob_t files = {0};

	(void)state;
	assert_int_equal(glob(DATA "*.*", 0, NULL, &files), 0);
	assert_int_equal(glob(DATA "hostile/*.*", GLOB_APPEND, NULL, &files), 0);
	assert_true(files.gl_pathc > 30);
	for (size_t i = 0; i < files.gl_pathc; i++)
		same_at_every_cut(files.gl_pathv[i]);
	globfree(&files);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(apache),
		cmocka_unit_test(lighttpd),
		cmocka_unit_test(nginx),
		cmocka_unit_test(rclone),
		cmocka_unit_test(nextcloud),
		cmocka_unit_test(sync_collection),
		cmocka_unit_test(mixed),
		cmocka_unit_test(charsets),
		cmocka_unit_test(statuses),
		cmocka_unit_test(propstats),
		cmocka_unit_test(members_are_apart),
		cmocka_unit_test(sizes),
		cmocka_unit_test(etags),
		cmocka_unit_test(long_properties),
		cmocka_unit_test(dates),
		cmocka_unit_test(callback_ends_it),
		cmocka_unit_test(cut_at_every_byte),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
