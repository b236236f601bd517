#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/base/json.h"

#include <errno.h>
#include <string.h>

static struct json *parse(const char *text)
{
	struct error err = {0};
	struct json *json = NULL;

	if (json_parse_value(text, strlen(text), &json, &err) != 0)
		fail_msg("%s: %s", text, err.text);
	return json;
}

static void any_value_parses(void **state)
{
	static const struct {
		const char *text;
		enum json_kind kind;
	} good[] = {{"null", JSON_KIND_NULL}, {" true ", JSON_KIND_BOOL},
		{"-1e3", JSON_KIND_NUMBER}, {"\"}\"", JSON_KIND_STRING}, {"\n[]", JSON_KIND_LIST},
		{"{}\t", JSON_KIND_OBJECT}};
	static const char *const bad[] = {"", " ", "1,2", "1}", "{}}", "[]]", "1 \"b\":2",
		"1,\"b\":2", "nul", "'a'", "01", "\"\\u0000\"", "{\"a\":1,\"a\":2}", "1e999",
		"\"\xff\""};
	struct json *json = NULL;
	struct error err;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		json = parse(good[i].text);
		assert_int_equal(json_kind(json), good[i].kind);
		assert_int_equal(json_truth(json), good[i].kind == JSON_KIND_BOOL);
		json_free(json);
	}
	json = NULL;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		if (json_parse_value(bad[i], strlen(bad[i]), &json, &err) != -EINVAL)
			fail_msg("%s", bad[i]);
		assert_null(json);
	}
}

static void whole_numbers(void **state)
{
	static const char *const whole[] = {"0", "-0", "1.0", "-12e1", "1e300", "9007199254740993",
		"9223372036854775808", "-9223372036854775808"};
	static const char *const others[] = {
		"0.5", "-1e-9", "4503599627370495.5", "\"1\"", "true", "null", "[1]"};
	int64_t number = 7;

	(void)state;
	for (size_t i = 0; i < sizeof(whole) / sizeof(*whole); i++) {
		struct json *json = parse(whole[i]);

		if (!json_is_whole(json))
			fail_msg("%s", whole[i]);
		json_free(json);
	}
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
		struct json *json = parse(others[i]);

		if (json_is_whole(json) || json_to_integer(json, &number) || number != 7)
			fail_msg("%s", others[i]);
		json_free(json);
	}
}

/* In the order of their values; each as good as the one it is said to be equal to. */
static void numbers_have_an_order(void **state)
{
	static const char *const texts[] = {"-1e300", "-1e19", "-9223372036854775808",
		"-9223372036854775807", "-9007199254740993", "-9007199254740992.0", "-1.5", "-1",
		"-0.5", "0", "1e-300", "0.5", "1", "1.5", "2", "9007199254740991.0",
		"9007199254740992", "9007199254740993", "9007199254740994.0", "9223372036854775807",
		"9223372036854775808", "1e300"};
	static const char *const same[][2] = {{"1", "1.0"}, {"0", "-0.0"}, {"100", "1e2"},
		{"-9223372036854775808", "-9223372036854775808.0"}, {"0.1", "1e-1"}};
	const int count = sizeof(texts) / sizeof(*texts);

	(void)state;
	for (int i = 0; i < count; i++)
		for (int k = 0; k < count; k++) {
			struct json *a = parse(texts[i]), *b = parse(texts[k]);

			if (json_compare(a, b) != (i > k) - (i < k))
				fail_msg("%s and %s: %d", texts[i], texts[k], json_compare(a, b));
			json_free(a);
			json_free(b);
		}
	for (size_t i = 0; i < sizeof(same) / sizeof(*same); i++) {
		struct json *a = parse(same[i][0]), *b = parse(same[i][1]);

		assert_int_equal(json_compare(a, b), 0);
		json_free(a);
		json_free(b);
	}
}

static void sameness_costs_steps(void **state)
{
	struct json *a = parse("[1,{\"a\":\"x\",\"b\":[null,true]}]");
	struct json *b = parse("[1.0,{\"b\":[null,true],\"a\":\"x\"}]");
	uint64_t steps = 100, enough;

	(void)state;
	assert_true(json_same(a, b, &steps));
	enough = 100 - steps;
	assert_true(enough > 0);
	for (uint64_t n = 0; n < 100; n++) {
		steps = n;
		if (json_same(a, b, &steps) != (n > enough) || (steps == 0) != (n <= enough))
			fail_msg("%u", (unsigned)n);
	}
	json_free(a);
	json_free(b);
}

static void values_are_shown(void **state)
{
	static const char *const texts[] = {"0.1", "0.30000000000000004", "-7", "null", "\"a\\n\"",
		"{\"b\":[1,true],\"a\":{}}", "9223372036854775807"};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct json *json = parse(texts[i]);
		struct buf out = BUF_INIT, small = {.max = strlen(texts[i]) - 1};

		assert_int_equal(json_show(json, &out), 0);
		assert_string_equal(out.data, texts[i]);
		assert_int_equal(json_show(json, &small), -EMSGSIZE);
		buf_release(&out);
		buf_release(&small);
		json_free(json);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_value_parses),
		cmocka_unit_test(whole_numbers),
		cmocka_unit_test(numbers_have_an_order),
		cmocka_unit_test(sameness_costs_steps),
		cmocka_unit_test(values_are_shown),
	};

	return cmocka_run_group_tests_name("json_value", tests, NULL, NULL);
}
