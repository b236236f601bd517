/* Shared by session.c and session_register.c alone. */
#ifndef CORE_SESSION_PRIVATE_H
#define CORE_SESSION_PRIVATE_H

#include "core/state/session.h"

/* What an act's buffers hold. Of a registration: the agent's name, data and detail of
 * session.started, and, where it gives what may change, those of session.updated, with a NUL
 * between. */
enum { TYPE, DATA, DETAIL, SPARE };

#define TIMEOUT_MAX_US (86400 * SECOND_US)

/* Adds a member with a text to an object that was begun. */
void session_add_member(struct buf *, const char *key, const char *text);

/* Values that are files of one line, wherever they are given: -EINVAL for more, or too long. */
int session_check_line(const char *name, const char *text, struct error *);

/* Adds a task as JSON: "-" is none. */
void session_add_task(struct buf *, const char *task);

#endif
