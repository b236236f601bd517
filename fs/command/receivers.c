#include "fs/command/receivers.h"

#include "fs/command/command.h"
#include "fs/command/command_tree.h"

#include "core/base/json.h"
#include "core/base/limits.h"
#include "core/base/text.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void receivers_release(struct receivers *r)
{
	if (r == NULL)
		return;
	buf_release(&r->paths);
	r->count = 0;
}

const char *receivers_next(const struct receivers *r, const char *path)
{
	const char *next = path == NULL ? r->paths.data : path + strlen(path) + 1;

	return next != NULL && next < r->paths.data + r->paths.len ? next : NULL;
}

static int add_path(struct receivers *r, const char *path, struct error *err)
{
	for (const char *at = NULL; (at = receivers_next(r, at)) != NULL;) {
		if (strcmp(at, path) == 0)
			return 0;
	}
	if (r->count == ASK_TO_MAX)
		return error_set(err, EMSGSIZE, "to: more than %d receivers", ASK_TO_MAX);
	buf_add(&r->paths, path, strlen(path) + 1);
	r->count++;
	return buf_error(&r->paths) == 0 ? 0 : error_set(err, ENOMEM, "out of memory");
}

static int add_inbox(struct receivers *r, const char *dir, const char *name, struct error *err)
{
	char path[sizeof("sessions//inbox") + ID_MAX + AGENT_KEY_MAX];

	(void)snprintf(path, sizeof(path), "%s/%s/inbox", dir, name);
	return add_path(r, path, err);
}

static bool exists(const struct call *call, const char *dir, const char *name)
{
	char *path = NULL;
	bool is = asprintf(&path, "%s/%s/%s", call->at.tree, dir, name) >= 0 &&
		  access(path, F_OK) == 0;

	free(path);
	return is;
}

static int add_named(
	const struct call *call, struct receivers *r, const char *name, struct error *err)
{
	char key[AGENT_KEY_MAX + 1];

	if (strcmp(name, "*") == 0)
		return add_path(r, "broadcast", err);
	if (text_id_ok(name) && exists(call, "sessions", name))
		return add_inbox(r, "sessions", name, err);
	text_agent_key(name, key);
	if (key[0] == '\0' || !exists(call, "agents", key))
		return error_set(err, ENOENT, "to: there is no session or agent %.80s", name);
	return add_inbox(r, "agents", key, err);
}

static bool has_tag(const struct json *session, const char *tag)
{
	const struct json *tags = json_get(session, "tags");

	for (size_t i = 0; i < json_count(tags); i++) {
		const char *text = json_text(json_item(tags, i));

		if (text != NULL && strcmp(text, tag) == 0)
			return true;
	}
	return false;
}

static int add_all_tagged(struct receivers *r, const struct json *sessions, const char *tag,
	const char *self, struct error *err)
{
	bool any = false;
	int rc = 0;

	for (size_t i = 0; i < json_count(sessions) && rc == 0; i++) {
		const struct json *session = json_item(sessions, i);
		const char *id = json_text(json_get(session, "session_id"));

		if (id == NULL || !text_id_ok(id) || strcmp(id, self) == 0 ||
			!has_tag(session, tag))
			continue;
		rc = add_inbox(r, "sessions", id, err);
		any = true;
	}
	if (rc == 0 && !any)
		rc = error_set(err, ENOENT, "to: no other living session has the tag %.80s", tag);
	return rc;
}

static int add_tagged(
	const struct call *call, struct receivers *r, const char *tag, struct error *err)
{
	struct buf text = BUF_INIT, self = BUF_INIT;
	struct json *json = NULL;
	int rc = tree_read(call, "sessions.json", &text, err);

	if (rc == 0)
		rc = json_parse(text.data != NULL ? text.data : "", text.len, &json, err);
	if (rc == 0)
		(void)tree_self(call, &self); /* who has none is not among them */
	if (rc == 0)
		rc = add_all_tagged(r, json_get(json, "sessions"), tag,
			self.data != NULL ? self.data : "", err);
	json_free(json);
	buf_release(&self);
	buf_release(&text);
	return rc;
}

int receivers_add(const struct call *call, struct receivers *r, const char *to, struct error *err)
{
	char *copy = strdup(to), *rest = copy, *name;
	const size_t before = r->count;
	bool any = false;
	int rc = copy != NULL ? 0 : error_set(err, ENOMEM, "out of memory");

	while (rc == 0 && (name = strsep(&rest, ",")) != NULL) {
		name += strspn(name, " "); /* 'bob, cece' */
		if (*name == '\0')
			continue;
		any = true;
		rc = strncmp(name, "tag:", 4) == 0 ? add_tagged(call, r, name + 4, err)
						   : add_named(call, r, name, err);
	}
	free(copy);
	if (rc == 0 && !any && r->count == before)
		rc = error_set(err, EINVAL, "to: it names nobody");
	return rc;
}
