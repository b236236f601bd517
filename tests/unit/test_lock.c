#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/base/lock.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static int set_up(void **state)
{
	char *dir = strdup("/tmp/leitl-lock.XXXXXX");

	if (dir == NULL || mkdtemp(dir) == NULL || chdir(dir) != 0)
		return -1;
	*state = dir;
	return 0;
}

static int tear_down(void **state)
{
	char *dir = *state, *command;
	int rc;

	if (asprintf(&command, "rm -rf %s", dir) < 0 || chdir("/") != 0)
		return -1;
	rc = system(command);
	free(command);
	free(dir);
	return rc;
}

/* A path below the test's directory, to be freed. */
static char *below(void **state, const char *name)
{
	char *path;

	assert_true(asprintf(&path, "%s/%s", (char *)*state, name) > 0);
	return path;
}

static mode_t mode_of(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st.st_mode & 07777;
}

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void expect_file(const char *path, const char *text)
{
	char got[256] = "";
	FILE *f = fopen(path, "re");

	assert_non_null(f);
	got[fread(got, 1, sizeof(got) - 1, f)] = '\0';
	fclose(f);
	assert_string_equal(got, text);
}

static void makes(const char *given, const char *expected)
{
	struct error err = {0};
	char *path = NULL;
	int made;

	if (lock_make_dir(given, &path, &made, &err) != 0)
		fail_msg("%s", err.text);
	assert_string_equal(path, expected);
	assert_int_equal(mode_of(path), 0700);
	free(path);
}

static void refuses(const char *given, int code, const char *said)
{
	char untouched = 0, *path = &untouched;
	struct error err = {0};
	int made;

	assert_int_equal(lock_make_dir(given, &path, &made, &err), -code);
	assert_int_equal(err.code, code);
	if (strstr(err.text, said) == NULL)
		fail_msg("says \"%s\"", err.text);
	assert_ptr_equal(path, &untouched);
	assert_int_equal(lock_make_dir(given, &path, &made, NULL), -code);
}

static void makes_what_is_missing_for_oneself_alone(void **state)
{
	char *parent = below(state, "a"), *path = below(state, "a/b/c");
	mode_t before = umask(0);

	makes(path, path);
	makes("a/b/./c/", path);
	assert_int_equal(mode_of(parent), 0700);
	umask(before);
	free(parent);
	free(path);
}

static void leaves_parents_as_they_are(void **state)
{
	char *path = below(state, "a/b");

	assert_int_equal(mkdir("a", 0755), 0);
	makes(path, path);
	assert_int_equal(mode_of("a"), 0755);
	free(path);
}

static void goes_through_a_link_to_ones_own(void **state)
{
	char *path = below(state, "real");

	assert_int_equal(mkdir("real", 0700), 0);
	assert_int_equal(symlink("real", "link"), 0);
	makes("link", path);
	free(path);
}

static void an_empty_directory_is_closed_to_others(void **state)
{
	char *path = below(state, "s");

	assert_int_equal(mkdir("s", 0700), 0);
	assert_int_equal(chmod("s", 0775), 0);
	makes("s", path);
	free(path);
}

static void a_used_one_that_was_opened_is_closed_again(void **state)
{
	char *path = below(state, "s");

	assert_int_equal(mkdir("s", 0755), 0);
	write_file("s/lock", "");
	write_file("s/leitl.db", "");
	makes("s", path);
	free(path);
}

static void what_others_could_write_is_refused(void **state)
{
	(void)state;
	assert_int_equal(mkdir("s", 0700), 0);
	assert_int_equal(chmod("s", 0777), 0);
	write_file("s/lock", "");
	refuses("s", EACCES, "open to other users (mode 0777)");
	assert_int_equal(mode_of("s"), 0777);
}

