/* What alerts are raised for: comparing them with what is. */
#include "core/item/alert.h"

#include "core/base/metrics.h"
#include "core/state/inbox.h"
#include "core/state/parts.h"
#include "core/state/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LATE    "session.late"
#define BACKLOG "inbox.backlog"
#define STORE   "store.trouble"

#define AT_ONCE 64 /* sessions of one look; the others have the next */

/* Sessions that were found, held. */
struct found {
	struct session *sessions[AT_ONCE];
	int count;
};

static bool lives(const struct session *s)
{
	return s && !s->ended_us && s->agent;
}

static void find(struct found *f, struct session *s)
{
	if (f->count < AT_ONCE)
		f->sessions[f->count++] = session_ref(s);
}

/* The session that an alert of that kind is of; NULL where it is another's, or of none. */
static struct session *session_of(const struct state *st, const struct item *item, const char *kind)
{
	const struct alert *alert = (const struct alert *)item;

	if (!alert->kind || strcmp(alert->kind, kind) != 0 || !item->session[0])
		return NULL;
	return state_session(st, item->session);
}

static void each_session(const struct state *st,
	void (*fn)(const struct state *, struct session *, struct found *), struct found *f)
{
	for (size_t i = 0; i < st->session_slots; i++)
		for (struct session *s = st->sessions[i]; s; s = s->next)
			if (lives(s))
				fn(st, s, f);
}

/* Lateness is told at once by those who find it (core/state/bind_silence.c); here is what could not
 * be appended then. After a restart everyone has the full time again; but an alert of before is not
 * over until its session is heard of. */
static void look_late(const struct state *st, struct session *s, struct found *f)
{
	const bool late = atomic_load(&s->late);

	if (late && !alert_find(st, LATE, s->id))
		find(f, s);
}

static void alert_late(struct loop *loop, struct session *s)
{
	struct act *a;

	if (session_health_changed(loop, s, atomic_load(&s->late), &a))
		return;
	a->command.done = act_over;
	loop_submit(loop, &a->command);
}

static void late_sessions(struct loop *loop)
{
	const struct state *st = loop->state;
	struct found f = {.count = 0};

	state_rdlock(loop);
	each_session(st, look_late, &f);
	for (const struct item *i = st->items.open[ITEM_ALERT].first; i; i = i->next) {
		struct session *s = session_of(st, i, LATE);

		if (lives(s) && !atomic_load(&s->late) &&
			atomic_load(&s->heard_mono_us) > loop->metrics->restored_us)
			find(&f, s);
	}
	state_unlock(loop);
	for (int i = 0; i < f.count; i++) {
		alert_late(loop, f.sessions[i]);
		session_unref(f.sessions[i]);
	}
}

/* Whether it is worth counting what is unread: where the last count can't have become another that
 * matters. The marks are the saver's. */
static void look_backlog(const struct state *st, struct session *s, struct found *f)
{
	struct backlog *b = &s->backlog;

	if (s->person) /* told of all, and perhaps a reader of nothing */
		return;
	if (b->raised ? b->read_pos == s->read_pos && b->beyond == s->beyond_count &&
				b->first_pos == st->first_pos
		      : b->due_pos > st->applied_pos)
		return;
	if (f->count == AT_ONCE)
		return;
	b->read_pos = s->read_pos;
	b->beyond = s->beyond_count;
	b->first_pos = st->first_pos;
	b->due_pos = st->applied_pos; /* of what is counted after this, no less */
	b->raised = alert_find(st, BACKLOG, s->id) != NULL;
	find(f, s);
}

static void alert_backlog(struct loop *loop, struct session *s)
{
	const int64_t bound = loop->config->backlog;
	const int64_t unread = bound ? (int64_t)inbox_unread_count(loop, s) : 0;
	struct alert_what what = {
		.kind = BACKLOG,
		.subject = s->id,
		.session = s,
		.since_us = loop_wall_us(loop),
	};
	char message[64];

	snprintf(message, sizeof(message), "more than %lld messages are unread", (long long)bound);
	if (!s->backlog.raised && bound && unread > bound) {
		what.message = message;
		alert_set(loop, &what, true);
	} else if (s->backlog.raised && (!bound || 2 * unread < bound)) {
		alert_set(loop, &what, false);
	}
	/* One position more is one message more at most. */
	s->backlog.due_pos += unread <= bound ? bound - unread + 1 : 1;
	if (!bound)
		s->backlog.due_pos = INT64_MAX;
	state_rdlock(loop);
	s->backlog.raised = alert_find(loop->state, BACKLOG, s->id) != NULL;
	state_unlock(loop);
}

