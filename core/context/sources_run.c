/* When: the thread that knows what is due, and those that do it. */
#include "core/context/sources_private.h"

#include "core/base/thread.h"
#include "core/context/folder.h"
#include "core/state/parts.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <unistd.h>

#define HOUR_US    (3600 * SECOND_US)
#define BACKOFF_US (5 * SECOND_US) /* doubled with every failure */

/* After a start, sources begin one after the other, so that servers and the disk have time. */
#define SPREAD_US   (SECOND_US / 10)
#define SPREAD_OVER 50

/* Configuration files are looked at when inotify(7) tells, once it is quiet; and now and then, for
 * directories that come later and file systems that tell nothing. Real time, in ms. */
#define FILES_QUIET 100
#define FILES_EVERY 10000

void source_request(struct source *s, int64_t due_us)
{
	if (due_us < s->state->due_us)
		s->state->due_us = due_us;
}

void source_enqueue(struct source *s)
{
	struct source_state *st = s->state;
	struct sources *ss = st->sources;
	const enum queue queue =
		st->config.kind == SOURCE_WEBDAV && !st->gone ? QUEUE_NETWORK : QUEUE_DISK;

	if (st->phase != PHASE_IDLE)
		return;
	st->phase = PHASE_QUEUED;
	STAILQ_INSERT_TAIL(&ss->queues[queue], st, in_queue);
	source_ref(s);
	pthread_cond_signal(&ss->work[queue]);
}

void sources_wake(struct sources *ss)
{
	const uint64_t one = 1;

	if (ss->event >= 0 && write(ss->event, &one, sizeof(one)) < 0)
		return; /* it is awake already */
}

/* Up to a quarter off, so that those that failed together don't come again together. */
static int64_t backoff(unsigned failures, int64_t interval_us, uint32_t random)
{
	const int64_t most = interval_us < HOUR_US ? interval_us : HOUR_US;
	int64_t us = BACKOFF_US << (failures < 16 ? failures - 1 : 15);

	us = us < most ? us : most;
	return us - (int64_t)((double)us / 4 * (double)random / UINT32_MAX);
}

int64_t source_next(const struct source *s, int64_t now_us, uint32_t random)
{
	const struct source_state *st = s->state;
	const int64_t interval = st->config.interval_us;
	int64_t due;

	if (st->asked > st->ended)
		return now_us;
	if (st->stale)
		return now_us + st->took_us;
	if (interval == 0 || st->config.kind == SOURCE_NONE)
		return NEVER;
	due = now_us + (st->failures != 0 ? backoff(st->failures, interval, random) : interval);
	if (st->not_before_us > due)
		due = st->not_before_us +
		      (int64_t)((double)(st->not_before_us - now_us) / 10 * random / UINT32_MAX);
	return due;
}

/* Queues what is due, and returns when the next is. */
static int64_t schedule(struct sources *ss, int64_t now)
{
	int64_t next = NEVER;

	pthread_mutex_lock(&ss->mutex);
	for (size_t i = 0; i < ss->count; i++) {
		struct source_state *st = ss->all[i]->state;

		if (st->phase != PHASE_IDLE)
			continue;
		if (st->due_us <= now)
			source_enqueue(ss->all[i]);
		else if (st->due_us < next)
			next = st->due_us;
	}
	pthread_mutex_unlock(&ss->mutex);
	return next;
}

static struct source *one_to_tell(struct sources *ss, int64_t now, int64_t *next)
{
	struct source *found = NULL;

	*next = NEVER;
	pthread_mutex_lock(&ss->mutex);
	for (size_t i = 0; i < ss->count && found == NULL; i++) {
		const struct source_state *st = ss->all[i]->state;
		const int64_t due = st->told_us + SECOND_US;

		if (!untold_any(&st->untold))
			continue;
		if (due <= now)
			found = source_ref(ss->all[i]);
		else if (due < *next)
			*next = due;
	}
	pthread_mutex_unlock(&ss->mutex);
	return found;
}

static int64_t tell(struct sources *ss, int64_t now)
{
	struct source *s;
	int64_t next;

	while ((s = one_to_tell(ss, now, &next)) != NULL) {
		source_tell(ss, s, true);
		source_unref(s);
	}
	return next;
}

static int64_t real_ms(void)
{
	return clock_system.mono_us(&clock_system) / 1000;
}

static int wait_ms(int64_t next_us, int64_t now_us, int64_t files_ms)
{
	int64_t ms = files_ms - real_ms();

	if (next_us != NEVER && (next_us - now_us) / 1000 < ms)
		ms = (next_us - now_us) / 1000 + 1;
	return ms > 0 ? (int)ms : 0;
}

static bool is_stopping(struct sources *ss)
{
	bool stopping;

	pthread_mutex_lock(&ss->mutex);
	stopping = ss->stopping;
	pthread_mutex_unlock(&ss->mutex);
	return stopping;
}

static void *run_scheduler(void *arg)
{
	struct sources *ss = arg;
	int64_t files_ms = real_ms() + FILES_EVERY;

	while (!is_stopping(ss)) {
		struct pollfd fds[2] = {{.fd = ss->event, .events = POLLIN},
			{.fd = source_files_fd(ss), .events = POLLIN}};
		const int64_t now = loop_mono_us(ss->loop);
		int64_t next = schedule(ss, now), next_told = tell(ss, now);
		char drained[4096];

		if (poll(fds, 2, wait_ms(next < next_told ? next : next_told, now, files_ms)) < 0)
			continue;
		if (fds[0].revents != 0 && read(ss->event, drained, sizeof(uint64_t)) < 0)
			continue;
		if (fds[1].revents != 0 && read(fds[1].fd, drained, sizeof(drained)) > 0 &&
			files_ms > real_ms() + FILES_QUIET)
			files_ms = real_ms() + FILES_QUIET;
		if (files_ms <= real_ms()) {
			source_files_look(ss);
			files_ms = real_ms() + FILES_EVERY;
		}
	}
	return NULL;
}

