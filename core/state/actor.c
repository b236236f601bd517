/* Who calls: from a process to the session that acts. */
#include "core/state/bind_private.h"

#include "core/base/caller.h"
#include "core/base/text.h"
#include "core/state/parts.h"
#include "core/state/session.h"
#include "core/state/watch.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define NAMED_MAX 6 /* of several sessions that a reason names */

void user_name(uid_t uid, char *out, size_t size)
{
	struct passwd entry, *found = NULL;
	char space[1024];

	if (getpwuid_r(uid, &entry, space, sizeof(space), &found) == 0 && found)
		snprintf(out, size, "%s", found->pw_name);
	else
		snprintf(out, size, "%u", (unsigned)uid);
}

/* Looks at one process: who is bound to it. False: nobody. */
static bool look(struct bindings *b, const struct process *p, struct actor *out)
{
	struct binding *at = binding_find(b, p);
	struct session *living = NULL;
	int n = 0;

	if (!at)
		return false;
	for (int i = 0; i < at->count; i++) {
		if (at->bound[i].ended)
			continue;
		living = at->bound[i].session;
		n++;
	}
	out->kind = n == 1 ? ACTOR_SESSION : n > 1 ? ACTOR_SEVERAL : ACTOR_ENDED;
	if (n == 1)
		out->session = session_ref(living);
	else if (n == 0)
		out->session = session_ref(at->bound[0].session);
	return true;
}

static bool recall(struct bindings *b, uint64_t token, struct actor *out)
{
	struct answer *a = &b->answers[token & (ANSWERS - 1)];
	bool known;

	pthread_mutex_lock(&b->mutex);
	known = token && a->token == token && a->generation == b->generation;
	if (known) {
		out->kind = a->kind;
		out->session = a->session ? session_ref(a->session) : NULL;
	}
	pthread_mutex_unlock(&b->mutex);
	return known;
}

static void remember(
	struct bindings *b, uint64_t token, const struct actor *found, uint64_t generation)
{
	struct answer *a = &b->answers[token & (ANSWERS - 1)];
	struct session *was;

	if (!token)
		return;
	pthread_mutex_lock(&b->mutex);
	was = a->session;
	a->token = token;
	a->generation = generation;
	a->kind = found->kind;
	a->session = found->session ? session_ref(found->session) : NULL;
	pthread_mutex_unlock(&b->mutex);
	session_unref(was);
}

static int person_of(struct loop *loop, struct actor *out)
{
	char name[64], id[AGENT_KEY_MAX + 1];
	struct session *s;
	struct act *a;
	int r;

	r = session_person(loop, out->uid, out->gid, &a, NULL);
	if (!r && a) {
		r = loop_call(loop, &a->command, NULL);
		act_free(a);
	}
	if (r)
		return r;
	user_name(out->uid, name, sizeof(name));
	text_agent_key(name, id);
	state_rdlock(loop);
	s = state_session(loop->state, id);
	if (s && s->person && s->uid == out->uid) {
		out->session = session_ref(s);
		out->kind = ACTOR_SESSION;
	}
	state_unlock(loop);
	return 0;
}

int actor_resolve(
	struct loop *loop, uid_t uid, gid_t gid, pid_t tid, struct session *as, struct actor *out)
{
	struct bindings *b = loop->bindings;
	struct process_info chain[CHAIN_MAX];
	uint64_t token = 0, generation;
	struct session *ended = NULL;
	bool found = false;
	int n;

	*out = (struct actor){.uid = uid, .gid = gid, .tid = tid, .kind = ACTOR_USER};
	n = caller_cache_chain(b->callers, tid, uid, chain, &token);
	if (n > 0)
		out->process = chain[0].self;
	if (as) {
		out->through_as = true;
		out->session = session_ref(as);
		out->kind = ACTOR_SESSION;
		return 0;
	}
	if (n < 0) /* nobody is a stranger because descriptors have run out */
		return n;
	/* A child that registered and died has handed its session up, before anybody else can ask.
	 */
	if (!watch_is_behind(b->watch) && recall(b, token, out))
		return 0;
	if (n > 0)
		watch_sync(b->watch);
	pthread_mutex_lock(&b->mutex);
	generation = b->generation;
	for (int i = 0; i < n && !found; i++) {
		found = look(b, &chain[i].self, out);
		/* Whoever sits at a terminal is the person again after a session of the shell's. */
		if (found && out->kind == ACTOR_ENDED && chain[i].tty_nr &&
			chain[i].self.pid == chain[i].sid) {
			ended = out->session;
			out->session = NULL;
			out->kind = ACTOR_USER;
			found = false;
			break;
		}
	}
	pthread_mutex_unlock(&b->mutex);
	session_unref(ended);
	if (!found && proc_has_tty(chain, n))
		person_of(loop, out);
	remember(b, token, out, generation);
	return 0;
}

void actor_release(struct actor *a)
{
	session_unref(a->session);
	a->session = NULL;
}

void actor_sessions(struct loop *loop, const struct actor *actor, struct buf *out)
{
	struct bindings *b = loop->bindings;
	struct process_info chain[CHAIN_MAX];
	const struct binding *at = NULL;
	int n = proc_chain(actor->tid, actor->uid, chain), told = 0;

	pthread_mutex_lock(&b->mutex);
	for (int i = 0; i < n && !at; i++)
		at = binding_find(b, &chain[i].self);
	for (int i = 0; at && i < at->count; i++) {
		if (at->bound[i].ended)
			continue;
		if (told == NAMED_MAX) {
			buf_adds(out, ", ...");
			break;
		}
		buf_addf(out, "%s%s", told++ ? ", " : "", at->bound[i].session->id);
	}
	pthread_mutex_unlock(&b->mutex);
}

int bind_heirs(struct loop *loop, uid_t uid, pid_t tid, struct process heirs[CHAIN_MAX])
{
	struct process_info chain[CHAIN_MAX];
	int n = proc_chain(tid, uid, chain);

	(void)loop;
	return n > 0 ? proc_heirs(chain, n, heirs) : n;
}

struct session *bind_same(struct loop *loop, uid_t uid, pid_t tid, const char *name)
{
	struct bindings *b = loop->bindings;
	struct process_info chain[CHAIN_MAX];
	struct session *same = NULL;
	struct binding *at = NULL;
	int n = proc_chain(tid, uid, chain);

	if (n > 0)
		watch_sync(b->watch);
	pthread_mutex_lock(&b->mutex);
	for (int i = 0; i < n && !at; i++)
		at = binding_find(b, &chain[i].self);
	for (int i = 0; at && !same && i < at->count; i++) {
		struct session *s = at->bound[i].session;

		if (!at->bound[i].ended && !s->own_id && s->agent &&
			strcasecmp(s->agent_name, name) == 0)
			same = session_ref(s);
	}
	pthread_mutex_unlock(&b->mutex);
	return same;
}

bool bind_may_consume(struct loop *loop, const struct actor *actor, struct session *s)
{
	struct bindings *b = loop->bindings;
	bool may = true;

	if (actor->kind == ACTOR_SESSION)
		return actor->session == s || actor->session->person;
	if (actor->kind == ACTOR_ENDED)
		return actor->session == s;
	if (actor->kind != ACTOR_SEVERAL)
		return true;
	pthread_mutex_lock(&b->mutex);
	may = s->binding && process_same(&s->binding->process, &actor->process);
	pthread_mutex_unlock(&b->mutex);
	return may;
}
