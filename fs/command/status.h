/*
 * What leitlfs status shows: what the files say, and how people see it.
 */
#ifndef FS_STATUS_H
#define FS_STATUS_H

#include "core/base/buf.h"
#include "core/base/error.h"

#include <stdbool.h>
#include <stddef.h>

struct call;
struct json;

/* What the files say, as they say it. */
struct picture {
	struct buf sessions, status; /* sessions.json, status.json; the latter "null" without one */
	struct buf self;             /* an id, or empty */
	struct error no_self;        /* why, where one has several, or one that has ended */
	struct buf asks;             /* ask.json of each open one, with commas between */
	struct buf yours, others;    /* the same for people: those that wait for the caller */
	size_t ask_count, listed;
	long long unread;    /* -1: there is no session of one's own */
	struct json *parsed; /* sessions.json */
};

/* Adds an open question to those for the caller, or to the others: who asks whom what, and how it
 * is answered. */
void status_list_ask(const struct call *, const struct json *ask, bool yours, struct picture *);

/* Prints all of it as a table, for people. Returns the status. */
int status_print(const struct call *, const struct picture *);

#endif
