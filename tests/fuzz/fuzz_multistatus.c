/*
 * What any bytes must not do to the multistatus parser and to hrefs, for libFuzzer:
 * aborts where cutting a body changes what it tells, where an href becomes a path that is none, or
 * where a path does not come back from its own URL. The corpus is tests/data/multistatus.
 */
#include "tests/fuzz/fuzz.h"
#include "tests/unit/multistatus_dump.h"
#include "webdav/uri.h"

#include <stdlib.h>
#include <string.h>

#define BASE "http://127.0.0.1/dav/"

static void require(bool ok)
{
	if (!ok)
		abort();
}

static void check_part(const char *part, size_t len)
{
	require(len > 0 && len <= DAV_NAME_MAX);
	require(!(len == 1 && part[0] == '.') && !(len == 2 && memcmp(part, "..", 2) == 0));
	for (size_t i = 0; i < len; i++)
		require((unsigned char)part[i] >= 0x20 && part[i] != 0x7f);
}

static void check_path(const struct uri_base *base, const struct uri_path *path)
{
	struct buf url = BUF_INIT;
	struct uri_path again;
	const char *part = path->text;

	require(path->len <= DAV_PATH_MAX && strlen(path->text) == path->len);
	while (path->len > 0 && part != NULL) {
		size_t len = strcspn(part, "/");

		check_part(part, len);
		part = part[len] == '/' ? part + len + 1 : NULL;
	}
	uri_url(base, path->text, path->slash, &url);
	require(buf_error(&url) == 0 && strncmp(url.data, BASE, strlen(BASE)) == 0);
	if (url.len <= DAV_HREF_MAX) {
		require(uri_path(base, "", url.data, url.len, &again, NULL) == 0);
		require(strcmp(again.text, path->text) == 0);
	}
	buf_release(&url);
}

static void check_href(const struct uri_base *base, const char *href, size_t len)
{
	struct uri_path path;
	struct error err = {0};

	if (uri_path(base, "sub dir", href, len, &path, &err) == 0)
		check_path(base, &path);
	else
		require(err.code > 0 && err.text[0] != '\0');
}

/* The hrefs are what stands before the first space of each line: some are cut, all are strange. */
static void check_hrefs(const struct uri_base *base, const struct buf *dump)
{
	const char *line = dump->data, *end = line + dump->len;

	while (line < end) {
		const char *stop = memchr(line, '\n', (size_t)(end - line));
		const char *space = memchr(line, ' ', (size_t)(stop - line));

		check_href(base, line, (size_t)((space == NULL ? stop : space) - line));
		line = stop + 1;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const char *body = (const char *)data;
	struct uri_base *base = NULL;
	struct dump whole, split;

	require(uri_base_new(BASE, &base, NULL) == 0);
	check_href(base, body, len);
	dump_parse(&whole, body, len, 0, 0);
	dump_parse(&split, body, len, len > 0 ? data[len / 2] : 0, len > 0 ? data[len / 3] : 0);
	require(whole.rc == 0 || (whole.error.code == -whole.rc && whole.error.text[0] != '\0'));
	require((whole.rc == 0) == (split.rc == 0));
	if (whole.rc == 0) {
		require(whole.text.len == split.text.len);
		require(memcmp(whole.text.data, split.text.data, whole.text.len) == 0);
		check_hrefs(base, &whole.text);
	}
	dump_release(&whole);
	dump_release(&split);
	uri_base_free(base);
	return 0;
}
