/* From what was written to events: types, data, limits, and who speaks. */
#include "core/state/message.h"

#include "core/base/framer.h"
#include "core/base/json.h"
#include "core/base/text.h"
#include "core/item/task.h"
#include "core/state/parts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One message of a write; its data lies in the act's first buffer. */
struct said {
	char type[TYPE_MAX + 1];
	size_t off, len;
	struct task_word *task; /* what it means where it tells of a task; the act's */
};

enum { DATA, SPARE };

#define MINUTE_US (60 * SECOND_US)

/* A limit is reached: what it is, and when to try again. */
static int refuse_rate(struct loop *loop, const char *key, int64_t limit, int64_t per_us,
	int64_t now_us, struct error *err)
{
	const bool tasks = per_us == SECOND_US;
	int64_t wait_us = rate_wait_us(loop->rates, key, limit, per_us, now_us);
	bool ms = wait_us < SECOND_US;
	int64_t unit = ms ? SECOND_US / 1000 : SECOND_US;

	return error_set(err, EDQUOT, "%s: more than %lld a %s; again in %lld %s",
		tasks ? "tasks" : "broadcasts", (long long)limit, tasks ? "second" : "minute",
		(long long)((wait_us + unit - 1) / unit), ms ? "ms" : "s");
}

#define KEY_MAX (ID_MAX + 16)

/* Whose bucket it is: an agent's tasks, or what a session or a user says. Under the state's lock.
 */
static void rate_key(const struct actor *actor, bool task, char key[KEY_MAX])
{
	const struct session *s = actor->session;

	if (task)
		snprintf(key, KEY_MAX, "t:%s", s->agent->key);
	else if (s)
		snprintf(key, KEY_MAX, "b:%s", s->id);
	else
		snprintf(key, KEY_MAX, "u:%u", (unsigned)actor->uid);
}

void message_give_back(struct loop *loop, const struct actor *actor, struct spent *spent)
{
	const struct config *config = loop->config;
	char key[KEY_MAX];

	for (; spent->tasks > 0 || spent->broadcasts > 0;
		spent->tasks > 0 ? spent->tasks-- : spent->broadcasts--) {
		const bool task = spent->tasks > 0;

		state_rdlock(loop);
		if (!task || actor->session->agent)
			rate_key(actor, task, key);
		else
			key[0] = '\0';
		state_unlock(loop);
		if (key[0])
			rate_give(loop->rates, key, task ? config->tasks : config->broadcasts,
				task ? SECOND_US : MINUTE_US);
	}
}

int message_may(struct loop *loop, const struct actor *actor, struct burst *burst, const char *type,
	struct session *to, struct error *err)
{
	const struct config *config = loop->config;
	struct session *s = actor->session;
	int64_t now = loop_mono_us(loop);
	char key[KEY_MAX];
	bool stale, down, task;

	state_rdlock(loop);
	stale = s && s->ended_us;
	down = to && to->ended_us;
	task = s && s->agent && type && strncmp(type, "task.", 5) == 0;
	rate_key(actor, task, key);
	state_unlock(loop);
	if (stale || actor->kind == ACTOR_ENDED)
		return error_set(err, ESTALE, "session %s has ended; register again", s->id);
	if (down)
		return error_set(err, EHOSTDOWN, "session %s has ended", to->id);
	if (to)
		return 0;
	if (task) {
		if (!rate_take(loop->rates, key, config->tasks, SECOND_US, now, false))
			return refuse_rate(loop, key, config->tasks, SECOND_US, now, err);
		burst->spent.tasks++;
		return 0;
	}
	if (config->broadcasts && burst_goes_on(burst, now))
		return 0;
	if (!rate_take(loop->rates, key, config->broadcasts, MINUTE_US, now, false)) {
		burst->count = 0;
		return refuse_rate(loop, key, config->broadcasts, MINUTE_US, now, err);
	}
	burst->spent.broadcasts++;
	return 0;
}

/* Whether a name in a message is the writer's own. */
static bool is_own(const struct actor *actor, const char *name)
{
	char user[64];

	if (actor->session && actor->kind == ACTOR_SESSION)
		return strcmp(name, actor->session->id) == 0 ||
		       strcmp(name, actor->session->agent_name) == 0;
	user_name(actor->uid, user, sizeof(user));
	return strcmp(name, user) == 0;
}

