#include "fs/server.h"

#include "fs/files.h"
#include "fs/handle.h"
#include "fs/later.h"
#include "fs/lower.h"
#include "fs/memory_view.h"
#include "fs/mount.h"
#include "fs/node.h"
#include "fs/notify.h"
#include "fs/private.h"
#include "fs/queries.h"
#include "fs/stream.h"
#include "fs/wait.h"

#include "core/context/context.h"
#include "core/item/ask.h"
#include "core/state/parts.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* Readers that were answered with the end of file close their descriptors before the mount goes. */
#define GRACE_MS 20

#define WAKE_SIGNAL SIGUSR1

static void committed(void *arg, struct record *const *records, size_t count)
{
	struct server *s = arg;

	for (size_t i = 0; i < count; i++)
		if (records[i]->item && records[i]->item->kind != ITEM_ASK)
			later_news(s, records[i]->item);
	notify_news(s->notify);
	for (size_t i = 0; i < count; i++)
		if (records[i]->session && records[i]->type &&
			strncmp(records[i]->type, "session.", 8) == 0)
			matched_session(s->context->matched, records[i]->session);
}

/* Whoever waits for an answer hears before its writer does. */
static void ask_news(void *arg, const struct item *item)
{
	later_news(arg, item);
}

static void refused(void *arg, uid_t uid)
{
	struct server *s = arg;

	streams_refused(s, uid);
	notify_news(s->notify);
}

/* Has the kernel ask anew for the attributes of what changed. With an offset below 0 it drops no
 * pages, so it waits for no lock that a read or a lookup holds (fuse_reverse_inval_inode in
 * fs/fuse/inode.c), and is safe however this process ends. */
static void invalidate(struct server *s, const struct buf *numbers)
{
	fuse_ino_t ino;

	for (size_t at = 0; at < numbers->len; at += sizeof(ino)) {
		memcpy(&ino, numbers->data + at, sizeof(ino));
		fuse_lowlevel_notify_inval_inode(s->session, ino, -1, 0);
	}
}

static void add_number(void *arg, struct node *n)
{
	fuse_ino_t ino = (fuse_ino_t)(uintptr_t)n;

	buf_add(arg, (const char *)&ino, sizeof(ino));
}

static void synced(void *arg, struct source *source, const char *const *paths, size_t count)
{
	struct server *s = arg;
	struct buf numbers = BUF_INIT;

	matched_news(s->context->matched);
	nodes_change(s->nodes, source, paths, count, add_number, &numbers);
	handles_keep(s);
	invalidate(s, &numbers);
	buf_release(&numbers);
}

static void sync_over(void *arg, struct source *source)
{
	(void)source;
	later_news(arg, NULL);
}

int server_mount(struct loop *loop, struct context *context, struct memory *memory,
	const struct config *config, struct fuse_args *args, const char *mountpoint,
	struct server **out, struct error *err)
{
	struct fuse_lowlevel_ops ops;
	struct server *s = calloc(1, sizeof(*s));

	if (!s)
		return error_set(err, ENOMEM, "out of memory");
	s->loop = loop;
	s->context = context;
	s->memory = memory;
	s->config = config;
	pthread_mutex_init(&s->handles_mutex, NULL);
	s->wake = eventfd(0, EFD_CLOEXEC);
	s->mountpoint = strdup(mountpoint);
	s->nodes = nodes_new(loop);
	s->waits = waits_new();
	s->queries = queries_new();
	s->looks = looks_new();
	s->views = memory_views_new(s);
	if (s->wake < 0 || !s->mountpoint || !s->nodes || !s->waits || !s->queries || !s->views ||
		!s->looks) {
		server_free(s);
		return error_set(err, ENOMEM, "out of memory or descriptors");
	}
	ops_init(&ops);
	s->session = fuse_session_new(args, &ops, sizeof(ops), s);
	if (!s->session) {
		server_free(s);
		return error_set(err, EINVAL, "libfuse refuses these options");
	}
	if (fuse_session_mount(s->session, mountpoint) != 0) {
		fuse_session_destroy(s->session);
		s->session = NULL;
		server_free(s);
		return error_set(err, EIO, "can't mount at %s", mountpoint);
	}
	if (mount_find(mountpoint, &s->mount) != 0)
		s->mount.id = -1;
	*out = s;
	return 0;
}

/* Whether the mount that we serve still stands: also under another that hides it for a while, and
 * where the list can't be read for want of a descriptor. */
static bool is_there(const struct server *s)
{
	return s->mount.id < 0 || mount_find_id(s->mount.id) != -ENOENT;
}

/* Whether the kernel has ended it, as fuse_session_unmount itself asks before it unmounts. */
static bool is_gone(const struct server *s)
{
	struct pollfd fd = {.fd = fuse_session_fd(s->session)};

	return poll(&fd, 1, 0) == 1 && (fd.revents & POLLERR);
}

