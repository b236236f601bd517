#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/base/buf.h"
#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/base/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void empty_buffer_has_nothing(void **state)
{
	struct buf b = BUF_INIT;
	size_t len = 7;

	(void)state;
	assert_null(buf_detach(&b, &len));
	assert_int_equal(buf_error(&b), 0);
	assert_int_equal(len, 7);
	buf_reset(&b);
	buf_release(&b);
	buf_release(&b);
	buf_release(NULL);
}

static void adding_nothing_terminates(void **state)
{
	struct buf b = BUF_INIT;

	(void)state;
	buf_add(&b, NULL, 0);
	assert_string_equal(b.data, "");
	assert_int_equal(b.len, 0);
	buf_adds(&b, "");
	assert_string_equal(b.data, "");
	buf_release(&b);
}

static void grows_byte_by_byte(void **state)
{
	struct buf b = BUF_INIT;

	(void)state;
	for (int i = 0; i < 100000; i++) {
		buf_addc(&b, (char)('a' + i % 26));
		assert_int_equal(b.data[b.len], 0);
	}
	assert_int_equal(buf_error(&b), 0);
	assert_int_equal(b.len, 100000);
	for (int i = 0; i < 100000; i++)
		assert_int_equal(b.data[i], 'a' + i % 26);
	buf_release(&b);
}

static void bound_is_exact_and_sticky(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 5);
	buf_adds(&b, "12345");
	assert_int_equal(buf_error(&b), 0);
	buf_addc(&b, '6');
	assert_int_equal(buf_error(&b), -EMSGSIZE);
	assert_string_equal(b.data, "12345");
	buf_add(&b, "", 0);
	buf_reset(&b);
	assert_int_equal(buf_error(&b), 0);
	assert_string_equal(b.data, "");
	buf_adds(&b, "1234");
	buf_adds(&b, "56");
	buf_addc(&b, '5'); /* would fit, but comes after what didn't */
	assert_string_equal(b.data, "1234");
	assert_null(buf_detach(&b, NULL));
	assert_int_equal(buf_error(&b), -EMSGSIZE);
	assert_null(b.data);
	buf_release(&b);
	assert_int_equal(buf_error(&b), 0);
	assert_int_equal(b.max, 5);
}

static void bound_holds_for_one_huge_piece(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 100);
	buf_add(&b, "x", SIZE_MAX);
	assert_int_equal(buf_error(&b), -EMSGSIZE);
	assert_null(b.data);
	buf_release(&b);
}

static void formats(void **state)
{
	struct buf b;
	char big[1000];

	(void)state;
	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	buf_init(&b, 1100);
	buf_addf(&b, "%s", "");
	assert_string_equal(b.data, "");
	buf_addf(&b, "%d-%s|", 42, "hi");
	assert_string_equal(b.data, "42-hi|");
	buf_addf(&b, "%s", big);
	assert_int_equal(b.len, 6 + 999);
	assert_string_equal(b.data + 6, big);
	buf_addf(&b, "%s", big);
	assert_int_equal(buf_error(&b), -EMSGSIZE);
	assert_int_equal(b.len, 6 + 999);
	assert_int_equal(strlen(b.data), b.len);
	buf_release(&b);
}

/* Of every length around the storage's own, where the end and its NUL just fit or don't. */
static void formats_at_the_edge(void **state)
{
	(void)state;
	for (int len = 120; len < 140; len++) {
		struct buf b = BUF_INIT;

		buf_addf(&b, "%*d", len, 7);
		assert_int_equal(b.len, len);
		assert_int_equal(strlen(b.data), len);
		buf_release(&b);
	}
}

static void detach_hands_over(void **state)
{
	struct buf b = BUF_INIT;
	size_t len;
	char *data;

	(void)state;
	buf_adds(&b, "mine");
	data = buf_detach(&b, &len);
	assert_string_equal(data, "mine");
	assert_int_equal(len, 4);
	assert_null(b.data);
	assert_int_equal(b.len, 0);
	buf_adds(&b, "next");
	assert_string_equal(b.data, "next");
	free(data);
	buf_release(&b);
}

static void json_is(const char *text, size_t len, const char *expected)
{
	struct buf b = BUF_INIT;

	buf_add_json(&b, text, len);
	assert_int_equal(buf_error(&b), 0);
	assert_string_equal(b.data, expected);
	buf_release(&b);
}

static void json_escapes(void **state)
{
	(void)state;
	json_is("", 0, "\"\"");
	json_is("a", 1, "\"a\"");
	json_is("plain text, longer than a word of 8", 35,
		"\"plain text, longer than a word of 8\"");
	json_is("\"", 1, "\"\\\"\"");
	json_is("a\\b", 3, "\"a\\\\b\"");
	json_is("\b\f\n\r\t", 5, "\"\\b\\f\\n\\r\\t\"");
	json_is("\0\001\037\177", 4, "\"\\u0000\\u0001\\u001f\\u007f\"");
	json_is("h\303\251 \360\237\230\200 \342\200\250", 12,
		"\"h\303\251 \360\237\230\200 \342\200\250\"");
}

/* Each byte that needs an escape, at each place of a word. */
static void json_escapes_anywhere(void **state)
{
	(void)state;
	for (int c = 1; c < 128; c++) {
		for (size_t at = 0; at < 20; at++) {
			struct buf b = BUF_INIT;
			char text[20];
			size_t escaped;

			memset(text, 'x', sizeof(text));
			text[at] = (char)c;
			buf_add_json(&b, text, sizeof(text));
			escaped = b.len - sizeof(text) - 2;
			if (c >= 0x20 && c != '"' && c != '\\' && c != 0x7f)
				assert_int_equal(escaped, 0);
			else
				assert_true(escaped == 1 || escaped == 5);
			assert_int_equal(b.data[b.len - 2], at == 19 ? b.data[b.len - 2] : 'x');
			buf_release(&b);
		}
	}
}

