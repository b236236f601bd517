/*
 * The sources of a loop, and the one server that all of them find.
 *
 * A runner stands in place of WebDAV and of folders: it does what `fake` says, and keeps what it
 * saw of a source's config. The clock is the world's and stands; the threads of the sources are
 * real, so what they do is waited for by until().
 */
#ifndef TESTS_UNIT_SOURCES_KIT_H
#define TESTS_UNIT_SOURCES_KIT_H

#include "core/context/sources_private.h"
#include "tests/unit/world.h"

#define CANARY "canary-b52f07-password"

/* What the server does, and what it saw. The texts are guarded by the mutex. */
struct fake_server {
	pthread_mutex_t mutex;
	atomic_int runs, running, most; /* at once */
	atomic_int stopped;             /* runs that ended because they were to */
	atomic_bool fails, slow, partial, tells_password;
	atomic_llong retry_after_us;
	char content[64]; /* of a.md; none: there is no file */
	char etag[64];
	char memory[64], seen_memory[64], seen_url[256], seen_password[64];
};

extern struct fake_server fake;

struct kit {
	struct world *world;
	struct catalog *catalog;
	struct secret *secret;
	struct sources *sources;
	struct sources_options options; /* changed between kit_close() and kit_open() */
	struct error error;             /* of what failed last */
	char log[4096];
	pthread_mutex_t log_mutex;
	const char *dirs[3];      /* of the files that make sources: "first" and "second" */
	atomic_int changed, over; /* how often that was told */
};

int kit_setup(void **state);
int kit_teardown(void **state);
void kit_open(struct kit *);
void kit_close(struct kit *); /* what was found is to be let go of before */
void kit_reopen(struct kit *);

/* Until it is so; long before this gives up, something is broken. */
#define WAIT_MS 20000
#define until(condition)                                                                           \
	do {                                                                                       \
		int left_ = WAIT_MS;                                                               \
		while (!(condition) && left_-- > 0)                                                \
			kit_pause_ms(1);                                                           \
		if (!(condition))                                                                  \
			fail_msg("never: %s", #condition);                                         \
	} while (0)

void kit_pause_ms(long ms);
void kit_pass(struct kit *, int64_t us); /* moves the clock, and wakes who sleeps by it */

/* As WORLD_UID. The caller releases the source. */
struct source *kit_add(struct kit *, const char *text); /* fails the test where it is refused */
struct source *kit_find(struct kit *, const char *name);
bool kit_is_there(struct kit *, const char *name);
int kit_set(struct kit *, struct source *, const char *option, const char *text);

/* Asks for a sync; returns its ticket. */
uint64_t kit_ask(struct kit *, struct source *);
bool kit_is_over(struct kit *, struct source *, uint64_t ticket);
bool kit_is_idle(struct kit *, struct source *);
void kit_sync_now(struct kit *, struct source *);  /* and waits until it is over */
int64_t kit_due_in(struct kit *, struct source *); /* microseconds, or NEVER */

/* What the server saw last, by a member of `fake`; good until the next call. */
const char *kit_seen(const char *what);
/* The text that fn adds; good until the next call. */
const char *kit_text(
	struct kit *, struct source *, void (*fn)(struct sources *, struct source *, struct buf *));
bool kit_shows(struct kit *, struct source *, const char *part); /* its status does */
void kit_assert_shows(struct kit *, struct source *, const char *part);
bool kit_has_file(struct kit *, const struct source *, const char *path);
int kit_rows(struct kit *); /* of sources, in the catalog */

/* The calls on_changed and on_over of the kit, which count, for who watches anew. */
void kit_on_changed(void *kit, struct source *, const char *const *paths, size_t count);
void kit_on_over(void *kit, struct source *);

#endif
