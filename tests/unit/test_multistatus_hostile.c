/* Bodies that are no listing, are cut, or never end: refused, within bounds. */
#include "tests/unit/file_bytes.h"
#include "tests/unit/multistatus_dump.h"
#include "webdav/multistatus.h"

#include <errno.h>
#include <glob.h>
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#define DATA "tests/data/multistatus/"
#define OPEN "<multistatus xmlns=\"DAV:\">"
#define END  "</multistatus>"
#define ONE  "<response><href>/d/a</href><status>HTTP/1.1 200 OK</status></response>"

/* The body is refused so, whether it comes at once or byte by byte; the reason holds `word`. */
static void body_refused(const char *body, size_t len, int rc, const char *word)
{
	struct dump dump;

	for (size_t step = 0; step <= 1; step++) {
		dump_parse(&dump, body, len, step, step);
		if (dump.rc != rc || strstr(dump.error.text, word) == NULL)
			fail_msg("%.60s: %d %s, not %d %s", body, dump.rc, dump.error.text, rc,
				word);
		assert_int_equal(dump.error.code, -rc);
		dump_release(&dump);
	}
}

static void refused(const char *body, const char *word)
{
	body_refused(body, strlen(body), -EBADMSG, word);
}

static void file_refused(const char *name, const char *word)
{
	char path[128];
	struct bytes body;

	snprintf(path, sizeof(path), DATA "hostile/%s", name);
	body = load_file(path);
	body_refused(body.data, body.len, -EBADMSG, word);
	free(body.data);
}

static void any_document_type(void **state)
{
	(void)state;
	file_refused("doctype.xml", "document type");
	file_refused("external-dtd.xml", "document type");
}

static void external_entities(void **state)
{
	(void)state;
	file_refused("external-entity.xml", "document type");
	file_refused("parameter-entity.xml", "document type");
	file_refused("undeclared-entity.xml", "not well-formed");
}

static void billion_laughs(void **state)
{
	(void)state;
	file_refused("laughs.xml", "document type");
}

static void login_page(void **state)
{
	(void)state;
	file_refused("login.html", "web page");
	file_refused("login-lower.html", "web page");
	file_refused("login-none.html", "web page");
	file_refused("login-xhtml.html", "web page");
}

static void no_listing(void **state)
{
	(void)state;
	file_refused("other-root.xml", "its root is {http://www.w3.org/2005/Atom}feed");
	file_refused("other-namespace.xml", "its root is {http://example.com/}multistatus");
	file_refused("json.json", "not XML");
	file_refused("text.txt", "not XML");
	file_refused("blank.txt", "not XML");
	refused("", "empty");
	refused("<", "not XML");
	refused("<?xml version=\"1.0\"?>", "not XML");
}

static void wrong_charset(void **state)
{
	(void)state;
	file_refused("latin1-undeclared.xml", "UTF-8");
	file_refused("latin1-as-utf8.xml", "UTF-8");
	file_refused("unknown-charset.xml", "Unsupported encoding");
	file_refused("says-utf16.xml", "UTF-16");
	file_refused("utf16-cut.xml", "cut short");
}

static void not_well_formed(void **state)
{
	(void)state;
	file_refused("after-end.xml", "not well-formed");
	file_refused("two.xml", "not well-formed");
	file_refused("nul.xml", "not well-formed");
	file_refused("control.xml", "not well-formed");
	file_refused("undeclared-prefix.xml", "its root is {}multistatus");
	refused(OPEN "<x:y/>" END, "not well-formed");
	refused(OPEN "<response></href></response>" END, "not well-formed");
	refused(OPEN "<a b=c/>" END, "not well-formed");
}

static void members_without_name(void **state)
{
	(void)state;
	file_refused("no-href.xml", "without href");
	refused(OPEN "<response><href> </href></response>" END, "empty href");
	refused(OPEN "<response><href/><status>HTTP/1.1 200 OK</status></response>" END,
		"empty href");
	refused(OPEN "<response><href>/a</href><href>/b</href><propstat><prop/>"
		     "<status>HTTP/1.1 200 OK</status></propstat></response>" END,
		"several hrefs");
}

