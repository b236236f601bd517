/* Shared by brief*.c alone. Threads: as core/report/brief.h. */
#ifndef CORE_BRIEF_PRIVATE_H
#define CORE_BRIEF_PRIVATE_H

#include "core/report/brief.h"

#include <stdint.h>

#define BRIEF_LINES 24  /* of one part */
#define BRIEF_TEXT  240 /* bytes of what somebody wrote, in one entry */

/* A part of the page: a heading and entries. Of those that don't fit it says how many they are. */
struct part {
	const char *rest; /* where the rest is, for people */
	size_t least;     /* bytes that are kept for it */
	struct buf text;  /* the heading, then the entries */
	size_t ends[BRIEF_LINES + 1];
	size_t count; /* of entries in the text */
	size_t total; /* of entries that there are */
	bool alone;   /* the heading says something without entries */
};

/* Ends the heading, or an entry; further entries than BRIEF_LINES are only counted: false. */
void part_heading(struct part *, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool part_takes(struct part *);
void part_entry(struct part *);

/* Adds what somebody wrote, cut to BRIEF_TEXT. */
void part_text(struct buf *, const char *text);

/* Whether a question waits for an answer that the session may give: such stand in part_asked. Under
 * the state's lock. */
struct ask;
bool brief_waits(const struct ask *, const struct session *);

/* The parts, in the order of the page. Each fills one that is all zeros but for its text. */
typedef int part_fn(struct loop *, struct search *, struct session *, struct part *);
part_fn part_asked, part_unread, part_own, part_collaborations, part_gone, part_others, part_files;

#endif
