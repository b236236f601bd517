#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/base/clock.h"
#include "core/base/config.h"
#include "core/base/limits.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static int set_up(void **state)
{
	struct config *config = malloc(sizeof(*config));

	if (config == NULL || config_init(config) != 0)
		return -1;
	*state = config;
	return 0;
}

static int tear_down(void **state)
{
	config_release(*state);
	free(*state);
	return 0;
}

static void accepts(struct config *config, const char *name, const char *value)
{
	struct error err = {0};

	if (config_set(config, name, value, &err) != 0)
		fail_msg("%s=%s: %s", name, value, err.text);
	assert_int_equal(err.code, 0);
}

/* Refused with -EINVAL, and the reason holds both texts. */
static void refuses(struct config *config, const char *name, const char *value, const char *said,
	const char *also)
{
	struct error err = {0};

	if (config_set(config, name, value, &err) != -EINVAL)
		fail_msg("%s=%s was taken", name, value ? value : "(nothing)");
	assert_int_equal(err.code, EINVAL);
	if (strstr(err.text, said) == NULL || strstr(err.text, also) == NULL)
		fail_msg("%s=%s: says \"%s\"", name, value ? value : "(nothing)", err.text);
	assert_int_equal(config_set(config, name, value, NULL), -EINVAL);
}

static void defaults_are_the_documented_ones(void **state)
{
	struct config *c = *state;

	assert_int_equal(c->late, 60 * SECOND_US);
	assert_int_equal(c->timeout, 60 * SECOND_US);
	assert_int_equal(c->handover, 15 * 60 * SECOND_US);
	assert_int_equal(c->expire, 24 * 3600 * SECOND_US);
	assert_int_equal(c->hold, 24 * 3600 * SECOND_US);
	assert_int_equal(c->nudge, SECOND_US / 20);
	assert_int_equal(c->save, 30 * SECOND_US);
	assert_int_equal(c->broadcasts, 10);
	assert_int_equal(c->tasks, 10);
	assert_int_equal(c->sessions, 1000);
	assert_int_equal(c->messages, 1000000);
	assert_int_equal(c->bytes, 256 << 20);
	assert_int_equal(c->backlog, 1000);
	assert_int_equal(c->message_max, 1 << 20);
	assert_int_equal(c->brief_max, 4096);
	assert_int_equal(c->unread_max, 256 << 10);
	assert_int_equal(c->threads, 10);
	assert_int_equal(c->memory_file, 16 << 20);
	assert_int_equal(c->memory_total, 1 << 30);
	assert_int_equal(c->memory_files, 100000);
	assert_int_equal(c->memory_reads, SWITCH_OFF);
	assert_string_equal(c->memory_quiet, ".git");
	assert_null(c->state);
}

static void every_default_and_bound_is_a_valid_value(void **state)
{
	struct config *c = *state;

	for (const struct option_row *row = config_options; row->name != NULL; row++) {
		if (row->kind == OPTION_TEXT || row->kind == OPTION_WHO ||
			row->kind == OPTION_SWITCH || row->kind == OPTION_NAMES)
			continue;
		assert_true(row->least > 0);
		assert_true(row->least <= row->initial && row->initial <= row->most);
		if (row->or_zero)
			accepts(c, row->name, "0");
		else
			refuses(c, row->name, "0", row->name, " to ");
	}
}

static void every_number_of_the_struct_has_a_row(void **state)
{
	size_t rows = 0;

	(void)state;
	for (const struct option_row *row = config_options; row->name != NULL; row++) {
		for (const struct option_row *other = config_options; other != row; other++) {
			assert_string_not_equal(other->name, row->name);
			assert_int_not_equal(other->offset, row->offset);
		}
		rows++;
	}
	/* `others` is no option. */
	assert_int_equal(rows + 1, sizeof(struct config) / sizeof(int64_t));
}

