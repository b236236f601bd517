#include "core/memory/memory_note.h"

#include "core/memory/memory_private.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define SIZE  (NOTES * sizeof(struct note))
#define FILE_ "memory.notes"

static_assert(sizeof(struct note) == NOTE_SIZE, "a note is a page");

struct note_list {
	struct note *notes; /* mapped */
	pthread_mutex_t mutex;
	bool taken[NOTES], back[NOTES];
	uint64_t number; /* the last one */
};

/* After a loss of power it may be anything. */
static bool is_sound(const struct note *n)
{
	return n->state <= NOTE_QUIET && memchr(n->verb, '\0', sizeof(n->verb)) &&
	       memchr(n->session, '\0', sizeof(n->session)) &&
	       memchr(n->name, '\0', sizeof(n->name)) && memchr(n->text, '\0', sizeof(n->text));
}

int notes_open(const char *state, struct note_list **out, struct error *err)
{
	struct note_list *l = calloc(1, sizeof(*l));
	char *path = NULL;
	void *at = NULL;
	int r;

	if (!l || asprintf(&path, "%s/" FILE_, state) < 0) {
		free(l);
		return error_set(err, ENOMEM, "out of memory");
	}
	pthread_mutex_init(&l->mutex, NULL);
	r = memory_map(path, SIZE, &at);
	l->notes = at;
	if (r == -ENOSPC || r == -EDQUOT) {
		/* There is none until a start that finds room: no reason not to serve. */
		memset(l->taken, true, sizeof(l->taken));
		*out = l;
		r = 0;
	} else if (r) {
		error_set(err, -r, "%s: %s", path, strerror(-r));
		notes_close(l);
	} else {
		for (int i = 0; i < NOTES; i++) {
			if (!is_sound(&l->notes[i]))
				l->notes[i].state = NOTE_FREE;
			l->taken[i] = l->notes[i].state != NOTE_FREE;
			if (l->taken[i] && l->notes[i].number > l->number)
				l->number = l->notes[i].number;
		}
		*out = l;
	}
	free(path);
	return r;
}

void notes_close(struct note_list *l)
{
	if (!l)
		return;
	if (l->notes)
		munmap(l->notes, SIZE);
	pthread_mutex_destroy(&l->mutex);
	free(l);
}

/* The lowest, so that few pages are written to. */
static int take(struct note_list *l)
{
	int at = 0;

	pthread_mutex_lock(&l->mutex);
	while (at < NOTES && l->taken[at])
		at++;
	if (at < NOTES) {
		l->taken[at] = true;
		l->notes[at].number = ++l->number;
	}
	pthread_mutex_unlock(&l->mutex);
	return at < NOTES ? at : -1;
}

static void set_state(struct note *n, enum note_state state)
{
	__atomic_store_n(&n->state, (uint32_t)state, __ATOMIC_RELEASE);
}

static void set_text(struct note *n, const char *text, size_t len)
{
	memcpy(n->text, text, len);
	n->text[len] = '\0';
}

int note_take(struct note_list *l, const struct note *head, const struct actor *actor,
	const char *name, const char *text, size_t len)
{
	struct note *n;
	int at = len < sizeof(n->text) ? take(l) : -1;

	if (at < 0)
		return -1;
	n = &l->notes[at];
	n->uid = actor->uid;
	n->pos = head->pos;
	n->ino = head->ino;
	n->dir = head->dir;
	n->count = head->count;
	n->made = head->made;
	memcpy(n->verb, head->verb, sizeof(n->verb));
	snprintf(n->session, sizeof(n->session), "%s", actor->session ? actor->session->id : "");
	snprintf(n->name, sizeof(n->name), "%s", name ? name : "");
	set_text(n, text ? text : "", len);
	set_state(n, (enum note_state)head->state);
	return at;
}

bool note_decide(struct note_list *l, int note, const char *text, size_t len, int64_t pos)
{
	struct note *n = note < 0 ? NULL : &l->notes[note];

	if (!n || len >= sizeof(n->text))
		return false;
	/* Of a quiet one that is told, or again of one that is told at the start: a kill now leaves
	 * it as it was. */
	set_text(n, text, len);
	n->pos = pos;
	set_state(n, NOTE_DECIDED);
	return true;
}

void note_is_made(struct note_list *l, int note)
{
	if (note >= 0)
		set_state(&l->notes[note], NOTE_DECIDED);
}

void note_count(struct note_list *l, int note, uint64_t count)
{
	if (note >= 0)
		__atomic_store_n(&l->notes[note].count, count, __ATOMIC_RELEASE);
}

void note_drop(struct note_list *l, int note)
{
	if (note < 0)
		return;
	set_state(&l->notes[note], NOTE_FREE);
	pthread_mutex_lock(&l->mutex);
	l->taken[note] = l->back[note] = false;
	pthread_mutex_unlock(&l->mutex);
}

const struct note *note_at(const struct note_list *l, int note)
{
	return l->notes && l->taken[note] ? &l->notes[note] : NULL;
}

void note_set_back(struct note_list *l, int note)
{
	pthread_mutex_lock(&l->mutex);
	l->back[note] = true;
	pthread_mutex_unlock(&l->mutex);
}

int note_take_back(struct note_list *l)
{
	int at = 0;

	pthread_mutex_lock(&l->mutex);
	while (at < NOTES && !l->back[at])
		at++;
	if (at < NOTES)
		l->back[at] = false;
	pthread_mutex_unlock(&l->mutex);
	return at < NOTES ? at : -1;
}
