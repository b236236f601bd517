#include "webdav/http_private.h"

#include "core/base/clock.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LOOK_MS 200 /* how often stopping() is asked while nothing comes */

static int64_t mono_us(void)
{
	return clock_system.mono_us(&clock_system);
}

static int check_text(const char *name, const char *text, size_t len, struct error *err)
{
	for (size_t i = 0; i < len; i++)
		if (iscntrl((unsigned char)text[i]))
			return error_set(err, EINVAL, "%s: a control character in it", name);
	return 0;
}

/* They become parts of header lines. */
static int check_credentials(const struct source_config *config, struct error *err)
{
	int r = 0;

	if (config->username)
		r = check_text("username", config->username, strlen(config->username), err);
	if (!r && config->password)
		r = check_text("password", config->password->text, config->password->len, err);
	if (!r && config->token)
		r = check_text("token", config->token->text, config->token->len, err);
	return r;
}

static int make_handles(struct http *http, struct error *err)
{
	const int count = http->limits.transfers;
	int r = 0;

	http->multi = curl_multi_init();
	http->transfers = calloc((size_t)count, sizeof(*http->transfers));
	if (!http->multi || !http->transfers)
		return error_set(err, ENOMEM, "out of memory");
	curl_multi_setopt(http->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)count);
	curl_multi_setopt(http->multi, CURLMOPT_MAXCONNECTS, (long)count);
	for (int i = 0; !r && i < count; i++)
		r = transfer_init(&http->transfers[i], http);
	if (r == -EINVAL)
		return error_set(err, EINVAL, "proxy, ca, cert or key: libcurl refuses it");
	return r ? error_set(err, ENOMEM, "out of memory") : 0;
}

int http_open(const struct source_config *config, const struct uri_base *base,
	const struct http_limits *limits, bool (*stopping)(void *arg), void *arg, struct http **out,
	struct error *err)
{
	struct http *http = calloc(1, sizeof(*http));
	int r;

	if (!http)
		return error_set(err, ENOMEM, "out of memory");
	http->config = config;
	http->base = base;
	http->limits = *limits;
	http->stopping = stopping;
	http->stopping_arg = arg;
	http->auth = config->token      ? (long)CURLAUTH_BEARER
		     : config->username ? (long)(CURLAUTH_BASIC | CURLAUTH_DIGEST)
					: 0;
	r = origin_check(http, err);
	if (!r)
		r = check_credentials(config, err);
	if (!r)
		r = make_handles(http, err);
	if (r)
		http_close(http);
	else
		*out = http;
	return r;
}

void http_close(struct http *http)
{
	if (!http)
		return;
	for (int i = 0; http->transfers && i < http->limits.transfers; i++) {
		struct transfer *t = &http->transfers[i];

		if (t->curl)
			curl_easy_cleanup(t->curl);
		curl_slist_free_all(t->headers);
		free(t->url);
	}
	free(http->transfers);
	if (http->multi)
		curl_multi_cleanup(http->multi);
	free(http);
}

int transfer_begin(struct transfer *t)
{
	struct http_request *request = t->request;

	if (t->begun)
		return 0;
	t->begun = true;
	t->answer.redirected = t->redirects > 0;
	t->answer.url = t->url;
	if (!request->encoded && t->answer.length > 0 && (uint64_t)t->answer.length > request->most)
		return error_set(&t->error, EFBIG, "it is larger than %llu bytes",
			(unsigned long long)request->most);
	return request->ops->begin ? request->ops->begin(request, &t->answer, &t->error) : 0;
}

/* Begins the request of a transfer, or, after a redirect, begins it again. */
static int start(struct transfer *t)
{
	answer_reset(&t->answer);
	t->head_bytes = t->body_bytes = 0;
	t->headed = t->begun = t->dropped = false;
	t->result = 0;
	t->error = (struct error){0};
	t->words[0] = '\0';
	return transfer_setup(t) || curl_multi_add_handle(t->http->multi, t->curl) ? -ENOMEM : 0;
}

static void finish(struct transfer *t, int r)
{
	struct http_request *request = t->request;

	t->request = NULL;
	t->http->busy--;
	request->ops->done(request, &t->answer, r, &t->error);
	free(t->url);
	t->url = NULL;
}

