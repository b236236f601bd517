/*
 * What the works share: what there is to measure, how much of it, and how rows come out of it.
 *
 * Every work starts file systems of its own and ends them, so that none measures what another left
 * behind. A work returns 0, or a negative errno after it has said on stderr what failed; rows that
 * it printed before stand. Without leitlfs, or without Redis, a work measures what is left.
 */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "tests/bench/daemon.h"
#include "tests/bench/measure.h"
#include "tests/bench/table.h"

struct bench {
	const char *leitlfs; /* NULL where there is none to run */
	const char *floor;
	const char *dir; /* absolute; holds mounts and states, on the disk that is measured */
	int redis_port;  /* 0 without Redis */
	int web_port;    /* of the WebDAV server on loopback; 0 without one */
	char web_root[PATH_MAX]; /* what it serves: dir/web */
	bool verbose;            /* quantiles on stderr */
	bool unpinned;           /* small operations are left to the scheduler */
	unsigned batches;        /* of small operations, each on file systems started anew */
	unsigned rounds;         /* interleaved rounds in a batch */
	unsigned long events;    /* of the full log; the small one has 1,000 */
	unsigned sessions;       /* of the full sessions/ */
	unsigned waiters;        /* sessions that one broadcast goes to */
	unsigned files;          /* to sync, … */
	unsigned collections;    /* … and of them */
	unsigned syncs;          /* first ones */
	unsigned pairs;          /* how many were started: each has a state of its own */
	bool full_log_is_ready;  /* dir/full.state was filled by an earlier work */
	bool synced_is_ready;    /* dir/context.state was: see context.h */
	struct corpus *corpus;   /* NULL: not made yet */
};

/* leitlfs and the floor side by side, with as many sessions as asked for registered on each. The
 * floor has the mount options of leitlfs. `ours.pid` is 0 where there is no leitlfs. */
struct pair {
	struct daemon ours, floor;
};

int bench_pair_start(struct bench *b, struct pair *p, unsigned sessions);
int bench_pair_stop(struct pair *p);

/* Starts leitlfs on dir/<name> with its state in dir/<name>.state and every rate limit off. */
int bench_leitlfs(const struct bench *b, struct daemon *d, const char *name, uint64_t *start_ns);

/* Starts the floor on dir/<name>, with the mount options of `like`, where that runs. It serves the
 * directory `tree` as files/, unless that is NULL. */
int bench_floor(const struct bench *b, const struct daemon *like, const char *name,
	const char *tree, struct daemon *out);

/* Calls `run` with this thread, all that it starts, and `peer` (where it is a process's id) on one
 * core (pin.h), unless --unpinned forbids it. */
int bench_on_one_core(
	struct bench *b, pid_t peer, int (*run)(struct bench *b, void *ctx), void *ctx);

typedef int (*bench_batch)(struct bench *b, struct pair *p, void *ctx);

/* Runs `batch` on a fresh pair with one session, as often as `batches` says, on one core. */
int bench_batches(struct bench *b, pid_t peer, bench_batch batch, void *ctx);

/* A row of two sides' medians. The second side's name stands before its value. */
void bench_row(const struct bench *b, const char *work, struct side *ours, struct side *theirs,
	enum bound bound, double target);

/* Says on stderr what went wrong and returns `rc`, a negative errno. */
int bench_failed(const char *what, int rc);

int work_write(struct bench *b);   /* a broadcast on a held descriptor */
int work_open(struct bench *b);    /* open, write, close */
int work_look(struct bench *b);    /* stat activity, its last 4 KiB */
int work_touch(struct bench *b);   /* touch of a heartbeat */
int work_live(struct bench *b);    /* from write to a waiting reader */
int work_fanout(struct bench *b);  /* from write to the last of many waiting readers */
int work_writers(struct bench *b); /* eight writers at once */
int work_shell(struct bench *b);   /* a line said and seen, from bash */
int work_ask(struct bench *b);     /* a question answered by who waits for it */
int work_log(struct bench *b);     /* tail and start-up with a full log */
int work_ls(struct bench *b);      /* ls of a full sessions/ */
int work_memory(struct bench *b);  /* resident memory with both full */

int work_claim(struct bench *b); /* mkdir and rmdir of a claim */
int work_brief(struct bench *b); /* brief.md read */

int work_files(struct bench *b); /* a small file made in memory/ */
int work_git(struct bench *b);   /* git status of many files there */

int work_sync(struct bench *b);      /* a first sync from a server, and its memory */
int work_unchanged(struct bench *b); /* a sync with nothing changed */
int work_read(struct bench *b);      /* synced files read again */
int work_grep(struct bench *b);      /* grep -r over synced files */
int work_query(struct bench *b);     /* files found */

#endif
