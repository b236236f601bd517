/*
 * Who is active: what agents do now, from their tasks and sessions.
 *
 * An agent is active while it has an unfinished task, or a living session that names a
 * current_task; else it is idle. agent.active and agent.idle tell each change once. What was told
 * last is part of the state (agent.active), so that a restart tells no change again, and tells one
 * that the last run did not come to.
 *
 * Threads: status_follow on the committer; status_begin on any; the rest with the state's lock held
 * for reading.
 */
#ifndef CORE_STATUS_H
#define CORE_STATUS_H

#include "core/base/buf.h"
#include "core/log/record.h"

#include <stdbool.h>

struct agent;
struct loop;
struct session;
struct state;

/* Whether it is active now. */
bool agent_is_busy(const struct agent *);

/* Whether a session by itself makes its agent active. */
bool session_is_busy(const struct session *);

/* After a record was applied: if it left an agent other than what was told of it, submits what
 * tells it. */
void status_follow(struct loop *, const struct record *);

/* The same for every agent, at a start. -ENOMEM. */
int status_begin(struct loop *);

/* One agent's status, and everyone's in Daena's shape: members of a JSON object, without its
 * braces. */
void status_agent(const struct loop *, const struct agent *, struct buf *);
int status_all(const struct loop *, struct buf *); /* -ENOMEM */

#endif
