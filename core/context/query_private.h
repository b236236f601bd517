/*
 * What query*.c share.
 */
#ifndef CORE_QUERY_PRIVATE_H
#define CORE_QUERY_PRIVATE_H

#include "core/base/buf.h"
#include "core/context/query.h"

#define QUERY_WORDS_MAX 256 /* words of all terms, once split */

/* A word, phrase or prefix: a span of the query. */
struct term {
	const char *text;
	size_t len;
	bool never, prefix;
};

/* Makes all, some, never, name and words of the terms. -ENOMEM. */
int query_express(const struct term *, size_t count, struct query_terms *out);

#endif
