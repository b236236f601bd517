/*
 * What a crash leaves: objects that were written for a batch that never was, and entries of a
 * source that was being dropped. The database is marked while that can be so; then a thread goes
 * through all of them after the next start.
 */
#include "core/context/catalog_private.h"

#include "core/base/thread.h"

#include <string.h>

/* A source that has entries or versions and no row; 0: none. */
static int64_t orphan(struct catalog *c)
{
	static const char sql[] = "SELECT min(source) FROM (SELECT min(source) AS source FROM entry"
				  " WHERE source NOT IN (SELECT id FROM source) UNION ALL SELECT "
				  "min(source)"
				  " FROM version WHERE source NOT IN (SELECT id FROM source))";
	int64_t source = 0;
	struct query q;

	if (query_begin(c, sql, &q, NULL) < 0)
		return 0;
	if (sqlite3_step(q.stmt) == SQLITE_ROW)
		source = sqlite3_column_int64(q.stmt, 0);
	query_end(&q);
	return source;
}

static bool clear(struct catalog *c, int64_t source)
{
	bool more = true;

	while (more && !c->stopping) {
		if (catalog_begin(c, NULL) < 0)
			return false;
		if (catalog_source_clear(c, source, &more, NULL) < 0) {
			catalog_rollback(c);
			return false;
		}
		if (catalog_commit(c, NULL) < 0)
			return false;
		db_yield(c->db);
	}
	return !more;
}

static bool sweep_object(void *arg, const struct object_id *id)
{
	struct catalog *c = arg;

	catalog_drop_object(c, id);
	return !c->stopping;
}

static void *sweep(void *arg)
{
	struct catalog *c = arg;
	bool whole = true;
	int64_t source;

	while (whole && !c->stopping && (source = orphan(c)) != 0)
		whole = clear(c, source);
	if (!c->stopping && objects_each(c->objects, sweep_object, c, NULL) < 0)
		whole = false;
	c->swept = whole && !c->stopping;
	return NULL;
}

int catalog_sweep_start(struct catalog *c, struct error *err)
{
	int status;

	c->swept = false;
	status = thread_start(&c->sweeper, "sweep", sweep, c, err);
	c->has_sweeper = status == 0;
	return status;
}

void catalog_sweep_stop(struct catalog *c)
{
	if (!c->has_sweeper)
		return;
	c->stopping = true;
	pthread_join(c->sweeper, NULL);
	c->has_sweeper = false;
}
