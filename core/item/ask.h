/*
 * Asking and answering.
 *
 * An ask is an item (core/item/item.h). Its question stands in the inboxes of those who are asked,
 * or, where it is for nobody in particular, in everyone's; an answer is for the asker alone. It
 * ends in exactly one way: answered, failed, timed out or cancelled.
 *
 * Who is asked are its *parts*: sessions, found when the question is taken (ask_to.c) and fixed
 * from then on; an ask for nobody has none until somebody answers. It is answered once `need` of
 * them have answered (`all`: once none is awaited and at least one has), and fails once that can't
 * be any more. An answer may say that more follows: the ask is answered then and stays open, and
 * what follows reaches the asker as messages; as does what is answered too late.
 *
 * A *held* ask was written to a descriptor that its asker reads the answer on; others are
 * *detached*, and their answers arrive in the asker's inbox. Closing the descriptor cancels a held
 * one, unless it was given a request_id of its own. Deadlines are kept as wall time, and counted in
 * the running daemon by the monotonic clock.
 *
 * Threads: what makes acts runs on any thread, without locks; what takes a `const struct ask *`
 * with the state's lock held, or on the committer. Nothing blocks but asks_start and asks_stop.
 */
#ifndef CORE_ASK_H
#define CORE_ASK_H

#include "core/base/rate.h"
#include "core/item/item.h"
#include "core/state/act.h"

struct message;

enum ask_status { ASK_OPEN, ASK_ANSWERED, ASK_FAILED, ASK_TIMED_OUT, ASK_CANCELLED };
enum ask_reason {
	ASK_REASON_NONE,
	ASK_REASON_ERROR,     /* who was asked said so */
	ASK_REASON_ENDED,     /* who was asked has gone */
	ASK_REASON_DEADLOCK,  /* all wait for each other */
	ASK_REASON_TIMEOUT,   /* makes it timed out; */
	ASK_REASON_CANCELLED, /* cancelled. The others: failed */
};

struct ask_part {
	char session[ID_MAX + 1]; /* "": somebody without a session, where anyone may answer */
	char *from;               /* the same for people, once it has answered */
	enum part_state { PART_AWAITED, PART_ANSWERED, PART_ERROR, PART_ENDED } state;
	bool more;    /* it has answered, and more follows */
	char *answer; /* JSON text of a value; or NULL */
	char *error;
	int64_t at_us;
};

struct ask {
	struct item item;
	char *type;
	char *data;   /* the question: JSON text of a value; NULL: none */
	char *schema; /* JSON text; NULL: none */
	bool held, named;
	bool anyone;   /* for nobody in particular: anyone may answer */
	bool everyone; /* its question is everyone's to see */
	bool many;     /* `to` was a list or "*": its answers are JSON lines */
	bool luca;     /* asked by requestId: its answer is {"replyTo":…} */
	bool all;
	size_t need;                     /* how many answers make it answered */
	int64_t timeout_us, deadline_us; /* deadline_us: wall time */
	struct ask_part *parts;
	size_t part_count;
	enum ask_status status;
	enum ask_reason reason;
	char *error; /* why it is not answered */

	/* not kept */
	atomic_int readers;            /* descriptors that its answer may be read on */
	atomic_llong deadline_mono_us; /* the committer's and the timer's */
};

/*
 * Asking (ask_new.c).
 */

/* What a question was written to. */
struct asking {
	struct session *to; /* sessions/<id>/ask; NULL: not that */
	const char *agent;  /* agents/<name>/ask: the agent's key; NULL: not that */
	bool held;
	struct item *instead; /* the one asked before on the same descriptor, or NULL: where nobody
				 can read its answer any more it is cancelled */
	struct burst *burst;
};

/* Whether a question may begin here. -EHOSTDOWN: who is asked has ended; -ESTALE, and for a
 * detached one -ENOENT, -ENOTUNIQ: no session of one's own. */
int ask_may(struct loop *, const struct actor *, const struct asking *, struct error *);

/* Makes the act of asking. Its id is in act->id when done. The message is copied. When made:
 * -EINVAL; when done: -ENOENT (no such session, agent or tag), -EHOSTDOWN, -EEXIST (request_id),
 * -EDEADLK (held: all would wait for each other), -EDQUOT, -EACCES (posing as another). */
int ask_new(struct loop *, const struct actor *, const struct message *, const struct asking *,
	struct act **out, struct error *);