int message_check_names(const struct actor *actor, const struct json *json, struct error *err)
{
	static const char *const members[] = {"session_id", "from", NULL};
	const char *name;

	for (int i = 0; members[i]; i++) {
		const struct json *value = json_get(json, members[i]);

		if (!value || json_kind(value) == JSON_KIND_NULL)
			continue;
		name = NULL;
		if (json_get_string(json, members[i], 0, &name, err))
			return -EINVAL;
		if (!is_own(actor, name))
			return error_set(err, EACCES, "%s: \"%.80s\" is not the writer's own",
				members[i], name);
	}
	return 0;
}

/* What happened to a memory that is kept elsewhere may be told of, under the types that tell of
 * memory/: data says which by its item_id, and is marked. */
static bool may_report(const char *type)
{
	return strcmp(type, "memory.write") == 0 || strcmp(type, "memory.delete") == 0 ||
	       strcmp(type, "memory.read") == 0;
}

static int check_report(const char *type, const struct json *json, struct error *err)
{
	const struct json *data = json_get(json, "data"), *id = NULL;

	if (data && json_kind(data) == JSON_KIND_OBJECT)
		id = json_get(data, "item_id");
	if (!id || (json_kind(id) != JSON_KIND_NUMBER &&
			   (json_kind(id) != JSON_KIND_STRING || !*json_text(id))))
		return error_set(err, EINVAL,
			"event_type: %s is for leitlfs itself to tell; of a memory that is kept "
			"elsewhere data must name the item_id",
			type);
	if (json_has(data, "reported"))
		return error_set(err, EINVAL, "reported: is for leitlfs itself to add");
	return 0;
}

static int check_type(const char *type, const struct json *json, bool *reported, struct error *err)
{
	if (!text_type_ok(type))
		return error_set(err, EINVAL,
			"event_type: \"%.80s\" is not words of A-Z a-z 0-9 _ with dots between",
			type);
	*reported = may_report(type);
	if (*reported)
		return check_report(type, json, err);
	if (event_is_reserved(type))
		return error_set(err, EINVAL, "event_type: %s is for leitlfs itself to tell", type);
	return 0;
}

/* Text as data: its one member depends on the type. */
static void text_data(const char *type, const struct message *m, struct buf *out)
{
	if (strcmp(type, "task.started") == 0)
		buf_adds(out, "{\"task_description\":");
	else
		buf_adds(out, "{\"message\":");
	buf_add_json(out, m->text, m->len);
	buf_addc(out, '}');
}

/* Beside event_type only what an event has: a misspelt `data` must not be lost in silence. */
static int check_members(const struct json *json, struct error *err)
{
	static const char *const known[] = {
		"event_type", "data", "session_id", "from", "timestamp", "type", NULL};
	const char *key = json_stranger(json, known);

	if (key)
		return error_set(err, EINVAL,
			"%.80s: unknown beside event_type; what is told goes into data", key);
	return 0;
}

/* What an object says: its type where it names one, and the data to tell. */
static int json_data(const struct message *m, const char *type, bool direct, struct said *said,
	struct buf *out, struct error *err)
{
	const char *named = NULL, *raw = m->text;
	size_t len = m->len;
	bool reported = false;
	int r;

	if (!type && !direct) {
		r = json_get_string(m->json, "event_type", 0, &named, err);
		if (!r && named)
			r = check_type(named, m->json, &reported, err);
		if (!r && named)
			r = check_members(m->json, err);
		if (r)
			return r;
	}
	if (named) {
		snprintf(said->type, sizeof(said->type), "%s", named);
		if (!json_member(m->text, m->len, "data", &raw, &len)) {
			raw = "{}";
			len = 2;
		}
	}
	r = json_compact(raw, len, out);
	if (!r && reported) {
		out->len--; /* its closing brace */
		buf_adds(out, ",\"reported\":true}");
	}
	return r;
}