/* Whatever is missing at its end, it is never taken for a listing. */
static void cut_short(void **state)
{
	struct bytes body = load_file(DATA "apache-allprop.xml");
	struct dump dump;

	(void)state;
	file_refused("cut-member.xml", "cut short");
	file_refused("cut-between.xml", "cut short");
	while (body.data[body.len - 1] != '>')
		body.len--;
	for (size_t len = 0; len < body.len; len++) {
		dump_parse(&dump, body.data, len, 0, 0);
		assert_int_equal(dump.rc, -EBADMSG);
		dump_release(&dump);
	}
	free(body.data);
}

/* Feeds `before`, then `unit` until it is refused or `times`, then `after`. */
struct flood {
	const char *before, *unit, *after;
	size_t times;
	size_t members; /* that were told */
	struct error err;
};

static int count(void *arg, const struct dav_member *m, struct error *err)
{
	size_t *members = arg;

	(void)m, (void)err;
	++*members;
	return 0;
}

static size_t heap_bytes(void)
{
	struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
}

static int flood(struct flood *f)
{
	size_t unit_len = strlen(f->unit), heap = heap_bytes(), left = f->times, most = heap;
	struct multistatus *ms;
	struct buf chunk = BUF_INIT;
	int rc;

	f->members = 0;
	f->err = (struct error){0};
	assert_int_equal(multistatus_new(count, &f->members, &ms), 0);
	rc = multistatus_feed(ms, f->before, strlen(f->before), &f->err);
	while (rc == 0 && left > 0) {
		buf_reset(&chunk);
		for (; left > 0 && (chunk.len == 0 || chunk.len + unit_len <= 65536); left--)
			buf_add(&chunk, f->unit, unit_len);
		rc = multistatus_feed(ms, chunk.data, chunk.len, &f->err);
		most = heap_bytes() > most ? heap_bytes() : most;
	}
	if (rc == 0)
		rc = multistatus_feed(ms, f->after, strlen(f->after), &f->err);
	if (rc == 0)
		rc = multistatus_finish(ms, &f->err);
	if (rc < 0)
		assert_int_equal(multistatus_feed(ms, "<", 1, NULL), rc);
	multistatus_free(ms);
	buf_release(&chunk);
	assert_true(most - heap < (4 << 20));
	return rc;
}

static void flooded(
	const char *before, const char *unit, const char *after, size_t times, const char *word)
{
	struct flood f = {.before = before, .unit = unit, .after = after, .times = times};

	assert_int_equal(flood(&f), -EFBIG);
	if (strstr(f.err.text, word) == NULL)
		fail_msg("%.40s: %s", unit, f.err.text);
}

static void levels_100000_deep(void **state)
{
	(void)state;
	flooded(OPEN, "<a>", "", 100000, "too deep");
	flooded(OPEN "<response>", "<D:href xmlns:D=\"DAV:\">", "", 100000, "too deep");
}

static void responses_10_million(void **state)
{
	struct flood f = {.before = OPEN, .unit = ONE, .after = END, .times = 10000000};

	(void)state;
	assert_int_equal(flood(&f), -EFBIG);
	assert_non_null(strstr(f.err.text, "members"));
	assert_int_equal(f.members, LISTING_MEMBERS_MAX);
	f.times = LISTING_MEMBERS_MAX;
	assert_int_equal(flood(&f), 0);
	assert_int_equal(f.members, LISTING_MEMBERS_MAX);
}

static void hrefs_without_end(void **state)
{
	(void)state;
	flooded(OPEN "<response>", "<href>/a</href>", "", 10000000, "hrefs");
	flooded(OPEN "<response><href>", "aaaaaaaaaaaaaaaa", "", 10000000, "too long a text");
	flooded(OPEN "<response><href>", "&#65;", "", 10000000, "too long a text");
	flooded(OPEN "<response><href>", "<![CDATA[a]]>", "", 10000000, "too long a text");
}

