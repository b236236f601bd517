/*
 * Timing: samples, their quantiles, and several ways of doing one thing measured side by side.
 *
 * Sides are measured in small rounds, A B C, B C A, …, so that whatever else the machine does
 * meanwhile falls on all of them alike. Each operation is timed by itself with CLOCK_MONOTONIC.
 * Nothing here is shared between threads.
 */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

uint64_t now_ns(void); /* CLOCK_MONOTONIC */

/* Lets others run. Not a sleep, which would let the caller's own core fall asleep too. */
void rest_ns(uint64_t ns);

struct samples {
	double *v;
	size_t len, cap;
	bool sorted;
};

void samples_release(struct samples *s);
int samples_add(struct samples *s, double v); /* 0 or -ENOMEM */

/* The value below which the part `q` (0 to 1) of the samples lies; 0 where there are none. Sorts
 * the samples. */
double samples_quantile(struct samples *s, double q);
double samples_median(struct samples *s);

/* One way of doing something. `op` does it once and returns 0 or a negative errno; a side without
 * `op` can't be measured here and is passed over. */
struct side {
	const char *name;
	int (*op)(void *ctx);
	void *ctx;
	uint64_t rest_ns;       /* nobody but the others runs for so long before each operation */
	struct samples ns;      /* every operation of the last batch */
	struct samples medians; /* one of each batch: their median is the result */
};

struct side side_make(const char *name, int (*op)(void *ctx), void *ctx);

/* Measures a batch: every side `ops` times in each of `rounds` rounds, after one round that isn't
 * counted. Stops at the first operation that fails, says on stderr which, and returns its errno. */
int sides_measure(struct side *sides, size_t count, unsigned rounds, unsigned ops);
void sides_release(struct side *sides, size_t count);

#endif
