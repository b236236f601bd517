/*
 * What a loop should leave behind, as plainly as may be: who is there, what stands in each inbox
 * and what of it is unread, who holds which claim, how each ask stands, which tasks are unfinished,
 * who works together. Sessions, agents, claims and collaborations are numbers here.
 *
 * Each function does to the model what an act does to the loop, and returns what the act is to
 * return; where that is an error, nothing has changed.
 */
#ifndef TESTS_UNIT_SIMULATION_MODEL_H
#define TESTS_UNIT_SIMULATION_MODEL_H

#include "core/item/ask.h"
#include "core/item/task.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIM_PEERS    10        /* sessions that come and go, */
#define SIM_PERSON   SIM_PEERS /* and the owner's, that stands */
#define SIM_SESSIONS (SIM_PEERS + 1)
#define SIM_AGENTS   5          /* of the peers: the number of the session modulo this */
#define SIM_GHOST    SIM_AGENTS /* an agent that nobody registers as */
#define SIM_NOBODY   (-1)       /* a user without a session */
#define SIM_CLAIMS   5
#define SIM_GROUPS   4
#define SIM_NAMES    (SIM_SESSIONS + SIM_AGENTS) /* of participants: sessions, then agents */
#define SIM_TASK_ALL 2000
#define SIM_ASK_ALL  2000

struct sim_entry {
	char what[ID_MAX + 64];
	int64_t pos, seq; /* 0: it was not looked at yet */
	bool read, leased;
};

struct sim_inbox {
	struct sim_entry *entries;
	size_t first; /* what is before it has expired */
	size_t seen, count;
};

struct sim_session {
	bool there, alive;
	int64_t ended_us;
	struct sim_inbox inbox;
	int last_by_tag[3]; /* whom it asked last by a tag; SIM_NOBODY */
};

struct sim_part {
	int session; /* or SIM_NOBODY */
	enum part_state state;
	bool more;
};

struct sim_ask {
	char id[ID_MAX + 1];
	int asker;
	bool held, named, anyone, all, closed, gone;
	size_t need, part_count;
	struct sim_part parts[SIM_SESSIONS + 1];
	int64_t deadline_us, closed_us;
	enum ask_status status;
	enum ask_reason reason;
	int readers;
};

struct sim_task {
	char id[24];
	int session, agent;
	bool of_another, gone;
	enum task_status status;
	int64_t closed_us;
};

struct sim_group {
	bool there, open;
	int agent; /* of who began it */
	int64_t ended_us;
	int names[SIM_NAMES]; /* in their order */
	int name_count;
	int decisions;
	bool voted[64][SIM_NAMES];
};

struct sim_model {
	struct sim_session sessions[SIM_SESSIONS];
	int claims[SIM_CLAIMS]; /* whose they are; SIM_NOBODY */
	struct sim_ask *asks[SIM_ASK_ALL];
	struct sim_task *tasks[SIM_TASK_ALL];
	int ask_count, task_count;
	struct sim_group groups[SIM_GROUPS];
	int64_t now_us;
};

void sim_model_init(struct sim_model *);
void sim_model_release(struct sim_model *);

int sim_agent_of(int session); /* the person's is no other's */
bool sim_agent_lives(const struct sim_model *, int agent, int without);

/* What reaches inboxes. */
__attribute__((format(printf, 3, 4))) void sim_tell(
	struct sim_model *, int to, const char *what, ...);
__attribute__((format(printf, 3, 4))) void sim_tell_others(
	struct sim_model *, int from, const char *what, ...);

int sim_start(struct sim_model *, int session);
int sim_end(struct sim_model *, int session);
void sim_restart(struct sim_model *); /* of the daemon */
void sim_forget(struct sim_model *, int64_t first_pos, int64_t before_us);

/* Asks. A question is filled by who asks, and then added. It rings where it would be waited for by
 * sessions that all wait for each other; a held one is waited for as long as it has a reader. */
bool sim_rings(const struct sim_model *, const struct sim_ask *question);
struct sim_ask *sim_asked(struct sim_model *, const struct sim_ask *question, bool everyone);
int sim_answer(
	struct sim_model *, struct sim_ask *, int by, bool error, bool more, const char *what);
void sim_close(struct sim_model *, struct sim_ask *);  /* one of its readers */
void sim_cancel(struct sim_model *, struct sim_ask *); /* another is asked on its descriptor */
void sim_expire(struct sim_model *);
void sim_asks_end(struct sim_model *, int session); /* sim_end's part */

/* Tasks: who may end which, and which a word without an id ends (NULL: none). */
struct sim_task *sim_task_began(struct sim_model *, int session, int agent);
bool sim_task_is_of(const struct sim_task *, int session);
struct sim_task *sim_task_newest(struct sim_model *, int session);
void sim_task_end(struct sim_model *, struct sim_task *, enum task_status);
int sim_open_tasks(const struct sim_model *, int agent);

/* Collaborations: by which name a session takes part (SIM_NOBODY: by none), whether it may do
 * something there, and what is said to whom. */
int sim_group_name(const struct sim_group *, int session);
int sim_group_may(const struct sim_model *, const struct sim_group *, int session);
void sim_group_say(struct sim_model *, const struct sim_group *, int from, const char *what);
/* The same of what happens there, to those who take part in it, or in what it was. */
void sim_group_tell(struct sim_model *, const struct sim_group *, const struct sim_group *was,
	int from, const char *type);
int sim_group_votes(const struct sim_group *, int decision);

#endif
