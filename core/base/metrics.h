/*
 * What is counted while the daemon runs, and how it is shown: counters, how long things took, what
 * is in trouble, and what the saver saw of the disk when it looked last.
 *
 * One struct a loop (core/state/parts.h), zeroed at the start: as Prometheus has it, counters begin
 * with the process. Counting is a relaxed addition to a word of its own; who shows it may see one
 * of two that belong together and not yet the other.
 *
 * A trouble is something of the store that failed when it was tried last: it begins with a failure
 * and ends when the same succeeds. Beginning and end are told to syslog(3), once each.
 *
 * Threads: any. Nothing here blocks but syslog(3).
 */
#ifndef CORE_METRICS_H
#define CORE_METRICS_H

#include "core/base/buf.h"
#include "core/base/error.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct clock;
struct context;
struct loop;

#define HISTOGRAM_BOUNDS 20

/* How many values were no larger than each bound, by what they are of: times in microseconds, or
 * plain counts. */
struct histogram {
	atomic_ullong buckets[HISTOGRAM_BOUNDS + 1]; /* the last: larger than every bound */
	atomic_ullong sum;
};

extern const int64_t histogram_times[HISTOGRAM_BOUNDS], histogram_counts[HISTOGRAM_BOUNDS];

static inline void histogram_add(
	struct histogram *h, const int64_t bounds[HISTOGRAM_BOUNDS], int64_t value)
{
	int i = 0;

	if (value < 0) /* a clock that was set back */
		value = 0;
	while (i < HISTOGRAM_BOUNDS && value > bounds[i])
		i++;
	atomic_fetch_add_explicit(&h->buckets[i], 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&h->sum, (unsigned long long)value, memory_order_relaxed);
}

static inline void counter_add(atomic_ullong *counter, unsigned long long n)
{
	atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

static inline unsigned long long counter_of(atomic_ullong *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

/* The types of events that are the daemon's own or documented, in order; all others count as one,
 * since everybody may make more of them. */
#define EVENT_TYPES 28
extern const char *const event_types[EVENT_TYPES]; /* the last is "other" */
int event_type_number(const char *type);

enum trouble_kind {
	TROUBLE_APPEND,     /* appending to the log */
	TROUBLE_MOVE,       /* moving events into the database */
	TROUBLE_SAVE,       /* saving the state */
	TROUBLE_CHECKPOINT, /* checkpoints */
	TROUBLE_EXPIRE,     /* letting old events go */
	TROUBLES,
};
extern const char *const trouble_names[TROUBLES]; /* for people: "appending to the log" */

struct trouble {
	atomic_int code;        /* the errno; 0: all is well */
	atomic_llong since_us;  /* wall_us */
	atomic_ullong failures; /* ever */
};

enum store_part { STORE_DATABASE, STORE_WAL, STORE_JOURNAL, STORE_CONTEXT, STORE_PARTS };

struct metrics {
	const struct clock *clock;
	int64_t began_us;                /* wall_us */
	int64_t restored_us;             /* mono_us: the state stood as it was before the start */
	struct histogram write_time;     /* from a command's submission to its commit */
	struct histogram commit_time;    /* appending and applying one commit */
	struct histogram commit_records; /* how many records it was of */
	struct histogram wake_time; /* from an event's time to the answer of a read that waited */
	struct histogram save_time, checkpoint_time;
	atomic_ullong events[EVENT_TYPES];
	atomic_ullong gaps;        /* told by streams */
	atomic_ullong leases_lost; /* messages that `next` handed out and nobody read to the end */
	struct trouble troubles[TROUBLES];
	atomic_llong calm_us; /* wall_us: when the last trouble ended */
	/* The saver's: a trouble that an alert is still to tell of. */
	int64_t untold_us; /* since when it was; 0: there is none */
	/* How often the saver looked, and what it saw last. */
	atomic_ullong looks;
	atomic_llong looked_us;  /* mono_us; 0: not yet */
	atomic_llong low_us;     /* wall_us: since when there is little room; 0 */
	atomic_llong room_bytes; /* that are left on the state's file system; -1: not known */
	atomic_llong low_bytes, least_bytes; /* of them: what is little, and too little */
	atomic_llong store_bytes[STORE_PARTS];
};

struct metrics *metrics_new(const struct clock *); /* NULL: out of memory */
void metrics_free(struct metrics *);               /* takes NULL */

/* Notes how something of the store went: a negative errno, with the reason, or 0. What is no fault
 * of the store (-ENOMEM, -EMSGSIZE, -EFBIG) is not counted. */
void trouble_note(struct metrics *, enum trouble_kind, int status, const struct error *);
/* The first that there is from that kind on, TROUBLES where there is none; sets *code and *since_us
 * (may be NULL). */
enum trouble_kind trouble_find(
	struct metrics *, enum trouble_kind from, int *code, int64_t *since_us);

/*
 * Prometheus' text format, version 0.0.4: prometheus.io/docs/instrumenting/exposition_formats.
 */

/* # HELP and # TYPE; `type` is counter, gauge or histogram. */
void metric_head(struct buf *, const char *name, const char *type, const char *help);
/* One sample. `labels` is what metric_label() made, or NULL. */
void metric_count(struct buf *, const char *name, const char *labels, unsigned long long);
void metric_number(struct buf *, const char *name, const char *labels, double);
void metric_labelled(struct buf *, const char *name, const char *label, const char *value,
	unsigned long long); /* one label */
/* Head and sample of one without labels. */
void metric_gauge(struct buf *, const char *name, const char *help, double);
void metric_counter(struct buf *, const char *name, const char *help, unsigned long long);
/* All of a histogram; bounds and sum are divided by `unit`: 1e6 makes seconds of microseconds. */
void metric_histogram(struct buf *, const char *name, const char *help, struct histogram *,
	const int64_t bounds[HISTOGRAM_BOUNDS], double unit);
/* Adds a label, with what is special escaped; the value may be any bytes, and what is not UTF-8 is
 * shown as U+FFFD. */
void metric_label(struct buf *labels, const char *name, const char *value);

/* All that is known of the loop and of what it reads (`context` may be NULL), as that uid may see
 * it: sources that it does not see are in no label. Takes the state's lock for reading, for one
 * pass over the sessions; waits for no disk and no network. */
void metrics_show(struct loop *, struct context *, uid_t, struct buf *out);
void metrics_show_context(struct context *, uid_t, struct buf *out); /* the last's part of it */

#endif
