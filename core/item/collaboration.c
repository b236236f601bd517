/* What the records leave of collaborations, and who takes part in them. */
#include "core/item/collaboration_private.h"

#include "core/base/json.h"
#include "core/base/text.h"
#include "core/state/parts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A session's id is longer than a key where it was made of a long name: then it is compared as it
 * stands. */
bool same_participant(const char *a, const char *a_key, const char *b, const char *b_key)
{
	return strcmp(a, b) == 0 || (strlen(a) <= AGENT_KEY_MAX && strlen(b) <= AGENT_KEY_MAX &&
					    strcmp(a_key, b_key) == 0);
}

static bool is_it(const struct participant *p, const char *agent_key, const char *session_id)
{
	return (agent_key && strcmp(p->key, agent_key) == 0) ||
	       (session_id && strcmp(p->name, session_id) == 0);
}

bool collaboration_has(const struct collaboration *c, const char *agent_key, const char *session_id)
{
	for (size_t i = 0; i < c->participant_count; i++)
		if (is_it(&c->participants[i], agent_key, session_id))
			return true;
	return false;
}

const struct collaboration *collaboration_next(const struct state *st,
	const struct collaboration *after, const char *agent_key, const char *session_id)
{
	const struct item *item =
		after ? after->item.next : st->items.open[ITEM_COLLABORATION].first;

	while (item &&
		!collaboration_has((const struct collaboration *)item, agent_key, session_id))
		item = item->next;
	return (const struct collaboration *)item;
}

size_t collaborations_of(const struct state *st, const char *agent_key)
{
	const struct collaboration *c = NULL;
	size_t n = 0;

	while ((c = collaboration_next(st, c, agent_key, NULL)))
		n++;
	return n;
}

static bool is_beginner(const struct collaboration *c, const struct actor *actor)
{
	const struct session *s = actor->session;

	if (actor->uid != c->item.uid) /* a name may be another user's one day */
		return false;
	return !c->agent[0] || (s && s->agent && strcmp(s->agent->key, c->agent) == 0);
}

int collaboration_may(const struct collaboration *c, const struct actor *actor, const char **name,
	struct error *err)
{
	const struct session *s = actor->session;
	const char *as = NULL;

	if (actor->kind == ACTOR_ENDED || (s && s->ended_us))
		return error_set(err, ESTALE, "session %s has ended; register again", s->id);
	if (c->item.closed_us)
		return error_set(err, EHOSTDOWN, "collaboration %s has ended", c->item.id);
	for (size_t i = 0; s && i < c->participant_count && !as; i++)
		if (is_it(&c->participants[i], s->agent->key, s->id))
			as = c->participants[i].name;
	if (!as && !is_beginner(c, actor)) {
		if (actor->kind == ACTOR_SEVERAL)
			return error_set(err, ENOTUNIQ,
				"this process has several sessions: act through as/<id>/");
		return error_set(err, EACCES,
			"not a participant of collaboration %s; one of them can let you in: echo "
			"NAME > collaborations/%s/participants",
			c->item.id, c->item.id);
	}
	if (name)
		*name = as;
	return 0;
}

bool collaboration_shows(const struct state *st, const struct collaboration *c, uid_t uid)
{
	const struct session *s;
	const struct agent *a;

	if (c->item.uid == uid)
		return true;
	for (size_t i = 0; i < c->participant_count; i++) {
		a = state_agent(st, c->participants[i].key);
		if (a && a->uid == uid)
			return true;
		s = state_session(st, c->participants[i].name);
		if (s && s->uid == uid)
			return true;
	}
	return false;
}

/* Applying. */

static void drop_participants(struct collaboration *c)
{
	for (size_t i = 0; i < c->participant_count; i++)
		free(c->participants[i].name);
	free(c->participants);
	c->participants = NULL;
	c->participant_count = 0;
}

static int take_participants(struct collaboration *c, const struct json *detail)
{
	const struct json *list = json_get(detail, "participants");
	size_t count = json_count(list);

	drop_participants(c);
	if (count == 0)
		return 0;
	c->participants = calloc(count, sizeof(*c->participants));
	if (!c->participants)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		const char *name = json_text(json_item(list, i));
		struct participant *p = &c->participants[i];

		if (!name)
			return -EUCLEAN;
		p->name = strdup(name);
		if (!p->name)
			return -ENOMEM;
		text_agent_key(name, p->key);
		c->participant_count++;
	}
	return 0;
}

/* Its channels are this one's alone, also where its id was another's before. */
static int open_channels(struct state *st, struct collaboration *c)
{
	char name[ID_MAX + 24];

	snprintf(name, sizeof(name), "%s %lld", c->item.id, (long long)c->item.began_pos);
	c->together = state_channel(st, CHANNEL_TOGETHER, name);
	c->talk = state_channel(st, CHANNEL_TALK, name);
	c->decided = state_channel(st, CHANNEL_DECISIONS, name);
	return c->together && c->talk && c->decided ? 0 : -ENOMEM;
}

