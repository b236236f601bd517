/* From the journal to the table: many records in one transaction. */
#include "core/log/log_sqlite_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PART_BYTES ((size_t)2 << 20) /* of rows that are inserted in one transaction, */
#define PART_LEAST ((size_t)1 << 13) /* or so few where the disk has no room */

static void bind_text(sqlite3_stmt *stmt, int at, const char *text)
{
	sqlite3_bind_text(stmt, at, text, -1, SQLITE_STATIC); /* NULL is NULL */
}

static int insert(struct log_sqlite *l, const struct record *r, int64_t seq, struct error *err)
{
	static const char sql[] = "INSERT INTO record(pos, time, seq, kind, uid, type, session,"
				  " agent, target, detail, line, shown, sum) VALUES(?1, ?2,"
				  " ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)";
	sqlite3_stmt *stmt = db_write(l->db, sql, err);

	if (stmt == NULL)
		return -EIO;
	sqlite3_bind_int64(stmt, 1, r->pos);
	sqlite3_bind_int64(stmt, 2, r->time_us);
	sqlite3_bind_int64(stmt, 3, seq);
	sqlite3_bind_int64(stmt, 4, r->kind);
	sqlite3_bind_int64(stmt, 5, r->uid);
	bind_text(stmt, 6, r->type);
	bind_text(stmt, 7, r->session);
	bind_text(stmt, 8, r->agent);
	bind_text(stmt, 9, r->target);
	bind_text(stmt, 10, r->detail);
	sqlite3_bind_blob64(stmt, 11, r->line, r->line_len, SQLITE_STATIC);
	sqlite3_bind_blob64(
		stmt, 12, r->shown != r->line ? r->shown : NULL, r->shown_len, SQLITE_STATIC);
	sqlite3_bind_int64(stmt, 13, log_sqlite_sum(r, seq));
	return db_run(stmt, "appending to the log", err);
}

bool log_sqlite_make_room(struct log_sqlite *l)
{
	bool made;

	db_lock(l->db);
	made = db_make_room(l->db);
	db_unlock(l->db);
	return made;
}

static int insert_all(
	struct log_sqlite *l, struct record *const *records, size_t count, struct error *err)
{
	int64_t seq = l->table_seq; /* changed by take_off alone, under the mover's lock */
	int status = db_begin(l->db, err);

	if (status < 0)
		return status;
	for (size_t i = 0; status == 0 && i < count; i++) {
		if (records[i]->seq != 0)
			seq = records[i]->seq;
		status = insert(l, records[i], seq, err);
	}
	if (status == 0)
		return db_commit(l->db, err);
	db_rollback(l->db);
	return status;
}

/* Takes what was moved off the tail. */
static void take_off(struct log_sqlite *l, size_t count)
{
	struct record **moved = malloc(sizeof(*moved) * count);

	pthread_mutex_lock(&l->mutex);
	l->table_pos = l->tail[count - 1]->pos;
	for (size_t i = 0; i < count; i++) {
		l->tail_bytes -= record_bytes(l->tail[i]);
		if (l->tail[i]->seq != 0)
			l->table_seq = l->tail[i]->seq;
		if (moved != NULL)
			moved[i] = l->tail[i];
		else
			record_unref(l->tail[i]);
	}
	l->tail_count -= count;
	memmove(l->tail, l->tail + count, sizeof(*l->tail) * l->tail_count);
	l->unsynced = true;
	pthread_mutex_unlock(&l->mutex);
	for (size_t i = 0; moved != NULL && i < count; i++)
		record_unref(moved[i]);
	free(moved);
}

/* Drops the journal's other file, now that all in it is in the table. What was synced must not come
 * to depend on what is not: where somebody has synced any of it, and be it while it was moved, the
 * database is synced first. */
