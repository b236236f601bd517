#include "core/context/source.h"
#include "fs/tree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

static const struct row *row_of(const char *path)
{
	const struct row *row = tree;

	while (row->path != NULL && strcmp(row->path, path) != 0)
		row++;
	return row->path != NULL ? row : NULL;
}

static void every_path_is_there_once_and_behind_its_directory(void **state)
{
	(void)state;
	for (const struct row *row = tree + 1; row->path != NULL; row++) {
		const char *slash = strrchr(row->path, '/');
		char dir[256];

		assert_ptr_equal(row_of(row->path), row);
		assert_non_null(row->help);
		snprintf(dir, sizeof(dir), "%.*s", slash != NULL ? (int)(slash - row->path) : 0,
			row->path);
		assert_non_null(row_of(dir));
		assert_true(row_of(dir) < row);
	}
}

/* route_child() goes on until the first row that is not below. */
static void what_is_in_a_directory_stands_behind_it_together(void **state)
{
	(void)state;
	for (const struct row *dir = tree + 1; dir->path != NULL; dir++) {
		const size_t len = strlen(dir->path);
		const struct row *row = dir + 1;

		while (row->path != NULL && strncmp(row->path, dir->path, len) == 0 &&
			row->path[len] == '/')
			row++;
		for (; row->path != NULL; row++)
			assert_false(
				strncmp(row->path, dir->path, len) == 0 && row->path[len] == '/');
	}
}

/* One source for what is said of an option: the table of the options. */
static void every_option_of_a_source_is_a_file_with_its_help(void **state)
{
	size_t rows = 0, options = 0;

	(void)state;
	for (const struct source_option *o = source_options; o->name != NULL; o++) {
		const struct row *row;
		char path[256];

		snprintf(path, sizeof(path), "context/sources/<source>/%s", o->name);
		row = row_of(path);
		assert_non_null(row);
		assert_string_equal(row->help, o->help);
		assert_int_equal(row->mode, o->kind == SOURCE_SECRET ? 0200 : 0644);
		options++;
	}
	for (const struct row *row = tree; row->path != NULL; row++)
		rows += strncmp(row->path, "context/sources/<source>/", 25) == 0;
	assert_int_equal(rows, options + 2); /* and sync, status.json */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_path_is_there_once_and_behind_its_directory),
		cmocka_unit_test(what_is_in_a_directory_stands_behind_it_together),
		cmocka_unit_test(every_option_of_a_source_is_a_file_with_its_help),
	};

	return cmocka_run_group_tests_name("tree", tests, NULL, NULL);
}
