/* Where a source is: URLs (RFC 3986) and paths, checked strictly and brought to one form. */
#include "core/context/source_private.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* What may stand in a path as it is: RFC 3986, section 3.3, pchar and the slash. */
static bool is_path(char c)
{
	return url_is_unreserved(c) || (c != '\0' && strchr("!$&'()*+,;=:@/", c) != NULL);
}

static void add_escape(struct buf *out, unsigned byte)
{
	static const char digits[] = "0123456789ABCDEF";

	buf_addc(out, '%');
	buf_addc(out, digits[byte >> 4]);
	buf_addc(out, digits[byte & 15]);
}

static int add_path(struct span path, struct buf *out, struct error *err)
{
	for (size_t at = 0; at < path.len; at++) {
		const char c = path.text[at];
		int byte = c == '%' ? url_escaped(path.text + at, path.len - at) : (unsigned char)c;

		if (c == '%') {
			if (byte <= 0)
				return error_set(err, EINVAL,
					"url: a %% must begin one of %%01 to %%FF; itself it is "
					"%%25");
			at += 2;
		}
		/* An escaped reserved character is another thing than itself. */
		if (c == '%' ? url_is_unreserved((char)byte) : is_path(c))
			buf_addc(out, (char)byte);
		else
			add_escape(out, (unsigned)byte);
	}
	if (out->len == 0 || out->data[out->len - 1] != '/')
		buf_addc(out, '/');
	return 0;
}

/* Whether one part of the path is "." or "..". */
static bool has_dots(const char *path, size_t len)
{
	const char *end = path + len;

	while (path < end) {
		const char *slash = memchr(path, '/', (size_t)(end - path));
		size_t part = (size_t)((slash != NULL ? slash : end) - path);

		if ((part == 1 || part == 2) && memcmp(path, "..", part) == 0)
			return true;
		path += part + 1;
	}
	return false;
}

/* One of the two, which it takes over. */
static void set_place(struct source_config *c, enum source_kind kind, char *url, char *path)
{
	free(c->url);
	free(c->path);
	c->url = url;
	c->path = path;
	c->kind = kind;
}

static int take_web(struct source_config *c, struct span rest, bool tls, struct error *err)
{
	size_t authority = 0, origin;
	struct url u = {0};
	struct buf out = BUF_INIT;
	char *url;
	int r;

	while (authority < rest.len && strchr("/?#\\", rest.text[authority]) == NULL)
		authority++;
	u.path = (struct span){rest.text + authority, rest.len - authority};
	if (memchr(u.path.text, '?', u.path.len) || memchr(u.path.text, '#', u.path.len))
		return error_set(err, EINVAL,
			"url: must have no ? or # part; within names they are %%3F and %%23");
	r = url_split("url", (struct span){rest.text, authority}, &u, err);
	buf_adds(&out, tls ? "https://" : "http://");
	if (r == 0)
		r = url_add_host("url", &u, tls ? 443 : 80, &out, err);
	origin = out.len;
	if (r == 0)
		r = add_path(u.path, &out, err);
	if (r == 0 && buf_error(&out) != 0)
		r = error_set(err, ENOMEM, "out of memory");
	if (r == 0 && out.data[origin] != '/')
		r = error_set(err, EINVAL, "url: must have a / after the host");
	if (r == 0 && has_dots(out.data + origin, out.len - origin))
		r = error_set(err, EINVAL, "url: must have no . or .. in its path");
	if (r == 0 && out.len > SOURCE_URL_MAX)
		r = error_set(err, EINVAL, "url: must be at most %d bytes", SOURCE_URL_MAX);
	if (r == 0)
		r = url_take_who("url", &u, &c->username, &c->password, err);
	url = r == 0 ? buf_detach(&out, NULL) : NULL;
	buf_release(&out);
	if (r != 0)
		return r;
	set_place(c, SOURCE_WEBDAV, url, NULL);
	return 0;
}

/* Takes out what says nothing: doubled slashes, "." parts and a slash at the end. */
static void tidy(char *path)
{
	char *to = path;

	for (const char *from = path; *from != '\0';) {
		size_t slashes = strspn(from, "/"), part = strcspn(from + slashes, "/");

		from += slashes;
		if (part > 0 && !(part == 1 && from[0] == '.')) {
			*to++ = '/';
			memmove(to, from, part);
			to += part;
		}
		from += part;
	}
	*to = '\0';
}

