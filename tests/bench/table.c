#include "tests/bench/table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#define VALUE_MAX 32
#define CELL_MAX  96

enum { WORK_WIDTH = 58, OURS_WIDTH = 9, THEIRS_WIDTH = 30, RATIO_WIDTH = 6, TARGET_WIDTH = 10 };

/* Characters, not bytes: the cells hold µ, ≤ and ÷. */
static int columns_of(const char *s)
{
	int n = 0;

	for (; *s; s++)
		n += ((unsigned char)*s & 0xC0) != 0x80;
	return n;
}

static void put_cell(const char *s, int width, bool right)
{
	int pad = width - columns_of(s);

	if (pad < 0)
		pad = 0;
	if (right)
		printf("| %*s%s ", pad, "", s);
	else
		printf("| %s%*s ", s, pad, "");
}

static void put_line(const char *work, const char *ours, const char *theirs, const char *ratio,
	const char *target, const char *verdict)
{
	put_cell(work, WORK_WIDTH, false);
	put_cell(ours, OURS_WIDTH, true);
	put_cell(theirs, THEIRS_WIDTH, true);
	put_cell(ratio, RATIO_WIDTH, true);
	put_cell(target, TARGET_WIDTH, true);
	put_cell(verdict, 7, false);
	printf("|\n");
	fflush(stdout);
}

void table_head(void)
{
	struct utsname u = {0};
	char date[32] = "";
	time_t now = time(NULL);
	double load = 0;
	struct tm tm;

	uname(&u);
	getloadavg(&load, 1);
	if (gmtime_r(&now, &tm))
		strftime(date, sizeof(date), "%Y-%m-%d", &tm);
	printf("%s %s, %s, %ld cores, load %.1f before, %s; medians of interleaved rounds\n\n",
		u.sysname, u.release, u.machine, sysconf(_SC_NPROCESSORS_ONLN), load, date);
	put_line("work", "leitlfs", "floor or peer", "ratio", "target", "verdict");
	printf("|%.*s|%.*s:|%.*s:|%.*s:|%.*s:|---------|\n", WORK_WIDTH + 2,
		"------------------------------------------------------------", OURS_WIDTH + 1,
		"---------------", THEIRS_WIDTH + 1, "-----------------------------------",
		RATIO_WIDTH + 1, "---------------", TARGET_WIDTH + 1, "---------------");
	fflush(stdout);
}

static void format_value(char *out, size_t size, enum unit unit, double v)
{
	if (v <= 0)
		snprintf(out, size, "–");
	else if (unit == UNIT_RATE)
		snprintf(out, size, "%.0f/s", v);
	else if (unit == UNIT_MEMORY)
		snprintf(out, size, "%.1f MiB", v / (1 << 20));
	else if (v < 1e6)
		snprintf(out, size, "%.1f µs", v / 1e3);
	else if (v < 1e9)
		snprintf(out, size, "%.2f ms", v / 1e6);
	else
		snprintf(out, size, "%.2f s", v / 1e9);
}

/* As many decimals as tell small ratios apart; a target has no more than it needs. */
static void format_ratio(char *out, size_t size, double v, bool is_target)
{
	int decimals = v < 0.1 ? 3 : 2;

	if (is_target && (long)(v * 1000 + 0.5) % 100 == 0)
		decimals = 1;
	snprintf(out, size, "%.*f", decimals, v);
}

static const char *verdict_of(const struct row *row, double compared)
{
	if (row->bound == NO_TARGET || compared <= 0)
		return "";
	if (row->bound == AT_MOST)
		return compared <= row->target ? "ok" : "over";
	return compared >= row->target ? "ok" : "under";
}

void table_row(const struct row *row)
{
	char ours[VALUE_MAX], value[VALUE_MAX];
	char theirs[CELL_MAX] = "", ratio[VALUE_MAX] = "", target[CELL_MAX] = "";
	double compared = row->ours;

	format_value(ours, sizeof(ours), row->unit, row->ours);
	if (row->peer) {
		format_value(value, sizeof(value), row->unit, row->theirs);
		snprintf(theirs, sizeof(theirs), "%.60s %s", row->peer, value);
		compared = row->theirs > 0 ? row->ours / row->theirs : 0;
		if (compared > 0)
			format_ratio(ratio, sizeof(ratio), compared, false);
	}
	if (row->bound != NO_TARGET) {
		const char *sign = row->bound == AT_MOST ? "≤" : "≥";

		if (row->peer)
			format_ratio(value, sizeof(value), row->target, true);
		else
			format_value(value, sizeof(value), row->unit, row->target);
		snprintf(target, sizeof(target), "%s %s", sign, value);
	}
	put_line(row->work, ours, theirs, ratio, target, verdict_of(row, compared));
}

void table_note(const char *work, const char *note)
{
	put_line(work, "–", note, "", "", "");
}
