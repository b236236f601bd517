/*
 * Shared by state*.c and ask.c alone: state.c, which holds what is there; state_apply.c, which
 * applies records, with state_session.c and state_place.c; and state_save.c. Threads: as
 * core/state/state.h.
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
/* Parses a record's detail; NULL: it has none. -ENOMEM, -EUCLEAN. */
int state_parse_detail(const struct record *, struct json **out);

/* What applying a record leaves of its session: session.started, which makes it; what else its
 * events say of it; and what it has read. -ENOMEM, -EUCLEAN. */
int state_session_started(struct state *, struct record *, const struct json *detail);
int state_session_changed(
	struct state *, struct session *, const struct record *, const struct json *detail);
int state_session_read(struct state *, struct session *, const struct json *detail);

/* Sets a record's memberships. -ENOMEM. */
int state_place_in(struct state *, struct record *, const struct json *detail);

/* Takes what a session is from a detail (core/state/session.h), given as text and parsed. -ENOMEM,
 * -EUCLEAN. */
int state_take_session(struct state *, struct session *, const char *text, const struct json *);

#endif
