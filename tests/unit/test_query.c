#include "core/context/query.h"

#include "core/base/buf.h"
#include "core/context/search.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NOW (INT64_C(1763424000) * 1000000) /* 2025-11-18 */
#define DAY (INT64_C(86400) * 1000000)

static struct query_terms parsed(const char *text)
{
	struct query_terms q = {0};
	struct error err = {0};

	if (query_parse(text, strlen(text), NOW, &q, &err))
		fail_msg("%s: %s", text, err.text);
	return q;
}

static void all_is(const char *text, const char *all)
{
	struct query_terms q = parsed(text);

	assert_string_equal(q.all ? q.all : "", all);
	query_release(&q);
}

static void some_is(const char *text, const char *some)
{
	struct query_terms q = parsed(text);

	assert_string_equal(q.some ? q.some : "", some);
	query_release(&q);
}

static void test_words(void **state)
{
	(void)state;
	all_is("login", "(\"login\")");
	some_is("login", "");
	all_is("  Login \t Caf\xc3\xa9 ", "(\"login\") AND (\"cafe\")");
	some_is("login page", "(\"login\") OR (\"page\")");
	all_is("\xe8\xaa\x8d\xe8\xa8\xbc\xe3\x80\x80x",
		"(\"\xe8\xaa\x8d \xe8\xa8\xbc\") AND (\"x\")");
}

static void test_identifiers(void **state)
{
	(void)state;
	all_is("user_authentication", "(\"user authentication\" OR \"userauthentication\")");
	all_is("UserAuthentication", "(\"user authentication\" OR \"userauthentication\")");
	all_is("auth.py", "(\"auth py\" OR \"authpy\")");
	all_is("userAuth2.py", "(\"user auth 2 py\" OR \"userauth2 py\" OR \"userauth2py\")");
	all_is("src/UserAuth.c",
		"(\"src user auth c\" OR \"src userauth c\" OR \"src userauthc\")");
	all_is("user_auth*", "(\"user auth\" * OR \"userauth\" *)");
}

static void test_phrases(void **state)
{
	(void)state;
	all_is("\"user authentication\" x", "(\"user authentication\") AND (\"x\")");
	all_is("\"the login\"", "(\"the login\")");
	all_is("\"open quote", "(\"open\") AND (\"quote\")");
	all_is("a\"b c\"d", "(\"a b\") AND (\"c d\")");
	all_is("\"a b\"c", "(\"a b\") AND (\"c\")");
	all_is("\"a bc\"*", "(\"a bc\" *)");
	all_is("\"\" x", "(\"x\")");
}

static void test_prefixes(void **state)
{
	struct query_terms q = parsed("auth*");

	(void)state;
	assert_memory_equal(q.all, "(\"auth\" *", 9);
	query_release(&q);
	q = parsed("authenticati*");
	assert_non_null(strstr(q.all, "\"authentication\""));
	query_release(&q);
	all_is("a7* b*", "(\"a 7\") AND (\"b\")");
	all_is("77*", "(\"77\" *)");
	all_is("* x", "(\"x\")");
}

static void test_exclusions(void **state)
{
	struct query_terms q;

	(void)state;
	all_is("login -test", "((\"login\")) NOT ((\"test\"))");
	all_is("a1 -\"b c\" -dd*", "((\"a 1\")) NOT ((\"b c\") OR (\"dd\" *))");
	some_is("x y -z", "((\"x\") OR (\"y\")) NOT ((\"z\"))");
	all_is("user-name", "(\"user name\" OR \"username\")");
	all_is("x - y", "(\"x\") AND (\"y\")");
	q = parsed("-draft type:md");
	assert_null(q.all);
	assert_string_equal(q.never, "(\"draft\")");
	query_release(&q);
}

