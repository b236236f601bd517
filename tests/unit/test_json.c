#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/base/json.h"
#include "core/base/json_scan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct json *parse(const char *text)
{
	struct error err = {0};
	struct json *json = NULL;

	if (json_parse(text, strlen(text), &json, &err) != 0)
		fail_msg("%s: %s", text, err.text);
	return json;
}

static void refused_bytes(const char *text, size_t len, const char *reason)
{
	struct error err = {0};
	struct json *json = NULL;

	assert_int_equal(json_parse(text, len, &json, &err), -EINVAL);
	assert_null(json);
	assert_int_equal(err.code, EINVAL);
	if (strstr(err.text, reason) == NULL)
		fail_msg("\"%s\" has no \"%s\"", err.text, reason);
}

static void refused(const char *text, const char *reason)
{
	refused_bytes(text, strlen(text), reason);
}

static void parses(void **state)
{
	(void)state;
	json_free(parse("{}"));
	json_free(parse(" \n{ \"a\" : [1, 2.5, -0, 1e3, true, false, null, \"x\", {}] }\n "));
	json_free(parse("{\"\\ud83d\\ude00\":\"\\u00e9 \xc3\xa9\"}"));
	json_free(NULL);
}

static void refuses(void **state)
{
	(void)state;
	refused("", "bad JSON at line 1, column 0");
	refused("[]", "must be an object");
	refused("[{}]", "must be an object");
	refused("\"x\"", "line 1");
	refused("7", "line 1");
	refused("{", "line 1");
	refused("{}x", "end of file expected");
	refused("{}{}", "end of file expected");
	refused("{\"a\":1,}", "line 1, column 8");
	refused("{\n\"a\": nope}", "line 2, column 9: invalid token");
	refused("{'a':1}", "line 1");
	refused("{\"a\":01}", "line 1");
	refused("{\"a\":1,\"a\":2}", "duplicate object key near '\"a\"'");
	refused("{\"a\":{\"b\":1,\"\\u0062\":2}}", "duplicate object key");
	refused("{\"a\":\"\\u0000\"}", "line 1");
	refused("{\"\\u0000\":1}", "line 1");
	refused("{\"a\":\"\\ud800\"}", "line 1");
	refused("{\"a\":\"\\udc00\"}", "line 1");
	refused("{\"a\":\"\xff\"}", "line 1");
	refused("{\"a\":\"\xed\xa0\x80\"}", "line 1");
	refused("{\"a\":1e999}", "real number overflow");
	refused_bytes("{\"a\":\"\0\"}", 9, "line 1");
	refused_bytes("{}\0", 3, "line 1");
	refused_bytes("{\0}", 3, "line 1");
}

static void errors_repeat_no_value(void **state)
{
	struct error err = {0};
	struct json *json;
	static const char text[] = "{\"password\": hunter2}";

	(void)state;
	assert_int_equal(json_parse(text, strlen(text), &json, &err), -EINVAL);
	assert_null(strstr(err.text, "hunter2"));
	assert_int_equal(json_parse(text, strlen(text), &json, NULL), -EINVAL);
}

static char *nested(unsigned depth, const char *open, const char *close)
{
	struct buf b = BUF_INIT;

	buf_adds(&b, "{\"a\":");
	for (unsigned i = 1; i < depth; i++)
		buf_adds(&b, open);
	buf_adds(&b, "7");
	for (unsigned i = 1; i < depth; i++)
		buf_adds(&b, close);
	buf_adds(&b, "}");
	return buf_detach(&b, NULL);
}

static void depth_is_bounded(void **state)
{
	char *text;

	(void)state;
	text = nested(JSON_DEPTH_MAX, "[", "]");
	json_free(parse(text));
	free(text);
	text = nested(JSON_DEPTH_MAX, "{\"b\":", "}");
	json_free(parse(text));
	free(text);
	text = nested(JSON_DEPTH_MAX + 1, "[", "]");
	refused(text, "deeper than 256");
	free(text);
	text = nested(JSON_DEPTH_MAX + 1, "{\"b\":", "}");
	refused(text, "deeper than 256");
	free(text);
	text = nested(300000, "[", "]");
	refused(text, "deeper than 256");
	free(text);
	json_free(parse("{\"a\":\"[[[[{{{{\"}"));
}

static void huge_integers_parse(void **state)
{
	struct json *json = parse("{\"a\":12345678901234567890,\"b\":7}");
	int64_t b = 0;
	double a = 0;

	(void)state;
	assert_int_equal(json_get_integer(json, "b", 0, 10, &b, NULL), 0);
	assert_int_equal(b, 7); /* though all of it was read as reals */
	assert_int_equal(json_get_integer(json, "a", 0, INT64_MAX, &b, NULL), -EINVAL);
	assert_int_equal(json_get_number(json, "a", &a, NULL), 0);
	assert_true(a > 1.23e19 && a < 1.24e19);
	json_free(json);
}

