/*
 * The loop: all that is shared by those who are in it, and the one way to change it.
 *
 * It owns the log, the state that the log's records leave (core/state/state.h), and what is not
 * kept: when a session was last heard of, who follows what, who is bound to which process. All
 * change goes through commands. A command decides on the state as it stands and says what is to be
 * appended; the committer, whichever thread came first, takes all the commands that wait, decides
 * each, appends their drafts as one commit, applies the records, answers, and tells the followers
 * (a few of them before it answers: see `done`).
 * So what is decided on cannot change before it is appended, concurrent writers share commits, and
 * a failed commit has changed nothing.
 *
 * Locks, in the order in which they may be taken: queue, then state. The queue's is held for
 * instants. The state's is a reader-writer lock: the committer alone writes, while it applies;
 * whoever reads the state holds it for reading, for microseconds, and never across a call to FUSE,
 * a commit, or a follower. Bindings and followers have locks of their own, taken last.
 */
#ifndef CORE_LOOP_H
#define CORE_LOOP_H

#include "core/base/clock.h"
#include "core/base/config.h"
#include "core/base/error.h"
#include "core/log/record.h"

#include <stdbool.h>
#include <stddef.h>

struct loop;
struct command;

/* Opens the state directory's database, loads the last saved state, replays the log from there, and
 * starts the threads (watcher, saver). The mount's owner becomes a standing session of that name.
 * As db_open(); also -ENOMEM. Blocks. */
int loop_open(const struct config *, const struct clock *, uid_t owner, gid_t group,
	struct loop **out, struct error *err);

/* Saves the state and closes; nobody may use the loop any more. Takes NULL. Blocks. */
void loop_close(struct loop *);

/* Told of every commit, on the committer's thread, once its writers were answered; and that old
 * records have expired, on the saver's. One each, set before the loop is used; must not block. */
void loop_watch(struct loop *, void (*committed)(void *arg, struct record *const *, size_t),
	void (*expired)(void *arg), void *arg);

#define COMMAND_DRAFTS_MAX 2 /* kept inside; more are allocated: see the size of struct act */

struct command {
	/* Says what to append, by command_add(); reads the state, changes nothing. Runs on the
	 * committer's thread, without locks. Refuses with a negative errno and the reason. May be
	 * NULL where the drafts were added before. */
	int (*decide)(struct loop *, struct command *, struct error *);
	/* Called once, without locks, after the records were applied or the command was refused;
	 * frees the command. Followers hear of the records after it; but where the commit is of one
	 * record, the first COMMIT_TOLD_FIRST of them (core/state/commit.h) hear before. `records`
	 * are the command's own, NULL where there are none. */
	void (*done)(struct loop *, struct command *, int status, const struct error *,
		struct record *const *records, size_t count);
	bool alone; /* decides on what other commands change: shares no commit */
	/* the committer's */
	struct command *next;
	struct draft *drafts;
	size_t draft_count, draft_cap;
	struct draft few[COMMAND_DRAFTS_MAX];
	int status;
	struct error error;
	int64_t submitted_us; /* mono_us */
	void *caller;         /* loop_call's */
};

/* Adds a draft, shallow: its strings live until done(). -ENOMEM. */
int command_add(struct command *, const struct draft *);
void command_release(struct command *); /* what command_add allocated */

/* Queues the command; it may be done before this returns, and by another thread after it. */
void loop_submit(struct loop *, struct command *);

/* Submits and waits until it is done; for threads that may block (never FUSE's). The command's
 * `done` must be NULL; the caller still owns it. */
int loop_call(struct loop *, struct command *, struct error *err);

#endif
