/* The contents that a walk gets: under conditions, in parts, and not at all. */
#include "tests/unit/web.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

/* Where a listing tells nothing of its members, they are asked for under a condition; a weak etag
 * is none. */
static void test_not_modified(void **arg)
{
	struct web *w = *arg;

	web_held(w, "a.md")->bare = web_held(w, "b.md")->bare = web_held(w, "sub/c.md")->bare =
		true;
	web_held(w, "b.md")->etag = NULL;
	web_held(w, "sub/c.md")->etag = "W/\"c1\"";
	web_expect_sync(w);
	assert_int_equal(peer_seen(w->peer, "If-"), 0);
	web_expect_sync(w);
	web_expect_all(w);
	assert_int_equal(peer_seen(w->peer, "If-None-Match: \"a1\"\r\n"), 1);
	assert_int_equal(peer_seen(w->peer, "If-Modified-Since: " DATE "\r\n"), 1);
	assert_int_equal(peer_seen(w->peer, "W/"), 0);
	assert_int_equal(peer_seen(w->peer, "GET /dav/sub/c.md"), 2);
}

static void test_it_is_found_too_large_when_it_comes(void **arg)
{
	struct web *w = *arg;
	struct entry e = {0};

	web_held(w, "a.md")->bare = true;
	w->config.max_file = 4;
	web_expect_sync(w);
	assert_int_equal(catalog_find(w->catalog, w->source, "a.md", &e), 0);
	assert_false(e.fetched);
	assert_int_equal(e.size, 5);
	entry_release(&e);
}

static const struct {
	const char *status, *head, *body;
} refusals[] = {
	{"403 Forbidden", "", "no"},
	{"404 Not Found", "", "no"},
	{"410 Gone", "", "no"},
	{"423 Locked", "", "no"},
	{"500 Oops", "", "no"},
	{"503 Later", "", "no"},
	{"507 Full", "", "no"},
	{"401 Who", "WWW-Authenticate: Basic realm=\"x\"\r\n", "no"},
	{"200 OK", "Content-Type: text/html; charset=utf-8\r\n", "<title>Log in</title>"},
	{"200 OK", "Content-Type: text/plain\r\n", "error"}, /* 5 bytes, and 9 are listed */
	{"200 OK", "Content-Encoding: gzip\r\n", "squeezed"},
	{"201 Created", "", "made"},
	{"206 Part", "Content-Range: bytes 0-3/9\r\n", "part"},
	{"304 Not Modified", "", ""},
	{"302 Found", "Location: http://127.0.0.2/\r\n", ""},
};

static bool refuse_one(struct web *w, int fd, const struct peer_request *request)
{
	const int i = atomic_load(&w->times);

	return web_answer_get(
		fd, request, "/dav/a.md", refusals[i].status, refusals[i].head, refusals[i].body);
}

static void test_what_can_not_be_had_stays(void **arg)
{
	struct web *w = *arg;

	web_expect_sync(w);
	web_hold(w, "a.md", "alpha two", "\"a2\"");
	web_held(w, "a.md")->type = "text/markdown";
	w->hook = refuse_one;
	for (w->times = 0; w->times < (int)(sizeof(refusals) / sizeof(*refusals)); w->times++) {
		if (web_sync(w) || w->result.failed != 1)
			fail_msg("%s: %d %s", refusals[w->times].status, (int)w->result.failed,
				w->err.text);
		assert_true(w->result.error.text[0]);
		web_expect_all(w);
	}
	w->hook = NULL;
	web_expect_sync(w);
	web_expect_file(w, "a.md", "alpha two");
}