static void markup_without_end(void **state)
{
	(void)state;
	flooded(OPEN "<!--", "xxxxxxxxxxxxxxxx", "", 10000000, "tag or comment");
	flooded(OPEN "<?x ", "xxxxxxxxxxxxxxxx", "", 10000000, "tag or comment");
	flooded(OPEN "<a b=\"", "xxxxxxxxxxxxxxxx", "", 10000000, "tag or comment");
	flooded(OPEN "<a", "aaaaaaaaaaaaaaaa", "", 10000000, "tag or comment");
}

static void attributes_without_end(void **state)
{
	struct buf body = BUF_INIT;

	(void)state;
	buf_adds(&body, OPEN "<a");
	for (int i = 0; i < 4000; i++)
		buf_addf(&body, " a%d=''", i);
	buf_adds(&body, "/>" END);
	body_refused(body.data, body.len, -EFBIG, "attributes");
	buf_reset(&body);
	buf_adds(&body, OPEN "<a");
	for (int i = 0; i < 1000; i++)
		buf_addf(&body, " xmlns:a%d='x'", i);
	buf_adds(&body, "/>" END);
	body_refused(body.data, body.len, -EFBIG, "attributes");
	buf_release(&body);
}

/* libxml2 keeps every name that it has seen. */
static void names_without_end(void **state)
{
	struct buf body = BUF_INIT;

	(void)state;
	buf_adds(&body, OPEN);
	for (int i = 0; i < 100000; i++)
		buf_addf(&body, "<a%d/>", i);
	buf_adds(&body, END);
	body_refused(body.data, body.len, -EFBIG, "different names");
	buf_release(&body);
}

static void bytes_without_end(void **state)
{
	struct flood f = {.before = OPEN ONE, .after = END};
	char blank[4097];

	(void)state;
	memset(blank, ' ', 4096);
	blank[4096] = '\0';
	f.unit = blank;
	f.times = LISTING_BYTES_MAX / 4096 - 1;
	assert_int_equal(flood(&f), 0);
	f.times += 2;
	assert_int_equal(flood(&f), -EFBIG);
	assert_non_null(strstr(f.err.text, "larger than"));
	flooded(OPEN "<other>", "text that nobody asked for", "", 100000000, "larger than");
}

static void long_sync_token(void **state)
{
	(void)state;
	flooded(OPEN "<sync-token>", "x", "</sync-token>" END, DAV_TOKEN_MAX + 1, "sync-token");
}

/* Whatever is wrong with a body, libxml2 keeps it to itself. */
static void nothing_on_stderr(void **state)
{
	int kept = dup(STDERR_FILENO), file = memfd_create("stderr", MFD_CLOEXEC);
	glob_t files = {0};

	(void)state;
	assert_true(kept >= 0 && file >= 0);
	assert_int_equal(glob(DATA "hostile/*.*", 0, NULL, &files), 0);
	dup2(file, STDERR_FILENO);
	for (size_t i = 0; i < files.gl_pathc; i++) {
		struct bytes body = load_file(files.gl_pathv[i]);
		struct dump dump;

		dump_parse(&dump, body.data, body.len, 0, 0);
		dump_release(&dump);
		free(body.data);
	}
	fflush(stderr);
	dup2(kept, STDERR_FILENO);
	assert_int_equal(lseek(file, 0, SEEK_END), 0);
	close(kept);
	close(file);
	globfree(&files);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_document_type),
		cmocka_unit_test(external_entities),
		cmocka_unit_test(billion_laughs),
		cmocka_unit_test(login_page),
		cmocka_unit_test(no_listing),
		cmocka_unit_test(wrong_charset),
		cmocka_unit_test(not_well_formed),
		cmocka_unit_test(members_without_name),
		cmocka_unit_test(cut_short),
		cmocka_unit_test(levels_100000_deep),
		cmocka_unit_test(responses_10_million),
		cmocka_unit_test(hrefs_without_end),
		cmocka_unit_test(markup_without_end),
		cmocka_unit_test(attributes_without_end),
		cmocka_unit_test(names_without_end),
		cmocka_unit_test(bytes_without_end),
		cmocka_unit_test(long_sync_token),
		cmocka_unit_test(nothing_on_stderr),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
