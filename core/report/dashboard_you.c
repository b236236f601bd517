/* Who looks, as the snapshot has it: so that it can be told what waits for just that person. */
#include "core/report/dashboard_private.h"

#include "core/state/inbox.h"
#include "core/state/parts.h"

#include <string.h>

#define VISITED_MOST 1000 /* of what is unread, to find them */

static struct session *person_of(struct loop *loop, uid_t uid)
{
	const struct state *st = loop->state;
	struct session *found = NULL;

	state_rdlock(loop);
	for (size_t i = 0; i < st->session_slots && !found; i++)
		for (struct session *s = st->sessions[i]; s && !found; s = s->next)
			if (s->person && s->uid == uid && !s->ended_us)
				found = session_ref(s);
	state_unlock(loop);
	return found;
}

struct unread {
	int count, visited;
};

/* Broadcasts are everyone's, and questions are told as such. */
static bool count_direct(void *arg, struct record *r, const char *line, size_t len)
{
	struct unread *u = arg;

	(void)line, (void)len;
	u->count += strcmp(r->type, "message.direct") == 0;
	return u->count < DASHBOARD_UNREAD && ++u->visited < VISITED_MOST;
}

int dashboard_you(struct taking *t)
{
	struct session *you = person_of(t->loop, t->uid);
	struct unread u = {0};
	int r;

	if (!you)
		return 0;
	memcpy(t->you, you->id, sizeof(t->you));
	r = inbox_each_unread(t->loop, you, INBOX_DIRECT, true, count_direct, &u);
	if (!r)
		buf_addf(t->out, ",\"you\":{\"id\":\"%s\",\"unread\":%d}", you->id, u.count);
	session_unref(you);
	return r;
}
