/*
 * Which process is which session.
 *
 * A session is bound to the nearest of its heirs (core/base/proc.h) that lives. The processes are
 * watched: when one dies its sessions are handed to the next heir, who has `handover` to act, or
 * end. Who calls is found by walking from the calling process up its ancestors to the first that is
 * bound.
 *
 * An ended session stays bound, as ended, to a process that acted for it, so that what that process
 * does next is refused rather than spoken by another.
 *
 * Threads: any; a lock of its own, taken after the state's. Sessions are ended by commands that the
 * watcher submits.
 */
#ifndef CORE_BIND_H
#define CORE_BIND_H

#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/base/proc.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct loop;
struct session;
struct bindings;

enum actor_kind {
	ACTOR_SESSION, /* `session` acts */
	ACTOR_USER,    /* no session: speaks as the user, session_id null */
	ACTOR_SEVERAL, /* the process has several sessions: as ACTOR_USER, and ENOTUNIQ */
	ACTOR_ENDED,   /* bound to a session that has ended: ESTALE */
};

/* Who does something: fixed when a file is opened. */
struct actor {
	uid_t uid;
	gid_t gid;
	pid_t tid; /* as the kernel told, 0: cannot be seen */
	struct process process;
	enum actor_kind kind;
	struct session *session; /* held, for ACTOR_SESSION and ACTOR_ENDED; else NULL */
	bool through_as;         /* by as/<id>/ and not by its process */
};

int bindings_new(struct loop *, struct bindings **out, struct error *err);
void bindings_free(struct bindings *);
/* Starts and stops the watcher's thread: binds all living sessions and begins to end them. */
int bindings_start(struct bindings *, struct error *err);
void bindings_stop(struct bindings *);

/* Finds out who the caller is. `as`, where not NULL, is the session whose as/ the path went
 * through. A process at a controlling terminal without a session is its uid's person, whose session
 * is made where it is not there yet. -EMFILE, -ENFILE, -ENOMEM: it can't be told. Reads
 * /proc; does not block otherwise. */
int actor_resolve(
	struct loop *, uid_t uid, gid_t gid, pid_t tid, struct session *as, struct actor *out);
void actor_release(struct actor *);

/* Adds the ids of the sessions that a caller found as ACTOR_SEVERAL has, with commas between; of
 * many the first few. */
void actor_sessions(struct loop *, const struct actor *, struct buf *out);

/* The user's name for a uid, or its number in digits. */
void user_name(uid_t uid, char *out, size_t size);

/* The processes that may hold a session which this caller registers, and the session of that name,
 * in whatever case, that its process has already (held; NULL: none). Names of one key are names of
 * one agent, but not the same: "C++" is not "C--". On the committer. */
int bind_heirs(struct loop *, uid_t uid, pid_t tid, struct process heirs[CHAIN_MAX]);
struct session *bind_same(struct loop *, uid_t uid, pid_t tid, const char *name);

/* Whether the calling process may read and mark the messages of this session: false where it is
 * bound to others only. */
bool bind_may_consume(struct loop *, const struct actor *, struct session *);

/* After a session was registered or revived, and after it ended. */
void bind_session(struct loop *, struct session *);
void unbind_session(struct loop *, struct session *);

/* Something was heard of the session: an act of it, or a heartbeat. Never blocks. */
void session_heard(struct loop *, struct session *);

/* `alive`: a holder comes, and goes. The last to go ends the session; so does the death of
 * `process`. */
struct holder;
int alive_hold(struct loop *, struct session *, const struct process *, struct holder **out);
void alive_release(struct loop *, struct holder *, bool was_heartbeat); /* takes NULL */

#endif
