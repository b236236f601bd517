#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/base/framer.h"
#include "core/base/json.h"
#include "core/base/limits.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX 64 /* of one message here, unless a test says otherwise */

/* A framer and all that it handed over: each message as J or T, its text and a '|'. */
struct fixture {
	struct framer framer;
	struct buf got;
	struct error err;
	int refuse_at; /* the message that the receiver refuses, from 1; 0: none */
	int count;
	size_t left;
};

static void start_with(struct fixture *f, size_t max)
{
	memset(f, 0, sizeof(*f));
	framer_init(&f->framer, max);
}

static void start(struct fixture *f)
{
	start_with(f, MAX);
}

static void finish(struct fixture *f)
{
	framer_release(&f->framer);
	buf_release(&f->got);
}

static int take(void *arg, const struct message *message)
{
	struct fixture *f = arg;

	if (++f->count == f->refuse_at)
		return -EDQUOT;
	buf_addc(&f->got, message->json != NULL ? 'J' : 'T');
	buf_add(&f->got, message->text, message->len);
	buf_addc(&f->got, '|');
	f->left = message->left;
	return 0;
}

/* Writes a copy that is exactly as long, and gone afterwards. */
static int write_bytes(struct fixture *f, const char *data, size_t len)
{
	char *copy = malloc(len > 0 ? len : 1);
	int rc;

	assert_non_null(copy);
	memcpy(copy, data, len);
	f->err.text[0] = '\0';
	rc = framer_write(&f->framer, copy, len, take, f, &f->err);
	free(copy);
	return rc;
}

static int put(struct fixture *f, const char *data)
{
	return write_bytes(f, data, strlen(data));
}

static int flush(struct fixture *f)
{
	return framer_flush(&f->framer, take, f, &f->err);
}

/* Compares what was handed over, and forgets it. */
static void got(struct fixture *f, const char *expected)
{
	assert_string_equal(f->got.data != NULL ? f->got.data : "", expected);
	buf_reset(&f->got);
}

/* One write, then a flush, of a fresh framer. */
static void one_write_bytes(const char *data, size_t len, const char *expected)
{
	struct fixture f;

	start(&f);
	assert_int_equal(write_bytes(&f, data, len), 0);
	got(&f, expected);
	assert_false(framer_pending(&f.framer));
	assert_int_equal(flush(&f), 0);
	got(&f, "");
	assert_null(f.framer.pending.data);
	finish(&f);
}

static void one_write(const char *data, const char *expected)
{
	one_write_bytes(data, strlen(data), expected);
}

static void refused_bytes(const char *data, size_t len, int code, const char *reason)
{
	struct fixture f;

	start(&f);
	assert_int_equal(write_bytes(&f, data, len), code);
	if (strstr(f.err.text, reason) == NULL)
		fail_msg("\"%s\" has no \"%s\"", f.err.text, reason);
	assert_int_equal(f.err.code, -code);
	got(&f, "");
	assert_false(framer_pending(&f.framer));
	assert_null(f.framer.pending.data);
	assert_int_equal(put(&f, "next\n"), 0); /* begins afresh */
	got(&f, "Tnext|");
	finish(&f);
}

static void refused(const char *data, const char *reason)
{
	refused_bytes(data, strlen(data), -EINVAL, reason);
}

static void texts(void **state)
{
	(void)state;
	one_write("hello\n", "Thello|");
	one_write("x\n", "Tx|");
	one_write("two\nlines\n", "Ttwo\nlines|");
	one_write("hello\n{\"a\":1}\n", "Thello\n{\"a\":1}|");
	one_write("a paragraph\n\n\nand another\n", "Ta paragraph\n\n\nand another|");
	one_write("ends in two\n\n", "Tends in two\n|");
	one_write("h\xc3\xa9 \xf0\x9f\x98\x80\n", "Th\xc3\xa9 \xf0\x9f\x98\x80|");
	one_write("  indented\n", "T  indented|");
	one_write("trailing \t \n", "Ttrailing \t |");
	one_write("[1,2]\n", "T[1,2]|");
	one_write("\"quoted\"\n", "T\"quoted\"|");
	one_write("a }{ b\n", "Ta }{ b|");
}

static void blanks_are_nothing(void **state)
{
	(void)state;
	one_write("", "");
	one_write("\n", "");
	one_write("\r\n", "");
	one_write(" ", "");
	one_write(" \t \n\n \r\n", "");
	one_write("\n\n  \nhello\n", "Thello|");
	one_write("\n \n  hello\n", "T  hello|");
	one_write("\n \n  {\"a\":1}\n\n \n", "J{\"a\":1}|");
}

