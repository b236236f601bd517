#include "core/log/log_sqlite_private.h"

#include <errno.h>

/* Rows are fetched some at a time, so that the database is held for moments and nobody's visitor
 * waits for another's reader: first one, since often it is all that is wanted, then more. */
#define FETCH_MAX   64
#define FETCH_BYTES ((size_t)1 << 20)

static int row_damaged(sqlite3_stmt *stmt, struct error *err)
{
	return error_set(err, EUCLEAN, "the log is damaged at position %lld",
		(long long)sqlite3_column_int64(stmt, 0));
}

static const char *text_of(sqlite3_stmt *stmt, int column)
{
	return (const char *)sqlite3_column_text(stmt, column);
}

static int row_record(sqlite3_stmt *stmt, struct record **out, struct error *err)
{
	const int64_t kind = sqlite3_column_int64(stmt, 3);
	struct record kept = {
		.pos = sqlite3_column_int64(stmt, 0),
		.time_us = sqlite3_column_int64(stmt, 1),
		.seq = kind == RECORD_EVENT ? sqlite3_column_int64(stmt, 2) : 0,
		.kind = (enum record_kind)kind,
		.uid = (uid_t)sqlite3_column_int64(stmt, 4),
		.type = text_of(stmt, 5),
		.session = text_of(stmt, 6),
		.agent = text_of(stmt, 7),
		.target = text_of(stmt, 8),
		.detail = text_of(stmt, 9),
		.line = sqlite3_column_blob(stmt, 10),
		.line_len = (size_t)sqlite3_column_bytes(stmt, 10),
		.shown = sqlite3_column_blob(stmt, 11),
		.shown_len = (size_t)sqlite3_column_bytes(stmt, 11),
	};

	if (kind < RECORD_EVENT || kind > RECORD_RECEIPT ||
		(kind != RECORD_READ && kept.line == NULL) ||
		log_sqlite_sum(&kept, sqlite3_column_int64(stmt, 2)) !=
			sqlite3_column_int64(stmt, 12))
		return row_damaged(stmt, err);
	if (record_restore(&kept, out) < 0)
		return error_set(err, ENOMEM, "out of memory");
	return 0;
}

/* Fetches up to `most` records from `from` to `to`. */
static int fetch(struct log_sqlite *l, int64_t from, int64_t to, size_t most, struct record **out,
	size_t *count, struct error *err)
{
	static const char sql[] = "SELECT pos, time, seq, kind, uid, type, session, agent, target,"
				  " detail, line, shown, sum FROM record"
				  " WHERE pos BETWEEN ?1 AND ?2 ORDER BY pos";
	struct reader *reader = db_reader(l->db, err);
	sqlite3_stmt *stmt = reader != NULL ? reader_stmt(reader, sql, err) : NULL;
	size_t got = 0, bytes = 0;
	int status = 0, code = SQLITE_DONE;

	if (stmt == NULL) {
		reader_done(reader);
		return -EIO;
	}
	sqlite3_bind_int64(stmt, 1, from);
	sqlite3_bind_int64(stmt, 2, to);
	while (status == 0 && got < most && bytes < FETCH_BYTES) {
		struct record *record = NULL;

		code = sqlite3_step(stmt);
		if (code != SQLITE_ROW)
			break;
		status = row_record(stmt, &record, err);
		if (record != NULL) {
			bytes += record_bytes(record);
			out[got++] = record;
		}
	}
	if (status == 0 && code != SQLITE_ROW && code != SQLITE_DONE)
		status = db_errno(sqlite3_db_handle(stmt), code, "reading the log", err);
	sqlite3_reset(stmt);
	reader_done(reader);
	for (size_t i = 0; status < 0 && i < got; i++)
		record_unref(out[i]);
	if (status == 0)
		*count = got;
	return status;
}

int log_sqlite_read(struct log *log, int64_t pos, log_visitor fn, void *arg, struct error *err)
{
	struct log_sqlite *l = log_sqlite(log);
	const int64_t to = log->last_pos;
	struct record *records[FETCH_MAX];
	size_t most = 1;
	bool more = true;

	while (more && pos <= to) {
		const int64_t table = log_sqlite_table_pos(l);
		size_t count = 0;
		int status = 0;

		if (pos <= table)
			status = fetch(l, pos, to < table ? to : table, most, records, &count, err);
		else
			count = log_sqlite_tail(l, pos, most, records);
		if (status < 0)
			return status;
		if (count == 0 && pos > table) {
			if (log_sqlite_table_pos(l) < pos)
				break;
			continue; /* moved meanwhile */
		}
		if (count == 0) { /* expired meanwhile, to the table's end */
			pos = table + 1;
			continue;
		}
		pos = records[count - 1]->pos + 1;
		for (size_t i = 0; i < count; i++) {
			more = more && fn(arg, records[i]);
			record_unref(records[i]);
		}
		most = most < FETCH_MAX ? most * 4 : FETCH_MAX;
	}
	return 0;
}

/* The time of the record at `pos` or, where that is gone, of the next. */
static int time_at(struct reader *reader, int64_t pos, int64_t *time_us, struct error *err)
{
	static const char sql[] = "SELECT time FROM record WHERE pos >= ?1 ORDER BY pos LIMIT 1";
	sqlite3_stmt *stmt = reader_stmt(reader, sql, err);
	int64_t found = INT64_MAX;
	int code;

	if (stmt == NULL)
		return -EIO;
	sqlite3_bind_int64(stmt, 1, pos);
	code = sqlite3_step(stmt);
	if (code == SQLITE_ROW)
		found = sqlite3_column_int64(stmt, 0);
	sqlite3_reset(stmt);
	if (code != SQLITE_ROW && code != SQLITE_DONE)
		return db_errno(sqlite3_db_handle(stmt), code, "reading the log", err);
	*time_us = found;
	return 0;
}

/* Searches the table up to `table`. */
static int find_in_table(
	struct log_sqlite *l, int64_t table, int64_t time_us, int64_t *pos, struct error *err)
{
	struct reader *reader = db_reader(l->db, err);
	int64_t low = l->log.first_pos, high = table + 1;
	int status = reader != NULL ? 0 : -EIO;

	while (status == 0 && low < high) {
		const int64_t middle = low + (high - low) / 2;
		int64_t there = 0;

		status = time_at(reader, middle, &there, err);
		if (status < 0)
			break;
		if (there >= time_us)
			high = middle;
		else
			low = middle + 1;
	}
	reader_done(reader);
	if (status == 0)
		*pos = low;
	return status;
}

/* Goes through the tail from *pos on. False: it was moved meanwhile. */
static bool find_in_tail(struct log_sqlite *l, int64_t time_us, int64_t *pos)
{
	struct record *record;
	bool found = false;

	while (!found && log_sqlite_tail(l, *pos, 1, &record) == 1) {
		found = record->time_us >= time_us;
		*pos += found ? 0 : 1;
		record_unref(record);
	}
	return found || log_sqlite_table_pos(l) < *pos;
}

/* Times never go backwards along positions: no index of times is needed. */
int log_sqlite_find_time(struct log *log, int64_t time_us, int64_t *pos, struct error *err)
{
	struct log_sqlite *l = log_sqlite(log);
	int64_t table, found = 0;
	int status;

	do {
		table = log_sqlite_table_pos(l);
		status = find_in_table(l, table, time_us, &found, err);
	} while (status == 0 && found > table && !find_in_tail(l, time_us, &found));
	if (status == 0)
		*pos = found;
	return status;
}
