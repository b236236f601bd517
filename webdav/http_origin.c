#include "webdav/http_private.h"

#include "core/base/buf.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

/* Whether a host that is written as an address is one that is refused: through a proxy nobody else
 * would look. libcurl has made an IPv4 address of every way to write one. */
static bool host_refused(const char *host)
{
	struct sockaddr_in in = {.sin_family = AF_INET};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
	char literal[INET6_ADDRSTRLEN] = "";
	size_t len = strlen(host);

	if (inet_pton(AF_INET, host, &in.sin_addr) == 1)
		return http_address_refused((const struct sockaddr *)&in);
	if (len < 3 || host[0] != '[' || len - 2 >= sizeof(literal))
		return false;
	memcpy(literal, host + 1, len - 2);
	literal[strcspn(literal, "%]")] = '\0';
	return inet_pton(AF_INET6, literal, &in6.sin6_addr) == 1 &&
	       http_address_refused((const struct sockaddr *)&in6);
}

int origin_check(const struct http *http, struct error *err)
{
	CURLU *url = curl_url();
	char *host = NULL;
	int r = 0;

	if (!url)
		return error_set(err, ENOMEM, "out of memory");
	if (curl_url_set(url, CURLUPART_URL, uri_base_url(http->base), CURLU_DISALLOW_USER) ||
		curl_url_get(url, CURLUPART_HOST, &host, 0))
		r = error_set(err, EINVAL, "url: not a URL of a server");
	else if (!http->config->local && host_refused(host))
		r = error_set(err, EPERM,
			"url: %s is link-local or a cloud's metadata service: refused unless the "
			"source has \"local\"",
			host);
	curl_free(host);
	curl_url_cleanup(url);
	return r;
}

int origin_redirect(const struct transfer *t, char **out, struct error *err)
{
	const struct http *http = t->http;
	const char *from = t->url ? t->url : t->request->url;
	struct buf url;
	int r;

	if (t->redirects >= http->limits.redirects)
		return error_set(err, ELOOP, "more than %d redirects", http->limits.redirects);
	if (t->answer.bad_location || !t->answer.location[0])
		return error_set(err, EXDEV, "a redirect without a proper Location");
	buf_init(&url, DAV_HREF_MAX);
	r = uri_redirect(http->base, from, t->answer.location, &url, err);
	if (!r)
		*out = buf_detach(&url, NULL);
	buf_release(&url);
	return r;
}
