/* Schemas and answers that are too large, too deep or too much work. */
#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/base/limits.h"
#include "tests/unit/schema_made.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static char *repeated(const char *before, const char *what, size_t times, const char *after)
{
	struct buf b = BUF_INIT;

	buf_adds(&b, before);
	for (size_t i = 0; i < times; i++)
		buf_adds(&b, what);
	buf_adds(&b, after);
	assert_int_equal(buf_error(&b), 0);
	return buf_detach(&b, NULL);
}

static char *wrapped(const char *open, size_t times, const char *inner, const char *close)
{
	char *start = repeated("", open, times, inner);
	char *text = repeated(start, close, times, "");

	free(start);
	return text;
}

static void expect_new(char *text, int expected)
{
	struct error err = {0};
	struct schema *schema = NULL;

	assert_int_equal(schema_new(text, strlen(text), &schema, &err), expected);
	assert_true(expected == 0 || (err.code == -expected && err.text[0] != '\0'));
	schema_free(schema);
	free(text);
}

static double cpu_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Checks, in bounded time, and frees the answer. */
static void expect(const char *schema_text, char *answer, int expected)
{
	struct schema *schema = schema_made(schema_text);
	struct error err = {0};
	double began = cpu_seconds();
	int rc = schema_check(schema, answer, strlen(answer), &err);
	double took = cpu_seconds() - began;

	if (getenv("SCHEMA_TIMES") != NULL)
		print_message("%8.1f ms: %.100s\n", took * 1e3, schema_text);
	if (rc != expected)
		fail_msg("%.200s: %d, not %d: %s", schema_text, rc, expected, err.text);
	assert_true(rc == 0 || (err.code == -rc && err.text[0] != '\0'));
	assert_true(took < 20); /* sanitized, on a slow machine; it would be for ever */
	schema_free(schema);
	free(answer);
}

static void schemas_are_bounded(void **state)
{
	(void)state;
	expect_new(wrapped("{\"not\":", 250, "{}", "}"), 0);
	expect_new(wrapped("{\"not\":", 300, "{}", "}"), -EINVAL);
	expect_new(wrapped("{\"not\":", 6000, "{}", "}"), -EINVAL);
	expect_new(wrapped("[", 30000, "", "]"), -EINVAL);
	expect_new(repeated("{\"anyOf\":[true", ",true", SCHEMA_NODES_MAX - 2, "]}"), 0);
	expect_new(repeated("{\"anyOf\":[true", ",true", SCHEMA_NODES_MAX - 1, "]}"), -E2BIG);
	expect_new(repeated("{\"enum\":[1", ",1", SCHEMA_MAX / 2 - 10, "]}"), 0);
	expect_new(repeated("{\"enum\":[1", ",1", SCHEMA_MAX / 2, "]}"), -E2BIG);
	expect_new(
		repeated("{\"anyOf\":[true", ",{\"pattern\":\"(?:abc){500}\"}", 500, "]}"), -E2BIG);
	expect_new(repeated("{\"pattern\":\"", "(", 1000, "\"}"), -EINVAL);
	expect_new(repeated("{\"pattern\":\"", "a|", 10000, "\"}"), -EINVAL);
	expect_new(repeated("{\"pattern\":\"", "[a-z]?", 1000, "\"}"), 0);
}

static void answers_are_bounded(void **state)
{
	static const char tree[] = "{\"items\":{\"$ref\":\"#\"}}";
	struct error err = {0};
	struct schema *schema = schema_made(tree);

	(void)state;
	assert_int_equal(schema_check(schema, "", 0, &err), -EINVAL);
	assert_int_equal(schema_check(schema, "[1", 2, &err), -EINVAL);
	assert_true(strncmp(err.text, "answer: bad JSON", 16) == 0);
	assert_int_equal(schema_check(schema, "1 2", 3, &err), -EINVAL);
	assert_int_equal(schema_check(schema, "[]}", 3, &err), -EINVAL);
	assert_int_equal(schema_check(schema, "\"\xff\"", 3, &err), -EINVAL);
	assert_int_equal(schema_check(schema, "hunter2", 7, &err), -EINVAL);
	assert_null(strstr(err.text, "hunter2"));
	assert_int_equal(schema_check(schema, "nope", 4, NULL), -EINVAL);
	schema_free(schema);
	expect(tree, wrapped("[", JSON_DEPTH_MAX - 1, "", "]"), 0);
	expect(tree, wrapped("[", JSON_DEPTH_MAX, "", "]"), -EINVAL);
	expect(tree, wrapped("[", 500000, "", "]"), -EINVAL);
	expect("{\"items\":{\"type\":\"integer\",\"minimum\":0}}",
		repeated("[0", ",0", 500000, "]"), 0);
	expect("{\"items\":{\"properties\":{\"a\":{\"type\":\"string\",\"pattern\":\"^[a-z]+$\"}},"
	       "\"required\":[\"a\"],\"additionalProperties\":false}}",
		repeated("[{\"a\":\"x\"}", ",{\"a\":\"x\"}", 100000, "]"), 0);
}

