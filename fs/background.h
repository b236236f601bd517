/*
 * Going into the background, and where words go from there.
 *
 * The daemon is forked before anything is opened. The one who called waits until the mount answers,
 * and then ends with status 0; if it doesn't come to that, with the daemon's status. Until then
 * both write to the caller's stderr; from then on the daemon has no stdio and writes to syslog(3).
 * In the foreground all goes to stderr.
 */
#ifndef FS_BACKGROUND_H
#define FS_BACKGROUND_H

#include "core/base/error.h"

#include <stdbool.h>

struct voice {
	int parent;    /* where the caller listens; -1: nobody does */
	bool detached; /* from stdio */
};

#define VOICE_INIT                                                                                 \
	{                                                                                          \
		-1, false                                                                          \
	}

/* Says a line, in any thread. */
void voice_say(const struct voice *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Forks. 0: this is the daemon, in a session of its own, and `*voice` speaks to the caller. 1: this
 * is the caller, the daemon has mounted at the path or failed to, and `*status` is to be exited
 * with. Negative: neither, with the reason. For processes with one thread. */
int background_start(const char *mountpoint, struct voice *voice, int *status, struct error *err);

/* The daemon has mounted and will serve: lets the caller look, and lets go of stdio. -EPIPE: the
 * caller is gone, and nobody waits for the mount any more. Nothing where nobody listens. */
int background_mounted(struct voice *);

#endif
