#include "core/base/limits.h"
#include "core/log/record.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TIME INT64_C(1763467200123456) /* 2025-11-18T12:00:00.123456Z */

static struct record *make(const struct draft *d, int64_t seq)
{
	struct record *r = NULL;

	assert_int_equal(record_new(d, 7, seq, TIME, &r), 0);
	assert_non_null(r);
	return r;
}

static void an_event_has_its_line(void **state)
{
	const struct draft d = {.kind = RECORD_EVENT,
		.uid = 1000,
		.type = "task.started",
		.session = "leitl-cece-abc123",
		.from = "Cece",
		.agent = "cece",
		.data = "{\"a\":1}",
		.data_len = 7,
		.detail = "{\"x\":2}"};
	struct record *r = make(&d, 417);

	(void)state;
	assert_string_equal(r->line,
		"{\"seq\":417,\"event_type\":\"task.started\",\"session_id\":\"leitl-cece-abc123\","
		"\"from\":\"Cece\",\"timestamp\":\"2025-11-18T12:00:00.123456Z\",\"data\":{\"a\":1}"
		"}\n");
	assert_int_equal(r->line_len, strlen(r->line));
	assert_ptr_equal(r->shown, r->line);
	assert_int_equal(r->shown_len, r->line_len);
	assert_int_equal(record_bytes(r), r->line_len);
	assert_int_equal(r->pos, 7);
	assert_int_equal(r->seq, 417);
	assert_int_equal(r->time_us, TIME);
	assert_int_equal(r->uid, 1000);
	assert_string_equal(r->type, "task.started");
	assert_string_equal(r->session, "leitl-cece-abc123");
	assert_string_equal(r->agent, "cece");
	assert_null(r->target);
	assert_string_equal(r->detail, "{\"x\":2}");
	assert_int_equal(r->in_count, 0);
	record_unref(r);
}

static void who_has_no_session_is_null(void **state)
{
	const struct draft d = {
		.kind = RECORD_EVENT, .type = "broadcast.message", .from = "r\"o\\o\nt\x7f"};
	struct record *r = make(&d, 1);

	(void)state;
	assert_string_equal(r->line,
		"{\"seq\":1,\"event_type\":\"broadcast.message\",\"session_id\":null,"
		"\"from\":\"r\\\"o\\\\o\\nt\\u007f\",\"timestamp\":\"2025-11-18T12:00:00.123456Z\","
		"\"data\":{}}\n");
	assert_null(r->session);
	assert_null(r->agent);
	assert_null(r->detail);
	record_unref(r);
}

static void a_direct_message_is_shown_without_what_it_says(void **state)
{
	const struct draft d = {.kind = RECORD_EVENT,
		.type = "message.direct",
		.session = "a",
		.target = "b",
		.data = "{\"message\":\"psst\"}",
		.data_len = 18};
	struct record *r = make(&d, 2);

	(void)state;
	assert_string_equal(r->line,
		"{\"seq\":2,\"event_type\":\"message.direct\",\"session_id\":\"a\",\"to\":\"b\","
		"\"timestamp\":\"2025-11-18T12:00:00.123456Z\",\"data\":{\"message\":\"psst\"}}\n");
	assert_string_equal(r->shown,
		"{\"seq\":2,\"event_type\":\"message.direct\",\"session_id\":\"a\",\"to\":\"b\","
		"\"timestamp\":\"2025-11-18T12:00:00.123456Z\",\"data\":{\"bytes\":18}}\n");
	assert_int_equal(r->shown_len, strlen(r->shown));
	assert_int_equal(record_bytes(r), r->line_len + r->shown_len);
	record_unref(r);
}

static void the_others_have_no_seq(void **state)
{
	struct draft d = {.kind = RECORD_RECEIPT,
		.type = "receipt",
		.session = "a",
		.target = "b",
		.data = "{\"delivered\":3}",
		.data_len = 15};
	struct record *r = make(&d, 9);

	(void)state;
	assert_string_equal(r->line, "{\"delivered\":3}\n");
	assert_int_equal(r->line_len, 16);
	assert_ptr_equal(r->shown, r->line);
	assert_int_equal(r->seq, 0);
	record_unref(r);
	d = (struct draft){.kind = RECORD_READ, .type = "read", .session = "a", .detail = "[5]"};
	r = make(&d, 9);
	assert_null(r->line);
	assert_null(r->shown);
	assert_int_equal(r->line_len, 0);
	assert_int_equal(record_bytes(r), 0);
	assert_string_equal(r->detail, "[5]");
	record_unref(r);
}

