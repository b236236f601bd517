/*
 * One core for a small operation and for whoever serves it.
 *
 * A round trip costs two to five times as much when the scheduler has put the worker on the other
 * core, more still where an idle virtual core has to be woken, and it leaves a worker where it is
 * for seconds: so the same file system measured against itself comes out at anything from 0.4 to
 * 1.8. On one core it is 1.0 within a few hundredths, and what is measured is the work. Nothing is
 * hidden on another core either. For the main thread, before it starts what is to share the core.
 */
#ifndef BENCH_PIN_H
#define BENCH_PIN_H

#include <sched.h>
#include <sys/types.h>

struct pin {
	cpu_set_t before; /* where the process may run otherwise */
	cpu_set_t one;
};

/* Moves the calling thread, and what it starts from now on, to the last of its cores. */
int pin_here(struct pin *p);

/* Moves all threads of a process that runs already to that core, or back. */
void pin_process(const struct pin *p, pid_t pid);
void unpin_process(const struct pin *p, pid_t pid);

void unpin_here(const struct pin *p);

#endif
