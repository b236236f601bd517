/* Registering: what is given, checked, and what the command decides. */
#include "core/state/session_private.h"

#include "core/base/json.h"
#include "core/base/text.h"
#include "core/state/inbox.h"
#include "core/state/parts.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

/* What a registration gave, checked. The texts are borrowed from the JSON. */
struct registration {
	const char *name, *type, *id, *task, *query;
	const char *tags, *sources; /* raw JSON, NULL: not given */
	size_t tags_len, sources_len;
	int64_t timeout_us;
	bool timed; /* the timeout was given */
	bool person;
};

static void add_heirs(struct buf *b, const struct process *heirs, int n)
{
	buf_adds(b, ",\"heirs\":\"");
	for (int i = 0; i < n; i++)
		buf_addf(b, "%s%d:%llu", i ? " " : "", (int)heirs[i].pid,
			(unsigned long long)heirs[i].start);
	buf_addc(b, '"');
}

void session_describe(const struct state *st, const struct session *s, struct buf *b)
{
	buf_addc(b, '{');
	buf_addf(b,
		"\"agent\":\"%s\",\"uid\":%u,\"own_id\":%s,\"person\":%s,\"timeout\":%lld,\"boot\":"
		"\"%s\"",
		s->agent->key, (unsigned)s->uid, s->own_id ? "true" : "false",
		s->person ? "true" : "false", (long long)s->timeout_us, st->boot);
	session_add_member(b, "name", s->agent_name);
	session_add_member(b, "type", s->agent_type);
	session_add_member(b, "status", s->status);
	if (s->task)
		session_add_member(b, "task", s->task);
	if (s->query)
		session_add_member(b, "query", s->query);
	buf_addf(b, ",\"tags\":%s", s->tags);
	if (s->sources)
		buf_addf(b, ",\"sources\":%s", s->sources);
	if (s->given)
		buf_addf(b, ",\"given\":%s", s->given);
	add_heirs(b, s->heirs, s->heir_count);
	buf_addc(b, '}');
}

static void begin_member(struct buf *b, const char *key)
{
	buf_addf(b, "%s\"%s\":", b->len > 1 ? "," : "", key);
}

/* What it changes of a session that is there already. */
static int describe_again(struct act *a, const struct registration *reg)
{
	struct buf *data = &a->text[SPARE], detail = BUF_INIT;
	int r;

	if (!reg->task && !reg->query && !reg->tags && !reg->timed)
		return 0;
	buf_addc(data, '{');
	buf_addc(&detail, '{');
	if (reg->task) {
		begin_member(data, "current_task");
		session_add_task(data, reg->task);
		begin_member(&detail, "task");
		session_add_task(&detail, reg->task);
	}
	if (reg->tags) {
		begin_member(data, "tags");
		buf_add(data, reg->tags, reg->tags_len);
		begin_member(&detail, "tags");
		buf_add(&detail, reg->tags, reg->tags_len);
	}
	if (reg->timed) {
		begin_member(data, "timeout");
		buf_addf(data, "%g", (double)reg->timeout_us / 1e6);
		begin_member(&detail, "timeout");
		buf_addf(&detail, "%lld", (long long)reg->timeout_us);
	}
	if (reg->query) {
		begin_member(&detail, "query");
		session_add_task(&detail, reg->query);
	}
	buf_add(data, "}", sizeof("}")); /* with its NUL */
	buf_addc(&detail, '}');
	buf_add(data, detail.data, detail.len);
	r = buf_error(&detail) ? buf_error(&detail) : buf_error(data);
	buf_release(&detail);
	return r;
}

/* The event's data, and the detail that applying it takes the session from. */
static int describe(struct loop *loop, struct act *a, const struct registration *reg,
	const char *given, size_t given_len)
{
	struct buf *data = &a->text[DATA], *detail = &a->text[DETAIL];
	const char *task = reg->task && strcmp(reg->task, "-") != 0 ? reg->task : NULL;
	struct process heirs[CHAIN_MAX];
	int n = 0;

	buf_addc(data, '{');
	session_add_member(data, "agent_name", reg->name);
	session_add_member(data, "agent_type", reg->type);
	if (reg->tags)
		buf_addf(data, ",\"tags\":%.*s", (int)reg->tags_len, reg->tags);
	else
		buf_adds(data, ",\"tags\":[]");
	if (task)
		session_add_member(data, "current_task", task);
	buf_addc(data, '}');

	if (!reg->person)
		n = bind_heirs(loop, a->actor.uid, a->actor.tid, heirs);
	if (n < 0)
		return n;
	buf_addf(detail, "{\"agent\":\"%s\",\"uid\":%u,\"gid\":%u,\"own_id\":%s,\"person\":%s",
		a->key, (unsigned)a->actor.uid, (unsigned)a->actor.gid, reg->id ? "true" : "false",
		reg->person ? "true" : "false");
	buf_addf(detail, ",\"timeout\":%lld,\"boot\":\"%s\",\"status\":\"active\"",
		(long long)reg->timeout_us, loop->state->boot);
	session_add_member(detail, "name", reg->name);
	session_add_member(detail, "type", reg->type);
	if (task)
		session_add_member(detail, "task", task);
	if (reg->query)
		session_add_member(detail, "query", reg->query);
	buf_addf(detail, ",\"tags\":%.*s", reg->tags ? (int)reg->tags_len : 2,
		reg->tags ? reg->tags : "[]");
	if (reg->sources)
		buf_addf(detail, ",\"sources\":%.*s", (int)reg->sources_len, reg->sources);
	if (given)
		buf_addf(detail, ",\"given\":%.*s", (int)given_len, given);
	add_heirs(detail, heirs, n);
	buf_addc(detail, '}');
	if (buf_error(data) || buf_error(detail))
		return buf_error(data) ? buf_error(data) : buf_error(detail);
	return describe_again(a, reg);
}

