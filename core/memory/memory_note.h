/*
 * Notes of events that are not in the log yet: a small mapped file, so that a note costs a copy and
 * outlives the process. For memory*.c alone.
 *
 * A change of names is noted before it is made, with the text of its event, and its note goes once
 * the event is in the log. Names change one at a time (under `names`, held for writing), so after a
 * kill at most one note is *undecided*: whether its change was made is seen on the disk, where
 * nothing has changed since. Of a *decided* one it was; whether its event was appended is seen in
 * the log from `pos` on. A *quiet* one counts changes that one event is to tell of
 * (core/memory/memory_quiet.c).
 *
 * Where all notes are taken, or a text is too long for one, there is none, and what a kill loses is
 * lost. Any thread; the lock is taken last. Nothing blocks.
 */
#ifndef CORE_MEMORY_NOTE_H
#define CORE_MEMORY_NOTE_H

#include "core/base/error.h"
#include "core/base/limits.h"

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NOTES     64
#define NOTE_SIZE 4096

enum note_state { NOTE_FREE, NOTE_UNDECIDED, NOTE_DECIDED, NOTE_QUIET };

struct note {
	uint32_t state; /* written last, cleared first */
	uint32_t uid;
	uint64_t number; /* in which order they were taken */
	int64_t pos;     /* the log's newest record when it was made */
	uint64_t ino;    /* what is to go from that name; of a quiet one the directory */
	uint64_t dir;    /* where the name is */
	uint64_t count;  /* of a quiet one */
	uint32_t made;   /* something is made at that name, and nothing goes */
	char verb[8];
	char session[ID_MAX + 1];
	char name[NAME_MAX + 1];
	char text[NOTE_SIZE - 56 - 8 - (ID_MAX + 1) - (NAME_MAX + 1)]; /* the event's data */
};

struct actor;
struct note_list;

/* -EIO and others with the reason. What the run before left is taken. On a full disk there are no
 * notes. */
int notes_open(const char *state, struct note_list **out, struct error *);
void notes_close(struct note_list *); /* takes NULL */

/* Takes a note and fills in what is given of these; its number, or -1. `name` and `text` may be
 * NULL; the state is the last to be written. */
int note_take(struct note_list *, const struct note *head, const struct actor *, const char *name,
	const char *text, size_t len);
/* Gives a note that is taken a text, and makes it decided: false where that is too long. */
bool note_decide(struct note_list *, int note, const char *text, size_t len, int64_t pos);
void note_is_made(struct note_list *, int note);               /* an undecided one; takes -1 */
void note_count(struct note_list *, int note, uint64_t count); /* of a quiet one; takes -1 */
void note_drop(struct note_list *, int note);                  /* takes -1 */

/* A note as it stands, NULL: it is free. Its own thread's, or before there are others. */
const struct note *note_at(const struct note_list *, int note);

/* Its event was refused, and is to be tried again: marks it, and takes one that is marked (-1:
 * none). */
void note_set_back(struct note_list *, int note);
int note_take_back(struct note_list *);

#endif
