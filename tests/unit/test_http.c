#include "webdav/http.h"

#include "tests/unit/peer.h"
#include "tests/unit/scratch.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <curl/curl.h>

#include <cmocka.h>

#define CANARY "cAnArY-7"

/* One request and what became of it. */
struct ask {
	struct http_request request;
	struct buf body;
	struct http_answer answer;
	struct error err;
	int r;
	int calls; /* of done */
};

struct world {
	struct source_config config;
	struct http_limits limits;
	struct plain secret;
	struct peer *peer, *other;
	struct uri_base *base;
	struct http *http;
	char url[256];
	struct ask *asks;
	int count, next;
	bool (*stopping)(struct world *);
	atomic_int in; /* requests that a handler holds */
};

static int take_body(struct http_request *request, const char *bytes, size_t len, struct error *err)
{
	(void)err;
	buf_add(&((struct ask *)request)->body, bytes, len);
	return 0;
}

static void take_end(struct http_request *request, const struct http_answer *answer, int r,
	const struct error *err)
{
	struct ask *ask = (struct ask *)request;

	ask->answer = *answer;
	ask->err = *err;
	ask->r = r;
	ask->calls++;
}

static const struct http_ops ops = {NULL, take_body, take_end};

static struct http_request *next(void *arg)
{
	struct world *w = arg;

	return w->next < w->count ? &w->asks[w->next++].request : NULL;
}

static bool stopping(void *arg)
{
	struct world *w = arg;

	return w->stopping && w->stopping(w);
}

static int set_up(void **arg)
{
	struct world *w = calloc(1, sizeof(*w));

	w->config.kind = SOURCE_WEBDAV;
	w->config.verify = true;
	w->limits = (struct http_limits)HTTP_LIMITS_DEFAULT;
	*arg = w;
	return 0;
}

static void forget(struct world *w)
{
	for (int i = 0; i < w->count; i++)
		buf_release(&w->asks[i].body);
	free(w->asks);
	w->asks = NULL;
	w->count = w->next = 0;
}

static int tear_down(void **arg)
{
	struct world *w = *arg;

	forget(w);
	http_close(w->http);
	uri_base_free(w->base);
	peer_stop(w->peer);
	peer_stop(w->other);
	free(w);
	return 0;
}

static int open_at(struct world *w, const char *url, struct error *err)
{
	http_close(w->http);
	uri_base_free(w->base);
	w->http = NULL;
	w->base = NULL;
	assert_int_equal(uri_base_new(url, &w->base, err), 0);
	return http_open(&w->config, w->base, &w->limits, stopping, w, &w->http, err);
}

/* Makes `count` requests at once; the first one's fate. */
static struct ask *ask_many(struct world *w, int count, const char *path, uint64_t most)
{
	struct error err = {0};
	int r;

	if (!w->http && open_at(w, peer_url(w->peer), &err))
		fail_msg("%s", err.text);
	forget(w);
	snprintf(w->url, sizeof(w->url), "%s%s", uri_base_url(w->base), path);
	w->asks = calloc((size_t)count, sizeof(*w->asks));
	w->count = count;
	for (int i = 0; i < count; i++)
		w->asks[i].request =
			(struct http_request){.ops = &ops, .url = w->url, .most = most};
	r = http_run(w->http, next, w, &err);
	assert_true(r == 0 || r == -ECANCELED);
	for (int i = 0; i < count; i++)
		assert_int_equal(w->asks[i].calls, 1);
	return w->asks;
}

static struct ask *ask(struct world *w, const char *path)
{
	return ask_many(w, 1, path, 1 << 20);
}

static bool fine(void *arg, int fd, const struct peer_request *request)
{
	(void)arg;
	(void)request;
	return peer_answer(fd, "200 OK",
		"ETag: \"e1\"\r\nContent-Type: Text/Markdown; charset=utf-8\r\n"
		"Last-Modified: Tue, 18 Nov 2025 12:00:00 GMT\r\n",
		"hello");
}

static void test_an_answer(void **arg)
{
	struct world *w = *arg;
	struct ask *a;

	w->peer = peer_start(fine, w);
	a = ask(w, "a.md");
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
	struct world *w = *arg;

	w->limits.transfers = 4;
	w->peer = peer_start(fine, w);
	ask_many(w, 200, "a", 100);
	ask_many(w, 200, "b", 100);
	for (int i = 0; i < 200; i++)
		assert_string_equal(w->asks[i].body.data, "hello");
	assert_int_equal(peer_requests(w->peer), 400);
	assert_in_range(peer_connections(w->peer), 1, 4);
}

