/* The watcher's thread: it takes up deaths, looks for those that no pidfd tells of, and ticks. */
#include "core/state/watch_private.h"

#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define EVENTS        64 /* taken at once */
#define LOOK_EVERY_US SECOND_US
#define LOOK_SLICE    64 /* looked at under one hold of the lock */
#define TICK_AGAIN_US (SECOND_US / 1000)
#define TIMER_LONG_US (3600 * SECOND_US) /* a timer set further than this is set anew then */

/* An event says only the number: its process may have been unwatched since, and another of that
 * number be watched now. So the pidfds are asked again. */
static void pid_ended(struct watch *w, pid_t pid)
{
	struct watched *e;

	pthread_mutex_lock(&w->lock);
	for (e = LIST_FIRST(watch_bucket(w, pid)); e; e = LIST_NEXT(e, in_bucket)) {
		struct pollfd asked = {.fd = e->fd, .events = POLLIN};

		if (e->process.pid == pid && e->stage == BY_PIDFD && poll(&asked, 1, 0) > 0)
			watched_move(w, e, TO_TELL, -1);
	}
	watch_reserve(w);
	pthread_mutex_unlock(&w->lock);
}

static void take_events(struct watch *w)
{
	struct epoll_event events[EVENTS];
	uint64_t drained;
	bool wanted = atomic_load(&w->asked) > atomic_load(&w->rounds);
	int n = epoll_wait(w->epoll, events, EVENTS, wanted ? 0 : -1);

	do {
		for (int i = 0; i < n; i++) {
			if (events[i].data.u64 != DATA_NOT_A_PID)
				pid_ended(w, (pid_t)events[i].data.u64);
		}
	} while (n == EVENTS && (n = epoll_wait(w->epoll, events, EVENTS, 0)) > 0);
	/* Neither blocks; what they hold is of no interest. */
	ssize_t event = read(w->event, &drained, sizeof(drained));
	ssize_t timer = read(w->timer, &drained, sizeof(drained));
	(void)event;
	(void)timer;
}

static void tell(struct watch *w)
{
	pthread_mutex_lock(&w->lock);
	while (!TAILQ_EMPTY(&w->to_tell) && !atomic_load(&w->stopping)) {
		struct watched *e = TAILQ_FIRST(&w->to_tell);
		struct process p = e->process;

		watched_move(w, e, TOLD, -1);
		w->telling = true;
		pthread_mutex_unlock(&w->lock);
		w->hooks.gone(w->hooks.arg, &p);
		pthread_mutex_lock(&w->lock);
	}
	w->telling = false;
	atomic_fetch_add(&w->rounds, 1);
	pthread_cond_broadcast(&w->round);
	pthread_mutex_unlock(&w->lock);
}

/* A death that the thread has not taken up makes the epoll descriptor ready; one that it has is in
 * the list, put there under the same lock as it leaves the other, or being told. */
bool watch_is_behind(struct watch *w)
{
	struct pollfd asked = {.fd = w->epoll, .events = POLLIN};
	bool behind = poll(&asked, 1, 0) != 0;

	if (behind)
		return true;
	pthread_mutex_lock(&w->lock);
	behind = w->telling || !TAILQ_EMPTY(&w->to_tell);
	pthread_mutex_unlock(&w->lock);
	return behind;
}

/* Two rounds: the one that is under way may have looked before the death. */
void watch_sync(struct watch *w)
{
	unsigned long long until;

	if (!w->running || pthread_equal(pthread_self(), w->thread))
		return;
	pthread_mutex_lock(&w->lock);
	until = atomic_load(&w->rounds) + 2;
	if (atomic_load(&w->asked) < until)
		atomic_store(&w->asked, until);
	watch_stir(w);
	while (atomic_load(&w->rounds) < until && !atomic_load(&w->stopping))
		pthread_cond_wait(&w->round, &w->lock);
	pthread_mutex_unlock(&w->lock);
}

static int64_t tick(struct watch *w, int64_t due_us)
{
	bool woken = atomic_exchange(&w->woken, false);
	int64_t now_us = w->clock->mono_us(w->clock);

	if (!w->hooks.tick)
		return INT64_MAX;
	return woken || now_us >= due_us ? w->hooks.tick(w->hooks.arg, now_us) : due_us;
}

/* Processes die by real time, whatever the clock that was handed in says. */
static int64_t real_us(void)
{
	return clock_system.mono_us(&clock_system);
}

/* Looks at each process that has no pidfd, a few at a time so that nobody waits long for the
 * lock, and returns when to look again. */
static int64_t look(struct watch *w, int64_t due_us)
{
	int64_t now_us = real_us();

	pthread_mutex_lock(&w->lock);
	bool none = TAILQ_EMPTY(&w->looked_at);
	int left = !none && now_us >= due_us ? w->count : 0;
	while (left > 0) {
		for (int i = 0; i < LOOK_SLICE && left > 0; i++, left--) {
			struct watched *e = TAILQ_FIRST(&w->looked_at);

			if (!e || e->looked_us == now_us)
				left = 0;
			else {
				e->looked_us = now_us;
				watched_look_at(w, e);
			}
		}
		pthread_mutex_unlock(&w->lock);
		pthread_mutex_lock(&w->lock);
	}
	pthread_mutex_unlock(&w->lock);
	if (none)
		return INT64_MAX;
	return now_us >= due_us || due_us == INT64_MAX ? now_us + LOOK_EVERY_US : due_us;
}

static int64_t until(int64_t due_us, int64_t now_us)
{
	if (due_us == INT64_MAX)
		return INT64_MAX;
	return due_us > now_us ? due_us - now_us : TICK_AGAIN_US;
}

static void set_timer(const struct watch *w, int64_t tick_us, int64_t look_us)
{
	int64_t in_us = until(tick_us, w->clock->mono_us(w->clock));
	int64_t look_in_us = until(look_us, real_us());
	struct itimerspec spec = {0}; /* never */

	if (look_in_us < in_us)
		in_us = look_in_us;
	if (in_us != INT64_MAX) {
		if (in_us > TIMER_LONG_US)
			in_us = TIMER_LONG_US;
		spec.it_value.tv_sec = (time_t)(in_us / SECOND_US);
		spec.it_value.tv_nsec = (long)(in_us % SECOND_US * 1000);
	}
	timerfd_settime(w->timer, 0, &spec, NULL);
}

static void *run(void *arg)
{
	struct watch *w = arg;
	int64_t tick_us = INT64_MAX, look_us = INT64_MAX;

	while (!atomic_load(&w->stopping)) {
		look_us = look(w, look_us); /* finds what is to be told */
		tell(w);
		tick_us = tick(w, tick_us);
		set_timer(w, tick_us, look_us);
		take_events(w);
	}
	return NULL;
}

int watch_start(struct watch *w)
{
	sigset_t all, before;

	if (w->running)
		return 0;
	atomic_store(&w->stopping, false);
	atomic_store(&w->woken, true); /* tick is called at start */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int r = pthread_create(&w->thread, NULL, run, w);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (r)
		return -r;
	pthread_setname_np(w->thread, "watch");
	w->running = true;
	return 0;
}

void watch_stop(struct watch *w)
{
	if (!w->running)
		return;
	atomic_store(&w->stopping, true);
	watch_stir(w);
	pthread_mutex_lock(&w->lock);
	pthread_cond_broadcast(&w->round);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->thread, NULL);
	w->running = false;
}
