/* What commands print, and what they are given to say. */
#include "fs/command/command.h"

#include "core/base/limits.h"
#include "core/base/text.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define HELP_COLUMN 26

static void add_option(const struct command_option *o, struct buf *out)
{
	const size_t from = out->len;

	buf_addf(out, "    -%c, --%s%s%s ", o->letter, o->name, o->value != NULL ? " " : "",
		o->value != NULL ? o->value : "");
	while (buf_error(out) == 0 && out->len - from < HELP_COLUMN)
		buf_addc(out, ' ');
	buf_addf(out, "%s\n", o->help);
}

void command_help(const struct command_row *command, struct buf *out)
{
	const struct command_option *o;

	buf_addf(out, "usage: leitlfs %s %s\n\n%s", command->name, command->arguments,
		command->text);
	buf_addc(out, '\n');
	for (size_t i = 0; (o = command_option_at(command, i)) != NULL; i++)
		add_option(o, out);
}

void commands_help(struct buf *out)
{
	for (const struct command_row *c = commands; c->name != NULL; c++) {
		if (!(c->flags & COMMAND_HIDDEN))
			buf_addf(out, "    %-8s %s\n", c->name, c->line);
	}
}

void command_plain(struct buf *out, const char *text, size_t len, bool lines)
{
	for (size_t at = 0, n; at < len; at += n) {
		n = text_char(text + at, len - at, NULL);
		if (n == 1 && (text[at] == '\t' || (lines && text[at] == '\n'))) {
			buf_addc(out, text[at]);
		} else if (n == 0 || text_is_control(text + at, n) || text_is_turn(text + at, n)) {
			n = n == 0 ? 1 : n;
			buf_addc(out, '?');
		} else {
			buf_add(out, text + at, n);
		}
	}
}

static int read_stdin(struct buf *out, struct error *err)
{
	char chunk[4096];
	ssize_t n;

	while ((n = read(STDIN_FILENO, chunk, sizeof(chunk))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_set(err, errno, "stdin: %s", strerror(errno));
		buf_add(out, chunk, (size_t)n);
		if (out->len > MESSAGE_MAX)
			return error_set(err, EMSGSIZE, "stdin: more than %zu bytes", MESSAGE_MAX);
	}
	return 0;
}

int command_text(const struct call *call, size_t from, struct buf *out, struct error *err)
{
	const bool is_stdin = call->word_count == from ||
			      (call->word_count == from + 1 && strcmp(call->words[from], "-") == 0);
	const size_t began = out->len;
	int rc = is_stdin ? read_stdin(out, err) : 0;

	if (rc != 0)
		return rc;
	for (size_t i = from; !is_stdin && i < call->word_count; i++) {
		buf_adds(out, i > from ? " " : "");
		buf_adds(out, call->words[i]);
	}
	while (out->len > began && out->data[out->len - 1] == '\n')
		out->data[--out->len] = '\0';
	rc = buf_error(out);
	if (rc != 0)
		return error_set(err, -rc, "%s", strerror(-rc));
	if (out->len == began || strspn(out->data + began, " \t\r\n") == out->len - began)
		return error_set(err, EINVAL, "there is nothing to say");
	if (!text_is_utf8(out->data + began, out->len - began, NULL) ||
		memchr(out->data + began, '\0', out->len - began) != NULL)
		return error_set(err, EINVAL, "what is said must be text (UTF-8, without NUL)");
	return 0;
}
