#include "core/state/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define BUCKETS        4096 /* a power of two */
#define EVENTS         64   /* taken at once */
#define LOOK_EVERY_US  SECOND_US
#define LOOK_SLICE     64 /* looked at under one hold of the lock */
#define TICK_AGAIN_US  (SECOND_US / 1000)
#define TIMER_LONG_US  (3600 * SECOND_US) /* a timer set further than this is set anew then */
#define DATA_NOT_A_PID UINT64_MAX

/* How a watched process is watched. A process is on the list that its stage names, if any. */
enum stage {
	BY_PIDFD,
	BY_LOOKING, /* on `looked_at` */
	TO_TELL,    /* gone; on `to_tell` */
	TOLD,       /* gone; waits to be unwatched */
};

struct watched {
	struct process process;
	unsigned refs;
	enum stage stage;
	int fd;            /* its pidfd, in the epoll set, when BY_PIDFD; else -1 */
	int64_t looked_us; /* the round that looked at it last, when BY_LOOKING */
	LIST_ENTRY(watched) in_bucket;
	TAILQ_ENTRY(watched) in_list;
};

TAILQ_HEAD(watched_list, watched);
LIST_HEAD(bucket, watched);

struct watch {
	const struct clock *clock;
	struct watch_hooks hooks;
	int epoll, event, timer;
	pthread_t thread;
	bool running; /* start and stop only */
	atomic_bool stopping;
	atomic_bool woken;           /* tick is to be called */
	atomic_ullong rounds, asked; /* rounds of telling done, and wanted by watch_sync */
	pthread_cond_t round;

	pthread_mutex_t lock; /* of all below; innermost */
	int reserve;          /* given up for the moment of a look into /proc; -1 while lost */
	int count;            /* of processes */
	rlim_t pidfds;        /* of them BY_PIDFD */
	bool telling;         /* `gone` is being called */
	struct watched_list looked_at;  /* struct watched.in_list */
	struct watched_list to_tell;    /* struct watched.in_list */
	struct bucket buckets[BUCKETS]; /* struct watched.in_bucket, by pid */
};

static void stir(const struct watch *w)
{
	const uint64_t one = 1;
	ssize_t n = write(w->event, &one, sizeof(one));

	(void)n; /* EAGAIN: it is stirred already */
}

static int add_to_epoll(const struct watch *w, int fd, uint64_t data)
{
	struct epoll_event ev = {.events = EPOLLIN, .data.u64 = data};

	return epoll_ctl(w->epoll, EPOLL_CTL_ADD, fd, &ev) ? -errno : 0;
}

static struct bucket *bucket_of(struct watch *w, pid_t pid)
{
	return &w->buckets[(unsigned)pid % BUCKETS];
}

static struct watched *find(struct watch *w, const struct process *p)
{
	struct watched *e;

	e = LIST_FIRST(bucket_of(w, p->pid));
	while (e && !process_same(&e->process, p))
		e = LIST_NEXT(e, in_bucket);
	return e;
}

/* Moves the process from one stage to another, with its pidfd for BY_PIDFD and -1 for others. */
static void move(struct watch *w, struct watched *e, enum stage to, int fd)
{
	if (e->stage == BY_LOOKING)
		TAILQ_REMOVE(&w->looked_at, e, in_list);
	if (e->stage == TO_TELL)
		TAILQ_REMOVE(&w->to_tell, e, in_list);
	if (e->fd >= 0) {
		epoll_ctl(w->epoll, EPOLL_CTL_DEL, e->fd, NULL);
		close(e->fd);
		w->pidfds--;
	}
	e->stage = to;
	e->fd = fd;
	if (fd >= 0)
		w->pidfds++;
	if (to == BY_LOOKING)
		TAILQ_INSERT_TAIL(&w->looked_at, e, in_list);
	if (to == TO_TELL)
		TAILQ_INSERT_TAIL(&w->to_tell, e, in_list);
}

