/* What is said in a collaboration, and to whom. */
#include "core/item/collaboration_private.h"

#include "core/base/framer.h"
#include "core/base/json.h"
#include "core/base/text.h"
#include "core/state/message.h"
#include "core/state/parts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct collaboration *of(const struct act *a)
{
	return (const struct collaboration *)a->item;
}

static int add_receiver(struct buf *to, size_t *count, const struct act *a, const struct session *s,
	struct error *err)
{
	if (s->ended_us || s == a->actor.session)
		return 0;
	if (++*count > RECEIVERS_MAX)
		return error_set(err, EDQUOT,
			"participants: they have more than %d sessions, which no message reaches",
			RECEIVERS_MAX);
	buf_addf(to, "%s%s", to->len ? " " : "", s->id);
	return 0;
}

struct told {
	const struct act *act;
	struct buf ids;
	size_t count;
};

static void tell_session(struct told *t, const struct session *s)
{
	if (t->count < RECEIVERS_MAX)
		(void)add_receiver(&t->ids, &t->count, t->act, s, NULL);
}

static void tell_name(const struct loop *loop, struct told *t, const char *name)
{
	char key[AGENT_KEY_MAX + 1];
	const struct agent *agent;
	const struct session *s;

	text_agent_key(name, key);
	agent = state_agent(loop->state, key);
	for (s = agent ? agent->sessions : NULL; s; s = s->agent_next)
		tell_session(t, s);
	s = state_session(loop->state, name);
	if (s && s->agent != agent)
		tell_session(t, s);
}

static void end_tell(struct told *t, struct buf *detail)
{
	if (t->ids.len)
		item_add_text(detail, "tell", t->ids.data);
	buf_release(&t->ids);
}

void add_tell(const struct loop *loop, const struct act *a, const char *const *names, size_t count,
	struct buf *detail)
{
	struct told t = {.act = a, .ids = BUF_INIT};

	for (size_t i = 0; i < count; i++)
		tell_name(loop, &t, names[i]);
	end_tell(&t, detail);
}

void add_tell_all(const struct loop *loop, const struct act *a, const struct collaboration *c,
	struct buf *detail)
{
	struct told t = {.act = a, .ids = BUF_INIT};

	for (size_t i = 0; i < c->participant_count; i++)
		tell_name(loop, &t, c->participants[i].name);
	end_tell(&t, detail);
}

/* The ids of those whom a message reaches: an agent's sessions come with the agent, and one that is
 * named by its id, where its agent is not. */
static int find_receivers(
	const struct loop *loop, const struct act *a, struct buf *to, struct error *err)
{
	const struct collaboration *c = of(a);
	size_t count = 0;
	int r = 0;

	for (size_t i = 0; i < c->participant_count && !r; i++) {
		const struct participant *p = &c->participants[i];
		const struct agent *agent = state_agent(loop->state, p->key);
		const struct session *s = agent ? agent->sessions : NULL;

		for (; s && !r; s = s->agent_next)
			r = add_receiver(to, &count, a, s, err);
		s = state_session(loop->state, p->name);
		if (!r && s && !collaboration_has(c, s->agent->key, NULL))
			r = add_receiver(to, &count, a, s, err);
	}
	return r ? r : buf_error(to);
}

/* Where nobody lives to get it, it is kept for those who come and read: it is then for the
 * collaboration itself, and stands in no inbox. */
static int decide_say(struct loop *loop, struct command *command, struct error *err)
{
	struct act *a = (struct act *)command;
	struct buf to = BUF_INIT;
	struct draft d = {0};
	char detail[ID_MAX + 40];
	size_t bytes = 0;
	int r = collaboration_may(of(a), &a->actor, NULL, err);

	if (!r)
		r = act_speak(a, &d, err);
	if (!r)
		r = find_receivers(loop, a, &to, err);
	for (const struct todo *t = a->more; t && !r; t = t->next)
		bytes += strlen(t->text) + to.len;
	if (!r)
		r = act_check_quota(loop, a->actor.uid, bytes, err);
	snprintf(detail, sizeof(detail), "{\"in\":\"%s\"%s}", a->item->id,
		to.len ? "" : ",\"quiet\":true");
	d.type = "message.direct";
	d.target = to.len ? to.data : a->item->id;
	d.detail = detail;
	for (const struct todo *t = a->more; t && !r; t = t->next) {
		d.data = t->text;
		d.data_len = strlen(t->text);
		r = act_add(a, &d);
	}
	buf_release(&to);
	return r;
}

/* An object is told as it was written, with the collaboration before its members. */
static int say_json(const struct actor *actor, const struct item *item, const struct message *m,
	struct buf *out, struct error *err)
{
	const char *named = NULL;
	struct buf given = BUF_INIT;
	int r = message_check_names(actor, m->json, err);

	if (!r)
		r = json_get_string(m->json, "collaboration", 0, &named, err);
	if (r)
		return r;
	if (json_has(m->json, "collaboration") && (!named || strcmp(named, item->id) != 0))
		return error_set(err, EINVAL, "collaboration: this one is %s", item->id);
	r = json_compact(m->text, m->len, &given);
	if (!r && named) {
		buf_add(out, given.data, given.len);
	} else if (!r) {
		begin_data(out, item->id);
		if (given.len > 2)
			buf_addc(out, ',');
		buf_add(out, given.data + 1, given.len - 1);
	}
	buf_release(&given);
	return r;
}

int collaboration_say(struct loop *loop, const struct actor *actor, struct item *item,
	const struct message *m, struct act **act, struct error *err)
{
	struct act *a = *act;
	struct todo *t = todo_add(actor, item, decide_say, &a);
	struct buf out = BUF_INIT;
	int r = t ? 0 : -ENOMEM;

	(void)loop;
	if (!r && m->json) {
		r = say_json(actor, item, m, &out, err);
	} else if (!r) {
		begin_data(&out, item->id);
		buf_adds(&out, ",\"message\":");
		buf_add_json(&out, m->text, m->len);
		buf_addc(&out, '}');
	}
	if (!r)
		r = buf_error(&out);
	if (!r) {
		t->text = buf_detach(&out, NULL);
		a->command.alone = false; /* nothing else is decided by what was said */
	}
	buf_release(&out);
	return todo_over(r, a, act);
}
