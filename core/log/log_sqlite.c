#include "core/log/log_sqlite_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

static int make_records(
	struct log_sqlite *l, const struct draft *drafts, size_t count, struct error *err)
{
	const int64_t now = l->clock->wall_us(l->clock);
	const int64_t time_us = now > l->last_time_us ? now : l->last_time_us;
	int64_t pos = l->log.last_pos, seq = l->log.last_seq;

	if (count > l->capacity) {
		struct record **records = reallocarray(l->records, count, sizeof(*records));

		if (records == NULL)
			return error_set(err, ENOMEM, "out of memory");
		l->records = records;
		l->capacity = count;
	}
	for (size_t i = 0; i < count; i++) {
		const int64_t own = drafts[i].kind == RECORD_EVENT ? ++seq : 0;
		int status = record_new(&drafts[i], ++pos, own, time_us, &l->records[i]);

		if (status < 0) {
			while (i-- > 0)
				record_unref(l->records[i]);
			return error_set(
				err, -status, "can't make the event: %s", strerror(-status));
		}
	}
	return 0;
}

/* Room for `count` more in the tail; the mover is called where it has become long. */
static int make_tail_room(struct log_sqlite *l, size_t count, struct error *err)
{
	struct record **grown;
	size_t capacity;
	bool full, room;

	pthread_mutex_lock(&l->mutex);
	full = l->tail_count >= TAIL_RECORDS || l->tail_bytes >= TAIL_BYTES;
	pthread_mutex_unlock(&l->mutex);
	if (full) {
		int status = log_sqlite_move(&l->log, err);

		if (status < 0)
			return status;
	}
	pthread_mutex_lock(&l->mutex);
	room = l->tail_count + count <= l->tail_capacity;
	if (!room) {
		capacity = 2 * (l->tail_count + count) + 64;
		grown = reallocarray(l->tail, capacity, sizeof(struct record *));
		room = grown != NULL;
		if (room) {
			l->tail = grown;
			l->tail_capacity = capacity;
		}
	}
	pthread_mutex_unlock(&l->mutex);
	return room ? 0 : error_set(err, ENOMEM, "out of memory");
}

static void add_to_tail(struct log_sqlite *l, struct record *r)
{
	l->tail[l->tail_count++] = record_ref(r);
	l->tail_bytes += record_bytes(r);
	if (r->seq != 0)
		l->log.last_seq = r->seq;
	l->log.last_pos = r->pos;
	l->last_time_us = r->time_us;
}

static int write_records(struct log_sqlite *l, size_t count, struct error *err)
{
	int status;

	pthread_mutex_lock(&l->mutex);
	status = journal_append(l->journal, l->records, count, err);
	for (size_t i = 0; status == 0 && i < count; i++)
		add_to_tail(l, l->records[i]);
	pthread_mutex_unlock(&l->mutex);
	return status;
}

static int append(struct log *log, const struct draft *drafts, size_t count, struct error *err)
{
	struct log_sqlite *l = log_sqlite(log);
	int status;

	if (count == 0)
		return 0;
	status = make_tail_room(l, count, err);
	if (status == 0)
		status = make_records(l, drafts, count, err);
	if (status < 0)
		return status;
	status = write_records(l, count, err);
	/* The journal may only be waiting for its other file to be moved. */
	if (status == -ENOSPC && log_sqlite_move(log, NULL) == 0)
		status = write_records(l, count, err);
	if (status == 0)
		l->follow(l->arg, l->records, count);
	for (size_t i = 0; i < count; i++)
		record_unref(l->records[i]);
	return status;
}

/* What was moved meanwhile is in the WAL of the database, and so is synced with it: nothing in the
 * journal may survive that what came before it does not. */
static int sync_log(struct log *log, struct error *err)
{
	struct log_sqlite *l = log_sqlite(log);
	bool unsynced;
	int status;

	pthread_mutex_lock(&l->mutex);
	unsynced = l->unsynced;
	l->unsynced = false;
	if (l->synced_pos < l->log.last_pos)
		l->synced_pos = l->log.last_pos;
	pthread_mutex_unlock(&l->mutex);
	status = unsynced ? db_sync(l->db, err) : 0;
	if (status == 0)
		return journal_sync(l->journal, err);
	pthread_mutex_lock(&l->mutex);
	l->unsynced = true;
	pthread_mutex_unlock(&l->mutex);
	return status;
}

static void free_log(struct log *log)
{
	struct log_sqlite *l = log_sqlite(log);

	if (l->journal != NULL && log_sqlite_move(log, NULL) == 0)
		journal_drop_all(l->journal, NULL);
	journal_close(l->journal);
	for (size_t i = 0; i < l->tail_count; i++)
		record_unref(l->tail[i]);
	pthread_mutex_destroy(&l->mutex);
	pthread_mutex_destroy(&l->moving);
	free(l->tail);
	free(l->records);
	free(l);
}

