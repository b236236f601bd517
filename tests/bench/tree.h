/*
 * The parts of a mounted tree that the benchmarks use, of leitlfs and of the floor alike.
 *
 * Functions return 0 (or a descriptor) or a negative errno. Sessions are named s0, s1, … and are
 * bound to this process, so they live as long as it does, over restarts of the daemon too.
 */
#ifndef BENCH_TREE_H
#define BENCH_TREE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define MESSAGE_SIZE 200 /* bytes of a broadcast, with its newline */

/* Writes MESSAGE_SIZE bytes of text that carry `stamp` and end in a newline; no NUL. */
void message_make(char out[MESSAGE_SIZE], uint64_t stamp);

/* The last stamp in what was read, or 0 where there is none. */
uint64_t message_stamp(const char *data, size_t len);

/* Registers sessions s<first> to s<first + count - 1>. One that exists is an error. */
int tree_register(const char *mount, unsigned first, unsigned count);

/* Opens `mount/name`, or `mount/sessions/s<n>/name`; O_CLOEXEC is added. */
int tree_open(const char *mount, const char *name, int flags);
int tree_open_session(const char *mount, unsigned n, const char *name, int flags);

/* Broadcasts `count` messages of about MESSAGE_SIZE bytes as fast as the tree takes them: JSON,
 * many to a write, from sessions s0 to s<writers - 1>, a thread each. */
int tree_fill(const char *mount, unsigned writers, unsigned long count);

off_t tree_size(const char *mount, const char *name); /* or a negative errno */

#endif
