/* Registering: what is given, checked, and becomes a command. */
#include "core/state/session_private.h"

#include "core/base/text.h"
#include "core/state/parts.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

struct registration registration_plain(const struct loop *loop)
{
	struct registration reg = {.type = "assistant", .timeout_us = loop->config->timeout};

	return reg;
}

int session_start(struct loop *loop, const struct actor *actor, const struct registration *reg,
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
	a->command.decide = session_decide_start;
	a->command.alone = true;
	r = session_describe_start(loop, a, reg, given, given_len);
	if (!r)
		r = buf_error(&a->text[TYPE]);
	if (r) {
		act_free(a);
		return error_set(err, -r, "registering needs memory or descriptors: none are left");
	}
	*out = a;
	return 0;
}

int session_register_text(struct loop *loop, const struct actor *actor, const char *text,
	size_t len, struct act **out, struct error *err)
{
	struct registration reg = registration_plain(loop);
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
	r = session_start(loop, actor, &reg, NULL, 0, out, err);
	free(copy);
	return r;
}

int session_register_id(struct loop *loop, const struct actor *actor, const char *id,
	struct act **out, struct error *err)
{
	struct registration reg = registration_plain(loop);
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
	return session_start(loop, actor, &reg, NULL, 0, out, err);
}

static int decide_person(struct loop *loop, struct command *c, struct error *err)
{
	struct act *a = (struct act *)c;

	if (state_session(loop->state, a->id))
		return 0;
	return session_decide_start(loop, c, err);
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
	r = session_start(loop, &actor, &reg, NULL, 0, out, err);
	if (!r)
		(*out)->command.decide = decide_person;
	return r;
}
