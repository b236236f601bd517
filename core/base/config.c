#include "core/base/config.h"

#include "core/base/limits.h"
#include "core/base/text.h"
#include "core/base/units.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define MILLION INT64_C(1000000)

#define ROW(field, kind, initial, least, most, or_zero, help)                                      \
	{                                                                                          \
#field, kind, offsetof(struct config, field), initial, least, most, or_zero, help, \
			NULL                                                                       \
	}
#define ROW_NAMES(field, names, help)                                                              \
	{                                                                                          \
#field, OPTION_NAMES, offsetof(struct config, field), 0, 0, 0, false, help, names  \
	}

/* clang-format off */
const struct option_row config_options[] = {
	ROW(state, OPTION_TEXT, 0, 0, 0, false,
		"the state directory; by default $XDG_STATE_HOME/leitlfs, else "
		"~/.local/state/leitlfs, and for root /var/lib/leitlfs"),

	ROW(late, OPTION_TIME, 60 * SECOND, 100 * MS, DAY, false,
		"how long a session may be silent before it is late"),
	ROW(timeout, OPTION_TIME, 60 * SECOND, 100 * MS, DAY, false,
		"silence that ends a session which is bound to no process"),
	ROW(handover, OPTION_TIME, 15 * MINUTE, 100 * MS, 30 * DAY, false,
		"how long a session whose process died has to act again"),
	ROW(expire, OPTION_TIME, DAY, SECOND, 3650 * DAY, true,
		"age at which events go"),
	ROW(hold, OPTION_TIME, DAY, 100 * MS, 3650 * DAY, false,
		"how long an ended id and an unused agent's name stay their user's"),
	ROW(nudge, OPTION_TIME, 50 * MS, MS, MINUTE, false,
		"shortest time between two inotify events of one file"),
	ROW(save, OPTION_TIME, 30 * SECOND, 100 * MS, HOUR, false,
		"longest time between saves of what a restart begins from"),

	ROW(backlog, OPTION_COUNT, 1000, 1, 1000 * MILLION, true,
		"unread messages of one session that an alert is raised for"),
	ROW(broadcasts, OPTION_COUNT, 10, 1, MILLION, true,
		"broadcasts that one session may send in a minute"),
	ROW(tasks, OPTION_COUNT, 10, 1, MILLION, true,
		"tasks that one agent may begin in a second"),
	ROW(sessions, OPTION_COUNT, 1000, 1, MILLION, true,
		"sessions that one user may have at a time"),
	ROW(messages, OPTION_COUNT, MILLION, 1, 1000 * MILLION, true,
		"messages that are kept of one user"),
	ROW(bytes, OPTION_BYTES, 256 * MIB, 4 * KIB, 1024 * GIB, true,
		"bytes of messages that are kept of one user"),
	ROW(message_max, OPTION_BYTES, MIB, 256, MESSAGE_MAX, false,
		"the largest message"),
	ROW(brief_max, OPTION_BYTES, 4 * KIB, 512, MIB, false,
		"the largest brief.md and unread.md"),
	ROW(unread_max, OPTION_BYTES, 256 * KIB, 4 * KIB, 64 * MIB, false,
		"the largest unread and wait"),
	ROW(results_max, OPTION_BYTES, 32 * KIB, KIB, 16 * MIB, false,
		"the largest results.md"),
	ROW(memory_file, OPTION_BYTES, 16 * MIB, 4 * KIB, 1024 * GIB, true,
		"the largest file in memory/"),
	ROW(memory_total, OPTION_BYTES, GIB, 4 * KIB, 1024 * GIB, true,
		"bytes of all files in memory/ together, each in blocks of 4K"),
	ROW(memory_files, OPTION_COUNT, MILLION / 10, 1, 1000 * MILLION, true,
		"files, folders and links in memory/"),
	ROW(memory_reads, OPTION_SWITCH, SWITCH_OFF, SWITCH_OFF, SWITCH_ON, false,
		"tell also when a file in memory/ was read, by memory.read"),
	ROW_NAMES(memory_quiet, ".git",
		"below folders of these names in memory/, with a colon between two, one event "
		"stands for many changes"),
	ROW(sources, OPTION_WHO, WHO_OWNER, WHO_OWNER, WHO_ANY, false,
		"who may add sources of context: the daemon's own user, or any"),
	ROW(threads, OPTION_COUNT, 10, 1, 256, false,
		"threads that serve the mount, at most"),
	{0},
};
/* clang-format on */

static int64_t *number_of(struct config *config, const struct option_row *row)
{
	return (int64_t *)(void *)((char *)config + row->offset);
}

static bool is_text(const struct option_row *row)
{
	return row->kind == OPTION_TEXT || row->kind == OPTION_NAMES;
}

