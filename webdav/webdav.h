/*
 * WebDAV (RFC 4918) as a source: walks a collection by PROPFIND, or by sync-collection (RFC 6578)
 * where the server has it, and fetches what has changed.
 *
 * The runner is handed to core/context/sources.h. It runs in the sync's thread, with many transfers
 * at once over kept connections (curl_multi); it blocks for the network, and ends within a second
 * of sync_stopping(). Every byte of a server is hostile: sizes, depths and counts are bounded
 * (webdav/limits.h), hrefs outside the source's base are dropped (webdav/uri.h), redirects to
 * another origin are not followed, nothing is sent to another origin, and addresses that are
 * link-local or a cloud's metadata are not connected to unless the source says `local`.
 */
#ifndef WEBDAV_WEBDAV_H
#define WEBDAV_WEBDAV_H

#include "core/context/sources.h"

extern const struct source_runner webdav_runner;

#endif
