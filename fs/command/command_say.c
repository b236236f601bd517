/* leitlfs say: a message to everyone, to one, or an event. */
#include "fs/command/command.h"
#include "fs/command/command_tree.h"

#include "core/base/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool exists(const struct call *call, const char *dir, const char *name)
{
	char *path = NULL;
	bool is = asprintf(&path, "%s/%s/%s", call->at.tree, dir, name) >= 0 &&
		  access(path, F_OK) == 0;

	free(path);
	return is;
}

/* The inbox of a session, or of an agent, by its name. */
static int find_inbox(const struct call *call, const char *to, struct buf *out, struct error *err)
{
	char key[AGENT_KEY_MAX + 1];

	if (text_id_ok(to) && exists(call, "sessions", to)) {
		buf_addf(out, "sessions/%s/inbox", to);
		return buf_error(out);
	}
	text_agent_key(to, key);
	if (key[0] == '\0' || !exists(call, "agents", key))
		return error_set(err, ENOENT, "to: there is no session or agent %.80s", to);
	buf_addf(out, "agents/%s/inbox", key);
	return buf_error(out);
}

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

static int find_path(const struct call *call, struct buf *path, struct buf *text, struct error *err)
{
	const char *to = command_value(call, 't'), *type = command_value(call, 'T');

	if (to != NULL && type != NULL)
		return error_set(err, EINVAL,
			"--to and --type exclude each other: a message to one has no type");
	if (to != NULL)
		return find_inbox(call, to, path, err);
	if (type != NULL)
		return find_type(call, type, path, text, err);
	buf_adds(path, "broadcast");
	return buf_error(path);
}

static int report(const struct call *call, const struct buf *path, size_t bytes)
{
	struct buf out = BUF_INIT;

	if (!call->json)
		return COMMAND_DONE;
	buf_adds(&out, "{\"path\":");
	buf_add_json(&out, path->data, path->len);
	buf_addf(&out, ",\"bytes\":%zu}\n", bytes);
	return command_print(call, &out);
}

int command_say(struct call *call)
{
	struct buf text = BUF_INIT, path = BUF_INIT;
	struct error err = {0};
	int rc = command_text(call, 0, &text, &err), status;

	if (rc == 0)
		rc = find_path(call, &path, &text, &err);
	if (rc == 0) {
		buf_addc(&text, '\n');
		rc = buf_error(&text);
	}
	if (rc == 0)
		rc = tree_say(call, path.data, text.data, text.len, &err);
	if (rc != 0 && err.code == 0)
		error_set(&err, -rc, "%s", strerror(-rc));
	status = rc != 0 ? command_fail(call, &err) : report(call, &path, text.len - 1);
	buf_release(&text);
	buf_release(&path);
	return status;
}
