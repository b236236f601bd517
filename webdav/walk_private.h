/* What the sources of webdav/walk.h share: a walk, its queues, and how its requests may end. */
#ifndef WEBDAV_WALK_PRIVATE_H
#define WEBDAV_WALK_PRIVATE_H

#include "webdav/members.h"
#include "webdav/multistatus.h"
#include "webdav/uri.h"
#include "webdav/walk.h"

#include <sys/queue.h>

/* A collection that is to be listed. */
struct place {
	STAILQ_ENTRY(place) next;
	int tries; /* that were put off */
	char path[];
};
STAILQ_HEAD(places, place);

/* A file that is to be fetched, or is being fetched (walk_get.c). */
struct file;
STAILQ_HEAD(files, file);

struct walk {
	struct sync *sync;
	const struct source_config *config;
	const struct walk_limits *limits;
	struct uri_base *base;
	struct http *http;
	struct places places;           /* to be listed */
	struct files files;             /* to be fetched */
	size_t places_count;            /* ever queued */
	size_t places_left, files_left; /* queued now */
	size_t budget;                  /* bytes of listings that may still be kept */
	size_t failures;                /* in a row, of the server or the way to it */
	bool whole;                     /* all is looked at, not what a report told of alone */
	bool over;                      /* http_run() is told to end */
	bool nested;                    /* there is something in inner collections … */
	bool report_nested;             /* … and the report told of such */
	bool too_many;                  /* collections; said once */
	char *token;                    /* for the next sync; NULL: none */
};

/* walk.c */

/* Ends the sync with the error. */
void walk_stop(struct walk *, const struct error *);
/* A request that brought not what was asked for; `r` and `err` as http_ops.done() was given. Ends
 * the sync, as every failure of the base ("") does, or makes it trouble of that path. True: it is
 * to be made again, `tries` has grown, and the client pauses meanwhile. */
bool walk_failed(struct walk *, const char *path, const struct http_answer *, int r,
	const struct error *err, int *tries);
/* One that did. */
void walk_succeeded(struct walk *);
/* Queues a collection; what is wanted of a listing's members, or of a change's. -ENOMEM. */
int walk_place(struct walk *, const char *path);
int walk_wanted(struct walk *, const struct wanted *, const struct member *);
/* Hands one changed member over, and queues what is wanted of it. Ends the sync if that fails. */
void walk_changed(struct walk *, const struct member *);

/* walk_list.c: begins to list a place, which it takes. NULL: it could not, and the sync ends. */
struct http_request *list_begin(struct walk *, struct place *);
/* Makes a member of what an answer told, with a path of the caller's. */
void list_member(const struct dav_member *, const struct uri_path *, struct member *out);
/* The properties that are asked for. */
#define LIST_PROPS                                                                                 \
	"<prop><resourcetype/><getcontentlength/><getlastmodified/><getetag/><getcontenttype/>"    \
	"</prop>"

/* walk_get.c: queues a file; begins to fetch the next one, NULL: there is none, or it could not and
 * the sync ends; forgets all that are queued. */
int get_queue(struct walk *, const struct wanted *, const struct member *); /* -ENOMEM */
struct http_request *get_begin(struct walk *);
void get_release(struct walk *);

/* walk_report.c: asks for what changed since the last sync, and hands it over. Sets w->whole where
 * everything is to be looked at, and w->token. 0, or the errno that ends the sync. */
int report_run(struct walk *, struct error *);

#endif
