/* Sessions that are not heard of: who is late, who times out, and whom nobody took over. */
#include "core/state/bind_private.h"

#include "core/state/parts.h"
#include "core/state/session.h"

#define TICK_LEAST_US (SECOND_US / 50)
#define TICK_MOST     64 /* sessions that something is done about at once */

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

/* What is due of a session: it is late now, it times out, or nobody took it over. */
enum due { DUE_NOTHING, DUE_LATE, DUE_TIMEOUT, DUE_HANDOVER };

static enum due due_of(struct loop *loop, struct session *s, int64_t now)
{
	int64_t silent = now - atomic_load(&s->heard_mono_us);
	int64_t handover = atomic_load(&s->handover_mono_us);
	bool held, bound;

	/* One that was applied and not bound yet is not silent. */
	if (s->ended_us || s->person || !atomic_load(&s->heard_mono_us))
		return DUE_NOTHING;
	if (atomic_load(&s->waiting)) {
		atomic_store(&s->heard_mono_us, now);
		return DUE_NOTHING;
	}
	pthread_mutex_lock(&loop->bindings->mutex);
	held = s->alive_holders > 0;
	bound = s->binding != NULL;
	pthread_mutex_unlock(&loop->bindings->mutex);
	if (!held && bound && handover && now >= handover)
		return DUE_HANDOVER;
	if (!held && !bound && silent >= s->timeout_us)
		return DUE_TIMEOUT;
	return silent >= loop->config->late && !atomic_load(&s->late) ? DUE_LATE : DUE_NOTHING;
}

/* When to look again: often enough for the shortest of the times. */
static int64_t tick_every(const struct loop *loop)
{
	int64_t every = loop->config->late;

	if (loop->config->timeout < every)
		every = loop->config->timeout;
	if (loop->config->handover < every)
		every = loop->config->handover;
	every /= 8;
	if (every > SECOND_US)
		every = SECOND_US;
	return every > TICK_LEAST_US ? every : TICK_LEAST_US;
}

int64_t sessions_tick(void *arg, int64_t now)
{
	struct bindings *b = arg;
	struct loop *loop = b->loop;
	struct session *found[TICK_MOST];
	enum due what[TICK_MOST];
	int n = 0;

	state_rdlock(loop);
	for (size_t i = 0; i < loop->state->session_slots && n < TICK_MOST; i++) {
		for (struct session *s = loop->state->sessions[i]; s && n < TICK_MOST;
			s = s->next) {
			what[n] = due_of(loop, s, now);
			if (what[n])
				found[n++] = session_ref(s);
		}
	}
	state_unlock(loop);
	for (int i = 0; i < n; i++) {
		if (what[i] == DUE_LATE && !atomic_exchange(&found[i]->late, true))
			emit_health(loop, found[i], true);
		else if (what[i] != DUE_LATE)
			binding_end(loop, found[i],
				what[i] == DUE_TIMEOUT ? END_TIMEOUT : END_PROCESS_GONE);
		session_unref(found[i]);
	}
	return n == TICK_MOST ? now : now + tick_every(loop);
}