/* Answers none until all are there. */
static bool all_in(void *arg, int fd, const struct peer_request *request)
{
	struct world *w = arg;

	atomic_fetch_add(&w->in, 1);
	for (int i = 0; i < 5000 && atomic_load(&w->in) < TRANSFERS_MAX; i++)
		usleep(1000);
	return fine(arg, fd, request);
}

static void test_sixteen_at_once(void **arg)
{
	struct world *w = *arg;

	w->peer = peer_start(all_in, w);
	ask_many(w, TRANSFERS_MAX, "a", 100);
	assert_int_equal(peer_connections(w->peer), TRANSFERS_MAX);
	assert_int_equal(atomic_load(&w->in), TRANSFERS_MAX);
}

static bool basic(void *arg, int fd, const struct peer_request *request)
{
	char value[128] = "";

	peer_header(request, "authorization", value, sizeof(value));
	if (!strcmp(value, "Basic dTpjQW5BclktNw==")) /* u:CANARY */
		return fine(arg, fd, request);
	return peer_answer(fd, "401 Unauthorized",
		"WWW-Authenticate: Basic realm=\"x\"\r\nETag: \"no\"\r\n", "who are you");
}

static void give_password(struct world *w, const char *password)
{
	w->secret.text = (char *)(uintptr_t)password;
	w->secret.len = strlen(password);
	w->config.username = (char *)(uintptr_t) "u";
	w->config.password = &w->secret;
}

static void test_basic_is_asked_for_once(void **arg)
{
	struct world *w = *arg;

	give_password(w, CANARY);
	w->peer = peer_start(basic, w);
	assert_string_equal(ask(w, "a")->body.data, "hello");
	ask_many(w, 50, "b", 100);
	for (int i = 0; i < 50; i++)
		assert_string_equal(w->asks[i].body.data, "hello");
	assert_int_equal(peer_requests(w->peer), 52);
	assert_int_equal(peer_seen(w->peer, "Authorization: Basic"), 51);
}

static void test_wrong_password_is_tried_once(void **arg)
{
	struct world *w = *arg;
	struct ask *a;
	struct error err;

	give_password(w, "wrong-" CANARY);
	w->peer = peer_start(basic, w);
	a = ask(w, "a");
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
		return fine(arg, fd, request);
	return peer_answer(fd, "401 Unauthorized",
		"WWW-Authenticate: Basic realm=\"x\"\r\n"
		"WWW-Authenticate: Digest realm=\"x\", nonce=\"n1\", qop=\"auth\"\r\n",
		"");
}

/* Where both are offered, the password itself is not sent. */
static void test_digest_goes_before_basic(void **arg)
{
	struct world *w = *arg;

	w->limits.transfers = 2;
	give_password(w, CANARY);
	w->peer = peer_start(digest, w);
	assert_string_equal(ask(w, "a")->body.data, "hello");
	ask_many(w, 20, "a", 100);
	for (int i = 0; i < 20; i++)
		assert_string_equal(w->asks[i].body.data, "hello");
	assert_int_equal(peer_seen(w->peer, "Basic"), 0);
	assert_int_equal(peer_seen(w->peer, "Digest username"), 21);
	assert_in_range(peer_requests(w->peer), 22, 23); /* one unasked by each handle */
}

static void test_bearer_token(void **arg)
{
	struct world *w = *arg;
	struct error err;

	w->secret = (struct plain){strlen(CANARY), (char *)(uintptr_t)CANARY};
	w->config.token = &w->secret;
	w->peer = peer_start(fine, w);
	assert_string_equal(ask(w, "a")->body.data, "hello");
	assert_int_equal(peer_seen(w->peer, "Authorization: Bearer " CANARY "\r\n"), 1);
	w->secret = (struct plain){12, (char *)(uintptr_t) "a\r\nHost: b.c"};
	assert_int_equal(open_at(w, peer_url(w->peer), &err), -EINVAL);
}

/* The path says where to. */
static bool redirect(void *arg, int fd, const struct peer_request *request)
{
	struct world *w = arg;
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
	return basic(arg, fd, request);
}

static void test_redirects_elsewhere_are_not_followed(void **arg)
{
	static const char *const paths[] = {"other", "slashes", "name", "https", "user", "file",
		"ftp", "metadata", "none", "garbage"};
	struct world *w = *arg;
	struct ask *a;

	give_password(w, CANARY);
	w->peer = peer_start(redirect, w);
	w->other = peer_start(fine, w);
	assert_string_equal(ask(w, "fine")->body.data, "hello");
	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
		a = ask(w, paths[i]);
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
	struct world *w = *arg;
	struct ask *a;

	give_password(w, CANARY);
	w->peer = peer_start(redirect, w);
	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
		a = ask(w, paths[i]);
		assert_int_equal(a->r, 0);
		assert_string_equal(a->body.data, "hello");
		assert_true(a->answer.redirected);
		assert_int_equal(peer_seen(w->peer, "GET /dir/there%20is"), (int)i + 2);
	}
	a = ask(w, "fine");
	assert_false(a->answer.redirected);
}

