/*
 * What is matched to sessions: the files that a session's query finds, told to it when they change.
 *
 * A session's query is what it wrote to context/query or gave when it registered, else its current
 * task. A thread finds the matches of every living session that has one whenever the catalog
 * changes, and where they are others than before tells the session by a context.updated to it
 * alone. Setting a query tells nothing: whoever set it looks by himself. It rests four times as
 * long as it works.
 */
#ifndef CORE_MATCHED_H
#define CORE_MATCHED_H

#include "core/base/error.h"

struct loop;
struct matched;
struct results;
struct search;
struct session;

/* Borrows both. -ENOMEM, -EAGAIN (no thread). */
int matched_new(struct loop *, struct search *, struct matched **out, struct error *);
void matched_free(struct matched *); /* takes NULL */

/* The catalog may have changed; that session's query may. Cheap; any thread. */
void matched_news(struct matched *);
void matched_session(struct matched *, const char *id);

/* What a session's query finds now, in the sources that it named. The caller may hold no lock. Any
 * thread. -ENODATA: it has no query; and as search_run(). */
int matched_run(
	struct loop *, struct search *, struct session *, struct results **out, struct error *);

#endif
