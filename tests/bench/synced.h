/*
 * A source of a mounted leitlfs, SYNCED_NAME: its files are at SYNCED_FILES, below the mount.
 *
 * Functions return 0 or a negative errno, and say on stderr why a sync failed.
 */
#ifndef BENCH_SYNCED_H
#define BENCH_SYNCED_H

#include <stddef.h>

#include "tests/bench/daemon.h"

#define SYNCED_NAME  "bench"
#define SYNCED_FILES "context/files/" SYNCED_NAME

/* Adds the source: user and password are the test servers' (tests/lib/servers.bash). Its first sync
 * begins; after that it syncs when asked alone. */
int synced_add(const struct daemon *d, const char *url);

/* Waits until the first sync is over. */
int synced_first(const struct daemon *d);

/* Syncs again, and waits until that is over. */
int synced_again(const struct daemon *d);

/* Reads a file below the mount whole, and gives it back with a NUL behind it; the caller frees it.
 * `len` may be NULL. */
int synced_read(const struct daemon *d, const char *path, char **out, size_t *len);

/* Fails with -ENODATA unless the query finds as many files. */
int synced_finds(const struct daemon *d, const char *query, unsigned long files);

#endif
