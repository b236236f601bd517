/* Events on their way to the log: each has a note (core/memory/memory_note.h) until it is there. */
#include "core/memory/memory_note.h"
#include "core/memory/memory_private.h"

#include "core/log/log.h"
#include "core/state/parts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What an act of ours has in `more`. */
struct telling {
	struct memory *memory;
	int slot, note; /* of the dirty list, and of the notes; -1: none */
	bool again;     /* it was refused, and has a note to try again by */
	bool is_second; /* its refusal was told */
};

static void telling_free(void *more)
{
	struct telling *t = more;
	struct memory *m = t->memory;

	dirty_drop(m->dirty, t->slot);
	if (t->again)
		memory_again(m, t->note);
	else
		note_drop(m->notes, t->note);
	free(t);
	pthread_mutex_lock(&m->mutex);
	if (--m->telling == 0)
		pthread_cond_signal(&m->told);
	pthread_mutex_unlock(&m->mutex);
}

static int telling_add(struct memory *m, struct act *a, int slot, int note)
{
	struct telling *t = malloc(sizeof(*t));

	if (!t)
		return -1;
	*t = (struct telling){.memory = m, .slot = slot, .note = note};
	pthread_mutex_lock(&m->mutex);
	m->telling++;
	pthread_mutex_unlock(&m->mutex);
	a->more = t;
	a->more_free = telling_free;
	return 0;
}

/* What the log refuses now and may take later. */
static bool is_passing(int status)
{
	return status == -ENOSPC || status == -EDQUOT || status == -EIO || status == -EROFS ||
	       status == -ENOMEM;
}

/* The change stands; whoever made it hears in `errors` that its event doesn't yet, or won't. */
static void refused(struct act *a, struct telling *t, int status, const struct error *err)
{
	char why[ERROR_TEXT_MAX];

	t->again = t->note >= 0 && is_passing(status);
	if (t->is_second && t->again)
		return;
	snprintf(why, sizeof(why), "what was changed is there, but its event %s: %.240s",
		t->again ? "waits until it can be kept" : "can't be kept",
		err && err->text[0] ? err->text : strerror(-status));
	memory_refused(t->memory, a->actor.uid, a->actor.tid,
		a->actor.session ? a->actor.session->id : NULL, MEMORY_DIR, -status, why);
}

void memory_told(struct loop *loop, struct command *c, int status, const struct error *err,
	struct record *const *records, size_t count)
{
	struct act *a = (struct act *)c;

	if (status < 0 && a->more_free == telling_free)
		refused(a, a->more, status, err);
	act_over(loop, c, status, err, records, count);
}

static void submit(struct memory *m, struct act *a)
{
	a->command.done = memory_told;
	loop_submit(m->loop, &a->command);
}

static struct note head_of(struct memory *m, const struct memory_told *told, enum note_state state)
{
	struct note head = {.state = state, .pos = atomic_load(&m->loop->log->last_pos)};

	snprintf(head.verb, sizeof(head.verb), "%s", told->verb);
	return head;
}

struct act *memory_tell(
	struct memory *m, const struct actor *actor, const struct memory_told *told, int slot)
{
	struct act *a = memory_act(actor, told);
	struct note head;
	int note;

	if (!a)
		return NULL;
	memory_act_name(m, a);
	head = head_of(m, told, NOTE_DECIDED);
	note = note_take(
		m->notes, &head, actor, NULL, a->text[MEMORY_DATA].data, a->text[MEMORY_DATA].len);
	if (telling_add(m, a, slot, note) == 0)
		return a;
	note_drop(m->notes, note);
	act_free(a);
	return NULL;
}

void memory_tell_now(
	struct memory *m, const struct actor *actor, const struct memory_told *told, int *slot)
{
	struct act *a = memory_tell(m, actor, told, slot ? *slot : -1);

	if (!a)
		return;
	if (slot)
		*slot = -1;
	submit(m, a);
}

void memory_tell_quiet(
	struct memory *m, const struct actor *actor, const struct memory_told *told, int note)
{
	struct act *a = memory_act(actor, told);

