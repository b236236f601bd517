/* The sources of a catalog, and what is left where a process died or a file is not ours. */
#include "core/log/db.h"
#include "tests/unit/catalog_place.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void ids_are_never_given_again(void **state)
{
	struct catalog_place *p = *state;
	struct entry e = {0};
	int64_t first, source;

	place_put(p, "", "f", "one", 10);
	assert_int_equal(catalog_find(p->catalog, p->source, "f", &e), 0);
	first = e.id;
	entry_release(&e);
	place_remove(p, "f", 10);
	place_reopen(p);
	place_put(p, "", "f", "one", 10);
	assert_int_equal(catalog_find(p->catalog, p->source, "f", &e), 0);
	assert_true(e.id > first);
	first = e.id;
	entry_release(&e);
	source = place_add_source(p, "other");
	assert_true(source > first);
	assert_int_equal(catalog_source_drop(p->catalog, source, NULL), 0);
	assert_true(place_add_source(p, "other") > source);
}

static void sums_are_of_one_source(void **state)
{
	struct catalog_place *p = *state;
	struct catalog_sum sum;
	bool changed;
	struct entry large = {
		.source = p->source, .dir = "", .name = "large", .size = 1000000, .type = ""};

	place_put(p, "", "d", NULL, 10);
	place_put(p, "d", "f", "12345", 10);
	place_begin(p);
	assert_int_equal(catalog_put(p->catalog, &large, NULL, 0, NULL, 0, 10, &changed, NULL), 0);
	place_commit(p);
	assert_int_equal(catalog_sum(p->catalog, p->source, &sum), 0);
	assert_int_equal(sum.files, 2);
	assert_int_equal(sum.directories, 1);
	assert_int_equal(sum.indexed, 1);
	assert_int_equal(sum.bytes, 1000005);
	assert_int_equal(catalog_sum(p->catalog, p->source + 99, &sum), 0);
	assert_int_equal(sum.files, 0);
}

static int tell_source(void *arg, const struct source_row *row)
{
	struct catalog_place *p = arg;

	buf_addf(&p->told, "%s %u %u %s %.*s %s\n", row->name, row->uid, row->gid, row->config,
		(int)row->secrets_len, row->secrets != NULL ? (const char *)row->secrets : "",
		row->memory != NULL ? row->memory : "-");
	return 0;
}

static void sources_are_rows(void **state)
{
	struct catalog_place *p = *state;
	struct source_row row = {.name = "a",
		.uid = 1,
		.gid = 2,
		.config = "{\"url\":1}",
		.secrets = "sealed",
		.secrets_len = 6};
	struct source_row same = {.name = "a", .config = "{}"};
	struct source_row none = {.id = 999, .name = "b", .config = "{}"};

	assert_int_equal(catalog_source_put(p->catalog, &row, NULL), 0);
	assert_int_equal(catalog_source_put(p->catalog, &same, &p->err), -EEXIST);
	assert_int_equal(same.id, 0);
	assert_int_equal(catalog_source_put(p->catalog, &none, NULL), -ENOENT);
	assert_int_equal(catalog_source_remember(p->catalog, row.id, "{\"token\":1}", NULL), 0);
	assert_int_equal(catalog_source_remember(p->catalog, 999, "", NULL), -ENOENT);
	place_reopen(p);
	assert_int_equal(catalog_sources(p->catalog, tell_source, p, NULL), 0);
	place_assert_told(p, "a 1 2 {\"url\":1} sealed {\"token\":1}\ndocs 1000 100 {}  m\n");
	row.name = "c";
	row.memory = NULL;
	row.secrets = NULL;
	row.secrets_len = 0;
	assert_int_equal(catalog_source_put(p->catalog, &row, NULL), 0);
	assert_int_equal(catalog_sources(p->catalog, tell_source, p, NULL), 0);
	place_assert_told(p, "c 1 2 {\"url\":1}  -\ndocs 1000 100 {}  m\n");
}

static void fill(struct catalog_place *p, int files)
{
	char name[16], text[64];

	place_begin(p);
	place_put_in(p, "", "d", NULL, 10);
	for (int i = 0; i < files; i++) {
		snprintf(name, sizeof(name), "f%04d", i);
		snprintf(text, sizeof(text), "common word%d of %lld", i, (long long)p->source);
		place_put_in(p, "d", name, text, 10);
	}
	place_commit(p);
}

