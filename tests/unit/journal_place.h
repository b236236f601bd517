/*
 * A journal in a directory of a test's own, the records that were given to it, and its two files as
 * bytes.
 *
 * Nothing here knows how a batch is coded: where one lies is found by what its append changed.
 */
#ifndef TESTS_UNIT_JOURNAL_PLACE_H
#define TESTS_UNIT_JOURNAL_PLACE_H

#include "core/log/journal.h"
#include "tests/unit/file_bytes.h"
#include "tests/unit/scratch.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SEEN_MAX 4096

struct journal_place {
	struct scratch scratch;
	struct journal *journal;
	int64_t pos, seq;              /* of the last record made */
	struct record *made[SEEN_MAX]; /* [pos - 1] */
	struct record *seen[SEEN_MAX];
	size_t seen_count;
	int64_t stop_at; /* the visitor refuses this position */
	bool mounted;
};

int journal_setup(void **state);
int journal_teardown(void **state);

/* Closes it and opens it anew; `seen` is then what came back. */
int try_open(struct journal_place *, struct error *);
void reopen(struct journal_place *); /* and fails the test where that fails */

/* Makes the next record, of one of several shapes; takes back what was made last. */
struct record *make_record(struct journal_place *, size_t size);
void unmake_record(struct journal_place *);
void append(struct journal_place *, size_t count, size_t size); /* so many, as one batch */

/* That the positions from..to came back, as they were made, and nothing else. */
void came_back(struct journal_place *, int64_t from, int64_t to);

const char *journal_path(struct journal_place *, int which);

/* Where two states of a file differ: [*from, *to). What only the later one has counts as new. */
void difference(const struct bytes *was, const struct bytes *is, size_t *from, size_t *to);

#endif
