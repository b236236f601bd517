/*
 * brief.md: one page that an agent reads at the start of each turn.
 *
 * What is asked of it, what is unread, what it has and works at, with whom, who went
 * lately and what they left, who else is here and what they do, and the files that match: in the
 * order in which it matters, within a budget of bytes. Each part says what it left out and where
 * the rest is; none can push another out wholly. What others wrote stands in code spans and quotes
 * (core/state/page.h).
 */
#ifndef CORE_BRIEF_H
#define CORE_BRIEF_H

#include "core/base/buf.h"

#include <stddef.h>

struct loop;
struct search;
struct session;

/* Adds the session's page, of at most `max` bytes where they are 512 or more. The caller holds no
 * lock; blocks for the disk. -EIO, -ENOMEM. */
int brief_make(struct loop *, struct search *, struct session *, size_t max, struct buf *out);

#endif
