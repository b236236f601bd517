/*
 * What every backend of core/log/log.h must do, tested through its functions alone.
 */
#ifndef TESTS_UNIT_LOG_SUITE_H
#define TESTS_UNIT_LOG_SUITE_H

#include "core/base/clock.h"
#include "core/log/log.h"

struct log_backend {
	const char *name;
	void *(*make)(void); /* a place for a log that is empty yet */
	/* Opens the log that is there; one at a time, maybe in a process of its own. */
	struct log *(*open)(void *place, const struct clock *, log_follower, void *arg);
	void (*close)(void *place, struct log *);
	void (*remove)(void *place);
};

/* Returns how many tests failed. */
int log_suite_run(const struct log_backend *);

#endif
