#include "core/base/caller.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FDS_AN_ENTRY 4   /* on average: agents seldom stand deeper */
#define SEEN_SLOTS   256 /* callers remembered to have called once */

struct entry {
	pid_t tid;
	uid_t uid;
	int n;    /* 0: a free slot */
	int *fds; /* n pidfds */
	struct process_info *chain;
	uint64_t used, token;
	int64_t walked_us;
};

struct caller_cache {
	const struct clock *clock;
	pthread_mutex_t lock; /* of all below; innermost */
	int max_entries, max_fds;
	int fds;
	uint64_t uses, tokens;
	struct {
		pid_t tid;
		struct process process;
	} seen[SEEN_SLOTS];
	struct entry entries[];
};

struct caller_cache *caller_cache_new(const struct clock *clock, int max_entries)
{
	size_t entries = max_entries > 0 ? (size_t)max_entries : 1;
	struct caller_cache *cache =
		calloc(1, sizeof(*cache) + entries * sizeof(cache->entries[0]));
	struct rlimit files;

	if (!cache)
		return NULL;
	if (pthread_mutex_init(&cache->lock, NULL)) {
		free(cache);
		return NULL;
	}
	cache->clock = clock;
	cache->max_entries = (int)entries;
	cache->max_fds = cache->max_entries * FDS_AN_ENTRY;
	if (!getrlimit(RLIMIT_NOFILE, &files) && files.rlim_cur / 8 < (rlim_t)cache->max_fds)
		cache->max_fds = (int)(files.rlim_cur / 8);
	return cache;
}

static void close_all(const int *fds, int n)
{
	for (int i = 0; i < n; i++)
		close(fds[i]);
}

static void drop(struct caller_cache *cache, struct entry *e)
{
	close_all(e->fds, e->n);
	cache->fds -= e->n;
	free(e->fds);
	free(e->chain);
	*e = (struct entry){0};
}

static void drop_all(struct caller_cache *cache)
{
	pthread_mutex_lock(&cache->lock);
	for (int i = 0; i < cache->max_entries; i++)
		drop(cache, &cache->entries[i]);
	pthread_mutex_unlock(&cache->lock);
}

void caller_cache_free(struct caller_cache *cache)
{
	if (!cache)
		return;
	drop_all(cache);
	pthread_mutex_destroy(&cache->lock);
	free(cache);
}

static bool all_live(const int *fds, int n)
{
	struct pollfd polled[CHAIN_MAX];

	for (int i = 0; i < n; i++)
		polled[i] = (struct pollfd){.fd = fds[i], .events = POLLIN};
	return poll(polled, (nfds_t)n, 0) == 0;
}

static bool same_chain(const struct process_info *a, int a_n, const struct process_info *b, int b_n)
{
	if (a_n != b_n)
		return false;
	for (int i = 0; i < a_n; i++) {
		if (!process_same(&a[i].self, &b[i].self))
			return false;
	}
	return true;
}

static bool same_details(const struct process_info *a, const struct process_info *b, int n)
{
	for (int i = 0; i < n; i++) {
		if (a[i].ppid != b[i].ppid || a[i].uid != b[i].uid || a[i].sid != b[i].sid ||
			a[i].tty_nr != b[i].tty_nr)
			return false;
	}
	return true;
}

static struct entry *find(struct caller_cache *cache, pid_t tid, uid_t uid)
{
	for (int i = 0; i < cache->max_entries; i++) {
		struct entry *e = &cache->entries[i];

		if (e->tid == tid && e->uid == uid && e->n > 0)
			return e;
	}
	return NULL;
}

/* As the process lives and the caller does, a thread of that number in it is the caller. */
static bool still_its_thread(const struct entry *e)
{
	char path[64];
	pid_t pid = e->chain[0].self.pid;

	if (e->tid == pid)
		return true;
	snprintf(path, sizeof(path), "/proc/%d/task/%d", (int)pid, (int)e->tid);
	return faccessat(AT_FDCWD, path, F_OK, 0) == 0;
}

static int look_up(struct caller_cache *cache, pid_t tid, uid_t uid, int64_t now_us,
	struct process_info *chain, uint64_t *token)
{
	int n = 0;

	pthread_mutex_lock(&cache->lock);
	struct entry *e = find(cache, tid, uid);
	if (e && (!all_live(e->fds, e->n) || !still_its_thread(e)))
		drop(cache, e);
	else if (e && now_us - e->walked_us < CALLER_FRESH_US) {
		e->used = ++cache->uses;
		n = e->n;
		memcpy(chain, e->chain, (size_t)n * sizeof(chain[0]));
		*token = e->token;
	}
	pthread_mutex_unlock(&cache->lock);
	return n;
}

