/* Metrics: counting, troubles, and the text that Prometheus reads. */
#include "core/base/metrics.h"

#include "core/context/sources.h"
#include "tests/unit/world.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct clock *hand(struct world *w)
{
	return &w->clock.clock;
}

/* The value of a sample, by its name with its labels; fails the test where there is none. */
static double value_of(const char *text, const char *sample)
{
	const size_t len = strlen(sample);

	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, sample, len) == 0 && line[len] == ' ')
			return strtod(line + len + 1, NULL);
	}
	fail_msg("there is no sample %s", sample);
	return 0;
}

static const char *show(struct world *w, struct buf *out)
{
	buf_reset(out);
	metrics_show(w->loop, NULL, WORLD_UID, out);
	assert_int_equal(buf_error(out), 0);
	return out->data;
}

static void a_histogram_is_cumulative(void **state)
{
	struct histogram h = {0};
	struct buf b = BUF_INIT;

	(void)state;
	histogram_add(&h, histogram_times, -3); /* a clock that was set back */
	histogram_add(&h, histogram_times, 5);
	histogram_add(&h, histogram_times, 6);
	histogram_add(&h, histogram_times, 10000000);
	histogram_add(&h, histogram_times, 10000001);
	metric_histogram(&b, "h_seconds", "Help.", &h, histogram_times, 1e6);
	assert_ptr_equal(strstr(b.data, "# HELP h_seconds Help.\n# TYPE h_seconds histogram\n"
					"h_seconds_bucket{le=\"5e-06\"} 2\n"
					"h_seconds_bucket{le=\"1e-05\"} 3\n"),
		b.data);
	assert_int_equal((int)value_of(b.data, "h_seconds_bucket{le=\"5\"}"), 3);
	assert_int_equal((int)value_of(b.data, "h_seconds_bucket{le=\"10\"}"), 4);
	assert_int_equal((int)value_of(b.data, "h_seconds_bucket{le=\"+Inf\"}"), 5);
	assert_int_equal((int)value_of(b.data, "h_seconds_count"), 5);
	assert_non_null(strstr(b.data, "\nh_seconds_sum 20.000012\n"));
	buf_release(&b);
}

static void bounds_grow(void **state)
{
	(void)state;
	for (int i = 1; i < HISTOGRAM_BOUNDS; i++) {
		assert_true(histogram_times[i - 1] < histogram_times[i]);
		assert_true(histogram_counts[i - 1] < histogram_counts[i]);
	}
}

static void labels_are_escaped(void **state)
{
	struct buf labels = BUF_INIT;

	(void)state;
	metric_label(&labels, "a", "x\"y\\z\nw");
	metric_label(&labels, "b",
		"ä\xff"
		"b\xc3");
	metric_label(&labels, "c", "");
	assert_string_equal(labels.data, "a=\"x\\\"y\\\\z\\nw\",b=\"ä\xef\xbf\xbd"
					 "b\xef\xbf\xbd\",c=\"\"");
	buf_release(&labels);
}

static void numbers_are_exact(void **state)
{
	struct buf b = BUF_INIT;

	(void)state;
	metric_number(&b, "m", NULL, 0);
	metric_number(&b, "m", "l=\"v\"", -7);
	metric_number(&b, "m", NULL, 82028048384.0);
	metric_number(&b, "m", NULL, 1763467200.123456);
	metric_number(&b, "m", NULL, 1e300);
	metric_count(&b, "m", NULL, UINT64_MAX);
	assert_string_equal(b.data, "m 0\nm{l=\"v\"} -7\nm 82028048384\nm 1763467200.12346\n"
				    "m 1e+300\nm 18446744073709551615\n");
	buf_release(&b);
}

static void types_are_known_by_number(void **state)
{
	(void)state;
	for (int i = 0; i < EVENT_TYPES - 1; i++)
		assert_int_equal(event_type_number(event_types[i]), i);
	assert_int_equal(event_type_number("deploy.done"), EVENT_TYPES - 1);
	assert_int_equal(event_type_number(""), EVENT_TYPES - 1);
	assert_int_equal(event_type_number("zzz.zzz"), EVENT_TYPES - 1);
}