static void test_redirects_in_a_loop_end(void **arg)
{
	struct world *w = *arg;

	w->peer = peer_start(redirect, w);
	assert_int_equal(ask(w, "loop")->r, -ELOOP);
	assert_int_equal(peer_requests(w->peer), 1 + REDIRECTS_MAX);
}

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
	return fine(arg, fd, request);
}

static void test_cut_answers_are_errors(void **arg)
{
	static const char *const paths[] = {
		"short", "chunk", "last-chunk", "bad-chunk", "nothing", "garbage", "head"};
	struct world *w = *arg;
	struct ask *a;

	w->peer = peer_start(broken, w);
	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
		a = ask(w, paths[i]);
		if (!http_unreachable(a->r) || !a->err.text[0])
			fail_msg("%s: %d %s", paths[i], a->r, a->err.text);
	}
	assert_int_equal(ask(w, "short")->r, -ECONNRESET);
}

static void test_a_refusal_is_one_however_it_ends(void **arg)
{
	struct world *w = *arg;
	struct ask *a;

	w->peer = peer_start(broken, w);
	a = ask(w, "refused");
	assert_int_equal(a->r, 0);
	assert_int_equal(a->answer.status, 403);
	/* What comes after a challenge may be the answer to it. */
	assert_int_equal(ask(w, "challenge")->r, -ECONNRESET);
}

static void test_bytes_behind_an_answer_are_no_answer(void **arg)
{
	struct world *w = *arg;

	w->limits.transfers = 1;
	w->peer = peer_start(broken, w);
	for (int i = 0; i < 10; i++) {
		struct ask *a = ask(w, "long");

		assert_int_equal(a->r, 0);
		assert_string_equal(a->body.data, "hello");
		a = ask(w, "fine");
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
	struct world *w = *arg;
	struct ask *a;

	w->peer = peer_start(endless, w);
	a = ask(w, "body");
	assert_int_equal(a->r, -EFBIG);
	assert_in_range(a->body.len, 0, 1 << 20);
	a = ask(w, "404");
	assert_int_equal(a->r, 0);
	assert_int_equal(a->answer.status, 404);
	assert_int_equal(a->body.len, 0);
	assert_int_equal(ask(w, "head")->r, -EPROTO);
	assert_int_equal(ask(w, "100")->r, -EPROTO);
}

static bool announced(void *arg, int fd, const struct peer_request *request)
{
	(void)arg;
	(void)request;
	return peer_send(fd, "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\nhello");
}

static void test_what_is_announced_too_large_is_not_read(void **arg)
{
	struct world *w = *arg;
	struct ask *a;

	w->peer = peer_start(announced, w);
	a = ask(w, "a");
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
	struct world *w = *arg;
	struct error err;
	struct ask a = {.request = {.ops = &ops, .most = 1 << 20, .encoded = true}};

	w->peer = peer_start(bomb, w);
	assert_int_equal(open_at(w, peer_url(w->peer), &err), 0);
	a.request.url = uri_base_url(w->base);
	w->asks = calloc(1, sizeof(a));
	*w->asks = a;
	w->count = 1;
	assert_int_equal(http_run(w->http, next, w, &err), 0);
	assert_int_equal(w->asks->r, -EFBIG);
	assert_in_range(w->asks->body.len, 1, 1 << 20);
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
	struct world *w = *arg;

	w->limits.slow_s = 1;
	w->peer = peer_start(slow, w);
	assert_int_equal(ask(w, "a")->r, -ETIMEDOUT);
}

static bool once_asked(struct world *w)
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
	struct world *w = *arg;

	w->peer = peer_start(hang, w);
	w->stopping = once_asked;
	assert_int_equal(ask_many(w, 3, "head", 100)->r, -ECANCELED);
	assert_int_equal(ask_many(w, 3, "body", 100)->r, -ECANCELED);
}

static void test_nobody_there(void **arg)
{
	struct world *w = *arg;
	char url[64];
	struct error err;

	w->peer = peer_start(fine, w);
	snprintf(url, sizeof(url), "%s", peer_url(w->peer));
	peer_stop(w->peer);
	w->peer = NULL;
	assert_int_equal(open_at(w, url, &err), 0);
	assert_int_equal(ask(w, "a")->r, -ECONNREFUSED);
}

