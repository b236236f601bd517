/* The parts of a URL (RFC 3986), checked strictly: other programs must not read it otherwise. */
#include "core/context/source_private.h"

#include "core/base/text.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool is_letter_or_digit(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool url_is_unreserved(char c)
{
	return is_letter_or_digit(c) || c == '-' || c == '.' || c == '_' || c == '~';
}

/* The byte that %XX stands for; -1: it is none. */
int url_escaped(const char *text, size_t len)
{
	if (len < 3 || text[0] != '%' || text_hex(text[1]) < 0 || text_hex(text[2]) < 0)
		return -1;
	return text_hex(text[1]) * 16 + text_hex(text[2]);
}

/* Takes %XX out, in place. A stray % is refused, and so is %00. */
int url_decode(const char *name, char *text, size_t *len, struct error *err)
{
	size_t to = 0;

	for (size_t at = 0; at < *len; at++, to++) {
		int byte = text[at] == '%' ? url_escaped(text + at, *len - at) : text[at];

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
	r = url_decode(name, p->text, &p->len, err);
	if (r != 0)
		plain_free(p);
	else
		*out = p;
	return r;
}

bool url_skip(struct span *s, const char *scheme)
{
	const size_t len = strlen(scheme);

	if (s->len < len || strncasecmp(s->text, scheme, len) != 0)
		return false;
	s->text += len;
	s->len -= len;
	return true;
}

/* user:password@host:port, up to the path. */
int url_split(const char *name, struct span a, struct url *out, struct error *err)
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

int url_add_host(
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

/* What a URL says of user and password goes where they are. Nothing is changed on failure. */
int url_take_who(const char *name, const struct url *u, char **username, struct plain **password,
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
