/* leitlfs say: a message to everyone, to some, or an event. */
#include "fs/command/command.h"
#include "fs/command/command_tree.h"
#include "fs/command/receivers.h"

#include "core/base/text.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Who has no session says an event by its name in a message to everyone. */
static int wrap(const char *type, struct buf *text)
{
	struct buf out = BUF_INIT;
	int rc;

	buf_adds(&out, "{\"event_type\":");
	buf_add_json(&out, type, strlen(type));
	buf_adds(&out, ",\"data\":");
	if (text->data[0] == '{') {
		buf_add(&out, text->data, text->len);
	} else {
		buf_addf(&out, "{\"%s\":",
			strcmp(type, "task.started") == 0 ? "task_description" : "message");
		buf_add_json(&out, text->data, text->len);
		buf_addc(&out, '}');
	}
	buf_addc(&out, '}');
	rc = buf_error(&out);
	if (rc != 0) {
		buf_release(&out);
		return rc;
	}
	buf_release(text);
	*text = out;
	return 0;
}

static int find_type(const struct call *call, const char *type, struct buf *path, struct buf *text,
	struct error *err)
{
	struct buf self = BUF_INIT;
	int rc;

	if (!text_type_ok(type))
		return error_set(err, EINVAL,
			"type: must be words of A-Za-z0-9_ with dots between, as task.started");
	rc = tree_self(call, &self);
	buf_release(&self);
	if (rc == -ENOENT) {
		buf_adds(path, "broadcast");
		rc = wrap(type, text);
	} else {
		buf_addf(path, "self/say/%s", type);
		rc = buf_error(path);
	}
	return rc == 0 ? 0 : error_set(err, -rc, "%s", strerror(-rc));
}

/* Where a message that is for no one in particular is written. */
static int find_path(
	const struct call *call, struct receivers *out, struct buf *text, struct error *err)
{
	const char *type = command_value(call, 'T');
	struct buf path = BUF_INIT;
	int rc;

	if (type != NULL) {
		rc = find_type(call, type, &path, text, err);
	} else {
		buf_adds(&path, "broadcast");
		rc = buf_error(&path);
	}
	if (rc == 0) {
		buf_add(&out->paths, path.data, path.len + 1);
		out->count = 1;
		rc = buf_error(&out->paths);
	}
	buf_release(&path);
	return rc;
}

/* All of them, before anything is said to one. */
static int find_receivers(
	const struct call *call, struct receivers *out, struct buf *text, struct error *err)
{
	int rc = 0;

	if (command_value(call, 't') == NULL)
		return find_path(call, out, text, err);
	if (command_value(call, 'T') != NULL)
		return error_set(err, EINVAL,
			"--to and --type exclude each other: a message to one has no type");
	for (size_t i = 0; i < call->given_count && rc == 0; i++) {
		if (call->given[i].letter == 't')
			rc = receivers_add(call, out, call->given[i].value, err);
	}
	return rc;
}

static void add_path(struct buf *list, const char *path)
{
	buf_adds(list, list->len > 0 ? "," : "");
	buf_add_json(list, path, strlen(path));
}

static int report(const struct call *call, const struct receivers *to, size_t bytes)
{
	struct buf out = BUF_INIT, list = BUF_INIT;

	if (!call->json)
		return COMMAND_DONE;
	for (const char *path = NULL; (path = receivers_next(to, path)) != NULL;)
		add_path(&list, path);
	if (to->count == 1)
		buf_addf(&out, "{\"path\":%s", buf_error(&list) == 0 ? list.data : "null");
	else
		buf_addf(&out, "{\"paths\":[%s]", buf_error(&list) == 0 ? list.data : "");
	buf_addf(&out, ",\"bytes\":%zu}\n", bytes);
	out.failed = list.failed ? list.failed : out.failed;
	buf_release(&list);
	return command_print(call, &out);
}

/* To one after the other; where it fails, to the rest all the same. */
static int say_to_each(const struct call *call, const struct receivers *to, const struct buf *text)
{
	struct buf sent = BUF_INIT, failed = BUF_INIT, more = BUF_INIT;
	struct error first = {0};
	int status;

	for (const char *path = NULL; (path = receivers_next(to, path)) != NULL;) {
		struct error err = {0};

		if (tree_say(call, path, text->data, text->len, &err) == 0) {
			add_path(&sent, path);
			continue;
		}
		add_path(&failed, path);
		fprintf(stderr, "leitlfs %s: not sent to %s: %s\n", call->command->name, path,
			err.text);
		if (first.code == 0)
			first = err;
	}
	buf_addf(&more, ",\"paths\":[%s],\"failed\":[%s]", sent.len > 0 ? sent.data : "",
		failed.len > 0 ? failed.data : "");
	status = first.code == 0
			 ? report(call, to, text->len - 1)
			 : command_failed(call, &first, buf_error(&more) == 0 ? more.data : NULL);
	buf_release(&sent);
	buf_release(&failed);
	buf_release(&more);
	return status;
}

static int say(const struct call *call, const struct receivers *to, const struct buf *text)
{
	struct error err = {0};

	if (to->count > 1)
		return say_to_each(call, to, text);
	if (tree_say(call, to->paths.data, text->data, text->len, &err) != 0)
		return command_fail(call, &err);
	return report(call, to, text->len - 1);
}

int command_say(struct call *call)
{
	struct receivers to = {.paths = BUF_INIT};
	struct buf text = BUF_INIT;
	struct error err = {0};
	int rc = command_text(call, 0, &text, &err), status;

	if (rc == 0)
		rc = tree_check_self(call, &err);
	if (rc == 0)
		rc = find_receivers(call, &to, &text, &err);
	if (rc == 0) {
		buf_addc(&text, '\n');
		rc = buf_error(&text);
	}
	if (rc != 0 && err.code == 0)
		error_set(&err, -rc, "%s", strerror(-rc));
	status = rc != 0 ? command_fail(call, &err) : say(call, &to, &text);
	buf_release(&text);
	receivers_release(&to);
	return status;
}
