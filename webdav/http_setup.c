#include "webdav/http_private.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define RECEIVE_BYTES 65536L

/* Every address that a connection is made to passes here, whatever name led to it. */
static curl_socket_t open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *to)
{
	struct http *http = arg;
	const void *at = to->family == AF_INET
				 ? (const void *)&((struct sockaddr_in *)&to->addr)->sin_addr
				 : (const void *)&((struct sockaddr_in6 *)&to->addr)->sin6_addr;

	(void)purpose;
	if (!http->config->local && http_address_refused(&to->addr)) {
		if (!inet_ntop(to->family, at, http->refused, sizeof(http->refused)))
			memcpy(http->refused, "it", sizeof("it"));
		return CURL_SOCKET_BAD;
	}
	return socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
}

static size_t take_body(char *bytes, size_t size, size_t count, void *arg)
{
	struct transfer *t = arg;
	struct http_request *request = t->request;
	size_t len = size * count;

	t->body_bytes += len;
	if (t->answer.status / 100 != 2) {
		t->dropped = t->body_bytes > ERROR_BODY_MAX;
		return t->dropped ? CURL_WRITEFUNC_ERROR : len;
	}
	t->result = transfer_begin(t);
	if (!t->result && t->body_bytes > request->most)
		t->result = error_set(&t->error, EFBIG, "it is larger than %llu bytes",
			(unsigned long long)request->most);
	if (!t->result)
		t->result = request->ops->body(request, bytes, len, &t->error);
	return t->result ? CURL_WRITEFUNC_ERROR : len;
}

static CURLcode set_tls(CURL *curl, const struct source_config *config)
{
	long verify = config->verify;
	CURLcode r = curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, verify);

	if (!r)
		r = curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, verify ? 2L : 0L);
	if (!r)
		r = curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	if (!r && config->ca)
		r = curl_easy_setopt(curl, CURLOPT_CAINFO, config->ca);
	if (!r && config->cert)
		r = curl_easy_setopt(curl, CURLOPT_SSLCERT, config->cert);
	if (!r && config->key)
		r = curl_easy_setopt(curl, CURLOPT_SSLKEY, config->key);
	return r;
}

static CURLcode set_credentials(CURL *curl, const struct source_config *config)
{
	CURLcode r = CURLE_OK;

	if (config->token)
		return curl_easy_setopt(curl, CURLOPT_XOAUTH2_BEARER, config->token->text);
	if (config->username)
		r = curl_easy_setopt(curl, CURLOPT_USERNAME, config->username);
	if (!r && config->username)
		r = curl_easy_setopt(
			curl, CURLOPT_PASSWORD, config->password ? config->password->text : "");
	return r;
}

/* libcurl's own waits are off or bounded: a resolver's thread is left behind (QUICK_EXIT) where it
 * would have to be waited for. */
static CURLcode set_numbers(CURL *curl, const struct http *http)
{
	const bool tls = !strncmp(uri_base_url(http->base), "https:", 6);
	const struct {
		CURLoption option;
		long value;
	} numbers[] = {
		{CURLOPT_NOSIGNAL, 1},
		{CURLOPT_QUICK_EXIT, 1},
		{CURLOPT_FOLLOWLOCATION, 0},
		{CURLOPT_DISALLOW_USERNAME_IN_URL, 1},
		{CURLOPT_PATH_AS_IS, 1},
		{CURLOPT_SUPPRESS_CONNECT_HEADERS, 1},
		{CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_2TLS},
		{CURLOPT_PIPEWAIT, tls},
		{CURLOPT_BUFFERSIZE, RECEIVE_BYTES},
		{CURLOPT_TCP_KEEPALIVE, 1},
		{CURLOPT_CONNECTTIMEOUT_MS, http->limits.connect_ms},
		{CURLOPT_LOW_SPEED_LIMIT, http->limits.slow_bytes},
		{CURLOPT_LOW_SPEED_TIME, http->limits.slow_s},
	};
	CURLcode r = CURLE_OK;

	for (size_t i = 0; !r && i < sizeof(numbers) / sizeof(*numbers); i++)
		r = curl_easy_setopt(curl, numbers[i].option, numbers[i].value);
	return r;
}

static CURLcode set_calls(CURL *curl, struct transfer *t)
{
	CURLcode r = curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);

	curl_easy_setopt(curl, CURLOPT_WRITEDATA, t);
	curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, answer_header);
	curl_easy_setopt(curl, CURLOPT_HEADERDATA, t);
	curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, t->http);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, t->words);
	curl_easy_setopt(curl, CURLOPT_PRIVATE, t);
	return r;
}

int transfer_init(struct transfer *t, struct http *http)
{
	const struct source_config *config = http->config;
	CURL *curl = curl_easy_init();
	CURLcode r;

	t->http = http;
	t->curl = curl;
	if (!curl)
		return -ENOMEM;
	r = set_numbers(curl, http);
	if (!r)
		r = set_calls(curl, t);
	if (!r)
		r = set_tls(curl, config);
	if (!r)
		r = set_credentials(curl, config);
	if (!r)
		r = curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
	if (!r)
		r = curl_easy_setopt(curl, CURLOPT_USERAGENT, "leitlfs/" LEITLFS_VERSION);
	if (!r && config->proxy)
		r = curl_easy_setopt(curl, CURLOPT_PROXY, config->proxy);
	return !r ? 0 : r == CURLE_OUT_OF_MEMORY ? -ENOMEM : -EINVAL;
}

static int add_header(struct transfer *t, const char *line)
{
	struct curl_slist *more = curl_slist_append(t->headers, line);

	if (!more)
		return -ENOMEM;
	t->headers = more;
	return 0;
}

/* Without a word of encodings a server may choose any. */
static int set_headers(struct transfer *t)
{
	struct http_request *request = t->request;
	int r = 0;

	curl_slist_free_all(t->headers);
	t->headers = NULL;
	if (!request->encoded)
		r = add_header(t, "Accept-Encoding: identity");
	for (int i = 0; !r && i < HTTP_HEADERS_MAX && request->headers[i]; i++)
		r = add_header(t, request->headers[i]);
	curl_easy_setopt(t->curl, CURLOPT_HTTPHEADER, t->headers);
	return r;
}

int transfer_setup(struct transfer *t)
{
	struct http_request *request = t->request;
	CURL *curl = t->curl;
	CURLcode r = curl_easy_setopt(curl, CURLOPT_URL, t->url ? t->url : request->url);

	if (request->body) {
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->body);
		curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)request->body_len);
	} else {
		curl_easy_setopt(curl, CURLOPT_HTTPGET, 1L);
	}
	if (!r)
		r = curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request->method);
	if (!r)
		r = curl_easy_setopt(
			curl, CURLOPT_ACCEPT_ENCODING, request->encoded ? "gzip" : NULL);
	if (!r && t->http->auth)
		r = curl_easy_setopt(curl, CURLOPT_HTTPAUTH, t->http->auth);
	if (!r)
		r = curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, request->timeout_ms);
	return r ? -ENOMEM : set_headers(t);
}
