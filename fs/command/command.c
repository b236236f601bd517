#include "fs/command/command.h"

#include "core/base/clock.h"
#include "core/base/limits.h"
#include "core/base/text.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OPTIONS_MAX 24 /* of one command, the common ones among them */

/* mount.fuse3(8) calls `leitlfs SOURCE /MOUNTPOINT -o OPTIONS`, always with options. */
static bool is_mount8(int argc, char **argv)
{
	return argc == 5 && argv[2][0] == '/' && strcmp(argv[3], "-o") == 0;
}

bool command_is(int argc, char **argv)
{
	if (argc < 2 || is_mount8(argc, argv))
		return false;
	return command_find(argv[1]) != NULL || command_misspelt(argc, argv) ||
	       command_behind(argc, argv) > 0;
}

const char *command_value(const struct call *call, char letter)
{
	for (size_t i = call->given_count; i > 0; i--) {
		const struct given *given = &call->given[i - 1];

		if (given->letter == letter)
			return given->value != NULL ? given->value : "";
	}
	return NULL;
}

static int status_of(const struct call *call, int code)
{
	if (call->command->flags & COMMAND_STATUS)
		return COMMAND_RUN_FAILED;
	switch (code < 0 ? -code : code) {
	case 0:
		return COMMAND_DONE;
	case EINVAL:
	case ENOTUNIQ:
		return COMMAND_USAGE;
	case ETIMEDOUT:
		return COMMAND_TIMED_OUT;
	case ENOENT:
	case EHOSTDOWN:
		return COMMAND_NOBODY;
	case EREMOTEIO:
		return COMMAND_ERROR;
	case ECANCELED:
	case EDEADLK:
		return COMMAND_UNANSWERED;
	case ENOTCONN:
	case ECONNABORTED:
		return COMMAND_NO_MOUNT;
	default:
		return COMMAND_REFUSED;
	}
}

/* The reason as JSON, where that is asked for; `more` are further members, or NULL. */
static int print_refusal(
	const struct call *call, int code, const char *reason, const char *more, int status)
{
	struct buf out = BUF_INIT;
	const char *name = strerrorname_np(code < 0 ? -code : code);

	if (!call->json)
		return status;
	buf_adds(&out, "{\"error\":{\"errno\":");
	buf_add_json(&out, name != NULL ? name : "", strlen(name != NULL ? name : ""));
	buf_adds(&out, ",\"reason\":");
	buf_add_json(&out, reason, text_utf8_prefix(reason, strlen(reason), NULL));
	buf_addf(&out, "},\"status\":%d%s}\n", status, more != NULL ? more : "");
	if (buf_error(&out) == 0)
		fputs(out.data, stdout);
	buf_release(&out);
	return fflush(stdout) == 0 ? status : COMMAND_REFUSED;
}

static int fail_with(const struct call *call, int code, const char *reason, int status)
{
	fprintf(stderr, "leitlfs %s: %s\n", call->command->name, reason);
	return print_refusal(call, code, reason, NULL, status);
}

int command_failed(const struct call *call, const struct error *err, const char *more)
{
	return print_refusal(call, err->code, err->text, more, status_of(call, err->code));
}

int command_fail(const struct call *call, const struct error *err)
{
	return fail_with(call, err->code, err->text, status_of(call, err->code));
}

int command_refuse(const struct call *call, int code, const char *fmt, ...)
{
	char reason[ERROR_TEXT_MAX];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(reason, sizeof(reason), fmt, args);
	va_end(args);
	return fail_with(call, code, reason, status_of(call, code));
}

int command_print(const struct call *call, struct buf *out)
{
	int rc = buf_error(out);

	if (rc == 0 && out->len > 0 && fwrite(out->data, 1, out->len, stdout) != out->len)
		rc = -errno;
	if (rc == 0 && fflush(stdout) != 0)
		rc = -errno;
	buf_release(out);
	if (rc == 0 || rc == -EPIPE)
		return rc == 0 ? COMMAND_DONE : COMMAND_REFUSED;
	fprintf(stderr, "leitlfs %s: %s\n", call->command->name, strerror(-rc));
	return COMMAND_REFUSED;
}

const struct command_option *command_option_at(const struct command_row *command, size_t index)
{
	const struct command_option *o = command->options;

	for (; o != NULL && o->letter != 0; o++) {
		if (index-- == 0)
			return o;
	}
	if (command->flags & COMMAND_HIDDEN)
		return NULL;
	for (o = command_common; o->letter != 0; o++) {
		if ((o->letter == 'm' && !(command->flags & COMMAND_TREE)) ||
			(o->letter == 'i' && !(command->flags & COMMAND_AS)) ||
			(o->letter == 'j' && !(command->flags & COMMAND_JSON)))
			continue;
		if (index-- == 0)
			return o;
	}
	return NULL;
}

