/*
 * Tasks: what agents are at, and were. LEITL's tasks and Daena's activities are one thing.
 *
 * A task is an item (core/item/item.h). It is an agent's: the writer's own, or the one that
 * `agent_id` names, who need not be registered; then `by` says who began it. It is begun and ended
 * by events that anyone may write: task.started makes one, task.completed and task.failed end the
 * one whose task_id they tell or, where they tell none, the writer's newest. An end that is no
 * task's is an event like any other.
 *
 * Who may end it: the session that began it, and every session of the agent that it is for; one
 * that no session began, its user. With the session it ends, too: as failed, in the same commit;
 * one for another agent with that agent's last session.
 *
 * Threads: what makes an act, on any; task_decide on the committer; the rest with the state's lock
 * held for reading.
 */
#ifndef CORE_TASK_H
#define CORE_TASK_H

#include "core/item/item.h"
#include "core/state/act.h"

struct message;
struct session;
struct task_word;

enum task_status { TASK_ACTIVE, TASK_COMPLETED, TASK_FAILED };

struct task {
	struct item item;
	char agent[AGENT_KEY_MAX + 1]; /* whose it is, as a key */
	char *agent_name;
	char *by;          /* the session or user that began it for another; NULL: its own */
	char *description; /* this and below: NULL where it was not told */
	char *activity;    /* activity_type */
	char *department;
	char *metadata, *related, *estimated; /* JSON as it was written */
	char *given;                          /* what else was told: a JSON object */
	char *in;                             /* the collaboration */
	enum task_status status;
	char *result, *error; /* JSON, once it is over */
	char *ended_by;       /* the session or user that ended it, where that is not its agent */
	int64_t seq;          /* of its last event */
};

/* Whether that may be an activity_type: 1 to ACTIVITY_MAX of A-Za-z0-9_-. */
bool task_activity_ok(const char *name);

/* Whether an event of that type begins or ends tasks. */
bool task_is_word(const char *type);

/* What such an event means for the act that says it, from its data: JSON text of one value. The
 * word belongs to the act. -EINVAL, -EMSGSIZE, -ENOMEM. */
int task_word(struct act *, const char *type, const char *data, size_t len, struct task_word **out,
	struct error *);

/* Adds the event, as `d` has it, with what the word makes of its data. -EEXIST (the id is taken;
 * the task is over already), -EACCES (it is not the writer's), -ENOENT (no such collaboration),
 * -EDQUOT (TASKS_MAX), -ENOMEM; what collaboration_may() refuses. The act must be `alone`. */
int task_decide(
	struct loop *, struct act *, struct task_word *, const struct draft *d, struct error *);

/* Ends a task by what was written to `complete`: true, false, text, `false: why`, or JSON. As
 * task_word and task_decide; -ENOENT: it is forgotten. */
int task_complete(struct loop *, const struct actor *, struct item *, const struct message *,
	struct act **out, struct error *);

/* The ids of those that the act began, one a line, once it is done. */
void task_ids(const struct act *, struct buf *out);

/* As others read it: members of a JSON object, without its braces. The short ones leave out
 * metadata, what else was given, and how it went. */
void task_record(const struct loop *, const struct task *, struct buf *);
void task_record_short(const struct loop *, const struct task *, struct buf *);

/* The agent's newest unfinished task, and its newest that is known; NULL: none. */
const struct task *task_current(const struct state *, const char *agent_key);
const struct task *task_last(const struct state *, const char *agent_key);

/* What a session is at: its current_task, else its agent's newest unfinished task; NULL: it has
 * said nothing. The state's, good for as long as its lock is held. */
const char *session_doing(const struct state *, const struct session *);

#endif
