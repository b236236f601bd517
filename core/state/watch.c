/* What is watched, and by what: a pidfd, or looking. */
#include "core/state/watch_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

void watch_stir(const struct watch *w)
{
	const uint64_t one = 1;
	ssize_t n = write(w->event, &one, sizeof(one));

	(void)n; /* EAGAIN: it is stirred already */
}

int watch_add_fd(const struct watch *w, int fd, uint64_t data)
{
	struct epoll_event ev = {.events = EPOLLIN, .data.u64 = data};

	return epoll_ctl(w->epoll, EPOLL_CTL_ADD, fd, &ev) ? -errno : 0;
}

struct bucket *watch_bucket(struct watch *w, pid_t pid)
{
	return &w->buckets[(unsigned)pid % BUCKETS];
}

static struct watched *find(struct watch *w, const struct process *p)
{
	struct watched *e;

	e = LIST_FIRST(watch_bucket(w, p->pid));
	while (e && !process_same(&e->process, p))
		e = LIST_NEXT(e, in_bucket);
	return e;
}

void watched_move(struct watch *w, struct watched *e, enum stage to, int fd)
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

void watch_reserve(struct watch *w)
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
	watch_reserve(w);
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

/* The start time is compared after
 * the pidfd is had: so it can't stand for another process that took the number in between. */
void watched_look_at(struct watch *w, struct watched *e)
{
	int fd = pidfd_of(w, e->process.pid);
	bool alive = is_alive(w, &e->process);

	if (fd >= 0 && (!alive || watch_add_fd(w, fd, (uint64_t)e->process.pid))) {
		close(fd);
		fd = -1;
	}
	watched_move(w, e, !alive ? TO_TELL : fd >= 0 ? BY_PIDFD : BY_LOOKING, fd);
}

static struct watched *add(struct watch *w, const struct process *p)
{
	struct watched *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	e->process = *p;
	e->stage = TOLD;
	e->fd = -1;
	LIST_INSERT_HEAD(watch_bucket(w, p->pid), e, in_bucket);
	w->count++;
	return e;
}

static void discard(struct watch *w, struct watched *e)
{
	watched_move(w, e, TOLD, -1);
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
		watched_look_at(w, e);
	} else if (e->stage == TOLD)
		watched_move(w, e, TO_TELL, -1);
	e->refs++;
	if (e->stage != BY_PIDFD)
		watch_stir(w);
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
		watch_stir(w);
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
	r = watch_add_fd(w, w->event, DATA_NOT_A_PID);
	if (!r)
		r = watch_add_fd(w, w->timer, DATA_NOT_A_PID);
	if (r)
		goto fail;
	watch_reserve(w);
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
