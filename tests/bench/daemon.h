/*
 * A file system started for measuring: leitlfs or the floor, in the foreground, on a mount point
 * of its own.
 *
 * It dies with the process that started it (PR_SET_PDEATHSIG), and its pid stands in
 * `<mountpoint>.pid` while it runs, for whoever cleans up after a benchmark that was killed. Its
 * stderr goes to `<mountpoint>.log`. Start and stop from the main thread only.
 */
#ifndef BENCH_DAEMON_H
#define BENCH_DAEMON_H

#include <limits.h>
#include <stdint.h>
#include <sys/types.h>

struct daemon {
	pid_t pid; /* 0 while it doesn't run */
	char mount[PATH_MAX];
};

/* Runs `exe -f -o options mount` (without -o where `options` is empty), making the mount point
 * where it is missing, and waits until stat(2) of `mount/activity` succeeds. `*start_ns` (may be
 * NULL) is how long that took, from before the fork. On failure the log's end is shown on stderr.
 * -ETIMEDOUT after a minute, -ECHILD where it ended. */
int daemon_start(struct daemon *d, const char *exe, const char *options, const char *mount,
	uint64_t *start_ns);

/* Unmounts cleanly and waits for the process; -ETIMEDOUT where it had to be killed, -ECHILD where
 * it ended with a failure. Takes one that doesn't run. Nothing may be open on the mount. */
int daemon_stop(struct daemon *d);

/* Ends it without waiting for its consent: every descriptor on the mount fails from then on. */
void daemon_kill(struct daemon *d);

/* Bytes of resident memory, or 0 where it can't be told. */
double daemon_resident(const struct daemon *d);
double daemon_peak(const struct daemon *d); /* the most that it ever had */

/* Whether the options of the mount, as the kernel lists them, hold `option`. */
int daemon_has_option(const struct daemon *d, const char *option);

/* Runs a program to its end with its stdout into a pipe, and counts the lines that come. `argv`
 * is looked up in PATH; 0 or a negative errno, -ECHILD where it fails. */
int run_counting(char *const argv[], unsigned long *lines);

#endif