static void who_is_one_of_two_words(void **state)
{
	struct config *c = *state;

	assert_int_equal(c->sources, WHO_OWNER);
	accepts(c, "sources", "any");
	assert_int_equal(c->sources, WHO_ANY);
	refuses(c, "sources", "bob", "sources", "owner or any");
	assert_int_equal(c->sources, WHO_ANY);
}

static void a_switch_is_on_by_its_name_alone(void **state)
{
	struct config *c = *state;

	accepts(c, "memory_reads", NULL);
	assert_int_equal(c->memory_reads, SWITCH_ON);
	accepts(c, "memory_reads", "no");
	assert_int_equal(c->memory_reads, SWITCH_OFF);
	accepts(c, "memory_reads", "yes");
	assert_int_equal(c->memory_reads, SWITCH_ON);
	refuses(c, "memory_reads", "1", "memory_reads", "no or yes");
	refuses(c, "memory_reads", "", "memory_reads", "no or yes");
	assert_int_equal(c->memory_reads, SWITCH_ON);
}

static void names_are_those_of_entries(void **state)
{
	struct config *c = *state;
	char name[ENTRY_NAME_MAX + 2], many[2 * (MEMORY_QUIET_NAMES + 1)];

	accepts(c, "memory_quiet", "");
	assert_string_equal(c->memory_quiet, "");
	accepts(c, "memory_quiet", ".git:node_modules:...");
	assert_string_equal(c->memory_quiet, ".git:node_modules:...");
	for (const char *const *bad = (const char *const[]){":", "a:", ":a", "a::b", "a/b", "/",
		     ".", "..", "a:..", NULL};
		*bad != NULL; bad++)
		refuses(c, "memory_quiet", *bad, *bad, "colon");
	refuses(c, "memory_quiet", NULL, "needs a value", "NAMES");
	memset(name, 'n', sizeof(name));
	name[ENTRY_NAME_MAX + 1] = '\0';
	refuses(c, "memory_quiet", name, "memory_quiet", "colon");
	name[ENTRY_NAME_MAX] = '\0';
	accepts(c, "memory_quiet", name);
	for (size_t i = 0; i < sizeof(many); i++)
		many[i] = i % 2 ? ':' : 'a';
	many[sizeof(many) - 1] = '\0';
	refuses(c, "memory_quiet", many, "at most 16", "memory_quiet");
	many[sizeof(many) - 3] = '\0';
	accepts(c, "memory_quiet", many);
}

static void times_take_units_and_fractions(void **state)
{
	struct config *c = *state;

	accepts(c, "late", "90");
	assert_int_equal(c->late, 90 * SECOND_US);
	accepts(c, "late", "0.5");
	assert_int_equal(c->late, SECOND_US / 2);
	accepts(c, "late", "100ms");
	assert_int_equal(c->late, SECOND_US / 10);
	accepts(c, "late", "1d");
	assert_int_equal(c->late, 86400 * SECOND_US);
	accepts(c, "handover", "1.5h");
	assert_int_equal(c->handover, 5400 * SECOND_US);
	accepts(c, "expire", "0");
	assert_int_equal(c->expire, 0);
}

