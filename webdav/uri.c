#include "webdav/uri_private.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define AUTHORITY_MAX 512 /* bytes of scheme, host and port */

static int url_error(struct error *err, const char *what, CURLUcode code)
{
	if (code == CURLUE_OUT_OF_MEMORY)
		return error_set(err, ENOMEM, "out of memory");
	if (code == CURLUE_USER_NOT_ALLOWED)
		return error_set(err, EINVAL, "%s: must not hold a user or password", what);
	return error_set(err, EINVAL, "%s: %s", what, curl_url_strerror(code));
}

static void origin_release(struct uri_origin *origin)
{
	curl_free(origin->scheme);
	curl_free(origin->host);
	curl_free(origin->port);
}

static CURLUcode origin_get(CURLU *url, struct uri_origin *out)
{
	CURLUcode rc;

	*out = (struct uri_origin){0};
	rc = curl_url_get(url, CURLUPART_SCHEME, &out->scheme, 0);
	if (rc == CURLUE_OK)
		rc = curl_url_get(url, CURLUPART_HOST, &out->host, 0);
	if (rc == CURLUE_OK)
		rc = curl_url_get(url, CURLUPART_PORT, &out->port, CURLU_DEFAULT_PORT);
	return rc;
}

static int origin_check(const struct uri_base *base, CURLU *url)
{
	const struct uri_origin *a = &base->origin;
	struct uri_origin b;
	CURLUcode code = origin_get(url, &b);
	int rc = code == CURLUE_OUT_OF_MEMORY ? -ENOMEM : -EXDEV;

	if (code == CURLUE_OK && strcasecmp(a->scheme, b.scheme) == 0 &&
		strcasecmp(a->host, b.host) == 0 && strcmp(a->port, b.port) == 0)
		rc = 0;
	origin_release(&b);
	return rc;
}

int uri_origin_check(const struct uri_base *base, const char *url, size_t len)
{
	char text[AUTHORITY_MAX + 1];
	CURLUcode code;
	CURLU *u;
	int rc;

	if (len > AUTHORITY_MAX || memchr(url, '\0', len) != NULL)
		return -EXDEV;
	memcpy(text, url, len);
	text[len] = '\0';
	u = curl_url();
	if (u == NULL)
		return -ENOMEM;
	code = curl_url_set(u, CURLUPART_URL, text, CURLU_DISALLOW_USER);
	if (code == CURLUE_OK)
		rc = origin_check(base, u);
	else
		rc = code == CURLUE_OUT_OF_MEMORY ? -ENOMEM : -EXDEV;
	curl_url_cleanup(u);
	return rc;
}

static int base_parts(struct uri_base *base, const char *path, struct error *err)
{
	size_t len = strlen(path);
	struct uri_parts p = {.at = path, .end = path + len};

	while (uri_parts_next(&p))
		buf_add(&base->parts, p.part, p.len + 1);
	if (p.code != 0)
		return error_set(err, p.code, "url: %s", p.why);
	if (buf_error(&base->parts) == -ENOMEM)
		return error_set(err, ENOMEM, "out of memory");
	return 0;
}

/* Puts a slash at the path's end, and drops the fragment. */
static CURLUcode base_tidy(CURLU *u)
{
	CURLUcode code;
	char *path = NULL, *slashed = NULL;
	size_t len;

	code = curl_url_set(u, CURLUPART_FRAGMENT, NULL, 0);
	if (code == CURLUE_OK)
		code = curl_url_get(u, CURLUPART_PATH, &path, 0);
	if (code != CURLUE_OK)
		return code;
	len = strlen(path);
	if (len == 0 || path[len - 1] != '/') {
		code = CURLUE_OUT_OF_MEMORY;
		if (asprintf(&slashed, "%s/", path) >= 0) {
			code = curl_url_set(u, CURLUPART_PATH, slashed, 0);
			free(slashed);
		}
	}
	curl_free(path);
	return code;
}

