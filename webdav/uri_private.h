/* Shared by uri.c, which knows libcurl's URLs, and uri_path.c, which takes paths apart. */
#ifndef WEBDAV_URI_PRIVATE_H
#define WEBDAV_URI_PRIVATE_H

#include "webdav/uri.h"

struct uri_origin {
	char *scheme, *host, *port; /* libcurl's */
};

struct uri_base {
	char *url; /* libcurl's */
	struct uri_origin origin;
	struct buf parts; /* of its path, decoded; each ends in a NUL */
};

/* The parts of a path as it stands in a URL. Slashes in a row are one. */
struct uri_parts {
	const char *at, *end;        /* what is left of it */
	char part[DAV_NAME_MAX + 1]; /* the last one, decoded and checked */
	size_t len;
	int code; /* a positive errno, once there is a bad one */
	const char *why;
};

/* Whether there is a next part, and it is a good one. */
bool uri_parts_next(struct uri_parts *);

/* 0 where a URL of `len` bytes, of which only scheme and authority are looked at, has the base's
 * origin; -EXDEV, -ENOMEM. */
int uri_origin_check(const struct uri_base *, const char *url, size_t len);

/* Records why an href was refused, and returns -code. */
int uri_refuse(struct error *, int code, const char *href, size_t len, const char *why);

#endif
