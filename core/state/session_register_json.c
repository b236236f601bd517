/* Registering by JSON: which members are known, and what becomes of the others. */
#include "core/state/session_private.h"

#include "core/base/json.h"
#include "core/state/parts.h"

#include <errno.h>
#include <string.h>

#define GIVEN_MAX ((size_t)16 << 10)

static bool is_known(const char *key)
{
	static const char *const known[] = {"agent_name", "agent_type", "session_id", "tags",
		"current_task", "context_sources", "timeout", "uid", "started_at", "last_heartbeat",
		"status", "health", "uptime", "uptime_s", "timeout_s", NULL};

	for (int i = 0; known[i]; i++)
		if (strcmp(known[i], key) == 0)
			return true;
	return false;
}

/* What else was given, kept as it was written and shown in session.json. */
static int other_members(const char *text, size_t len, const struct json *json, struct buf *out)
{
	const struct json *value;
	const char *key, *raw;
	size_t raw_len;

	for (struct json_iter it = json_iter(json); json_next(&it, &key, &value);) {
		if (is_known(key) || !json_member(text, len, key, &raw, &raw_len))
			continue;
		buf_addc(out, out->len ? ',' : '{');
		buf_add_json(out, key, strlen(key));
		buf_addc(out, ':');
		json_compact(raw, raw_len, out);
	}
	if (out->len)
		buf_addc(out, '}');
	return buf_error(out);
}

static int read_registration(const struct json *json, struct registration *reg, struct error *err)
{
	static const char *const texts[] = {"department", NULL};
	const struct json *list = NULL;
	const char *text;
	int r;

	if ((r = json_need_string(json, "agent_name", 0, &reg->name, err)) ||
		(r = json_get_string(json, "agent_type", 64, &reg->type, err)) ||
		(r = json_get_string(json, "session_id", 0, &reg->id, err)) ||
		(r = json_get_string(json, "current_task", TASK_MAX, &reg->task, err)) ||
		(r = json_get_string(json, "query", QUERY_MAX, &reg->query, err)) ||
		(r = json_get_strings(json, "tags", TAGS_MAX, TAG_MAX, &list, err)) ||
		(r = json_get_strings(json, "context_sources", TAGS_MAX, 256, &list, err)) ||
		(r = json_get_duration(json, "timeout", &reg->timeout_us, err)))
		return r;
	for (int i = 0; texts[i]; i++)
		if ((r = json_get_string(json, texts[i], 4096, &text, err)))
			return r;
	if (reg->timeout_us < SECOND_US / 10 || reg->timeout_us > TIMEOUT_MAX_US)
		return error_set(err, EINVAL, "timeout: must be from 0.1 s to a day");
	reg->timed =
		json_get(json, "timeout") && json_kind(json_get(json, "timeout")) != JSON_KIND_NULL;
	return 0;
}

int session_register_json(struct loop *loop, const struct actor *actor, const char *text,
	size_t len, const struct json *json, struct act **out, struct error *err)
{
	struct registration reg = registration_plain(loop);
	struct buf given, tags = BUF_INIT, sources = BUF_INIT;
	const char *raw;
	size_t raw_len;
	int r = read_registration(json, &reg, err);

	if (r)
		return r;
	buf_init(&given, GIVEN_MAX);
	if (json_kind(json_get(json, "tags")) == JSON_KIND_LIST &&
		json_member(text, len, "tags", &raw, &raw_len)) {
		json_compact(raw, raw_len, &tags);
		reg.tags = tags.data;
		reg.tags_len = tags.len;
	}
	if (json_kind(json_get(json, "context_sources")) == JSON_KIND_LIST &&
		json_member(text, len, "context_sources", &raw, &raw_len)) {
		json_compact(raw, raw_len, &sources);
		reg.sources = sources.data;
		reg.sources_len = sources.len;
	}
	r = other_members(text, len, json, &given);
	if (!r)
		r = session_start(loop, actor, &reg, given.data, given.len, out, err);
	else
		error_set(err, -r, "the registration is larger than %zu bytes", GIVEN_MAX);
	buf_release(&given);
	buf_release(&tags);
	buf_release(&sources);
	return r;
}
