/* Whether a program can be run: the same verdicts as execvp(3)'s. */
#include "fs/command/program.h"

#include "tests/unit/scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void make(struct scratch *s, const char *name, const char *text, mode_t mode)
{
	FILE *f = fopen(scratch_path(s, name), "we");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(scratch_path(s, name), mode), 0);
}

/* One directory for each kind of file that may be called tool. */
static void make_all(struct scratch *s)
{
	static const char *const dirs[] = {"plain", "good", "dir", "astray", "bare", "nested",
		"round", "empty", "dir/tool", NULL};
	char line[256];

	for (size_t i = 0; dirs[i] != NULL; i++)
		assert_int_equal(mkdir(scratch_path(s, dirs[i]), 0755), 0);
	make(s, "plain/tool", "#!/bin/sh\nexit 0\n", 0644);
	make(s, "good/tool", "#!/bin/sh\nexit 0\n", 0755);
	make(s, "astray/tool", "#! /nowhere/interpreter -x\n", 0755);
	make(s, "bare/tool", "exit 0\n", 0755);
	make(s, "empty/tool", "", 0755);
	snprintf(line, sizeof(line), "#!%s/good/tool\n", s->path);
	make(s, "nested/tool", line, 0755);
	snprintf(line, sizeof(line), "#!%s/round/tool\n", s->path);
	make(s, "round/tool", line, 0755);
}

/* The errno of execvp(3), 0 where it runs. */
static int tried(const char *name)
{
	char *argv[] = {(char *)(uintptr_t)name, NULL};
	int ends[2], code = 0;
	pid_t pid;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		execvp(name, argv);
		code = errno;
		_exit(write(ends[1], &code, sizeof(code)) == sizeof(code) ? 0 : 1);
	}
	close(ends[1]);
	if (read(ends[0], &code, sizeof(code)) <= 0)
		code = 0;
	close(ends[0]);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	return code;
}

static void assert_as_tried(const char *name, int expected)
{
	struct error err = {0};

	assert_int_equal(tried(name), expected);
	assert_int_equal(program_check(name, &err), -expected);
	assert_int_equal(err.code, expected);
	assert_true((err.text[0] != '\0') == (expected != 0));
}

static int setup(void **state)
{
	struct scratch *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	scratch_init(s);
	make_all(s);
	assert_int_equal(chdir(s->path), 0);
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	assert_int_equal(chdir("/"), 0);
	scratch_release(*state);
	free(*state);
	return 0;
}

static void names_with_a_slash_are_paths(void **state)
{
	(void)state;
	setenv("PATH", "good", 1);
	assert_as_tried("good/tool", 0);
	assert_as_tried("./good/tool", 0);
	assert_as_tried("plain/tool", EACCES);
	assert_as_tried("dir/tool", EACCES);
	assert_as_tried("./tool", ENOENT);
	assert_as_tried("good/tool/x", ENOTDIR);
	assert_as_tried("astray/tool", ENOENT);
	assert_as_tried("bare/tool", 0);
	assert_as_tried("empty/tool", 0);
	assert_as_tried("nested/tool", 0);
	assert_as_tried("round/tool", ELOOP);
}

static void names_without_are_found_along_path(void **state)
{
	static const struct {
		const char *path;
		int code;
	} cases[] = {
		{"good", 0},
		{"plain", EACCES},
		{"plain:good", 0},
		{"dir:good", 0},
		{"dir:nowhere", EACCES},
		{"nowhere:good/tool:good", 0},
		{"nowhere", ENOENT},
		{"astray", ENOENT},
		{"astray:good", 0},
		{"astray:plain:nowhere", EACCES},
		{"plain:astray", EACCES},
		{"round:good", ELOOP},
		{"bare", 0},
		{":nowhere", ENOENT},
		{"nowhere:", ENOENT},
		{"", ENOENT},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		setenv("PATH", cases[i].path, 1);
		assert_as_tried("tool", cases[i].code);
	}
	/* execvp(3) tells ENOTDIR of a last element that is no directory; to people it is the same.
	 */
	setenv("PATH", "good/tool", 1);
	assert_int_equal(program_check("tool", NULL), -ENOENT);
	/* An empty element is the working directory. */
	assert_int_equal(chdir("good"), 0);
	setenv("PATH", ":/nowhere", 1);
	assert_as_tried("tool", 0);
	setenv("PATH", "/nowhere:", 1);
	assert_as_tried("tool", 0);
	assert_int_equal(chdir(".."), 0);
	unsetenv("PATH");
	assert_as_tried("true", 0);
	assert_as_tried("tool", ENOENT);
}

static void names_that_are_none(void **state)
{
	char name[400];

	(void)state;
	setenv("PATH", "good", 1);
	assert_as_tried("", ENOENT);
	memset(name, 'x', sizeof(name));
	name[300] = '\0';
	assert_as_tried(name, ENAMETOOLONG);
}

static void the_reason_is_told(void **state)
{
	struct error err = {0};

	(void)state;
	setenv("PATH", "good", 1);
	program_check("nothing", &err);
	assert_string_equal(err.text, "nothing: there is no such program in PATH");
	program_check("./nothing", &err);
	assert_string_equal(err.text, "./nothing: No such file or directory");
	program_check("./dir", &err);
	assert_string_equal(err.text, "./dir: Is a directory");
	program_check("plain/tool", &err);
	assert_string_equal(err.text, "plain/tool: Permission denied");
	program_check("astray/tool", &err);
	assert_string_equal(err.text,
		"astray/tool: its first line names /nowhere/interpreter: No such file or "
		"directory");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(names_with_a_slash_are_paths, setup, teardown),
		cmocka_unit_test_setup_teardown(
			names_without_are_found_along_path, setup, teardown),
		cmocka_unit_test_setup_teardown(names_that_are_none, setup, teardown),
		cmocka_unit_test_setup_teardown(the_reason_is_told, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
