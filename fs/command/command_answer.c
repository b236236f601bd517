/* leitlfs answer: an answer to a question, or why there is none. */
#include "fs/command/command.h"
#include "fs/command/command_tree.h"

#include "core/base/drawn.h"
#include "core/base/json.h"
#include "core/base/limits.h"
#include "core/base/text.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The question is named by its id, or by its path: q6, asks/q6, asks/q6/reply. */
static int take_id(const char *word, char id[ID_MAX + 1], struct error *err)
{
	const char *at = word;
	size_t len;

	if (strncmp(at, "asks/", 5) == 0)
		at += 5;
	len = strcspn(at, "/");
	if (len > ID_MAX ||
		(at[len] != '\0' && strcmp(at + len, "/") != 0 && strcmp(at + len, "/reply") != 0))
		len = 0;
	memcpy(id, at, len);
	id[len] = '\0';
	if (len == 0 || !text_id_ok(id))
		return error_set(err, EINVAL,
			"%.80s is no question's id: these are as q6, or asks/q6", word);
	return 0;
}

/* A question that is over would take it as a message, which is not what was asked for. */
static int check_open(const struct call *call, const char *id, struct error *err)
{
	struct buf text = BUF_INIT;
	struct json *ask = NULL;
	char path[ID_MAX + 32];
	int rc;

	(void)snprintf(path, sizeof(path), "asks/%s/ask.json", id);
	rc = tree_read(call, path, &text, err);
	if (rc == -ENOENT || rc == -ENOTDIR)
		rc = error_set(
			err, ENOENT, "there is no question %s; leitlfs status lists them", id);
	else if (rc == 0)
		rc = json_parse(text.data != NULL ? text.data : "", text.len, &ask, err);
	if (rc == 0 && json_get(ask, "closed_at") != NULL)
		rc = error_set(err, EHOSTDOWN,
			"%s is over (%s), and nothing was sent; leitlfs say --to %s tells its "
			"asker all the same",
			id, drawn_text(ask, "status"), drawn_text(ask, "session_id"));
	json_free(ask);
	buf_release(&text);
	return rc;
}

static int report(const struct call *call, const char *path, size_t bytes)
{
	struct buf out = BUF_INIT;

	if (call->json)
		buf_addf(&out, "{\"path\":\"%s\",\"bytes\":%zu}\n", path, bytes);
	return command_print(call, &out);
}

int command_answer(struct call *call)
{
	const bool is_error = command_value(call, 'e') != NULL;
	struct buf text = BUF_INIT;
	struct error err = {0};
	char id[ID_MAX + 1] = "", path[ID_MAX + 32];
	int rc = take_id(call->words[0], id, &err), status;

	if (rc == 0)
		rc = check_open(call, id, &err);
	if (rc == 0)
		rc = tree_check_self(call, &err);
	if (rc == 0 && call->word_count == 1 && isatty(STDIN_FILENO))
		fprintf(stderr, "leitlfs answer: the answer to %s, and then Ctrl-D:\n", id);
	if (rc == 0)
		rc = command_text(call, 1, &text, &err);
	if (rc == 0) {
		buf_addc(&text, '\n');
		rc = buf_error(&text);
	}
	(void)snprintf(path, sizeof(path), "asks/%s/%s", id, is_error ? "error" : "reply");
	if (rc == 0)
		rc = tree_say(call, path, text.data, text.len, &err);
	if (rc != 0 && err.code == 0)
		error_set(&err, -rc, "%s", strerror(-rc));
	status = rc != 0 ? command_fail(call, &err) : report(call, path, text.len - 1);
	buf_release(&text);
	return status;
}
