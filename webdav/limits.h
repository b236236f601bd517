/*
 * Every fixed limit of what a server may do to us, in one place. What a user may change of it is an
 * option of the source (core/context/source.h).
 */
#ifndef WEBDAV_LIMITS_H
#define WEBDAV_LIMITS_H

#include <stddef.h>

/* Names, as they are once decoded. */
#define DAV_NAME_MAX  255                /* bytes of one part of a path */
#define DAV_PATH_MAX  4096               /* bytes of a path below the base */
#define DAV_DEPTH_MAX 128                /* parts of such a path */
#define DAV_HREF_MAX  ((size_t)16 << 10) /* bytes of an href or URL as written */

/* Listings: answers of PROPFIND and of the sync-collection report. */
#define LISTING_BYTES_MAX   ((size_t)256 << 20) /* of one answer, decompressed */
#define LISTING_MEMBERS_MAX 100000              /* <response>s of one answer */
#define LISTING_DEPTH_MAX   64                  /* elements inside each other */
#define LISTING_TEXT_MAX    ((size_t)64 << 10)  /* bytes kept of one <response> */
#define LISTING_TOKEN_MAX   ((size_t)64 << 10)  /* bytes of markup that libxml2 may hold back */
#define LISTING_NAMES_MAX   4096                /* different names; libxml2 keeps each */
#define LISTING_ATTRS_MAX   64                  /* attributes, or namespaces, of an element */
#define DAV_ETAG_MAX        1024                /* bytes; a longer one is no etag */
#define DAV_TYPE_MAX        255                 /* bytes of a media type; a longer one is none */
#define DAV_TOKEN_MAX       4096                /* bytes of a sync-token */

/* One sync. */
#define SYNC_COLLECTIONS_MAX 100000
#define SYNC_PAGES_MAX       10000 /* answers of a sync-collection report that goes on */

/* HTTP. */
#define TRANSFERS_MAX      16
#define REDIRECTS_MAX      5
#define HEADERS_MAX        ((size_t)64 << 10) /* bytes of all headers of an answer */
#define ERROR_BODY_MAX     ((size_t)64 << 10) /* bytes that are read of an error's body */
#define CONNECT_TIMEOUT_MS 10000L
/* A transfer below so many bytes a second, for so long, has failed: 16 of them at that speed are a
 * line of 64 kbit/s. A large listing may be a minute in the making, without a byte of it. */
#define STALL_BYTES        512L
#define STALL_SECONDS      60L
#define LISTING_TIMEOUT_MS 600000L
#define RETRY_AFTER_MAX_US (3600LL * 1000000)

#endif
