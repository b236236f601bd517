/*
 * Where the time comes from, so that tests can move it.
 *
 * Two clocks: `wall_us` is microseconds since 1970 in UTC and stands in everything that is shown
 * and kept; `mono_us` only ever grows and is what timeouts are counted by. Both are safe from any
 * thread and never block.
 */
#ifndef CORE_CLOCK_H
#define CORE_CLOCK_H

#include <stdint.h>

struct clock {
	int64_t (*wall_us)(const struct clock *);
	int64_t (*mono_us)(const struct clock *);
};

extern const struct clock clock_system; /* clock_gettime(2) */

#define SECOND_US INT64_C(1000000)

#endif