static void channels(const struct item *item, const struct record *r, struct channel *out[3])
{
	const struct collaboration *c = (const struct collaboration *)item;

	if (r->pos < item->began_pos) /* it is of one that had the id before */
		return;
	out[0] = c->together;
	if (strcmp(r->type, "message.direct") == 0)
		out[1] = c->talk;
	else if (strncmp(r->type, "decision.", 9) == 0)
		out[1] = c->decided;
}

int collaboration_add_decision(
	struct collaboration *c, const char *text, const char *proposer, int64_t time_us)
{
	struct decision *grown = c->decisions, *d;

	/* Room is doubled at powers of two. */
	if ((c->decision_count & (c->decision_count - 1)) == 0)
		grown = reallocarray(c->decisions, c->decision_count ? 2 * c->decision_count : 1,
			sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	c->decisions = grown;
	d = &grown[c->decision_count];
	*d = (struct decision){.text = strdup(text), .proposer = strdup(proposer)};
	d->time_us = time_us;
	if (!d->text || !d->proposer) {
		free(d->text);
		free(d->proposer);
		return -ENOMEM;
	}
	c->decision_count++;
	return 0;
}

int collaboration_add_vote(
	struct collaboration *c, struct decision *d, const char *by, const char *word)
{
	char key[AGENT_KEY_MAX + 1];
	struct vote *grown, *v;
	char *name = strdup(by);

	if (!name)
		return -ENOMEM;
	text_agent_key(by, key);
	for (v = d->votes; v < d->votes + d->vote_count; v++)
		if (same_participant(v->by, v->key, by, key))
			break;
	if (v == d->votes + d->vote_count) {
		grown = reallocarray(d->votes, d->vote_count + 1, sizeof(*grown));
		if (!grown) {
			free(name);
			return -ENOMEM;
		}
		d->votes = grown;
		v = &grown[d->vote_count++];
		memset(v, 0, sizeof(*v));
		c->vote_count++;
	}
	free(v->by);
	v->by = name;
	memcpy(v->key, key, sizeof(key));
	snprintf(v->word, sizeof(v->word), "%s", word);
	return 0;
}

static int apply_decision(
	struct collaboration *c, const struct record *r, const struct json *detail)
{
	const char *text = "", *by = "";
	int64_t n = 0;

	json_get_integer(detail, "n", 1, INT64_MAX, &n, NULL);
	json_get_string(detail, "text", 0, &text, NULL);
	json_get_string(detail, "by", 0, &by, NULL);
	if (strcmp(r->type, "decision.made") == 0)
		return collaboration_add_decision(c, text, by, r->time_us);
	if (n < 1 || (size_t)n > c->decision_count)
		return -EUCLEAN;
	return collaboration_add_vote(c, &c->decisions[n - 1], by, text);
}

int collaboration_begun(
	struct state *st, struct collaboration *c, const struct json *detail, const char *text)
{
	const char *agent = NULL;
	int err;

	json_get_string(detail, "agent", AGENT_KEY_MAX, &agent, NULL);
	if (agent)
		memcpy(c->agent, agent, strlen(agent) + 1);
	err = item_take_text(&c->type, detail, "type");
	if (!err)
		err = item_take_raw(&c->metadata, text, "metadata");
	if (!err)
		err = take_participants(c, detail);
	return err ? err : open_channels(st, c);
}

static int apply(struct state *st, struct item *item, const struct record *r,
	const struct json *detail, const char *text, bool *closes)
{
	struct collaboration *c = (struct collaboration *)item;

	if (strcmp(r->type, "collaboration.started") == 0)
		return collaboration_begun(st, c, detail, text);
	if (strcmp(r->type, "collaboration.updated") == 0)
		return take_participants(c, detail);
	if (strncmp(r->type, "decision.", 9) == 0)
		return apply_decision(c, r, detail);
	*closes = true;
	return 0;
}

static void release(struct item *item)
{
	struct collaboration *c = (struct collaboration *)item;

	for (size_t i = 0; i < c->decision_count; i++) {
		for (size_t k = 0; k < c->decisions[i].vote_count; k++)
			free(c->decisions[i].votes[k].by);
		free(c->decisions[i].votes);
		free(c->decisions[i].text);
		free(c->decisions[i].proposer);
	}
	free(c->decisions);
	drop_participants(c);
	free(c->type);
	free(c->metadata);
	channel_unref(c->together);
	channel_unref(c->talk);
	channel_unref(c->decided);
}

const struct item_ops collaboration_item = {
	.prefix = "collaboration.",
	.begins = "collaboration.started",
	.size = sizeof(struct collaboration),
	.closed_max = 1000,
	.apply = apply,
	.save = collaboration_save,
	.load = collaboration_load,
	.release = release,
	.channels = channels,
};
