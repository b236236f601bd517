/*
 * A loop and its model side by side: each step does something to both, chosen by a seeded
 * generator, and the loop must answer as the model does.
 *
 * The saver's thread is stopped, so that what it does is done at moments of the seed's choice; the
 * clock stands until a step moves it.
 */
#ifndef TESTS_UNIT_SIMULATION_H
#define TESTS_UNIT_SIMULATION_H

#include "tests/unit/simulation_log.h"
#include "tests/unit/simulation_model.h"
#include "tests/unit/world.h"

#define SIM_NOTES  24
#define SIM_LEASES 16

struct simulation {
	struct world *world;
	struct sim_model model;
	struct sim_log log;
	uint64_t seed, random;
	int step;
	int messages; /* how many were said: each is another */
	struct sim_lease {
		int session;
		struct record *record;
	} leases[SIM_LEASES];
	int lease_count;
	atomic_bool expired;        /* the saver has told so */
	char notes[SIM_NOTES][160]; /* of the last steps */
	char id[ID_MAX + 1];        /* sim_id's */
};

void sim_begin(struct simulation *, struct world *, uint64_t seed);
void sim_finish(struct simulation *);
/* Of a loop just opened: its saver is stopped, what it tells is followed. Before one is closed:
 * nobody holds anything of it. */
void sim_take_over(struct simulation *);
void sim_drop_leases(struct simulation *);
void sim_tell_notes(const struct simulation *); /* the seed, and what was done last */

/* A number below n; true once in n times. */
int sim_pick(struct simulation *, int n);
bool sim_once_in(struct simulation *, int n);
__attribute__((format(printf, 2, 3))) void sim_note(struct simulation *, const char *what, ...);
/* That the loop answered as the model. */
void sim_same(struct simulation *, int status, int wanted);

const char *sim_id(struct simulation *, int session); /* good until the next call */
/* The actor of a session, alive or not, or of the user. False: the loop has none of that id. */
bool sim_actor(struct simulation *, int session, struct actor *out);
struct session *sim_session(struct simulation *, int session);
/* Silence does not end it: who ends, and when, is the seed's to say. */
void sim_keep_alive(struct simulation *, int session);
int sim_peer(const char *id); /* the peer's number; SIM_NOBODY: it is none */

/* The steps, by what they are about. */
void sim_step_sessions(struct simulation *);
void sim_step_messages(struct simulation *);
void sim_step_reading(struct simulation *);
void sim_step_claims(struct simulation *);
void sim_step_tasks(struct simulation *);
void sim_step_groups(struct simulation *);
void sim_step_asks(struct simulation *);
void sim_step_answers(struct simulation *);

/* Time passes; what is old goes; the daemon saves, is started again, is killed and started. */
void sim_pass(struct simulation *, int64_t us);
void sim_step_time(struct simulation *);
void sim_drop_old(struct simulation *);
void sim_save(struct simulation *);
void sim_reopen(struct simulation *, bool killed);

/* Whether both are the same: what is cheap to know, and all of it. */
void sim_check(struct simulation *);
void sim_check_all(struct simulation *);

#endif