static void crlf(void **state)
{
	struct fixture f;

	(void)state;
	one_write("hello\r\n", "Thello|");
	one_write("two\r\nlines\r\n", "Ttwo\r\nlines|");
	one_write("x\r\r\n", "Tx\r|");
	one_write("{\"a\":1}\r\n", "J{\"a\":1}|");
	start(&f);
	assert_int_equal(put(&f, "hello\r"), 0);
	assert_int_equal(put(&f, "\n"), 0);
	got(&f, "Thello|");
	assert_int_equal(put(&f, "hello\r"), 0);
	assert_int_equal(flush(&f), 0); /* no newline, so no line's end */
	got(&f, "Thello\r|");
	finish(&f);
}

static void jsons(void **state)
{
	(void)state;
	one_write("{}", "J{}|");
	one_write("{\"a\":1}\n", "J{\"a\":1}|");
	one_write("{\"a\":1}{\"b\":2}\n", "J{\"a\":1}|J{\"b\":2}|");
	one_write("{\"a\":1}\n{\"b\":2}\n", "J{\"a\":1}|J{\"b\":2}|");
	one_write("  {\"a\":1}  \n\n{\"b\":2} \t {\"c\":3}", "J{\"a\":1}|J{\"b\":2}|J{\"c\":3}|");
	one_write("{\n  \"a\": 1\n}\n", "J{\n  \"a\": 1\n}|");
	one_write("{\"a\":\"}\"}", "J{\"a\":\"}\"}|");
	one_write("{\"a\":\"\\\"}{\\\\\"}", "J{\"a\":\"\\\"}{\\\\\"}|");
	one_write("{\"a\":{\"b\":[{},{}]}}", "J{\"a\":{\"b\":[{},{}]}}|");
	one_write("{\"a\":{\"seq\":1}}", "J{\"a\":{\"seq\":1}}|");
	one_write("{\"a\":0.10,\"b\":12345678901234567890}",
		"J{\"a\":0.10,\"b\":12345678901234567890}|");
}

static void json_then_text(void **state)
{
	struct fixture f;

	(void)state;
	one_write("{\"a\":1}\nhello\n", "J{\"a\":1}|Thello|");
	one_write("{\"a\":1} hello\n", "J{\"a\":1}|Thello|");
	one_write("{\"a\":1}\n  hello\n{}\n", "J{\"a\":1}|T  hello\n{}|");
	start(&f);
	assert_int_equal(put(&f, "{\"a\":1}hel"), 0);
	got(&f, "J{\"a\":1}|");
	assert_true(framer_pending(&f.framer));
	assert_int_equal(put(&f, "lo\n"), 0);
	got(&f, "Thello|");
	assert_int_equal(put(&f, "{\"a\":1}{\"b\""), 0);
	got(&f, "J{\"a\":1}|");
	assert_int_equal(put(&f, ":2}{\"c\":"), 0);
	got(&f, "J{\"b\":2}|");
	assert_int_equal(put(&f, "3} x"), 0);
	got(&f, "J{\"c\":3}|");
	assert_int_equal(flush(&f), 0);
	got(&f, "Tx|");
	finish(&f);
}

static void receiver_sees_how_many_are_left(void **state)
{
	struct fixture f;

	(void)state;
	start(&f);
	assert_int_equal(put(&f, "{}\n{}\nx\n"), 0);
	assert_int_equal(f.count, 3);
	assert_int_equal(f.left, 0);
	f.refuse_at = 6;
	assert_int_equal(put(&f, "{}\n{}\nx\n"), -EDQUOT);
	assert_int_equal(f.left, 1);
	finish(&f);
}

/* Splits at every place, and at every two places. */
static void splits(const char *text, const char *expected)
{
	size_t len = strlen(text);

	for (size_t i = 0; i <= len; i++) {
		for (size_t j = i; j <= len; j++) {
			struct fixture f;

			start(&f);
			assert_int_equal(write_bytes(&f, text, i), 0);
			assert_int_equal(write_bytes(&f, text + i, j - i), 0);
			assert_int_equal(write_bytes(&f, text + j, len - j), 0);
			assert_int_equal(flush(&f), 0);
			got(&f, expected);
			assert_null(f.framer.pending.data);
			finish(&f);
		}
	}
}

