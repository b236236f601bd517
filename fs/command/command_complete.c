/*
 * leitlfs complete WORD…: what may stand in place of the last word of a command line, for the
 * shells' completions (scripts/completions). The words are those after `leitlfs`, as far as the
 * cursor.
 *
 * A line is a candidate, then, where there is one, a tab and what it means. A line that begins with
 * a colon tells the shell to offer its own: ":dirs", or ":program N", where the N-th word begins a
 * command line.
 */
#include "fs/command/command.h"

#include "core/base/config.h"
#include "core/base/text.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAMES_MAX 2000 /* of one directory that are offered */

/* Options of a mount that are none of the table of core/base/config.h. */
static const char *const mount_options[][2] = {
	{"-f", "stay in the foreground"},
	{"-d", "show every request, in the foreground"},
	{"-s", "serve with one thread"},
	{"-r", "read only"},
	{"-o", "options, with commas between"},
	{"-h", "help"},
	{"-V", "versions"},
};

struct completion {
	const char *word;  /* what was begun */
	const char *mount; /* what --mount said, or NULL */
	struct buf out;
};

static void offer(struct completion *c, const char *prefix, const char *name, const char *help)
{
	const size_t len = strlen(prefix);
	const bool past = strncmp(c->word, prefix, len) == 0;
	const char *rest = past ? c->word + len : c->word;

	if (strncmp(past ? name : prefix, rest, strlen(rest)) != 0)
		return;
	buf_adds(&c->out, prefix);
	command_plain(&c->out, name, strlen(name), false);
	if (help != NULL && help[0] != '\0')
		buf_addf(&c->out, "\t%s", help);
	buf_addc(&c->out, '\n');
}

static void offer_names(struct completion *c, const struct located *at, const char *dir_name,
	const char *prefix, const char *help)
{
	const struct dirent *entry;
	char *path = NULL;
	DIR *dir;

	if (asprintf(&path, "%s/%s", at->tree, dir_name) < 0)
		return;
	dir = opendir(path);
	free(path);
	if (dir == NULL)
		return;
	for (int i = 0; i < NAMES_MAX && (entry = readdir(dir)) != NULL; i++) {
		if (entry->d_name[0] != '.' && strcmp(entry->d_name, "README.md") != 0 &&
			strcmp(entry->d_name, "new") != 0)
			offer(c, prefix, entry->d_name, help);
	}
	closedir(dir);
}

static void offer_from_mount(struct completion *c, enum complete what)
{
	struct located at = {0};

	if (locate(c->mount, &at, NULL) != 0)
		return;
	if (what == COMPLETE_WHO) {
		offer_names(c, &at, "sessions", "", "session");
		offer_names(c, &at, "agents", "", "agent");
	} else if (what == COMPLETE_TYPE) {
		offer_names(c, &at, "feeds/by-type", "", NULL);
	} else {
		offer_names(c, &at, "context/sources", "source:", NULL);
	}
	located_release(&at);
}

static void offer_mounts(struct completion *c)
{
	struct buf list = BUF_INIT;

	if (locate_all(&list) == 0) {
		for (size_t at = 0; at < list.len; at += strlen(list.data + at) + 1)
			offer(c, "", list.data + at, "mount");
	}
	buf_release(&list);
	buf_adds(&c->out, ":dirs\n");
}

static void offer_kind(struct completion *c, enum complete what, size_t index)
{
	switch (what) {
	case COMPLETE_NOTHING:
		break;
	case COMPLETE_PROGRAM:
		buf_addf(&c->out, ":program %zu\n", index);
		break;
	case COMPLETE_MOUNT:
		offer_mounts(c);
		break;
	case COMPLETE_WHO:
	case COMPLETE_TYPE:
	case COMPLETE_SOURCE:
		offer_from_mount(c, what);
		break;
	}
}

/* The option that a word names: -x or --long. */
static const struct command_option *option_of(const struct command_row *command, const char *word)
{
	const struct command_option *o;

	for (size_t i = 0; (o = command_option_at(command, i)) != NULL; i++) {
		if (word[0] == '-' && word[1] == '-' ? strcmp(word + 2, o->name) == 0
						     : word[1] == o->letter && word[2] == '\0')
			return o;
	}
	return NULL;
}

static void offer_options(struct completion *c, const struct command_row *command)
{
	const struct command_option *o;

	for (size_t i = 0; (o = command_option_at(command, i)) != NULL; i++)
		offer(c, "--", o->name, o->help);
}

/* The words of a command, from words[1] on; the last is the one that was begun. */
static void complete_command(
	struct completion *c, const struct command_row *command, char **words, size_t count)
{
	const struct command_option *o;
	size_t i = 1;

	for (; i + 1 < count && words[i][0] == '-' && words[i][1] != '\0'; i++) {
		if (strcmp(words[i], "--") == 0) {
			i++;
			break;
		}
		o = option_of(command, words[i]);
		if (o == NULL || o->value == NULL)
			continue;
		if (i + 2 == count) {
			offer_kind(c, o->complete, i + 2);
			return;
		}
		if (o->letter == 'm')
			c->mount = words[i + 1];
		i++;
	}
	if (i + 1 == count && c->word[0] == '-' && strcmp(words[i - 1], "--") != 0)
		offer_options(c, command);
	else if (command->first == COMPLETE_PROGRAM)
		offer_kind(c, COMPLETE_PROGRAM, i + 1);
	else if (count - i <= command->most)
		offer_kind(c, i + 1 == count ? command->first : command->rest, count);
}

/* `leitlfs -o a,b… MOUNTPOINT`. */
static void complete_mount(struct completion *c, char **words, size_t count)
{
	const char *comma = strrchr(c->word, ',');
	char *prefix;

	if (count >= 2 && strcmp(words[count - 2], "-o") == 0) {
		prefix = comma != NULL ? strndup(c->word, (size_t)(comma + 1 - c->word))
				       : strdup("");
		for (const struct option_row *o = config_options; prefix != NULL && o->name != NULL;
			o++)
			offer(c, prefix, o->name, o->help);
		free(prefix);
		return;
	}
	if (c->word[0] == '-') {
		for (size_t i = 0; i < sizeof(mount_options) / sizeof(mount_options[0]); i++)
			offer(c, "", mount_options[i][0], mount_options[i][1]);
		return;
	}
	for (const struct command_row *row = commands; count == 1 && row->name != NULL; row++) {
		if (!(row->flags & COMMAND_HIDDEN))
			offer(c, "", row->name, row->line);
	}
	buf_adds(&c->out, ":dirs\n");
}

int command_complete(struct call *call)
{
	struct completion c = {.word = ""};
	const struct command_row *row = commands;

	if (call->word_count == 0)
		return COMMAND_USAGE;
	c.word = call->words[call->word_count - 1];
	while (row->name != NULL && strcmp(row->name, call->words[0]) != 0)
		row++;
	if (call->word_count >= 2 && row->name != NULL && !(row->flags & COMMAND_HIDDEN))
		complete_command(&c, row, call->words, call->word_count);
	else
		complete_mount(&c, call->words, call->word_count);
	return command_print(call, &c.out);
}