static char **text_of(struct config *config, const struct option_row *row)
{
	return (char **)(void *)((char *)config + row->offset);
}

int config_init(struct config *config)
{
	*config = (struct config){0};
	for (const struct option_row *row = config_options; row->name != NULL; row++) {
		if (!is_text(row))
			*number_of(config, row) = row->initial;
		else if (row->names != NULL && (*text_of(config, row) = strdup(row->names)) == NULL)
			return -ENOMEM;
	}
	return 0;
}

void config_release(struct config *config)
{
	if (config == NULL)
		return;
	for (const struct option_row *row = config_options; row->name != NULL; row++) {
		if (is_text(row)) {
			free(*text_of(config, row));
			*text_of(config, row) = NULL;
		}
	}
}

/* Adds a value in the largest unit that suits: 24h, 60s, 500ms, 256M. */
static void add_value(struct buf *out, enum option_kind kind, int64_t value)
{
	static const struct {
		enum option_kind kind;
		int64_t size, least; /* fewer than `least` of it are written in a smaller one */
		const char *name;
	} units[] = {
		{OPTION_TIME, DAY, 2, "d"},
		{OPTION_TIME, HOUR, 2, "h"},
		{OPTION_TIME, MINUTE, 2, "m"},
		{OPTION_TIME, SECOND, 1, "s"},
		{OPTION_TIME, MS, 0, "ms"},
		{OPTION_BYTES, GIB, 1, "G"},
		{OPTION_BYTES, MIB, 1, "M"},
		{OPTION_BYTES, KIB, 1, "K"},
		{OPTION_BYTES, 1, 0, ""},
		{OPTION_COUNT, 1, 0, ""},
	};

	if (kind == OPTION_WHO)
		buf_adds(out, value == WHO_ANY ? "any" : "owner");
	if (kind == OPTION_SWITCH)
		buf_adds(out, value == SWITCH_ON ? "yes" : "no");
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		int64_t size = units[i].size;

		if (units[i].kind == kind && value % size == 0 && value / size >= units[i].least) {
			buf_addf(out, "%lld%s", (long long)(value / size), units[i].name);
			return;
		}
	}
}

/* "1s to 3650d, 0: never" */
static void add_range(struct buf *out, const struct option_row *row)
{
	add_value(out, row->kind, row->least);
	buf_adds(out, row->kind == OPTION_WHO || row->kind == OPTION_SWITCH ? " or " : " to ");
	add_value(out, row->kind, row->most);
	if (row->or_zero)
		buf_adds(out, row->kind == OPTION_TIME ? ", 0: never" : ", 0: no limit");
}

static int parse_count(const char *text, bool bytes, int64_t *out)
{
	static const char digits[] = "0123456789";
	size_t len = strspn(text, digits);
	int64_t value = 0, unit = 1;

	if (len == 0)
		return -EINVAL;
	for (size_t i = 0; i < len; i++) {
		if (value > (INT64_MAX - 9) / 10)
			return -EINVAL;
		value = value * 10 + (text[i] - '0');
	}
	if (text[len] != '\0') {
		const char *name = strchr("KkMmGg", text[len]);

		if (!bytes || name == NULL || text[len + 1] != '\0')
			return -EINVAL;
		unit = strchr("Kk", *name) ? KIB : strchr("Mm", *name) ? MIB : GIB;
	}
	if (value > INT64_MAX / unit)
		return -EINVAL;
	*out = value * unit;
	return 0;
}

static const struct {
	const char *placeholder, *form;
} kinds[] = {
	[OPTION_TIME] = {"TIME", "a time such as 90, 500ms, 1.5h"},
	[OPTION_COUNT] = {"N", "a number"},
	[OPTION_BYTES] = {"SIZE", "a size such as 4096, 64K, 256M"},
	[OPTION_WHO] = {"WHO", "one of"},
	[OPTION_SWITCH] = {"yes", "one of"},
	[OPTION_TEXT] = {"DIR", "a directory"},
	[OPTION_NAMES] = {"NAMES", "names with a colon between two, at most 16, none of them "
				   "empty or with a slash; empty for none"},
};

/* `value` is NULL where there was none. */
static int refuse_value(const struct option_row *row, const char *value, struct error *err)
{
	struct buf rule = BUF_INIT;

	buf_adds(&rule, kinds[row->kind].form);
	if (!is_text(row)) {
		buf_adds(&rule, " (");
		add_range(&rule, row);
		buf_addc(&rule, ')');
	}
	if (buf_error(&rule) != 0)
		error_set(err, EINVAL, "option %s: not a valid value", row->name);
	else if (value == NULL)
		error_set(err, EINVAL, "option %s needs a value: %s=%s, %s", row->name, row->name,
			kinds[row->kind].placeholder, rule.data);
	else
		error_set(err, EINVAL, "option %s=%.64s: must be %s", row->name, value, rule.data);
	buf_release(&rule);
	return -EINVAL;
}

