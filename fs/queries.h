/* The queries whose results somebody looked at lately, so that they are listed. Any thread. */
#ifndef FS_QUERIES_H
#define FS_QUERIES_H

#include "fs/route.h"

struct queries;

struct queries *queries_new(void);   /* NULL: out of memory */
void queries_free(struct queries *); /* takes NULL */

/* The uid looked at what this name finds. The oldest is forgotten. */
void queries_note(struct queries *, uid_t, const char *name);

/* Adds the uid's, newest first, as names of the directory. -ENOMEM. */
int queries_list(struct queries *, uid_t, const struct where *dir, struct names *);

#endif