/* Draft of one message, with who speaks. */
static int decide(struct loop *loop, struct command *c, struct error *err)
{
	struct act *a = (struct act *)c;
	struct session *from = a->actor.session, *to = a->session;
	struct draft d = {
		.kind = RECORD_EVENT,
		.uid = a->actor.uid,
		.from = a->user,
		.target = to ? to->id : NULL,
	};
	int r;

	if (a->actor.kind == ACTOR_ENDED || (from && from->ended_us))
		return error_set(err, ESTALE, "session %s has ended; register again", from->id);
	if (to && to->ended_us)
		return error_set(err, EHOSTDOWN, "session %s has ended", to->id);
	r = act_check_quota(loop, a->actor.uid, a->text[DATA].len, err);
	if (r)
		return r;
	if (from) {
		d.session = from->id;
		d.from = from->agent_name;
		d.agent = from->agent->key;
	}
	for (size_t i = 0; i < a->said_count && !r; i++) {
		if (loop->state->type_count >= TYPES_MAX &&
			!index_find(loop->state->index, CHANNEL_TYPE, a->said[i].type))
			return error_set(
				err, EDQUOT, "event_type: there are %d types already", TYPES_MAX);
		d.type = a->said[i].type;
		d.data = a->text[DATA].data + a->said[i].off;
		d.data_len = a->said[i].len;
		r = a->said[i].task ? task_decide(loop, a, a->said[i].task, &d, err)
				    : command_add(c, &d);
	}
	return r;
}

static struct said *another(struct act *a)
{
	struct said *grown = a->said;
	size_t n = a->said_count;

	/* Room is doubled at powers of two. */
	if ((n & (n - 1)) == 0)
		grown = realloc(a->said, sizeof(*grown) * (n ? 2 * n : 1));
	if (!grown)
		return NULL;
	a->said = grown;
	grown += n;
	grown->type[0] = '\0';
	grown->task = NULL;
	return grown;
}

static struct act *begin(const struct actor *actor, struct session *to)
{
	struct act *a = act_new(actor);

	if (!a)
		return NULL;
	if (!actor->session)
		user_name(actor->uid, a->user, sizeof(a->user));
	if (to)
		a->session = session_ref(to);
	a->command.decide = decide;
	return a;
}

/* A message that tells of a task. Through `broadcast` it is known only now what it is: it counts
 * against the limit of tasks, too. */
static int tell_task(
	struct loop *loop, struct act *a, struct said *said, bool named, struct error *err)
{
	struct burst burst = {0};
	int r = 0;

	if (named && a->actor.session)
		r = message_may(loop, &a->actor, &burst, said->type, NULL, err);
	if (!r)
		r = task_word(
			a, said->type, a->text[DATA].data + said->off, said->len, &said->task, err);
	if (r)
		message_give_back(loop, &a->actor, &burst.spent);
	a->command.alone = true;
	return r;
}

int message_add(struct loop *loop, const struct actor *actor, const struct message *m,
	const char *type, struct session *to, struct act **act, struct error *err)
{
	const char *otherwise = to ? "message.direct" : type ? type : "broadcast.message";
	struct act *a = *act ? *act : begin(actor, to);
	struct said *said = a ? another(a) : NULL;
	int r = said ? 0 : -ENOMEM;

	if (!r && m->json)
		r = message_check_names(actor, m->json, err);
	if (r)
		goto out;
	snprintf(said->type, sizeof(said->type), "%s", otherwise);
	said->off = a->text[DATA].len;
	if (m->json)
		r = json_data(m, type, to != NULL, said, &a->text[DATA], err);
	else
		text_data(said->type, m, &a->text[DATA]);
	if (!r)
		r = buf_error(&a->text[DATA]);
	said->len = a->text[DATA].len - said->off;
	if (!r && !to && task_is_word(said->type))
		r = tell_task(loop, a, said, !type, err);
	if (!r)
		a->said_count++;
out:
	if (r && !*act)
		act_free(a);
	else
		*act = a;
	return r;
}

void message_heartbeat(struct loop *loop, struct session *s)
{
	struct buf b = BUF_INIT;

	buf_addf(
		&b, "{\"event_type\":\"session.heartbeat\",\"session_id\":\"%s\",\"from\":", s->id);
	state_rdlock(loop);
	buf_add_json(&b, s->agent_name, strlen(s->agent_name));
	buf_adds(&b, ",\"timestamp\":\"");
	buf_add_time(&b, loop_wall_us(loop));
	buf_adds(&b, "\",\"data\":{\"current_task\":");
	if (s->task)
		buf_add_json(&b, s->task, strlen(s->task));
	else
		buf_adds(&b, "null");
	state_unlock(loop);
	buf_adds(&b, "}}\n");
	if (!buf_error(&b))
		hub_say(&loop->hub, b.data, b.len);
	buf_release(&b);
}