static int let_go(struct log_sqlite *l, struct error *err)
{
	int status = 0;

	pthread_mutex_lock(&l->mutex);
	if (l->synced_pos > l->dropped_pos) {
		pthread_mutex_unlock(&l->mutex);
		status = db_sync(l->db, err);
		pthread_mutex_lock(&l->mutex);
		if (status == 0)
			l->unsynced = false;
		/* In the table it is, whatever comes of that; the journal keeps it too until the
		 * next move, which then tries again. */
		if (status < 0)
			l->synced_pos = INT64_MAX;
		else if (l->synced_pos == INT64_MAX)
			l->synced_pos = l->log.last_pos;
	}
	if (status == 0) {
		l->dropped_pos = l->table_pos;
		status = journal_drop(l->journal, err);
	}
	pthread_mutex_unlock(&l->mutex);
	return status;
}

/* What a row takes in the table, at most: where it is longer than half a page it has one alone. */
static size_t row_bytes(const struct record *r)
{
	return 2 * record_bytes(r) + 256;
}

/* How many of the records go into one transaction of at most so many bytes, one at least. */
static size_t part_of(struct record *const *records, size_t count, size_t bytes, size_t *total)
{
	size_t n = 0;

	*total = 0;
	while (n < count && (n == 0 || *total + row_bytes(records[n]) <= bytes))
		*total += row_bytes(records[n++]);
	return n;
}

static int insert_part(struct log_sqlite *l, struct record *const *records, size_t count,
	size_t bytes, struct error *err)
{
	if (!db_has_room(l->db, bytes) && (!log_sqlite_make_room(l) || !db_has_room(l->db, bytes)))
		return error_set(
			err, ENOSPC, "moving events into the database: %s", strerror(ENOSPC));
	return insert_all(l, records, count, err);
}

/* In parts, since a transaction takes room in the WAL for all of it, which a disk may not have that
 * has room for a part; and smaller ones where there is no room even for that. */
static int move_all(
	struct log_sqlite *l, struct record *const *records, size_t count, struct error *err)
{
	size_t done = 0, bytes = PART_BYTES, n, total;
	int status = 0;

	while (status == 0 && done < count) {
		n = part_of(records + done, count - done, bytes, &total);
		status = insert_part(l, records + done, n, total, err);
		if (status == -ENOSPC && log_sqlite_make_room(l))
			status = insert_part(l, records + done, n, total, err);
		if (status == 0) {
			take_off(l, n);
			done += n;
		} else if (status == -ENOSPC && n > 1 && bytes > PART_LEAST) {
			bytes /= 8;
			status = 0;
		}
	}
	return status;
}

int log_sqlite_move(struct log *log, struct error *err)
{
	struct log_sqlite *l = log_sqlite(log);
	struct record **records = NULL;
	size_t count;
	int status = 0;

	pthread_mutex_lock(&l->moving);
	pthread_mutex_lock(&l->mutex);
	journal_turn(l->journal);
	count = l->tail_count;
	if (count > 0)
		records = malloc(sizeof(struct record *) * count);
	for (size_t i = 0; records != NULL && i < count; i++)
		records[i] = l->tail[i]; /* held by the tail until take_off */
	pthread_mutex_unlock(&l->mutex);
	if (count > 0 && records == NULL)
		status = error_set(err, ENOMEM, "out of memory");
	if (status == 0 && count > 0)
		status = move_all(l, records, count, err);
	if (status == 0 && count > 0)
		status = let_go(l, err);
	pthread_mutex_unlock(&l->moving);
	free(records);
	return status;
}

int64_t log_sqlite_table_pos(struct log_sqlite *l)
{
	int64_t pos;

	pthread_mutex_lock(&l->mutex);
	pos = l->table_pos;
	pthread_mutex_unlock(&l->mutex);
	return pos;
}

size_t log_sqlite_tail(struct log_sqlite *l, int64_t from, size_t most, struct record **out)
{
	size_t n = 0, at;

	pthread_mutex_lock(&l->mutex);
	/* Positions have no gaps here. */
	at = from > l->table_pos ? (size_t)(from - l->table_pos - 1) : l->tail_count;
	for (; n < most && at < l->tail_count; at++)
		out[n++] = record_ref(l->tail[at]);
	pthread_mutex_unlock(&l->mutex);
	return n;
}
