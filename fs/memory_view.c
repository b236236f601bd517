#include "fs/memory_view.h"

#include "fs/files.h"
#include "fs/memory_forget.h"
#include "fs/ops.h"
#include "fs/private.h"

#include "core/state/parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FOUND_MAX 64
#define FOUND_US  SECOND_US

/* A thread that found a file through as/. */
struct found {
	pid_t tid;
	const struct memory_view *view;
	struct session *as; /* held */
	int64_t time_us;
};

struct memory_views {
	struct server *server;
	pthread_mutex_t mutex;
	struct memory_view *all;
	struct memory_forget *forget;
	struct found found[FOUND_MAX];
	size_t found_next;
};

struct memory_views *memory_views_new(struct server *s)
{
	struct memory_views *v = calloc(1, sizeof(*v));

	if (!v)
		return NULL;
	v->server = s;
	v->forget = memory_forget_new(s);
	if (!v->forget) {
		free(v);
		return NULL;
	}
	pthread_mutex_init(&v->mutex, NULL);
	return v;
}

static void view_free(struct memory_view *view)
{
	memory_unref(view->node, 1);
	session_unref(view->as);
	free(view);
}

/* Under the lock. */
static void take_out(struct memory_view *view)
{
	struct memory_view **at = (struct memory_view **)memory_owner(view->node);

	while (*at != view)
		at = &(*at)->next;
	*at = view->next;
	*view->link = view->all_next;
	if (view->all_next)
		view->all_next->link = view->link;
}

void memory_views_free(struct memory_views *v)
{
	struct memory_view *view;

	if (!v)
		return;
	memory_views_stop(v);
	while ((view = v->all)) {
		take_out(view);
		view_free(view);
	}
	for (size_t i = 0; i < FOUND_MAX; i++)
		session_unref(v->found[i].as);
	memory_forget_free(v->forget);
	pthread_mutex_destroy(&v->mutex);
	free(v);
}

struct memory_view *memory_view_of(fuse_ino_t ino)
{
	return (struct memory_view *)(uintptr_t)ino;
}

static struct memory_view **first_of(struct memory_node *n)
{
	return (struct memory_view **)memory_owner(n);
}

struct memory_view *memory_view_find(struct memory_views *v, struct memory_node *n,
	struct session *as, const struct memory_fixed *fixed)
{
	struct memory_view *view, *fresh = calloc(1, sizeof(*fresh));

	if (!memory_is_dir(n))
		as = NULL;
	pthread_mutex_lock(&v->mutex);
	for (view = *first_of(n); view && view->as != as; view = view->next)
		;
	if (!view && fresh) {
		view = fresh;
		fresh = NULL;
		view->lower.ops = &memory_ops;
		view->node = n;
		if (fixed)
			view->fixed = *fixed;
		view->as = as ? session_ref(as) : NULL;
		view->next = *first_of(n);
		*first_of(n) = view;
		view->all_next = v->all;
		view->link = &v->all;
		if (v->all)
			v->all->link = &view->all_next;
		v->all = view;
		memory_ref(n);
	}
	if (view)
		view->lookups++;
	pthread_mutex_unlock(&v->mutex);
	free(fresh);
	memory_unref(n, 1);
	return view;
}

void memory_view_forget(struct memory_views *v, struct memory_view *view, uint64_t count)
{
	bool gone;

	pthread_mutex_lock(&v->mutex);
	view->lookups -= count < view->lookups ? count : view->lookups;
	gone = view->lookups == 0;
	if (gone)
		take_out(view);
	pthread_mutex_unlock(&v->mutex);
	if (gone)
		view_free(view);
}

void memory_views_found(
	struct memory_views *v, pid_t tid, const struct memory_view *view, struct session *as)
{
	struct found *at;
	struct session *was;

	pthread_mutex_lock(&v->mutex);
	for (at = v->found; at < v->found + FOUND_MAX; at++)
		if (at->tid == tid && at->view == view)
			break;
	if (at == v->found + FOUND_MAX) {
		at = &v->found[v->found_next];
		v->found_next = (v->found_next + 1) % FOUND_MAX;
	}
	was = at->as;
	*at = (struct found){tid, view, session_ref(as), loop_mono_us(v->server->loop)};
	pthread_mutex_unlock(&v->mutex);
	session_unref(was);
}

struct session *memory_views_finder(
	struct memory_views *v, pid_t tid, const struct memory_view *view)
{
	struct session *as = NULL;
	int64_t since_us;

	if (!tid)
		return NULL;
	since_us = loop_mono_us(v->server->loop) - FOUND_US;
	pthread_mutex_lock(&v->mutex);
	for (struct found *at = v->found; at < v->found + FOUND_MAX && !as; at++) {
		if (at->tid != tid || at->view != view || !at->as)
			continue;
		if (at->time_us > since_us)
			as = session_ref(at->as);
		session_unref(at->as);
		*at = (struct found){0};
	}
	pthread_mutex_unlock(&v->mutex);
	return as;
}

/* --- what was changed through as/ */

void memory_views_stop(struct memory_views *v)
{
	memory_forget_stop(v->forget);
}

/* The directory's view in memory/ itself; under the lock. */
static struct memory_view *plain_view(const struct memory_view *dir)
{
	struct memory_view *view = *first_of(dir->node);

	while (view && view->as)
		view = view->next;
	return view;
}

void memory_views_changed(struct memory_views *v, const struct memory_view *dir, const char *name,
	void (*then)(void *), void *arg)
{
	fuse_ino_t ino;

	pthread_mutex_lock(&v->mutex);
	ino = (fuse_ino_t)(uintptr_t)plain_view(dir);
	pthread_mutex_unlock(&v->mutex);
	if (!ino || !memory_forget_add(v->forget, ino, name, then, arg))
		then(arg);
}

static int graft(const struct caller *c, const struct where *w, struct fuse_entry_param *e)
{
	struct memory_node *root = memory_root(c->server->memory);
	/* Who may come in may make something there, and take away what is his own. */
	const struct memory_fixed fixed = {
		.ino = where_ino(w),
		.mode = S_IFDIR | (c->server->config->others ? 01777 : 0755),
		.uid = c->loop->owner,
		.gid = c->loop->group,
	};
	struct memory_view *view;

	memory_ref(root);
	view = memory_view_find(c->server->views, root, w->as, &fixed);
	return view ? memory_fill_entry(c, view, e) : -ENOMEM;
}

const struct file_ops memory_row_ops = {.graft = graft};