static void members(void **state)
{
	struct json *json = parse("{\"z\":1,\"y\":null,\"x\":[1,\"two\",{}],\"w\":{\"v\":true}}");
	const struct json *list = json_get(json, "x"), *value;
	static const char *keys[] = {"z", "y", "x", "w"};
	const char *key;
	size_t count = 0;

	(void)state;
	assert_true(json_has(json, "z"));
	assert_true(json_has(json, "y"));
	assert_false(json_has(json, "v"));
	assert_false(json_has(list, "v"));
	assert_int_equal(json_kind(json), JSON_KIND_OBJECT);
	assert_int_equal(json_kind(json_get(json, "y")), JSON_KIND_NULL);
	assert_int_equal(json_kind(json_get(json, "z")), JSON_KIND_NUMBER);
	assert_int_equal(json_kind(json_get(json_get(json, "w"), "v")), JSON_KIND_BOOL);
	assert_int_equal(json_kind(list), JSON_KIND_LIST);
	assert_int_equal(json_kind(json_item(list, 1)), JSON_KIND_STRING);
	assert_int_equal(json_count(json), 4);
	assert_int_equal(json_count(list), 3);
	assert_int_equal(json_count(json_item(list, 0)), 0);
	assert_string_equal(json_text(json_item(list, 1)), "two");
	assert_null(json_text(json_item(list, 0)));
	assert_null(json_item(list, 3));
	for (struct json_iter it = json_iter(json); json_next(&it, &key, &value);) {
		assert_string_equal(key, keys[count++]);
		assert_ptr_equal(value, json_get(json, key));
	}
	assert_int_equal(count, 4);
	json_free(json);
	json = parse("{}");
	for (struct json_iter it = json_iter(json); json_next(&it, &key, &value);)
		fail();
	json_free(json);
}

/* Calls one getter and compares its reason; "" is success. */
#define GIVES(call, reason)                                                                        \
	do {                                                                                       \
		struct error err = {0};                                                            \
		assert_int_equal(call, (reason)[0] == '\0' ? 0 : -EINVAL);                         \
		assert_string_equal(err.text, reason);                                             \
	} while (0)

static void typed_members(void **state)
{
	struct json *j = parse("{\"s\":\"text\",\"n\":2.5,\"i\":60,\"w\":6e1,\"t\":true,\"0\":null,"
			       "\"neg\":-1,\"l\":[]}");
	const char *s = "default";
	double n = 1;
	int64_t i = 5;
	bool t = false;

	(void)state;
	GIVES(json_get_string(j, "gone", 0, &s, &err), "");
	GIVES(json_get_string(j, "0", 0, &s, &err), "");
	GIVES(json_get_string(j, "i", 0, &s, &err), "i: must be a string");
	GIVES(json_get_string(j, "s", 3, &s, &err), "s: must be at most 3 bytes");
	GIVES(json_need_string(j, "gone", 0, &s, &err), "gone: is required");
	GIVES(json_need_string(j, "0", 0, &s, &err), "0: is required");
	GIVES(json_need(j, "l", &err), "");
	assert_string_equal(s, "default");
	GIVES(json_need_string(j, "s", 4, &s, &err), "");
	assert_string_equal(s, "text");
	GIVES(json_get_number(j, "s", &n, &err), "s: must be a number");
	GIVES(json_get_number(j, "gone", &n, &err), "");
	assert_true(n > 0.9 && n < 1.1);
	GIVES(json_get_number(j, "n", &n, &err), "");
	assert_true(n > 2.4 && n < 2.6);
	GIVES(json_get_integer(j, "n", 0, 9, &i, &err), "n: must be a whole number of 0 to 9");
	GIVES(json_get_integer(j, "i", 0, 59, &i, &err), "i: must be a whole number of 0 to 59");
	GIVES(json_get_integer(j, "neg", 0, 9, &i, &err), "neg: must be a whole number of 0 to 9");
	GIVES(json_get_integer(j, "s", 0, 9, &i, &err), "s: must be a whole number of 0 to 9");
	GIVES(json_get_integer(j, "0", 0, 9, &i, &err), "");
	assert_int_equal(i, 5);
	GIVES(json_get_integer(j, "i", 60, 60, &i, &err), "");
	assert_int_equal(i, 60);
	i = 0;
	GIVES(json_get_integer(j, "w", 60, 60, &i, &err), "");
	assert_int_equal(i, 60);
	GIVES(json_get_bool(j, "i", &t, &err), "i: must be true or false");
	GIVES(json_get_bool(j, "gone", &t, &err), "");
	assert_false(t);
	GIVES(json_get_bool(j, "t", &t, &err), "");
	assert_true(t);
	json_free(j);
}

