/*
 * What the log's records should leave behind, kept as plainly as may be: every record there was,
 * who had read it, and arrays that are searched from their beginning. Sessions are numbers here.
 *
 * Both the model and a real state can be written out as text, which is to be the same.
 */
#ifndef TESTS_UNIT_STATE_MODEL_H
#define TESTS_UNIT_STATE_MODEL_H

#include "core/base/buf.h"
#include "core/state/state.h"

#define ID_SIZE 32

#define M_SESSIONS 24
#define M_AGENTS   6
#define M_UIDS     3
#define M_RECORDS  4000

struct m_session {
	bool there;
	int agent;
	char name[32], type[16], status[64], task[64], tags[64], sources[32], given[32];
	unsigned uid, gid;
	int64_t started, ended, timeout;
	int reason, heirs;
	bool own_id, person;
	int64_t since;
	int64_t cursor;           /* what a reader would call read_pos */
	bool has_read[M_RECORDS]; /* by record */
};

struct m_agent {
	bool there;
	char name[32];
	unsigned uid;
	int64_t first, last, since;
};

struct model {
	unsigned seed;
	struct m_session sessions[M_SESSIONS];
	struct m_agent agents[M_AGENTS];
	struct record *records[M_RECORDS];  /* held */
	int from[M_RECORDS], to[M_RECORDS]; /* the sessions that it comes from and is for, or -1 */
	int to_agent[M_RECORDS];
	int count;
	char boot[37];
	int64_t pos, seq, time, first_pos;
	int64_t messages[M_UIDS], bytes[M_UIDS];
};

struct model *model_new(void);
void model_free(struct model *);
unsigned model_random(struct model *, unsigned below);

/* Makes something happen: the record of it, which stands in the model already. Borrowed. */
struct record *model_step(struct model *);
struct record *model_start(struct model *, int session); /* registers it, anew or again */
struct record *model_end(struct model *, int session);
struct record *model_say(struct model *, int from, int to); /* each -1: nobody, everyone */
struct record *model_read(struct model *, int session, int record, bool all_before);

bool model_is_broadcast(const struct model *, int record);

/* Whether a record is in the inbox of a session, and the first that is and is unread; -1: none. */
bool model_in_inbox(const struct model *, int session, int record);
int model_unread(const struct model *, int session);

/* The records before `pos` go, and sessions that ended before `time` with the agents that have none
 * any more. */
void model_forget(struct model *, int64_t pos, int64_t time);

void model_id(int session, char out[ID_SIZE]);

/* All of it as text; `whole`: with the places of entries in their channels, which are known only as
 * long as nothing has expired. */
void model_dump(const struct model *, bool whole, struct buf *out);
void state_dump(const struct model *names, struct state *, bool whole, struct buf *out);

#endif
