/*
 * An act: what somebody does to the loop, as a command (core/state/loop.h) with all that it needs.
 *
 * Threads: made and submitted on any; what `decide` calls, on the committer.
 */
#ifndef CORE_ACT_H
#define CORE_ACT_H

#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/base/limits.h"
#include "core/state/bind.h"
#include "core/state/loop.h"

/* A command with the storage that its drafts point into. Made by the functions of
 * core/state/session.h, message.h, ask.h and others; freed by act_free, which whoever handles
 * `done` calls.
 */
struct act {
	struct command command;
	struct actor actor;      /* who acts; its session is held */
	struct session *session; /* whom it is about, held; for a registration set when done */
	struct item *item;       /* the same, of an item (core/item/item.h) */
	struct buf text[4];      /* type, data, detail, spare: see core/state/session_private.h */
	struct kept_text *texts; /* what act_add copied */
	char id[ID_MAX + 1];     /* the session's, once decided */
	char key[AGENT_KEY_MAX + 1];
	char user[64];     /* who speaks where no session does */
	struct said *said; /* the messages of one write (core/state/message.c) */
	size_t said_count;
	struct mark *mark; /* what is marked read (core/state/mark.c) */
	struct act *also;  /* the next registration of the same write; freed with this one */
	bool own_id;       /* the id was chosen */
	bool same;         /* a registration that gave back the session that was there */
	void *more;        /* what else its maker needs, */
	void (*more_free)(void *);
	void *owner; /* whatever the submitter needs in done */
};
struct act *act_new(const struct actor *); /* NULL: out of memory */
void act_free(struct act *);               /* takes NULL */

/* A `done` for acts that nobody waits for: frees the act. */
void act_over(struct loop *, struct command *, int status, const struct error *,
	struct record *const *, size_t);

/* Who speaks, as a draft says it: session, from and agent, and the uid. -ESTALE: the actor's
 * session has ended. In `decide`. */
int act_speak(struct act *, struct draft *, struct error *);

/* Adds a draft to the act that is submitted (`to`, which may be the act itself or the first of its
 * `also` chain), and copies its texts, all but `type`. -ENOMEM. In `decide`. */
int act_add(struct act *to, const struct draft *);

/* The same with the data and the detail that were built; releases both. -ENOMEM, -EMSGSIZE. */
int act_add_built(struct act *to, struct draft *, struct buf *data, struct buf *detail);

/* The session that acts: -ENOENT, -ENOTUNIQ, -ESTALE where there is none of one's own (`what` needs
 * it, for the reason). Any thread. */
int act_own_session(const struct actor *, const char *what, struct session **out, struct error *);

/* Whether the uid may have `bytes` more kept: -EDQUOT. Takes the state's lock for writing. */
int act_check_quota(struct loop *, uid_t, size_t bytes, struct error *);

#endif
