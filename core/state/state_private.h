/* Shared by state.c, state_apply.c, state_save.c and ask.c alone. Threads: as core/state/state.h.
 */
#ifndef CORE_STATE_PRIVATE_H
#define CORE_STATE_PRIVATE_H

#include "core/state/state.h"

/* As state_new(), without the agents and sessions. */
int state_empty(struct store *store, struct state **out, struct error *err);

/* Finds or makes the agent of that key. Makes a session of an id that is not there yet; the caller
 * fills it. -ENOMEM. */
int state_make_agent(
	struct state *, const char *key, const char *name, uid_t uid, struct agent **out);
int state_make_session(struct state *, const char *id, struct agent *, struct session **out);
void state_drop_session(struct state *, struct session *);
void state_drop_agent(struct state *, struct agent *); /* one without sessions */
void agent_free(struct agent *);

void state_touch_session(struct state *, struct session *); /* it is to be saved */

struct json;
/* Takes what a session is from a detail (core/state/session.h), given as text and parsed. -ENOMEM,
 * -EUCLEAN. */
int state_take_session(struct state *, struct session *, const char *text, const struct json *);

#endif
