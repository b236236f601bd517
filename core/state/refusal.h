/*
 * Why writes were refused: the `errors` file, one a uid, in memory.
 *
 * A log like any other to its readers (offsets only grow, a generation has a fixed first byte), but
 * it is not kept over a restart, and bounded a uid in bytes: the oldest lines go. A line is
 * {"timestamp","errno","reason","pid","session_id","path"}. At REFUSAL_UIDS_MAX the lines of the
 * uid go that was refused nothing for the longest. Any thread; never blocks long.
 */
#ifndef CORE_REFUSAL_H
#define CORE_REFUSAL_H

#include "core/base/buf.h"
#include "core/base/error.h"

#include <stdint.h>
#include <sys/types.h>

#define REFUSAL_BYTES_MAX ((size_t)64 << 10) /* kept a uid */
#define REFUSAL_UIDS_MAX  1024
#define REFUSAL_ERRNOS    134 /* beyond the last: Linux's errnos are smaller */

struct refusals;
struct clock;

struct refusals *refusals_new(const struct clock *); /* NULL: -ENOMEM */
void refusals_free(struct refusals *);               /* takes NULL */

/* Adds a line. `code` is a positive errno; session may be NULL. Texts may hold any bytes: what is
 * not UTF-8 is shown as U+FFFD, what is too long is cut. Without memory the line is lost. */
void refusal_add(struct refusals *, uid_t uid, pid_t pid, const char *session, const char *path,
	int code, const char *reason);

/* How many there were of a code below REFUSAL_ERRNOS, of all uids; at 0 those of no such code. */
unsigned long long refusals_of(struct refusals *, int code);

/* The file as it stands: bytes [first, end) are kept, both only grow; time is of the last line (0:
 * none). */
void refusal_span(struct refusals *, uid_t uid, uint64_t *first, uint64_t *end, int64_t *time_us);

/* Adds up to size bytes from absolute byte `at`, which is brought up to `first` where that has
 * passed it, and so tells where what was added begins. At `end` it adds nothing. -ENOMEM, -EMSGSIZE
 * (the bound of `out`). */
int refusal_read(struct refusals *, uid_t uid, uint64_t *at, size_t size, struct buf *out);

/* Told, on the refuser's thread and without locks, of each new line. One watcher: the file system;
 * NULL ends it, but a call that was under way may still come in. */
void refusal_watch(struct refusals *, void (*fn)(void *arg, uid_t uid), void *arg);

#endif
