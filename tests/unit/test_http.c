/* Answers as they should be: connections, who one is, proxies, dates and etags. */
#include "tests/unit/asker.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void test_an_answer(void **arg)
{
	struct asker *w = *arg;
	struct ask *a;

	w->peer = peer_start(asker_hello, w);
	a = asker_ask(w, "a.md");
	assert_int_equal(a->r, 0);
	assert_int_equal(a->answer.status, 200);
	assert_string_equal(a->body.data, "hello");
	assert_string_equal(a->answer.etag, "\"e1\"");
	assert_string_equal(a->answer.type, "text/markdown");
	assert_int_equal(a->answer.length, 5);
	assert_true(a->answer.modified_us == INT64_C(1763467200000000));
	assert_false(a->answer.redirected);
	assert_int_equal(peer_seen(w->peer, "GET /a.md HTTP/1.1"), 1);
	assert_int_equal(peer_seen(w->peer, "Authorization"), 0);
	assert_int_equal(peer_seen(w->peer, "Accept-Encoding: identity\r\n"), 1);
}

static void test_connections_are_kept(void **arg)
{
	struct asker *w = *arg;

	w->limits.transfers = 4;
	w->peer = peer_start(asker_hello, w);
	asker_ask_many(w, 200, "a", 100);
	asker_ask_many(w, 200, "b", 100);
	for (int i = 0; i < 200; i++)
		assert_string_equal(w->asks[i].body.data, "hello");
	assert_int_equal(peer_requests(w->peer), 400);
	assert_in_range(peer_connections(w->peer), 1, 4);
}

/* Answers none until all are there. */
static bool all_in(void *arg, int fd, const struct peer_request *request)
{
	struct asker *w = arg;

	atomic_fetch_add(&w->in, 1);
	for (int i = 0; i < 5000 && atomic_load(&w->in) < TRANSFERS_MAX; i++)
		usleep(1000);
	return asker_hello(arg, fd, request);
}

static void test_sixteen_at_once(void **arg)
{
	struct asker *w = *arg;

	w->peer = peer_start(all_in, w);
	asker_ask_many(w, TRANSFERS_MAX, "a", 100);
	assert_int_equal(peer_connections(w->peer), TRANSFERS_MAX);
	assert_int_equal(atomic_load(&w->in), TRANSFERS_MAX);
}

static void test_basic_is_asked_for_once(void **arg)
{
	struct asker *w = *arg;

	asker_give_password(w, CANARY);
	w->peer = peer_start(asker_hello_basic, w);
	assert_string_equal(asker_ask(w, "a")->body.data, "hello");
	asker_ask_many(w, 50, "b", 100);
	for (int i = 0; i < 50; i++)
		assert_string_equal(w->asks[i].body.data, "hello");
	assert_int_equal(peer_requests(w->peer), 52);
	assert_int_equal(peer_seen(w->peer, "Authorization: Basic"), 51);
}

static void test_wrong_password_is_tried_once(void **arg)
{
	struct asker *w = *arg;
	struct ask *a;
	struct error err;

	asker_give_password(w, "wrong-" CANARY);
	w->peer = peer_start(asker_hello_basic, w);
	a = asker_ask(w, "a");
	assert_int_equal(a->r, 0);
	assert_int_equal(a->answer.status, 401);
	assert_int_equal(a->body.len, 0);
	assert_int_equal(peer_seen(w->peer, "Authorization: Basic"), 1);
	assert_int_equal(peer_requests(w->peer), 2);
	assert_int_equal(http_refusal(401, &err), -EACCES);
	assert_null(strstr(err.text, CANARY));
}

static bool digest(void *arg, int fd, const struct peer_request *request)
{
	char value[512] = "";

	peer_header(request, "authorization", value, sizeof(value));
	if (strstr(value, "Digest username=\"u\"") && strstr(value, "nonce=\"n1\"") &&
		strstr(value, "uri=\"/a\""))
		return asker_hello(arg, fd, request);
	return peer_answer(fd, "401 Unauthorized",
		"WWW-Authenticate: Basic realm=\"x\"\r\n"
		"WWW-Authenticate: Digest realm=\"x\", nonce=\"n1\", qop=\"auth\"\r\n",
		"");
}

/* Where both are offered, the password itself is not sent. */
static void test_digest_goes_before_basic(void **arg)
{
	struct asker *w = *arg;

	w->limits.transfers = 2;
	asker_give_password(w, CANARY);
	w->peer = peer_start(digest, w);
	assert_string_equal(asker_ask(w, "a")->body.data, "hello");
	asker_ask_many(w, 20, "a", 100);
	for (int i = 0; i < 20; i++)
		assert_string_equal(w->asks[i].body.data, "hello");
	assert_int_equal(peer_seen(w->peer, "Basic"), 0);
	assert_int_equal(peer_seen(w->peer, "Digest username"), 21);
	assert_in_range(peer_requests(w->peer), 22, 23); /* one unasked by each handle */
}

