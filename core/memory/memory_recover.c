/* What a run that was killed left untold is told at the next start, once. */
#include "core/memory/memory_note.h"
#include "core/memory/memory_private.h"

#include "core/base/json.h"
#include "core/log/log.h"
#include "core/state/parts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What was left: files that were open, and notes. */
struct left {
	struct memory *m;
	const struct dirty_left *files;
	size_t file_count;
	struct memory_look look; /* the files, and then each note's directory */
	int undecided;           /* -1: none */
};

/* --- was it made, and was it told? */

/* Of a change that was not decided: the disk says. A file that was made and then known as open is
 * told of as that. */
static bool was_made(const struct left *l, const struct note *n)
{
	if (!l->look.listed)
		return false;
	if (!n->made)
		return l->look.there != n->ino;
	for (size_t i = 0; i < l->file_count; i++)
		if (l->files[i].ino == l->look.there)
			return false;
	return l->look.there != 0;
}

static void decide(struct left *l)
{
	struct note_list *notes = l->m->notes;

	if (l->undecided < 0)
		return;
	if (was_made(l, note_at(notes, l->undecided)))
		note_is_made(notes, l->undecided);
	else
		note_drop(notes, l->undecided);
}

/* Whether a line tells what a note does: what is added to the note's data, if anything, is that it
 * was recovered. */
static bool tells(const struct record *r, const struct note *n)
{
	static const char key[] = "\"data\":";
	const size_t len = strlen(n->text);
	const char *at;

	if (r->pos <= n->pos || r->uid != n->uid || !r->line || !r->type || len == 0 ||
		strncmp(r->type, "memory.", 7) != 0 || strcmp(r->type + 7, n->verb) != 0)
		return false;
	at = memmem(r->line, r->line_len, key, sizeof(key) - 1);
	if (!at)
		return false;
	at += sizeof(key) - 1;
	return (size_t)(r->line + r->line_len - at) >= len && memcmp(at, n->text, len - 1) == 0 &&
	       (at[len - 1] == '}' || strncmp(at + len - 1, ",\"recovered\":", 13) == 0);
}

static bool drop_told(void *arg, struct record *r)
{
	struct memory *m = arg;
	const struct note *n;

	for (int i = 0; i < NOTES; i++) {
		n = note_at(m->notes, i);
		if (n && n->state == NOTE_DECIDED && tells(r, n)) {
			note_drop(m->notes, i);
			break;
		}
	}
	return true;
}

/* A kill after an event was appended and before its note went left both. */
static int drop_all_told(struct memory *m, struct error *err)
{
	int64_t first = INT64_MAX;
	const struct note *n;

	for (int i = 0; i < NOTES; i++) {
		n = note_at(m->notes, i);
		if (n && n->state == NOTE_DECIDED && n->pos < first)
			first = n->pos;
	}
	if (first == INT64_MAX)
		return 0;
	return log_read(m->loop->log, first + 1, drop_told, m, err);
}

/* --- telling */

int memory_find_dir(struct memory *m, const char *path, size_t len, struct memory_node **out)
{
	struct memory_node *at = memory_root(m), *next;
	char name[NAME_MAX + 1];
	struct stat st;
	size_t part;
	int r = 0;

	memory_ref(at);
	while (!r && len > 0) {
		part = strcspn(path, "/");
		part = part < len ? part : len;
		snprintf(name, sizeof(name), "%.*s", (int)part, path);
		r = memory_find(at, name, &next, &st);
		if (r)
			break;
		memory_unref(at, 1);
		at = next;
		part += part < len;
		path += part;
		len -= part;
	}
	if (r)
		memory_unref(at, 1);
	else
		*out = at;
	return r;
}

static bool has_name(struct memory_node *n)
{
	bool has;

	pthread_mutex_lock(&n->memory->mutex);
	has = n->names;
	pthread_mutex_unlock(&n->memory->mutex);
	return has;
}

void memory_find_name(struct memory_node *n)
{
	struct memory *m = n->memory;
	struct memory_sought sought = {.ino = n->ino};
	struct memory_look look = {.sought = &sought, .count = 1, .looks_only = true};
	struct memory_node *dir, *found;
	const char *name;
	struct stat st;

	if (has_name(n))
		return;
	pthread_rwlock_rdlock(&m->names);
	(void)memory_count(m, &look);
	pthread_rwlock_unlock(&m->names);
	name = sought.path ? strrchr(sought.path, '/') : NULL;
	name = name ? name + 1 : sought.path;
	if (name && !memory_find_dir(m, sought.path, (size_t)(name - sought.path), &dir)) {
		if (!memory_find(dir, name, &found, &st))
			memory_unref(found, 1);
		memory_unref(dir, 1);
	}
	free(sought.path);
}

/* Below a quiet directory it is one more of its changes. */
static bool is_quiet(struct memory *m, const char *path, const struct actor *actor)
{
	const char *end = strrchr(path, '/');
	struct memory_node *dir, *quiet;

	if (!end || memory_find_dir(m, path, (size_t)(end - path), &dir))
		return false;
	quiet = memory_quiet_above(dir);
	memory_unref(dir, 1);
	if (!quiet)
		return false;
	memory_quiet_recover(m, quiet, actor, 1, -1);
	memory_unref(quiet, 1);
	return true;
}

