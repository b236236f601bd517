/* How a task went, as it is written to its `complete`. */
#include "core/item/task_private.h"

#include "core/base/framer.h"
#include "core/base/json.h"
#include "core/state/parts.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const struct {
	const char *word;
	bool fails;
} outcomes[] = {{"true", false}, {"false", true}, {"failed", true}};

/* How it went, as text: true, false and failed are words, and what stands behind a colon is why. */
static int outcome_text(struct task_word *w, const char *text, size_t len)
{
	struct buf b = BUF_INIT;
	size_t word = 0;

	while (len && isspace((unsigned char)text[len - 1]))
		len--;
	for (size_t i = 0; i < sizeof(outcomes) / sizeof(outcomes[0]) && !word; i++) {
		word = strlen(outcomes[i].word);
		if (len < word || strncasecmp(text, outcomes[i].word, word) != 0 ||
			(len > word && text[word] != ':'))
			word = 0;
		else
			w->fails = outcomes[i].fails;
	}
	text += word, len -= word;
	for (; word && len && (*text == ':' || isspace((unsigned char)*text)); len--)
		text++;
	if (!len)
		return 0;
	buf_add_json(&b, text, len);
	*(w->fails ? &w->error : &w->result) = buf_detach(&b, NULL);
	return (w->fails ? w->error : w->result) ? 0 : -ENOMEM;
}

/* The JSON of one member, or NULL. */
static int take_member(const struct message *m, const char *key, char **out)
{
	const struct json *value = json_get(m->json, key);
	struct buf b = BUF_INIT;
	const char *raw;
	size_t len;
	int r;

	if (!value || json_kind(value) == JSON_KIND_NULL ||
		!json_member(m->text, m->len, key, &raw, &len))
		return 0;
	json_compact(raw, len, &b);
	r = buf_error(&b);
	*out = buf_detach(&b, NULL);
	buf_release(&b);
	return r;
}

/* Whether it says anything beside how it went. */
static bool says_more(const struct json *json)
{
	static const char *const known[] = {
		"success", "ok", "result", "error", "task_id", "activity_id", NULL};

	return json_stranger(json, known) != NULL;
}

/* The message as it was written, in the place of what was its result. */
static int take_whole(const struct message *m, char **out)
{
	struct buf b = BUF_INIT;
	int r;

	json_compact(m->text, m->len, &b);
	r = buf_error(&b);
	free(*out);
	*out = buf_detach(&b, NULL);
	buf_release(&b);
	return r;
}

/* {"success":…,"result":…,"error":…}, or "ok" in place of "success"; an object that says anything
 * else is the result, whole. */
static int outcome_json(
	struct task_word *w, const struct message *m, const char *id, struct error *err)
{
	static const char *const ids[] = {"task_id", "activity_id"};
	bool success = true;
	const char *told;
	int r;

	for (int i = 0; i < 2; i++) {
		told = NULL;
		r = json_get_string(m->json, ids[i], 0, &told, err);
		if (!r && told && strcmp(told, id) != 0)
			r = error_set(err, EINVAL, "%s: this is where %s is ended", ids[i], id);
		if (r)
			return r;
	}
	r = json_get_bool(m->json, "success", &success, err);
	if (!r && !json_has(m->json, "success"))
		r = json_get_bool(m->json, "ok", &success, err);
	if (!r)
		r = take_member(m, "result", &w->result);
	if (!r)
		r = take_member(m, "error", &w->error);
	if (r)
		return r;
	if (success && json_has(m->json, "success") && w->error)
		return error_set(err, EINVAL, "error: what succeeded has none");
	w->fails = !success || w->error;
	return says_more(m->json) ? take_whole(m, &w->result) : 0;
}

static int decide_complete(struct loop *loop, struct command *c, struct error *err)
{
	struct act *a = (struct act *)c;
	struct task_word *w = a->more;
	struct draft d = {.type = NULL};
	int r = act_speak(a, &d, err);

	if (!r)
		r = act_check_quota(loop, a->actor.uid, 0, err);
	return r ? r : task_decide(loop, a, w, &d, err);
}

int task_complete(struct loop *loop, const struct actor *actor, struct item *item,
	const struct message *m, struct act **out, struct error *err)
{
	struct task_word *w;
	struct act *a;
	int r;

	(void)loop;
	if (m->len > TASK_BYTES_MAX)
		return error_set(err, EMSGSIZE, "what is told of a task is at most %zu bytes",
			TASK_BYTES_MAX);
	a = act_new(actor);
	w = a ? task_word_new(a) : NULL;
	r = w && (w->id = strdup(item->id)) ? 0 : -ENOMEM;
	if (!r)
		w->must = true;
	if (!r)
		r = m->json ? outcome_json(w, m, item->id, err) : outcome_text(w, m->text, m->len);
	if (r) {
		act_free(a);
		return r;
	}
	a->item = item_ref(item);
	a->command.decide = decide_complete;
	a->command.alone = true;
	*out = a;
	return 0;
}