static struct source *take(struct sources *ss, enum queue queue)
{
	struct source_state *st = NULL;

	pthread_mutex_lock(&ss->mutex);
	while (!ss->stopping && STAILQ_EMPTY(&ss->queues[queue]))
		pthread_cond_wait(&ss->work[queue], &ss->mutex);
	if (!ss->stopping) {
		st = STAILQ_FIRST(&ss->queues[queue]);
		STAILQ_REMOVE_HEAD(&ss->queues[queue], in_queue);
		st->phase = PHASE_RUNNING;
	}
	pthread_mutex_unlock(&ss->mutex);
	return st != NULL ? st->self : NULL;
}

static void *run_worker(void *arg)
{
	struct worker *w = arg;
	struct source *s;

	while ((s = take(w->sources, w->queue)) != NULL) {
		source_work(w->sources, s);
		source_unref(s);
	}
	return NULL;
}

/* The folder's watch: what it saw, a sync that runs may have missed. One that changes all the time
 * is walked half of the time at most. */
static void folder_changed(void *arg, int64_t id)
{
	struct sources *ss = arg;
	const int64_t now = loop_mono_us(ss->loop);

	pthread_mutex_lock(&ss->mutex);
	for (size_t i = 0; i < ss->count; i++) {
		struct source_state *st = ss->all[i]->state;

		if (ss->all[i]->id != id || st->config.kind != SOURCE_FOLDER)
			continue;
		st->stale = true;
		if (st->phase != PHASE_RUNNING)
			source_request(ss->all[i],
				now > st->over_us + st->took_us ? now : st->over_us + st->took_us);
	}
	pthread_mutex_unlock(&ss->mutex);
	sources_wake(ss);
}

void source_watch(struct sources *ss, struct source *s)
{
	struct source_config c;
	int r;

	if (ss->watch == NULL)
		return;
	if (s->state->config.kind != SOURCE_FOLDER) {
		folder_watch_remove(ss->watch, s->id);
		return;
	}
	r = sources_copy_config(ss, &c, &s->state->config);
	if (r == 0) {
		r = folder_watch_add(ss->watch, s->id, &c, s->uid, s->gid);
		source_config_release(&c);
	}
	if (r != 0)
		sources_log(ss, "source %s can't be watched: %s", s->name, strerror(-r));
}

static void start_sources(struct sources *ss)
{
	const int64_t now = loop_mono_us(ss->loop);

	for (size_t i = 0; i < ss->count; i++) {
		const struct source_state *st = ss->all[i]->state;

		if (st->config.kind == SOURCE_NONE && !st->moved)
			continue;
		source_request(ss->all[i], now + (int64_t)(i % SPREAD_OVER) * SPREAD_US);
		source_watch(ss, ss->all[i]);
	}
}

static int start_threads(struct sources *ss, struct error *err)
{
	int r = thread_start(&ss->scheduler, "sources", run_scheduler, ss, err);

	ss->scheduling = r == 0;
	while (r == 0 && ss->working < SOURCES_AT_ONCE + FOLDERS_AT_ONCE) {
		struct worker *w = &ss->workers[ss->working];

		w->sources = ss;
		w->queue = ss->working < SOURCES_AT_ONCE ? QUEUE_NETWORK : QUEUE_DISK;
		r = thread_start(&w->thread, "sync", run_worker, w, err);
		ss->working += r == 0;
	}
	return r;
}

int sources_start(struct sources *ss, struct error *err)
{
	sigset_t all, before;
	struct error why = {0};
	int r = 0;

	ss->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (ss->event < 0)
		return error_set(err, errno, "eventfd: %s", strerror(errno));
	if (ss->options.watch && folder_watch_new(folder_changed, ss, &ss->watch, &why) != 0)
		sources_log(ss, "folders are not watched, only looked at: %s", why.text);
	sources_alerts(ss);
	start_sources(ss);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = start_threads(ss, err);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return r;
}

void sources_stop(struct sources *ss)
{
	struct source_state *st;

	pthread_mutex_lock(&ss->mutex);
	ss->stopping = true;
	for (size_t i = 0; i < ss->count; i++)
		ss->all[i]->state->stop = true;
	for (int i = 0; i < QUEUES; i++)
		pthread_cond_broadcast(&ss->work[i]);
	pthread_mutex_unlock(&ss->mutex);
	sources_wake(ss);
	for (int i = 0; i < ss->working; i++)
		pthread_join(ss->workers[i].thread, NULL);
	if (ss->scheduling)
		pthread_join(ss->scheduler, NULL);
	folder_watch_free(ss->watch); /* which the scheduler uses, too */
	ss->watch = NULL;
	for (size_t i = 0; i < ss->count && ss->scheduling; i++)
		source_tell(ss, ss->all[i], true);
	for (int i = 0; i < QUEUES; i++) {
		while ((st = STAILQ_FIRST(&ss->queues[i])) != NULL) {
			STAILQ_REMOVE_HEAD(&ss->queues[i], in_queue);
			source_unref(st->self);
		}
	}
	if (ss->event >= 0)
		close(ss->event);
	ss->event = -1;
}
