/*
 * What /proc says of processes: who is calling, who its ancestors are, who still lives.
 *
 * A process is named by its pid and its start time, which together are never used twice on one
 * boot. The pid is that of the process (Tgid), never of a thread. The uid of a process is its
 * real one: a set-uid program runs with another's rights but is started by, and can be made to
 * write things by, whoever its real uid is, so it is no ancestor within the uid that it poses as.
 *
 * All of this is true at the moment of reading only. A process whose main thread has ended lives
 * as long as another thread of it does; a zombie does not live.
 *
 * Every function may be called from any thread. They read /proc, which takes some ten
 * microseconds a process, and never wait for anything else. -EMFILE, -ENFILE and -ENOMEM come
 * from open(2) and mean that nothing could be learnt: a caller must not be taken for somebody
 * without a session because of them.
 */
#ifndef CORE_PROC_H
#define CORE_PROC_H

#include "core/base/clock.h"
#include "core/base/limits.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct process {
	pid_t pid;
	uint64_t start; /* field 22 of /proc/PID/stat: clock ticks since boot */
};

struct process_info {
	struct process self;
	pid_t ppid; /* 0 where the parent is in another pid namespace */
	uid_t uid;  /* real */
	pid_t sid;
	int tty_nr; /* the controlling terminal's device; 0 is none */
};

static inline bool process_same(const struct process *a, const struct process *b)
{
	return a->pid == b->pid && a->start == b->start;
}

/* The process that thread `tid` belongs to. -ESRCH: gone, a zombie, or tid <= 0; -EACCES, -EPERM:
 * /proc hides it (hidepid=1; with hidepid=2 that is -ESRCH). */
int proc_info(pid_t tid, struct process_info *out);

/* The process of thread `tid` and its ancestors, nearest first, pid 1 among them: in a container it
 * may be an agent. The walk ends before a process whose uid is not `uid`, before one that can't be
 * seen, and at CHAIN_MAX. Returns how many; 0: the caller can't be seen (pid 0), is gone, or is not
 * of that uid. What stands in `chain` beyond the count is undefined. A parent that dies meanwhile
 * is left out, and a process that took its number is never mistaken for it. */
int proc_chain(pid_t tid, uid_t uid, struct process_info chain[CHAIN_MAX]);

/* Which of the chain may hold a session that chain[0] registered, in the order in which they are
 * asked: chain[0], then its ancestors. Never an ancestor that is pid 1 or of another uid than
 * chain[0]. A session leader with a controlling terminal (a person's shell) is one only as
 * chain[0] or chain[1], and what is beyond it never is. Returns how many; 0 for an empty chain. */
int proc_heirs(const struct process_info *chain, int n, struct process out[CHAIN_MAX]);

/* Whether that very process still lives. True also where it can't be told for want of descriptors
 * or because /proc hides it: nobody is declared dead by mistake. Needs one free descriptor. */
bool proc_alive(const struct process *p);

/* Whether it is on its way out: gone, or killed, though threads of it may still hold what it had.
 */
bool proc_ending(pid_t);

/* Whether chain[0] has a controlling terminal. False for an empty chain. */
bool proc_has_tty(const struct process_info *chain, int n);

/* The kernel's id of this boot, 36 characters: within one, struct process names a process for
 * good. random(4). The errnos of open(2); -EIO where it has another shape. */
int proc_boot_id(char out[37]);

/* The number that a file of /proc begins with, or `otherwise` where that can't be read. */
long proc_number(const char *path, long otherwise);

#endif
