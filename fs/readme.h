/* The README.md of every directory, made from the table. */
#ifndef FS_README_H
#define FS_README_H

#include "fs/route.h"

/* How to use the mount, as Markdown: what the root's README.md begins with. */
extern const char readme_intro[];

/* The text operation of readme_row: the root's tells how to use the mount, the others' explain
 * their directory and name what is unlisted in it. */
int readme_text(const struct caller *, const struct where *, struct buf *out, struct error *);

#endif
