/* Threads of the daemon's own, as they are begun and wait. */
#ifndef CORE_THREAD_H
#define CORE_THREAD_H

#include "core/base/error.h"

#include <pthread.h>

/* Begins one of that name (of at most 15 bytes). The errnos of pthread_create(3). */
int thread_start(pthread_t *, const char *name, void *(*run)(void *), void *arg, struct error *);

/* A condition whose timed waits go by CLOCK_MONOTONIC. */
void thread_cond_init(pthread_cond_t *);

#endif
