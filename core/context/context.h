/*
 * What agents are given to read: the sources, what was synced of them, and finding it.
 *
 * The parts of context/, made and ended together. The catalog is in the state directory, in
 * `context`; the key of the sources' secrets in the state directory itself.
 */
#ifndef CORE_CONTEXT_H
#define CORE_CONTEXT_H

#include "core/context/catalog.h"
#include "core/context/matched.h"
#include "core/context/search.h"
#include "core/context/sources.h"

struct context {
	struct catalog *catalog;
	struct secret *secret;
	struct sources *sources;
	struct search *search;
	struct matched *matched;
};

/* The sources begin to sync. `webdav` may be NULL (such sources then can't be synced). Blocks for
 * the disk; the errors of its parts. */
int context_open(struct loop *, const struct config *, const struct source_runner *webdav,
	catalog_text text, struct context **out, struct error *);
void context_close(struct context *); /* ends every sync first; takes NULL */

#endif
