/* The listings of a walk, whole and spoilt. */
#include "tests/unit/web.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

static void test_members_that_can_not_be_listed_stay(void **arg)
{
	static const char *const answers[] = {"<D:status>HTTP/1.1 403 Forbidden</D:status>",
		"<D:status>HTTP/1.1 404 Not Found</D:status>",
		"<D:status>HTTP/1.1 507 Insufficient Storage</D:status>",
		"<D:propstat><D:prop/><D:status>HTTP/1.1 403 Forbidden</D:status></D:propstat>"};
	struct web *w = *arg;

	web_expect_sync(w);
	for (size_t i = 0; i < sizeof(answers) / sizeof(*answers); i++) {
		web_held(w, "a.md")->more = answers[i];
		web_held(w, "sub/")->more = answers[i];
		assert_int_equal(web_sync(w), 0);
		assert_int_equal(w->result.failed, 2);
		web_expect_all(w);
	}
	web_hold(w, "b.md", "beta two", "\"b2\"");
	assert_int_equal(web_sync(w), 0);
	web_expect_file(w, "b.md", "beta two");
	web_expect_file(w, "a.md", "alpha");
}

#define SELF(path)                                                                                 \
	"<response><href>/dav/" path "</href><propstat><prop><resourcetype><collection/>"          \
	"</resourcetype></prop><status>HTTP/1.1 200 OK</status></propstat></response>"
#define DAV(members) "<multistatus xmlns=\"DAV:\">" members "</multistatus>"

/* What is wrong with the listing of a collection. */
static const struct {
	const char *status, *head, *body;
} listings[] = {
	{"404 Not Found", "", ""},
	{"500 Oops", "", ""},
	{"200 OK", "Content-Type: text/html\r\n", "<html>Log in</html>"},
	{"200 OK", "Content-Type: application/xml\r\n", DAV(SELF("") SELF("sub/"))},
	{"207 Multi-Status", "", ""},
	{"207 Multi-Status", "", "<html/>"},
	{"207 Multi-Status", "", DAV("")},
	{"207 Multi-Status", "", DAV(SELF("other/"))},
	{"207 Multi-Status", "", DAV(SELF("../"))},
	{"207 Multi-Status", "", "<multistatus xmlns=\"DAV:\">" SELF("") SELF("sub/")},
	{"207 Multi-Status", "", DAV(SELF("") SELF("sub/")) "<more/>"},
	{"207 Multi-Status", "", "<!DOCTYPE a [<!ENTITY b \"c\">]>" DAV(SELF("") SELF("sub/"))},
	{"207 Multi-Status", "Transfer-Encoding: chunked\r\n", DAV(SELF("") SELF("sub/"))},
	{"302 Found", "Location: file:///etc/passwd\r\n", ""},
};

static bool spoil(struct web *w, int fd, const struct peer_request *request)
{
	const int times = atomic_load(&w->times), i = times / 2;
	const char *base = times & 1 ? "/dav/" : "/dav/sub/";

	return !strcmp(request->method, "PROPFIND") && !strcmp(request->path, base) &&
	       (peer_answer(fd, listings[i].status, listings[i].head, listings[i].body), true);
}

/* The same whole, and in the right size, but cut while it is sent. */
static bool cut_listing(struct web *w, int fd, const struct peer_request *request)
{
	(void)w;
	if (strcmp(request->method, "PROPFIND") != 0 || strcmp(request->path, "/dav/") != 0)
		return false;
	peer_send(fd, "HTTP/1.1 207 Multi-Status\r\nContent-Length: 5000\r\n\r\n%s", DAV(SELF("")));
	shutdown(fd, SHUT_RDWR);
	return true;
}

static void test_a_spoilt_listing_deletes_nothing(void **arg)
{
	struct web *w = *arg;
	int r;

	web_expect_sync(w);
	w->hook = spoil;
	for (w->times = 0; w->times < 2 * (int)(sizeof(listings) / sizeof(*listings)); w->times++) {
		r = web_sync(w);
		if (w->times & 1 ? !r : (r || w->result.failed < 1))
			fail_msg("%d: %d, %d failed: %s", w->times, r, (int)w->result.failed,
				w->result.error.text);
		web_expect_all(w);
	}
	w->hook = cut_listing;
	assert_int_equal(web_sync(w), -ECONNRESET);
	web_expect_all(w);
	w->hook = NULL;
	web_drop(w, "a.md");
	web_expect_sync(w);
	web_expect_file(w, "a.md", NULL);
}

static void test_a_base_that_is_a_file(void **arg)
{
	struct web *w = *arg;
	struct buf url = BUF_INIT;

	buf_addf(&url, "%sdav/sub/c.md", peer_url(w->peer));
	free(w->config.url);
	w->config.url = buf_detach(&url, NULL);
	assert_int_equal(web_sync(w), -ENOTDIR);
	web_expect_file(w, "c.md", NULL);
}

static void test_hrefs_that_lead_elsewhere_are_left_out(void **arg)
{
	struct web *w = *arg;

	web_hold(w, "../x.md", "x", NULL);
	web_hold(w, "%2e%2e%2fx.md", "x", NULL);
	web_hold(w, "y%2fz.md", "x", NULL);
	web_hold(w, "n%00.md", "x", NULL);
	web_hold(w, "sub/../a.md", "x", NULL);
	assert_int_equal(web_sync(w), 0);
	assert_true(w->result.failed > 0);
	web_expect_all(w);
	assert_int_equal(peer_seen(w->peer, "x.md"), 0);
	assert_int_equal(peer_seen(w->peer, "z.md"), 0);
}

/* A collection in each collection, for ever. */
static bool bottomless(struct web *w, int fd, const struct peer_request *request)
{
	struct buf members = BUF_INIT;
	char path[2100];

	(void)w;
	if (strcmp(request->method, "PROPFIND") != 0)
		return false;
	snprintf(path, sizeof(path), "%s", request->path + 5);
	web_add_response(&members, &(struct held){.path = path});
	snprintf(path, sizeof(path), "%sd/", request->path + 5);
	web_add_response(&members, &(struct held){.path = path});
	return web_send_multistatus(fd, &members, NULL);
}

static void test_collections_without_end_end(void **arg)
{
	struct web *w = *arg;

	w->hook = bottomless;
	assert_int_equal(web_sync(w), 0);
	assert_int_equal(w->result.failed, 1);
	assert_in_range(peer_requests(w->peer), DAV_DEPTH_MAX, DAV_DEPTH_MAX + 3);
}

int main(void)
{
#define EACH(test) cmocka_unit_test_setup_teardown(test, web_setup, web_teardown)
	const struct CMUnitTest tests[] = {
		EACH(test_members_that_can_not_be_listed_stay),
		EACH(test_a_spoilt_listing_deletes_nothing),
		EACH(test_a_base_that_is_a_file),
		EACH(test_hrefs_that_lead_elsewhere_are_left_out),
		EACH(test_collections_without_end_end),
	};

	return cmocka_run_group_tests(tests, peer_client_setup, NULL);
}
