/*
 * The newest records of the log, in a file that is only appended to.
 *
 * A commit is a copy into this file, which is mapped (mmap(2)): some hundred nanoseconds, where a
 * commit of SQLite's takes five microseconds and more. What is in it is moved into the database
 * later, many records in one transaction (log_sqlite_move.c), and then dropped from here. There are
 * two files, so that appending goes on in the one while the other is moved.
 *
 * A file begins with its epoch, which dropping counts up. A commit is a batch: a header with its
 * length and a checksum, seeded with the epoch, and the records. The room for it is allocated
 * before (posix_fallocate(3)), so that a full disk is told to the writer and is no SIGBUS. What was
 * copied survives the process, since the kernel has it; journal_sync makes it survive a loss of
 * power. A batch that is cut short at the end was never answered and is dropped; one that is
 * damaged while good ones follow is damage (-EUCLEAN).
 *
 * Threads: append, turn and the rest are called by one thread at a time, but journal_sync, which
 * may run beside them.
 */
#ifndef CORE_JOURNAL_H
#define CORE_JOURNAL_H

#include "core/base/error.h"
#include "core/log/record.h"

#include <stdbool.h>

struct journal;

/* Whether there is a journal in the directory: then there was a database, too. */
bool journal_is_there(const char *dir);

/* Opens or makes DIR/journal.0 and .1, mode 0600, and visits what is in them, in order of position;
 * the visitor takes a reference if it keeps the record, and returns 0 or a negative errno that ends
 * it. -EUCLEAN, -EIO, -EACCES, -ENOSPC, -ENOMEM, errnos of open(2). Blocks for the disk. */
int journal_open(const char *dir, int (*visit)(void *arg, struct record *), void *arg,
	struct journal **out, struct error *err);
void journal_close(struct journal *); /* takes NULL; does not sync */

/* Appends the records as one batch, all or none. -ENOSPC, -EIO, -EFBIG, -ENOMEM. Does not wait for
 * the disk. */
int journal_append(
	struct journal *, struct record *const *records, size_t count, struct error *err);

/* Turns to the other file, if that is empty; whether it did. What is in the first is then to be
 * moved and dropped. */
bool journal_turn(struct journal *);
int journal_drop(struct journal *, struct error *err); /* empties the file turned from */
int journal_drop_all(struct journal *, struct error *err);

/* fdatasync(2) of both files. -EIO, -ENOSPC. */
int journal_sync(struct journal *, struct error *err);

#endif
