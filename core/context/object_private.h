/* What object*.c share. */
#ifndef CORE_OBJECT_PRIVATE_H
#define CORE_OBJECT_PRIVATE_H

#include "core/context/object.h"

#include <pthread.h>

/*
 * DIR/ab/cdef…: the hash in hexadecimal, its first byte a directory, so that none grows large.
 * DIR/tmp/N: what is being written; it gets its name by rename(2).
 */
#define HEX       (2 * OBJECT_ID_BYTES)
#define NAME_SIZE (HEX + 2) /* with the slash and a NUL */
#define HELD      256       /* lists, by an id's first byte */

struct held {
	struct object_id id;
	unsigned count;
	struct held *next;
};

struct objects {
	int fd;             /* of the directory */
	uint64_t temporary; /* the last number in tmp/; atomic */
	/* Held while an object gets its name, and while one is dropped. */
	pthread_mutex_t mutex;
	struct held *held[HELD];
};

void object_name(const struct object_id *, char name[NAME_SIZE]);

/* Under the mutex: the list where it is held, or its end. */
struct held **object_held(struct objects *, const struct object_id *);

#endif
