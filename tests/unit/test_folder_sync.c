/* Folders through the real sync into a real catalog. */
#include "core/context/folder.h"
#include "tests/unit/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct world {
	struct scratch scratch;
	struct catalog *catalog;
	struct source_config config;
	int64_t source;
	char *memory;
	char root[128];
	struct sync_result result;
};

static const char *at(struct world *w, const char *name)
{
	static char path[512];

	snprintf(path, sizeof(path), "%s/%s", w->root, name);
	return path;
}

static void put(struct world *w, const char *name, const char *text)
{
	int fd = open(at(w, name), O_WRONLY | O_CREAT | O_TRUNC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static int set_up(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct error err = {0};
	struct source_row row = {.name = "docs", .config = "{}"};

	scratch_init(&w->scratch);
	snprintf(w->root, sizeof(w->root), "%s/folder", w->scratch.path);
	assert_int_equal(mkdir(w->root, 0755), 0);
	const char *dir = scratch_path(&w->scratch, "context");
	assert_int_equal(mkdir(dir, 0700), 0);
	if (catalog_open(dir, NULL, &w->catalog, &err))
		fail_msg("%s", err.text);
	row.uid = geteuid();
	assert_int_equal(catalog_source_put(w->catalog, &row, &err), 0);
	w->source = row.id;
	source_config_init(&w->config);
	w->config.kind = SOURCE_FOLDER;
	w->config.path = strdup(w->root);
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;

	sync_result_release(&w->result);
	source_config_release(&w->config);
	catalog_close(w->catalog);
	scratch_release(&w->scratch);
	free(w->memory);
	free(w);
	return 0;
}

static int sync_once(struct world *w)
{
	struct error err = {0};
	struct sync *s;
	const struct sync_start start = {
		.catalog = w->catalog,
		.config = &w->config,
		.source = w->source,
		.uid = geteuid(),
		.gid = getegid(),
		.memory = w->memory,
		.clock = &clock_system,
	};

	sync_result_release(&w->result);
	if (sync_begin(&start, &s, &err))
		fail_msg("%s", err.text);
	int rc = folder_runner.run(s, &err);
	sync_end(s, rc, &err, &w->result);
	if (w->result.memory) {
		free(w->memory);
		w->memory = strdup(w->result.memory);
	}
	return w->result.status;
}

static bool holds(struct world *w, const char *path, const char *text)
{
	struct entry e = {0};
	char *bytes = NULL;
	size_t len;
	bool same = false;

	if (catalog_find(w->catalog, w->source, path, &e) == 0 && e.fetched &&
		object_load(
			catalog_objects(w->catalog), &e.object, e.size, 1 << 20, &bytes, &len) == 0)
		same = len == strlen(text) && !memcmp(bytes, text, len);
	free(bytes);
	entry_release(&e);
	return same;
}

static void a_folder_is_in_the_catalog_as_it_is(void **state)
{
	struct world *w = *state;

	put(w, "a.md", "one");
	mkdir(at(w, "sub"), 0755);
	mkdir(at(w, "sub/deep"), 0755);
	put(w, "sub/deep/b.md", "two");
	assert_int_equal(sync_once(w), 0);
	assert_int_equal(w->result.added, 2);
	assert_int_equal(w->result.failed, 0);
	assert_true(holds(w, "a.md", "one"));
	assert_true(holds(w, "sub/deep/b.md", "two"));

	put(w, "a.md", "eno");
	assert_int_equal(sync_once(w), 0);
	assert_int_equal(w->result.changed, 1);
	assert_true(holds(w, "a.md", "eno"));

	assert_int_equal(rename(at(w, "sub"), scratch_path(&w->scratch, "sub")), 0);
	assert_int_equal(sync_once(w), 0);
	assert_int_equal(w->result.removed, 1);
	assert_false(holds(w, "sub/deep/b.md", "two"));
	assert_true(holds(w, "a.md", "eno"));
}

static void a_file_becomes_a_directory_and_back(void **state)
{
	struct world *w = *state;

	put(w, "x", "file");
	assert_int_equal(sync_once(w), 0);
	unlink(at(w, "x"));
	mkdir(at(w, "x"), 0755);
	put(w, "x/y", "below");
	assert_int_equal(sync_once(w), 0);
	assert_true(holds(w, "x/y", "below"));
	unlink(at(w, "x/y"));
	rmdir(at(w, "x"));
	put(w, "x", "again");
	assert_int_equal(sync_once(w), 0);
	assert_true(holds(w, "x", "again"));
}

static void a_root_that_is_gone_leaves_the_catalog(void **state)
{
	struct world *w = *state;

	put(w, "a.md", "one");
	assert_int_equal(sync_once(w), 0);
	assert_int_equal(rename(w->root, scratch_path(&w->scratch, "moved")), 0);
	assert_int_equal(sync_once(w), -ENOENT);
	assert_non_null(strstr(w->result.error.text, w->root));
	assert_true(holds(w, "a.md", "one"));
}

/* Every file changes and is read twice at most; then nothing is. */
static void unchanged_files_are_not_read(void **state)
{
	struct world *w = *state;
	char name[32];

	for (int i = 0; i < 500; i++) {
		snprintf(name, sizeof(name), "%d.md", i);
		put(w, name, name);
	}
	assert_int_equal(sync_once(w), 0);
	assert_int_equal(w->result.added, 500);
	usleep(60000);
	assert_int_equal(sync_once(w), 0);
	assert_int_equal(sync_once(w), 0);
	assert_int_equal(w->result.fetched_bytes, 0);
	assert_int_equal(w->result.unchanged, 500);
	put(w, "7.md", "changed");
	assert_int_equal(sync_once(w), 0);
	assert_int_equal(w->result.fetched_bytes, strlen("changed"));
	assert_int_equal(w->result.unchanged, 499);
	assert_true(holds(w, "7.md", "changed"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_folder_is_in_the_catalog_as_it_is),
		TEST(a_file_becomes_a_directory_and_back),
		TEST(a_root_that_is_gone_leaves_the_catalog),
		TEST(unchanged_files_are_not_read),
	};
#undef TEST

	return cmocka_run_group_tests(tests, NULL, NULL);
}