static void a_directory_in_use_for_something_else_is_not_closed(void **state)
{
	(void)state;
	assert_int_equal(mkdir("home", 0755), 0);
	write_file("home/.profile", "");
	refuses("home", EACCES, "chmod 0700 it");
	assert_int_equal(mode_of("home"), 0755);
	assert_int_equal(mkdir("tmp", 0700), 0);
	assert_int_equal(chmod("tmp", 01777), 0);
	refuses("tmp", EACCES, "mode 1777");
	assert_int_equal(mode_of("tmp"), 01777);
}

static void a_private_directory_may_hold_anything(void **state)
{
	char *path = below(state, "s");

	assert_int_equal(mkdir("s", 0700), 0);
	write_file("s/notes", "");
	makes("s", path);
	free(path);
}

static void another_users_is_refused(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(mkdir("s", 0700), 0);
	assert_int_equal(chown("s", 12345, 12345), 0);
	refuses("s", EACCES, "belongs to uid 12345");
}

static void what_is_no_directory_is_refused(void **state)
{
	(void)state;
	write_file("file", "");
	refuses("file", ENOTDIR, "Not a directory");
	refuses("file/s", ENOTDIR, "Not a directory");
	assert_int_equal(symlink("nowhere", "dangling"), 0);
	refuses("dangling", ENOENT, "No such file");
	refuses("/proc/leitl", ENOENT, "/proc/leitl");
}

/* In a child that is user 12345 with this environment: the default directory, or the reason. */
static void default_is(const char *home, const char *xdg, const char *said)
{
	char got[512] = "";
	int ends[2];
	pid_t child;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	child = fork();
	if (child == 0) {
		struct error err = {0};
		char *path = NULL;
		int made, rc;

		home != NULL ? setenv("HOME", home, 1) : unsetenv("HOME");
		xdg != NULL ? setenv("XDG_STATE_HOME", xdg, 1) : unsetenv("XDG_STATE_HOME");
		if (setresgid(12345, 12345, 12345) != 0 || setresuid(12345, 12345, 12345) != 0)
			_exit(1);
		rc = lock_make_dir(NULL, &path, &made, &err);
		dprintf(ends[1], "%s", rc == 0 ? path : err.text);
		_exit(0);
	}
	close(ends[1]);
	assert_true(read(ends[0], got, sizeof(got) - 1) >= 0);
	close(ends[0]);
	waitpid(child, NULL, 0);
	if (strstr(got, said) == NULL)
		fail_msg("\"%s\", not \"%s\"", got, said);
}

static void the_default_follows_the_environment(void **state)
{
	char *home = below(state, "home"), *xdg = below(state, "xdg"), *path;

	if (geteuid() != 0)
		skip();
	assert_int_equal(chmod(*state, 0755), 0);
	assert_int_equal(mkdir(home, 0755), 0);
	assert_int_equal(mkdir(xdg, 0755), 0);
	assert_int_equal(chown(home, 12345, 12345), 0);
	assert_int_equal(chown(xdg, 12345, 12345), 0);
	path = below(state, "home/.local/state/leitlfs");
	default_is(home, NULL, path);
	default_is(home, "relative", path);
	free(path);
	path = below(state, "xdg/leitlfs");
	default_is(home, xdg, path);
	default_is(NULL, xdg, path);
	free(path);
	default_is(NULL, NULL, "no home directory");
	default_is("relative", "", "no home directory");
	default_is("/nonexistent", NULL, "can't make /nonexistent: Permission denied");
	free(home);
	free(xdg);
}

static void take(const char *mountpoint, struct lock **lock)
{
	struct error err = {0};

	if (lock_take(".", mountpoint, lock, NULL, &err) != 0)
		fail_msg("%s", err.text);
}

