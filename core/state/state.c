/* The state's tables: finding, making and freeing sessions and agents. */
#include "core/state/state.h"
#include "core/state/state_private.h"

#include "core/item/task.h"
#include "core/log/store.h"
#include "core/state/inbox.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

const char *const end_reasons[] = {
	[END_NONE] = "",
	[END_ASKED] = "ended",
	[END_PROCESS_GONE] = "process gone",
	[END_TIMEOUT] = "timeout",
	[END_ALIVE_CLOSED] = "alive closed",
};

/* Events that the daemon alone emits, by the first word of their type. */
static const char *const reserved[] = {
	"session.",
	"agent.",
	"context.",
	"message.",
	"ask.",
	"collaboration.",
	"decision.",
	"memory.",
	"claim.",
	"alert.",
	NULL,
};

bool event_is_reserved(const char *type)
{
	for (int i = 0; reserved[i]; i++)
		if (strncmp(type, reserved[i], strlen(reserved[i])) == 0)
			return true;
	return false;
}

/* Tasks are shown in the feeds and have a limit of their own: ten a second from every agent would
 * bury what is said. A question that is for nobody alone is everyone's. */
bool event_reaches_inboxes(const char *type)
{
	return strcmp(type, "ask.asked") == 0 ||
	       (strncmp(type, "task.", 5) != 0 && !event_is_reserved(type));
}

bool channel_shows_whole(enum channel_kind kind)
{
	switch (kind) {
	case CHANNEL_BROADCAST:
	case CHANNEL_OWN:
	case CHANNEL_OWN_AGENT:
	case CHANNEL_TO:
	case CHANNEL_TO_AGENT:
	case CHANNEL_SENT:
	case CHANNEL_TALK:
		return true;
	default:
		return false;
	}
}

/* FNV-1a, http://www.isthe.com/chongo/tech/comp/fnv/ */
static size_t hash(const char *s)
{
	uint64_t h = 14695981039346656037ULL;

	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * 1099511628211ULL;
	return (size_t)(h ^ (h >> 32));
}

struct session *state_session(const struct state *st, const char *id)
{
	struct session *s;

	if (!st->session_slots)
		return NULL;
	s = st->sessions[hash(id) & (st->session_slots - 1)];
	while (s && strcmp(s->id, id) != 0)
		s = s->next;
	return s;
}

struct agent *state_agent(const struct state *st, const char *key)
{
	struct agent *a;

	if (!st->agent_slots)
		return NULL;
	a = st->agents[hash(key) & (st->agent_slots - 1)];
	while (a && strcmp(a->key, key) != 0)
		a = a->next;
	return a;
}

static int grow_sessions(struct state *st)
{
	size_t slots = st->session_slots ? st->session_slots * 2 : 256;
	struct session **table, *s, *next;

	if (st->session_count < st->session_slots)
		return 0;
	table = calloc(slots, sizeof(*table));
	if (!table)
		return -ENOMEM;
	for (size_t i = 0; i < st->session_slots; i++) {
		for (s = st->sessions[i]; s; s = next) {
			next = s->next;
			s->next = table[hash(s->id) & (slots - 1)];
			table[hash(s->id) & (slots - 1)] = s;
		}
	}
	free(st->sessions);
	st->sessions = table;
	st->session_slots = slots;
	return 0;
}

static int grow_agents(struct state *st)
{
	size_t slots = st->agent_slots ? st->agent_slots * 2 : 64;
	struct agent **table, *a, *next;

	if (st->agent_count < st->agent_slots)
		return 0;
	table = calloc(slots, sizeof(*table));
	if (!table)
		return -ENOMEM;
	for (size_t i = 0; i < st->agent_slots; i++) {
		for (a = st->agents[i]; a; a = next) {
			next = a->next;
			a->next = table[hash(a->key) & (slots - 1)];
			table[hash(a->key) & (slots - 1)] = a;
		}
	}
	free(st->agents);
	st->agents = table;
	st->agent_slots = slots;
	return 0;
}

struct channel *state_channel(struct state *st, enum channel_kind kind, const char *name)
{
	struct channel *c = index_make(st->index, kind, name);

	if (c)
		channel_ref(c);
	return c;
}

int state_make_agent(
	struct state *st, const char *key, const char *name, uid_t uid, struct agent **out)
{
	struct agent *a = state_agent(st, key);

	if (a) {
		*out = a;
		return 0;
	}
	if (grow_agents(st))
		return -ENOMEM;
	a = calloc(1, sizeof(*a));
	if (!a)
		return -ENOMEM;
	memcpy(a->key, key, strnlen(key, AGENT_KEY_MAX));
	a->name = strdup(name);
	a->uid = uid;
	a->events = state_channel(st, CHANNEL_AGENT, key);
	a->own = state_channel(st, CHANNEL_OWN_AGENT, key);
	a->to = state_channel(st, CHANNEL_TO_AGENT, key);
	if (!a->name || !a->events || !a->own || !a->to) {
		agent_free(a);
		return -ENOMEM;
	}
	for (const struct item *i = st->items.open[ITEM_TASK].first; i; i = i->next)
		a->open_tasks += strcmp(((const struct task *)i)->agent, key) == 0;
	a->next = st->agents[hash(key) & (st->agent_slots - 1)];
	st->agents[hash(key) & (st->agent_slots - 1)] = a;
	st->agent_count++;
	*out = a;
	return 0;
}