/* Of the methods that the server offers the strongest; requests carry it from now on. */
static void learn_auth(struct transfer *t)
{
	struct http *http = t->http;
	long offered = 0;

	if (http->auth != (long)(CURLAUTH_BASIC | CURLAUTH_DIGEST))
		return;
	curl_easy_getinfo(t->curl, CURLINFO_HTTPAUTH_AVAIL, &offered);
	if (offered & (long)CURLAUTH_DIGEST)
		http->auth = (long)CURLAUTH_DIGEST;
	else if (offered & (long)CURLAUTH_BASIC)
		http->auth = (long)CURLAUTH_BASIC;
}

static bool redirects(int status)
{
	return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

/* A refusal is one however its page ends: a server that does not read on ends the stream. But what
 * comes after a challenge may be the answer to it. */
static bool is_refused(const struct transfer *t)
{
	return t->headed && t->answer.status >= 400 && t->answer.status != 401 &&
	       t->answer.status != 407;
}

static int follow(struct transfer *t)
{
	char *url;
	int r = origin_redirect(t, &url, &t->error);

	if (r)
		return r;
	free(t->url);
	t->url = url;
	t->redirects++;
	r = start(t);
	return r ? error_set(&t->error, ENOMEM, "out of memory") : 0;
}

static void over(struct transfer *t, CURLcode code)
{
	const int status = t->answer.status;
	int r = t->result;

	learn_auth(t);
	curl_multi_remove_handle(t->http->multi, t->curl);
	if (!r && code && !t->dropped && !is_refused(t))
		r = transfer_error(t, code, &t->error);
	if (!r && !t->headed)
		r = error_set(&t->error, ECONNRESET, "cut short: the answer's head is not whole");
	if (!r && status / 100 == 2)
		r = transfer_begin(t);
	if (!r && redirects(status)) {
		r = follow(t);
		if (!r)
			return;
	}
	finish(t, r);
}

static struct transfer *free_transfer(struct http *http)
{
	for (int i = 0; http->busy < http->limits.transfers && i < http->limits.transfers; i++)
		if (!http->transfers[i].request)
			return &http->transfers[i];
	return NULL;
}

/* Fills what is free. Returns whether there may be more to come. */
static bool fill(struct http *http, struct http_request *(*next)(void *arg), void *arg)
{
	struct http_request *request;
	struct transfer *t;
	int r;

	if (http->pause_us > mono_us())
		return true;
	while (!http->ended && (t = free_transfer(http)) && (request = next(arg))) {
		t->request = request;
		t->redirects = 0;
		http->busy++;
		r = start(t);
		if (r)
			finish(t, error_set(&t->error, -r, "out of memory"));
	}
	return http->busy > 0;
}

/* Returns whether any was. */
static bool finish_done(struct http *http)
{
	struct CURLMsg *msg;
	bool any = false;
	int left;

	while ((msg = curl_multi_info_read(http->multi, &left))) {
		struct transfer *t = NULL;
		CURLcode code = msg->data.result; /* msg goes with the handle */

		curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, (char **)&t);
		over(t, code);
		any = true;
	}
	return any;
}

/* What is under way did not come to its end: nobody may take it for whole. */
static void abandon(struct http *http)
{
	for (int i = 0; i < http->limits.transfers; i++) {
		struct transfer *t = &http->transfers[i];

		if (!t->request)
			continue;
		curl_multi_remove_handle(http->multi, t->curl);
		finish(t, error_set(&t->error, ECANCELED, "stopped"));
	}
}

static void wait(struct http *http)
{
	int64_t left_ms = (http->pause_us - mono_us()) / 1000 + 1;

	curl_multi_poll(http->multi, NULL, 0,
		left_ms > 0 && left_ms < LOOK_MS ? (int)left_ms : LOOK_MS, NULL);
}

int http_run(
	struct http *http, struct http_request *(*next)(void *arg), void *arg, struct error *err)
{
	int running;

	http->ended = 0;
	while (fill(http, next, arg) && !http->ended) {
		if (curl_multi_perform(http->multi, &running)) {
			http_stop(http, &(struct error){ENOMEM, "out of memory"});
		} else if (http->stopping(http->stopping_arg)) {
			http_stop(http, &(struct error){ECANCELED, "stopped"});
		} else if (!finish_done(http)) {
			wait(http);
		}
	}
	abandon(http);
	if (http->ended && err)
		*err = http->ended_error;
	return http->ended;
}

void http_stop(struct http *http, const struct error *err)
{
	if (http->ended)
		return;
	http->ended = -err->code;
	http->ended_error = *err;
}

void http_pause(struct http *http, int64_t us)
{
	int64_t until = mono_us() + us;

	if (until > http->pause_us)
		http->pause_us = until;
}

int http_busy(const struct http *http)
{
	return http->busy;
}