static void split_anywhere(void **state)
{
	(void)state;
	splits("{\"a\":\"}\\\"\\\\\\u0041\",\"\xc3\xa9\":[1,-2.5e3,true]}\n",
		"J{\"a\":\"}\\\"\\\\\\u0041\",\"\xc3\xa9\":[1,-2.5e3,true]}|");
	splits(" \n {\"a\":1} {\"b\":\n2}\n", "J{\"a\":1}|J{\"b\":\n2}|");
	splits("hello w\xc3\xb6rld \xf0\x9f\x98\x80!\n", "Thello w\xc3\xb6rld \xf0\x9f\x98\x80!|");
	splits("\n \n  no newline\xe2\x82\xac", "T  no newline\xe2\x82\xac|");
	splits("  {}{}x", "J{}|J{}|Tx|");
}

static void one_byte_a_write(void **state)
{
	static const char text[] = "\n  h\xc3\xa9llo\r\n{\"a\": \"\xc3\xa9}\"}\n \nbye";
	struct fixture f;

	(void)state;
	start(&f);
	for (size_t i = 0; i < sizeof(text) - 1; i++)
		assert_int_equal(write_bytes(&f, text + i, 1), 0);
	assert_true(framer_pending(&f.framer));
	assert_int_equal(flush(&f), 0);
	got(&f, "T  h\xc3\xa9llo|J{\"a\": \"\xc3\xa9}\"}|Tbye|");
	finish(&f);
}

static void a_text_stays_a_text(void **state)
{
	struct fixture f;

	(void)state;
	start(&f);
	assert_int_equal(put(&f, "hello "), 0);
	got(&f, "");
	assert_int_equal(put(&f, "{\"a\":1}\nand\nso "), 0);
	got(&f, "");
	assert_int_equal(put(&f, "on\n"), 0);
	got(&f, "Thello {\"a\":1}\nand\nso on|");
	finish(&f);
}

static void flush_completes_once(void **state)
{
	struct fixture f;

	(void)state;
	start(&f);
	assert_int_equal(flush(&f), 0);
	assert_int_equal(put(&f, "no newline"), 0);
	assert_int_equal(flush(&f), 0);
	got(&f, "Tno newline|");
	assert_false(framer_pending(&f.framer));
	assert_int_equal(flush(&f), 0);
	got(&f, "");
	assert_int_equal(put(&f, "inner\nkept"), 0);
	assert_int_equal(flush(&f), 0);
	got(&f, "Tinner\nkept|");
	assert_int_equal(put(&f, "  "), 0);
	assert_false(framer_pending(&f.framer));
	assert_int_equal(flush(&f), 0);
	assert_int_equal(put(&f, "x\n"), 0);
	got(&f, "Tx|");
	finish(&f);
}

static void flush_keeps_incomplete_json(void **state)
{
	struct fixture f;

	(void)state;
	start(&f);
	assert_int_equal(put(&f, "{\"a\":"), 0);
	assert_true(framer_pending(&f.framer));
	assert_int_equal(flush(&f), -EINVAL);
	assert_non_null(strstr(f.err.text, "incomplete JSON"));
	assert_int_equal(flush(&f), -EINVAL);
	assert_true(framer_pending(&f.framer));
	got(&f, "");
	assert_int_equal(put(&f, "1}"), 0);
	got(&f, "J{\"a\":1}|");
	assert_int_equal(flush(&f), 0);
	finish(&f);
	start(&f);
	assert_int_equal(put(&f, "{\"a\":\"dropped"), 0);
	finish(&f);
}

static void flush_refuses_what_is_no_message(void **state)
{
	struct fixture f;

	(void)state;
	start(&f);
	assert_int_equal(put(&f, "cut \xc3"), 0);
	assert_int_equal(flush(&f), -EINVAL);
	assert_false(framer_pending(&f.framer));
	assert_int_equal(flush(&f), 0);
	f.refuse_at = 1;
	assert_int_equal(put(&f, "text"), 0);
	assert_int_equal(flush(&f), -EDQUOT);
	assert_int_equal(flush(&f), 0); /* gone, not offered again */
	assert_int_equal(f.count, 1);
	got(&f, "");
	finish(&f);
}

