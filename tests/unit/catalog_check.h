/* What a catalog says of itself, asked of its database. */
#ifndef TESTS_UNIT_CATALOG_CHECK_H
#define TESTS_UNIT_CATALOG_CHECK_H

#include "core/context/catalog.h"

/* Both SQLite's and FTS5's own checks; the latter compares the index with the texts. */
void catalog_assert_whole(struct catalog *);
int catalog_matches(struct catalog *, const char *query);  /* entries, with their texts */
int64_t catalog_number(struct catalog *, const char *sql); /* of one row and column */

#endif
