#include "core/log/db_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int errno_of(sqlite3 *sqlite, int code)
{
	const int cause = sqlite != NULL ? sqlite3_system_errno(sqlite) : 0;

	switch (code & 0xff) {
	case SQLITE_FULL:
		return ENOSPC;
	case SQLITE_NOMEM:
		return ENOMEM;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return EBUSY;
	case SQLITE_READONLY:
		return code == SQLITE_READONLY_DBMOVED ? EIO : EROFS;
	case SQLITE_PERM:
	case SQLITE_AUTH:
		return EACCES;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return EUCLEAN;
	case SQLITE_TOOBIG:
		return EMSGSIZE;
	case SQLITE_IOERR:
	case SQLITE_CANTOPEN:
		if (cause == ENOSPC || cause == EDQUOT)
			return ENOSPC;
		if (cause == EMFILE || cause == ENFILE)
			return EMFILE;
		if (cause == EACCES || cause == EROFS || cause == ENOMEM)
			return cause;
		return EIO;
	default:
		return EIO;
	}
}

int db_errno(sqlite3 *sqlite, int code, const char *what, struct error *err)
{
	const int cause = errno_of(sqlite, code);

	if (cause == EBUSY)
		return error_set(err, cause, "%s: another process has the database open", what);
	if (sqlite3_extended_errcode(sqlite) == code || sqlite3_errcode(sqlite) == code)
		return error_set(err, cause, "%s: %s", what, sqlite3_errmsg(sqlite));
	return error_set(err, cause, "%s: %s", what, sqlite3_errstr(code));
}

int connection_open(struct connection *c, const struct db_schema *schema, const char *path,
	int flags, struct error *err)
{
	int code = sqlite3_open_v2(path, &c->sqlite, flags | SQLITE_OPEN_NOMUTEX, "unix-excl");

	if (code != SQLITE_OK) {
		code = db_errno(c->sqlite, code, path, err);
		connection_close(c);
		return code;
	}
	sqlite3_extended_result_codes(c->sqlite, 1);
	/* Nothing in the file may make SQLite do what our statements don't say. */
	sqlite3_db_config(c->sqlite, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(c->sqlite, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_db_config(c->sqlite, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
	sqlite3_db_config(c->sqlite, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
	if (schema->opened != NULL && (code = schema->opened(c->sqlite)) != SQLITE_OK)
		return db_errno(c->sqlite, code, path, err);
	return connection_exec(c, "PRAGMA cell_size_check=ON", path, err);
}

void connection_close(struct connection *c)
{
	for (unsigned i = 0; i < c->count; i++)
		sqlite3_finalize(c->statements[i].stmt);
	sqlite3_close(c->sqlite); /* takes NULL */
	*c = (struct connection){0};
}

int connection_exec(struct connection *c, const char *sql, const char *what, struct error *err)
{
	int code = sqlite3_exec(c->sqlite, sql, NULL, NULL, NULL);

	return code == SQLITE_OK ? 0 : db_errno(c->sqlite, code, what, err);
}

int connection_number(struct connection *c, const char *sql, int64_t *out, struct error *err)
{
	sqlite3_stmt *stmt = NULL;
	int64_t value = 0;
	int code;

	code = sqlite3_prepare_v2(c->sqlite, sql, -1, &stmt, NULL);
	if (code == SQLITE_OK)
		code = sqlite3_step(stmt);
	if (code == SQLITE_ROW)
		value = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	if (code != SQLITE_ROW)
		return db_errno(c->sqlite, code, sql, err);
	*out = value;
	return 0;
}

sqlite3_stmt *connection_statement(struct connection *c, const char *sql, struct error *err)
{
	sqlite3_stmt *stmt = NULL;
	int code;

	for (unsigned i = 0; i < c->count; i++)
		if (c->statements[i].sql == sql)
			return c->statements[i].stmt;
	if (c->count == DB_STATEMENTS) {
		error_set(err, ENOBUFS, "too many different statements");
		return NULL;
	}
	code = sqlite3_prepare_v3(c->sqlite, sql, -1, SQLITE_PREPARE_PERSISTENT, &stmt, NULL);
	if (code != SQLITE_OK) {
		db_errno(c->sqlite, code, "preparing a statement", err);
		return NULL;
	}
	c->statements[c->count].sql = sql;
	c->statements[c->count++].stmt = stmt;
	return stmt;
}