static int see_help(const struct call *call)
{
	fprintf(stderr, "leitlfs %s: see leitlfs %s --help\n", call->command->name,
		call->command->name);
	return call->command->flags & COMMAND_STATUS ? COMMAND_RUN_FAILED : COMMAND_USAGE;
}

/* After getopt(3) said what is wrong. */
static int refuse_option(const struct call *call)
{
	if (call->command->most > 0 && !(call->command->flags & COMMAND_FIRST))
		fprintf(stderr, "leitlfs %s: a word that begins with - stands behind --\n",
			call->command->name);
	return see_help(call);
}

/* Options stand wherever they like before a "--", but for a program's own, which are behind it.
 * Never as POSIXLY_CORRECT has it: an option would be said instead of obeyed. */
static int parse(struct call *call, int argc, char **argv)
{
	struct option longs[OPTIONS_MAX + 1] = {{0}};
	char shorts[2 * OPTIONS_MAX + 2], *end = shorts;
	const struct command_option *o;
	int letter, words = 1;

	*end++ = call->command->flags & COMMAND_FIRST ? '+' : '-';
	for (size_t i = 0; i < OPTIONS_MAX && (o = command_option_at(call->command, i)); i++) {
		longs[i] = (struct option){o->name,
			o->value != NULL ? required_argument : no_argument, NULL, o->letter};
		*end++ = o->letter;
		if (o->value != NULL)
			*end++ = ':';
	}
	*end = '\0';
	while ((letter = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		if (letter == '?')
			return refuse_option(call);
		if (letter == 1) { /* a word; those before it have been passed */
			argv[words++] = optarg;
			continue;
		}
		if (call->given_count == GIVEN_MAX)
			return command_refuse(call, EINVAL, "too many options");
		call->given[call->given_count++] = (struct given){(char)letter, optarg};
	}
	call->json = command_value(call, 'j') != NULL;
	while (optind < argc)
		argv[words++] = argv[optind++];
	argv[words] = NULL;
	call->words = argv + 1;
	call->word_count = (size_t)words - 1;
	return COMMAND_DONE;
}

static int check_words(const struct call *call)
{
	const struct command_row *c = call->command;

	if (call->word_count < c->least) {
		fprintf(stderr, "leitlfs %s: too few arguments; usage: leitlfs %s %s\n", c->name,
			c->name, c->arguments);
		return see_help(call);
	}
	if (call->word_count > c->most) {
		fprintf(stderr, "leitlfs %s: one argument too many: %.64s\n", c->name,
			call->words[c->most]);
		return see_help(call);
	}
	return COMMAND_DONE;
}

static int print_help(const struct call *call)
{
	struct buf out = BUF_INIT;

	command_help(call->command, &out);
	return command_print(call, &out);
}

/* --as: the tree is as/<id>. */
static int act_as(struct call *call, const char *id)
{
	struct error err = {0};
	int rc = locate_as(&call->at, id, &err);

	return rc == 0 ? COMMAND_DONE : command_fail(call, &err);
}

void command_note_moved(const struct call *call)
{
	if (call->at.moved)
		fprintf(stderr, "leitlfs %s: %s; meanwhile the one at %s is meant\n",
			call->command->name, LOCATE_ENDED, call->at.mount);
}

static int find_tree(struct call *call)
{
	const char *as = call->command->flags & COMMAND_AS ? command_value(call, 'i') : NULL;
	struct error err = {0};
	int rc = locate(command_value(call, 'm'), &call->at, &err);

	if (rc == 0) {
		command_note_moved(call);
		return as != NULL ? act_as(call, as) : COMMAND_DONE;
	}
	return fail_with(call, err.code, err.text,
		call->command->flags & COMMAND_STATUS ? COMMAND_RUN_FAILED
		: rc == -EINVAL                       ? COMMAND_USAGE
						      : COMMAND_NO_MOUNT);
}

int command_main(int argc, char **argv)
{
	struct call call = {.command = command_find(argv[1])};
	char name[64];
	int status = COMMAND_DONE;

	if (call.command == NULL)
		return command_unknown(argc, argv);
	/* What getopt(3) says begins with the program's name. */
	(void)snprintf(name, sizeof(name), "leitlfs %s", call.command->name);
	argv[1] = name;
	if (call.command->flags & COMMAND_HIDDEN) {
		call.words = argv + 2;
		call.word_count = (size_t)argc - 2;
		return call.command->run(&call);
	}
	status = parse(&call, argc - 1, argv + 1);
	if (status == COMMAND_DONE && command_value(&call, 'h') != NULL)
		return print_help(&call);
	if (status == COMMAND_DONE)
		status = check_words(&call);
	if (status == COMMAND_DONE && (call.command->flags & COMMAND_TREE))
		status = find_tree(&call);
	if (status == COMMAND_DONE)
		status = call.command->run(&call);
	located_release(&call.at);
	return status;
}
