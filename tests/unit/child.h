/*
 * A forked child that says when it is ready and ends when it is told to, or when the test does.
 *
 * What runs in a child asserts nothing: cmocka is its parent's. It says by its status, or through
 * its pipe, what it found.
 */
#ifndef TESTS_UNIT_CHILD_H
#define TESTS_UNIT_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct child {
	pid_t pid;
	int up;   /* what it writes */
	int down; /* it waits until this is closed */
};

/* Runs `body` in a child with the ends of two pipes, and then _exit(0). */
struct child child_start(void (*body)(int up, int down));
void child_says(struct child *, void *data, size_t len); /* reads what it says, all of it */
int child_end(struct child *);                           /* lets it end; its exit status, or -1 */
void child_await_zombie(pid_t); /* waits until the child is one, and leaves it one */

/* For the child: */
void child_must(bool ok); /* or it ends, with 99 */
void child_say(int up, const void *data, size_t len);
void child_wait(int down); /* until it may end */
/* A body: says one byte, and waits. */
void child_just_waits(int up, int down);
/* Forks down to `depth` below this one; the last says its pid. */
void child_fork_down(int up, int down, int depth);

#endif
