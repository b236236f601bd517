/*
 * What a server calls its members (hrefs, RFC 4918 section 8.3), and what they are called here:
 * paths below a source's base.
 *
 * A path is "a/b.md", or "" for the base itself: UTF-8, parts of 1 to DAV_NAME_MAX bytes, none of
 * them "." or "..", without control characters, at most DAV_DEPTH_MAX parts and DAV_PATH_MAX bytes.
 * It is never a URL, and a request's URL is always made of the base and a path: whatever a server
 * writes into an href, nothing else than the base's origin is asked, and nothing above the base.
 *
 * A base never changes once made: any thread may use it. Nothing here blocks.
 */
#ifndef WEBDAV_URI_H
#define WEBDAV_URI_H

#include "core/base/buf.h"
#include "core/base/error.h"
#include "webdav/limits.h"

#include <stdbool.h>
#include <stddef.h>

struct uri_base;

/* An absolute http: or https: URL without user, password and query; a slash is added at its end
 * where it has none, and a fragment is dropped. -EINVAL with the reason, -ENAMETOOLONG, -ENOMEM. */
int uri_base_new(const char *url, struct uri_base **out, struct error *);
void uri_base_free(struct uri_base *); /* takes NULL */

/* Normalised, as requests send it; it ends in a slash. The base's own. */
const char *uri_base_url(const struct uri_base *);

struct uri_path {
	bool slash; /* the href ended in one, as a collection's should */
	size_t len;
	char text[DAV_PATH_MAX + 1];
};

/* The path that an href means, in the answer about the collection `dir` (a path). It may be an
 * absolute URL, an absolute path, or, which RFC 4918 has not but some servers write, a path
 * relative to `dir`. Spaces and UTF-8 need not be encoded; slashes in a row are one; that the
 * base's own name stands in it once more ("/dav/dav/a") is nothing special. Untouched on failure:
 * -EXDEV  another origin (scheme, host, port), or not below the base
 * -EINVAL a part that is "." or "..", a slash, NUL or control character inside a part, encoded or
 *         not; no UTF-8; a query or fragment; a % without two hex digits; nothing at all
 * -ENAMETOOLONG  a part, the path, the number of parts, or the href itself
 * -ENOMEM */
int uri_path(const struct uri_base *, const char *dir, const char *href, size_t len,
	struct uri_path *out, struct error *);

/* The name of `path` in `dir`, where it stands directly in it; else NULL: it is dir itself, above,
 * beside or further below. Points into path. */
const char *uri_child(const char *dir, const char *path);

/* Appends the URL to request: everything but unreserved characters is encoded (RFC 3986, section
 * 2.3). `slash` as collections are asked for. A failed allocation shows in the buf. */
void uri_url(const struct uri_base *, const char *path, bool slash, struct buf *out);

/* Where a redirect leads, as a URL without fragment, appended to out: `location` is resolved
 * against `from`, the URL that was asked. -EXDEV: another origin than the base's, so not to be
 * followed; -EINVAL: no URL, or one with a user; -ENAMETOOLONG, -ENOMEM. */
int uri_redirect(const struct uri_base *, const char *from, const char *location, struct buf *out,
	struct error *);

#endif
