/*
 * Quiet directories: below one of these names (config->memory_quiet) many changes are one event.
 *
 * What is changed there is counted for each directory and for each who did it. The event is told
 * when nothing has come for QUIET_US, and of what goes on for longer, each QUIET_LONGEST_US. The
 * count stands in a note, so a kill loses no more than the change that was just made. A thread of
 * its own tells them, and tries again what the log refused.
 */
#include "core/memory/memory_note.h"
#include "core/memory/memory_private.h"

#include "core/state/parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define QUIET_US         SECOND_US
#define QUIET_LONGEST_US (10 * SECOND_US)
#define AGAIN_US         SECOND_US

struct quiet {
	struct quiet *next;
	struct memory_node *dir; /* referred to */
	struct actor actor;
	uint64_t count;
	int64_t first_us, last_us; /* of the changes */
	int note;                  /* -1: none */
	bool recovered;
};

/* --- which directories are */

static bool is_quiet_name(const char *names, const char *name)
{
	const size_t want = strlen(name);
	size_t len;

	for (; *names; names += len + (names[len] == ':')) {
		len = strcspn(names, ":");
		if (len == want && memcmp(names, name, len) == 0)
			return true;
	}
	return false;
}

/* The outermost on the way up; under the mutex. */
static struct memory_node *above(const char *names, struct memory_node *dir)
{
	struct memory_node *found = NULL;

	for (; dir->names; dir = dir->names->dir)
		if (is_quiet_name(names, dir->names->text))
			found = dir;
	return found;
}

static const char *names_of(const struct memory *m)
{
	return m->config->memory_quiet && m->config->memory_quiet[0] ? m->config->memory_quiet
								     : NULL;
}

struct memory_node *memory_quiet_above(struct memory_node *dir)
{
	const char *names = names_of(dir->memory);
	struct memory_node *found;

	if (!names)
		return NULL;
	pthread_mutex_lock(&dir->memory->mutex);
	found = above(names, dir);
	if (found)
		found->refs++;
	pthread_mutex_unlock(&dir->memory->mutex);
	return found;
}

/* The first directory by a name of the node that is quiet, and its first name that isn't; under the
 * mutex. */
static struct memory_node *by_names(
	const struct memory_node *n, const char *names, const struct memory_name **loud)
{
	struct memory_node *found = NULL, *one;

	*loud = NULL;
	for (const struct memory_name *name = n->names; name && !*loud; name = name->next) {
		one = above(names, name->dir);
		found = found ? found : one;
		*loud = one ? NULL : name;
	}
	return found;
}

struct memory_node *memory_quiet_of(struct memory_node *n, struct buf *path)
{
	const char *names = names_of(n->memory);
	const struct memory_name *loud;
	struct memory_node *found;

	if (!names)
		return NULL;
	pthread_mutex_lock(&n->memory->mutex);
	found = by_names(n, names, &loud);
	if (found && !loud)
		found->refs++;
	pthread_mutex_unlock(&n->memory->mutex);
	if (!found || !loud)
		return found;
	pthread_rwlock_rdlock(&n->memory->names); /* so that the name stays */
	pthread_mutex_lock(&n->memory->mutex);
	(void)by_names(n, names, &loud);
	pthread_mutex_unlock(&n->memory->mutex);
	if (loud)
		memory_path(loud->dir, loud->text, path);
	pthread_rwlock_unlock(&n->memory->names);
	return NULL;
}

/* --- telling */

static void quiet_free(struct quiet *q)
{
	memory_unref(q->dir, 1);
	actor_release(&q->actor);
	free(q);
}

/* That a directory was removed was told. */
static void tell(struct memory *m, struct quiet *q)
{
	struct memory_told told = {
		.node = q->dir,
		.verb = "write",
		.size = -1,
		.quiet = q->count,
		.recovered = q->recovered,
	};
	bool removed;

	pthread_mutex_lock(&q->dir->mutex);
	removed = q->dir->removed;
	pthread_mutex_unlock(&q->dir->mutex);
	if (removed)
		note_drop(m->notes, q->note);
	else
		memory_tell_quiet(m, &q->actor, &told, q->note);
	quiet_free(q);
}

static int64_t due_us(const struct quiet *q)
{
	const int64_t over = q->last_us + QUIET_US, longest = q->first_us + QUIET_LONGEST_US;

	return over < longest ? over : longest;
}

/* Takes one out that is due at that time, the first to be so; else says when one is. */
static struct quiet *take_due(struct memory *m, int64_t now_us, int64_t *next_us)
{
	struct quiet **first = NULL, **at, *q;

	for (at = &m->quiet; (q = *at); at = &q->next)
		if (!first || due_us(q) < due_us(*first))
			first = at;
	if (!first)
		return NULL;
	q = *first;
	if (due_us(q) > now_us) {
		*next_us = due_us(q) < *next_us ? due_us(q) : *next_us;
		return NULL;
	}
	*first = q->next;
	m->quiet_count--;
	return q;
}

int64_t memory_quiet_due(struct memory *m, int64_t now_us)
{
	int64_t next_us = INT64_MAX;
	struct quiet *q;

	for (;;) {
		pthread_mutex_lock(&m->quiet_mutex);
		q = take_due(m, now_us, &next_us);
		pthread_mutex_unlock(&m->quiet_mutex);
		if (!q)
			return next_us;
		tell(m, q);
	}
}

