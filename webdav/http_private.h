/* What the sources of webdav/http.h share: a client and its transfers. */
#ifndef WEBDAV_HTTP_PRIVATE_H
#define WEBDAV_HTTP_PRIVATE_H

#include "webdav/http.h"
#include "webdav/limits.h"

#include <curl/curl.h>

/* One request under way, with a handle that is used again and again. */
struct transfer {
	struct http *http;
	CURL *curl;
	struct http_request *request; /* NULL: free */
	struct curl_slist *headers;
	struct http_answer answer;
	char *url; /* where a redirect led; NULL: the request's */
	int redirects;
	size_t head_bytes;
	uint64_t body_bytes;
	bool headed;  /* the head is whole */
	bool begun;   /* begin was called */
	bool dropped; /* enough of a refusal's body was seen */
	int result;   /* of begin and body */
	struct error error;
	char words[CURL_ERROR_SIZE];
};

struct http {
	const struct source_config *config;
	struct http_limits limits;
	bool (*stopping)(void *arg);
	void *stopping_arg;
	CURLM *multi;
	const struct uri_base *base;
	long auth; /* CURLAUTH_*: what is known to be wanted, or may be */
	int busy;
	int64_t pause_us; /* CLOCK_MONOTONIC */
	int ended;        /* what http_run() is to return */
	struct error ended_error;
	char refused[INET6_ADDRSTRLEN]; /* the last address that was refused */
	struct transfer *transfers;     /* limits.transfers of them */
};

/* http_setup.c: what all requests of a handle have in common; and what this one has. */
int transfer_init(struct transfer *, struct http *);
int transfer_setup(struct transfer *);

/* http.c: hands the head of a 2xx answer over, once. */
int transfer_begin(struct transfer *);

/* http_answer.c: libcurl's callback for each line of the head. */
size_t answer_header(char *line, size_t size, size_t count, void *transfer);
void answer_reset(struct http_answer *);

/* http_origin.c: whether the base may be asked at all; and where an answer redirects to: a URL of
 * the same origin, to be freed. -EXDEV, -ELOOP, and those of uri_redirect(). */
int origin_check(const struct http *, struct error *);
int origin_redirect(const struct transfer *, char **out, struct error *);

/* http_error.c: an errno and the reason. */
int transfer_error(const struct transfer *, CURLcode, struct error *);

#endif
