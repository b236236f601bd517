/* A question as it was written: what it may have, and what that means. */
#include "core/item/ask_private.h"

#include "core/base/framer.h"
#include "core/base/json.h"
#include "core/base/schema.h"
#include "core/base/text.h"
#include "core/state/message.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HELD_US     (10 * SECOND_US)
#define DETACHED_US (3600 * SECOND_US)

void ask_question_free(void *arg)
{
	struct question *q = arg;

	if (!q)
		return;
	buf_release(&q->data);
	buf_release(&q->schema);
	buf_release(&q->to);
	item_unref(q->instead);
	free(q->agent);
	free(q->found);
	free(q);
}

/* Beside what a question has nothing: a misspelt `data` must not be lost in silence. */
static int check_members(const struct json *json, struct error *err)
{
	static const char *const known[] = {"to", "type", "data", "timeout", "request_id",
		"requestId", "schema", "wait", "session_id", "from", "timestamp", NULL};
	const char *key = json_stranger(json, known);

	if (key)
		return error_set(err, EINVAL,
			"%.80s: unknown in a question; what is asked goes into data", key);
	if (!json_has(json, "data") && !json_has(json, "type"))
		return error_set(err, EINVAL, "data: a question needs data, or at least a type");
	return 0;
}

static int take_id(struct question *q, const struct json *json, struct error *err)
{
	const char *key = "request_id", *id = NULL;
	int r;

	q->luca = !json_has(json, "request_id") && json_has(json, "requestId");
	if (q->luca)
		key = "requestId";
	r = json_get_string(json, key, 0, &id, err);
	if (r || !id)
		return r;
	if (!text_id_ok(id) || strcmp(id, "answer") == 0)
		return error_set(err, EINVAL,
			"%s: must be 1 to %d of A-Z a-z 0-9 _ -, and not new or answer", key,
			ID_MAX);
	memcpy(q->id, id, strlen(id) + 1);
	return 0;
}

static void add_name(struct question *q, const char *name)
{
	buf_add(&q->to, name, strlen(name) + 1);
	q->to_count++;
}

static int take_to(
	struct question *q, const struct json *json, const struct asking *how, struct error *err)
{
	const struct json *to = json_get(json, "to"), *list = NULL;
	int r;

	if (!to || json_kind(to) == JSON_KIND_NULL) {
		q->anyone = !how->to && !how->agent;
		return 0;
	}
	if (how->to || how->agent)
		return error_set(err, EINVAL,
			"to: whoever this file belongs to is asked; write to asks/new to name "
			"others");
	if (json_kind(to) == JSON_KIND_STRING) {
		q->everyone = q->many = strcmp(json_text(to), "*") == 0;
		if (!q->everyone)
			add_name(q, json_text(to));
		return 0;
	}
	r = json_get_strings(json, "to", ASK_TO_MAX, AGENT_NAME_MAX * 4 + TAG_MAX, &list, err);
	if (r)
		return r;
	if (json_count(list) == 0)
		return error_set(err, EINVAL, "to: must name somebody; leave it out to ask anyone");
	q->many = true;
	for (size_t i = 0; i < json_count(list); i++) {
		if (strcmp(json_text(json_item(list, i)), "*") == 0)
			return error_set(err, EINVAL, "to: \"*\" stands alone, not in a list");
		add_name(q, json_text(json_item(list, i)));
	}
	return 0;
}

static int take_wait(struct question *q, const struct json *json, struct error *err)
{
	const struct json *wait = json_get(json, "wait");

	if (!wait || json_kind(wait) == JSON_KIND_NULL)
		return 0;
	if (json_kind(wait) == JSON_KIND_NUMBER) {
		if (json_get_integer(json, "wait", 1, ASK_TO_MAX, &q->wait, err))
			return -EINVAL;
	} else if (json_kind(wait) == JSON_KIND_STRING && strcmp(json_text(wait), "all") == 0) {
		q->all = true;
	} else if (json_kind(wait) != JSON_KIND_STRING || strcmp(json_text(wait), "first") != 0) {
		return error_set(err, EINVAL, "wait: must be \"first\", \"all\" or a number");
	}
	if (q->anyone && (q->all || q->wait > 1))
		return error_set(err, EINVAL,
			"wait: of a question for nobody in particular the first answer counts; "
			"name "
			"whom it is `to`");
	return 0;
}

static int take_schema(struct question *q, const struct message *m, struct error *err)
{
	struct schema *schema;
	const char *raw;
	size_t len;
	int r;

	if (!json_member(m->text, m->len, "schema", &raw, &len))
		return 0;
	r = schema_new(raw, len, &schema, err);
	if (r == -E2BIG)
		return error_set(err, EINVAL, "%s", err->text);
	if (r)
		return r;
	schema_free(schema);
	return json_compact(raw, len, &q->schema);
}

static int take_json(struct question *q, const struct actor *actor, const struct message *m,
	const struct asking *how, struct error *err)
{
	const char *type = NULL, *raw;
	size_t len;
	int r = check_members(m->json, err);

	if (!r)
		r = message_check_names(actor, m->json, err);
	if (!r)
		r = take_id(q, m->json, err);
	if (!r)
		r = json_get_string(m->json, "type", ASK_TYPE_MAX, &type, err);
	if (!r)
		r = json_get_duration(m->json, "timeout", &q->timeout_us, err);
	if (!r)
		r = take_to(q, m->json, how, err);
	if (!r)
		r = take_wait(q, m->json, err);
	if (!r)
		r = take_schema(q, m, err);
	if (r)
		return r;
	if (q->timeout_us < SECOND_US / 1000 || q->timeout_us > ASK_TIME_MAX)
		return error_set(err, EINVAL, "timeout: must be a time from 1 ms to a day");
	if (type)
		snprintf(q->type, sizeof(q->type), "%s", type);
	if (json_member(m->text, m->len, "data", &raw, &len))
		r = json_compact(raw, len, &q->data);
	return r ? r : buf_error(&q->to);
}

int ask_question_take(struct question *q, const struct actor *actor, const struct message *m,
	const struct asking *how, struct error *err)
{
	q->held = how->held;
	q->timeout_us = how->held ? HELD_US : DETACHED_US;
	snprintf(q->type, sizeof(q->type), "question");
	if (how->instead)
		q->instead = item_ref(how->instead);
	if (how->agent && !(q->agent = strdup(how->agent)))
		return -ENOMEM;
	if (m->json)
		return take_json(q, actor, m, how, err);
	q->anyone = !how->to && !how->agent;
	buf_add_json(&q->data, m->text, m->len);
	return buf_error(&q->data);
}
