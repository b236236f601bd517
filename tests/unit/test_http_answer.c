/* Answers that are cut, endless, too large or too slow. */
#include "tests/unit/asker.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

/* What is wrong with the answer the path says. */
static bool broken(void *arg, int fd, const struct peer_request *request)
{
	const char *path = request->path;

	if (!strcmp(path, "/short"))
		return peer_send(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello") &&
		       false;
	if (!strcmp(path, "/chunk"))
		return peer_send(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
				     "5\r\nhello\r\n40\r\nhel") &&
		       false;
	if (!strcmp(path, "/last-chunk"))
		return peer_send(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
				     "5\r\nhello\r\n") &&
		       false;
	if (!strcmp(path, "/bad-chunk"))
		return peer_send(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
				     "zz\r\nhello\r\n");
	if (!strcmp(path, "/refused"))
		return peer_send(fd, "HTTP/1.1 403 No\r\nContent-Length: 100\r\n\r\nhello") &&
		       false;
	if (!strcmp(path, "/challenge"))
		return peer_send(fd, "HTTP/1.1 401 Who\r\nContent-Length: 100\r\n\r\nhello") &&
		       false;
	if (!strcmp(path, "/nothing"))
		return false;
	if (!strcmp(path, "/garbage"))
		return peer_send(fd, "SSH-2.0-OpenSSH_9.2p1\r\n") && false;
	if (!strcmp(path, "/head"))
		return peer_send(fd, "HTTP/1.1 200 OK\r\nContent-Len") && false;
	if (!strcmp(path, "/long")) /* more than it says: nobody may take the rest for an answer */
		return peer_send(fd, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
				     "helloHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
	return asker_hello(arg, fd, request);
}

static void test_cut_answers_are_errors(void **arg)
{
	static const char *const paths[] = {
		"short", "chunk", "last-chunk", "bad-chunk", "nothing", "garbage", "head"};
	struct asker *w = *arg;
	struct ask *a;

	w->peer = peer_start(broken, w);
	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
		a = asker_ask(w, paths[i]);
		if (!http_unreachable(a->r) || !a->err.text[0])
			fail_msg("%s: %d %s", paths[i], a->r, a->err.text);
	}
	assert_int_equal(asker_ask(w, "short")->r, -ECONNRESET);
}

static void test_a_refusal_is_one_however_it_ends(void **arg)
{
	struct asker *w = *arg;
	struct ask *a;

	w->peer = peer_start(broken, w);
	a = asker_ask(w, "refused");
	assert_int_equal(a->r, 0);
	assert_int_equal(a->answer.status, 403);
	/* What comes after a challenge may be the answer to it. */
	assert_int_equal(asker_ask(w, "challenge")->r, -ECONNRESET);
}

static void test_bytes_behind_an_answer_are_no_answer(void **arg)
{
	struct asker *w = *arg;

	w->limits.transfers = 1;
	w->peer = peer_start(broken, w);
	for (int i = 0; i < 10; i++) {
		struct ask *a = asker_ask(w, "long");

		assert_int_equal(a->r, 0);
		assert_string_equal(a->body.data, "hello");
		a = asker_ask(w, "fine");
		if (a->r == 0)
			assert_string_equal(a->body.data, "hello");
	}
}

static bool endless(void *arg, int fd, const struct peer_request *request)
{
	static const char block[16384];

	(void)arg;
	if (!strcmp(request->path, "/head")) {
		peer_send(fd, "HTTP/1.1 200 OK\r\n");
		while (peer_send(fd, "X-Header: %0512d\r\n", 7))
			;
	} else if (!strcmp(request->path, "/100")) {
		while (peer_send(fd, "HTTP/1.1 100 Continue\r\nX: y\r\n\r\n"))
			;
	} else {
		peer_send(fd, "HTTP/1.1 %s\r\n\r\n",
			!strcmp(request->path, "/404") ? "404 Not Found" : "200 OK");
		while (peer_bytes(fd, block, sizeof(block)))
			;
	}
	return false;
}

static void test_endless_answers_end(void **arg)
{
	struct asker *w = *arg;
	struct ask *a;

	w->peer = peer_start(endless, w);
	a = asker_ask(w, "body");
	assert_int_equal(a->r, -EFBIG);
	assert_in_range(a->body.len, 0, 1 << 20);
	a = asker_ask(w, "404");
	assert_int_equal(a->r, 0);
	assert_int_equal(a->answer.status, 404);
	assert_int_equal(a->body.len, 0);
	assert_int_equal(asker_ask(w, "head")->r, -EPROTO);
	assert_int_equal(asker_ask(w, "100")->r, -EPROTO);
}

static bool announced(void *arg, int fd, const struct peer_request *request)
{
	(void)arg;
	(void)request;
	return peer_send(fd, "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\nhello");
}

static void test_what_is_announced_too_large_is_not_read(void **arg)
{
	struct asker *w = *arg;
	struct ask *a;

	w->peer = peer_start(announced, w);
	a = asker_ask(w, "a");
	assert_int_equal(a->r, -EFBIG);
	assert_int_equal(a->body.len, 0);
	assert_true(a->answer.length == INT64_C(99999999999));
}

static bool bomb(void *arg, int fd, const struct peer_request *request)
{
	FILE *gzip = popen("head -c 100000000 /dev/zero | gzip -9", "r");
	char *bytes = malloc(1 << 20);
	size_t len;

	(void)arg;
	(void)request;
	assert_non_null(gzip);
	len = fread(bytes, 1, 1 << 20, gzip);
	pclose(gzip);
	peer_send(fd, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %zu\r\n\r\n",
		len);
	peer_bytes(fd, bytes, len);
	free(bytes);
	return true;
}

static void test_a_gzip_bomb_is_bounded(void **arg)
{
	struct asker *w = *arg;
	struct ask *a;

	w->peer = peer_start(bomb, w);
	a = asker_ask_encoded(w, "", 1 << 20);
	assert_int_equal(a->r, -EFBIG);
	assert_in_range(a->body.len, 1, 1 << 20);
}

static bool slow(void *arg, int fd, const struct peer_request *request)
{
	(void)arg;
	(void)request;
	peer_send(fd, "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n");
	while (peer_send(fd, "x"))
		usleep(100000);
	return false;
}

static void test_too_slow_an_answer_ends(void **arg)
{
	struct asker *w = *arg;

	w->limits.slow_s = 1;
	w->peer = peer_start(slow, w);
	assert_int_equal(asker_ask(w, "a")->r, -ETIMEDOUT);
}

static bool once_asked(struct asker *w)
{
	return peer_requests(w->peer) > 0;
}

/* The other end hangs for as long as the test lives. */
static bool hang(void *arg, int fd, const struct peer_request *request)
{
	char byte;

	(void)arg;
	if (!strcmp(request->path, "/body"))
		peer_send(fd, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
	return recv(fd, &byte, 1, 0) > 0;
}

static void test_it_stops_while_a_server_hangs(void **arg)
{
	struct asker *w = *arg;

	w->peer = peer_start(hang, w);
	w->stopping = once_asked;
	assert_int_equal(asker_ask_many(w, 3, "head", 100)->r, -ECANCELED);
	assert_int_equal(asker_ask_many(w, 3, "body", 100)->r, -ECANCELED);
}

int main(void)
{
#define EACH(test) cmocka_unit_test_setup_teardown(test, asker_setup, asker_teardown)
	const struct CMUnitTest tests[] = {
		EACH(test_cut_answers_are_errors),
		EACH(test_a_refusal_is_one_however_it_ends),
		EACH(test_bytes_behind_an_answer_are_no_answer),
		EACH(test_endless_answers_end),
		EACH(test_what_is_announced_too_large_is_not_read),
		EACH(test_a_gzip_bomb_is_bounded),
		EACH(test_too_slow_an_answer_ends),
		EACH(test_it_stops_while_a_server_hangs),
	};

	return cmocka_run_group_tests(tests, peer_client_setup, NULL);
}
