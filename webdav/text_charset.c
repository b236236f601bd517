#include "core/base/text.h"
#include "webdav/text_private.h"

#include <errno.h>
#include <iconv.h>
#include <string.h>
#include <strings.h>

#define CHARSET_MAX 40
#define HEAD_BYTES  4096 /* of markup that are searched for a charset */

#define REPLACEMENT "\xef\xbf\xbd"

struct mark {
	const char *bytes;
	size_t len;
	const char *charset;
};

static const struct mark *mark_of(const char *bytes, size_t len)
{
	static const struct mark marks[] = {
		{"\xef\xbb\xbf", 3, "UTF-8"},
		{"\xff\xfe\0\0", 4, "UTF-32LE"},
		{"\0\0\xfe\xff", 4, "UTF-32BE"},
		{"\xff\xfe", 2, "UTF-16LE"},
		{"\xfe\xff", 2, "UTF-16BE"},
	};

	for (size_t i = 0; i < sizeof(marks) / sizeof(*marks); i++)
		if (len >= marks[i].len && memcmp(bytes, marks[i].bytes, marks[i].len) == 0)
			return &marks[i];
	return NULL;
}

static bool is_charset_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c && strchr("-_.:", c));
}

/* What follows the first `word` and a = : charset=utf-8, encoding="utf-8". */
static bool find_charset(const char *text, size_t len, const char *word, char out[CHARSET_MAX + 1])
{
	const size_t word_len = strlen(word);

	for (size_t i = 0; i + word_len < len; i++) {
		size_t at = i + word_len, n = 0;

		if (strncasecmp(text + i, word, word_len) != 0)
			continue;
		while (at < len && (text[at] == ' ' || text[at] == '\t'))
			at++;
		if (at == len || text[at++] != '=')
			continue;
		while (at < len && strchr(" \t\"'", text[at]) && text[at])
			at++;
		while (at < len && n < CHARSET_MAX && is_charset_char(text[at]))
			out[n++] = text[at++];
		out[n] = '\0';
		return n > 0;
	}
	return false;
}

/* The charset that was told, as HTML's standard takes it (encoding.spec.whatwg.org, "Names and
 * labels"): latin1 is Windows-1252, and text in which it could be read at all is not UTF-16. */
static const char *told(
	const char *type, const char *bytes, size_t len, bool markup, char name[CHARSET_MAX + 1])
{
	static const char *const western[] = {
		"iso-8859-1", "iso8859-1", "iso_8859-1", "latin1", "us-ascii", "ascii"};

	len = len < HEAD_BYTES ? len : HEAD_BYTES;
	if (!find_charset(type, strlen(type), "charset", name) &&
		!(markup && len > 5 && memcmp(bytes, "<?xml", 5) == 0 &&
			find_charset(bytes, len, "encoding", name)) &&
		!(markup && find_charset(bytes, len, "charset", name)))
		return NULL;
	if (strncasecmp(name, "utf-16", 6) == 0 || strncasecmp(name, "utf-32", 6) == 0 ||
		strncasecmp(name, "ucs", 3) == 0)
		return "UTF-8";
	for (size_t i = 0; i < sizeof(western) / sizeof(*western); i++)
		if (strcasecmp(name, western[i]) == 0)
			return "WINDOWS-1252";
	return name;
}

/* Whether so many bytes are what no text has that it is none. */
static bool is_binary(const char *bytes, size_t len)
{
	size_t odd = 0;

	if (memchr(bytes, '\0', len) || (len > 5 && memcmp(bytes, "%PDF-", 5) == 0))
		return true;
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)bytes[i];

		odd += (c < 0x20 && (c < '\b' || c > '\r') && c != 0x1b) || c == 0x7f;
	}
	return odd > 2 + len / 32;
}

/* Converts; what is not of that charset becomes U+FFFD. */
static int convert(
	const char *charset, const char *bytes, size_t len, struct buf *out, struct error *err)
{
	iconv_t cd = iconv_open("UTF-8", charset);
	char *in = (char *)bytes, room[8192];

	if (cd == (iconv_t)-1)
		return -ENOENT;
	while (len > 0 && !out->failed) {
		char *to = room;
		size_t left = sizeof(room);
		size_t r = iconv(cd, &in, &len, &to, &left);

		buf_add(out, room, (size_t)(to - room));
		if (r == (size_t)-1 && errno != E2BIG) {
			buf_adds(out, REPLACEMENT);
			in++;
			len--;
		}
	}
	iconv_close(cd);
	if (out->failed == EMSGSIZE)
		return error_set(err, ENOTSUP, "the text is too large");
	return out->failed ? error_set(err, ENOMEM, "out of memory") : 0;
}

/* Some charsets have characters that are NULs, or bytes that UTF-8 has not. */
static int check(const struct buf *out, struct error *err)
{
	if (out->len && is_binary(out->data, out->len))
		return error_set(err, ENOTSUP, "it is no text");
	return 0;
}

int text_decode(const char *type, const char *bytes, size_t len, bool markup, struct buf *out,
	struct error *err)
{
	const struct mark *mark = mark_of(bytes, len);
	const char *charset = mark ? mark->charset : NULL;
	char name[CHARSET_MAX + 1];
	int r;

	if (mark) {
		bytes += mark->len;
		len -= mark->len;
	} else if (is_binary(bytes, len)) {
		return error_set(err, ENOTSUP, "it is no text");
	}
	if (!charset)
		charset = told(type, bytes, len, markup, name);
	if (charset && strcasecmp(charset, "UTF-8") != 0 && strcasecmp(charset, "utf8") != 0) {
		r = convert(charset, bytes, len, out, err);
		if (r != -ENOENT)
			return r ? r : check(out, err);
	}
	if (!text_is_utf8(bytes, len, NULL)) {
		r = convert("WINDOWS-1252", bytes, len, out, err);
		return r ? r : check(out, err);
	}
	if (mark && is_binary(bytes, len))
		return error_set(err, ENOTSUP, "it is no text");
	buf_add(out, bytes, len);
	return out->failed ? error_set(err, ENOMEM, "out of memory") : 0;
}
