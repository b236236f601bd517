/*
 * A catalog with one source, and syncs of it that a test leads through by hand.
 *
 * The clock stands; each sync that ends moves it by a minute.
 */
#ifndef TESTS_UNIT_SYNCING_H
#define TESTS_UNIT_SYNCING_H

#include "core/base/clock.h"
#include "core/context/sync.h"
#include "tests/unit/scratch.h"

#define NOW      (INT64_C(1700000000) * SECOND_US)
#define LONG_AGO (NOW - 3600 * SECOND_US)

struct syncing {
	struct scratch scratch;
	struct catalog *catalog;
	struct source_config config;
	struct sync *sync;         /* the one that runs, */
	struct sync_result result; /* and what the last that ended left */
	struct error err;
	struct clock clock;
	int64_t now, source;
	_Atomic bool stop;
	struct buf told; /* what was published, a line each */
};

int syncing_setup(void **state);
int syncing_teardown(void **state);
void syncing_open(struct syncing *); /* the catalog, after it was closed */

void syncing_begin(struct syncing *);
void syncing_end(struct syncing *, int status);
/* A sync of one file with that content. */
void syncing_one(struct syncing *, const char *path, const char *etag, const char *content);

/* What a server tells of a directory, and of a file that has not changed for long. */
struct member syncing_dir(const char *path);
struct member syncing_file(const char *path, const char *etag, const char *content);

/* What is wanted of a listing: paths, a directory with a slash, a file with a ? or a * where it is
 * under the condition of its ETag or its date. Valid until the next call. */
const char *syncing_list(
	struct syncing *, const char *dir, const struct member *members, size_t count);
#define LIST(p, dir, ...)                                                                          \
	syncing_list(p, dir, (const struct member[]){__VA_ARGS__},                                 \
		sizeof((const struct member[]){__VA_ARGS__}) / sizeof(struct member))

int syncing_take(struct syncing *, struct member, const char *bytes, size_t len); /* its errno */
void syncing_take_text(struct syncing *, struct member, const char *content);

void syncing_has(struct syncing *, const char *path, const char *content); /* in the catalog */
void syncing_gone(struct syncing *, const char *path);
void syncing_counts(/* of the last sync */
	struct syncing *, int added, int changed, int removed, int unchanged, int failed);

#endif
