/*
 * leitlfs complete WORD…: what may stand in place of the last word of a command line, for the
 * shells' completions (scripts/completions). The words are those after `leitlfs`, as far as the
 * cursor and without quotes; the answer is as fs/command/complete.h has it.
 */
#include "fs/command/complete.h"

#include "core/base/config.h"

#include <errno.h>
#include <string.h>

/* What a mount takes beside the table of core/base/config.h. */
static const char *const mount_options[][2] = {
	{"-f", "stay in the foreground"},
	{"-d", "show every request, in the foreground"},
	{"-s", "serve with one thread"},
	{"-r", "read only"},
	{"-o", "options, with commas between"},
	{"-h", "help"},
	{"-V", "versions"},
	{"--help", "help"},
	{"--version", "versions"},
};

static const char *const more_options[][2] = {
	{"nonempty", "mount over a directory that is not empty"},
	{"allow_other", "let other users in"},
	{"allow_root", "let root in"},
	{"auto_unmount", "unmount also when the daemon is killed"},
	{"fsname=", "the device that mount and df show"},
	{"max_read=", "the most bytes that one read asks for"},
	{"debug", "show every request, in the foreground"},
	{"ro", "read only"},
	{"noexec", "run no programs from it"},
	{"noatime", "as in mount(8)"},
	{"sync", "as in mount(8)"},
	{"dirsync", "as in mount(8)"},
	{"context=", "as in mount(8)"},
};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* The option of that long name, which may be cut as far as no other begins so. */
static const struct command_option *long_option(
	const struct command_row *command, const char *name, size_t len)
{
	const struct command_option *o, *found = NULL;
	bool several = false;

	for (size_t i = 0; (o = command_option_at(command, i)) != NULL; i++) {
		if (strncmp(o->name, name, len) != 0)
			continue;
		if (o->name[len] == '\0')
			return o;
		several = found != NULL;
		found = o;
	}
	return several ? NULL : found;
}

/* The option of a word that takes a value, and where in the word that begins; 0: it is the next
 * word. NULL: there is none. */
static const struct command_option *value_option(
	const struct command_row *command, const char *word, size_t *value_at)
{
	const struct command_option *o;
	size_t len;

	if (word[1] == '-') {
		len = strcspn(word, "=");
		o = long_option(command, word + 2, len - 2);
		*value_at = word[len] == '=' ? len + 1 : 0;
		return o != NULL && o->value != NULL ? o : NULL;
	}
	for (size_t at = 1; word[at] != '\0'; at++) {
		size_t i = 0;

		while ((o = command_option_at(command, i)) != NULL && o->letter != word[at])
			i++;
		if (o == NULL)
			return NULL;
		*value_at = word[at + 1] != '\0' ? at + 1 : 0;
		if (o->value != NULL)
			return o;
	}
	return NULL;
}

static void offer_options(struct completion *c, const struct command_row *command)
{
	const struct command_option *o;
	char letter[3] = "-";
	size_t at = 0;

	if (c->word[1] != '\0' && (o = value_option(command, c->word, &at)) != NULL && at > 0) {
		c->lead = at;
		complete_kind(c, o->complete, 0);
		return;
	}
	for (size_t i = 0; (o = command_option_at(command, i)) != NULL; i++) {
		letter[1] = o->letter;
		if (strcmp(c->word, letter) == 0)
			complete_offer(c, "-", letter + 1, o->help);
		else
			complete_offer(c, "--", o->name, o->help);
	}
}

/* Notes what an option says that the rest depends on. */
static void note_option(struct completion *c, const struct command_option *o, const char *value)
{
	if (o->letter == 'm' && o->complete == COMPLETE_MOUNT)
		c->mount = value;
	else if (o->letter == 'i' && o->complete == COMPLETE_SESSION)
		c->as = value;
}

/* The words of a command, from words[1] on; the last is the one that was begun. */
static void complete_command(
	struct completion *c, const struct command_row *command, char **words, size_t count)
{
	const bool mixed = !(command->flags & COMMAND_FIRST);
	size_t i = 1, said = 0; /* words that are no options */
	bool ended = false;

	for (; i + 1 < count; i++) {
		const struct command_option *o;
		size_t at = 0;

		if (ended || words[i][0] != '-' || words[i][1] == '\0') {
			if (!mixed)
				break;
			said++;
			continue;
		}
		ended = strcmp(words[i], "--") == 0;
		o = ended ? NULL : value_option(command, words[i], &at);
		if (o == NULL)
			continue;
		if (at == 0 && i + 2 == count) {
			complete_kind(c, o->complete, 0);
			return;
		}
		note_option(c, o, at > 0 ? words[i] + at : words[i + 1]);
		i += at == 0;
	}
	if (i + 1 == count && c->word[0] == '-' && !ended)
		offer_options(c, command);
	else if (command->first == COMPLETE_PROGRAM)
		complete_kind(c, COMPLETE_PROGRAM, i + 1);
	else if (said < command->most)
		complete_kind(c, said == 0 ? command->first : command->rest, 0);
}

/* NAME or NAME=VALUE behind the last comma. */
static void offer_mount_values(struct completion *c)
{
	const char *comma = strrchr(c->word + c->lead, ','), *value;

	if (comma != NULL)
		c->lead = (size_t)(comma + 1 - c->word);
	value = strchr(c->word + c->lead, '=');
	for (const struct option_row *o = config_options; o->name != NULL; o++) {
		const size_t len = strlen(o->name);

		if (value == NULL) {
			complete_offer(c, o->name, o->kind == OPTION_SWITCH ? "" : "=", o->help);
			continue;
		}
		if (strncmp(c->word + c->lead, o->name, len) != 0 ||
			c->word + c->lead + len != value)
			continue;
		c->lead = (size_t)(value + 1 - c->word);
		if (o->kind == OPTION_TEXT)
			complete_dirs(c);
		if (o->kind == OPTION_WHO || o->kind == OPTION_SWITCH) {
			complete_offer(c, "", o->kind == OPTION_WHO ? "owner" : "yes", NULL);
			complete_offer(c, "", o->kind == OPTION_WHO ? "any" : "no", NULL);
		}
		return;
	}
	for (size_t i = 0; i < COUNT(more_options) && value == NULL; i++)
		complete_offer(c, "", more_options[i][0], more_options[i][1]);
}

/* `leitlfs -o a,b… MOUNTPOINT`. */
static void complete_mount(struct completion *c, char **words, size_t count)
{
	if (count >= 2 && strcmp(words[count - 2], "-o") == 0) {
		offer_mount_values(c);
		return;
	}
	if (strncmp(c->word, "-o", 2) == 0 && c->word[2] != '\0') {
		c->lead = 2;
		offer_mount_values(c);
		return;
	}
	if (c->word[0] == '-') {
		for (size_t i = 0; i < COUNT(mount_options); i++)
			complete_offer(c, "", mount_options[i][0], mount_options[i][1]);
		return;
	}
	if (count == 1)
		complete_kind(c, COMPLETE_COMMAND, 0);
	complete_dirs(c);
}

int command_complete(struct call *call)
{
	struct completion c = {.word = ""};
	const struct command_row *row;

	if (call->word_count == 0)
		return command_refuse(
			call, EINVAL, "the words of a command line are missing; shells run this");
	c.word = call->words[call->word_count - 1];
	row = command_find(call->words[0]);
	if (call->word_count >= 2 && row != NULL && !(row->flags & COMMAND_HIDDEN))
		complete_command(&c, row, call->words, call->word_count);
	else
		complete_mount(&c, call->words, call->word_count);
	return command_print(call, &c.out);
}
