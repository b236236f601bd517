/*
 * The unit of the log, and how one is made.
 *
 * Everything that happens is a record. An *event* is a record that everyone may see: it has a
 * `seq` that grows by one without gaps, and a line. The others (a cursor that moved, a receipt)
 * have a place in the log and no seq.
 *
 * A writer makes a draft; appending it gives it its place, seq and time, and so makes the record.
 * Records never change once they are appended and applied; they are counted by reference and may
 * be read by any thread that holds a reference.
 */
#ifndef CORE_RECORD_H
#define CORE_RECORD_H

#include "core/base/buf.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum record_kind {
	RECORD_EVENT = 1, /* has a seq and a line */
	RECORD_READ,      /* a session read messages: detail says which; no line */
	RECORD_RECEIPT,   /* a line in the sender's `sent`, no seq */
};

/* What a draft says; all strings are the maker's until draft_record() copied them. */
struct draft {
	enum record_kind kind;
	uid_t uid;           /* who wrote it; the daemon's own for its events */
	const char *type;    /* event type; for the other kinds a word of ours */
	const char *session; /* the session that it comes from or is about, or NULL */
	const char *from;    /* a name for people: the agent's, or the user's */
	const char *agent;   /* the agent's key (text_agent_key), or NULL */
	const char
		*target; /* the sessions that it is for, with a space between two; NULL: everyone */
	const char *data; /* JSON text of one value, compact; NULL is {} */
	size_t data_len;
	const char *detail; /* what applying needs and the line does not show: JSON text, or NULL */
};

/* A line of the record in one channel of the index (core/log/index.h). */
struct membership {
	struct channel *channel; /* borrowed: valid while the record is in the ring or applied */
	bool whole;              /* shows `line`; else `shown` */
};

#define MEMBERSHIPS_FEW 10

struct item;

struct record {
	int refs; /* atomic */
	enum record_kind kind;
	int64_t pos; /* place in the log, from 1, growing; gaps mean nothing */
	int64_t seq; /* 0 where it has none */
	int64_t time_us;
	uid_t uid;
	const char *type, *session, *agent, *target, *detail; /* each NULL where it has none */
	const char *line; /* whole line with its newline, or NULL */
	size_t line_len;
	const char *shown; /* what others than sender and receiver see; == line but for direct
			      messages */
	size_t shown_len;
	/* set when applied */
	struct membership *in; /* `few`, or allocated where they are more */
	int in_count, in_cap;
	struct item *item; /* the one that it began, changed or closed, held; or NULL */
	struct membership few[MEMBERSHIPS_FEW];
};

/* Makes the record of a draft with the place given, rendering its line:
 * {"seq":…,"event_type":…,"session_id":…,"from":…,"to":…,"timestamp":…,"data":…}, where "to" is a
 * list for several. For a draft with a target, `shown` has the data {"bytes":N} in place of what
 * was said. A receipt's line is its data alone. -ENOMEM, -EMSGSIZE. */
int record_new(
	const struct draft *d, int64_t pos, int64_t seq, int64_t time_us, struct record **out);

/* Makes a record of what a store kept; everything is copied. `shown` may be NULL: as `line`. */
int record_restore(const struct record *kept, struct record **out);

/* What the record counts as where the bytes that a uid keeps are counted: of its line and, where
 * others see another, of that. */
size_t record_bytes(const struct record *r);

/* Notes that the record stands in a channel; nothing where it does already. -ENOMEM. */
int record_stand_in(struct record *r, struct channel *c, bool whole);

/* The next of a record's receivers: begins at `*at` (its `target`), copies the id, moves on. False:
 * there is none. */
bool target_next(const char **at, char *id, size_t size);

struct record *record_ref(struct record *r);
void record_unref(struct record *r); /* takes NULL */

#endif
