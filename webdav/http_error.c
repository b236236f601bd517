#include "webdav/http_private.h"

#include <errno.h>

static const struct {
	CURLcode code;
	int error;
	const char *words;
} meanings[] = {
	{CURLE_OUT_OF_MEMORY, ENOMEM, "out of memory"},
	{CURLE_COULDNT_RESOLVE_HOST, EHOSTUNREACH, "the server's name is not known"},
	{CURLE_COULDNT_RESOLVE_PROXY, EHOSTUNREACH, "the proxy's name is not known"},
	{CURLE_COULDNT_CONNECT, ECONNREFUSED, "can't connect"},
	{CURLE_OPERATION_TIMEDOUT, ETIMEDOUT, "too slow"},
	{CURLE_PARTIAL_FILE, ECONNRESET, "cut short"},
	{CURLE_RECV_ERROR, ECONNRESET, "cut off"},
	{CURLE_SEND_ERROR, ECONNRESET, "cut off"},
	{CURLE_GOT_NOTHING, ECONNRESET, "cut off"},
	{CURLE_HTTP2, ECONNRESET, "cut off"},
	{CURLE_HTTP2_STREAM, ECONNRESET, "cut off"},
	{CURLE_PEER_FAILED_VERIFICATION, EKEYREJECTED, "the server's certificate is not accepted"},
	{CURLE_SSL_ISSUER_ERROR, EKEYREJECTED, "the server's certificate is not accepted"},
	{CURLE_SSL_CACERT_BADFILE, EKEYREJECTED, "ca can't be read"},
	{CURLE_SSL_CERTPROBLEM, EKEYREJECTED, "cert or key can't be used"},
	{CURLE_BAD_CONTENT_ENCODING, EPROTO, "its encoding is broken"},
	{CURLE_SSL_CONNECT_ERROR, EPROTO, "TLS failed"},
	{CURLE_UNSUPPORTED_PROTOCOL, EPROTO, "the answer is not HTTP"},
	{CURLE_WEIRD_SERVER_REPLY, EPROTO, "the answer is not HTTP"},
};

int transfer_error(const struct transfer *t, CURLcode code, struct error *err)
{
	const char *more = t->words[0] ? t->words : curl_easy_strerror(code);

	if (code == CURLE_COULDNT_CONNECT && t->http->refused[0])
		return error_set(err, EPERM,
			"%s is link-local or a cloud's metadata service: refused unless the source "
			"has \"local\"",
			t->http->refused);
	for (size_t i = 0; i < sizeof(meanings) / sizeof(*meanings); i++)
		if (meanings[i].code == code)
			return error_set(err, meanings[i].error, "%s: %s", meanings[i].words, more);
	return error_set(err, EPROTO, "%s", more);
}

bool http_unreachable(int status)
{
	return status == -ECONNREFUSED || status == -EHOSTUNREACH || status == -ETIMEDOUT ||
	       status == -ECONNRESET || status == -EPROTO || status == -EKEYREJECTED ||
	       status == -EPERM;
}

int http_refusal(int status, struct error *err)
{
	switch (status) {
	case 401:
		return error_set(err, EACCES, "401: the server wants other credentials");
	case 403:
		return error_set(err, EACCES, "403: the server forbids it");
	case 404:
	case 410:
		return error_set(err, ENOENT, "%d: it is not there", status);
	case 423:
		return error_set(err, EAGAIN, "423: it is locked");
	case 425:
	case 429:
	case 503:
		return error_set(err, EAGAIN, "%d: the server asks to come back later", status);
	case 507:
		return error_set(err, ENOSPC, "507: the server has no room");
	default:
		break;
	}
	if (status < 200)
		return error_set(err, EPROTO, "%d is no answer", status);
	if (status < 300)
		return error_set(err, EPROTO, "%d was not asked for", status);
	if (status < 400)
		return error_set(err, EXDEV, "%d: a redirect that is not followed", status);
	return error_set(err, EREMOTEIO, "the server answered %d", status);
}
