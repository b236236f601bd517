/*
 * Reading an inbox: what is unread, handing out the next message, marking it read.
 *
 * What is read is a cursor a session, kept in the log: RECORD_READ. A message that `next` handed to
 * a reader is leased: others get the one after it, until it was read to its end and so is marked,
 * or its reader has gone. Leases are not kept: after a restart, unread is unread.
 */
#ifndef CORE_INBOX_H
#define CORE_INBOX_H

#include "core/base/error.h"
#include "core/log/record.h"
#include "core/state/hub.h"
#include "core/state/view.h"

#include <pthread.h>
#include <stdbool.h>

struct loop;
struct session;
struct command;

/* Where in the log the broadcasts lie whose senders are to be told that they were read: spans of
 * positions, in order and apart. Where there are too many, the two that are nearest become one: the
 * senders of what lies between may then be told a count once more. */
#define TALLY_MAX 64

struct tally {
	struct span {
		int64_t first, last;
	} spans[TALLY_MAX + 1];
	int count;
};

struct inboxes {
	pthread_mutex_t mutex; /* guards every session's leases, and the tally */
	struct tally tally;
};

struct leases {
	int64_t *pos; /* those handed out, in no order */
	int count, cap;
	struct turn *waiting; /* readers of next that wait */
};

void leases_free(struct leases *); /* takes NULL */

/* The session's inbox as a view. */
int inbox_view(struct loop *, struct session *, struct view *out);

/* Calls fn for each unread message of that part, oldest first, until it returns false. `leased`
 * tells whether those handed out to readers count as unread. */
enum inbox_part { INBOX_ALL, INBOX_DIRECT, INBOX_BROADCAST };
int inbox_each_unread(struct loop *, struct session *, enum inbox_part, bool leased,
	bool (*fn)(void *arg, struct record *, const char *line, size_t len), void *arg);

/* How many are unread, those handed out counted too. */
uint64_t inbox_unread_count(struct loop *, struct session *);

/* Hands out the oldest message that is unread and not leased: -EAGAIN where there is none. The
 * caller unrefs it, and gives the lease back by inbox_return() or ends it by marking it read. */
int inbox_lease(struct loop *, struct session *, struct record **out);
void inbox_return(struct loop *, struct session *, int64_t pos);

/* Waiting for something to be unread: told of what reaches the inbox and of leases given back.
 * `ready` may be called on any thread, without locks, and more often than there is news. The
 * caller sets `ready` and `follower.free`, and holds one reference from inbox_wait to unwait. */
struct turn {
	struct follower follower;
	struct view view;
	void (*ready)(struct turn *);
	struct turn *next, **link; /* in leases.waiting */
};
int inbox_wait(struct loop *, struct session *, struct turn *);
void inbox_unwait(struct loop *, struct session *, struct turn *);

/* Makes the act that marks one message read (the record at `pos`), or all up to a seq. Receipts go
 * with it: to who sent a direct message a line in `sent`; reads of broadcasts are counted and told
 * by the saver (receipts_flush). -EINVAL: no such seq yet. */
struct act;
struct actor;
int inbox_mark_one(
	struct loop *, const struct actor *, struct session *, int64_t pos, struct act **out);
int inbox_mark_to(struct loop *, const struct actor *, struct session *, int64_t seq,
	struct act **out, struct error *);

/* Whether the session has marked that position read; of one in its inbox. With the state's lock
 * held, or on the committer. */
bool inbox_has_read(const struct session *, int64_t pos);

struct mark;
void mark_free(struct mark *); /* takes NULL */

/* Notes a broadcast whose count of readers is about to change. On the committer. */
void receipts_note(struct loop *, const struct record *);

/* Tells the senders of broadcasts that were read since the last time how many have read them: some
 * RECEIPTS_FLUSHED of them, the rest the next time. Called by the saver, about once a second, and
 * so a sender is told at most that often of one broadcast. Blocks for commits. False: there is
 * more, and it was not the log that failed. */
#define RECEIPTS_FLUSHED 1024
bool receipts_flush(struct loop *);

#endif
