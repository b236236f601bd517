/* Which process is which session. */
#include "core/state/bind_private.h"

#include "core/base/caller.h"
#include "core/item/alert.h"
#include "core/state/parts.h"
#include "core/state/session.h"
#include "core/state/watch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define CALLERS       128 /* chains kept */
#define TICK_LEAST_US (SECOND_US / 50)

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
	for (int i = 0; i < gone->count; i++)
		session_unref(gone->bound[i].session);
	free(gone->bound);
	free(gone);
}

static int add(struct binding *at, struct session *s)
{
	struct bound *grown;
	int cap = at->cap ? 2 * at->cap : 2;

	if (at->count == at->cap) {
		grown = realloc(at->bound, sizeof(*grown) * (size_t)cap);
		if (!grown)
			return -ENOMEM;
		at->bound = grown;
		at->cap = cap;
	}
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

static void end(struct loop *loop, struct session *s, enum end_reason why)
{
	struct act *a;

	if (session_end(loop, NULL, s, why, &a, NULL))
		return;
	a->command.done = act_over;
	loop_submit(loop, &a->command);
}

/* Who still has `alive` of an earlier life open holds nothing of this one. */
static void let_go(struct bindings *b, struct session *s)
{
	for (struct holder *h = b->holders; h; h = h->next)
		if (h->session == s)
			h->holds = false;
	s->alive_holders = 0;
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
	let_go(b, s);
	gone = s->heir_count && !attach(b, s, 0);
	if (s->binding)
		drop_ended(b, s->binding);
	if (s->binding && s->heir_at > 0)
		atomic_store(&s->handover_mono_us, loop_mono_us(loop) + loop->config->handover);
	b->generation++;
	pthread_mutex_unlock(&b->mutex);
	if (gone)
		end(loop, s, END_PROCESS_GONE);
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

/* A process died: its sessions go to their next heirs, or end. A short-lived command that hands its
 * session up says nothing by its death; the death of one that had lived longer than a session may
 * be silent is news, so its sessions are late at once. */
static void gone(void *arg, const struct process *p)
{
	struct bindings *b = arg;
	struct loop *loop = b->loop;
	int64_t now = loop_mono_us(loop);
	bool was_old = age_us(p) >= loop->config->late;
	struct session **ending = NULL;
	enum end_reason *why = NULL;
	struct binding *at;
	int count = 0, most = 0;

	pthread_mutex_lock(&b->mutex);
	at = binding_find(b, p);
	for (struct holder *h = b->holders; h; h = h->next)
		most += h->holds && process_same(&h->process, p);
	most += at ? at->count : 0;
	ending = calloc((size_t)most + 1, sizeof(*ending));
	why = calloc((size_t)most + 1, sizeof(*why));
	for (struct holder *h = b->holders; h && ending && why; h = h->next) {
		if (!h->holds || !process_same(&h->process, p))
			continue;
		h->holds = false;
		if (--h->session->alive_holders == 0) {
			why[count] = END_ALIVE_CLOSED;
			ending[count++] = session_ref(h->session);
		}
	}
	for (int i = 0; at && ending && why && i < at->count; i++) {
		struct session *s = at->bound[i].session;

		if (at->bound[i].ended || s->binding != at) {
			if (s->binding == at)
				s->binding = NULL;
			continue;
		}
		if (attach(b, s, s->heir_at + 1)) {
			atomic_store(&s->handover_mono_us, now + loop->config->handover);
			if (was_old)
				make_late(loop, s, now);
		} else {
			why[count] = END_PROCESS_GONE;
			ending[count++] = session_ref(s);
		}
	}
	if (at)
		drop(b, at);
	b->generation++;
	pthread_mutex_unlock(&b->mutex);
	for (int i = 0; i < count; i++) {
		end(loop, ending[i], why[i]);
		session_unref(ending[i]);
	}
	free(ending);
	free(why);
	watch_wake(b->watch);
}

static void emit_health(struct loop *loop, struct session *s, bool late)
{
	struct act *a;

	if (session_health_changed(loop, s, late, &a))
		return;
	a->command.done = act_over;
	loop_submit(loop, &a->command);
}

void session_heard(struct loop *loop, struct session *s)
{
	atomic_store(&s->heard_mono_us, loop_mono_us(loop));
	atomic_store(&s->heard_wall_us, loop_wall_us(loop));
	if (atomic_load(&s->handover_mono_us))
		atomic_store(&s->handover_mono_us, 0);
	if (atomic_load(&s->late) && atomic_exchange(&s->late, false))
		emit_health(loop, s, false);
}

/* What is due of one session: 0 nothing, 1 it is late now, 2 it times out, 3 nobody took it over.
 */
static int due(struct loop *loop, struct session *s, int64_t now)
{
	int64_t silent = now - atomic_load(&s->heard_mono_us);
	int64_t handover = atomic_load(&s->handover_mono_us);
	bool held, bound;

	/* One that was applied and not bound yet is not silent. */
	if (s->ended_us || s->person || !atomic_load(&s->heard_mono_us))
		return 0;
	if (atomic_load(&s->waiting)) {
		atomic_store(&s->heard_mono_us, now);
		return 0;
	}
	pthread_mutex_lock(&loop->bindings->mutex);
	held = s->alive_holders > 0;
	bound = s->binding != NULL;
	pthread_mutex_unlock(&loop->bindings->mutex);
	if (!held && bound && handover && now >= handover)
		return 3;
	if (!held && !bound && silent >= s->timeout_us)
		return 2;
	return silent >= loop->config->late && !atomic_load(&s->late) ? 1 : 0;
}

static int64_t tick(void *arg, int64_t now)
{
	struct bindings *b = arg;
	struct loop *loop = b->loop;
	struct session *found[64];
	int64_t every = loop->config->late;
	int what[64], n = 0;

	state_rdlock(loop);
	for (size_t i = 0; i < loop->state->session_slots && n < 64; i++) {
		for (struct session *s = loop->state->sessions[i]; s && n < 64; s = s->next) {
			what[n] = due(loop, s, now);
			if (what[n])
				found[n++] = session_ref(s);
		}
	}
	state_unlock(loop);
	for (int i = 0; i < n; i++) {
		if (what[i] == 1 && !atomic_exchange(&found[i]->late, true))
			emit_health(loop, found[i], true);
		else if (what[i] != 1)
			end(loop, found[i], what[i] == 2 ? END_TIMEOUT : END_PROCESS_GONE);
		session_unref(found[i]);
	}
	if (n == 64)
		return now;
	if (loop->config->timeout < every)
		every = loop->config->timeout;
	if (loop->config->handover < every)
		every = loop->config->handover;
	every /= 8;
	if (every > SECOND_US)
		every = SECOND_US;
	return now + (every > TICK_LEAST_US ? every : TICK_LEAST_US);
}

int alive_hold(struct loop *loop, struct session *s, const struct process *p, struct holder **out)
{
	struct bindings *b = loop->bindings;
	struct holder *h = calloc(1, sizeof(*h));

	if (!h)
		return -ENOMEM;
	h->session = session_ref(s);
	h->process = *p;
	h->holds = true;
	pthread_mutex_lock(&b->mutex);
	if (p->pid && watch_process(b->watch, p))
		h->process.pid = 0; /* its release still tells */
	s->alive_holders++;
	h->next = b->holders;
	h->link = &b->holders;
	if (h->next)
		h->next->link = &h->next;
	b->holders = h;
	pthread_mutex_unlock(&b->mutex);
	*out = h;
	return 0;
}

void alive_release(struct loop *loop, struct holder *h, bool was_heartbeat)
{
	struct bindings *b = loop->bindings;
	bool last = false;

	if (!h)
		return;
	pthread_mutex_lock(&b->mutex);
	if (h->holds)
		last = --h->session->alive_holders == 0;
	*h->link = h->next;
	if (h->next)
		h->next->link = h->link;
	if (h->process.pid)
		unwatch_process(b->watch, &h->process);
	pthread_mutex_unlock(&b->mutex);
	if (last && !was_heartbeat)
		end(loop, h->session, END_ALIVE_CLOSED);
	session_unref(h->session);
	free(h);
}

int bindings_new(struct loop *loop, struct bindings **out, struct error *err)
{
	struct bindings *b = calloc(1, sizeof(*b));
	struct watch_hooks hooks = {.gone = gone, .tick = tick};
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
