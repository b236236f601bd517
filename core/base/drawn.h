/*
 * What those share that draw the dashboard's snapshot for a terminal (core/report/dashboard.h).
 *
 * What others wrote comes out as one line of printable characters: controls, ends of lines and what
 * turns the direction of writing are shown as '?', so that no name can move the cursor, colour the
 * screen, or make the rest of a line read otherwise. Widths are columns of the terminal: what is
 * wide counts two.
 *
 * Pure; any thread. Adding never writes more columns than asked for.
 */
#ifndef CORE_DRAWN_H
#define CORE_DRAWN_H

#include "core/base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json;

/* A member's text, "" where there is none; a whole number, or `otherwise`; how many items it has.
 */
const char *drawn_text(const struct json *object, const char *key);
int64_t drawn_number(const struct json *object, const char *key, int64_t otherwise);
size_t drawn_count(const struct json *object, const char *key);

/* Adds text, cut to `width` columns with an ellipsis; `fill`: followed by spaces up to there.
 * Returns the columns that were used. */
size_t drawn_cell(struct buf *, const char *text, size_t width, bool fill);
/* The same in double quotes, those inside made single; nothing where the text is empty. */
size_t drawn_quote(struct buf *, const char *text, size_t width);
/* Adds a list of texts with commas between, cut. */
size_t drawn_list(struct buf *, const struct json *list, size_t width, bool fill);

/* For people: how long since (8s, 5m, 2h, 3d), 0 and the future are "now"; bytes (1.2 MB); a time
 * of day in UTC (18:04:09). All of at most DRAWN_SHORT bytes with the NUL. */
#define DRAWN_SHORT 24
void drawn_age(int64_t from_ms, int64_t to_ms, char out[DRAWN_SHORT]);
void drawn_bytes(int64_t bytes, char out[DRAWN_SHORT]);
void drawn_clock(int64_t time_ms, char out[DRAWN_SHORT]);
void drawn_micros(int64_t us, char out[DRAWN_SHORT]);

/* The snapshot's lists, and one entry of one as a line of at most `width` columns, without an end
 * of line and without spaces at its end. */
enum drawn_kind {
	DRAWN_SESSION,
	DRAWN_ASK,
	DRAWN_TASK,
	DRAWN_COLLABORATION,
	DRAWN_CLAIM,
	DRAWN_SOURCE,
	DRAWN_ALERT,
	DRAWN_MESSAGE,
	DRAWN_EVENT,
	DRAWN_KINDS,
};
struct drawn_list {
	const char *name, *title, *where; /* in the snapshot, for people, where all of it is */
};
extern const struct drawn_list drawn_lists[DRAWN_KINDS];
void drawn_line(
	struct buf *, enum drawn_kind, const struct json *item, int64_t now_ms, size_t width);

/* How the loop is, in two words or three: "all is well", "2 alerts", "DEGRADED". */
void drawn_health(const struct json *snapshot, char out[DRAWN_SHORT]);

/* What stands above the columns of sessions. */
void drawn_session_heading(struct buf *, size_t width);

/* Whether anybody is here but persons who say no task: where not, a newcomer is told what to do. */
bool drawn_has_somebody(const struct json *sessions);
extern const char *const drawn_first_steps[]; /* lines of at most 78 columns; ends with NULL */

/* Adds a list of whole numbers as small bars, one column each; the largest is the highest. Returns
 * their sum. */
int64_t drawn_bars(struct buf *, const struct json *numbers);

#endif