static void bad_bytes(void **state)
{
	struct fixture f;

	(void)state;
	refused_bytes("\0", 1, -EINVAL, "NUL at byte 1");
	refused_bytes("a\0b\n", 4, -EINVAL, "NUL at byte 2");
	refused_bytes("a\0b", 3, -EINVAL, "NUL at byte 2");
	refused_bytes("\0{}", 3, -EINVAL, "NUL at byte 1");
	refused_bytes("{\0}", 3, -EINVAL, "line 1, column 2");
	refused_bytes("{\"\0", 3, -EINVAL, "line 1, column 3");
	refused("caf\xe9\n", "UTF-8 at byte 4");
	refused("caf\xe9 x", "UTF-8 at byte 4");
	refused("caf\xc3\n", "UTF-8 at byte 4");
	refused("\xed\xa0\x80", "UTF-8 at byte 1");
	refused("{\"\xff\":1}", "line 1");
	refused("{\"\xff", "UTF-8 at byte 3");
	start(&f);
	assert_int_equal(put(&f, "abc\xe2\x82"), 0);
	assert_int_equal(put(&f, "x\n"), -EINVAL);
	assert_non_null(strstr(f.err.text, "UTF-8 at byte 4"));
	assert_false(framer_pending(&f.framer));
	assert_int_equal(put(&f, "{\"abc\xe2\x82"), 0);
	assert_int_equal(put(&f, "\"x"), -EINVAL);
	assert_false(framer_pending(&f.framer));
	got(&f, "");
	finish(&f);
}

static void bad_json(void **state)
{
	(void)state;
	refused("{hello}\n", "line 1, column 2");
	refused("{hello", "line 1, column 2"); /* though its end has not come */
	refused("{\"a\":1,\n\"b\"}\n", "line 2, column 4: expected ':'");
	refused("{\"a\":1}{\"b\":2,}", "line 1, column 8");
	refused("{\"a\":1,\"a\":2}", "duplicate");
	refused("{\"a\":\"\\ud800\"}", "line 1");
	refused("{\"seq\":1}\n", "seq: a line that already has a seq is not sent again");
	refused("{\"s\\u0065q\":null}\n", "seq: ");
	refused("{\"a\":1}\n{\"seq\":2}\n", "seq: "); /* nor the first */
}

static void error_clears_what_was_pending(void **state)
{
	struct fixture f;

	(void)state;
	start(&f);
	assert_int_equal(put(&f, "{\"a\":"), 0);
	assert_int_equal(put(&f, "1,\n  oops}"), -EINVAL);
	assert_string_equal(
		f.err.text, "bad JSON at line 2, column 3: expected a key in double quotes");
	assert_false(framer_pending(&f.framer));
	assert_int_equal(put(&f, "{\"b\":2}\n"), 0);
	got(&f, "J{\"b\":2}|");
	assert_int_equal(put(&f, "{\"a\":1"), 0);
	assert_int_equal(put(&f, "}{\"b\":2}{\"c\":nope"), -EINVAL);
	assert_int_equal(flush(&f), 0);
	got(&f, "");
	assert_int_equal(put(&f, "text "), 0);
	assert_int_equal(put(&f, "\xff\n"), -EINVAL);
	assert_int_equal(flush(&f), 0);
	got(&f, "");
	finish(&f);
}

static void receiver_refuses(void **state)
{
	struct fixture f;

	(void)state;
	start(&f);
	f.refuse_at = 2;
	assert_int_equal(put(&f, "{\"a\":1}{\"b\":2}{\"c\":3} {\"d\""), -EDQUOT);
	got(&f, "J{\"a\":1}|");
	assert_int_equal(f.count, 2);
	assert_false(framer_pending(&f.framer));
	assert_int_equal(flush(&f), 0);
	assert_int_equal(put(&f, "{\"e\":"), 0);
	f.refuse_at = 3;
	assert_int_equal(put(&f, "5}"), -EDQUOT);
	assert_int_equal(flush(&f), 0);
	assert_int_equal(put(&f, "ok\n"), 0);
	got(&f, "Tok|");
	finish(&f);
}

/* A text or a JSON object of `len` bytes. */
static char *of_length(size_t len, bool json)
{
	char *text = malloc(len + 3);

	assert_non_null(text);
	memset(text, 'x', len);
	if (json) {
		memcpy(text, "{\"a\":\"", 6);
		memcpy(text + len - 2, "\"}", 2);
	}
	text[len] = '\0';
	return text;
}

