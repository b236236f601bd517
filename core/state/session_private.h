/*
 * Shared by session*.c alone: session.c, which changes and ends sessions, and those that register
 * them. session_register.c and session_register_json.c take what is given, session_describe.c puts
 * it into words, and session_start.c decides on it. Threads: as core/state/session.h.
 */
#ifndef CORE_SESSION_PRIVATE_H
#define CORE_SESSION_PRIVATE_H

#include "core/state/session.h"

/* What an act's buffers hold. Of a registration: the agent's name, data and detail of
 * session.started, and, where it gives what may change, those of session.updated, with a NUL
 * between. */
enum { TYPE, DATA, DETAIL, SPARE };

#define TIMEOUT_MAX_US (86400 * SECOND_US)

/* What a registration gave, checked. The texts are borrowed. */
struct registration {
	const char *name, *type, *id, *task, *query;
	const char *tags, *sources; /* raw JSON, NULL: not given */
	size_t tags_len, sources_len;
	int64_t timeout_us;
	bool timed; /* the timeout was given */
	bool person;
};

/* One that gives nothing but what is so where nothing is given. */
struct registration registration_plain(const struct loop *);

/* The command of a registration; `given` is what else was given, as JSON, or NULL. The refusals of
 * registering, and -EINVAL. */
int session_start(struct loop *, const struct actor *, const struct registration *,
	const char *given, size_t given_len, struct act **out, struct error *);

/* Fills an act's buffers but TYPE. -ENOMEM; -EMFILE, -ENFILE: its processes can't be told. */
int session_describe_start(struct loop *, struct act *, const struct registration *,
	const char *given, size_t given_len);

/* Decides on an act that session_start() made, and those behind it. On the committer. */
int session_decide_start(struct loop *, struct command *, struct error *);

/* Adds a member with a text to an object that was begun. */
void session_add_member(struct buf *, const char *key, const char *text);

/* Values that are files of one line, wherever they are given: -EINVAL for more, or too long. */
int session_check_line(const char *name, const char *text, struct error *);

/* Adds a task as JSON: "-" is none. */
void session_add_task(struct buf *, const char *task);

#endif
