/* Where a source is: URLs (RFC 3986) and paths, checked strictly and brought to one form. */
#include "core/source_private.h"

#include "core/text.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* A URL's parts, in the text it was. */
struct span {
	const char *text;
	size_t len;
};

struct url {
	struct span user, password, host, port, path;
	bool has_user, has_password;
};

static bool is_letter_or_digit(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool is_unreserved(char c)
{
	return is_letter_or_digit(c) || c == '-' || c == '.' || c == '_' || c == '~';
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The byte that %XX stands for; -1: it is none. */
static int escaped(const char *text, size_t len)
{
	if (len < 3 || text[0] != '%' || hex(text[1]) < 0 || hex(text[2]) < 0)
		return -1;
	return hex(text[1]) * 16 + hex(text[2]);
}

/* Takes %XX out, in place. A stray % is refused, and so is %00. */
static int decode(const char *name, char *text, size_t *len, struct error *err)
{
	size_t to = 0;

	for (size_t at = 0; at < *len; at++, to++) {
		int byte = text[at] == '%' ? escaped(text + at, *len - at) : text[at];

		if (text[at] == '%' && byte <= 0)
			return error_set(
				err, EINVAL, "%s: a %% must begin one of %%01 to %%FF", name);
		at += text[at] == '%' ? 2 : 0;
		text[to] = (char)byte;
	}
	text[to] = '\0';
	*len = to;
	return 0;
}

/* Decodes into memory that is wiped: it may be a password. */
static int decode_plain(const char *name, struct span s, struct plain **out, struct error *err)
{
	struct plain *p = plain_new(s.text, s.len);
	int r;

	if (p == NULL)
		return error_set(err, ENOMEM, "out of memory");
	r = decode(name, p->text, &p->len, err);
	if (r != 0)
		plain_free(p);
	else
		*out = p;
	return r;
}

static bool skip_scheme(struct span *s, const char *scheme)
{
	const size_t len = strlen(scheme);

	if (s->len < len || strncasecmp(s->text, scheme, len) != 0)
		return false;
	s->text += len;
	s->len -= len;
	return true;
}

/* user:password@host:port, up to the path. */
static int split_authority(const char *name, struct span a, struct url *out, struct error *err)
{
	const char *at = memchr(a.text, '@', a.len), *colon;
	struct span who;

	if (at != NULL) {
		who = (struct span){a.text, (size_t)(at - a.text)};
		a = (struct span){at + 1, a.len - who.len - 1};
		if (memchr(a.text, '@', a.len) != NULL)
			return error_set(err, EINVAL,
				"%s: an @ in a user name or password must be written %%40", name);
		colon = memchr(who.text, ':', who.len);
		out->has_user = who.len > 0 && colon != who.text;
		out->user = who;
		if (colon != NULL) {
			out->has_password = true;
			out->user.len = (size_t)(colon - who.text);
			out->password = (struct span){colon + 1, who.len - out->user.len - 1};
		}
	}
	out->host = a;
	colon = memrchr(a.text, ':', a.len);
	if (colon != NULL && memchr(colon, ']', (size_t)(a.text + a.len - colon)) == NULL) {
		out->host.len = (size_t)(colon - a.text);
		out->port = (struct span){colon + 1, a.len - out->host.len - 1};
	}
	return 0;
}

static bool host_ok(struct span host)
{
	char address[INET6_ADDRSTRLEN + 1];
	struct in6_addr in6;

	if (host.len > 2 && host.text[0] == '[' && host.text[host.len - 1] == ']') {
		if (host.len - 2 >= sizeof(address))
			return false;
		memcpy(address, host.text + 1, host.len - 2);
		address[host.len - 2] = '\0';
		return inet_pton(AF_INET6, address, &in6) == 1;
	}
	if (host.len == 0 || host.len > 253 || host.text[0] == '.' || host.text[0] == '-')
		return false;
	for (size_t i = 0; i < host.len; i++)
		if (!is_letter_or_digit(host.text[i]) && strchr("-._", host.text[i]) == NULL)
			return false;
	return true;
}

static int port_of(struct span port)
{
	int value = 0;

	for (size_t i = 0; i < port.len; i++) {
		if (port.text[i] < '0' || port.text[i] > '9' || value > 65535)
			return -1;
		value = value * 10 + (port.text[i] - '0');
	}
	return port.len == 0 || (value > 0 && value <= 65535) ? value : -1;
}

static int add_host(
	const char *name, const struct url *u, int usual_port, struct buf *out, struct error *err)
{
	const int port = port_of(u->port);

	if (!host_ok(u->host))
		return error_set(err, EINVAL,
			"%s: the host must be a name of a-z 0-9 . - _, or an address (IPv6 in "
			"brackets)",
			name);
	if (port < 0)
		return error_set(err, EINVAL, "%s: the port must be 1 to 65535", name);
	for (size_t i = 0; i < u->host.len; i++) {
		char c = u->host.text[i];

		buf_addc(out, c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c);
	}
	if (port != 0 && port != usual_port)
		buf_addf(out, ":%d", port);
	return 0;
}

/* What may stand in a path as it is: RFC 3986, section 3.3, pchar and the slash. */
static bool is_path(char c)
{
	return is_unreserved(c) || (c != '\0' && strchr("!$&'()*+,;=:@/", c) != NULL);
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
		int byte = c == '%' ? escaped(path.text + at, path.len - at) : (unsigned char)c;

		if (c == '%') {
			if (byte <= 0)
				return error_set(err, EINVAL,
					"url: a %% must begin one of %%01 to %%FF; itself it is "
					"%%25");
			at += 2;
		}
		/* An escaped reserved character is another thing than itself. */
		if (c == '%' ? is_unreserved((char)byte) : is_path(c))
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

/* What a URL says of user and password goes where they are. Nothing is changed on failure. */
static int take_who(const char *name, const struct url *u, char **username, struct plain **password,
	struct error *err)
{
	struct plain *user = NULL, *secret = NULL;
	char *copy = NULL;
	int r = 0;

	if (u->has_user)
		r = decode_plain(name, u->user, &user, err);
	if (r == 0 && u->has_password)
		r = decode_plain(name, u->password, &secret, err);
	if (r == 0 && user != NULL)
		r = source_check_user("username", user->text, user->len, err);
	if (r == 0 && secret != NULL)
		r = source_check_secret("password", secret->text, secret->len, err);
	if (r == 0 && user != NULL) {
		copy = strdup(user->text);
		r = copy != NULL ? 0 : error_set(err, ENOMEM, "out of memory");
	}
	if (r == 0 && copy != NULL) {
		free(*username);
		*username = copy;
	}
	if (r == 0 && secret != NULL) {
		plain_free(*password);
		*password = secret;
		secret = NULL;
	}
	plain_free(user);
	plain_free(secret);
	return r;
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
	r = split_authority("url", (struct span){rest.text, authority}, &u, err);
	buf_adds(&out, tls ? "https://" : "http://");
	if (r == 0)
		r = add_host("url", &u, tls ? 443 : 80, &out, err);
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
		r = take_who("url", &u, &c->username, &c->password, err);
	url = r == 0 ? buf_detach(&out, NULL) : NULL;
	buf_release(&out);
	if (r != 0)
		return r;
	free(c->url);
	free(c->path);
	c->path = NULL;
	c->url = url;
	c->kind = SOURCE_WEBDAV;
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
		r = decode("url", copy, &len, err);
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
	free(c->url);
	free(c->path);
	c->url = NULL;
	c->path = copy;
	c->kind = SOURCE_FOLDER;
	return 0;
}

/* file:///path, file:/path, file://localhost/path (RFC 8089). */
static int take_file_url(struct source_config *c, struct span rest, struct error *err)
{
	if (skip_scheme(&rest, "//localhost/"))
		rest = (struct span){rest.text - 1, rest.len + 1};
	else
		skip_scheme(&rest, "//");
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
	if (skip_scheme(&rest, "https://"))
		return take_web(c, rest, true, err);
	if (skip_scheme(&rest, "http://"))
		return take_web(c, rest, false, err);
	if (skip_scheme(&rest, "file:"))
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
	while (schemes[i] != NULL && !skip_scheme(&rest, schemes[i]))
		i++;
	if (rest.len > 0 && rest.text[rest.len - 1] == '/')
		rest.len--;
	if (schemes[i] == NULL || memchr(rest.text, '/', rest.len) != NULL)
		r = error_set(err, EINVAL,
			"proxy: must be http://host:port, https:// or socks5h:// alike, or none");
	if (r == 0)
		r = split_authority("proxy", rest, &u, err);
	if (r == 0) {
		buf_adds(&out, schemes[i]);
		r = add_host("proxy", &u, -1, &out, err);
	}
	if (r == 0 && buf_error(&out) != 0)
		r = error_set(err, ENOMEM, "out of memory");
	if (r == 0)
		r = take_who("proxy", &u, &c->proxy_username, &c->proxy_password, err);
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
