/*
 * The sources there are, and the threads that keep them in sync.
 *
 * A source is added, changed and removed here; each change is kept before it is answered. Every
 * source has at most one sync at a time, in a thread of a bounded pool (servers and folders have
 * pools of their own), begun by its interval, by whoever asks (sources_sync), or by a folder's
 * watch. A failure is tried again after a while that doubles from 5 s, up to its interval or an
 * hour, never sooner than the server asked; so is a sync that could not get everything. After a
 * start each is synced once, one after the other. A change of what is synced stops a sync that runs
 * and begins another, shortly after, so that several values may be set; where the place changes,
 * what was of the old one goes first.
 *
 * Configuration files (*.json in /etc/leitlfs/sources.d and $XDG_CONFIG_HOME/leitlfs/sources.d; one
 * source each, its name the file's; of two of a name the former counts) make sources of the
 * daemon's uid that are there as long as their file is, and are read again when they change; those
 * can't be changed through the mount. A file is root's or the daemon's, and no other may write it.
 * What is wrong with one is logged (syslog(3)) and told by status.json, and its source stays as it
 * was.
 *
 * Who may: adding takes the daemon's uid, or any with -o sources=any. A source is its uid's: only
 * it may change, sync or remove it; others see it where it is shared. Folders are read with that
 * uid's rights. What acts with the daemon's own rights (source_option.own) only its uid may set.
 *
 * What changes is told on the log, by context.updated (core/state/told.h), once a second a source
 * at most; with names and paths where the source is shared, or nobody else can read the log.
 *
 * Any thread. Functions that change something block for the disk; none for the network.
 */
#ifndef CORE_SOURCES_H
#define CORE_SOURCES_H

#include "core/context/catalog.h"
#include "core/context/source.h"
#include "core/context/sync.h"
#include "core/state/loop.h"

#include <sys/types.h>

struct sources;

/* How a kind of source is synced; main hands over WebDAV's (webdav/webdav.h). run() blocks until
 * the sync is over or sync_stopping(). 0, or the errno of a sync that failed as a whole. */
struct source_runner {
	int (*run)(struct sync *, struct error *);
};

int sources_open(struct loop *, struct catalog *, struct secret *, const struct config *,
	const struct source_runner *webdav, struct sources **out, struct error *);
void sources_close(struct sources *); /* stops every sync; takes NULL */

/* One source; held by reference. What may change is read through the functions. */
struct source {
	int64_t id;
	char name[SOURCE_NAME_MAX + 1];
	uid_t uid;
	gid_t gid;
	bool fixed; /* from a configuration file */
	/* private to sources*.c */
	struct source_state *state;
};
struct source *source_ref(struct source *);
void source_unref(struct source *); /* takes NULL */

/* Who sees it: its uid, root's daemon alike no other; everyone where it is shared. */
bool source_visible(const struct source *, uid_t uid);
bool source_is_shared(const struct source *);
bool source_gone(const struct source *);

/* NULL: there is none that this uid sees. */
struct source *sources_find(struct sources *, const char *name, uid_t uid);
/* Calls fn with each that the uid sees, in order of names, until it returns other than 0. */
int sources_each(struct sources *, uid_t uid, int (*fn)(void *arg, struct source *), void *arg);

/* Adds one, from text as source_parse(), or under a name with no url yet. The first sync begins at
 * once. -EINVAL, -EEXIST, -EACCES (may not), -EDQUOT (too many), and those of the catalog. */
int sources_add(struct sources *, uid_t uid, gid_t gid, const char *text, size_t len,
	struct source **out, struct error *);
int sources_make(struct sources *, uid_t uid, gid_t gid, const char *name, struct source **out,
	struct error *);
/* -EACCES, -EROFS (from a configuration file), -ENOENT (gone), and those of source_set() and the
 * catalog: then nothing has changed. What is removed is gone at once, its name free; its files go
 * from the disk in a thread of the pool. */
int sources_remove(struct sources *, struct source *, uid_t uid, struct error *);
int sources_set(struct sources *, struct source *, uid_t uid, const struct source_option *,
	const char *text, size_t len, struct error *);
void sources_get(struct sources *, struct source *, const struct source_option *, struct buf *out);

/* Asks for a sync: sets *ticket to a number that sources_synced() knows. One that runs already may
 * have missed what has changed since, so then another follows it. Where the server asked to be left
 * alone that sync fails at once, with the reason, and without asking it. -EACCES, -ENOENT, -EINVAL
 * (no url). */
int sources_sync(struct sources *, struct source *, uid_t uid, uint64_t *ticket, struct error *);
/* Whether that sync is over, or the source gone; then adds how the last went, as one JSON line:
 * {"source","status","added","changed","removed","unchanged","failed","fetched_bytes","began",
 * "ended"} and, where something went wrong, "error". status is `ok`, `partial` (`failed` members
 * could not be had), `failed`, `removed` (the source), or `none` (never synced). */
bool sources_synced(struct sources *, struct source *, uint64_t ticket, struct buf *out);
/* How the last sync went, as that line. And all there is to know (status.json): {"name","state",
 * "kind","url","shared","interval_s","files","directories","indexed","bytes","last_success",
 * "last_error","next_sync","last_sync"}, times and what is not known null; "progress", while it
 * runs; "file", "file_error" of one from a configuration file; "watched", "watch_error" of a
 * folder. state is `idle`, `queued`, `running`, `failed`, or `no url`. Blocks for the disk. */
void sources_last(struct sources *, struct source *, struct buf *out);
void sources_status(struct sources *, struct source *, struct buf *out);

/* Its state alone, as status.json has it. Waits for no disk. */
const char *source_state_name(struct sources *, struct source *);

/* How its syncs went since the daemon started, and how the last did. Waits for no disk. */
enum sync_outcome { SYNC_OK, SYNC_PARTIAL, SYNC_FAILED, SYNC_OUTCOMES };
extern const char *const sync_outcomes[SYNC_OUTCOMES]; /* "ok", … */
struct source_health {
	uint64_t outcomes[SYNC_OUTCOMES];
	int64_t failing_us;   /* wall_us: since when they fail; 0: the last did not */
	int64_t success_us;   /* of the last that did not fail; 0: none */
	int64_t files, bytes; /* as of the last sync */
	char error[200];      /* why it failed; cut */
};
void source_health(struct sources *, struct source *, struct source_health *out);
/* The same of all sources there were, whoever sees them. */
void sources_outcomes(struct sources *, uint64_t out[SYNC_OUTCOMES]);

/* Told, on the thread that did it and without locks, of entries that changed or went (paths of one
 * source; NULL: all of it, its visibility too), and that a sync is over, or the source gone. One
 * each; must not block, nor call this. When it returns, no call of those before is under way. */
void sources_watch(struct sources *,
	void (*changed)(void *arg, struct source *, const char *const *paths, size_t count),
	void (*over)(void *arg, struct source *), void *arg);

#endif
