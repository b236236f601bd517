/* Shared by ask*.c alone. Threads: as core/item/ask.h. */
#ifndef CORE_ASK_PRIVATE_H
#define CORE_ASK_PRIVATE_H

#include "core/item/ask.h"

struct agent;
struct draft;
struct json;

/* What an act's buffers hold. */
enum { ASK_TEXT_DATA, ASK_TEXT_DETAIL, ASK_TEXT_TARGET, ASK_TEXT_SPARE };

/* What it is, as a record and a save keep it. */
enum {
	ASK_IS_HELD = 1 << 0,
	ASK_IS_NAMED = 1 << 1,
	ASK_IS_FOR_ANYONE = 1 << 2,
	ASK_IS_EVERYONES = 1 << 3,
	ASK_IS_TO_MANY = 1 << 4,
	ASK_IS_LUCAS = 1 << 5,
	ASK_IS_FOR_ALL = 1 << 6,
};
int ask_flags(const struct ask *);

/* What becomes of an ask whose parts stand so: ASK_OPEN, ASK_ANSWERED or ASK_FAILED. */
struct ask_count {
	size_t answered, failed, awaited;
};
struct ask_count ask_count(const struct ask *);
enum ask_status ask_verdict(const struct ask *, const struct ask_count *);

/* How many answers are still waited for; 0: none is. */
size_t ask_missing(const struct ask *, const struct ask_count *);

/* The part of a session; NULL: there is none. */
struct ask_part *ask_part(const struct ask *, const char *session);

/* Whether an answer has come after which more follows. */
bool ask_has_more(const struct ask *);

/* Adds a time as a number of seconds. */
void ask_add_seconds(struct buf *, int64_t us);

/* A question as it was written, checked. */
struct question {
	char id[ID_MAX + 1]; /* "": it gets a number */
	char type[ASK_TYPE_MAX + 1];
	struct buf data, schema; /* JSON text, compact; empty: none */
	struct buf to;           /* names, each with its NUL */
	size_t to_count;
	bool everyone, anyone; /* "*"; nobody */
	bool many, luca, all, held;
	int64_t wait; /* 0: not given */
	int64_t timeout_us;
	char *agent;
	struct item *instead;
	/* while it is decided */
	struct session **found;
	size_t found_count;
};

/* Takes what a message asks (zeroed at first): -EINVAL, -EACCES, -ENOMEM. Frees it; takes NULL. */
int ask_question_take(struct question *, const struct actor *, const struct message *,
	const struct asking *, struct error *);
void ask_question_free(void *question);

/* An answer as it was written, checked. */
struct ask_reply {
	struct buf value; /* JSON text as it was written; a string where that was text */
	struct buf compact;
	char *error; /* why there is none, or NULL */
	bool more;
};

/* Takes what a message answers (zeroed at first), or, where `error`, why there is no answer. Text
 * is a string; where the question has a schema or is luca's it is the value that it reads as, if
 * that fits. -EINVAL: it does not fit, is for another ask, or has members that nobody would read;
 * -EACCES: another's name; -ENOMEM. Frees it; takes NULL. */
int ask_reply_take(struct ask_reply *, struct loop *, const struct actor *, const struct ask *,
	const struct message *, bool error, struct error *);
void ask_reply_free(void *reply);

/* The ask that an object names by replyTo; NULL: none. */
const char *ask_reply_to(const struct message *);

/* Of struct item_ops. */
int ask_session_ends(
	struct loop *, struct act *, struct item *, const struct session *, struct error *);

extern const char *const ask_reasons[]; /* by enum ask_reason, as they stand in ask.failed */

/* The living session that is meant by a name (a session's id or an agent's name) or by "tag:x", for
 * a question of `asker` (NULL: no session's): borrowed. On the committer. -ENOENT, -EHOSTDOWN,
 * -EINVAL. */
int ask_find(struct loop *, const struct session *asker, const char *name, struct session **out,
	struct error *);

/* The agent's living session that was heard of last; NULL: none lives. */
struct session *ask_latest(const struct agent *);

/* Adds to an act that the ask, or (part not NULL) one that was asked, comes to nothing; `speaker`
 * is who says so (d.session and the like are set), NULL: the daemon. Nothing where it is decided
 * already. On the committer. -ENOMEM. */
int ask_fail(struct loop *, struct act *to, const struct ask *, const struct ask_part *,
	enum ask_reason, const char *error, const struct draft *speaker);

/* Adds that no more answers follow: of that part, or NULL: of any. */
int ask_over(struct loop *, struct act *to, const struct ask *, const struct ask_part *);

/* Who hears of it: the asker's living session; NULL: nobody. Quiet: it is read on a descriptor. */
const struct session *ask_hearer(struct loop *, const struct ask *, bool *quiet);

/* Whether a read of its answer waits (asks_watch). */
bool ask_is_waited_for(const struct loop *, const struct ask *);

/* Whether the asker waits in a ring of sessions that wait for each other; or would, where it asked
 * `to` and waited for `need` of them (NULL: only what it has asked). On the committer, or with the
 * lock held. */
struct ask_wish {
	const struct session *asker;
	struct session *const *to;
	size_t count, need;
};
bool ask_rings(struct loop *, const struct ask_wish *);

/* item_ops.save and .load. */
void ask_save(const struct item *, struct buf *);
int ask_load(struct state *, struct item *, const struct json *, const char *text);

/* The fold's parts, which loading uses too: what was asked, from a record's detail or from what was
 * saved, which has the same members; one who was asked; and that one more (or less) of the asker's
 * asks is open. -ENOMEM. */
int ask_take_question(struct ask *, const struct json *);
int ask_add_part(struct ask *, const char *session, struct ask_part **out);
void ask_count_asking(struct state *, const struct ask *, int by);

#endif
