/* Which files a record stands in: the channels that it is of. */
#include "core/state/state_private.h"

#include "core/base/json.h"
#include "core/base/text.h"

#include <errno.h>
#include <string.h>

static int stand_in(struct record *r, struct channel *c)
{
	return record_stand_in(r, c, channel_shows_whole(c->kind));
}

/* The inboxes of those sessions: ids with a space between two; NULL: none. */
static int place_in_inboxes(struct state *st, struct record *r, const char *ids)
{
	char id[ID_MAX + 1];
	struct session *to;
	int err = 0;

	for (const char *at = ids; !err && target_next(&at, id, sizeof(id));) {
		to = state_session(st, id);
		if (!to)
			continue;
		err = stand_in(r, to->to);
		if (!err)
			err = stand_in(r, to->agent->to);
	}
	return err;
}

static int place_in_item(struct state *st, struct record *r, const struct json *detail)
{
	struct channel *channels[3] = {NULL};
	const char *id = NULL;
	struct item *item;
	int err = 0;

	json_get_string(detail, "in", 0, &id, NULL);
	item = id ? state_item(st, ITEM_COLLABORATION, id) : NULL;
	if (!item)
		return 0;
	item_kinds[ITEM_COLLABORATION]->channels(item, r, channels);
	for (int i = 0; i < 3 && channels[i] && !err; i++)
		err = stand_in(r, channels[i]);
	return err;
}

/* A task's events stand with its activity_type, and with its agent's. */
static int place_task(struct state *st, struct record *r, const struct json *detail)
{
	const char *activity = NULL, *key = NULL;
	struct agent *agent;
	struct channel *c;
	int err = 0;

	json_get_string(detail, "activity", ACTIVITY_MAX, &activity, NULL);
	json_get_string(detail, "agent", AGENT_KEY_MAX, &key, NULL);
	agent = key ? state_agent(st, key) : NULL;
	if (agent)
		err = stand_in(r, agent->events);
	if (err || !activity)
		return err;
	c = index_find(st->index, CHANNEL_ACTIVITY, activity);
	if (!c) {
		c = index_make(st->index, CHANNEL_ACTIVITY, activity);
		st->activity_count++;
	}
	return c ? stand_in(r, c) : -ENOMEM;
}

/* What is told of an agent stands with its events, though no session says it. */
static int place_agent(struct state *st, struct record *r)
{
	struct agent *a = r->agent ? state_agent(st, r->agent) : NULL;

	return a ? stand_in(r, a->events) : 0;
}

/* Where a receipt stands: with who sent what was read and, of a message to one, in its feed. */
static int place_receipt(
	struct state *st, struct record *r, const struct session *from, const struct json *detail)
{
	struct channel *type = NULL;
	const char *of = NULL;

	if (detail)
		json_get_string(detail, "of", TYPE_MAX, &of, NULL);
	if (of)
		type = index_find(st->index, CHANNEL_TYPE, of);
	if (from && stand_in(r, from->sent))
		return -ENOMEM;
	return type ? stand_in(r, type) : 0;
}

/* Which files a record stands in. */
int state_place_in(struct state *st, struct record *r, const struct json *detail)
{
	struct session *from = r->session ? state_session(st, r->session) : NULL;
	struct channel *type;
	const char *tell = NULL;
	bool quiet = false;
	int err;

	if (r->kind == RECORD_READ)
		return 0;
	if (r->kind == RECORD_RECEIPT)
		return place_receipt(st, r, from, detail);
	type = index_find(st->index, CHANNEL_TYPE, r->type);
	if (!type) {
		type = index_make(st->index, CHANNEL_TYPE, r->type);
		st->type_count++;
	}
	if (!type)
		return -ENOMEM;
	err = stand_in(r, st->all);
	if (!err)
		err = stand_in(r, type);
	if (!err && from)
		err = stand_in(r, from->events);
	if (!err && from)
		err = stand_in(r, from->agent->events);
	if (!err && detail)
		err = place_in_item(st, r, detail);
	if (!err && detail && strncmp(r->type, task_item.prefix, 5) == 0)
		err = place_task(st, r, detail);
	if (!err && strncmp(r->type, "agent.", 6) == 0)
		err = place_agent(st, r);
	if (err)
		return err;
	if (detail) {
		json_get_bool(detail, "quiet", &quiet, NULL);
		json_get_string(detail, "tell", 0, &tell, NULL);
	}
	if (r->target) {
		err = quiet ? 0 : place_in_inboxes(st, r, r->target);
	} else if (event_reaches_inboxes(r->type) && !quiet) {
		err = stand_in(r, st->broadcast);
		if (!err && from)
			err = stand_in(r, from->own);
		if (!err && from)
			err = stand_in(r, from->agent->own);
	} else {
		return tell ? place_in_inboxes(st, r, tell) : 0;
	}
	return !err && from ? stand_in(r, from->sent) : err;
}

int state_place(struct state *st, struct record *r)
{
	struct json *detail;
	int err = state_parse_detail(r, &detail);

	if (!err)
		err = state_place_in(st, r, detail);
	json_free(detail);
	return err;
}