static bool die(struct web *w, int fd, const struct peer_request *request)
{
	(void)w;
	if (strcmp(request->method, "GET") != 0)
		return false;
	peer_send(fd, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nal");
	shutdown(fd, SHUT_RDWR);
	return true;
}

static void test_what_was_cut_is_not_shown(void **arg)
{
	struct web *w = *arg;

	w->hook = die;
	assert_int_equal(web_sync(w), 0);
	assert_int_equal(w->result.failed, 4);
	web_expect_file(w, "a.md", NULL);
	w->hook = NULL;
	web_expect_sync(w);
	web_expect_all(w);
}

/* A large file that is cut three times; what has come is not asked for again. */
static char large[300001];

static bool cut_large(struct web *w, int fd, const struct peer_request *request)
{
	char range[64] = "", etag[64] = "";
	size_t from = 0, len = sizeof(large) - 1;

	if (strcmp(request->path, "/dav/large.bin") != 0)
		return false;
	if (peer_header(request, "range", range, sizeof(range))) {
		from = strtoul(range + 6, NULL, 10);
		peer_header(request, "if-range", etag, sizeof(etag));
	}
	if (from && !strcmp(etag, "\"L\"") && w->times < 100)
		peer_send(fd,
			"HTTP/1.1 206 Partial\r\nETag: \"L\"\r\nContent-Length: %zu\r\n"
			"Content-Range: bytes %zu-%zu/%zu\r\n\r\n",
			len - from, from, len - 1, len);
	else {
		from = 0;
		peer_send(fd, "HTTP/1.1 200 OK\r\nETag: \"%s\"\r\nContent-Length: %zu\r\n\r\n",
			w->times < 100 ? "L" : "M", len);
	}
	w->times++;
	if (len - from > 100000) {
		peer_bytes(fd, large + from, 100000);
		shutdown(fd, SHUT_RDWR);
		return true;
	}
	return peer_bytes(fd, large + from, len - from);
}

static void test_a_transfer_that_was_cut_goes_on(void **arg)
{
	struct web *w = *arg;

	for (size_t i = 0; i < sizeof(large) - 1; i++)
		large[i] = (char)('a' + i % 23);
	web_hold(w, "large.bin", large, "\"L\"");
	w->hook = cut_large;
	web_expect_sync(w);
	web_expect_file(w, "large.bin", large);
	assert_int_equal(peer_seen(w->peer, "large.bin"), 3);
	assert_int_equal(peer_seen(w->peer, "Range: bytes=100000-"), 1);
	assert_int_equal(peer_seen(w->peer, "Range: bytes=200000-"), 1);
}

static bool lie(struct web *w, int fd, const struct peer_request *request)
{
	char range[64];

	(void)w;
	if (strcmp(request->path, "/dav/large.bin") != 0)
		return false;
	if (peer_header(
		    request, "range", range, sizeof(range))) /* not the part that was asked for */
		return peer_send(fd, "HTTP/1.1 206 Partial\r\nETag: \"L\"\r\nContent-Length: 5\r\n"
				     "Content-Range: bytes 7-11/300000\r\n\r\nhello");
	peer_send(fd, "HTTP/1.1 200 OK\r\nETag: \"L\"\r\nContent-Length: 300000\r\n\r\n");
	peer_bytes(fd, large, 100000);
	shutdown(fd, SHUT_RDWR);
	return true;
}

static void test_a_wrong_part_is_not_taken(void **arg)
{
	struct web *w = *arg;

	memset(large, 'x', sizeof(large) - 1);
	web_hold(w, "large.bin", large, "\"L\"");
	w->hook = lie;
	assert_int_equal(web_sync(w), 0);
	assert_int_equal(w->result.failed, 1);
	web_expect_file(w, "large.bin", NULL);
}

static bool endless(struct web *w, int fd, const struct peer_request *request)
{
	(void)w;
	if (strcmp(request->path, "/dav/a.md") != 0)
		return false;
	peer_send(fd, "HTTP/1.1 200 OK\r\n\r\n");
	while (peer_bytes(fd, large, sizeof(large)))
		;
	return true;
}

static void test_an_endless_body_ends(void **arg)
{
	struct web *w = *arg;

	w->config.max_file = 1 << 20;
	w->hook = endless;
	assert_int_equal(web_sync(w), 0);
	assert_int_equal(w->result.failed, 1);
	web_expect_file(w, "a.md", NULL);
	web_expect_file(w, "b.md", "beta");
}

static void test_what_is_too_large_is_shown_and_not_fetched(void **arg)
{
	struct web *w = *arg;
	struct entry e = {0};

	w->config.max_file = 4;
	web_expect_sync(w);
	web_expect_file(w, "b.md", "beta");
	assert_int_equal(catalog_find(w->catalog, w->source, "a.md", &e), 0);
	assert_false(e.fetched);
	assert_int_equal(e.size, 5);
	assert_int_equal(peer_seen(w->peer, "/a.md"), 0);
	entry_release(&e);
}

int main(void)
{
#define EACH(test) cmocka_unit_test_setup_teardown(test, web_setup, web_teardown)
	const struct CMUnitTest tests[] = {
		EACH(test_not_modified),
		EACH(test_it_is_found_too_large_when_it_comes),
		EACH(test_what_can_not_be_had_stays),
		EACH(test_what_was_cut_is_not_shown),
		EACH(test_a_transfer_that_was_cut_goes_on),
		EACH(test_a_wrong_part_is_not_taken),
		EACH(test_an_endless_body_ends),
		EACH(test_what_is_too_large_is_shown_and_not_fetched),
	};

	return cmocka_run_group_tests(tests, peer_client_setup, NULL);
}
