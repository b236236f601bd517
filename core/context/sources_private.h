/*
 * Shared by sources*.c alone.
 *
 * Locks, in the order in which they may be taken: `changing`, then `mutex`. `changing` is held
 * across whole changes, the catalog's writing included; `mutex` for instants, never across the
 * disk, a hook or a runner. Of a source, what no lock is named for never changes.
 */
#ifndef CORE_SOURCES_PRIVATE_H
#define CORE_SOURCES_PRIVATE_H

#include "core/base/limits.h"
#include "core/context/sources.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/queue.h>
#include <sys/stat.h>

/* How the parts are put together: sources_open() fills it in; tests as they like. All is copied but
 * the runners. */
struct sources_options {
	bool any;                /* any uid may add sources */
	bool alone;              /* nobody but the daemon's uid reads the log: names are told */
	const char *const *dirs; /* of configuration files, the first wins; NULL-terminated */
	const struct source_runner *webdav, *folder;
	bool watch;                               /* folders, by core/context/folder.h */
	void (*log)(void *arg, const char *line); /* NULL: syslog(3) */
	void *log_arg;
};
int sources_open_with(struct loop *, struct catalog *, struct secret *,
	const struct sources_options *, struct sources **, struct error *);

enum queue { QUEUE_NETWORK, QUEUE_DISK, QUEUES };
enum phase { PHASE_IDLE, PHASE_QUEUED, PHASE_RUNNING };

#define NEVER INT64_MAX

/* What was synced and is not yet told on the log. */
struct untold {
	int64_t added, changed, removed;
	char *paths[SOURCES_TOLD_PATHS];
	size_t path_count;
};

struct source_state {
	struct source *self;
	struct sources *sources;
	atomic_int refs;
	atomic_bool gone, shared;
	atomic_bool stop; /* the sync that runs is to end */
	/* The row as it is kept: under `changing` for writing, and both for the config. */
	struct source_config config;
	char *file;        /* the configuration file it is from; NULL: added through the mount */
	struct buf sealed; /* secrets that could not be opened, as they are kept */
	char *unsealing;   /* why; NULL: there are none */
	char *memory;      /* what its runner remembers, or NULL */
	bool moved;        /* what is there is of another place: it goes before the next sync */
	/* Under the mutex. */
	STAILQ_ENTRY(source_state) in_queue;
	enum phase phase;
	uint64_t version;      /* of the config, as far as a sync depends on it */
	uint64_t begun, ended; /* syncs; one that was stopped is begun anew */
	uint64_t asked;        /* the last that somebody waits for */
	int64_t due_us;        /* mono_us; NEVER */
	int64_t not_before_us; /* mono_us: the server asked for it; 0 */
	unsigned failures;     /* in a row */
	bool stale;            /* a folder changed while it was read */
	int64_t over_us;       /* mono_us: the last sync's end */
	int64_t took_us;       /* and how long it took */
	struct sync *sync;     /* that runs */
	char *last;            /* how the last sync went: a JSON object, or NULL */
	char *error;           /* why the last failed, or what it could not get; or NULL */
	bool failed;           /* the last did as a whole */
	int64_t success_us;    /* wall_us of the last that did not; 0: none */
	int64_t failing_us;    /* wall_us: since when all have; 0: the last did not */
	uint64_t outcomes[SYNC_OUTCOMES]; /* since the start */
	int64_t files, bytes;             /* as of the last sync */
	char *file_error; /* why the configuration file as it is now is not followed */
	int64_t told_us;  /* mono_us */
	struct untold untold;
};

STAILQ_HEAD(source_queue, source_state);

struct source_files;

struct sources {
	struct loop *loop;
	struct catalog *catalog;
	struct secret *secret;
	struct sources_options options;
	struct folder_watch *watch; /* NULL: none */
	struct source_files *files;
	uint64_t outcomes[SYNC_OUTCOMES]; /* of all, ever; under the mutex */
	pthread_mutex_t changing, mutex;
	struct source **all; /* by name, without those that are gone; under the mutex */
	size_t count, cap;
	/* running; under the mutex */
	struct source_queue queues[QUEUES]; /* those that are PHASE_QUEUED, with a reference */
	pthread_cond_t work[QUEUES];
	bool stopping;
	int event; /* eventfd(2): the scheduler is to look */
	pthread_t scheduler;
	struct worker {
		struct sources *sources;
		enum queue queue;
		pthread_t thread;
	} workers[SOURCES_AT_ONCE + FOLDERS_AT_ONCE];
	bool scheduling; /* its thread has been started; and how many workers' */
	int working;
	/* Held for reading across the calls. */
	pthread_rwlock_t hooks;
	void (*changed)(void *arg, struct source *, const char *const *paths, size_t count);
	void (*over)(void *arg, struct source *);
	void *hooks_arg;
};

