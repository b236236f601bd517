/*
 * A query as it was written, taken apart: what FTS5 is asked, and what else a file must be.
 *
 * What is written never stands in FTS5's syntax: its words are taken out of it (core/base/words.h),
 * which leaves letters and digits, and put in as strings. Counts and sizes are bounded; what is
 * beyond the bounds is left out. Pure; any thread.
 */
#ifndef CORE_QUERY_H
#define CORE_QUERY_H

#include "core/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Values of one filter: a file must be of one of them, or, with `not`, of none. */
struct query_list {
	char **items; /* lower-cased where case tells nothing; NULL: none */
	size_t count;
};

enum query_filter { QUERY_TYPE, QUERY_SOURCE, QUERY_PATH, QUERY_FILTERS };

struct query_terms {
	/* FTS5 expressions. NULL where no words are asked for: the filters alone tell. */
	char *all;    /* every word, and none of those that are excluded */
	char *some;   /* any word, likewise; NULL where that is the same as all */
	char *never;  /* the excluded words alone; NULL: none */
	char *name;   /* the query_name_key() of a file that is named so; may be "" */
	char **words; /* folded, for snippets */
	size_t word_count;
	struct query_list is[QUERY_FILTERS], not [QUERY_FILTERS];
	size_t max; /* 1 to RESULTS_MAX */
	bool since_set;
	int64_t since_us; /* a file's date must not be before it */
};

/* `now_us`: what since:7d counts from. -EINVAL: nothing to find in it; -EMSGSIZE: longer than
 * QUERY_MAX; -EINVAL also where it is not UTF-8; -ENOMEM. */
int query_parse(
	const char *text, size_t len, int64_t now_us, struct query_terms *out, struct error *err);
void query_release(struct query_terms *); /* takes a zeroed one */

/* Whether a file is what the filters say, but for the source. */
bool query_accepts(const struct query_terms *, const char *path, const char *type, int64_t date_us);

/* The letters and digits of a file name, lower-cased, up to its `len`; returns how many bytes. */
size_t query_name_key(const char *name, size_t len, char *out, size_t room);

#endif
