/*
 * Pages for reading: Markdown within a budget of bytes, that say what they left out.
 *
 * What others wrote is quoted line by line, and names stand in code spans without backticks, so
 * that nobody's words can pose as the page's own.
 */
#ifndef CORE_PAGE_H
#define CORE_PAGE_H

#include "core/base/buf.h"

struct loop;
struct session;

/* unread.md of a session. -EIO, -ENOMEM. */
int page_unread(struct loop *, struct session *, size_t max, struct buf *out);

/* Adds a name as a code span. */
void page_name(struct buf *, const char *name);
/* Adds text as a code span of one line, cut to `max` bytes at a character. */
void page_span(struct buf *, const char *text, size_t len, size_t max);
/* Adds text as quoted lines, cut so. */
void page_quote(struct buf *, const char *text, size_t len, size_t max);

#endif
