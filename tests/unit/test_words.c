#include "core/base/words.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct list {
	char text[2048];
	size_t len;
	size_t input;
};

static int add_word(void *arg, const struct word *w)
{
	struct list *list = arg;

	assert_true(w->start <= w->end && w->end <= list->input);
	assert_true(w->len > 0 && w->len <= WORD_MAX);
	list->len +=
		(size_t)snprintf(list->text + list->len, sizeof(list->text) - list->len, "%s%.*s",
			w->whole    ? "="
			: list->len ? " "
				    : "",
			(int)w->len, w->text);
	assert_true(list->len < sizeof(list->text));
	return 0;
}

/* Wholes stand after the part at whose place they are, behind a =. */
static void splits_as(const char *text, const char *expected)
{
	struct list list = {.input = strlen(text)};

	assert_int_equal(words_split(text, strlen(text), add_word, &list), 0);
	assert_string_equal(list.text, expected);
}

static void test_plain_words(void **state)
{
	(void)state;
	splits_as("", "");
	splits_as(" .,-_ ", "");
	splits_as("one", "one");
	splits_as("The quick, brown fox.", "the quick brown fox");
	splits_as("end. Next", "end next");
	splits_as("(a/b)", "a b");
	splits_as("A", "a");
	splits_as("READ ME", "read me");
}

static void test_identifiers(void **state)
{
	(void)state;
	splits_as("user_authentication", "user=userauthentication authentication");
	splits_as("UserAuthentication", "user=userauthentication authentication");
	splits_as("userAuth2", "user=userauth2 auth 2");
	splits_as("auth.py", "auth=authpy py");
	splits_as("user_auth.py", "user=userauth=userauthpy auth py");
	splits_as("HTTPServer", "http=httpserver server");
	splits_as("parseURLs now", "parse=parseurls urls now");
	splits_as("PDFs", "pdfs");
	splits_as("__init__", "init");
	splits_as("foo.UserAuth.bar", "foo=foouserauthbar user=userauth auth bar");
	splits_as("e-mail don't", "e=email mail don=dont t");
	splits_as("don\xe2\x80\x99t", "don=dont t");
	splits_as("a--b", "a b");
	splits_as("x.", "x");
	splits_as("v1.2.3", "v=v123 1 2 3");
	splits_as("2025-11-18", "2025=20251118 11 18");
	splits_as("sha256", "sha 256");
}