static void test_fillers_are_left_out_where_there_are_others(void **state)
{
	(void)state;
	all_is("how is the login", "(\"login\")");
	all_is("the who is", "(\"who\")");
	all_is("to be", "(\"to\") AND (\"be\")");
	all_is("\"the login\" of", "(\"the login\")");
}

static void test_what_is_no_operator_is_words(void **state)
{
	(void)state;
	all_is("max:many x", "(\"max many\") AND (\"x\")");
	all_is("since:yesterday", "(\"since yesterday\")");
	all_is("type: x", "(\"type\") AND (\"x\")");
	all_is("http://x.org", "(\"http x org\" OR \"http xorg\")");
	all_is("x AND y", "(\"x\") AND (\"y\")");
	all_is("x NEAR(y, 3) {path}:z ^w",
		"(\"x\") AND (\"near y\") AND (\"3\") AND (\"path z\") AND (\"w\")");
	all_is("x' OR 1=1; DROP TABLE doc --",
		"(\"x\") AND (\"1 1\") AND (\"drop\") AND (\"table\") AND (\"doc\")");
}

static void test_filters(void **state)
{
	struct query_terms q = parsed(
		"x type:md,.PY source:docs path:/API/ path:\"a b\" -type:html MAX:5 since:7d");

	(void)state;
	assert_string_equal(q.all, "(\"x\")");
	assert_int_equal(q.is[QUERY_TYPE].count, 2);
	assert_string_equal(q.is[QUERY_TYPE].items[0], "md");
	assert_string_equal(q.is[QUERY_TYPE].items[1], "py");
	assert_string_equal(q.is[QUERY_SOURCE].items[0], "docs");
	assert_string_equal(q.is[QUERY_PATH].items[0], "api/");
	assert_string_equal(q.is[QUERY_PATH].items[1], "a b");
	assert_string_equal(q.not [QUERY_TYPE].items[0], "html");
	assert_int_equal(q.max, 5);
	assert_true(q.since_set);
	assert_int_equal(q.since_us, NOW - 7 * DAY);
	query_release(&q);
	q = parsed("since:2w");
	assert_int_equal(q.since_us, NOW - 14 * DAY);
	query_release(&q);
	q = parsed("since:2025-01-01 max:100000");
	assert_int_equal(q.since_us, INT64_C(1735689600) * 1000000);
	assert_int_equal(q.max, RESULTS_MAX);
	query_release(&q);
	q = parsed("x since:99999999999d");
	assert_false(q.since_set);
	query_release(&q);
	q = parsed("x");
	assert_int_equal(q.max, 10);
	query_release(&q);
}

static void accepts(
	const char *query, const char *path, const char *type, int64_t date, bool expected)
{
	struct query_terms q = parsed(query);

	if (query_accepts(&q, path, type, date) != expected)
		fail_msg("%s: %s", query, path);
	query_release(&q);
}

static void test_accepting(void **state)
{
	(void)state;
	accepts("type:md", "a/b.md", "", 0, true);
	accepts("type:md", "a/b.MD", "", 0, true);
	accepts("type:md", "a/bmd", "", 0, false);
	accepts("type:md", "md", "", 0, false);
	accepts("type:markdown", "a/b.md", "text/markdown; charset=utf-8", 0, true);
	accepts("type:text/plain", "a", "text/plain", 0, true);
	accepts("type:md,py", "a.py", "", 0, true);
	accepts("-type:md x", "a.md", "", 0, false);
	accepts("path:api/", "api/a", "", 0, true);
	accepts("path:api/", "v2/API/a", "", 0, true);
	accepts("path:api/", "rapi/a", "", 0, false);
	accepts("path:api/a", "api/auth.md", "", 0, true);
	accepts("path:api path:doc", "doc/x", "", 0, true);
	accepts("-path:vendor/ x", "src/vendor/x", "", 0, false);
	accepts("since:2025-11-01", "a", "", NOW, true);
	accepts("since:2025-11-01", "a", "", NOW - 30 * DAY, false);
	accepts("x", "a", "", 0, true);
}

