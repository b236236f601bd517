/* What a walk asks for by sync-collection (RFC 6578), and its tokens. */
#include "tests/unit/web.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* sync-collection: the token is a number; a change since an older one is told of. */
static bool report(struct web *w, int fd, const struct peer_request *request)
{
	struct buf members = BUF_INIT;
	const char *gone = "<D:status>HTTP/1.1 404 Not Found</D:status>";
	const char *full = "<D:status>HTTP/1.1 507 Full</D:status>";

	if (strcmp(request->method, "REPORT") != 0)
		return false;
	if (strstr(request->body, "<sync-token></sync-token>")) {
		pthread_mutex_lock(&w->mutex);
		for (int i = 0; i < FILES_MAX; i++)
			if (w->files[i].path)
				web_add_response(&members, &w->files[i]);
		pthread_mutex_unlock(&w->mutex);
		return web_send_multistatus(fd, &members, "t&amp;1");
	}
	if (strstr(request->body, "t&amp;1<")) { /* the first page of two */
		web_add_response(&members, &(struct held){.path = "", .more = full});
		web_add_response(&members, &(struct held){.path = "b.md", .more = gone});
		return web_send_multistatus(fd, &members, "t2");
	}
	if (strstr(request->body, ">t2<")) {
		web_add_response(&members, web_held(w, "sub/c.md"));
		return web_send_multistatus(fd, &members, "t3");
	}
	if (strstr(request->body, ">t3<"))
		return web_send_multistatus(fd, &members, "t3");
	if (strstr(request->body, ">round")) {
		web_add_response(&members, &(struct held){.path = "", .more = full});
		return web_send_multistatus(
			fd, &members, strstr(request->body, "round-1") ? "round-2" : "round-1");
	}
	return peer_answer(fd, "403 Forbidden", "Content-Type: application/xml\r\n",
		"<error xmlns=\"DAV:\"><valid-sync-token/></error>");
}

static void test_changes_by_token(void **arg)
{
	struct web *w = *arg;

	w->hook = report;
	web_expect_sync(w);
	web_expect_all(w);
	assert_string_equal(w->memory, "t&1");
	web_drop(w, "b.md");
	web_hold(w, "sub/c.md", "gamma two", "\"c2\"");
	web_expect_sync(w);
	web_expect_file(w, "b.md", NULL);
	web_expect_file(w, "sub/c.md", "gamma two");
	web_expect_file(w, "a.md", "alpha");
	assert_string_equal(w->memory, "t3");
	assert_int_equal(peer_seen(w->peer, "PROPFIND"), 3);
	web_expect_sync(w);
	assert_int_equal(peer_seen(w->peer, "PROPFIND"), 3);
	assert_int_equal(peer_seen(w->peer, "GET"), 5);
}

static void test_an_invalid_token_means_one_full_sync(void **arg)
{
	struct web *w = *arg;

	w->hook = report;
	w->memory = strdup("forgotten");
	web_expect_sync(w);
	web_expect_all(w);
	assert_int_equal(peer_seen(w->peer, "REPORT"), 2);
	assert_string_equal(w->memory, "t&1");
}

static void test_pages_that_go_round_end(void **arg)
{
	struct web *w = *arg;

	w->hook = report;
	w->memory = strdup("round-1");
	web_expect_sync(w);
	web_expect_all(w);
	assert_in_range(peer_seen(w->peer, "REPORT"), 3, 10);
	assert_string_equal(w->memory, "t&1");
}

/* What could not be fetched would not be told of again. */
static bool report_and_refuse(struct web *w, int fd, const struct peer_request *request)
{
	return report(w, fd, request) ||
	       web_answer_get(fd, request, "/dav/sub/c.md", "403 Forbidden", "", "no");
}

static void test_a_token_is_kept_only_without_trouble(void **arg)
{
	struct web *w = *arg;

	w->hook = report;
	web_expect_sync(w);
	web_hold(w, "sub/c.md", "gamma two", "\"c2\"");
	w->hook = report_and_refuse;
	assert_int_equal(web_sync(w), 0);
	assert_int_equal(w->result.failed, 1);
	assert_string_equal(w->memory, "t&1");
	w->hook = report;
	web_expect_sync(w);
	web_expect_file(w, "sub/c.md", "gamma two");
	assert_string_equal(w->memory, "t3");
}

/* A server that tells of the outermost collection alone. */
static bool report_flat(struct web *w, int fd, const struct peer_request *request)
{
	struct buf members = BUF_INIT;

	if (strcmp(request->method, "REPORT") != 0)
		return false;
	web_add_response(&members, web_held(w, "a.md"));
	web_add_response(&members, web_held(w, "sub/"));
	return web_send_multistatus(fd, &members, "flat");
}

static void test_a_report_without_inner_collections_is_not_trusted(void **arg)
{
	struct web *w = *arg;

	w->hook = report_flat;
	web_expect_sync(w);
	web_expect_all(w);
	web_hold(w, "sub/c.md", "gamma two", "\"c2\"");
	web_expect_sync(w);
	web_expect_file(w, "sub/c.md", "gamma two");
}

int main(void)
{
#define EACH(test) cmocka_unit_test_setup_teardown(test, web_setup, web_teardown)
	const struct CMUnitTest tests[] = {
		EACH(test_changes_by_token),
		EACH(test_an_invalid_token_means_one_full_sync),
		EACH(test_pages_that_go_round_end),
		EACH(test_a_token_is_kept_only_without_trouble),
		EACH(test_a_report_without_inner_collections_is_not_trusted),
	};

	return cmocka_run_group_tests(tests, peer_client_setup, NULL);
}
