/* Shared by session.c and session_register.c alone. */
#ifndef CORE_SESSION_PRIVATE_H
#define CORE_SESSION_PRIVATE_H

#include "core/session.h"

/* What an act's buffers hold. */
enum { TYPE, DATA, DETAIL, SPARE };

#define TIMEOUT_MAX_US (86400 * SECOND_US)

/* Adds a member with a text to an object that was begun. */
void session_add_member(struct buf *, const char *key, const char *text);

#endif