/* Whether the entry is, or now is again, what was just walked. Where it isn't, tells by `*again`
 * whether this caller was here before. */
static bool renew(struct caller_cache *cache, pid_t tid, uid_t uid, int64_t now_us,
	const struct process_info *chain, int n, uint64_t *token, bool *again)
{
	bool renewed = false;

	pthread_mutex_lock(&cache->lock);
	struct entry *e = find(cache, tid, uid);
	if (e && same_chain(e->chain, e->n, chain, n)) {
		if (!same_details(e->chain, chain, n)) {
			memcpy(e->chain, chain, (size_t)n * sizeof(chain[0]));
			e->token = ++cache->tokens;
		}
		e->used = ++cache->uses;
		e->walked_us = now_us;
		*token = e->token;
		renewed = true;
	} else if (e)
		drop(cache, e);
	size_t slot = (size_t)tid % SEEN_SLOTS;
	*again = cache->seen[slot].tid == tid &&
		 process_same(&cache->seen[slot].process, &chain[0].self);
	cache->seen[slot].tid = tid;
	cache->seen[slot].process = chain[0].self;
	pthread_mutex_unlock(&cache->lock);
	return renewed;
}

static struct entry *least_used(struct caller_cache *cache)
{
	struct entry *oldest = NULL;

	for (int i = 0; i < cache->max_entries; i++) {
		struct entry *e = &cache->entries[i];

		if (e->n > 0 && (!oldest || e->used < oldest->used))
			oldest = e;
	}
	return oldest;
}

/* A free slot for a chain of n, whatever has to go for it. */
static struct entry *make_room(struct caller_cache *cache, int n)
{
	while (cache->fds > 0 && cache->fds + n > cache->max_fds)
		drop(cache, least_used(cache));
	for (int i = 0; i < cache->max_entries; i++) {
		if (cache->entries[i].n == 0)
			return &cache->entries[i];
	}
	struct entry *e = least_used(cache);
	drop(cache, e);
	return e;
}

/* Takes over `made`, its descriptors and storage. */
static void put(struct caller_cache *cache, struct entry *made, uint64_t *token)
{
	pthread_mutex_lock(&cache->lock);
	struct entry *e = find(cache, made->tid, made->uid);
	if (e)
		drop(cache, e);
	e = make_room(cache, made->n);
	*e = *made;
	e->used = ++cache->uses;
	e->token = ++cache->tokens;
	cache->fds += e->n;
	*token = e->token;
	pthread_mutex_unlock(&cache->lock);
}

static int open_pidfds(const struct process_info *chain, int n, int *fds)
{
	for (int i = 0; i < n; i++) {
		fds[i] = (int)syscall(SYS_pidfd_open, chain[i].self.pid, 0);
		if (fds[i] < 0) {
			close_all(fds, i);
			return -EAGAIN;
		}
	}
	return 0;
}

/* Keeps the chain, if that can be; else all stays as it is. */
static void keep(struct caller_cache *cache, pid_t tid, uid_t uid, int64_t now_us,
	const struct process_info *chain, int n, uint64_t *token)
{
	struct process_info again[CHAIN_MAX] = {0};
	struct entry made = {.tid = tid, .uid = uid, .n = n, .walked_us = now_us};

	if (n > cache->max_fds)
		return;
	made.fds = calloc((size_t)n, sizeof(made.fds[0]));
	made.chain = calloc((size_t)n, sizeof(made.chain[0]));
	if (!made.fds || !made.chain || open_pidfds(chain, n, made.fds))
		goto out;
	int again_n = proc_chain(tid, uid, again);
	if (!same_chain(chain, n, again, again_n) || !same_details(chain, again, n) ||
		!all_live(made.fds, n)) {
		close_all(made.fds, n);
		goto out;
	}
	memcpy(made.chain, chain, (size_t)n * sizeof(chain[0]));
	put(cache, &made, token);
	return;
out:
	free(made.chain);
	free(made.fds);
}

int caller_cache_chain(struct caller_cache *cache, pid_t tid, uid_t uid,
	struct process_info chain[CHAIN_MAX], uint64_t *token)
{
	int64_t now_us = cache->clock->mono_us(cache->clock);
	uint64_t kept = 0;
	bool again = false;
	int n = tid > 0 ? look_up(cache, tid, uid, now_us, chain, &kept) : 0;

	if (n == 0) {
		n = proc_chain(tid, uid, chain);
		if (n == -EMFILE || n == -ENFILE) {
			drop_all(cache);
			n = proc_chain(tid, uid, chain);
		}
		if (n > 0 && !renew(cache, tid, uid, now_us, chain, n, &kept, &again) && again)
			keep(cache, tid, uid, now_us, chain, n, &kept);
	}
	if (n >= 0 && token)
		*token = kept;
	return n;
}
