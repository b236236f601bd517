/* Who takes part in a collaboration, and its end: what the commands decide. */
#include "core/item/collaboration_private.h"

#include "core/base/framer.h"
#include "core/base/json.h"
#include "core/base/text.h"
#include "core/state/parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct collaboration *of(const struct act *a)
{
	return (const struct collaboration *)a->item;
}

/* Who takes part while it is decided: borrowed names, in order. */
struct members {
	const char *names[PARTICIPANTS_MAX];
	size_t count;
};

static size_t find(const struct members *m, const char *name)
{
	char key[AGENT_KEY_MAX + 1], other[AGENT_KEY_MAX + 1];
	size_t i;

	text_agent_key(name, key);
	for (i = 0; i < m->count; i++) {
		text_agent_key(m->names[i], other);
		if (same_participant(m->names[i], other, name, key))
			break;
	}
	return i;
}

static void add_text(struct buf *list, const char *name)
{
	if (list->len)
		buf_addc(list, ',');
	buf_add_json(list, name, strlen(name));
}

/* Makes one change, and notes it in the list of those who came or went. */
static int change(struct members *m, const struct given_name *name, struct buf *added,
	struct buf *removed, struct error *err)
{
	size_t at = find(m, name->name);

	if (name->out) {
		if (at == m->count)
			return error_set(err, EINVAL, "participants: %s takes no part", name->name);
		m->count--;
		memmove(&m->names[at], &m->names[at + 1], sizeof(*m->names) * (m->count - at));
		add_text(removed, name->name);
	} else if (at == m->count) {
		if (m->count == PARTICIPANTS_MAX)
			return error_set(err, EDQUOT, "participants: at most %d", PARTICIPANTS_MAX);
		m->names[m->count++] = name->name;
		add_text(added, name->name);
	}
	return 0;
}

static void add_members(struct buf *b, const struct members *m)
{
	buf_adds(b, ",\"participants\":[");
	for (size_t i = 0; i < m->count; i++) {
		if (i)
			buf_addc(b, ',');
		buf_add_json(b, m->names[i], strlen(m->names[i]));
	}
	buf_addc(b, ']');
}

/* Those who take part, and those who did. */
static void add_tell_both(
	const struct loop *loop, const struct act *a, const struct members *m, struct buf *detail)
{
	const struct collaboration *c = of(a);
	const char *names[2 * PARTICIPANTS_MAX];
	size_t count = 0;

	for (size_t i = 0; i < m->count; i++)
		names[count++] = m->names[i];
	for (size_t i = 0; i < c->participant_count; i++)
		if (find(m, c->participants[i].name) == m->count)
			names[count++] = c->participants[i].name;
	add_tell(loop, a, names, count, detail);
}

static int add_updated(const struct loop *loop, struct act *a, struct draft *speaker,
	const struct members *m, struct buf *added, struct buf *removed)
{
	struct buf data = BUF_INIT, detail = BUF_INIT;
	int r = buf_error(added) ? buf_error(added) : buf_error(removed);

	if (r || (!added->len && !removed->len))
		return r;
	begin_data(&data, a->item->id);
	buf_addf(&data, ",\"added\":[%s],\"removed\":[%s]", added->len ? added->data : "",
		removed->len ? removed->data : "");
	add_members(&data, m);
	buf_addc(&data, '}');
	begin_detail(&detail, a->item->id);
	add_members(&detail, m);
	add_tell_both(loop, a, m, &detail);
	buf_addc(&detail, '}');
	return add_event(a, speaker, "collaboration.updated", &data, &detail);
}

static int decide_change(struct loop *loop, struct command *command, struct error *err)
{
	struct act *a = (struct act *)command;
	const struct collaboration *c = of(a);
	struct buf added = BUF_INIT, removed = BUF_INIT;
	struct draft speaker = {0};
	struct members m = {.count = 0};
	int r = collaboration_may(c, &a->actor, NULL, err);

	if (!r)
		r = act_speak(a, &speaker, err);
	if (!r)
		r = act_check_quota(loop, a->actor.uid, 0, err);
	for (size_t i = 0; i < c->participant_count && i < PARTICIPANTS_MAX; i++)
		m.names[m.count++] = c->participants[i].name;
	for (const struct todo *t = a->more; t && !r; t = t->next)
		for (const struct given_name *n = t->names; n && !r; n = n->next)
			r = change(&m, n, &added, &removed, err);
	if (!r)
		r = add_updated(loop, a, &speaker, &m, &added, &removed);
	buf_release(&added);
	buf_release(&removed);
	return r;
}

static int take_json(struct todo *t, const struct json *json, struct error *err)
{
	const struct json *value;
	const char *key;
	int r = 0;

	for (struct json_iter it = json_iter(json); json_next(&it, &key, &value) && !r;) {
		if (strcmp(key, "add") == 0 || strcmp(key, "remove") == 0)
			r = names_from_list(t, value, key, key[0] == 'r', err);
		else
			r = error_set(err, EINVAL,
				"%.80s: unknown; who comes and goes is "
				"{\"add\":[…],\"remove\":[…]}",
				key);
	}
	return r;
}

/* ["a","b"]: a list is no object, so it comes as text. */
static int take_list(struct todo *t, const struct message *m, struct error *err)
{
	struct json *list;
	int r = json_parse_value(m->text, m->len, &list, err);

	if (r)
		return r;
	r = names_from_list(t, list, "participants", false, err);
	json_free(list);
	return r;
}

int collaboration_change(struct loop *loop, const struct actor *actor, struct item *item,
	const struct message *m, struct act **act, struct error *err)
{
	struct act *a = *act;
	struct todo *t = todo_add(actor, item, decide_change, &a);
	int r = t ? 0 : -ENOMEM;

	(void)loop;
	if (!r && m->json)
		r = take_json(t, m->json, err);
	else if (!r && m->text[0] == '[')
		r = take_list(t, m, err);
	else if (!r)
		r = names_from_text(t, m->text, m->len, true, err);
	return todo_over(r, a, act);
}

static int decide_end(struct loop *loop, struct command *command, struct error *err)
{
	struct act *a = (struct act *)command;
	const struct collaboration *c = of(a);
	const int64_t us = loop_wall_us(loop) - c->item.began_us;
	struct buf data = BUF_INIT, detail = BUF_INIT;
	struct draft speaker = {0};
	int r = collaboration_may(c, &a->actor, NULL, err);

	if (!r)
		r = act_speak(a, &speaker, err);
	if (r)
		return r;
	begin_data(&data, a->item->id);
	buf_addf(&data, ",\"duration_s\":%.3f,\"message_count\":%llu,\"decision_count\":%zu}",
		us > 0 ? (double)us / 1e6 : 0.0, (unsigned long long)c->talk->count,
		c->decision_count);
	begin_detail(&detail, a->item->id);
	add_tell_all(loop, a, c, &detail);
	buf_addc(&detail, '}');
	return add_event(a, &speaker, "collaboration.ended", &data, &detail);
}

int collaboration_end(struct loop *loop, const struct actor *actor, struct item *item,
	struct act **act, struct error *err)
{
	struct act *a = *act;
	int r = todo_add(actor, item, decide_end, &a) ? 0 : -ENOMEM;

	(void)loop, (void)err;
	return todo_over(r, a, act);
}
