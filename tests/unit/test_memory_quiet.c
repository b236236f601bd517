/* The shared memory: quiet directories, of which one event stands for many. */
#include "core/memory/memory_private.h"
#include "tests/unit/shared_memory.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

static void below_a_quiet_directory_one_event_stands_for_many(void **state)
{
	struct shared *s = *state;
	struct memory_node *root = memory_root(s->m), *git = shared_make_dir(s, root, ".git"),
			   *objects = shared_make_dir(s, git, "objects"), *n;
	struct act *act = NULL;
	struct stat st;

	/* That it was made is told, as that of any directory. */
	assert_int_equal(
		shared_told(s, "memory.write", "\"data\":{\"path\":\"memory/.git\",\"kind\""), 1);
	shared_write_in(s, git, "config");
	shared_write_in(s, objects, "1");
	assert_int_equal(shared_rename_name(s, objects, "1", objects, "2", 0), 0);
	assert_int_equal(memory_find(objects, "2", &n, &st), 0);
	assert_int_equal(memory_link(n, git, "3", &s->actor, &st, &act, &s->err), 0);
	assert_null(act);
	memory_unref(n, 1);
	assert_int_equal(memory_truncate(n, NULL, 9, &s->actor, &act, &s->err), 0);
	assert_null(act);
	memory_unref(n, 1);
	assert_int_equal(shared_remove_name(s, git, "3", false), 0);
	assert_int_equal(shared_told(s, "memory.write", "memory/"), 1);
	assert_int_equal(shared_told(s, "memory.delete", "memory/"), 0);
	memory_quiet_due(s->m, loop_mono_us(s->w->loop));
	assert_int_equal(shared_told(s, "memory.write", "memory/"), 1);
	shared_tell_quiet(s);
	assert_int_equal(shared_told(s, "memory.write",
				 "\"data\":{\"path\":\"memory/.git\",\"kind\":\"directory\","
				 "\"quiet\":7}"),
		1);
	shared_tell_quiet(s);
	assert_int_equal(shared_told(s, "memory.write", "\"quiet\""), 1);
	/* They are counted and numbered like others. */
	shared_uses(s, 2 * 4096, 4);
	assert_int_equal(memory_find(objects, "2", &n, &st), 0);
	assert_int_equal(memory_revision_of(n), 2);
	memory_unref(n, 1);
	memory_unref(objects, 1);
	memory_unref(git, 1);
}

static void what_goes_on_below_a_quiet_directory_is_told_now_and_then(void **state)
{
	struct shared *s = *state;
	struct memory_node *git = shared_make_dir(s, memory_root(s->m), ".git");
	char name[16];

	for (int i = 0; i < 15; i++) {
		snprintf(name, sizeof(name), "%d", i);
		shared_write_in(s, git, name);
		world_pass(s->w, SECOND_US * 9 / 10);
		memory_quiet_due(s->m, loop_mono_us(s->w->loop));
	}
	assert_int_equal(shared_told(s, "memory.write", "\"quiet\":"), 1);
	memory_unref(git, 1);
	shared_reopen(s); /* an end that is none too early tells the rest */
	assert_int_equal(shared_told(s, "memory.write", "\"quiet\":"), 2);
	assert_int_equal(shared_told(s, "memory.write", "\"recovered\""), 0);
}

