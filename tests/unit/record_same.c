#include "tests/unit/record_same.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void same_text(const char *a, const char *b)
{
	assert_int_equal(a == NULL, b == NULL);
	if (a != NULL)
		assert_string_equal(a, b);
}

void assert_same_record(const struct record *a, const struct record *b)
{
	assert_true(a->kind == b->kind && a->pos == b->pos && a->seq == b->seq);
	assert_true(a->time_us == b->time_us && a->uid == b->uid);
	assert_true(a->line_len == b->line_len && a->shown_len == b->shown_len);
	same_text(a->type, b->type);
	same_text(a->session, b->session);
	same_text(a->agent, b->agent);
	same_text(a->target, b->target);
	same_text(a->detail, b->detail);
	same_text(a->line, b->line);
	same_text(a->shown, b->shown);
	assert_int_equal(a->shown == a->line, b->shown == b->line);
}
