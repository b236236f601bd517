/*
 * What stream*.c share: stream.c, which follows the log; stream_read.c, which answers reads and
 * polls; stream_wants.c, what a stream is narrowed to; and stream_errors.c, the streams of
 * `errors`, which follow no log.
 */
#ifndef FS_STREAM_PRIVATE_H
#define FS_STREAM_PRIVATE_H

#include "fs/private.h"
#include "fs/stream.h"

#include "core/state/parts.h"

struct stream {
	struct follower follower; /* first */
	struct server *server;
	struct loop *loop;
	const struct view *view; /* own_view; NULL: it follows `errors` */
	struct view own_view;
	bool errors; /* it follows `errors`, not the log */
	uid_t viewer;
	uint64_t at;             /* errors: the next byte */
	pthread_mutex_t reading; /* one reader collects at a time */

	/* Under the lock of the waits. While `active` is not 0 a reader is collecting, and news
	 * only count; what follows is then the reader's. */
	struct parked *parked;
	struct fuse_pollhandle *poll;
	int active;
	bool over;
	uint64_t news;
	uint64_t told; /* errors: of what is before this byte it was told */
	int64_t next_pos;
	int64_t next_seq; /* of the events, at next_pos or before: what a gap begins with */
	struct buf rest;  /* of a line that did not fit into the last read */
	struct buf said;
	int64_t after_seq, from_us; /* feeds/since: nothing before, even if that is to come */
	char *patterns;             /* one after the other, each with its NUL; NULL: all */
	size_t patterns_len;
	char *activities; /* the same, of activity_types */
	size_t activities_len;
	struct stream *next, **link; /* of those that follow `errors` */
};

/* Takes the first parked read off, if nobody is collecting; and the poll handle. Under the lock of
 * the waits; the poll handle is told without it, and takes NULL. */
struct parked *stream_wake(struct stream *, struct fuse_pollhandle **poll);
void stream_tell_poll(struct fuse_pollhandle *poll);

/* Splits a line between an answer of that size and the rest: how much of it is the answer's. */
size_t stream_split(struct stream *, const char *line, size_t len, size_t size);

/* Answers or parks a reader who was taken off and counts as active, and those whom it leaves more
 * for. Takes NULL. The stream may be gone afterwards. */
void stream_serve(struct stream *, struct parked *);

/* Whether what it is narrowed to takes in a record, or an event of that type. */
bool stream_wants(const struct stream *, const struct record *);
bool stream_wants_type(const struct stream *, const char *type);

/* `errors`: begins behind what stands there, and is told of more; ends; adds lines, up to size; and
 * whether there are any. */
void stream_begin_errors(struct stream *);
void stream_end_errors(struct stream *);
int stream_collect_errors(struct stream *, size_t size, struct buf *out);
bool stream_has_errors(const struct stream *);

#endif
