#include "core/log/db.h"
#include "core/log/log_sqlite.h"
#include "tests/unit/log_suite.h"
#include "tests/unit/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

struct place {
	struct scratch scratch;
	struct db *db;
};

static void *make(void)
{
	struct place *p = calloc(1, sizeof(*p));

	assert_non_null(p);
	scratch_init(&p->scratch);
	return p;
}

static struct log *open_log(void *place, const struct clock *clock, log_follower follow, void *arg)
{
	struct place *p = place;
	struct error err = {0};
	struct log *log = NULL;

	if (db_open(p->scratch.path, &db_leitl, &p->db, &err) < 0 ||
		log_sqlite_new(p->db, clock, follow, arg, &log, &err) < 0)
		fail_msg("%s", err.text);
	return log;
}

static void close_log(void *place, struct log *log)
{
	struct place *p = place;

	log_free(log);
	db_close(p->db);
	p->db = NULL;
}

static void remove_log(void *place)
{
	struct place *p = place;

	scratch_release(&p->scratch);
	free(p);
}

int main(void)
{
	const struct log_backend sqlite = {"sqlite", make, open_log, close_log, remove_log};

	return log_suite_run(&sqlite);
}
