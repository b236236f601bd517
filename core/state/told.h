/*
 * What the daemon tells on the log of what it keeps in sync.
 */
#ifndef CORE_TOLD_H
#define CORE_TOLD_H

#include "core/state/session.h"

/* Files of a source that came, changed and went. The log is read by every user of the mount: where
 * not all of them may see the source, `source` is NULL, and neither name nor paths are told. */
struct context_change {
	const char *source;
	int64_t added, changed, removed;
	const char *const *paths; /* some of them */
	size_t path_count;
};

/* context.updated with data {"source":…,"added":n,"changed":n,"removed":n,"paths":[…]}, from the
 * daemon: session_id is null. As core/state/session.h; -ENOMEM. */
int context_updated(struct loop *, const struct context_change *, struct act **out);

#endif