static void test_addresses_that_are_refused(void **arg)
{
	static const char *const refused[] = {"http://169.254.169.254/", "http://169.254.0.1:80/",
		"http://[fe80::1]/", "http://[::ffff:169.254.169.254]/", "http://[fd00:ec2::254]/",
		"http://100.100.100.200/", "http://[64:ff9b::a9fe:a9fe]/", "http://2852039166/",
		"http://0xa9fea9fe/"};
	static const char *const fine_ones[] = {"http://127.0.0.1/", "http://10.0.0.1/",
		"http://[::1]/", "http://192.168.1.1/", "http://[fd00::1]/"};
	struct world *w = *arg;
	struct error err;

	for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++)
		assert_int_equal(open_at(w, refused[i], &err), -EPERM);
	for (size_t i = 0; i < sizeof(fine_ones) / sizeof(*fine_ones); i++)
		assert_int_equal(open_at(w, fine_ones[i], &err), 0);
	w->config.local = true;
	for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++)
		assert_int_equal(open_at(w, refused[i], &err), 0);
}

/* What a name leads to is seen when it is connected to; a proxy is connected to in the same way. */
static void test_addresses_are_looked_at_when_connecting(void **arg)
{
	struct world *w = *arg;
	struct ask *a;

	w->peer = peer_start(fine, w);
	w->config.proxy = (char *)(uintptr_t) "http://[::ffff:169.254.169.254]:80/";
	a = ask(w, "a");
	assert_int_equal(a->r, -EPERM);
	assert_non_null(strstr(a->err.text, "local"));
	assert_int_equal(peer_connections(w->peer), 0);
}

static void test_a_proxy_is_used(void **arg)
{
	struct world *w = *arg;
	struct error err;

	w->peer = peer_start(fine, w);
	w->config.proxy = (char *)(uintptr_t)peer_url(w->peer);
	assert_int_equal(open_at(w, "http://nowhere.invalid/", &err), 0);
	assert_string_equal(ask(w, "a")->body.data, "hello");
	assert_int_equal(peer_seen(w->peer, "GET http://nowhere.invalid/a HTTP"), 1);
}

/* TLS: a server of openssl(1)'s, with certificates made here. */
struct tls {
	struct scratch scratch;
	pid_t pid;
	int port;
};

