/*
 * The manual pages, as mdoc(7): leitlfs(1), leitlfs(5), leitl(7).
 *
 * What they say of an option, a command or a path is what `leitlfs -h`, `leitlfs COMMAND --help`
 * and the README.md of the mount say, made from the same tables; the rest of leitlfs(5) and
 * leitl(7) is docs/tree.md and docs/protocol.md, which the program holds.
 *
 * Pure functions of their arguments; any thread. What does not fit into the buffer, it tells.
 */
#ifndef FS_MAN_H
#define FS_MAN_H

#include "core/base/buf.h"

#include <stddef.h>

/* Adds a text as mdoc. It may hold what the documents and help texts here are made of: headings
 * (the first level is left out), paragraphs, lists with "- ", tables, fenced and indented blocks,
 * `code`, **emphasis**, [links](of which the text stays), and options: lines that begin with four
 * spaces and a dash, then at least two spaces and what it means. */
void man_add_text(struct buf *out, const char *text);

/* Adds a text as it stands: no character of it is roff's. */
void man_add_raw(struct buf *out, const char *text, size_t len);

/* Adds the words of a paragraph, with `code`, **emphasis** and [links], in lines of their own, none
 * of which looks like a request. */
void man_add_words(struct buf *out, const char *words, size_t len);

/* Adds a whole page. -EINVAL: there is no such section. */
int man_page(int section, struct buf *out);

#endif
