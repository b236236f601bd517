/*
 * Every fixed limit in one place. What a user may change is an option (core/config.h), whose
 * default and range stand there.
 */
#ifndef CORE_LIMITS_H
#define CORE_LIMITS_H

#include <stddef.h>

/* Names. Ids are 1 to ID_MAX of A-Za-z0-9_-; names keep what they were given. */
#define ID_MAX         64
#define AGENT_KEY_MAX  41  /* an agent's name as a path: lower-cased, cut */
#define AGENT_NAME_MAX 64  /* characters, not bytes */
#define TYPE_MAX       64  /* an event type, word.word */
#define TAGS_MAX       32
#define TAG_MAX        64  /* bytes */
#define TASK_MAX       1024 /* bytes of current_task */

/* Messages. */
#define MESSAGE_MAX    ((size_t)1 << 20) /* bytes of one message as written */
#define LINE_MAX_BYTES (6 * MESSAGE_MAX + 4096) /* every byte escaped, and the envelope */
#define JSON_DEPTH_MAX 256
#define TYPES_MAX      2000 /* distinct event types */
#define BATCH_MAX      256 /* messages in one write(2) */

/* Processes. */
#define CHAIN_MAX   32      /* ancestors that are looked at */
#define WATCHED_MAX 100000  /* processes watched at once */

#endif