static void sh(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void sh(const char *fmt, ...)
{
	char command[2048];
	va_list args;

	va_start(args, fmt);
	vsnprintf(command, sizeof(command), fmt, args);
	va_end(args);
	if (system(command) != 0)
		fail_msg("%s", command);
}

static void make_certificates(struct tls *tls)
{
	static const struct {
		const char *name, *host;
		int days;
	} certificates[] = {{"good", "127.0.0.1", 2}, {"wrong", "127.0.0.2", 2},
		{"expired", "127.0.0.1", -1}, {"client", "127.0.0.1", 2}};

	scratch_init(&tls->scratch);
	sh("cd %s && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes "
	   "-subj /CN=ca -days 2 -keyout ca.key -out ca.pem 2>/dev/null",
		tls->scratch.path);
	for (size_t i = 0; i < sizeof(certificates) / sizeof(*certificates); i++)
		sh("cd %s && name=%s && openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 "
		   "-nodes -subj /CN=$name -keyout $name.key -out $name.csr 2>/dev/null && "
		   "echo subjectAltName=IP:%s > ext && openssl x509 -req -in $name.csr "
		   "-CA ca.pem -CAkey ca.key -CAcreateserial -days %d -extfile ext "
		   "-out $name.pem 2>/dev/null",
			tls->scratch.path, certificates[i].name, certificates[i].host,
			certificates[i].days);
}

static void start_tls(struct tls *tls, const char *name, bool client)
{
	char line[256];
	int fds[2];
	FILE *out;

	assert_int_equal(pipe(fds), 0);
	tls->pid = fork();
	if (tls->pid == 0) {
		char key[64], cert[64];

		snprintf(key, sizeof(key), "%s.key", name);
		snprintf(cert, sizeof(cert), "%s.pem", name);
		if (chdir(tls->scratch.path) || dup2(fds[1], 1) < 0)
			_exit(1);
		if (dup2(fds[1], 2) < 0)
			_exit(1);
		execlp("openssl", "openssl", "s_server", "-accept", "127.0.0.1:0", "-www", "-key",
			key, "-cert", cert, "-CAfile", "ca.pem", client ? "-Verify" : NULL, "1",
			NULL);
		_exit(1);
	}
	close(fds[1]);
	out = fdopen(fds[0], "r");
	tls->port = 0;
	while (!tls->port && fgets(line, sizeof(line), out))
		if (!strncmp(line, "ACCEPT 127.0.0.1:", 17))
			tls->port = (int)strtol(line + 17, NULL, 10);
	assert_int_not_equal(tls->port, 0);
	fclose(out);
}

static void stop_tls(struct tls *tls)
{
	kill(tls->pid, SIGKILL);
	waitpid(tls->pid, NULL, 0);
}

static struct ask *ask_tls(struct world *w, const struct tls *tls)
{
	char url[64];
	struct error err;

	snprintf(url, sizeof(url), "https://127.0.0.1:%d/", tls->port);
	assert_int_equal(open_at(w, url, &err), 0);
	return ask(w, "");
}

static void expect_tls(
	struct world *w, struct tls *tls, const char *name, const char *ca, bool verify, int r)
{
	struct ask *a;

	start_tls(tls, name, false);
	w->config.ca = (char *)(uintptr_t)ca;
	w->config.verify = verify;
	a = ask_tls(w, tls);
	stop_tls(tls);
	if (a->r != r)
		fail_msg("%s: %d %s", name, a->r, a->err.text);
}

static void test_certificates_that_are_refused(void **arg)
{
	struct world *w = *arg;
	struct tls tls;
	const char *ca;

	make_certificates(&tls);
	ca = scratch_path(&tls.scratch, "ca.pem");
	expect_tls(w, &tls, "good", ca, true, 0);
	expect_tls(w, &tls, "good", NULL, true, -EKEYREJECTED);
	expect_tls(w, &tls, "wrong", ca, true, -EKEYREJECTED);
	expect_tls(w, &tls, "expired", ca, true, -EKEYREJECTED);
	expect_tls(w, &tls, "good", scratch_path(&tls.scratch, "nothing"), true, -EKEYREJECTED);
	expect_tls(w, &tls, "good", NULL, false, 0);
	expect_tls(w, &tls, "wrong", NULL, false, 0);
	expect_tls(w, &tls, "expired", NULL, false, 0);
	scratch_release(&tls.scratch);
}

static void test_client_certificate(void **arg)
{
	struct world *w = *arg;
	struct tls tls;

	make_certificates(&tls);
	start_tls(&tls, "good", true);
	w->config.ca = (char *)(uintptr_t)scratch_path(&tls.scratch, "ca.pem");
	assert_true(http_unreachable(ask_tls(w, &tls)->r));
	w->config.cert = (char *)(uintptr_t)scratch_path(&tls.scratch, "client.pem");
	w->config.key = (char *)(uintptr_t)scratch_path(&tls.scratch, "client.key");
	assert_int_equal(ask_tls(w, &tls)->r, 0);
	stop_tls(&tls);
	scratch_release(&tls.scratch);
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
#define EACH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		EACH(test_an_answer),
		EACH(test_connections_are_kept),
		EACH(test_sixteen_at_once),
		EACH(test_basic_is_asked_for_once),
		EACH(test_wrong_password_is_tried_once),
		EACH(test_digest_goes_before_basic),
		EACH(test_bearer_token),
		EACH(test_redirects_elsewhere_are_not_followed),
		EACH(test_redirects_within_the_origin_are_followed),
		EACH(test_redirects_in_a_loop_end),
		EACH(test_cut_answers_are_errors),
		EACH(test_a_refusal_is_one_however_it_ends),
		EACH(test_bytes_behind_an_answer_are_no_answer),
		EACH(test_endless_answers_end),
		EACH(test_what_is_announced_too_large_is_not_read),
		EACH(test_a_gzip_bomb_is_bounded),
		EACH(test_too_slow_an_answer_ends),
		EACH(test_it_stops_while_a_server_hangs),
		EACH(test_nobody_there),
		EACH(test_addresses_that_are_refused),
		EACH(test_addresses_are_looked_at_when_connecting),
		EACH(test_a_proxy_is_used),
		EACH(test_certificates_that_are_refused),
		EACH(test_client_certificate),
		cmocka_unit_test(test_retry_after),
		cmocka_unit_test(test_strong_etags),
		cmocka_unit_test(test_dates),
	};
	static const char *const proxies[] = {
		"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"};

	for (size_t i = 0; i < sizeof(proxies) / sizeof(*proxies); i++)
		unsetenv(proxies[i]);
	curl_global_init(CURL_GLOBAL_DEFAULT);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
