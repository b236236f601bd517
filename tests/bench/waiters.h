/*
 * Threads that wait for messages, to measure how soon a message reaches them.
 *
 * Each waiter blocks in its source's `next` and takes the time as soon as that returns. The thread
 * that sends drives them in rounds: waiters_settle(), stamp and waiters_expect(), send,
 * waiters_await(). Settling means that every waiter sleeps in the kernel, so a round never measures
 * a reader that was still on its way back. All functions are for the sending thread.
 */
#ifndef BENCH_WAITERS_H
#define BENCH_WAITERS_H

#include <stdint.h>

/* Waits for data and returns its length, or a negative errno, which ends the waiter. */
typedef long (*waiter_next)(void *source, char *buf, unsigned long size);

struct waiters;

/* Starts a thread for each of the `count` sources, which stay the caller's. */
int waiters_start(struct waiters **w, unsigned count, waiter_next next, void *const sources[]);

/* Returns when every waiter sleeps in `next`. -ETIMEDOUT after 10 s, -EPIPE where one has ended. */
int waiters_settle(struct waiters *w);

void waiters_expect(struct waiters *w, uint64_t stamp);

/* Waits until every waiter has read the expected stamp; `*last_ns` is when the last one had it.
 * -ETIMEDOUT after 10 s. */
int waiters_await(struct waiters *w, uint64_t *last_ns);

/* After this the waiters end with whatever they read next: send one message more, then join. */
void waiters_stop(struct waiters *w);

/* Joins the threads and frees `w`; takes NULL. -ETIMEDOUT, and nothing is freed, where a thread
 * didn't end within 10 s; it may be called again. */
int waiters_join(struct waiters *w);

#endif