/* 2^n paths through n definitions, each of which leads to the next twice. */
static char *doubling(const char *keyword, const char *leaf)
{
	struct buf b = BUF_INIT;

	buf_adds(&b, "{\"$ref\":\"#/$defs/0\",\"$defs\":{");
	for (int i = 0; i < 60; i++)
		buf_addf(&b,
			"\"%d\":{\"%s\":[{\"$ref\":\"#/$defs/%d\"},{\"$ref\":\"#/$defs/%d\"}]},", i,
			keyword, i + 1, i + 1);
	buf_addf(&b, "\"60\":%s}}", leaf);
	return buf_detach(&b, NULL);
}

static void work_is_bounded(void **state)
{
	static const char *const keywords[] = {"allOf", "anyOf", "oneOf"};
	static const char *const leaves[] = {"true", "false", "false"};
	struct buf wide = BUF_INIT;
	char *text;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		text = doubling(keywords[i], leaves[i]);
		expect(text, strdup("1"), -E2BIG);
		free(text);
	}
	/* A large enum for each of many items; a large constant for each of many items. */
	text = repeated("{\"items\":{\"not\":{\"enum\":[0", ",0", 30000, "]}}}");
	expect(text, repeated("[1", ",1", 500000, "]"), -E2BIG);
	free(text);
	text = repeated("{\"items\":{\"not\":{\"const\":\"", "a", 60000, "\"}}}");
	expect(text, repeated("[\"", "a", 60000, "\"]"), -EINVAL);
	free(text);
	/* Many properties, of which none is there. */
	buf_adds(&wide, "{\"items\":{\"properties\":{");
	for (int i = 0; i < 900; i++)
		buf_addf(&wide, "%s\"p%d\":true", i > 0 ? "," : "", i);
	buf_adds(&wide, "}}}");
	expect(wide.data, repeated("[{}", ",{}", 300000, "]"), -E2BIG);
	expect(wide.data, repeated("[1", ",1", 500000, "]"), -E2BIG);
	buf_release(&wide);
}

/* What must be refused by `not` or passed over by anyOf may not be, for want of steps. */
static void too_much_work_is_no_verdict(void **state)
{
	char *inner = doubling("allOf", "true");
	struct buf b = BUF_INIT;

	(void)state;
	buf_addf(&b, "{\"not\":{\"$ref\":\"#/$defs/0\"},%s", strstr(inner, "\"$defs\""));
	expect(b.data, strdup("1"), -E2BIG);
	buf_reset(&b);
	buf_addf(&b, "{\"anyOf\":[{\"$ref\":\"#/$defs/0\"},true],%s", strstr(inner, "\"$defs\""));
	expect(b.data, strdup("1"), -E2BIG);
	buf_release(&b);
	free(inner);
}

