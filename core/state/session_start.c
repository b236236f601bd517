/* What a registration decides, on the state as it stands: a session that is there, or a new one. */
#include "core/state/session_private.h"

#include "core/state/parts.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

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

/* How long an ended session's id still stays its own. */
static void kept_for(struct loop *loop, const struct session *s, char *out, size_t size)
{
	const int64_t left = s->ended_us + loop->config->hold - loop_wall_us(loop);

	session_span(left > 0 ? left : 0, out, size);
}

/* Whether that id may be taken by that uid: by nobody's session that lives or is another's. */
static int check_id(struct loop *loop, struct act *a, struct error *err)
{
	struct session *s = state_session(loop->state, a->id);
	char left[32];

	if (!s)
		return 0;
	if (!s->ended_us)
		return error_set(err, EEXIST, "session_id: %s is registered already", a->id);
	kept_for(loop, s, left, sizeof(left));
	if (s->uid != a->actor.uid)
		return error_set(err, EEXIST,
			"session_id: %s is kept for another user, for about %s more: choose "
			"another id",
			a->id, left);
	if (strcmp(s->agent->key, a->key) != 0)
		return error_set(err, EEXIST,
			"session_id: %s was agent %s, and is kept for it for about %s more: choose "
			"another id, or %s as the agent's name",
			a->id, s->agent->key, left, s->agent->key);
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

int session_decide_start(struct loop *loop, struct command *c, struct error *err)
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