static void test_random_is_not_taken_apart(void **state)
{
	char text[300];

	(void)state;
	splits_as("d2cd9a3f00c1e7", "d2cd9a3f00c1e7");
	splits_as(
		"aBcDeFgHiJkLmNoPqRsTuVwXyZaBcDeFgHiJkL", "abcdefghijklmnopqrstuvwxyzabcdefghijkl");
	memset(text, 'a', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	text[70] = 'B';
	splits_as(text, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
}

static void test_case_and_diacritics(void **state)
{
	(void)state;
	splits_as("Caf\xc3\xa9 cafe\xcc\x81", "cafe cafe");
	splits_as("\xc3\x9c"
		  "BER Stra\xc3\x9f"
		  "e",
		"uber strasse");
	splits_as("\xc5\x81\xc3\xb3"
		  "d\xc5\xba \xc3\xb8l \xc3\x86on",
		"lodz ol aeon");
	splits_as("\xd0\x9c\xd0\x9e\xd0\xa1\xd0\x9a\xd0\x92\xd0\x90",
		"\xd0\xbc\xd0\xbe\xd1\x81\xd0\xba\xd0\xb2\xd0\xb0");
	splits_as("\xce\x86\xce\xbb\xcf\x86\xce\xb1", "\xce\xb1\xce\xbb\xcf\x86\xce\xb1");
	splits_as("\xef\xbc\xa1\xef\xbc\xa2", "ab"); /* fullwidth */
	splits_as("\xef\xac\x81n", "fin");           /* a ligature */
	splits_as("soft\xc2\xadhyphen", "softhyphen");
	splits_as("caf\xc3\xa9_\xc3\x9cser", "cafe=cafeuser user");
	/* Devanagari's vowel signs are letters of the word: "kitab" */
	splits_as("\xe0\xa4\x95\xe0\xa4\xbf\xe0\xa4\xa4\xe0\xa4\xbe\xe0\xa4\xac",
		"\xe0\xa4\x95\xe0\xa4\xbf\xe0\xa4\xa4\xe0\xa4\xbe\xe0\xa4\xac");
}

static void test_scripts_without_spaces(void **state)
{
	(void)state;
	splits_as("\xe8\xaa\x8d\xe8\xa8\xbc", "\xe8\xaa\x8d \xe8\xa8\xbc");
	splits_as("Redis\xe8\xaa\x8d\xe8\xa8\xbcv2", "redis \xe8\xaa\x8d \xe8\xa8\xbc v 2");
	splits_as("\xe3\x81\x8c\xe3\x83\xbc", "\xe3\x81\x8c \xe3\x83\xbc");
	splits_as("\xe3\x81\x8b\xe3\x82\x99", "\xe3\x81\x8c"); /* taken apart */
	splits_as("\xef\xbd\xb6\xef\xbe\x9e", "\xe3\x82\xac"); /* halfwidth */
	splits_as("\xed\x95\x9c\xea\xb8\x80", "\xed\x95\x9c \xea\xb8\x80");
	splits_as("\xe1\x84\x92\xe1\x85\xa1\xe1\x86\xab", "\xed\x95\x9c"); /* jamo */
	splits_as("\xe0\xb8\x97\xe0\xb8\xb5\xe0\xb9\x88\xe0\xb8\x99",
		"\xe0\xb8\x97\xe0\xb8\xb5\xe0\xb9\x88 \xe0\xb8\x99"); /* Thai, with its marks */
}

static void test_any_bytes(void **state)
{
	static const char text[] = "a\0b\xff\xfe"
				   "c\xe8\xaa"
				   "d\xc3";
	struct list list = {.input = sizeof(text) - 1};

	(void)state;
	assert_int_equal(words_split(text, sizeof(text) - 1, add_word, &list), 0);
	assert_string_equal(list.text, "a b c d");
}

static int stop(void *arg, const struct word *w)
{
	(void)w;
	++*(int *)arg;
	return 7;
}

static void test_stops(void **state)
{
	int count = 0;

	(void)state;
	assert_int_equal(words_split("a b", 3, stop, &count), 7);
	assert_int_equal(words_split("aB_c", 4, stop, &count), 7);
	assert_int_equal(count, 2);
}

/* With FTS5. */

static sqlite3 *table(void)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
	assert_int_equal(words_register(db), SQLITE_OK);
	assert_int_equal(
		sqlite3_exec(db, "CREATE VIRTUAL TABLE t USING fts5(x, tokenize='porter leitl')",
			NULL, NULL, NULL),
		SQLITE_OK);
	return db;
}

static int put(sqlite3 *db, const char *text)
{
	sqlite3_stmt *stmt;

	assert_int_equal(
		sqlite3_prepare_v2(db, "INSERT INTO t(x) VALUES(?1)", -1, &stmt, NULL), SQLITE_OK);
	sqlite3_bind_text(stmt, 1, text, -1, SQLITE_STATIC);
	assert_int_equal(sqlite3_step(stmt), SQLITE_DONE);
	sqlite3_finalize(stmt);
	return (int)sqlite3_last_insert_rowid(db);
}

static int count(sqlite3 *db, const char *match)
{
	sqlite3_stmt *stmt;
	int n;

	assert_int_equal(
		sqlite3_prepare_v2(db, "SELECT count(*) FROM t WHERE t MATCH ?1", -1, &stmt, NULL),
		SQLITE_OK);
	sqlite3_bind_text(stmt, 1, match, -1, SQLITE_STATIC);
	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	n = sqlite3_column_int(stmt, 0);
	sqlite3_finalize(stmt);
	return n;
}

static void test_in_fts5(void **state)
{
	sqlite3 *db = table();

	(void)state;
	put(db, "class UserAuthentication in auth.py");
	put(db, "the user authenticates");
	put(db, "\xe3\x83\xa6\xe3\x83\xbc\xe3\x82\xb6\xe3\x83\xbc\xe8\xaa\x8d\xe8\xa8\xbc");
	assert_int_equal(count(db, "authentication"), 2); /* by the stem */
	assert_int_equal(count(db, "userauthentication"), 1);
	assert_int_equal(count(db, "\"user authentication\""), 2);
	assert_int_equal(count(db, "\"class user authentication in auth py\""), 1);
	assert_int_equal(count(db, "\"auth py\""), 1);
	assert_int_equal(count(db, "\"\xe8\xaa\x8d\xe8\xa8\xbc\""), 1);
	assert_int_equal(count(db, "\"\xe8\xa8\xbc\xe8\xaa\x8d\""), 0);
	assert_int_equal(count(db, "usera*"), 1);
	/* what was indexed is found to be removed */
	assert_int_equal(
		sqlite3_exec(db, "DELETE FROM t; INSERT INTO t(t) VALUES('integrity-check')", NULL,
			NULL, NULL),
		SQLITE_OK);
	sqlite3_close(db);
}

struct same {
	char text[256];
	size_t len;
};

static int add_same(void *arg, const struct word *w)
{
	struct same *same = arg;

	if (!w->whole && same->len + w->len + 1 < sizeof(same->text)) {
		memcpy(same->text + same->len, w->text, w->len);
		same->len += w->len;
		same->text[same->len++] = ' ';
	}
	return 0;
}

static size_t encode(char *out, uint32_t c)
{
	if (c < 0x80)
		return (size_t)snprintf(out, 8, "%c", (int)c);
	if (c < 0x800)
		return (size_t)snprintf(
			out, 8, "%c%c", (int)(0xc0 | c >> 6), (int)(0x80 | (c & 63)));
	if (c < 0x10000)
		return (size_t)snprintf(out, 8, "%c%c%c", (int)(0xe0 | c >> 12),
			(int)(0x80 | (c >> 6 & 63)), (int)(0x80 | (c & 63)));
	return (size_t)snprintf(out, 8, "%c%c%c%c", (int)(0xf0 | c >> 18),
		(int)(0x80 | (c >> 12 & 63)), (int)(0x80 | (c >> 6 & 63)), (int)(0x80 | (c & 63)));
}

/* Queries are made of words as they were split, and are split once more. */
static void test_words_split_to_themselves(void **state)
{
	(void)state;
	for (uint32_t c = 1; c < 0x32000; c++) {
		struct same once = {0}, twice = {0};
		char text[8];
		size_t len = encode(text, c);

		if (words_split(text, len, add_same, &once) ||
			words_split(once.text, once.len, add_same, &twice))
			fail();
		if (once.len != twice.len || memcmp(once.text, twice.text, once.len) != 0)
			fail_msg("U+%04X: %.*s then %.*s", c, (int)once.len, once.text,
				(int)twice.len, twice.text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain_words),
		cmocka_unit_test(test_identifiers),
		cmocka_unit_test(test_random_is_not_taken_apart),
		cmocka_unit_test(test_case_and_diacritics),
		cmocka_unit_test(test_scripts_without_spaces),
		cmocka_unit_test(test_any_bytes),
		cmocka_unit_test(test_stops),
		cmocka_unit_test(test_in_fts5),
		cmocka_unit_test(test_words_split_to_themselves),
	};

	return cmocka_run_group_tests_name("words", tests, NULL, NULL);
}