static void the_lock_tells_its_owner(void **state)
{
	struct lock_owner owner;
	struct error err = {0};
	struct lock *lock = NULL, *second = NULL;
	char note[64];

	(void)state;
	write_file("lock", "999999 /a/much longer/path than what comes\nand more\n");
	take("/mnt/a b", &lock);
	snprintf(note, sizeof(note), "%d /mnt/a b\n", (int)getpid());
	expect_file("lock", note);
	assert_int_equal(mode_of("lock") & 022, 0);

	assert_int_equal(lock_take(".", "/mnt/c", &second, &owner, &err), -EBUSY);
	assert_null(second);
	assert_int_equal(owner.pid, getpid());
	assert_false(owner.ending);
	assert_string_equal(owner.mountpoint, "/mnt/a b");
	free(owner.mountpoint);
	snprintf(note, sizeof(note), "held by leitlfs, process %d, mounted at /mnt/a b",
		(int)getpid());
	assert_non_null(strstr(err.text, note));
	assert_int_equal(lock_take(".", "/mnt/c", &second, NULL, NULL), -EBUSY);
	lock_release(lock);
}

static int count_files(const char *path)
{
	DIR *dir = opendir(path);
	int count = -2; /* "." and ".." */

	if (dir == NULL)
		return -1;
	while (readdir(dir) != NULL)
		count++;
	closedir(dir);
	return count;
}

static void what_was_empty_is_left_empty(void **state)
{
	struct lock *lock;

	(void)state;
	take("/mnt", &lock);
	write_file("database", "begun");
	assert_int_equal(mkdir("objects", 0700), 0);
	assert_int_equal(mkdir("objects/00", 0700), 0);
	write_file("objects/00/object", "begun");
	lock_discard(lock);
	assert_int_equal(count_files("."), 0);
	lock_discard(NULL);
}

static void what_was_not_empty_is_left_as_it_was(void **state)
{
	struct lock *lock;

	(void)state;
	write_file("database", "kept"); /* a copy that was brought back, without the lock */
	take("/mnt", &lock);
	lock_discard(lock);
	expect_file("database", "kept");
	assert_int_equal(unlink("lock"), 0);
	assert_int_equal(unlink("database"), 0);

	take("/mnt", &lock);
	lock_release(lock);
	take("/mnt", &lock); /* it was somebody's before */
	write_file("database", "kept");
	lock_discard(lock);
	expect_file("database", "kept");
}

static void unmade_is_what_was_made(const char *given, int expected)
{
	struct error err = {0};
	char *path = NULL;
	int made;

	if (lock_make_dir(given, &path, &made, &err) != 0)
		fail_msg("%s", err.text);
	assert_int_equal(made, expected);
	lock_unmake_dir(path, made);
	free(path);
}

static void directories_that_were_made_go_again(void **state)
{
	struct error err = {0};
	char *path = NULL, name[300];
	int made;

	(void)state;
	assert_int_equal(mkdir("there", 0700), 0);
	unmade_is_what_was_made("there", 0);
	unmade_is_what_was_made("there/", 0);
	unmade_is_what_was_made("there/a", 1);
	unmade_is_what_was_made("there//a//b//", 2);
	unmade_is_what_was_made("a/../there/b", 1);
	assert_int_equal(count_files("there"), 0);
	assert_int_equal(rmdir("a"), 0);
	write_file("there/file", "");
	assert_int_equal(lock_make_dir("there/file/a", &path, &made, &err), -ENOTDIR);
	snprintf(name, sizeof(name), "new/a//%0256d", 0);
	assert_int_equal(lock_make_dir(name, &path, &made, &err), -ENAMETOOLONG);
	assert_int_equal(access("new", F_OK), -1);
	assert_int_equal(count_files("."), 1);
}

static void an_owner_that_ends_says_so(void **state)
{
	struct lock_owner owner;
	struct lock *lock, *second = NULL;

	(void)state;
	take("/mnt", &lock);
	lock_ending(lock);
	assert_int_equal(lock_take(".", "/mnt/c", &second, &owner, NULL), -EBUSY);
	assert_true(owner.ending);
	assert_int_equal(owner.pid, getpid());
	assert_null(owner.mountpoint);
	lock_release(lock);
	take("/mnt/c", &second);
	lock_release(second);
	lock_release(NULL);
}

