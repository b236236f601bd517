/* An answer as it was written: what it says, and whether it fits the question. */
#include "core/item/ask_private.h"

#include "core/base/framer.h"
#include "core/base/json.h"
#include "core/base/schema.h"
#include "core/state/message.h"
#include "core/state/parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void ask_reply_free(void *arg)
{
	struct ask_reply *reply = arg;

	if (!reply)
		return;
	buf_release(&reply->value);
	buf_release(&reply->compact);
	free(reply->error);
	free(reply);
}

/* Holds the answer to the question's schema. */
static int check(
	struct loop *loop, const struct ask *ask, const char *value, size_t len, struct error *err)
{
	struct schema *schema;
	char *text;
	int r;

	state_rdlock(loop);
	text = ask->schema ? strdup(ask->schema) : NULL;
	state_unlock(loop);
	if (!text)
		return ask->schema ? -ENOMEM : 0;
	r = schema_new(text, strlen(text), &schema, err);
	free(text);
	if (r)
		return r;
	r = schema_check(schema, value, len, err);
	schema_free(schema);
	return r == -E2BIG ? error_set(err, EINVAL, "%s", err->text) : r;
}

/* Whether an answer is to be a value: the question says what it must be, or asks in luca's words.
 */
static bool wants_value(struct loop *loop, const struct ask *ask)
{
	bool wants;

	state_rdlock(loop);
	wants = ask->schema || ask->luca;
	state_unlock(loop);
	return wants;
}

/* What a text reads as, where it is JSON: 8080, true, [1,2]. -EBADMSG: it is none; -EINVAL: that
 * doesn't fit. */
static int take_read(struct loop *loop, const struct ask *ask, const struct message *m,
	struct buf *value, struct error *err)
{
	struct json *json;
	const char *text;
	int r;

	if (json_parse_value(m->text, m->len, &json, NULL))
		return -EBADMSG;
	r = check(loop, ask, m->text, m->len, err);
	text = json_text(json);
	if (!r && text)
		buf_add_json(value, text, strlen(text));
	else if (!r)
		buf_add(value, m->text, m->len);
	json_free(json);
	return r ? r : buf_error(value);
}

/* Where a value is wanted, text is the value that it reads as, if that fits; else it is a string.
 */
static int take_text(struct loop *loop, const struct ask *ask, const struct message *m,
	struct ask_reply *reply, struct error *err)
{
	static const char root[] = "answer: ";
	struct error as_read = {0}, as_text = {0};
	const char *why = as_text.text;
	int r = wants_value(loop, ask) ? take_read(loop, ask, m, &reply->value, &as_read)
				       : -EBADMSG;

	if (r == 0)
		return 0;
	if (r != -EBADMSG && r != -EINVAL)
		return as_read.code ? error_set(err, as_read.code, "%s", as_read.text) : r;
	buf_add_json(&reply->value, m->text, m->len);
	if (buf_error(&reply->value))
		return -ENOMEM;
	r = check(loop, ask, reply->value.data, reply->value.len, &as_text);
	if (!r || !as_text.code)
		return r;
	if (!as_read.code)
		return error_set(err, as_text.code, "%s", why);
	if (strncmp(why, root, strlen(root)) == 0)
		why += strlen(root);
	return error_set(err, as_text.code, "%s; as text: %s", as_read.text, why);
}

static int take_error(const struct message *m, struct ask_reply *reply)
{
	const struct json *value = m->json ? json_get(m->json, "error") : NULL;
	const char *raw = m->text;
	size_t len = m->len;

	if (value && json_text(value))
		reply->error = strdup(json_text(value));
	else if (!m->json || !value || json_member(m->text, m->len, "error", &raw, &len))
		reply->error = strndup(raw, len);
	return reply->error ? 0 : -ENOMEM;
}

/* Beside what an answer has nothing: a misspelt `data` must not be lost in silence. */
static int check_envelope(const struct actor *actor, const struct json *json, struct error *err)
{
	static const char *const known[] = {"replyTo", "data", "error", "more", "type",
		"request_id", "requestId", "session_id", "from", "timestamp", NULL};
	const char *key = json_stranger(json, known);

	if (key)
		return error_set(err, EINVAL,
			"%.80s: unknown beside replyTo; what is answered goes into data", key);
	return message_check_names(actor, json, err);
}

/* An object that names the ask is an envelope; one with "more" is the answer, and says whether
 * there is more of it. */
static int take_object(struct loop *loop, const struct ask *ask, const struct message *m,
	struct ask_reply *reply, struct error *err)
{
	const struct json *to = json_get(m->json, "replyTo"), *more = json_get(m->json, "more");
	const char *raw = m->text, *data = "null";
	size_t len = m->len, data_len = 4;
	bool says_more = more && json_kind(more) == JSON_KIND_BOOL;

	reply->more = says_more && json_truth(more);
	if (to && json_has(m->json, "error") &&
		json_kind(json_get(m->json, "error")) != JSON_KIND_NULL)
		return take_error(m, reply);
	if (to || says_more)
		json_member(m->text, m->len, "data", &data, &data_len);
	else
		data = raw, data_len = len;
	if (to)
		raw = data, len = data_len;
	buf_add(&reply->value, raw, len);
	if (buf_error(&reply->value))
		return -ENOMEM;
	return check(loop, ask, data, data_len, err);
}

const char *ask_reply_to(const struct message *m)
{
	const struct json *to = m->json ? json_get(m->json, "replyTo") : NULL;

	return to ? json_text(to) : NULL;
}

int ask_reply_take(struct ask_reply *reply, struct loop *loop, const struct actor *actor,
	const struct ask *ask, const struct message *m, bool error, struct error *err)
{
	const char *to = ask_reply_to(m);
	int r = 0;

	if (m->json && json_has(m->json, "replyTo") && (!to || strcmp(to, ask->item.id) != 0))
		return error_set(err, EINVAL, "replyTo: this file is for the ask %s", ask->item.id);
	if (to)
		r = check_envelope(actor, m->json, err);
	if (r)
		return r;
	if (error)
		r = take_error(m, reply);
	else if (m->json)
		r = take_object(loop, ask, m, reply, err);
	else
		r = take_text(loop, ask, m, reply, err);
	if (!r && !reply->error)
		r = json_compact(reply->value.data, reply->value.len, &reply->compact);
	return r;
}
