/*
 * Parses the body of a 207 answer (RFC 4918 section 13; RFC 6578) as it comes from the network,
 * with bounded memory, and calls back for every member.
 *
 * A callback is no promise: only when multistatus_finish() has returned 0 was the answer whole and
 * well-formed. Until then the caller keeps what it was told to itself, and forgets it on an error,
 * so that a listing that was cut short is never read as deletions.
 *
 * The bytes are hostile. A document type (so every entity but XML's own five) is refused, nothing
 * is loaded, bytes, members, depth and texts are bounded (webdav/limits.h). Nothing is written to
 * stderr: making a parser silences libxml2's own messages for the calling thread.
 *
 * A parser belongs to one thread. Nothing here blocks.
 */
#ifndef WEBDAV_MULTISTATUS_H
#define WEBDAV_MULTISTATUS_H

#include "core/base/error.h"
#include "webdav/limits.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct multistatus;

/* Preconditions that a DAV:error names, as bits. */
enum dav_condition {
	DAV_VALID_SYNC_TOKEN = 1,  /* the token is not known (any more): a full sync is due */
	DAV_NUMBER_OF_MATCHES = 2, /* number-of-matches-within-limits: there are more; go on */
	DAV_FINITE_DEPTH = 4,      /* propfind-finite-depth: not with Depth: infinity */
	DAV_OTHER_CONDITION = 8,
};

/* One member, as told: the texts are good during the callback only, without white space around. */
struct dav_member {
	const char *href; /* as written: for uri_path() */
	size_t href_len;
	/* The response's own status; where it has none, 2xx when a propstat has one, else what the
	 * first propstat says; 0: none that can be read. Only a 2xx makes it a member: 404 in a
	 * sync-collection report is one that is gone, everything else is trouble. */
	int status;
	unsigned conditions; /* of its DAV:error */

	/* Of the propstats with a 2xx. */
	bool has_kind; /* resourcetype was there */
	bool is_collection;
	const char *etag;    /* as it came, quotes and W/ too; NULL: none */
	int64_t size;        /* -1: not known */
	int64_t modified_us; /* 0: not known */
	const char *type;    /* media type, with parameters; NULL: not known */
};

/* 0, or a negative errno, with the reason, that ends the parsing and is returned from it. */
typedef int dav_member_fn(void *arg, const struct dav_member *, struct error *);

int multistatus_new(dav_member_fn *fn, void *arg, struct multistatus **out); /* -ENOMEM */
void multistatus_free(struct multistatus *);                                 /* takes NULL */

/* The next bytes of the body, any number of them. Once it has failed, it fails the same way again.
 * -EBADMSG: not XML, not well-formed, a document type, another root than DAV:multistatus (such as a
 * login page's), a member without href; -EFBIG: over a limit; -ENOMEM; what a callback returned. */
int multistatus_feed(struct multistatus *, const char *bytes, size_t len, struct error *);

/* The body has ended. 0 only if it was one whole multistatus; as for feed; -EREMOTEIO: it was a
 * DAV:error, as 403 and 507 have for their bodies, and multistatus_conditions() tells which. */
int multistatus_finish(struct multistatus *, struct error *);

/* After finish. */
const char *multistatus_sync_token(const struct multistatus *); /* NULL: none; the parser's own */
unsigned multistatus_conditions(
	const struct multistatus *); /* of the whole answer, not a member's */

/* An HTTP-date (RFC 9110, section 5.6.7), in any of its three forms, as microseconds since 1970; 0
 * where it is none, or not after 1970. */
int64_t dav_date(const char *text);

#endif
