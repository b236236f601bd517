#include "core/log/db_private.h"

#include <errno.h>
#include <stdio.h>

static struct reader *reader_free(struct db *db, bool open)
{
	for (int i = 0; i < DB_READERS; i++) {
		struct reader *r = &db->readers[i];

		if (!r->used && (r->connection.sqlite != NULL) == open)
			return r;
	}
	return NULL;
}

static int reader_open(struct db *db, struct reader *r, struct error *err)
{
	char settings[80];
	int status;

	r->db = db;
	snprintf(settings, sizeof(settings), "PRAGMA cache_size=-%d; PRAGMA temp_store=MEMORY",
		db->schema->reader_cache);
	status = connection_open(&r->connection, db->schema, db->path, SQLITE_OPEN_READONLY, err);
	if (status == 0)
		status = connection_exec(&r->connection, settings, db->path, err);
	if (status < 0)
		connection_close(&r->connection);
	return status;
}

static bool any_used(const struct db *db)
{
	for (int i = 0; i < DB_READERS; i++)
		if (db->readers[i].used)
			return true;
	return false;
}

struct reader *db_reader(struct db *db, struct error *err)
{
	struct error why = {0};
	struct reader *r;

	pthread_mutex_lock(&db->pool_mutex);
	/* The lowest that is open: its cache is the warmest. */
	while ((r = reader_free(db, true)) == NULL) {
		r = why.code == 0 ? reader_free(db, false) : NULL;
		if (r != NULL && reader_open(db, r, &why) == 0)
			break;
		/* Where no more can be opened, those that there are must do. */
		if (why.code != 0 && !any_used(db)) {
			error_set(err, why.code, "%s", why.text);
			r = NULL;
			break;
		}
		pthread_cond_wait(&db->pool_free, &db->pool_mutex);
	}
	if (r != NULL)
		r->used = true;
	pthread_mutex_unlock(&db->pool_mutex);
	return r;
}

sqlite3_stmt *reader_stmt(struct reader *r, const char *sql, struct error *err)
{
	return connection_statement(&r->connection, sql, err);
}

void reader_done(struct reader *r)
{
	struct db *db;

	if (r == NULL)
		return;
	db = r->db;
	pthread_mutex_lock(&db->pool_mutex);
	r->used = false;
	pthread_cond_signal(&db->pool_free);
	pthread_mutex_unlock(&db->pool_mutex);
}
