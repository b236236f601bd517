/* A source on a server, as a whole: what comes, and what a server does that is tired, down or gone
 * elsewhere. */
#include "core/base/clock.h"
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

static void test_everything_comes(void **arg)
{
	struct web *w = *arg;

	web_expect_sync(w);
	web_expect_all(w);
	assert_int_equal(w->result.added, 4);
	assert_int_equal(peer_seen(w->peer, "PROPFIND"), 3);
	assert_int_equal(peer_seen(w->peer, "GET"), 4);
	assert_int_equal(peer_seen(w->peer, "Depth: infinity"), 0);
}

static void test_nothing_changed_fetches_nothing(void **arg)
{
	struct web *w = *arg;

	web_expect_sync(w);
	web_expect_sync(w);
	assert_int_equal(peer_seen(w->peer, "GET"), 4);
	assert_int_equal(peer_seen(w->peer, "PROPFIND"), 6);
	assert_int_equal(w->result.unchanged, 4);
}

static void test_changes_renames_and_deletions(void **arg)
{
	struct web *w = *arg;

	web_expect_sync(w);
	web_hold(w, "a.md", "alpha two", "\"a2\"");
	web_drop(w, "b.md");
	web_drop(w, "sub/deep/");
	web_drop(w, "sub/deep/d%20%23.md");
	web_hold(w, "sub/e.md", "beta", "\"b1\"");
	web_expect_sync(w);
	web_expect_file(w, "a.md", "alpha two");
	web_expect_file(w, "b.md", NULL);
	web_expect_file(w, "sub/e.md", "beta");
	web_expect_file(w, "sub/deep/d #.md", NULL);
	web_expect_file(w, "sub/deep", NULL);
	assert_int_equal(peer_seen(w->peer, "GET"), 6);
}

static bool want_password(struct web *w, int fd, const struct peer_request *request)
{
	char value[128] = "";

	(void)w;
	peer_header(request, "authorization", value, sizeof(value));
	if (!strcmp(value, "Basic dTpw"))
		return false;
	return peer_answer(fd, "401 Who", "WWW-Authenticate: Basic realm=\"x\"\r\n", "who are you");
}

static void test_credentials_that_are_refused_end_the_sync(void **arg)
{
	struct web *w = *arg;
	int before;

	w->secret = (struct plain){1, (char *)(uintptr_t) "p"};
	w->config.username = strdup("u");
	w->config.password = &w->secret;
	w->hook = want_password;
	web_expect_sync(w);
	web_expect_all(w);
	before = peer_requests(w->peer);
	w->secret.text = (char *)(uintptr_t) "q";
	assert_int_equal(web_sync(w), -EACCES);
	assert_int_equal(peer_requests(w->peer), before + 2);
	web_expect_all(w);
}

static const char *const later[] = {
	"86400", "3600", "Fri, 31 Dec 2027 23:59:59 GMT", "-5", "soon", "99999999999999999999"};

static bool come_later(struct web *w, int fd, const struct peer_request *request)
{
	char head[128];

	if (strcmp(request->path, "/dav/sub/c.md") != 0)
		return false;
	snprintf(head, sizeof(head), "Retry-After: %s\r\n", later[atomic_load(&w->times)]);
	return peer_answer(fd, "429 Too Many", head, "later");
}

static void test_a_server_that_asks_for_time_is_left_alone(void **arg)
{
	struct web *w = *arg;
	int before;

	w->hook = come_later;
	for (w->times = 0; w->times < 6; w->times++) {
		before = peer_seen(w->peer, "c.md");
		assert_int_equal(web_sync(w), -EAGAIN);
		assert_int_equal(peer_seen(w->peer, "c.md"), before + 1);
		assert_in_range(w->result.retry_after_us, SECOND_US, 3600 * SECOND_US);
		web_expect_file(w, "sub/c.md", NULL);
	}
	w->hook = NULL;
	web_expect_sync(w);
	web_expect_all(w);
}

static bool busy_twice(struct web *w, int fd, const struct peer_request *request)
{
	if (strcmp(request->path, "/dav/sub/c.md") != 0 || w->times++ >= 2)
		return false;
	return peer_answer(fd, "503 Busy", "Retry-After: 0\r\n", "");
}

static void test_a_short_wait_is_waited_out(void **arg)
{
	struct web *w = *arg;

	w->hook = busy_twice;
	web_expect_sync(w);
	web_expect_all(w);
	assert_int_equal(peer_seen(w->peer, "/c.md"), 3);
}

static void test_a_server_that_is_down_changes_nothing(void **arg)
{
	struct web *w = *arg;

	web_expect_sync(w);
	peer_stop(w->peer);
	w->peer = NULL;
	assert_int_equal(web_sync(w), -ECONNREFUSED);
	web_expect_all(w);
}