static int take_folder(struct source_config *c, struct span path, bool encoded, struct error *err)
{
	char *copy = strndup(path.text, path.len);
	size_t len = path.len;
	int r = 0;

	if (copy == NULL)
		return error_set(err, ENOMEM, "out of memory");
	if (encoded)
		r = url_decode("url", copy, &len, err);
	if (r == 0)
		r = source_check_text("url", copy, len, PATH_MAX - 1, err);
	if (r == 0 && copy[0] != '/')
		r = error_set(err, EINVAL, "url: the path of a folder must be absolute");
	if (r == 0)
		tidy(copy);
	if (r == 0 && has_dots(copy, strlen(copy)))
		r = error_set(err, EINVAL, "url: the path of a folder must have no .. in it");
	if (r == 0 && copy[0] == '\0')
		r = error_set(err, EINVAL, "url: the root directory can't be a source");
	if (r != 0) {
		free(copy);
		return r;
	}
	set_place(c, SOURCE_FOLDER, NULL, copy);
	return 0;
}

/* file:///path, file:/path, file://localhost/path (RFC 8089). */
static int take_file_url(struct source_config *c, struct span rest, struct error *err)
{
	if (url_skip(&rest, "//localhost/"))
		rest = (struct span){rest.text - 1, rest.len + 1};
	else
		url_skip(&rest, "//");
	if (rest.len == 0 || rest.text[0] != '/')
		return error_set(err, EINVAL, "url: file: must be followed by an absolute path");
	if (memchr(rest.text, '?', rest.len) || memchr(rest.text, '#', rest.len))
		return error_set(err, EINVAL,
			"url: must have no ? or # part; within names they are %%3F and %%23");
	return take_folder(c, rest, true, err);
}

int source_take_url(struct source_config *c, const struct source_option *o, const char *text,
	size_t len, struct error *err)
{
	struct span rest = {text, len};
	int r = source_check_text(o->name, text, len, SOURCE_URL_MAX, err);

	if (r != 0)
		return r;
	if (url_skip(&rest, "https://"))
		return take_web(c, rest, true, err);
	if (url_skip(&rest, "http://"))
		return take_web(c, rest, false, err);
	if (url_skip(&rest, "file:"))
		return take_file_url(c, rest, err);
	if (len > 0 && text[0] == '/')
		return take_folder(c, rest, false, err);
	return error_set(err, EINVAL,
		"url: must be https://host/path/, http://host/path/, or an absolute path");
}

int source_take_proxy(struct source_config *c, const struct source_option *o, const char *text,
	size_t len, struct error *err)
{
	static const char *const schemes[] = {
		"http://", "https://", "socks5h://", "socks5://", "socks4a://", "socks4://", NULL};
	struct span rest = {text, len};
	struct url u = {0};
	struct buf out = BUF_INIT;
	char *url = NULL;
	int r = source_check_text(o->name, text, len, SOURCE_URL_MAX, err), i = 0;

	if (r != 0)
		return r;
	if (len == 0 || (len == 4 && memcmp(text, "none", 4) == 0)) {
		url = strdup("");
		r = url != NULL ? 0 : error_set(err, ENOMEM, "out of memory");
		goto out;
	}
	while (schemes[i] != NULL && !url_skip(&rest, schemes[i]))
		i++;
	if (rest.len > 0 && rest.text[rest.len - 1] == '/')
		rest.len--;
	if (schemes[i] == NULL || memchr(rest.text, '/', rest.len) != NULL)
		r = error_set(err, EINVAL,
			"proxy: must be http://host:port, https:// or socks5h:// alike, or none");
	if (r == 0)
		r = url_split("proxy", rest, &u, err);
	if (r == 0) {
		buf_adds(&out, schemes[i]);
		r = url_add_host("proxy", &u, -1, &out, err);
	}
	if (r == 0 && buf_error(&out) != 0)
		r = error_set(err, ENOMEM, "out of memory");
	if (r == 0)
		r = url_take_who("proxy", &u, &c->proxy_username, &c->proxy_password, err);
	if (r == 0)
		url = buf_detach(&out, NULL);
out:
	buf_release(&out);
	if (r != 0)
		return r;
	free(c->proxy);
	c->proxy = url;
	return 0;
}
