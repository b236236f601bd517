/*
 * The watcher: one thread that knows when processes die and when it is time for something.
 *
 * A watched process has one pidfd (pidfd_open(2)) however many ask for it. Where there is none to
 * be had (a kernel or a sandbox without the call, no free descriptor, or half of RLIMIT_NOFILE used
 * up by pidfds) the process is looked up in /proc once a second instead, until there is one again;
 * a descriptor is held in reserve for that.
 *
 * Both callbacks run on the watcher's thread, one at a time, with no lock of the watcher held:
 * they may call every function here but watch_stop and watch_free. All other functions may be
 * called from any thread and under any lock: the watcher's own is innermost.
 */
#ifndef CORE_WATCH_H
#define CORE_WATCH_H

#include "core/base/clock.h"
#include "core/base/proc.h"

#include <stdbool.h>
#include <stdint.h>

struct watch;

struct watch_hooks {
	/* The process is gone. Called once for each watched process; and once more for each
	 * watch_process that asks for it afterwards. A call that is on its way when another thread
	 * unwatches the process still arrives. */
	void (*gone)(void *arg, const struct process *p);

	/* Called at start, when due, and after watch_wake; returns when it is due next, on the
	 * clock's mono_us, INT64_MAX for never. A time that has passed is as soon as may be, which
	 * is a millisecond later. May be NULL. */
	int64_t (*tick)(void *arg, int64_t now_mono_us);

	void *arg; /* handed to both */
};

/* The clock is borrowed and must outlive the watcher; `hooks` is copied. The errnos of
 * epoll_create1(2), eventfd(2) and timerfd_create(2). */
int watch_new(const struct clock *clock, const struct watch_hooks *hooks, struct watch **out);
void watch_free(struct watch *w); /* stops it, calls nothing more; takes NULL */

/* Begins to call. Processes may be watched before; their deaths are told then. The thread blocks
 * all signals. The errnos of pthread_create(3). Starting and stopping is one thread's business. */
int watch_start(struct watch *w);

/* Returns when the thread has ended: no callback runs then. What is watched stays watched, and a
 * new watch_start goes on with it. Nothing where it isn't running. */
void watch_stop(struct watch *w);

/* Watches that very process, whether it lives or is gone already. Every success is to be paired
 * with one unwatch_process, also after `gone`. Doesn't wait. -ENOMEM; -EDQUOT: WATCHED_MAX
 * processes are watched. */
int watch_process(struct watch *w, const struct process *p);
void unwatch_process(struct watch *w, const struct process *p);

/* Waits until `gone` was called for every watched process that was dead at the call. Takes some
 * tens of microseconds; returns at once where the thread isn't running, and on the thread itself.
 * The caller holds no lock that `gone` takes. */
void watch_sync(struct watch *w);

/* Whether a watched process may be dead without `gone` having been called and returned: then
 * watch_sync is worth its time. Never false by mistake for one that has a pidfd. A system call;
 * doesn't wait. */
bool watch_is_behind(struct watch *w);

/* Makes the thread call tick again: a deadline has changed. Calls that come before it does are
 * one. Cheap, never waits. */
void watch_wake(struct watch *w);

#endif
