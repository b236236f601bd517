/*
 * The members that one answer told of, kept until it is known to be whole.
 *
 * Members and their texts are copies. The bytes they take are counted against a budget that all of
 * a walk's listings share. A zeroed one is empty; one thread.
 */
#ifndef WEBDAV_MEMBERS_H
#define WEBDAV_MEMBERS_H

#include "core/context/sync.h"

#include <stddef.h>

struct members {
	struct member *all;
	size_t count, room;
	struct members_block *blocks;
	size_t bytes;
	size_t *budget; /* bytes that may still be taken */
};

void members_init(struct members *, size_t *budget);
void members_release(struct members *); /* takes NULL */

int members_add(struct members *, const struct member *); /* -ENOMEM; -EFBIG: over the budget */

/* Sets when all of them were told. */
void members_asked(struct members *, int64_t us);

/* In order of paths, each once: what is in a collection comes after it. */
void members_sort(struct members *);
/* Of sorted ones. NULL: it is not there. */
const struct member *members_find(const struct members *, const char *path);

#endif
