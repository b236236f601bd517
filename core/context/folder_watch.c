#include "core/base/clock.h"
#include "core/base/thread.h"
#include "core/context/folder_watch_private.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define QUIET_US  (SECOND_US / 10) /* after the last event */
#define BURST_US  (SECOND_US / 2)  /* after the first */
#define NAP_US    (SECOND_US / 20) /* between looks for events while one is due */
#define RESET_US  (2 * SECOND_US)  /* between beginnings */
#define STALE_MAX 4096

static void free_folder(struct folder *f)
{
	source_config_release(&f->config);
	folder_rights_release(&f->rights);
	free(f->root.path);
	free(f);
}

static struct folder *make_folder(
	int64_t source, const struct source_config *config, uid_t uid, gid_t gid)
{
	struct folder *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	if (source_config_copy(&f->config, config) != 0) {
		free(f);
		return NULL;
	}
	f->source = source;
	f->uid = uid;
	f->gid = gid;
	f->root.config = &f->config;
	f->root.rights = &f->rights;
	error_set(&f->status, EAGAIN, "not looked at yet");
	return f;
}

/* --- the thread */

/* Moves what was asked to where it is done. What is gone stays in the list as long as spots know
 * it. */
static bool take_asked(struct folder_watch *w)
{
	struct folder *f, *next;

	pthread_mutex_lock(&w->lock);
	w->awake = false;
	STAILQ_FOREACH(f, &w->added, in_list)
	f->look_us = 0;
	STAILQ_CONCAT(&w->folders, &w->added);
	for (f = STAILQ_FIRST(&w->folders); f; f = next) {
		next = STAILQ_NEXT(f, in_list);
		if (f->gone && f->root.path)
			w->wrong = true;
		if (!f->gone || f->root.path)
			continue;
		STAILQ_REMOVE(&w->folders, f, folder, in_list);
		free_folder(f);
	}
	bool go_on = !w->stopping;
	pthread_mutex_unlock(&w->lock);
	return go_on;
}

static void begin_anew(struct folder_watch *w)
{
	struct folder *f;
	int rc = w->spots ? spots_reset(w->spots) : spots_new(w->wake_path, &w->spots);

	w->reset_us = folder_now_us() + RESET_US;
	w->wrong = rc != 0;
	STAILQ_FOREACH(f, &w->folders, in_list)
	{
		free(f->root.path);
		f->root.path = NULL;
		f->look_us = 0;
		folder_touch(f);
		if (rc) {
			struct error e;

			folder_no_watch(rc, f, &e);
			folder_set_status(w, f, &e);
		}
	}
	if (rc) {
		spots_free(w->spots);
		w->spots = NULL;
	}
}

static bool is_gone(struct folder_watch *w, const struct folder *f)
{
	pthread_mutex_lock(&w->lock);
	bool gone = f->gone;
	pthread_mutex_unlock(&w->lock);
	return gone;
}

static int64_t due_us(const struct folder *f)
{
	int64_t quiet = f->last_us + QUIET_US, burst = f->first_us + BURST_US;

	if (!f->first_us)
		return INT64_MAX;
	return quiet < burst ? quiet : burst;
}

/* Does what is due, and returns when to be here again. */
static int64_t do_due(struct folder_watch *w)
{
	int64_t next = w->wrong ? w->reset_us : INT64_MAX, at;
	struct folder *f;

	STAILQ_FOREACH(f, &w->folders, in_list)
	{
		if (is_gone(w, f))
			continue;
		if (w->spots && !w->wrong && f->look_us <= folder_now_us())
			folder_look(w, f);
		if (due_us(f) <= folder_now_us()) {
			f->first_us = 0;
			w->changed(w->arg, f->source);
		}
		at = due_us(f);
		if (w->spots && !w->wrong && f->look_us < at)
			at = f->look_us;
		if (at < next)
			next = at;
	}
	return next;
}

static void nap(struct folder_watch *w, int64_t us)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += us % SECOND_US * 1000;
	until.tv_sec += us / SECOND_US + until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	pthread_mutex_lock(&w->lock);
	if (!w->awake)
		pthread_cond_timedwait(&w->woken, &w->lock, &until);
	pthread_mutex_unlock(&w->lock);
}

/* The library waits by whole seconds, or not at all. */
static void wait_until(struct folder_watch *w, int64_t at_us)
{
	int64_t in_us = at_us == INT64_MAX ? INT64_MAX : at_us - folder_now_us();

	if (in_us < 0)
		in_us = 0;
	if (!w->spots) {
		nap(w, in_us < RESET_US ? in_us : RESET_US);
		return;
	}
	if (in_us == INT64_MAX)
		folder_take_events(w, -1);
	else if (in_us >= SECOND_US)
		folder_take_events(w, (int)(in_us / SECOND_US));
	else {
		nap(w, in_us < NAP_US ? in_us : NAP_US);
		folder_take_events(w, 0);
	}
}