/* Writes `len` bytes and an end, in pieces of `size`, then flushes; returns the first failure. */
static int write_length(size_t len, bool json, const char *end, size_t size)
{
	struct fixture f;
	char *text = of_length(len, json);
	size_t total;
	int rc = 0;

	start(&f);
	memcpy(text + len, end, strlen(end) + 1);
	total = strlen(text);
	for (size_t at = 0; rc == 0 && at < total; at += size)
		rc = write_bytes(&f, text + at, size < total - at ? size : total - at);
	if (rc == 0)
		rc = flush(&f);
	if (rc == 0)
		assert_int_equal(f.got.len, len + 2);
	assert_int_equal(f.count, rc == 0);
	assert_null(f.framer.pending.data);
	free(text);
	finish(&f);
	return rc;
}

static void limit_is_exact(void **state)
{
	static const size_t sizes[] = {1000, 1, 7, MAX - 1, MAX, MAX + 1};
	static const char *ends[] = {"", "\n", "\r\n"};

	(void)state;
	for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
		for (size_t e = 0; e < 3; e++) {
			for (int json = 0; json < 2; json++) {
				assert_int_equal(write_length(MAX - 1, json, ends[e], sizes[s]), 0);
				assert_int_equal(write_length(MAX, json, ends[e], sizes[s]), 0);
				assert_int_equal(
					write_length(MAX + 1, json, ends[e], sizes[s]), -EMSGSIZE);
				assert_int_equal(
					write_length(MAX + 2, json, ends[e], sizes[s]), -EMSGSIZE);
				assert_int_equal(
					write_length(MAX + 50, json, ends[e], sizes[s]), -EMSGSIZE);
			}
		}
	}
}

static void limit_with_a_trailing_return(void **state)
{
	struct fixture f;
	char *text = of_length(MAX, false);

	(void)state;
	start(&f);
	assert_int_equal(put(&f, text), 0);
	assert_int_equal(put(&f, "\r"), 0);
	assert_int_equal(flush(&f), -EMSGSIZE); /* it was a byte of the text after all */
	assert_int_equal(flush(&f), 0);
	assert_int_equal(put(&f, text), 0);
	assert_int_equal(put(&f, "\r"), 0);
	assert_int_equal(put(&f, "\r"), -EMSGSIZE);
	assert_int_equal(flush(&f), 0);
	got(&f, "");
	free(text);
	finish(&f);
}

static void limit_is_each_messages_own(void **state)
{
	struct fixture f;
	char *json = of_length(MAX, true);

	(void)state;
	start(&f);
	assert_int_equal(put(&f, "{\"a\":1}"), 0);
	buf_reset(&f.got);
	assert_int_equal(put(&f, json), 0);
	assert_int_equal(put(&f, json), 0);
	assert_int_equal(f.got.len, (size_t)2 * (MAX + 2));
	buf_reset(&f.got);
	for (size_t i = 0; i < 3 * MAX; i++)
		assert_int_equal(put(&f, "\n"), 0); /* blank lines are no message's bytes */
	assert_int_equal(put(&f, "x\n"), 0);
	got(&f, "Tx|");
	for (size_t i = 0; i < MAX; i++)
		assert_int_equal(put(&f, " "), 0);
	assert_int_equal(put(&f, " "), -EMSGSIZE); /* yet they may not wait without bound */
	free(json);
	finish(&f);
}

static void batch_is_bounded(void **state)
{
	struct fixture f;
	struct buf b = BUF_INIT;

	(void)state;
	start(&f);
	for (int i = 0; i < BATCH_MAX; i++)
		buf_adds(&b, "{}\n");
	assert_int_equal(put(&f, b.data), 0);
	assert_int_equal(f.count, BATCH_MAX);
	f.count = 0;
	buf_adds(&b, "{");
	assert_int_equal(put(&f, b.data), 0);
	assert_int_equal(f.count, BATCH_MAX);
	assert_int_equal(put(&f, "}"), 0);
	f.count = 0;
	buf_adds(&b, "}");
	assert_int_equal(put(&f, b.data), -EINVAL);
	assert_int_equal(f.count, 0);
	b.data[b.len - 2] = 'x';
	b.data[b.len - 1] = '\n';
	assert_int_equal(put(&f, b.data), -EINVAL);
	assert_int_equal(f.count, 0);
	assert_int_equal(flush(&f), 0);
	buf_release(&b);
	finish(&f);
}

