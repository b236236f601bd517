/* Sources that files of configuration make, and folders. */
#include "core/context/folder.h"
#include "tests/unit/sources_kit.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static void write_file(struct kit *k, const char *name, const char *text)
{
	const char *path = scratch_path(&k->world->scratch, name);
	const char *made = scratch_path(&k->world->scratch, "made");
	int fd = open(made, O_CREAT | O_TRUNC | O_WRONLY, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	assert_int_equal(rename(made, path), 0);
}

static void make_dir(struct kit *k, const char *name)
{
	assert_int_equal(mkdir(scratch_path(&k->world->scratch, name), 0700), 0);
}

static bool is_logged(struct kit *k, const char *part)
{
	bool found;

	pthread_mutex_lock(&k->log_mutex);
	found = strstr(k->log, part) != NULL;
	pthread_mutex_unlock(&k->log_mutex);
	return found;
}

static void a_file_makes_a_source(void **state)
{
	struct kit *k = *state;
	struct source *s;

	kit_close(k);
	make_dir(k, "first");
	write_file(k, "first/docs.json",
		"{\"url\":\"http://kim@h/\",\"password\":\"" CANARY "\",\"interval\":60}\n");
	write_file(k, "first/notes.txt", "http://h/");
	kit_open(k);
	s = kit_find(k, "docs");
	assert_non_null(s);
	assert_true(s->fixed);
	assert_false(kit_is_there(k, "notes"));
	until(kit_is_over(k, s, 1));
	assert_string_equal(kit_seen(fake.seen_password), CANARY);
	kit_assert_shows(k, s, "first/docs.json\"");
	assert_int_equal(kit_set(k, s, "interval", "10"), -EROFS);
	assert_int_equal(sources_remove(k->sources, s, WORLD_UID, &k->error), -EROFS);
	assert_non_null(strstr(k->error.text, "first/docs.json"));
	kit_sync_now(k, s); /* that may be asked for */
	/* It is taken up again when it changes, and without being told. */
	write_file(k, "first/docs.json", "{\"url\":\"http://h/\",\"interval\":20}");
	until(kit_shows(k, s, "\"interval_s\":20"));
	kit_pass(k, SECOND_US);
	until(strcmp(kit_seen(fake.seen_password), "(none)") == 0);
	assert_true(kit_has_file(k, s, "a.md"));
	write_file(k, "first/more.json", "{\"url\":\"http://h/more\"}");
	until(kit_is_there(k, "more"));
	assert_int_equal(unlink(scratch_path(&k->world->scratch, "first/docs.json")), 0);
	until(!kit_is_there(k, "docs"));
	assert_true(source_gone(s));
	source_unref(s);
}

static void a_broken_file_keeps_the_last_good_source(void **state)
{
	struct kit *k = *state;
	struct source *s;

	kit_close(k);
	make_dir(k, "first");
	write_file(k, "first/docs.json", "{\"url\":\"http://h/\",\"interval\":60}");
	kit_open(k);
	s = kit_find(k, "docs");
	until(kit_is_over(k, s, 1));
	write_file(k, "first/docs.json", "{\"url\":\"http://h/\",\"password\":\"" CANARY "\",");
	until(is_logged(k, "first/docs.json: bad JSON"));
	assert_true(is_logged(k, "the source stays as it was"));
	until(kit_shows(k, s, "\"file_error\":\"bad JSON"));
	kit_assert_shows(k, s, "\"interval_s\":60");
	assert_false(is_logged(k, CANARY));
	source_unref(s);
	kit_reopen(k); /* a restart does not lose it either */
	s = kit_find(k, "docs");
	assert_non_null(s);
	kit_assert_shows(k, s, "\"interval_s\":60");
	write_file(k, "first/docs.json", "{\"url\":\"http://h/\",\"interval\":30}");
	until(kit_shows(k, s, "\"interval_s\":30") && !kit_shows(k, s, "file_error"));
	source_unref(s);
	kit_close(k);
	assert_int_equal(unlink(scratch_path(&k->world->scratch, "first/docs.json")), 0);
	kit_open(k); /* what went while nobody looked */
	assert_false(kit_is_there(k, "docs"));
}

static void bad_files_are_refused(void **state)
{
	struct kit *k = *state;

	kit_close(k);
	make_dir(k, "first");
	write_file(k, "first/open.json", "{\"url\":\"http://h/\"}");
	assert_int_equal(chmod(scratch_path(&k->world->scratch, "first/open.json"), 0622), 0);
	write_file(k, "first/named.json", "{\"name\":\"other\",\"url\":\"http://h/\"}");
	write_file(k, "first/new.json", "{\"url\":\"http://h/\"}");
	assert_int_equal(
		symlink("/dev/zero", scratch_path(&k->world->scratch, "first/zero.json")), 0);
	assert_int_equal(mkfifo(scratch_path(&k->world->scratch, "first/pipe.json"), 0600), 0);
	kit_open(k);
	assert_true(is_logged(k, "open.json: it must be root's or one's own"));
	assert_true(is_logged(k, "named.json: name: must be named, as the file's"));
	assert_true(is_logged(k, "new.json: its name can't be a source's"));
	assert_true(is_logged(k, "zero.json: it must be a regular file"));
	assert_true(is_logged(k, "pipe.json: it must be a regular file"));
	assert_false(
		kit_is_there(k, "open") || kit_is_there(k, "named") || kit_is_there(k, "other"));
	k->log[0] = '\0';
	source_files_look(k->sources); /* it is told once */
	assert_string_equal(k->log, "");
}

static void the_first_directory_wins(void **state)
{
	struct kit *k = *state;
	struct source *s;

	kit_close(k);
	make_dir(k, "first");
	make_dir(k, "second");
	write_file(k, "first/docs.json", "{\"url\":\"http://first/\"}");
	write_file(k, "second/docs.json", "{\"url\":\"http://second/\"}");
	write_file(k, "second/mine.json", "{\"url\":\"http://mine/\"}");
	kit_open(k);
	s = kit_find(k, "docs");
	assert_true(kit_is_there(k, "mine"));
	kit_assert_shows(k, s, "\"url\":\"http://first/\"");
	assert_int_equal(unlink(scratch_path(&k->world->scratch, "first/docs.json")), 0);
	until(kit_shows(k, s, "\"url\":\"http://second/\""));
	kit_assert_shows(k, s, "second/docs.json");
	source_unref(s);
}

static void an_unread_directory_removes_nothing(void **state)
{
	struct kit *k = *state;

	kit_close(k);
	make_dir(k, "first");
	write_file(k, "first/docs.json", "{\"url\":\"http://h/\"}");
	kit_open(k);
	assert_true(kit_is_there(k, "docs"));
	kit_close(k);
	assert_int_equal(rename(scratch_path(&k->world->scratch, "first"),
				 scratch_path(&k->world->scratch, "aside")),
		0);
	write_file(k, "first", "no directory");
	kit_open(k);
	assert_true(kit_is_there(k, "docs"));
	assert_int_equal(unlink(scratch_path(&k->world->scratch, "first")), 0);
	source_files_look(k->sources);
	assert_false(kit_is_there(k, "docs"));
}

static void a_file_does_not_take_a_name(void **state)
{
	struct kit *k = *state;
	struct source *s = kit_add(k, "{\"name\":\"docs\",\"url\":\"http://mine/\"}");

	kit_close(k);
	source_unref(s);
	make_dir(k, "first");
	write_file(k, "first/docs.json", "{\"url\":\"http://h/\"}");
	kit_open(k);
	assert_true(is_logged(k, "there is a source docs already"));
	s = kit_find(k, "docs");
	assert_false(s->fixed);
	assert_int_equal(sources_remove(k->sources, s, WORLD_UID, &k->error), 0);
	source_unref(s);
	source_files_look(k->sources);
	s = kit_find(k, "docs"); /* it is free now */
	assert_true(s->fixed);
	source_unref(s);
}

static void a_folder_is_read_and_watched(void **state)
{
	struct kit *k = *state;
	struct scratch folder;
	struct buf text = BUF_INIT;
	struct source *s = NULL;
	FILE *file;

	kit_close(k);
	k->options.folder = &folder_runner;
	k->options.watch = true;
	k->options.any = true; /* with the rights that the test has */
	kit_open(k);
	scratch_init(&folder);
	file = fopen(scratch_path(&folder, "a.md"), "w");
	assert_non_null(file);
	fclose(file);
	buf_addf(&text, "{\"name\":\"docs\",\"url\":\"%s\",\"interval\":0}", folder.path);
	assert_int_equal(
		sources_add(k->sources, geteuid(), getegid(), text.data, text.len, &s, &k->error),
		0);
	until(kit_has_file(k, s, "a.md"));
	until(kit_shows(k, s, "\"watched\":true"));
	until(kit_is_idle(k, s));
	file = fopen(scratch_path(&folder, "b.md"), "w");
	assert_non_null(file);
	fclose(file);
	until(kit_has_file(k, s, "b.md")); /* nobody asked, and the clock stands */
	source_unref(s);
	scratch_release(&folder);
	buf_release(&text);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, kit_setup, kit_teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_file_makes_a_source),
		TEST(a_broken_file_keeps_the_last_good_source),
		TEST(bad_files_are_refused),
		TEST(the_first_directory_wins),
		TEST(an_unread_directory_removes_nothing),
		TEST(a_file_does_not_take_a_name),
		TEST(a_folder_is_read_and_watched),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
