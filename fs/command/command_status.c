/* leitlfs status: who is in the loop, and what waits for the caller. */
#include "fs/command/command.h"
#include "fs/command/command_tree.h"

#include "core/base/json.h"
#include "core/base/text.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ASKS_MAX   1000 /* that are looked at */
#define NAME_WIDTH 32   /* characters of a name that a column shows */

/* What the files say, as they say it. */
struct picture {
	struct buf sessions, status; /* sessions.json, status.json; the latter "null" without one */
	struct buf self;             /* an id, or empty */
	struct error no_self;        /* why, where one has several, or one that has ended */
	struct buf asks;             /* ask.json of each open one, with commas between */
	size_t ask_count;
	long long unread;    /* -1: there is no session of one's own */
	struct json *parsed; /* sessions.json */
};

static void trim(struct buf *b)
{
	while (b->len > 0 && b->data[b->len - 1] == '\n')
		b->data[--b->len] = '\0';
}

static void picture_release(struct picture *p)
{
	json_free(p->parsed);
	buf_release(&p->sessions);
	buf_release(&p->status);
	buf_release(&p->self);
	buf_release(&p->asks);
}

/* Messages are lines with a seq; the last line may tell of more. */
static long long count_unread(const struct buf *unread)
{
	long long count = 0;

	for (size_t at = 0, len; at < unread->len; at += len + 1) {
		const char *line = unread->data + at, *value;
		size_t value_len;

		len = strcspn(line, "\n");
		if (json_member(line, len, "more", &value, &value_len) &&
			!json_member(line, len, "seq", &value, &value_len)) {
			json_member(line, len, "more", &value, &value_len);
			count += strtoll(value, NULL, 10);
		} else if (len > 0) {
			count++;
		}
	}
	return count;
}

static int look_at_self(const struct call *call, struct picture *p, struct error *err)
{
	struct buf unread = BUF_INIT;
	int rc = tree_self(call, &p->self);

	p->unread = -1;
	if (rc == -ENOMEM)
		return error_set(err, ENOMEM, "out of memory");
	if (rc != 0) {
		if (rc != -ENOENT)
			tree_failed(call, -rc, "self", &p->no_self);
		return 0;
	}
	rc = tree_read(call, "self/unread", &unread, err);
	if (rc == 0)
		p->unread = unread.len > 0 ? count_unread(&unread) : 0;
	buf_release(&unread);
	if (rc == -ENOENT || rc == -ESTALE || rc == -EACCES) { /* it has ended meanwhile */
		buf_reset(&p->self);
		rc = 0;
	}
	return rc;
}

static void add_ask(const struct call *call, const char *id, struct picture *p)
{
	struct buf text = BUF_INIT;
	const char *status = "";
	struct json *json = NULL;
	char path[300];

	(void)snprintf(path, sizeof(path), "asks/%s/ask.json", id);
	if (tree_read(call, path, &text, NULL) == 0 && text.len > 0 &&
		json_parse(text.data, text.len, &json, NULL) == 0 &&
		json_get_string(json, "status", 0, &status, NULL) == 0 &&
		strcmp(status, "open") == 0) {
		trim(&text);
		buf_adds(&p->asks, p->ask_count > 0 ? "," : "");
		buf_add(&p->asks, text.data, text.len);
		p->ask_count++;
	}
	json_free(json);
	buf_release(&text);
}

/* Those that come and go meanwhile don't matter. */
static int look_at_asks(const struct call *call, struct picture *p, struct error *err)
{
	char *path = NULL;
	const struct dirent *entry;
	DIR *dir;
	int seen = 0;

	if (asprintf(&path, "%s/asks", call->at.tree) < 0)
		return error_set(err, ENOMEM, "out of memory");
	dir = opendir(path);
	free(path);
	if (dir == NULL)
		return 0;
	while ((entry = readdir(dir)) != NULL && seen < ASKS_MAX) {
		if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
			continue;
		add_ask(call, entry->d_name, p);
		seen++;
	}
	closedir(dir);
	return buf_error(&p->asks);
}

static int look(const struct call *call, struct picture *p, struct error *err)
{
	int rc = tree_read(call, "sessions.json", &p->sessions, err);

	if (rc == 0)
		rc = json_parse(
			p->sessions.data ? p->sessions.data : "", p->sessions.len, &p->parsed, err);
	if (rc == 0) {
		if (tree_read(call, "status.json", &p->status, NULL) != 0 || p->status.len == 0) {
			buf_reset(&p->status);
			buf_adds(&p->status, "null");
		}
		rc = look_at_self(call, p, err);
	}
	if (rc == 0)
		rc = look_at_asks(call, p, err);
	trim(&p->sessions);
	trim(&p->status);
	if (rc != 0 && err->code == 0)
		error_set(err, -rc, "%s", strerror(-rc));
	return rc;
}

static void add_no_self(const struct picture *p, struct buf *out)
{
	const char *name = strerrorname_np(p->no_self.code), *why = p->no_self.text;

	if (p->no_self.code == 0 || name == NULL) {
		buf_adds(out, ",\"self_error\":null");
		return;
	}
	buf_addf(out, ",\"self_error\":{\"errno\":\"%s\",\"reason\":", name);
	buf_add_json(out, why, text_utf8_prefix(why, strlen(why), NULL));
	buf_addc(out, '}');
}

static int print_json(const struct call *call, const struct picture *p)
{
	struct buf out = BUF_INIT;

	buf_adds(&out, "{\"mount\":");
	if (text_is_utf8(call->at.tree, strlen(call->at.tree), NULL))
		buf_add_json(&out, call->at.tree, strlen(call->at.tree));
	else
		buf_adds(&out, "null");
	buf_adds(&out, ",\"self\":");
	if (p->self.len > 0)
		buf_add_json(&out, p->self.data, p->self.len);
	else
		buf_adds(&out, "null");
	add_no_self(p, &out);
	if (p->unread >= 0)
		buf_addf(&out, ",\"unread\":%lld", p->unread);
	else
		buf_adds(&out, ",\"unread\":null");
	buf_addf(&out, ",\"asks\":[%s],\"sessions\":", p->ask_count > 0 ? p->asks.data : "");
	json_compact(p->sessions.data, p->sessions.len, &out);
	buf_adds(&out, ",\"status\":");
	json_compact(p->status.data, p->status.len, &out);
	buf_adds(&out, "}\n");
	return command_print(call, &out);
}

/* For people. */

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

static int print_table(const struct call *call, const struct picture *p)
{
	struct buf out = BUF_INIT;
	size_t count = json_count(json_get(p->parsed, "sessions"));

	if (count > 0)
		add_table(p, &out);
	buf_addf(&out, "%s%zu session%s, %zu open question%s\n", count > 0 ? "\n" : "", count,
		count == 1 ? "" : "s", p->ask_count, p->ask_count == 1 ? "" : "s");
	add_who(p, &out);
	return command_print(call, &out);
}

int command_show_status(struct call *call)
{
	struct picture picture = {0};
	struct error err = {0};
	int rc = look(call, &picture, &err), status;

	if (rc != 0)
		status = command_fail(call, &err);
	else
		status = call->json ? print_json(call, &picture) : print_table(call, &picture);
	picture_release(&picture);
	return status;
}
