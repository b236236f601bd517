#include "core/log/log_sqlite_private.h"

#include <errno.h>
#include <stdlib.h>

struct gone {
	struct gone_uid {
		uid_t uid;
		size_t messages, bytes;
	} * uids;
	size_t count, capacity, records;
};

static int count_gone(struct gone *gone, uid_t uid, bool message, size_t bytes)
{
	size_t i = 0;

	while (i < gone->count && gone->uids[i].uid != uid)
		i++;
	if (i == gone->capacity) {
		const size_t capacity = gone->capacity + 16;
		struct gone_uid *uids = reallocarray(gone->uids, capacity, sizeof(*uids));

		if (uids == NULL)
			return -ENOMEM;
		gone->uids = uids;
		gone->capacity = capacity;
	}
	if (i == gone->count)
		gone->uids[gone->count++] = (struct gone_uid){.uid = uid};
	gone->uids[i].messages += message;
	gone->uids[i].bytes += bytes;
	gone->records++;
	return 0;
}

static int delete_before(struct log_sqlite *l, int64_t pos, struct gone *gone, struct error *err)
{
	static const char sql[] = "DELETE FROM record WHERE pos < ?1 RETURNING uid, kind,"
				  " coalesce(length(line), 0) + coalesce(length(shown), 0)";
	sqlite3_stmt *stmt = db_write(l->db, sql, err);
	int status = 0, code;

	if (stmt == NULL)
		return -EIO;
	sqlite3_bind_int64(stmt, 1, pos);
	while ((code = sqlite3_step(stmt)) == SQLITE_ROW && status == 0)
		status = count_gone(gone, (uid_t)sqlite3_column_int64(stmt, 0),
			sqlite3_column_int64(stmt, 1) == RECORD_EVENT,
			(size_t)sqlite3_column_int64(stmt, 2));
	if (status < 0)
		error_set(err, ENOMEM, "out of memory");
	else if (code != SQLITE_DONE)
		status = db_errno(sqlite3_db_handle(stmt), code, "expiring", err);
	sqlite3_reset(stmt);
	return status;
}

/* Where nothing is left in the log, this tells where it goes on. */
static int keep_head(struct log_sqlite *l, struct error *err)
{
	static const char sql[] =
		"INSERT OR REPLACE INTO number(name, value)"
		" SELECT 'log.pos', pos FROM record WHERE pos = (SELECT max(pos) FROM record)"
		" UNION ALL"
		" SELECT 'log.seq', seq FROM record WHERE pos = (SELECT max(pos) FROM record)"
		" UNION ALL"
		" SELECT 'log.time', time FROM record WHERE pos = (SELECT max(pos) FROM record)";
	sqlite3_stmt *stmt = db_write(l->db, sql, err);

	return stmt != NULL ? db_run(stmt, "expiring", err) : -EIO;
}

static int expire_before(
	struct log_sqlite *l, int64_t pos, bool all, struct gone *gone, struct error *err)
{
	int status = db_begin(l->db, err);

	if (status < 0)
		return status;
	if (all)
		status = keep_head(l, err);
	if (status == 0)
		status = delete_before(l, pos, gone, err);
	if (status == 0)
		return db_commit(l->db, err);
	db_rollback(l->db);
	return status;
}

int log_sqlite_expire(struct log *log, int64_t pos, size_t most, log_gone fn, void *arg,
	size_t *count, struct error *err)
{
	struct log_sqlite *l = log_sqlite(log);
	const int64_t first = log->first_pos;
	int64_t end;
	struct gone gone = {0};
	int status = 0;

	if (pos > log_sqlite_table_pos(l) + 1) {
		status = log_sqlite_move(log, err);
		/* On a full disk what is in the table goes first. */
		if (status < 0 && status != -ENOSPC)
			return status;
		status = 0;
	}
	end = log_sqlite_table_pos(l) + 1;
	/* Positions have no gaps here: appending gives them out one by one. */
	pos = pos < end ? pos : end;
	if (pos > first && (uint64_t)(pos - first) > most)
		pos = first + (int64_t)most;
	if (pos > first) {
		db_yield(l->db);
		status = expire_before(l, pos, pos == end, &gone, err);
		if (status == -ENOSPC && log_sqlite_make_room(l)) {
			gone.count = gone.records = 0;
			status = expire_before(l, pos, pos == end, &gone, err);
		}
		if (status == 0)
			log->first_pos = pos;
	}
	for (size_t i = 0; status == 0 && fn != NULL && i < gone.count; i++)
		fn(arg, gone.uids[i].uid, gone.uids[i].messages, gone.uids[i].bytes);
	if (status == 0 && count != NULL)
		*count = gone.records;
	free(gone.uids);
	return status;
}
