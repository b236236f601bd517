/* What a message says of a task: checked, and taken apart. */
#include "core/item/task_private.h"

#include "core/base/json.h"
#include "core/base/text.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NAME_MAX_BYTES (4 * AGENT_NAME_MAX)

bool task_is_word(const char *type)
{
	return strcmp(type, "task.started") == 0 || strcmp(type, "task.completed") == 0 ||
	       strcmp(type, "task.failed") == 0;
}

static void words_free(void *more)
{
	struct task_word *w = more, *next;

	for (; w; w = next) {
		next = w->next;
		if (w->task) {
			task_release(w->task);
			free(w->task);
		}
		free(w->rest);
		free(w->id);
		free(w->result);
		free(w->error);
		free(w);
	}
}

struct task_word *task_word_new(struct act *a)
{
	struct task_word *w = calloc(1, sizeof(*w)), *last = a->more;

	if (!w)
		return NULL;
	a->more_free = words_free;
	/* An act has a write's messages, which are few (BATCH_MAX). */
	while (last && last->next)
		last = last->next;
	if (last)
		last->next = w;
	else
		a->more = w;
	return w;
}

static bool stands_in(const char *key, const char *const *list)
{
	while (*list && strcmp(*list, key) != 0)
		list++;
	return *list != NULL;
}

/* The members but some, as they were written, each with a comma before it. NULL: none are left. */
static int take_rest(const struct json *json, const char *text, size_t len,
	const char *const *without, char **out)
{
	struct buf b = BUF_INIT;
	const struct json *value;
	const char *key, *raw;
	size_t raw_len;
	int r;

	for (struct json_iter it = json_iter(json); json_next(&it, &key, &value);) {
		if (stands_in(key, without) || !json_member(text, len, key, &raw, &raw_len))
			continue;
		buf_addc(&b, ',');
		buf_add_json(&b, key, strlen(key));
		buf_addc(&b, ':');
		json_compact(raw, raw_len, &b);
	}
	r = buf_error(&b);
	*out = buf_detach(&b, NULL);
	buf_release(&b);
	return r;
}

static bool is_given(const struct json *json, const char *key)
{
	const struct json *value = json_get(json, key);

	return value && json_kind(value) != JSON_KIND_NULL;
}

/* A text by one of two names, copied. */
static int get_text(const struct json *json, const char *key, const char *other, size_t max,
	char **out, struct error *err)
{
	const char *text = NULL;
	int r;

	if (other && !is_given(json, key))
		key = other;
	r = json_get_string(json, key, max, &text, err);
	if (!r && text && !(*out = strdup(text)))
		r = -ENOMEM;
	return r;
}

/* Its own choice of an id, as task_id or activity_id. */
static int get_id(const struct json *json, char **out, struct error *err)
{
	const char *key = is_given(json, "task_id") ? "task_id" : "activity_id";
	const char *other = NULL;
	int r = get_text(json, key, NULL, 0, out, err);

	if (!r)
		r = json_get_string(json, "activity_id", 0, &other, err);
	if (r)
		return r;
	if (*out && !text_id_ok(*out))
		return error_set(err, EINVAL,
			"%s: must be 1 to %d of A-Z a-z 0-9 _ -, and not \"new\"", key, ID_MAX);
	if (*out && other && strcmp(*out, other) != 0)
		return error_set(err, EINVAL, "activity_id: is another than task_id");
	return 0;
}

bool task_activity_ok(const char *name)
{
	const char *at = name;

	while (isalnum((unsigned char)*at) || *at == '_' || *at == '-')
		at++;
	return !*at && at > name && at - name <= ACTIVITY_MAX;
}

static int get_activity(const struct json *json, char **out, struct error *err)
{
	int r = get_text(json, "activity_type", NULL, 0, out, err);

	if (r || !*out)
		return r;
	if (!task_activity_ok(*out))
		return error_set(err, EINVAL,
			"activity_type: must be one word, 1 to %d of A-Z a-z 0-9 _ -",
			ACTIVITY_MAX);
	return 0;
}

/* JSON of some kinds, copied as it was written. */
static int get_raw(const struct json *json, const char *text, size_t len, const char *key,
	unsigned kinds, const char *must, char **out, struct error *err)
{
	const char *raw;
	size_t raw_len;
	struct buf b = BUF_INIT;
	int r;

	if (!is_given(json, key) || !json_member(text, len, key, &raw, &raw_len))
		return 0;
	if (!(kinds & 1u << json_kind(json_get(json, key))))
		return error_set(err, EINVAL, "%s: must be %s", key, must);
	json_compact(raw, raw_len, &b);
	r = buf_error(&b);
	*out = buf_detach(&b, NULL);
	buf_release(&b);
	return r;
}

static int get_agent(const struct json *json, struct task *t, struct error *err)
{
	const char *key = is_given(json, "agent_id") ? "agent_id" : "agent";
	struct error why;
	int r = get_text(json, key, NULL, 0, &t->agent_name, err);

	if (r || !t->agent_name)
		return r;
	if (text_agent_name(t->agent_name, &why))
		return error_set(err, EINVAL, "%s: %s", key, why.text + strcspn(why.text, " ") + 1);
	text_agent_key(t->agent_name, t->agent);
	return 0;
}