static size_t living_of(struct state *st, uid_t uid)
{
	size_t n = 0;

	for (size_t i = 0; i < st->session_slots; i++)
		for (struct session *s = st->sessions[i]; s; s = s->next)
			n += s->uid == uid && !s->ended_us && !s->person;
	return n;
}

static int make_id(struct loop *loop, struct act *a)
{
	static const char digits[] = "0123456789abcdef";
	unsigned char random[8];
	char hex[17];

	do {
		if (getrandom(random, sizeof(random), 0) != sizeof(random))
			return -EIO;
		for (int i = 0; i < 8; i++) {
			hex[2 * i] = digits[random[i] >> 4];
			hex[2 * i + 1] = digits[random[i] & 15];
		}
		hex[16] = '\0';
		snprintf(a->id, sizeof(a->id), "leitl-%s-%s", a->key, hex);
	} while (state_session(loop->state, a->id));
	return 0;
}

/* Whether that id may be taken by that uid: by nobody's session that lives or is another's. */
static int check_id(struct loop *loop, struct act *a, struct error *err)
{
	struct session *s = state_session(loop->state, a->id);

	if (!s)
		return 0;
	if (!s->ended_us)
		return error_set(err, EEXIST, "session_id: %s is registered already", a->id);
	if (s->uid != a->actor.uid)
		return error_set(err, EEXIST, "session_id: %s is kept for another user", a->id);
	if (strcmp(s->agent->key, a->key) != 0)
		return error_set(err, EEXIST, "session_id: %s was agent %s, and is kept for it",
			a->id, s->agent->key);
	return 0;
}

/* What the registrations before it in the same write leave for this one: an id that is taken, or,
 * by the same name again, its session. */
static int check_before(struct act *head, struct act *a, struct act **same, struct error *err)
{
	for (struct act *b = head; b != a; b = b->also) {
		if (a->id[0] && strcmp(a->id, b->id) == 0)
			return error_set(err, EEXIST, "session_id: %s stands twice", a->id);
		if (!a->id[0] && !b->own_id &&
			strcasecmp(a->text[TYPE].data, b->text[TYPE].data) == 0) {
			*same = b;
			return 0;
		}
	}
	return 0;
}

/* Gives back the session of that id and name, changed where it gives what changes. */
static int decide_again(struct act *head, struct act *a, const char *id, const char *name)
{
	const char *data = a->text[SPARE].data;
	struct draft d = {
		.kind = RECORD_EVENT,
		.uid = a->actor.uid,
		.type = "session.updated",
		.session = a->id,
		.from = name,
		.agent = a->key,
	};

	memcpy(a->id, id, sizeof(a->id));
	a->same = true;
	if (!data)
		return 0;
	d.data = data;
	d.data_len = strlen(data);
	d.detail = data + d.data_len + 1;
	return command_add(&head->command, &d);
}

static int decide_one(
	struct loop *loop, struct act *head, struct act *a, size_t starting, struct error *err)
{
	struct agent *agent = state_agent(loop->state, a->key);
	int64_t most = loop->config->sessions;
	struct draft d = {
		.kind = RECORD_EVENT,
		.uid = a->actor.uid,
		.type = "session.started",
		.session = a->id,
		.from = a->text[TYPE].data,
		.agent = a->key,
		.data = a->text[DATA].data,
		.data_len = a->text[DATA].len,
		.detail = a->text[DETAIL].data,
	};
	struct act *same = NULL;
	int r;

