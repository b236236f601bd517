#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/base/error.h"
#include "core/base/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void good(const char *text, size_t len)
{
	assert_true(text_is_utf8(text, len, NULL));
}

/* The text, alone and behind 0 to 16 plain bytes, is bad at `offset`. */
static void bad(const char *text, size_t len, size_t offset)
{
	for (size_t before = 0; before <= 16; before++) {
		char *copy = malloc(before + len);
		size_t at = 99;

		assert_non_null(copy);
		memset(copy, 'x', before);
		memcpy(copy + before, text, len);
		assert_false(text_is_utf8(copy, before + len, &at));
		assert_int_equal(at, before + offset);
		free(copy);
	}
}

static void utf8_good(void **state)
{
	(void)state;
	good("", 0);
	good("a", 1);
	good("\0", 1);
	good("\x7f", 1);
	good("\xc2\x80\xdf\xbf", 4);
	good("\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf", 12);
	good("\xf0\x90\x80\x80\xf4\x8f\xbf\xbf", 8);
	good("longer than a word, \xe2\x82\xac, and on after it", 40);
}

static void utf8_bad(void **state)
{
	(void)state;
	bad("\x80", 1, 0);
	bad("a\xff", 2, 1);
	bad("\xc0\x80", 2, 0); /* overlong */
	bad("\xc1\xbf", 2, 0);
	bad("\xe0\x9f\xbf", 3, 0);
	bad("\xf0\x8f\xbf\xbf", 4, 0);
	bad("\xed\xa0\x80", 3, 0); /* a surrogate */
	bad("\xed\xbf\xbf", 3, 0);
	bad("\xf4\x90\x80\x80", 4, 0); /* past U+10FFFF */
	bad("\xf5\x80\x80\x80", 4, 0);
	bad("\xc3", 1, 0); /* cut */
	bad("\xe2\x82", 2, 0);
	bad("\xf0\x9f\x98", 3, 0);
	bad("\xe2\x82x", 3, 0);
	bad("\xc3\xc3\xa9", 3, 0);
	bad("abc\xc3\xa9z\xa9zzzzzzzzz", 16, 6);
}

/* All of Unicode, by the definition in RFC 3629, section 3. */
static void utf8_every_code_point(void **state)
{
	(void)state;
	for (unsigned c = 0x80; c < 0x120000; c++) {
		char s[4];
		size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
		static const unsigned char lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
		bool ok = c <= 0x10ffff && !(c >= 0xd800 && c <= 0xdfff);

		s[0] = (char)(lead[n] | c >> (6 * (n - 1)));
		for (size_t i = 1; i < n; i++)
			s[i] = (char)(0x80 | (c >> (6 * (n - 1 - i)) & 0x3f));
		if (text_is_utf8(s, n, NULL) != ok)
			fail_msg("U+%04X", c);
	}
}

static void utf8_cut(void **state)
{
	bool cut = true;

	(void)state;
	assert_int_equal(text_utf8_prefix("", 0, &cut), 0);
	assert_false(cut);
	assert_int_equal(text_utf8_prefix("ab\xc3", 3, &cut), 2);
	assert_true(cut);
	assert_int_equal(text_utf8_prefix("ab\xf0\x9f\x98", 5, &cut), 2);
	assert_true(cut);
	assert_int_equal(text_utf8_prefix("\xe2\x82", 2, &cut), 0);
	assert_true(cut);
	assert_int_equal(text_utf8_prefix("\xed\xa0", 2, &cut), 0); /* never a surrogate */
	assert_false(cut);
	assert_int_equal(text_utf8_prefix("\xf4\x90", 2, &cut), 0);
	assert_false(cut);
	assert_int_equal(text_utf8_prefix("\xff", 1, &cut), 0);
	assert_false(cut);
	assert_int_equal(text_utf8_prefix("ok", 2, &cut), 2);
	assert_false(cut);
}