static void reserve_again(struct watch *w)
{
	if (w->reserve < 0)
		w->reserve = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static bool is_alive(struct watch *w, const struct process *p)
{
	if (w->reserve >= 0)
		close(w->reserve);
	w->reserve = -1;
	bool alive = proc_alive(p);
	reserve_again(w);
	return alive;
}

/* Half of all descriptors at most: the rest of the daemon needs some to work at all. */
static int pidfd_of(const struct watch *w, pid_t pid)
{
	struct rlimit files;

	if (!getrlimit(RLIMIT_NOFILE, &files) && w->pidfds >= files.rlim_cur / 2)
		return -1;
	return (int)syscall(SYS_pidfd_open, pid, 0);
}

/* Looks at a process that has no pidfd, and tries to get it one. The start time is compared after
 * the pidfd is had: so it can't stand for another process that took the number in between. */
static void look_at(struct watch *w, struct watched *e)
{
	int fd = pidfd_of(w, e->process.pid);
	bool alive = is_alive(w, &e->process);

	if (fd >= 0 && (!alive || add_to_epoll(w, fd, (uint64_t)e->process.pid))) {
		close(fd);
		fd = -1;
	}
	move(w, e, !alive ? TO_TELL : fd >= 0 ? BY_PIDFD : BY_LOOKING, fd);
}

static struct watched *add(struct watch *w, const struct process *p)
{
	struct watched *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	e->process = *p;
	e->stage = TOLD;
	e->fd = -1;
	LIST_INSERT_HEAD(bucket_of(w, p->pid), e, in_bucket);
	w->count++;
	return e;
}

static void discard(struct watch *w, struct watched *e)
{
	move(w, e, TOLD, -1);
	LIST_REMOVE(e, in_bucket);
	w->count--;
	free(e);
}

int watch_process(struct watch *w, const struct process *p)
{
	int r = 0;

	pthread_mutex_lock(&w->lock);
	struct watched *e = find(w, p);
	if (!e && w->count >= WATCHED_MAX) {
		r = -EDQUOT;
		goto out;
	}
	if (!e) {
		e = add(w, p);
		if (!e) {
			r = -ENOMEM;
			goto out;
		}
		look_at(w, e);
	} else if (e->stage == TOLD)
		move(w, e, TO_TELL, -1);
	e->refs++;
	if (e->stage != BY_PIDFD)
		stir(w);
out:
	pthread_mutex_unlock(&w->lock);
	return r;
}

void unwatch_process(struct watch *w, const struct process *p)
{
	pthread_mutex_lock(&w->lock);
	struct watched *e = find(w, p);
	if (e && --e->refs == 0)
		discard(w, e);
	pthread_mutex_unlock(&w->lock);
}

void watch_wake(struct watch *w)
{
	if (!atomic_exchange(&w->woken, true))
		stir(w);
}

/* An event says only the number: its process may have been unwatched since, and another of that
 * number be watched now. So the pidfds are asked again. */
static void pid_ended(struct watch *w, pid_t pid)
{
	struct watched *e;

	pthread_mutex_lock(&w->lock);
	for (e = LIST_FIRST(bucket_of(w, pid)); e; e = LIST_NEXT(e, in_bucket)) {
		struct pollfd asked = {.fd = e->fd, .events = POLLIN};

		if (e->process.pid == pid && e->stage == BY_PIDFD && poll(&asked, 1, 0) > 0)
			move(w, e, TO_TELL, -1);
	}
	reserve_again(w);
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

		move(w, e, TOLD, -1);
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
	stir(w);
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
				look_at(w, e);
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
	stir(w);
	pthread_mutex_lock(&w->lock);
	pthread_cond_broadcast(&w->round);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->thread, NULL);
	w->running = false;
}

int watch_new(const struct clock *clock, const struct watch_hooks *hooks, struct watch **out)
{
	struct watch *w = calloc(1, sizeof(*w));
	int r;

	if (!w)
		return -ENOMEM;
	w->clock = clock;
	w->hooks = *hooks;
	w->reserve = -1;
	TAILQ_INIT(&w->looked_at);
	TAILQ_INIT(&w->to_tell);
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->round, NULL);
	w->epoll = epoll_create1(EPOLL_CLOEXEC);
	w->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	w->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (w->epoll < 0 || w->event < 0 || w->timer < 0) {
		r = -errno;
		goto fail;
	}
	r = add_to_epoll(w, w->event, DATA_NOT_A_PID);
	if (!r)
		r = add_to_epoll(w, w->timer, DATA_NOT_A_PID);
	if (r)
		goto fail;
	reserve_again(w);
	*out = w;
	return 0;
fail:
	watch_free(w);
	return r;
}

void watch_free(struct watch *w)
{
	if (!w)
		return;
	const int fds[] = {w->epoll, w->event, w->timer, w->reserve};
	watch_stop(w);
	for (int i = 0; i < BUCKETS; i++) {
		struct watched *next;

		for (struct watched *e = LIST_FIRST(&w->buckets[i]); e; e = next) {
			next = LIST_NEXT(e, in_bucket);
			discard(w, e);
		}
	}
	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
		if (fds[i] >= 0)
			close(fds[i]);
	}
	pthread_mutex_destroy(&w->lock);
	pthread_cond_destroy(&w->round);
	free(w);
}
