/*
 * What views are made over: a real index with its store, two sessions' channels, and a log that is
 * a list in memory, so that rows can be made to go at awkward moments.
 */
#ifndef TESTS_UNIT_VIEW_WORLD_H
#define TESTS_UNIT_VIEW_WORLD_H

#include "core/log/db.h"
#include "core/log/log.h"
#include "core/log/store.h"
#include "core/state/parts.h"
#include "core/state/view.h"

#define SESSIONS 2

/* A log in memory. */
struct rows {
	struct log log;
	pthread_mutex_t mutex;
	struct record **row;
	size_t count, cap;
	int64_t first_pos;
	void (*before)(void *arg); /* called when reading begins */
	void *arg;
	size_t reads, visits;
	int fail; /* reading does, with this errno */
};

struct view_world {
	struct loop loop;
	struct state state;
	struct recent recent;
	struct rows rows;
	struct db *db;
	struct store *store;
	char dir[32];
	unsigned seed;
	struct channel *all, *broadcast, *type, *own[SESSIONS], *to[SESSIONS], *sent[SESSIONS];
};

int view_world_setup(void **state);
int view_world_teardown(void **state);

unsigned view_world_random(struct view_world *, unsigned below);

/* What a record is to be. */
enum shape { TO_ALL, TO_ONE, NOT_IN_INBOXES, RECEIPT, NO_LINE };

/* Appends and applies a record whose line has `pad` bytes beyond its seq. from: -1: no session. */
void view_world_add(struct view_world *, enum shape, int from, int to, size_t pad);
void view_world_add_random(struct view_world *);

/* Puts what the index has in memory into its store. */
void view_world_save(struct view_world *);
/* What is before a position goes: everywhere, or from the log alone. */
void view_world_expire(struct view_world *, int64_t pos);
void view_world_expire_rows(struct view_world *, int64_t pos);

size_t rows_find(const struct rows *, int64_t pos); /* the first that is not before it */

#endif
