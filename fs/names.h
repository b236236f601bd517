/* The names in a directory, as they stood at one moment. */
#ifndef FS_NAMES_H
#define FS_NAMES_H

#include "fs/route.h"

/* Adds one; what it is comes from the row that the directory has for it. -ENOMEM. */
int names_add(struct names *, const char *name, const struct where *);

struct names;
struct names *names_new(void); /* NULL: out of memory */
void names_free(struct names *);
size_t names_count(const struct names *);
/* The i-th: its name, number and type bits of st_mode. */
const char *names_at(const struct names *, size_t i, uint64_t *ino, mode_t *type);

#endif
