/*
 * What text*.c share.
 */
#ifndef WEBDAV_TEXT_PRIVATE_H
#define WEBDAV_TEXT_PRIVATE_H

#include "webdav/text.h"

#include <stdbool.h>

#define TITLE_MAX ((size_t)512) /* bytes; longer ones are cut */

/* The bytes as valid UTF-8 without a byte order mark. `type` may tell a charset; `markup`: so may
 * the head of the text. -ENOTSUP: it is no text; -ENOMEM. */
int text_decode(const char *type, const char *bytes, size_t len, bool markup, struct buf *out,
	struct error *err);

/* The text of HTML, which is valid UTF-8. Nothing is fetched, and no entity but HTML's own known.
 * What is nested deeper than 1000 elements ends it. -ENOMEM. */
int text_from_html(
	const char *html, size_t len, struct buf *title, struct buf *body, struct error *err);

#endif
