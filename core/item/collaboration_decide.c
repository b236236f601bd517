/* What is decided in a collaboration, and the votes. */
#include "core/item/collaboration_private.h"

#include "core/base/framer.h"
#include "core/base/json.h"
#include "core/base/text.h"
#include "core/state/message.h"
#include "core/state/parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct collaboration *of(const struct act *a)
{
	return (const struct collaboration *)a->item;
}

static int add_made(const struct loop *loop, struct act *a, struct draft *speaker,
	const struct todo *t, size_t n, const char *proposer)
{
	struct buf data = BUF_INIT, detail = BUF_INIT;

	begin_data(&data, a->item->id);
	buf_addf(&data, ",\"n\":%zu", n);
	item_add_text(&data, "decision", t->text);
	item_add_text(&data, "proposer", proposer);
	item_add_raw(&data, "metadata", t->metadata);
	buf_addc(&data, '}');
	begin_detail(&detail, a->item->id);
	buf_addf(&detail, ",\"n\":%zu", n);
	item_add_text(&detail, "text", t->text);
	item_add_text(&detail, "by", proposer);
	add_tell_all(loop, a, of(a), &detail);
	buf_addc(&detail, '}');
	return add_event(a, speaker, "decision.made", &data, &detail);
}

static int decide_decision(struct loop *loop, struct command *command, struct error *err)
{
	struct act *a = (struct act *)command;
	const struct collaboration *c = of(a);
	size_t n = c->decision_count, bytes = 0;
	const char *name = NULL;
	struct draft speaker = {0};
	int r = collaboration_may(c, &a->actor, &name, err);

	if (!r)
		r = act_speak(a, &speaker, err);
	for (const struct todo *t = a->more; t && !r; t = t->next) {
		bytes += strlen(t->text);
		if (++n > DECISIONS_MAX)
			return error_set(err, EDQUOT, "decisions: %s has %d, which is the limit",
				c->item.id, DECISIONS_MAX);
		r = add_made(loop, a, &speaker, t, n, name ? name : speaker.from);
	}
	return r ? r : act_check_quota(loop, a->actor.uid, bytes, err);
}

static int take_decision_json(
	struct todo *t, const struct actor *actor, const struct message *m, struct error *err)
{
	static const char *const known[] = {
		"decision", "text", "metadata", "session_id", "from", NULL};
	const char *text = NULL, *key;
	int r = message_check_names(actor, m->json, err);

	key = r ? NULL : json_stranger(m->json, known);
	if (key)
		return error_set(err, EINVAL, "%.80s: unknown; more goes into metadata", key);
	if (!r)
		r = json_get_string(m->json, "text", 0, &text, err);
	if (!r)
		r = json_get_string(m->json, "decision", 0, &text, err);
	if (!r && !text)
		return error_set(err, EINVAL, "decision: missing");
	if (!r && !(t->text = strdup(text)))
		r = -ENOMEM;
	return r ? r : todo_take_metadata(t, m, SIZE_MAX, err);
}

int collaboration_decide(struct loop *loop, const struct actor *actor, struct item *item,
	const struct message *m, struct act **act, struct error *err)
{
	struct act *a = *act;
	struct todo *t = todo_add(actor, item, decide_decision, &a);
	int r = t ? 0 : -ENOMEM;

	(void)loop;
	if (!r && m->json)
		r = take_decision_json(t, actor, m, err);
	else if (!r && !(t->text = strndup(m->text, m->len)))
		r = -ENOMEM;
	if (!r && !t->text[0])
		r = error_set(err, EINVAL, "decision: is empty");
	if (!r && strlen(t->text) > DECISION_MAX)
		r = error_set(err, EMSGSIZE, "decision: at most %d bytes", DECISION_MAX);
	return todo_over(r, a, act);
}

/* Voting. */

static int add_voted(struct act *a, struct draft *speaker, const struct todo *t, const char *by)
{
	struct buf data = BUF_INIT, detail = BUF_INIT;

	begin_data(&data, a->item->id);
	buf_addf(&data, ",\"n\":%lld", (long long)t->number);
	item_add_text(&data, "vote", t->text);
	item_add_text(&data, "by", by);
	buf_addc(&data, '}');
	begin_detail(&detail, a->item->id);
	buf_addf(&detail, ",\"n\":%lld", (long long)t->number);
	item_add_text(&detail, "text", t->text);
	item_add_text(&detail, "by", by);
	buf_addc(&detail, '}');
	return add_event(a, speaker, "decision.voted", &data, &detail);
}

static int decide_vote(struct loop *loop, struct command *command, struct error *err)
{
	struct act *a = (struct act *)command;
	const struct collaboration *c = of(a);
	struct draft speaker = {0};
	const char *name = NULL;
	int r = collaboration_may(c, &a->actor, &name, err);

	if (!r)
		r = act_speak(a, &speaker, err);
	if (r)
		return r;
	if (!name)
		return error_set(
			err, EACCES, "only participants of collaboration %s vote", c->item.id);
	for (const struct todo *t = a->more; t && !r; t = t->next) {
		if (t->number < 1 || (uint64_t)t->number > c->decision_count)
			return error_set(err, ENOENT, "collaboration %s has no decision %lld",
				c->item.id, (long long)t->number);
		if (c->vote_count >= VOTES_MAX)
			return error_set(err, EDQUOT, "votes: %s has %d, which is the limit",
				c->item.id, VOTES_MAX);
		r = add_voted(a, &speaker, t, name);
	}
	return r ? r : act_check_quota(loop, a->actor.uid, 0, err);
}

/* A word, its letters small. */
static int take_word(struct todo *t, const char *text, size_t len, struct error *err)
{
	size_t n;

	while (len && strchr(" \t\r\n", text[len - 1]))
		len--;
	while (len && strchr(" \t\r\n", *text))
		text++, len--;
	if (len == 0 || len > VOTE_MAX)
		return error_set(err, EINVAL, "vote: must be a word of 1 to %d bytes", VOTE_MAX);
	for (size_t at = 0; at < len; at += n) {
		n = text_char(text + at, len - at, NULL);
		if (n == 0 || text_is_control(text + at, n) || text[at] == ' ')
			return error_set(err, EINVAL, "vote: must be one word, such as yes");
	}
	t->text = strndup(text, len);
	for (char *p = t->text; p && *p; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p - 'A' + 'a');
	return t->text ? 0 : -ENOMEM;
}

int collaboration_vote(struct loop *loop, const struct actor *actor, struct item *item, int64_t n,
	const struct message *m, struct act **act, struct error *err)
{
	struct act *a = *act;
	struct todo *t = todo_add(actor, item, decide_vote, &a);
	const char *word = NULL;
	int r = t ? 0 : -ENOMEM;

	(void)loop;
	if (!r)
		t->number = n;
	if (!r && m->json)
		r = json_need_string(m->json, "vote", 0, &word, err);
	if (!r)
		r = word ? take_word(t, word, strlen(word), err)
			 : take_word(t, m->text, m->len, err);
	return todo_over(r, a, act);
}
