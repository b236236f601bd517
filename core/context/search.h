/*
 * Finding files by words, best first.
 *
 * A query is what people type into search boxes: words in any order, "phrases", -words, prefix*,
 * and type:md,py source:docs path:api/ max:5 since:2025-01-01 (or since:7d). Files that hold all
 * words stand before those that hold some. Words match by their stems; identifiers also by their
 * parts (core/base/words.h). What can't be a query as a whole (quotes that don't close, a lone
 * operator) is taken as words: no query is refused but one without anything to find (-EINVAL) or
 * too long.
 *
 * relevance is 0 to 1: docs/search.md says how it is made.
 *
 * Results are taken whole at one moment, and cached until the catalog changes. Any thread; blocks
 * for the disk.
 */
#ifndef CORE_SEARCH_H
#define CORE_SEARCH_H

#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/base/limits.h"
#include "core/context/catalog.h"

#include <sys/types.h>

struct sources;
struct search;

#define QUERY_TERMS_MAX 64
#define RESULTS_MAX     100 /* files; what max: may say at most; 10 unless it says */

int search_new(struct catalog *, struct sources *, struct search **out, struct error *);
void search_free(struct search *); /* takes NULL */
/* How many answers were in the cache, and how many had to be found. */
void search_counts(struct search *, uint64_t *hits, uint64_t *misses);

struct result {
	int64_t id; /* the entry's */
	char *source, *path;
	char name[64]; /* 001-auth.md: rank and file name, cut */
	uint64_t size;
	int64_t updated_us;  /* when this version came to be shown here */
	int64_t modified_us; /* the file's own date; where it has none, the same */
	char *type, *snippet, *url;
	double relevance;
};

struct results {
	char *query;
	struct result *items;
	size_t count;
	int64_t total; /* before the cut */
	bool cached;   /* this very answer was given before */
	int64_t time_us;
	uint64_t generation;
	/* private */
	int refs;
	struct results *of; /* whose strings these are; NULL: its own */
};

/* `names`: of sources to search, NULL-terminated; NULL: every one that the uid sees. The results
 * are shared: results_unref. -EINVAL, -EMSGSIZE, -EIO, -ENOMEM. */
int search_run(struct search *, const char *query, size_t len, uid_t uid, const char *const *names,
	struct results **out, struct error *);
void results_unref(struct results *); /* takes NULL */
struct results *results_ref(struct results *);

/* The documented shape, one JSON object; and text to put before a model, within `most` bytes, with
 * what was left out said. Content is read from the catalog: up to `most` bytes of it in all. */
int results_json(
	struct search *, const struct results *, size_t most, struct buf *out, struct error *);
int results_md(
	struct search *, const struct results *, size_t most, struct buf *out, struct error *);

/* A file's name among the results: 001-auth.md; cut in its middle to fit. */
void result_name(size_t rank, const char *file, char out[64]);

/* A query as it stands in a path: + for a space, %XX decoded (%2F, %2B, %25 …), UTF-8. -ENOENT
 * where it is none: begins with a dot, bad escapes, control characters. */
int query_from_name(const char *name, struct buf *out);

#endif
