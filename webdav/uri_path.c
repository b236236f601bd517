#include "webdav/uri_private.h"

#include "core/base/text.h"

#include <errno.h>
#include <string.h>

#define SHOWN_MAX 120 /* bytes of an href that an error repeats */

int uri_refuse(struct error *err, int code, const char *href, size_t len, const char *why)
{
	bool cut = len > SHOWN_MAX;

	return error_set(err, code, "href %.*s%s: %s", (int)(cut ? SHOWN_MAX : len), href,
		cut ? "..." : "", why);
}

static bool part_bad(struct uri_parts *p, int code, const char *why)
{
	p->code = code;
	p->why = why;
	return false;
}

static bool part_decode(struct uri_parts *p, const char *text, size_t len)
{
	p->len = 0;
	for (size_t i = 0; i < len; i++) {
		char c = text[i];

		if (c == '%') {
			int high = len - i > 2 ? text_hex(text[i + 1]) : -1;
			int low = len - i > 2 ? text_hex(text[i + 2]) : -1;

			if (high < 0 || low < 0)
				return part_bad(p, EINVAL, "has a % without two hex digits");
			c = (char)(high << 4 | low);
			if (c == '/')
				return part_bad(p, EINVAL, "has an encoded slash");
			i += 2;
		}
		if (c == '\0')
			return part_bad(p, EINVAL, "has a NUL");
		if (p->len == DAV_NAME_MAX)
			return part_bad(p, ENAMETOOLONG, "a name is too long");
		p->part[p->len++] = c;
	}
	p->part[p->len] = '\0';
	return true;
}

static bool part_check(struct uri_parts *p)
{
	if (strcmp(p->part, ".") == 0 || strcmp(p->part, "..") == 0)
		return part_bad(p, EINVAL, "has a . or .. in its path");
	for (size_t i = 0, n; i < p->len; i += n) {
		n = text_char(p->part + i, p->len - i, NULL);
		if (n == 0)
			return part_bad(p, EINVAL, "is not UTF-8");
		if (text_is_control(p->part + i, n))
			return part_bad(p, EINVAL, "has a control character");
	}
	return true;
}

bool uri_parts_next(struct uri_parts *p)
{
	const char *from;

	while (p->at < p->end && *p->at == '/')
		p->at++;
	if (p->at == p->end)
		return false;
	from = p->at;
	p->at = memchr(from, '/', (size_t)(p->end - from));
	p->at = p->at == NULL ? p->end : p->at;
	return part_decode(p, from, (size_t)(p->at - from)) && part_check(p);
}

/* The length of "scheme:" that it begins with (RFC 3986, section 3.1), or 0. */
static size_t scheme_len(const char *href, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		char c = href[i];

		if (c == ':')
			return i == 0 ? 0 : i + 1;
		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
			continue;
		if (i == 0 || !((c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.'))
			break;
	}
	return 0;
}

/* Steps over scheme and authority, if it has them and they are the base's. */
static int skip_origin(const struct uri_base *base, struct uri_parts *p, struct error *err)
{
	size_t len = (size_t)(p->end - p->at), at = scheme_len(p->at, len);
	bool authority = len - at >= 2 && memcmp(p->at + at, "//", 2) == 0;
	const char *path;
	int rc;

	if (at == 0 && !authority)
		return 0;
	if (at == 0 || !authority)
		return uri_refuse(err, EXDEV, p->at, len, "leads to another server");
	path = memchr(p->at + at + 2, '/', len - at - 2);
	path = path == NULL ? p->end : path;
	rc = uri_origin_check(base, p->at, (size_t)(path - p->at));
	if (rc == -ENOMEM)
		return error_set(err, ENOMEM, "out of memory");
	if (rc < 0)
		return uri_refuse(err, EXDEV, p->at, len, "leads to another server");
	p->at = path;
	return 0;
}

/* Steps over the base's own parts; false where these are others, or fewer. */
static bool skip_base(const struct uri_base *base, struct uri_parts *p)
{
	const char *part = base->parts.data;

	for (size_t at = 0, len; at < base->parts.len; at += len + 1) {
		len = strlen(part + at);
		if (!uri_parts_next(p) || p->len != len || memcmp(p->part, part + at, len) != 0)
			return false;
	}
	return true;
}

static int path_add(struct uri_path *path, size_t *depth, struct uri_parts *p)
{
	size_t need = path->len + (path->len > 0) + p->len;

	if (need > DAV_PATH_MAX || *depth == DAV_DEPTH_MAX) {
		part_bad(p, ENAMETOOLONG, need > DAV_PATH_MAX ? "is too long" : "is too deep");
		return -1;
	}
	if (path->len > 0)
		path->text[path->len++] = '/';
	memcpy(path->text + path->len, p->part, p->len);
	path->len = need;
	++*depth;
	return 0;
}

/* A path relative to `dir` begins with it; all others are absolute, and begin with the base. */
static int path_begin(const char *dir, struct uri_path *path, size_t *depth)
{
	path->len = strlen(dir);
	if (path->len > DAV_PATH_MAX)
		return -1;
	memcpy(path->text, dir, path->len);
	*depth = path->len > 0;
	for (const char *s = dir; *s != '\0'; s++)
		*depth += *s == '/';
	return 0;
}

int uri_path(const struct uri_base *base, const char *dir, const char *href, size_t len,
	struct uri_path *out, struct error *err)
{
	struct uri_parts p = {.at = href, .end = href + len};
	struct uri_path path;
	size_t depth = 0;
	bool relative;
	int rc;

	if (len == 0)
		return error_set(err, EINVAL, "href: is empty");
	if (len > DAV_HREF_MAX)
		return uri_refuse(err, ENAMETOOLONG, href, len, "is too long");
	if (memchr(href, '?', len) != NULL || memchr(href, '#', len) != NULL)
		return uri_refuse(err, EINVAL, href, len, "has a query or fragment");
	rc = skip_origin(base, &p, err);
	if (rc < 0)
		return rc;
	relative = p.at == href && *href != '/';
	if (path_begin(relative ? dir : "", &path, &depth) < 0)
		return uri_refuse(err, ENAMETOOLONG, href, len, "is too long");
	if (!relative && !skip_base(base, &p) && p.code == 0)
		return uri_refuse(err, EXDEV, href, len, "is not below the source's url");
	while (p.code == 0 && uri_parts_next(&p) && path_add(&path, &depth, &p) == 0)
		;
	if (p.code != 0)
		return uri_refuse(err, p.code, href, len, p.why);
	path.text[path.len] = '\0';
	out->slash = href[len - 1] == '/';
	out->len = path.len;
	memcpy(out->text, path.text, path.len + 1);
	return 0;
}

const char *uri_child(const char *dir, const char *path)
{
	size_t len = strlen(dir);

	if (len > 0) {
		if (strncmp(path, dir, len) != 0 || path[len] != '/')
			return NULL;
		path += len + 1;
	}
	return *path == '\0' || strchr(path, '/') != NULL ? NULL : path;
}
