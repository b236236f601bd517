/* What a stream is narrowed to: types of events, and of activities. */
#include "fs/stream_private.h"

#include "core/base/framer.h"
#include "core/base/json.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#define PATTERNS_MAX  64
#define PATTERN_BYTES 128

bool stream_wants_type(const struct stream *s, const char *type)
{
	if (!s->patterns)
		return true;
	for (size_t i = 0; i < s->patterns_len; i += strlen(s->patterns + i) + 1)
		if (fnmatch(s->patterns + i, type, 0) == 0)
			return true;
	return false;
}

/* The activity_type of what a record tells, by the channel that it stands in; NULL: it has none. */
static const char *activity_of(const struct record *r)
{
	for (int i = 0; i < r->in_count; i++)
		if (r->in[i].channel->kind == CHANNEL_ACTIVITY)
			return r->in[i].channel->name;
	return NULL;
}

/* A name with a dot is of event types; see daena_names. */
static bool wants_activity(const struct stream *s, const struct record *r)
{
	const char *activity, *name;

	if (!s->activities)
		return true;
	activity = activity_of(r);
	for (size_t i = 0; i < s->activities_len; i += strlen(name) + 1) {
		name = s->activities + i;
		if (strchr(name, '.') ? fnmatch(name, r->type, 0) == 0
				      : activity && fnmatch(name, activity, 0) == 0)
			return true;
	}
	return false;
}

bool stream_wants(const struct stream *s, const struct record *r)
{
	return r->time_us >= s->from_us && (!r->seq || r->seq > s->after_seq) &&
	       stream_wants_type(s, r->type) && wants_activity(s, r);
}

/* What Daena's clients call the kinds of its messages, as types of events. */
static const struct {
	const char *name, *types[2];
} daena_names[] = {
	{"agent_activity", {"task.started"}},
	{"activity_completed", {"task.completed", "task.failed"}},
	{"agent_status_update", {"agent.*"}},
	{"memory_update", {"memory.*"}},
	{"collaboration_state", {"collaboration.*"}},
};

static void add_activity(struct buf *b, const char *name)
{
	for (size_t i = 0; i < sizeof(daena_names) / sizeof(daena_names[0]); i++) {
		if (strcmp(daena_names[i].name, name) != 0)
			continue;
		for (int k = 0; k < 2 && daena_names[i].types[k]; k++)
			buf_add(b, daena_names[i].types[k], strlen(daena_names[i].types[k]) + 1);
		return;
	}
	buf_add(b, name, strlen(name) + 1);
}

static void add_pattern(struct buf *b, const char *name)
{
	buf_add(b, name, strlen(name) + 1);
}

/* The names of a list, one after the other; *out stays NULL where there are none. */
static int take_names(const struct json *json, const char *key,
	void (*add)(struct buf *, const char *), char **out, size_t *len, struct error *err)
{
	const struct json *list = NULL;
	struct buf b = BUF_INIT;
	int r = json_get_strings(json, key, PATTERNS_MAX, PATTERN_BYTES, &list, err);

	if (r || !list)
		return r;
	for (size_t i = 0; i < json_count(list); i++)
		add(&b, json_text(json_item(list, i)));
	r = buf_error(&b);
	*out = buf_detach(&b, len);
	buf_release(&b);
	return r;
}

static bool is_list(const struct json *json, const char *key)
{
	const struct json *value = json_get(json, key);

	return value && json_kind(value) == JSON_KIND_LIST;
}

static void swap(char **a, char **b)
{
	char *was = *a;

	*a = *b;
	*b = was;
}

int stream_subscribe(struct stream *s, const struct message *m, struct error *err)
{
	char *types = NULL, *activities = NULL;
	size_t types_len = 0, activities_len = 0;
	int r;

	if (!m->json)
		return error_set(
			err, EINVAL, "a stream takes {\"subscribe\":[\"task.*\"]}, not text");
	r = take_names(m->json, "subscribe", add_pattern, &types, &types_len, err);
	if (!r)
		r = take_names(
			m->json, "activity_types", add_activity, &activities, &activities_len, err);
	if (!r && !is_list(m->json, "subscribe") && !is_list(m->json, "activity_types"))
		r = error_set(err, EINVAL,
			"subscribe: must be a list of event types, or activity_types a list of "
			"those");
	if (!r) {
		pthread_mutex_lock(&s->reading);
		waits_lock(s->server->waits);
		swap(&s->patterns, &types);
		swap(&s->activities, &activities);
		s->patterns_len = types_len;
		s->activities_len = activities_len;
		waits_unlock(s->server->waits);
		pthread_mutex_unlock(&s->reading);
	}
	free(types);
	free(activities);
	return r;
}