static void troubles_begin_and_end(void **state)
{
	struct world *w = *state;
	const struct error err = {.code = ENOSPC, .text = "appending: no room"};
	struct metrics *m = metrics_new(hand(w));
	int64_t since_us = 0, began_us = w->clock.wall_us;
	int code = 0;

	assert_non_null(m);
	assert_int_equal(trouble_find(m, TROUBLE_APPEND, NULL, NULL), TROUBLES);
	trouble_note(m, TROUBLE_APPEND, 0, NULL);
	trouble_note(m, TROUBLE_APPEND, -ENOMEM, NULL);
	trouble_note(m, TROUBLE_APPEND, -EMSGSIZE, NULL);
	assert_int_equal(trouble_find(m, TROUBLE_APPEND, NULL, NULL), TROUBLES);
	world_pass(w, SECOND_US);
	trouble_note(m, TROUBLE_SAVE, -ENOSPC, &err);
	world_pass(w, SECOND_US);
	trouble_note(m, TROUBLE_SAVE, -EIO, &err); /* the same trouble, since then */
	assert_int_equal(trouble_find(m, TROUBLE_APPEND, &code, &since_us), TROUBLE_SAVE);
	assert_int_equal(code, ENOSPC);
	assert_int_equal(since_us, began_us + SECOND_US);
	trouble_note(m, TROUBLE_APPEND, 0, NULL); /* of another */
	assert_int_equal(trouble_find(m, TROUBLE_APPEND, NULL, NULL), TROUBLE_SAVE);
	world_pass(w, SECOND_US);
	trouble_note(m, TROUBLE_SAVE, 0, NULL);
	assert_int_equal(trouble_find(m, TROUBLE_APPEND, NULL, NULL), TROUBLES);
	assert_int_equal(m->calm_us, began_us + 3 * SECOND_US);
	assert_int_equal(counter_of(&m->troubles[TROUBLE_SAVE].failures), 2);
	metrics_free(m);
	metrics_free(NULL);
}

static void it_counts_what_happens(void **state)
{
	struct world *w = *state;
	struct session *cece = world_register(w, WORLD_UID, "cece");
	struct session *bob = world_register(w, WORLD_UID, "bob");
	const struct actor actor = world_actor(cece);
	struct buf out = BUF_INIT;
	double commits;

	commits = value_of(show(w, &out), "leitlfs_commit_seconds_count");
	assert_int_equal(world_say(w, &actor, NULL, NULL, "one"), 0);
	assert_int_equal(world_say(w, &actor, NULL, NULL, "two"), 0);
	assert_int_equal(world_say(w, &actor, NULL, bob, "three"), 0);
	assert_int_equal(world_say(w, &actor, "deploy.done", NULL, "four"), 0);
	refusal_add(w->loop->refusals, WORLD_UID, 1, NULL, "broadcast", EDQUOT, "too many");
	refusal_add(w->loop->refusals, OTHER_UID, 1, NULL, "broadcast", EDQUOT, "too many");
	refusal_add(w->loop->refusals, OTHER_UID, 1, NULL, "broadcast", 4711, "odd");
	assert_int_equal(world_end(w, bob), 0);
	show(w, &out);
	assert_int_equal(value_of(out.data, "leitlfs_sessions{health=\"ended\"}"), 1);
	/* and the owner's own */
	assert_int_equal(value_of(out.data, "leitlfs_sessions{health=\"fresh\"}"), 2);
	assert_int_equal(value_of(out.data, "leitlfs_events_total{type=\"broadcast.message\"}"), 2);
	assert_int_equal(value_of(out.data, "leitlfs_events_total{type=\"message.direct\"}"), 1);
	assert_int_equal(value_of(out.data, "leitlfs_events_total{type=\"other\"}"), 1);
	assert_int_equal(value_of(out.data, "leitlfs_events_total{type=\"session.ended\"}"), 1);
	assert_int_equal(value_of(out.data, "leitlfs_commit_seconds_count"), commits + 5);
	assert_int_equal(value_of(out.data, "leitlfs_commit_records_count"), commits + 5);
	assert_int_equal(value_of(out.data, "leitlfs_refusals_total{errno=\"EDQUOT\"}"), 2);
	assert_int_equal(value_of(out.data, "leitlfs_refusals_total{errno=\"other\"}"), 1);
	assert_null(strstr(out.data, "EINVAL"));
	assert_int_equal(value_of(out.data, "leitlfs_log_seq"), w->loop->state->last_seq);
	assert_true(value_of(out.data, "leitlfs_kept_bytes") > 500);
	assert_true(value_of(out.data, "process_resident_memory_bytes") > 1e6);
	assert_true(value_of(out.data, "process_open_fds") > 5);
	assert_true(value_of(out.data, "process_threads") >= 3);
	/* Counters begin with the process. */
	world_reopen(w);
	show(w, &out);
	assert_int_equal(value_of(out.data, "leitlfs_events_total{type=\"broadcast.message\"}"), 0);
	assert_int_equal(value_of(out.data, "leitlfs_sessions{health=\"ended\"}"), 1);
	buf_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_histogram_is_cumulative),
		cmocka_unit_test(bounds_grow),
		cmocka_unit_test(labels_are_escaped),
		cmocka_unit_test(numbers_are_exact),
		cmocka_unit_test(types_are_known_by_number),
		cmocka_unit_test_setup_teardown(
			troubles_begin_and_end, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			it_counts_what_happens, world_setup, world_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