/* --- counting */

static struct quiet *find(struct memory *m, const struct memory_node *dir, const struct actor *who)
{
	struct quiet *q;

	for (q = m->quiet; q; q = q->next)
		if (q->dir == dir && q->actor.session == who->session && q->actor.uid == who->uid)
			return q;
	return NULL;
}

static struct quiet *quiet_new(struct memory *m, struct memory_node *dir, const struct actor *who)
{
	struct quiet *q = calloc(1, sizeof(*q));

	if (!q)
		return NULL;
	memory_ref(dir);
	q->dir = dir;
	q->actor = *who;
	if (q->actor.session)
		session_ref(q->actor.session);
	q->note = -1;
	q->first_us = loop_mono_us(m->loop);
	q->next = m->quiet;
	m->quiet = q;
	m->quiet_count++;
	return q;
}

static void add(struct memory *m, struct memory_node *dir, const struct actor *who, uint64_t count,
	int note, bool recovered)
{
	struct note head = {.state = NOTE_QUIET, .verb = "write", .ino = dir->ino, .count = count};
	int64_t unused;
	struct quiet *q, *oldest = NULL;

	pthread_mutex_lock(&m->quiet_mutex);
	q = find(m, dir, who);
	if (!q && m->quiet_count >= MEMORY_QUIET_MAX)
		oldest = take_due(m, INT64_MAX, &unused);
	if (!q && (q = quiet_new(m, dir, who)))
		q->note = note >= 0 ? note : note_take(m->notes, &head, who, NULL, NULL, 0);
	else if (q)
		note_drop(m->notes, note);
	if (q) {
		q->count += count;
		q->recovered |= recovered;
		q->last_us = loop_mono_us(m->loop);
		note_count(m->notes, q->note, q->count);
		if (m->next_us > due_us(q)) {
			m->next_us = due_us(q);
			pthread_cond_signal(&m->quiet_cond);
		}
	}
	pthread_mutex_unlock(&m->quiet_mutex);
	if (oldest)
		tell(m, oldest);
}

void memory_quiet_add(struct memory *m, struct memory_node *dir, const struct actor *who)
{
	add(m, dir, who, 1, -1, false);
}

void memory_quiet_recover(struct memory *m, struct memory_node *dir, const struct actor *who,
	uint64_t count, int note)
{
	add(m, dir, who, count, note, true);
}

void memory_again(struct memory *m, int note)
{
	const int64_t then_us = loop_mono_us(m->loop) + AGAIN_US;

	note_set_back(m->notes, note);
	pthread_mutex_lock(&m->quiet_mutex);
	if (m->next_us > then_us) {
		m->next_us = then_us;
		pthread_cond_signal(&m->quiet_cond);
	}
	pthread_mutex_unlock(&m->quiet_mutex);
}

/* --- the thread */

/* With the mutex held: until then, or the end. */
static void sleep_until_due(struct memory *m)
{
	struct timespec until;
	int64_t left;

	while (!m->quiet_stopping && (left = m->next_us - loop_mono_us(m->loop)) > 0) {
		left = left < 3600 * SECOND_US ? left : 3600 * SECOND_US;
		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_sec += left / SECOND_US;
		until.tv_nsec += left % SECOND_US * 1000;
		until.tv_sec += until.tv_nsec / 1000000000;
		until.tv_nsec %= 1000000000;
		pthread_cond_timedwait(&m->quiet_cond, &m->quiet_mutex, &until);
	}
}

void memory_tell_again(struct memory *m)
{
	int notes[NOTES], count = 0;

	/* Those that are refused anew are for the next time. */
	while (count < NOTES && (notes[count] = note_take_back(m->notes)) >= 0)
		count++;
	for (int i = 0; i < count; i++)
		memory_tell_note(m, notes[i], false);
}

static void *run(void *arg)
{
	struct memory *m = arg;
	int64_t next_us;

	pthread_mutex_lock(&m->quiet_mutex);
	while (!m->quiet_stopping) {
		sleep_until_due(m);
		if (m->quiet_stopping)
			break;
		m->next_us = INT64_MAX; /* what comes from here on is noted */
		pthread_mutex_unlock(&m->quiet_mutex);
		memory_tell_again(m);
		next_us = memory_quiet_due(m, loop_mono_us(m->loop));
		pthread_mutex_lock(&m->quiet_mutex);
		if (next_us < m->next_us)
			m->next_us = next_us;
	}
	pthread_mutex_unlock(&m->quiet_mutex);
	return NULL;
}

int memory_quiet_start(struct memory *m, struct error *err)
{
	int r = pthread_create(&m->quiet_thread, NULL, run, m);

	if (r)
		return error_set(err, r, "can't start a thread: %s", strerror(r));
	pthread_setname_np(m->quiet_thread, "memory");
	m->quiet_running = true;
	return 0;
}

void memory_quiet_stop(struct memory *m)
{
	pthread_mutex_lock(&m->quiet_mutex);
	m->quiet_stopping = true;
	pthread_cond_signal(&m->quiet_cond);
	pthread_mutex_unlock(&m->quiet_mutex);
	if (m->quiet_running)
		pthread_join(m->quiet_thread, NULL);
	m->quiet_running = false;
}