/* The ask that the act made, after it was done; held, NULL: it was forgotten already. Takes the
 * state's lock. */
struct item *ask_made(struct loop *, const struct act *);

/*
 * Answering (ask_answer.c).
 */

/* Whether the actor may answer: its session was asked, or anyone may. -EACCES, -ESTALE. */
int ask_may_answer(struct loop *, const struct actor *, const struct item *, struct error *);

/* Makes the act of answering this ask, or, where `error`, of saying why there is no answer. An
 * object with "replyTo" or "more" is an envelope: {"replyTo":ID,"data":…} or {…,"error":…}. Text is
 * a string; where the question has a schema or is luca's it is the value that it reads as, if that
 * fits. -EINVAL: it does not fit the schema, is for another ask, or has members that nobody would
 * read; -EACCES: posing as another. When done: -EHOSTDOWN: the ask is over, and its asker gone. */
int ask_answer(struct loop *, const struct actor *, struct item *, const struct message *,
	bool error, struct act **out, struct error *);

/* The same, for the ask that the message names by replyTo: -ENOENT. */
int ask_answer_any(struct loop *, const struct actor *, const struct message *, struct act **out,
	struct error *);

/* Whether a message to that session is an answer to an ask of its that the actor was asked. */
bool ask_is_answer(
	struct loop *, const struct actor *, const struct session *to, const struct message *);

/*
 * Reading (ask_show.c).
 */

/* Adds the answer as its asker reads it; needs no lock where the ask was seen to be decided
 * (status). -EAGAIN: it is not there yet. Where there is none:
 * -EREMOTEIO (an error), -ETIMEDOUT, -EHOSTDOWN, -ECANCELED, -EDEADLK, with the reason. */
int ask_result(const struct ask *, struct buf *out, struct error *);

/* Adds what was answered so far, as lines; why it was not; and all of it as a JSON object's members
 * without the opening brace. `whole`: the reader may see what was said (ask_is_for). */
void ask_show_reply(const struct ask *, struct buf *out);
void ask_show_error(const struct ask *, struct buf *out);
void ask_show(const struct ask *, bool whole, struct buf *out);

/* Whether what is said in it is for that uid: its asker's or its asked ones'. */
bool ask_is_for(const struct state *, const struct ask *, uid_t);

/* Whether the session was asked, and its answer is awaited. */
bool ask_awaits(const struct ask *, const char *session);

/* open, answered, failed, timed out, cancelled */
const char *ask_status_name(const struct ask *);

/*
 * Ending (ask_end.c, ask_timer.c, ask_ring.c).
 */

/* A descriptor that the answer might have been read on is closed, and does not count as a reader
 * any more: makes the act that cancels the ask, where it was the last and it is unanswered.
 * -ENOMEM. */
int ask_closed(struct loop *, struct item *, struct act **out);

/* Whether the actor is who asked; and the act of its taking an open ask back. When done: -ESTALE:
 * it is over already. -ENOMEM. */
bool ask_is_by(const struct item *, const struct actor *);
int ask_give_up(struct loop *, const struct actor *, struct item *, struct act **out);

/* A read of its answer waits. Where it waits in a ring of sessions that wait for each other, and
 * nobody reads for any of them, the ask fails: an act is submitted. */
void ask_waits(struct loop *, struct item *);

/* What the mount does for asks. `waits` tells whether a read of the answer waits, on a descriptor
 * that it was written to: called under the state's lock. `news`: something happened to an ask, told
 * on the committer's thread before its writer is answered, so that who waits hears soonest. Set
 * before the loop is used, as loop_watch(); NULL: nobody waits. */
struct asks_watcher {
	bool (*waits)(void *arg, const struct item *);
	void (*news)(void *arg, const struct item *);
	void *arg;
};
void asks_watch(struct loop *, const struct asks_watcher *);

/* Ends those whose deadline has passed at `now_us` (mono). Returns when the next one passes,
 * INT64_MAX: none. Blocks for commits. */
int64_t asks_expire(struct loop *, int64_t now_us);

/* Cancels what was held by a daemon that was killed, and starts the timer; stops it. */
int asks_start(struct loop *, struct error *);
void asks_stop(struct loop *); /* does nothing where it was not started */

/* After a record of an ask was applied: the running daemon's part. On the committer. */
void asks_applied(struct loop *, const struct record *);

#endif
