#include "core/state/act.h"

#include "core/state/inbox.h"
#include "core/state/parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct kept_text {
	struct kept_text *next;
	char text[];
};

static void texts_free(struct kept_text *t)
{
	struct kept_text *next;

	for (; t; t = next) {
		next = t->next;
		free(t);
	}
}

struct act *act_new(const struct actor *actor)
{
	struct act *a = calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	for (int i = 0; i < 4; i++)
		buf_init(&a->text[i], LINE_MAX_BYTES);
	if (actor) {
		a->actor = *actor;
		if (actor->session)
			session_ref(actor->session);
	}
	return a;
}

void act_free(struct act *a)
{
	if (!a)
		return;
	act_free(a->also);
	command_release(&a->command);
	actor_release(&a->actor);
	session_unref(a->session);
	item_unref(a->item);
	texts_free(a->texts);
	if (a->more_free)
		a->more_free(a->more);
	free(a->said);
	mark_free(a->mark);
	for (int i = 0; i < 4; i++)
		buf_release(&a->text[i]);
	free(a);
}

void act_over(struct loop *loop, struct command *c, int status, const struct error *err,
	struct record *const *records, size_t count)
{
	(void)loop, (void)status, (void)err, (void)records, (void)count;
	act_free((struct act *)c);
}

int act_speak(struct act *a, struct draft *d, struct error *err)
{
	struct session *s = a->actor.session;

	if (a->actor.kind == ACTOR_ENDED || (s && s->ended_us))
		return error_set(err, ESTALE, "session %s has ended; register again", s->id);
	d->kind = RECORD_EVENT;
	d->uid = a->actor.uid;
	if (s) {
		d->session = s->id;
		d->from = s->agent_name;
		d->agent = s->agent->key;
		return 0;
	}
	if (!a->user[0])
		user_name(a->actor.uid, a->user, sizeof(a->user));
	d->from = a->user;
	return 0;
}

/* What the act keeps until it is done. */
static const char *keep(struct act *a, const char *text, size_t len)
{
	struct kept_text *kept = text ? malloc(sizeof(*kept) + len + 1) : NULL;

	if (!kept)
		return NULL;
	memcpy(kept->text, text, len);
	kept->text[len] = '\0';
	kept->next = a->texts;
	a->texts = kept;
	return kept->text;
}

int act_add(struct act *to, const struct draft *given)
{
	struct draft d = *given;
	const char **const texts[] = {&d.session, &d.from, &d.agent, &d.target, &d.detail};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		const char *text = *texts[i];

		if (!text)
			continue;
		*texts[i] = keep(to, text, strlen(text));
		if (!*texts[i])
			return -ENOMEM;
	}
	if (d.data && !(d.data = keep(to, d.data, d.data_len)))
		return -ENOMEM;
	return command_add(&to->command, &d);
}

int act_add_built(struct act *to, struct draft *d, struct buf *data, struct buf *detail)
{
	int r = buf_error(data) ? buf_error(data) : buf_error(detail);

	d->data = data->data;
	d->data_len = data->len;
	d->detail = detail->data;
	if (!r)
		r = act_add(to, d);
	buf_release(data);
	buf_release(detail);
	return r;
}

int act_own_session(
	const struct actor *actor, const char *what, struct session **out, struct error *err)
{
	switch (actor->kind) {
	case ACTOR_SESSION:
		*out = actor->session;
		return 0;
	case ACTOR_SEVERAL:
		return error_set(err, ENOTUNIQ,
			"%s needs a session of your own, and this process has several: act through "
			"as/<id>/",
			what);
	case ACTOR_ENDED:
		return error_set(
			err, ESTALE, "session %s has ended; register again", actor->session->id);
	default:
		return error_set(err, ENOENT,
			"%s needs a session of your own: mkdir sessions/<name> makes one", what);
	}
}

/* What is kept of the uid. For writing, since it may have to be made. */
int act_check_quota(struct loop *loop, uid_t uid, size_t bytes, struct error *err)
{
	const struct config *config = loop->config;
	struct kept kept = {0}, *found;

	if (!config->messages && !config->bytes)
		return 0;
	state_wrlock(loop);
	found = state_kept(loop->state, uid);
	if (found)
		kept = *found;
	state_unlock(loop);
	if (config->messages && kept.messages >= config->messages)
		return error_set(err, EDQUOT,
			"messages: this user has %lld kept, which is the limit",
			(long long)config->messages);
	if (config->bytes && kept.bytes + (int64_t)bytes > config->bytes)
		return error_set(err, EDQUOT, "bytes: this user has %lld kept; %lld is the limit",
			(long long)kept.bytes, (long long)config->bytes);
	return 0;
}
