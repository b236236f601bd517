/*
 * Sessions that wait for each other.
 *
 * A session is stuck where it waits for an answer, by a read that waits, nobody has its inbox open
 * to be woken by, and so many of those whom it asked are stuck that it won't be answered. That is
 * the largest set of which each depends on others in it: all are taken for stuck at first, and
 * whoever can be answered is let go, until nothing changes.
 */
#include "core/item/ask_private.h"

#include "core/state/parts.h"

#include <stdlib.h>
#include <string.h>

struct waiter {
	const struct session *session;
	const struct ask *ask; /* NULL: the wish */
	bool stuck;            /* this ask; the session where all of its are */
};

struct ring {
	struct loop *loop;
	const struct ask_wish *wish;
	struct waiter *waiters; /* by session */
	size_t count;
	size_t steps; /* that are left */
};

static int by_session(const void *a, const void *b)
{
	const struct waiter *x = a, *y = b;

	return x->session < y->session ? -1 : x->session > y->session;
}

/* Whether it may be stuck at all, as far as can be told without looking at its asks. */
static bool may_be_stuck(const struct ring *ring, const struct session *s)
{
	if (atomic_load(&s->reading) > 0)
		return false;
	return s == ring->wish->asker || atomic_load(&s->asking) > 0;
}

static bool is_stuck(const struct ring *ring, const struct session *s)
{
	const struct waiter key = {.session = s};
	const struct waiter *w =
		bsearch(&key, ring->waiters, ring->count, sizeof(*ring->waiters), by_session);

	if (!w)
		return false;
	while (w > ring->waiters && w[-1].session == s)
		w--;
	for (; w < ring->waiters + ring->count && w->session == s; w++)
		if (!w->stuck)
			return false;
	return true;
}

/* Whether it will be answered by others than those who are stuck. */
static bool goes_on(const struct ring *ring, const struct waiter *w)
{
	size_t free = 0, need, awaited = 0;

	if (!w->ask) {
		for (size_t i = 0; i < ring->wish->count; i++)
			free += !is_stuck(ring, ring->wish->to[i]);
		return free >= ring->wish->need;
	}
	if (w->ask->anyone)
		return true;
	for (size_t i = 0; i < w->ask->part_count; i++) {
		const struct ask_part *p = &w->ask->parts[i];
		const struct session *s = state_session(ring->loop->state, p->session);

		if (p->state != PART_AWAITED)
			continue;
		awaited++;
		free += !s || !is_stuck(ring, s);
	}
	need = w->ask->need;
	if (w->ask->all)
		return free == awaited;
	for (size_t i = 0; i < w->ask->part_count; i++)
		need -= need && w->ask->parts[i].state == PART_ANSWERED;
	return free >= need;
}

static int collect(struct ring *ring)
{
	const struct items *items = &ring->loop->state->items;
	size_t n = 0;

	ring->waiters = calloc(items->open[ITEM_ASK].count + 1, sizeof(*ring->waiters));
	if (!ring->waiters)
		return -1;
	for (const struct item *i = items->open[ITEM_ASK].first; i; i = i->next) {
		const struct ask *ask = (const struct ask *)i;
		const struct session *s =
			i->session[0] ? state_session(ring->loop->state, i->session) : NULL;

		if (!s || !ask->held || ask->status != ASK_OPEN || atomic_load(&s->reading) > 0 ||
			!ask_is_waited_for(ring->loop, ask))
			continue;
		ring->waiters[n++] = (struct waiter){s, ask, true};
	}
	if (ring->wish->to)
		ring->waiters[n++] = (struct waiter){ring->wish->asker, NULL, true};
	ring->count = n;
	qsort(ring->waiters, n, sizeof(*ring->waiters), by_session);
	return 0;
}

/* Where many wait for many, and it can't be told in ASK_RING_STEPS_MAX looks at who is asked, it is
 * none: the timeouts end it. Others' commits wait meanwhile. */
static bool is_any_ring(struct ring *ring)
{
	bool changed = true;

	while (changed) {
		changed = false;
		for (size_t i = 0; i < ring->count; i++) {
			struct waiter *w = &ring->waiters[i];
			const size_t steps = w->ask ? w->ask->part_count : ring->wish->count;

			if (!w->stuck)
				continue;
			if (steps > ring->steps)
				return false;
			ring->steps -= steps;
			if (goes_on(ring, w)) {
				w->stuck = false;
				changed = true;
			}
		}
	}
	return is_stuck(ring, ring->wish->asker);
}

bool ask_rings(struct loop *loop, const struct ask_wish *wish)
{
	struct ring ring = {.loop = loop, .wish = wish, .steps = ASK_RING_STEPS_MAX};
	size_t suspects = 0;
	bool rings;

	if (atomic_load(&wish->asker->reading) > 0)
		return false;
	/* Mostly who is asked waits for nobody. */
	for (size_t i = 0; i < wish->count; i++)
		suspects += may_be_stuck(&ring, wish->to[i]);
	if (wish->to && wish->count - suspects >= wish->need)
		return false;
	if (collect(&ring)) /* without memory nobody is refused for it: there are timeouts */
		return false;
	rings = is_any_ring(&ring);
	free(ring.waiters);
	return rings;
}

/* Whether the ask waits in a ring, which its asker's is. */
static bool is_in_ring(struct loop *loop, const struct ask *ask)
{
	struct ask_wish wish = {0};
	bool suspect = false;

	if (ask->status != ASK_OPEN || !ask->held || ask->anyone || !ask->item.session[0])
		return false;
	wish.asker = state_session(loop->state, ask->item.session);
	if (!wish.asker)
		return false;
	for (size_t i = 0; i < ask->part_count && !suspect; i++) {
		const struct session *s = state_session(loop->state, ask->parts[i].session);

		suspect = s && atomic_load(&s->asking) > 0 && atomic_load(&s->reading) == 0;
	}
	return suspect && ask_rings(loop, &wish);
}

static int decide(struct loop *loop, struct command *c, struct error *err)
{
	struct act *a = (struct act *)c;
	const struct ask *ask = (const struct ask *)a->item;

	(void)err;
	if (!is_in_ring(loop, ask))
		return 0;
	return ask_fail(loop, a, ask, NULL, ASK_REASON_DEADLOCK,
		"who was asked waits for an answer of the asker's own, and nobody reads its inbox",
		NULL);
}

void ask_waits(struct loop *loop, struct item *item)
{
	struct act *a;
	bool rings;

	state_rdlock(loop);
	rings = is_in_ring(loop, (const struct ask *)item);
	state_unlock(loop);
	if (!rings)
		return;
	a = act_new(NULL);
	if (!a) /* there are timeouts */
		return;
	a->item = item_ref(item);
	a->command.decide = decide;
	a->command.done = act_over;
	a->command.alone = true;
	loop_submit(loop, &a->command);
}
