/*
 * Alerts: something is wrong with a session, a source, an inbox or the store, and then no more.
 *
 * A raised alert is an item of the state (core/item/item.h), from alert.raised on until
 * alert.cleared. So each is raised once and cleared once, also over a restart: raising one that is
 * raised, and clearing one that is not, is nothing. What an alert is of, its *key* says, which no
 * line shows:
 *
 *   session.late SESSION     a session is silent for longer than `late`; until it is heard of
 *   inbox.backlog SESSION    it has more unread than `backlog`; until it has less than half of that
 *   sync.failed SOURCE-ID    a source's sync failed as a whole; until one does not
 *   store.trouble            the log, or what is saved of it, could not be written when that was
 *                            tried last, or the disk is full; until it can be, and there is room.
 *                            While nothing can be appended this can't be either: it is raised then
 *                            when it works again, saying since when it did not
 *
 * The lines are {"alert":KIND,"id":"a7",…,"since":TIME,"message":WORDS}; `id` is the same when it
 * is raised and cleared. The log is everybody's to read: a source's name is told only where every
 * user sees it, and how much is unread, of nobody.
 *
 * What a session is alerted of is cleared when it ends.
 *
 * Threads: as core/item/item.h; what makes or submits an act, on any.
 */
#ifndef CORE_ALERT_H
#define CORE_ALERT_H

#include "core/item/item.h"
#include "core/state/act.h"

struct alert {
	struct item item; /* its id is the key */
	char *kind;       /* "session.late" */
	int64_t number;   /* 7: its id, as it is shown, is a7 */
	int64_t since_us;
};

struct alert_what {
	const char *kind;
	const char *subject;           /* what it is of, where its kind has several; NULL */
	const struct session *session; /* that it is of; NULL */
	const char *source;            /* to be named; NULL */
	const char *message;           /* NULL */
	int64_t since_us;
};

/* The raised alert of that key, or NULL. With the state's lock held, or on the committer. */
const struct alert *alert_find(const struct state *, const char *kind, const char *subject);

/* Adds to an act what raising or clearing it takes; nothing where it is so already. In `decide`.
 * -ENOMEM. */
int alert_add(struct loop *, struct act *, const struct alert_what *, bool raised);

/* Raises or clears it, if that changes anything, without waiting. Any thread that holds no lock; a
 * session is to be held. What can't be appended now is lost: whoever knows of the trouble calls it
 * again. */
void alert_set(struct loop *, const struct alert_what *, bool raised);

/* Compares what is raised with what is: sessions that are late, inboxes, the store. Called by the
 * saver, about once a second. Blocks for the disk where an inbox's old lines are not in memory. */
void alerts_look(struct loop *);

/* Clears those of that kind for whose subject `is` is false: after a start, of what is no more. */
void alerts_keep(
	struct loop *, const char *kind, bool (*is)(void *arg, const char *subject), void *arg);

/* After a start, before any other thread runs: who was late before is to be heard of first. */
void alerts_restore(struct loop *);

#endif
