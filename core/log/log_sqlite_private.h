/*
 * Shared by log_sqlite.c, which appends, log_sqlite_move.c, log_sqlite_read.c, log_sqlite_sum.c and
 * log_sqlite_expire.c. The table is `record` in core/log/db_leitl.c.
 *
 * The newest records, those beyond table_pos, are in the journal and in memory, as the tail; what
 * is older is in the table. The tail's lock is held for instants, by the appender also for its
 * write to the journal, and never while the database is waited for.
 */
#ifndef CORE_LOG_SQLITE_PRIVATE_H
#define CORE_LOG_SQLITE_PRIVATE_H

#include "core/log/db.h"
#include "core/log/journal.h"
#include "core/log/log_sqlite.h"

#include <pthread.h>

#define TAIL_RECORDS 8192 /* then whoever appends moves it */
#define TAIL_BYTES   ((size_t)4 << 20)

struct log_sqlite {
	struct log log; /* first: what the functions are given */
	struct db *db;
	const struct clock *clock;
	log_follower follow;
	void *arg;
	struct journal *journal;
	pthread_mutex_t moving; /* one mover at a time; taken before the tail's */
	pthread_mutex_t mutex;  /* of the tail: all below to the next remark */
	struct record **tail;   /* held, in order */
	size_t tail_count, tail_capacity, tail_bytes;
	int64_t table_pos;   /* of the newest in the table */
	int64_t table_seq;   /* of the newest event there */
	int64_t dropped_pos; /* of the newest in the table when the journal last dropped any */
	int64_t synced_pos;  /* the newest when somebody synced last */
	bool unsynced;       /* what was moved since is not synced */
	bool lost;           /* the journal has records beyond a gap: nobody's any more */
	/* The appender's. */
	int64_t last_time_us;
	struct record **records;
	size_t capacity;
};

static inline struct log_sqlite *log_sqlite(struct log *log)
{
	return (struct log_sqlite *)log;
}

/* log_ops, see core/log/log.h. */
int log_sqlite_read(struct log *, int64_t pos, log_visitor, void *arg, struct error *err);
int log_sqlite_find_time(struct log *, int64_t time_us, int64_t *pos, struct error *err);
int log_sqlite_expire(struct log *, int64_t pos, size_t most, log_gone, void *arg, size_t *gone,
	struct error *err);

/* What a row's `sum` is: of the record, and of the seq that stands in the row. */
int64_t log_sqlite_sum(const struct record *, int64_t seq);

/* Moves the tail into the table. -ENOSPC, -EIO: then it stays where it is. */
int log_sqlite_move(struct log *, struct error *err);

/* The position of the newest record in the table. */
int64_t log_sqlite_table_pos(struct log_sqlite *);

/* Holds up to `most` records of the tail from `from` on; how many: 0 also where `from` has been
 * moved into the table meanwhile. */
size_t log_sqlite_tail(struct log_sqlite *, int64_t from, size_t most, struct record **out);

/* After -ENOSPC: whether it is worth trying again. */
bool log_sqlite_make_room(struct log_sqlite *);

#endif
