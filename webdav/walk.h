/*
 * One sync of a WebDAV source: finds out what is there, and fetches what has changed.
 *
 * Where the server has sync-collection (RFC 6578) and the last sync left a token, it is asked what
 * changed since; a token that it does not know any more, or anything else than an answer, means
 * that everything is looked at. That is a PROPFIND of Depth 1 for each collection, many at once;
 * Depth infinity is never asked for. Files are fetched meanwhile, over the same connections.
 *
 * What is taken for true:
 * - A listing, once all of it came, it is well-formed, and it names the collection itself: where a
 *   redirect within the origin led, hrefs are below that URL. If it could not tell of a member (a
 *   status that is not 2xx), that member is trouble and nothing is read as deleted in that
 *   collection; hrefs that name no member are left out, as trouble.
 * - A file's content, once the transfer ended well, in the size that was listed, or with an etag or
 *   date that shows that it changed since.
 * - A token, if nothing was trouble, so that what could not be had is told of again; and if the
 *   report told of what lies in inner collections too.
 * All else is trouble (core/context/sync.h), and what was there stays. A sync ends as a whole where
 * going on is of no use: credentials refused, a server that can't be reached or asks for time, a
 * disk that is full, or a base that can't be listed.
 */
#ifndef WEBDAV_WALK_H
#define WEBDAV_WALK_H

#include "core/base/error.h"
#include "core/context/sync.h"
#include "webdav/http.h"

struct walk_limits {
	struct http_limits http;
	int64_t patience_us; /* a Retry-After up to this is waited for; 5 s */
};
extern const struct walk_limits walk_limits_default;

/* Blocks until the sync is over. 0, even where there was trouble with some; -ECANCELED:
 * sync_stopping(); those of http_open() and http_run(); -EACCES (401), -EAGAIN (the server asks for
 * time, sync_retry_after() was called), -ENOTDIR (the base is no collection), and those of
 * http_refusal() and multistatus_feed() for the base; those of core/context/sync.h. */
int walk_run(struct sync *, const struct walk_limits *, struct error *);

#endif