static void what_goes_into_a_quiet_directory_or_out_is_told(void **state)
{
	struct shared *s = *state;
	struct memory_node *root = memory_root(s->m), *git = shared_make_dir(s, root, ".git"), *n;
	struct memory_file *f;
	struct act *act = NULL;
	struct stat st;

	shared_write_file(s, "in", "x");
	assert_int_equal(shared_rename_name(s, root, "in", git, "in", 0), 0);
	assert_int_equal(shared_told(s, "memory.write",
				 "\"path\":\"memory/.git/in\",\"size\":1,\"revision\":1"),
		1);
	assert_int_equal(shared_rename_name(s, git, "in", root, "out", 0), 0);
	assert_int_equal(shared_told(s, "memory.write", "\"from\":\"memory/.git/in\""), 1);
	/* A file that has another name beside is told by that. */
	shared_write_in(s, git, "both");
	assert_int_equal(memory_find(git, "both", &n, &st), 0);
	assert_int_equal(memory_link(n, root, "loud", &s->actor, &st, &act, &s->err), 0);
	shared_submit(s, act);
	memory_unref(n, 1);
	f = shared_open_again(s, "loud", O_WRONLY);
	assert_int_equal(memory_write(f, "yy", 2, 0, &s->err), 2);
	memory_file_close(f);
	memory_unref(n, 1);
	assert_int_equal(shared_told(s, "memory.write",
				 "{\"path\":\"memory/loud\",\"size\":2,\"revision\":2}"),
		1);
	shared_tell_quiet(s);
	assert_int_equal(shared_told(s, "memory.write", "\"quiet\":1}"), 1);
	memory_unref(git, 1);
}

static void a_quiet_directory_that_was_removed_is_told_of_by_that_alone(void **state)
{
	struct shared *s = *state;
	struct memory_node *root = memory_root(s->m), *git = shared_make_dir(s, root, ".git");

	shared_write_in(s, git, "a");
	assert_int_equal(shared_remove_name(s, git, "a", false), 0);
	assert_int_equal(shared_remove_name(s, root, ".git", true), 0);
	shared_tell_quiet(s);
	assert_int_equal(shared_told(s, "memory.write", "\"quiet\""), 0);
	assert_int_equal(shared_told(s, "memory.delete", "memory/"), 1);
	memory_unref(git, 1);
}

static void the_option_names_quiet_directories(void **state)
{
	struct shared *s = *state;
	struct memory_node *root = memory_root(s->m), *a, *git;

	assert_int_equal(config_set(&s->w->config, "memory_quiet", "x:.gi:cache", NULL), 0);
	a = shared_make_dir(s, root, "cache");
	git = shared_make_dir(s, root, ".git");
	shared_write_in(s, a, "f");
	shared_write_in(s, git, "f");
	assert_int_equal(shared_told(s, "memory.write", "memory/cache/f"), 0);
	assert_int_equal(shared_told(s, "memory.write", "memory/.git/f"), 1);
	assert_int_equal(config_set(&s->w->config, "memory_quiet", "", NULL), 0);
	shared_write_in(s, a, "g");
	assert_int_equal(shared_told(s, "memory.write", "memory/cache/g"), 1);
	memory_unref(a, 1);
	memory_unref(git, 1);
}

static void quiet_events_that_wait_are_bounded(void **state)
{
	struct shared *s = *state;
	struct memory_node *git = shared_make_dir(s, memory_root(s->m), ".git");

	shared_write_in(s, git, "f");
	for (int i = 0; i < MEMORY_QUIET_MAX + 5; i++) {
		s->actor.uid = (uid_t)(5000 + i);
		memory_quiet_add(s->m, git, &s->actor);
	}
	assert_int_equal(s->m->quiet_count, MEMORY_QUIET_MAX);
	assert_int_equal(shared_told(s, "memory.write", "\"quiet\":1}"), 6);
	shared_tell_quiet(s);
	assert_int_equal(shared_told(s, "memory.write", "\"quiet\":1}"), MEMORY_QUIET_MAX + 6);
	memory_unref(git, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, shared_set_up, shared_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(below_a_quiet_directory_one_event_stands_for_many),
		TEST(what_goes_on_below_a_quiet_directory_is_told_now_and_then),
		TEST(what_goes_into_a_quiet_directory_or_out_is_told),
		TEST(a_quiet_directory_that_was_removed_is_told_of_by_that_alone),
		TEST(the_option_names_quiet_directories),
		TEST(quiet_events_that_wait_are_bounded),
	};

	return cmocka_run_group_tests_name("memory, quiet", tests, NULL, NULL);
}
