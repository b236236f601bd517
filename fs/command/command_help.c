/* leitlfs help; and what a word means that is no command. */
#include "fs/command/command.h"

#include "fs/options.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define NAME_BYTES 16 /* of a word that is compared; no command is longer */

const struct command_row *command_find(const char *name)
{
	for (const struct command_row *c = commands; c->name != NULL; c++) {
		if (strcmp(c->name, name) == 0)
			return c;
	}
	return NULL;
}

/* How many letters are wrong, missing, too many, or swapped with the next. */
static size_t distance(const char *a, const char *b)
{
	size_t d[NAME_BYTES + 1][NAME_BYTES + 1];
	const size_t m = strlen(a), n = strlen(b);

	for (size_t i = 0; i <= m; i++)
		d[i][0] = i;
	for (size_t j = 0; j <= n; j++)
		d[0][j] = j;
	for (size_t i = 1; i <= m; i++) {
		for (size_t j = 1; j <= n; j++) {
			size_t least = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);

			least = d[i - 1][j] + 1 < least ? d[i - 1][j] + 1 : least;
			least = d[i][j - 1] + 1 < least ? d[i][j - 1] + 1 : least;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
				d[i - 2][j - 2] + 1 < least)
				least = d[i - 2][j - 2] + 1;
			d[i][j] = least;
		}
	}
	return d[m][n];
}

/* What was meant, or NULL: one letter in three may be wrong; the beginning of a name will do. */
static const char *nearest(const char *word)
{
	const size_t len = strnlen(word, NAME_BYTES + 1);
	size_t best = (len + 1) / 3 + 1;
	const char *name = NULL;

	for (const struct command_row *c = commands; len <= NAME_BYTES && c->name != NULL; c++) {
		size_t far = distance(word, c->name);

		if (len >= 2 && strncmp(c->name, word, len) == 0)
			far = 0;
		if ((c->flags & COMMAND_HIDDEN) || far >= best)
			continue;
		best = far;
		name = c->name;
	}
	return name;
}

/* An option that only commands have. */
static bool is_of_commands(const char *word)
{
	static const char of_mount[] = "fdsrohV";

	if (word[0] != '-' || word[1] == '\0' || strcmp(word, "--") == 0)
		return false;
	if (word[1] != '-')
		return strchr(of_mount, word[1]) == NULL;
	return strcmp(word, "--help") != 0 && strcmp(word, "--version") != 0;
}

int command_behind(int argc, char **argv)
{
	const struct command_row *row;

	if (!is_of_commands(argv[1]))
		return 0;
	for (int i = 2; i < argc; i++) {
		row = command_find(argv[i]);
		if (row != NULL && !(row->flags & COMMAND_HIDDEN))
			return i;
	}
	return 0;
}

static void add_word(struct buf *out, const char *word)
{
	buf_addc(out, ' ');
	command_plain(out, word, strnlen(word, 256), false);
}

/* `leitlfs -m PATH status` as it was meant. */
static void add_reordered(struct buf *out, int argc, char **argv, int at)
{
	buf_adds(out, "leitlfs: a command's options stand behind it: leitlfs");
	add_word(out, argv[at]);
	for (int i = 1; i < at; i++)
		add_word(out, argv[i]);
	for (int i = at + 1; i < argc; i++)
		add_word(out, argv[i]);
}

/* Where a mount point would be meant there is one, or options of a mount are given. */
bool command_misspelt(int argc, char **argv)
{
	struct stat st;

	if (argv[1][0] == '-' || argv[1][0] == '\0' || strchr(argv[1], '/') != NULL)
		return false;
	for (int i = 2; i < argc; i++) {
		if (strncmp(argv[i], "-o", 2) == 0)
			return false;
	}
	return lstat(argv[1], &st) != 0 && errno == ENOENT;
}

static void add_meant(struct buf *out, const char *word)
{
	const char *meant = nearest(word);

	if (strcmp(word, "mount") == 0)
		buf_adds(out, "; leitlfs MOUNTPOINT mounts");
	else if (meant != NULL)
		buf_addf(out, "; did you mean leitlfs %s?", meant);
	else
		buf_adds(out, "; leitlfs help lists them");
}

int command_unknown(int argc, char **argv)
{
	const int behind = command_behind(argc, argv);
	struct buf out = BUF_INIT;

	if (behind > 0) {
		add_reordered(&out, argc, argv, behind);
	} else {
		buf_addf(&out, "leitlfs: there is no command ");
		command_plain(&out, argv[1], strnlen(argv[1], 64), false);
		if (argc == 2)
			buf_adds(&out, ", and no directory of that name to mount on");
		add_meant(&out, argv[1]);
	}
	if (buf_error(&out) == 0)
		fprintf(stderr, "%s\n", out.data);
	buf_release(&out);
	return COMMAND_USAGE;
}

int command_show_help(struct call *call)
{
	const char *word = call->word_count > 0 ? call->words[0] : NULL;
	const struct command_row *row = word != NULL ? command_find(word) : NULL;
	struct buf out = BUF_INIT;
	int status;

	if (row != NULL && !(row->flags & COMMAND_HIDDEN)) {
		command_help(row, &out);
		return command_print(call, &out);
	}
	if (word == NULL) {
		options_help(&out);
		return command_print(call, &out);
	}
	command_plain(&out, word, strnlen(word, 64), false);
	add_meant(&out, word);
	status = command_refuse(
		call, EINVAL, "there is no command %s", buf_error(&out) == 0 ? out.data : "");
	buf_release(&out);
	return status;
}