static void counts(void **state)
{
	(void)state;
	assert_int_equal(text_count("", 0), 0);
	assert_int_equal(text_count("abc", 3), 3);
	assert_int_equal(text_count("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80!", 10), 4);
}

static void plain_runs(void **state)
{
	(void)state;
	assert_int_equal(text_plain("", 0), 0);
	assert_int_equal(text_plain("abcdefgh", 8), 8);
	assert_int_equal(text_plain("abcdefgh\"", 9), 8);
	assert_int_equal(text_plain("abc\xc3\xa9"
				    "fgh\nx",
				 10),
		8);
	assert_int_equal(text_plain("\x7f", 1), 0);
	assert_int_equal(text_plain("\x80\xff\x20\x7e", 4), 4);
	assert_int_equal(text_plain("\\abcdefghi", 10), 0);
}

static void turns(void **state)
{
	static const char *const turning[] = {"\u061c", "\u200e", "\u200f", "\u202a", "\u202e",
		"\u2066", "\u2069"},
				 *const others[] = {"a", "\u061b", "\u200d", "\u2010", "\u2029",
					 "\u202f", "\u2065", "\u206a", "\u30ae", "\U0001f600"};

	(void)state;
	for (size_t i = 0; i < sizeof(turning) / sizeof(*turning); i++)
		assert_true(text_is_turn(turning[i], strlen(turning[i])));
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		assert_false(text_is_turn(others[i], strlen(others[i])));
}

static void ids(void **state)
{
	char id[ID_MAX + 2];

	(void)state;
	assert_true(text_id_ok("a"));
	assert_true(text_id_ok("leitl-cece-0123456789abcdef"));
	assert_true(text_id_ok("A_b-9"));
	assert_true(text_id_ok("-"));
	assert_true(text_id_ok("newer"));
	assert_true(text_id_ok("NEW"));
	assert_false(text_id_ok("new"));
	assert_false(text_id_ok(""));
	assert_false(text_id_ok("."));
	assert_false(text_id_ok("a.live"));
	assert_false(text_id_ok("a/b"));
	assert_false(text_id_ok("a b"));
	assert_false(text_id_ok("a\n"));
	assert_false(text_id_ok("\xc3\xa9"));
	memset(id, 'x', sizeof(id));
	id[ID_MAX] = '\0';
	assert_true(text_id_ok(id));
	id[ID_MAX] = 'x';
	id[ID_MAX + 1] = '\0';
	assert_false(text_id_ok(id));
}

static void key_is(const char *name, const char *expected)
{
	char key[AGENT_KEY_MAX + 1];

	text_agent_key(name, key);
	assert_string_equal(key, expected);
	assert_true(text_id_ok(key));
}