static void durations(void **state)
{
	static const char bad[] =
		"t: must be a number of seconds, or a duration such as \"90s\" or \"10m\"";
	static const struct {
		const char *text;
		int64_t us; /* -1: refused; -2: left as it was */
	} cases[] = {
		{"{\"t\":90}", 90000000},
		{"{\"t\":0.1}", 100000},
		{"{\"t\":0}", 0},
		{"{\"t\":\"10m\"}", 600000000},
		{"{\"t\":\"90\"}", 90000000},
		{"{\"t\":null}", -2},
		{"{}", -2},
		{"{\"t\":-1}", -1},
		{"{\"t\":1e300}", -1},
		{"{\"t\":99999999999999999999}", -1},
		{"{\"t\":\"soon\"}", -1},
		{"{\"t\":true}", -1},
		{"{\"t\":[]}", -1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct json *j = parse(cases[i].text);
		int64_t us = 7;

		GIVES(json_get_duration(j, "t", &us, &err), cases[i].us == -1 ? bad : "");
		assert_int_equal(us, cases[i].us < 0 ? 7 : cases[i].us);
		json_free(j);
	}
}

static void string_lists(void **state)
{
	struct json *j = parse("{\"tags\":[\"a\",\"bcd\"],\"m\":[\"a\",1],\"s\":\"a\",\"e\":[]}");
	const struct json *list = NULL;

	(void)state;
	GIVES(json_get_strings(j, "gone", 2, 3, &list, &err), "");
	assert_null(list);
	GIVES(json_get_strings(j, "tags", 1, 3, &list, &err), "tags: must hold at most 1 strings");
	GIVES(json_get_strings(j, "tags", 2, 2, &list, &err), "tags: each must be at most 2 bytes");
	GIVES(json_get_strings(j, "m", 2, 3, &list, &err), "m: must be an array of strings");
	GIVES(json_get_strings(j, "s", 2, 3, &list, &err), "s: must be an array of strings");
	assert_null(list);
	GIVES(json_get_strings(j, "tags", 2, 3, &list, &err), "");
	assert_int_equal(json_count(list), 2);
	assert_string_equal(json_text(json_item(list, 1)), "bcd");
	GIVES(json_get_strings(j, "e", 2, 3, &list, &err), "");
	assert_int_equal(json_count(list), 0);
	json_free(j);
}

static void compacts_to(const char *text, const char *expected)
{
	struct buf b = BUF_INIT;

	json_free(parse(text));
	assert_int_equal(json_compact(text, strlen(text), &b), 0);
	assert_string_equal(b.data, expected);
	buf_reset(&b);
	assert_int_equal(json_compact(expected, strlen(expected), &b), 0);
	assert_string_equal(b.data, expected);
	buf_release(&b);
}

static void compact_keeps_what_was_written(void **state)
{
	struct buf b;

	(void)state;
	compacts_to("{}", "{}");
	compacts_to(" {\r\n\t} ", "{}");
	compacts_to("{ \"a b\" : \" c \\\" d \" , \"e\" : [ 1 , 2 ] }\n",
		"{\"a b\":\" c \\\" d \",\"e\":[1,2]}");
	compacts_to("{\"n\": [0.1, 1.0, 1e2, 1E+2, -0, 12345678901234567890, 0.30000000000000004]}",
		"{\"n\":[0.1,1.0,1e2,1E+2,-0,12345678901234567890,0.30000000000000004]}");
	compacts_to("{\"\\u0061\": \"\\u00e9\\/ \xc3\xa9 \\\\\" }",
		"{\"\\u0061\":\"\\u00e9\\/ \xc3\xa9 \\\\\"}");
	buf_init(&b, 3);
	assert_int_equal(json_compact("{\"a\":1}", 7, &b), -EMSGSIZE);
	buf_release(&b);
}

static void member_is(const char *text, const char *key, const char *expected)
{
	const char *value = NULL;
	size_t len = 99;
	bool found = json_member(text, strlen(text), key, &value, &len);

	json_free(parse(text));
	if (expected == NULL) {
		assert_false(found);
		assert_null(value);
		assert_int_equal(len, 99);
		return;
	}
	assert_true(found);
	assert_int_equal(len, strlen(expected));
	assert_memory_equal(value, expected, len);
}

static void raw_members(void **state)
{
	static const char text[] = " { \"a\" : 0.10 ,\"b\":\"x,}\\\"y\", \"c\":{\"d\":[1,\"]\"]} , "
				   "\"e\":[ {\"a\":9}, [] ],\"f\":null,\"\":true,"
				   "\"big\":12345678901234567890}";

	(void)state;
	member_is(text, "a", "0.10");
	member_is(text, "b", "\"x,}\\\"y\"");
	member_is(text, "c", "{\"d\":[1,\"]\"]}");
	member_is(text, "d", NULL);
	member_is(text, "e", "[ {\"a\":9}, [] ]");
	member_is(text, "f", "null");
	member_is(text, "", "true");
	member_is(text, "big", "12345678901234567890");
	member_is(text, "bi", NULL);
	member_is(text, "bigg", NULL);
	member_is("{}", "a", NULL);
	member_is("{\"a\":1}", "a", "1");
	member_is("{\"a\":-1e5\n}", "a", "-1e5");
}

static void raw_members_by_escaped_keys(void **state)
{
	(void)state;
	member_is("{\"s\\u0065q\":1}", "seq", "1");
	member_is("{\"\\u0073\\u0065\\u0071\":1}", "seq", "1");
	member_is("{\"\\u00E9\":1}", "\xc3\xa9", "1");
	member_is("{\"\\u20ac\":1}", "\xe2\x82\xac", "1");
	member_is("{\"\\ud83D\\uDe00x\":1}", "\xf0\x9f\x98\x80x", "1");
	member_is("{\"\xf0\x9f\x98\x80\":1}", "\xf0\x9f\x98\x80", "1");
	member_is("{\"a\\/b\":1}", "a/b", "1");
	member_is("{\"\\\"\\\\\\b\\f\\n\\r\\t\":1}", "\"\\\b\f\n\r\t", "1");
	member_is("{\"u0061\":1}", "a", NULL);
	member_is("{\"\\\\u0061\":1}", "a", NULL);
	member_is("{\"\\\\u0061\":1}", "\\u0061", "1");
}

/* The raw helpers get valid JSON; of other bytes they must still touch none but their own. */
static void raw_helpers_stay_inside(void **state)
{
	static const char text[] =
		"{\"\\ud83d\\ude00\":\"a\\\"\\\\\",\"k\":[1,{\"x\":\"]\"}],\"z\":0}";
	unsigned seed = 1;

	(void)state;
	for (size_t i = 0; i < 60000; i++) {
		size_t len = i % sizeof(text), found_len;
		char *copy = malloc(len > 0 ? len : 1);
		struct buf b = BUF_INIT;
		const char *found;

		assert_non_null(copy);
		memcpy(copy, text, len);
		for (size_t n = 0; len > 0 && i >= sizeof(text) && n < i % 4; n++) {
			seed = seed * 1103515245 + 12345;
			copy[(seed >> 8) % len] = "{}[]\",:\\u0 d"[(seed >> 20) % 12];
		}
		if (json_member(copy, len, "\xf0\x9f\x98\x80", &found, &found_len))
			assert_true(found >= copy && found + found_len <= copy + len);
		if (json_member(copy, len, "z", &found, &found_len))
			assert_true(found >= copy && found + found_len <= copy + len);
		json_compact(copy, len, &b);
		buf_release(&b);
		free(copy);
	}
}

/* Scans the text in pieces of `size` bytes. */
static int scan(const char *text, size_t len, size_t size, size_t *used)
{
	struct json_scan scan;
	int rc = 0;

	json_scan_init(&scan);
	for (size_t at = 0; rc == 0 && at < len; at += size) {
		size_t n = size < len - at ? size : len - at;

		rc = json_scan(&scan, text + at, n, used);
		if (rc != 0)
			*used += at;
	}
	return rc;
}

static void scanner_cases(void **state)
{
	static const struct {
		const char *text;
		int rc;
		size_t used;
	} cases[] = {
		{"{}", 1, 2},
		{"{}x", 1, 2},
		{"{\"a\":{\"b\":[{},[],\"}\"]}} {}", 1, 23},
		{"{\"a\":\"\\\"}\\\\\"}", 1, 13},
		{"{\"a\":-0.5e+10,\"b\":0,\"c\":10E2,\"d\":true,\"e\":null}", 1, 47},
		{"{\"a\":1", 0, 0},
		{"{\"a\":\"}", 0, 0},
		{"{\"a\":tru", 0, 0},
		{"[", -EINVAL, 0},
		{" {}", -EINVAL, 0},
		{"{a", -EINVAL, 1},
		{"{,", -EINVAL, 1},
		{"{\"a\":1,}", -EINVAL, 7},
		{"{\"a\" 1}", -EINVAL, 5},
		{"{\"a\":]", -EINVAL, 5},
		{"{\"a\":[}", -EINVAL, 6},
		{"{\"a\":[1}", -EINVAL, 7},
		{"{\"a\":[1,]", -EINVAL, 8},
		{"{\"a\":{]", -EINVAL, 6},
		{"{\"a\":1]", -EINVAL, 6},
		{"{\"a\":01", -EINVAL, 6},
		{"{\"a\":-}", -EINVAL, 6},
		{"{\"a\":1.}", -EINVAL, 7},
		{"{\"a\":1e}", -EINVAL, 7},
		{"{\"a\":1e+}", -EINVAL, 8},
		{"{\"a\":1.5.", -EINVAL, 8},
		{"{\"a\":+1", -EINVAL, 5},
		{"{\"a\":trux", -EINVAL, 8},
		{"{\"a\":truee", -EINVAL, 9},
		{"{\"a\":NaN", -EINVAL, 5},
		{"{\"a\":\"\\x", -EINVAL, 7},
		{"{\"a\":\"\\u00g", -EINVAL, 10},
		{"{\"a\":\"\n", -EINVAL, 6},
		{"{\"a\":1 2", -EINVAL, 7},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t len = strlen(cases[i].text);

		for (size_t size = 1; size <= len; size++) {
			size_t used = 0;

			if (scan(cases[i].text, len, size, &used) != cases[i].rc ||
				used != cases[i].used)
				fail_msg("%s by %zu: %zu", cases[i].text, size, used);
		}
	}
}

/* On mutated JSON the scanner and the parser agree, but for what only the parser looks at; none of
 * which these bytes can make, save for a key twice. */
static void scanner_agrees_with_the_parser(void **state)
{
	static const char seed_text[] =
		"{\"a\":[1,-2.5e3,\"x\\n\\u0041\"],\"b\":{\"c\":true},\"d\":null}";
	unsigned seed = 7;

	(void)state;
	for (size_t i = 0; i < 60000; i++) {
		char text[sizeof(seed_text)];
		size_t len = sizeof(seed_text) - 1, used = 0;
		struct error err = {0};
		struct json *json;
		int rc, parsed;

		memcpy(text, seed_text, sizeof(text));
		for (size_t n = 0; n <= i % 3; n++) {
			seed = seed * 1103515245 + 12345;
			text[1 + (seed >> 8) % (len - 1)] =
				"{}[]\",:\\u0179-+.eE tnfrals\n"[(seed >> 20) % 28];
		}
		rc = scan(text, len, 1 + i % 9, &used);
		parsed = json_parse(text, len, &json, &err);
		if (parsed == 0)
			json_free(json);
		if ((rc == 1 && used == len) != (parsed == 0) &&
			strstr(err.text, "duplicate") == NULL)
			fail_msg("%s: %d, %zu; %s", text, rc, used, err.text);
	}
}

static void strangers_are_told_by_their_key(void **state)
{
	static const char *const known[] = {"a", "b", NULL}, *const none[] = {NULL};
	const char *text = "{\"b\":1,\"c\":2,\"d\":3}";
	struct json *json;

	(void)state;
	assert_int_equal(json_parse(text, strlen(text), &json, NULL), 0);
	assert_string_equal(json_stranger(json, known), "c");
	assert_string_equal(json_stranger(json, none), "b");
	json_free(json);
	text = "{\"b\":1,\"a\":{\"c\":2}}";
	assert_int_equal(json_parse(text, strlen(text), &json, NULL), 0);
	assert_null(json_stranger(json, known));
	json_free(json);
	assert_int_equal(json_parse("{}", 2, &json, NULL), 0);
	assert_null(json_stranger(json, none));
	json_free(json);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parses),
		cmocka_unit_test(refuses),
		cmocka_unit_test(errors_repeat_no_value),
		cmocka_unit_test(depth_is_bounded),
		cmocka_unit_test(huge_integers_parse),
		cmocka_unit_test(members),
		cmocka_unit_test(typed_members),
		cmocka_unit_test(durations),
		cmocka_unit_test(string_lists),
		cmocka_unit_test(compact_keeps_what_was_written),
		cmocka_unit_test(raw_members),
		cmocka_unit_test(raw_members_by_escaped_keys),
		cmocka_unit_test(raw_helpers_stay_inside),
		cmocka_unit_test(scanner_cases),
		cmocka_unit_test(scanner_agrees_with_the_parser),
		cmocka_unit_test(strangers_are_told_by_their_key),
	};

	return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
