/*
 * The dashboard: the loop at a glance.
 *
 * One snapshot is taken, as JSON: who is here and how, what happens, what waits, what is shared,
 * what is wrong, and how busy it is. The page for a browser, the page for a terminal and `leitlfs
 * top` are all drawn from it and from nothing else, so they say the same.
 *
 * It shows a uid what that uid may read in the files: of direct messages nobody's text, of asks the
 * text where it is everyone's or the uid asked or is asked, and why one has no answer, of sources
 * those that it sees. It shows nothing that looking changes.
 *
 * The snapshot is {"seq","time_ms","started_ms","you":{…},"health":{…},"counts":{…},"sessions":[…],
 * "activity":[…],"messages":[…],"asks":[…],"tasks":[…],"collaborations":[…],"claims":[…],
 * "sources":[…],"alerts":[…],"metrics":{…}}: docs/dashboard.md has the members. Times are
 * milliseconds since 1970. Lists are bounded as below; counts tells how many there are of each.
 *
 * Threads: any, without locks.
 */
#ifndef CORE_DASHBOARD_H
#define CORE_DASHBOARD_H

#include "core/base/buf.h"

#include <stddef.h>
#include <sys/types.h>

struct context;
struct loop;

#define DASHBOARD_SESSIONS                                                                         \
	500 /* living ones: the late first, then who says what he does; heard of last */
#define DASHBOARD_GONE     20  /* that ended within the last… */
#define DASHBOARD_GONE_S   900 /* …seconds; brief.md tells of the same */
#define DASHBOARD_EVENTS   50  /* newest */
#define DASHBOARD_MESSAGES 30
#define DASHBOARD_UNREAD   99  /* messages to who looks, that are counted: so many or more */
#define DASHBOARD_ITEMS    100 /* of each: asks, tasks, collaborations, claims, alerts, sources */
#define DASHBOARD_TEXT     240 /* bytes of what somebody wrote, in one entry */
#define DASHBOARD_NAMES    8   /* of those who take part, or are asked */

/* Adds the snapshot as one line. `context` may be NULL, `libfuse` is its version. Takes the state's
 * lock for reading, for passes over what it shows; may read the newest events from the disk. -EIO,
 * -EUCLEAN, -ENOMEM. */
int dashboard_take(struct loop *, struct context *, uid_t, const char *libfuse, struct buf *out);

/*
 * Drawing a snapshot (its text; -EINVAL where it is none). Pure; -ENOMEM.
 */

/* A page of 80 columns for `watch cat`: plain UTF-8, no control characters; others' words are cut
 * to their column, or stand in quotes. */
int dashboard_text(const char *json, size_t len, struct buf *out);
/* The page for a browser, whole: it holds the snapshot, and fetches the next as dashboard.js. */
int dashboard_page(const char *json, size_t len, struct buf *out);
/* That script: a call with the snapshot. */
int dashboard_script(const char *json, size_t len, struct buf *out);

#endif
