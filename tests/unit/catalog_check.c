#include "tests/unit/catalog_check.h"

#include "core/log/db.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

void catalog_assert_whole(struct catalog *catalog)
{
	static const char fts[] = "INSERT INTO search(search, rank) VALUES('integrity-check', 1)";
	static const char sql[] = "PRAGMA integrity_check";
	struct db *db = catalog_db(catalog);
	struct error err = {0};
	sqlite3_stmt *stmt;

	db_lock(db);
	stmt = db_write(db, sql, NULL);
	assert_non_null(stmt);
	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	assert_string_equal(sqlite3_column_text(stmt, 0), "ok");
	sqlite3_reset(stmt);
	stmt = db_write(db, fts, NULL);
	assert_non_null(stmt);
	if (db_run(stmt, "checking", &err) < 0)
		fail_msg("%s", err.text);
	db_unlock(db);
}

int catalog_matches(struct catalog *catalog, const char *query)
{
	static const char sql[] =
		"SELECT count(*) FROM search JOIN entry ON entry.id = search.rowid"
		" JOIN doc ON doc.id = search.rowid WHERE search MATCH ?1";
	struct reader *r = db_reader(catalog_db(catalog), NULL);
	sqlite3_stmt *stmt;
	int count;

	assert_non_null(r);
	stmt = reader_stmt(r, sql, NULL);
	assert_non_null(stmt);
	sqlite3_bind_text(stmt, 1, query, -1, SQLITE_STATIC);
	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	count = sqlite3_column_int(stmt, 0);
	sqlite3_reset(stmt);
	reader_done(r);
	return count;
}

int64_t catalog_number(struct catalog *catalog, const char *sql)
{
	struct db *db = catalog_db(catalog);
	sqlite3_stmt *stmt;
	int64_t n;

	db_lock(db);
	stmt = db_write(db, sql, NULL);
	assert_non_null(stmt);
	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	n = sqlite3_column_int64(stmt, 0);
	sqlite3_reset(stmt);
	db_unlock(db);
	return n;
}
