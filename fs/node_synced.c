/* Versions of synced files: which are gone, and who is told that they are. */
#include "fs/node_private.h"

#include "fs/files.h"

#include "core/context/sources.h"
#include "core/state/parts.h"

#include <stdlib.h>
#include <string.h>

/* A thread that was told ESTALE goes on with the version that it then found in the same system
 * call: the next one on a version that is gone asks for attributes first, since the kernel has
 * none, and is told again. */
#define TOLD_US SECOND_US

static bool is_under(const struct node *n, const struct source *source)
{
	return n->where.row->shape == SHAPE_TREE && n->where.source == source;
}

static void change(struct node *n, void (*fn)(void *arg, struct node *), void *arg)
{
	n->newest = false;
	n->changes++;
	fn(arg, n);
}

/* The directory that a path is in lists something else. */
static void change_parent(struct nodes *t, const struct source *source, const char *path)
{
	struct where w = {.row = files_row(), .source = (struct source *)source, .is_dir = true};
	const char *slash = strrchr(path, '/');
	char *dir = slash ? strndup(path, (size_t)(slash - path)) : NULL;
	struct node *n;

	w.rest = dir ? rest_new(dir) : NULL;
	if (!slash || w.rest)
		for (n = *nodes_bucket(t, where_ino(&w)); n; n = n->next)
			if (where_same(&n->where, &w))
				n->changes++;
	rest_unref(w.rest);
	free(dir);
}

/* The nodes of one path; those below context/files alone, since a version of the past stays. */
static void change_path(struct nodes *t, const struct source *source, const char *path,
	void (*fn)(void *arg, struct node *), void *arg)
{
	struct where w = {.row = files_row(), .source = (struct source *)source};
	struct node *n;

	change_parent(t, source, path);
	w.rest = rest_new(path);
	if (!w.rest)
		return;
	for (n = *nodes_bucket(t, where_ino(&w)); n; n = n->next)
		if (n->newest && n->where.row == w.row && is_under(n, source) && n->where.rest &&
			strcmp(n->where.rest->text, path) == 0)
			change(n, fn, arg);
	rest_unref(w.rest);
}

static void change_all(struct nodes *t, const struct source *source,
	void (*fn)(void *arg, struct node *), void *arg)
{
	for (size_t i = 0; i < ROWS_MAX; i++)
		for (struct node *n = t->by_row[i]; n; n = n->row_next)
			if (is_under(n, source))
				change(n, fn, arg);
}

void nodes_change(struct nodes *t, const struct source *source, const char *const *paths,
	size_t count, void (*fn)(void *arg, struct node *), void *arg)
{
	pthread_mutex_lock(&t->mutex);
	__atomic_add_fetch(&t->changes, 1, __ATOMIC_RELEASE);
	for (size_t i = 0; i < count; i++)
		change_path(t, source, paths[i], fn, arg);
	if (!paths)
		change_all(t, source, fn, arg);
	pthread_mutex_unlock(&t->mutex);
}

/* Whether what nodes_change() marked is what is there after all: a sync tells of a change when it
 * is there to be seen, and who looks in between has the new version already. */
static bool is_current_still(const struct caller *c, const struct node *n)
{
	struct node now = {.where = n->where}; /* borrows */

	return !source_gone(n->where.source) && source_visible(n->where.source, c->uid) &&
	       node_look(c, &now) == 0 && now.content.is_file && node_is_current(n, &now);
}

static bool is_stale(struct nodes *t, const struct caller *c, struct node *n, bool unused)
{
	uint64_t changes;
	bool stale;

	if (n->where.row->shape != SHAPE_TREE)
		return false;
	pthread_mutex_lock(&t->mutex);
	changes = t->changes;
	stale = !n->newest && !(unused && atomic_load(&n->opens));
	pthread_mutex_unlock(&t->mutex);
	if (!stale || !n->content.is_file || !is_current_still(c, n))
		return stale;
	pthread_mutex_lock(&t->mutex);
	if (t->changes == changes && !node_newest(t, &n->where, n->ino))
		n->newest = true;
	pthread_mutex_unlock(&t->mutex);
	return false;
}

/* Whether that thread was told for this file, and found this version since. To open it ends what it
 * was told; for its attributes it must have been opening. */
static bool was_told(struct nodes *t, pid_t tid, const struct node *n, bool opening)
{
	const int64_t since_us = loop_mono_us(t->loop) - TOLD_US;
	bool told = false;

	for (struct told *at = t->told; at < t->told + TOLD_MAX; at++) {
		if (at->tid != tid)
			continue;
		if (at->ino == n->ino && at->looks < n->looked && at->time_us > since_us)
			told = told || opening || at->opening;
		if (opening || !told)
			at->tid = 0;
	}
	return told;
}

/* Whether it may have this version though it is stale; else it is told. */
static bool may_still(struct nodes *t, pid_t tid, const struct node *n, bool opening, bool stale)
{
	bool told;

	if (tid == 0)
		return false;
	pthread_mutex_lock(&t->mutex);
	told = was_told(t, tid, n, opening);
	if (stale && !told) {
		t->told[t->told_next] =
			(struct told){tid, opening, n->ino, t->looks, loop_mono_us(t->loop)};
		t->told_next = (t->told_next + 1) % TOLD_MAX;
	}
	pthread_mutex_unlock(&t->mutex);
	return told && stale;
}

bool node_is_stale(struct nodes *t, const struct caller *c, struct node *n)
{
	return is_stale(t, c, n, true) && !may_still(t, c->pid, n, false, true);
}

bool node_is_stale_to_open(struct nodes *t, const struct caller *c, struct node *n, bool *again)
{
	bool stale = is_stale(t, c, n, false);

	*again = n->where.row->shape == SHAPE_TREE && may_still(t, c->pid, n, true, stale);
	return stale;
}

bool node_is_newest(struct nodes *t, struct node *n)
{
	bool newest;

	pthread_mutex_lock(&t->mutex);
	newest = n->newest;
	pthread_mutex_unlock(&t->mutex);
	return newest;
}

bool node_lists(struct nodes *t, struct node *n, bool *kept)
{
	bool synced = n->where.row == files_row() && n->where.is_dir;

	pthread_mutex_lock(&t->mutex);
	*kept = n->listed == n->changes + 1;
	n->listed = n->changes + 1;
	pthread_mutex_unlock(&t->mutex);
	return synced;
}