static void backlogs(struct loop *loop)
{
	struct found f = {.count = 0};

	state_rdlock(loop);
	each_session(loop->state, look_backlog, &f);
	state_unlock(loop);
	for (int i = 0; i < f.count; i++) {
		alert_backlog(loop, f.sessions[i]);
		session_unref(f.sessions[i]);
	}
}

/* What is wrong with the store, and since when: false where nothing is. */
static bool is_bad(struct metrics *m, char *message, size_t size, int64_t *since_us)
{
	const int64_t room = atomic_load(&m->room_bytes);
	int code = 0;
	const enum trouble_kind kind = trouble_find(m, TROUBLE_APPEND, &code, since_us);

	if (kind < TROUBLES) {
		snprintf(message, size, "%s fails: %s", trouble_names[kind], strerrordesc_np(code));
	} else if (room >= 0 && room < atomic_load(&m->least_bytes)) {
		snprintf(message, size, "the disk of the state is full");
		*since_us = atomic_load(&m->low_us);
	}
	return kind < TROUBLES || (room >= 0 && room < atomic_load(&m->least_bytes));
}

/* That nothing could be appended is over when something can be, and the line that says so is what
 * tries it: so that alone holds nothing up, once there is room again. */
static bool may_clear(struct metrics *m)
{
	const int64_t room = atomic_load(&m->room_bytes);

	return trouble_find(m, TROUBLE_APPEND + 1, NULL, NULL) == TROUBLES &&
	       (room < 0 || room >= atomic_load(&m->low_bytes));
}

/* While nothing can be appended the alert can't be either: it is tried again with every look. What
 * has ended by the time that it can be is told of yet, since when it was. */
static void store(struct loop *loop)
{
	struct metrics *m = loop->metrics;
	struct alert_what what = {.kind = STORE};
	bool raised;
	char message[160];

	state_rdlock(loop);
	raised = alert_find(loop->state, STORE, NULL) != NULL;
	state_unlock(loop);
	if (raised) {
		m->untold_us = 0;
		if (may_clear(m))
			alert_set(loop, &what, false);
		return;
	}
	if (is_bad(m, message, sizeof(message), &what.since_us)) {
		m->untold_us = m->untold_us ? m->untold_us : what.since_us;
	} else if (m->untold_us) {
		what.since_us = m->untold_us;
		snprintf(message, sizeof(message), "the store failed for a while");
	} else {
		return;
	}
	what.message = message;
	alert_set(loop, &what, true);
}

void alerts_look(struct loop *loop)
{
	late_sessions(loop);
	backlogs(loop);
	store(loop);
}

void alerts_restore(struct loop *loop)
{
	loop->metrics->restored_us = loop_mono_us(loop);
}

void alerts_keep(
	struct loop *loop, const char *kind, bool (*is)(void *arg, const char *subject), void *arg)
{
	const size_t len = strlen(kind);
	char *subjects[AT_ONCE];
	int count = 0;

	state_rdlock(loop);
	for (const struct item *i = loop->state->items.open[ITEM_ALERT].first; i && count < AT_ONCE;
		i = i->next) {
		if (strncmp(i->id, kind, len) != 0 || i->id[len] != ' ' || is(arg, i->id + len + 1))
			continue;
		subjects[count] = strdup(i->id + len + 1);
		count += subjects[count] != NULL;
	}
	state_unlock(loop);
	for (int i = 0; i < count; i++) {
		const struct alert_what what = {.kind = kind, .subject = subjects[i]};

		alert_set(loop, &what, false);
		free(subjects[i]);
	}
}