	if (agent && agent->uid != a->actor.uid)
		return error_set(err, EACCES, "agent_name: %s is another user's", a->key);
	if (!a->id[0])
		a->session = bind_same(loop, a->actor.uid, a->actor.tid, a->text[TYPE].data);
	if (a->session) {
		session_heard(loop, a->session);
		return decide_again(head, a, a->session->id, a->session->agent_name);
	}
	r = check_before(head, a, &same, err);
	if (r)
		return r;
	if (same)
		return decide_again(head, a, same->id, same->text[TYPE].data);
	r = a->id[0] ? check_id(loop, a, err) : make_id(loop, a);
	if (r)
		return r;
	if (most && living_of(loop->state, a->actor.uid) + starting >= (size_t)most)
		return error_set(err, EDQUOT, "sessions: this user has %lld, which is the limit",
			(long long)most);
	return command_add(&head->command, &d);
}

static int decide_start(struct loop *loop, struct command *c, struct error *err)
{
	struct act *head = (struct act *)c;
	size_t starting = 0;
	int r = 0;

	for (struct act *a = head; a && !r; a = a->also) {
		r = decide_one(loop, head, a, starting, err);
		starting += !a->same;
	}
	return r;
}

/* A person's session has the user's name, so that is nobody else's; names of system accounts
 * (login.defs(5), UID_MIN) are free for agents. */
static bool is_anothers_name(const char *name, uid_t uid)
{
	struct passwd entry, *found = NULL;
	char space[1024];

	if (getpwnam_r(name, &entry, space, sizeof(space), &found) != 0 || !found)
		return false;
	return found->pw_uid != uid &&
	       (found->pw_uid == 0 || (found->pw_uid >= 1000 && found->pw_uid < 65534));
}

static int start(struct loop *loop, const struct actor *actor, const struct registration *reg,
	const char *given, size_t given_len, struct act **out, struct error *err)
{
	struct act *a;
	int r;

	r = text_agent_name(reg->name, err);
	if (r)
		return r;
	if (reg->id && !text_id_ok(reg->id))
		return error_set(err, EINVAL,
			"session_id: must be 1 to %d of A-Z a-z 0-9 _ -, and not \"new\"", ID_MAX);
	r = session_check_line("agent_type", reg->type, err);
	if (!r && reg->task)
		r = session_check_line("current_task", reg->task, err);
	if (r)
		return r;
	a = act_new(actor);
	if (!a)
		return -ENOMEM;
	text_agent_key(reg->name, a->key);
	if (is_anothers_name(a->key, actor->uid) ||
		(reg->id && is_anothers_name(reg->id, actor->uid))) {
		act_free(a);
		return error_set(err, EACCES,
			"agent_name: %s is the name of a user of this machine",
			reg->id ? reg->id : reg->name);
	}
	a->own_id = reg->id != NULL;
	if (reg->id)
		memcpy(a->id, reg->id, strlen(reg->id));
	buf_adds(&a->text[TYPE], reg->name);
	a->command.decide = decide_start;
	a->command.alone = true;
	r = describe(loop, a, reg, given, given_len);
	if (!r)
		r = buf_error(&a->text[TYPE]);
	if (r) {
		act_free(a);
		return error_set(err, -r, "registering needs memory or descriptors: none are left");
	}
	*out = a;
	return 0;
}

static struct registration plain(const struct loop *loop)
{
	struct registration reg = {.type = "assistant", .timeout_us = loop->config->timeout};

	return reg;
}

int session_register_text(struct loop *loop, const struct actor *actor, const char *text,
	size_t len, struct act **out, struct error *err)
{
	struct registration reg = plain(loop);
	char *copy = strndup(text, len), *colon;
	int r;

	if (!copy)
		return -ENOMEM;
	reg.name = copy;
	colon = strstr(copy, ": ");
	if (!colon && len && copy[len - 1] == ':')
		colon = copy + len - 1;
	if (colon) {
		*colon = '\0';
		reg.task = colon + 1 + strspn(colon + 1, " ");
	}
	r = start(loop, actor, &reg, NULL, 0, out, err);
	free(copy);
	return r;
}

int session_register_id(struct loop *loop, const struct actor *actor, const char *id,
	struct act **out, struct error *err)
{
	struct registration reg = plain(loop);
	struct session *was;
	char name[4 * AGENT_NAME_MAX + 1];

	reg.id = id;
	reg.name = id;
	/* An id registered again goes on as the agent that it was. */
	state_rdlock(loop);
	was = state_session(loop->state, id);
	if (was && was->ended_us && was->uid == actor->uid) {
		snprintf(name, sizeof(name), "%s", was->agent_name);
		reg.name = name;
	}
	state_unlock(loop);
	return start(loop, actor, &reg, NULL, 0, out, err);
}

