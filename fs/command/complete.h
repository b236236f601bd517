/*
 * What may stand in place of a word that was begun, for the shells' completions.
 *
 * A line of the answer is a candidate for the whole word, then, where there is one, a tab and what
 * it means. One that ends in '=' wants a value behind it. A line that begins with a colon tells the
 * shell to offer its own: ":dirs", or ":dirs LEAD" where the path begins behind LEAD, which is the
 * word's beginning; and ":program N", where the N-th word begins a command line.
 */
#ifndef FS_COMPLETE_H
#define FS_COMPLETE_H

#include "fs/command/command.h"

struct completion {
	const char *word;  /* what was begun */
	size_t lead;       /* bytes of it that stay as they are: "--to=", "alice," */
	const char *mount; /* what --mount said, or NULL */
	const char *as;    /* what --as said, or NULL */
	struct buf out;
};

/* Offers the lead with prefix and name behind it, if the word begins so; `help` may be NULL. */
void complete_offer(struct completion *, const char *prefix, const char *name, const char *help);

/* Offers what is of that kind; the value begins at the lead. `index` is for COMPLETE_PROGRAM, which
 * word of the line it is. What the mount doesn't tell is left out. */
void complete_kind(struct completion *, enum complete what, size_t index);

/* Has the shell offer directories. */
void complete_dirs(struct completion *);

#endif