/* What the record has beside what is not told by name there. */
static int get_given(struct task *t, const struct json *json, const char *text, size_t len)
{
	static const char *const known[] = {"task_id", "activity_id", "agent_id", "agent",
		"session_id", "by", "task_description", "description", "activity_type",
		"department", "metadata", "related_agents", "estimated_duration", "collaboration",
		"status", "started_at", "timestamp", "finished_at", "duration", "result", "error",
		"ended_by", "seq", "from", NULL};
	int r = take_rest(json, text, len, known, &t->given);
	size_t n;

	if (r || !t->given)
		return r;
	/* From members with a comma before each to an object. */
	n = strlen(t->given);
	text = t->given;
	t->given = malloc(n + 2);
	if (t->given) {
		memcpy(t->given, text, n + 1);
		t->given[0] = '{';
		memcpy(t->given + n, "}", 2);
	}
	free((char *)text);
	return t->given ? 0 : -ENOMEM;
}

static int begins(struct task_word *w, const struct json *json, const char *text, size_t len,
	struct error *err)
{
	static const char *const told[] = {"task_id", "agent", "by", "task_description", NULL};
	const struct json *list = NULL;
	struct task *t = w->task = calloc(1, sizeof(*t));
	int r;

	if (!t)
		return -ENOMEM;
	r = get_id(json, &w->id, err);
	if (!r)
		r = get_agent(json, t, err);
	if (!r)
		r = get_text(json, "task_description", "description", 0, &t->description, err);
	if (!r)
		r = get_activity(json, &t->activity, err);
	if (!r)
		r = get_text(json, "department", NULL, NAME_MAX_BYTES, &t->department, err);
	if (!r)
		r = get_text(json, "collaboration", NULL, 0, &t->in, err);
	if (!r)
		r = get_raw(json, text, len, "metadata", 1u << JSON_KIND_OBJECT, "an object",
			&t->metadata, err);
	if (!r)
		r = json_get_strings(
			json, "related_agents", TASK_RELATED_MAX, NAME_MAX_BYTES, &list, err);
	if (!r)
		r = get_raw(json, text, len, "related_agents", 1u << JSON_KIND_LIST,
			"a list of names", &t->related, err);
	if (!r)
		r = get_raw(json, text, len, "estimated_duration",
			1u << JSON_KIND_STRING | 1u << JSON_KIND_NUMBER,
			"a time such as \"15m\", or seconds", &t->estimated, err);
	if (!r)
		r = get_given(t, json, text, len);
	return r ? r : take_rest(json, text, len, told, &w->rest);
}

/* How it went, from an object's members; `fails` is what the event's type says. */
static int ends(struct task_word *w, const struct json *json, const char *text, size_t len,
	struct error *err)
{
	static const char *const told[] = {"task_id", "agent", "by", "ended_by", "status", NULL};
	const unsigned any = ~0u;
	bool success = !w->fails;
	int r = get_id(json, &w->id, err);

	if (!r)
		r = json_get_bool(json, "success", &success, err);
	if (!r && success == w->fails)
		r = error_set(err, EINVAL, "success: %s, in a task.%s", success ? "true" : "false",
			w->fails ? "failed" : "completed");
	if (!r)
		r = get_raw(json, text, len, is_given(json, "result") ? "result" : "message", any,
			"", w->fails && !is_given(json, "result") ? &w->error : &w->result, err);
	if (!r && is_given(json, "error")) {
		free(w->error);
		w->error = NULL;
		r = get_raw(json, text, len, "error", any, "", &w->error, err);
	}
	w->timed = is_given(json, "duration");
	return r ? r : take_rest(json, text, len, told, &w->rest);
}

static int too_long(size_t len, struct error *err)
{
	return len <= TASK_BYTES_MAX
		       ? 0
		       : error_set(err, EMSGSIZE, "what is told of a task is at most %zu bytes",
				 TASK_BYTES_MAX);
}

/* Text in the place of an object is what it is about. */
static int word_of(struct task_word *w, const char *type, const struct json *value,
	const char *text, size_t len, struct error *err)
{
	const bool starts = strcmp(type, task_item.begins) == 0;

	w->fails = strcmp(type, "task.failed") == 0;
	if (json_kind(value) == JSON_KIND_OBJECT)
		return starts ? begins(w, value, text, len, err) : ends(w, value, text, len, err);
	if (json_kind(value) != JSON_KIND_STRING)
		return error_set(err, EINVAL, "data: of a %s it must be an object, or text", type);
	if (starts) {
		w->task = calloc(1, sizeof(*w->task));
		return w->task && (w->task->description = strdup(json_text(value))) ? 0 : -ENOMEM;
	}
	*(w->fails ? &w->error : &w->result) = strndup(text, len);
	return w->fails ? (w->error ? 0 : -ENOMEM) : w->result ? 0 : -ENOMEM;
}

int task_word(struct act *a, const char *type, const char *data, size_t len, struct task_word **out,
	struct error *err)
{
	struct task_word *w;
	struct json *value;
	int r = too_long(len, err);

	if (!r)
		r = json_parse_value(data, len, &value, err);
	if (r)
		return r;
	w = task_word_new(a);
	r = w ? word_of(w, type, value, data, len, err) : -ENOMEM;
	json_free(value);
	*out = w;
	return r;
}
