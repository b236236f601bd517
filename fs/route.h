/* From names to places in the tree: the table as it is walked. Any thread. */
#ifndef FS_ROUTE_H
#define FS_ROUTE_H

#include "fs/where.h"

/* Finds a name in a directory. -ENOENT; -EACCES: as/ of another uid's session. */
int route_find(const struct caller *, const struct where *dir, const char *name, struct where *out);

/* The directory's rows, one after the other: start with NULL; NULL after the last. Rows with a <…>
 * are among them. */
const struct row *route_child(const struct row *dir, const struct row *after);

/* The one among them that stands for many; NULL: there is none. */
const struct row *route_many(const struct row *dir);

/* The last name of a row's path; whether it stands for many. */
const char *row_name(const struct row *);
bool row_is_many(const struct row *);

extern const struct row readme_row; /* the README.md of every directory */

#endif
