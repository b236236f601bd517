/*
 * A manual page as plain text: made by a formatter of this machine's, for who reads it in a pipe, a
 * file or an editor.
 *
 * For processes with one thread: it forks, and waits for the formatter.
 */
#ifndef FS_MAN_PLAIN_H
#define FS_MAN_PLAIN_H

#include "core/base/buf.h"

/* Adds the page, which is mdoc(7), as text. By mandoc(1), else groff(1), else man(1), the first
 * that is here and succeeds; without overstrikes and escapes. -EOPNOTSUPP: none is; -EIO: those
 * that are here failed; -ENOMEM, -EMFILE, -EAGAIN. */
int man_plain(const struct buf *page, struct buf *out);

/* Takes overstrikes (a letter, a backspace, a letter) and escapes for colours out of a text. */
void man_plain_text(struct buf *text);

#endif
