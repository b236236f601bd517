#include "fs/notify.h"

#include "core/base/thread.h"

#include "fs/files.h"
#include "fs/node.h"
#include "fs/private.h"

#include "core/state/hub.h"
#include "core/state/parts.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#define NUDGES_MAX 256 /* in one round */

/* A file to be nudged: by its path, or by the alias of its node. */
struct nudge {
	struct node *node;
	char *path;
	off_t size;
};

struct notify {
	struct server *server;
	pthread_t thread;
	_Atomic pid_t tid;
	dev_t device;
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	bool stopping, news;
	/* the thread's */
	struct nudge nudges[NUDGES_MAX];
	int nudge_count;
	struct node *_Atomic aliased; /* what the alias stands for at the moment */
};

bool notify_is_self(const struct notify *n, pid_t tid)
{
	return n && tid && atomic_load(&n->tid) == tid;
}

void notify_news(struct notify *n)
{
	/* A race only costs a signal more: the thread looks again before it sleeps. */
	if (!n || __atomic_load_n(&n->news, __ATOMIC_ACQUIRE))
		return;
	pthread_mutex_lock(&n->mutex);
	__atomic_store_n(&n->news, true, __ATOMIC_RELEASE);
	pthread_cond_signal(&n->cond);
	pthread_mutex_unlock(&n->mutex);
}

struct node *notify_aliased(struct notify *n)
{
	return atomic_load(&n->aliased);
}

static void add_nudge(void *arg, struct node *node)
{
	struct notify *n = arg;
	struct nudge *to = &n->nudges[n->nudge_count];
	struct buf path = BUF_INIT;
	uint64_t bytes;

	if (n->nudge_count == NUDGES_MAX)
		return;
	bytes = node_bytes(n->server->nodes, node);
	if (bytes == node->nudged)
		return;
	node->nudged = bytes;
	if (node->newest)
		where_path(&node->where, &path);
	else
		buf_adds(&path, NODE_ALIAS);
	to->node = node->newest ? NULL : node;
	to->size = (off_t)bytes;
	to->path = buf_detach(&path, NULL);
	if (to->path)
		n->nudge_count++;
}

/* The path may be somebody else's by now: only what is on the mount's own device is touched. */
static void nudge(struct notify *n, const struct nudge *what)
{
	char path[512];
	struct stat st;
	int root;

	if (atomic_load(&n->server->stopping))
		return;
	root = open(n->server->mountpoint, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return;
	if (fstat(root, &st) == 0 && st.st_dev == n->device) {
		atomic_store(&n->aliased, what->node);
		snprintf(path, sizeof(path), "/proc/thread-self/fd/%d/%s", root, what->path);
		if (truncate(path, what->size) != 0)
			errno = 0; /* it went away, or the mount did */
		atomic_store(&n->aliased, NULL);
	}
	close(root);
}

static bool nudge_all(struct notify *n)
{
	bool full;

	n->nudge_count = 0;
	for (const struct row *row = tree; row->path; row++)
		if (row->shape == SHAPE_LOG)
			nodes_each(n->server->nodes, row, add_nudge, n);
	full = n->nudge_count == NUDGES_MAX;
	for (int i = 0; i < n->nudge_count; i++) {
		nudge(n, &n->nudges[i]);
		free(n->nudges[i].path);
	}
	return full;
}

/* Rests after a round of nudges: for as long as watchers can bear, and four times what it took. */
static void rest(struct notify *n, int64_t took_us)
{
	int64_t us =
		n->server->config->nudge > 4 * took_us ? n->server->config->nudge : 4 * took_us;
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += us / SECOND_US;
	until.tv_nsec += us % SECOND_US * 1000;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	while (!n->stopping && pthread_cond_timedwait(&n->cond, &n->mutex, &until) != ETIMEDOUT)
		;
}

static void *run(void *arg)
{
	struct notify *n = arg;
	struct loop *loop = n->server->loop;
	int64_t began;
	bool full;

	/* Descriptors of its own: were this thread to hold /dev/fuse when the daemon is killed in
	 * the middle of a nudge, the kernel would wait for the thread and the thread for the
	 * kernel. */
	if (unshare(CLONE_FILES) != 0 || close_range(3, ~0U, 0) != 0) {
		syslog(LOG_WARNING, "no inotify: %s", strerror(errno));
		return NULL;
	}
	atomic_store(&n->tid, (pid_t)syscall(SYS_gettid));
	pthread_mutex_lock(&n->mutex);
	while (!n->stopping) {
		if (!n->news) {
			pthread_cond_wait(&n->cond, &n->mutex);
			continue;
		}
		__atomic_store_n(&n->news, false, __ATOMIC_RELEASE);
		pthread_mutex_unlock(&n->mutex);
		began = loop_mono_us(loop);
		full = nudge_all(n);
		pthread_mutex_lock(&n->mutex);
		if (full)
			__atomic_store_n(&n->news, true, __ATOMIC_RELEASE);
		rest(n, loop_mono_us(loop) - began);
	}
	pthread_mutex_unlock(&n->mutex);
	return NULL;
}

int notify_start(struct server *server, struct notify **out)
{
	struct notify *n = calloc(1, sizeof(*n));
	struct stat st;
	int r;

	if (!n)
		return -ENOMEM;
	n->server = server;
	pthread_mutex_init(&n->mutex, NULL);
	thread_cond_init(&n->cond);
	/* Once the loop serves: stat of the root is answered by it. */
	r = stat(server->mountpoint, &st) != 0 ? -errno : 0;
	n->device = st.st_dev;
	if (!r)
		r = -pthread_create(&n->thread, NULL, run, n);
	if (r) {
		free(n);
		return r;
	}
	pthread_setname_np(n->thread, "notify");
	*out = n;
	return 0;
}

void notify_stop(struct notify *n)
{
	if (!n)
		return;
	pthread_mutex_lock(&n->mutex);
	n->stopping = true;
	pthread_cond_signal(&n->cond);
	pthread_mutex_unlock(&n->mutex);
	pthread_join(n->thread, NULL);
}

void notify_free(struct notify *n)
{
	if (!n)
		return;
	pthread_mutex_destroy(&n->mutex);
	pthread_cond_destroy(&n->cond);
	free(n);
}