static void *run(void *arg)
{
	struct folder_watch *w = arg;

	while (take_asked(w)) {
		if (w->spots && spots_stale(w->spots) > STALE_MAX &&
			spots_stale(w->spots) > spots_count(w->spots))
			w->wrong = true;
		if ((w->wrong || !w->spots) && folder_now_us() >= w->reset_us) {
			begin_anew(w);
			continue;
		}
		wait_until(w, do_due(w));
	}
	return NULL;
}

/* --- for everyone */

/* With the lock. Both ways of waiting end. */
static void stir(struct folder_watch *w)
{
	w->awake = true;
	pthread_cond_signal(&w->woken);
	int fd = open(w->wake_path, O_RDONLY | O_CLOEXEC);

	if (fd >= 0)
		close(fd);
}

static void drop(struct watched_folders *l, int64_t source)
{
	struct folder *f;

	STAILQ_FOREACH(f, l, in_list)
	{
		if (f->source == source)
			f->gone = true;
	}
}

void folder_watch_remove(struct folder_watch *w, int64_t source)
{
	pthread_mutex_lock(&w->lock);
	drop(&w->folders, source);
	drop(&w->added, source);
	stir(w);
	pthread_mutex_unlock(&w->lock);
}

int folder_watch_add(struct folder_watch *w, int64_t source, const struct source_config *config,
	uid_t uid, gid_t gid)
{
	struct folder *f = config->path ? make_folder(source, config, uid, gid) : NULL;

	if (!config->path)
		return -EINVAL;
	if (!f)
		return -ENOMEM;
	pthread_mutex_lock(&w->lock);
	drop(&w->folders, source);
	drop(&w->added, source);
	STAILQ_INSERT_TAIL(&w->added, f, in_list);
	stir(w);
	pthread_mutex_unlock(&w->lock);
	return 0;
}

static const struct folder *find(const struct watched_folders *l, int64_t source)
{
	const struct folder *f;

	STAILQ_FOREACH(f, l, in_list)
	{
		if (f->source == source && !f->gone)
			break;
	}
	return f;
}

int folder_watch_status(struct folder_watch *w, int64_t source, struct error *err)
{
	int rc;

	pthread_mutex_lock(&w->lock);
	const struct folder *f = find(&w->folders, source);
	if (!f)
		f = find(&w->added, source);
	if (!f)
		rc = error_set(err, ESRCH, "not watched");
	else if (f->status.code)
		rc = error_set(err, f->status.code, "%s", f->status.text);
	else
		rc = 0;
	pthread_mutex_unlock(&w->lock);
	return rc;
}

static int start(struct folder_watch *w)
{
	sigset_t all, before;
	int rc;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&w->thread, NULL, run, w);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (!rc)
		pthread_setname_np(w->thread, "folders");
	return -rc;
}

static void release(struct folder_watch *w)
{
	struct watched_folders *lists[] = {&w->folders, &w->added};

	spots_free(w->spots);
	for (int i = 0; i < 2; i++) {
		struct folder *f;

		while ((f = STAILQ_FIRST(lists[i])) != NULL) {
			STAILQ_REMOVE_HEAD(lists[i], in_list);
			free_folder(f);
		}
	}
	if (w->wake >= 0)
		close(w->wake);
	pthread_mutex_destroy(&w->lock);
	pthread_cond_destroy(&w->woken);
	free(w);
}

static void init(struct folder_watch *w)
{
	STAILQ_INIT(&w->added);
	STAILQ_INIT(&w->folders);
	pthread_mutex_init(&w->lock, NULL);
	thread_cond_init(&w->woken);
}

int folder_watch_new(void (*changed)(void *arg, int64_t source), void *arg,
	struct folder_watch **out, struct error *err)
{
	struct folder_watch *w = calloc(1, sizeof(*w));
	int rc = 0;

	if (!w)
		return error_set(err, ENOMEM, "out of memory");
	w->changed = changed;
	w->arg = arg;
	init(w);
	w->wake = memfd_create("leitlfs-wake", MFD_CLOEXEC);
	if (w->wake < 0)
		rc = -errno;
	snprintf(w->wake_path, sizeof(w->wake_path), "/proc/self/fd/%d", w->wake);
	if (!rc)
		rc = spots_new(w->wake_path, &w->spots);
	if (!rc)
		rc = start(w);
	if (rc) {
		release(w);
		return error_set(err, -rc, "folders can't be watched: %s", strerror(-rc));
	}
	*out = w;
	return 0;
}

void folder_watch_free(struct folder_watch *w)
{
	if (!w)
		return;
	pthread_mutex_lock(&w->lock);
	w->stopping = true;
	stir(w);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->thread, NULL);
	release(w);
}