static int base_fill(struct uri_base *base, CURLU *u, struct error *err)
{
	char *part = NULL;
	CURLUcode code;
	int rc;

	code = curl_url_get(u, CURLUPART_QUERY, &part, 0);
	curl_free(part);
	if (code == CURLUE_OK)
		return error_set(err, EINVAL, "url: must not hold a query");
	code = code == CURLUE_NO_QUERY ? base_tidy(u) : code;
	if (code == CURLUE_OK)
		code = origin_get(u, &base->origin);
	if (code == CURLUE_OK)
		code = curl_url_get(u, CURLUPART_URL, &base->url, CURLU_NO_DEFAULT_PORT);
	if (code == CURLUE_OK)
		code = curl_url_get(u, CURLUPART_PATH, &part, 0);
	if (code != CURLUE_OK)
		return url_error(err, "url", code);
	if (strcmp(base->origin.scheme, "http") != 0 && strcmp(base->origin.scheme, "https") != 0)
		rc = error_set(err, EINVAL, "url: must begin with http:// or https://");
	else
		rc = base_parts(base, part, err);
	curl_free(part);
	return rc;
}

int uri_base_new(const char *url, struct uri_base **out, struct error *err)
{
	struct uri_base *base;
	CURLUcode code;
	CURLU *u;
	int rc;

	if (strlen(url) > DAV_HREF_MAX)
		return error_set(err, ENAMETOOLONG, "url: is too long");
	base = calloc(1, sizeof(*base));
	u = curl_url();
	code = base == NULL || u == NULL
		       ? CURLUE_OUT_OF_MEMORY
		       : curl_url_set(u, CURLUPART_URL, url, CURLU_URLENCODE | CURLU_DISALLOW_USER);
	rc = code == CURLUE_OK ? base_fill(base, u, err) : url_error(err, "url", code);
	curl_url_cleanup(u);
	if (rc < 0)
		uri_base_free(base);
	else
		*out = base;
	return rc;
}

void uri_base_free(struct uri_base *base)
{
	if (base == NULL)
		return;
	curl_free(base->url);
	origin_release(&base->origin);
	buf_release(&base->parts);
	free(base);
}

const char *uri_base_url(const struct uri_base *base)
{
	return base->url;
}

static bool is_unreserved(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '.' || c == '_' || c == '~';
}

void uri_url(const struct uri_base *base, const char *path, bool slash, struct buf *out)
{
	static const char digits[] = "0123456789ABCDEF";

	buf_adds(out, base->url);
	for (const char *s = path; *s != '\0'; s++) {
		unsigned char c = (unsigned char)*s;

		if (*s == '/' || is_unreserved(*s))
			buf_addc(out, *s);
		else
			buf_add(out, (char[]){'%', digits[c >> 4], digits[c & 15]}, 3);
	}
	if (slash && *path != '\0')
		buf_addc(out, '/');
}

static int redirect_add(CURLU *u, struct buf *out, struct error *err)
{
	CURLUcode code = curl_url_set(u, CURLUPART_FRAGMENT, NULL, 0);
	char *url = NULL;
	int rc;

	if (code == CURLUE_OK)
		code = curl_url_get(u, CURLUPART_URL, &url, 0);
	if (code != CURLUE_OK)
		return url_error(err, "redirect", code);
	buf_adds(out, url);
	curl_free(url);
	rc = buf_error(out);
	return rc < 0 ? error_set(err, -rc, "redirect: %s", strerror(-rc)) : 0;
}

int uri_redirect(const struct uri_base *base, const char *from, const char *location,
	struct buf *out, struct error *err)
{
	size_t len = strlen(location);
	CURLUcode code;
	CURLU *u;
	int rc;

	if (len == 0 || len > DAV_HREF_MAX)
		return error_set(err, len == 0 ? EINVAL : ENAMETOOLONG, "redirect: its location %s",
			len == 0 ? "is empty" : "is too long");
	u = curl_url();
	if (u == NULL)
		return error_set(err, ENOMEM, "out of memory");
	code = curl_url_set(u, CURLUPART_URL, from, 0);
	if (code == CURLUE_OK)
		code = curl_url_set(
			u, CURLUPART_URL, location, CURLU_URLENCODE | CURLU_DISALLOW_USER);
	if (code == CURLUE_UNSUPPORTED_SCHEME)
		rc = -EXDEV;
	else if (code != CURLUE_OK)
		rc = url_error(err, "redirect", code);
	else
		rc = origin_check(base, u);
	if (rc == 0)
		rc = redirect_add(u, out, err);
	else if (rc == -EXDEV) /* what follows a ? may be secret */
		error_set(err, EXDEV, "redirect to %.*s: leads to another server",
			(int)strcspn(location, "?#"), location);
	else if (rc == -ENOMEM)
		error_set(err, ENOMEM, "out of memory");
	curl_url_cleanup(u);
	return rc;
}
