/* Where requests go: redirects, and addresses that are refused. */
#include "tests/unit/asker.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* The path says where to. */
static bool redirect(void *arg, int fd, const struct peer_request *request)
{
	struct asker *w = arg;
	char head[512];
	int port = peer_port(w->peer), other = w->other ? peer_port(w->other) : 1;
	const struct {
		const char *path, *fmt;
		int port;
	} ways[] = {
		{"/other", "Location: http://127.0.0.1:%d/x\r\n", other},
		{"/slashes", "Location: //127.0.0.1:%d/x\r\n", other},
		{"/name", "Location: http://localhost:%d/x\r\n", port},
		{"/https", "Location: https://127.0.0.1:%d/x\r\n", port},
		{"/user", "Location: http://u:p@127.0.0.1:%d/x\r\n", port},
		{"/file", "Location: file:///etc/passwd?%d\r\n", 0},
		{"/ftp", "Location: ftp://127.0.0.1:%d/x\r\n", port},
		{"/metadata", "Location: http://169.254.169.254/latest/%d\r\n", 0},
		{"/none", "X-Port: %d\r\n", 0},
		{"/garbage", "Location: http://[::%d/\r\n", 0},
		{"/loop", "Location: /loop?%d\r\n", request->count},
		{"/same", "Location: http://127.0.0.1:%d/dir/there%%20is\r\n", port},
		{"/relative", "Location: dir/there%%20is?%d\r\n", 1},
		{"/spaces", "Location: /dir/there is?%d#frag\r\n", 1},
	};

	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
		size_t len = strlen(ways[i].path);

		if (strncmp(request->path, ways[i].path, len) != 0)
			continue;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		snprintf(head, sizeof(head), ways[i].fmt, ways[i].port);
#pragma GCC diagnostic pop
		return peer_answer(fd, "302 Found", head, "moved");
	}
	return asker_hello_basic(arg, fd, request);
}

static void test_redirects_elsewhere_are_not_followed(void **arg)
{
	static const char *const paths[] = {"other", "slashes", "name", "https", "user", "file",
		"ftp", "metadata", "none", "garbage"};
	struct asker *w = *arg;
	struct ask *a;

	asker_give_password(w, CANARY);
	w->peer = peer_start(redirect, w);
	w->other = peer_start(asker_hello, w);
	assert_string_equal(asker_ask(w, "fine")->body.data, "hello");
	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
		a = asker_ask(w, paths[i]);
		if (a->r != -EXDEV && a->r != -EINVAL)
			fail_msg("%s: %d %s", paths[i], a->r, a->err.text);
		assert_int_equal(a->body.len, 0);
		assert_null(strstr(a->err.text, CANARY));
	}
	assert_int_equal(peer_connections(w->other), 0);
	assert_int_equal(peer_connections(w->peer), 1);
}

static void test_redirects_within_the_origin_are_followed(void **arg)
{
	static const char *const paths[] = {"same", "relative", "spaces"};
	struct asker *w = *arg;
	struct ask *a;

	asker_give_password(w, CANARY);
	w->peer = peer_start(redirect, w);
	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
		a = asker_ask(w, paths[i]);
		assert_int_equal(a->r, 0);
		assert_string_equal(a->body.data, "hello");
		assert_true(a->answer.redirected);
		assert_int_equal(peer_seen(w->peer, "GET /dir/there%20is"), (int)i + 2);
	}
	a = asker_ask(w, "fine");
	assert_false(a->answer.redirected);
}

static void test_redirects_in_a_loop_end(void **arg)
{
	struct asker *w = *arg;

	w->peer = peer_start(redirect, w);
	assert_int_equal(asker_ask(w, "loop")->r, -ELOOP);
	assert_int_equal(peer_requests(w->peer), 1 + REDIRECTS_MAX);
}

static void test_nobody_there(void **arg)
{
	struct asker *w = *arg;
	char url[64];
	struct error err;

	w->peer = peer_start(asker_hello, w);
	snprintf(url, sizeof(url), "%s", peer_url(w->peer));
	peer_stop(w->peer);
	w->peer = NULL;
	assert_int_equal(asker_open(w, url, &err), 0);
	assert_int_equal(asker_ask(w, "a")->r, -ECONNREFUSED);
}

static void test_addresses_that_are_refused(void **arg)
{
	static const char *const refused[] = {"http://169.254.169.254/", "http://169.254.0.1:80/",
		"http://[fe80::1]/", "http://[::ffff:169.254.169.254]/", "http://[fd00:ec2::254]/",
		"http://100.100.100.200/", "http://[64:ff9b::a9fe:a9fe]/", "http://2852039166/",
		"http://0xa9fea9fe/"};
	static const char *const fine_ones[] = {"http://127.0.0.1/", "http://10.0.0.1/",
		"http://[::1]/", "http://192.168.1.1/", "http://[fd00::1]/"};
	struct asker *w = *arg;
	struct error err;

	for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++)
		assert_int_equal(asker_open(w, refused[i], &err), -EPERM);
	for (size_t i = 0; i < sizeof(fine_ones) / sizeof(*fine_ones); i++)
		assert_int_equal(asker_open(w, fine_ones[i], &err), 0);
	w->config.local = true;
	for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++)
		assert_int_equal(asker_open(w, refused[i], &err), 0);
}

/* What a name leads to is seen when it is connected to; a proxy is connected to in the same way. */
static void test_addresses_are_looked_at_when_connecting(void **arg)
{
	struct asker *w = *arg;
	struct ask *a;

	w->peer = peer_start(asker_hello, w);
	w->config.proxy = (char *)(uintptr_t) "http://[::ffff:169.254.169.254]:80/";
	a = asker_ask(w, "a");
	assert_int_equal(a->r, -EPERM);
	assert_non_null(strstr(a->err.text, "local"));
	assert_int_equal(peer_connections(w->peer), 0);
}

int main(void)
{
#define EACH(test) cmocka_unit_test_setup_teardown(test, asker_setup, asker_teardown)
	const struct CMUnitTest tests[] = {
		EACH(test_redirects_elsewhere_are_not_followed),
		EACH(test_redirects_within_the_origin_are_followed),
		EACH(test_redirects_in_a_loop_end),
		EACH(test_nobody_there),
		EACH(test_addresses_that_are_refused),
		EACH(test_addresses_are_looked_at_when_connecting),
	};

	return cmocka_run_group_tests(tests, peer_client_setup, NULL);
}
