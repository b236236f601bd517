/* Which process is which session, and to whom a session goes whose process dies. */
#include "core/state/bind_private.h"

#include "core/base/caller.h"
#include "core/base/grow.h"
#include "core/item/alert.h"
#include "core/state/parts.h"
#include "core/state/session.h"
#include "core/state/watch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define CALLERS 128 /* chains kept */

struct binding *binding_find(struct bindings *b, const struct process *p)
{
	struct binding *at = b->buckets[(unsigned)p->pid & (BUCKETS - 1)];

	while (at && !process_same(&at->process, p))
		at = at->next;
	return at;
}

static struct binding *find_or_make(struct bindings *b, const struct process *p)
{
	struct binding *at = binding_find(b, p),
		       **bucket = &b->buckets[(unsigned)p->pid & (BUCKETS - 1)];

	if (at)
		return at;
	at = calloc(1, sizeof(*at));
	if (!at)
		return NULL;
	at->process = *p;
	if (watch_process(b->watch, p)) {
		free(at);
		return NULL;
	}
	at->next = *bucket;
	*bucket = at;
	return at;
}

static void drop(struct bindings *b, struct binding *gone)
{
	struct binding **link = &b->buckets[(unsigned)gone->process.pid & (BUCKETS - 1)];

	while (*link != gone)
		link = &(*link)->next;
	*link = gone->next;
	unwatch_process(b->watch, &gone->process);
	for (int i = 0; i < gone->count; i++) {
		if (gone->bound[i].session->binding == gone)
			gone->bound[i].session->binding = NULL;
		session_unref(gone->bound[i].session);
	}
	free(gone->bound);
	free(gone);
}

static int add(struct binding *at, struct session *s)
{
	struct bound *grown = grow(at->bound, (size_t)at->count, &at->cap, sizeof(*grown), 2);

	if (!grown)
		return -ENOMEM;
	at->bound = grown;
	at->bound[at->count].session = session_ref(s);
	at->bound[at->count++].ended = false;
	return 0;
}

static void take_out(struct bindings *b, struct binding *at, int i)
{
	struct session *s = at->bound[i].session;

	if (s->binding == at)
		s->binding = NULL;
	session_unref(s);
	at->bound[i] = at->bound[--at->count];
	if (at->count == 0)
		drop(b, at);
}

/* Binds the session to the nearest of its heirs, from `from` on, that lives. */
static bool attach(struct bindings *b, struct session *s, int from)
{
	struct binding *at;

	s->binding = NULL;
	for (int i = from; i < s->heir_count; i++) {
		if (!s->heirs[i].pid || !proc_alive(&s->heirs[i]))
			continue;
		at = find_or_make(b, &s->heirs[i]);
		if (!at || add(at, s))
			return false;
		s->binding = at;
		s->heir_at = i;
		return true;
	}
	return false;
}

static void detach(struct bindings *b, struct session *s)
{
	struct binding *at = s->binding;

	s->binding = NULL;
	for (int i = 0; at && i < at->count; i++) {
		if (at->bound[i].session == s) {
			take_out(b, at, i);
			return;
		}
	}
}

/* Ended sessions stop speaking for a process once it has registered anew. */
static void drop_ended(struct bindings *b, struct binding *at)
{
	for (int i = at->count - 1; i >= 0; i--)
		if (at->bound[i].ended)
			take_out(b, at, i);
}

void binding_end(struct loop *loop, struct session *s, enum end_reason why)
{
	struct act *a;

	if (session_end(loop, NULL, s, why, &a, NULL))
		return;
	a->command.done = act_over;
	loop_submit(loop, &a->command);
}

void bind_session(struct loop *loop, struct session *s)
{
	struct bindings *b = loop->bindings;
	bool gone;

	atomic_store(&s->heard_mono_us, loop_mono_us(loop));
	atomic_store(&s->heard_wall_us, loop_wall_us(loop));
	atomic_store(&s->late, false);
	atomic_store(&s->handover_mono_us, 0);
	pthread_mutex_lock(&b->mutex);
	/* An ended one that comes back may still stand, as ended, where it was. */
	detach(b, s);
	alive_forget(b, s);
	gone = s->heir_count && !attach(b, s, 0);
	if (s->binding)
		drop_ended(b, s->binding);
	if (s->binding && s->heir_at > 0)
		atomic_store(&s->handover_mono_us, loop_mono_us(loop) + loop->config->handover);
	b->generation++;
	pthread_mutex_unlock(&b->mutex);
	if (gone)
		binding_end(loop, s, END_PROCESS_GONE);
	watch_wake(b->watch);
}

void unbind_session(struct loop *loop, struct session *s)
{
	struct bindings *b = loop->bindings;
	struct binding *at;

	pthread_mutex_lock(&b->mutex);
	at = s->binding;
	/* Handed up, never heard of since, and ended for that: this process never acted for it. */
	if (at && atomic_load(&s->handover_mono_us) && s->end_reason != END_ASKED)
		detach(b, s);
	for (int i = 0; s->binding && i < at->count; i++)
		if (at->bound[i].session == s)
			at->bound[i].ended = true;
	b->generation++;
	pthread_mutex_unlock(&b->mutex);
}

