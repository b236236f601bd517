/* leitlfs status, for people. */
#include "fs/command/command.h"
#include "fs/command/questions.h"
#include "fs/command/status.h"

#include "core/base/drawn.h"
#include "core/base/json.h"
#include "core/base/text.h"

#include <errno.h>
#include <string.h>

#define NAME_WIDTH  32 /* characters of a name that a column shows */
#define ID_WIDTH    4  /* of a question's, at the least */
#define WORDS_WIDTH 60 /* of what is asked */

void status_list_ask(const struct call *call, const struct json *ask, bool yours, struct picture *p)
{
	const char *self = p->self.len > 0 ? p->self.data : "", *as = command_value(call, 'i');
	const char *mount = command_value(call, 'm');
	struct buf *out = yours ? &p->yours : &p->others;

	p->listed++;
	buf_adds(out, "  ");
	drawn_cell(out, question_id(ask), ID_WIDTH, true);
	buf_addc(out, ' ');
	drawn_cell(out, question_from(ask), NAME_WIDTH, false);
	buf_adds(out, " asks ");
	question_add_whom(ask, self, NAME_WIDTH, out);
	buf_adds(out, "  ");
	question_add_words(ask, WORDS_WIDTH, out);
	if (yours)
		buf_addf(out, "\n%*sleitlfs answer %s%s%s%s%s%s%s …", ID_WIDTH + 3, "",
			mount != NULL ? "-m " : "", mount != NULL ? mount : "",
			mount != NULL ? " " : "", as != NULL ? "--as " : "", as != NULL ? as : "",
			as != NULL ? " " : "", question_id(ask));
	buf_addc(out, '\n');
}

enum { COLUMN_ID, COLUMN_HEALTH, COLUMN_UPTIME, COLUMN_TASK, COLUMNS };

static const char *const headings[COLUMNS] = {"SESSION", "HEALTH", "SINCE", "TASK"};
static const char *const members[COLUMNS] = {"session_id", "health", "uptime", "current_task"};

static const char *text_of(const struct json *session, int column)
{
	const char *text = NULL;

	json_get_string(session, members[column], 0, &text, NULL);
	return text != NULL ? text : "";
}

static void add_cell(struct buf *out, const char *text, size_t width, bool last)
{
	struct buf plain = BUF_INIT;
	size_t shown;

	command_plain(&plain, text, strlen(text), false);
	shown = plain.len > 0 ? text_count(plain.data, plain.len) : 0;
	buf_add(out, plain.data != NULL ? plain.data : "", plain.len);
	for (; !last && shown < width + 2; shown++)
		buf_addc(out, ' ');
	out->failed = plain.failed ? plain.failed : out->failed;
	buf_release(&plain);
}

static void measure(const struct json *list, size_t widths[COLUMNS])
{
	for (int c = 0; c < COLUMNS; c++)
		widths[c] = strlen(headings[c]);
	for (size_t i = 0; i < json_count(list); i++) {
		for (int c = 0; c < COLUMN_TASK; c++) {
			const char *text = text_of(json_item(list, i), c);
			size_t n = text_count(text, strlen(text));

			n = n < NAME_WIDTH ? n : NAME_WIDTH;
			widths[c] = n > widths[c] ? n : widths[c];
		}
	}
}

static void add_table(const struct picture *p, struct buf *out)
{
	const struct json *list = json_get(p->parsed, "sessions");
	size_t widths[COLUMNS];

	measure(list, widths);
	buf_adds(out, "  ");
	for (int c = 0; c < COLUMNS; c++)
		add_cell(out, headings[c], widths[c], c == COLUMN_TASK);
	buf_addc(out, '\n');
	for (size_t i = 0; i < json_count(list); i++) {
		const struct json *session = json_item(list, i);
		bool own =
			p->self.len > 0 && strcmp(text_of(session, COLUMN_ID), p->self.data) == 0;

		buf_adds(out, own ? "* " : "  ");
		for (int c = 0; c < COLUMNS; c++)
			add_cell(out, text_of(session, c), widths[c], c == COLUMN_TASK);
		buf_addc(out, '\n');
	}
}

/* As whom one speaks. */
static void add_who(const struct picture *p, struct buf *out)
{
	if (p->self.len > 0)
		buf_addf(out, "you are %s, %lld unread\n", p->self.data, p->unread);
	else if (p->no_self.code == ENOTUNIQ)
		buf_addf(out, "choose with --as ID: %s\n", p->no_self.text);
	else if (p->no_self.code != 0)
		buf_addf(out, "you are nobody: %s\n", p->no_self.text);
	else
		buf_adds(out, "you have no session: mkdir sessions/NAME makes one, and leitlfs run "
			      "a program's\n");
}

/* The open questions, those for the caller first. */
static void add_asks(const struct picture *p, struct buf *out)
{
	if (p->ask_count == 0)
		return;
	buf_adds(out, "\n");
	buf_add(out, p->yours.len > 0 ? p->yours.data : "", p->yours.len);
	buf_add(out, p->others.len > 0 ? p->others.data : "", p->others.len);
	if (p->listed < p->ask_count)
		buf_addf(out, "  and %zu more: leitlfs top\n", p->ask_count - p->listed);
	if (p->yours.failed || p->others.failed)
		out->failed = p->yours.failed ? p->yours.failed : p->others.failed;
}

int status_print(const struct call *call, const struct picture *p)
{
	struct buf out = BUF_INIT;
	size_t count = json_count(json_get(p->parsed, "sessions"));

	if (count > 0)
		add_table(p, &out);
	buf_addf(&out, "%s%zu session%s, %zu open question%s\n", count > 0 ? "\n" : "", count,
		count == 1 ? "" : "s", p->ask_count, p->ask_count == 1 ? "" : "s");
	add_who(p, &out);
	add_asks(p, &out);
	return command_print(call, &out);
}
