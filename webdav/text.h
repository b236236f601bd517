/*
 * Canonical text of a file's bytes: UTF-8 without a byte order mark, lines ended by \n, HTML made
 * text (libxml2's HTML parser, its network and entities off), front matter kept.
 *
 * The charset is what a byte order mark says, else the media type (text/html; charset=…), else
 * what HTML's or XML's head declares, else UTF-8 where it is valid, else Windows-1252. What is not
 * of its charset becomes U+FFFD. The title is HTML's <title>, front matter's title, or the first
 * heading of Markdown and the like; on one line.
 *
 * Any thread. Takes some tenths of a second for the worst of pages; what is nested deeper than 1000
 * elements, and all behind it, is left out.
 */
#ifndef WEBDAV_TEXT_H
#define WEBDAV_TEXT_H

#include "core/base/buf.h"
#include "core/base/error.h"

#define TEXT_MAX ((size_t)8 << 20) /* bytes that are looked at; larger files are not searched */

/* As catalog_text (core/context/catalog.h). -ENOTSUP: no text (NULs, or mostly bytes that no text
 * has), or too large; -ENOMEM. */
int text_canonical(const char *path, const char *type, const char *bytes, size_t len,
	struct buf *title, struct buf *body, struct error *);

#endif
