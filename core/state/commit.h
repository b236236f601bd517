/*
 * The committer: takes the commands that wait, and makes them one commit (see core/state/loop.h).
 *
 * There is no thread of its own: whoever submits while nobody commits is the committer until the
 * queue is empty, so that a lone writer waits for nobody, and those who come meanwhile share the
 * next commit.
 */
#ifndef CORE_COMMIT_H
#define CORE_COMMIT_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

struct command;
struct loop;

#define COMMIT_COMMANDS_MAX 256 /* commands in one commit */

/* Followers of a record that is a commit of its own who are told before its writer is answered: a
 * waiting peer hears soonest so, and the writer does not wait for a thousand. */
#define COMMIT_TOLD_FIRST 4

struct commit {
	pthread_mutex_t mutex;
	pthread_cond_t idle;
	struct command *head, **tail;
	bool busy;   /* somebody is the committer */
	int holding; /* how many want the committer's place: see commit_hold */
	/* the committer's: what the log handed to the follower during an append */
	struct record **records;
	size_t record_count, record_cap;
	struct draft *drafts; /* and the drafts of several commands, side by side */
	size_t draft_cap;
	int failed; /* applying failed: the state is not to be trusted, nothing more is taken */
};

int commit_init(struct commit *);
void commit_release(struct commit *);

/* Takes the committer's place while nothing is being committed, so that the state stands still and
 * the writing connection is free; and gives it back, committing what has come meanwhile. */
void commit_hold(struct loop *);
void commit_resume(struct loop *);

/* The log's follower: applies and remembers. */
struct record;
void commit_follow(void *loop, struct record *const *records, size_t count);

#endif
