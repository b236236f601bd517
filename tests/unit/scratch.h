/* A directory of a test's own, removed with all that is in it. */
#ifndef TESTS_UNIT_SCRATCH_H
#define TESTS_UNIT_SCRATCH_H

#include <stddef.h>

#define SCRATCH_NAMES 16

struct scratch {
	char path[64];
	char names[SCRATCH_NAMES][128];
};

void scratch_init(struct scratch *); /* fails the test where it can't be made */
void scratch_release(struct scratch *);

/* The path of a name in it, good until it is released; of at most SCRATCH_NAMES names. */
const char *scratch_path(struct scratch *, const char *name);

/* Fills what is left of its file system, by a file; removing the file makes room again. */
void scratch_fill(struct scratch *, const char *name);

#endif