static void refused(const char *text, size_t len, int code)
{
	struct query_terms q;
	struct error err = {0};

	assert_int_equal(query_parse(text, len, NOW, &q, &err), -code);
	assert_int_equal(err.code, code);
	assert_memory_equal(err.text, "query: ", 7);
}

static void test_what_is_refused(void **state)
{
	char *large = malloc(QUERY_MAX + 1);

	(void)state;
	refused("", 0, EINVAL);
	refused("  -  \"\" !!", 10, EINVAL);
	refused("-word", 5, EINVAL);
	refused("max:5", 5, EINVAL);
	refused("caf\xc3", 4, EINVAL);
	assert_non_null(large);
	memset(large, 'a', QUERY_MAX + 1);
	refused(large, QUERY_MAX + 1, EMSGSIZE);
	free(large);
}

static void test_what_is_too_much_is_left_out(void **state)
{
	struct buf text = BUF_INIT;
	struct query_terms q;
	size_t count = 1;

	(void)state;
	for (int i = 0; i < 500; i++)
		buf_addf(&text, "z%c%c ", 'a' + i / 26 % 26, 'a' + i % 26);
	q = parsed(text.data);
	for (const char *at = q.all; (at = strstr(at, " AND ")); at++)
		count++;
	assert_int_equal(count, QUERY_TERMS_MAX);
	query_release(&q);
	buf_reset(&text);
	while (text.len < QUERY_MAX - 4)
		buf_adds(&text, "a b ");
	text.data[0] = '"';
	text.data[text.len - 1] = '"';
	q = parsed(text.data);
	assert_true(strlen(q.all) < 600);
	query_release(&q);
	buf_release(&text);
}

static void test_names_of_files(void **state)
{
	struct query_terms q = parsed("user_auth.py");
	char key[16];

	(void)state;
	assert_string_equal(q.name, "userauthpy");
	query_release(&q);
	assert_int_equal(query_name_key("User-Auth.py", 12, key, sizeof(key)), 10);
	assert_memory_equal(key, "userauthpy", 10);
	assert_int_equal(query_name_key("aaaaaaaaaaaaaaaaaaaaaaaaaaa", 27, key, sizeof(key)), 16);
}

static void name_is(const char *name, const char *expected)
{
	struct buf out = BUF_INIT;
	int r = query_from_name(name, &out);

	assert_int_equal(r, expected ? 0 : -ENOENT);
	if (expected)
		assert_string_equal(out.data, expected);
	buf_release(&out);
}

static void test_queries_in_paths(void **state)
{
	(void)state;
	name_is("login bug", "login bug");
	name_is("login+bug", "login bug");
	name_is("c%2B%2b", "c++");
	name_is("path:api%2Fv2", "path:api/v2");
	name_is("100%25", "100%");
	name_is("%E8%AA%8D", "\xe8\xaa\x8d");
	name_is(".git", NULL);
	name_is("", NULL);
	name_is("a%", NULL);
	name_is("a%2", NULL);
	name_is("a%zz", NULL);
	name_is("a%00", NULL);
	name_is("a%0A", NULL);
	name_is("a\nb", NULL);
	name_is("a%ff", NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_identifiers),
		cmocka_unit_test(test_phrases),
		cmocka_unit_test(test_prefixes),
		cmocka_unit_test(test_exclusions),
		cmocka_unit_test(test_fillers_are_left_out_where_there_are_others),
		cmocka_unit_test(test_what_is_no_operator_is_words),
		cmocka_unit_test(test_filters),
		cmocka_unit_test(test_accepting),
		cmocka_unit_test(test_what_is_refused),
		cmocka_unit_test(test_what_is_too_much_is_left_out),
		cmocka_unit_test(test_names_of_files),
		cmocka_unit_test(test_queries_in_paths),
	};

	return cmocka_run_group_tests_name("query", tests, NULL, NULL);
}
