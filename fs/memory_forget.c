#include "fs/memory_forget.h"

#include "core/base/thread.h"

#include "fs/private.h"

#include "core/state/parts.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

struct forgetting {
	fuse_ino_t dir;
	char *name;           /* NULL: the directory's attributes */
	void (*then)(void *); /* NULL: was called */
	void *arg;
	int64_t due_us;
	struct forgetting *next;
};

struct memory_forget {
	struct server *server;
	pthread_mutex_t mutex;
	pthread_cond_t news;  /* for who tells */
	pthread_cond_t begun; /* for who watches, while nothing is under way */
	pthread_t teller, watcher;
	bool started, stopping, over, idle;
	struct forgetting *at; /* what the kernel is being told */
	struct forgetting *queue, **tail;
};

struct memory_forget *memory_forget_new(struct server *s)
{
	struct memory_forget *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->server = s;
	f->tail = &f->queue;
	pthread_mutex_init(&f->mutex, NULL);
	pthread_cond_init(&f->news, NULL);
	thread_cond_init(&f->begun);
	return f;
}

void memory_forget_free(struct memory_forget *f)
{
	if (!f)
		return;
	pthread_cond_destroy(&f->begun);
	pthread_cond_destroy(&f->news);
	pthread_mutex_destroy(&f->mutex);
	free(f);
}

/* Under the lock, which is let go meanwhile: the item may be gone then. */
static void answer(struct memory_forget *f, struct forgetting *item)
{
	void (*then)(void *) = item->then;
	void *arg = item->arg;

	if (!then)
		return;
	item->then = NULL;
	pthread_mutex_unlock(&f->mutex);
	then(arg);
	pthread_mutex_lock(&f->mutex);
}

static void tell(struct memory_forget *f, const struct forgetting *item)
{
	struct fuse_session *session = f->server->session;

	/* That there is nothing to forget any more is as good. */
	if (item->name)
		fuse_lowlevel_notify_inval_entry(
			session, item->dir, item->name, strlen(item->name));
	else
		fuse_lowlevel_notify_inval_inode(session, item->dir, -1, 0);
}

static void *run(void *arg)
{
	struct memory_forget *f = arg;
	struct forgetting *item;

	pthread_mutex_lock(&f->mutex);
	while (f->queue || !f->stopping) {
		item = f->queue;
		if (!item) {
			pthread_cond_wait(&f->news, &f->mutex);
			continue;
		}
		f->at = item;
		f->queue = item->next;
		if (!f->queue)
			f->tail = &f->queue;
		pthread_mutex_unlock(&f->mutex);
		tell(f, item);
		pthread_mutex_lock(&f->mutex);
		f->at = NULL;
		answer(f, item);
		free(item->name);
		free(item);
	}
	pthread_mutex_unlock(&f->mutex);
	return NULL;
}

/* The one that has waited longest; under the lock. */
static struct forgetting *oldest(const struct memory_forget *f)
{
	struct forgetting *item = f->queue;

	if (f->at && f->at->then)
		return f->at;
	while (item && !item->then)
		item = item->next;
	return item;
}

static void *watch(void *arg)
{
	struct memory_forget *f = arg;
	struct timespec until;
	struct forgetting *item;

	pthread_mutex_lock(&f->mutex);
	while (!f->over) {
		item = oldest(f);
		f->idle = !item;
		if (!item) {
			pthread_cond_wait(&f->begun, &f->mutex);
		} else if (item->due_us <= loop_mono_us(f->server->loop)) {
			answer(f, item);
		} else {
			until.tv_sec = (time_t)(item->due_us / SECOND_US);
			until.tv_nsec = (long)(item->due_us % SECOND_US) * 1000;
			pthread_cond_timedwait(&f->begun, &f->mutex, &until);
		}
	}
	pthread_mutex_unlock(&f->mutex);
	return NULL;
}

/* Under the lock. Without the watcher nothing is told: that could wait for good. */
static bool is_running(struct memory_forget *f)
{
	if (f->started || f->stopping)
		return !f->stopping;
	if (pthread_create(&f->watcher, NULL, watch, f) != 0)
		return false;
	pthread_setname_np(f->watcher, "memory-late");
	if (pthread_create(&f->teller, NULL, run, f) == 0) {
		pthread_setname_np(f->teller, "memory");
		f->started = true;
		return true;
	}
	f->over = f->stopping = true;
	pthread_cond_signal(&f->begun);
	pthread_mutex_unlock(&f->mutex);
	pthread_join(f->watcher, NULL);
	pthread_mutex_lock(&f->mutex);
	return false;
}

void memory_forget_stop(struct memory_forget *f)
{
	bool started;

	pthread_mutex_lock(&f->mutex);
	started = f->started;
	f->started = false;
	f->stopping = true;
	pthread_cond_signal(&f->news);
	pthread_mutex_unlock(&f->mutex);
	if (!started)
		return;
	/* The last of it may need the watcher, too. */
	pthread_join(f->teller, NULL);
	pthread_mutex_lock(&f->mutex);
	f->over = true;
	pthread_cond_signal(&f->begun);
	pthread_mutex_unlock(&f->mutex);
	pthread_join(f->watcher, NULL);
}

bool memory_forget_add(
	struct memory_forget *f, fuse_ino_t dir, const char *name, void (*then)(void *), void *arg)
{
	struct forgetting *item = calloc(1, sizeof(*item));
	bool queued = false;

	if (item && (!name || (item->name = strdup(name)))) {
		item->dir = dir;
		item->then = then;
		item->arg = arg;
		item->due_us = loop_mono_us(f->server->loop) + FORGET_WAIT_US;
		pthread_mutex_lock(&f->mutex);
		queued = is_running(f);
		if (queued) {
			*f->tail = item;
			f->tail = &item->next;
			pthread_cond_signal(&f->news);
			if (f->idle)
				pthread_cond_signal(&f->begun);
			f->idle = false;
		}
		pthread_mutex_unlock(&f->mutex);
	}
	if (!queued) {
		if (item)
			free(item->name);
		free(item);
	}
	return queued;
}
