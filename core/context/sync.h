/*
 * One sync of one source: what a runner (WebDAV's, a folder's) found there becomes the catalog's.
 *
 * The runner walks, and says what it saw: sync_listing() for a collection whose listing it has
 * whole, sync_changed() and sync_removed() for single members. The sync decides what is wanted
 * (source_wants, sizes), what has changed (a strong ETag that is the same: nothing; else size and
 * date; else it must be fetched, and its hash tells) and what is gone. The runner fetches what it
 * is told to and hands over each whole content by sync_take(). What it could not get stays as it
 * was: an error is never a deletion. Commits are made in batches, beside the fetching.
 *
 * A sync belongs to one thread, the runner's, but for sync_stopping().
 */
#ifndef CORE_SYNC_H
#define CORE_SYNC_H

#include "core/context/catalog.h"
#include "core/context/source.h"

#include <sys/types.h>

struct sync;
struct source;

/* A member as a listing or a header told of it. */
struct member {
	const char *path; /* below the source's root: "a/b.md", UTF-8, no "." or ".." parts; "" its
			     root */
	bool is_dir;
	const char *etag;    /* as it came, quotes and W/ too; NULL: none */
	int64_t size;        /* -1: not known */
	int64_t modified_us; /* 0: not known */
	const char *type;    /* media type; NULL: not known */
	int64_t asked_us;    /* when this was told, by the server's own clock (Date); 0: by ours */
};

/* What to do next, as sync_listing() and sync_changed() found: owned by the sync, good until the
 * next call of either. Where etag is NULL and modified_us 0 it is to be fetched anyhow, without a
 * condition. */
struct wanted {
	const char *path;
	bool is_dir;         /* to be listed; else to be fetched */
	const char *etag;    /* for If-None-Match: of the content that is there; NULL: none */
	int64_t modified_us; /* for If-Modified-Since, where there is no etag; 0: none */
	int64_t size;        /* as listed; -1: not known */
};

const struct source_config *sync_config(const struct sync *);
uid_t sync_uid(const struct sync *); /* whose rights a folder is read with */
gid_t sync_gid(const struct sync *);

/* True once it is to end soon: the daemon stops, or the source is gone. Any thread. */
bool sync_stopping(const struct sync *);

/* What the last complete sync left for the next, such as a sync-token; NULL: none. set replaces it:
 * sync_end() hands it over once all is committed, if the sync ended well and nothing was in trouble
 * (else what could not be had would not be asked for again). */
const char *sync_memory(const struct sync *);
int sync_set_memory(struct sync *, const char *text);

/* A whole listing of a collection (without itself): members that are not in it any more are
 * removed, with all below. Sets *wanted, *count: what is new or changed, and every directory, in
 * order of names. Members that are not directly in it, or whose names are too long, are left out
 * and counted as trouble. -ENOMEM, -EIO, -ENOSPC. */
int sync_listing(struct sync *, const char *dir, const struct member *, size_t count,
	const struct wanted **wanted, size_t *wanted_count, struct error *);

/* Single members (RFC 6578 reports): wanted is NULL where there is nothing to do. */
int sync_changed(
	struct sync *, const struct member *, const struct wanted **wanted, struct error *);
int sync_removed(struct sync *, const char *path, struct error *);

/* Begins a file's content, of at most the source's max_file bytes (-EFBIG at the write). */
int sync_begin_content(struct sync *, struct object_writer **out, struct error *);
/* The whole content of a file: takes over the writer, whatever it returns. The member is as listed,
 * with what the answer's headers said better. -ENOSPC, -EIO, -ENOMEM: the old content stays. */
int sync_take(struct sync *, const struct member *, struct object_writer *, struct error *);
/* The server said that it is as it was (304). */
int sync_same(struct sync *, const struct member *, struct error *);
/* It is larger than may be fetched: shown with its size, without content. */
int sync_too_large(struct sync *, const struct member *, struct error *);

/* A member, or a collection, could not be had; the rest goes on. Counted, and the last one is
 * status.json's last error. */
void sync_trouble(struct sync *, const char *path, const struct error *);

/* The server asks not to be asked again before so long; bounded to an hour. */
void sync_retry_after(struct sync *, int64_t us);

/* For status.json: how many requests are under way, and what the server said of itself. */
void sync_note(struct sync *, const char *what);

/* For core/context/sources.c. end: 0 or the runner's errno; commits what is left, tells how it
 * went, frees the sync. Counts are of files. Where all went well but for single members, status is
 * 0 and error is of the last that failed. */
struct sync_result {
	int status;
	struct error error;
	int64_t added, changed, removed, unchanged, failed, fetched_bytes;
	int64_t began_us, ended_us;
	int64_t retry_after_us; /* 0: the server did not say */
	char *memory;           /* to be kept for the next; NULL: as it was */
	char **paths;           /* of files added, changed or removed, up to SYNC_PATHS_MAX;
				   NULL-terminated */
	bool more_paths;
};
#define SYNC_PATHS_MAX 100
void sync_result_release(struct sync_result *);

struct sync_start {
	struct catalog *catalog;
	const struct source_config *config; /* copied */
	int64_t source;
	uid_t uid;
	gid_t gid;
	const char *memory; /* copied; may be NULL */
	const struct clock *clock;
	const _Atomic bool *stop;
	/* Told of what a commit changed in what is shown: files and directories that came, changed
	 * or went. On the sync's own thread; paths are good for the call. May be NULL. */
	void (*published)(void *arg, const char *const *paths, size_t count);
	void *arg;
};
int sync_begin(const struct sync_start *, struct sync **out, struct error *);
void sync_end(struct sync *, int status, const struct error *, struct sync_result *out);
/* As it stands, for status.json: a JSON object's members. Any thread. */
void sync_describe(struct sync *, struct buf *out);

#endif