static int parse_who(const char *text, int64_t *out)
{
	*out = strcmp(text, "any") == 0 ? WHO_ANY : WHO_OWNER;
	return *out == WHO_ANY || strcmp(text, "owner") == 0 ? 0 : -EINVAL;
}

static int parse_switch(const char *text, int64_t *out)
{
	*out = strcmp(text, "yes") == 0 ? SWITCH_ON : SWITCH_OFF;
	return *out == SWITCH_ON || strcmp(text, "no") == 0 ? 0 : -EINVAL;
}

/* Each is what one entry of a directory may be called. */
static int check_names(const char *text)
{
	size_t count = *text != '\0', len;

	for (; *text != '\0'; text += len + (text[len] == ':')) {
		len = strcspn(text, ":");
		count += text[len] == ':';
		if (len == 0 || len > ENTRY_NAME_MAX || memchr(text, '/', len) ||
			(len <= 2 && strncmp(text, "..", len) == 0) ||
			(text[len] == ':' && text[len + 1] == '\0'))
			return -EINVAL;
	}
	return count <= MEMORY_QUIET_NAMES ? 0 : -EINVAL;
}

static int set_text(char **field, const char *value, struct error *err)
{
	char *copy = strdup(value);

	if (copy == NULL)
		return error_set(err, ENOMEM, "out of memory");
	free(*field);
	*field = copy;
	return 0;
}

static int set_row(
	struct config *config, const struct option_row *row, const char *value, struct error *err)
{
	int64_t number = 0;
	int rc;

	if (value == NULL && row->kind == OPTION_SWITCH)
		value = "yes";
	if (value == NULL || (value[0] == '\0' && row->kind != OPTION_NAMES))
		return refuse_value(row, NULL, err);
	if (row->kind == OPTION_NAMES && check_names(value) != 0)
		return refuse_value(row, value, err);
	if (is_text(row))
		return set_text(text_of(config, row), value, err);
	rc = row->kind == OPTION_TIME     ? text_duration(value, &number)
	     : row->kind == OPTION_WHO    ? parse_who(value, &number)
	     : row->kind == OPTION_SWITCH ? parse_switch(value, &number)
					  : parse_count(value, row->kind == OPTION_BYTES, &number);
	if (rc != 0 ||
		((number < row->least || number > row->most) && !(row->or_zero && number == 0)))
		return refuse_value(row, value, err);
	*number_of(config, row) = number;
	return 0;
}

int config_set(struct config *config, const char *name, const char *value, struct error *err)
{
	for (const struct option_row *row = config_options; row->name != NULL; row++) {
		if (strcmp(row->name, name) == 0)
			return set_row(config, row, value, err);
	}
	return error_set(err, EINVAL, "there is no option %.64s", name);
}

#define HELP_COLUMN 28
#define HELP_WIDTH  79

/* Adds words from HELP_COLUMN on, where the line already is, in as many lines as they need. */
static void add_wrapped(struct buf *out, const char *words)
{
	size_t column = HELP_COLUMN;

	while (*words != '\0') {
		size_t len = strcspn(words, " ");

		if (column > HELP_COLUMN && column + 1 + len > HELP_WIDTH) {
			buf_addf(out, "\n%*s", HELP_COLUMN, "");
			column = HELP_COLUMN;
		} else if (column > HELP_COLUMN) {
			buf_addc(out, ' ');
			column++;
		}
		buf_add(out, words, len);
		column += len;
		words += len;
		words += strspn(words, " ");
	}
	buf_addc(out, '\n');
}

void config_help(struct buf *out)
{
	for (const struct option_row *row = config_options; row->name != NULL; row++) {
		struct buf head = BUF_INIT, words = BUF_INIT;

		buf_addf(&head, "    -o %s=%s", row->name, kinds[row->kind].placeholder);
		buf_adds(&words, row->help);
		if (row->names != NULL)
			buf_addf(&words, " (default %s; empty: none)", row->names);
		if (!is_text(row)) {
			buf_adds(&words, " (default ");
			add_value(&words, row->kind, row->initial);
			buf_adds(&words, "; ");
			add_range(&words, row);
			buf_addc(&words, ')');
		}
		if (buf_error(&head) == 0 && buf_error(&words) == 0) {
			buf_addf(out, "%-*s", HELP_COLUMN, head.data);
			add_wrapped(out, words.data);
		} else {
			out->failed = ENOMEM;
		}
		buf_release(&head);
		buf_release(&words);
	}
}