static void test_bearer_token(void **arg)
{
	struct asker *w = *arg;
	struct error err;

	w->secret = (struct plain){strlen(CANARY), (char *)(uintptr_t)CANARY};
	w->config.token = &w->secret;
	w->peer = peer_start(asker_hello, w);
	assert_string_equal(asker_ask(w, "a")->body.data, "hello");
	assert_int_equal(peer_seen(w->peer, "Authorization: Bearer " CANARY "\r\n"), 1);
	w->secret = (struct plain){12, (char *)(uintptr_t) "a\r\nHost: b.c"};
	assert_int_equal(asker_open(w, peer_url(w->peer), &err), -EINVAL);
}

static void test_a_proxy_is_used(void **arg)
{
	struct asker *w = *arg;
	struct error err;

	w->peer = peer_start(asker_hello, w);
	w->config.proxy = (char *)(uintptr_t)peer_url(w->peer);
	assert_int_equal(asker_open(w, "http://nowhere.invalid/", &err), 0);
	assert_string_equal(asker_ask(w, "a")->body.data, "hello");
	assert_int_equal(peer_seen(w->peer, "GET http://nowhere.invalid/a HTTP"), 1);
}

static void test_retry_after(void **arg)
{
	const int64_t now = INT64_C(1763467200000000), second = 1000000;
	static const char *const bad[] = {"", "-1", "-99999", "+5", "1.5", "5s", "soon", "0x10",
		"5, 6", "18446744073709551617 s"};

	(void)arg;
	assert_true(http_retry_after("0", now) == 0);
	assert_true(http_retry_after("120", now) == 120 * second);
	assert_true(http_retry_after("3601", now) == 3600 * second);
	assert_true(http_retry_after("99999999999999999999999999", now) == 3600 * second);
	assert_true(http_retry_after("Tue, 18 Nov 2025 12:00:07 GMT", now) == 7 * second);
	assert_true(http_retry_after("Tue, 18 Nov 2025 11:00:00 GMT", now) == 0);
	assert_true(http_retry_after("Fri, 31 Dec 9999 23:59:59 GMT", now) == 3600 * second);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (http_retry_after(bad[i], now) != -1)
			fail_msg("\"%s\"", bad[i]);
}

static void test_strong_etags(void **arg)
{
	char text[DAV_ETAG_MAX + 8];

	(void)arg;
	assert_true(http_etag_strong("\"a-1\""));
	assert_true(http_etag_strong("\"\""));
	assert_false(http_etag_strong(NULL));
	assert_false(http_etag_strong(""));
	assert_false(http_etag_strong("\""));
	assert_false(http_etag_strong("W/\"a\""));
	assert_false(http_etag_strong("a"));
	assert_false(http_etag_strong("\"a\"b\""));
	assert_false(http_etag_strong("\"a\r\nHost: b\""));
	memset(text, 'x', sizeof(text));
	text[0] = text[sizeof(text) - 2] = '"';
	text[sizeof(text) - 1] = '\0';
	assert_false(http_etag_strong(text));
}

static void test_dates(void **arg)
{
	char text[HTTP_DATE_MAX];

	(void)arg;
	http_date(INT64_C(784111777999999), text);
	assert_string_equal(text, "Sun, 06 Nov 1994 08:49:37 GMT");
	http_date(INT64_MIN, text);
	assert_string_equal(text, "Thu, 01 Jan 1970 00:00:00 GMT");
	http_date(INT64_MAX, text);
	assert_string_equal(text, "Fri, 31 Dec 9999 23:59:59 GMT");
}

int main(void)
{
#define EACH(test) cmocka_unit_test_setup_teardown(test, asker_setup, asker_teardown)
	const struct CMUnitTest tests[] = {
		EACH(test_an_answer),
		EACH(test_connections_are_kept),
		EACH(test_sixteen_at_once),
		EACH(test_basic_is_asked_for_once),
		EACH(test_wrong_password_is_tried_once),
		EACH(test_digest_goes_before_basic),
		EACH(test_bearer_token),
		EACH(test_a_proxy_is_used),
		cmocka_unit_test(test_retry_after),
		cmocka_unit_test(test_strong_etags),
		cmocka_unit_test(test_dates),
	};

	return cmocka_run_group_tests(tests, peer_client_setup, NULL);
}
