#include "core/log/store.h"

#include "core/log/db.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct store {
	struct db *db;
};

int store_new(struct db *db, struct store **out, struct error *err)
{
	struct store *store = malloc(sizeof(*store));

	if (store == NULL)
		return error_set(err, ENOMEM, "out of memory");
	store->db = db;
	*out = store;
	return 0;
}

void store_free(struct store *store)
{
	free(store);
}

int store_begin(struct store *store, struct error *err)
{
	return db_begin(store->db, err);
}

int store_commit(struct store *store, struct error *err)
{
	return db_commit(store->db, err);
}

void store_rollback(struct store *store)
{
	db_rollback(store->db);
}

/* SQLite's integers are signed. What is counted here never gets there; what is asked for may. */
static int64_t as_signed(uint64_t value)
{
	return value > INT64_MAX ? INT64_MAX : (int64_t)value;
}

static int run(sqlite3_stmt *stmt, struct error *err)
{
	return db_run(stmt, "saving", err);
}

/* A statement on a reader of its own, to be ended by query_end(). */
struct query {
	struct reader *reader;
	sqlite3_stmt *stmt;
};

static int query_begin(struct store *store, const char *sql, struct query *q, struct error *err)
{
	q->reader = db_reader(store->db, err);
	q->stmt = q->reader != NULL ? reader_stmt(q->reader, sql, err) : NULL;
	if (q->stmt != NULL)
		return 0;
	reader_done(q->reader);
	return -EIO;
}

static void query_end(struct query *q)
{
	sqlite3_reset(q->stmt);
	reader_done(q->reader);
}

/* 1: there is a row; 0: no more. */
static int query_step(struct query *q, struct error *err)
{
	int code = sqlite3_step(q->stmt);

	if (code == SQLITE_ROW)
		return 1;
	if (code == SQLITE_DONE)
		return 0;
	return db_errno(sqlite3_db_handle(q->stmt), code, "reading what was saved", err);
}

/* Numbers. */

int store_set_number(struct store *store, const char *name, int64_t value, struct error *err)
{
	static const char sql[] = "INSERT INTO number(name, value) VALUES(?1, ?2)"
				  " ON CONFLICT(name) DO UPDATE SET value = excluded.value";
	sqlite3_stmt *stmt = db_write(store->db, sql, err);

	if (stmt == NULL)
		return -EIO;
	sqlite3_bind_text(stmt, 1, name, -1, SQLITE_STATIC);
	sqlite3_bind_int64(stmt, 2, value);
	return run(stmt, err);
}

int store_number(
	struct store *store, const char *name, int64_t otherwise, int64_t *out, struct error *err)
{
	static const char sql[] = "SELECT value FROM number WHERE name = ?1";
	struct query q;
	int status = query_begin(store, sql, &q, err);

	if (status < 0)
		return status;
	sqlite3_bind_text(q.stmt, 1, name, -1, SQLITE_STATIC);
	status = query_step(&q, err);
	if (status >= 0)
		*out = status > 0 ? sqlite3_column_int64(q.stmt, 0) : otherwise;
	query_end(&q);
	return status < 0 ? status : 0;
}

int store_numbers(struct store *store, const char *prefix,
	int (*fn)(void *arg, const char *name, int64_t value), void *arg, struct error *err)
{
	static const char sql[] =
		"SELECT name, value FROM number WHERE substr(name, 1, length(?1)) = ?1";
	struct query q;
	int status = query_begin(store, sql, &q, err);

	if (status < 0)
		return status;
	sqlite3_bind_text(q.stmt, 1, prefix, -1, SQLITE_STATIC);
	while ((status = query_step(&q, err)) > 0) {
		const char *name = (const char *)sqlite3_column_text(q.stmt, 0);

		if (name == NULL)
			status = error_set(err, ENOMEM, "out of memory");
		else
			status = fn(arg, name, sqlite3_column_int64(q.stmt, 1));
		if (status != 0)
			break;
	}
	query_end(&q);
	return status;
}

/* Blocks. */

int store_block_put(struct store *store, const struct block *block, struct error *err)
{
	/* Where it replaces a block, `off` and `pos` mostly stay, and so do their indexes. */
	static const char sql[] =
		"INSERT INTO block(channel, ord, off, pos, count, bytes)"
		" VALUES(?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT(channel, ord) DO UPDATE SET"
		" off = excluded.off, pos = excluded.pos, count = excluded.count,"
		" bytes = excluded.bytes";
	sqlite3_stmt *stmt = db_write(store->db, sql, err);

	if (stmt == NULL)
		return -EIO;
	sqlite3_bind_int64(stmt, 1, block->channel);
	sqlite3_bind_int64(stmt, 2, as_signed(block->ord));
	sqlite3_bind_int64(stmt, 3, as_signed(block->off));
	sqlite3_bind_int64(stmt, 4, block->pos);
	sqlite3_bind_int64(stmt, 5, block->count);
	sqlite3_bind_blob64(stmt, 6, block->bytes, block->len, SQLITE_STATIC);
	return run(stmt, err);
}

