/* What a parser tells of a body, as text, so that two ways to feed it can be compared. */
#ifndef TESTS_UNIT_MULTISTATUS_DUMP_H
#define TESTS_UNIT_MULTISTATUS_DUMP_H

#include "core/base/buf.h"
#include "core/base/error.h"

#include <stddef.h>

struct dump {
	int rc; /* what finish returned, or the feed that failed */
	struct error error;
	/* A member a line: href, status, kind (f, d, ?), etag, size, date in us, type, conditions,
	 * with spaces between them and - for what is not there; then conditions and sync-token of
	 * all. Empty where rc is not 0 or -EREMOTEIO. */
	struct buf text;
};

/* Feeds `cut` bytes at first, then the others `step` at a time (0: at once). */
void dump_parse(struct dump *, const char *body, size_t len, size_t cut, size_t step);
void dump_release(struct dump *);

#endif