static void json_past_the_bound_leaves_nothing(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 10);
	buf_adds(&b, "abc");
	buf_add_json(&b, "x\n\n\n", 4);
	assert_int_equal(buf_error(&b), -EMSGSIZE);
	assert_string_equal(b.data, "abc");
	assert_int_equal(b.len, 3);
	buf_reset(&b);
	buf_add_json(&b, "12345678", 8);
	assert_int_equal(buf_error(&b), 0);
	buf_reset(&b);
	buf_add_json(&b, "123456789", 9);
	assert_int_equal(buf_error(&b), -EMSGSIZE);
	buf_release(&b);
}

static void time_is(long long us, const char *expected)
{
	struct buf b = BUF_INIT;
	int64_t back;

	buf_add_time(&b, us);
	assert_string_equal(b.data, expected);
	assert_int_equal(text_time(b.data, &back), 0);
	assert_int_equal(back, us);
	buf_release(&b);
}

static void times(void **state)
{
	struct buf b = BUF_INIT;

	(void)state;
	time_is(0, "1970-01-01T00:00:00.000000Z");
	time_is(1763467200123456, "2025-11-18T12:00:00.123456Z");
	time_is(951782400000000, "2000-02-29T00:00:00.000000Z");
	time_is(1709251199999999, "2024-02-29T23:59:59.999999Z");
	time_is(4107542400000000, "2100-03-01T00:00:00.000000Z");
	time_is(-1, "1969-12-31T23:59:59.999999Z");
	time_is(-62167219200000000, "0000-01-01T00:00:00.000000Z");
	time_is(253402300799999999, "9999-12-31T23:59:59.999999Z");
	buf_add_time(&b, INT64_MAX);
	assert_string_equal(b.data, "9999-12-31T23:59:59.999999Z");
	buf_reset(&b);
	buf_add_time(&b, INT64_MIN);
	assert_string_equal(b.data, "0000-01-01T00:00:00.000000Z");
	buf_release(&b);
}

static void every_day_there_and_back(void **state)
{
	(void)state;
	for (long long day = -719528; day <= 2932896; day += 13) {
		struct buf b = BUF_INIT;
		int64_t back;

		buf_add_time(&b, day * 86400000000);
		assert_int_equal(text_time(b.data, &back), 0);
		assert_int_equal(back, day * 86400000000);
		buf_release(&b);
	}
}

static void errors(void **state)
{
	struct error err = {0};
	char big[1000];

	(void)state;
	assert_int_equal(error_set(NULL, EINVAL, "x"), -EINVAL);
	assert_int_equal(error_set(&err, EACCES, "%s: is %d", "to", 5), -EACCES);
	assert_int_equal(err.code, EACCES);
	assert_string_equal(err.text, "to: is 5");
	error_set(&err, EINVAL, "again %s", err.text);
	assert_string_equal(err.text, "again to: is 5");
	error_set(&err, EINVAL, "a\nb\x7f c\xc2\x85 \xff \xc3\xa9");
	assert_string_equal(err.text, "a?b? c? ? \xc3\xa9");
	memset(big, 'x', sizeof(big));
	big[999] = '\0';
	memcpy(big + ERROR_TEXT_MAX - 2, "\xc3\xa9", 2);
	error_set(&err, EINVAL, "%s", big);
	assert_int_equal(strlen(err.text), ERROR_TEXT_MAX - 2);
	error_set(&err, EINVAL, "%s", "");
	assert_string_equal(err.text, "");
}

static void clocks(void **state)
{
	int64_t wall = clock_system.wall_us(&clock_system);
	int64_t mono = clock_system.mono_us(&clock_system);

	(void)state;
	assert_true(wall > 1700000000 * SECOND_US);
	assert_true(clock_system.mono_us(&clock_system) >= mono);
}

static void json_members_follow_others(void **state)
{
	struct buf b = BUF_INIT;

	(void)state;
	buf_adds(&b, "{\"n\":1");
	buf_add_json_text(&b, "text", "a \"b\"");
	buf_add_json_text(&b, "none", NULL);
	buf_add_json_time(&b, "at", 1500000);
	buf_add_json_time(&b, "never", 0);
	buf_addc(&b, '}');
	assert_int_equal(buf_error(&b), 0);
	assert_string_equal(b.data, "{\"n\":1,\"text\":\"a \\\"b\\\"\",\"none\":null,"
				    "\"at\":\"1970-01-01T00:00:01.500000Z\",\"never\":null}");
	buf_release(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty_buffer_has_nothing),
		cmocka_unit_test(adding_nothing_terminates),
		cmocka_unit_test(grows_byte_by_byte),
		cmocka_unit_test(bound_is_exact_and_sticky),
		cmocka_unit_test(bound_holds_for_one_huge_piece),
		cmocka_unit_test(formats),
		cmocka_unit_test(formats_at_the_edge),
		cmocka_unit_test(detach_hands_over),
		cmocka_unit_test(json_escapes),
		cmocka_unit_test(json_escapes_anywhere),
		cmocka_unit_test(json_past_the_bound_leaves_nothing),
		cmocka_unit_test(times),
		cmocka_unit_test(every_day_there_and_back),
		cmocka_unit_test(errors),
		cmocka_unit_test(clocks),
		cmocka_unit_test(json_members_follow_others),
	};

	return cmocka_run_group_tests_name("buf, error, clock", tests, NULL, NULL);
}