static void depth_is_bounded(void **state)
{
	struct fixture f;

	(void)state;
	start_with(&f, 100000);
	assert_int_equal(put(&f, "{\"a\":"), 0);
	for (int i = 1; i < JSON_DEPTH_MAX; i++)
		assert_int_equal(put(&f, i % 2 ? "[" : "{\"b\":"), 0);
	assert_int_equal(put(&f, "["), -EINVAL);
	assert_non_null(strstr(f.err.text, "too deep"));
	assert_false(framer_pending(&f.framer));
	assert_int_equal(put(&f, "{\"a\":"), 0);
	for (int i = 1; i < JSON_DEPTH_MAX; i++)
		assert_int_equal(put(&f, "["), 0);
	for (int i = 1; i < JSON_DEPTH_MAX; i++)
		assert_int_equal(put(&f, "]"), 0);
	assert_int_equal(f.count, 0);
	assert_int_equal(put(&f, "}"), 0);
	assert_int_equal(f.count, 1);
	finish(&f);
}

static int takes_in_place(void *arg, const struct message *message)
{
	const char **expected = arg;

	assert_ptr_equal(message->text, *expected);
	return 0;
}

static void whole_messages_are_not_copied(void **state)
{
	static const char text[] = "hello\n", json[] = "{\"a\":1}\n";
	const char *expected = text;
	struct framer framer;

	(void)state;
	framer_init(&framer, MAX);
	assert_int_equal(framer_write(&framer, text, 6, takes_in_place, &expected, NULL), 0);
	expected = json;
	assert_int_equal(framer_write(&framer, json, 8, takes_in_place, &expected, NULL), 0);
	assert_null(framer.pending.data);
	framer_release(&framer);
	framer_release(NULL);
	memset(&framer, 0, sizeof(framer));
	framer_release(&framer);
}

/* Any bytes in any pieces: nothing breaks, and what is handed over keeps the rules. */
static int takes_only_good(void *arg, const struct message *message)
{
	(void)arg;
	assert_true(message->len > 0 && message->len <= MAX);
	assert_null(memchr(message->text, '\0', message->len));
	if (message->json != NULL) {
		assert_int_equal(message->text[0], '{');
		assert_int_equal(message->text[message->len - 1], '}');
		assert_false(json_has(message->json, "seq"));
	}
	return 0;
}

static void any_bytes(void **state)
{
	static const char *tokens[] = {"{", "}", "\"", "\\", "\n", "\r\n", " ", "{\"a\":1}",
		"\"a\":", "\xc3", "\xa9", "hello", "[", "]", ",", "\"seq\"", ":", "\"b\"", "1",
		"\xff"};
	unsigned seed = 3;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		struct framer framer;

		framer_init(&framer, MAX);
		for (int i = 0; i < 8; i++) {
			char data[64];
			size_t len = 0, token;

			for (int n = 0; n < 6; n++) {
				seed = seed * 1103515245 + 12345;
				if ((seed >> 28) == 0)
					break;
				token = (seed >> 12) % (sizeof(tokens) / sizeof(tokens[0]));
				memcpy(data + len, tokens[token], strlen(tokens[token]));
				len += strlen(tokens[token]);
			}
			framer_write(&framer, data, len, takes_only_good, NULL, NULL);
			assert_true(framer.pending.len <= MAX + 1);
			assert_true(framer.checked <= framer.pending.len);
			if ((seed >> 8) % 4 == 0)
				framer_flush(&framer, takes_only_good, NULL, NULL);
		}
		framer_release(&framer);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts),
		cmocka_unit_test(blanks_are_nothing),
		cmocka_unit_test(crlf),
		cmocka_unit_test(jsons),
		cmocka_unit_test(json_then_text),
		cmocka_unit_test(receiver_sees_how_many_are_left),
		cmocka_unit_test(split_anywhere),
		cmocka_unit_test(one_byte_a_write),
		cmocka_unit_test(a_text_stays_a_text),
		cmocka_unit_test(flush_completes_once),
		cmocka_unit_test(flush_keeps_incomplete_json),
		cmocka_unit_test(flush_refuses_what_is_no_message),
		cmocka_unit_test(bad_bytes),
		cmocka_unit_test(bad_json),
		cmocka_unit_test(error_clears_what_was_pending),
		cmocka_unit_test(receiver_refuses),
		cmocka_unit_test(limit_is_exact),
		cmocka_unit_test(limit_with_a_trailing_return),
		cmocka_unit_test(limit_is_each_messages_own),
		cmocka_unit_test(batch_is_bounded),
		cmocka_unit_test(depth_is_bounded),
		cmocka_unit_test(whole_messages_are_not_copied),
		cmocka_unit_test(any_bytes),
	};

	return cmocka_run_group_tests_name("framer", tests, NULL, NULL);
}