static int read_block(struct query *q, struct block *out, struct error *err)
{
	struct block found = {
		.channel = (uint32_t)sqlite3_column_int64(q->stmt, 0),
		.ord = (uint64_t)sqlite3_column_int64(q->stmt, 1),
		.off = (uint64_t)sqlite3_column_int64(q->stmt, 2),
		.pos = sqlite3_column_int64(q->stmt, 3),
		.count = (uint32_t)sqlite3_column_int64(q->stmt, 4),
		.len = (size_t)sqlite3_column_bytes(q->stmt, 5),
	};
	const void *bytes = sqlite3_column_blob(q->stmt, 5);
	void *copy;

	if (bytes == NULL || found.len == 0)
		return error_set(err, EUCLEAN, "the index is damaged: an empty block");
	copy = malloc(found.len);
	if (copy == NULL)
		return error_set(err, ENOMEM, "out of memory");
	memcpy(copy, bytes, found.len);
	found.bytes = copy;
	*out = found;
	return 0;
}

/* The block that the statement finds for a channel and a key; -ENOENT. */
static int find_block(struct store *store, const char *sql, uint32_t channel, uint64_t at,
	struct block *out, struct error *err)
{
	struct query q;
	int status = query_begin(store, sql, &q, err);

	if (status < 0)
		return status;
	sqlite3_bind_int64(q.stmt, 1, channel);
	sqlite3_bind_int64(q.stmt, 2, as_signed(at));
	status = query_step(&q, err);
	if (status > 0)
		status = read_block(&q, out, err);
	else if (status == 0)
		status = -ENOENT;
	query_end(&q);
	return status;
}

#define BLOCK_COLUMNS "SELECT channel, ord, off, pos, count, bytes FROM block"

int store_block_find(struct store *store, uint32_t channel, enum block_key by, uint64_t at,
	struct block *out, struct error *err)
{
	static const char by_pos[] =
		BLOCK_COLUMNS " WHERE channel = ?1 AND pos <= ?2 ORDER BY pos DESC LIMIT 1";
	static const char by_off[] =
		BLOCK_COLUMNS " WHERE channel = ?1 AND off <= ?2 ORDER BY off DESC LIMIT 1";
	static const char by_ord[] =
		BLOCK_COLUMNS " WHERE channel = ?1 AND ord <= ?2 ORDER BY ord DESC LIMIT 1";
	static const char first[] =
		BLOCK_COLUMNS " WHERE channel = ?1 AND ord >= ?2 ORDER BY ord LIMIT 1";
	const char *sql = by == BLOCK_BY_POS ? by_pos : by == BLOCK_BY_OFF ? by_off : by_ord;
	int status = find_block(store, sql, channel, at, out, err);

	return status == -ENOENT ? find_block(store, first, channel, 0, out, err) : status;
}

int store_block_next(
	struct store *store, uint32_t channel, uint64_t ord, struct block *out, struct error *err)
{
	static const char sql[] = BLOCK_COLUMNS " WHERE channel = ?1 AND ord = ?2";

	return find_block(store, sql, channel, ord, out, err);
}

int store_block_expire(struct store *store, uint32_t channel, int64_t pos, struct error *err)
{
	static const char sql[] = "DELETE FROM block WHERE channel = ?1 AND ord <"
				  " (SELECT ord FROM block WHERE channel = ?1 AND pos <= ?2"
				  " ORDER BY pos DESC LIMIT 1)";
	sqlite3_stmt *stmt = db_write(store->db, sql, err);

	if (stmt == NULL)
		return -EIO;
	sqlite3_bind_int64(stmt, 1, channel);
	sqlite3_bind_int64(stmt, 2, pos);
	return run(stmt, err);
}

/* Channels. */

int store_channel_put(struct store *store, const struct saved_channel *channel, struct error *err)
{
	static const char sql[] = "INSERT INTO channel(id, kind, name, count, bytes, last_pos)"
				  " VALUES(?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT(id) DO UPDATE SET"
				  " count = excluded.count, bytes = excluded.bytes,"
				  " last_pos = excluded.last_pos";
	sqlite3_stmt *stmt = db_write(store->db, sql, err);

	if (stmt == NULL)
		return -EIO;
	sqlite3_bind_int64(stmt, 1, channel->id);
	sqlite3_bind_int64(stmt, 2, channel->kind);
	sqlite3_bind_text(stmt, 3, channel->name, -1, SQLITE_STATIC);
	sqlite3_bind_int64(stmt, 4, as_signed(channel->count));
	sqlite3_bind_int64(stmt, 5, as_signed(channel->bytes));
	sqlite3_bind_int64(stmt, 6, channel->last_pos);
	return run(stmt, err);
}