int state_make_session(struct state *st, const char *id, struct agent *agent, struct session **out)
{
	struct session *s;

	if (grow_sessions(st))
		return -ENOMEM;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	atomic_init(&s->refs, 1);
	memcpy(s->id, id, strnlen(id, ID_MAX));
	s->events = state_channel(st, CHANNEL_SESSION, s->id);
	s->own = state_channel(st, CHANNEL_OWN, s->id);
	s->to = state_channel(st, CHANNEL_TO, s->id);
	s->sent = state_channel(st, CHANNEL_SENT, s->id);
	if (!s->events || !s->own || !s->to || !s->sent) {
		session_unref(s);
		return -ENOMEM;
	}
	s->agent = agent;
	s->agent_next = agent->sessions;
	agent->sessions = s;
	s->next = st->sessions[hash(s->id) & (st->session_slots - 1)];
	st->sessions[hash(s->id) & (st->session_slots - 1)] = s;
	st->session_count++;
	*out = s;
	return 0;
}

void state_drop_session(struct state *st, struct session *s)
{
	struct session **link = &st->sessions[hash(s->id) & (st->session_slots - 1)];

	while (*link != s)
		link = &(*link)->next;
	*link = s->next;
	st->session_count--;
	for (link = &s->agent->sessions; *link != s; link = &(*link)->agent_next)
		;
	*link = s->agent_next;
	s->agent = NULL;
	session_unref(s);
}

void state_drop_agent(struct state *st, struct agent *a)
{
	struct agent **link = &st->agents[hash(a->key) & (st->agent_slots - 1)];

	while (*link != a)
		link = &(*link)->next;
	*link = a->next;
	st->agent_count--;
	agent_free(a);
}

void agent_free(struct agent *a)
{
	if (!a)
		return;
	channel_unref(a->events);
	channel_unref(a->own);
	channel_unref(a->to);
	free(a->name);
	free(a);
}

struct session *session_ref(struct session *s)
{
	atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
	return s;
}

void session_unref(struct session *s)
{
	if (!s || atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1)
		return;
	channel_unref(s->events);
	channel_unref(s->own);
	channel_unref(s->to);
	channel_unref(s->sent);
	free(s->agent_name);
	free(s->agent_type);
	free(s->status);
	free(s->task);
	free(s->query);
	free(s->tags);
	free(s->sources);
	free(s->given);
	free(s->routes);
	free(s->heirs);
	free(s->beyond);
	leases_free(s->leases);
	free(s);
}

struct kept *state_kept(struct state *st, uid_t uid)
{
	struct kept *grown;

	for (size_t i = 0; i < st->kept_count; i++)
		if (st->kept[i].uid == uid)
			return &st->kept[i];
	grown = realloc(st->kept, sizeof(*grown) * (st->kept_count + 1));
	if (!grown)
		return NULL;
	st->kept = grown;
	grown += st->kept_count;
	memset(grown, 0, sizeof(*grown));
	grown->uid = uid;
	st->kept_count++;
	return grown;
}

void state_gone(struct state *st, uid_t uid, size_t messages, size_t bytes)
{
	struct kept *k = state_kept(st, uid);

	if (!k)
		return;
	k->messages -= (int64_t)messages;
	k->bytes -= (int64_t)bytes;
	k->dirty = true;
}

int state_empty(struct store *store, struct state **out, struct error *err)
{
	struct state *st = calloc(1, sizeof(*st));
	int r;

	if (!st)
		return error_set(err, ENOMEM, "out of memory");
	st->store = store;
	r = index_new(store, &st->index, err);
	if (r) {
		free(st);
		return r;
	}
	st->all = state_channel(st, CHANNEL_ALL, "");
	st->broadcast = state_channel(st, CHANNEL_BROADCAST, "");
	r = st->all && st->broadcast ? proc_boot_id(st->boot) : -ENOMEM;
	if (r) {
		state_free(st);
		return error_set(err, -r, "can't make the state: %s", strerror(-r));
	}
	*out = st;
	return 0;
}

void state_free(struct state *st)
{
	struct session *s, *next_session;
	struct agent *a, *next_agent;

	if (!st)
		return;
	while ((s = st->dirty)) {
		st->dirty = s->dirty_next;
		session_unref(s);
	}
	for (size_t i = 0; i < st->session_slots; i++) {
		for (s = st->sessions[i]; s; s = next_session) {
			next_session = s->next;
			session_unref(s);
		}
	}
	for (size_t i = 0; i < st->agent_slots; i++) {
		for (a = st->agents[i]; a; a = next_agent) {
			next_agent = a->next;
			agent_free(a);
		}
	}
	free(st->sessions);
	free(st->agents);
	free(st->kept);
	items_release(&st->items);
	channel_unref(st->all);
	channel_unref(st->broadcast);
	index_free(st->index);
	free(st);
}
