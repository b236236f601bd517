/*
 * Collaborations: who works together on something, what they tell each other, and what they decide.
 *
 * A collaboration is an item (core/item/item.h). Its participants are names: of agents, which stand
 * for all sessions that the agent has when it matters, and of sessions, by their ids; a name that
 * nobody has yet is kept, and is whoever comes to have it. Two names are one participant's where
 * they are one agent's (text_agent_key). Who began it, and its participants, may do what can be
 * done to it: the session's agent, or, where no session began it, whatever is its user's.
 *
 * What happens in it stands in three channels of its own: all of it, what is said, and what is
 * decided. A record stands there by {"in":ID} in its detail, of whatever type it is.
 *
 * An ended one stays as it was until it is forgotten, or until another is begun by its name.
 *
 * Threads: what makes an act, on any; the rest with the state's lock held for reading. What is
 * borrowed is good as long as the lock is held.
 */
#ifndef CORE_COLLABORATION_H
#define CORE_COLLABORATION_H

#include "core/item/item.h"
#include "core/state/act.h"

struct json;
struct message;
struct channel;

struct participant {
	char *name; /* as it was given */
	char key[AGENT_KEY_MAX + 1];
};

struct vote {
	char *by; /* the participant's name */
	char key[AGENT_KEY_MAX + 1];
	char word[VOTE_MAX + 1];
};

struct decision {
	char *text, *proposer;
	int64_t time_us;
	struct vote *votes;
	size_t vote_count;
};

struct collaboration {
	struct item item;
	char *type;                       /* session_type */
	char *metadata;                   /* JSON object, or NULL */
	char agent[AGENT_KEY_MAX + 1];    /* of the session that began it; "": none did */
	struct participant *participants; /* in the order in which they came */
	size_t participant_count;
	struct decision *decisions; /* the n-th is decisions[n - 1] */
	size_t decision_count, vote_count;
	struct channel *together, *talk, *decided; /* held */
};

/* Whether an agent or a session takes part; each may be NULL. */
bool collaboration_has(const struct collaboration *, const char *agent_key, const char *session_id);

/* How many open ones an agent takes part in. */
size_t collaborations_of(const struct state *, const char *agent_key);

/* The open ones that an agent or session takes part in, oldest first: begins with NULL, NULL after
 * the last. */
const struct collaboration *collaboration_next(const struct state *,
	const struct collaboration *after, const char *agent_key, const char *session_id);

/* Whether the actor may do something in it: -ESTALE (his session has ended), -EHOSTDOWN (the
 * collaboration has), -EACCES (takes no part), -ENOTUNIQ. `name` (may be NULL) is set to the name
 * that he takes part by, borrowed; NULL for who only began it. */
int collaboration_may(
	const struct collaboration *, const struct actor *, const char **name, struct error *);

/* Whether that user may read what is said there: who began it, and whose agents take part. */
bool collaboration_shows(const struct state *, const struct collaboration *, uid_t);

/* Beginning one: under an id of one's own, from names apart by white space or commas, or from JSON
 * {"participants":[…],"session_type","metadata","name"}, in an act that is made where *act is NULL.
 * -EINVAL, -ENOMEM; when it is done also -EEXIST (an open one has that name), -EDQUOT, -ESTALE. */
int collaboration_begin_id(
	struct loop *, const struct actor *, const char *id, struct act **act, struct error *);
int collaboration_begin(struct loop *, const struct actor *, const struct message *,
	struct act **act, struct error *);
/* The ids of those that the act began, one a line, once it is done. */
void collaboration_ids(const struct act *, struct buf *out);

/* What is done in one; each copies what it is given, and adds to an act that is made where *act is
 * NULL. What collaboration_may() refuses is refused when it is done; also -EINVAL, -EMSGSIZE,
 * -EDQUOT, -ENOENT (no such decision), -ENOMEM.
 *
 * Ending it; changing who takes part (`name` adds, `-name` takes out; a JSON list, or
 * {"add":[…],"remove":[…]}); saying something to the others; deciding; voting on the n-th. */
int collaboration_end(
	struct loop *, const struct actor *, struct item *, struct act **act, struct error *);
int collaboration_change(struct loop *, const struct actor *, struct item *, const struct message *,
	struct act **act, struct error *);
int collaboration_say(struct loop *, const struct actor *, struct item *, const struct message *,
	struct act **act, struct error *);
int collaboration_decide(struct loop *, const struct actor *, struct item *, const struct message *,
	struct act **act, struct error *);
int collaboration_vote(struct loop *, const struct actor *, struct item *, int64_t n,
	const struct message *, struct act **act, struct error *);

/* As others read it: its record, its participants one a line, and a decision with its votes (false:
 * there is none by that number). */
void collaboration_record(const struct state *, const struct collaboration *, struct buf *);
void collaboration_participants(const struct collaboration *, struct buf *);
bool collaboration_votes(const struct collaboration *, int64_t n, struct buf *);

/* Adds the decision's votes counted, as {"yes":2,…}: each word once, where it first was cast, and
 * so many words at the most. */
void collaboration_tally(const struct decision *, size_t most, struct buf *);

#endif
