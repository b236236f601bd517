/*
 * What is said: from a message as it was written to the event that it becomes.
 *
 * As core/state/session.h: each function fills an act for the caller to submit. A write of several
 * messages is one act, kept or refused as one.
 */
#ifndef CORE_MESSAGE_H
#define CORE_MESSAGE_H

#include "core/base/rate.h"
#include "core/state/session.h"

struct message;

/* Whether a message may begin here: the receiver lives, the actor's own session has not ended, and
 * no limit is reached. Counts it against the limits, and in burst->spent. -ESTALE, -EHOSTDOWN,
 * -EDQUOT. `type` is NULL where it is not known yet; `to` NULL is everyone. */
int message_may(struct loop *, const struct actor *, struct burst *, const char *type,
	struct session *to, struct error *);

/* Gives back what was counted for messages that were refused, and zeroes it. */
void message_give_back(struct loop *, const struct actor *, struct spent *);

/* Adds a message to the act, made where *act is NULL: to everyone as `say/type` or `broadcast` has
 * it (type NULL: what the message itself says, else broadcast.message), or to one session. The
 * message is copied. -EINVAL, -EACCES (posing as another), -ENOMEM. */
int message_add(struct loop *, const struct actor *, const struct message *, const char *type,
	struct session *to, struct act **act, struct error *);

/* Whether session_id and from, where an object has them, are the writer's own: -EACCES, -EINVAL. */
struct json;
int message_check_names(const struct actor *, const struct json *, struct error *);

/* A session's sign of life, shown on feeds/all.live alone and not kept. */
void message_heartbeat(struct loop *, struct session *);

#endif