static void patterns_are_bounded(void **state)
{
	static const struct {
		const char *pattern, *what;
		size_t times;
		const char *after;
	} hostile[] = {
		{"^(a+)+$", "a", 50, "!"},
		{"^(a|aa)+$", "a", 1000, "!"},
		{"(a*)*[bc]", "a", 1000, ""},
		{"(.*)*(.*)*(.*)*[xy]", "a", 1000, ""},
		{"[^bc]*[bc]", "a", 900000, ""}, /* quadratic, without a choice to come back to */
		{"[ab]{60000}[cd]", "a", 900000, ""}, /* within a single item */
		{"(?:a{50000}){1}", "aaaaaaaab", 100000, ""},
		{"^(a*)(?:\\\\1b|c)*?d", "a", 100000, ""},
		{"(?<=[ab]{20000}c)d", "ad", 400000, ""},
		{"^(?:(a)|b)*$", "ab", 400000, ""}, /* memory */
		{"(?=(a+))+.*[xy]", "a", 100000, ""},
		{"(?:(?:a?){40}){40}[bc]", "a", 100, ""},
		{"\\\\p{L}*\\\\d", "\xc3\xa9", 400000, ""},
	};
	char text[200];

	(void)state;
	for (size_t i = 0; i < sizeof(hostile) / sizeof(*hostile); i++) {
		char *quoted = repeated("\"", hostile[i].what, hostile[i].times, hostile[i].after);

		snprintf(text, sizeof(text), "{\"pattern\":\"%s\"}", hostile[i].pattern);
		expect(text, repeated(quoted, "\"", 1, ""), -E2BIG);
		free(quoted);
	}
	/* Plain ones do for long texts. */
	expect("{\"pattern\":\"^[a-z ]*$\"}", repeated("\"", "lorem ipsum ", 80000, "\""), 0);
	expect("{\"pattern\":\"([a-z])x\\\\1\"}", repeated("\"", "lorem ipsum ", 30000, "\""),
		-EINVAL);
	expect("{\"pattern\":\"ipsum!\"}", repeated("\"", "lorem ipsum ", 80000, "\""), -EINVAL);
	expect("{\"pattern\":\"^(?:[a-z]+ )*$\"}", repeated("\"", "lorem ipsum ", 20000, "\""), 0);
	expect("{\"items\":{\"pattern\":\"^\\\\d{4}-\\\\d{2}$\"}}",
		repeated("[\"2025-11\"", ",\"2025-11\"", 90000, "]"), 0);
}

static void *check_deep(void *arg)
{
	char *chain;
	struct buf b = BUF_INIT;

	(void)arg;
	/* 900 definitions deep at each level of the answer. */
	buf_adds(&b, "{\"$ref\":\"#/$defs/0\",\"$defs\":{");
	for (int i = 0; i < 450; i++)
		buf_addf(&b, "\"%d\":{\"allOf\":[{\"$ref\":\"#/$defs/%d\"}]},", i, i + 1);
	buf_adds(&b, "\"450\":{\"items\":{\"$ref\":\"#\"}}}}");
	chain = wrapped("[", 200, "", "]");
	expect(b.data, chain, -E2BIG);
	expect(b.data, strdup("[[]]"), 0);
	buf_release(&b);
	return NULL;
}

static void stack_is_bounded(void **state)
{
	pthread_attr_t attr;
	pthread_t thread;

	(void)state;
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, (size_t)2 << 20);
	assert_int_equal(pthread_create(&thread, &attr, check_deep, NULL), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	pthread_attr_destroy(&attr);
}

static void reasons_are_short(void **state)
{
	char *key = repeated("", "k", 5000, "");
	struct buf schema_text = BUF_INIT, answer = BUF_INIT;
	struct error err = {0};
	struct schema *schema = NULL;

	(void)state;
	buf_addf(&schema_text,
		"{\"additionalProperties\":{\"properties\":{\"x\":{\"enum\":[\"%s\"]}}}}", key);
	buf_addf(&answer, "{\"%s\":{\"x\":\"secret\"}}", key);
	schema = schema_made(schema_text.data);
	assert_int_equal(schema_check(schema, answer.data, answer.len, &err), -EINVAL);
	assert_string_equal(
		err.text, "answer/\xe2\x80\xa6/x: must be one of the values of the schema's enum");
	schema_free(schema);
	buf_reset(&schema_text);
	buf_addf(&schema_text, "{\"properties\":{\"%s\":{\"format\":1}}}", key);
	assert_int_equal(schema_new(schema_text.data, schema_text.len, &schema, &err), -EINVAL);
	assert_string_equal(
		err.text, "schema/\xe2\x80\xa6/format: is no keyword that is known here");
	buf_release(&schema_text);
	buf_release(&answer);
	free(key);
	schema_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(schemas_are_bounded),
		cmocka_unit_test(answers_are_bounded),
		cmocka_unit_test(work_is_bounded),
		cmocka_unit_test(too_much_work_is_no_verdict),
		cmocka_unit_test(patterns_are_bounded),
		cmocka_unit_test(stack_is_bounded),
		cmocka_unit_test(reasons_are_short),
	};

	return cmocka_run_group_tests_name("schema", tests, NULL, NULL);
}
