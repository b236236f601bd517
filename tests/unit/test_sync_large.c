/* Syncs of much, where there is no room, and one that is killed. */
#include "tests/unit/catalog_check.h"
#include "tests/unit/syncing.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static void a_large_directory_goes_in_steps(void **state)
{
	struct syncing *p = *state;
	char path[32];

	syncing_begin(p);
	LIST(p, "", syncing_dir("d"));
	for (int i = 0; i < 1500; i++) {
		snprintf(path, sizeof(path), "d/%04d", i);
		syncing_take_text(p, syncing_file(path, "\"1\"", "x"), "x");
	}
	syncing_end(p, 0);
	assert_int_equal(p->result.added, 1500);
	assert_true(p->result.more_paths);
	syncing_begin(p);
	syncing_list(p, "", NULL, 0);
	syncing_end(p, 0);
	assert_int_equal(p->result.removed, 1500);
	assert_int_equal(catalog_number(p->catalog, "SELECT count(*) FROM entry"), 0);
	assert_int_equal(catalog_number(p->catalog, "SELECT count(*) FROM doc"), 0);
}

/* Killed in the middle of a sync that changes every file: each is old or new, whole, and found by
 * what it shows. */
static void killed_in_the_middle(void **state)
{
	struct syncing *p = *state;
	char path[32], content[64], old[64];
	int ready[2], status, changed = 0;
	pid_t child;
	char c;

	syncing_begin(p);
	for (int i = 0; i < 800; i++) {
		snprintf(path, sizeof(path), "f%d", i);
		snprintf(content, sizeof(content), "alpha number%d", i);
		syncing_take_text(p, syncing_file(path, NULL, content), content);
	}
	syncing_end(p, 0);
	catalog_close(p->catalog);
	assert_int_equal(pipe(ready), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		syncing_open(p);
		syncing_begin(p);
		for (int i = 0; i < 800; i++) {
			snprintf(path, sizeof(path), "f%d", i);
			snprintf(content, sizeof(content), "omega number%d", i);
			syncing_take_text(p, syncing_file(path, NULL, content), content);
			if (i == 600 && write(ready[1], "x", 1) != 1)
				_exit(1);
		}
		pause();
	}
	assert_int_equal(read(ready[0], &c, 1), 1);
	assert_int_equal(kill(child, SIGKILL), 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	close(ready[0]);
	close(ready[1]);
	syncing_open(p);
	for (int i = 0; i < 800; i++) {
		struct entry e = {0};
		char *bytes = NULL;
		size_t len = 0;

		snprintf(path, sizeof(path), "f%d", i);
		snprintf(content, sizeof(content), "omega number%d", i);
		snprintf(old, sizeof(old), "alpha number%d", i);
		assert_int_equal(catalog_find(p->catalog, p->source, path, &e), 0);
		assert_int_equal(object_load(catalog_objects(p->catalog), &e.object, e.size, 1000,
					 &bytes, &len),
			0);
		changed += strcmp(bytes, content) == 0;
		assert_true(strcmp(bytes, content) == 0 || strcmp(bytes, old) == 0);
		free(bytes);
		entry_release(&e);
	}
	assert_int_equal(catalog_matches(p->catalog, "omega"), changed);
	assert_int_equal(catalog_matches(p->catalog, "alpha"), 800 - changed);
	catalog_assert_whole(p->catalog);
}

static void a_full_disk_fails_the_sync_and_keeps_the_old(void **state)
{
	static char content[20000];
	struct syncing *p = *state;
	struct source_row row = {.name = "docs", .config = "{}"};
	char path[32];
	int status = 0;

	catalog_close(p->catalog);
	p->catalog = NULL;
	if (geteuid() != 0 || mount("tmpfs", p->scratch.path, "tmpfs", 0, "size=24m,mode=0700") < 0)
		skip();
	syncing_open(p);
	assert_int_equal(catalog_source_put(p->catalog, &row, &p->err), 0);
	p->source = row.id;
	syncing_one(p, "f", "\"1\"", "old");
	scratch_fill(&p->scratch, "hog");
	syncing_begin(p);
	for (int i = 0; i < 500 && status == 0; i++) {
		for (size_t at = 0; at < sizeof(content); at++)
			content[at] =
				(char)(at % 7 == 0 ? ' '
						   : 'a' + (int)(at * 7 + at / 7 + (size_t)i) % 26);
		snprintf(path, sizeof(path), "g%d", i);
		status = syncing_take(p, syncing_file(path, NULL, ""), content, sizeof(content));
	}
	assert_int_equal(status, -ENOSPC);
	assert_int_equal(syncing_take(p, syncing_file("f", NULL, ""), "new", 3), -ENOSPC);
	syncing_end(p, status);
	assert_int_equal(p->result.status, -ENOSPC);
	assert_int_equal(p->result.error.code, ENOSPC);
	syncing_has(p, "f", "old");
	assert_int_equal(unlink(scratch_path(&p->scratch, "hog")), 0);
	syncing_one(p, "f", "\"2\"", "new");
	syncing_has(p, "f", "new");
	catalog_assert_whole(p->catalog);
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define FILES     500
#define MEMBERS   5000
#define PEAK_MOST 4096
#else
#define FILES     5000
#define MEMBERS   50000
#define PEAK_MOST 96 /* MiB, of all this process ever held */
#endif

static long peak_mib(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_maxrss / 1024;
}

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void a_listing_of_many(void **state)
{
	struct syncing *p = *state;
	struct member *members = calloc(MEMBERS, sizeof(*members));
	char(*paths)[24] = calloc(MEMBERS, sizeof(*paths));
	const struct wanted *wanted;
	size_t count;
	const long before = peak_mib();
	double start = seconds();

	assert_non_null(members);
	assert_non_null(paths);
	for (int i = 0; i < MEMBERS; i++) {
		snprintf(paths[i], sizeof(paths[i]), "file-%05d.md", (i * 7919) % MEMBERS);
		members[i] = syncing_file(paths[i], "\"1\"", "x");
	}
	syncing_begin(p);
	assert_int_equal(sync_listing(p->sync, "", members, MEMBERS, &wanted, &count, NULL), 0);
	assert_int_equal(count, MEMBERS);
	assert_string_equal(wanted[0].path, "file-00000.md");
	syncing_end(p, 0);
	/* All too large, so that they are there, and then gone. */
	for (int i = 0; i < MEMBERS; i++)
		members[i].size = INT64_MAX;
	syncing_begin(p);
	assert_int_equal(sync_listing(p->sync, "", members, MEMBERS, &wanted, &count, NULL), 0);
	assert_int_equal(count, 0);
	syncing_end(p, 0);
	assert_int_equal(p->result.added, MEMBERS);
	syncing_begin(p);
	assert_int_equal(sync_listing(p->sync, "", members, MEMBERS, &wanted, &count, NULL), 0);
	syncing_end(p, 0);
	assert_int_equal(p->result.unchanged, MEMBERS);
	syncing_begin(p);
	assert_int_equal(sync_listing(p->sync, "", members, 0, &wanted, &count, NULL), 0);
	syncing_end(p, 0);
	assert_int_equal(p->result.removed, MEMBERS);
	print_message("%d members: %.2f s, %ld MiB more\n", MEMBERS, seconds() - start,
		peak_mib() - before);
	assert_true(peak_mib() < PEAK_MOST);
	free(members);
	free(paths);
}

/* Text as it comes: some words often, many seldom. */
static size_t make_text(char *out, size_t len, unsigned *seed)
{
	size_t at = 0;

	while (at + 16 < len) {
		unsigned r = *seed = *seed * 1103515245 + 12345, word;

		word = (r >> 8) % ((r >> 28) < 11 ? 300 : 40000);
		for (int i = 0; i < 5; i++, word /= 7)
			out[at++] = (char)('a' + (word + (unsigned)i) % 26);
		out[at++] = ' ';
	}
	return at;
}

static void a_first_sync_of_many(void **state)
{
	static char content[18000];
	struct syncing *p = *state;
	const long before = peak_mib();
	char path[48], large[65536] = {0};
	struct object_writer *w = NULL;
	struct catalog_sum sum;
	struct member m;
	unsigned seed = 1;
	double start;

	start = seconds();
	syncing_begin(p);
	for (int d = 0; d < FILES / 100; d++) {
		for (int f = 0; f < 100; f++) {
			size_t len = make_text(content, 1000 + seed % 16500, &seed);

			snprintf(path, sizeof(path), "dir%02d/file%02d.md", d, f);
			m = syncing_file(path, "\"1\"", "");
			if (syncing_take(p, m, content, len) < 0)
				fail_msg("%s", p->err.text);
		}
	}
	m = syncing_file("large", "\"1\"", "");
	assert_int_equal(sync_begin_content(p->sync, &w, NULL), 0);
	for (int i = 0; i < 1600; i++)
		assert_int_equal(object_write(w, large, sizeof(large), NULL), 0);
	assert_int_equal(sync_take(p->sync, &m, w, NULL), 0);
	syncing_end(p, 0);
	assert_int_equal(p->result.status, 0);
	assert_int_equal(p->result.added, FILES + 1);
	assert_int_equal(catalog_sum(p->catalog, p->source, &sum), 0);
	assert_int_equal(sum.indexed, FILES);
	assert_int_equal(sum.directories, FILES / 100);
	print_message("%d files, %lld MB: %.2f s, %ld MiB more\n", FILES,
		(long long)p->result.fetched_bytes / 1000000, seconds() - start,
		peak_mib() - before);
	assert_true(peak_mib() < PEAK_MOST);
	catalog_assert_whole(p->catalog);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, syncing_setup, syncing_teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_large_directory_goes_in_steps),
		TEST(killed_in_the_middle),
		TEST(a_full_disk_fails_the_sync_and_keeps_the_old),
		TEST(a_first_sync_of_many),
		TEST(a_listing_of_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
