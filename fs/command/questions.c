#include "fs/command/questions.h"

#include "fs/command/command.h"
#include "fs/command/command_tree.h"

#include "core/base/drawn.h"
#include "core/base/json.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ASKS_MAX 1000 /* that are looked at */

/* Gives it to `fn` if it is open; whether to go on. */
static bool look_at(const struct call *call, const char *id,
	bool (*fn)(void *arg, const char *text, size_t len, const struct json *ask), void *arg)
{
	struct buf text = BUF_INIT;
	struct json *json = NULL;
	char path[300];
	bool go_on = true;

	(void)snprintf(path, sizeof(path), "asks/%s/ask.json", id);
	if (tree_read(call, path, &text, NULL) == 0 && text.len > 0 &&
		json_parse(text.data, text.len, &json, NULL) == 0 &&
		strcmp(drawn_text(json, "status"), "open") == 0) {
		while (text.len > 0 && text.data[text.len - 1] == '\n')
			text.data[--text.len] = '\0';
		go_on = fn(arg, text.data, text.len, json);
	}
	json_free(json);
	buf_release(&text);
	return go_on;
}

int questions_each(const struct call *call,
	bool (*fn)(void *arg, const char *text, size_t len, const struct json *ask), void *arg)
{
	char *path = NULL;
	const struct dirent *entry;
	bool go_on = true;
	DIR *dir;

	if (asprintf(&path, "%s/asks", call->at.tree) < 0)
		return -ENOMEM;
	dir = opendir(path);
	free(path);
	if (dir == NULL)
		return 0;
	for (int seen = 0; go_on && seen < ASKS_MAX && (entry = readdir(dir)) != NULL;) {
		if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
			continue;
		go_on = look_at(call, entry->d_name, fn, arg);
		seen++;
	}
	closedir(dir);
	return 0;
}

const char *question_id(const struct json *ask)
{
	return drawn_text(ask, "request_id");
}

const char *question_from(const struct json *ask)
{
	return drawn_text(ask, "from");
}

bool question_waits_for(const struct json *ask, const char *self)
{
	const struct json *to = json_get(ask, "to"), *answers = json_get(ask, "answers");
	bool is_asked = false;

	if (to == NULL)
		return self[0] == '\0' || strcmp(drawn_text(ask, "session_id"), self) != 0;
	for (size_t i = 0; i < json_count(to) && !is_asked; i++) {
		const char *id = json_text(json_item(to, i));

		is_asked = self[0] != '\0' && id != NULL && strcmp(id, self) == 0;
	}
	for (size_t i = 0; i < json_count(answers) && is_asked; i++)
		is_asked = strcmp(drawn_text(json_item(answers, i), "session_id"), self) != 0;
	return is_asked;
}

void question_add_whom(const struct json *ask, const char *self, size_t width, struct buf *out)
{
	const struct json *to = json_get(ask, "to");
	struct buf list = BUF_INIT;

	for (size_t i = 0; i < json_count(to); i++) {
		const char *id = json_text(json_item(to, i));

		buf_adds(&list, i > 0 ? "," : "");
		if (id != NULL)
			buf_adds(&list, self[0] != '\0' && strcmp(id, self) == 0 ? "you" : id);
	}
	drawn_cell(out, list.len > 0 && buf_error(&list) == 0 ? list.data : "anyone", width, false);
	buf_release(&list);
}

void question_add_words(const struct json *ask, size_t width, struct buf *out)
{
	const struct json *data = json_get(ask, "data");
	struct buf raw = BUF_INIT;

	if (json_text(data) != NULL) {
		drawn_quote(out, json_text(data), width);
	} else if (data != NULL) {
		json_show(data, &raw);
		while (raw.len > 0 && raw.data[raw.len - 1] == '\n')
			raw.data[--raw.len] = '\0';
		if (buf_error(&raw) == 0 && raw.len > 0)
			drawn_cell(out, raw.data, width, false);
	} else {
		drawn_quote(out, drawn_text(ask, "type"), width);
	}
	buf_release(&raw);
}