	/* Without memory it stays as a quiet one, for the next start. */
	if (!a)
		return;
	memory_act_name(m, a);
	if (note >= 0 && !note_decide(m->notes, note, a->text[MEMORY_DATA].data,
				 a->text[MEMORY_DATA].len, atomic_load(&m->loop->log->last_pos))) {
		note_drop(m->notes, note);
		note = -1;
	}
	if (telling_add(m, a, -1, note) == 0)
		submit(m, a);
	else
		act_free(a);
}

void memory_tell_note(struct memory *m, int at, bool recovered)
{
	const struct note *n = note_at(m->notes, at);
	struct actor actor = {.uid = n->uid, .kind = ACTOR_USER};
	struct act *a;

	memory_actor_of(m, n->session, &actor);
	a = memory_act_again(&actor, n->verb, n->text, recovered);
	actor_release(&actor);
	if (a) {
		memory_act_name(m, a);
		if (telling_add(m, a, -1, at) == 0) {
			((struct telling *)a->more)->is_second = true;
			submit(m, a);
		} else {
			act_free(a);
		}
	} else {
		note_set_back(m->notes, at);
	}
}

void memory_actor_of(struct memory *m, const char *session, struct actor *actor)
{
	state_rdlock(m->loop);
	actor->session = session[0] ? state_session(m->loop->state, session) : NULL;
	if (actor->session) {
		session_ref(actor->session);
		actor->kind = ACTOR_SESSION;
	}
	state_unlock(m->loop);
}

/* --- changes of names */

void memory_change_begin(struct memory_change *c, struct memory *m, const struct actor *actor,
	const struct memory_told *told, const struct memory_site *site)
{
	struct note head = head_of(m, told, NOTE_UNDECIDED);

	*c = (struct memory_change){.memory = m, .actor = actor, .note = -1};
	c->quiet = memory_quiet_above(site->dir);
	if (c->quiet && (!site->other || (c->other = memory_quiet_above(site->other))))
		return;
	if (c->quiet)
		memory_unref(c->quiet, 1);
	c->quiet = NULL;
	c->act = memory_act(actor, told);
	if (!c->act)
		return;
	head.ino = site->ino;
	head.dir = site->at->ino;
	head.made = site->made;
	c->note = note_take(m->notes, &head, actor, site->name, c->act->text[MEMORY_DATA].data,
		c->act->text[MEMORY_DATA].len);
	if (telling_add(m, c->act, -1, c->note)) {
		note_drop(m->notes, c->note);
		act_free(c->act);
		c->act = NULL;
	}
}

void memory_change_made(struct memory_change *c)
{
	c->made = true;
	note_is_made(c->memory->notes, c->act ? c->note : -1);
}

int memory_note_making(struct memory_node *dir, const char *name, const struct actor *actor,
	struct memory_told *told)
{
	struct memory *m = dir->memory;
	struct note head = head_of(m, told, NOTE_UNDECIDED);
	struct memory_node *quiet = memory_quiet_above(dir);
	struct buf path = BUF_INIT, data = BUF_INIT;
	int note = -1;

	if (quiet) {
		memory_unref(quiet, 1);
		return -1;
	}
	head.dir = dir->ino;
	head.made = true;
	memory_path(dir, name, &path);
	told->path = path.data;
	if (path.data)
		memory_data(told, &data);
	if (data.data && !buf_error(&data))
		note = note_take(m->notes, &head, actor, name, data.data, data.len);
	told->path = NULL;
	buf_release(&path);
	buf_release(&data);
	return note;
}

struct act *memory_change_end(struct memory_change *c)
{
	struct act *a = c->act;

	if (c->quiet && c->made)
		memory_quiet_add(c->memory, c->quiet, c->actor);
	if (c->quiet)
		memory_unref(c->quiet, 1);
	if (c->other)
		memory_unref(c->other, 1);
	if (a && c->made) {
		memory_act_name(c->memory, a);
		return a;
	}
	act_free(a);
	return NULL;
}
