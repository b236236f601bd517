#include "tests/unit/asker.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

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
	struct asker *w = arg;

	return w->next < w->count ? &w->asks[w->next++].request : NULL;
}

static bool stopping(void *arg)
{
	struct asker *w = arg;

	return w->stopping && w->stopping(w);
}

int asker_setup(void **arg)
{
	struct asker *w = calloc(1, sizeof(*w));

	w->config.kind = SOURCE_WEBDAV;
	w->config.verify = true;
	w->limits = (struct http_limits)HTTP_LIMITS_DEFAULT;
	*arg = w;
	return 0;
}

static void forget(struct asker *w)
{
	for (int i = 0; i < w->count; i++)
		buf_release(&w->asks[i].body);
	free(w->asks);
	w->asks = NULL;
	w->count = w->next = 0;
}

int asker_teardown(void **arg)
{
	struct asker *w = *arg;

	forget(w);
	http_close(w->http);
	uri_base_free(w->base);
	peer_stop(w->peer);
	peer_stop(w->other);
	free(w);
	return 0;
}

int asker_open(struct asker *w, const char *url, struct error *err)
{
	http_close(w->http);
	uri_base_free(w->base);
	w->http = NULL;
	w->base = NULL;
	assert_int_equal(uri_base_new(url, &w->base, err), 0);
	return http_open(&w->config, w->base, &w->limits, stopping, w, &w->http, err);
}

static struct ask *make(
	struct asker *w, int count, const char *path, const struct http_request *like)
{
	struct error err = {0};
	int r;

	if (!w->http && asker_open(w, peer_url(w->peer), &err))
		fail_msg("%s", err.text);
	forget(w);
	snprintf(w->url, sizeof(w->url), "%s%s", uri_base_url(w->base), path);
	w->asks = calloc((size_t)count, sizeof(*w->asks));
	w->count = count;
	for (int i = 0; i < count; i++) {
		w->asks[i].request = *like;
		w->asks[i].request.ops = &ops;
		w->asks[i].request.url = w->url;
	}
	r = http_run(w->http, next, w, &err);
	assert_true(r == 0 || r == -ECANCELED);
	for (int i = 0; i < count; i++)
		assert_int_equal(w->asks[i].calls, 1);
	return w->asks;
}

struct ask *asker_ask_many(struct asker *w, int count, const char *path, uint64_t most)
{
	return make(w, count, path, &(struct http_request){.most = most});
}

struct ask *asker_ask(struct asker *w, const char *path)
{
	return asker_ask_many(w, 1, path, 1 << 20);
}

struct ask *asker_ask_encoded(struct asker *w, const char *path, uint64_t most)
{
	return make(w, 1, path, &(struct http_request){.most = most, .encoded = true});
}

bool asker_hello(void *arg, int fd, const struct peer_request *request)
{
	(void)arg;
	(void)request;
	return peer_answer(fd, "200 OK",
		"ETag: \"e1\"\r\nContent-Type: Text/Markdown; charset=utf-8\r\n"
		"Last-Modified: Tue, 18 Nov 2025 12:00:00 GMT\r\n",
		"hello");
}

bool asker_hello_basic(void *arg, int fd, const struct peer_request *request)
{
	char value[128] = "";

	peer_header(request, "authorization", value, sizeof(value));
	if (!strcmp(value, "Basic dTpjQW5BclktNw==")) /* u:CANARY */
		return asker_hello(arg, fd, request);
	return peer_answer(fd, "401 Unauthorized",
		"WWW-Authenticate: Basic realm=\"x\"\r\nETag: \"no\"\r\n", "who are you");
}

void asker_give_password(struct asker *w, const char *password)
{
	w->secret.text = (char *)(uintptr_t)password;
	w->secret.len = strlen(password);
	w->config.username = (char *)(uintptr_t) "u";
	w->config.password = &w->secret;
}