static bool is_known(const char *key)
{
	static const char *const known[] = {"agent_name", "agent_type", "session_id", "tags",
		"current_task", "context_sources", "timeout", "uid", "started_at", "last_heartbeat",
		"status", "health", "uptime", "uptime_s", "timeout_s", NULL};

	for (int i = 0; known[i]; i++)
		if (strcmp(known[i], key) == 0)
			return true;
	return false;
}

/* What else was given, kept as it was written and shown in session.json. */
static int other_members(const char *text, size_t len, const struct json *json, struct buf *out)
{
	const struct json *value;
	const char *key, *raw;
	size_t raw_len;

	for (struct json_iter it = json_iter(json); json_next(&it, &key, &value);) {
		if (is_known(key) || !json_member(text, len, key, &raw, &raw_len))
			continue;
		buf_addc(out, out->len ? ',' : '{');
		buf_add_json(out, key, strlen(key));
		buf_addc(out, ':');
		json_compact(raw, raw_len, out);
	}
	if (out->len)
		buf_addc(out, '}');
	return buf_error(out);
}

#define GIVEN_MAX ((size_t)16 << 10)

static int read_registration(const struct json *json, struct registration *reg, struct error *err)
{
	static const char *const texts[] = {"department", NULL};
	const struct json *list = NULL;
	const char *text;
	int r;

	if ((r = json_need_string(json, "agent_name", 0, &reg->name, err)) ||
		(r = json_get_string(json, "agent_type", 64, &reg->type, err)) ||
		(r = json_get_string(json, "session_id", 0, &reg->id, err)) ||
		(r = json_get_string(json, "current_task", TASK_MAX, &reg->task, err)) ||
		(r = json_get_string(json, "query", QUERY_MAX, &reg->query, err)) ||
		(r = json_get_strings(json, "tags", TAGS_MAX, TAG_MAX, &list, err)) ||
		(r = json_get_strings(json, "context_sources", TAGS_MAX, 256, &list, err)) ||
		(r = json_get_duration(json, "timeout", &reg->timeout_us, err)))
		return r;
	for (int i = 0; texts[i]; i++)
		if ((r = json_get_string(json, texts[i], 4096, &text, err)))
			return r;
	if (reg->timeout_us < SECOND_US / 10 || reg->timeout_us > TIMEOUT_MAX_US)
		return error_set(err, EINVAL, "timeout: must be from 0.1 s to a day");
	reg->timed =
		json_get(json, "timeout") && json_kind(json_get(json, "timeout")) != JSON_KIND_NULL;
	return 0;
}

int session_register_json(struct loop *loop, const struct actor *actor, const char *text,
	size_t len, const struct json *json, struct act **out, struct error *err)
{
	struct registration reg = plain(loop);
	struct buf given, tags = BUF_INIT, sources = BUF_INIT;
	const char *raw;
	size_t raw_len;
	int r = read_registration(json, &reg, err);

	if (r)
		return r;
	buf_init(&given, GIVEN_MAX);
	if (json_kind(json_get(json, "tags")) == JSON_KIND_LIST &&
		json_member(text, len, "tags", &raw, &raw_len)) {
		json_compact(raw, raw_len, &tags);
		reg.tags = tags.data;
		reg.tags_len = tags.len;
	}
	if (json_kind(json_get(json, "context_sources")) == JSON_KIND_LIST &&
		json_member(text, len, "context_sources", &raw, &raw_len)) {
		json_compact(raw, raw_len, &sources);
		reg.sources = sources.data;
		reg.sources_len = sources.len;
	}
	r = other_members(text, len, json, &given);
	if (!r)
		r = start(loop, actor, &reg, given.data, given.len, out, err);
	else
		error_set(err, -r, "the registration is larger than %zu bytes", GIVEN_MAX);
	buf_release(&given);
	buf_release(&tags);
	buf_release(&sources);
	return r;
}

static int decide_person(struct loop *loop, struct command *c, struct error *err)
{
	struct act *a = (struct act *)c;

	if (state_session(loop->state, a->id))
		return 0;
	return decide_start(loop, c, err);
}

int session_person(struct loop *loop, uid_t uid, gid_t gid, struct act **out, struct error *err)
{
	struct actor actor = {.uid = uid, .gid = gid, .kind = ACTOR_USER};
	struct registration reg = {.type = "person", .person = true};
	char name[64], id[AGENT_KEY_MAX + 1];
	struct session *s;
	int r;

	user_name(uid, name, sizeof(name));
	text_agent_key(name, id);
	reg.name = name;
	reg.id = id;
	*out = NULL;
	state_rdlock(loop);
	s = state_session(loop->state, id);
	r = s && s->person && !s->ended_us;
	state_unlock(loop);
	if (r)
		return 0;
	r = start(loop, &actor, &reg, NULL, 0, out, err);
	if (!r)
		(*out)->command.decide = decide_person;
	return r;
}
