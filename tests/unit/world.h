/*
 * A loop in a directory of a test's own, with a clock that stands until it is moved.
 *
 * Its sessions are registered by a caller that can't be seen (thread 0), so they are bound to
 * nothing; nobody ends them but the test, or the moved clock.
 */
#ifndef TESTS_UNIT_WORLD_H
#define TESTS_UNIT_WORLD_H

#include "core/base/framer.h"
#include "core/state/loop.h"
#include "core/state/parts.h"
#include "core/state/session.h"
#include "tests/unit/scratch.h"

#include <stdatomic.h>

struct hand_clock {
	struct clock clock;
	atomic_llong wall_us, mono_us;
};

struct world {
	struct scratch scratch;
	struct config config;
	struct hand_clock clock;
	struct loop *loop;
	struct error error; /* of what failed last */
	bool mounted;
};

#define WORLD_UID ((uid_t)1234) /* whose sessions they are */
#define OTHER_UID ((uid_t)4321)

int world_setup(void **state);
int world_teardown(void **state);
void world_open(struct world *);
void world_close(struct world *); /* pointers to sessions are dead then */
void world_reopen(struct world *);
void world_pass(struct world *, int64_t us);
void world_fill(struct world *, const char *name); /* what is left of its file system, by a file */

struct actor world_user(uid_t uid);         /* somebody without a session */
struct actor world_actor(struct session *); /* borrows the session */

/* Waits for what was asked, frees the act, and returns the status; world.error has the reason. */
int world_do(struct world *, int status, struct act *);

/* Registers by text or, where it begins with a brace, by JSON. NULL: refused. Borrowed. */
struct session *world_register(struct world *, uid_t uid, const char *text);
/* Registers WORLD_UID's session of that id, and of an agent of that name. */
struct session *world_enter(struct world *, const char *id);
int world_end(struct world *, struct session *);
struct session *world_session(struct world *, const char *id); /* or NULL; borrowed */

/* What is written, as it comes to a function of core: text or, where it begins with a brace, JSON,
 * which the caller frees. */
struct message world_message(const char *text, struct json **json);

/* Says something, as `type` has it (NULL: what is written to `broadcast`), to one or to everyone.
 */
int world_say(struct world *, const struct actor *, const char *type, struct session *to,
	const char *text);

/* All lines of a channel, as they stand in its file, joined. Valid until the next call. */
const char *world_lines(struct world *, struct buf *out, enum channel_kind, const char *name);

/* The last line of `activity` that is not of an agent; it borrows from `out`. */
const char *world_last_line(struct world *, struct buf *out);

#endif
