/*
 * A catalog in a directory of a test's own, with one source, and what it tells.
 *
 * What a callback is told stands in `told`, a line each, until place_assert_told() compares it.
 */
#ifndef TESTS_UNIT_CATALOG_PLACE_H
#define TESTS_UNIT_CATALOG_PLACE_H

#include "core/context/catalog.h"
#include "tests/unit/catalog_check.h"
#include "tests/unit/scratch.h"

struct catalog_place {
	struct scratch scratch;
	struct catalog *catalog;
	int64_t source; /* whose entries are put, removed and listed */
	struct error err;
	struct buf told;
};

int place_setup(void **state);
int place_teardown(void **state);
void place_reopen(struct catalog_place *);
int64_t place_add_source(struct catalog_place *, const char *name);

void place_begin(struct catalog_place *);
void place_commit(struct catalog_place *);
/* One entry, within a batch; text: NULL: a directory. Whether its content changed. */
bool place_put_in(
	struct catalog_place *, const char *dir, const char *name, const char *text, int keep);
/* The same, as a batch of its own. */
bool place_put(
	struct catalog_place *, const char *dir, const char *name, const char *text, int keep);
void place_remove(struct catalog_place *, const char *path, int keep); /* tells what went */

void place_tell(struct catalog_place *, const char *line);
int place_tell_entry(void *place, const struct entry *);
void place_assert_told(struct catalog_place *, const char *expected);
void place_assert_listed(struct catalog_place *, const char *dir, const char *expected);
void place_assert_versions(struct catalog_place *, const char *path, const char *expected);
void place_assert_content(struct catalog_place *, const struct entry *, const char *text);
void place_assert_file(struct catalog_place *, const char *path, const char *text);
int place_objects(struct catalog_place *); /* how many there are */

#endif
