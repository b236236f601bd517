/* Shared by the sources of collaborations alone. Threads: as core/item/collaboration.h. */
#ifndef CORE_COLLABORATION_PRIVATE_H
#define CORE_COLLABORATION_PRIVATE_H

#include "core/item/collaboration.h"

/* A name that was given: one to add, or to take out. */
struct given_name {
	struct given_name *next;
	bool out;
	char name[];
};

/* What one message asks for; an act has a list of them, in `more`. */
struct todo {
	struct todo *next;
	char id[ID_MAX + 1]; /* begin: the id; "": a number is to be found */
	int64_t number;      /* vote: the decision's; begin: what the id was made of, or 0 */
	char *text;          /* begin: session_type; say: data; decide: it; vote: the word */
	char *metadata;      /* JSON object, or NULL */
	struct given_name *names;
};

/* Adds one to the act, which is made where *act is NULL: with `decide`, and about that item. It
 * then belongs to the act. NULL: out of memory, and *act as it was. */
struct todo *todo_add(const struct actor *, struct item *,
	int (*decide)(struct loop *, struct command *, struct error *), struct act **act);

/* Ends adding to an act: a new one is *act where the status is 0, and freed where it is not.
 * Returns the status. */
int todo_over(int status, struct act *, struct act **act);

/* Takes a message's metadata, if it has any: an object of at most so many bytes. -EINVAL, -ENOMEM.
 */
struct message;
int todo_take_metadata(struct todo *, const struct message *, size_t most, struct error *);

/* Names from text, apart by white space or commas (`-name`: out, where `signs` says so), or from a
 * list of strings. -EINVAL, -ENOMEM. */
int names_from_text(struct todo *, const char *text, size_t len, bool signs, struct error *);
int names_from_list(
	struct todo *, const struct json *list, const char *what, bool out, struct error *);

/* Whether both name one participant. */
bool same_participant(const char *a, const char *a_key, const char *b, const char *b_key);

/* A JSON object that is begun with {"item":ID,"in":ID or {"collaboration":ID: */
void begin_detail(struct buf *, const char *id);
void begin_data(struct buf *, const char *id);

/* Adds ,"tell":"…" to a detail: the living sessions of those names, but the one that acts; where
 * they are too many, the first of them. On the committer. */
void add_tell(const struct loop *, const struct act *, const char *const *names, size_t count,
	struct buf *detail);
void add_tell_all(
	const struct loop *, const struct act *, const struct collaboration *, struct buf *detail);

/* Adds a draft to the act with both; releases them. -ENOMEM, -EMSGSIZE. */
int add_event(struct act *, struct draft *, const char *type, struct buf *data, struct buf *detail);

/* The fold's parts, which loading uses too: what began it (a record's detail, or what was saved,
 * which has the same members); a decision; a vote, or another word for one. -ENOMEM, -EUCLEAN. */
int collaboration_begun(
	struct state *, struct collaboration *, const struct json *, const char *text);
int collaboration_add_decision(
	struct collaboration *, const char *text, const char *proposer, int64_t time_us);
int collaboration_add_vote(
	struct collaboration *, struct decision *, const char *by, const char *word);

/* item_ops.save and .load. */
void collaboration_save(const struct item *, struct buf *);
int collaboration_load(struct state *, struct item *, const struct json *, const char *text);

#endif