static void times_out_of_range_are_refused_with_the_range(void **state)
{
	struct config *c = *state;
	static const char *const bad[] = {"99ms", "24.1h", "2d", "-1", "soon", "1w", "1 s", " 1",
		"1e3", "0x10", "99999999999999999999", "+5", "1,5"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		refuses(c, "late", bad[i], "late", "100ms to 24h");
	assert_int_equal(c->late, 60 * SECOND_US);
	refuses(c, "expire", "0.5", "expire=0.5", "1s to 3650d, 0: never");
}

static void sizes_take_suffixes(void **state)
{
	struct config *c = *state;

	accepts(c, "bytes", "5000");
	assert_int_equal(c->bytes, 5000);
	accepts(c, "bytes", "64K");
	assert_int_equal(c->bytes, 64 << 10);
	accepts(c, "bytes", "64k");
	assert_int_equal(c->bytes, 64 << 10);
	accepts(c, "bytes", "3M");
	assert_int_equal(c->bytes, 3 << 20);
	accepts(c, "bytes", "1024G");
	assert_int_equal(c->bytes, INT64_C(1) << 40);
	accepts(c, "message_max", "1M");
	assert_int_equal(c->message_max, MESSAGE_MAX);
}

static void sizes_and_counts_that_are_none_are_refused(void **state)
{
	struct config *c = *state;
	static const char *const bad[] = {"K", "1KB", "1.5M", "-1", "1 M", "1T", "2000G", "12x",
		"9223372036854775808", "9223372036854775807G", "18446744073709551617"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		refuses(c, "bytes", bad[i], "bytes", "4K to 1024G, 0: no limit");
	assert_int_equal(c->bytes, 256 << 20);
	refuses(c, "message_max", "1048577", "message_max", "to 1M");
	refuses(c, "broadcasts", "10K", "broadcasts", "1 to 1000000, 0: no limit");
	refuses(c, "threads", "0", "threads", "1 to 256");
}

static void a_value_that_is_missing_is_refused(void **state)
{
	refuses(*state, "late", NULL, "late needs a value", "late=TIME");
	refuses(*state, "late", "", "late needs a value", "late=TIME");
	refuses(*state, "state", NULL, "state needs a value", "state=DIR");
	refuses(*state, "state", "", "state needs a value", "state=DIR");
}

static void an_unknown_name_is_refused(void **state)
{
	refuses(*state, "lat", "1", "no option", "lat");
	refuses(*state, "", "1", "no option", "");
	refuses(*state, "LATE", "1", "no option", "LATE");
}

static void the_last_text_counts(void **state)
{
	struct config *c = *state;

	accepts(c, "state", "/a");
	accepts(c, "state", "/b c,d");
	assert_string_equal(c->state, "/b c,d");
	config_release(c);
	assert_null(c->state);
	config_release(NULL);
}

static void help_names_every_option_within_80_columns(void **state)
{
	struct buf help = BUF_INIT;
	const char *line;

	(void)state;
	config_help(&help);
	assert_int_equal(buf_error(&help), 0);
	for (const struct option_row *row = config_options; row->name != NULL; row++) {
		struct buf head = BUF_INIT;

		buf_addf(&head, "    -o %s=", row->name);
		assert_non_null(strstr(help.data, head.data));
		buf_release(&head);
	}
	for (line = help.data; *line != '\0'; line += strcspn(line, "\n") + 1) {
		assert_in_range(strcspn(line, "\n"), 29, 79);
		assert_int_equal(line[27], ' ');
		assert_int_not_equal(line[28], ' ');
	}
	assert_non_null(strstr(help.data, "(default 60s; 100ms to 24h)"));
	assert_non_null(strstr(help.data, "default 256M; 4K to"));
	buf_release(&help);
}

static void help_fails_with_its_buffer(void **state)
{
	struct buf help;

	(void)state;
	buf_init(&help, 100);
	config_help(&help);
	assert_int_equal(buf_error(&help), -EMSGSIZE);
	buf_release(&help);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(defaults_are_the_documented_ones),
		TEST(every_default_and_bound_is_a_valid_value),
		TEST(every_number_of_the_struct_has_a_row),
		TEST(who_is_one_of_two_words),
		TEST(a_switch_is_on_by_its_name_alone),
		TEST(names_are_those_of_entries),
		TEST(times_take_units_and_fractions),
		TEST(times_out_of_range_are_refused_with_the_range),
		TEST(sizes_take_suffixes),
		TEST(sizes_and_counts_that_are_none_are_refused),
		TEST(a_value_that_is_missing_is_refused),
		TEST(an_unknown_name_is_refused),
		TEST(the_last_text_counts),
		TEST(help_names_every_option_within_80_columns),
		TEST(help_fails_with_its_buffer),
	};

	return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
