/*
 * What must hold of a log whoever wrote it, and in whatever order: followed from its beginning.
 *
 * Seqs grow by one, times don't go back. A claim is taken by who gets it and given back by the
 * same, by turns. An ask is asked once and has one ending; a task is begun once and ends once; a
 * session begins and ends by turns, and leaves no claim, no ask and no task of its own open.
 */
#ifndef TESTS_UNIT_SIMULATION_LOG_H
#define TESTS_UNIT_SIMULATION_LOG_H

#include "core/item/item.h"
#include "core/state/loop.h"

#define SIM_LIVES ITEM_KINDS /* of sessions, beside the kinds of items */

struct sim_thing {
	int kind;
	char id[ID_MAX + 1], by[ID_MAX + 1]; /* by: "": no session */
	bool open, of_another;               /* of_another: a task that another agent is to do */
};

struct sim_log {
	int64_t next_pos;          /* where to read on */
	int64_t pos, seq, time_us; /* of what was read last */
	struct sim_thing *things;
	size_t count;
};

void sim_log_release(struct sim_log *);

/* Reads what is new; fails the test where it is not as it must be. */
void sim_log_follow(struct sim_log *, struct loop *);

/* How many of a kind are open; one's state by its id (NULL: there was none). */
size_t sim_log_open(const struct sim_log *, int kind);
const struct sim_thing *sim_log_thing(const struct sim_log *, int kind, const char *id);

#endif