static int load_head(struct log_sqlite *l, struct error *err)
{
	static const char sql[] =
		"SELECT pos, seq, time, (SELECT min(pos) FROM record) FROM record"
		" WHERE pos = (SELECT max(pos) FROM record)"
		" UNION ALL SELECT (SELECT value FROM number WHERE name = 'log.pos'),"
		" (SELECT value FROM number WHERE name = 'log.seq'),"
		" (SELECT value FROM number WHERE name = 'log.time'), NULL";
	struct reader *reader = db_reader(l->db, err);
	sqlite3_stmt *stmt = reader != NULL ? reader_stmt(reader, sql, err) : NULL;
	int status = 0, code;

	if (stmt == NULL) {
		reader_done(reader);
		return -EIO;
	}
	code = sqlite3_step(stmt); /* the newest record, else the last that there was, else 0s */
	if (code == SQLITE_ROW) {
		const bool empty = sqlite3_column_type(stmt, 3) == SQLITE_NULL;

		l->log.last_pos = sqlite3_column_int64(stmt, 0);
		l->log.last_seq = sqlite3_column_int64(stmt, 1);
		l->last_time_us = sqlite3_column_int64(stmt, 2);
		l->log.first_pos = empty ? l->log.last_pos + 1 : sqlite3_column_int64(stmt, 3);
	} else {
		status = db_errno(sqlite3_db_handle(stmt), code, "opening the log", err);
	}
	sqlite3_reset(stmt);
	reader_done(reader);
	if (status == 0 && (l->log.last_pos < 0 || l->log.first_pos < 1 || l->log.last_seq < 0 ||
				   l->log.last_seq > l->log.last_pos))
		status = error_set(err, EUCLEAN, "the log is damaged: its end makes no sense");
	return status;
}

/* A record that the journal has from the last run: those that were moved already are skipped. */
static int take_back(void *arg, struct record *r)
{
	struct log_sqlite *l = arg;

	if (r->pos <= l->log.last_pos || l->lost)
		return 0;
	/* Power was lost, and of what nobody had synced the later part alone reached the disk. */
	if (r->pos != l->log.last_pos + 1) {
		syslog(LOG_WARNING, "events after position %lld were not synced and are lost",
			(long long)l->log.last_pos);
		l->lost = true;
		return 0;
	}
	if (make_tail_room(l, 1, NULL) != 0)
		return -ENOMEM;
	add_to_tail(l, r);
	return 0;
}

static bool go_on(void *arg, struct record *r)
{
	(void)arg, (void)r;
	return true;
}

static int open_journal(struct log_sqlite *l, struct error *err)
{
	int status = journal_open(db_directory(l->db), take_back, l, &l->journal, err);

	if (status < 0)
		return status;
	/* The last run may have synced any of it. */
	l->synced_pos = l->log.last_pos;
	l->unsynced = true;
	status = log_sqlite_move(&l->log, err);
	if (status == 0)
		return journal_drop_all(l->journal, err);
	/* A full disk is no reason not to start: the tail is in memory and in the journal. But
	 * nothing may be appended after what was lost. */
	return status == -ENOSPC && !l->lost ? 0 : status;
}

int log_sqlite_new(struct db *db, const struct clock *clock, log_follower follow, void *arg,
	struct log **out, struct error *err)
{
	static const struct log_ops ops = {.append = append,
		.sync = sync_log,
		.move = log_sqlite_move,
		.read = log_sqlite_read,
		.expire = log_sqlite_expire,
		.find_time = log_sqlite_find_time,
		.free = free_log};
	struct log_sqlite *l = calloc(1, sizeof(*l));
	int status;

	if (l == NULL)
		return error_set(err, ENOMEM, "out of memory");
	l->log.ops = &ops;
	l->db = db;
	l->clock = clock;
	l->follow = follow;
	l->arg = arg;
	pthread_mutex_init(&l->mutex, NULL);
	pthread_mutex_init(&l->moving, NULL);
	status = load_head(l, err);
	l->table_pos = l->dropped_pos = l->log.last_pos;
	l->table_seq = l->log.last_seq;
	/* Reading checks each row's sum. */
	if (status == 0 && db_is_small(db))
		status = log_sqlite_read(&l->log, l->log.first_pos, go_on, NULL, err);
	if (status == 0)
		status = open_journal(l, err);
	if (status < 0) {
		free_log(&l->log);
		return status;
	}
	*out = &l->log;
	return 0;
}
