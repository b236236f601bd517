/*
 * leitl.db, whole: log_sqlite.c has `record`, store.c the rest.
 *
 * record.seq is the seq of the last event up to this record, so that the newest row tells where
 * the log stands; the record has a seq of its own where its kind is RECORD_EVENT. `line` and
 * `shown` are blobs since a blob's length is known without reading it. `sum` is of all that is
 * before it (log_sqlite_sum.c): SQLite has no checksums, and a flipped bit in a text would go
 * unseen.
 */
#include "core/log/db.h"
#include "core/log/journal.h"

static const struct db_table tables[] = {
	{"record",
		"CREATE TABLE record(pos INTEGER PRIMARY KEY, time INTEGER NOT NULL,"
		" seq INTEGER NOT NULL, kind INTEGER NOT NULL, uid INTEGER NOT NULL,"
		" type TEXT, session TEXT, agent TEXT, target TEXT, detail TEXT,"
		" line BLOB, shown BLOB, sum INTEGER NOT NULL) STRICT",
		0},
	{"number",
		"CREATE TABLE number(name TEXT PRIMARY KEY, value INTEGER NOT NULL)"
		" STRICT, WITHOUT ROWID",
		0},
	{"channel",
		"CREATE TABLE channel(id INTEGER PRIMARY KEY, kind INTEGER NOT NULL,"
		" name TEXT NOT NULL, count INTEGER NOT NULL, bytes INTEGER NOT NULL,"
		" last_pos INTEGER NOT NULL) STRICT",
		0},
	{"block",
		"CREATE TABLE block(channel INTEGER NOT NULL, ord INTEGER NOT NULL,"
		" off INTEGER NOT NULL, pos INTEGER NOT NULL, count INTEGER NOT NULL,"
		" bytes BLOB NOT NULL, PRIMARY KEY(channel, ord)) STRICT",
		0},
	{"block_off", "CREATE INDEX block_off ON block(channel, off)", 0},
	{"block_pos", "CREATE INDEX block_pos ON block(channel, pos)", 0},
	{"session", "CREATE TABLE session(key TEXT PRIMARY KEY, json TEXT, bytes BLOB) STRICT", 0},
	{"agent", "CREATE TABLE agent(key TEXT PRIMARY KEY, json TEXT, bytes BLOB) STRICT", 0},
	{"item", "CREATE TABLE item(key TEXT PRIMARY KEY, json TEXT, bytes BLOB) STRICT", DB_LATER},
};

const struct db_schema db_leitl = {
	.file = "leitl.db",
	.application_id = 0x4c454954, /* "LEIT" */
	.version = 1,
	.tables = tables,
	.count = sizeof(tables) / sizeof(tables[0]),
	.expected = journal_is_there,
	.writer_cache = 2048,
	.reader_cache = 256,
	.heap = 16,
};