static int drop_by_id(struct store *store, const char *sql, uint32_t id, struct error *err)
{
	sqlite3_stmt *stmt = db_write(store->db, sql, err);

	if (stmt == NULL)
		return -EIO;
	sqlite3_bind_int64(stmt, 1, id);
	return run(stmt, err);
}

int store_channel_drop(struct store *store, uint32_t id, struct error *err)
{
	static const char blocks[] = "DELETE FROM block WHERE channel = ?1";
	static const char channel[] = "DELETE FROM channel WHERE id = ?1";
	int status = drop_by_id(store, blocks, id, err);

	return status == 0 ? drop_by_id(store, channel, id, err) : status;
}

int store_channels(struct store *store, int (*fn)(void *arg, const struct saved_channel *),
	void *arg, struct error *err)
{
	static const char sql[] =
		"SELECT id, kind, name, count, bytes, last_pos FROM channel ORDER BY id";
	struct query q;
	int status = query_begin(store, sql, &q, err);

	if (status < 0)
		return status;
	while ((status = query_step(&q, err)) > 0) {
		const struct saved_channel channel = {
			.id = (uint32_t)sqlite3_column_int64(q.stmt, 0),
			.kind = sqlite3_column_int(q.stmt, 1),
			.name = (const char *)sqlite3_column_text(q.stmt, 2),
			.count = (uint64_t)sqlite3_column_int64(q.stmt, 3),
			.bytes = (uint64_t)sqlite3_column_int64(q.stmt, 4),
			.last_pos = sqlite3_column_int64(q.stmt, 5),
		};

		if (channel.name == NULL)
			status = error_set(err, ENOMEM, "out of memory");
		else
			status = fn(arg, &channel);
		if (status != 0)
			break;
	}
	query_end(&q);
	return status;
}

/* Rows. */

int store_row_put(
	struct store *store, enum saved_table table, const struct saved_row *row, struct error *err)
{
#define ROW_PUT(table)                                                                             \
	"INSERT INTO " table "(key, json, bytes) VALUES(?1, ?2, ?3)"                               \
	" ON CONFLICT(key) DO UPDATE SET json = excluded.json, bytes = excluded.bytes"
	static const char *const sql[] = {
		[SAVED_SESSION] = ROW_PUT("session"),
		[SAVED_AGENT] = ROW_PUT("agent"),
		[SAVED_ITEM] = ROW_PUT("item"),
	};
	sqlite3_stmt *stmt = db_write(store->db, sql[table], err);

	if (stmt == NULL)
		return -EIO;
	sqlite3_bind_text(stmt, 1, row->key, -1, SQLITE_STATIC);
	sqlite3_bind_text64(stmt, 2, row->json, row->json_len, SQLITE_STATIC, SQLITE_UTF8);
	sqlite3_bind_blob64(stmt, 3, row->bytes, row->bytes_len, SQLITE_STATIC);
	return run(stmt, err);
}

int store_row_drop(struct store *store, enum saved_table table, const char *key, struct error *err)
{
	static const char *const sql[] = {
		[SAVED_SESSION] = "DELETE FROM session WHERE key = ?1",
		[SAVED_AGENT] = "DELETE FROM agent WHERE key = ?1",
		[SAVED_ITEM] = "DELETE FROM item WHERE key = ?1",
	};
	sqlite3_stmt *stmt = db_write(store->db, sql[table], err);

	if (stmt == NULL)
		return -EIO;
	sqlite3_bind_text(stmt, 1, key, -1, SQLITE_STATIC);
	return run(stmt, err);
}

int store_rows(struct store *store, enum saved_table table,
	int (*fn)(void *arg, const struct saved_row *), void *arg, struct error *err)
{
	static const char *const sql[] = {
		[SAVED_SESSION] = "SELECT key, json, bytes FROM session ORDER BY key",
		[SAVED_AGENT] = "SELECT key, json, bytes FROM agent ORDER BY key",
		[SAVED_ITEM] = "SELECT key, json, bytes FROM item ORDER BY key",
	};
	struct query q;
	int status = query_begin(store, sql[table], &q, err);

	if (status < 0)
		return status;
	while ((status = query_step(&q, err)) > 0) {
		const struct saved_row row = {
			.key = (const char *)sqlite3_column_text(q.stmt, 0),
			.json = (const char *)sqlite3_column_text(q.stmt, 1),
			.json_len = (size_t)sqlite3_column_bytes(q.stmt, 1),
			.bytes = sqlite3_column_blob(q.stmt, 2),
			.bytes_len = (size_t)sqlite3_column_bytes(q.stmt, 2),
		};

		if (row.key == NULL)
			status = error_set(err, ENOMEM, "out of memory");
		else
			status = fn(arg, &row);
		if (status != 0)
			break;
	}
	query_end(&q);
	return status;
}