static void a_dropped_source_takes_all_with_it(void **state)
{
	struct catalog_place *p = *state;
	const int64_t kept = p->source, dropped = place_add_source(p, "gone");
	struct entry e = {0}, late = {.dir = "", .name = "late", .type = ""};
	bool changed;

	fill(p, 10);
	p->source = dropped;
	fill(p, 700);
	place_put(p, "d", "f0000", "another", 10);
	assert_int_equal(catalog_source_drop(p->catalog, dropped, NULL), 0);
	assert_int_equal(catalog_find(p->catalog, dropped, "d/f0001", &e), -ENOENT);
	place_assert_listed(p, "d", "");
	place_assert_versions(p, "d/f0000", "");
	assert_int_equal(catalog_matches(p->catalog, "common"), 10);
	assert_int_equal(place_objects(p), 10);
	/* Who still writes for it is told. */
	late.source = dropped;
	place_begin(p);
	assert_int_equal(
		catalog_put(p->catalog, &late, NULL, 0, NULL, 0, 10, &changed, &p->err), -ENOENT);
	catalog_rollback(p->catalog);
	p->source = kept;
	place_assert_file(p, "d/f0009", "common word9 of 1");
	assert_int_equal(place_add_source(p, "gone") > dropped, 1);
	catalog_assert_whole(p->catalog);
}

/* What a process that was killed left, seen by the next. */
static void in_a_child_that_dies(struct catalog_place *p, void (*act)(struct catalog_place *))
{
	pid_t child;
	int status;

	catalog_close(p->catalog);
	p->catalog = NULL;
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		if (catalog_open(p->scratch.path, NULL, &p->catalog, &p->err) == 0)
			act(p);
		raise(SIGKILL);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	place_reopen(p);
}

static void die_in_a_batch(struct catalog_place *p)
{
	fill(p, 20);
	place_begin(p);
	for (int i = 0; i < 20; i++)
		place_put_in(p, "d", "f0001", i % 2 == 0 ? "half done" : "done half", 0);
	place_put_in(p, "d", "more", "never committed", 0);
}

static bool are_objects(struct catalog_place *p, int count)
{
	for (int i = 0; i < 2000; i++) {
		if (place_objects(p) == count)
			return true;
		usleep(1000);
	}
	return false;
}

static void a_batch_cut_short_was_not(void **state)
{
	struct catalog_place *p = *state;

	in_a_child_that_dies(p, die_in_a_batch);
	place_assert_file(p, "d/f0001", "common word1 of 1");
	assert_int_equal(catalog_matches(p->catalog, "common"), 20);
	assert_int_equal(catalog_matches(p->catalog, "half"), 0);
	/* Their objects are found and dropped, no others. */
	assert_true(are_objects(p, 20));
	catalog_assert_whole(p->catalog);
}

/* As a drop that dies after its first step. */
static void die_in_a_drop(struct catalog_place *p)
{
	static const char sql[] = "DELETE FROM source";
	struct db *db = catalog_db(p->catalog);

	fill(p, 600);
	place_put(p, "d", "f0001", "changed", 10);
	db_lock(db);
	db_run(db_write(db, sql, NULL), "", NULL);
	db_unlock(db);
}

static void a_drop_cut_short_is_finished(void **state)
{
	struct catalog_place *p = *state;

	in_a_child_that_dies(p, die_in_a_drop);
	place_assert_listed(p, "d", "");
	assert_true(are_objects(p, 0));
	assert_int_equal(catalog_matches(p->catalog, "common"), 0);
	catalog_assert_whole(p->catalog);
}

static void what_is_not_ours_is_refused(void **state)
{
	struct catalog_place *p = *state;
	sqlite3 *db;

	catalog_close(p->catalog);
	p->catalog = NULL;
	assert_int_equal(sqlite3_open(scratch_path(&p->scratch, "context.db"), &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "CREATE TABLE alien(x)", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	assert_int_equal(catalog_open(p->scratch.path, NULL, &p->catalog, &p->err), -EUCLEAN);
	assert_null(p->catalog);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, place_setup, place_teardown)
	const struct CMUnitTest tests[] = {
		TEST(ids_are_never_given_again),
		TEST(sums_are_of_one_source),
		TEST(sources_are_rows),
		TEST(a_dropped_source_takes_all_with_it),
		TEST(a_batch_cut_short_was_not),
		TEST(a_drop_cut_short_is_finished),
		TEST(what_is_not_ours_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
