/*
 * Every fixed limit in one place. What a user may change is an option (core/base/config.h), whose
 * default and range stand there.
 */
#ifndef CORE_LIMITS_H
#define CORE_LIMITS_H

#include <stddef.h>
#include <stdint.h>

/* Names. Ids are 1 to ID_MAX of A-Za-z0-9_-; names keep what they were given. */
#define ID_MAX         64
#define AGENT_KEY_MAX  41 /* an agent's name as a path: lower-cased, cut */
#define AGENT_NAME_MAX 64 /* characters, not bytes */
#define TYPE_MAX       64 /* an event type, word.word */
#define TAGS_MAX       32
#define TAG_MAX        64    /* bytes */
#define VALUE_MAX      65536 /* bytes of a value that is written line by line */
#define QUERY_MAX      4096  /* bytes of a query for files */
#define TASK_MAX       1024  /* bytes of current_task */

/* Messages. */
#define MESSAGE_MAX    ((size_t)1 << 20)        /* bytes of one message as written */
#define LINE_MAX_BYTES (6 * MESSAGE_MAX + 4096) /* every byte escaped, and the envelope */
#define JSON_DEPTH_MAX 256
#define TYPES_MAX      2000 /* distinct event types */
#define BATCH_MAX      256  /* messages in one write(2) */

/* JSON Schemas, and the patterns in them. */
#define SCHEMA_MAX          ((size_t)64 << 10)  /* bytes of a schema as written */
#define SCHEMA_NODES_MAX    1000                /* subschemas */
#define SCHEMA_PATTERNS_MAX ((size_t)256 << 10) /* bytes of one schema's patterns, compiled */
#define SCHEMA_STEPS_MAX    5000000             /* of one check; an item takes a few */
#define SCHEMA_CALLS_MAX    2000                /* subschemas within each other, in a check */
#define PATTERN_HEAP_KIB    16384               /* while it is searched for, */
#define PATTERN_DEPTH_MAX   100000              /* and the choices that it may come back to */

/* Asks. */
#define ASKS_UID_MAX       10000              /* open ones of one uid */
#define ASKS_CLOSED_MAX    1000               /* that are over, of all */
#define ASKS_CLOSED_BYTES  ((size_t)64 << 20) /* and what these hold */
#define ASK_TO_MAX         1000               /* sessions that one is for */
#define ASK_RING_STEPS_MAX 200000 /* who is asked, looked at to find out who waits for whom */
#define ASK_TYPE_MAX       64     /* bytes */
#define ASK_TIME_MAX       (INT64_C(86400000000)) /* microseconds: a day */
#define ROUTES_MAX         32                     /* tags for which an asker's last one is known */

/* Claims, and working together. */
#define CLAIM_NAME_MAX     255   /* bytes */
#define CLAIM_NOTE_MAX     1024  /* bytes */
#define CLAIMS_UID_MAX     10000 /* held by the sessions of one uid */
#define TOGETHER_UID_MAX   1000  /* open collaborations that one uid began */
#define PARTICIPANTS_MAX   256   /* of one collaboration */
#define RECEIVERS_MAX      1000  /* sessions that one message in it reaches */
#define DECISIONS_MAX      1000  /* of one collaboration */
#define DECISION_MAX       4096  /* bytes */
#define VOTES_MAX          10000 /* of one collaboration */
#define VOTE_MAX           32    /* bytes of a vote's word */
#define SESSION_TYPE_MAX   64    /* bytes */
#define TOGETHER_GIVEN_MAX 16384 /* bytes of a collaboration's metadata */

/* Files in memory/; how large and how many, core/base/config.h says. */
#define MEMORY_REMOVED_MAX   256     /* removed ones that are not open, and have a descriptor */
#define MEMORY_XATTR_MAX     4000    /* bytes of a file's extended attributes, names and values */
#define MEMORY_FDS_UNLIMITED 1000000 /* descriptors, where the system sets no limit */
#define MEMORY_QUIET_NAMES   16      /* of directories below which one event stands for many, */
#define MEMORY_QUIET_MAX     32      /* and such events that wait to be told */

/* Tasks. */
#define TASKS_MAX          10000              /* unfinished ones of one uid */
#define TASK_BYTES_MAX     ((size_t)64 << 10) /* of what is told of one when it begins, or ends */
#define TASK_RELATED_MAX   256                /* agents related to one */
#define ACTIVITY_MAX       64                 /* bytes of an activity_type */
#define ACTIVITY_TYPES_MAX 1000               /* distinct ones */

/* Processes. */
#define CHAIN_MAX   32     /* ancestors that are looked at */
#define WATCHED_MAX 100000 /* processes watched at once */

/* Local folders. */
#define FOLDER_MEMBERS_MAX 200000  /* of one directory */
#define FOLDER_ENTRIES_MAX 1000000 /* of one folder */
#define FOLDER_WATCHES_MAX 100000  /* directories watched, of all folders */

/* Sources. */
#define SOURCES_MAX        1000                /* in all */
#define SOURCES_UID_MAX    200                 /* of one uid */
#define SOURCES_AT_ONCE    4                   /* servers that are synced */
#define FOLDERS_AT_ONCE    2                   /* and folders: no server holds them up */
#define SOURCES_TOLD_PATHS 20                  /* in one context.updated */
#define SOURCE_FILE_MAX    ((size_t)256 << 10) /* bytes of a configuration file */

/* The catalog, and what a sync holds in memory. */
#define ENTRY_NAME_MAX   255               /* bytes */
#define ENTRY_PATH_MAX   4095              /* bytes, below the source's root */
#define INDEXED_MAX      ((size_t)8 << 20) /* bytes of a file; larger ones are not searched */
#define HISTORY_MAX      100000            /* earlier versions of one source's files, together */
#define SYNC_QUEUE_MAX   1024              /* changes that wait to be committed, */
#define SYNC_QUEUE_BYTES ((size_t)4 << 20) /* and what they hold */
#define SYNC_BATCH_MAX   256               /* changes in one commit, */
#define SYNC_BATCH_BYTES ((size_t)4 << 20) /* and their text */

/* Health: what is little room, and too little, on the file system of the state (of a small one, a
 * quarter and a 16th of it); how long the saver
 * may be silent, and how much it may have to save. */
#define HEALTH_ROOM_LOW   ((int64_t)32 << 20)
#define HEALTH_ROOM_LEAST ((int64_t)4 << 20)
#define HEALTH_SILENT_US  INT64_C(10000000)
#define HEALTH_HANGS_US   INT64_C(60000000)
#define HEALTH_UNSAVED    131072
#define HEALTH_NAMED      20 /* sources that can't be synced, by name */

#endif
