/*
 * What may be said of a session: registering, changing, ending; and its record as others read it.
 *
 * Each function here fills a command (core/state/loop.h) that the caller submits; the command's
 * strings are its own, in `text`. session_id and other ids are checked here, rights against
 * `actor`.
 */
#ifndef CORE_SESSION_H
#define CORE_SESSION_H

#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/state/act.h"
#include "core/state/bind.h"
#include "core/state/loop.h"
#include "core/state/state.h"

/* Registering: from text (`name`, `name: task`) or JSON; or under an id of one's own by mkdir. The
 * id is in act->id when done with status 0. Where it gives back the session that was there, the
 * task, tags and timeout that were given are changed, as session_change does it. Refusals: -EINVAL,
 * -EEXIST (that id lives, or was another's), -EACCES (the name is another uid's), -EDQUOT (too many
 * sessions), -ENOMEM. */
int session_register_text(struct loop *, const struct actor *, const char *text, size_t len,
	struct act **out, struct error *);
struct json;
int session_register_json(struct loop *, const struct actor *, const char *text, size_t len,
	const struct json *, struct act **out, struct error *);
int session_register_id(
	struct loop *, const struct actor *, const char *id, struct act **out, struct error *);

/* The standing session of a uid: `person`. NULL act where it is there already. */
int session_person(struct loop *, uid_t uid, gid_t gid, struct act **out, struct error *);

/* Ending it. -ESTALE where it has ended already, -EPERM for a person's. */
int session_end(struct loop *, const struct actor *, struct session *, enum end_reason,
	struct act **out, struct error *);

/* Changing a value: `status`, `current_task`, `tags`, `timeout`, `context/query`. Writing `ended`
 * to status ends. What a session's query is, the event does not say: it is its user's alone. */
enum session_value { VALUE_STATUS, VALUE_TASK, VALUE_TAGS, VALUE_TIMEOUT, VALUE_QUERY };
int session_change(struct loop *, const struct actor *, struct session *, enum session_value,
	const char *text, size_t len, bool json, struct act **out, struct error *);

/* The daemon's word that a session is late (session.late and alert.raised), or was heard of again
 * (alert.cleared); nothing where that was told already (core/item/alert.h). */
int session_health_changed(struct loop *, struct session *, bool late, struct act **out);

/* Adds the session as the JSON object that a record's detail and a saved row hold: who and what it
 * is, and its heirs. */
void session_describe(const struct state *, const struct session *, struct buf *);

/* Adds the record as others read it, as a JSON object's members without the opening brace. The
 * caller holds the state's lock. */
void session_record(struct loop *, struct session *, struct buf *);

/* `fresh`, `late`, or `ended`; how long it has lived, for people: 5m, 2h, 3d. */
const char *session_health(const struct session *);
void session_span(int64_t us, char *out, size_t size); /* a time so */
void session_uptime(struct loop *, const struct session *, char *out, size_t size);

#endif