/* What was open for writing may have changed. */
static void tell_file(struct memory *m, const struct dirty_left *left, const char *path)
{
	struct actor actor = {.uid = left->uid, .kind = ACTOR_USER};
	struct memory_told told = {.verb = "write", .type = S_IFREG, .recovered = true};
	struct stat st;
	char *whole = NULL;

	if (fstatat(m->fd, path, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(st.st_mode) ||
		asprintf(&whole, MEMORY_DIR "/%s", path) < 0)
		return;
	memory_actor_of(m, left->session, &actor);
	told.path = whole;
	told.size = st.st_size;
	if (!is_quiet(m, path, &actor))
		memory_tell_now(m, &actor, &told, NULL);
	actor_release(&actor);
	free(whole);
}

/* It goes on to be counted. */
static void tell_quiet(struct memory *m, int at, const char *path)
{
	const struct note *n = note_at(m->notes, at);
	struct actor actor = {.uid = n->uid, .kind = ACTOR_USER};
	struct memory_node *dir;

	if (!path || memory_find_dir(m, path, strlen(path), &dir)) {
		note_drop(m->notes, at); /* that it was removed was told */
		return;
	}
	memory_actor_of(m, n->session, &actor);
	memory_quiet_recover(m, dir, &actor, n->count, at);
	actor_release(&actor);
	memory_unref(dir, 1);
}

/* The first that was taken after that one, and before we came; -1: none is left. */
static int next_note(const struct note_list *notes, const bool *left, uint64_t *after)
{
	int first = -1;

	for (int i = 0; i < NOTES; i++) {
		const struct note *n = left[i] ? note_at(notes, i) : NULL;

		if (n && n->number > *after &&
			(first < 0 || n->number < note_at(notes, first)->number))
			first = i;
	}
	if (first >= 0)
		*after = note_at(notes, first)->number;
	return first;
}

static void tell_decided(struct memory *m, int at)
{
	const char *text = note_at(m->notes, at)->text;
	struct json *json = NULL;

	/* After a loss of power it may be anything. */
	if (json_parse(text, strlen(text), &json, NULL) == 0)
		memory_tell_note(m, at, true);
	else
		note_drop(m->notes, at);
	json_free(json);
}

static void tell_notes(struct left *l)
{
	const struct memory_sought *dirs = l->look.sought + l->file_count;
	struct note_list *notes = l->m->notes;
	bool left[NOTES];
	uint64_t after = 0;
	int at;

	for (at = 0; at < NOTES; at++)
		left[at] = note_at(notes, at) != NULL;
	while ((at = next_note(notes, left, &after)) >= 0) {
		left[at] = false;
		if (note_at(notes, at)->state == NOTE_QUIET)
			tell_quiet(l->m, at, dirs[at].path);
		else
			tell_decided(l->m, at);
	}
	for (at = 0; at < NOTES; at++)
		if (left[at]) /* without a number of its own: nothing that we wrote */
			note_drop(notes, at);
}

static void tell_all(struct left *l)
{
	tell_notes(l);
	for (size_t i = 0; i < l->file_count; i++)
		if (l->look.sought[i].path)
			tell_file(l->m, &l->files[i], l->look.sought[i].path);
	dirty_reset(l->m->dirty);
}

/* --- looking */

static int look_for(struct left *l)
{
	const struct note *n;

	l->look.count = l->file_count + NOTES;
	l->look.sought = calloc(l->look.count, sizeof(*l->look.sought));
	if (!l->look.sought)
		return -ENOMEM;
	for (size_t i = 0; i < l->file_count; i++)
		l->look.sought[i].ino = l->files[i].ino;
	for (int i = 0; i < NOTES; i++) {
		n = note_at(l->m->notes, i);
		if (n && n->state == NOTE_QUIET)
			l->look.sought[l->file_count + (size_t)i].ino = n->ino;
		if (!n || n->state != NOTE_UNDECIDED)
			continue;
		/* There is one, but for a loss of power. */
		note_drop(l->m->notes, l->undecided);
		l->undecided = i;
		l->look.dir = n->dir;
		l->look.name = n->name;
	}
	return 0;
}

int memory_take_stock(struct memory *m, struct error *err)
{
	struct left l = {.m = m, .undecided = -1};
	int r;

	l.file_count = dirty_left(m->dirty, &l.files);
	r = look_for(&l);
	if (!r)
		r = memory_count(m, &l.look);
	if (r) {
		error_set(err, -r, "memory: can't count what is there: %s", strerror(-r));
	} else {
		decide(&l);
		r = drop_all_told(m, err);
	}
	if (!r)
		tell_all(&l);
	for (size_t i = 0; l.look.sought && i < l.look.count; i++)
		free(l.look.sought[i].path);
	free(l.look.sought);
	return r;
}