/* sources.c */
struct source *source_new(struct sources *, const char *name, uid_t uid, gid_t gid);
int sources_publish(struct sources *, struct source *);             /* -ENOMEM, -EEXIST */
struct source *sources_of_name(struct sources *, const char *name); /* whoever's; a reference */
void sources_tell_changed(
	struct sources *, struct source *, const char *const *paths, size_t count);
void sources_tell_over(struct sources *, struct source *);
void sources_log(struct sources *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* sources_add.c, sources_change.c. check_own: only the daemon's own uid may set what acts with its
 * rights. The caller holds `changing`. insert keeps and publishes a new one; change takes
 * the config over where it succeeds. Who may see a source that was inserted or dropped, or that is
 * shared now or no more, changes: the caller tells, once it holds no lock. */
int sources_insert(struct sources *, struct source *, struct error *);
int sources_change(struct sources *, struct source *, struct source_config *, struct error *);
int sources_drop(struct sources *, struct source *, struct error *);
int sources_check_own(struct sources *, uid_t, const struct source_config *,
	const struct source_config *before, struct error *);
int sources_check_folder(struct sources *, const struct source_config *, struct error *);
/* For a sync or a watch: without the state directory. -ENOMEM. */
int sources_copy_config(struct sources *, struct source_config *to, const struct source_config *);

/* sources_kept.c. The caller holds `changing`, or is alone. put writes the row with that config,
 * and its secrets as the state's `sealed` where that has any; sets the id of a new one. bury writes
 * one that is only there to be dropped, under a name that no other can have. */
int sources_put(struct sources *, struct source *, const struct source_config *, const char *memory,
	bool moved, struct error *);
int sources_bury(struct sources *, struct source *, struct error *);
int sources_remember(struct sources *, struct source *, struct error *);
int sources_load(struct sources *, struct error *);

/* sources_run.c */
int sources_start(struct sources *, struct error *);
void sources_stop(struct sources *);
void sources_wake(struct sources *); /* the scheduler looks again; tests, when time has passed */
void source_request(struct source *, int64_t due_us); /* a sync; under the mutex */
void source_enqueue(struct source *); /* a worker's turn, at once; under the mutex */
void source_watch(struct sources *, struct source *); /* anew, as the config has it now */
int64_t source_next(const struct source *, int64_t now_us, uint32_t random); /* after a sync */

/* sources_sync.c: what a worker does with a source that is its turn. */
void source_work(struct sources *, struct source *);

/* sources_health.c: what is counted of a sync; under the mutex. What is told of it, without a lock;
 * of a source that is gone, that it is well. And after a start: of sources that are no more. */
void source_count(struct source *, const struct sync_result *);
void source_measure(struct sources *, struct source *);
void source_alert(struct sources *, struct source *);
void sources_alerts(struct sources *);

/* sources_told.c */
void untold_add(struct untold *, const struct sync_result *);
bool untold_any(const struct untold *);
void untold_release(struct untold *);
void source_tell(struct sources *, struct source *, bool now); /* what is due, or all of it */

/* sources_status.c */
char *source_result_line(const struct source *, const struct sync_result *); /* NULL: no memory */

/* sources_file.c */
struct source_file {
	char name[SOURCE_NAME_MAX + 1];
	char *path;
	struct stat stat;   /* as it was read last; st_ino 0: it is to be read */
	struct error error; /* what was logged last */
	bool found;         /* by the look that goes on */
};
void source_file_take(struct sources *, struct source_file *);

/* sources_files.c */
int source_files_open(struct sources *, struct error *);
void source_files_close(struct sources *);
int source_files_fd(struct sources *);    /* inotify's; -1: none */
void source_files_look(struct sources *); /* reads what has changed */

#endif
