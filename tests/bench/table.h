/*
 * The table that the benchmarks print: one row a line, on stdout, as soon as it is known, in
 * columns that line up and that Markdown reads as a table.
 */
#ifndef BENCH_TABLE_H
#define BENCH_TABLE_H

#include <stdbool.h>

enum unit {
	UNIT_TIME,   /* nanoseconds, shown as µs, ms or s */
	UNIT_RATE,   /* a second */
	UNIT_MEMORY, /* bytes, shown as MiB */
};

enum bound {
	NO_TARGET,
	AT_MOST,
	AT_LEAST,
};

/* A measured value; 0 is one that could not be measured and shows as a dash. */
struct row {
	const char *work;
	enum unit unit;
	double ours;
	const char *peer; /* what `theirs` is of; NULL for a row without a peer */
	double theirs;
	enum bound bound;
	double target; /* of ours ÷ theirs, or of ours itself in a row without a peer */
};

/* Machine, kernel, date, and the heads of the columns. */
void table_head(void);

/* Prints the row with its verdict: ok, over (or under), or nothing where there is no target or a
 * value is missing. */
void table_row(const struct row *row);

/* A row that says why a work gave no numbers. */
void table_note(const char *work, const char *note);

#endif
