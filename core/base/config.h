/*
 * What a user may set: every limit and time, with default and range, in one table.
 *
 * The table makes the parser of `-o name=value`, the text of `leitlfs -h` and the man page's
 * section. Values are read only once the daemon runs.
 */
#ifndef CORE_CONFIG_H
#define CORE_CONFIG_H

#include "core/base/buf.h"
#include "core/base/error.h"

#include <stdbool.h>
#include <stdint.h>

enum { WHO_OWNER, WHO_ANY };
enum { SWITCH_OFF, SWITCH_ON };

struct config {
	/* times, in microseconds */
	int64_t late;     /* silence after which a session is late: 60 s */
	int64_t timeout;  /* silence that ends a session bound to nothing: 60 s */
	int64_t handover; /* time to act again once the bound process died: 15 min */
	int64_t expire;   /* age at which events go: 24 h; 0 never */
	int64_t hold;     /* how long an ended id and a name stay their uid's: 24 h */
	int64_t nudge;    /* shortest time between inotify nudges of one file: 50 ms */
	int64_t save;     /* longest time between saves of the state: 30 s */
	/* limits; 0 is none */
	int64_t broadcasts;  /* a minute a session: 10 */
	int64_t tasks;       /* a second an agent: 10 */
	int64_t sessions;    /* living, a uid: 1000 */
	int64_t messages;    /* kept, a uid: 1000000 */
	int64_t bytes;       /* kept, a uid: 256 MiB */
	int64_t backlog;     /* unread messages of a session, above which there is an alert: 1000 */
	int64_t message_max; /* bytes of one message: 1 MiB, at most MESSAGE_MAX */
	int64_t brief_max;   /* bytes of brief.md and unread.md: 4096 */
	int64_t unread_max;  /* bytes of unread and wait: 256 KiB */
	int64_t results_max; /* bytes of results.md: 32 KiB */
	int64_t memory_file; /* bytes of one file in memory/: 16 MiB */
	int64_t memory_total; /* of all of them: 1 GiB */
	int64_t memory_files; /* how many files, folders and links: 100000 */
	int64_t memory_reads; /* whether reading a file is told: SWITCH_OFF */
	int64_t sources;      /* who may add sources of context: WHO_OWNER or WHO_ANY */
	int64_t threads;      /* of the FUSE loop, at most: 10 */
	bool others;          /* whether other users come in; by who mounts, no option here */
	/* texts */
	char *state;        /* the state directory; NULL: $XDG_STATE_HOME/leitlfs, for root
			       /var/lib/leitlfs */
	char *memory_quiet; /* names of directories below which one event stands for many, with a
			       colon between two: .git; "" or NULL: none */
};

struct option_row {
	const char *name;
	enum option_kind {
		OPTION_TIME,
		OPTION_COUNT,
		OPTION_BYTES,
		OPTION_WHO,
		OPTION_SWITCH,
		OPTION_TEXT,
		OPTION_NAMES
	} kind;
	size_t offset;                /* in struct config */
	int64_t initial, least, most; /* times in microseconds */
	bool or_zero;                 /* 0 is allowed beside the range: none, never */
	const char *help;             /* one line, what it means */
	const char *names;            /* the default of OPTION_NAMES */
};

extern const struct option_row config_options[]; /* ends with a NULL name */

int config_init(struct config *); /* every default; -ENOMEM */
void config_release(struct config *);

/* Sets one option from its text: `late=90s`, `bytes=64M`. A switch is on where there is none, and
 * else `yes` or `no`. -EINVAL with the name and the range. */
int config_set(struct config *, const char *name, const char *value, struct error *err);

/* The options as help text: name, meaning, default and range, one a line, wrapped to 80 columns. */
void config_help(struct buf *out);

#endif
