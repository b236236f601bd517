/*
 * The watch of folders: folder_watch.c is its thread and who asks it, folder_look.c what is done
 * about a folder and about an event. All but what the lock guards is the thread's.
 */
#ifndef CORE_FOLDER_WATCH_PRIVATE_H
#define CORE_FOLDER_WATCH_PRIVATE_H

#include "core/context/folder.h"
#include "core/context/folder_spots.h"

#include <pthread.h>
#include <sys/queue.h>

struct folder {
	struct folder_root root;
	int64_t source;
	uid_t uid;
	gid_t gid;
	struct source_config config;
	struct folder_rights rights;
	int64_t first_us, last_us; /* of the events not told of; 0: none */
	int64_t look_us;           /* when to look at its root again */
	/* guarded by the lock */
	bool gone; /* freed once no spot knows it */
	struct error status;
	STAILQ_ENTRY(folder) in_list;
};

STAILQ_HEAD(watched_folders, folder);

struct folder_watch {
	void (*changed)(void *arg, int64_t source);
	void *arg;
	pthread_t thread;
	int wake; /* a file in memory, opened to end the thread's wait */
	char wake_path[64];

	pthread_mutex_t lock; /* of these, and of a folder's */
	pthread_cond_t woken;
	bool stopping, awake;         /* awake: something was asked since it looked */
	struct watched_folders added; /* struct folder.in_list */

	/* the thread's; the list's order is changed under the lock */
	struct watched_folders folders; /* struct folder.in_list */
	struct spots *spots;            /* NULL: the library is down */
	bool wrong;                     /* spots are to be made anew */
	int64_t reset_us;               /* and when at the earliest */
};

int64_t folder_now_us(void);

/* Something happened in it. */
void folder_touch(struct folder *);

/* Looks for the root, watches what is there where that is not done yet, sets the status, and when
 * to look again. May find that spots are wrong. */
void folder_look(struct folder_watch *, struct folder *);

/* Takes what has happened, waiting as spots_next() for the first of it. */
void folder_take_events(struct folder_watch *, int seconds);

void folder_set_status(struct folder_watch *, struct folder *, const struct error *);
int folder_no_watch(int rc, const struct folder *, struct error *); /* why: returns rc */

#endif
