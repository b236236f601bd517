/*
 * What applying the log's records in order leaves: sessions, agents, cursors, and the index.
 *
 * state_apply() is the only thing that changes what is here, so a restart that loads the last save
 * and applies what came after it stands where the last run stood. Fields under "not kept" belong to
 * the running daemon alone.
 *
 * Threads: state_apply and the saving functions run on the committer with the loop's state lock
 * held for writing; all else with it held for reading. Sessions are counted by reference: whoever
 * keeps a pointer beyond the lock holds one.
 */
#ifndef CORE_STATE_H
#define CORE_STATE_H

#include "core/base/config.h"
#include "core/base/limits.h"
#include "core/base/proc.h"
#include "core/item/item.h"
#include "core/log/index.h"
#include "core/log/record.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct store;

struct agent {
	char key[AGENT_KEY_MAX + 1];
	char *name;                /* as its first session gave it */
	uid_t uid;                 /* the first that used the name; others may not */
	int64_t first_us, last_us; /* first and last session began or ended */
	int64_t since_pos;         /* its inbox begins after this */
	struct session *sessions;  /* living and ended ones, newest first; by session.agent_next */
	struct channel *events, *own, *to;
	struct agent *next; /* in the hash */
	bool dirty;
	bool active;    /* what was told last: agent.active, agent.idle */
	int open_tasks; /* unfinished ones that are its, */
	int busy;       /* and its living sessions with a current_task: as the state has them */
};

enum end_reason { END_NONE, END_ASKED, END_PROCESS_GONE, END_TIMEOUT, END_ALIVE_CLOSED };
extern const char *const end_reasons[]; /* as they stand in session.ended */

struct session {
	char id[ID_MAX + 1];
	struct agent *agent;
	char *agent_name, *agent_type, *status, *task;
	char *query;   /* what its files are found by, or NULL: its task */
	char *tags;    /* JSON array */
	char *sources; /* JSON array, or NULL: every source */
	char *given;   /* JSON object of what else was given at registration, or NULL */
	char *routes;  /* JSON object: whom it asked last by a tag (core/item/ask.c), or NULL */
	uid_t uid;
	gid_t gid;
	int64_t started_us, ended_us; /* ended_us 0: it lives */
	enum end_reason end_reason;
	int64_t timeout_us;
	bool own_id; /* its id was chosen: never given back by name */
	bool person; /* a standing session */

	/* The processes that may hold it, nearest first (proc_heirs), and their boot. */
	struct process *heirs;
	int heir_count;

	/* Its inbox: from since_pos on; all up to read_pos is read, and so are the positions in
	 * `beyond`, which grow. */
	int64_t since_pos, read_pos;
	int64_t *beyond;
	int beyond_count;

	struct channel *events, *own, *to, *sent;

	/* lists */
	struct session *next, *agent_next, *dirty_next;
	bool dirty;

	/* not kept */
	atomic_int refs;
	atomic_llong heard_mono_us, heard_wall_us; /* when it was last heard of */
	atomic_bool late;
	atomic_int waiting; /* readers of wait and next: it is heard of as long as there is one */
	atomic_int reading; /* who has wait, next or inbox.live open */
	atomic_int asking;  /* its asks that are held and unanswered */
	struct leases *leases;   /* under the inboxes' lock (core/state/inbox.h) */
	struct binding *binding; /* this and below: under the bindings' lock (core/state/bind.h) */
	int heir_at;             /* which of the heirs the binding is */
	int alive_holders;
	atomic_llong handover_mono_us; /* by when it must act; 0: it need not */
	struct backlog {
		int64_t due_pos;             /* no earlier can it be too much */
		int64_t read_pos, first_pos; /* as they were when it was counted */
		int beyond;
		bool raised;
	} backlog; /* the saver's (core/item/alert_look.c) */
};

/* How much of the log is a uid's, for its quota: of its records from first_pos on. */
struct kept {
	uid_t uid;
	int64_t messages, bytes;
	bool dirty;
};

struct state {
	struct store *store;
	struct index *index;
	struct session **sessions; /* by id */
	struct agent **agents;     /* by key */
	size_t session_count, session_slots, agent_count, agent_slots;
	size_t living;
	struct session *dirty;
	struct channel *all, *broadcast;
	int64_t applied_pos, saved_pos, last_seq;
	int64_t first_pos;     /* what is older than this has expired */
	size_t type_count;     /* distinct event types, */
	size_t activity_count; /* and types of activity */
	struct items items;
	struct kept *kept; /* by uid, in no order */
	size_t kept_count;
	char boot[37]; /* this boot: heirs of another are gone */
};

/* Loads the last save. -EIO, -ENOMEM, -EUCLEAN. The caller then applies the log from
 * saved_pos + 1 on. */
int state_new(struct store *, struct state **out, struct error *err);
void state_free(struct state *);

struct session *state_session(const struct state *, const char *id); /* ended ones too; or NULL */
struct agent *state_agent(const struct state *, const char *key);
struct session *session_ref(struct session *);
void session_unref(struct session *); /* takes NULL */

/* Applies one record, sets its memberships. The record must be the next. -ENOMEM, -EUCLEAN. */
int state_apply(struct state *, struct record *);

/* Sets the memberships of a record that was applied before: one that is read back. -ENOMEM. */
int state_place(struct state *, struct record *);

/* Whether an event of that type goes to every inbox; whether only the daemon may emit it. */
bool event_reaches_inboxes(const char *type);
bool event_is_reserved(const char *type);

/* A channel of that name, made where it is not there yet, held by who calls: channel_unref. On the
 * committer, with the lock held for writing. NULL: out of memory. */
struct channel *state_channel(struct state *, enum channel_kind, const char *name);

/* Whether channel entries show the whole line or what others see. */
bool channel_shows_whole(enum channel_kind kind);

/* What the uid has in the log from first_pos to applied_pos; made where it is not there yet.
 * state_gone takes off what expired: whoever calls it moves first_pos by state_forget() before the
 * lock is let go, so that what is saved is always the sum of one span of the log, and what a start
 * loads and then applies adds up. NULL: out of memory. */
struct kept *state_kept(struct state *, uid_t uid);
void state_gone(struct state *, uid_t uid, size_t messages, size_t bytes);

/* Saves all that changed since the last save, as one transaction. -EIO, -ENOSPC: then nothing was
 * saved and all of it still is to be. Blocks. Needs no lock on the committer, for it changes
 * nothing that others read; after a success state_saved() is due, with the lock held for writing.
 */
int state_save(struct state *, struct error *err);
void state_saved(struct state *);
bool state_is_saved(const struct state *); /* nothing has changed since; on the committer */

/* Forgets ended sessions that have been held long enough, and that there was anything before
 * `first_pos`; state_trim() then drops unused agents' names and index blocks, in a transaction. */
void state_forget(struct state *, int64_t first_pos, int64_t ended_before_us);
int state_trim(struct state *, int64_t ended_before_us, struct error *err);

#endif
