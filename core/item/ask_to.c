/* Who is meant by the `to` of a question. */
#include "core/item/ask_private.h"

#include "core/base/json.h"
#include "core/base/text.h"
#include "core/state/parts.h"
#include "core/state/session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Whether one was heard of later than the other; of two that were not, since the start, the newer.
 */
static bool is_later(const struct session *a, const struct session *b)
{
	const long long x = atomic_load(&a->heard_mono_us), y = atomic_load(&b->heard_mono_us);
	const long long v = atomic_load(&a->heard_wall_us), w = atomic_load(&b->heard_wall_us);

	return x != y ? x > y : v != w ? v > w : a->since_pos > b->since_pos;
}

struct session *ask_latest(const struct agent *agent)
{
	struct session *best = NULL;

	for (struct session *s = agent ? agent->sessions : NULL; s; s = s->agent_next)
		if (!s->ended_us && (!best || is_later(s, best)))
			best = s;
	return best;
}

static bool has_tag(const struct session *s, const char *quoted, const char *tag)
{
	const struct json *list;
	struct json *json;
	bool has = false;

	/* Tags may be written with escapes; mostly they are not. */
	if (!strstr(s->tags, quoted) && !strchr(s->tags, '\\'))
		return false;
	if (json_parse_value(s->tags, strlen(s->tags), &json, NULL))
		return false;
	list = json;
	for (size_t i = 0; i < json_count(list) && !has; i++) {
		const char *text = json_text(json_item(list, i));

		has = text && strcmp(text, tag) == 0;
	}
	json_free(json);
	return has;
}

/* The one that this asker was sent to last, while it lives. */
static struct session *routed(struct state *st, const struct session *asker, const char *tag)
{
	struct session *s = NULL;
	const char *id = NULL;
	struct json *json;

	if (!asker || !asker->routes ||
		json_parse(asker->routes, strlen(asker->routes), &json, NULL))
		return NULL;
	json_get_string(json, tag, ID_MAX, &id, NULL);
	if (id)
		s = state_session(st, id);
	json_free(json);
	return s && !s->ended_us && s != asker ? s : NULL;
}

static int find_tag(struct loop *loop, const struct session *asker, const char *tag,
	struct session **out, struct error *err)
{
	struct state *st = loop->state;
	struct session *best = routed(st, asker, tag);
	struct buf quoted = BUF_INIT;
	bool known;

	buf_add_json(&quoted, tag, strlen(tag));
	if (buf_error(&quoted)) {
		buf_release(&quoted);
		return -ENOMEM;
	}
	if (best && !has_tag(best, quoted.data, tag))
		best = NULL;
	known = best != NULL;
	for (size_t i = 0; !known && i < st->session_slots; i++)
		for (struct session *s = st->sessions[i]; s; s = s->next)
			if (!s->ended_us && s != asker && has_tag(s, quoted.data, tag) &&
				(!best || is_later(s, best)))
				best = s;
	buf_release(&quoted);
	if (!best)
		return error_set(err, ENOENT, "to: no other living session has the tag %.80s", tag);
	*out = best;
	return 0;
}

int ask_find(struct loop *loop, const struct session *asker, const char *name, struct session **out,
	struct error *err)
{
	struct session *s = state_session(loop->state, name);
	char key[AGENT_KEY_MAX + 1];
	struct agent *agent;

	if (strncmp(name, "tag:", 4) == 0)
		return find_tag(loop, asker, name + 4, out, err);
	if (s && !s->ended_us) {
		*out = s;
		return 0;
	}
	text_agent_key(name, key);
	agent = *name ? state_agent(loop->state, key) : NULL;
	*out = ask_latest(agent);
	if (*out)
		return 0;
	if (s)
		return error_set(err, EHOSTDOWN, "to: session %s has ended", s->id);
	if (agent)
		return error_set(err, EHOSTDOWN, "to: agent %s has no living session", agent->key);
	return error_set(err, ENOENT, "to: there is no session or agent %.80s", name);
}
