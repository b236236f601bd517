/*
 * Databases of leitlfs in a directory of a test's own: filled, left as a crash leaves them, and
 * opened again. What these tests mount there is unmounted with the directory.
 */
#ifndef TESTS_UNIT_DB_PLACE_H
#define TESTS_UNIT_DB_PLACE_H

#include "core/log/db.h"
#include "core/log/log.h"
#include "tests/unit/file_bytes.h"
#include "tests/unit/scratch.h"

int db_place_setup(void **state); /* the state is a struct scratch */
int db_place_teardown(void **state);

struct db *open_db(const char *dir); /* fails the test where it is refused */
struct log *open_log(struct db *);
/* One record, which is moved into the database where there is room for it. */
int append_record(struct log *, size_t size, struct error *);

/* A database with some records, closed cleanly. */
void fill_db(const char *dir, int records);
/* The same, but its process died: there is a WAL. */
void fill_db_and_die(const char *dir, int records, bool checkpoint);

/* That it is refused with that errno and a reason, and left as it was. */
void db_refused(struct scratch *, int code);

void run_sqlite(const char *path, const char *sql); /* by SQLite alone */

#endif
