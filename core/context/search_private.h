/*
 * What search*.c share.
 */
#ifndef CORE_SEARCH_PRIVATE_H
#define CORE_SEARCH_PRIVATE_H

#include "core/context/query.h"
#include "core/context/search.h"
#include "core/context/sources.h"
#include "core/log/db.h"

#include <pthread.h>

#define CACHE_COUNT 128
#define CACHE_BYTES ((size_t)4 << 20)
#define SNIPPET_MAX 200 /* bytes, with what tells that it was cut */
#define SNIPPET_BYTES                                                                              \
	((size_t)64 << 10) /* at the start of a file that are looked through for one */

struct cached {
	char *key;
	struct results *results; /* held; says that it is cached */
	size_t bytes;
	uint64_t used; /* the larger the later */
};

struct search {
	struct catalog *catalog;
	struct sources *sources;
	pthread_mutex_t mutex;
	struct cached cache[CACHE_COUNT]; /* those with a key; this and below under the mutex */
	size_t bytes;
	uint64_t uses;
	uint64_t hits, misses;
};

/* search_scope.c: the sources that are searched. */
struct scope {
	struct source **sources; /* held, ordered by id */
	size_t count;
};
/* Those that the uid sees, that are among `names` (NULL: all), and that the query's filters let. */
int scope_take(struct search *, uid_t, const char *const *names, const struct query_terms *,
	struct scope *out);
void scope_release(struct scope *);
struct source *scope_find(const struct scope *, int64_t id); /* borrowed, or NULL */

/* search_run.c: finds, ranks, and fills in what a result shows. `out` is zeroed. */
int results_find(struct search *, const struct query_terms *, const struct scope *,
	struct results *out, struct error *);
size_t results_bytes(const struct results *);

/* A row as it is looked at; its strings are the statement's. */
struct row {
	double score;
	int64_t id, source, modified_us, updated_us;
	uint64_t size;
	const char *dir, *name, *type;
};

struct hit {
	struct row row; /* strings are its own */
	bool all;       /* holds all words */
};

struct finding {
	const struct query_terms *query;
	const struct scope *scope;
	struct reader *reader;
	struct error *err;
	struct hit hits[RESULTS_MAX]; /* the best so far, best first */
	size_t count;
	int64_t total;
};

char *row_path(const struct row *); /* NULL: out of memory */

/* search_fill.c: the results of what was found; their URLs without a reader, since the sources,
 * which are asked, may wait for one. */
int finding_show(struct finding *, struct results *out);
int finding_urls(struct search *, const struct finding *, struct results *out);

/* search_snippet.c: some of the text around the words, on one line; adds nothing to an empty text.
 */
void snippet_make(const char *text, size_t len, char *const *words, size_t count, struct buf *out);

/* search_fill.c: reads up to `most` bytes of an entry's text into `out`, at a character; sets
 * *whole to how long it is. -ENOENT: it is not searched. */
int text_read(
	struct reader *, int64_t id, size_t most, struct buf *out, size_t *whole, struct error *);

/* search_cache.c. key is taken over. get returns a reference, or NULL. */
struct results *cache_get(struct search *, const char *key, uint64_t generation);
void cache_put(struct search *, char *key, struct results *);
void cache_clear(struct search *);

#endif