/* Makes a session late without waiting for its silence. */
static void make_late(struct loop *loop, struct session *s, int64_t now_us)
{
	int64_t heard = now_us - loop->config->late;

	if (atomic_load(&s->heard_mono_us) > heard)
		atomic_store(&s->heard_mono_us, heard);
}

/* How long a process had lived, from its start time in clock ticks since boot. */
static int64_t age_us(const struct process *p)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (int64_t)now.tv_sec * SECOND_US + now.tv_nsec / 1000 -
	       (int64_t)(p->start * (uint64_t)SECOND_US / (uint64_t)sysconf(_SC_CLK_TCK));
}

/* Those of a process that died go to their next heirs, or are to end. Returns how many are. */
static int hand_on(struct bindings *b, struct binding *at, bool was_old, struct ending *out)
{
	const int64_t now = loop_mono_us(b->loop);
	int count = 0;

	for (int i = 0; i < at->count; i++) {
		struct session *s = at->bound[i].session;

		if (at->bound[i].ended || s->binding != at)
			continue;
		if (attach(b, s, s->heir_at + 1)) {
			atomic_store(&s->handover_mono_us, now + b->loop->config->handover);
			if (was_old)
				make_late(b->loop, s, now);
		} else {
			out[count++] = (struct ending){session_ref(s), END_PROCESS_GONE};
		}
	}
	return count;
}

/* A process died: its sessions go to their next heirs, or end. A short-lived command that hands its
 * session up says nothing by its death; the death of one that had lived longer than a session may
 * be silent is news, so its sessions are late at once. */
static void gone(void *arg, const struct process *p)
{
	struct bindings *b = arg;
	const bool was_old = age_us(p) >= b->loop->config->late;
	struct ending *ending;
	struct binding *at;
	int count = 0;

	pthread_mutex_lock(&b->mutex);
	at = binding_find(b, p);
	ending = calloc(
		(size_t)alive_holds(b, p) + (at ? (size_t)at->count : 0) + 1, sizeof(*ending));
	if (ending)
		count = alive_gone(b, p, ending);
	if (ending && at)
		count += hand_on(b, at, was_old, ending + count);
	if (at)
		drop(b, at);
	b->generation++;
	pthread_mutex_unlock(&b->mutex);
	for (int i = 0; i < count; i++) {
		binding_end(b->loop, ending[i].session, ending[i].why);
		session_unref(ending[i].session);
	}
	free(ending);
	watch_wake(b->watch);
}

int bindings_new(struct loop *loop, struct bindings **out, struct error *err)
{
	struct bindings *b = calloc(1, sizeof(*b));
	struct watch_hooks hooks = {.gone = gone, .tick = sessions_tick};
	int r;

	if (!b)
		return error_set(err, ENOMEM, "out of memory");
	b->loop = loop;
	pthread_mutex_init(&b->mutex, NULL);
	hooks.arg = b;
	b->callers = caller_cache_new(loop->clock, CALLERS);
	r = b->callers ? watch_new(loop->clock, &hooks, &b->watch) : -ENOMEM;
	if (r) {
		bindings_free(b);
		return error_set(err, -r, "can't watch processes: %s", strerror(-r));
	}
	*out = b;
	return 0;
}

int bindings_start(struct bindings *b, struct error *err)
{
	struct loop *loop = b->loop;
	struct state *st = loop->state;
	int r;

	/* Before any other thread runs: the sessions of the last run have the full time again. */
	for (size_t i = 0; i < st->session_slots; i++) {
		for (struct session *s = st->sessions[i]; s; s = s->next) {
			if (s->ended_us)
				continue;
			atomic_store(&s->heard_mono_us, loop_mono_us(loop));
			if (!s->heir_count)
				continue;
			/* One that nobody is left for is bound to nothing: silence ends it. */
			if (attach(b, s, 0) && s->heir_at > 0)
				atomic_store(&s->handover_mono_us,
					loop_mono_us(loop) + loop->config->handover);
		}
	}
	alerts_restore(loop);
	r = watch_start(b->watch);
	return r ? error_set(err, -r, "can't start the watcher: %s", strerror(-r)) : 0;
}

void bindings_stop(struct bindings *b)
{
	watch_stop(b->watch);
}

void bindings_free(struct bindings *b)
{
	struct holder *h;

	if (!b)
		return;
	for (int i = 0; i < BUCKETS; i++)
		while (b->buckets[i])
			drop(b, b->buckets[i]);
	while ((h = b->holders)) {
		b->holders = h->next;
		session_unref(h->session);
		free(h);
	}
	for (int i = 0; i < ANSWERS; i++)
		session_unref(b->answers[i].session);
	watch_free(b->watch);
	caller_cache_free(b->callers);
	pthread_mutex_destroy(&b->mutex);
	free(b);
}
