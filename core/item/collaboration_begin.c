/* Beginning a collaboration: what the commands decide. */
#include "core/item/collaboration_private.h"

#include "core/base/framer.h"
#include "core/base/json.h"
#include "core/base/text.h"
#include "core/state/parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool is_taken(const struct act *a, const struct todo *t)
{
	for (const struct todo *other = a->more; other; other = other->next)
		if (other != t && strcmp(other->id, t->id) == 0)
			return true;
	return false;
}

static int find_id(struct loop *loop, struct act *a, struct todo *t, struct error *err)
{
	const struct item *item;

	if (!t->id[0]) {
		do
			t->number = item_number(loop, ITEM_COLLABORATION, t->id);
		while (is_taken(a, t));
		return 0;
	}
	item = state_item(loop->state, ITEM_COLLABORATION, t->id);
	if (item && !item->closed_us)
		return error_set(err, EEXIST, "collaboration %s goes on already", t->id);
	if (is_taken(a, t))
		return error_set(err, EINVAL, "name: %s is wanted twice at once", t->id);
	return 0;
}

static bool is_among(const struct given_name *names, const struct given_name *until,
	const char *name, const char *session_id)
{
	char key[AGENT_KEY_MAX + 1], other[AGENT_KEY_MAX + 1];

	text_agent_key(name, key);
	for (; names && names != until; names = names->next) {
		text_agent_key(names->name, other);
		if (same_participant(names->name, other, name, key) ||
			(session_id && strcmp(names->name, session_id) == 0))
			return true;
	}
	return false;
}

/* Adds ,"participants":[…]: who begins it, if a session does, and who was named. */
static int add_names(const struct act *a, const struct todo *t, struct buf *b, struct error *err)
{
	const struct session *s = a->actor.session;
	size_t count = 0;

	buf_adds(b, ",\"participants\":[");
	if (s && !is_among(t->names, NULL, s->agent_name, s->id)) {
		buf_add_json(b, s->agent_name, strlen(s->agent_name));
		count++;
	}
	for (const struct given_name *n = t->names; n; n = n->next) {
		if (is_among(t->names, n, n->name, NULL))
			continue;
		if (count++)
			buf_addc(b, ',');
		buf_add_json(b, n->name, strlen(n->name));
	}
	buf_addc(b, ']');
	if (count > PARTICIPANTS_MAX)
		return error_set(err, EDQUOT, "participants: at most %d", PARTICIPANTS_MAX);
	return 0;
}

static void add_tell_given(
	const struct loop *loop, const struct act *a, const struct todo *t, struct buf *detail)
{
	const struct session *s = a->actor.session;
	const char *names[PARTICIPANTS_MAX + 1];
	size_t count = 0;

	/* The beginner's agent may have other sessions. */
	if (s && !is_among(t->names, NULL, s->agent_name, s->id))
		names[count++] = s->agent_name;
	for (const struct given_name *n = t->names; n && count <= PARTICIPANTS_MAX; n = n->next)
		names[count++] = n->name;
	add_tell(loop, a, names, count, detail);
}

static int add_started(const struct loop *loop, struct act *a, const struct todo *t,
	struct draft *speaker, struct error *err)
{
	const char *type = t->text ? t->text : "general";
	struct buf data = BUF_INIT, detail = BUF_INIT;
	int r;

	begin_data(&data, t->id);
	item_add_text(&data, "session_type", type);
	r = add_names(a, t, &data, err);
	item_add_raw(&data, "metadata", t->metadata);
	buf_addc(&data, '}');
	begin_detail(&detail, t->id);
	item_add_text(&detail, "type", type);
	if (!r)
		r = add_names(a, t, &detail, err);
	item_add_raw(&detail, "metadata", t->metadata);
	item_add_text(&detail, "from", speaker->from);
	item_add_text(&detail, "agent", speaker->agent);
	add_tell_given(loop, a, t, &detail);
	buf_addf(&detail, ",\"gid\":%u,\"number\":%lld}", (unsigned)a->actor.gid,
		(long long)t->number);
	if (r) {
		buf_release(&data);
		buf_release(&detail);
		return r;
	}
	return add_event(a, speaker, "collaboration.started", &data, &detail);
}

static int check_count(const struct loop *loop, const struct act *a, size_t more, struct error *err)
{
	if (items_of(loop->state, ITEM_COLLABORATION, a->actor.uid) + more <= TOGETHER_UID_MAX)
		return 0;
	return error_set(err, EDQUOT,
		"collaborations: this user has %d going on, which is the limit", TOGETHER_UID_MAX);
}

static int decide_begin(struct loop *loop, struct command *c, struct error *err)
{
	struct act *a = (struct act *)c;
	struct draft speaker = {0};
	size_t count = 0, bytes = 0;
	int r = act_speak(a, &speaker, err);

	for (struct todo *t = a->more; t && !r; t = t->next, count++) {
		r = find_id(loop, a, t, err);
		if (!r)
			r = add_started(loop, a, t, &speaker, err);
		if (!r)
			bytes += c->drafts[c->draft_count - 1].data_len;
	}
	if (!r)
		r = check_count(loop, a, count, err);
	return r ? r : act_check_quota(loop, a->actor.uid, bytes, err);
}

static int take_id(struct todo *t, const char *id, struct error *err)
{
	if (!text_id_ok(id))
		return error_set(err, EINVAL,
			"name: \"%.80s\" is not 1 to %d of A-Z a-z 0-9 _ -, or is new", id, ID_MAX);
	memcpy(t->id, id, strlen(id) + 1);
	return 0;
}

static int take_begin_json(struct todo *t, const struct message *m, struct error *err)
{
	static const char *const known[] = {
		"participants", "session_type", "metadata", "name", "id", "session_id", NULL};
	const char *key = json_stranger(m->json, known);
	const struct json *value = json_get(m->json, "participants");
	const char *id = NULL, *type = NULL;
	int r = 0;

	if (key)
		return error_set(err, EINVAL, "%.80s: unknown; more goes into metadata", key);
	for (int i = 3; known[i] && !r; i++)
		r = json_get_string(m->json, known[i], 0, &id, err);
	if (!r && id)
		r = take_id(t, id, err);
	if (!r)
		r = json_get_string(m->json, "session_type", SESSION_TYPE_MAX, &type, err);
	if (!r && type && !(t->text = strdup(type)))
		r = -ENOMEM;
	if (!r && value)
		r = names_from_list(t, value, "participants", false, err);
	return r ? r : todo_take_metadata(t, m, TOGETHER_GIVEN_MAX, err);
}

int collaboration_begin_id(struct loop *loop, const struct actor *actor, const char *id,
	struct act **act, struct error *err)
{
	struct act *a = *act;
	struct todo *t = todo_add(actor, NULL, decide_begin, &a);
	int r = t ? take_id(t, id, err) : -ENOMEM;

	(void)loop;
	return todo_over(r, a, act);
}

int collaboration_begin(struct loop *loop, const struct actor *actor, const struct message *m,
	struct act **act, struct error *err)
{
	struct act *a = *act;
	struct todo *t = todo_add(actor, NULL, decide_begin, &a);
	int r = t ? 0 : -ENOMEM;

	(void)loop;
	if (!r && m->json)
		r = take_begin_json(t, m, err);
	else if (!r)
		r = names_from_text(t, m->text, m->len, false, err);
	return todo_over(r, a, act);
}

void collaboration_ids(const struct act *a, struct buf *out)
{
	for (const struct todo *t = a->more; t; t = t->next)
		buf_addf(out, "%s\n", t->id);
}