/* Whether it is what unmounting its mount point would take away. */
static bool is_on_top(const struct server *s)
{
	struct mount now;

	return s->mount.id < 0 || (mount_find(s->mountpoint, &now) == 0 && now.id == s->mount.id);
}

static void end_waits(struct server *s)
{
	atomic_store(&s->stopping, true);
	waits_end(s->waits);
}

/*
 * Minds the mount. `fusermount3 -uz` tells nobody: the mount is gone from the list of mounts while
 * readers go on waiting, so the list is polled (proc_pid_mountinfo(5) tells of changes by POLLPRI).
 */
static void *mind(void *arg)
{
	struct server *s = arg;
	int mounts = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	struct pollfd fds[] = {{s->wake, POLLIN, 0}, {mounts, POLLPRI, 0}};
	bool there = true;

	/* The notifier begins once requests are served. */
	if (notify_start(s, &s->notify_started) == 0)
		atomic_store(&s->notify, s->notify_started);
	for (;;) {
		poll(fds, 2, mounts < 0 ? 1000 : -1);
		if (fds[0].revents)
			break;
		there = is_there(s);
		if (!there)
			break;
	}
	end_waits(s);
	/* Detached lazily, it is served until the last who has it open has gone. */
	if (!there)
		poll(fds, 1, -1);
	else
		poll(NULL, 0, GRACE_MS);
	notify_stop(s->notify_started);
	/* It may wait for what the kernel is being answered: as long as that is so. */
	memory_views_stop(s->views);
	/* libfuse's loop waits in sem_wait(3), which a signal interrupts; one that comes a moment
	 * too early is lost, so there are more of them. */
	fuse_session_exit(s->session);
	while (!atomic_load(&s->looped)) {
		pthread_kill(s->looper, WAKE_SIGNAL);
		poll(NULL, 0, 5);
	}
	if (mounts >= 0)
		close(mounts);
	return NULL;
}

static void woken(int signal)
{
	(void)signal;
}

static int run_loop(struct server *s)
{
	struct fuse_loop_config *config = fuse_loop_cfg_create();
	int r;

	if (!config)
		return -ENOMEM;
	fuse_loop_cfg_set_max_threads(config, (unsigned)s->config->threads);
	fuse_loop_cfg_set_idle_threads(config, (unsigned)s->config->threads);
	r = fuse_session_loop_mt(s->session, config);
	fuse_loop_cfg_destroy(config);
	return r < 0 ? r : 0;
}

int server_run(struct server *s)
{
	struct sigaction action = {.sa_handler = woken};
	sigset_t wake;
	int r;

	sigaction(WAKE_SIGNAL, &action, NULL);
	sigemptyset(&wake);
	sigaddset(&wake, WAKE_SIGNAL);
	pthread_sigmask(SIG_UNBLOCK, &wake, NULL);
	s->looper = pthread_self();
	loop_watch(s->loop, committed, NULL, s);
	asks_watch(s->loop, &(struct asks_watcher){later_is_parked, ask_news, s});
	refusal_watch(s->loop->refusals, refused, s);
	sources_watch(s->context->sources, synced, sync_over, s);
	r = -pthread_create(&s->minder, NULL, mind, s);
	if (!r) {
		pthread_setname_np(s->minder, "mind");
		r = run_loop(s);
		atomic_store(&s->looped, true);
		server_stop(s);
		pthread_join(s->minder, NULL);
	}
	return r;
}

void server_stop(struct server *s)
{
	const uint64_t one = 1;
	ssize_t n = write(s->wake, &one, sizeof(one));

	(void)n; /* it cannot be full */
}

void server_free(struct server *s)
{
	if (!s)
		return;
	if (s->session) {
		/* Nothing of ours is told any more; what the committer still has, it keeps. */
		loop_watch(s->loop, NULL, NULL, NULL);
		asks_watch(s->loop, NULL);
		refusal_watch(s->loop->refusals, NULL, NULL);
		sources_watch(s->context->sources, NULL, NULL, NULL);
		memory_views_stop(s->views);
		/* Of a mount that is gone it only frees what it has. */
		if (is_on_top(s) || is_gone(s))
			fuse_session_unmount(s->session);
		fuse_session_destroy(s->session);
	}
	notify_free(s->notify_started);
	if (s->nodes)
		handles_free(s);
	nodes_free(s->nodes);
	waits_free(s->waits);
	queries_free(s->queries);
	looks_free(s->looks);
	memory_views_free(s->views);
	if (s->wake >= 0)
		close(s->wake);
	pthread_mutex_destroy(&s->handles_mutex);
	free(s->mountpoint);
	free(s);
}