static bool die_after_ten(struct web *w, int fd, const struct peer_request *request)
{
	if (strcmp(request->method, "GET") != 0 || atomic_fetch_add(&w->gets, 1) < 10)
		return false;
	shutdown(fd, SHUT_RDWR);
	return true;
}

/* A server that goes out of order in the middle is not asked for everything; and what came before
 * is not fetched again. */
static void test_a_server_that_breaks_down_in_the_middle(void **arg)
{
	static char names[58][16];
	struct web *w = *arg;

	w->limits.http.transfers = 1; /* so that what is in a row is known */
	for (int i = 0; i < 58; i++) {
		snprintf(names[i], sizeof(names[i]), "n%02d.md", i);
		web_hold(w, names[i], names[i], "\"n\"");
	}
	w->hook = die_after_ten;
	assert_int_equal(web_sync(w), -ECONNRESET);
	assert_int_equal(w->result.added, 10);
	assert_int_equal(w->result.failed, 32);
	w->hook = NULL;
	web_expect_sync(w);
	assert_int_equal(w->result.unchanged, 10);
	assert_int_equal(w->result.added, 52);
	for (int i = 0; i < 58; i++)
		web_expect_file(w, names[i], names[i]);
}

static bool hang(struct web *w, int fd, const struct peer_request *request)
{
	char byte;

	if (strcmp(request->method, "GET") != 0)
		return false;
	atomic_store(&w->stop, true);
	return recv(fd, &byte, 1, 0) <= 0;
}

static void test_it_stops_while_a_server_hangs(void **arg)
{
	struct web *w = *arg;

	w->hook = hang;
	assert_int_equal(web_sync(w), -ECANCELED);
	web_expect_file(w, "a.md", NULL);
}

/* All of the source is elsewhere by now, and so is one of the collections in it. A REPORT there has
 * hrefs that no base of ours explains. */
static bool moved(struct web *w, int fd, const struct peer_request *request)
{
	struct buf members = BUF_INIT, head = BUF_INIT;
	const char *path = request->path;
	bool sent;

	if (!strcmp(request->method, "REPORT") && !strcmp(path, "/dav/")) {
		web_add_response(&members, web_held(w, "a.md"));
		return web_send_multistatus(fd, &members, "moved");
	}
	if (strncmp(path, "/old/", 5) != 0)
		return false;
	path += 5;
	if (strncmp(path, "sub/deep/", 9) == 0)
		buf_addf(&head, "Location: /dav/away/%s\r\n", path + 9);
	else
		buf_addf(&head, "Location: /dav/%s\r\n", path);
	sent = peer_answer(fd, "301 Moved Permanently", head.data, "");
	buf_release(&head);
	return sent;
}

static void test_what_was_moved_within_the_origin_is_followed(void **arg)
{
	struct web *w = *arg;

	web_hold(w, "away/", NULL, NULL);
	web_hold(w, "away/d%20%23.md", "delta", "\"d1\"");
	web_drop(w, "sub/deep/d%20%23.md");
	free(w->config.url);
	assert_true(asprintf(&w->config.url, "%sold/", peer_url(w->peer)) > 0);
	w->hook = moved;
	web_expect_sync(w);
	web_expect_all(w);
	web_expect_file(w, "away/d #.md", "delta");
	assert_null(w->memory);
	web_hold(w, "sub/c.md", "gamma two", "\"c2\"");
	web_drop(w, "away/d%20%23.md");
	web_expect_sync(w);
	web_expect_file(w, "a.md", "alpha");
	web_expect_file(w, "sub/c.md", "gamma two");
	web_expect_file(w, "sub/deep/d #.md", NULL);
	web_expect_file(w, "away/d #.md", NULL);
}

int main(void)
{
#define EACH(test) cmocka_unit_test_setup_teardown(test, web_setup, web_teardown)
	const struct CMUnitTest tests[] = {
		EACH(test_everything_comes),
		EACH(test_nothing_changed_fetches_nothing),
		EACH(test_changes_renames_and_deletions),
		EACH(test_credentials_that_are_refused_end_the_sync),
		EACH(test_a_server_that_asks_for_time_is_left_alone),
		EACH(test_a_short_wait_is_waited_out),
		EACH(test_a_server_that_is_down_changes_nothing),
		EACH(test_a_server_that_breaks_down_in_the_middle),
		EACH(test_it_stops_while_a_server_hangs),
		EACH(test_what_was_moved_within_the_origin_is_followed),
	};

	return cmocka_run_group_tests(tests, peer_client_setup, NULL);
}