static void an_unreadable_note_is_no_owner(void **state)
{
	static const char *const notes[] = {
		"", "\n", "x", "-1 /mnt\n", "99999999999999999999 /m\n"};

	(void)state;
	for (size_t i = 0; i < sizeof(notes) / sizeof(notes[0]); i++) {
		struct lock_owner owner;
		struct error err = {0};
		struct lock *lock, *second = NULL;

		take("/mnt", &lock);
		write_file("lock", notes[i]);
		assert_int_equal(lock_take(".", "/mnt", &second, &owner, &err), -EBUSY);
		assert_int_equal(owner.pid, 0);
		assert_null(owner.mountpoint);
		assert_non_null(strstr(err.text, "another leitlfs"));
		lock_release(lock);
	}
}

static void a_dead_owner_is_not_in_the_way(void **state)
{
	struct lock *lock = NULL;
	char taken;
	int ends[2];
	pid_t child;

	(void)state;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	child = fork();
	if (child == 0) {
		if (lock_take(".", "/mnt", &lock, NULL, NULL) == 0 && write(ends[1], "", 1) == 1)
			pause();
		_exit(1);
	}
	assert_int_equal(read(ends[0], &taken, 1), 1);
	assert_int_equal(lock_take(".", "/mnt", &lock, NULL, NULL), -EBUSY);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	take("/mnt", &lock);
	lock_release(lock);
	close(ends[0]);
	close(ends[1]);
}

static void programs_do_not_inherit_it(void **state)
{
	struct lock *lock = NULL;
	pid_t child;

	(void)state;
	take("/mnt", &lock);
	child = fork();
	if (child == 0) {
		execlp("sleep", "sleep", "30", (char *)NULL);
		_exit(127);
	}
	for (int i = 0; i < 1000; i++) { /* until it is sleep, not yet this program */
		char path[64], name[32] = "";
		FILE *f;

		snprintf(path, sizeof(path), "/proc/%d/comm", (int)child);
		f = fopen(path, "re");
		assert_non_null(f);
		if (fgets(name, sizeof(name), f) == NULL)
			name[0] = '\0';
		fclose(f);
		if (strcmp(name, "sleep\n") == 0)
			break;
		usleep(5000);
	}
	lock_release(lock);
	take("/mnt", &lock);
	lock_release(lock);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

static void a_link_in_the_locks_place_is_refused(void **state)
{
	struct error err = {0};
	struct lock *lock = NULL;

	(void)state;
	assert_int_equal(symlink("victim", "lock"), 0);
	assert_int_equal(lock_take(".", "/mnt", &lock, NULL, &err), -ELOOP);
	assert_int_equal(access("victim", F_OK), -1);
	assert_int_equal(lock_take("missing", "/mnt", &lock, NULL, &err), -ENOENT);
	assert_null(lock);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(makes_what_is_missing_for_oneself_alone),
		TEST(leaves_parents_as_they_are),
		TEST(goes_through_a_link_to_ones_own),
		TEST(an_empty_directory_is_closed_to_others),
		TEST(a_used_one_that_was_opened_is_closed_again),
		TEST(what_others_could_write_is_refused),
		TEST(a_directory_in_use_for_something_else_is_not_closed),
		TEST(a_private_directory_may_hold_anything),
		TEST(another_users_is_refused),
		TEST(what_is_no_directory_is_refused),
		TEST(the_default_follows_the_environment),
		TEST(the_lock_tells_its_owner),
		TEST(what_was_empty_is_left_empty),
		TEST(what_was_not_empty_is_left_as_it_was),
		TEST(directories_that_were_made_go_again),
		TEST(an_owner_that_ends_says_so),
		TEST(an_unreadable_note_is_no_owner),
		TEST(a_dead_owner_is_not_in_the_way),
		TEST(programs_do_not_inherit_it),
		TEST(a_link_in_the_locks_place_is_refused),
	};

	return cmocka_run_group_tests_name("lock", tests, NULL, NULL);
}
