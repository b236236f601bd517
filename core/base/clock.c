#include "core/base/clock.h"

#include <time.h>

static int64_t now_us(clockid_t which)
{
	struct timespec now = {0};

	clock_gettime(which, &now); /* fails only for a clock that does not exist */
	return (int64_t)now.tv_sec * SECOND_US + now.tv_nsec / 1000;
}

static int64_t wall_us(const struct clock *clock)
{
	(void)clock;
	return now_us(CLOCK_REALTIME);
}

/* It stands still while the machine sleeps, so that nobody is late for having been suspended. */
static int64_t mono_us(const struct clock *clock)
{
	(void)clock;
	return now_us(CLOCK_MONOTONIC);
}

const struct clock clock_system = {.wall_us = wall_us, .mono_us = mono_us};