/* Every text at its longest and every character escaped: what was reckoned is enough. */
static void there_is_always_room(void **state)
{
	char longest[ID_MAX * 4 + 1], type[TYPE_MAX + 1];
	struct draft d = {.kind = RECORD_EVENT, .type = type, .data = "1", .data_len = 1};

	(void)state;
	memset(type, 'x', TYPE_MAX);
	type[TYPE_MAX] = '\0';
	for (size_t len = 0; len < sizeof(longest); len++) {
		struct record *r;

		memset(longest, '\x01', len);
		longest[len] = '\0';
		for (int set = 0; set < 16; set++) {
			d.session = set & 1 ? longest : NULL;
			d.from = set & 2 ? longest : NULL;
			d.target = set & 4 ? longest : NULL;
			d.agent = d.detail = set & 8 ? longest : NULL;
			assert_int_equal(record_new(&d, INT64_MAX, INT64_MAX, INT64_MAX, &r), 0);
			assert_int_equal(r->line_len, strlen(r->line));
			record_unref(r);
		}
	}
}

static void what_is_too_long_is_refused(void **state)
{
	struct record *r = NULL, *largest;
	char *data = malloc(LINE_MAX_BYTES + 1);
	struct draft d = {.kind = RECORD_EVENT, .type = "t", .data = data};

	(void)state;
	assert_non_null(data);
	memset(data, 'x', LINE_MAX_BYTES + 1);
	d.data_len = LINE_MAX_BYTES + 1;
	assert_int_equal(record_new(&d, 1, 1, 1, &r), -EMSGSIZE);
	d.data_len = LINE_MAX_BYTES - 20; /* with its envelope it is too long */
	assert_int_equal(record_new(&d, 1, 1, 1, &r), -EMSGSIZE);
	assert_null(r);
	d.data_len = 6 * MESSAGE_MAX;
	largest = make(&d, 1);
	assert_true(largest->line_len <= LINE_MAX_BYTES);
	record_unref(largest);
	free(data);
}

static void a_kept_one_is_the_same(void **state)
{
	const struct draft d = {.kind = RECORD_EVENT,
		.uid = 5,
		.type = "message.direct",
		.session = "a",
		.agent = "g",
		.target = "b",
		.data = "{\"message\":\"psst\"}",
		.data_len = 18,
		.detail = "{}"};
	struct record *r = make(&d, 2), *again, *bare;
	const struct record none = {.kind = RECORD_READ, .pos = 3};

	(void)state;
	assert_int_equal(record_restore(r, &again), 0);
	assert_string_equal(again->line, r->line);
	assert_string_equal(again->shown, r->shown);
	assert_int_equal(again->line_len, r->line_len);
	assert_int_equal(again->shown_len, r->shown_len);
	assert_string_equal(again->type, "message.direct");
	assert_string_equal(again->session, "a");
	assert_string_equal(again->agent, "g");
	assert_string_equal(again->target, "b");
	assert_string_equal(again->detail, "{}");
	assert_true(again->pos == r->pos && again->seq == r->seq && again->uid == r->uid);
	assert_true(again->time_us == r->time_us && again->kind == r->kind);
	record_unref(r);
	r = again;
	r->shown = NULL;
	assert_int_equal(record_restore(r, &again), 0);
	assert_ptr_equal(again->shown, again->line);
	assert_int_equal(again->shown_len, again->line_len);
	record_unref(again);
	record_unref(r);
	assert_int_equal(record_restore(&none, &bare), 0);
	assert_null(bare->line);
	assert_null(bare->type);
	record_unref(bare);
}

static void references_are_counted(void **state)
{
	const struct draft d = {.kind = RECORD_EVENT, .type = "t"};
	struct record *r = make(&d, 1);

	(void)state;
	assert_ptr_equal(record_ref(r), r);
	record_unref(r);
	assert_string_equal(r->type, "t");
	record_unref(r);
	record_unref(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_event_has_its_line),
		cmocka_unit_test(who_has_no_session_is_null),
		cmocka_unit_test(a_direct_message_is_shown_without_what_it_says),
		cmocka_unit_test(the_others_have_no_seq),
		cmocka_unit_test(there_is_always_room),
		cmocka_unit_test(what_is_too_long_is_refused),
		cmocka_unit_test(a_kept_one_is_the_same),
		cmocka_unit_test(references_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