static void agent_keys(void **state)
{
	char name[200], expected[AGENT_KEY_MAX + 1];

	(void)state;
	key_is("cece", "cece");
	key_is("Claude Code", "claude-code");
	key_is("A_b-9", "a_b-9");
	key_is("", "-");
	key_is("new", "new-");
	key_is("NEW", "new-");
	key_is("New ", "new-");
	key_is("new1", "new1");
	key_is("Ren\xc3\xa9", "ren-");
	key_is("\xe6\x97\xa5\xe6\x9c\xac", "--");
	key_is("\xf0\x9f\x98\x80", "-");
	key_is("\xff\xfe", "--");
	key_is("a\xc3z", "a-z");
	key_is("../..", "-----");
	memset(name, 'Q', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	memset(expected, 'q', AGENT_KEY_MAX);
	expected[AGENT_KEY_MAX] = '\0';
	key_is(name, expected);
	name[AGENT_KEY_MAX] = '\0';
	key_is(name, expected);
	memcpy(name + AGENT_KEY_MAX - 1, "\xc3\xa9", 3);
	expected[AGENT_KEY_MAX - 1] = '-';
	key_is(name, expected);
}

static void types(void **state)
{
	char type[TYPE_MAX + 2];

	(void)state;
	assert_true(text_type_ok("task.started"));
	assert_true(text_type_ok("a.b"));
	assert_true(text_type_ok("My_App.v2.Done"));
	assert_true(text_type_ok("live.x"));
	assert_true(text_type_ok("x.lively"));
	assert_true(text_type_ok("x.live.y"));
	assert_false(text_type_ok(""));
	assert_false(text_type_ok("task"));
	assert_false(text_type_ok(".a"));
	assert_false(text_type_ok("a."));
	assert_false(text_type_ok("a..b"));
	assert_false(text_type_ok("."));
	assert_false(text_type_ok("a.live"));
	assert_false(text_type_ok("a.b.live"));
	assert_false(text_type_ok("a.b-c"));
	assert_false(text_type_ok("a.b c"));
	assert_false(text_type_ok("a.b\n"));
	assert_false(text_type_ok("a.*"));
	memset(type, 'x', sizeof(type));
	type[1] = '.';
	type[TYPE_MAX] = '\0';
	assert_true(text_type_ok(type));
	type[TYPE_MAX] = 'x';
	type[TYPE_MAX + 1] = '\0';
	assert_false(text_type_ok(type));
}

static void name_refused(const char *name, const char *reason)
{
	struct error err = {0};

	assert_int_equal(text_agent_name(name, &err), -EINVAL);
	assert_string_equal(err.text, reason);
}

static void agent_names(void **state)
{
	char name[4 * AGENT_NAME_MAX + 2] = "";

	(void)state;
	assert_int_equal(text_agent_name("c", NULL), 0);
	assert_int_equal(text_agent_name("Claude Code (\xe2\x82\xac)", NULL), 0);
	name_refused("", "agent_name: must be 1 to 64 characters");
	name_refused("a\tb", "agent_name: must not hold control characters");
	name_refused("a\x7f", "agent_name: must not hold control characters");
	name_refused("a\xc2\x9b", "agent_name: must not hold control characters");
	name_refused("a\xe2\x80\xa8", "agent_name: must not hold control characters");
	name_refused("a\xc3", "agent_name: must be valid UTF-8");
	for (size_t i = 0; i < AGENT_NAME_MAX; i++)
		memcpy(name + 4 * i, "\xf0\x9f\x98\x80", 5);
	assert_int_equal(text_agent_name(name, NULL), 0);
	name[sizeof(name) - 2] = 'x';
	name_refused(name, "agent_name: must be 1 to 64 characters");
}

static void duration_is(const char *text, int64_t expected)
{
	int64_t us = -1;

	assert_int_equal(text_duration(text, &us), 0);
	assert_int_equal(us, expected);
}

static void not_a_duration(const char *text)
{
	int64_t us = 77;

	assert_int_equal(text_duration(text, &us), -EINVAL);
	assert_int_equal(us, 77);
}

static void durations(void **state)
{
	(void)state;
	duration_is("0", 0);
	duration_is("90", 90000000);
	duration_is("90s", 90000000);
	duration_is("10m", 600000000);
	duration_is("2h", 7200000000);
	duration_is("1d", 86400000000);
	duration_is("500ms", 500000);
	duration_is("1.5h", 5400000000);
	duration_is("0.25", 250000);
	duration_is("0.1s", 100000);
	duration_is("1.5ms", 1500);
	duration_is("0.0000019", 1);
	duration_is("0.1234567890123456789", 123456);
	duration_is("00000000000000000000000000000007", 7000000);
	not_a_duration("");
	not_a_duration("s");
	not_a_duration(".5");
	not_a_duration("5.");
	not_a_duration("5.s");
	not_a_duration("-1");
	not_a_duration("+1");
	not_a_duration(" 1");
	not_a_duration("1 ");
	not_a_duration("1 s");
	not_a_duration("1S");
	not_a_duration("1x");
	not_a_duration("1e3");
	not_a_duration("0x10");
	not_a_duration("1.2.3");
	not_a_duration("nan");
	not_a_duration("9223372036854775807");
	not_a_duration("99999999999999999999999999");
	not_a_duration("106751992d");
	duration_is("106751990d", INT64_C(106751990) * 86400000000);
}

static void time_is(const char *text, int64_t expected)
{
	int64_t us = -1;

	if (text_time(text, &us) != 0)
		fail_msg("%s", text);
	assert_int_equal(us, expected);
}

static void not_a_time(const char *text)
{
	int64_t us = 77;

	if (text_time(text, &us) != -EINVAL)
		fail_msg("%s", text);
	assert_int_equal(us, 77);
}

static void times(void **state)
{
	(void)state;
	time_is("1970-01-01", 0);
	time_is("2025-11-18", 1763424000000000);
	time_is("2025-11-18T12:00:00.123456Z", 1763467200123456);
	time_is("2025-11-18T12:00:00Z", 1763467200000000);
	time_is("2025-11-18t12:00:00z", 1763467200000000);
	time_is("2025-11-18 12:00:00Z", 1763467200000000);
	time_is("2025-11-18T14:30:00+02:30", 1763467200000000);
	time_is("2025-11-18T04:00:00.5-08:00", 1763467200500000);
	time_is("2025-11-18T12:00:00.123456789Z", 1763467200123456);
	time_is("2000-02-29", 951782400000000);
	time_is("2016-12-31T23:59:60Z", 1483228800000000);
	time_is("1969-12-31T23:59:59Z", -1000000);
	time_is("0000-01-01", -62167219200000000);
	time_is("9999-12-31T23:59:59.999999Z", 253402300799999999);
	not_a_time("");
	not_a_time("now");
	not_a_time("417");
	not_a_time("2025");
	not_a_time("2025-11");
	not_a_time("2025-11-18T");
	not_a_time("2025-11-18T12:00Z");
	not_a_time("2025-11-18T12:00:00");
	not_a_time("2025-11-18T12:00:00.Z");
	not_a_time("2025-11-18T12:00:00.1234567890Z");
	not_a_time("2025-11-18T12:00:00Zx");
	not_a_time("2025-11-18T12:00:00+0200");
	not_a_time("2025-11-18T12:00:00+24:00");
	not_a_time("2025-11-18T12:00:00+02:60");
	not_a_time("2025-11-18T24:00:00Z");
	not_a_time("2025-11-18T12:60:00Z");
	not_a_time("2025-11-18T12:00:61Z");
	not_a_time("2025-00-18");
	not_a_time("2025-13-18");
	not_a_time("2025-11-00");
	not_a_time("2025-11-31");
	not_a_time("2025-02-29");
	not_a_time("1900-02-29");
	not_a_time("25-11-18");
	not_a_time(" 2025-11-18");
	not_a_time("2025-11-18 ");
	not_a_time("-025-11-18");
}

static void hex_digits(void **state)
{
	static const char digits[] = "0123456789abcdef", upper[] = "0123456789ABCDEF";
	int known = 0;

	(void)state;
	for (int i = 0; i < 16; i++) {
		assert_int_equal(text_hex(digits[i]), i);
		assert_int_equal(text_hex(upper[i]), i);
	}
	for (int c = -128; c < 128; c++)
		known += text_hex((char)c) >= 0;
	assert_int_equal(known, 22);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(utf8_good),
		cmocka_unit_test(utf8_bad),
		cmocka_unit_test(utf8_every_code_point),
		cmocka_unit_test(utf8_cut),
		cmocka_unit_test(counts),
		cmocka_unit_test(plain_runs),
		cmocka_unit_test(turns),
		cmocka_unit_test(ids),
		cmocka_unit_test(agent_keys),
		cmocka_unit_test(types),
		cmocka_unit_test(agent_names),
		cmocka_unit_test(durations),
		cmocka_unit_test(times),
		cmocka_unit_test(hex_digits),
	};

	return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
