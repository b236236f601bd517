/* Patterns of paths. */
#include "core/base/glob.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define NO    0
#define IT    1 /* matches the path itself, and covers it */
#define ABOVE 2 /* covers it */

static const struct {
	const char *pattern, *path;
	int expected;
} cases[] = {
	{"*.md", "a.md", IT},
	{"*.md", "docs/deep/a.md", IT},
	{"*.md", "a.mdx", NO},
	{"*.md", "md", NO},
	{"*.md", "x.md/inner.txt", ABOVE},
	{"*", "a", IT},
	{"a", "b/a/c", ABOVE},
	{"a", "ab", NO},
	{"docs/*.md", "docs/a.md", IT},
	{"docs/*.md", "docs/x/a.md", NO},
	{"docs/*.md", "x/docs/a.md", NO},
	{"/a.md", "a.md", IT},
	{"/a.md", "x/a.md", NO},
	{"docs/", "docs", NO},
	{"docs/", "docs/a", ABOVE},
	{"docs/", "x/docs/a", ABOVE},
	{"/docs/", "x/docs/a", NO},
	{"docs/**", "docs/a", IT},
	{"docs/**", "docs/a/b/c", IT},
	{"docs/**", "docs", NO},
	{"**", "a/b", IT},
	{"**/a", "a", IT},
	{"**/a", "x/y/a", IT},
	{"**/a", "x/y/ab", NO},
	{"a/**/b", "a/b", IT},
	{"a/**/b", "a/x/y/b", IT},
	{"a/**/b", "a/x/y/b/z", ABOVE},
	{"a/**/b/*.c", "a/b/b/b/x.c", IT},
	{"a/**/b/*.c", "a/b/b/x/y.c", NO},
	{"a**b", "axxb", IT},
	{"a**b", "ax/xb", NO},
	{"a?c", "abc", IT},
	{"a?c", "aéc", IT},
	{"a?c", "ac", NO},
	{"a?c", "a/c", NO},
	{"[a-c]x", "bx", IT},
	{"[a-c]x", "dx", NO},
	{"[!a-c]x", "dx", IT},
	{"[!a-c]x", "ax", NO},
	{"[^a]", "b", IT},
	{"[é-ö]x", "ñx", IT},
	{"[]a]", "]", IT},
	{"[a-]", "-", IT},
	{"[\\]]", "]", IT},
	{"[\\]]", "\\", NO},
	{"[a", "[a", IT},
	{"[a/b]", "a", NO},
	{"\\*", "*", IT},
	{"\\*", "a", NO},
	{"a\\", "a\\", IT},
	{".*", ".git", IT},
	{"*", ".git", IT},
	{"", "a", NO},
	{"/", "a", NO},
	{"//a//b//", "a/b/c", ABOVE},
	{"A", "a", NO},
	{"\xff*", "\xff\xfe", IT},
};

static void patterns_match(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *pattern = cases[i].pattern, *path = cases[i].path;

		if (glob_matches(pattern, path, false) != (cases[i].expected == IT) ||
			glob_covers(pattern, path, false) != (cases[i].expected != NO))
			fail_msg("%s of %s", pattern, path);
	}
}

static void a_slash_at_the_end_is_for_directories(void **state)
{
	(void)state;
	assert_true(glob_matches("docs/", "docs", true));
	assert_true(glob_covers("docs/", "x/docs", true));
	assert_true(glob_matches("/docs/", "docs", true));
	assert_false(glob_covers("docs/", "docs", false));
}

static void leads_to_what_it_covers(void **state)
{
	static const struct {
		const char *pattern, *dir;
		bool leads;
	} dirs[] = {
		{"*.md", "any/where", true},
		{"docs/*.md", "docs", true},
		{"docs/*.md", "", true},
		{"docs/*.md", "src", false},
		{"docs/*/x.md", "docs/a", true},
		{"docs/*/x.md", "docs/a/b", false},
		{"docs/**", "docs/a/b", true},
		{"docs/**", "src/docs", false},
		{"**/x/y", "a/b/c", true},
		{"a/b", "a/b/c", true}, /* below what it matches */
		{"/a", "a", true},
		{"/a", "b", false},
		{"", "a", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++)
		if (glob_leads(dirs[i].pattern, dirs[i].dir) != dirs[i].leads)
			fail_msg("%s of %s", dirs[i].pattern, dirs[i].dir);
}

/* What takes others exponential time: it would not end. */
static void a_hostile_pattern_costs_little(void **state)
{
	char pattern[256] = "", path[4096] = "";

	(void)state;
	for (int i = 0; i < 100; i++)
		memcpy(pattern + (size_t)i * 2, "*a", 3);
	memset(path, 'a', sizeof(path) - 2);
	path[sizeof(path) - 2] = 'b';
	assert_false(glob_covers(pattern, path, false));
	for (int i = 0; i < 60; i++)
		memcpy(pattern + (size_t)i * 4, "**/a", 4);
	memcpy(pattern + 240, "/x", 3);
	for (size_t i = 0; i + 2 < sizeof(path); i += 2)
		memcpy(path + i, "a/", 3);
	path[sizeof(path) - 3] = '\0';
	assert_false(glob_matches(pattern, path, false));
	assert_false(glob_covers(pattern, path, false));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(patterns_match),
		cmocka_unit_test(a_slash_at_the_end_is_for_directories),
		cmocka_unit_test(leads_to_what_it_covers),
		cmocka_unit_test(a_hostile_pattern_costs_little),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
