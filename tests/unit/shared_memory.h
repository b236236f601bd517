/*
 * The shared memory in a world of its own, small, and what tests do with it.
 *
 * What goes wrong fails the test; removing and renaming return the errno.
 */
#ifndef TESTS_UNIT_SHARED_MEMORY_H
#define TESTS_UNIT_SHARED_MEMORY_H

#include "core/memory/memory_private.h"
#include "tests/unit/world.h"

struct shared {
	struct world *w;
	struct memory *m;
	struct actor actor;
	struct error err;
};

int shared_set_up(void **state);
int shared_tear_down(void **state);
void shared_reopen(struct shared *s);
/* Submits what a change gave. */
void shared_submit(struct shared *s, struct act *act);
struct memory_file *shared_create(struct shared *s, struct memory_node *dir, const char *name);
struct memory_file *shared_open_again(struct shared *s, const char *name, int flags);
void shared_write_file(struct shared *s, const char *name, const char *text);
struct memory_node *shared_make_dir(struct shared *s, struct memory_node *dir, const char *name);
int shared_remove_name(struct shared *s, struct memory_node *dir, const char *name, bool is_dir);
int shared_rename_name(struct shared *s, struct memory_node *from, const char *name,
	struct memory_node *to, const char *new_name, unsigned flags);
void shared_path_is(struct memory_node *n, const char *name, const char *expected);
/* How often a text stands in what was told. */
int shared_told(struct shared *s, const char *type, const char *text);
void shared_uses(struct shared *s, int64_t bytes, int64_t nodes);
/* A second later; without the memory's thread, which may have one of them in hand just then. */
void shared_tell_quiet(struct shared *s);
void shared_write_in(struct shared *s, struct memory_node *dir, const char *name);

#endif
