#include "tests/bench/measure.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000U + (uint64_t)ts.tv_nsec;
}

void samples_release(struct samples *s)
{
	free(s->v);
	*s = (struct samples){0};
}

int samples_add(struct samples *s, double v)
{
	if (s->len == s->cap) {
		size_t cap = s->cap ? 2 * s->cap : 1024;
		double *grown = reallocarray(s->v, cap, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		s->v = grown;
		s->cap = cap;
	}
	s->v[s->len++] = v;
	s->sorted = false;
	return 0;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double samples_quantile(struct samples *s, double q)
{
	if (s->len == 0)
		return 0;
	if (!s->sorted) {
		qsort(s->v, s->len, sizeof(*s->v), compare);
		s->sorted = true;
	}
	return s->v[(size_t)(q * (double)(s->len - 1) + 0.5)];
}

double samples_median(struct samples *s)
{
	return samples_quantile(s, 0.5);
}

struct side side_make(const char *name, int (*op)(void *ctx), void *ctx)
{
	return (struct side){.name = name, .op = op, .ctx = ctx};
}

void rest_ns(uint64_t ns)
{
	uint64_t begun = now_ns();

	while (now_ns() - begun < ns)
		sched_yield();
}

static int run_round(struct side *side, unsigned ops, bool count)
{
	unsigned i;
	int rc;

	for (i = 0; i < ops; i++) {
		uint64_t start;

		if (side->rest_ns)
			rest_ns(side->rest_ns);
		start = now_ns();
		rc = side->op(side->ctx);
		if (rc == 0 && count)
			rc = samples_add(&side->ns, (double)(now_ns() - start));
		if (rc != 0) {
			fprintf(stderr, "bench: %s: %s\n", side->name, strerror(-rc));
			return rc;
		}
	}
	return 0;
}

int sides_measure(struct side *sides, size_t count, unsigned rounds, unsigned ops)
{
	unsigned r;
	size_t i;
	int rc = 0;

	for (i = 0; i < count; i++)
		samples_release(&sides[i].ns);
	for (r = 0; r <= rounds; r++) {
		for (i = 0; i < count; i++) {
			struct side *side = &sides[(i + r) % count];

			rc = side->op ? run_round(side, ops, r > 0) : 0;
			if (rc != 0)
				return rc;
		}
	}
	for (i = 0; i < count && rc == 0; i++) {
		if (sides[i].op)
			rc = samples_add(&sides[i].medians, samples_median(&sides[i].ns));
	}
	return rc;
}

void sides_release(struct side *sides, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		samples_release(&sides[i].ns);
		samples_release(&sides[i].medians);
	}
}
